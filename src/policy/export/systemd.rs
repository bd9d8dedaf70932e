//! A service of systemd (systemd.exec(5), systemd.resource-control(5)) that runs the unpacked image with every sandbox
//! directive that says what the profile says. Written for systemd 252 and later.

use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompAction};

use super::docker::devices;
use super::quote::{systemd, systemd_line};
use super::{Exported, Source, common};
use crate::policy::profile::{Filter, MountKind, Network, Profile, Restart};

/// Lines of a section, `Setting=value`.
type Lines = Vec<String>;

pub(super) fn export(profile: &Profile, source: &Source) -> Exported {
    let mut notes = vec![format!(
        "unpack {} into /var/lib/machines/{} first, each file with its owner in the image",
        source.image, source.name
    )];
    let mut service = vec!["Type=exec".to_owned(), format!("RootDirectory=/var/lib/machines/{}", source.name)];
    process(profile, &mut service, &mut notes);
    files(profile, &mut service, &mut notes);
    security(profile, &mut service);
    calls(profile, &mut service, &mut notes);
    network(profile, &mut service, &mut notes);
    limits(profile, &mut service, &mut notes);
    losses(profile, &mut notes);
    let mut unit = vec![format!("Description={}, with the least privilege", source.name)];
    if let Restart::OnFailure(Some(times)) = profile.restart.value {
        unit.push("StartLimitIntervalSec=infinity".to_owned());
        unit.push(format!("StartLimitBurst={}", times.saturating_add(1)));
    }
    let text = format!(
        "[Unit]\n{}\n\n[Service]\n{}\n\n[Install]\nWantedBy=multi-user.target\n",
        unit.join("\n"),
        service.join("\n")
    );
    Exported { files: vec![(format!("{}.service", source.name), text)], notes }
}

fn process(profile: &Profile, lines: &mut Lines, notes: &mut Vec<String>) {
    let ids = &profile.user.value;
    // Signs before the program's path mean something, so a name that starts with one can't be given. The colon is one of
    // them: it keeps `$` what it is.
    match common::command(profile) {
        (Some(program), arguments) if program.starts_with(|c: char| c == '/' || c.is_ascii_alphanumeric()) => {
            let words: Vec<String> =
                std::iter::once(program).chain(arguments.iter().map(String::as_str)).map(systemd).collect();
            lines.push(format!("ExecStart=:{}", words.join(" ")));
        }
        _ => notes.push("systemd can't start a program of such a name: write ExecStart= yourself".to_owned()),
    }
    lines.push(format!("User={}", ids.uid));
    lines.push(format!("Group={}", ids.gid));
    if !ids.groups.is_empty() {
        let groups: Vec<String> = ids.groups.iter().map(u32::to_string).collect();
        lines.push(format!("SupplementaryGroups={}", groups.join(" ")));
    }
    match systemd_line(&profile.cwd.value) {
        Some(path) => lines.push(format!("WorkingDirectory={path}")),
        None => notes.push(common::cannot_carry(&profile.cwd.value)),
    }
    let env = common::env(profile, is_variable, notes);
    lines.extend(env.into_iter().map(|variable| format!("Environment={}", systemd(variable))));
    lines.push(format!("KillSignal={}", profile.stop_signal.value));
    lines.push(format!("TimeoutStopSec={}", profile.stop_timeout.value));
    lines.push(format!("OOMScoreAdjust={}", profile.oom_score_adj.value));
    lines.push(match profile.restart.value {
        Restart::No => "Restart=no".to_owned(),
        Restart::OnFailure(_) => "Restart=on-failure".to_owned(),
        Restart::Always => "Restart=always".to_owned(),
    });
}

/// What systemd takes as a variable (its basic/env-util.c): an identifier, and no control character but tab and line break.
fn is_variable(variable: &str) -> bool {
    let Some((name, value)) = variable.split_once('=') else { return false };
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !value.chars().any(|c| c.is_control() && c != '\t' && c != '\n')
}

