//! What several forms ask of a profile, and the losses that they share.

use crate::policy::profile::{Egress, MountKind, Network, Profile, Protocol, Publish, Tmpfs};

/// The program, and its arguments.
pub(super) fn command(profile: &Profile) -> (Option<&str>, &[String]) {
    match profile.command.value.split_first() {
        Some((program, arguments)) => (Some(program), arguments),
        None => (None, &[]),
    }
}

/// The file systems in memory, /dev/shm apart.
pub(super) fn tmpfs(profile: &Profile) -> impl Iterator<Item = (&str, &Tmpfs)> {
    profile.mounts.iter().filter(|mount| mount.value.destination != "/dev/shm").filter_map(|mount| {
        match &mount.value.kind {
            MountKind::Tmpfs(tmpfs) => Some((mount.value.destination.as_str(), tmpfs)),
            _ => None,
        }
    })
}

/// Bytes of /dev/shm, where the profile says how many.
pub(super) fn shm_size(profile: &Profile) -> Option<u64> {
    profile.mounts.iter().find(|mount| mount.value.destination == "/dev/shm").and_then(|mount| {
        match &mount.value.kind {
            MountKind::Tmpfs(tmpfs) => Some(tmpfs.size),
            _ => None,
        }
    })
}

/// Thousandths of a CPU, rounded up.
pub(super) fn milli_cpus(profile: &Profile) -> Option<u64> {
    let period = profile.limits.cpu_period.value.unwrap_or(100_000).max(1);
    Some(profile.limits.cpu_quota.value?.saturating_mul(1000).div_ceil(period))
}

/// Capabilities without `CAP_`, sorted.
pub(super) fn capabilities(profile: &Profile) -> Vec<String> {
    let mut names: Vec<String> = profile.capabilities.value.iter().map(ToString::to_string).collect();
    names.sort_unstable();
    names
}

/// Whether the program has a network of its own that it can't leave.
pub(super) fn is_closed(profile: &Profile) -> bool {
    profile.network.value == Network::None
}

/// The list of places that a container may connect to, where there is one.
pub(super) fn egress_list(profile: &Profile) -> Option<&[(String, u16)]> {
    match &profile.network.value {
        Network::Egress(Egress::Only(places)) => Some(places),
        _ => None,
    }
}

/// `tcp` or `udp`.
pub(super) fn protocol(publish: &Publish) -> &'static str {
    match publish.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

/// The variables that a form can set, and a note on the others.
pub(super) fn env<'a>(profile: &'a Profile, can: impl Fn(&str) -> bool, notes: &mut Vec<String>) -> Vec<&'a str> {
    let (can, cannot): (Vec<&str>, Vec<&str>) =
        profile.env.value.iter().map(String::as_str).partition(|variable| can(variable));
    if !cannot.is_empty() {
        let names: Vec<String> = cannot
            .iter()
            .map(|variable| variable.split('=').next().unwrap_or_default().escape_debug().collect())
            .collect();
        notes.push(format!(
            "this form can't set the environment variables `{}`, so they are left out",
            names.join("`, `")
        ));
    }
    can
}

/// The paths that a form can carry, and a note on the others.
pub(super) fn paths<'a>(
    paths: impl Iterator<Item = &'a str>,
    can: impl Fn(&str) -> bool,
    notes: &mut Vec<String>,
) -> Vec<&'a str> {
    let (can, cannot): (Vec<&str>, Vec<&str>) = paths.partition(|path| can(path));
    notes.extend(cannot.iter().map(|path| cannot_carry(path)));
    can
}

/// The note on a path that a form can't carry.
pub(super) fn cannot_carry(path: &str) -> String {
    format!("this form can't carry the path `{}`, so there is no mount and no rule for it", path.escape_debug())
}

/// A note on Landlock, which no other form knows.
pub(super) fn landlock(profile: &Profile, notes: &mut Vec<String>) {
    if profile.lsm.value.landlock {
        notes.push("Landlock has no word in this form: only `harden run` applies it".to_owned());
    }
}

/// A note where the user namespace is lost.
pub(super) fn user_namespace(remedy: &str, notes: &mut Vec<String>) {
    notes
        .push(format!("this form gives no user namespace to a container, so ids inside are ids of the host; {remedy}"));
}

/// A note where a time namespace is lost.
pub(super) fn time_namespace(profile: &Profile, notes: &mut Vec<String>) {
    if profile.namespaces.value.time {
        notes.push(
            "this form has no word for a time namespace, so the container sees since when the host is up".to_owned(),
        );
    }
}
