//! From a list of system calls (OCI runtime specification, config-linux.md, Seccomp) to the program that the kernel runs at
//! each call (seccomp(2)). A name that a rule refuses and no table knows is an error: it would be a hole.

mod assemble;
mod machine;

use std::collections::BTreeMap;

use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompFilterFlag, LinuxSyscall};

use super::{Error, sys};
use machine::Machine;

pub use assemble::interpret;

/// A compiled filter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// The program.
    pub instructions: Vec<sys::Instruction>,
    /// `SECCOMP_FILTER_FLAG_…`.
    pub flags: u32,
    /// Names that rules allow and no table knows: the calls stay refused.
    pub unknown: Vec<String>,
}

/// What is done with a call: `SECCOMP_RET_…` with its data.
pub(crate) type Verdict = u32;

/// Longest program that the kernel takes (linux/bpf_common.h, `BPF_MAXINSNS`).
const MOST_INSTRUCTIONS: usize = 4096;

/// What the launcher itself calls between the filter and the program's first instruction.
const OWN_CALLS: [&str; 4] = ["execve", "exit_group", "recvmsg", "sendmsg"];

/// Rules about one call: those with conditions in order, and what holds else.
#[derive(Clone, PartialEq, Debug, Default)]
struct Rules {
    conditional: Vec<(Vec<LinuxSeccompArg>, Verdict)>,
    plain: Option<Verdict>,
}

/// Compiles a list for this machine. With `notify`, what would be refused is told to the supervisor that listens, which
/// refuses it then.
///
/// # Errors
/// A refusing rule about a call that no table knows, a list that refuses what starting the program takes, one that the
/// kernel can't hold.
pub fn compile(list: &LinuxSeccomp, notify: bool) -> Result<Filter, Error> {
    compile_with(list, notify, true)
}

/// As [`compile`], for a process of the launcher's own that executes nothing any more.
///
/// # Errors
/// As [`compile`].
pub(crate) fn compile_last(list: &LinuxSeccomp) -> Result<Filter, Error> {
    compile_with(list, false, false)
}

fn compile_with(list: &LinuxSeccomp, notify: bool, starts: bool) -> Result<Filter, Error> {
    let wrong = |problem: String, remedy: &str| Error::new("seccomp", problem, remedy);
    let mut unknown = Vec::new();
    let machines = machine::listed(list.architectures().as_deref());
    let default = verdict(list.default_action(), list.default_errno_ret(), notify);
    let mut programs = Vec::new();
    for machine in &machines {
        let mut rules: BTreeMap<u32, Rules> = BTreeMap::new();
        for rule in list.syscalls().iter().flatten() {
            collect(machine, rule, default, notify, &mut rules, &mut unknown)?;
        }
        if machine.native && starts {
            check_own(machine, &rules, default)?;
        }
        programs.push((machine.audit, machine.highest, assemble::calls(&rules, default)));
    }
    // The 32-bit entry of a machine whose list has none: it isn't there, as on a kernel without it.
    let closed = verdict(LinuxSeccompAction::ScmpActErrno, Some(libc::ENOSYS as u32), notify);
    let instructions = assemble::program(&programs, closed);
    if instructions.len() > MOST_INSTRUCTIONS {
        let problem =
            format!("the list takes {} instructions, and the kernel holds {MOST_INSTRUCTIONS}", instructions.len());
        return Err(wrong(problem, "leave out conditions on arguments"));
    }
    let flags = list.flags().iter().flatten().fold(0, |flags, flag| {
        flags
            | match flag {
                LinuxSeccompFilterFlag::SeccompFilterFlagLog => libc::SECCOMP_FILTER_FLAG_LOG as u32,
                LinuxSeccompFilterFlag::SeccompFilterFlagTsync => libc::SECCOMP_FILTER_FLAG_TSYNC as u32,
                LinuxSeccompFilterFlag::SeccompFilterFlagSpecAllow => libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW as u32,
                LinuxSeccompFilterFlag::SeccompFilterFlagWaitKillableRecv => 1 << 5,
            }
    });
    unknown.sort();
    unknown.dedup();
    Ok(Filter { instructions, flags, unknown })
}

