//! The filter of system calls (seccomp(2)), in the form of the OCI runtime specification: an allow-list of our own, in
//! which unknown and new calls answer ENOSYS, so that libraries fall back, and known dangerous ones EPERM.

mod arches;
mod arguments;
mod groups;
mod read;

use oci_spec::runtime::{
    Arch, Capability, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompArgBuilder, LinuxSeccompOperator,
    LinuxSyscall,
};

use super::Level;
pub use read::read;

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

/// The filter for a level, for capabilities that are granted, on an architecture by Go's name.
#[must_use]
pub fn rules(level: Level, granted: &[Capability], host: &str, has_32_bit: bool) -> LinuxSeccomp {
    // Docker leaves the 32-bit door open whatever the image has.
    let on = arches::architectures(host, has_32_bit || level == Level::Docker);
    let by_capability = groups::BY_CAPABILITY.iter().filter(|(capability, _)| granted.contains(capability));
    let mut allowed: Vec<&str> = groups::GROUPS
        .iter()
        .filter(|group| rank(group.from) <= rank(level))
        .flat_map(|group| group.names)
        .chain(by_capability.flat_map(|(_, names)| *names))
        .copied()
        .filter(|name| arches::exists(name, &on))
        .collect();
    allowed.sort_unstable();
    allowed.dedup();
    let mut syscalls = vec![rule(&allowed, LinuxSeccompAction::ScmpActAllow, None, &[])];
    syscalls.extend(arguments::filtered(level, granted, &on));
    if level != Level::Docker {
        let known = |name: &&str| arches::exists(name, &on) && allowed.binary_search(name).is_err();
        let refused: Vec<&str> = groups::DANGEROUS.iter().copied().filter(known).collect();
        syscalls.push(rule(&refused, LinuxSeccompAction::ScmpActErrno, Some(EPERM), &[]));
    }
    let errno = if level == Level::Docker { EPERM } else { ENOSYS };
    list(LinuxSeccompAction::ScmpActErrno, Some(errno), on, syscalls)
}

/// What the calls of a group are allowed for, and the strictest level that has them: for documentation.
pub fn reasons() -> impl Iterator<Item = (Level, &'static str, &'static [&'static str])> {
    groups::GROUPS.iter().map(|group| (group.from, group.why, group.names))
}

/// How much a level allows.
fn rank(level: Level) -> u8 {
    match level {
        Level::Strict => 0,
        Level::Default => 1,
        Level::Docker => 2,
    }
}

fn list(
    action: LinuxSeccompAction,
    errno: Option<u32>,
    architectures: Vec<Arch>,
    syscalls: Vec<LinuxSyscall>,
) -> LinuxSeccomp {
    let mut list = LinuxSeccomp::default();
    let native = architectures == [Arch::ScmpArchNative];
    list.set_default_action(action)
        .set_default_errno_ret(errno)
        .set_architectures(Some(architectures).filter(|_| !native))
        .set_syscalls(Some(syscalls));
    list
}

fn rule(names: &[&str], action: LinuxSeccompAction, errno: Option<u32>, args: &[LinuxSeccompArg]) -> LinuxSyscall {
    let mut rule = LinuxSyscall::default();
    rule.set_names(names.iter().map(|name| (*name).to_owned()).collect())
        .set_action(action)
        .set_errno_ret(errno)
        .set_args(Some(args.to_vec()).filter(|args| !args.is_empty()));
    rule
}

/// A condition; of `MaskedEq` the first value is the mask and the second what is left under it.
fn argument(index: usize, op: LinuxSeccompOperator, value: u64, value_two: Option<u64>) -> LinuxSeccompArg {
    let builder = LinuxSeccompArgBuilder::default().index(index).op(op).value(value);
    // Every field has a default, so that building can't fail.
    let builder = match value_two {
        Some(two) => builder.value_two(two),
        None => builder,
    };
    builder.build().unwrap_or_default()
}
