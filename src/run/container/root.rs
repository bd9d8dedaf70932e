//! The container's root: attached, made writable or given its missing mount points by an overlay, and at last made the
//! root of the process, with the host's out of reach.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, mkdirat, openat, statx};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount_change, move_mount, unmount,
};

use super::At as _;
use super::inside::{self, Kind};
use super::options::NO_PRIVILEGE;
use crate::run::{Error, sys};

/// Bytes that may be written into a root whose changes are kept in memory.
const WRITABLE: &str = "64m";
/// Bytes of what has only missing mount points.
const POINTS: &str = "1m";

/// A mount point that the root file system lacks.
pub(crate) struct Point {
    /// Where, absolute.
    pub(crate) path: String,
    /// What it must be.
    pub(crate) kind: Kind,
    /// Whether no link may lead there.
    pub(crate) strict: bool,
}

/// Cuts this mount namespace off from the host's, so that nothing that is mounted from now on is seen outside.
///
/// # Errors
/// Those of mount(2).
pub(crate) fn separate() -> Result<(), Error> {
    mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .at(|| "mount /".to_owned(), "start where the mount namespace is your own")
}

/// Attaches `fd` over everything: it is not the process's root yet, and its descriptor is the way into it.
///
/// # Errors
/// Those of move_mount(2).
pub(crate) fn attach(fd: impl AsFd) -> rustix::io::Result<()> {
    move_mount(fd, c"", CWD, c"/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// Attaches `fd` at what `target` refers to.
///
/// # Errors
/// Those of move_mount(2).
pub(crate) fn attach_at(fd: impl AsFd, target: impl AsFd) -> rustix::io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(fd, c"", target, c"", flags)
}

/// A fresh file system, attached nowhere yet. A key without a value is a flag.
///
/// # Errors
/// Those of fsconfig(2) and fsmount(2).
pub(crate) fn fresh(kind: &str, options: &[(&str, Option<&str>)], attributes: u64) -> rustix::io::Result<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        match value {
            Some(value) => fsconfig_set_string(&context, *key, *value)?,
            None => fsconfig_set_flag(&context, *key)?,
        }
    }
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::from_bits_retain(u32::try_from(attributes).map_err(|_| Errno::INVAL)?);
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// A root over `lower` that takes writes: into `scratch`, or into memory. The mount points in `missing` are made in it.
/// Attaches both.
///
/// # Errors
/// Those of overlayfs, which ordinary users may mount since Linux 5.11.
pub(crate) fn overlay(
    lower: &OwnedFd,
    scratch: Option<&OwnedFd>,
    missing: &[Point],
    writable: bool,
) -> Result<OwnedFd, Error> {
    let remedy = "give the image the folders that are mounted on, or start on Linux 5.11 or later";
    let place = || "overlay /".to_owned();
    let memory;
    let upper = match scratch {
        Some(scratch) if writable => scratch,
        _ => {
            let size = if writable { WRITABLE } else { POINTS };
            memory = fresh("tmpfs", &[("size", Some(size)), ("mode", Some("0755"))], NO_PRIVILEGE).at(place, remedy)?;
            &memory
        }
    };
    attach(upper).at(place, remedy)?;
    attach(lower).at(place, remedy)?;
    // The upper root is what the container's root looks like from inside.
    let seen = rustix::fs::fstat(lower).at(place, remedy)?;
    for name in ["upper", "work"] {
        match mkdirat(upper, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error).at(place, remedy),
        }
    }
    let top = openat(upper, "upper", OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())
        .at(place, remedy)?;
    rustix::fs::fchmod(&top, Mode::from_raw_mode(seen.st_mode & 0o7777)).at(place, remedy)?;
    for point in missing {
        inside::plant(&top, lower, &point.path, point.kind, !point.strict)
            .at(|| point.path.clone(), "let the image have a folder there, not a link")?;
    }
    let layer = |name: &str| format!("/proc/self/fd/{}{name}", upper.as_raw_fd());
    let options = [
        ("lowerdir", Some(format!("/proc/self/fd/{}", lower.as_raw_fd()))),
        ("upperdir", Some(layer("/upper"))),
        ("workdir", Some(layer("/work"))),
        ("userxattr", None),
    ];
    let options: Vec<(&str, Option<&str>)> = options.iter().map(|(key, value)| (*key, value.as_deref())).collect();
    let root = fresh("overlay", &options, NO_PRIVILEGE).at(place, remedy)?;
    attach(&root).at(place, remedy)?;
    if !writable {
        sys::set_mount_attributes(&root, libc::MOUNT_ATTR_RDONLY, 0, 0, false, None).at(place, remedy)?;
    }
    Ok(root)
}

/// Makes `root` the root of the process and lets go of the host's tree.
///
/// # Errors
/// Those of pivot_root(2): `EINVAL` where the host runs from its initramfs.
pub(crate) fn enter(root: &OwnedFd) -> Result<(), Error> {
    let place = || "pivot_root /".to_owned();
    let remedy = "start on a host whose root is a mounted file system, not its initramfs";
    rustix::process::fchdir(root).at(place, remedy)?;
    // The old root comes to lie on the new one (pivot_root(2), NOTES), with all that was attached to it.
    rustix::process::pivot_root(c".", c".").at(place, remedy)?;
    let own = mount_id(root, c"").at(place, remedy)?;
    // What lies on the root is seen by nobody who starts at the root, but by those who climb above it.
    for _ in 0..STACKED {
        if mount_id(CWD, c"/..").at(place, remedy)? == own {
            return rustix::process::chdir(c"/").at(place, remedy);
        }
        unmount(c"/..", UnmountFlags::DETACH).at(place, remedy)?;
    }
    Err(Error::new(place(), "the host's tree can't be let go of", "report this bug"))
}

/// More mounts than are ever stacked on the host's root here.
const STACKED: usize = 16;

fn mount_id(folder: impl AsFd, path: &CStr) -> rustix::io::Result<u64> {
    let stat = statx(folder, path, AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
    let known = StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::MNT_ID);
    if known { Ok(stat.stx_mnt_id) } else { Err(Errno::NOSYS) }
}
