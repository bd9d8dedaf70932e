//! From flags to what is asked of the profile.

use std::path::Path;

use crate::cli::failure::Failure;
use crate::cli::output::Console;
use crate::policy::{NetworkWish, Profile, Wishes};

use super::flags::Flags;
use super::{settings, values};

/// Bytes of a file that a flag names.
const MOST_BYTES: u64 = 4 << 20;

impl Flags {
    /// The profile of `--profile`.
    pub(in crate::cli) fn profile(&self) -> Result<Option<Profile>, Failure> {
        let Some(path) = &self.profile else { return Ok(None) };
        let (text, name) = (read(path)?, path.display().to_string());
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let profile = if is_json { Profile::from_json(&text, &name) } else { Profile::from_toml(&text, &name) };
        profile.map(Some).map_err(|error| Failure::Usage(error.to_string()))
    }

    /// What the flags and the words behind the image ask for, over what `[run]` of harden.toml does. Reads the files that
    /// they name.
    pub(in crate::cli) fn wishes(&self, command: &[String], tty: bool, console: &Console) -> Result<Wishes, Failure> {
        let here = std::env::current_dir().map_err(|error| {
            Failure::Read(format!("the current folder can't be found ({error}); change to another"))
        })?;
        let wishes = self.data(command, tty, &here.display().to_string()).map_err(Failure::Usage)?;
        let mut env = Vec::new();
        for path in &self.env_file {
            let variables = values::env_file(&read(path)?, look_up);
            env.extend(variables.map_err(|why| Failure::Usage(format!("`{}`: {why}", path.display())))?);
        }
        for text in &self.env {
            env.extend(values::variable(text, look_up).map_err(Failure::Usage)?);
        }
        let seccomp = self.seccomp(&here)?;
        let own = Wishes { env, seccomp, ..wishes };
        if self.profile.is_some() {
            return Ok(own);
        }
        match self.config.finder(&here)?.for_folder(&here)? {
            Some(config) => Ok(own.over(settings::wishes(&config, &self.allow, console)?)),
            None => Ok(own),
        }
    }

    /// The text of the file of `--security-opt seccomp=FILE`, which may be named from `folder` on.
    pub(super) fn seccomp(&self, folder: &Path) -> Result<Option<String>, Failure> {
        match self.security_opt.iter().rev().find_map(|option| option.strip_prefix("seccomp=")) {
            None | Some("unconfined" | "builtin") => Ok(None),
            Some(path) => read(&folder.join(path)).map(Some),
        }
    }

    pub(super) fn data(&self, command: &[String], tty: bool, here: &str) -> Result<Wishes, String> {
        let sized = |text: &Option<String>| text.as_deref().map(values::bytes).transpose();
        let rates = |texts: &[String], read| -> Result<Vec<_>, String> {
            texts.iter().map(|text| values::device_rate(text, read)).collect()
        };
        let mut mounts = Vec::new();
        for text in &self.volume {
            mounts.push(values::volume(text, here)?);
        }
        for text in &self.mount {
            mounts.push(values::mount(text, here)?);
        }
        for text in &self.tmpfs {
            mounts.push(values::tmpfs_mount(text)?);
        }
        let mut devices = Vec::new();
        for text in &self.device {
            devices.push(values::device(text)?);
        }
        let publish: Vec<Vec<_>> = self.publish.iter().map(|text| values::publish(text)).collect::<Result<_, _>>()?;
        Ok(Wishes {
            level: self.level.map(Into::into),
            command: command.to_vec(),
            entrypoint: self.entrypoint.clone(),
            cwd: self.workdir.clone(),
            hostname: self.hostname.clone(),
            user: self.user.clone(),
            groups: self.group_add.clone(),
            cap_add: self.cap_add.clone(),
            cap_drop: self.cap_drop.clone(),
            security_opts: self.security_opt.clone(),
            read_only: self.read_only,
            mounts,
            devices,
            memory: sized(&self.memory)?,
            memory_swap: self.memory_swap.as_deref().map(values::swap).transpose()?,
            cpu_shares: self.cpu_shares,
            milli_cpus: self.cpus.as_deref().map(values::milli_cpus).transpose()?,
            cpu_period: self.cpu_period,
            cpu_quota: self.cpu_quota,
            cpuset_cpus: self.cpuset_cpus.clone(),
            cpuset_mems: self.cpuset_mems.clone(),
            blkio_weight: self.blkio_weight,
            device_read_bps: rates(&self.device_read_bps, values::bytes)?,
            device_write_bps: rates(&self.device_write_bps, values::bytes)?,
            device_read_iops: rates(&self.device_read_iops, values::count)?,
            device_write_iops: rates(&self.device_write_iops, values::count)?,
            pids: self.pids_limit.map(values::pids).transpose()?,
            shm_size: sized(&self.shm_size)?,
            rlimits: self.ulimit.iter().map(|text| values::rlimit(text)).collect::<Result<_, _>>()?,
            oom_score_adj: self.oom_score_adj,
            network: self.network.as_deref().map(network).transpose()?,
            egress: values::egress(&self.egress)?,
            publish: publish.into_iter().flatten().collect(),
            publish_all: self.publish_all,
            host_namespaces: self.host_namespaces()?,
            init: self.init.then_some(true),
            tty,
            restart: self.restart.as_deref().map(values::restart).transpose()?,
            stop_signal: self.stop_signal.clone(),
            stop_timeout: self.stop_timeout,
            privileged: self.privileged,
            allow: self.allow.clone(),
            ..Wishes::default()
        })
    }

    fn host_namespaces(&self) -> Result<Vec<String>, String> {
        let asked = [("pid", &self.pid), ("ipc", &self.ipc), ("uts", &self.uts), ("cgroup", &self.cgroupns)];
        let mut host = Vec::new();
        for (name, value) in asked {
            match value.as_deref() {
                None | Some("private") => {}
                Some("host") => host.push(name.to_owned()),
                Some(other) => {
                    return Err(format!(
                        "the {name} namespace is private or host, not `{other}`; other containers' are not joined"
                    ));
                }
            }
        }
        Ok(host)
    }
}

fn network(text: &str) -> Result<NetworkWish, String> {
    match text {
        "none" => Ok(NetworkWish::None),
        "host" => Ok(NetworkWish::Host),
        "bridge" | "default" | "slirp4netns" | "pasta" => Err(format!(
            "`--network {text}` opens every way out; write `--egress all` for that, or `--egress HOST:PORT`; `-p` works without"
        )),
        other => Err(format!("`--network {other}` is not there; write none or host")),
    }
}

pub(super) fn look_up(key: &str) -> Option<String> {
    std::env::var(key).ok()
}

fn read(path: &Path) -> Result<String, Failure> {
    let cannot = |why: &dyn std::fmt::Display| Failure::Read(format!("`{}` can't be read: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| cannot(&error))?.len();
    if size > MOST_BYTES {
        return Err(cannot(&format_args!("it has {size} bytes, more than {MOST_BYTES}")));
    }
    std::fs::read_to_string(path).map_err(|error| cannot(&error))
}
