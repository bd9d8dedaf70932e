//! `docker run` and `podman run`: one command, quoted for a POSIX shell, with the list of system calls beside it.

use super::quote::{csv, is_assignment, is_plain_path, shell};
use super::{Exported, Source, common, seccomp};
use crate::policy::profile::{Bind, Filter, Ids, Limits, MountKind, Network, Profile, Publish, Restart, Tmpfs};

/// Whose flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Client {
    Docker,
    Podman,
}

/// What both cover by themselves: moby's daemon/pkg/oci/defaults.go.
const MASKED: [&str; 12] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

pub(super) fn export(profile: &Profile, source: &Source, client: Client) -> Exported {
    let mut notes = Vec::new();
    let mut files = Vec::new();
    let list = seccomp::file(profile, source);
    let program = match client {
        Client::Docker => "docker",
        Client::Podman => "podman",
    };
    let mut command = program.to_owned() + " run";
    let path = list.as_ref().map(|(name, _)| name.as_str());
    for word in flags(profile, &source.name, client, path, &mut notes) {
        // A flag starts a line, so that a change of it is a change of one line.
        command.push_str(if word.starts_with("--") { " \\\n  " } else { " " });
        command.push_str(&shell(&word));
    }
    command.push_str(" \\\n ");
    for word in tail(profile, &source.image) {
        command.push(' ');
        command.push_str(&shell(&word));
    }
    command.push('\n');
    files.push((format!("{}.{program}.sh", source.name), command));
    if let Some(list) = list {
        files.push(list);
        notes.push("the path of the seccomp file is relative to the folder that the command is given in".to_owned());
    }
    common::landlock(profile, &mut notes);
    common::time_namespace(profile, &mut notes);
    let remedy = match client {
        Client::Docker => "set `userns-remap` for the daemon, or run Docker rootless",
        Client::Podman => "start it as an ordinary user, or add `--userns=auto` as root",
    };
    common::user_namespace(remedy, &mut notes);
    Exported { files, notes }
}

/// What follows the flags: the image and the arguments.
#[must_use]
pub fn tail(profile: &Profile, image: &str) -> Vec<String> {
    let mut words = Vec::new();
    // No registry takes such a name, but it isn't ours to turn it into a flag.
    if image.starts_with('-') {
        words.push("--".to_owned());
    }
    words.push(image.to_owned());
    words.extend(common::command(profile).1.iter().cloned());
    words
}

/// The flags: each one word with its value, `--user=1000:1000`. `seccomp` is the path of the file with the list of calls.
/// What they can't say of what others can is added to `notes`; the user namespace, the time namespace and Landlock have no
/// flag at all.
#[must_use]
pub fn flags(
    profile: &Profile,
    name: &str,
    client: Client,
    seccomp: Option<&str>,
    notes: &mut Vec<String>,
) -> Vec<String> {
    let mut flags = vec![format!("--name={name}")];
    process(profile, client, notes, &mut flags);
    security(profile, client, seccomp, notes, &mut flags);
    mounts(profile, client, notes, &mut flags);
    limits(profile, client, &mut flags);
    network(profile, client, notes, &mut flags);
    flags
}

