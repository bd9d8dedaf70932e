//! Which system calls are allowed at which level, by what they are for, and which need a capability.

use oci_spec::runtime::Capability;

use crate::policy::Level;

/// System calls that are allowed for one reason.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// The strictest level that has them.
    pub(super) from: Level,
    /// Why programs may have them.
    pub(super) why: &'static str,
    /// Their names, of all architectures.
    pub(super) names: &'static [&'static str],
}

/// What is allowed whatever the arguments are.
#[rustfmt::skip]
pub(super) const GROUPS: &[Group] = &[
    Group { from: Level::Strict, why: "reading and writing files and pipes", names: &[
        "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3", "fallocate", "fadvise64",
        "fadvise64_64", "arm_fadvise64_64", "fcntl", "fcntl64", "fdatasync", "flock", "fsync", "ftruncate",
        "ftruncate64", "lseek", "_llseek", "open", "openat", "openat2", "pipe", "pipe2", "pread64", "preadv",
        "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readv", "sendfile", "sendfile64",
        "splice", "sync", "sync_file_range", "sync_file_range2", "arm_sync_file_range", "syncfs", "tee", "truncate",
        "truncate64", "write", "writev",
    ] },
    Group { from: Level::Strict, why: "names, folders and what is known of a file", names: &[
        "access", "cachestat", "chdir", "chmod", "chown", "chown32", "faccessat", "faccessat2", "fchdir", "fchmod",
        "fchmodat", "fchmodat2", "fchown", "fchown32", "fchownat", "fgetxattr", "flistxattr", "fremovexattr",
        "fsetxattr", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "futimesat", "getcwd", "getdents",
        "getdents64", "getxattr", "getxattrat", "lchown", "lchown32", "lgetxattr", "link", "linkat", "listxattr",
        "listxattrat", "llistxattr", "lremovexattr", "lsetxattr", "lstat", "lstat64", "mkdir", "mkdirat",
        "newfstatat", "readlink", "readlinkat", "removexattr", "removexattrat", "rename", "renameat", "renameat2",
        "rmdir", "setxattr", "setxattrat", "stat", "stat64", "statfs", "statfs64", "statx", "symlink", "symlinkat",
        "umask", "unlink", "unlinkat", "utime", "utimensat", "utimensat_time64", "utimes",
    ] },
    Group { from: Level::Strict, why: "memory of its own", names: &[
        "brk", "madvise", "map_shadow_stack", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mmap2", "mprotect",
        "mremap", "mseal", "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect",
    ] },
    Group { from: Level::Strict, why: "starting, ending and waiting for processes and threads", names: &[
        "execve", "exit", "exit_group", "fork", "futex", "futex_requeue", "futex_time64", "futex_wait",
        "futex_waitv", "futex_wake", "get_robust_list", "get_thread_area", "getcpu", "getpgid", "getpgrp", "getpid",
        "getppid", "getpriority", "getsid", "gettid", "membarrier", "pidfd_open", "pidfd_send_signal", "prctl",
        "restart_syscall", "rseq", "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity",
        "sched_getattr", "sched_getparam", "sched_getscheduler", "sched_rr_get_interval",
        "sched_rr_get_interval_time64", "sched_setaffinity", "sched_setattr", "sched_setparam",
        "sched_setscheduler", "sched_yield", "set_robust_list", "set_thread_area", "set_tid_address", "setpgid",
        "setpriority", "setsid", "uretprobe", "vfork", "wait4", "waitid", "waitpid",
    ] },
    Group { from: Level::Strict, why: "what the thread pointer, caches and breakpoints of a processor need", names: &[
        "arch_prctl", "breakpoint", "cacheflush", "set_tls", "swapcontext", "riscv_flush_icache", "riscv_hwprobe",
        "s390_pci_mmio_read", "s390_pci_mmio_write", "s390_runtime_instr",
    ] },
    Group { from: Level::Strict, why: "signals", names: &[
        "kill", "pause", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
        "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo", "sigaltstack", "signalfd",
        "signalfd4", "sigprocmask", "sigreturn", "tgkill", "tkill",
    ] },
    Group { from: Level::Strict, why: "waiting for events", names: &[
        "_newselect", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
        "eventfd", "eventfd2", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "poll",
        "ppoll", "ppoll_time64", "pselect6", "pselect6_time64", "select",
    ] },
    Group { from: Level::Strict, why: "sockets that are there; which can be made is filtered by family", names: &[
        "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv",
        "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt",
        "shutdown", "socketpair",
    ] },
    Group { from: Level::Strict, why: "time and timers", names: &[
        "alarm", "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64", "clock_nanosleep",
        "clock_nanosleep_time64", "getitimer", "gettimeofday", "nanosleep", "setitimer", "time", "timer_create",
        "timer_delete", "timer_getoverrun", "timer_gettime", "timer_gettime64", "timer_settime", "timer_settime64",
        "timerfd_create", "timerfd_gettime", "timerfd_gettime64", "timerfd_settime", "timerfd_settime64", "times",
    ] },
    Group { from: Level::Strict, why: "ids, limits and capabilities, which can only be given up", names: &[
        "capget", "capset", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups",
        "getgroups32", "getresgid", "getresgid32", "getresuid", "getresuid32", "getrlimit", "getrusage", "getuid",
        "getuid32", "prlimit64", "setfsgid", "setfsgid32", "setfsuid", "setfsuid32", "setgid", "setgid32",
        "setgroups", "setgroups32", "setregid", "setregid32", "setresgid", "setresgid32", "setresuid",
        "setresuid32", "setreuid", "setreuid32", "setrlimit", "setuid", "setuid32", "ugetrlimit",
    ] },
    Group { from: Level::Strict, why: "restricting itself further", names: &[
        "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "seccomp",
    ] },
    Group { from: Level::Strict, why: "random numbers and facts of the system", names: &[
        "getrandom", "sysinfo", "uname",
    ] },
    Group { from: Level::Strict, why: "shared memory and semaphores of System V, which databases use", names: &[
        "ipc", "semctl", "semget", "semop", "semtimedop", "semtimedop_time64", "shmat", "shmctl", "shmdt", "shmget",
    ] },
    Group { from: Level::Default, why: "message queues", names: &[
        "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedreceive_time64", "mq_timedsend",
        "mq_timedsend_time64", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd",
    ] },
    Group { from: Level::Default, why: "asynchronous file access of databases; not io_uring, whose work no filter sees", names: &[
        "io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_pgetevents_time64", "io_setup", "io_submit",
        "ioprio_get", "ioprio_set", "vmsplice",
    ] },
    Group { from: Level::Default, why: "files without a name, which compilers at run time execute", names: &[
        "execveat", "memfd_create",
    ] },
    Group { from: Level::Default, why: "asking how well the clock runs; setting it needs a capability", names: &[
        "adjtimex", "clock_adjtime", "clock_adjtime64",
    ] },
    Group { from: Level::Default, why: "debuggers and crash handlers, within the container's processes", names: &[
        "process_vm_readv", "process_vm_writev", "ptrace",
    ] },
    Group { from: Level::Default, why: "what is mounted, as new versions of findmnt ask", names: &[
        "listmount", "statmount",
    ] },
    Group { from: Level::Docker, why: "Docker allows them, and hardly any program uses them", names: &[
        "epoll_ctl_old", "epoll_wait_old", "fanotify_mark", "memfd_secret", "modify_ldt", "name_to_handle_at",
        "process_mrelease", "remap_file_pages",
    ] },
    Group { from: Level::Docker, why: "filtered by their arguments elsewhere, and not at all by Docker", names: &[
        "ioctl", "mknod", "mknodat", "socketcall",
    ] },
];

