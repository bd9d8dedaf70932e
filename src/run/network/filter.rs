//! From a short list of system calls to a program for the kernel (seccomp(2)), call by call.
//!
//! The container's own filter is compiled elsewhere, for lists of any kind and with what a program that is started still
//! needs; these lists are ours, have two actions, and compare arguments of 32 bits only.

use std::io;

use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompAction as Action};

use crate::run::sys::Instruction;

/// Codes of linux/bpf_common.h: load a word, `and` with a constant, jump if equal or at least, return.
const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const EQUAL: u16 = 0x15;
const AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

/// Offsets in `struct seccomp_data`: the number, the architecture, the low word of the first argument.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// `SECCOMP_RET_KILL_PROCESS`, `SECCOMP_RET_ERRNO` and `SECCOMP_RET_ALLOW`.
const KILL: u32 = 0x8000_0000;
const REFUSE: u32 = 0x0005_0000 | libc::EPERM as u32;
const ALLOW: u32 = 0x7fff_0000;

/// Numbers of x32 on x86-64, which mean other calls, start here.
const X32: u32 = 0x4000_0000;

/// Compiles a list of calls that are allowed, or refused with `EPERM`.
///
/// # Errors
/// `ENOSYS` on an architecture whose calls aren't known, and where a call that is to be refused isn't known there;
/// `EINVAL` for a list that takes more than this.
pub(super) fn compile(list: &LinuxSeccomp) -> io::Result<Vec<Instruction>> {
    let unknown = || io::Error::from_raw_os_error(libc::ENOSYS);
    // `AUDIT_ARCH_X86_64` and `AUDIT_ARCH_AARCH64`.
    let here = match std::env::consts::ARCH {
        "x86_64" => 0xc000_003e,
        "aarch64" => 0xc000_00b7,
        _ => return Err(unknown()),
    };
    let mut program = vec![load(ARCHITECTURE), jump(EQUAL, here, 1, 0), leave(KILL), load(NUMBER)];
    program.extend([jump(AT_LEAST, X32, 0, 1), leave(KILL)]);
    for call in list.syscalls().iter().flatten() {
        let action = value(call.action())?;
        for name in call.names() {
            let number = match name.parse::<syscalls::Sysno>() {
                Ok(number) => u32::try_from(number.id()).map_err(|_| unknown())?,
                // What isn't there can't be called.
                Err(_) if action == ALLOW => continue,
                Err(_) => return Err(unknown()),
            };
            let mut rule = Vec::new();
            for argument in call.args().iter().flatten() {
                let index = u32::try_from(argument.index()).map_err(io::Error::other)?;
                rule.push(load(ARGUMENTS + 8 * index));
                let wanted = match argument.value_two() {
                    Some(wanted) => {
                        rule.push(Instruction { code: AND, jt: 0, jf: 0, k: word(argument.value())? });
                        wanted
                    }
                    None => argument.value(),
                };
                rule.push(jump(EQUAL, word(wanted)?, 0, 0));
            }
            rule.push(leave(action));
            // Where one doesn't match, on with what follows the rule.
            let length = rule.len();
            for (at, instruction) in rule.iter_mut().enumerate().filter(|(_, instruction)| instruction.code == EQUAL) {
                instruction.jf = distance(length - at - 1)?;
            }
            let reloads = rule.len() > 1;
            program.push(jump(EQUAL, number, 0, distance(length + usize::from(reloads))?));
            program.extend(rule);
            if reloads {
                program.push(load(NUMBER));
            }
        }
    }
    program.push(leave(value(list.default_action())?));
    Ok(program)
}

