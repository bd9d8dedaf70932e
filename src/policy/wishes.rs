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
    /// [`Wishes::seccomp`]), `apparmor=NAME`, `apparmor=[complain:]FILE` with a `/` in it, `label=…`,
    /// `systempaths=unconfined`.
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

impl Wishes {
    /// These wishes, and where they are silent those of `base`: flags over what harden.toml says. Lists are put together,
    /// a later one counting over an earlier one of its name or place; values that are said together (memory and swap, the
    /// three of processors, network and egress) are taken from one source.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        let own_memory = self.memory.is_some();
        let own_cpu = self.milli_cpus.is_some() || self.cpu_period.is_some() || self.cpu_quota.is_some();
        let own_network = self.network.is_some() || self.egress.is_some();
        let either = |own: bool, mine: Option<u64>, other: Option<u64>| if own { mine } else { other };
        let mut mounts = base.mounts;
        mounts.retain(|one| self.mounts.iter().all(|mine| place(mine) != place(one)));
        mounts.extend(self.mounts);
        let mut devices = base.devices;
        devices.retain(|one| self.devices.iter().all(|mine| place(mine) != place(one)));
        devices.extend(self.devices);
        let mut publish = base.publish;
        publish.retain(|one| {
            let same = |mine: &Publish| (mine.port, mine.protocol) == (one.port, one.protocol);
            !self.publish.iter().any(same)
        });
        publish.extend(self.publish);
        Self {
            level: self.level.or(base.level),
            command: if self.command.is_empty() { base.command } else { self.command },
            entrypoint: self.entrypoint.or(base.entrypoint),
            env: joined(base.env, self.env),
            cwd: self.cwd.or(base.cwd),
            hostname: self.hostname.or(base.hostname),
            user: self.user.or(base.user),
            groups: joined(base.groups, self.groups),
            cap_add: joined(base.cap_add, self.cap_add),
            cap_drop: joined(base.cap_drop, self.cap_drop),
            security_opts: joined(base.security_opts, self.security_opts),
            seccomp: self.seccomp.or(base.seccomp),
            read_only: self.read_only.or(base.read_only),
            mounts,
            devices,
            memory: self.memory.or(base.memory),
            memory_swap: if own_memory { self.memory_swap } else { self.memory_swap.or(base.memory_swap) },
            cpu_shares: self.cpu_shares.or(base.cpu_shares),
            milli_cpus: either(own_cpu, self.milli_cpus, base.milli_cpus),
            cpu_period: either(own_cpu, self.cpu_period, base.cpu_period),
            cpu_quota: either(own_cpu, self.cpu_quota, base.cpu_quota),
            cpuset_cpus: self.cpuset_cpus.or(base.cpuset_cpus),
            cpuset_mems: self.cpuset_mems.or(base.cpuset_mems),
            blkio_weight: self.blkio_weight.or(base.blkio_weight),
            device_read_bps: joined(base.device_read_bps, self.device_read_bps),
            device_write_bps: joined(base.device_write_bps, self.device_write_bps),
            device_read_iops: joined(base.device_read_iops, self.device_read_iops),
            device_write_iops: joined(base.device_write_iops, self.device_write_iops),
            pids: self.pids.or(base.pids),
            shm_size: self.shm_size.or(base.shm_size),
            rlimits: joined(base.rlimits, self.rlimits),
            oom_score_adj: self.oom_score_adj.or(base.oom_score_adj),
            network: if own_network { self.network } else { base.network },
            egress: if own_network { self.egress } else { base.egress },
            publish,
            publish_all: self.publish_all || base.publish_all,
            host_namespaces: joined(base.host_namespaces, self.host_namespaces),
            init: self.init.or(base.init),
            tty: self.tty || base.tty,
            restart: self.restart.or(base.restart),
            stop_signal: self.stop_signal.or(base.stop_signal),
            stop_timeout: self.stop_timeout.or(base.stop_timeout),
            privileged: self.privileged || base.privileged,
            allow: joined(base.allow, self.allow),
        }
    }
}

fn joined<T>(mut first: Vec<T>, second: Vec<T>) -> Vec<T> {
    first.extend(second);
    first
}

fn place(mount: &Mount) -> &str {
    mount.destination.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::{NetworkWish, Wishes};
    use crate::policy::{Egress, Mount, MountKind};

    #[test]
    fn flags_count_over_the_file_and_lists_are_put_together() {
        let volume = |place: &str, name: &str| Mount {
            destination: place.to_owned(),
            kind: MountKind::Volume { name: name.to_owned(), read_only: false },
        };
        let base = Wishes {
            memory: Some(1),
            memory_swap: Some(Some(2)),
            milli_cpus: Some(500),
            env: vec!["A=1".to_owned()],
            egress: Some(Egress::All),
            mounts: vec![volume("/a", "base"), volume("/b", "base")],
            ..Wishes::default()
        };
        let flags = Wishes {
            memory: Some(5),
            cpu_quota: Some(7),
            env: vec!["A=2".to_owned()],
            network: Some(NetworkWish::None),
            mounts: vec![volume("/b/", "flag")],
            ..Wishes::default()
        };
        let both = flags.over(base.clone());
        assert_eq!((both.memory, both.memory_swap), (Some(5), None), "swap belongs to its memory");
        assert_eq!((both.milli_cpus, both.cpu_quota), (None, Some(7)));
        assert_eq!(both.env, ["A=1", "A=2"]);
        assert_eq!((both.network, both.egress), (Some(NetworkWish::None), None));
        assert_eq!(both.mounts, [volume("/a", "base"), volume("/b/", "flag")]);
        assert_eq!(Wishes::default().over(base.clone()), base);
        assert_eq!(base.clone().over(Wishes::default()), base);
    }
}
