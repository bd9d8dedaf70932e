//! Profiles to export: a web server's, and one that has everything, with strings as a hostile image has them.

use harden::policy::{
    Bind, Egress, Filter, Ids, Level, Limits, Lsm, Mount, MountKind, Namespaces, Network, Profile, Protocol, Publish,
    Restart, Rlimit, Said, Tmpfs,
};
use oci_spec::runtime::{Capability, LinuxSeccomp};
use serde_json::json;

fn said<T>(value: T) -> Said<T> {
    Said::new(value, "of a test")
}

/// Calls that every program of busybox needs, with a condition, an error of its own and a default.
pub(crate) fn calls() -> LinuxSeccomp {
    let allowed = "read write open openat close fstat newfstatat stat lstat mmap mprotect munmap brk rt_sigaction \
        rt_sigprocmask rt_sigreturn ioctl pread64 access pipe pipe2 dup dup2 dup3 getpid getppid gettid fork vfork execve \
        exit exit_group wait4 uname fcntl getdents64 getcwd chdir fchdir getuid getgid geteuid getegid setuid setgid \
        setgroups capget capset prctl arch_prctl set_tid_address set_robust_list prlimit64 getrandom rseq futex \
        statfs fstatfs statx nanosleep clock_gettime clock_nanosleep sched_yield tgkill kill mkdir unlink writev readv \
        faccessat faccessat2 socketpair sendmsg recvmsg sigaltstack clone3 sched_getaffinity epoll_ctl epoll_pwait \
        epoll_create1 fchown chown umask setsid getpgrp setpgid mount umount2 lseek poll ppoll readlink sendfile \
        getpgid getsid rt_sigsuspend close_range madvise membarrier pidfd_open sysinfo getgroups readlinkat openat2 \
        rt_sigtimedwait time utimensat mkdirat unlinkat socket bind listen accept accept4 connect setsockopt \
        getsockopt getsockname getpeername sendto recvfrom shutdown";
    let names: Vec<&str> = allowed.split_whitespace().collect();
    serde_json::from_value(json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [
            {"names": names, "action": "SCMP_ACT_ALLOW"},
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 2114060288u64, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["keyctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}
        ]
    }))
    .expect("a list of calls")
}

/// A web server's profile, as it is inferred for an image that is well made.
pub(crate) fn server() -> Profile {
    let tmpfs = |destination: &str, size| {
        said(Mount {
            destination: destination.to_owned(),
            kind: MountKind::Tmpfs(Tmpfs {
                uid: 0,
                gid: 0,
                size,
                inodes: Some(1024),
                mode: 0o1777,
                exec: false,
                copy_up: destination == "/var/cache/nginx",
            }),
        })
    };
    Profile {
        shm_size: Said::default(),
        sysctls: Vec::new(),
        level: Level::Default,
        command: said(["/bin/httpd", "-f", "-p", "8080"].map(str::to_owned).to_vec()),
        env: said(vec!["PATH=/bin:/usr/bin".to_owned(), "LANG=C".to_owned()]),
        cwd: said("/".to_owned()),
        hostname: said("web".to_owned()),
        user: said(Ids { uid: 101, gid: 102, groups: vec![103] }),
        capabilities: said(Vec::new()),
        no_new_privileges: said(true),
        seccomp: said(Filter::Rules(Box::new(calls()))),
        lsm: said(Lsm { landlock: true, ..Lsm::default() }),
        read_only_root: said(true),
        mounts: vec![tmpfs("/tmp", 16 << 20), tmpfs("/var/cache/nginx", 8 << 20), tmpfs("/dev/shm", 4 << 20)],
        masked_paths: said(["/proc/kcore", "/proc/keys", "/sys/firmware"].map(str::to_owned).to_vec()),
        read_only_paths: said(["/proc/sys", "/proc/irq"].map(str::to_owned).to_vec()),
        namespaces: said(Namespaces::PRIVATE),
        limits: Limits {
            memory: said(Some(64 << 20)),
            memory_and_swap: said(Some(64 << 20)),
            cpu_quota: said(Some(50_000)),
            cpu_period: said(Some(100_000)),
            pids: said(Some(64)),
            ..Limits::default()
        },
        rlimits: [("nofile", 1024, 2048), ("core", 0, 0), ("nproc", 128, 128)]
            .map(|(name, soft, hard)| said(Rlimit { name: name.to_owned(), soft, hard }))
            .to_vec(),
        network: said(Network::None),
        publish: vec![said(Publish { address: None, host_port: 18080, port: 8080, protocol: Protocol::Tcp })],
        oom_score_adj: said(100),
        init: said(false),
        tty: said(false),
        restart: said(Restart::OnFailure(Some(3))),
        stop_signal: said("SIGTERM".to_owned()),
        stop_timeout: said(10),
        widened: Vec::new(),
    }
}

