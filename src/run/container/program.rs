//! Which file is executed: found as execvp(3) finds it, but inside the container, as its user, and before anything has
//! started, so that what is missing can be told with docker's codes (127 not found, 126 not executable).

use std::ffi::CString;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, CWD, FileType, FsWord, Mode, OFlags, ResolveFlags, accessat, fstat, fstatfs, openat2};
use rustix::io::Errno;

use super::Plan;
use crate::run::Error;

/// What execvp(3) takes where PATH is not set; docker's is the longer one, and an image without PATH gets it from there.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The kernel follows so many interpreter lines (execve(2)).
const INTERPRETERS: usize = 5;

/// Bytes that the kernel reads of an interpreter line (BINPRM_BUF_SIZE).
const LINE: usize = 256;

/// The path to execute.
///
/// # Errors
/// Not found, not executable, or leading out of the image by /proc.
pub(crate) fn find(plan: &Plan<'_>) -> Result<CString, Error> {
    let Some(name) = plan.arguments.first().and_then(|name| name.to_str().ok()).filter(|name| !name.is_empty()) else {
        let problem = "there is no program to execute";
        return Err(coded(127, "command", problem, "name a command, or use an image that has one"));
    };
    if name.contains('/') {
        return check(name).and_then(|()| owned(name));
    }
    let path = plan.environment.iter().find_map(|word| word.to_str().ok()?.strip_prefix("PATH="));
    let mut refused = None;
    for folder in path.unwrap_or(DEFAULT_PATH).split(':') {
        let path = if folder.is_empty() { format!("./{name}") } else { format!("{folder}/{name}") };
        match check(&path) {
            Ok(()) => return owned(&path),
            Err(error) if error.code == 127 => {}
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| missing(name)))
}

/// What execve(2) answered after all, for a file that was there and executable.
pub(crate) fn failed(path: &str, error: &std::io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::ENOENT) => missing(path),
        Some(libc::ENOEXEC) => coded(
            126,
            path,
            "is in no format that the kernel executes",
            "start a script without a `#!` line through its shell, and an image of another architecture with its emulator",
        ),
        _ => coded(126, path, &error.to_string(), "name a program that the container's user may execute"),
    }
}

fn check(path: &str) -> Result<(), Error> {
    let mut path = path.to_owned();
    for level in 0..INTERPRETERS {
        let file = open(&path)?;
        if FileType::from_raw_mode(fstat(&file).map_err(|error| told(&path, error))?.st_mode) != FileType::RegularFile {
            return Err(coded(126, &path, "is no file that can be executed", "name a program"));
        }
        // Interpreters of ELF programs need to be readable only, but all that exist are executable too.
        accessat(CWD, path.as_str(), rustix::fs::Access::EXEC_OK, AtFlags::empty())
            .map_err(|error| told(&path, error))?;
        match interpreter(&path) {
            None => return Ok(()),
            Some(next) if level + 1 == INTERPRETERS => {
                return Err(coded(126, &next, "too many interpreters call each other", "call the last one directly"));
            }
            Some(next) => path = next,
        }
    }
    Ok(())
}

/// Opens the file without going by a link of /proc's: such a link could lead to the launcher's own program, which would
/// then run inside, in the hands of the image (CVE-2019-5736).
fn open(path: &str) -> Result<OwnedFd, Error> {
    let refused = || {
        coded(126, path, "leads through /proc, and so out of the image", "name a program by where it lies in the image")
    };
    // The kernel's answer is the same for a link of /proc's and for links in a circle, of which only the first is there.
    let circle = || coded(126, path, "its links lead in a circle", "name a program by where it lies in the image");
    let is_circle = || rustix::fs::stat(path).is_err_and(|error| error == Errno::LOOP);
    let file = openat2(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::NO_MAGICLINKS);
    let file = file.map_err(|error| match error {
        Errno::LOOP if is_circle() => circle(),
        Errno::LOOP => refused(),
        error => told(path, error),
    })?;
    let on = fstatfs(&file).map_err(|error| told(path, error))?.f_type;
    if on == libc::PROC_SUPER_MAGIC as FsWord { Err(refused()) } else { Ok(file) }
}

/// The interpreter that the kernel would start for the file: of its `#!` line, or of its ELF header. `None` where it has
/// none, or may not be read, when the kernel alone knows.
fn interpreter(path: &str) -> Option<String> {
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty()).ok()?;
    let mut start = [0; LINE];
    let count = rustix::io::pread(&file, &mut start[..], 0).ok()?;
    let start = start.get(..count)?;
    match start.strip_prefix(b"#!") {
        Some(line) => {
            let line = line.split(|byte| *byte == b'\n').next()?;
            let words = line.split(|byte| matches!(byte, b' ' | b'\t' | 0));
            words.into_iter().find(|word| !word.is_empty()).map(|word| String::from_utf8_lossy(word).into_owned())
        }
        None => elf_interpreter(&file, start),
    }
}

/// `PT_INTERP` (elf(5)) of a program in this machine's byte order.
fn elf_interpreter(file: &OwnedFd, header: &[u8]) -> Option<String> {
    const PT_INTERP: u64 = 3;
    let wide = match header.get(..5)? {
        [0x7f, b'E', b'L', b'F', 2] => true,
        [0x7f, b'E', b'L', b'F', 1] => false,
        _ => return None,
    };
    let number = |bytes: &[u8], at: usize, size: usize| -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(size)?)?;
        let wrap = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
        Some(if cfg!(target_endian = "little") { bytes.iter().rev().fold(0, wrap) } else { bytes.iter().fold(0, wrap) })
    };
    let (table, size, count) = if wide {
        (number(header, 32, 8)?, number(header, 54, 2)?, number(header, 56, 2)?)
    } else {
        (number(header, 28, 4)?, number(header, 42, 2)?, number(header, 44, 2)?)
    };
    let mut entry = [0; 56];
    let needed = if wide { 56 } else { 32 };
    for index in 0..count {
        let at = table.checked_add(index.checked_mul(size)?)?;
        if rustix::io::pread(file, entry.get_mut(..needed)?, at).ok()? < needed {
            return None;
        }
        if number(&entry, 0, 4)? == PT_INTERP {
            let (offset, length) = if wide {
                (number(&entry, 8, 8)?, number(&entry, 32, 8)?)
            } else {
                (number(&entry, 4, 4)?, number(&entry, 16, 4)?)
            };
            let mut name = vec![0; usize::try_from(length.min(4096)).ok()?];
            let count = rustix::io::pread(file, name.as_mut_slice(), offset).ok()?;
            name.truncate(count);
            return Some(String::from_utf8_lossy(name.split(|byte| *byte == 0).next()?).into_owned());
        }
    }
    None
}

fn owned(path: &str) -> Result<CString, Error> {
    CString::new(path).map_err(|_| coded(126, path, "has a zero byte in its name", "name another program"))
}

fn missing(name: &str) -> Error {
    let remedy = "name a program that the image has, by its path or by a name in a folder of PATH";
    coded(127, name, "is not found in the image", remedy)
}

fn told(path: &str, error: Errno) -> Error {
    match error {
        Errno::NOENT | Errno::NOTDIR => missing(path),
        Errno::ACCESS => coded(
            126,
            path,
            "may not be executed by the container's user",
            "give it the mode 0755 in the image, or start as its owner with `-u`",
        ),
        _ => coded(126, path, &error.to_string(), "name a program that can be executed"),
    }
}

fn coded(code: u8, place: &str, problem: &str, remedy: &str) -> Error {
    Error { code, ..Error::new(place, problem, remedy) }
}
