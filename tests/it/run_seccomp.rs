//! The compiler of system call filters against libseccomp and against the kernel.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harden::policy::{self, Level};
use harden::run::seccomp::{Filter, compile, name_of};
use oci_spec::runtime::{Arch, LinuxSeccomp, LinuxSeccompArg, LinuxSyscall};
use serde_json::{Value, json};

use crate::support::{figure, root, skip};

const X86_64: u32 = 0xc000_003e;
const X86: u32 = 0x4000_0003;

#[test]
fn libseccomp_decides_the_same() {
    let Some((_folder, oracle)) = built(true) else { return };
    for (name, list) in profiles() {
        let filter = compile(&list, false).expect("it compiles");
        let (program, unknown) = libseccomp(&oracle, &list);
        figure(&format!("{name}: {} instructions, libseccomp {}", filter.instructions.len(), program.len()));
        let mut compared = 0;
        for architecture in [X86_64, X86, 0xc000_00b7] {
            for number in 0..600 {
                // The multiplexers are handled as the list says, and not by rules of our own for other calls.
                // podman's list allows `setns` and then refuses it: libseccomp drops the second rule without a word.
                let contradicted = name_of(architecture, number) == Some("setns");
                let multiplexed = architecture == X86 && [102, 117].contains(&number);
                if contradicted
                    || multiplexed
                    || name_of(architecture, number).is_some_and(|name| unknown.contains(name))
                {
                    continue;
                }
                for arguments in samples(&list, architecture, number) {
                    let theirs = interpret(&program, architecture, number, &arguments);
                    // An unlisted architecture ends the thread there.
                    let theirs = if theirs == 0 { 0x5_0026 } else { theirs };
                    let ours = filter.decide(architecture, number, &arguments);
                    assert_eq!(
                        ours,
                        theirs,
                        "{name}: {:?} {number} {arguments:x?} on {architecture:x}",
                        name_of(architecture, number)
                    );
                    compared += 1;
                }
            }
        }
        assert!(compared > 1500, "{compared}");
    }
}

#[test]
fn the_kernel_does_what_was_decided() {
    let Some((folder, program)) = built(false) else { return };
    let mut rules = vec![
        json!({"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77}),
        json!({"names": ["dup"], "action": "SCMP_ACT_ERRNO", "errnoRet": 78,
            "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_GT"}]}),
        json!({"names": ["uname"], "action": "SCMP_ACT_KILL_PROCESS"}),
    ];
    let run = |list: &[Value], narrow: bool, calls: &[&str]| {
        let archs = if narrow { vec!["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"] } else { vec!["SCMP_ARCH_X86_64"] };
        let list = json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": archs, "syscalls": list});
        let list: LinuxSeccomp = serde_json::from_value(list).expect("a list");
        let filter = compile(&list, false).expect("it compiles");
        let file = folder.path().join("program");
        std::fs::write(&file, bytes(&filter)).expect("written");
        let output = Command::new(&program).arg("run").arg(&file).args(calls).output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("text");
        // Of what is made only that it is.
        let numbers: Vec<i64> = text.lines().map(|line| line.parse::<i64>().expect("a number").min(0)).collect();
        (numbers, output.status.signal())
    };
    // getppid, dup(9) and dup(1), x32's getpid, getpid and getppid by the 32-bit door.
    let calls = ["6e", "20:9", "20:1", "40000027", "27", "x40"];
    let (numbers, signal) = run(&rules, true, &calls);
    assert!(signal.is_none());
    assert_eq!(numbers, [-77, -78, 0, -38, 0, -77]);
    // Without the rules the same calls are made.
    let (numbers, _) = run(&[], true, &calls);
    assert_eq!(numbers, [0, -9, 0, -38, 0, 0]);
    // The 32-bit door is closed unless it is listed.
    assert_eq!(run(&rules, false, &["27", "x14"]), (vec![0, -38], None));
    // A call that ends the process.
    assert_eq!(run(&rules, true, &["3f"]).1, Some(SIGSYS));
    rules.truncate(2);
    assert_eq!(run(&rules, true, &["3f"]), (vec![-14], None));
}

#[test]
fn a_long_list_costs_few_comparisons() {
    let (_, list) = made();
    let filter = compile(&list, false).expect("it compiles");
    let costs: Vec<usize> = (0..470).map(|number| steps(&filter, number)).collect();
    let most = costs.iter().max().expect("some");
    figure(&format!(
        "{} allow rules: {} instructions, {} on average and {most} at most for a call",
        list.syscalls().as_ref().expect("rules")[0].names().len(),
        filter.instructions.len(),
        costs.iter().sum::<usize>() / costs.len()
    ));
    assert!(*most <= 24, "{most}");
    assert!(filter.instructions.len() < 400, "{}", filter.instructions.len());
}

const SIGSYS: i32 = 31;

