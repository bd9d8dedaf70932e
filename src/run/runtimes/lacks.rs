//! What each runtime can't do, by its version and the machine: one table, with reasons.

use super::Runtime;
use crate::policy::{Egress, Limits, MountKind, Network, Profile, Restart};
use crate::run::Order;

/// Something that a runtime can't do of what was ordered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lack {
    /// What, and why: a sentence's middle, after the runtime's name.
    pub what: String,
    /// Whether the start is refused for it; else it is only said.
    pub refused: bool,
    /// What to do where it is refused.
    remedy: &'static str,
}

/// What is known of a runtime and of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// The runtime's version.
    pub version: Version,
    /// Whether control groups of version 1 and 2 are mounted side by side.
    pub hybrid: bool,
    /// Whether this user's limits can be enforced: root's, or those of anyone on version 2.
    pub limits: bool,
    /// Whether we are root.
    pub root: bool,
    /// Whether its containers get a user namespace.
    pub user_namespace: bool,
}

/// A version: major, minor, patch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// The first version in a text: `runc version 1.1.5+ds1`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        text.split(|c: char| c.is_whitespace() || c == ',').find_map(|word| {
            let mut numbers = word.trim_start_matches('v').split('.');
            let mut number = || {
                let digits: String = numbers.next()?.chars().take_while(char::is_ascii_digit).collect();
                digits.parse().ok()
            };
            let (major, minor) = (number()?, number()?);
            Some(Self(major, minor, number().unwrap_or(0)))
        })
    }
}

impl Lack {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.remedy
    }
}

/// What to do where only our own launcher can.
const OWN: &str = "leave `--runtime` out, or leave out what it can't do";

/// A lack in this table: what, whether it holds here, whether the start is refused, the remedy.
type Row<'a> = (&'a str, bool, bool, &'static str);

/// What a runtime can't do of an order.
#[must_use]
pub fn lacks(runtime: Runtime, facts: &Facts, order: &Order) -> Vec<Lack> {
    let rows = if runtime.takes_bundle() { low(runtime, facts, order) } else { high(runtime, facts, order) };
    common(order)
        .into_iter()
        .chain(rows)
        .filter(|(_, holds, _, _)| *holds)
        .map(|(what, _, refused, remedy)| Lack { what: what.to_owned(), refused, remedy })
        .collect()
}

/// What only our own launcher does.
fn common(order: &Order) -> Vec<Row<'static>> {
    let profile = &order.profile;
    let egress_list = matches!(profile.network.value, Network::Egress(Egress::Only(_)));
    vec![
        ("can't prove from the kernel what is in force", order.proof.is_some(), true, OWN),
        ("can't tell which system calls were refused", order.refusals, true, OWN),
        ("can't bound where the container connects to", egress_list, true, OWN),
        ("doesn't tell what was used at the end", order.account, false, OWN),
        ("applies no Landlock", profile.lsm.value.landlock, false, OWN),
    ]
}

/// runc, crun and youki, which take a bundle.
fn low(runtime: Runtime, facts: &Facts, order: &Order) -> Vec<Row<'static>> {
    let profile = &order.profile;
    let maps_root = order.ids.uids.iter().any(|range| range.inside == 0);
    vec![
        ("publishes no ports", !profile.publish.is_empty(), true, OWN),
        ("gives no way out", matches!(profile.network.value, Network::Egress(_)), true, OWN),
        // It would write into the unpacked image, which other containers are started from.
        ("has no copy-on-write root", !profile.read_only_root.value, true, "use a read-only root, or leave it out"),
        // runc#1800, libcontainer: both become user 0 of the namespace first. crun can since 0.20.
        ("wants user 0 mapped", runtime != Runtime::Crun && !maps_root, true, "install newuidmap, or leave it out"),
        ("refuses control groups of version 1 and 2 side by side", runtime == Runtime::Crun && facts.hybrid, true, OWN),
        ("leaves the loopback interface down", runtime == Runtime::Youki, false, OWN),
        ("has no init: the program is process 1", profile.init.value, false, OWN),
        ("restarts nothing", profile.restart.value != Restart::No, false, OWN),
        ("knows no time namespace in this version", drops_time(runtime, facts, profile), false, OWN),
        (
            "gives a tmpfs the mode of the folder that it covers in this version, not the one that was asked for",
            runtime == Runtime::Runc && facts.version < Version(1, 2, 0) && has_tmpfs(profile),
            false,
            OWN,
        ),
        (
            "can't enforce limits here: control groups of version 1 are root's",
            !facts.limits && has_limits(&profile.limits),
            !order.allow_partial,
            "add `--allow partial-limits`, or use a machine with control groups of version 2",
        ),
    ]
}

/// podman and docker, which take flags.
fn high(runtime: Runtime, facts: &Facts, order: &Order) -> Vec<Row<'static>> {
    let profile = &order.profile;
    let docker = runtime == Runtime::Docker;
    let open_for_ports = profile.network.value == Network::None && !profile.publish.is_empty();
    vec![
        (
            "publishes ports over a bridge, over which the container could connect out too",
            open_for_ports,
            true,
            "add `--egress all`, or leave `--runtime` out",
        ),
        ("gives no user namespace, so ids inside are ids of the host", !facts.user_namespace, false, OWN),
        (
            "gives no user namespace, so user 0 would be the host's",
            !facts.user_namespace && profile.user.value.uid == 0,
            true,
            "set `userns-remap` for the daemon, or leave `--runtime` out",
        ),
        ("takes the image from its own store, not what was unpacked", true, false, OWN),
        ("has no word for a time namespace", profile.namespaces.value.time, false, OWN),
        (
            "can't enforce limits here: control groups of version 1 are root's",
            !docker && !facts.limits && has_limits(&profile.limits),
            !order.allow_partial,
            "add `--allow partial-limits`, or use a machine with control groups of version 2",
        ),
    ]
}

/// Whether the time namespace is left out of the configuration: an older runtime refuses one that has it.
pub(super) fn drops_time(runtime: Runtime, facts: &Facts, profile: &Profile) -> bool {
    // runc 1.2.0 has it; of crun, 1.8.1 takes it; youki has it since 0.3.
    profile.namespaces.value.time && runtime == Runtime::Runc && facts.version < Version(1, 2, 0)
}

fn has_tmpfs(profile: &Profile) -> bool {
    profile.mounts.iter().any(|mount| matches!(mount.value.kind, MountKind::Tmpfs(_)))
}

fn has_limits(limits: &Limits) -> bool {
    limits.memory.value.is_some()
        || limits.memory_and_swap.value.is_some()
        || limits.pids.value.is_some()
        || limits.cpu_quota.value.is_some()
        || limits.cpuset_cpus.value.is_some()
        || limits.blkio_weight.value.is_some()
}
