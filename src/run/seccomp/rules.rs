//! From the rules of a list to clauses by number of call.

use std::collections::BTreeMap;

use oci_spec::runtime::{Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompOperator, LinuxSyscall};

use super::Machine;
use super::decide::{Clause, Compare, Test};
use super::names::{self, Table};
use crate::run::Error;

/// What is done with every call.
pub(super) struct Calls {
    /// By `AUDIT_ARCH_…`, the machine's own first.
    pub(super) architectures: Vec<(u32, Numbers)>,
    /// What becomes of calls of other architectures.
    pub(super) other: u32,
}

/// What is done with the calls of one architecture.
pub(super) struct Numbers {
    /// Clauses of a call, of which the first that matches decides.
    pub(super) clauses: BTreeMap<u32, Vec<Clause>>,
    /// What becomes of a call when none matches.
    pub(super) default: u32,
    /// From which number on every call gets the second action, whatever its number (x32).
    pub(super) end: Option<(u32, u32)>,
}

/// Numbers of x32 have this bit (asm/unistd.h).
const X32: u32 = 0x4000_0000;
/// More conditions than a filter has room for, and for one call more than anybody needs: they are taken apart one in the
/// other, which takes stack.
const MOST: usize = 2048;
const MOST_OF_ONE: usize = 512;
/// `MAX_ERRNO` of the kernel: a larger one it would cut.
const LARGEST_ERRNO: u32 = 4095;
const PLACE: &str = "seccomp";

/// Reads a list; gives also the names that no architecture knows and that are refused anyway, or not allowed.
pub(super) fn read(list: &LinuxSeccomp, machine: Machine) -> Result<(Calls, Vec<String>), Error> {
    let default = action(list.default_action(), list.default_errno_ret())?;
    let known = Table::of(machine.architecture());
    let mut unknown = Vec::new();
    for rule in list.syscalls().iter().flatten() {
        let action = action(rule.action(), rule.errno_ret())?;
        for name in rule.names().iter().filter(|name| known.number(name).is_none() && !names::exists(name)) {
            if !permits(action) && permits(default) {
                return Err(Error::new(
                    format!("seccomp rule for `{name}`"),
                    "no known architecture has a call of that name, so that refusing it would refuse nothing",
                    "correct the name, or take the rule out of the list",
                ));
            }
            unknown.push(name.clone());
        }
    }
    unknown.sort_unstable();
    unknown.dedup();
    let architectures = architectures(list, machine)
        .into_iter()
        .map(|architecture| Ok((architecture, numbers(list, architecture, default)?)))
        .collect::<Result<_, Error>>()?;
    Ok((Calls { architectures, other: absent(default) }, unknown))
}

/// The same, but for asking where a call is refused, or names a path.
pub(super) fn asking(mut calls: Calls) -> Calls {
    let ask = |action: u32| if permits(action) { action } else { libc::SECCOMP_RET_USER_NOTIF };
    calls.other = ask(calls.other);
    for (architecture, numbers) in &mut calls.architectures {
        numbers.default = ask(numbers.default);
        if let Some((_, action)) = &mut numbers.end {
            *action = ask(*action);
        }
        for clause in numbers.clauses.values_mut().flatten() {
            clause.action = ask(clause.action);
        }
        for name in crate::run::refusals::path_calls() {
            if let Some(number) = names::number_of(*architecture, name) {
                let all = Clause { tests: Vec::new(), action: libc::SECCOMP_RET_USER_NOTIF };
                numbers.clauses.insert(number, vec![all]);
            }
        }
    }
    calls
}

/// Whether the call is made.
pub(crate) fn permits(action: u32) -> bool {
    matches!(action & libc::SECCOMP_RET_ACTION_FULL, libc::SECCOMP_RET_ALLOW | libc::SECCOMP_RET_LOG)
}

fn architectures(list: &LinuxSeccomp, machine: Machine) -> Vec<u32> {
    let (own, narrow, arch) = match machine {
        Machine::X86_64 => (names::X86_64, names::X86, Arch::ScmpArchX86),
        Machine::Aarch64 => (names::AARCH64, names::ARM, Arch::ScmpArchArm),
    };
    let has_narrow = list.architectures().iter().flatten().any(|one| *one == arch);
    std::iter::once(own).chain(has_narrow.then_some(narrow)).collect()
}