/// What a list of paths takes without any quoting.
fn is_unit_path(path: &str) -> bool {
    path.starts_with('/') && !path.chars().any(|c| c.is_control() || c.is_whitespace() || ":\"'\\".contains(c))
}

fn files(profile: &Profile, lines: &mut Lines, notes: &mut Vec<String>) {
    lines.push("MountAPIVFS=yes".to_owned());
    lines.push(format!("ProtectSystem={}", if profile.read_only_root.value { "strict" } else { "no" }));
    for mount in &profile.mounts {
        let destination = &mount.value.destination;
        let bind = match &mount.value.kind {
            MountKind::Tmpfs(tmpfs) if is_unit_path(destination) => {
                let exec = if tmpfs.exec { "exec" } else { "noexec" };
                let inodes = tmpfs.inodes.map(|inodes| format!(",nr_inodes={inodes}")).unwrap_or_default();
                lines.push(format!(
                    "TemporaryFileSystem={}:rw,nosuid,nodev,{exec},size={},mode={:o}{inodes}",
                    destination.replace('%', "%%"),
                    tmpfs.size,
                    tmpfs.mode & 0o7777
                ));
                if tmpfs.copy_up {
                    notes.push(format!("a tmpfs starts empty: what the image has at {destination} is hidden"));
                }
                continue;
            }
            MountKind::Bind(bind) => Some((bind.source.clone(), bind.read_only, bind.recursive)),
            MountKind::Device(device) => Some((device.source.clone(), device.read_only, false)),
            MountKind::Volume { name, read_only } => {
                notes.push(format!("make the folder of the volume {name} below /var/lib/volumes first"));
                let folder = crate::policy::oci::volume_folder(std::path::Path::new("/var/lib/volumes"), name);
                Some((folder.to_string_lossy().into_owned(), *read_only, false))
            }
            MountKind::Tmpfs(_) => None,
        };
        match bind {
            Some((source, read_only, recursive)) if is_unit_path(&source) && is_unit_path(destination) => {
                let setting = if read_only { "BindReadOnlyPaths" } else { "BindPaths" };
                let kind = if recursive { "rbind" } else { "norbind" };
                lines.push(format!("{setting}={}:{kind}", format!("{source}:{destination}").replace('%', "%%")));
            }
            _ => notes.push(common::cannot_carry(destination)),
        }
    }
    let mut list = |setting: &str, paths: &[String]| {
        let paths = common::paths(paths.iter().map(String::as_str), is_unit_path, notes);
        // A dash lets a path be missing, as some are on some kernels.
        lines.extend(paths.iter().map(|path| format!("{setting}=-{}", path.replace('%', "%%"))));
    };
    list("InaccessiblePaths", &profile.masked_paths.value);
    list("ReadOnlyPaths", &profile.read_only_paths.value);
}

fn security(profile: &Profile, lines: &mut Lines) {
    let capabilities = common::capabilities(profile);
    let names: Vec<String> = capabilities.iter().map(|name| format!("CAP_{name}")).collect();
    let has = |name: &str| capabilities.iter().any(|own| own == name);
    lines.push(format!("CapabilityBoundingSet={}", names.join(" ")));
    lines.push(format!("AmbientCapabilities={}", names.join(" ")));
    let own = profile.namespaces.value;
    let settings = [
        ("NoNewPrivileges=yes", profile.no_new_privileges.value),
        ("PrivateUsers=yes", true),
        ("PrivateDevices=yes", true),
        ("PrivateIPC=yes", own.ipc),
        ("RemoveIPC=yes", own.ipc),
        ("ProtectHostname=yes", own.uts),
        ("ProtectControlGroups=yes", true),
        ("ProtectKernelTunables=yes", true),
        ("ProtectKernelModules=yes", true),
        ("ProtectKernelLogs=yes", true),
        ("ProtectClock=yes", !has("SYS_TIME")),
        ("ProtectProc=invisible", own.pid),
        ("RestrictRealtime=yes", !has("SYS_NICE")),
        ("RestrictSUIDSGID=yes", profile.no_new_privileges.value),
        ("LockPersonality=yes", true),
        ("RestrictNamespaces=yes", !has("SYS_ADMIN")),
        ("KeyringMode=private", true),
        ("DevicePolicy=closed", true),
    ];
    lines.extend(settings.into_iter().filter(|(_, holds)| *holds).map(|(setting, _)| setting.to_owned()));
    let lsm = &profile.lsm.value;
    let label = |setting: &str, value: &Option<String>| {
        // A dash lets the module be missing, as the profile does.
        value.as_deref().and_then(systemd_line).map(|value| format!("{setting}=-{value}"))
    };
    lines.extend(label("AppArmorProfile", &lsm.apparmor));
    lines.extend(label("SELinuxContext", &lsm.selinux));
}

