//! A Compose file (compose-spec, 05-services.md). `$` starts a variable in every value, so each is doubled.

use super::docker::{Client, devices, tmpfs_options};
use super::quote::{is_assignment, is_plain_path};
use super::tree::Tree;
use super::{Exported, Source, common, seccomp};
use crate::policy::profile::{Filter, MountKind, Network, Profile, Publish, Restart};

pub(super) fn export(profile: &Profile, source: &Source) -> Exported {
    let mut notes = Vec::new();
    let list = seccomp::file(profile, source);
    let service = Tree::Map(
        [
            process(profile, source, &mut notes),
            security(profile, list.as_ref().map(|(name, _)| name.as_str())),
            mounts(profile, &mut notes),
            limits(profile, &mut notes),
            network(profile),
        ]
        .into_iter()
        .flat_map(|part| match part {
            Tree::Map(entries) => entries,
            _ => Vec::new(),
        })
        .collect(),
    );
    let closed = profile.network.value == Network::None && !profile.publish.is_empty();
    if closed {
        notes.push(
            "the network doesn't masquerade, so answers from outside don't come back; neighbours on it are reached"
                .to_owned(),
        );
    }
    if common::egress_list(profile).is_some() {
        notes.push("Compose can't bound where a container connects to; bound it by a firewall".to_owned());
    }
    common::landlock(profile, &mut notes);
    common::time_namespace(profile, &mut notes);
    common::user_namespace("set `userns-remap` for the daemon, or run Docker rootless", &mut notes);
    let options = Tree::map([("com.docker.network.bridge.enable_ip_masquerade", Some("false".into()))]);
    let network = Tree::map([("default", Some(Tree::map([("driver_opts", Some(options))])))]);
    let file = Tree::map([
        ("name", Some(source.name.as_str().into())),
        ("services", Some(Tree::Map(vec![(source.name.clone(), service)]))),
        ("networks", closed.then_some(network)),
        ("volumes", volumes(profile)),
    ]);
    let mut files = vec![("compose.yaml".to_owned(), doubled(file).yaml())];
    files.extend(list);
    Exported { files, notes }
}

/// The document with each `$` of a value doubled (compose-spec, 12-interpolation.md).
fn doubled(tree: Tree) -> Tree {
    match tree {
        Tree::Text(text) => Tree::Text(text.replace('$', "$$")),
        Tree::List(list) => Tree::List(list.into_iter().map(doubled).collect()),
        Tree::Map(map) => Tree::Map(map.into_iter().map(|(key, value)| (key, doubled(value))).collect()),
        other => other,
    }
}

fn process(profile: &Profile, source: &Source, notes: &mut Vec<String>) -> Tree {
    let own = profile.namespaces.value;
    let ids = &profile.user.value;
    let (program, arguments) = common::command(profile);
    let host = |own: bool| (!own).then(|| "host".into());
    let restart = match profile.restart.value {
        Restart::No => "no".to_owned(),
        Restart::OnFailure(None) => "on-failure".to_owned(),
        Restart::OnFailure(Some(times)) => format!("on-failure:{times}"),
        Restart::Always => "always".to_owned(),
    };
    Tree::map([
        ("image", Some(source.image.as_str().into())),
        ("entrypoint", program.map(|program| Tree::texts([program]))),
        // An empty list would leave the image's own arguments in force only with its own entry point.
        ("command", program.map(|_| Tree::texts(arguments.iter().cloned()))),
        ("user", Some(format!("{}:{}", ids.uid, ids.gid).into())),
        ("group_add", Tree::texts(ids.groups.iter().map(u32::to_string)).or_none()),
        ("working_dir", Some(profile.cwd.value.as_str().into())),
        ("environment", Tree::texts(common::env(profile, is_assignment, notes)).or_none()),
        ("hostname", own.uts.then(|| profile.hostname.value.as_str().into())),
        ("pid", host(own.pid)),
        ("uts", host(own.uts)),
        ("ipc", Some(if own.ipc { "private" } else { "host" }.into())),
        ("cgroup", Some(if own.cgroup { "private" } else { "host" }.into())),
        ("init", Some(profile.init.value.into())),
        ("tty", Some(profile.tty.value.into())),
        ("restart", Some(restart.into())),
        ("stop_signal", Some(profile.stop_signal.value.as_str().into())),
        ("stop_grace_period", Some(format!("{}s", profile.stop_timeout.value).into())),
        ("oom_score_adj", Some(profile.oom_score_adj.value.into())),
    ])
}

fn security(profile: &Profile, seccomp: Option<&str>) -> Tree {
    let mut options = Vec::new();
    if profile.no_new_privileges.value {
        options.push("no-new-privileges:true".to_owned());
    }
    match (&profile.seccomp.value, seccomp) {
        (Filter::Unconfined, _) => options.push("seccomp:unconfined".to_owned()),
        (Filter::Rules(_), path) => options.extend(path.map(|path| format!("seccomp:{path}"))),
    }
    let lsm = &profile.lsm.value;
    options.extend(lsm.apparmor.as_ref().map(|name| format!("apparmor:{name}")));
    if let Some(label) = &lsm.selinux {
        let parts = ["user", "role", "type", "level"].into_iter().zip(label.splitn(4, ':'));
        options.extend(parts.map(|(part, value)| format!("label:{part}:{value}")));
    }
    if profile.masked_paths.value.is_empty() && profile.read_only_paths.value.is_empty() {
        options.push("systempaths:unconfined".to_owned());
    }
    Tree::map([
        ("read_only", Some(profile.read_only_root.value.into())),
        ("cap_drop", Some(Tree::texts(["ALL"]))),
        ("cap_add", Tree::texts(common::capabilities(profile)).or_none()),
        ("security_opt", Tree::texts(options).or_none()),
    ])
}

