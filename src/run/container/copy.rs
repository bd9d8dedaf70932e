//! Copies what the image has at a place into the fresh file system that comes to lie there (`tmpcopyup`). Nobody else
//! runs yet, so what is read stands still; the file system's own size bounds how much it is.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Uid, chownat, fchmod, fchown, mkdirat, openat, readlinkat, sendfile,
    statat, symlinkat,
};
use rustix::io::{Errno, Result};

/// Folders within folders that are copied; deeper ones are refused, since each takes a descriptor.
const DEPTH: u32 = 64;

/// Copies what is in the folder `from` into the folder `to`, with owners and modes.
///
/// # Errors
/// `ENOSPC` where it doesn't fit, others of the calls.
pub(crate) fn folder(from: &OwnedFd, to: &OwnedFd) -> Result<()> {
    let from = openat(from, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    entries(from, to.as_fd(), DEPTH)
}

fn entries(from: OwnedFd, to: BorrowedFd<'_>, depth: u32) -> Result<()> {
    for entry in Dir::read_from(&from)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = statat(&from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
        // Set-user-id bits count nowhere in a container.
        let mode = Mode::from_raw_mode(stat.st_mode & 0o1777);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let below = depth.checked_sub(1).ok_or(Errno::NAMETOOLONG)?;
                mkdirat(to, name, Mode::RWXU)?;
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let made = openat(to, name, flags, Mode::empty())?;
                entries(openat(&from, name, flags, Mode::empty())?, made.as_fd(), below)?;
                owned(&made, uid, gid)?;
                fchmod(&made, mode)?;
            }
            FileType::RegularFile => {
                let source = openat(&from, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let made = openat(to, name, flags, Mode::RUSR | Mode::WUSR)?;
                while sendfile(&made, &source, None, 1 << 30)? > 0 {}
                owned(&made, uid, gid)?;
                fchmod(&made, mode)?;
            }
            FileType::Symlink => {
                symlinkat(readlinkat(&from, name, Vec::new())?, to, name)?;
                match chownat(to, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(()) | Err(Errno::INVAL | Errno::PERM) => {}
                    Err(error) => return Err(error),
                }
            }
            // Devices, pipes and sockets are no content that a program seeds a folder with.
            _ => {}
        }
    }
    Ok(())
}

/// An owner that has no number inside stays the container's root.
fn owned(fd: &OwnedFd, uid: Uid, gid: Gid) -> Result<()> {
    match fchown(fd, Some(uid), Some(gid)) {
        Ok(()) | Err(Errno::INVAL | Errno::PERM) => Ok(()),
        Err(error) => Err(error),
    }
}