/// A list as docker's is, and what is installed of podman's.
fn profiles() -> Vec<(String, LinuxSeccomp)> {
    let mut profiles = vec![made()];
    for level in [Level::Strict, Level::Default, Level::Docker] {
        profiles.push((format!("{level:?}"), policy::seccomp::rules(level, &[], "amd64", false)));
    }
    let path = "/usr/share/containers/seccomp.json";
    match std::fs::read(path) {
        Ok(bytes) => {
            let file: Value = serde_json::from_slice(&bytes).expect("JSON");
            profiles.push(("podman's".to_owned(), resolved(&file)));
        }
        Err(_) => skip(&format!("{path} is not there")),
    }
    profiles
}

/// All calls but those that need privileges, with docker's conditions.
fn made() -> (String, LinuxSeccomp) {
    let refused = [
        "add_key",
        "bpf",
        "clone",
        "clone3",
        "delete_module",
        "finit_module",
        "fsmount",
        "fsopen",
        "fspick",
        "init_module",
        "io_uring_setup",
        "ioperm",
        "iopl",
        "kexec_load",
        "keyctl",
        "mount",
        "mount_setattr",
        "move_mount",
        "open_by_handle_at",
        "open_tree",
        "perf_event_open",
        "personality",
        "pivot_root",
        "quotactl",
        "reboot",
        "request_key",
        "setns",
        "settimeofday",
        "socket",
        "swapoff",
        "swapon",
        "syslog",
        "umount2",
        "unshare",
        "userfaultfd",
        "vhangup",
    ];
    let names = |architecture| (0..600).filter_map(move |number| name_of(architecture, number));
    let allowed: BTreeSet<&str> = names(X86_64).chain(names(X86)).filter(|name| !refused.contains(name)).collect();
    let condition = |name: &str, index: usize, op: &str, value: u64, two: u64| {
        json!({"names": [name], "action": "SCMP_ACT_ALLOW",
            "args": [{"index": index, "value": value, "valueTwo": two, "op": op}]})
    };
    let mut rules = vec![
        json!({"names": allowed, "action": "SCMP_ACT_ALLOW"}),
        json!({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}),
        condition("clone", 0, "SCMP_CMP_MASKED_EQ", 0x7e02_0000, 0),
        condition("socket", 0, "SCMP_CMP_LT", 38, 0),
        condition("socket", 0, "SCMP_CMP_EQ", 39, 0),
        condition("socket", 0, "SCMP_CMP_GT", 40, 0),
    ];
    rules.extend(
        [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff].map(|value| condition("personality", 0, "SCMP_CMP_EQ", value, 0)),
    );
    let list = json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "syscalls": rules,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]});
    ("like docker's".to_owned(), serde_json::from_value(list).expect("a list"))
}

/// Docker's form for amd64 without capabilities on a recent kernel.
fn resolved(file: &Value) -> LinuxSeccomp {
    let has = |rule: &Value, side: &str, key: &str| rule[side][key].as_array().is_some_and(|list| !list.is_empty());
    let amd64 =
        |rule: &Value, side: &str| rule[side]["arches"].as_array().is_some_and(|all| all.contains(&json!("amd64")));
    let wanted = |rule: &&Value| {
        !has(rule, "includes", "caps")
            && (!has(rule, "includes", "arches") || amd64(rule, "includes"))
            && !amd64(rule, "excludes")
    };
    let mut rules = Vec::new();
    for rule in file["syscalls"].as_array().expect("rules").iter().filter(wanted) {
        let mut one = json!({"names": rule["names"], "action": rule["action"]});
        for key in ["errnoRet", "args"] {
            if !rule[key].is_null() {
                one[key] = rule[key].clone();
            }
        }
        rules.push(one);
    }
    let mut list = json!({"defaultAction": file["defaultAction"], "syscalls": rules,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]});
    if !file["defaultErrnoRet"].is_null() {
        list["defaultErrnoRet"] = file["defaultErrnoRet"].clone();
    }
    serde_json::from_value(list).expect("a list")
}

/// Arguments that are of interest to the rules of a call.
fn samples(list: &LinuxSeccomp, architecture: u32, number: u32) -> Vec<[u64; 6]> {
    let name = name_of(architecture, number).unwrap_or_default();
    let rules = list.syscalls().iter().flatten().filter(|rule| rule.names().iter().any(|one| one == name));
    let conditions: Vec<LinuxSeccompArg> = rules.flat_map(|rule| rule.args().clone().unwrap_or_default()).collect();
    let mut values: BTreeSet<u64> = BTreeSet::from([0, 0xffff_ffff]);
    for value in conditions.iter().flat_map(|one| [one.value(), one.value_two().unwrap_or(0)]) {
        values.extend([value, value.wrapping_add(1), value.wrapping_sub(1), value | 1 << 33, value >> 1]);
    }
    let indices: BTreeSet<usize> = conditions.iter().map(LinuxSeccompArg::index).collect();
    let values: Vec<u64> = values.into_iter().collect();
    // Every pair of values would be too many for a call with many conditions: a stride through them all.
    let all = values.len().pow(u32::try_from(indices.len()).expect("few"));
    let step = (all / 5000).max(1) | 1;
    let mut found: Vec<[u64; 6]> = Vec::new();
    for at in (0..all).step_by(step) {
        let (mut one, mut rest) = ([0; 6], at);
        for index in &indices {
            one[*index] = values[rest % values.len()];
            rest /= values.len();
        }
        found.push(one);
    }
    if architecture == X86 {
        found.iter_mut().flatten().for_each(|value| *value &= 0xffff_ffff);
    }
    found
}