fn numbers(list: &LinuxSeccomp, architecture: u32, default: u32) -> Result<Numbers, Error> {
    let table = Table::of(architecture);
    let narrow = matches!(architecture, names::X86 | names::ARM);
    let mut clauses: BTreeMap<u32, Vec<Clause>> = BTreeMap::new();
    let mut count = 0;
    for rule in list.syscalls().iter().flatten() {
        let action = action(rule.action(), rule.errno_ret())?;
        let of_rule = clauses_of(rule, action, narrow)?;
        for name in rule.names() {
            if let Some(number) = table.number(name) {
                count += of_rule.len();
                clauses.entry(number).or_default().extend(of_rule.iter().cloned());
            }
        }
        if count > MOST {
            return Err(Error::new(PLACE, format!("more than {MOST} conditions"), "shorten the list of system calls"));
        }
        if architecture == names::X86 && !permits(action) && permits(default) {
            close_multiplexers(list, rule, action, &mut clauses);
        }
    }
    for (number, clauses) in &mut clauses {
        if clauses.len() > MOST_OF_ONE {
            let name = names::name_of(architecture, *number).unwrap_or_default();
            let problem = format!("more than {MOST_OF_ONE} conditions");
            return Err(Error::new(format!("seccomp rules for `{name}`"), problem, "merge them"));
        }
        clauses.sort_by_key(|clause| strictness(clause.action));
    }
    let end = (architecture == names::X86_64).then_some((X32, absent(default)));
    Ok(Numbers { clauses, default, end })
}

/// What becomes of calls that are none of a listed architecture: as if the kernel had none of theirs, or what is stricter.
fn absent(default: u32) -> u32 {
    let nothing = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
    if strictness(default) < strictness(nothing) { default } else { nothing }
}

/// Order of actions where several match: seccomp(2), return values.
fn strictness(action: u32) -> u8 {
    match action & libc::SECCOMP_RET_ACTION_FULL {
        libc::SECCOMP_RET_KILL_PROCESS => 0,
        libc::SECCOMP_RET_KILL_THREAD => 1,
        libc::SECCOMP_RET_TRAP => 2,
        libc::SECCOMP_RET_ERRNO => 3,
        libc::SECCOMP_RET_USER_NOTIF => 4,
        libc::SECCOMP_RET_TRACE => 5,
        libc::SECCOMP_RET_LOG => 6,
        _ => 7,
    }
}

fn action(action: LinuxSeccompAction, errno: Option<u32>) -> Result<u32, Error> {
    let errno = errno.unwrap_or(libc::EPERM.cast_unsigned());
    let data = |largest: u32| {
        let problem = || format!("`errnoRet` {errno} is more than {largest}");
        let right = Some(errno).filter(|errno| *errno <= largest);
        right.ok_or_else(|| Error::new(PLACE, problem(), "name an errno that errno(3) lists"))
    };
    Ok(match action {
        LinuxSeccompAction::ScmpActKill | LinuxSeccompAction::ScmpActKillThread => libc::SECCOMP_RET_KILL_THREAD,
        LinuxSeccompAction::ScmpActKillProcess => libc::SECCOMP_RET_KILL_PROCESS,
        LinuxSeccompAction::ScmpActTrap => libc::SECCOMP_RET_TRAP,
        LinuxSeccompAction::ScmpActErrno => libc::SECCOMP_RET_ERRNO | data(LARGEST_ERRNO)?,
        // Nobody listens for these, so that the kernel answers ENOSYS.
        LinuxSeccompAction::ScmpActNotify => libc::SECCOMP_RET_USER_NOTIF,
        LinuxSeccompAction::ScmpActTrace => libc::SECCOMP_RET_TRACE | data(u16::MAX.into())?,
        LinuxSeccompAction::ScmpActLog => libc::SECCOMP_RET_LOG,
        LinuxSeccompAction::ScmpActAllow => libc::SECCOMP_RET_ALLOW,
    })
}

