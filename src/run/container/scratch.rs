//! What a container wrote into its root, removed when it is gone.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, chmodat, openat, renameat_with, statat, unlinkat,
};
use rustix::io::{Errno, Result};
use rustix::process::Pid;

use super::{At as _, Channel, Message, end, identity};
use crate::run::launch::Tools;
use crate::run::{Error, MapWriter, Order, sys};

/// Removes the layers of an overlay that is no more.
///
/// # Errors
/// What can't be removed.
pub(crate) fn clear(order: &Order, tools: &Tools<'_>, scratch: &Path) -> std::result::Result<(), Error> {
    let remedy = "remove the folder, in a user namespace where it belongs to somebody else";
    if order.ids.writer != MapWriter::Helpers {
        return layers(scratch).at(|| scratch.display().to_string(), remedy);
    }
    // What others of the container's ids wrote, only root of their namespace may remove.
    let (outside, inside) = Channel::pair().at(|| "socketpair".to_owned(), "raise the limit of open files")?;
    let namespace = u64::from(libc::CLONE_NEWUSER.unsigned_abs());
    match sys::clone3(namespace, None).at(|| "clone3".to_owned(), remedy)? {
        sys::Cloned::Child => {
            drop(outside);
            let done = matches!(inside.receive(), Ok(Some((Message::Go, _))))
                && identity::become_root()
                && layers(scratch).is_ok();
            sys::exit_now(i32::from(!done))
        }
        sys::Cloned::Parent(pid, pidfd) => {
            drop(inside);
            let mapped = map(tools, order, pid, &outside);
            drop(outside);
            let code = end(&pidfd)?;
            mapped?;
            if code == 0 {
                Ok(())
            } else {
                Err(Error::new(scratch.display().to_string(), "it can't be removed", remedy))
            }
        }
    }
}

fn map(tools: &Tools<'_>, order: &Order, pid: Pid, channel: &Channel) -> std::result::Result<(), Error> {
    (tools.map)(pid, &order.ids)?;
    channel.send(&Message::Go, None).at(|| "clone3".to_owned(), "remove the folder")
}

fn layers(scratch: &Path) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(CWD, scratch, flags, Mode::empty())?;
    empty(&folder)
}

/// Empties a folder. The container, which is gone, chose how deep it goes, and who may read what: folders within folders
/// are moved up before they are looked into, so that neither stack nor descriptors are needed for them.
fn empty(top: &OwnedFd) -> Result<()> {
    let mut moved = 0_u64;
    loop {
        let mut folders = Vec::new();
        for entry in Dir::read_from(top)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if is_folder(top, name)? { folders.push(name.to_owned()) } else { unlinkat(top, name, AtFlags::empty())? }
        }
        if folders.is_empty() {
            return Ok(());
        }
        for name in folders {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            chmodat(top, &name, Mode::RWXU, AtFlags::empty())?;
            let folder = openat(top, &name, flags, Mode::empty())?;
            for entry in Dir::read_from(&folder)? {
                let entry = entry?;
                let inner = entry.file_name();
                if matches!(inner.to_bytes(), b"." | b"..") {
                    continue;
                }
                if !is_folder(&folder, inner)? {
                    unlinkat(&folder, inner, AtFlags::empty())?;
                    continue;
                }
                chmodat(&folder, inner, Mode::RWXU, AtFlags::empty())?;
                loop {
                    moved += 1;
                    let new = format!("{moved}");
                    match renameat_with(&folder, inner, top, new, RenameFlags::NOREPLACE) {
                        Err(Errno::EXIST) => {}
                        other => break other?,
                    }
                }
            }
            unlinkat(top, &name, AtFlags::REMOVEDIR)?;
        }
    }
}

fn is_folder(at: impl AsFd, name: &std::ffi::CStr) -> Result<bool> {
    let stat = statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_removed_however_deep_and_nothing_else() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().expect("a folder");
        let kept = tempfile::tempdir().expect("a folder");
        std::fs::write(kept.path().join("file"), "x").expect("written");
        let deep = folder.path().join("upper").join("1/".repeat(1500));
        std::fs::create_dir_all(&deep).expect("made");
        std::fs::write(deep.join("file"), "x").expect("written");
        std::fs::create_dir_all(folder.path().join("1/2")).expect("made");
        symlink(kept.path(), folder.path().join("upper/1/link")).expect("a link");
        let shut = std::fs::Permissions::from_mode(0o000);
        std::fs::set_permissions(folder.path().join("1/2"), shut).expect("its mode");
        layers(folder.path()).expect("removed");
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
        assert!(kept.path().join("file").exists());
    }
}
