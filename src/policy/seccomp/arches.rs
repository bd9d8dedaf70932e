//! Architectures: which a filter is for, and which system calls exist on which of them.

use oci_spec::runtime::Arch;

/// The architectures that a filter lets in, by Go's name of the host's. The 32-bit door is open only for an image with
/// 32-bit programs: it has calls of its own, which are less tried. x32 is never let in, for nobody uses it. Of an
/// architecture that isn't known here, the running one alone.
pub(super) fn architectures(host: &str, has_32_bit: bool) -> Vec<Arch> {
    let (main, narrow) = match host {
        "amd64" => (Arch::ScmpArchX86_64, Some(Arch::ScmpArchX86)),
        "arm64" => (Arch::ScmpArchAarch64, Some(Arch::ScmpArchArm)),
        "386" => (Arch::ScmpArchX86, None),
        "arm" => (Arch::ScmpArchArm, None),
        "riscv64" => (Arch::ScmpArchRiscv64, None),
        "s390x" => (Arch::ScmpArchS390x, None),
        "ppc64le" => (Arch::ScmpArchPpc64le, None),
        _ => (Arch::ScmpArchNative, None),
    };
    std::iter::once(main).chain(narrow.filter(|_| has_32_bit)).collect()
}

/// Whether a call exists on one of the architectures. Names that don't would be errors or, worse, be skipped silently.
pub(super) fn exists(name: &str, on: &[Arch]) -> bool {
    use Arch::{ScmpArchAarch64 as A64, ScmpArchArm as Arm, ScmpArchX86 as X86, ScmpArchX86_64 as X64};
    let places: &[Arch] = match name {
        _ if OLD.contains(&name) => &[X64, X86, Arm],
        _ if PC.contains(&name) => &[X64, X86],
        _ if NARROW.contains(&name) => &[X86, Arm],
        _ if ONLY_X86.contains(&name) => &[X86],
        _ if ONLY_ARM.contains(&name) => &[Arm],
        "epoll_ctl_old" | "epoll_wait_old" | "uretprobe" => &[X64],
        "newfstatat" => &[X64, A64, Arch::ScmpArchRiscv64, Arch::ScmpArchS390x, Arch::ScmpArchPpc64le],
        "memfd_secret" => &[X64, X86, A64, Arch::ScmpArchRiscv64],
        "map_shadow_stack" | "kexec_file_load" => &[X64, A64, Arm],
        // ARM has it as `arm_sync_file_range`, and `select` as `_newselect`.
        "sync_file_range2" => &[Arch::ScmpArchPpc64le],
        "select" => &[X64, X86],
        "swapcontext" => &[Arch::ScmpArchPpc64le],
        "riscv_flush_icache" | "riscv_hwprobe" => &[Arch::ScmpArchRiscv64],
        _ if name.starts_with("s390_") => &[Arch::ScmpArchS390x],
        _ => return true,
    };
    // Where the architecture isn't known, what all have is all there is.
    on.iter().any(|one| places.contains(one))
}

/// Whether `clone` has its flags in its second argument (clone(2)).
pub(super) fn clone_is_swapped(on: &[Arch]) -> bool {
    on.iter().any(|one| matches!(one, Arch::ScmpArchS390 | Arch::ScmpArchS390x))
}

/// Calls of old that newer architectures never got.
#[rustfmt::skip]
const OLD: &[&str] = &[
    "access", "chmod", "chown", "creat", "dup2", "epoll_create", "epoll_wait", "eventfd", "fork", "futimesat",
    "getdents", "getpgrp", "inotify_init", "lchown", "link", "lstat", "mkdir", "mknod", "open", "pause", "pipe",
    "poll", "readlink", "rename", "rmdir", "signalfd", "stat", "symlink", "unlink", "utimes", "vfork",
];

/// Calls of both kinds of PC.
const PC: &[&str] =
    &["alarm", "arch_prctl", "get_thread_area", "ioperm", "iopl", "modify_ldt", "set_thread_area", "time", "utime"];

/// Calls of 32-bit architectures, where ids, sizes and times needed a second form.
#[rustfmt::skip]
const NARROW: &[&str] = &[
    "_llseek", "_newselect", "chown32", "clock_adjtime64", "clock_getres_time64", "clock_gettime64",
    "clock_nanosleep_time64", "clock_settime64", "fchown32", "fcntl64", "fstat64", "fstatat64", "fstatfs64",
    "ftruncate64", "futex_time64", "getegid32", "geteuid32", "getgid32", "getgroups32", "getresgid32", "getresuid32",
    "getuid32", "io_pgetevents_time64", "lchown32", "lstat64", "mmap2", "mq_timedreceive_time64",
    "mq_timedsend_time64", "ppoll_time64", "pselect6_time64", "recvmmsg_time64", "rt_sigtimedwait_time64",
    "sched_rr_get_interval_time64", "semtimedop_time64", "sendfile64", "setfsgid32", "setfsuid32", "setgid32",
    "setgroups32", "setregid32", "setresgid32", "setresuid32", "setreuid32", "setuid32", "sigprocmask", "sigreturn",
    "stat64", "statfs64", "timer_gettime64", "timer_settime64", "timerfd_gettime64", "timerfd_settime64",
    "truncate64", "ugetrlimit", "utimensat_time64",
];

const ONLY_X86: &[&str] = &["fadvise64_64", "ipc", "socketcall", "stime", "umount", "vm86", "vm86old", "waitpid"];

const ONLY_ARM: &[&str] =
    &["arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "recv", "send", "set_tls"];
