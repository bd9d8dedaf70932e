//! What the kernel says of itself: small files in /proc and in control groups, read whole, their lines `key: value`, and
//! its version.

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

/// The kernel's version, major and minor number (uname(2)); (0, 0) where it isn't a version.
pub(crate) fn kernel() -> (u32, u32) {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// The value behind `key:` at the beginning of a line, as in /proc/PID/status (proc_pid_status(5)).
pub(crate) fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim)
}
