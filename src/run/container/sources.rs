//! What of the host a container is shown: its root, bound files and folders, devices. Each becomes a mount of its own that
//! is attached nowhere yet (open_tree(2)), restricted before anything can reach it.
//!
//! Root does this before the container exists, because inside, without its privileges, it may not pass folders on the
//! way; an ordinary user may do it only inside, in the namespaces that are theirs.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use oci_spec::runtime::LinuxDeviceType;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};

use super::At as _;
use super::options::{NO_PRIVILEGE, Options, READ_ONLY};
use crate::run::{Error, MapWriter, Order, sys};

/// Mounts that are attached nowhere yet.
#[derive(Debug)]
pub(crate) struct Sources {
    /// The root file system, read-only.
    pub(crate) root: OwnedFd,
    /// What is bound, by the place in the specification's list.
    pub(crate) binds: Vec<Option<OwnedFd>>,
    /// The devices that every container has, and those that were asked for: path inside, and what is there.
    pub(crate) devices: Vec<(String, OwnedFd)>,
    /// The folder for what is written into the root.
    pub(crate) scratch: Option<OwnedFd>,
}

/// The devices that every container has: name, major and minor number (admin-guide/devices.txt of the kernel).
pub(crate) const DEVICES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// On a device's mount: nothing about it can be changed; opening it for writing is no write to the mount.
const DEVICE: u64 = READ_ONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC;

impl Sources {
    /// Opens everything.
    ///
    /// # Errors
    /// What isn't there, or isn't what it should be.
    pub(crate) fn open(order: &Order) -> Result<Self, Error> {
        let root = clone(&order.root.path, false, READ_ONLY | NO_PRIVILEGE).at(
            || order.root.path.display().to_string(),
            "name a root file system that you may read, on a file system that can be bound",
        )?;
        let scratch = match &order.root.scratch {
            Some(path) => Some(scratch(order, path).at(
                || path.display().to_string(),
                "make the folder for what the container writes, or keep its root read-only",
            )?),
            None => None,
        };
        let binds = order.spec.mounts().iter().flatten().map(bind).collect::<Result<_, _>>()?;
        Ok(Self { root, binds, devices: devices(order)?, scratch })
    }

    /// Lets files belong inside to whom they belong outside (an idmapped mount, mount_setattr(2)), so that inside and
    /// outside mean the same user by the same number. What belongs to one of the container's own ids outside, as a named
    /// volume does, is theirs inside as it is. Where the file system can't, a text to tell.
    pub(crate) fn map_ids(&self, order: &Order, userns: &OwnedFd) -> Vec<String> {
        let mounts = order.spec.mounts().iter().flatten();
        let binds = mounts.zip(&self.binds).filter_map(|(mount, fd)| Some((mount.source().as_deref()?, fd.as_ref()?)));
        let root = (!order.root.shifted).then_some((order.root.path.as_path(), &self.root));
        let own = |fd: &OwnedFd| {
            let owner = rustix::fs::fstat(fd).map(|found| found.st_uid);
            owner.is_ok_and(|owner| order.ids.uids.iter().any(|range| range.inside_of(owner).is_some()))
        };
        let binds = binds.filter(|(_, fd)| !own(fd));
        let failed = root.into_iter().chain(binds).filter_map(|(path, fd)| {
            let done = sys::set_mount_attributes(fd, libc::MOUNT_ATTR_IDMAP, 0, 0, false, Some(userns));
            done.err().map(|error| (path, error))
        });
        failed
            .map(|(path, error)| {
                let path = path.display();
                format!("`{path}`: its file system can't map ids ({error}), so inside its files belong to nobody")
            })
            .collect()
    }
}

/// The folder for what is written into the root. It belongs to the container's root, who makes the layers in it.
fn scratch(order: &Order, path: &Path) -> rustix::io::Result<OwnedFd> {
    if order.ids.writer == MapWriter::Root {
        let (uid, gid) = (order.ids.uid_outside(0), order.ids.gid_outside(0));
        rustix::fs::chown(path, uid.map(rustix::fs::Uid::from_raw), gid.map(rustix::fs::Gid::from_raw))?;
    }
    clone(path, false, NO_PRIVILEGE)
}

