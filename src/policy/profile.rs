//! The profile: what a container may do and have, each part with the reason. One profile serves the launcher, other
//! runtimes and every exported form.

use oci_spec::runtime::{Capability, LinuxSeccomp};
use serde::{Deserialize, Serialize};

/// A value with the reason for it, in words that users read: `the image names no user, so the owner of /app is taken`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Said<T> {
    /// The value.
    pub value: T,
    /// Why it is this one.
    pub why: String,
}

/// All that decides how a container runs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Profile {
    /// How strict it was made.
    pub level: Level,
    /// The program and its arguments.
    pub command: Said<Vec<String>>,
    /// The environment, `KEY=VALUE`, each key once.
    pub env: Said<Vec<String>>,
    /// The working directory, absolute.
    pub cwd: Said<String>,
    /// The host name inside.
    pub hostname: Said<String>,
    /// Who the program runs as, ids inside the container.
    pub user: Said<Ids>,
    /// Capabilities, each once, in the permitted, effective, inheritable, bounding and ambient sets alike (capabilities(7)).
    pub capabilities: Said<Vec<Capability>>,
    /// Whether `execve` can't give privileges (`PR_SET_NO_NEW_PRIVS`).
    pub no_new_privileges: Said<bool>,
    /// System calls.
    pub seccomp: Said<Filter>,
    /// Linux security modules.
    pub lsm: Said<Lsm>,
    /// Whether the root file system can't be written to.
    pub read_only_root: Said<bool>,
    /// Mounts on top of the usual ones (/proc, /sys, /dev, /dev/pts, /dev/shm, /dev/mqueue, /sys/fs/cgroup), in order.
    pub mounts: Vec<Said<Mount>>,
    /// Bytes of /dev/shm.
    pub shm_size: Said<u64>,
    /// Kernel settings of the container's own namespaces (sysctl(8)): name and value.
    pub sysctls: Vec<Said<(String, String)>>,
    /// Absolute paths that are covered so that nothing in them can be read.
    pub masked_paths: Said<Vec<String>>,
    /// Absolute paths that can't be written to.
    pub read_only_paths: Said<Vec<String>>,
    /// Which namespaces are the container's own.
    pub namespaces: Said<Namespaces>,
    /// What control groups bound.
    pub limits: Limits,
    /// What setrlimit(2) bounds.
    pub rlimits: Vec<Said<Rlimit>>,
    /// The network.
    pub network: Said<Network>,
    /// Ports that are reachable from outside.
    pub publish: Vec<Said<Publish>>,
    /// `/proc/PID/oom_score_adj` (proc(5)): from -1000 to 1000.
    pub oom_score_adj: Said<i32>,
    /// Whether a small init of ours is process 1, reaps and passes signals on.
    pub init: Said<bool>,
    /// Whether there is a terminal.
    pub tty: Said<bool>,
    /// What to do when the program ends.
    pub restart: Said<Restart>,
    /// Signal that asks the program to end, by its name: `SIGTERM`.
    pub stop_signal: Said<String>,
    /// Seconds from there to SIGKILL.
    pub stop_timeout: Said<u32>,
    /// What was widened beyond the level by `--allow`.
    pub widened: Vec<Said<Widening>>,
}

/// How strict a profile is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// What breaks some programs too: nothing written may be executed, small limits, only the calls that most use.
    Strict,
    /// The strictest that well-behaved programs don't notice.
    #[default]
    Default,
    /// What Docker gives, for comparison: its capabilities, system calls, mounts and limits. The user namespace stays.
    Docker,
}

/// Ids inside the container (credentials(7)).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Ids {
    pub uid: u32,
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// What filters system calls.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// Nothing.
    Unconfined,
    /// A list in the form of the OCI runtime specification (config-linux.md, Seccomp).
    Rules(Box<LinuxSeccomp>),
}

/// What Linux security modules do, where the kernel has them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Lsm {
    /// Name of a loaded AppArmor profile, or `unconfined`; `None` leaves the choice to the launcher. With a `/` in it, a
    /// file with a profile that the launcher loads, after `complain:` so that it logs instead of refusing.
    pub apparmor: Option<String>,
    /// SELinux label of the process.
    pub selinux: Option<String>,
    /// SELinux label of the mounts.
    pub selinux_mount: Option<String>,
    /// Whether Landlock (landlock(7)) is applied.
    pub landlock: bool,
}

impl Lsm {
    /// The file whose AppArmor profile is to be loaded, and whether it is to log instead of refusing; `None` where no file is named.
    #[must_use]
    pub fn apparmor_file(&self) -> Option<(&str, bool)> {
        let value = self.apparmor.as_deref().filter(|value| value.contains('/'))?;
        let path = value.strip_prefix("complain:");
        Some((path.unwrap_or(value), path.is_some()))
    }
}

/// A mount.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mount {
    /// Where, absolute, inside the container.
    pub destination: String,
    /// What.
    #[serde(flatten)]
    pub kind: MountKind,
}