fn process(profile: &Profile, client: Client, notes: &mut Vec<String>, flags: &mut Vec<String>) {
    let own = profile.namespaces.value;
    let ids = &profile.user.value;
    flags.push(format!("--user={}:{}", ids.uid, ids.gid));
    flags.extend(ids.groups.iter().map(|group| format!("--group-add={group}")));
    flags.push(format!("--workdir={}", profile.cwd.value));
    if own.uts {
        flags.push(format!("--hostname={}", profile.hostname.value));
    }
    for (kind, own) in [("pid", own.pid), ("uts", own.uts)] {
        if !own {
            flags.push(format!("--{kind}=host"));
        }
    }
    flags.push(format!("--ipc={}", if own.ipc { "private" } else { "host" }));
    flags.push(format!("--cgroupns={}", if own.cgroup { "private" } else { "host" }));
    if let Some(program) = common::command(profile).0 {
        flags.push(format!("--entrypoint={}", entrypoint(program, client)));
    }
    let env = common::env(profile, is_assignment, notes);
    if client == Client::Podman && env.iter().any(|variable| variable.contains("\r\n")) {
        notes.push("Podman reads a carriage return and line break in a variable as a line break".to_owned());
    }
    flags.extend(env.into_iter().map(|variable| format!("--env={variable}")));
    if profile.tty.value {
        flags.push("--tty".to_owned());
    }
    if profile.init.value {
        flags.push("--init".to_owned());
    }
    match profile.restart.value {
        Restart::No => flags.push("--rm".to_owned()),
        Restart::OnFailure(None) => flags.push("--restart=on-failure".to_owned()),
        Restart::OnFailure(Some(times)) => flags.push(format!("--restart=on-failure:{times}")),
        Restart::Always => flags.push("--restart=always".to_owned()),
    }
    flags.push(format!("--stop-signal={}", profile.stop_signal.value));
    flags.push(format!("--stop-timeout={}", profile.stop_timeout.value));
    flags.push(format!("--oom-score-adj={}", profile.oom_score_adj.value));
}

/// Podman reads an entry point that looks like a list of JSON as one.
fn entrypoint(program: &str, client: Client) -> String {
    match client {
        Client::Podman if program.starts_with('[') => format!("[{}]", super::quote::json(program)),
        _ => program.to_owned(),
    }
}

fn security(
    profile: &Profile,
    client: Client,
    seccomp: Option<&str>,
    notes: &mut Vec<String>,
    flags: &mut Vec<String>,
) {
    if profile.read_only_root.value {
        flags.push("--read-only".to_owned());
        if client == Client::Podman {
            flags.push("--read-only-tmpfs=false".to_owned());
        }
    }
    flags.push("--cap-drop=ALL".to_owned());
    flags.extend(common::capabilities(profile).iter().map(|name| format!("--cap-add={name}")));
    let mut option = |value: String| flags.push(format!("--security-opt={value}"));
    if profile.no_new_privileges.value {
        option("no-new-privileges".to_owned());
    }
    match (&profile.seccomp.value, seccomp) {
        (Filter::Rules(_), Some(path)) => option(format!("seccomp={path}")),
        (Filter::Unconfined, _) => option("seccomp=unconfined".to_owned()),
        (Filter::Rules(_), None) => notes.push("the list of system calls is not given on".to_owned()),
    }
    let lsm = &profile.lsm.value;
    if let Some(name) = &lsm.apparmor {
        option(format!("apparmor={name}"));
    }
    if let Some(label) = &lsm.selinux {
        // The level is whatever follows the third colon, colons included.
        for (part, value) in ["user", "role", "type", "level"].into_iter().zip(label.splitn(4, ':')) {
            option(format!("label={part}:{value}"));
        }
    }
    masks(profile, client, notes, &mut option);
}

fn masks(profile: &Profile, client: Client, notes: &mut Vec<String>, option: &mut dyn FnMut(String)) {
    let more: Vec<&str> =
        profile.masked_paths.value.iter().map(String::as_str).filter(|path| !MASKED.contains(path)).collect();
    if profile.masked_paths.value.is_empty() && profile.read_only_paths.value.is_empty() {
        option(match client {
            Client::Docker => "systempaths=unconfined".to_owned(),
            Client::Podman => "unmask=ALL".to_owned(),
        });
    } else if client == Client::Docker && !more.is_empty() {
        notes.push(format!("Docker covers its own list of paths only, so these stay readable: {}", more.join(", ")));
    } else if !more.is_empty() {
        let paths = common::paths(more.into_iter(), is_plain_path, notes);
        option(format!("mask={}", paths.join(":")));
    }
}

