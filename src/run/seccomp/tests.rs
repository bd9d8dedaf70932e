use oci_spec::runtime::{Arch, LinuxSeccompArg, LinuxSeccompArgBuilder, LinuxSeccompOperator};
use proptest::prelude::*;

use super::*;

const OWN: u32 = if cfg!(target_arch = "aarch64") { 0xc000_00b7 } else { 0xc000_003e };
const OLD: u32 = if cfg!(target_arch = "aarch64") { 0x4000_0028 } else { 0x4000_0003 };

fn number(name: &str) -> u32 {
    machine::listed(None)[0].number(name).expect("a call")
}

fn rule(
    names: &[&str],
    action: LinuxSeccompAction,
    errno: Option<u32>,
    arguments: Vec<LinuxSeccompArg>,
) -> LinuxSyscall {
    let mut rule = LinuxSyscall::default();
    rule.set_names(names.iter().map(|name| (*name).to_owned()).collect()).set_action(action).set_errno_ret(errno);
    rule.set_args((!arguments.is_empty()).then_some(arguments));
    rule
}

fn list(default: LinuxSeccompAction, errno: Option<u32>, rules: Vec<LinuxSyscall>) -> LinuxSeccomp {
    let mut list = LinuxSeccomp::default();
    list.set_default_action(default).set_default_errno_ret(errno).set_syscalls(Some(rules));
    list
}

fn argument(index: usize, value: u64, two: Option<u64>, op: LinuxSeccompOperator) -> LinuxSeccompArg {
    let mut builder = LinuxSeccompArgBuilder::default().index(index).value(value).op(op);
    if let Some(two) = two {
        builder = builder.value_two(two);
    }
    builder.build().expect("an argument")
}

fn own_calls() -> LinuxSyscall {
    rule(&OWN_CALLS, LinuxSeccompAction::ScmpActAllow, None, vec![])
}

/// What the specification says of a call, rule by rule.
fn expected(list: &LinuxSeccomp, call: u32, arguments: [u64; 6]) -> Verdict {
    let default = verdict(list.default_action(), list.default_errno_ret(), false);
    let holds = |one: &LinuxSeccompArg| {
        use LinuxSeccompOperator as Op;
        let (asked, value) = (arguments[one.index()], one.value());
        match one.op() {
            Op::ScmpCmpEq => asked == value,
            Op::ScmpCmpNe => asked != value,
            Op::ScmpCmpLt => asked < value,
            Op::ScmpCmpLe => asked <= value,
            Op::ScmpCmpGt => asked > value,
            Op::ScmpCmpGe => asked >= value,
            Op::ScmpCmpMaskedEq => asked & value == one.value_two().unwrap_or(0),
        }
    };
    let rules = list.syscalls().iter().flatten();
    let about: Vec<&LinuxSyscall> = rules.filter(|rule| rule.names().iter().any(|name| number(name) == call)).collect();
    let verdict_of = |rule: &LinuxSyscall| verdict(rule.action(), rule.errno_ret(), false);
    for rule in &about {
        let Some(conditions) = rule.args().as_ref() else { continue };
        let repeated = (0..6).any(|index| conditions.iter().filter(|one| one.index() == index).count() > 1);
        let met = if repeated { conditions.iter().any(holds) } else { conditions.iter().all(holds) };
        if met {
            return verdict_of(rule);
        }
    }
    about.iter().rev().find(|rule| rule.args().is_none()).map_or(default, |rule| verdict_of(rule))
}

const NAMES: [&str; 14] = [
    "read",
    "write",
    "openat",
    "close",
    "fstat",
    "socket",
    "clone",
    "personality",
    "ioctl",
    "mmap",
    "futex",
    "unshare",
    "keyctl",
    "statx",
];

fn arguments() -> impl Strategy<Value = LinuxSeccompArg> {
    use LinuxSeccompOperator as Op;
    let values = prop_oneof![Just(0_u64), Just(1), Just(38), Just(u64::MAX), Just(1 << 32), 0..64_u64, any::<u64>()];
    let ops = prop_oneof![
        Just(Op::ScmpCmpEq),
        Just(Op::ScmpCmpNe),
        Just(Op::ScmpCmpLt),
        Just(Op::ScmpCmpLe),
        Just(Op::ScmpCmpGt),
        Just(Op::ScmpCmpGe),
        Just(Op::ScmpCmpMaskedEq)
    ];
    (0..6_usize, values.clone(), values, ops)
        .prop_map(|(index, value, two, op)| argument(index, value, Some(two & value), op))
}

fn rules() -> impl Strategy<Value = LinuxSyscall> {
    let names = proptest::sample::subsequence(NAMES.to_vec(), 1..5);
    let actions = prop_oneof![
        Just((LinuxSeccompAction::ScmpActAllow, None)),
        Just((LinuxSeccompAction::ScmpActErrno, Some(1))),
        Just((LinuxSeccompAction::ScmpActErrno, Some(38))),
        Just((LinuxSeccompAction::ScmpActKillProcess, None)),
        Just((LinuxSeccompAction::ScmpActLog, None)),
    ];
    (names, actions, proptest::collection::vec(arguments(), 0..4))
        .prop_map(|(names, (action, errno), arguments)| rule(&names, action, errno, arguments))
}

