//! Whether the kernel will refuse an operation on a path, and why: by the mounts, and by owners and modes (path_resolution(7)).

use std::os::fd::{AsFd, OwnedFd};

use oci_spec::runtime::Spec;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat, StatVfsMountFlags, StatxFlags, fstat, fstatvfs, openat2, statx,
};
use rustix::io::Errno;

use super::By;
use super::caller::{Caller, Named, printable};
use super::calls::Operation;
use crate::run::sys::Notification;

/// Paths of the kernel's that a container has covered or read-only.
#[derive(Debug)]
pub(super) struct Places {
    masked: Vec<String>,
    read_only: Vec<String>,
}

/// What will be refused.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) by: By,
    /// The path, resolved as far as it exists.
    pub(super) path: String,
    /// The folder that would have to be another.
    pub(super) folder: String,
    /// Who owns what is in the way, as an id inside.
    pub(super) owner: Option<u32>,
}

/// linux/capability.h.
const CAP_CHOWN: u32 = 0;
const CAP_DAC_OVERRIDE: u32 = 1;
const CAP_DAC_READ_SEARCH: u32 = 2;
const CAP_FOWNER: u32 = 3;

/// Bits of a mode.
const READ: u32 = 4;
const WRITE: u32 = 2;
const EXECUTE: u32 = 1;
const STICKY: u32 = 0o1000;

const LONGEST: usize = 1024;

impl Places {
    pub(super) fn of(spec: &Spec) -> Self {
        let linux = spec.linux().as_ref();
        let masked = linux.and_then(|linux| linux.masked_paths().clone()).unwrap_or_default();
        let read_only = linux.and_then(|linux| linux.readonly_paths().clone()).unwrap_or_default();
        Self { masked, read_only }
    }
}

/// Judges an operation. `None` where it will pass, will fail for another reason, or nothing can be told.
pub(super) fn judge(
    places: &Places,
    caller: &Caller,
    operation: Operation,
    named: &Named,
    call: &Notification,
) -> Option<Judged> {
    let path = named.path.as_slice();
    // These are links to whoever looks.
    if path.starts_with(b"/proc/self/") || path.starts_with(b"/proc/thread-self/") {
        return None;
    }
    let judging = Judging { places, caller };
    match judging.open(path, named.link) {
        Ok(found) => judging.existing(operation, &found, call),
        Err(Errno::NOENT) if matches!(operation, Operation::Write | Operation::Create) => {
            // What isn't there and isn't made is no refusal.
            let makes = operation == Operation::Create || makes(call);
            let trimmed = path.strip_suffix(b"/").unwrap_or(path);
            let end = trimmed.iter().rposition(|byte| *byte == b'/')?;
            let (folder, name) = trimmed.split_at(end + 1);
            let folder = judging.open(folder, false).ok().filter(|_| makes)?;
            judging.in_folder(&folder, name, false)
        }
        Err(_) => None,
    }
}

/// Whether an `open…` or `creat` makes a file that isn't there.
fn makes(call: &Notification) -> bool {
    let name = crate::run::seccomp::name_of(call.architecture, call.number.cast_unsigned());
    let flags = match name {
        Some("open") => call.arguments[1],
        Some("openat") => call.arguments[2],
        // The flags of `openat2` lie in memory; with the mode of a new file they mostly make one.
        Some("creat" | "openat2") => return true,
        _ => return false,
    };
    flags & u64::from(libc::O_CREAT.cast_unsigned()) != 0
}

/// Something that is there.
struct Found {
    file: OwnedFd,
    stat: Stat,
    /// Its path inside.
    path: Vec<u8>,
}

struct Judging<'a> {
    places: &'a Places,
    caller: &'a Caller,
}

