//! What keeps a program that is process 1 from outliving the launcher. The kernel ends it with the launcher because it was
//! told so (prctl(2), `PR_SET_PDEATHSIG`), and any process may take that back for itself; so the filter answers that call
//! with success and nothing happens. Programs use it to end their own children with themselves; here process 1 ends all.
//!
//! With an init of ours, process 1 is out of the program's hands and this isn't needed. Without any filter there is no way.

use crate::run::sys::Instruction;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

/// Offsets in `struct seccomp_data` (seccomp(2)): the number, the architecture, the low half of the first argument, of
/// which the kernel looks at no more.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const FIRST: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };

/// `AUDIT_ARCH_*` (linux/audit.h), and prctl's number there. x32 has x86-64's with a bit that is masked away.
const PRCTL: &[(u32, u32)] = if cfg!(target_arch = "x86_64") {
    &[(0xc000_003e, 157), (0x4000_0003, 172)]
} else if cfg!(target_arch = "aarch64") {
    &[(0xc000_00b7, 167), (0x4000_0028, 172)]
} else if cfg!(target_arch = "riscv64") {
    &[(0xc000_00f3, 167)]
} else {
    &[]
};

/// The filter with that rule before all others.
pub(crate) fn held(filter: &[Instruction]) -> Vec<Instruction> {
    let step = |code, jt, jf, k| Instruction { code, jt, jf, k };
    let mut program = Vec::with_capacity(filter.len() + PRCTL.len() * 8);
    for (architecture, number) in PRCTL {
        program.extend([
            step(LOAD, 0, 0, ARCHITECTURE),
            step(EQUAL, 0, 6, *architecture),
            step(LOAD, 0, 0, NUMBER),
            step(AND, 0, 0, !0x4000_0000),
            step(EQUAL, 0, 3, *number),
            step(LOAD, 0, 0, FIRST),
            step(EQUAL, 0, 1, libc::PR_SET_PDEATHSIG.unsigned_abs()),
            step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO),
        ]);
    }
    program.extend_from_slice(filter);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the program answers, for a call on one of the architectures above.
    fn answer(program: &[Instruction], architecture: u32, number: u32, first: u32) -> u32 {
        let (mut at, mut a) = (0, 0);
        loop {
            let Instruction { code, jt, jf, k } = program[at];
            at += 1;
            match code {
                LOAD => {
                    a = [(NUMBER, number), (ARCHITECTURE, architecture), (FIRST, first)]
                        .into_iter()
                        .find(|(offset, _)| *offset == k)
                        .expect("known")
                        .1
                }
                AND => a &= k,
                EQUAL => at += usize::from(if a == k { jt } else { jf }),
                _ => return k,
            }
        }
    }

    #[test]
    fn one_request_of_one_call_is_answered_on_every_architecture() {
        const OTHERS: u32 = 0x7fff_0000;
        let program = held(&[Instruction { code: RETURN, jt: 0, jf: 0, k: OTHERS }]);
        for (architecture, number) in PRCTL {
            assert_eq!(answer(&program, *architecture, *number, 1), libc::SECCOMP_RET_ERRNO);
            assert_eq!(answer(&program, *architecture, *number, 2), OTHERS);
            assert_eq!(answer(&program, *architecture, number + 1, 1), OTHERS);
            assert_eq!(answer(&program, architecture + 1, *number, 1), OTHERS);
        }
    }
}
