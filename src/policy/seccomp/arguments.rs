//! What is filtered by arguments. All conditions on one call exclude each other, so that a runtime may look at them in any
//! order, and hold for the low 32 bits of an argument where the kernel looks at no more: a filter for `== TIOCSTI` that
//! compares 64 bits is passed by the same number with a bit set above (CVE-2019-10063).

use oci_spec::runtime::{Arch, Capability, LinuxSeccompAction, LinuxSeccompOperator, LinuxSyscall};

use super::arches;
use super::{argument, rule};
use crate::policy::Level;
use LinuxSeccompAction::{ScmpActAllow as Allow, ScmpActErrno as Errno};
use LinuxSeccompOperator::{ScmpCmpEq as Eq, ScmpCmpGt as Gt, ScmpCmpLt as Lt, ScmpCmpMaskedEq as MaskedEq};

/// The flags of clone(2) that make a namespace: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
const NAMESPACE_FLAGS: [u64; 7] = [1 << 17, 1 << 25, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30];
/// `personality` as Docker allows it: Linux, 32-bit Linux, each also with the old version's number, and the question.
const PERSONALITIES: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];
/// ioctl_tty(2): putting characters into the terminal's input, and pasting and more on a console.
const TERMINAL_INPUT: [u32; 2] = [0x5412, 0x541c];
/// address_families(7).
const UNIX: u32 = 1;
const INET: u32 = 2;
const INET6: u32 = 10;
const NETLINK: u32 = 16;
const PACKET: u32 = 17;
/// socket(2): stream, datagram, raw; flags stand above the low four bits.
const STREAM: u64 = 1;
const DATAGRAM: u64 = 2;
const RAW: u64 = 3;
const TYPE: u64 = 0xf;
const LOW: u64 = 0xffff_ffff;
/// The kinds of file that mknod(2) makes: none said, pipe, regular file, socket; and devices.
const FILE_KINDS: [u64; 4] = [0, 0o010_000, 0o100_000, 0o140_000];
const DEVICE_KINDS: [u64; 2] = [0o020_000, 0o060_000];
const KIND: u64 = 0o170_000;

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;
const EAFNOSUPPORT: u32 = 97;

/// The rules with conditions for a level and what is granted.
pub(super) fn filtered(level: Level, granted: &[Capability], on: &[Arch]) -> Vec<LinuxSyscall> {
    let mut rules = Vec::new();
    if !granted.contains(&Capability::SysAdmin) {
        clone(&mut rules, level, on);
    }
    for value in PERSONALITIES {
        rules.push(rule(&["personality"], Allow, None, &[argument(0, Eq, value, None)]));
    }
    if level == Level::Docker {
        for (op, family) in [(Lt, 38), (Eq, 39), (Gt, 40)] {
            rules.push(rule(&["socket"], Allow, None, &[argument(0, op, family, None)]));
        }
        return rules;
    }
    sockets(&mut rules, granted, on);
    for (mask, value) in all_but(&TERMINAL_INPUT) {
        rules.push(rule(&["ioctl"], Allow, None, &[argument(1, MaskedEq, mask, Some(value))]));
    }
    for value in TERMINAL_INPUT {
        rules.push(rule(&["ioctl"], Errno, Some(EPERM), &[argument(1, MaskedEq, LOW, Some(value.into()))]));
    }
    for (name, index) in [("mknod", 1), ("mknodat", 2)] {
        let kinds = FILE_KINDS.iter().map(|kind| (kind, Allow, None));
        let devices = DEVICE_KINDS.iter().map(|kind| (kind, Errno, Some(EPERM)));
        for (kind, action, errno) in kinds.chain(devices).filter(|_| arches::exists(name, on)) {
            rules.push(rule(&[name], action, errno, &[argument(index, MaskedEq, KIND, Some(*kind))]));
        }
    }
    rules
}

/// New processes and threads, in no new namespace. The flags of `clone3` lie in memory, where no filter sees them, so it
/// is answered as on an old kernel, and libraries take `clone`.
fn clone(rules: &mut Vec<LinuxSyscall>, level: Level, on: &[Arch]) {
    let index = usize::from(arches::clone_is_swapped(on));
    let all = NAMESPACE_FLAGS.iter().sum();
    rules.push(rule(&["clone"], Allow, None, &[argument(index, MaskedEq, all, Some(0))]));
    if level != Level::Docker {
        for flag in NAMESPACE_FLAGS {
            rules.push(rule(&["clone"], Errno, Some(EPERM), &[argument(index, MaskedEq, flag, Some(flag))]));
        }
    }
    rules.push(rule(&["clone3"], Errno, Some(ENOSYS), &[]));
}

