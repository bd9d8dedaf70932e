//! A task definition of Amazon ECS (API RegisterTaskDefinition), as `aws ecs register-task-definition --cli-input-json`
//! reads it.

use super::quote::is_assignment;
use super::tree::Tree;
use super::{Exported, Source, common};
use crate::policy::profile::{Filter, Limits, MountKind, Network, Profile, Publish, Restart};

/// The limits that the API has a name for.
const ULIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Capabilities that the API has no name for.
const UNKNOWN: [&str; 4] = ["AUDIT_READ", "BPF", "CHECKPOINT_RESTORE", "PERFMON"];

const MIB: u64 = 1 << 20;

pub(super) fn export(profile: &Profile, source: &Source) -> Exported {
    let mut notes = Vec::new();
    let own = profile.namespaces.value;
    let mode = match profile.network.value {
        Network::Host => "host",
        Network::None if profile.publish.is_empty() => "none",
        _ => "bridge",
    };
    let volumes = volumes(profile);
    let task = Tree::map([
        ("family", Some(source.name.as_str().into())),
        ("requiresCompatibilities", Some(Tree::texts(["EC2"]))),
        ("networkMode", Some(mode.into())),
        ("pidMode", (!own.pid).then(|| "host".into())),
        ("ipcMode", Some(if own.ipc { "none" } else { "host" }.into())),
        ("containerDefinitions", Some(Tree::List(vec![container(profile, source, &mut notes)]))),
        ("volumes", Tree::List(volumes).or_none()),
    ]);
    losses(profile, &mut notes);
    Exported { files: vec![(format!("{}.taskdef.json", source.name), task.json())], notes }
}

fn container(profile: &Profile, source: &Source, notes: &mut Vec<String>) -> Tree {
    let (program, arguments) = common::command(profile);
    let limits = &profile.limits;
    let ids = &profile.user.value;
    let env = common::env(profile, is_assignment, notes).into_iter().filter_map(|variable| {
        let (name, value) = variable.split_once('=')?;
        Some(Tree::map([("name", Some(name.into())), ("value", Some(value.into()))]))
    });
    let ports = profile.publish.iter().map(|publish| port(&publish.value));
    let lsm = &profile.lsm.value;
    let mut options = Vec::new();
    if profile.no_new_privileges.value {
        options.push("no-new-privileges".to_owned());
    }
    options.extend(lsm.apparmor.as_ref().map(|name| format!("apparmor:{name}")));
    if let Some(label) = &lsm.selinux {
        let parts = ["user", "role", "type", "level"].into_iter().zip(label.splitn(4, ':'));
        options.extend(parts.map(|(part, value)| format!("label:{part}:{value}")));
    }
    let rlimits = profile.rlimits.iter().map(|limit| &limit.value).filter(|limit| ULIMITS.contains(&&*limit.name));
    let bound = |value: u64| if value == u64::MAX { Tree::Number(-1) } else { Tree::from(value.min(i32::MAX as u64)) };
    let ulimits = rlimits.map(|limit| {
        Tree::map([
            ("name", Some(limit.name.as_str().into())),
            ("softLimit", Some(bound(limit.soft))),
            ("hardLimit", Some(bound(limit.hard))),
        ])
    });
    Tree::map([
        ("name", Some(source.name.as_str().into())),
        ("image", Some(source.image.as_str().into())),
        ("essential", Some(true.into())),
        ("entryPoint", program.map(|program| Tree::texts([program]))),
        ("command", program.map(|_| Tree::texts(arguments.iter().cloned()))),
        ("workingDirectory", Some(profile.cwd.value.as_str().into())),
        ("environment", Tree::List(env.collect()).or_none()),
        ("user", Some(format!("{}:{}", ids.uid, ids.gid).into())),
        ("hostname", Some(profile.hostname.value.as_str().into())),
        ("readonlyRootFilesystem", Some(profile.read_only_root.value.into())),
        ("privileged", Some(false.into())),
        ("dockerSecurityOptions", Tree::texts(options).or_none()),
        ("memory", limits.memory.value.map(|bytes| Tree::from((bytes / MIB).max(6)))),
        ("cpu", cpu(profile).map(Tree::from)),
        ("ulimits", Tree::List(ulimits.collect()).or_none()),
        ("linuxParameters", Some(linux(profile, notes))),
        ("mountPoints", mount_points(profile).or_none()),
        ("portMappings", Tree::List(ports.collect()).or_none()),
        ("pseudoTerminal", Some(profile.tty.value.into())),
        ("stopTimeout", Some(profile.stop_timeout.value.into())),
    ])
}

/// Units of CPU, 1024 being one: a weight on EC2, where no cap can be given to a container.
fn cpu(profile: &Profile) -> Option<u64> {
    profile.limits.cpu_shares.value.or_else(|| common::milli_cpus(profile).map(|cpus| (cpus * 1024 / 1000).max(2)))
}

