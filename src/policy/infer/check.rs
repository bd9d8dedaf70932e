//! A profile that was read from a file: whether it holds together, and whether what widens it has a name.

use oci_spec::runtime::{Capability, LinuxSeccompAction};

use super::limits::RLIMITS;
use super::{binds, capabilities, environment, mounts, network, security, shown};
use crate::policy::profile::{Filter, Level, MountKind, Network};
use crate::policy::widen::{self, Gate};
use crate::policy::{Error, Host, Profile};

/// Settings of the kernel that belong to the container's own namespaces (sysctl(8)); all others are the host's.
const OWN_SETTINGS: [&str; 6] = ["net.", "kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.", "kernel.domainname"];

/// The profile with what widens it named anew. What the file itself names under `widened` counts as allowed, since whoever
/// gives the file gives its names; a widening that neither it nor `--allow` names is refused.
///
/// # Errors
/// What can't be, and what widens without a name: all of it at once.
pub fn check(profile: Profile, allow: &[String], host: &Host) -> Result<Profile, Error> {
    let named = profile.widened.iter().map(|one| one.value.allow.clone());
    let mut allow: Vec<String> = allow.iter().cloned().chain(named).collect();
    if allow.iter().any(|name| name == "privileged") {
        let implied = ["cap-all", "seccomp-unconfined", "apparmor-unconfined", "system-paths"];
        allow.extend(implied.map(str::to_owned));
    }
    allow.sort();
    allow.dedup();
    let mut gate = Gate::new(&allow);
    shape(&profile, &mut gate);
    privileges(&profile, &mut gate);
    for one in &profile.mounts {
        binds::check(&one.value, false, host, "mounts", &mut gate);
    }
    let widened = gate.finish()?;
    Ok(Profile { widened, ..profile })
}

/// What would make a container that can't start, or a specification that means something else.
fn shape(profile: &Profile, gate: &mut Gate<'_>) {
    let mut wrong = |place: &str, problem: &str| gate.fault(place, problem, "mend the profile");
    if profile.command.value.first().is_none_or(String::is_empty) {
        wrong("command", "nothing says what to start");
    }
    let words = profile.command.value.iter().chain(&profile.env.value);
    if words.clone().any(|word| word.contains('\0')) {
        wrong("command", "a word or a variable has a NUL");
    }
    if profile.env.value.iter().any(|line| line.find('=').is_none_or(|at| at == 0)) {
        wrong("env", "a line is no variable, `NAME=value`");
    }
    if !profile.cwd.value.starts_with('/') || profile.cwd.value.contains('\0') {
        wrong("cwd", "it isn't absolute");
    }
    if environment::leads_out(&profile.cwd.value) {
        wrong("cwd", "what lies in /proc may be a folder of the host that was left open");
    }
    if profile.command.value.first().is_some_and(|word| environment::leads_out(word)) {
        wrong("command", "what lies in /proc may be a file of the host that was left open");
    }
    if matches!(&profile.network.value, Network::Egress(egress) if !network::can_be(egress)) {
        wrong("network", "a place to connect to has no host or no port");
    }
    let hidden = profile.masked_paths.value.iter().chain(&profile.read_only_paths.value);
    if hidden.clone().any(|path| mounts::clean(path).as_ref() != Some(path)) {
        wrong("masked-paths", "a path isn't absolute, or is written in a roundabout way");
    }
    for (at, one) in profile.mounts.iter().enumerate() {
        let place = &one.value.destination;
        let kernel = ["/proc", "/sys"].iter().any(|kernel| mounts::below(place, kernel));
        if mounts::clean(place).as_ref() != Some(place) || kernel {
            wrong("mounts", &format!("`{}` is no place to mount on", shown(place)));
        }
        if matches!(&one.value.kind, MountKind::Volume { name, .. } if !mounts::is_volume_name(name)) {
            wrong("mounts", &format!("the volume at `{}` has no name that can be", shown(place)));
        }
        if profile.mounts[..at].iter().any(|other| other.value.destination == *place) {
            wrong("mounts", &format!("two are at `{}`", shown(place)));
        }
    }
    for limit in profile.rlimits.iter().map(|one| &one.value) {
        if !RLIMITS.contains(&limit.name.as_str()) || limit.soft > limit.hard {
            wrong("rlimits", &format!("`{}` is no limit, or its soft one is above its hard one", shown(&limit.name)));
        }
    }
    for (name, _) in profile.sysctls.iter().map(|one| &one.value) {
        let net = name.starts_with("net.") && profile.network.value == Network::Host;
        let own = OWN_SETTINGS.iter().any(|own| name.starts_with(own));
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !own || net || !plain || name.contains("..") {
            wrong("sysctls", &format!("`{}` isn't the container's own setting", shown(name)));
        }
    }
    if profile.publish.iter().any(|one| one.value.port == 0) {
        wrong("publish", "port 0 inside can't be connected to");
    }
    if !(-1000..=1000).contains(&profile.oom_score_adj.value) {
        wrong("oom-score-adj", "it is out of range, -1000 to 1000");
    }
}

/// What widens, field by field; what a level of the same name gives is none.
fn privileges(profile: &Profile, gate: &mut Gate<'_>) {
    let docker = profile.level == Level::Docker;
    if profile.user.value.uid == 0 && !docker {
        gate.ask("root", "user");
    }
    if !profile.no_new_privileges.value && !docker {
        gate.ask("no-new-privileges-off", "no-new-privileges");
    }
    let usual = |one: &Capability| docker && capabilities::DOCKER.contains(one);
    let all = profile.capabilities.value.len() >= capabilities::ALL.len();
    if all {
        gate.ask("cap-all", "capabilities");
    }
    for one in profile.capabilities.value.iter().filter(|one| !usual(one) && !all) {
        if let Some(withheld) = widen::of_capability(*one).filter(|_| !gate.allows("cap-all")) {
            gate.ask(withheld.name, "capabilities");
        }
    }
    let open = match &profile.seccomp.value {
        Filter::Unconfined => true,
        Filter::Rules(list) => {
            matches!(list.default_action(), LinuxSeccompAction::ScmpActAllow | LinuxSeccompAction::ScmpActLog)
        }
    };
    if open {
        gate.ask("seccomp-unconfined", "seccomp");
    }
    if profile.lsm.value.apparmor.as_deref() == Some("unconfined") {
        gate.ask("apparmor-unconfined", "lsm");
    }
    if profile.lsm.value.selinux.as_deref() == Some("unconfined") {
        gate.ask("selinux-unconfined", "lsm");
    }
    let covers = |list: &[String], all: &[&str]| all.iter().all(|path| list.iter().any(|one| one == path));
    let (masked, read_only) = (&profile.masked_paths.value, &profile.read_only_paths.value);
    if !covers(masked, &security::MASKED) || !covers(read_only, &security::READ_ONLY) {
        gate.ask("system-paths", "masked-paths");
    }
    if profile.network.value == Network::Host {
        gate.ask("host-network", "network");
    }
    let own = profile.namespaces.value;
    for (own, name) in
        [(own.pid, "host-pid"), (own.ipc, "host-ipc"), (own.uts, "host-uts"), (own.cgroup, "host-cgroup")]
    {
        if !own {
            gate.ask(name, "namespaces");
        }
    }
    if profile.oom_score_adj.value < 0 {
        gate.ask("oom-protection", "oom-score-adj");
    }
    if profile.rlimits.iter().any(|one| matches!(one.value.name.as_str(), "rtprio" | "nice") && one.value.hard > 0) {
        gate.ask("real-time", "rlimits");
    }
}