/// What a capability opens, as with Docker: without the calls it would be worth nothing.
#[rustfmt::skip]
pub(super) const BY_CAPABILITY: &[(Capability, &[&str])] = &[
    (Capability::DacReadSearch, &["open_by_handle_at"]),
    (Capability::SysAdmin, &[
        "bpf", "clone", "clone3", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie",
        "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "mount", "mount_setattr", "move_mount",
        "open_tree", "perf_event_open", "quotactl", "quotactl_fd", "setdomainname", "sethostname", "setns", "syslog",
        "umount", "umount2", "unshare",
    ]),
    (Capability::SysBoot, &["reboot"]),
    (Capability::SysChroot, &["chroot"]),
    (Capability::SysModule, &["delete_module", "init_module", "finit_module"]),
    (Capability::SysPacct, &["acct"]),
    (Capability::SysPtrace, &[
        "kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace",
    ]),
    (Capability::SysRawio, &["iopl", "ioperm"]),
    (Capability::SysTime, &["settimeofday", "stime", "clock_settime", "clock_settime64"]),
    (Capability::SysTtyConfig, &["vhangup"]),
    (Capability::SysNice, &["get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"]),
    (Capability::Syslog, &["syslog"]),
    (Capability::Bpf, &["bpf"]),
    (Capability::Perfmon, &["perf_event_open"]),
];

/// Known dangerous ones: where nothing allows them they answer EPERM, as without the privilege, and not ENOSYS, which
/// would make programs look for another way.
#[rustfmt::skip]
pub(super) const DANGEROUS: &[&str] = &[
    // File systems and namespaces: the usual way to the kernel's less tried parts.
    "chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree",
    "open_tree_attr", "pivot_root", "setdomainname", "sethostname", "setns", "umount", "umount2", "unshare",
    // The kernel itself.
    "acct", "bpf", "delete_module", "finit_module", "init_module", "ioperm", "iopl", "kexec_file_load", "kexec_load",
    "lookup_dcookie", "perf_event_open", "quotactl", "quotactl_fd", "reboot", "swapoff", "swapon", "syslog",
    "userfaultfd", "vhangup",
    // Keys are not kept apart by namespaces.
    "add_key", "keyctl", "request_key",
    // Files past the folders that lead to them; events of whole file systems.
    "fanotify_init", "open_by_handle_at",
    // Other processes.
    "kcmp", "migrate_pages", "move_pages", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev",
    "ptrace",
    // The clock of everybody.
    "clock_settime", "clock_settime64", "settimeofday", "stime",
    // Emulation of old processors.
    "vm86", "vm86old",
];