fn mounts(profile: &Profile, client: Client, notes: &mut Vec<String>, flags: &mut Vec<String>) {
    if let Some(size) = common::shm_size(profile) {
        flags.push(format!("--shm-size={size}"));
    }
    for (destination, tmpfs) in common::tmpfs(profile) {
        if is_plain_path(destination) {
            flags.push(format!(
                "--tmpfs={destination}:{}",
                tmpfs_options(destination, tmpfs, &profile.user.value, client, notes)
            ));
        } else {
            notes.push(common::cannot_carry(destination));
        }
    }
    for mount in &profile.mounts {
        let destination = &mount.value.destination;
        match &mount.value.kind {
            MountKind::Tmpfs(_) => {}
            MountKind::Bind(bind) => flags.extend(bound(bind, destination, client, notes)),
            MountKind::Device(device) if is_plain_path(&device.source) && is_plain_path(destination) => {
                let access = if device.read_only { "r" } else { "rw" };
                flags.push(format!("--device={}:{destination}:{access}", device.source));
            }
            MountKind::Device(_) => notes.push(common::cannot_carry(destination)),
            MountKind::Volume { name, read_only } => {
                let read_only = if *read_only { ",readonly" } else { "" };
                let fields = [csv(&format!("source={name}")), csv(&format!("destination={destination}"))];
                flags.push(format!("--mount=type=volume,{}{read_only}", fields.join(",")));
            }
        }
    }
}

fn bound(bind: &Bind, destination: &str, client: Client, notes: &mut Vec<String>) -> Option<String> {
    if bind.create && is_plain_path(&bind.source) && is_plain_path(destination) {
        let read_only = if bind.read_only { "ro" } else { "rw" };
        return Some(format!("--volume={}:{destination}:{read_only}", bind.source));
    }
    if [&bind.source, destination].iter().any(|path| path.contains(['\n', '\r', '\0'])) {
        notes.push(common::cannot_carry(destination));
        return None;
    }
    let fields = [csv(&format!("source={}", bind.source)), csv(&format!("destination={destination}"))];
    let read_only = if bind.read_only { ",readonly" } else { "" };
    let recursive = match client {
        _ if bind.recursive => "",
        Client::Docker => ",bind-recursive=disabled",
        Client::Podman => ",bind-nonrecursive=true",
    };
    Some(format!("--mount=type=bind,{}{read_only}{recursive}", fields.join(",")))
}

/// The options of a tmpfs after the colon of `--tmpfs`, and of Compose's and quadlets' form of it.
pub(super) fn tmpfs_options(
    destination: &str,
    tmpfs: &Tmpfs,
    ids: &Ids,
    client: Client,
    notes: &mut Vec<String>,
) -> String {
    let exec = if tmpfs.exec { "exec" } else { "noexec" };
    let mut options = format!("rw,nosuid,nodev,{exec},size={},mode={:o}", tmpfs.size, tmpfs.mode & 0o7777);
    match client {
        Client::Docker => {
            // runc before 1.2 gives it the mode of the folder that it covers; its owner can write there whatever the mode.
            options.push_str(&format!(",uid={},gid={}", ids.uid, ids.gid));
            if let Some(inodes) = tmpfs.inodes {
                options.push_str(&format!(",nr_inodes={inodes}"));
            }
            if tmpfs.copy_up {
                notes
                    .push(format!("Docker copies nothing into a tmpfs: what the image has at {destination} is hidden"));
            }
        }
        Client::Podman => {
            options.push_str(if tmpfs.copy_up { ",tmpcopyup" } else { ",notmpcopyup" });
            if tmpfs.inodes.is_some() {
                notes.push(format!("Podman doesn't bound how many files the tmpfs at {destination} may hold"));
            }
        }
    }
    options
}

