//! /sys/fs/cgroup inside: the container's own control groups and nothing above them, read-only.

use std::os::fd::OwnedFd;

use rustix::fs::{FsWord, Mode, mkdirat, statfs, symlinkat};
use rustix::io::Errno;

use super::inside;
use super::options::{NO_PRIVILEGE, READ_ONLY};
use super::root::{attach_at, fresh};
use super::{At as _, Plan};
use crate::run::{Error, sys};

/// More lines than any kernel has hierarchies.
const HIERARCHIES: usize = 32;

/// Mounts them at `target`. The control group namespace must be entered already: its root is what is seen.
///
/// # Errors
/// Those of the mounts.
pub(crate) fn mount(plan: &Plan<'_>, target: &OwnedFd, attributes: u64) -> Result<(), Error> {
    let attributes = attributes | READ_ONLY | NO_PRIVILEGE | libc::MOUNT_ATTR_NOEXEC;
    let place = || "mount /sys/fs/cgroup".to_owned();
    let remedy = "mount the host's control groups, or leave this mount out";
    let unified = statfs(c"/sys/fs/cgroup").is_ok_and(|stat| stat.f_type == libc::CGROUP2_SUPER_MAGIC as FsWord);
    if unified {
        return attach_at(fresh("cgroup2", &[], attributes).at(place, remedy)?, target).at(place, remedy);
    }
    let empty = fresh("tmpfs", &[("size", Some("64k")), ("mode", Some("0755"))], attributes & !READ_ONLY);
    let empty = empty.at(place, remedy)?;
    attach_at(&empty, target).at(place, remedy)?;
    let groups = std::fs::read_to_string("/proc/self/cgroup").at(place, remedy)?;
    for line in groups.lines().take(HIERARCHIES) {
        // `number:controllers:path`; no controllers is the version 2 hierarchy, which limits nothing on such a host.
        let Some(controllers) = line.split(':').nth(1).filter(|controllers| !controllers.is_empty()) else { continue };
        let name = controllers.strip_prefix("name=").unwrap_or(controllers);
        match hierarchy(&empty, controllers, name, attributes) {
            Ok(()) => {}
            // Such a hierarchy isn't mounted on the host either.
            Err(Errno::PERM | Errno::BUSY | Errno::NOENT | Errno::INVAL) => {
                plan.note(format!("`/sys/fs/cgroup/{name}`: can't be shown inside"));
            }
            Err(error) => return Err(error).at(|| format!("mount /sys/fs/cgroup/{name}"), remedy),
        }
    }
    sys::set_mount_attributes(&empty, READ_ONLY, 0, 0, false, None).at(place, remedy)
}

fn hierarchy(folder: &OwnedFd, controllers: &str, name: &str, attributes: u64) -> rustix::io::Result<()> {
    let options: Vec<(&str, Option<&str>)> = match controllers.strip_prefix("name=") {
        // A named hierarchy limits nothing, and the host's manager alone has a use for it.
        Some(_) => return Ok(()),
        None => controllers.split(',').map(|controller| (controller, None)).collect(),
    };
    let fd = fresh("cgroup", &options, attributes)?;
    mkdirat(folder, name, Mode::from_raw_mode(0o755))?;
    attach_at(fd, inside::open(folder, name)?)?;
    if name.contains(',') {
        for controller in name.split(',') {
            symlinkat(name, folder, controller)?;
        }
    }
    Ok(())
}

/// Enters a control group namespace whose root is the group that the process is in by now (cgroup_namespaces(7)).
///
/// # Errors
/// Those of unshare(2).
pub(crate) fn separate() -> Result<(), Error> {
    sys::unshare(libc::CLONE_NEWCGROUP)
        .at(|| "unshare cgroup".to_owned(), "start on a kernel with control group namespaces")
}
