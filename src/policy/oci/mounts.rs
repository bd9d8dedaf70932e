//! The complete list of mounts, in Docker's order: the usual ones, then the profile's.

use std::path::{Path, PathBuf};

use oci_spec::runtime::{LinuxIdMapping, Mount};

use super::Place;
use crate::policy::profile::{Bind, MountKind, Network, Profile, Tmpfs};

/// The group that owns terminals, as devpts(5) and every distribution have it.
const TTY_GROUP: u32 = 5;

/// All mounts of a container.
pub(super) fn all(profile: &Profile, place: &Place<'_>) -> Vec<Mount> {
    // A profile that says what is at /dev/shm or /dev/mqueue replaces the usual one. Nothing replaces the others.
    let said = |destination: &str| profile.mounts.iter().any(|mount| mount.value.destination == destination);
    let mut mounts = usual(profile, place);
    mounts.retain(|mount| {
        let destination = mount.destination().to_str().unwrap_or_default();
        !(["/dev/shm", "/dev/mqueue"].contains(&destination) && said(destination))
    });
    mounts.extend(profile.mounts.iter().map(|mount| one(&mount.value, place)));
    mounts
}

/// The folder of a named volume. Whatever the name, it is one folder directly in `volumes`: what Docker doesn't take as
/// part of a name is written as in a URL.
#[must_use]
pub fn volume_folder(volumes: &Path, name: &str) -> PathBuf {
    let mut folder = String::new();
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'.' if at == 0 => folder.push_str("%2E"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => folder.push(char::from(byte)),
            _ => folder.push_str(&format!("%{byte:02X}")),
        }
    }
    volumes.join(if folder.is_empty() { "%" } else { &folder })
}

fn usual(profile: &Profile, place: &Place<'_>) -> Vec<Mount> {
    let own = profile.namespaces.value;
    // The kernel lets a user namespace mount these only over namespaces of its own: the host's are bound instead.
    let shared = |path: &str, options: &[&str]| mount(path, "bind", path, [options, &["rbind", "rprivate"]].concat());
    let safe = ["nosuid", "noexec", "nodev"];
    let proc = if own.pid { mount("/proc", "proc", "proc", safe.to_vec()) } else { shared("/proc", &safe) };
    let read_only = ["nosuid", "noexec", "nodev", "ro"];
    let sys = match profile.network.value {
        Network::Host => shared("/sys", &[&read_only[..], &["rro"]].concat()),
        _ => mount("/sys", "sysfs", "sysfs", read_only.to_vec()),
    };
    let mut dev = vec!["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"];
    // Where one id is all there is, /dev belongs to the program's user, who could fill it.
    if profile.read_only_root.value {
        dev.push("ro");
    }
    let mut pts = vec!["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
    if maps(&place.gid_mappings, TTY_GROUP) {
        pts.push("gid=5");
    }
    let cgroup = ["nosuid", "noexec", "nodev", "relatime", "ro"];
    let size = format!("size={}", profile.shm_size.value);
    let (queue, memory) = if own.ipc {
        (
            mount("/dev/mqueue", "mqueue", "mqueue", safe.to_vec()),
            mount("/dev/shm", "tmpfs", "shm", [&safe[..], &["mode=1777", &size]].concat()),
        )
    } else {
        (shared("/dev/mqueue", &safe), shared("/dev/shm", &safe))
    };
    vec![
        proc,
        mount("/dev", "tmpfs", "tmpfs", dev),
        mount("/dev/pts", "devpts", "devpts", pts),
        sys,
        mount("/sys/fs/cgroup", "cgroup", "cgroup", cgroup.to_vec()),
        queue,
        memory,
    ]
}

fn one(wanted: &crate::policy::Mount, place: &Place<'_>) -> Mount {
    let volume = |name, read_only| {
        let source = volume_folder(place.volumes, name).to_string_lossy().into_owned();
        Bind { source, read_only, recursive: false, create: true }
    };
    match &wanted.kind {
        MountKind::Tmpfs(tmpfs) => {
            let options = tmpfs_options(tmpfs, place);
            mount(&wanted.destination, "tmpfs", "tmpfs", options.iter().map(String::as_str).collect())
        }
        MountKind::Bind(bind) => bound(&wanted.destination, bind),
        MountKind::Device(device) => {
            let (source, read_only) = (device.source.clone(), device.read_only);
            bound(&wanted.destination, &Bind { source, read_only, recursive: false, create: false })
        }
        MountKind::Volume { name, read_only } => bound(&wanted.destination, &volume(name, *read_only)),
    }
}

fn tmpfs_options(tmpfs: &Tmpfs, place: &Place<'_>) -> Vec<String> {
    let mut options = vec!["nosuid".to_owned(), "nodev".to_owned()];
    if !tmpfs.exec {
        options.push("noexec".to_owned());
    }
    options.push(format!("mode={:o}", tmpfs.mode & 0o7777));
    options.push(format!("size={}", tmpfs.size));
    options.extend(tmpfs.inodes.map(|inodes| format!("nr_inodes={inodes}")));
    // An id that isn't mapped is nobody's there; then who makes the file system owns it.
    if maps(&place.uid_mappings, tmpfs.uid) && maps(&place.gid_mappings, tmpfs.gid) {
        options.extend([format!("uid={}", tmpfs.uid), format!("gid={}", tmpfs.gid)]);
    }
    if tmpfs.copy_up {
        options.push("tmpcopyup".to_owned());
    }
    options
}

fn bound(destination: &str, bind: &Bind) -> Mount {
    let mut options = if bind.recursive { vec!["rbind", "rprivate"] } else { vec!["bind", "private"] };
    options.push("nosuid");
    // A device that was asked for is of no use without being one.
    if !is_device(&bind.source) {
        options.push("nodev");
    }
    if bind.read_only {
        options.push("ro");
        // `ro` is about the topmost mount only; what is mounted below it would stay writable.
        if bind.recursive {
            options.push("rro");
        }
    }
    mount(destination, "bind", &bind.source, options)
}

/// Whether the source of a bind is a device that was asked for.
pub(super) fn is_device(source: &str) -> bool {
    source.strip_prefix("/dev/").is_some_and(|rest| !rest.starts_with("shm/") && !rest.starts_with("mqueue/"))
}

fn maps(ranges: &[LinuxIdMapping], id: u32) -> bool {
    ranges.iter().any(|range| id.checked_sub(range.container_id()).is_some_and(|offset| offset < range.size()))
}

fn mount(destination: &str, kind: &str, source: &str, options: Vec<&str>) -> Mount {
    let mut mount = Mount::default();
    mount
        .set_destination(PathBuf::from(destination))
        .set_typ(Some(kind.to_owned()))
        .set_source(Some(PathBuf::from(source)))
        .set_options(Some(options.into_iter().map(str::to_owned).collect()));
    mount
}
