//! From a list of system calls in the form of the OCI runtime specification (config-linux.md, Seccomp) to a filter for the
//! kernel (seccomp(2)): rules become clauses, clauses a decision graph, the graph a program.
//!
//! Of several rules that match a call the strictest wins, as it does of several filters, whatever their order. Calls of an
//! architecture that isn't listed, whose numbers mean other calls, and of x32, whatever is listed, answer ENOSYS, as on a
//! kernel without them.

mod decide;
mod emit;
mod interpret;
mod names;
mod rules;

use std::ffi::c_uint;

use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompFilterFlag};

use crate::run::{Error, procfs, sys};

pub use names::name_of;
pub(crate) use names::number_of;
pub(crate) use rules::permits;

/// What the container runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Machine {
    /// 64-bit PC; 32-bit programs are `SCMP_ARCH_X86`.
    X86_64,
    /// 64-bit ARM; 32-bit programs are `SCMP_ARCH_ARM`.
    Aarch64,
}

/// A compiled filter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// The program, for [`sys::set_seccomp_filter`].
    pub instructions: Vec<sys::Instruction>,
    /// The flags to set it with (`SECCOMP_FILTER_FLAG_…`). Where calls are asked about they ask for a listener.
    pub flags: c_uint,
    /// Names that no known architecture has a call of, in rules where that leaves nothing open: to be told.
    pub unknown: Vec<String>,
    /// The program that decides, where the other one asks.
    plain: Option<Vec<sys::Instruction>>,
}

/// What the launcher itself calls between setting the filter and the program's first step: a list without them leaves a
/// container that hangs or ends without a word.
pub const OWN_CALLS: [&str; 4] = ["execve", "exit_group", "recvmsg", "sendmsg"];

/// Compiles a list for this machine. With `notify`, refused calls and those that name a path are asked about first, which
/// [`super::refusals`] answers.
///
/// # Errors
/// Whatever of the list would not be enforced, a list that refuses [`OWN_CALLS`], and a program of more than 4,096
/// instructions, which the kernel doesn't take.
pub fn compile(list: &LinuxSeccomp, notify: bool) -> Result<Filter, Error> {
    let machine = Machine::here()?;
    let filter = compile_for(list, machine, notify)?;
    let Some(refused) = OWN_CALLS.iter().find(|name| !filter.lets_pass(machine, name)) else { return Ok(filter) };
    let problem = format!("the list refuses `{refused}`, without which no program can be started");
    Err(Error::new("seccomp", problem, "allow execve, exit_group, recvmsg and sendmsg"))
}

/// As [`compile`], for a process of the launcher's own that executes nothing any more.
///
/// # Errors
/// As [`compile`].
pub(crate) fn compile_last(list: &LinuxSeccomp) -> Result<Filter, Error> {
    compile_for(list, Machine::here()?, false)
}

fn compile_for(list: &LinuxSeccomp, machine: Machine, notify: bool) -> Result<Filter, Error> {
    let (calls, unknown) = rules::read(list, machine)?;
    let plain = emit::program(&decide::graph(&calls)?)?;
    let mut filter = Filter { instructions: plain, flags: flags(list, notify), unknown, plain: None };
    if notify {
        let asking = emit::program(&decide::graph(&rules::asking(calls))?)?;
        filter.plain = Some(std::mem::replace(&mut filter.instructions, asking));
    }
    Ok(filter)
}

impl Filter {
    /// What the kernel does with a call (`SECCOMP_RET_…` with its data), by its `AUDIT_ARCH_…`, number and arguments; where
    /// the filter asks, what it would have done without.
    #[must_use]
    pub fn decide(&self, architecture: u32, number: u32, arguments: &[u64; 6]) -> u32 {
        interpret::run(self.plain.as_ref().unwrap_or(&self.instructions), architecture, number, arguments)
    }

    fn lets_pass(&self, machine: Machine, name: &str) -> bool {
        let architecture = machine.architecture();
        let action = number_of(architecture, name).map(|number| self.decide(architecture, number, &[0; 6]));
        action.is_some_and(rules::permits)
    }
}

impl Machine {
    /// The one this program runs on.
    ///
    /// # Errors
    /// Where its system calls aren't known.
    pub(crate) fn here() -> Result<Self, Error> {
        match std::env::consts::ARCH {
            "x86_64" => Ok(Self::X86_64),
            "aarch64" => Ok(Self::Aarch64),
            other => Err(Error::new(
                "seccomp",
                format!("system calls of {other} are not known"),
                "run it on x86_64 or aarch64, or with `--security-opt seccomp=unconfined`",
            )),
        }
    }

    /// Its `AUDIT_ARCH_…` (linux/audit.h).
    pub(crate) fn architecture(self) -> u32 {
        match self {
            Self::X86_64 => names::X86_64,
            Self::Aarch64 => names::AARCH64,
        }
    }
}

fn flags(list: &LinuxSeccomp, notify: bool) -> c_uint {
    use LinuxSeccompFilterFlag as Flag;
    let asked = |flag: Flag| list.flags().iter().flatten().any(|one| *one == flag);
    let mut flags = 0;
    // `TSYNC` has nothing to do: the process has one thread.
    if asked(Flag::SeccompFilterFlagLog) {
        flags |= libc::SECCOMP_FILTER_FLAG_LOG;
    }
    if asked(Flag::SeccompFilterFlagSpecAllow) {
        flags |= libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    }
    if notify {
        flags |= libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        // Otherwise each signal makes a waiting call be made, and counted, again.
        if procfs::kernel() >= (5, 19) {
            flags |= libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
        }
    }
    c_uint::try_from(flags).unwrap_or_default()
}

#[cfg(test)]
mod tests;
