//! What people ask for: what widens the profile needs a name, and each flag means what it does with Docker.

use harden::policy::widen::{WITHHELD, find};
use harden::policy::{
    Bind, Device, Egress, Error, Filter, Host, Level, Mount, MountKind, Needs, Network, Profile, Protocol, Publish,
    Restart, Rlimit, Said, Tmpfs, Wishes, check, infer,
};

use crate::policy::{host, needs};

const IMAGE: &str = r#"
Cmd ["/bin/x"]
ExposedPorts {"8080": {}, "9000-9001/udp": {}}
layer
file 0644 /etc/group
  | dial:x:20:
file 0755 /bin/x elf=64
folder 1777 /tmp
"#;

fn ask(wishes: Wishes) -> Result<Profile, Error> {
    infer(&needs(IMAGE), &wishes, &host())
}

fn fine(wishes: Wishes) -> Profile {
    ask(wishes).unwrap_or_else(|error| panic!("{error}"))
}

/// The error of a wish, which has to hold each part.
fn wrong(wishes: Wishes, parts: &[&str]) {
    let told = format!("{wishes:?}");
    let error = ask(wishes).err().unwrap_or_else(|| panic!("accepted: {told}")).to_string();
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

fn bind(source: &str) -> Wishes {
    let bind = Bind { source: source.to_owned(), read_only: true, recursive: true, create: false };
    Wishes { mounts: vec![Mount { destination: "/x".to_owned(), kind: MountKind::Bind(bind) }], ..Wishes::default() }
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn security(option: &str) -> Wishes {
    Wishes { security_opts: words(&[option]), ..Wishes::default() }
}

fn capability(name: &str) -> Wishes {
    Wishes { cap_add: words(&[name]), ..Wishes::default() }
}

fn shared(name: &str) -> Wishes {
    Wishes { host_namespaces: words(&[name]), ..Wishes::default() }
}

fn device(source: &str) -> Wishes {
    let device = Device { source: source.to_owned(), read_only: false };
    let mount = Mount { destination: source.to_owned(), kind: MountKind::Device(device) };
    Wishes { devices: vec![mount], ..Wishes::default() }
}

fn limit(name: &str, soft: u64, hard: u64) -> Wishes {
    Wishes { rlimits: vec![Rlimit { name: name.to_owned(), soft, hard }], ..Wishes::default() }
}

#[test]
fn what_widens_the_profile_is_withheld_by_name_and_told_when_it_is_allowed() {
    let base = Wishes::default;
    let cases: Vec<(&str, Wishes)> = vec![
        ("root", Wishes { user: Some("0".to_owned()), ..base() }),
        ("privileged", Wishes { privileged: true, ..base() }),
        ("no-new-privileges-off", security("no-new-privileges=false")),
        ("seccomp-unconfined", security("seccomp=unconfined")),
        (
            "seccomp-unconfined",
            Wishes {
                seccomp: Some(r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#.to_owned()),
                ..security("seccomp=/own.json")
            },
        ),
        ("apparmor-unconfined", security("apparmor=unconfined")),
        ("apparmor-unconfined", security("apparmor:unconfined")),
        ("selinux-unconfined", security("label=disable")),
        ("system-paths", security("systempaths=unconfined")),
        ("host-network", Wishes { network: Some(harden::policy::NetworkWish::Host), ..base() }),
        ("host-pid", shared("pid")),
        ("host-ipc", shared("ipc")),
        ("host-uts", shared("uts")),
        ("host-cgroup", shared("cgroup")),
        ("host-files", bind("/")),
        ("host-files", bind("//./")),
        ("host-files", bind("/usr")),
        ("host-files", bind("/boot")),
        ("host-files", bind("/lib/modules")),
        ("host-secrets", bind("/etc/ssh/")),
        ("host-secrets", bind("/home/me/.ssh")),
        ("host-secrets", bind("/home/me/.aws/credentials")),
        ("host-secrets", bind("/home/other/.ssh/id_ed25519")),
        ("host-secrets", bind("/root")),
        ("host-secrets", bind("/etc/shadow")),
        ("docker-socket", bind("/var/run/docker.sock")),
        ("docker-socket", bind("/run/docker.sock")),
        ("docker-socket", bind("/run")),
        ("docker-socket", bind("/run/containerd")),
        ("docker-socket", bind("/run/user/1000/podman/podman.sock")),
        ("docker-socket", bind("/var/run/crio/crio.sock")),
        ("engine-storage", bind("/var/lib/docker/volumes/a")),
        ("engine-storage", bind("/home/me/.local/share/containers")),
        ("host-proc", bind("/proc/1/root")),
        ("host-sys", bind("/sys/fs/cgroup")),
        ("host-devices", bind("/dev")),
        ("device", bind("/dev/mem")),
        ("device", device("/dev/kvm")),
        ("oom-protection", Wishes { oom_score_adj: Some(-500), ..base() }),
        ("real-time", limit("rtprio", 0, 50)),
        ("cap-all", capability("ALL")),
        ("cap-all", capability("all")),
        ("cap-sys-admin", capability("SYS_ADMIN")),
        ("cap-sys-admin", capability("cap_sys_admin")),
        ("cap-net-admin", capability("NET_ADMIN")),
        ("cap-net-raw", capability("CAP_NET_RAW")),
        ("cap-sys-ptrace", capability("SYS_PTRACE")),
        ("cap-sys-module", capability("SYS_MODULE")),
        ("cap-dac-read-search", capability("DAC_READ_SEARCH")),
        ("cap-bpf", capability("BPF")),
        ("cap-perfmon", capability("PERFMON")),
        ("cap-sys-rawio", capability("SYS_RAWIO")),
        ("cap-sys-boot", capability("SYS_BOOT")),
        ("cap-sys-time", capability("SYS_TIME")),
        ("cap-syslog", capability("SYSLOG")),
        ("cap-mac-admin", capability("MAC_ADMIN")),
        ("cap-mac-override", capability("MAC_OVERRIDE")),
        ("cap-audit-control", capability("AUDIT_CONTROL")),
        ("cap-audit-read", capability("AUDIT_READ")),
        ("cap-sys-resource", capability("SYS_RESOURCE")),
        ("cap-checkpoint-restore", capability("CHECKPOINT_RESTORE")),
        ("cap-setfcap", capability("SETFCAP")),
    ];
    for (name, wishes) in &cases {
        let row = find(name).unwrap_or_else(|| panic!("{name} is no name"));
        wrong(wishes.clone(), &[&format!("add `--allow {name}`"), row.opens]);
        let allowed = Wishes { allow: words(&[name]), ..wishes.clone() };
        let made = fine(allowed);
        let widened: Vec<String> = made.widened.iter().map(|one| one.value.allow.clone()).collect();
        assert_eq!(widened, [*name], "{wishes:?}");
        // A file that holds the same is checked alike, and one that doesn't name what it widens is refused.
        let checked = check(made.clone(), &[], &host()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(checked.widened.iter().any(|one| one.value.allow == *name || *name == "privileged"), "{name}");
        let silent = Profile { widened: Vec::new(), ..made };
        assert!(check(silent.clone(), &[], &host()).is_err(), "{name}");
        assert!(check(silent, &words(&[name]), &host()).is_ok(), "{name}");
        // Another name doesn't help.
        let other = if *name == "host-pid" { "host-ipc" } else { "host-pid" };
        wrong(Wishes { allow: words(&[other]), ..wishes.clone() }, &[name]);
    }
    for row in WITHHELD.iter().filter(|row| row.name != "partial-limits") {
        assert!(cases.iter().any(|(name, _)| *name == row.name), "{} is not tried", row.name);
    }
    let partial = fine(Wishes { allow: words(&["partial-limits"]), ..base() });
    assert_eq!(partial.widened.len(), 1);
}

#[test]
fn what_is_harmless_needs_no_name() {
    for wishes in [
        bind("/etc/localtime"),
        bind("/home/me/project"),
        bind("/srv/site"),
        bind("/var/www"),
        bind("/home/media/films"),
        bind("/rooted"),
        device("/dev/null"),
        capability("CHOWN"),
        capability("NET_BIND_SERVICE"),
        security("no-new-privileges"),
        security("no-new-privileges:true"),
        security("seccomp=builtin"),
        security("apparmor=harden-web"),
        Wishes { oom_score_adj: Some(700), ..Wishes::default() },
        Wishes { read_only: Some(false), ..Wishes::default() },
    ] {
        assert!(fine(wishes).widened.is_empty());
    }
    // Whose home it is isn't known: anybody's counts.
    let error = infer(&needs(IMAGE), &bind("/home/any/.ssh"), &Host { home: None, ..host() });
    assert!(error.expect_err("withheld").to_string().contains("host-secrets"));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let mut wishes = bind("/");
    wishes.privileged = true;
    wishes.allow = words(&["privilegd"]);
    wishes.security_opts = words(&["no-new-privs"]);
    let error = ask(wishes).expect_err("wrong in four ways");
    assert_eq!(error.faults.len(), 4, "{error}");
    assert!(error.to_string().contains("did you mean `privileged`?"), "{error}");
    wrong(Wishes { allow: words(&["zzz"]), ..Wishes::default() }, &["`--allow zzz`", "`docker-socket`"]);
}

#[test]
fn memory_and_swap_mean_what_docker_means() {
    let of = |memory, memory_swap| Wishes { memory, memory_swap, ..Wishes::default() };
    let mib = |count: u64| count << 20;
    for (memory, swap, expected) in [
        (None, None, (Some(mib(1024)), Some(mib(1024)))),
        (Some(mib(100)), None, (Some(mib(100)), Some(mib(200)))),
        (Some(mib(100)), Some(Some(0)), (Some(mib(100)), Some(mib(200)))),
        (Some(mib(100)), Some(Some(mib(100))), (Some(mib(100)), Some(mib(100)))),
        (Some(mib(100)), Some(Some(mib(300))), (Some(mib(100)), Some(mib(300)))),
        (Some(mib(100)), Some(None), (Some(mib(100)), None)),
        (None, Some(None), (Some(mib(1024)), None)),
        (Some(0), None, (None, None)),
    ] {
        let limits = fine(of(memory, swap)).limits;
        assert_eq!((limits.memory.value, limits.memory_and_swap.value), expected, "{memory:?} {swap:?}");
    }
    wrong(of(Some(mib(100)), Some(Some(mib(50)))), &["--memory-swap", "less than memory"]);
    wrong(of(None, Some(Some(mib(500)))), &["--memory-swap", "add `-m`"]);
    wrong(of(Some(1), None), &["--memory", "6m"]);
    let small = Host { memory: mib(512), cpus: 1, ..host() };
    let limits = infer(&needs(IMAGE), &Wishes::default(), &small).expect("a profile").limits;
    assert_eq!((limits.memory.value, limits.cpu_quota.value), (Some(mib(256)), Some(100_000)));
}

#[test]
fn processors_mean_what_docker_means() {
    let base = Wishes::default;
    for (wishes, quota, period) in [
        (base(), Some(400_000), Some(100_000)),
        (Wishes { milli_cpus: Some(1500), ..base() }, Some(150_000), Some(100_000)),
        (Wishes { milli_cpus: Some(0), ..base() }, None, None),
        (Wishes { cpu_quota: Some(50_000), ..base() }, Some(50_000), Some(100_000)),
        (Wishes { cpu_quota: Some(50_000), cpu_period: Some(200_000), ..base() }, Some(50_000), Some(200_000)),
        (Wishes { cpu_period: Some(50_000), ..base() }, Some(200_000), Some(50_000)),
        (Wishes { level: Some(Level::Docker), ..base() }, None, None),
    ] {
        let limits = fine(wishes).limits;
        assert_eq!((limits.cpu_quota.value, limits.cpu_period.value), (quota, period));
    }
    wrong(Wishes { milli_cpus: Some(500), cpu_quota: Some(50_000), ..base() }, &["--cpus", "two ways"]);
    wrong(Wishes { milli_cpus: Some(500), cpu_period: Some(50_000), ..base() }, &["--cpus", "two ways"]);
    wrong(Wishes { milli_cpus: Some(9000), ..base() }, &["--cpus", "to 8"]);
    wrong(Wishes { milli_cpus: Some(1), ..base() }, &["--cpus", "0.01"]);
    wrong(Wishes { cpu_period: Some(10), ..base() }, &["--cpu-period"]);
    wrong(Wishes { cpu_quota: Some(10), ..base() }, &["--cpu-quota"]);
    wrong(Wishes { cpu_shares: Some(1), ..base() }, &["--cpu-shares"]);
    wrong(Wishes { blkio_weight: Some(5), ..base() }, &["--blkio-weight"]);
    for list in ["0-2,7", "3", "0-0"] {
        let limits = fine(Wishes { cpuset_cpus: Some(list.to_owned()), ..base() }).limits;
        assert_eq!(limits.cpuset_cpus.value.as_deref(), Some(list));
    }
    for list in ["2-1", "a", "1,,2", "-1", "99999999", "1-"] {
        wrong(Wishes { cpuset_cpus: Some(list.to_owned()), ..base() }, &["--cpuset-cpus"]);
    }
    wrong(Wishes { device_read_bps: vec![("sda".to_owned(), 1)], ..base() }, &["--device-read-bps"]);
    for (asked, expected) in [(None, Some(512)), (Some(None), None), (Some(Some(0)), None), (Some(Some(7)), Some(7))] {
        assert_eq!(fine(Wishes { pids: asked, ..base() }).limits.pids.value, expected);
    }
}

#[test]
fn limits_of_processes_are_named_as_docker_names_them() {
    let found = fine(limit("nofile", 5, 9)).rlimits;
    let named: Vec<(&str, u64, u64)> =
        found.iter().map(|one| (one.value.name.as_str(), one.value.soft, one.value.hard)).collect();
    assert_eq!(named, [("core", 0, 0), ("nofile", 5, 9)]);
    wrong(limit("files", 1, 1), &["`--ulimit files`", "nofile"]);
    wrong(limit("nofile", 2, 1), &["above the hard"]);
    let docker = fine(Wishes { level: Some(Level::Docker), ..Wishes::default() });
    assert!(docker.rlimits.is_empty() && docker.limits.memory.value.is_none() && docker.limits.pids.value.is_none());
}

#[test]
fn the_docker_level_is_what_docker_gives() {
    let docker = fine(Wishes { level: Some(Level::Docker), ..Wishes::default() });
    assert_eq!(docker.user.value.uid, 0);
    assert_eq!(docker.capabilities.value.len(), 14);
    assert!(!docker.no_new_privileges.value && !docker.read_only_root.value && docker.mounts.is_empty());
    assert_eq!((docker.masked_paths.value.len(), docker.read_only_paths.value.len()), (12, 5));
    assert!(docker.widened.is_empty());
    let Filter::Rules(list) = &docker.seccomp.value else { panic!("no filter") };
    assert_eq!(list.default_errno_ret(), Some(1));
    let dropped =
        Wishes { level: Some(Level::Docker), cap_drop: words(&["MKNOD", "cap_net_raw"]), ..Wishes::default() };
    assert_eq!(fine(dropped).capabilities.value.len(), 12);
    let none = Wishes { level: Some(Level::Docker), cap_drop: words(&["ALL"]), ..capability("NET_RAW") };
    assert_eq!(fine(none).capabilities.value.len(), 1);
    let user = Wishes { level: Some(Level::Docker), user: Some("7".to_owned()), ..Wishes::default() };
    assert!(fine(user).capabilities.value.is_empty());
}

#[test]
fn ports_and_the_way_out_mean_what_docker_means() {
    let publish = |host_port, port| Publish { address: None, host_port, port, protocol: Protocol::Tcp };
    let all = fine(Wishes { publish_all: true, publish: vec![publish(80, 8080)], ..Wishes::default() });
    let ports: Vec<(u16, u16)> = all.publish.iter().map(|one| (one.value.host_port, one.value.port)).collect();
    assert_eq!(ports, [(80, 8080), (0, 9000), (0, 9001)]);
    assert!(all.sysctls.is_empty(), "no low port inside");
    let low = fine(Wishes { publish: vec![publish(8080, 80)], ..Wishes::default() });
    assert_eq!(low.sysctls.len(), 1);
    wrong(
        Wishes { publish: vec![publish(80, 1), publish(80, 2)], ..Wishes::default() },
        &["`-p 80:2`", "taken by another"],
    );
    wrong(Wishes { publish: vec![publish(80, 0)], ..Wishes::default() }, &["port 0"]);
    let sctp = Needs { exposed_ports: words(&["5/sctp", "1-65535", "x"]), ..needs(IMAGE) };
    let error = infer(&sctp, &Wishes { publish_all: true, ..Wishes::default() }, &host()).expect_err("three");
    assert_eq!(error.faults.len(), 3, "{error}");
    for place in [("", 1), ("a b", 1), ("db", 0)] {
        let only = Egress::Only(vec![(place.0.to_owned(), place.1)]);
        wrong(Wishes { egress: Some(only), ..Wishes::default() }, &["`HOST:PORT`"]);
    }
    let out = Wishes { egress: Some(Egress::All), ..Wishes::default() };
    assert_eq!(fine(out.clone()).network.value, Network::Egress(Egress::All));
    wrong(Wishes { network: Some(harden::policy::NetworkWish::None), ..out }, &["--egress"]);
}

#[test]
fn words_variables_and_places_mean_what_docker_means() {
    let base = Wishes::default;
    let text = "Entrypoint [\"/e\"]\nCmd [\"c\"]\nWorkingDir \"/w/../x\"\nEnv [\"A=1\", \"=x\", \"none\", \"HOME=/h\"]\nlayer\n";
    let of = |wishes: Wishes| infer(&needs(text), &wishes, &host()).unwrap_or_else(|error| panic!("{error}"));
    let entry = |word: &str| Some(word.to_owned());
    for (wishes, expected) in [
        (base(), vec!["/e", "c"]),
        (Wishes { command: words(&["d"]), ..base() }, vec!["/e", "d"]),
        (Wishes { entrypoint: entry("/n"), ..base() }, vec!["/n"]),
        (Wishes { entrypoint: entry("/n"), command: words(&["d"]), ..base() }, vec!["/n", "d"]),
        (Wishes { entrypoint: entry(""), command: words(&["d"]), ..base() }, vec!["d"]),
    ] {
        assert_eq!(of(wishes).command.value, expected);
    }
    let error =
        infer(&needs(text), &Wishes { entrypoint: entry(""), ..base() }, &host()).expect_err("nothing to start");
    assert!(error.to_string().contains("write a command"), "{error}");
    let made = of(Wishes { env: words(&["A=2", "B=x=y"]), tty: true, hostname: entry("web"), ..base() });
    assert_eq!(made.env.value[1..], ["HOSTNAME=web", "TERM=xterm", "A=2", "HOME=/h", "B=x=y"]);
    assert!(made.env.value[0].starts_with("PATH=/usr/local/sbin"));
    assert_eq!(made.cwd.value, "/x");
    wrong(Wishes { cwd: entry("here"), ..base() }, &["`-w here`"]);
    for place in ["/proc/self/fd/8", "/x/../proc/1/cwd", "//proc"] {
        wrong(Wishes { cwd: entry(place), ..base() }, &["config.WorkingDir", "left open"]);
        wrong(Wishes { entrypoint: entry(place), ..base() }, &["config.Entrypoint", "left open"]);
    }
    wrong(Wishes { hostname: entry("a b"), ..base() }, &["--hostname"]);
    wrong(Wishes { env: words(&["A"]), ..base() }, &["`-e A`"]);
    for (text, name) in [("15", "SIGTERM"), ("int", "SIGINT"), ("SIGRTMIN+3", "SIGRTMIN+3"), ("37", "SIGRTMIN+3")] {
        assert_eq!(fine(Wishes { stop_signal: entry(text), ..base() }).stop_signal.value, name);
    }
    for text in ["SIGWHAT", "0", "99", "RTMIN+99", "SIG", "-9"] {
        wrong(Wishes { stop_signal: entry(text), ..base() }, &["--stop-signal"]);
    }
    let group = |name: &str| Wishes { groups: words(&[name]), ..base() };
    assert_eq!(fine(group("dial")).user.value.groups, [20]);
    assert_eq!(fine(group("44")).user.value.groups, [44]);
    wrong(group("ghost"), &["`--group-add ghost`"]);
    wrong(capability("NET_BIN_SERVICE"), &["did you mean `NET_BIND_SERVICE`?"]);
    wrong(security("sekcomp=x"), &["isn't known"]);
    wrong(security("seccomp=/missing.json"), &["no seccomp profile"]);
    for (text, restart) in [
        ("no", Restart::No),
        ("always", Restart::Always),
        ("on-failure", Restart::OnFailure(None)),
        ("on-failure:5", Restart::OnFailure(Some(5))),
    ] {
        assert_eq!(text.parse::<Restart>().expect(text), restart);
        assert_eq!(restart.to_string(), text);
    }
    assert!("on-failure:x".parse::<Restart>().is_err() && "never".parse::<Restart>().is_err());
}

#[test]
fn mounts_that_cannot_be_are_refused() {
    let at = |places: &[&str]| {
        let tmpfs = Tmpfs { size: 1 << 20, inodes: None, mode: 0o1777, uid: 0, gid: 0, exec: false, copy_up: false };
        let mount = |place: &&str| Mount { destination: (*place).to_owned(), kind: MountKind::Tmpfs(tmpfs.clone()) };
        Wishes { mounts: places.iter().map(mount).collect(), ..Wishes::default() }
    };
    for place in ["/", "a", "", "/a/../b", "/proc", "/proc/sys", "/sys/x", "/.", "/a\0b"] {
        wrong(at(&[place]), &["--tmpfs"]);
    }
    wrong(at(&["/a", "/a/"]), &["same place"]);
    let made = fine(at(&["/a/b/c", "/a", "/tmp"]));
    let order: Vec<&str> = made.mounts.iter().map(|one| one.value.destination.as_str()).collect();
    assert_eq!(order, ["/a", "/tmp", "/a/b/c"]);
    let MountKind::Tmpfs(tmpfs) = &made.mounts[0].value.kind else { panic!("{made:?}") };
    assert_eq!((tmpfs.uid, tmpfs.gid), (65534, 65534), "it is the user's");
    for name in ["", "..", "a/b", ".x", "a b"] {
        let kind = MountKind::Volume { name: name.to_owned(), read_only: false };
        let mounts = vec![Mount { destination: "/a".to_owned(), kind }];
        wrong(Wishes { mounts, ..Wishes::default() }, &["name of a volume"]);
    }
    wrong(bind("relative"), &["`-v relative:/x:ro`", "absolute"]);
    wrong(bind("/a/../../etc"), &["absolute path on the host"]);
    wrong(Wishes { shm_size: Some(0), ..Wishes::default() }, &["--shm-size"]);
}

#[test]
fn a_profile_from_a_file_has_to_hold_together() {
    let made = fine(Wishes::default());
    assert_eq!(check(made.clone(), &[], &host()).expect("what was inferred holds"), made);
    let docker = fine(Wishes { level: Some(Level::Docker), ..Wishes::default() });
    assert_eq!(check(docker.clone(), &[], &host()).expect("the level of Docker holds"), docker);
    type Break = fn(&mut Profile);
    let broken: [(&str, Break); 13] = [
        ("command", |one| one.command.value.clear()),
        ("command", |one| one.env.value.push("A=\0".to_owned())),
        ("env", |one| one.env.value.push("=x".to_owned())),
        ("cwd", |one| one.cwd.value = "x".to_owned()),
        ("cwd", |one| one.cwd.value = "/proc/self/fd/9".to_owned()),
        ("masked-paths", |one| one.masked_paths.value.push("/proc/../etc".to_owned())),
        ("masked-paths", |one| drop(one.masked_paths.value.remove(0))),
        ("mounts", |one| one.mounts[0].value.destination = "/proc/x".to_owned()),
        ("mounts", |one| one.mounts.push(one.mounts[0].clone())),
        ("rlimits", |one| one.rlimits[0].value.name = "cores".to_owned()),
        ("sysctls", |one| {
            one.sysctls.push(Said::new(("kernel.core_pattern".to_owned(), "|/x".to_owned()), ""));
        }),
        ("oom-score-adj", |one| one.oom_score_adj.value = 5000),
        ("capabilities", |one| one.capabilities.value.push(oci_spec::runtime::Capability::SysAdmin)),
    ];
    for (place, breaks) in broken {
        let mut profile = made.clone();
        breaks(&mut profile);
        let error = check(profile, &[], &host()).expect_err(place);
        assert_eq!(error.faults.len(), 1, "{error}");
        assert_eq!(error.faults[0].place, place, "{error}");
    }
}
