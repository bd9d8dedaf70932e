//! A Pod that passes Pod Security "restricted" where the profile allows it, the policy of its network, and the list of
//! system calls for the nodes (Kubernetes API core/v1 and networking.k8s.io/v1).

use super::network_policy;
use super::quote::label;
use super::tree::Tree;
use super::{Exported, Source, common, seccomp};
use crate::policy::profile::{Filter, MountKind, Network, Profile, Restart};

pub(super) fn export(profile: &Profile, source: &Source) -> Exported {
    let mut notes = Vec::new();
    let list = seccomp::file(profile, source);
    let (volumes, mounts) = volumes(profile, &mut notes);
    let container = container(profile, source, mounts, &mut notes);
    let own = profile.namespaces.value;
    let restart = match profile.restart.value {
        Restart::No => "Never",
        Restart::OnFailure(_) => "OnFailure",
        Restart::Always => "Always",
    };
    let host = |shared: bool| shared.then(|| true.into());
    let spec = Tree::map([
        ("hostUsers", Some(false.into())),
        ("hostNetwork", host(profile.network.value == Network::Host)),
        ("hostPID", host(!own.pid)),
        ("hostIPC", host(!own.ipc)),
        ("automountServiceAccountToken", Some(false.into())),
        ("enableServiceLinks", Some(false.into())),
        ("hostname", Some(label(&profile.hostname.value).into())),
        ("restartPolicy", Some(restart.into())),
        ("terminationGracePeriodSeconds", Some(profile.stop_timeout.value.into())),
        ("securityContext", Some(pod_security(profile, source))),
        ("containers", Some(Tree::List(vec![container]))),
        ("volumes", Tree::List(volumes).or_none()),
    ]);
    let metadata = Tree::map([
        ("name", Some(source.name.as_str().into())),
        ("labels", Some(Tree::map([("app.kubernetes.io/name", Some(source.name.as_str().into()))]))),
    ]);
    let pod = Tree::map([
        ("apiVersion", Some("v1".into())),
        ("kind", Some("Pod".into())),
        ("metadata", Some(metadata)),
        ("spec", Some(spec)),
    ]);
    losses(profile, &mut notes);
    let mut files = vec![(format!("{}.pod.yaml", source.name), pod.yaml())];
    files.extend(network_policy::file(profile, source, &mut notes));
    if let Some((name, text)) = list {
        notes.push(format!("put {name} on each node as /var/lib/kubelet/seccomp/harden/{name}"));
        files.push((name, text));
    }
    Exported { files, notes }
}

/// The name of the localhost profile, below the kubelet's folder.
fn localhost(source: &Source) -> String {
    format!("harden/{}.seccomp.json", source.name)
}

fn pod_security(profile: &Profile, source: &Source) -> Tree {
    let ids = &profile.user.value;
    let profile_of = match profile.seccomp.value {
        Filter::Rules(_) => {
            Tree::map([("type", Some("Localhost".into())), ("localhostProfile", Some(localhost(source).into()))])
        }
        Filter::Unconfined => Tree::map([("type", Some("Unconfined".into()))]),
    };
    let groups = Tree::List(ids.groups.iter().map(|group| (*group).into()).collect());
    Tree::map([
        ("runAsNonRoot", (ids.uid != 0).then(|| true.into())),
        ("runAsUser", Some(ids.uid.into())),
        ("runAsGroup", Some(ids.gid.into())),
        // An emptyDir belongs to root else.
        ("fsGroup", Some(ids.gid.into())),
        ("supplementalGroups", groups.or_none()),
        ("seccompProfile", Some(profile_of)),
    ])
}

