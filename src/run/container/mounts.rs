//! The container's mounts, in the specification's order. Each is attached to a descriptor that was resolved inside the
//! container's own tree; where the image has a link instead of a folder, the start is refused.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use oci_spec::runtime::{LinuxNamespaceType, Mount};
use rustix::fs::{FsWord, Mode, OFlags, fstatfs, openat};
use rustix::io::Errno;

use super::inside::{self, Kind};
use super::options::{NO_PRIVILEGE, Options, READ_ONLY};
use super::root::{self, Point};
use super::sources::{Sources, clone_of};
use super::{At as _, Plan, cgroups, copy, dev};
use crate::run::{Error, sys};

/// Magic numbers of the kernel's own file systems (linux/magic.h), on which nothing of the image's may be mounted.
const KERNEL: [FsWord; 6] = [
    libc::PROC_SUPER_MAGIC as FsWord,
    libc::SYSFS_MAGIC as FsWord,
    libc::DEVPTS_SUPER_MAGIC as FsWord,
    libc::CGROUP_SUPER_MAGIC as FsWord,
    libc::CGROUP2_SUPER_MAGIC as FsWord,
    0x1980_0202,
];

/// Paths where a link of the image's is a reason not to start: programs, and what is covered here, rely on them.
const FIXED: [&str; 7] = ["/proc", "/sys", "/dev", "/tmp", "/run", "/var/tmp", "/etc"];

const REMEDY: &str = "let the image have a folder there, not a link";

/// Makes the container's whole tree and gives its root, which the process hasn't entered yet.
///
/// # Errors
/// A path that can't be mounted on as asked; it is named.
pub(crate) fn build(plan: &Plan<'_>, sources: &Sources) -> Result<OwnedFd, Error> {
    root::separate()?;
    let files = files(plan)?;
    let spec = &plan.order.spec;
    let writable = spec.root().as_ref().is_some_and(|root| root.readonly() != Some(true));
    let mounts: Vec<&Mount> = spec.mounts().iter().flatten().collect();
    let missing = missing(plan, &mounts, sources)?;
    let tree = if writable || !missing.is_empty() {
        root::overlay(&sources.root, sources.scratch.as_ref(), &missing, writable)?
    } else {
        root::attach(&sources.root).at(|| "mount /".to_owned(), "name a root file system that can be bound")?;
        clone_fd(&sources.root)?
    };
    for (mount, source) in mounts.iter().zip(&sources.binds) {
        one(plan, &tree, mount, source.as_ref())?;
        if mount.destination() == Path::new("/dev") {
            dev::fill(plan, &tree, &sources.devices)?;
        }
    }
    for (path, file) in &files {
        let target = target(&tree, path, Kind::File, "bind")?;
        root::attach_at(file, &target).at(|| format!("mount {path}"), REMEDY)?;
    }
    Ok(tree)
}

/// Files of the launcher's own, each a mount that is attached nowhere yet.
fn files(plan: &Plan<'_>) -> Result<Vec<(&'static str, OwnedFd)>, Error> {
    if plan.tools.files.is_empty() {
        return Ok(Vec::new());
    }
    let place = || "tmpfs".to_owned();
    let remedy = "start on Linux 5.2 or later";
    let folder =
        root::fresh("tmpfs", &[("size", Some("1m")), ("mode", Some("0755"))], NO_PRIVILEGE).at(place, remedy)?;
    // Only what is attached can be shown in parts; it goes away with the host's tree.
    root::attach(&folder).at(place, remedy)?;
    let mut files = Vec::with_capacity(plan.tools.files.len());
    for (index, (path, text)) in plan.tools.files.iter().enumerate() {
        let place = || format!("mount {path}");
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let made = openat(&folder, index.to_string(), flags, Mode::from_raw_mode(0o644)).at(place, remedy)?;
        if rustix::io::write(&made, text.as_bytes()).at(place, remedy)? != text.len() {
            return Err(Error::new(place(), "its text is too long", "name fewer hosts"));
        }
        let node = inside::open(&folder, &index.to_string()).at(place, remedy)?;
        let shut = READ_ONLY | NO_PRIVILEGE | libc::MOUNT_ATTR_NOEXEC;
        files.push((*path, clone_of(node, false, shut).at(place, remedy)?));
    }
    Ok(files)
}

