//! Paths that are covered so that nothing in them can be read, paths that can't be written to, and settings of the
//! container's own namespaces, which are written before those paths close.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::inside::{self, Kind};
use super::options::{NO_PRIVILEGE, READ_ONLY};
use super::root::{attach_at, fresh};
use super::sources::clone_of;
use super::{At as _, Plan};
use crate::run::Error;

const SHUT: u64 = READ_ONLY | NO_PRIVILEGE | libc::MOUNT_ATTR_NOEXEC;

/// Writes the settings, then covers and closes the paths. One that doesn't exist needs no cover.
///
/// # Errors
/// A path that is there and can't be covered.
pub(crate) fn apply(plan: &Plan<'_>, tree: &OwnedFd) -> Result<(), Error> {
    let Some(linux) = plan.linux else { return Ok(()) };
    for (key, value) in linux.sysctl().iter().flatten() {
        setting(plan, tree, key, value)?;
    }
    for path in linux.readonly_paths().iter().flatten() {
        let Some(found) = find(tree, path)? else { continue };
        let shut = clone_of(&found, true, READ_ONLY | NO_PRIVILEGE | libc::MOUNT_ATTR_NOEXEC);
        let shut = shut.at(|| path.clone(), "leave the path out of those that can't be written to")?;
        attach_at(&shut, &found).at(|| path.clone(), "leave the path out of those that can't be written to")?;
    }
    let mut cover = None;
    for path in linux.masked_paths().iter().flatten() {
        let Some(found) = find(tree, path)? else { continue };
        hide(tree, &found, &mut cover).at(|| path.clone(), "leave the path out of those that are covered")?;
    }
    Ok(())
}

fn hide(tree: &OwnedFd, found: &OwnedFd, cover: &mut Option<OwnedFd>) -> rustix::io::Result<()> {
    match inside::kind(found)? {
        Kind::File => attach_at(clone_of(inside::open(tree, "/dev/null")?, false, SHUT)?, found),
        Kind::Folder => {
            let shown = match cover {
                None => {
                    let empty = fresh(
                        "tmpfs",
                        &[("size", Some("4k")), ("nr_inodes", Some("2")), ("mode", Some("0000"))],
                        SHUT,
                    )?;
                    attach_at(&empty, found)?;
                    *cover = Some(empty);
                    return Ok(());
                }
                Some(empty) => clone_of(empty.as_fd(), false, 0)?,
            };
            attach_at(shown, found)
        }
    }
}

fn find(tree: &OwnedFd, path: &str) -> Result<Option<OwnedFd>, Error> {
    match inside::open(tree, path) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(error).at(|| path.to_owned(), "name the place itself, not a link to it"),
    }
}

/// Sets what belongs to a namespace of the container's own (sysctl(8)), as Docker's `--sysctl` does.
fn setting(plan: &Plan<'_>, tree: &OwnedFd, key: &str, value: &str) -> Result<(), Error> {
    use oci_spec::runtime::LinuxNamespaceType::{Ipc, Network, Uts};
    let ipc = ["kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax"];
    let own = (key.starts_with("net.") && plan.has(Network))
        || ((ipc.contains(&key)
            || key == "kernel.shmmni"
            || key == "kernel.shm_rmid_forced"
            || key.starts_with("fs.mqueue."))
            && plan.has(Ipc))
        || (matches!(key, "kernel.domainname" | "kernel.hostname") && plan.has(Uts));
    let place = || format!("sysctl {key}");
    if !own || key.contains("..") || key.contains('/') {
        return Err(Error::new(place(), "belongs to no namespace of the container's own", "set it on the host"));
    }
    let file = inside::open_as(tree, &format!("/proc/sys/{}", key.replace('.', "/")), OFlags::WRONLY);
    let file = file.at(place, "leave the setting out: this kernel doesn't have it, or doesn't let it be set")?;
    rustix::io::write(file, value.as_bytes()).at(place, "give it a value that the kernel takes").map(|_| ())
}
