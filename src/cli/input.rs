//! Reading what is to be linted, with a limit.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::text::Source;

/// The greatest size of a Dockerfile, in bytes. Offsets and memory are made for it.
pub(super) const MAX_BYTES: u64 = 16 << 20;

/// Reads a file, or standard input for `-`. The error says what is wrong and what to do.
pub(super) fn read(path: &Path) -> Result<Source, String> {
    if path == Path::new("-") {
        return bounded(io::stdin().lock(), "standard input", 0);
    }
    let shown = format!("`{}`", path.display());
    // Size and kind are asked first, so that neither a huge file nor a folder is opened at all.
    let size = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() > MAX_BYTES => return Err(too_large(&shown)),
        Ok(metadata) if metadata.is_dir() => return Err(format!("{shown} is a folder; name a file in it")),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    let file = File::open(path).map_err(|error| unreadable(&shown, &error))?;
    bounded(file, &shown, size)
}

/// Reads to the end; `size` is what is expected, so that it takes one read and one allocation.
fn bounded(reader: impl Read, shown: &str, size: u64) -> Result<Source, String> {
    let mut bytes = Vec::with_capacity(size.min(MAX_BYTES) as usize + 1);
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(shown, &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(shown));
    }
    Ok(Source::new(bytes))
}

fn too_large(shown: &str) -> String {
    format!("{shown} is larger than 16 MiB, the limit for a Dockerfile; leave it out with `exclude` in harden.toml")
}

fn unreadable(shown: &str, error: &io::Error) -> String {
    format!("{shown} can't be read ({error}); check that it is a file and its permissions")
}