fn mounts(profile: &Profile, notes: &mut Vec<String>) -> Tree {
    let mut tmpfs = Vec::new();
    for (destination, wanted) in common::tmpfs(profile) {
        if is_plain_path(destination) {
            tmpfs.push(format!(
                "{destination}:{}",
                tmpfs_options(destination, wanted, &profile.user.value, Client::Docker, notes)
            ));
        } else {
            notes.push(common::cannot_carry(destination));
        }
    }
    let devices: Vec<String> = profile
        .mounts
        .iter()
        .filter_map(|mount| match &mount.value.kind {
            MountKind::Device(device) => {
                let access = if device.read_only { "r" } else { "rw" };
                Some(format!("{}:{}:{access}", device.source, mount.value.destination))
            }
            _ => None,
        })
        .collect();
    let mut volumes = Vec::new();
    for mount in &profile.mounts {
        let (kind, source, read_only, bind) = match &mount.value.kind {
            MountKind::Tmpfs(_) | MountKind::Device(_) => continue,
            MountKind::Volume { name, read_only } => ("volume", name, *read_only, None),
            MountKind::Bind(bind) => {
                let recursive = if bind.recursive { "enabled" } else { "disabled" };
                let options = [("create_host_path", Some(bind.create.into())), ("recursive", Some(recursive.into()))];
                ("bind", &bind.source, bind.read_only, Some(Tree::map(options)))
            }
        };
        volumes.push(Tree::map([
            ("type", Some(kind.into())),
            ("source", Some(source.as_str().into())),
            ("target", Some(mount.value.destination.as_str().into())),
            ("read_only", Some(read_only.into())),
            ("bind", bind),
        ]));
    }
    Tree::map([
        ("tmpfs", Tree::texts(tmpfs).or_none()),
        ("shm_size", common::shm_size(profile).map(Tree::from)),
        ("devices", Tree::texts(devices).or_none()),
        ("volumes", Tree::List(volumes).or_none()),
    ])
}

fn volumes(profile: &Profile) -> Option<Tree> {
    let mut names: Vec<&String> = profile
        .mounts
        .iter()
        .filter_map(|mount| match &mount.value.kind {
            MountKind::Volume { name, .. } => Some(name),
            _ => None,
        })
        .collect();
    names.sort();
    names.dedup();
    Tree::Map(names.into_iter().map(|name| (name.clone(), Tree::Map(Vec::new()))).collect()).or_none()
}

fn limits(profile: &Profile, notes: &mut Vec<String>) -> Tree {
    let limits = &profile.limits;
    if limits.cpuset_mems.value.is_some() {
        notes.push("Compose has no word for the memory nodes of a container".to_owned());
    }
    let swap = match (limits.memory.value, limits.memory_and_swap.value) {
        (_, Some(both)) => Some(Tree::from(both)),
        // Without it, Docker would give twice the memory.
        (Some(_), None) => Some(Tree::Number(-1)),
        (None, None) => None,
    };
    let rate = |(path, rate): &(String, u64)| {
        Tree::map([("path", Some(path.as_str().into())), ("rate", Some((*rate).into()))])
    };
    let mut io = vec![];
    io.extend(limits.blkio_weight.value.map(|weight| ("weight".to_owned(), Tree::from(u32::from(weight)))));
    for (flag, bounds) in devices(limits).into_iter().filter(|(_, bounds)| !bounds.is_empty()) {
        io.push((flag.replace('-', "_"), Tree::List(bounds.iter().map(rate).collect())));
    }
    let bound = |value: u64| if value == u64::MAX { Tree::Number(-1) } else { value.into() };
    let rlimits = profile.rlimits.iter().map(|limit| {
        let limit = &limit.value;
        (limit.name.clone(), Tree::map([("soft", Some(bound(limit.soft))), ("hard", Some(bound(limit.hard)))]))
    });
    Tree::map([
        ("mem_limit", limits.memory.value.map(Tree::from)),
        ("memswap_limit", swap),
        ("cpu_period", limits.cpu_period.value.map(Tree::from)),
        ("cpu_quota", limits.cpu_quota.value.map(Tree::from)),
        ("cpu_shares", limits.cpu_shares.value.map(Tree::from)),
        ("cpuset", limits.cpuset_cpus.value.as_deref().map(Tree::from)),
        ("pids_limit", limits.pids.value.map(Tree::from)),
        ("blkio_config", Tree::Map(io).or_none()),
        ("ulimits", Tree::Map(rlimits.collect()).or_none()),
    ])
}

fn network(profile: &Profile) -> Tree {
    let port = |publish: &Publish| {
        Tree::map([
            ("target", Some(u32::from(publish.port).into())),
            ("published", (publish.host_port != 0).then(|| publish.host_port.to_string().into())),
            ("host_ip", publish.address.map(|address| address.to_string().into())),
            ("protocol", Some(common::protocol(publish).into())),
            ("mode", Some("host".into())),
        ])
    };
    let mode = match profile.network.value {
        Network::Host => Some("host"),
        Network::None if profile.publish.is_empty() => Some("none"),
        _ => None,
    };
    Tree::map([
        ("network_mode", mode.map(Tree::from)),
        ("ports", Tree::List(profile.publish.iter().map(|publish| port(&publish.value)).collect()).or_none()),
    ])
}