/// The clauses of a rule: one whose tests must all hold; or, as all runtimes do it, one a condition where two conditions
/// are on the same argument.
fn clauses_of(rule: &LinuxSyscall, action: u32, narrow: bool) -> Result<Vec<Clause>, Error> {
    let conditions: &[LinuxSeccompArg] = rule.args().as_deref().unwrap_or_default();
    let mut tests = Vec::new();
    for condition in conditions {
        let argument = u8::try_from(condition.index()).ok().filter(|index| *index < 6).ok_or_else(|| {
            let place = format!("seccomp rule for `{}`", rule.names().join(", "));
            Error::new(place, format!("there is no argument {}", condition.index()), "number arguments from 0 to 5")
        })?;
        tests.push(test(condition, argument, narrow));
    }
    let twice = tests.iter().enumerate().any(|(at, test)| tests[..at].iter().any(|one| one.argument == test.argument));
    if twice {
        return Ok(tests.into_iter().map(|test| Clause { tests: vec![test], action }).collect());
    }
    Ok(vec![Clause { tests, action }])
}

/// Arguments of 32-bit programs have nothing in the upper half. A negative number written in 64 bits is the same number
/// there.
fn test(condition: &LinuxSeccompArg, argument: u8, narrow: bool) -> Test {
    let cut = |value: u64| {
        let low = value & 0xffff_ffff;
        if narrow && value >= 0xffff_ffff_8000_0000 { low } else { value }
    };
    let value = cut(condition.value());
    let (not, compare, mask, value) = match condition.op() {
        LinuxSeccompOperator::ScmpCmpEq => (false, Compare::Masked, u64::MAX, value),
        LinuxSeccompOperator::ScmpCmpNe => (true, Compare::Masked, u64::MAX, value),
        LinuxSeccompOperator::ScmpCmpGt => (false, Compare::Greater, 0, value),
        LinuxSeccompOperator::ScmpCmpLe => (true, Compare::Greater, 0, value),
        LinuxSeccompOperator::ScmpCmpGe => (false, Compare::AtLeast, 0, value),
        LinuxSeccompOperator::ScmpCmpLt => (true, Compare::AtLeast, 0, value),
        LinuxSeccompOperator::ScmpCmpMaskedEq => {
            // Bits of the value outside the mask count for nothing, as libseccomp has it.
            let mask = condition.value();
            (false, Compare::Masked, mask, cut(condition.value_two().unwrap_or(0) & mask))
        }
    };
    Test { argument, high: true, not, compare, mask, value }
}

/// Calls that 32-bit PCs also reach by socketcall(2) and ipc(2), and their numbers there (linux/net.h, linux/ipc.h).
#[rustfmt::skip]
const MULTIPLEXED: [(&str, &[(&str, u64)]); 2] = [
    ("socketcall", &[
        ("socket", 1), ("bind", 2), ("connect", 3), ("listen", 4), ("accept", 5), ("getsockname", 6), ("getpeername", 7),
        ("socketpair", 8), ("send", 9), ("recv", 10), ("sendto", 11), ("recvfrom", 12), ("shutdown", 13),
        ("setsockopt", 14), ("getsockopt", 15), ("sendmsg", 16), ("recvmsg", 17), ("accept4", 18), ("recvmmsg", 19),
        ("recvmmsg_time64", 19), ("sendmmsg", 20),
    ]),
    ("ipc", &[
        ("semop", 1), ("semget", 2), ("semctl", 3), ("semtimedop", 4), ("semtimedop_time64", 4), ("msgsnd", 11),
        ("msgrcv", 12), ("msgget", 13), ("msgctl", 14), ("shmat", 21), ("shmdt", 22), ("shmget", 23), ("shmctl", 24),
    ]),
];

/// Where everything else is allowed, refuses a refused call by its other way too: whole, because its arguments lie in
/// memory there. A list that names the other way itself has its will.
fn close_multiplexers(list: &LinuxSeccomp, rule: &LinuxSyscall, action: u32, clauses: &mut BTreeMap<u32, Vec<Clause>>) {
    let named = |name: &str| list.syscalls().iter().flatten().any(|rule| rule.names().iter().any(|one| one == name));
    for (way, calls) in MULTIPLEXED {
        let Some(number) = names::number_of(names::X86, way).filter(|_| !named(way)) else { continue };
        for (_, value) in calls.iter().filter(|(call, _)| rule.names().iter().any(|one| one == call)) {
            // Of ipc's number only the lower half is the call; the rest is a version.
            let test =
                Test { argument: 0, high: true, not: false, compare: Compare::Masked, mask: 0xffff, value: *value };
            clauses.entry(number).or_default().push(Clause { tests: vec![test], action });
        }
    }
}