fn linux(profile: &Profile, notes: &mut Vec<String>) -> Tree {
    let limits = &profile.limits;
    let (lost, capabilities): (Vec<_>, Vec<_>) =
        common::capabilities(profile).into_iter().partition(|name| UNKNOWN.contains(&name.as_str()));
    if !lost.is_empty() {
        notes.push(format!("ECS has no name for the capabilities {}, so they are not given", lost.join(", ")));
    }
    let capabilities = Tree::map([("drop", Some(Tree::texts(["ALL"]))), ("add", Tree::texts(capabilities).or_none())]);
    let tmpfs = common::tmpfs(profile).map(|(destination, tmpfs)| {
        let exec = if tmpfs.exec { "exec" } else { "noexec" };
        Tree::map([
            ("containerPath", Some(destination.into())),
            ("size", Some(tmpfs.size.div_ceil(MIB).into())),
            ("mountOptions", Some(Tree::texts(["rw", "nosuid", "nodev", exec]))),
        ])
    });
    Tree::map([
        ("capabilities", Some(capabilities)),
        ("initProcessEnabled", Some(profile.init.value.into())),
        ("sharedMemorySize", common::shm_size(profile).map(|bytes| bytes.div_ceil(MIB).into())),
        ("maxSwap", swap(limits).map(Tree::from)),
        ("tmpfs", Tree::List(tmpfs.collect()).or_none()),
    ])
}

/// Mebibytes of swap, which ECS counts without memory.
fn swap(limits: &Limits) -> Option<u64> {
    Some(limits.memory_and_swap.value?.saturating_sub(limits.memory.value?) / MIB)
}

fn volumes(profile: &Profile) -> Vec<Tree> {
    let named = |(at, kind): (usize, &MountKind)| match kind {
        // Devices are said in linuxParameters.
        MountKind::Tmpfs(_) | MountKind::Device(_) => None,
        MountKind::Bind(bind) => Some(Tree::map([
            ("name", Some(format!("mount-{at}").into())),
            ("host", Some(Tree::map([("sourcePath", Some(bind.source.as_str().into()))]))),
        ])),
        MountKind::Volume { name, .. } => {
            let kept = Tree::map([("scope", Some("shared".into())), ("autoprovision", Some(true.into()))]);
            Some(Tree::map([
                ("name", Some(super::quote::label(name).into())),
                ("dockerVolumeConfiguration", Some(kept)),
            ]))
        }
    };
    profile.mounts.iter().map(|mount| &mount.value.kind).enumerate().filter_map(named).collect()
}

fn mount_points(profile: &Profile) -> Tree {
    let point = |(at, mount): (usize, &crate::policy::Mount)| {
        let (source, read_only) = match &mount.kind {
            MountKind::Tmpfs(_) | MountKind::Device(_) => return None,
            MountKind::Bind(bind) => (format!("mount-{at}"), bind.read_only),
            MountKind::Volume { name, read_only } => (super::quote::label(name), *read_only),
        };
        Some(Tree::map([
            ("sourceVolume", Some(source.into())),
            ("containerPath", Some(mount.destination.as_str().into())),
            ("readOnly", Some(read_only.into())),
        ]))
    };
    Tree::List(profile.mounts.iter().map(|mount| &mount.value).enumerate().filter_map(point).collect())
}

fn port(publish: &Publish) -> Tree {
    Tree::map([
        ("containerPort", Some(u32::from(publish.port).into())),
        ("hostPort", Some(u32::from(publish.host_port).into())),
        ("protocol", Some(common::protocol(publish).into())),
    ])
}

fn losses(profile: &Profile, notes: &mut Vec<String>) {
    let mut lost = |lost: bool, what: &str| {
        if lost {
            notes.push(what.to_owned());
        }
    };
    let limits = &profile.limits;
    lost(matches!(profile.seccomp.value, Filter::Rules(_)), "ECS takes no list of system calls: Docker's own is used");
    lost(
        limits.pids.value.is_some(),
        "ECS bounds no number of processes: set default-pids-limit for the agent's Docker",
    );
    lost(limits.cpu_quota.value.is_some(), "the CPU is a weight here: it isn't capped while others are idle");
    lost(
        limits.cpuset_cpus.value.is_some() || limits.cpuset_mems.value.is_some(),
        "CPUs and memory nodes can't be chosen",
    );
    lost(
        limits.blkio_weight.value.is_some() || super::docker::devices(limits).iter().any(|(_, list)| !list.is_empty()),
        "block I/O isn't bounded",
    );
    lost(profile.oom_score_adj.value != 0, "oom_score_adj can't be set");
    lost(profile.restart.value != Restart::No, "whether it restarts is the service's to say, not the task's");
    lost(common::tmpfs(profile).next().is_some(), "a tmpfs has no mode and no bound of files here, and is root's");
    lost(
        common::is_closed(profile) && !profile.publish.is_empty(),
        "a published port needs a bridge, which lets the container connect out too: bound it by a security group",
    );
    lost(common::egress_list(profile).is_some(), "where it connects to is bounded by security groups only");
    lost(!profile.publish.iter().all(|publish| publish.value.address.is_none()), "ports listen at all addresses");
    lost(
        profile.rlimits.iter().any(|limit| !ULIMITS.contains(&&*limit.value.name)),
        "a limit of setrlimit(2) that the API has no name for isn't set",
    );
    notes.push("tmpfs and maxSwap need instances of your own (EC2): Fargate refuses them".to_owned());
    common::landlock(profile, notes);
    common::time_namespace(profile, notes);
    common::user_namespace("set `userns-remap` for Docker on the instances", notes);
}