fn calls(profile: &Profile, lines: &mut Lines, notes: &mut Vec<String>) {
    let Filter::Rules(rules) = &profile.seccomp.value else { return };
    let is_allowed = |action: LinuxSeccompAction| action == LinuxSeccompAction::ScmpActAllow;
    if is_allowed(rules.default_action()) {
        let (refused, _) = names(rules, |action| !is_allowed(action));
        lines.push(format!("SystemCallFilter=~{}", refused.join(" ")));
    } else {
        let (allowed, conditional) = names(rules, is_allowed);
        lines.push(format!("SystemCallFilter={}", allowed.join(" ")));
        if !conditional.is_empty() {
            notes.push(format!(
                "systemd looks at no arguments, so these calls are open whole: {}; RestrictNamespaces=, \
                 RestrictAddressFamilies= and LockPersonality= close what matters of them",
                conditional.join(", ")
            ));
        }
        notes.push("all other calls get one error number here: the list's usual one".to_owned());
    }
    // 38 is ENOSYS, 1 EPERM; systemd takes numbers as well as names.
    lines.push(format!("SystemCallErrorNumber={}", rules.default_errno_ret().unwrap_or(1)));
    lines.push("SystemCallArchitectures=native".to_owned());
}

/// Calls that a rule with such an action names, sorted, and those of them that it names only with conditions.
fn names(rules: &LinuxSeccomp, wanted: impl Fn(LinuxSeccompAction) -> bool) -> (Vec<String>, Vec<String>) {
    let rules: Vec<_> = rules.syscalls().iter().flatten().filter(|rule| wanted(rule.action())).collect();
    let collect = |conditional: bool| {
        let rules =
            rules.iter().filter(|rule| rule.args().as_ref().is_some_and(|args| !args.is_empty()) == conditional);
        let plain = |name: &&String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let mut names: Vec<String> = rules.flat_map(|rule| rule.names().iter().filter(plain).cloned()).collect();
        names.sort();
        names.dedup();
        names
    };
    let (always, mut conditional) = (collect(false), collect(true));
    conditional.retain(|name| !always.contains(name));
    let mut all = [&always[..], &conditional[..]].concat();
    all.sort();
    (all, conditional)
}

fn network(profile: &Profile, lines: &mut Lines, notes: &mut Vec<String>) {
    let closed = profile.network.value == Network::None;
    if closed && profile.publish.is_empty() {
        lines.push("PrivateNetwork=yes".to_owned());
    }
    if matches!(profile.seccomp.value, Filter::Rules(_))
        && !common::capabilities(profile).contains(&"NET_RAW".to_owned())
    {
        lines.push("RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK".to_owned());
    }
    if !profile.publish.is_empty() {
        let ports = profile
            .publish
            .iter()
            .map(|publish| format!("SocketBindAllow={}:{}", common::protocol(&publish.value), publish.value.port));
        lines.extend(ports);
        lines.push("SocketBindDeny=any".to_owned());
        notes.push(
            "the program listens on the host's network, so each port is the host's of the same number".to_owned(),
        );
        if closed {
            notes.push(
                "to serve, the program shares the host's network and can connect out: bound it by a firewall"
                    .to_owned(),
            );
        }
    }
    if let Some(places) = common::egress_list(profile) {
        // The lists are about both directions: with ports to serve, they would keep out who wants to be served.
        if profile.publish.is_empty() {
            let addresses = places.iter().map(|(host, _)| host.trim_matches(['[', ']']));
            let addresses = addresses.filter(|host| host.parse::<std::net::IpAddr>().is_ok());
            let allowed: Vec<&str> = std::iter::once("localhost").chain(addresses).collect();
            lines.push("IPAddressDeny=any".to_owned());
            lines.push(format!("IPAddressAllow={}", allowed.join(" ")));
            notes.push("systemd knows addresses only, no ports and no host names; add those of the names".to_owned());
        } else {
            notes.push(
                "where it connects to isn't bounded beside ports that it serves: bound it by a firewall".to_owned(),
            );
        }
    }
}

