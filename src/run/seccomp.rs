//! Stand-in until the compiler of branch seccomp is merged.

use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompAction as Action};

use super::Error;
use super::sys::Instruction;

pub(crate) fn compile(filter: &LinuxSeccomp) -> Result<Vec<Instruction>, Error> {
    let one = |code: u16, jt, jf, k| Instruction { code, jt, jf, k };
    let value =
        |action: Action| if action == Action::ScmpActAllow { 0x7fff_0000 } else { 0x0005_0000 | libc::EPERM as u32 };
    let mut program = vec![one(0x20, 0, 0, 0)];
    for call in filter.syscalls().iter().flatten() {
        for name in call.names() {
            let Ok(number) = name.parse::<syscalls::Sysno>() else { continue };
            let mut checks = Vec::new();
            for arg in call.args().iter().flatten() {
                checks.push(one(0x20, 0, 0, 16 + 8 * arg.index() as u32));
                match arg.value_two() {
                    Some(two) => {
                        checks.push(one(0x54, 0, 0, arg.value() as u32));
                        checks.push(one(0x15, 0, 0, two as u32));
                    }
                    None => checks.push(one(0x15, 0, 0, arg.value() as u32)),
                }
            }
            checks.push(one(0x06, 0, 0, value(call.action())));
            let length = checks.len();
            for (at, check) in checks.iter_mut().enumerate() {
                if check.code == 0x15 {
                    check.jf = (length - at - 1) as u8;
                }
            }
            program.push(one(0x15, 0, length as u8, number.id() as u32));
            program.extend(checks);
            program.push(one(0x20, 0, 0, 0));
        }
    }
    program.push(one(0x06, 0, 0, value(filter.default_action())));
    Ok(program)
}
