//! Names and numbers of system calls, by architecture.

use syscalls::{aarch64, arm, x86, x86_64};

/// `AUDIT_ARCH_X86_64` (linux/audit.h).
pub(super) const X86_64: u32 = 0xc000_003e;
/// `AUDIT_ARCH_I386`.
pub(super) const X86: u32 = 0x4000_0003;
/// `AUDIT_ARCH_AARCH64`.
pub(super) const AARCH64: u32 = 0xc000_00b7;
/// `AUDIT_ARCH_ARM`.
pub(super) const ARM: u32 = 0x4000_0028;

const ALL: [u32; 4] = [X86_64, X86, AARCH64, ARM];

/// Names of calls of one architecture that the tables have under another name or not at all: ARM's own
/// (asm/unistd.h), and what profiles, with libseccomp, call by another name.
const MORE: [(u32, &str, u32); 5] = [
    (ARM, "breakpoint", 0xf_0001),
    (ARM, "cacheflush", 0xf_0002),
    (ARM, "set_tls", 0xf_0005),
    (ARM, "sync_file_range2", 341),
    (ARM, "usr26", 0xf_0003),
];

/// Calls of other architectures that lists of Docker's form name.
#[rustfmt::skip]
const OF_OTHERS: [&str; 11] = [
    "riscv_flush_icache", "riscv_hwprobe", "rtas", "s390_guarded_storage", "s390_pci_mmio_read", "s390_pci_mmio_write",
    "s390_runtime_instr", "s390_sthyi", "subpage_prot", "swapcontext", "switch_endian",
];

/// The calls of an architecture, sorted by name.
pub(super) struct Table(Vec<(&'static str, u32)>);

impl Table {
    /// Of an architecture, empty for one that isn't known.
    pub(super) fn of(architecture: u32) -> Self {
        let mut names: Vec<(&'static str, u32)> = match architecture {
            X86_64 => x86_64::Sysno::iter().map(|call| (call.name(), call.id().cast_unsigned())).collect(),
            X86 => x86::Sysno::iter().map(|call| (call.name(), call.id().cast_unsigned())).collect(),
            AARCH64 => aarch64::Sysno::iter().map(|call| (call.name(), call.id().cast_unsigned())).collect(),
            ARM => arm::Sysno::iter().map(|call| (call.name(), call.id().cast_unsigned())).collect(),
            _ => Vec::new(),
        };
        names.extend(MORE.iter().filter(|(of, ..)| *of == architecture).map(|(_, name, number)| (*name, *number)));
        names.sort_unstable();
        Self(names)
    }

    /// The number of a call.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        let at = self.0.binary_search_by(|(one, _)| (*one).cmp(name)).ok()?;
        self.0.get(at).map(|(_, number)| *number)
    }
}

/// Whether any known architecture has a call of that name.
pub(super) fn exists(name: &str) -> bool {
    ALL.iter().any(|architecture| number_of(*architecture, name).is_some()) || OF_OTHERS.contains(&name)
}

/// The number of a call, by the architecture's `AUDIT_ARCH_…`.
pub(crate) fn number_of(architecture: u32, name: &str) -> Option<u32> {
    let signed = match architecture {
        X86_64 => name.parse().ok().map(|call: x86_64::Sysno| call.id()),
        X86 => name.parse().ok().map(|call: x86::Sysno| call.id()),
        AARCH64 => name.parse().ok().map(|call: aarch64::Sysno| call.id()),
        ARM => name.parse().ok().map(|call: arm::Sysno| call.id()),
        _ => None,
    };
    let more = || MORE.iter().find(|(of, one, _)| *of == architecture && *one == name).map(|(.., number)| *number);
    signed.map(i32::cast_unsigned).or_else(more)
}

/// The name of a call, by the architecture's `AUDIT_ARCH_…`.
#[must_use]
pub fn name_of(architecture: u32, number: u32) -> Option<&'static str> {
    let id = number as usize;
    let name = match architecture {
        X86_64 => x86_64::Sysno::new(id).map(|call| call.name()),
        X86 => x86::Sysno::new(id).map(|call| call.name()),
        AARCH64 => aarch64::Sysno::new(id).map(|call| call.name()),
        ARM => arm::Sysno::new(id).map(|call| call.name()),
        _ => None,
    };
    let more = || MORE.iter().find(|(of, _, one)| *of == architecture && *one == number).map(|(_, name, _)| *name);
    name.or_else(more)
}