fn limits(profile: &Profile, client: Client, flags: &mut Vec<String>) {
    let limits = &profile.limits;
    let mut number = |flag: &str, value: Option<u64>| flags.extend(value.map(|value| format!("--{flag}={value}")));
    number("memory", limits.memory.value);
    number("cpu-period", limits.cpu_period.value);
    number("cpu-quota", limits.cpu_quota.value);
    number("cpu-shares", limits.cpu_shares.value);
    number("blkio-weight", limits.blkio_weight.value.map(u64::from));
    match (limits.memory.value, limits.memory_and_swap.value) {
        (_, Some(both)) => flags.push(format!("--memory-swap={both}")),
        // Without it, both would give twice the memory.
        (Some(_), None) => flags.push("--memory-swap=-1".to_owned()),
        (None, None) => {}
    }
    match limits.pids.value {
        Some(pids) => flags.push(format!("--pids-limit={pids}")),
        // Podman bounds them unasked.
        None if client == Client::Podman => flags.push("--pids-limit=-1".to_owned()),
        None => {}
    }
    let text = |flag: &str, value: &Option<String>| value.as_ref().map(|value| format!("--{flag}={value}"));
    flags.extend(text("cpuset-cpus", &limits.cpuset_cpus.value));
    flags.extend(text("cpuset-mems", &limits.cpuset_mems.value));
    for (flag, bounds) in devices(limits) {
        flags.extend(bounds.iter().map(|(path, rate)| format!("--{flag}={path}:{rate}")));
    }
    for limit in &profile.rlimits {
        let limit = &limit.value;
        let value = |value: u64| if value == u64::MAX { "-1".to_owned() } else { value.to_string() };
        flags.push(format!("--ulimit={}={}:{}", limit.name, value(limit.soft), value(limit.hard)));
    }
}

/// The bounds on devices, by the name of their flag.
pub(super) fn devices(limits: &Limits) -> [(&'static str, &[(String, u64)]); 4] {
    [
        ("device-read-bps", &limits.device_read_bps.value),
        ("device-write-bps", &limits.device_write_bps.value),
        ("device-read-iops", &limits.device_read_iops.value),
        ("device-write-iops", &limits.device_write_iops.value),
    ]
}

fn network(profile: &Profile, client: Client, notes: &mut Vec<String>, flags: &mut Vec<String>) {
    match &profile.network.value {
        Network::Host => flags.push("--network=host".to_owned()),
        Network::None if profile.publish.is_empty() => flags.push("--network=none".to_owned()),
        Network::None => notes.push(open_for_ports(client)),
        Network::Egress(_) => {}
    }
    if let Some(places) = common::egress_list(profile) {
        let places: Vec<String> = places.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        notes.push(format!(
            "this form can't bound where a container connects to, so it is open beyond `{}`; bound it by a firewall",
            places.join("`, `")
        ));
    }
    flags.extend(profile.publish.iter().map(|publish| format!("--publish={}", published(&publish.value))));
}

fn open_for_ports(client: Client) -> String {
    let remedy = match client {
        Client::Docker => {
            "make a network without masquerading, `docker network create -o \
             com.docker.network.bridge.enable_ip_masquerade=false closed`, and add `--network=closed`"
        }
        Client::Podman => "bound it by a firewall, or use `harden run`, whose forwarder opens nothing outward",
    };
    format!("a published port needs a bridge here, and a bridge lets the container connect out too; {remedy}")
}

/// `ADDRESS:PORT:PORT/PROTOCOL`.
pub(super) fn published(publish: &Publish) -> String {
    let address = match publish.address {
        Some(std::net::IpAddr::V6(address)) => format!("[{address}]:"),
        Some(address) => format!("{address}:"),
        None => String::new(),
    };
    let host = if publish.host_port == 0 { String::new() } else { publish.host_port.to_string() };
    // An address wants the place of the host's port, empty or not; without both, the port alone is any free one.
    let separator = if address.is_empty() && host.is_empty() { "" } else { ":" };
    format!("{address}{host}{separator}{}/{}", publish.port, common::protocol(publish))
}
