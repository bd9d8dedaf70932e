//! Who made a call: what /proc tells of a process, and what its memory says.

use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::pread;
use rustix::process::Pid;

use super::calls::{Operand, Operation, of_flags};
use crate::run::{IdRange, procfs};

/// A thread that waits for an answer.
#[derive(Debug)]
pub(super) struct Caller {
    pid: u32,
    /// The container's root, as the process has it.
    pub(super) root: OwnedFd,
    /// Path of its program inside.
    pub(super) program: String,
    /// User and groups by which files are judged, as ids outside.
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<u32>,
    /// Effective capabilities.
    capabilities: u64,
    uids: Vec<IdRange>,
}

/// `PATH_MAX` of the kernel.
const LONGEST_PATH: usize = 4096;
/// More than any program's path that is worth reading.
const LONGEST_PROGRAM: usize = 256;

impl Caller {
    /// Looks it up; `None` where it is gone, or this user may not look.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat2(CWD, format!("/proc/{pid}/root"), flags, Mode::empty(), ResolveFlags::empty()).ok()?;
        let status = procfs::read(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| procfs::field(&status, name);
        let numbers = |name: &str| -> Vec<u32> {
            let words = field(name).unwrap_or_default().split_whitespace();
            words.filter_map(|word| word.parse().ok()).collect()
        };
        let map = procfs::read(format!("/proc/{pid}/uid_map")).ok()?;
        let range = |line: &str| -> Option<IdRange> {
            let mut words = line.split_whitespace().map(|word| word.parse().ok());
            Some(IdRange { inside: words.next()??, outside: words.next()??, count: words.next()?? })
        };
        Some(Self {
            pid,
            root,
            program: Self::program(pid),
            // Real, effective, saved, of files.
            uid: *numbers("Uid").get(3)?,
            gid: *numbers("Gid").get(3)?,
            groups: numbers("Groups"),
            capabilities: u64::from_str_radix(field("CapEff")?, 16).ok()?,
            uids: map.lines().filter_map(range).collect(),
        })
    }

    /// The program that a thread runs, by its path inside.
    pub(super) fn program(pid: u32) -> String {
        let path = std::fs::read_link(format!("/proc/{pid}/exe"));
        path.map_or_else(|_| "?".to_owned(), |path| printable(path.as_os_str().as_encoded_bytes(), LONGEST_PROGRAM))
    }

    /// The process of a thread.
    pub(super) fn process(pid: u32) -> Option<Pid> {
        let status = procfs::read(format!("/proc/{pid}/status")).ok()?;
        Pid::from_raw(procfs::field(&status, "Tgid")?.parse().ok()?)
    }

    /// Whether it has a capability, by its number (linux/capability.h).
    pub(super) fn has(&self, capability: u32) -> bool {
        self.capabilities & (1 << capability) != 0
    }

    /// The id inside of a user outside.
    pub(super) fn uid_inside(&self, outside: u32) -> Option<u32> {
        self.uids.iter().find_map(|range| range.inside_of(outside))
    }

    /// What an operand says is done, and the absolute path inside that it names; `None` where that can't be told.
    pub(super) fn named(&self, operand: &Operand) -> Option<(Operation, Named)> {
        let memory = format!("/proc/{}/mem", self.pid);
        let memory =
            openat2(CWD, memory, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::empty()).ok()?;
        let path = text(&memory, operand.address)?;
        if path.is_empty() {
            return None;
        }
        let operation = match operand.how {
            None => operand.operation,
            Some(address) => {
                let mut flags = [0; 8];
                let count = pread(&memory, &mut flags, address).ok()?;
                of_flags(u64::from_ne_bytes(Some(flags).filter(|flags| count == flags.len())?))
            }
        };
        let from = if path.starts_with(b"/") {
            Vec::new()
        } else {
            let folder = match operand.folder {
                None => format!("/proc/{}/cwd", self.pid),
                Some(fd) => format!("/proc/{}/fd/{fd}", self.pid),
            };
            let mut folder = std::fs::read_link(folder).ok()?.into_os_string().into_encoded_bytes();
            folder.push(b'/');
            Some(folder).filter(|folder| folder.starts_with(b"/"))?
        };
        Some((operation, Named { path: [from, path].concat(), link: operand.link }))
    }
}

/// A path inside.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) path: Vec<u8>,
    /// Whether a link at its end is what is meant.
    pub(super) link: bool,
}

/// Reads a text that ends with a zero byte.
fn text(memory: &OwnedFd, address: u64) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    while found.len() < LONGEST_PATH {
        let at = address.checked_add(found.len() as u64)?;
        // The next page may not be there.
        let in_page = 4096 - (at % 4096) as usize;
        let mut piece = vec![0; in_page];
        let count = pread(memory, &mut piece, at).ok().filter(|count| *count > 0)?;
        let piece = piece.get(..count)?;
        match piece.iter().position(|byte| *byte == 0) {
            Some(end) => {
                found.extend_from_slice(piece.get(..end)?);
                return Some(found).filter(|found| found.len() < LONGEST_PATH);
            }
            None => found.extend_from_slice(piece),
        }
    }
    None
}

/// Bytes of a hostile program as text for people: control characters are escaped, what is long is cut.
pub(super) fn printable(bytes: &[u8], longest: usize) -> String {
    let mut text = String::new();
    for c in String::from_utf8_lossy(bytes).chars() {
        if text.len() >= longest {
            text.push('…');
            break;
        }
        // Marks that turn the direction of text are no control characters by name.
        if c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_is_hostile_is_made_harmless() {
        assert_eq!(printable("/a\u{1b}[2J\n\u{202e}é".as_bytes(), 99), "/a\\u{1b}[2J\\n\\u{202e}é");
        assert_eq!(printable(&[b'a'; 9], 4), "aaaa…");
    }
}