fn container(profile: &Profile, source: &Source, mounts: Vec<Tree>, notes: &mut Vec<String>) -> Tree {
    let (program, arguments) = common::command(profile);
    let can = |variable: &str| {
        super::quote::is_assignment(variable)
            && variable.split('=').next().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_graphic()))
    };
    let env = common::env(profile, can, notes).into_iter().filter_map(|variable| {
        let (name, value) = variable.split_once('=')?;
        Some(Tree::map([("name", Some(name.into())), ("value", Some(unexpanded(value).into()))]))
    });
    let ports = profile.publish.iter().map(|publish| {
        let protocol = common::protocol(&publish.value).to_ascii_uppercase();
        Tree::map([("containerPort", Some(u32::from(publish.value.port).into())), ("protocol", Some(protocol.into()))])
    });
    let capabilities = Tree::map([
        ("drop", Some(Tree::texts(["ALL"]))),
        ("add", Tree::texts(common::capabilities(profile)).or_none()),
    ]);
    let lsm = &profile.lsm.value;
    let apparmor = lsm.apparmor.as_deref().map(|name| match name {
        "unconfined" => Tree::map([("type", Some("Unconfined".into()))]),
        name => Tree::map([("type", Some("Localhost".into())), ("localhostProfile", Some(name.into()))]),
    });
    let security = Tree::map([
        ("allowPrivilegeEscalation", Some((!profile.no_new_privileges.value).into())),
        ("privileged", Some(false.into())),
        ("readOnlyRootFilesystem", Some(profile.read_only_root.value.into())),
        ("procMount", Some("Default".into())),
        ("capabilities", Some(capabilities)),
        ("appArmorProfile", apparmor),
        ("seLinuxOptions", lsm.selinux.as_deref().map(selinux)),
    ]);
    Tree::map([
        ("name", Some(source.name.as_str().into())),
        ("image", Some(source.image.as_str().into())),
        ("command", program.map(|program| Tree::texts([unexpanded(program)]))),
        // Without a list, the image's own arguments would be used; an empty one is the same as none.
        ("args", Tree::texts(arguments.iter().map(|word| unexpanded(word))).or_none()),
        ("workingDir", Some(profile.cwd.value.as_str().into())),
        ("env", Tree::List(env.collect()).or_none()),
        ("ports", Tree::List(ports.collect()).or_none()),
        ("tty", profile.tty.value.then(|| true.into())),
        ("resources", resources(profile)),
        ("securityContext", Some(security)),
        ("volumeMounts", Tree::List(mounts).or_none()),
    ])
}

/// A value in which `$(NAME)` stays what it is: `$$` is a dollar (k8s.io/api, core/v1 EnvVar).
fn unexpanded(value: &str) -> String {
    value.replace('$', "$$")
}

fn selinux(label: &str) -> Tree {
    let parts = ["user", "role", "type", "level"].into_iter().zip(label.splitn(4, ':'));
    Tree::Map(parts.map(|(part, value)| (part.to_owned(), value.into())).collect())
}

fn resources(profile: &Profile) -> Option<Tree> {
    let limits = Tree::map([
        ("memory", profile.limits.memory.value.map(|bytes| bytes.to_string().into())),
        ("cpu", common::milli_cpus(profile).map(|cpus| format!("{cpus}m").into())),
    ]);
    Tree::map([("limits", limits.or_none())]).or_none()
}