/// What is mounted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum MountKind {
    /// A fresh file system in memory.
    Tmpfs(Tmpfs),
    /// A file or folder of the host.
    Bind(Bind),
    /// A device of the host.
    Device(Device),
    /// A named volume of the user's store.
    Volume {
        /// Its name.
        name: String,
        /// Whether it can't be written to.
        read_only: bool,
    },
}

/// A fresh file system in memory (tmpfs(5)).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tmpfs {
    /// Bytes.
    pub size: u64,
    /// Files and folders; `None` for the kernel's half of the pages.
    pub inodes: Option<u64>,
    /// Mode of its root.
    pub mode: u32,
    /// Owner of its root, ids inside: programs such as initdb refuse a folder that isn't theirs.
    pub uid: u32,
    /// Group of its root.
    pub gid: u32,
    /// Whether files in it may be executed.
    pub exec: bool,
    /// Whether what the image has at the place is copied into it first, as programs that seed a folder expect.
    pub copy_up: bool,
}

/// A file or folder of the host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Bind {
    /// Where it is on the host, absolute.
    pub source: String,
    /// Whether it can't be written to.
    pub read_only: bool,
    /// Whether mounts below it come along.
    pub recursive: bool,
    /// Whether a missing source is made as a folder, as `-v` does and `--mount` doesn't.
    pub create: bool,
}

/// A device of the host, which must not be mounted with `nodev`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Device {
    /// Where it is on the host, absolute.
    pub source: String,
    /// Whether it can only be read from.
    pub read_only: bool,
}

/// Which namespaces (namespaces(7)) are the container's own. The user namespace always is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Namespaces {
    pub pid: bool,
    pub ipc: bool,
    pub uts: bool,
    pub cgroup: bool,
    pub time: bool,
}

/// What control groups bound (cgroups(7)); `None` for no bound.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Bytes of memory.
    pub memory: Said<Option<u64>>,
    /// Bytes of memory and swap together, as Docker counts `--memory-swap`.
    pub memory_and_swap: Said<Option<u64>>,
    /// Microseconds of CPU in each `cpu_period`.
    pub cpu_quota: Said<Option<u64>>,
    /// Microseconds.
    pub cpu_period: Said<Option<u64>>,
    /// Weight against other groups, 1024 being usual, as Docker's `--cpu-shares`.
    pub cpu_shares: Said<Option<u64>>,
    /// CPUs, `0-2,7`.
    pub cpuset_cpus: Said<Option<String>>,
    /// Memory nodes.
    pub cpuset_mems: Said<Option<String>>,
    /// Processes and threads.
    pub pids: Said<Option<u64>>,
    /// Weight of block I/O from 10 to 1000.
    pub blkio_weight: Said<Option<u16>>,
    /// Bytes a second read from a device: its path and the bound.
    pub device_read_bps: Said<Vec<(String, u64)>>,
    /// Bytes a second written to a device.
    pub device_write_bps: Said<Vec<(String, u64)>>,
    /// Reads a second from a device.
    pub device_read_iops: Said<Vec<(String, u64)>>,
    /// Writes a second to a device.
    pub device_write_iops: Said<Vec<(String, u64)>>,
}

/// A bound of setrlimit(2).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Rlimit {
    /// Docker's name of it: `nofile`, `nproc`, `core`.
    pub name: String,
    #[serde(with = "super::text::bound")]
    pub soft: u64,
    #[serde(with = "super::text::bound")]
    pub hard: u64,
}

/// The network that a container has.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Its own, empty but for the loopback interface.
    #[default]
    None,
    /// Its own, with a way out.
    Egress(Egress),
    /// The host's.
    Host,
}

/// Where a container may connect to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Egress {
    /// Anywhere.
    All,
    /// These only: host name or address, and port.
    Only(Vec<(String, u16)>),
}

/// A port that is reachable from outside.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Publish {
    /// Address of the host to listen at; `None` for all of them.
    pub address: Option<std::net::IpAddr>,
    /// Port of the host; 0 for any free one.
    pub host_port: u16,
    /// Port inside.
    pub port: u16,
    /// Transport protocol.
    pub protocol: Protocol,
}

/// A transport protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
}

/// What to do when the program ends, as Docker's `--restart`, and written as it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Restart {
    /// Nothing.
    #[default]
    No,
    /// Start it again when it failed, at most so many times; `None` for always.
    OnFailure(Option<u32>),
    /// Start it again however it ended.
    Always,
}

/// What was widened beyond the level, by the name that `--allow` takes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Widening {
    /// `root`, `privileged`, `host-network`, `docker-socket`, `cap-sys-admin`, `partial-limits`, …
    pub allow: String,
    /// What it opens: `` `-v /:/host` shows the container all files of the host``.
    pub what: String,
}

impl<T> Said<T> {
    /// A value with its reason.
    pub fn new(value: T, why: impl Into<String>) -> Self {
        Self { value, why: why.into() }
    }
}

impl Namespaces {
    /// All of them.
    pub const PRIVATE: Self = Self { pid: true, ipc: true, uts: true, cgroup: true, time: true };
}
