//! What a filter's program decides, as the kernel runs it.

use super::emit::{AND, JUMP, JUMP_IF_AT_LEAST, JUMP_IF_EQUAL, LOAD, RETURN};
use crate::run::sys::Instruction;

/// Runs a program on a call. What can't be run ends the process, as the strictest answer.
pub(super) fn run(program: &[Instruction], architecture: u32, number: u32, arguments: &[u64; 6]) -> u32 {
    let mut loaded = 0;
    let mut at = 0_usize;
    // Jumps go forward only, so that this ends.
    while let Some(Instruction { code, jt, jf, k }) = program.get(at).copied() {
        at += 1;
        let skipped = match code {
            LOAD => {
                loaded = word(k, architecture, number, arguments);
                0
            }
            AND => {
                loaded &= k;
                0
            }
            JUMP => k as usize,
            JUMP_IF_EQUAL => usize::from(if loaded == k { jt } else { jf }),
            JUMP_IF_AT_LEAST => usize::from(if loaded >= k { jt } else { jf }),
            RETURN => return k,
            _ => break,
        };
        at = at.saturating_add(skipped);
    }
    libc::SECCOMP_RET_KILL_PROCESS
}

/// A word of `struct seccomp_data` (linux/seccomp.h) on a little-endian machine.
fn word(offset: u32, architecture: u32, number: u32, arguments: &[u64; 6]) -> u32 {
    match offset {
        0 => number,
        4 => architecture,
        _ => {
            let argument = offset.checked_sub(16).and_then(|offset| arguments.get(offset as usize / 8));
            let whole = argument.copied().unwrap_or(0);
            (if offset % 8 == 4 { whole >> 32 } else { whole & 0xffff_ffff }) as u32
        }
    }
}