/// The C program, in a folder of its own.
fn built(oracle: bool) -> Option<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("seccomp");
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-o"]).arg(&program).arg(root().join("tests/oracle/seccomp.c"));
    if oracle {
        cc.args(["-DORACLE", "-lseccomp"]);
    }
    match cc.output() {
        Ok(output) if output.status.success() && cfg!(target_arch = "x86_64") => Some((folder, program)),
        _ => {
            skip("no C compiler with libseccomp's header for this machine");
            None
        }
    }
}

/// `struct sock_filter`: code, both jumps, constant.
type Step = (u16, u8, u8, u32);

/// The program that libseccomp makes as the runtimes feed it, and the names that it doesn't know.
fn libseccomp(oracle: &Path, list: &LinuxSeccomp) -> (Vec<Step>, BTreeSet<String>) {
    let default = list.default_action().as_u32(list.default_errno_ret());
    let narrow = list.architectures().iter().flatten().any(|one| *one == Arch::ScmpArchX86);
    let mut text = String::new();
    let mut line = |rule: &LinuxSyscall, conditions: &[LinuxSeccompArg]| {
        let action = rule.action().as_u32(rule.errno_ret());
        for name in rule.names().iter().filter(|_| action != default) {
            text += &format!("{action:x} {name} {}", conditions.len());
            for one in conditions {
                let two = one.value_two().unwrap_or(0);
                text += &format!(" {:x} {:x} {:x} {two:x}", one.index(), one.op() as u32, one.value());
            }
            text.push('\n');
        }
    };
    for rule in list.syscalls().iter().flatten() {
        line(rule, rule.args().as_deref().unwrap_or_default());
    }
    let mut child = Command::new(oracle)
        .args(["compile", &format!("{default:x}"), if narrow { "1" } else { "0" }])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    let unknown = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success(), "{unknown}");
    let instructions = output.stdout.chunks_exact(8).map(|raw| {
        (u16::from_ne_bytes([raw[0], raw[1]]), raw[2], raw[3], u32::from_ne_bytes([raw[4], raw[5], raw[6], raw[7]]))
    });
    (instructions.collect(), unknown.lines().map(str::to_owned).collect())
}

/// Classic BPF, as much of it as libseccomp writes.
fn interpret(program: &[Step], architecture: u32, number: u32, arguments: &[u64; 6]) -> u32 {
    let mut data = [number, architecture, 0, 0].map(u32::to_ne_bytes).concat();
    data.extend(arguments.iter().flat_map(|argument| argument.to_ne_bytes()));
    let (mut at, mut loaded) = (0, 0);
    loop {
        let (code, jt, jf, k) = program[at];
        at += 1;
        let branch = |yes: bool| usize::from(if yes { jt } else { jf });
        at += match code {
            0x20 => {
                let offset = k as usize;
                loaded = u32::from_ne_bytes(data[offset..offset + 4].try_into().expect("four bytes"));
                0
            }
            0x54 => {
                loaded &= k;
                0
            }
            0x05 => k as usize,
            0x15 => branch(loaded == k),
            0x25 => branch(loaded > k),
            0x35 => branch(loaded >= k),
            0x45 => branch(loaded & k != 0),
            0x06 => return k,
            _ => panic!("{code:x}"),
        };
    }
}

/// How many instructions are run for a call without arguments.
fn steps(filter: &Filter, number: u32) -> usize {
    let program: Vec<Step> = filter.instructions.iter().map(|one| (one.code, one.jt, one.jf, one.k)).collect();
    let (mut at, mut loaded, mut count) = (0, 0, 0);
    loop {
        let (code, jt, jf, k) = program[at];
        (at, count) = (at + 1, count + 1);
        match code {
            0x20 => loaded = [number, X86_64].get(k as usize / 4).copied().unwrap_or(0),
            0x54 => loaded &= k,
            0x05 => at += k as usize,
            0x15 => at += usize::from(if loaded == k { jt } else { jf }),
            0x35 => at += usize::from(if loaded >= k { jt } else { jf }),
            _ => return count,
        }
    }
}

fn bytes(filter: &Filter) -> Vec<u8> {
    let one = |instruction: &harden::run::sys::Instruction| {
        let mut raw = instruction.code.to_ne_bytes().to_vec();
        raw.extend([instruction.jt, instruction.jf]);
        raw.extend(instruction.k.to_ne_bytes());
        raw
    };
    filter.instructions.iter().flat_map(one).collect()
}