impl Judging<'_> {
    fn open(&self, path: &[u8], link: bool) -> Result<Found, Errno> {
        let flags = OFlags::PATH | OFlags::CLOEXEC | if link { OFlags::NOFOLLOW } else { OFlags::empty() };
        let ways = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let file = openat2(&self.caller.root, path, flags, Mode::empty(), ways)?;
        let stat = fstat(&file)?;
        // The kernel's own name for it: links and dots are gone.
        let name = rustix::fs::readlink(fd_path(&file), Vec::new())?;
        Ok(Found { file, stat, path: name.into_bytes() })
    }

    fn existing(&self, operation: Operation, found: &Found, call: &Notification) -> Option<Judged> {
        let kind = FileType::from_raw_mode(found.stat.st_mode);
        let judged = |by| Some(self.judged(by, found, parent(&found.path)));
        if matches!(operation, Operation::Read | Operation::Write) && under(&self.places.masked, &found.path) {
            return judged(By::MaskedPath);
        }
        if let Some(blocked) = self.blocked(&found.path) {
            return Some(blocked);
        }
        // Devices, pipes and sockets are no part of what a mount holds.
        let held = matches!(kind, FileType::RegularFile | FileType::Directory);
        match operation {
            Operation::Read => (!self.may(&found.stat, READ)).then(|| judged(By::Permissions))?,
            // That fails for another reason.
            Operation::Write if kind == FileType::Directory => None,
            Operation::Write => {
                if held && let Some(by) = self.read_only(found) {
                    return judged(by);
                }
                (!self.may(&found.stat, WRITE)).then(|| judged(By::Permissions))?
            }
            Operation::Execute => {
                if kind != FileType::RegularFile {
                    return None;
                }
                let flags = fstatvfs(&found.file).ok()?.f_flag;
                if flags.contains(StatVfsMountFlags::NOEXEC) {
                    return judged(By::NoExec);
                }
                (!self.may(&found.stat, EXECUTE)).then(|| judged(By::Permissions))?
            }
            Operation::Change | Operation::Own => {
                if let Some(by) = self.read_only(found) {
                    return judged(by);
                }
                (!self.may_change(operation, &found.stat, call)).then(|| judged(By::Permissions))?
            }
            // What is there already isn't made: another error, which programs expect.
            Operation::Create if !renames(call) => None,
            Operation::Create | Operation::Remove => {
                let folder = self.open(parent(&found.path), false).ok()?;
                let name = found.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
                let stuck = self.is_stuck(&folder.stat, &found.stat);
                self.in_folder(&folder, name, stuck)
            }
        }
    }

    /// Whether something can't be made in, or removed from, a folder.
    fn in_folder(&self, folder: &Found, name: &[u8], stuck: bool) -> Option<Judged> {
        if let Some(blocked) = self.blocked(&folder.path) {
            return Some(blocked);
        }
        let by = match self.read_only(folder) {
            Some(by) => by,
            None if !self.may(&folder.stat, WRITE | EXECUTE) || stuck => By::Permissions,
            None => return None,
        };
        let slash = if folder.path.ends_with(b"/") { "" } else { "/" };
        let path = [folder.path.as_slice(), slash.as_bytes(), name].concat();
        Some(Judged { path: printable(&path, LONGEST), ..self.judged(by, folder, &folder.path) })
    }

    /// The first folder on the way that the caller may not pass.
    fn blocked(&self, path: &[u8]) -> Option<Judged> {
        if self.caller.has(CAP_DAC_OVERRIDE) || self.caller.has(CAP_DAC_READ_SEARCH) {
            return None;
        }
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        ends.filter_map(|end| self.open(path.get(..end.max(1))?, false).ok())
            .find(|folder| !self.may(&folder.stat, EXECUTE))
            .map(|folder| Judged {
                path: printable(path, LONGEST),
                ..self.judged(By::Permissions, &folder, parent(&folder.path))
            })
    }

    fn judged(&self, by: By, found: &Found, folder: &[u8]) -> Judged {
        Judged {
            by,
            path: printable(&found.path, LONGEST),
            folder: printable(folder, LONGEST),
            owner: self.caller.uid_inside(found.stat.st_uid),
        }
    }

    /// Which kind of read-only mount something lies on.
    fn read_only(&self, found: &Found) -> Option<By> {
        let flags = fstatvfs(&found.file).ok()?.f_flag;
        if !flags.contains(StatVfsMountFlags::RDONLY) {
            return None;
        }
        if under(&self.places.read_only, &found.path) {
            return Some(By::ReadOnlyPath);
        }
        if under(&self.places.masked, &found.path) {
            return Some(By::MaskedPath);
        }
        let of_root = mount(&self.caller.root).is_some_and(|root| mount(&found.file) == Some(root));
        Some(if of_root { By::ReadOnlyRoot } else { By::ReadOnlyMount })
    }

    fn may(&self, stat: &Stat, wanted: u32) -> bool {
        let caller = self.caller;
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let overrides =
            caller.has(CAP_DAC_OVERRIDE) && (is_folder || wanted & EXECUTE == 0 || stat.st_mode & 0o111 != 0);
        let searches = caller.has(CAP_DAC_READ_SEARCH) && wanted & WRITE == 0 && (is_folder || wanted == READ);
        // Over files of ids that aren't mapped a capability of the container's is none.
        if (overrides || searches) && caller.uid_inside(stat.st_uid).is_some() {
            return true;
        }
        let shift = if stat.st_uid == caller.uid {
            6
        } else if stat.st_gid == caller.gid || caller.groups.contains(&stat.st_gid) {
            3
        } else {
            0
        };
        (stat.st_mode >> shift) & wanted == wanted
    }

    /// Whether a file may not be removed from a folder that all may write to.
    fn is_stuck(&self, folder: &Stat, file: &Stat) -> bool {
        let owns = [folder.st_uid, file.st_uid].contains(&self.caller.uid);
        folder.st_mode & STICKY != 0 && !owns && !self.caller.has(CAP_FOWNER)
    }

    fn may_change(&self, operation: Operation, stat: &Stat, call: &Notification) -> bool {
        let owns = stat.st_uid == self.caller.uid;
        if operation == Operation::Change {
            return owns || self.caller.has(CAP_FOWNER);
        }
        if self.caller.has(CAP_CHOWN) {
            return true;
        }
        // Giving a file to who has it already is no change.
        let name = crate::run::seccomp::name_of(call.architecture, call.number.cast_unsigned());
        let at = if name == Some("fchownat") { 2 } else { 1 };
        let wanted = (call.arguments[at] & 0xffff_ffff) as u32;
        owns && (wanted == u32::MAX || Some(wanted) == self.caller.uid_inside(stat.st_uid))
    }
}

/// Whether a call gives something a new name, in place of what has it.
fn renames(call: &Notification) -> bool {
    let name = crate::run::seccomp::name_of(call.architecture, call.number.cast_unsigned());
    name.is_some_and(|name| name.starts_with("rename"))
}

fn under(places: &[String], path: &[u8]) -> bool {
    places.iter().any(|place| {
        let rest = path.strip_prefix(place.trim_end_matches('/').as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    })
}

fn parent(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| *byte == b'/') {
        None | Some(0) => b"/",
        Some(end) => path.get(..end).unwrap_or(b"/"),
    }
}

fn mount(file: impl AsFd) -> Option<u64> {
    let found = statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    Some(found.stx_mnt_id)
}

fn fd_path(file: &OwnedFd) -> String {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