/// Makes what is mounted on `/dev` read-only at last, where that was asked for.
///
/// # Errors
/// Those of mount_setattr(2).
pub(crate) fn finish(plan: &Plan<'_>, tree: &OwnedFd) -> Result<(), Error> {
    for mount in plan.order.spec.mounts().iter().flatten() {
        if is_dev(mount) && Options::of(mount)?.set & READ_ONLY != 0 {
            let dev = inside::open(tree, "/dev").at(|| "/dev".to_owned(), REMEDY)?;
            sys::set_mount_attributes(&dev, READ_ONLY, 0, 0, false, None).at(|| "/dev".to_owned(), REMEDY)?;
        }
    }
    Ok(())
}

fn is_dev(mount: &Mount) -> bool {
    mount.destination() == Path::new("/dev") && mount.typ().as_deref() == Some("tmpfs")
}

/// Mount points that the root file system lacks, and the working directory where it does.
fn missing(plan: &Plan<'_>, mounts: &[&Mount], sources: &Sources) -> Result<Vec<Point>, Error> {
    let mut missing = Vec::new();
    let mut covered: Vec<&Path> = Vec::new();
    let cwd = (plan.cwd.as_path(), Kind::Folder, false);
    let files = plan.tools.files.iter().map(|(path, _)| (Path::new(*path), Kind::File, false));
    let mounts = mounts.iter().zip(&sources.binds).map(|(mount, fd)| {
        let path = mount.destination().as_path();
        // What can't be looked at is found out when it is mounted.
        let kind = fd.as_ref().and_then(|fd| inside::kind(fd).ok()).unwrap_or(Kind::Folder);
        (path, kind, is_strict(path, mount.typ().as_deref().unwrap_or("none")))
    });
    for (path, kind, strict) in mounts.chain(files).chain([cwd]) {
        if !covered.iter().any(|mount| path.starts_with(mount)) {
            let path = text(path)?;
            match inside::follow(&sources.root, path) {
                Err(Errno::NOENT) => missing.push(Point { path: path.to_owned(), kind, strict }),
                Err(error) => return Err(error).at(|| path.to_owned(), REMEDY),
                Ok(_) => {}
            }
        }
        covered.push(path);
    }
    Ok(missing)
}

/// Whether a link on the way is a reason not to start.
fn is_strict(path: &Path, kind: &str) -> bool {
    let fixed = FIXED.iter().any(|fixed| Path::new(fixed) == path);
    fixed || path.starts_with("/dev") || !matches!(kind, "bind" | "none" | "tmpfs")
}

fn one(plan: &Plan<'_>, tree: &OwnedFd, mount: &Mount, source: Option<&OwnedFd>) -> Result<(), Error> {
    let path = text(mount.destination())?;
    let place = || format!("mount {path}");
    let kind = mount.typ().as_deref().unwrap_or("none");
    let options = Options::of(mount)?;
    let wanted = source.map_or(Ok(Kind::Folder), inside::kind).at(place, REMEDY)?;
    let target = target(tree, path, wanted, kind)?;
    if let Some(source) = source {
        return root::attach_at(source, &target).at(place, "bind a folder on a folder, a file on a file");
    }
    let fd = match kind {
        "tmpfs" => tmpfs(plan, &options, is_dev(mount), &target).at(place, "look at the options of the mount")?,
        "proc" if !plan.has(LinuxNamespaceType::Pid) => {
            host(c"/proc", &options).at(place, "keep the processes apart")?
        }
        "sysfs" if !plan.has(LinuxNamespaceType::Network) => {
            host(c"/sys", &options).at(place, "keep the network apart")?
        }
        "proc" | "sysfs" => kernel(kind, &options).at(
            place,
            "start where /proc and /sys are whole: in a container that hides parts of them no new ones may be mounted",
        )?,
        "mqueue" | "devpts" => {
            let rest: Vec<_> = options
                .rest
                .iter()
                // A group that has no number inside can't be given.
                .filter(|(key, value)| key != "gid" || plan.maps_group(value.as_deref()))
                .map(|(key, value)| (key.as_str(), value.as_deref()))
                .collect();
            let attributes = if kind == "devpts" { options.set & !libc::MOUNT_ATTR_NODEV } else { options.set };
            root::fresh(kind, &rest, attributes).at(place, "look at the options of the mount")?
        }
        "cgroup" | "cgroup2" => return cgroups::mount(plan, &target, options.set),
        _ => return Err(Error::new(place(), format!("the type `{kind}` is not supported"), "leave the mount out")),
    };
    root::attach_at(&fd, &target).at(place, REMEDY)
}

