//! System calls that the processes of a network may make, as lists of the OCI runtime specification.

use oci_spec::runtime::{
    LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg, LinuxSeccompArgBuilder, LinuxSeccompOperator as Is,
    LinuxSyscall,
};

/// What any of them needs to go on: memory that isn't executable, its end, and time.
const BASE: [&str; 18] = [
    "brk",
    "clock_gettime",
    "close",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "exit",
    "exit_group",
    "futex",
    "getrandom",
    "madvise",
    "mremap",
    "munmap",
    "restart_syscall",
    "rt_sigreturn",
    "write",
];

/// The relay: it takes connections and moves bytes. It has no `socket`, `connect`, `bind`, `sendmsg`, nor TCP's way to
/// connect by sending (`MSG_FASTOPEN`), and so it reaches nobody that isn't connected to it.
pub(super) fn relay() -> LinuxSeccomp {
    let mut calls = base();
    calls.push(call(&["accept4", "recvfrom", "recvmsg", "getpeername", "getsockopt", "shutdown"], &[]));
    calls.push(call(&["sendto"], &[arg(3, Is::ScmpCmpEq, SEND_FLAGS, None)]));
    for (level, option) in [(SOL_SOCKET, SO_LINGER), (SOL_SOCKET, SO_KEEPALIVE), (IPPROTO_TCP, TCP_NODELAY)] {
        calls.push(call(&["setsockopt"], &[arg(1, Is::ScmpCmpEq, level, None), arg(2, Is::ScmpCmpEq, option, None)]));
    }
    only(calls)
}

/// The inner dialer: it makes sockets, connects them in the container's network namespace and hands them on.
pub(super) fn inner_dialer() -> LinuxSeccomp {
    let mut calls = base();
    calls.push(call(&["connect", "recvfrom", "sendmsg"], &[]));
    for family in [libc::AF_INET, libc::AF_INET6] {
        calls.push(call(&["socket"], &[arg(0, Is::ScmpCmpEq, family as u64, None)]));
    }
    only(calls)
}

/// The outer dialer: what libc does to resolve a name depends on the host, so what it must never do is listed.
pub(super) fn outer_dialer() -> LinuxSeccomp {
    let denied = [
        "execve",
        "execveat",
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "kill",
        "tkill",
        "pidfd_send_signal",
        "pidfd_getfd",
        "mount",
        "umount2",
        "pivot_root",
        "chroot",
        "unshare",
        "setns",
        "move_mount",
        "open_tree",
        "fsopen",
        "bpf",
        "perf_event_open",
        "io_uring_setup",
        "keyctl",
        "add_key",
        "request_key",
        "userfaultfd",
        "init_module",
        "finit_module",
        "kexec_load",
        "listen",
        "accept",
        "accept4",
        "personality",
        "setuid",
        "setgid",
        "setresuid",
        "setresgid",
        "setgroups",
        "process_madvise",
        "process_mrelease",
        "prlimit64",
        "mknodat",
        "shmat",
        "rt_sigqueueinfo",
        "rt_tgsigqueueinfo",
    ];
    let mut filter = LinuxSeccomp::default();
    filter.set_default_action(Action::ScmpActAllow);
    let mut refused = call(&denied, &[]);
    refused.set_action(Action::ScmpActErrno);
    filter.set_syscalls(Some(vec![refused]));
    filter
}

