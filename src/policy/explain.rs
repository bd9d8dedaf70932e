//! A profile as rows that people read: field, value and why, in sections. What prints them chooses the form.

use super::profile::{
    Egress, Filter, Level, Limits, Lsm, Mount, MountKind, Namespaces, Network, Profile, Protocol, Publish, Said,
};

/// Rows that belong together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// What they are about: `program`.
    pub title: &'static str,
    /// The rows.
    pub rows: Vec<Row>,
}

/// One field of a profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its name, as in a profile's file.
    pub field: &'static str,
    /// Its value, in one line.
    pub value: String,
    /// Why it is this one.
    pub why: String,
}

/// The rows of a profile. Values of environment variables are left out: they may be secrets.
#[must_use]
pub fn explain(profile: &Profile) -> Vec<Section> {
    let level = Row {
        field: "level",
        value: match profile.level {
            Level::Strict => "strict",
            Level::Default => "default",
            Level::Docker => "docker",
        }
        .to_owned(),
        why: "how strict the rest is made; `--level` changes it".to_owned(),
    };
    let mut program = vec![level];
    program.push(row("command", &profile.command, |words| {
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }));
    program.push(row("env", &profile.env, |lines| names(lines)));
    program.push(row("cwd", &profile.cwd, |path| line(path)));
    program.push(row("hostname", &profile.hostname, |name| line(name)));
    program.push(row("init", &profile.init, said));
    program.push(row("tty", &profile.tty, said));
    program.push(row("restart", &profile.restart, ToString::to_string));
    program.push(row("stop-signal", &profile.stop_signal, |name| line(name)));
    program.push(row("stop-timeout", &profile.stop_timeout, |seconds| format!("{seconds} s")));
    let privileges = vec![
        row("user", &profile.user, |ids| {
            let groups: String = ids.groups.iter().map(|gid| format!(" +{gid}")).collect();
            format!("{}:{}{groups}", ids.uid, ids.gid)
        }),
        row("capabilities", &profile.capabilities, |list| {
            listed(list.iter().map(ToString::to_string).collect(), "none")
        }),
        row("no-new-privileges", &profile.no_new_privileges, said),
        row("seccomp", &profile.seccomp, filter),
        row("lsm", &profile.lsm, modules),
        row("namespaces", &profile.namespaces, namespaces),
    ];
    let mut files = vec![row("read-only-root", &profile.read_only_root, said)];
    files.extend(profile.mounts.iter().map(|one| row("mounts", one, mount)));
    files.push(row("shm-size", &profile.shm_size, |bytes| size(*bytes)));
    files.push(row("masked-paths", &profile.masked_paths, |paths| listed(paths.clone(), "none")));
    files.push(row("read-only-paths", &profile.read_only_paths, |paths| listed(paths.clone(), "none")));
    let mut network = vec![row("network", &profile.network, reach)];
    network.extend(profile.publish.iter().map(|one| row("publish", one, port)));
    network.extend(profile.sysctls.iter().map(|one| row("sysctls", one, |(name, value)| format!("{name}={value}"))));
    let mut limits = limits(&profile.limits);
    limits.extend(profile.rlimits.iter().map(|one| {
        row("rlimits", one, |limit| format!("{}={}:{}", line(&limit.name), bound(limit.soft), bound(limit.hard)))
    }));
    limits.push(row("oom-score-adj", &profile.oom_score_adj, ToString::to_string));
    let mut sections = vec![
        Section { title: "program", rows: program },
        Section { title: "privileges", rows: privileges },
        Section { title: "files", rows: files },
        Section { title: "network", rows: network },
        Section { title: "limits", rows: limits },
    ];
    if !profile.widened.is_empty() {
        let rows =
            profile.widened.iter().map(|one| row("widened", one, |wide| format!("{}: {}", wide.allow, wide.what)));
        sections.push(Section { title: "widened", rows: rows.collect() });
    }
    sections
}

fn row<T>(field: &'static str, said: &Said<T>, show: impl Fn(&T) -> String) -> Row {
    Row { field, value: show(&said.value), why: line(&said.why) }
}

fn limits(limits: &Limits) -> Vec<Row> {
    let number = |value: &Option<u64>| value.map_or_else(|| "no bound".to_owned(), |value| value.to_string());
    let bytes = |value: &Option<u64>| value.map_or_else(|| "no bound".to_owned(), size);
    let time = |value: &Option<u64>| value.map_or_else(|| "no bound".to_owned(), |value| format!("{value} µs"));
    let set = |value: &Option<String>| value.as_deref().map_or_else(|| "all".to_owned(), line);
    let rates = |list: &Vec<(String, u64)>| {
        listed(list.iter().map(|(device, rate)| format!("{}={rate}", line(device))).collect(), "no bound")
    };
    let mut rows = vec![
        row("memory", &limits.memory, bytes),
        row("memory-and-swap", &limits.memory_and_swap, bytes),
        row("cpu-quota", &limits.cpu_quota, time),
        row("cpu-period", &limits.cpu_period, time),
        row("cpu-shares", &limits.cpu_shares, number),
        row("cpuset-cpus", &limits.cpuset_cpus, set),
        row("cpuset-mems", &limits.cpuset_mems, set),
        row("pids", &limits.pids, number),
        row("blkio-weight", &limits.blkio_weight, |weight| number(&weight.map(u64::from))),
    ];
    rows.push(row("device-read-bps", &limits.device_read_bps, rates));
    rows.push(row("device-write-bps", &limits.device_write_bps, rates));
    rows.push(row("device-read-iops", &limits.device_read_iops, rates));
    rows.push(row("device-write-iops", &limits.device_write_iops, rates));
    rows
}

