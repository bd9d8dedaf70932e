//! What the store notes in files: magic, a checksum, and the value. What is broken or foreign counts as absent.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// What a file is known by.
const MAGIC: &[u8; 8] = b"hardenS\x01";
const HEADER: usize = 8 + 32;

/// Bytes of a file. What is known of a real image has some kilobytes.
const MOST_BYTES: u64 = 64 << 20;

/// Writes a file whole or not at all.
pub(super) fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let payload = postcard::to_stdvec(value).map_err(io::Error::other)?;
    if payload.len() as u64 + HEADER as u64 > MOST_BYTES {
        return Err(io::Error::other(format!("what is to be noted of the image has more than {MOST_BYTES} bytes")));
    }
    let mut bytes = MAGIC.to_vec();
    bytes.extend(Sha256::digest(&payload));
    bytes.extend(payload);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = || {
        File::create(&temporary)?.write_all(&bytes)?;
        fs::rename(&temporary, path)
    };
    written().inspect_err(|_| drop(fs::remove_file(&temporary)))
}

/// What a file says; `None` where it isn't one of ours or isn't whole.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > MOST_BYTES {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).ok()?.saturating_add(1));
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    let (header, payload) = bytes.split_at_checked(HEADER)?;
    if header[..8] != *MAGIC || Sha256::digest(payload)[..] != header[8..] {
        return None;
    }
    let (value, rest) = postcard::take_from_bytes(payload).ok()?;
    rest.is_empty().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_comes_back_and_nothing_else_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("record");
        let value = (vec!["a".to_owned()], 7_u64);
        assert_eq!(read::<(Vec<String>, u64)>(&path), None);
        write(&path, &value).expect("written");
        assert_eq!(read(&path), Some(value));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "no temporary file is left");
        let bytes = fs::read(&path).expect("readable");
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 1;
            fs::write(&path, &broken).expect("written");
            assert_eq!(read::<(Vec<String>, u64)>(&path), None, "byte {at}");
            fs::write(&path, &bytes[..at]).expect("written");
            assert_eq!(read::<(Vec<String>, u64)>(&path), None, "cut at {at}");
        }
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("made");
        assert_eq!(read::<(Vec<String>, u64)>(&path), None);
    }
}