/// Sockets of this machine and of the internet, and netlink for routes, which libraries ask for addresses. All other
/// families (AF_ALG, AF_VSOCK, AF_PACKET, Bluetooth, …) answer as if the kernel hadn't got them.
fn sockets(rules: &mut Vec<LinuxSyscall>, granted: &[Capability], on: &[Arch]) {
    let family = |family: u32| argument(0, MaskedEq, LOW, Some(family.into()));
    let raw = granted.contains(&Capability::NetRaw);
    let mut families = vec![UNIX, INET, INET6, NETLINK];
    rules.push(rule(&["socket"], Allow, None, &[family(UNIX)]));
    for internet in [INET, INET6] {
        for kind in 0..=TYPE {
            let ok = kind == STREAM || kind == DATAGRAM || (raw && kind == RAW);
            let (action, errno) = if ok { (Allow, None) } else { (Errno, Some(EPERM)) };
            // Only the kinds that exist are named; others fall to the default.
            if ok || kind == RAW {
                rules.push(rule(
                    &["socket"],
                    action,
                    errno,
                    &[family(internet), argument(1, MaskedEq, TYPE, Some(kind))],
                ));
            }
        }
    }
    if granted.contains(&Capability::NetAdmin) {
        rules.push(rule(&["socket"], Allow, None, &[family(NETLINK)]));
    } else {
        rules.push(rule(&["socket"], Allow, None, &[family(NETLINK), argument(2, MaskedEq, LOW, Some(0))]));
        for (mask, value) in all_but(&[0]) {
            let conditions = [family(NETLINK), argument(2, MaskedEq, mask, Some(value))];
            rules.push(rule(&["socket"], Errno, Some(EAFNOSUPPORT), &conditions));
        }
    }
    if raw {
        families.push(PACKET);
        rules.push(rule(&["socket"], Allow, None, &[family(PACKET)]));
    }
    for (mask, value) in all_but(&families) {
        let condition = argument(0, MaskedEq, mask, Some(value));
        rules.push(rule(&["socket"], Errno, Some(EAFNOSUPPORT), &[condition]));
    }
    // The 32-bit multiplexer makes sockets too, with the family in memory; everything else it does is done to sockets that
    // are there. Since Linux 4.3 libraries make them with `socket`.
    if arches::exists("socketcall", on) {
        for (mask, value) in all_but(&[1]) {
            rules.push(rule(&["socketcall"], Allow, None, &[argument(0, MaskedEq, mask, Some(value))]));
        }
        rules.push(rule(&["socketcall"], Errno, Some(EPERM), &[argument(0, MaskedEq, LOW, Some(1))]));
    }
}

/// Masks and values that together match every 32-bit number but these, each number once: the numbers that first differ from
/// all of them in one bit, bit by bit from above.
fn all_but(numbers: &[u32]) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    // Prefixes that some of the numbers share: value and length in bits.
    let mut shared = vec![0u32];
    for bit in (0..32).rev() {
        let mask = u32::MAX << bit;
        let mut next = Vec::new();
        for prefix in shared {
            for value in [prefix, prefix | 1 << bit] {
                if numbers.iter().any(|number| number & mask == value) {
                    next.push(value);
                } else {
                    found.push((u64::from(mask), u64::from(value)));
                }
            }
        }
        shared = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{TERMINAL_INPUT, all_but};

    #[test]
    fn all_but_some_numbers_is_every_other_number_once() {
        let many = (0..1 << 16).chain([0x8004_5430, 0xffff_ffff, 0x1_5412, 0x4000_5412]);
        for numbers in [&TERMINAL_INPUT[..], &[0], &[1, 2, 10, 16], &[u32::MAX, 0]] {
            let blocks = all_but(numbers);
            for number in many.clone() {
                let matching = blocks.iter().filter(|(mask, value)| u64::from(number) & mask == *value).count();
                assert_eq!(matching, usize::from(!numbers.contains(&number)), "{number:#x} of {numbers:?}");
            }
        }
    }
}
