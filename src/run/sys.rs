//! System calls that no safe library has. The only file with `unsafe`; each block says why it is sound. Knows numbers and
//! structures of the kernel, and nothing of containers.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_long, c_uint};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use rustix::process::Pid;

/// linux/sched.h; libc's constant is too narrow.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// What [`clone3`] gives.
#[derive(Debug)]
pub enum Cloned {
    /// In the parent: the child, and a descriptor of it (pidfd_open(2)).
    Parent(Pid, OwnedFd),
    /// In the child.
    Child,
}

/// One instruction of classic BPF (`struct sock_filter`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Instruction {
    pub code: u16,
    pub jt: u8,
    pub jf: u8,
    pub k: u32,
}

/// A call that waits for an answer (`struct seccomp_notif`, seccomp_unotify(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Notification {
    pub id: u64,
    /// Thread that made the call, as the reader's process namespace numbers it.
    pub pid: u32,
    pub flags: u32,
    pub number: i32,
    pub architecture: u32,
    pub instruction_pointer: u64,
    pub arguments: [u64; 6],
}

/// What is answered to a [`Notification`] (`struct seccomp_notif_resp`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Answer {
    pub id: u64,
    pub value: i64,
    /// Negative errno, or 0.
    pub error: i32,
    /// `SECCOMP_USER_NOTIF_FLAG_CONTINUE` is 1.
    pub flags: u32,
}