/// `MSG_DONTWAIT | MSG_NOSIGNAL`, with which the relay sends, always.
const SEND_FLAGS: u64 = (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as u64;
const SOL_SOCKET: u64 = libc::SOL_SOCKET as u64;
const SO_LINGER: u64 = libc::SO_LINGER as u64;
const SO_KEEPALIVE: u64 = libc::SO_KEEPALIVE as u64;
const IPPROTO_TCP: u64 = libc::IPPROTO_TCP as u64;
const TCP_NODELAY: u64 = libc::TCP_NODELAY as u64;

fn base() -> Vec<LinuxSyscall> {
    let executable = arg(2, Is::ScmpCmpMaskedEq, libc::PROT_EXEC as u64, Some(0));
    vec![call(&BASE, &[]), call(&["mmap"], &[executable])]
}

fn only(calls: Vec<LinuxSyscall>) -> LinuxSeccomp {
    let mut filter = LinuxSeccomp::default();
    filter.set_default_action(Action::ScmpActErrno);
    filter.set_syscalls(Some(calls));
    filter
}

fn call(names: &[&str], arguments: &[LinuxSeccompArg]) -> LinuxSyscall {
    let mut call = LinuxSyscall::default();
    call.set_names(names.iter().map(|name| (*name).to_owned()).collect());
    call.set_action(Action::ScmpActAllow);
    call.set_args((!arguments.is_empty()).then(|| arguments.to_vec()));
    call
}

/// `two` is what a masked argument must equal.
fn arg(index: usize, operator: Is, value: u64, two: Option<u64>) -> LinuxSeccompArg {
    let arg = || LinuxSeccompArgBuilder::default().index(index).op(operator).value(value);
    // Nothing is left out that the builder could miss.
    two.map_or_else(arg, |two| arg().value_two(two)).build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use syscalls::Sysno;

    use super::*;
    use crate::run::seccomp;

    /// `SECCOMP_RET_ALLOW`, and `SECCOMP_RET_ERRNO` with `EPERM` and with `ENOSYS`.
    const ALLOWED: u32 = 0x7fff_0000;
    const REFUSED: u32 = 0x0005_0001;
    const ABSENT: u32 = 0x0005_0026;

    /// What the kernel would do (linux/filter.h).
    fn run(list: &LinuxSeccomp, architecture: u32, number: u32, arguments: [u32; 6]) -> u32 {
        let program = seccomp::compile_last(list).expect("it compiles").instructions;
        let (mut at, mut word) = (0, 0);
        loop {
            let seen = program[at];
            at += 1;
            let step = |yes: bool| usize::from(if yes { seen.jt } else { seen.jf });
            match (seen.code, seen.k) {
                (0x20, 0) => word = number,
                (0x20, 4) => word = architecture,
                (0x20, offset @ 16..) if offset % 8 == 0 => word = arguments[((offset - 16) / 8) as usize],
                // The high halves.
                (0x20, _) => word = 0,
                (0x54, k) => word &= k,
                (0x05, k) => at += k as usize,
                (0x15, k) => at += step(word == k),
                (0x25, k) => at += step(word > k),
                (0x35, k) => at += step(word >= k),
                (0x45, k) => at += step(word & k != 0),
                (0x06, k) => return k,
                other => panic!("{other:x?}"),
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn each_process_may_call_what_it_needs_and_nothing_that_leads_out() {
        let decide = |list: LinuxSeccomp, call: Sysno, arguments| run(&list, 0xc000_003e, call.id() as u32, arguments);
        let relay = |call, arguments| decide(relay(), call, arguments);
        for call in [Sysno::recvfrom, Sysno::accept4, Sysno::epoll_wait, Sysno::close, Sysno::shutdown] {
            assert_eq!(relay(call, [0; 6]), ALLOWED, "{call}");
        }
        assert_eq!(relay(Sysno::sendto, [5, 0, 0, 0x4040, 0, 0]), ALLOWED);
        // Connecting by sending: `MSG_FASTOPEN`.
        assert_eq!(relay(Sysno::sendto, [5, 0, 0, 0x2000_4040, 0, 0]), REFUSED);
        assert_eq!(relay(Sysno::setsockopt, [5, 1, 13, 0, 0, 0]), ALLOWED);
        assert_eq!(relay(Sysno::setsockopt, [5, 6, 31, 0, 0, 0]), REFUSED);
        assert_eq!(relay(Sysno::mmap, [0, 0, 3, 0, 0, 0]), ALLOWED);
        assert_eq!(relay(Sysno::mmap, [0, 0, 7, 0, 0, 0]), REFUSED);
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
            assert_eq!(relay(call, [0; 6]), REFUSED, "{call}");
        }
        let inner = |call, arguments| decide(inner_dialer(), call, arguments);
        assert_eq!(inner(Sysno::socket, [2, 1, 0, 0, 0, 0]), ALLOWED);
        for family in [1, 16, 17, 38, 40] {
            assert_eq!(inner(Sysno::socket, [family, 1, 0, 0, 0, 0]), REFUSED, "{family}");
        }
        for call in [Sysno::accept4, Sysno::openat, Sysno::execve, Sysno::listen, Sysno::clone3] {
            assert_eq!(inner(call, [0; 6]), REFUSED, "{call}");
        }
        let outer = |call| decide(outer_dialer(), call, [0; 6]);
        assert!(outer(Sysno::openat) == ALLOWED && outer(Sysno::socket) == ALLOWED && outer(Sysno::clone3) == ALLOWED);
        assert!(outer(Sysno::execve) == REFUSED && outer(Sysno::ptrace) == REFUSED && outer(Sysno::listen) == REFUSED);
        // The 32-bit door, by which each number is another call.
        assert_eq!(run(&outer_dialer(), 0x4000_0003, Sysno::close.id() as u32, [0; 6]), ABSENT);
    }
}