fn load(offset: u32) -> Instruction {
    Instruction { code: LOAD, jt: 0, jf: 0, k: offset }
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> Instruction {
    Instruction { code, jt, jf, k }
}

fn leave(with: u32) -> Instruction {
    Instruction { code: RETURN, jt: 0, jf: 0, k: with }
}

fn distance(instructions: usize) -> io::Result<u8> {
    u8::try_from(instructions).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

fn word(value: u64) -> io::Result<u32> {
    u32::try_from(value).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

fn value(action: Action) -> io::Result<u32> {
    match action {
        Action::ScmpActAllow => Ok(ALLOW),
        Action::ScmpActErrno => Ok(REFUSE),
        _ => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
}

#[cfg(test)]
mod tests {
    use syscalls::Sysno;

    use super::*;
    use crate::run::network::rules;

    /// What the kernel would do.
    fn run(program: &[Instruction], architecture: u32, number: u32, arguments: [u32; 6]) -> u32 {
        let (mut at, mut word) = (0, 0);
        loop {
            let Instruction { code, jt, jf, k } = program[at];
            at += 1;
            let step = |yes: bool| usize::from(if yes { jt } else { jf });
            match code {
                LOAD => {
                    word = match k {
                        NUMBER => number,
                        ARCHITECTURE => architecture,
                        offset => arguments[((offset - ARGUMENTS) / 8) as usize],
                    }
                }
                AND => word &= k,
                EQUAL => at += step(word == k),
                AT_LEAST => at += step(word >= k),
                RETURN => return k,
                other => panic!("{other:#x}"),
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn each_process_may_call_what_it_needs_and_nothing_that_leads_out() {
        let decide = |list: LinuxSeccomp, call: Sysno, arguments| {
            run(&compile(&list).expect("it compiles"), 0xc000_003e, call.id() as u32, arguments)
        };
        let relay = |call, arguments| decide(rules::relay(), call, arguments);
        for call in [Sysno::recvfrom, Sysno::accept4, Sysno::epoll_wait, Sysno::close, Sysno::shutdown] {
            assert_eq!(relay(call, [0; 6]), ALLOW, "{call}");
        }
        assert_eq!(relay(Sysno::sendto, [5, 0, 0, 0x4040, 0, 0]), ALLOW);
        // Connecting by sending: `MSG_FASTOPEN`.
        assert_eq!(relay(Sysno::sendto, [5, 0, 0, 0x2000_4040, 0, 0]), REFUSE);
        assert_eq!(relay(Sysno::setsockopt, [5, 1, 13, 0, 0, 0]), ALLOW);
        assert_eq!(relay(Sysno::setsockopt, [5, 6, 31, 0, 0, 0]), REFUSE);
        assert_eq!(relay(Sysno::mmap, [0, 0, 3, 0, 0, 0]), ALLOW);
        assert_eq!(relay(Sysno::mmap, [0, 0, 7, 0, 0, 0]), REFUSE);
        for call in [
            Sysno::socket,
            Sysno::connect,
            Sysno::bind,
            Sysno::listen,
            Sysno::sendmsg,
            Sysno::open,
            Sysno::openat,
            Sysno::execve,
            Sysno::kill,
            Sysno::ptrace,
            Sysno::clone,
            Sysno::setns,
            Sysno::mprotect,
            Sysno::io_uring_setup,
            Sysno::prctl,
        ] {
            assert_eq!(relay(call, [0; 6]), REFUSE, "{call}");
        }
        let inner = |call, arguments| decide(rules::inner_dialer(), call, arguments);
        assert_eq!(inner(Sysno::socket, [2, 1, 0, 0, 0, 0]), ALLOW);
        for family in [1, 16, 17, 38, 40] {
            assert_eq!(inner(Sysno::socket, [family, 1, 0, 0, 0, 0]), REFUSE, "{family}");
        }
        for call in [Sysno::accept4, Sysno::openat, Sysno::execve, Sysno::listen, Sysno::clone3] {
            assert_eq!(inner(call, [0; 6]), REFUSE, "{call}");
        }
        let outer = |call| decide(rules::outer_dialer(), call, [0; 6]);
        assert!(outer(Sysno::openat) == ALLOW && outer(Sysno::socket) == ALLOW && outer(Sysno::clone3) == ALLOW);
        assert!(outer(Sysno::execve) == REFUSE && outer(Sysno::ptrace) == REFUSE && outer(Sysno::listen) == REFUSE);
        // Other doors to the kernel.
        let program = compile(&rules::outer_dialer()).expect("it compiles");
        assert_eq!(run(&program, 0x4000_0003, Sysno::close.id() as u32, [0; 6]), KILL);
        assert_eq!(run(&program, 0xc000_003e, X32 + 3, [0; 6]), KILL);
    }
}