fn collect(
    machine: &Machine,
    rule: &LinuxSyscall,
    default: Verdict,
    notify: bool,
    rules: &mut BTreeMap<u32, Rules>,
    unknown: &mut Vec<String>,
) -> Result<(), Error> {
    let verdict = verdict(rule.action(), rule.errno_ret(), notify);
    for name in rule.names() {
        let Some(number) = machine.number(name) else {
            if machine::is_known(name) || verdict == default {
                continue;
            }
            if allows(rule.action()) {
                unknown.push(name.clone());
                continue;
            }
            let problem = format!("a rule refuses `{name}`, which is no system call that this version knows");
            return Err(Error::new(
                "seccomp",
                problem,
                "mend the name, or leave it out: what no rule allows is refused",
            ));
        };
        let of = rules.entry(number).or_default();
        let arguments = rule.args().as_deref().unwrap_or_default();
        if let Some(wrong) = arguments.iter().find(|argument| argument.index() > 5) {
            let problem = format!("a rule about `{name}` asks for argument {}, and calls have 0 to 5", wrong.index());
            return Err(Error::new("seccomp", problem, "mend the index"));
        }
        let repeated = arguments
            .iter()
            .enumerate()
            .any(|(at, one)| arguments.iter().skip(at + 1).any(|other| one.index() == other.index()));
        if arguments.is_empty() {
            of.plain = Some(verdict);
        } else if repeated {
            // Conditions on the same argument are alternatives, as runc has it.
            of.conditional.extend(arguments.iter().map(|one| (vec![*one], verdict)));
        } else {
            of.conditional.push((arguments.to_vec(), verdict));
        }
    }
    Ok(())
}

/// A filter that refuses what comes after it would end the start without a word.
fn check_own(machine: &Machine, rules: &BTreeMap<u32, Rules>, default: Verdict) -> Result<(), Error> {
    let refused = OWN_CALLS.iter().find(|name| {
        let number = machine.number(name);
        let of = number.and_then(|number| rules.get(&number));
        let plain = of.and_then(|of| of.plain).unwrap_or(default);
        plain != libc::SECCOMP_RET_ALLOW && plain != libc::SECCOMP_RET_LOG
    });
    match refused {
        None => Ok(()),
        Some(name) => {
            let problem = format!("the list refuses `{name}`, without which no program can be started");
            Err(Error::new("seccomp", problem, "allow execve, exit_group, recvmsg and sendmsg"))
        }
    }
}

fn allows(action: LinuxSeccompAction) -> bool {
    matches!(action, LinuxSeccompAction::ScmpActAllow | LinuxSeccompAction::ScmpActLog)
}

/// linux/seccomp.h.
fn verdict(action: LinuxSeccompAction, errno: Option<u32>, notify: bool) -> Verdict {
    use LinuxSeccompAction::{
        ScmpActAllow, ScmpActErrno, ScmpActKill, ScmpActKillProcess, ScmpActKillThread, ScmpActLog, ScmpActNotify,
        ScmpActTrace, ScmpActTrap,
    };
    let data = errno.unwrap_or(libc::EPERM as u32) & libc::SECCOMP_RET_DATA;
    match action {
        ScmpActAllow => libc::SECCOMP_RET_ALLOW,
        ScmpActLog => libc::SECCOMP_RET_LOG,
        ScmpActNotify => libc::SECCOMP_RET_USER_NOTIF,
        _ if notify => libc::SECCOMP_RET_USER_NOTIF,
        ScmpActErrno => libc::SECCOMP_RET_ERRNO | data,
        ScmpActTrace => libc::SECCOMP_RET_TRACE | data,
        ScmpActTrap => libc::SECCOMP_RET_TRAP,
        ScmpActKill | ScmpActKillThread => libc::SECCOMP_RET_KILL_THREAD,
        ScmpActKillProcess => libc::SECCOMP_RET_KILL_PROCESS,
    }
}

#[cfg(test)]
mod tests;