/// clone3(2) with the flags' namespaces and a pidfd, as fork does it; `cgroup` is the folder of a version 2 control group
/// that the child is born in.
///
/// The caller must have one thread: in the child of several, what others hold locked stays locked.
///
/// # Errors
/// Those of clone3(2), and `EBUSY` where the process has more than one thread.
pub fn clone3(flags: u64, cgroup: Option<&OwnedFd>) -> io::Result<Cloned> {
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    let mut pidfd: c_int = -1;
    // SAFETY: `clone_args` is plain integers, for which all zeros is a value.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = flags | libc::CLONE_PIDFD as u64;
    arguments.pidfd = (&raw mut pidfd) as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: the structure lives through the call and has the size that is passed; without CLONE_VM and a stack the child
    // goes on with a copy of this memory, as after fork(2), and there is no other thread whose locks it could miss.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size_of::<libc::clone_args>()) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Cloned::Child),
        pid => {
            let pid = c_int::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(io::Error::last_os_error)?;
            // SAFETY: the kernel has just made this descriptor, and nobody else knows of it.
            Ok(Cloned::Parent(pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
        }
    }
}

/// fork(2). The caller must have one thread, as for [`clone3`]; in the child the number is `None`.
///
/// # Errors
/// Those of fork(2).
pub fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: there is no other thread whose locks the child could miss; init and its child are copies of a process for
    // which `clone3` has made sure of that.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// kill(2), with a number that need not have a name.
///
/// # Errors
/// Those of kill(2).
pub fn kill(pid: Pid, signal: c_int) -> io::Result<()> {
    // SAFETY: kill(2) has no preconditions.
    match unsafe { libc::kill(pid.as_raw_pid(), signal) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// unshare(2) of namespaces that no thread of the process holds memory or descriptors in common by.
///
/// # Errors
/// Those of unshare(2).
pub fn unshare(namespaces: c_int) -> io::Result<()> {
    // SAFETY: with flags of namespaces only, the call changes what paths and numbers mean to this process, not memory.
    match unsafe { libc::unshare(namespaces) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Ends the process without running anything of Rust's or libc's, as a child that shares its parent's state must.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(code) }
}

/// seccomp(2) `SECCOMP_SET_MODE_FILTER`. With `SECCOMP_FILTER_FLAG_NEW_LISTENER` in `flags` the listener is given.
///
/// # Errors
/// Those of seccomp(2); a filter of more than 4,096 instructions is `EINVAL`.
pub fn set_seccomp_filter(filter: &[Instruction], flags: c_uint) -> io::Result<Option<OwnedFd>> {
    let length = u16::try_from(filter.len()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let program = libc::sock_fprog { len: length, filter: filter.as_ptr().cast_mut().cast() };
    // SAFETY: `Instruction` has the layout of `sock_filter`; the program and what it points to live through the call, and
    // the kernel only reads them.
    let done = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    match done {
        -1 => Err(io::Error::last_os_error()),
        fd if c_long::from(flags) & libc::SECCOMP_FILTER_FLAG_NEW_LISTENER as c_long != 0 => {
            let fd = c_int::try_from(fd).map_err(io::Error::other)?;
            // SAFETY: with this flag the call gives a descriptor that it has just made.
            Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) }))
        }
        _ => Ok(None),
    }
}

/// Waits for the next call (`SECCOMP_IOCTL_NOTIF_RECV`).
///
/// # Errors
/// `ENOENT` where the caller was killed meanwhile, others of seccomp_unotify(2).
pub fn receive_notification(listener: impl AsFd) -> io::Result<Notification> {
    let mut notification = Notification::default();
    let request = libc::SECCOMP_IOCTL_NOTIF_RECV as libc::c_ulong;
    // SAFETY: the request writes a `seccomp_notif`, whose layout `Notification` has, and wants it to be zero.
    match unsafe { libc::ioctl(listener.as_fd().as_raw_fd(), request as _, &raw mut notification) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(notification),
    }
}

/// Answers a call (`SECCOMP_IOCTL_NOTIF_SEND`).
///
/// # Errors
/// `ENOENT` where the caller doesn't wait any more.
pub fn answer_notification(listener: impl AsFd, mut answer: Answer) -> io::Result<()> {
    let request = libc::SECCOMP_IOCTL_NOTIF_SEND as libc::c_ulong;
    // SAFETY: the request reads a `seccomp_notif_resp`, whose layout `Answer` has.
    match unsafe { libc::ioctl(listener.as_fd().as_raw_fd(), request as _, &raw mut answer) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Whether the caller still waits, so that what was read of it since was its (`SECCOMP_IOCTL_NOTIF_ID_VALID`).
pub fn notification_holds(listener: impl AsFd, id: u64) -> bool {
    let request = libc::SECCOMP_IOCTL_NOTIF_ID_VALID as libc::c_ulong;
    // SAFETY: the request reads one number.
    unsafe { libc::ioctl(listener.as_fd().as_raw_fd(), request as _, &raw const id) == 0 }
}

/// mount_setattr(2) on what `fd` refers to, below it too where `recursive`. `userns` is the user namespace of
/// `MOUNT_ATTR_IDMAP`.
///
/// # Errors
/// Those of mount_setattr(2).
pub fn set_mount_attributes(
    fd: impl AsFd,
    set: u64,
    clear: u64,
    propagation: u64,
    recursive: bool,
    userns: Option<&OwnedFd>,
) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: set,
        attr_clr: clear,
        propagation,
        userns_fd: userns.map_or(0, |fd| fd.as_raw_fd() as u64),
    };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: the path is an empty C string, and the structure lives through the call and has the size that is passed.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            fd,
            c"".as_ptr(),
            flags as c_uint,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if done == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// execveat(2) of an open file (`AT_EMPTY_PATH`). Comes back only with an error.
pub fn execute(file: impl AsFd, arguments: &[&CStr], environment: &[&CStr]) -> io::Error {
    let pointers = |words: &[&CStr]| -> Vec<*const libc::c_char> {
        words.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    let fd = file.as_fd().as_raw_fd();
    // SAFETY: both lists end with a null pointer, and they and their strings live through the call.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            fd,
            c"".as_ptr(),
            arguments.as_ptr(),
            environment.as_ptr(),
            libc::AT_EMPTY_PATH,
        );
    }
    io::Error::last_os_error()
}

/// execve(2) of a path. Comes back only with an error.
pub fn execute_path(path: &CStr, arguments: &[&CStr], environment: &[&CStr]) -> io::Error {
    let pointers = |words: &[&CStr]| -> Vec<*const libc::c_char> {
        words.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both lists end with a null pointer, and they and their strings live through the call.
    unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Gives the process a fresh, anonymous session keyring (keyctl(2) `KEYCTL_JOIN_SESSION_KEYRING`), so that it sees no key
/// of its caller's.
///
/// # Errors
/// `ENOSYS` where the kernel has no keys.
pub fn join_new_session_keyring() -> io::Result<()> {
    const KEYCTL_JOIN_SESSION_KEYRING: c_int = 1;
    // SAFETY: a null name asks for an anonymous keyring; nothing else is read.
    let done =
        unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>()) };
    if done == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Makes the terminal the controlling one of this session (ioctl_tty(2) `TIOCSCTTY`).
///
/// # Errors
/// `EPERM` where the process leads no session.
pub fn take_terminal(terminal: impl AsFd) -> io::Result<()> {
    // SAFETY: the request takes a number.
    match unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCSCTTY as _, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Turns the loopback interface of this network namespace on (netdevice(7) `SIOCSIFFLAGS`).
///
/// # Errors
/// `EPERM` without `CAP_NET_ADMIN` over the namespace.
pub fn loopback_up() -> io::Result<()> {
    // SAFETY: socket(2) has no preconditions.
    let socket = match unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) } {
        -1 => return Err(io::Error::last_os_error()),
        // SAFETY: the kernel has just made this descriptor.
        socket => unsafe { OwnedFd::from_raw_fd(socket) },
    };
    // SAFETY: `ifreq` is plain integers and a union of such, for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request reads an `ifreq`, which lives through the call.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw mut request) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Blocks `signals` and gives a descriptor that they are read from (signalfd(2)).
///
/// # Errors
/// Those of signalfd(2).
pub fn signal_descriptor(signals: &[c_int]) -> io::Result<OwnedFd> {
    // SAFETY: `sigset_t` is plain integers; the calls only write to it and read it.
    let fd = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, *signal);
        }
        if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) == -1 {
            return Err(io::Error::last_os_error());
        }
        libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    };
    // SAFETY: the kernel has just made this descriptor.
    if fd == -1 { Err(io::Error::last_os_error()) } else { Ok(unsafe { OwnedFd::from_raw_fd(fd) }) }
}