proptest! {
    #[test]
    fn a_program_says_what_its_list_says(
        rules in proptest::collection::vec(rules(), 0..12),
        asked in proptest::collection::vec((0..14_usize, proptest::array::uniform6(prop_oneof![
            Just(0_u64), Just(1), Just(38), Just(u64::MAX), Just(1 << 32), 0..64_u64, any::<u64>()
        ])), 1..40),
    ) {
        let mut all = vec![own_calls()];
        all.extend(rules);
        let list = list(LinuxSeccompAction::ScmpActErrno, Some(38), all);
        let filter = compile(&list, false).expect("it compiles");
        for (name, arguments) in asked {
            let call = number(NAMES[name]);
            let said = interpret(&filter.instructions, OWN, call, arguments);
            prop_assert_eq!(said, Some(expected(&list, call, arguments)), "{} {:?}", NAMES[name], arguments);
        }
        // What no rule speaks of is refused by the default, at both ends of the numbers too.
        for call in [500, 600, 0x3fff_ffff] {
            prop_assert_eq!(interpret(&filter.instructions, OWN, call, [0; 6]), Some(expected(&list, call, [0; 6])));
        }
    }
}

#[test]
fn other_doors_are_closed() {
    let allow_all = list(LinuxSeccompAction::ScmpActAllow, None, vec![]);
    let closed = Some(libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32);
    let filter = compile(&allow_all, false).expect("it compiles");
    assert_eq!(interpret(&filter.instructions, OWN, 39, [0; 6]), Some(libc::SECCOMP_RET_ALLOW));
    assert_eq!(interpret(&filter.instructions, OLD, 20, [0; 6]), closed, "the 32-bit entry");
    assert_eq!(interpret(&filter.instructions, 0x1234, 20, [0; 6]), closed, "a machine that isn't");
    if cfg!(target_arch = "x86_64") {
        assert_eq!(interpret(&filter.instructions, OWN, 0x4000_0027, [0; 6]), closed, "x32");
        let mut both = list(
            LinuxSeccompAction::ScmpActErrno,
            Some(1),
            vec![own_calls(), rule(&["getpid"], LinuxSeccompAction::ScmpActAllow, None, vec![])],
        );
        both.set_architectures(Some(vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86]));
        let filter = compile(&both, false).expect("it compiles");
        assert_eq!(interpret(&filter.instructions, OLD, 20, [0; 6]), Some(libc::SECCOMP_RET_ALLOW));
        assert_eq!(interpret(&filter.instructions, OLD, 39, [0; 6]), Some(libc::SECCOMP_RET_ERRNO | 1), "mkdir there");
    }
}

#[test]
fn what_can_t_be_enforced_is_refused() {
    let deny = |name: &str| {
        list(
            LinuxSeccompAction::ScmpActAllow,
            None,
            vec![rule(&[name], LinuxSeccompAction::ScmpActErrno, Some(1), vec![])],
        )
    };
    assert!(compile(&deny("mseal"), false).is_ok(), "a call that libseccomp 2.5.4 doesn't know is refused for real");
    let error = compile(&deny("no_such_call"), false).expect_err("a hole");
    assert!(error.to_string().contains("no_such_call"), "{error}");
    let error = compile(&deny("execve"), false).expect_err("nothing could start");
    assert!(error.to_string().contains("execve"), "{error}");
    let allow = list(
        LinuxSeccompAction::ScmpActErrno,
        Some(1),
        vec![own_calls(), rule(&["no_such_call"], LinuxSeccompAction::ScmpActAllow, None, vec![])],
    );
    assert_eq!(compile(&allow, false).expect("it compiles").unknown, ["no_such_call"]);
    let seventh = argument(6, 0, None, LinuxSeccompOperator::ScmpCmpEq);
    let odd = list(
        LinuxSeccompAction::ScmpActAllow,
        None,
        vec![rule(&["read"], LinuxSeccompAction::ScmpActErrno, None, vec![seventh])],
    );
    assert!(compile(&odd, false).is_err());
}

#[test]
fn a_supervisor_is_told_what_would_be_refused() {
    let refuse = list(LinuxSeccompAction::ScmpActErrno, Some(38), vec![own_calls()]);
    let filter = compile(&refuse, true).expect("it compiles");
    assert_eq!(interpret(&filter.instructions, OWN, number("mount"), [0; 6]), Some(libc::SECCOMP_RET_USER_NOTIF));
    assert_eq!(interpret(&filter.instructions, OWN, number("execve"), [0; 6]), Some(libc::SECCOMP_RET_ALLOW));
}