fn bind(mount: &oci_spec::runtime::Mount) -> Result<Option<OwnedFd>, Error> {
    let options = Options::of(mount)?;
    if !options.bind {
        return Ok(None);
    }
    let source = mount.source().as_deref().unwrap_or(Path::new(""));
    if !source.is_absolute() {
        return Err(Error::new(source.display().to_string(), "is no absolute path", "name what is bound from `/` on"));
    }
    let fd = clone(source, options.recursive, options.set)
        .at(|| source.display().to_string(), "make it first, or leave the mount out")?;
    if !options.no_device && is_device(&fd) {
        // One device that was asked for by name; a folder never shows any.
        let set = DEVICE & !READ_ONLY;
        sys::set_mount_attributes(&fd, set, libc::MOUNT_ATTR_NODEV, 0, false, None)
            .at(|| source.display().to_string(), "bind a device from a file system that has devices")?;
    }
    if options.follows {
        let slave = libc::MS_SLAVE;
        sys::set_mount_attributes(&fd, 0, 0, slave, options.recursive, None)
            .at(|| source.display().to_string(), "leave `rslave` out")?;
    }
    Ok(Some(fd))
}

fn is_device(fd: &OwnedFd) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|stat| {
        matches!(FileType::from_raw_mode(stat.st_mode), FileType::CharacterDevice | FileType::BlockDevice)
    })
}

fn devices(order: &Order) -> Result<Vec<(String, OwnedFd)>, Error> {
    let mut devices = Vec::with_capacity(DEVICES.len());
    for (name, major, minor) in DEVICES {
        let path = format!("/dev/{name}");
        let fd = device(Path::new(&path), FileType::CharacterDevice, major, minor)?;
        devices.push((path, fd));
    }
    let linux = order.spec.linux().as_ref();
    for asked in linux.and_then(|linux| linux.devices().as_ref()).into_iter().flatten() {
        let path = asked.path().display().to_string();
        if devices.iter().any(|(known, _)| *known == path) {
            continue;
        }
        let (kind, folder) = match asked.typ() {
            LinuxDeviceType::B => (FileType::BlockDevice, "block"),
            _ => (FileType::CharacterDevice, "char"),
        };
        let number = |number: i64| {
            u32::try_from(number).map_err(|_| Error::new(&path, "has no such number", "name a device of the host"))
        };
        let (major, minor) = (number(asked.major())?, number(asked.minor())?);
        let named = device(asked.path(), kind, major, minor);
        let fd = named.or_else(|_| device(Path::new(&format!("/dev/{folder}/{major}:{minor}")), kind, major, minor))?;
        devices.push((path, fd));
    }
    Ok(devices)
}

/// A device of the host. That it is the device is read from the very file that is shown.
fn device(path: &Path, kind: FileType, major: u32, minor: u32) -> Result<OwnedFd, Error> {
    let fd = clone(path, false, DEVICE).at(|| path.display().to_string(), "start where the host's /dev has it")?;
    let stat = rustix::fs::fstat(&fd).at(|| path.display().to_string(), "look at the host's /dev")?;
    if FileType::from_raw_mode(stat.st_mode) != kind || stat.st_rdev != rustix::fs::makedev(major, minor) {
        let problem = format!("is not the device {major}:{minor}");
        return Err(Error::new(path.display().to_string(), problem, "look at the host's /dev"));
    }
    Ok(fd)
}

/// A mount of what `path` names, private and restricted.
fn clone(path: &Path, recursive: bool, attributes: u64) -> rustix::io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let (fd, recursive) =
        match open_tree(CWD, path, if recursive { flags | OpenTreeFlags::AT_RECURSIVE } else { flags }) {
            // What lies under a mount is nothing that an ordinary user may see by leaving the mount out.
            Err(Errno::INVAL) if !recursive => (open_tree(CWD, path, flags | OpenTreeFlags::AT_RECURSIVE)?, true),
            other => (other?, recursive),
        };
    let clear = if attributes & libc::MOUNT_ATTR__ATIME == 0 { 0 } else { libc::MOUNT_ATTR__ATIME };
    sys::set_mount_attributes(&fd, attributes, clear, libc::MS_PRIVATE, recursive, None)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(fd)
}

/// A mount of what an attached mount shows at `fd`, itself attached nowhere yet.
pub(crate) fn clone_of(fd: impl AsFd, recursive: bool, attributes: u64) -> rustix::io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let flags = if recursive { flags | OpenTreeFlags::AT_RECURSIVE } else { flags };
    let copy = open_tree(fd, c"", flags)?;
    if attributes != 0 {
        sys::set_mount_attributes(&copy, attributes, 0, 0, recursive, None)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    }
    Ok(copy)
}

/// `/dev/null` for standard input that isn't passed on.
pub(crate) fn null() -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
}
