//! `config.json`: the same configuration comes back, it has Docker's mounts in order, and what can't be said is told.

use std::path::Path;

use harden::policy::export::Target;
use harden::policy::oci::{Place, spec, unsayable, volume_folder};
use harden::policy::{Mount, MountKind, Network, Profile, Rlimit, Said, Tmpfs};
use oci_spec::runtime::{LinuxIdMapping, LinuxIdMappingBuilder, LinuxNamespaceType, Spec};

use super::sample::{everything, server};
use super::{first, written};

fn map(size: u32) -> Vec<LinuxIdMapping> {
    vec![LinuxIdMappingBuilder::default().container_id(0u32).host_id(100_000u32).size(size).build().expect("a map")]
}

fn made(profile: &Profile, mapped: u32) -> Spec {
    let place = Place {
        root: Path::new("/r"),
        uid_mappings: map(mapped),
        gid_mappings: map(mapped),
        cgroups_path: None,
        volumes: Path::new("/v"),
        device: &|path| (path == "/dev/sda").then_some((8, 0)),
    };
    spec(profile, &place)
}

fn options(spec: &Spec, destination: &str) -> Vec<String> {
    let mounts = spec.mounts().as_ref().expect("mounts");
    let mount = mounts.iter().rev().find(|mount| mount.destination() == Path::new(destination)).expect("the mount");
    mount.options().clone().unwrap_or_default()
}

#[test]
fn the_configuration_comes_back_as_it_went() {
    for profile in [server(), everything()] {
        let (folder, exported) = written(&profile, Target::Oci);
        let read = Spec::load(first(&folder, &exported)).expect("a configuration");
        let again = serde_json::to_string(&read).and_then(|text| serde_json::from_str::<Spec>(&text)).expect("JSON");
        assert_eq!(read, again);
        let process = read.process().as_ref().expect("a process");
        assert_eq!(process.args().as_ref(), Some(&profile.command.value));
        assert_eq!(process.env().as_ref(), Some(&profile.env.value));
        assert_eq!((process.user().uid(), process.no_new_privileges()), (101, Some(true)));
        let sets = process.capabilities().as_ref().expect("capabilities");
        for set in [sets.bounding(), sets.permitted(), sets.effective(), sets.inheritable(), sets.ambient()] {
            assert_eq!(set.as_ref().map(|set| set.len()), Some(profile.capabilities.value.len()));
        }
    }
}

#[test]
fn mounts_stand_in_dockers_order_and_a_profile_may_size_shm() {
    let spec = made(&server(), 65_536);
    let mounts = spec.mounts().as_ref().expect("mounts");
    let places: Vec<&str> = mounts.iter().filter_map(|mount| mount.destination().to_str()).collect();
    let usual = ["/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/mqueue"];
    assert_eq!(places, [&usual[..], &["/tmp", "/var/cache/nginx", "/dev/shm"]].concat());
    assert!(options(&spec, "/dev/shm").contains(&"size=4194304".to_owned()));
    assert!(options(&spec, "/var/cache/nginx").contains(&"tmpcopyup".to_owned()));
    assert!(options(&spec, "/dev/pts").contains(&"gid=5".to_owned()));
    assert!(!options(&made(&server(), 1), "/dev/pts").contains(&"gid=5".to_owned()), "5 isn't mapped");
}

#[test]
fn a_namespace_of_the_host_binds_what_the_kernel_wont_mount() {
    let mut profile = server();
    profile.network = Said::new(Network::Host, "");
    profile.namespaces.value.pid = false;
    profile.namespaces.value.uts = false;
    let spec = made(&profile, 65_536);
    let kinds: Vec<LinuxNamespaceType> = spec
        .linux()
        .as_ref()
        .and_then(|linux| linux.namespaces().clone())
        .expect("namespaces")
        .iter()
        .map(|own| own.typ())
        .collect();
    assert!(kinds.contains(&LinuxNamespaceType::User) && kinds.contains(&LinuxNamespaceType::Time));
    assert!(!kinds.contains(&LinuxNamespaceType::Network) && !kinds.contains(&LinuxNamespaceType::Pid));
    assert_eq!(spec.hostname(), &None);
    assert!(options(&spec, "/sys").contains(&"ro".to_owned()) && options(&spec, "/sys").contains(&"rbind".to_owned()));
    assert!(options(&spec, "/proc").contains(&"rbind".to_owned()));
}

#[test]
fn limits_and_binds_are_said_as_the_form_has_them() {
    let spec = made(&everything(), 65_536);
    let linux = spec.linux().as_ref().expect("linux");
    let resources = linux.resources().as_ref().expect("resources");
    assert_eq!(resources.memory().and_then(|memory| memory.swap()), Some(96 << 20));
    let io = resources.block_io().as_ref().expect("block I/O");
    let read = io.throttle_read_bps_device().as_ref().expect("a bound")[0];
    assert_eq!((read.major(), read.minor(), read.rate()), (8, 0, 1_000_000));
    let bound = options(&spec, "/home/me");
    assert_eq!(bound, ["rbind", "rprivate", "nosuid", "nodev", "ro", "rro"]);
    assert_eq!(options(&spec, "/srv/x"), ["bind", "private", "nosuid", "nodev"]);
}

#[test]
fn what_cant_be_said_is_told() {
    let mut profile = everything();
    profile.rlimits.push(Said::new(Rlimit { name: "files".to_owned(), soft: 1, hard: 1 }, ""));
    profile.limits.device_read_bps.value.push(("/dev/none".to_owned(), 1));
    let place = Place {
        root: Path::new("/r"),
        uid_mappings: map(1),
        gid_mappings: map(1),
        cgroups_path: None,
        volumes: Path::new("/v"),
        device: &|path| (path == "/dev/sda").then_some((8, 0)),
    };
    assert_eq!(unsayable(&profile, &place).len(), 2);
    assert_eq!(unsayable(&everything(), &place), [""; 0]);
    let io = spec(&profile, &place).linux().as_ref().and_then(|linux| linux.resources().clone()).expect("resources");
    let io = io.block_io().as_ref().and_then(|io| io.throttle_read_bps_device().clone()).expect("bounds");
    assert_eq!((io[1].major(), io[1].minor()), (0, 0), "the bound isn't lost in silence");
}

#[test]
fn a_volume_is_one_folder_below_the_volumes() {
    let volumes = Path::new("/v");
    for name in ["data", "../x", "/etc", "a/b", "", ".", "..", "a\0b", "ä", "%2E"] {
        let folder = volume_folder(volumes, name);
        assert_eq!(folder.parent(), Some(volumes), "{name:?} is {}", folder.display());
        assert!(folder.file_name().is_some());
    }
    assert_ne!(volume_folder(volumes, "%2E"), volume_folder(volumes, "."), "two names are two folders");
    assert_eq!(volume_folder(volumes, "my_data-1.x"), Path::new("/v/my_data-1.x"));
}

#[test]
fn a_mount_over_proc_stays_for_the_runtime_to_refuse() {
    let mut profile = server();
    let tmpfs = Tmpfs { size: 1, inodes: None, mode: 0o755, exec: false, copy_up: false, uid: 0, gid: 0 };
    profile.mounts.push(Said::new(Mount { destination: "/proc".to_owned(), kind: MountKind::Tmpfs(tmpfs) }, ""));
    let spec = made(&profile, 1);
    let mounts = spec.mounts().as_ref().expect("mounts");
    assert_eq!(mounts.iter().filter(|mount| mount.destination() == Path::new("/proc")).count(), 2);
}