/// A profile with everything that a form may have a word for.
pub(crate) fn everything() -> Profile {
    let mut profile = server();
    profile.capabilities = said(vec![Capability::NetBindService, Capability::Bpf, Capability::NetRaw]);
    profile.lsm = said(Lsm {
        apparmor: Some("docker-default".to_owned()),
        selinux: Some("system_u:system_r:container_t:s0:c1,c2".to_owned()),
        selinux_mount: Some("system_u:object_r:container_file_t:s0".to_owned()),
        landlock: true,
    });
    profile.mounts.push(said(Mount {
        destination: "/data".to_owned(),
        kind: MountKind::Volume { name: "data".to_owned(), read_only: false },
    }));
    for (source, destination, read_only, recursive, create) in [
        ("/home/me, \"and\" you", "/home/me", true, true, false),
        ("/var/log/app", "/var/log/app", false, false, true),
        ("/srv/x", "/srv/x", false, false, false),
    ] {
        profile.mounts.push(said(Mount {
            destination: destination.to_owned(),
            kind: MountKind::Bind(Bind { source: source.to_owned(), read_only, recursive, create }),
        }));
    }
    let limits = &mut profile.limits;
    limits.memory_and_swap = said(Some(96 << 20));
    limits.cpu_shares = said(Some(512));
    limits.cpuset_cpus = said(Some("0-1".to_owned()));
    limits.cpuset_mems = said(Some("0".to_owned()));
    limits.blkio_weight = said(Some(300));
    limits.device_read_bps = said(vec![("/dev/sda".to_owned(), 1_000_000)]);
    limits.device_write_iops = said(vec![("/dev/sda".to_owned(), 500)]);
    profile.rlimits.push(said(Rlimit { name: "memlock".to_owned(), soft: 0, hard: u64::MAX }));
    profile.network = said(Network::Egress(Egress::Only(vec![
        ("192.0.2.7".to_owned(), 443),
        ("[2001:db8::1]".to_owned(), 53),
        ("db.example.org".to_owned(), 5432),
    ])));
    let publish = |address: Option<&str>, host_port, port, protocol| {
        said(Publish {
            address: address.map(|address| address.parse().expect("an address")),
            host_port,
            port,
            protocol,
        })
    };
    profile.publish.push(publish(Some("127.0.0.1"), 0, 9000, Protocol::Tcp));
    profile.publish.push(publish(Some("::1"), 5353, 53, Protocol::Udp));
    profile.publish.push(publish(None, 0, 7000, Protocol::Udp));
    profile.init = said(true);
    profile.tty = said(true);
    profile.stop_signal = said("SIGQUIT".to_owned());
    profile
}

/// The profile with strings in its arguments and variables.
pub(crate) fn with_strings(mut profile: Profile, strings: &[String]) -> Profile {
    profile.command = said([&["/bin/printf".to_owned()], strings].concat());
    profile.env = said(strings.iter().enumerate().map(|(at, text)| format!("V{at}={text}")).collect());
    profile
}

/// Strings that have gone wrong somewhere, and random ones of what they are made of; the same in each run.
pub(crate) fn strings() -> Vec<String> {
    let known = [
        "",
        " ",
        "a b",
        "'",
        "\"",
        "''\"\"",
        "it's",
        "`id`",
        "$HOME",
        "${HOME}",
        "$(id)",
        "$$",
        "$",
        "%n",
        "%%",
        "%",
        "\\",
        "\\n",
        "a\\",
        "\n",
        "a\nb",
        "\t",
        "\r",
        "\r\n",
        "- a",
        "-x",
        "--rm",
        "#",
        " # a",
        ": ",
        "a: b",
        "!!python/object:os.x",
        "&a",
        "*a",
        "{}",
        "{a: b}",
        "[",
        "[\"a\"]",
        "yes",
        "null",
        "~",
        "1e3",
        "0x10",
        "2026-01-01",
        "@a",
        "|",
        ">",
        "?",
        ";",
        "a;b",
        "&&",
        "<x",
        "\u{1}",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{feff}",
        "é",
        "日本",
        "🦀",
        "\u{10ffff}",
        "\u{ffff}",
        "a=b",
        "=",
        "${V:-x}",
        "$((1))",
        "$(VAR)",
        "\u{1b}[31m",
        "+x",
        "!x",
        ":x",
        "a\\\nb",
        "\\x41",
        "\\u0041",
        "EOF",
        "%{x}",
        "$%",
        "%$",
    ];
    let pieces: Vec<char> =
        "ab Z09'\"`$(){}[]<>\\|&;!#%@:=,.-_+*?~^/\n\t\r\u{1}\u{1f}\u{7f}\u{85}é日🦀\u{2028}".chars().collect();
    let mut seed = 0x5EED_u64;
    let mut next = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).expect("31 bits") % below
    };
    let random = (0..400).map(|_| (0..=next(12)).map(|_| pieces[next(pieces.len())]).collect());
    known.iter().map(|text| (*text).to_owned()).chain(random.collect::<Vec<String>>()).collect()
}