/// Volumes of the pod, and where the container has them.
fn volumes(profile: &Profile, notes: &mut Vec<String>) -> (Vec<Tree>, Vec<Tree>) {
    let (mut volumes, mut mounts) = (Vec::new(), Vec::new());
    for (at, mount) in profile.mounts.iter().enumerate() {
        let destination = &mount.value.destination;
        // The API refuses a colon in a mount's path.
        if destination.contains(':') {
            notes.push(common::cannot_carry(destination));
            continue;
        }
        let name = format!("mount-{at}");
        let (kind, source, read_only) = match &mount.value.kind {
            MountKind::Tmpfs(tmpfs) => {
                let source =
                    Tree::map([("medium", Some("Memory".into())), ("sizeLimit", Some(tmpfs.size.to_string().into()))]);
                if tmpfs.copy_up {
                    notes.push(format!("an emptyDir starts empty: what the image has at {destination} is hidden"));
                }
                ("emptyDir", source, false)
            }
            MountKind::Volume { name, read_only } => {
                let claim = label(name);
                notes.push(format!("the volume {claim} needs a PersistentVolumeClaim of that name"));
                let source = Tree::map([("claimName", Some(claim.into())), ("readOnly", Some((*read_only).into()))]);
                ("persistentVolumeClaim", source, *read_only)
            }
            MountKind::Device(device) => {
                notes.push(format!(
                    "{destination} is a device of the host, which needs a device plugin or a privileged pod"
                ));
                let path = Some(device.source.as_str().into());
                let source = Tree::map([("path", path), ("type", Some("CharDevice".into()))]);
                ("hostPath", source, device.read_only)
            }
            MountKind::Bind(bind) => {
                notes.push(format!("{destination} is a folder of the host, which Pod Security \"restricted\" refuses"));
                let kind = if bind.create { "DirectoryOrCreate" } else { "" };
                let source = Tree::map([("path", Some(bind.source.as_str().into())), ("type", Some(kind.into()))]);
                ("hostPath", source, bind.read_only)
            }
        };
        volumes.push(Tree::Map(vec![("name".to_owned(), name.as_str().into()), (kind.to_owned(), source)]));
        mounts.push(Tree::map([
            ("name", Some(name.into())),
            ("mountPath", Some(destination.as_str().into())),
            ("readOnly", read_only.then(|| true.into())),
        ]));
    }
    (volumes, mounts)
}

fn losses(profile: &Profile, notes: &mut Vec<String>) {
    let mut lost = |lost: bool, what: &str| {
        if lost {
            notes.push(what.to_owned());
        }
    };
    let limits = &profile.limits;
    lost(profile.user.value.uid == 0, "user 0 doesn't pass Pod Security \"restricted\"");
    lost(
        profile.capabilities.value.iter().any(|name| name.to_string() != "NET_BIND_SERVICE"),
        "these capabilities don't pass Pod Security \"restricted\", which takes NET_BIND_SERVICE only",
    );
    lost(!profile.no_new_privileges.value, "gaining privileges doesn't pass Pod Security \"restricted\"");
    lost(profile.network.value == Network::Host, "the host's network doesn't pass Pod Security \"restricted\"");
    lost(profile.seccomp.value == Filter::Unconfined, "without a list of calls it doesn't pass \"restricted\"");
    lost(limits.pids.value.is_some(), "the number of processes is bounded by the kubelet's podPidsLimit only");
    lost(limits.memory_and_swap.value.is_some(), "swap is bounded by the kubelet's memorySwap only");
    lost(limits.cpu_shares.value.is_some(), "a weight of CPU is not set: Kubernetes makes it from the request");
    lost(
        limits.cpuset_cpus.value.is_some() || limits.cpuset_mems.value.is_some(),
        "CPUs and memory nodes are the kubelet's to choose",
    );
    lost(
        limits.blkio_weight.value.is_some() || super::docker::devices(limits).iter().any(|(_, list)| !list.is_empty()),
        "block I/O isn't bounded",
    );
    lost(!profile.rlimits.is_empty(), "limits of setrlimit(2) are the container runtime's, which the nodes configure");
    lost(profile.oom_score_adj.value != 0, "oom_score_adj is made by the kubelet from requests and limits");
    lost(profile.init.value, "there is no init: the program is process 1");
    lost(
        profile.mounts.iter().any(|mount| matches!(mount.value.kind, MountKind::Tmpfs(_))),
        "an emptyDir has mode 0777, bounds no number of files, and files in it may be executed",
    );
    lost(matches!(profile.restart.value, Restart::OnFailure(Some(_))), "how often it restarts isn't bounded");
    lost(
        profile.publish.iter().any(|publish| publish.value.host_port != 0),
        "a Service or Ingress gives out the ports",
    );
    lost(profile.lsm.value.selinux_mount.is_some(), "a label for mounts alone isn't set");
    notes.push("hostUsers: false needs Kubernetes 1.33 or later, or its feature gate".to_owned());
    notes.push("the signal that ends it is the image's".to_owned());
    common::landlock(profile, notes);
    common::time_namespace(profile, notes);
}
