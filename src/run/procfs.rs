//! Small files of the kernel's, in /proc and in control groups: read whole, and their lines `key: value`.

use std::io::{self, Read};
use std::path::Path;

/// More bytes than any such file that is of use here.
const MOST: u64 = 1 << 20;

/// Reads a file, without the line break at its end.
///
/// # Errors
/// Those of open(2) and read(2); text that is no UTF-8, or longer than 1 MiB.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<String> {
    // Almost all of them fit at once: each further read(2) may be answered by writing the whole text anew.
    let mut text = String::with_capacity(8 << 10);
    std::fs::File::open(path)?.take(MOST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    text.truncate(text.trim_end_matches('\n').len());
    Ok(text)
}

/// The value behind `key:` at the beginning of a line, as in /proc/PID/status (proc_pid_status(5)).
pub(crate) fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim)
}
