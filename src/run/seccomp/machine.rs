//! Machines whose calls this one may run, and the numbers of their calls.

use oci_spec::runtime::Arch;

/// The calls of one machine.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// `AUDIT_ARCH_…` (linux/audit.h), as the kernel tells a filter.
    pub(super) audit: u32,
    /// Whether it is this machine's own.
    pub(super) native: bool,
    /// The first number that is none of its calls: x86_64 has those of x32 above it.
    pub(super) highest: Option<u32>,
    table: Table,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Table {
    #[cfg(target_arch = "x86_64")]
    X8664,
    #[cfg(target_arch = "x86_64")]
    X86,
    #[cfg(target_arch = "aarch64")]
    Aarch64,
    #[cfg(target_arch = "aarch64")]
    Arm,
}

impl Machine {
    /// The number of a call; `None` where the machine hasn't it.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        let number = match self.table {
            #[cfg(target_arch = "x86_64")]
            Table::X8664 => name.parse::<syscalls::x86_64::Sysno>().ok()?.id(),
            #[cfg(target_arch = "x86_64")]
            Table::X86 => name.parse::<syscalls::x86::Sysno>().ok()?.id(),
            #[cfg(target_arch = "aarch64")]
            Table::Aarch64 => name.parse::<syscalls::aarch64::Sysno>().ok()?.id(),
            #[cfg(target_arch = "aarch64")]
            Table::Arm => name.parse::<syscalls::arm::Sysno>().ok()?.id(),
        };
        u32::try_from(number).ok()
    }
}

/// Whether any machine has a call of this name.
pub(super) fn is_known(name: &str) -> bool {
    name.parse::<syscalls::x86_64::Sysno>().is_ok()
        || name.parse::<syscalls::x86::Sysno>().is_ok()
        || name.parse::<syscalls::aarch64::Sysno>().is_ok()
        || name.parse::<syscalls::arm::Sysno>().is_ok()
        // Calls of other machines that lists of Docker's form name.
        || OF_OTHERS.contains(&name)
}

const OF_OTHERS: [&str; 12] = [
    "riscv_flush_icache",
    "riscv_hwprobe",
    "s390_guarded_storage",
    "s390_pci_mmio_read",
    "s390_pci_mmio_write",
    "s390_runtime_instr",
    "s390_sthyi",
    "subpage_prot",
    "swapcontext",
    "switch_endian",
    "sync_file_range2",
    "rtas",
];

/// The machines of a list that this one can run; its own where the list names none.
#[cfg(target_arch = "x86_64")]
pub(super) fn listed(architectures: Option<&[Arch]>) -> Vec<Machine> {
    let own = Machine { audit: 0xc000_003e, native: true, highest: Some(0x4000_0000), table: Table::X8664 };
    let old = Machine { audit: 0x4000_0003, native: false, highest: None, table: Table::X86 };
    let has_old = architectures.is_some_and(|list| list.contains(&Arch::ScmpArchX86));
    if has_old { vec![own, old] } else { vec![own] }
}

/// The machines of a list that this one can run; its own where the list names none.
#[cfg(target_arch = "aarch64")]
pub(super) fn listed(architectures: Option<&[Arch]>) -> Vec<Machine> {
    let own = Machine { audit: 0xc000_00b7, native: true, highest: None, table: Table::Aarch64 };
    let old = Machine { audit: 0x4000_0028, native: false, highest: None, table: Table::Arm };
    let has_old = architectures.is_some_and(|list| list.contains(&Arch::ScmpArchArm));
    if has_old { vec![own, old] } else { vec![own] }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the launcher knows the system calls of x86_64 and aarch64 only");
