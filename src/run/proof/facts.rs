//! What the kernel says about a process, as texts. A file that can't be read is an empty text, which is never what was
//! asked for.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxAttributes, StatxFlags, openat2, statx};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::policy::Network;
use crate::run::{Order, procfs};

/// Texts of /proc/PID.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) status: String,
    /// The launcher's own.
    pub(super) own_status: String,
    pub(super) limits: String,
    pub(super) mountinfo: String,
    pub(super) uid_map: String,
    pub(super) gid_map: String,
    pub(super) cgroup: String,
    pub(super) oom_score_adj: String,
    pub(super) devices: String,
    pub(super) routes: String,
    pub(super) routes6: String,
    pub(super) apparmor: String,
    pub(super) selinux: String,
    /// Kind, that of the process and the launcher's own: `mnt`, `mnt:[4026531841]`.
    pub(super) namespaces: Vec<(&'static str, String, String)>,
    /// Descriptors that stay open when a program is executed; `None` where that can't be read.
    pub(super) descriptors: Option<Vec<u32>>,
    /// The root of the container's tree.
    pub(super) root: Option<OwnedFd>,
}

/// What is at a path in the container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seen {
    /// Something.
    There(Place),
    /// Nothing.
    Absent,
    /// It can't be told from outside.
    Unknown,
}

/// Something in the container's tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Place {
    /// The mount that it is on, as /proc/PID/mountinfo numbers it.
    pub(super) mount: u64,
    /// Whether it is the root of that mount.
    pub(super) is_mount: bool,
    /// Its file system and inode.
    pub(super) file: (u32, u32, u64),
    /// Type and mode.
    pub(super) mode: u32,
    /// The device that it is.
    pub(super) device: (u32, u32),
}

/// Kinds of namespaces, as /proc/PID/ns names them.
pub(super) const NAMESPACES: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// `O_CLOEXEC` in /proc/PID/fdinfo.
const CLOEXEC: u32 = 0o2_000_000;

impl Facts {
    /// Reads everything of a process that the order says something about: each file of a new process takes its time, since
    /// the kernel has to make it first.
    pub(super) fn of(pid: Pid, order: &Order) -> Self {
        let folder = format!("/proc/{}", pid.as_raw_nonzero());
        let read = |name: &str| procfs::read(format!("{folder}/{name}")).unwrap_or_default();
        let link = |folder: &str, kind: &str| {
            let link = std::fs::read_link(format!("{folder}/ns/{kind}"));
            link.map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let process = order.spec.process().as_ref();
        let if_asked = |asked: bool, name: &str| if asked { read(name) } else { String::new() };
        let net = |name| if_asked(order.profile.network.value != Network::Host, name);
        let apparmor = process.is_some_and(|process| process.apparmor_profile().is_some());
        let selinux = process.is_some_and(|process| process.selinux_label().is_some());
        Self {
            status: read("status"),
            own_status: procfs::read("/proc/self/status").unwrap_or_default(),
            limits: read("limits"),
            mountinfo: read("mountinfo"),
            uid_map: read("uid_map"),
            gid_map: read("gid_map"),
            cgroup: read("cgroup"),
            oom_score_adj: read("oom_score_adj"),
            devices: net("net/dev"),
            routes: net("net/route"),
            routes6: net("net/ipv6_route"),
            apparmor: if_asked(apparmor, "attr/apparmor/current"),
            selinux: if_asked(selinux, "attr/exec"),
            namespaces: NAMESPACES.map(|kind| (kind, link(&folder, kind), link("/proc/self", kind))).to_vec(),
            descriptors: descriptors(&folder),
            root: rustix::fs::open(
                format!("{folder}/root"),
                OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
            )
            .ok(),
        }
    }

    /// What is at a path in the container, links followed as inside.
    pub(super) fn look(&self, path: &str) -> Seen {
        let Some(root) = &self.root else { return Seen::Unknown };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let path = path.trim_start_matches('/');
        let path = if path.is_empty() { "." } else { path };
        match openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Ok(found) => look_at(&found).map_or(Seen::Unknown, Seen::There),
            Err(Errno::NOENT | Errno::NOTDIR) => Seen::Absent,
            Err(_) => Seen::Unknown,
        }
    }

    /// The value of a line of /proc/PID/status.
    pub(super) fn status(&self, key: &str) -> &str {
        field(&self.status, key)
    }
}

/// What is at a path outside; `None` where nothing is, or it can't be told.
pub(super) fn look_outside(path: &Path) -> Option<Place> {
    let found = rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    look_at(&found).ok()
}

fn look_at(found: &OwnedFd) -> rustix::io::Result<Place> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
    let stat = statx(found, c"", AtFlags::EMPTY_PATH | AtFlags::NO_AUTOMOUNT, wanted)?;
    let attributes = stat.stx_attributes & stat.stx_attributes_mask;
    Ok(Place {
        mount: stat.stx_mnt_id,
        is_mount: attributes.contains(StatxAttributes::MOUNT_ROOT),
        file: (stat.stx_dev_major, stat.stx_dev_minor, stat.stx_ino),
        mode: u32::from(stat.stx_mode),
        device: (stat.stx_rdev_major, stat.stx_rdev_minor),
    })
}

/// The value behind `key:`, or an empty text.
pub(super) fn field<'a>(text: &'a str, key: &str) -> &'a str {
    procfs::field(text, key).unwrap_or_default()
}

/// `fdinfo` is shown to whoever may trace the process (Linux 5.14), such as the owner of its user namespace; `fd` to its own
/// user alone, whom an ordinary user's newuidmap(1) has made another one.
fn descriptors(folder: &str) -> Option<Vec<u32>> {
    let mut open = Vec::new();
    for entry in std::fs::read_dir(format!("{folder}/fdinfo")).ok()? {
        let number: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let text = if number <= 2 { String::new() } else { procfs::read(format!("{folder}/fdinfo/{number}")).ok()? };
        let flags = u32::from_str_radix(field(&text, "flags"), 8).unwrap_or(0);
        if flags & CLOEXEC == 0 {
            open.push(number);
        }
    }
    open.sort_unstable();
    Some(open)
}