fn mount(mount: &Mount) -> String {
    let to = line(&mount.destination);
    let access = |read_only: bool| if read_only { "read-only" } else { "writable" };
    match &mount.kind {
        MountKind::Tmpfs(tmpfs) => {
            let exec = if tmpfs.exec { "exec" } else { "noexec" };
            let owner = format!("{}:{}", tmpfs.uid, tmpfs.gid);
            format!("{to}: in memory, {}, mode {:o}, owner {owner}, {exec}", size(tmpfs.size), tmpfs.mode)
        }
        MountKind::Bind(bind) => format!("{to}: the host's {}, {}", line(&bind.source), access(bind.read_only)),
        MountKind::Device(device) => format!("{to}: the device {}, {}", line(&device.source), access(device.read_only)),
        MountKind::Volume { name, read_only } => format!("{to}: the volume {}, {}", line(name), access(*read_only)),
    }
}

fn filter(filter: &Filter) -> String {
    match filter {
        Filter::Unconfined => "none".to_owned(),
        Filter::Rules(list) => {
            let rules = list.syscalls().iter().flatten();
            let mut allowed: Vec<&String> = rules
                .filter(|rule| rule.action() == oci_spec::runtime::LinuxSeccompAction::ScmpActAllow)
                .flat_map(|rule| rule.names())
                .collect();
            allowed.sort_unstable();
            allowed.dedup();
            let on: Vec<String> = list.architectures().iter().flatten().map(ToString::to_string).collect();
            format!("{} calls allowed, on {}", allowed.len(), listed(on, "the running architecture"))
        }
    }
}

fn modules(lsm: &Lsm) -> String {
    let mut parts: Vec<String> = lsm.apparmor.iter().map(|name| format!("AppArmor {}", line(name))).collect();
    parts.extend(lsm.selinux.iter().map(|label| format!("SELinux {}", line(label))));
    parts.extend(lsm.landlock.then(|| "Landlock".to_owned()));
    listed(parts, "none")
}

fn namespaces(own: &Namespaces) -> String {
    let all = [("pid", own.pid), ("ipc", own.ipc), ("uts", own.uts), ("cgroup", own.cgroup), ("time", own.time)];
    let parts = all.iter().filter(|(_, own)| *own).map(|(name, _)| (*name).to_owned());
    listed(["user", "mount"].map(str::to_owned).into_iter().chain(parts).collect(), "none")
}

fn reach(network: &Network) -> String {
    match network {
        Network::None => "its own, empty but for loopback".to_owned(),
        Network::Host => "the host's".to_owned(),
        Network::Egress(Egress::All) => "its own, with a way out to anywhere".to_owned(),
        Network::Egress(Egress::Only(places)) => {
            let places = places.iter().map(|(host, port)| format!("{}:{port}", line(host))).collect();
            format!("its own, with a way out to {}", listed(places, "nowhere"))
        }
    }
}

fn port(publish: &Publish) -> String {
    let address = publish.address.map_or_else(|| "all addresses".to_owned(), |address| address.to_string());
    let host = if publish.host_port == 0 { "any free port".to_owned() } else { format!("port {}", publish.host_port) };
    let protocol = match publish.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    format!("{host} of {address} to {}/{protocol}", publish.port)
}

/// Bytes in the greatest unit without a rest.
fn size(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{} {unit}", bytes >> shift);
        }
    }
    format!("{bytes} B")
}

fn bound(value: u64) -> String {
    if value == u64::MAX { "unlimited".to_owned() } else { value.to_string() }
}

fn said(value: &bool) -> String {
    if *value { "yes" } else { "no" }.to_owned()
}

fn names(lines: &[String]) -> String {
    listed(lines.iter().map(|one| line(one.split('=').next().unwrap_or(""))).collect(), "none")
}

fn listed(parts: Vec<String>, none: &str) -> String {
    if parts.is_empty() { none.to_owned() } else { parts.iter().map(|part| line(part)).collect::<Vec<_>>().join(", ") }
}

/// A word as a shell would need it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", line(word).replace('\'', "'\\''"))
    }
}

/// A text of an image or a user in one line: control characters could forge rows or steer a terminal.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