/// Unblocks all signals and sets each to its default action, as a program expects that is started.
pub fn reset_signals() {
    // SAFETY: only the set on the stack is written; setting the default action of a signal installs no code of ours.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
        for signal in 1..=libc::SIGRTMAX() {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
}

/// Lets go of the memory that holds code, of this program and its libraries; what is executed again is read again from the
/// files. For a process that will do little for long.
///
/// # Errors
/// Those of reading /proc/self/maps (proc_pid_maps(5)).
pub fn forget_code() -> io::Result<()> {
    for line in std::fs::read_to_string("/proc/self/maps")?.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some("r-xp"), Some(path)) = (fields.next(), fields.next(), fields.nth(3)) else { continue };
        let number = |text: &str| usize::from_str_radix(text, 16).ok();
        let Some((start, end)) = range.split_once('-').and_then(|(start, end)| Some((number(start)?, number(end)?)))
        else {
            continue;
        };
        if path.starts_with('/') {
            // SAFETY: the mapping is private, of a file, and was never writable: this program has no relocations in its
            // code. So its pages are the file's, and are the same bytes when they are mapped in again.
            unsafe { libc::madvise(start as *mut _, end.saturating_sub(start), libc::MADV_DONTNEED) };
        }
    }
    Ok(())
}

/// Starts a command with all signals unblocked and their default action, whatever this process has blocked for itself. It
/// is asked to end when the thread that starts it does.
///
/// # Errors
/// As [`std::process::Command::spawn`].
pub fn spawn_unblocked(command: &mut std::process::Command) -> io::Result<std::process::Child> {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork(2) and execve(2) only calls are made that signal-safety(7) names, and no memory is allocated.
    unsafe {
        command.pre_exec(|| {
            reset_signals();
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
            Ok(())
        });
    }
    command.spawn()
}

/// close_range(2): marks every descriptor from `first` on to be closed at execve(2).
///
/// # Errors
/// Those of close_range(2).
pub fn close_on_exec_from(first: u32) -> io::Result<()> {
    // SAFETY: descriptors are only marked; each stays with its owner until then.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if done == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// close_range(2): closes every descriptor but those, which it sorts. For a process just forked that never goes back into
/// the code that owned the others.
///
/// # Errors
/// Those of close_range(2).
pub fn close_all_but(keep: &mut [c_int]) -> io::Result<()> {
    keep.sort_unstable();
    let mut first: c_uint = 0;
    for number in keep.iter().filter_map(|number| c_uint::try_from(*number).ok()).chain([c_uint::MAX]) {
        // SAFETY: descriptors that are owned elsewhere in this memory are closed, which breaks no memory; the caller says
        // that their owners never run again.
        if first < number && unsafe { libc::syscall(libc::SYS_close_range, first, number - 1, 0) } == -1 {
            return Err(io::Error::last_os_error());
        }
        first = number.saturating_add(1);
    }
    Ok(())
}
