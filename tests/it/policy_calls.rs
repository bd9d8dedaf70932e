//! What the filter lets through, asked of a small evaluator of the form's meaning, and held against the tables of system
//! calls of each architecture.

use std::str::FromStr;

use harden::policy::Level;
use harden::policy::seccomp::{read, reasons, rules};
use oci_spec::runtime::{
    Arch, Capability, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompOperator as Op,
};

const HOSTS: [(&str, bool); 4] = [("amd64", false), ("amd64", true), ("arm64", false), ("arm64", true)];

/// Every different answer that some rule gives to a call; the default where none speaks.
fn answers(list: &LinuxSeccomp, name: &str, args: [u64; 6]) -> Vec<(LinuxSeccompAction, Option<u32>)> {
    let holds = |arg: &LinuxSeccompArg| {
        let value = args[arg.index()];
        match arg.op() {
            Op::ScmpCmpNe => value != arg.value(),
            Op::ScmpCmpLt => value < arg.value(),
            Op::ScmpCmpLe => value <= arg.value(),
            Op::ScmpCmpEq => value == arg.value(),
            Op::ScmpCmpGe => value >= arg.value(),
            Op::ScmpCmpGt => value > arg.value(),
            Op::ScmpCmpMaskedEq => value & arg.value() == arg.value_two().unwrap_or(0),
        }
    };
    let mut found = Vec::new();
    for rule in list.syscalls().iter().flatten().filter(|rule| rule.names().iter().any(|one| one == name)) {
        let answer = (rule.action(), rule.errno_ret());
        if rule.args().iter().flatten().all(holds) && !found.contains(&answer) {
            found.push(answer);
        }
    }
    if found.is_empty() {
        found.push((list.default_action(), list.default_errno_ret()));
    }
    found
}

/// `None` where the call is allowed, else the error number; rules that contradict each other are a failure.
fn answer(list: &LinuxSeccomp, name: &str, args: &[u64]) -> Option<u32> {
    let mut all = [0; 6];
    all[..args.len()].copy_from_slice(args);
    let answers = answers(list, name, all);
    assert_eq!(answers.len(), 1, "{name} {args:x?}: {answers:?}");
    match answers[0] {
        (LinuxSeccompAction::ScmpActAllow, _) => None,
        (LinuxSeccompAction::ScmpActErrno, errno) => errno,
        other => panic!("{name}: {other:?}"),
    }
}