fn limits(profile: &Profile, lines: &mut Lines, notes: &mut Vec<String>) {
    let limits = &profile.limits;
    let mut number = |setting: &str, value: Option<u64>| lines.extend(value.map(|value| format!("{setting}={value}")));
    number("MemoryMax", limits.memory.value);
    let swap = limits.memory_and_swap.value.map(|both| both.saturating_sub(limits.memory.value.unwrap_or(0)));
    number("MemorySwapMax", swap);
    number("TasksMax", limits.pids.value);
    // 1024 shares and a weight of 100 are both what is usual; of block I/O, 500 and 100.
    number("CPUWeight", limits.cpu_shares.value.map(|shares| (shares.saturating_mul(100) / 1024).clamp(1, 10_000)));
    number("IOWeight", limits.blkio_weight.value.map(|weight| (u64::from(weight) * 100 / 500).clamp(1, 10_000)));
    if let Some(milli) = common::milli_cpus(profile) {
        lines.push(format!("CPUQuota={}.{}%", milli / 10, milli % 10));
    }
    for (setting, value) in
        [("AllowedCPUs", &limits.cpuset_cpus.value), ("AllowedMemoryNodes", &limits.cpuset_mems.value)]
    {
        lines.extend(value.as_deref().and_then(systemd_line).map(|value| format!("{setting}={value}")));
    }
    let settings = ["IOReadBandwidthMax", "IOWriteBandwidthMax", "IOReadIOPSMax", "IOWriteIOPSMax"];
    for (setting, (_, bounds)) in settings.into_iter().zip(devices(limits)) {
        for (path, rate) in bounds {
            if is_unit_path(path) {
                lines.push(format!("{setting}={} {rate}", path.replace('%', "%%")));
            } else {
                notes.push(common::cannot_carry(path));
            }
        }
    }
    for limit in &profile.rlimits {
        let limit = &limit.value;
        let value = |value: u64| if value == u64::MAX { "infinity".to_owned() } else { value.to_string() };
        let name = limit.name.to_ascii_uppercase();
        lines.push(format!("Limit{name}={}:{}", value(limit.soft), value(limit.hard)));
    }
}

fn losses(profile: &Profile, notes: &mut Vec<String>) {
    let mut lost = |lost: bool, what: &str| {
        if lost {
            notes.push(what.to_owned());
        }
    };
    let own = profile.namespaces.value;
    lost(own.pid, "systemd before 257 gives no process namespace: ProtectProc= only hides the others");
    lost(
        own.cgroup,
        "systemd before 257 gives no namespace of control groups: ProtectControlGroups= makes them read-only",
    );
    lost(own.uts, "the host's name is the host's");
    lost(profile.init.value, "the manager reaps: an init of its own isn't started");
    lost(profile.tty.value, "a service has no terminal: add StandardInput=tty and TTYPath=");
    lost(profile.lsm.value.selinux_mount.is_some(), "a label for mounts alone isn't set");
    notes.push(
        "PrivateUsers= maps root and the service's user only; other ids of the image are seen as nobody".to_owned(),
    );
    common::landlock(profile, notes);
    common::time_namespace(profile, notes);
}
