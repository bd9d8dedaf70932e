//! The profile in the form that every runtime reads (OCI runtime specification 1.0.2, config.md and config-linux.md): the
//! single form that our own launcher, other runtimes and `harden export --to oci` get.

mod mounts;
mod resources;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use oci_spec::runtime::{
    Capabilities, Linux, LinuxCapabilities, LinuxIdMapping, LinuxNamespace, LinuxNamespaceType, PosixRlimit,
    PosixRlimitBuilder, PosixRlimitType, Process, Root, Spec, User,
};

use super::profile::{Filter, Limits, Network, Profile, Rlimit};

pub use mounts::volume_folder;

/// What a profile doesn't know of the machine that it is used on.
#[derive(Clone)]
pub struct Place<'a> {
    /// The root file system.
    pub root: &'a Path,
    /// How users inside are users outside (user_namespaces(7)).
    pub uid_mappings: Vec<LinuxIdMapping>,
    /// How groups inside are groups outside.
    pub gid_mappings: Vec<LinuxIdMapping>,
    /// The container's control group, as `linux.cgroupsPath` has it.
    pub cgroups_path: Option<PathBuf>,
    /// The folder of named volumes.
    pub volumes: &'a Path,
    /// Major and minor number of a device of the host, by its path; `None` where there is no such device.
    pub device: &'a dyn Fn(&str) -> Option<(i64, i64)>,
}

/// The configuration of a container.
///
/// What can't be said in it is told by [`unsayable`], which has to be asked first. A device that isn't there stands in the
/// configuration as `0:0`, which every kernel refuses.
#[must_use]
pub fn spec(profile: &Profile, place: &Place<'_>) -> Spec {
    let mut root = Root::default();
    root.set_path(place.root.to_owned()).set_readonly(Some(profile.read_only_root.value));
    let mut spec = Spec::default();
    spec.set_version("1.0.2".to_owned())
        .set_root(Some(root))
        .set_process(Some(process(profile)))
        .set_mounts(Some(mounts::all(profile, place)))
        // The name of a host that is shared can't be the container's to set.
        .set_hostname(profile.namespaces.value.uts.then(|| profile.hostname.value.clone()))
        .set_annotations(None)
        .set_linux(Some(linux(profile, place)));
    spec
}

/// What a profile asks for that the form can't carry on this machine, in words for an error; empty where all is well.
#[must_use]
pub fn unsayable(profile: &Profile, place: &Place<'_>) -> Vec<String> {
    let limits = profile.rlimits.iter().filter(|limit| rlimit_type(&limit.value.name).is_none());
    let limits = limits.map(|limit| format!("`{}` is no limit of setrlimit(2)", limit.value.name));
    let devices = throttled(&profile.limits).into_iter().filter(|path| (place.device)(path).is_none());
    limits.chain(devices.map(|path| format!("`{path}` is no device of this machine"))).collect()
}

/// The type of a limit by the name that Docker has for it: `nofile` is `RLIMIT_NOFILE`.
#[must_use]
pub fn rlimit_type(name: &str) -> Option<PosixRlimitType> {
    format!("RLIMIT_{}", name.to_ascii_uppercase()).parse().ok()
}

fn throttled(limits: &Limits) -> Vec<&str> {
    [&limits.device_read_bps, &limits.device_write_bps, &limits.device_read_iops, &limits.device_write_iops]
        .into_iter()
        .flat_map(|bounds| bounds.value.iter().map(|(path, _)| path.as_str()))
        .collect()
}

fn process(profile: &Profile) -> Process {
    let mut user = User::default();
    let ids = &profile.user.value;
    user.set_uid(ids.uid).set_gid(ids.gid);
    if !ids.groups.is_empty() {
        user.set_additional_gids(Some(ids.groups.clone()));
    }
    let capabilities: Capabilities = profile.capabilities.value.iter().copied().collect();
    let mut sets = LinuxCapabilities::default();
    sets.set_bounding(Some(capabilities.clone()))
        .set_permitted(Some(capabilities.clone()))
        .set_effective(Some(capabilities.clone()))
        .set_inheritable(Some(capabilities.clone()))
        .set_ambient(Some(capabilities));
    let mut process = Process::default();
    process
        .set_terminal(Some(profile.tty.value))
        .set_user(user)
        .set_args(Some(profile.command.value.clone()))
        .set_env(Some(profile.env.value.clone()))
        .set_cwd(PathBuf::from(&profile.cwd.value))
        .set_capabilities(Some(sets))
        .set_rlimits(Some(profile.rlimits.iter().filter_map(|limit| rlimit(&limit.value)).collect()))
        .set_no_new_privileges(Some(profile.no_new_privileges.value))
        .set_oom_score_adj(Some(profile.oom_score_adj.value))
        .set_apparmor_profile(profile.lsm.value.apparmor.clone())
        .set_selinux_label(profile.lsm.value.selinux.clone());
    process
}

fn rlimit(limit: &Rlimit) -> Option<PosixRlimit> {
    PosixRlimitBuilder::default().typ(rlimit_type(&limit.name)?).soft(limit.soft).hard(limit.hard).build().ok()
}

fn linux(profile: &Profile, place: &Place<'_>) -> Linux {
    let mut linux = Linux::default();
    linux
        .set_namespaces(Some(namespaces(profile)))
        .set_uid_mappings(Some(place.uid_mappings.clone()))
        .set_gid_mappings(Some(place.gid_mappings.clone()))
        .set_cgroups_path(place.cgroups_path.clone())
        .set_resources(Some(resources::all(profile, place)))
        .set_masked_paths(Some(profile.masked_paths.value.clone()))
        .set_readonly_paths(Some(profile.read_only_paths.value.clone()))
        .set_mount_label(profile.lsm.value.selinux_mount.clone());
    let sysctls: HashMap<String, String> = profile.sysctls.iter().map(|said| said.value.clone()).collect();
    linux.set_sysctl(Some(sysctls).filter(|sysctls| !sysctls.is_empty()));
    if let Filter::Rules(rules) = &profile.seccomp.value {
        linux.set_seccomp(Some((**rules).clone()));
    }
    linux
}

fn namespaces(profile: &Profile) -> Vec<LinuxNamespace> {
    use LinuxNamespaceType::{Cgroup, Ipc, Mount, Network as Net, Pid, Time, User, Uts};
    let own = profile.namespaces.value;
    let network = profile.network.value != Network::Host;
    [
        (User, true),
        (Mount, true),
        (Pid, own.pid),
        (Net, network),
        (Ipc, own.ipc),
        (Uts, own.uts),
        (Cgroup, own.cgroup),
        (Time, own.time),
    ]
    .into_iter()
    .filter(|(_, own)| *own)
    .map(|(kind, _)| {
        let mut namespace = LinuxNamespace::default();
        namespace.set_typ(kind);
        namespace
    })
    .collect()
}