fn known(arch: Arch, name: &str) -> bool {
    match arch {
        Arch::ScmpArchX86_64 => syscalls::x86_64::Sysno::from_str(name).is_ok(),
        Arch::ScmpArchX86 => syscalls::x86::Sysno::from_str(name).is_ok(),
        // The table has two oddities: the kernel's name of number 79 is `newfstatat`, and the `_time64` calls exist on
        // 32-bit architectures only.
        Arch::ScmpArchAarch64 => {
            name == "newfstatat" || (syscalls::aarch64::Sysno::from_str(name).is_ok() && !name.ends_with("time64"))
        }
        // The calls of its own stand apart in the kernel (asm/unistd.h, __ARM_NR_BASE) and are missing in the table.
        Arch::ScmpArchArm => {
            ["breakpoint", "cacheflush", "set_tls"].contains(&name) || syscalls::arm::Sysno::from_str(name).is_ok()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_name_exists_on_its_architecture_and_none_that_does_is_left_out() {
    let mut wrong = Vec::new();
    for (host, has_32_bit) in HOSTS {
        for level in [Level::Strict, Level::Default, Level::Docker] {
            let list = rules(level, &[Capability::SysAdmin, Capability::SysTime], host, has_32_bit);
            let on = list.architectures().clone().expect("architectures");
            let named: Vec<&str> =
                list.syscalls().iter().flatten().flat_map(|rule| rule.names()).map(String::as_str).collect();
            for name in &named {
                if !on.iter().any(|one| known(*one, name)) {
                    wrong.push(format!("{host} {has_32_bit}: no architecture has {name}"));
                }
            }
            let has = |from: Level| level == Level::Docker || from == Level::Strict || from == level;
            for name in reasons().filter(|(from, ..)| has(*from)).flat_map(|(.., names)| names) {
                if on.iter().any(|one| known(*one, name)) && !named.contains(name) {
                    wrong.push(format!("{host} {has_32_bit}: {name} exists and is left out"));
                }
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_call_stands_in_one_group() {
    let mut names: Vec<&str> = reasons().flat_map(|(.., names)| names).copied().collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn unknown_calls_are_missing_and_dangerous_ones_forbidden() {
    for (host, has_32_bit) in HOSTS {
        for level in [Level::Strict, Level::Default] {
            let list = rules(level, &[], host, has_32_bit);
            for name in ["io_uring_setup", "clone3", "file_getattr", "a_call_of_tomorrow"] {
                assert_eq!(answer(&list, name, &[]), Some(38), "{name}");
            }
            for name in ["mount", "unshare", "setns", "bpf", "keyctl", "add_key", "userfaultfd", "perf_event_open"] {
                assert_eq!(answer(&list, name, &[]), Some(1), "{name}");
            }
            for name in ["read", "execve", "exit_group", "rt_sigreturn", "openat", "getrandom"] {
                assert_eq!(answer(&list, name, &[]), None, "{name}");
            }
        }
        let (strict, default) = (rules(Level::Strict, &[], host, false), rules(Level::Default, &[], host, false));
        for name in ["ptrace", "process_vm_readv", "memfd_create", "io_submit"] {
            assert!(answer(&strict, name, &[]).is_some(), "{name}");
            assert_eq!(answer(&default, name, &[]), None, "{name}");
        }
        assert_eq!(answer(&strict, "ptrace", &[]), Some(1));
    }
}

#[test]
fn sockets_are_of_this_machine_and_the_internet_only() {
    let list = rules(Level::Default, &[], "amd64", true);
    for (family, kind, protocol, expected) in [
        (1, 1, 0, None),
        (1, 3, 0, None),
        (2, 1 | 0o2_004_000, 6, None),
        (2, 2, 0, None),
        (10, 1, 0, None),
        (2, 3, 1, Some(1)),
        (10, 3 | 0o2_000_000, 58, Some(1)),
        (16, 3, 0, None),
        (16, 3, 9, Some(97)),
        (16, 2, 15, Some(97)),
        (17, 3, 0x300, Some(97)),
        (38, 5, 0, Some(97)),
        (40, 1, 0, Some(97)),
        (3, 1, 0, Some(97)),
        (0x1_0000_0026, 5, 0, Some(97)),
        (0x1_0000_0010, 3, 9, Some(97)),
    ] {
        assert_eq!(answer(&list, "socket", &[family, kind, protocol]), expected, "{family} {kind} {protocol}");
    }
    // The 32-bit multiplexer makes no socket, and handles those that are there.
    assert_eq!(answer(&list, "socketcall", &[1]), Some(1));
    assert_eq!(answer(&list, "socketcall", &[0x1_0000_0001]), Some(1));
    assert_eq!(answer(&list, "socketcall", &[3]), None);
    let raw = rules(Level::Default, &[Capability::NetRaw], "amd64", false);
    assert_eq!(answer(&raw, "socket", &[2, 3, 1]), None);
    assert_eq!(answer(&raw, "socket", &[17, 3, 0]), None);
    assert_eq!(answer(&raw, "socket", &[38, 5, 0]), Some(97));
    let admin = rules(Level::Default, &[Capability::NetAdmin], "amd64", false);
    assert_eq!(answer(&admin, "socket", &[16, 3, 12]), None);
}

#[test]
fn arguments_are_filtered_as_the_kernel_reads_them() {
    let list = rules(Level::Default, &[], "amd64", true);
    for high in [0, 1 << 32, 0xffff_ffff_0000_0000] {
        assert_eq!(answer(&list, "ioctl", &[0, high | 0x5412]), Some(1));
        assert_eq!(answer(&list, "ioctl", &[0, high | 0x541c]), Some(1));
        for fine in [0x5401, 0x5413, 0x5421, 0x8004_5430, 0, 0xffff_ffff] {
            assert_eq!(answer(&list, "ioctl", &[0, high | fine]), None);
        }
    }
    assert_eq!(answer(&list, "clone", &[0x3d_0f00]), None);
    assert_eq!(answer(&list, "clone", &[0x11]), None);
    for flag in [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] {
        assert_eq!(answer(&list, "clone", &[flag | 0x11]), Some(1), "{flag:#x}");
    }
    assert_eq!(answer(&list, "mknod", &[0, 0o010_644]), None);
    assert_eq!(answer(&list, "mknod", &[0, 0o020_644]), Some(1));
    assert_eq!(answer(&list, "mknodat", &[0, 0, 0o060_644]), Some(1));
    assert_eq!(answer(&list, "mknodat", &[0, 0, 0o140_644]), None);
    assert_eq!(answer(&list, "personality", &[0xffff_ffff]), None);
    assert_eq!(answer(&list, "personality", &[0x004_0000]), Some(38));
    let admin = rules(Level::Default, &[Capability::SysAdmin], "amd64", false);
    assert_eq!(answer(&admin, "clone", &[0x1000_0011]), None);
    assert_eq!(answer(&admin, "mount", &[]), None);
    // s390x has the flags in the second argument.
    let s390 = rules(Level::Default, &[], "s390x", false);
    assert_eq!(answer(&s390, "clone", &[0x1000_0000, 0x11]), None);
    assert_eq!(answer(&s390, "clone", &[0, 0x1000_0011]), Some(1));
}

#[test]
fn the_32_bit_door_is_open_for_32_bit_programs_only_and_x32_never() {
    let on = |host, has_32_bit| rules(Level::Default, &[], host, has_32_bit).architectures().clone();
    assert_eq!(on("amd64", false), Some(vec![Arch::ScmpArchX86_64]));
    assert_eq!(on("amd64", true), Some(vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86]));
    assert_eq!(on("arm64", false), Some(vec![Arch::ScmpArchAarch64]));
    assert_eq!(on("arm64", true), Some(vec![Arch::ScmpArchAarch64, Arch::ScmpArchArm]));
    assert_eq!(on("sparc64", true), None);
}

#[test]
fn docker_form_is_resolved_by_capabilities_architectures_and_kernel() {
    let text = r#"{ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
        "archMap": [{ "architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] },
                    { "architecture": "SCMP_ARCH_RISCV64", "subArchitectures": null }],
        "syscalls": [
            { "names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": "why", "args": [] },
            { "name": "chroot", "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_SYS_CHROOT"] } },
            { "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": { "caps": ["CAP_SYS_ADMIN"] } },
            { "names": ["modify_ldt"], "action": "SCMP_ACT_ALLOW", "includes": { "arches": ["amd64", "x86"] } },
            { "names": ["set_tls"], "action": "SCMP_ACT_ALLOW", "includes": { "arches": ["arm"] } },
            { "names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": { "minKernel": "4.8" } },
            { "names": ["socket"], "action": "SCMP_ACT_ALLOW",
              "args": [{ "index": 0, "value": 38, "op": "SCMP_CMP_LT" }] } ] }"#;
    let of = |granted: &[Capability], kernel| read(text, granted, "amd64", kernel, false).expect("a profile");
    let none = of(&[], (0, 0));
    assert_eq!(none.architectures(), &Some(vec![Arch::ScmpArchX86_64]));
    for (name, args, expected) in [
        ("read", [0], None),
        ("chroot", [0], Some(1)),
        ("clone3", [0], Some(38)),
        ("modify_ldt", [0], None),
        ("set_tls", [0], Some(1)),
        ("ptrace", [0], None),
        ("socket", [2], None),
        ("socket", [38], Some(1)),
    ] {
        assert_eq!(answer(&none, name, &args), expected, "{name}");
    }
    assert_eq!(answer(&of(&[Capability::SysChroot], (0, 0)), "chroot", &[]), None);
    assert_eq!(answer(&of(&[Capability::SysAdmin], (0, 0)), "clone3", &[]), Some(1));
    assert_eq!(answer(&of(&[], (4, 7)), "ptrace", &[]), Some(1));
    assert_eq!(answer(&of(&[], (4, 8)), "ptrace", &[]), None);
    let wide = read(text, &[], "amd64", (0, 0), true).expect("a profile");
    assert_eq!(wide.architectures(), &Some(vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86]));
}

#[test]
fn hostile_files_are_refused_with_what_is_wrong() {
    let huge = format!("{}{}", " ".repeat(2 << 20), "{}");
    let deep = "[".repeat(100_000);
    let names = format!(
        r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{{"names":[{}"a"],"action":"SCMP_ACT_ALLOW"}}]}}"#,
        r#""a","#.repeat(20_000)
    );
    for (text, part) in [
        ("", "no seccomp profile"),
        ("[]", "no seccomp profile"),
        ("{}", "defaultAction"),
        (&huge, "bytes"),
        (&deep, "no seccomp profile"),
        (&names, "names and conditions"),
        (r#"{"defaultAction":"SCMP_ACT_NOTIFY"}"#, "no other process"),
        (r#"{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/x"}"#, "listenerPath"),
        (r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":5000}"#, "4095"),
        (r#"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_ARM"]}"#, "other architectures"),
        (
            r#"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],
               "archMap":[{"architecture":"SCMP_ARCH_X86_64"}]}"#,
            "both",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["a"],"action":"SCMP_ACT_ALLOW",
               "args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}]}"#,
            "above the sixth",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_ALLOW"}]}"#,
            "`syscalls[0]` has both",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["a"],"action":"SCMP_ACT_ALLOW",
               "includes":{"minKernel":"new"}}]}"#,
            "no version",
        ),
    ] {
        let error = read(text, &[], "amd64", (0, 0), false).expect_err(part);
        assert!(error.to_string().contains(part), "{error}");
    }
}
