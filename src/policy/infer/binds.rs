//! Files and devices of the host that a container must not see without being allowed to.

use super::mounts::{below, clean};
use crate::policy::Host;
use crate::policy::profile::{Mount, MountKind};
use crate::policy::widen::Gate;

/// A place on the host that is withheld, with everything that contains it.
struct Place {
    path: &'static str,
    /// Whether what is inside it is withheld too.
    inside: bool,
    name: &'static str,
}

const fn place(path: &'static str, inside: bool, name: &'static str) -> Place {
    Place { path, inside, name }
}

/// Paths with `*` for one component; `~` is the caller's home. The first that matches counts, so the most telling come
/// first. Single files below system folders, such as /etc/localtime, are nobody's secret and often mounted.
const PLACES: &[Place] = &[
    place("~", false, "host-secrets"),
    place("/run/docker.sock", true, "docker-socket"),
    place("/run/containerd/containerd.sock", true, "docker-socket"),
    place("/run/containerd/containerd.sock.ttrpc", true, "docker-socket"),
    place("/run/crio/crio.sock", true, "docker-socket"),
    place("/run/podman/podman.sock", true, "docker-socket"),
    place("/run/cri-dockerd.sock", true, "docker-socket"),
    place("/run/buildkit/buildkitd.sock", true, "docker-socket"),
    place("/run/k3s/containerd/containerd.sock", true, "docker-socket"),
    place("/run/user/*/docker.sock", true, "docker-socket"),
    place("/run/user/*/podman/podman.sock", true, "docker-socket"),
    place("~/.docker/run/docker.sock", true, "docker-socket"),
    place("/run/systemd/private", true, "docker-socket"),
    place("/run/dbus/system_bus_socket", true, "docker-socket"),
    place("/var/lib/docker", true, "engine-storage"),
    place("/var/lib/containerd", true, "engine-storage"),
    place("/var/lib/containers", true, "engine-storage"),
    place("/var/lib/kubelet", true, "engine-storage"),
    place("/var/lib/rancher", true, "engine-storage"),
    place("~/.local/share/docker", true, "engine-storage"),
    place("~/.local/share/containers", true, "engine-storage"),
    place("~/.local/share/harden", true, "engine-storage"),
    place("/proc", true, "host-proc"),
    place("/sys", true, "host-sys"),
    place("/dev", false, "host-devices"),
    place("/etc/shadow", true, "host-secrets"),
    place("/etc/gshadow", true, "host-secrets"),
    place("/etc/sudoers", true, "host-secrets"),
    place("/etc/ssh", true, "host-secrets"),
    place("/etc/ssl/private", true, "host-secrets"),
    place("/etc/kubernetes", true, "host-secrets"),
    place("~/.ssh", true, "host-secrets"),
    place("~/.gnupg", true, "host-secrets"),
    place("~/.aws", true, "host-secrets"),
    place("~/.azure", true, "host-secrets"),
    place("~/.config/gcloud", true, "host-secrets"),
    place("~/.config/gh", true, "host-secrets"),
    place("~/.kube", true, "host-secrets"),
    place("~/.docker", true, "host-secrets"),
    place("~/.netrc", true, "host-secrets"),
    place("~/.git-credentials", true, "host-secrets"),
    place("~/.npmrc", true, "host-secrets"),
    place("~/.pypirc", true, "host-secrets"),
    place("~/.cargo/credentials.toml", true, "host-secrets"),
    place("~/.vault-token", true, "host-secrets"),
    place("~/.password-store", true, "host-secrets"),
    place("~/.bash_history", true, "host-secrets"),
    place("/etc", false, "host-files"),
    place("/boot", true, "host-files"),
    place("/usr", false, "host-files"),
    place("/usr/lib/modules", true, "host-files"),
    place("/usr/bin", false, "host-files"),
    place("/usr/sbin", false, "host-files"),
    place("/usr/lib", false, "host-files"),
    place("/usr/lib64", false, "host-files"),
    place("/var/lib", false, "host-files"),
    place("/var/log", false, "host-files"),
    place("/var/spool/cron", true, "host-files"),
    place("/etc/cron.d", true, "host-files"),
    place("/etc/systemd", true, "host-files"),
    place("/opt", false, "host-files"),
    place("/srv", false, "host-files"),
];

/// Devices that every container has anyway.
const HARMLESS: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// Asks the gate for what a mount shows of the host. The source has to be absolute and without symlinks, which the caller
/// resolves, since here nothing is looked up.
pub(super) fn check(mount: &Mount, device: bool, host: &Host, flag: &str, gate: &mut Gate<'_>) {
    let source = match &mount.kind {
        MountKind::Bind(bind) => &bind.source,
        MountKind::Device(device) => &device.source,
        MountKind::Tmpfs(_) | MountKind::Volume { .. } => return,
    };
    let source = match clean(source) {
        Some(clean) => clean,
        None if source.starts_with('/') && source.split('/').all(|part| matches!(part, "" | ".")) => "/".to_owned(),
        None => {
            let remedy = "give an absolute path on the host, without `..`";
            gate.fault(flag, "the place on the host can't be told", remedy);
            return;
        }
    };
    // Old names of places, as almost every system links them.
    let source = [
        ("/var/run", "/run"),
        ("/lib", "/usr/lib"),
        ("/lib64", "/usr/lib64"),
        ("/bin", "/usr/bin"),
        ("/sbin", "/usr/sbin"),
    ]
    .iter()
    .find_map(|(old, new)| {
        source
            .strip_prefix(old)
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
            .map(|rest| format!("{new}{rest}"))
    })
    .unwrap_or(source);
    if device || matches!(mount.kind, MountKind::Device(_)) || below(&source, "/dev") && source != "/dev" {
        let shared = below(&source, "/dev/shm");
        if !HARMLESS.contains(&source.as_str()) {
            gate.ask(if shared { "host-ipc" } else { "device" }, flag);
        }
        return;
    }
    if source == "/" {
        gate.ask("host-files", flag);
        return;
    }
    let home = host.home.as_deref().and_then(clean);
    for place in PLACES {
        let path = match (place.path.strip_prefix('~'), &home) {
            (None, _) => place.path.to_owned(),
            (Some(rest), Some(home)) => format!("{home}{rest}"),
            // Whose home it is isn't known, so anybody's counts.
            (Some(rest), None) => format!("/home/*{rest}"),
        };
        let others = place.path.strip_prefix('~').map(|rest| [format!("/root{rest}"), format!("/home/*{rest}")]);
        let paths = std::iter::once(path).chain(others.into_iter().flatten());
        if paths.into_iter().any(|path| touches(&source, &path, place.inside)) {
            gate.ask(place.name, flag);
            return;
        }
    }
}

/// Whether a source is a place, contains it, or, where that counts, is inside it.
fn touches(source: &str, place: &str, inside: bool) -> bool {
    let (source, place): (Vec<&str>, Vec<&str>) = (source.split('/').collect(), place.split('/').collect());
    let matching = source.iter().zip(&place).all(|(one, other)| one == other || *other == "*");
    matching && (source.len() <= place.len() || inside)
}
