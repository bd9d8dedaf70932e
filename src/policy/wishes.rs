//! What people ask for, by the flags of `docker run` and by harden.toml, already parsed: plain data, each absent where
//! nobody said anything.

use super::profile::{Egress, Level, Mount, Publish, Restart, Rlimit};

/// What was asked for. A later source overrides an earlier one where both speak.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Wishes {
    /// `--level`.
    pub level: Option<Level>,
    /// The words behind the image: they replace `Cmd`.
    pub command: Vec<String>,
    /// `--entrypoint`; an empty one means none.
    pub entrypoint: Option<String>,
    /// `-e` and `--env-file`, `KEY=VALUE`, in order; a key without a value was looked up by the caller.
    pub env: Vec<String>,
    /// `-w`.
    pub cwd: Option<String>,
    /// `--hostname`.
    pub hostname: Option<String>,
    /// `-u`: `uid`, `uid:gid`, `name`, `name:group`.
    pub user: Option<String>,
    /// `--group-add`.
    pub groups: Vec<String>,
    /// `--cap-add`: names with or without `CAP_`, or `ALL`.
    pub cap_add: Vec<String>,
    /// `--cap-drop`.
    pub cap_drop: Vec<String>,
    /// `--security-opt`: `no-new-privileges[=false]`, `seccomp=unconfined|builtin|FILE` (the file's text stands in
    /// [`Wishes::seccomp`]), `apparmor=NAME`, `label=…`, `systempaths=unconfined`.
    pub security_opts: Vec<String>,
    /// The text of the file of `--security-opt seccomp=FILE`, as Docker writes it.
    pub seccomp: Option<String>,
    /// `--read-only`; `Some(false)` is `--read-only=false`.
    pub read_only: Option<bool>,
    /// `-v`, `--mount` and `--tmpfs`, in order.
    pub mounts: Vec<Mount>,
    /// `--device`: devices of the host, with where they go.
    pub devices: Vec<Mount>,
    /// `-m`, bytes.
    pub memory: Option<u64>,
    /// `--memory-swap`: bytes of both together; `Some(None)` is `-1`, unbounded swap.
    pub memory_swap: Option<Option<u64>>,
    /// `-c`, `--cpu-shares`.
    pub cpu_shares: Option<u64>,
    /// `--cpus`, thousandths of a CPU.
    pub milli_cpus: Option<u64>,
    /// `--cpu-period`, microseconds.
    pub cpu_period: Option<u64>,
    /// `--cpu-quota`, microseconds.
    pub cpu_quota: Option<u64>,
    /// `--cpuset-cpus`.
    pub cpuset_cpus: Option<String>,
    /// `--cpuset-mems`.
    pub cpuset_mems: Option<String>,
    /// `--blkio-weight`.
    pub blkio_weight: Option<u16>,
    /// `--device-read-bps`.
    pub device_read_bps: Vec<(String, u64)>,
    /// `--device-write-bps`.
    pub device_write_bps: Vec<(String, u64)>,
    /// `--device-read-iops`.
    pub device_read_iops: Vec<(String, u64)>,
    /// `--device-write-iops`.
    pub device_write_iops: Vec<(String, u64)>,
    /// `--pids-limit`; `Some(None)` is `-1` or `0`, unbounded.
    pub pids: Option<Option<u64>>,
    /// `--shm-size`, bytes.
    pub shm_size: Option<u64>,
    /// `--ulimit`.
    pub rlimits: Vec<Rlimit>,
    /// `--oom-score-adj`.
    pub oom_score_adj: Option<i32>,
    /// `--network`: `none` or `host`; what else docker takes is an error of the caller's.
    pub network: Option<NetworkWish>,
    /// `--egress`.
    pub egress: Option<Egress>,
    /// `-p`.
    pub publish: Vec<Publish>,
    /// `-P`: every port that the image exposes.
    pub publish_all: bool,
    /// `--pid`, `--ipc`, `--uts`, `--cgroupns`: those that were said to be `host`, by name.
    pub host_namespaces: Vec<String>,
    /// `--init`.
    pub init: Option<bool>,
    /// `-t`.
    pub tty: bool,
    /// `--restart`.
    pub restart: Option<Restart>,
    /// `--stop-signal`.
    pub stop_signal: Option<String>,
    /// `--stop-timeout`, seconds.
    pub stop_timeout: Option<u32>,
    /// `--privileged`.
    pub privileged: bool,
    /// `--allow`: what may be widened, by name.
    pub allow: Vec<String>,
}

/// `--network`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NetworkWish {
    /// `none`.
    None,
    /// `host`.
    Host,
}