/// What is mounted on. The kernel's file systems and the folders that everything relies on must be there themselves;
/// elsewhere a link of the image's may lead to another place of the image, as `/var/run` does, though never onto what
/// the kernel shows.
fn target(tree: &OwnedFd, path: &str, wanted: Kind, kind: &str) -> Result<OwnedFd, Error> {
    let strict = is_strict(Path::new(path), kind);
    let found = match inside::open(tree, path) {
        Err(Errno::NOENT) if strict => inside::make(tree, path, wanted),
        Err(Errno::NOENT | Errno::LOOP) if !strict => inside::make_through(tree, path, wanted),
        other => other,
    };
    let refused = |problem: String| Error::new(path, problem, REMEDY);
    let found = found.map_err(|error| match error {
        Errno::LOOP => refused("is a symbolic link, or lies behind one".to_owned()),
        error => refused(error.to_string()),
    })?;
    let on = fstatfs(&found).at(|| path.to_owned(), REMEDY)?.f_type;
    if KERNEL.contains(&on) && !path.starts_with("/sys/") && !path.starts_with("/proc/") {
        return Err(refused("leads onto a file system of the kernel's".to_owned()));
    }
    if inside::kind(&found).at(|| path.to_owned(), REMEDY)? != wanted {
        return Err(refused("is a folder where a file is needed, or a file where a folder is".to_owned()));
    }
    Ok(found)
}

fn tmpfs(plan: &Plan<'_>, options: &Options, dev: bool, target: &OwnedFd) -> rustix::io::Result<OwnedFd> {
    let mut rest: Vec<_> = options.rest.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
    if let Some(label) = plan.linux.and_then(|linux| linux.mount_label().as_deref()) {
        rest.push(("context", Some(label)));
    }
    // What it is filled with comes first; of /dev that is said at the very end.
    let at_first = if options.copy_up || dev { options.set & !READ_ONLY } else { options.set };
    let fd = root::fresh("tmpfs", &rest, at_first)?;
    if options.copy_up {
        copy::folder(target, &fd)?;
        if at_first != options.set {
            sys::set_mount_attributes(&fd, READ_ONLY, 0, 0, false, None)
                .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        }
    }
    Ok(fd)
}

/// A fresh view of the kernel's, which is looked at before anything relies on it.
fn kernel(kind: &str, options: &Options) -> rustix::io::Result<OwnedFd> {
    let rest: Vec<_> = options.rest.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
    let fd = root::fresh(kind, &rest, options.set | NO_PRIVILEGE | libc::MOUNT_ATTR_NOEXEC)?;
    let magic = if kind == "proc" { libc::PROC_SUPER_MAGIC } else { libc::SYSFS_MAGIC };
    if fstatfs(&fd)?.f_type == magic as FsWord { Ok(fd) } else { Err(Errno::NODEV) }
}

/// The host's own view, where the container shares what it shows.
fn host(path: &std::ffi::CStr, options: &Options) -> rustix::io::Result<OwnedFd> {
    let fd = inside::host(path)?;
    clone_of(&fd, true, options.set | NO_PRIVILEGE | libc::MOUNT_ATTR_NOEXEC)
}

fn clone_fd(fd: impl AsFd) -> Result<OwnedFd, Error> {
    fd.as_fd().try_clone_to_owned().at(|| "/".to_owned(), "raise the limit of open files")
}

fn text(path: &Path) -> Result<&str, Error> {
    let text = path.to_str().filter(|text| text.starts_with('/') && !text.contains('\0'));
    text.ok_or_else(|| Error::new(path.display().to_string(), "is no absolute path in UTF-8", "name it from `/` on"))
}
