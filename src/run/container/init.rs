//! The small init that is process 1 where one was asked for: it starts the program, passes signals on, reaps what is left
//! behind, and ends as the program did. It is as confined as the program: capabilities, filter and all.

use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, wait};

use super::At as _;
use crate::run::{Error, sys};

/// Highest number of a signal (signal(7)).
const LAST: i32 = 64;

/// What init reads signals from. Made before the filter, which need not know of it.
///
/// # Errors
/// Those of signalfd(2).
pub(crate) fn signals() -> Result<OwnedFd, Error> {
    // What a fault of its own raises can't wait.
    let own = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS, libc::SIGABRT];
    let all: Vec<i32> = (1..=LAST).filter(|signal| !own.contains(signal)).collect();
    sys::signal_descriptor(&all).at(|| "signalfd".to_owned(), "start on Linux")
}

/// Forgets the launcher's command line, which the container's processes could read of process 1: it names the host's paths
/// and may hold what was passed with `-e`.
pub(crate) fn forget_arguments() -> Result<(), Error> {
    let place = || "/proc/self/mem".to_owned();
    let remedy = "leave `--init` out: the launcher's command line can't be hidden from the container";
    let stat = std::fs::read_to_string("/proc/self/stat").at(place, remedy)?;
    // The name in parentheses may hold anything; fields are counted from behind it (proc_pid_stat(5): 48 and 49).
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let number = |index: usize| fields.get(index - 3).and_then(|field| field.parse::<u64>().ok());
    let (Some(start), Some(end)) = (number(48), number(49)) else {
        return Err(Error::new(place(), "the place of the arguments is unknown", remedy));
    };
    let length = usize::try_from(end.saturating_sub(start)).unwrap_or(0).min(1 << 22);
    let memory = rustix::fs::open(c"/proc/self/mem", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
    let memory = memory.at(place, remedy)?;
    let zeros = vec![0; length];
    match rustix::io::pwrite(&memory, &zeros, start).at(place, remedy)? {
        written if written == length => {}
        _ => return Err(Error::new(place(), "the arguments can't be overwritten", remedy)),
    }
    rustix::thread::set_name(c"init").at(place, remedy)
}

/// Does init's work, and gives the code to end with.
pub(crate) fn watch(signals: &OwnedFd, program: Pid) -> i32 {
    loop {
        match poll(&mut [PollFd::new(signals, PollFlags::IN)], None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return 125,
        }
        while let Some(signal) = next(signals) {
            if signal != libc::SIGCHLD {
                // A program that has just ended needs no signal any more.
                let _ = sys::kill(program, signal);
            }
        }
        if let Some(code) = reap(program) {
            return code;
        }
    }
}

/// The next signal that has come.
pub(crate) fn next(signals: &OwnedFd) -> Option<i32> {
    // `struct signalfd_siginfo` (signalfd(2)), which starts with the number.
    let mut info = [0; 128];
    match rustix::io::read(signals, &mut info[..]) {
        Ok(128) => info.first_chunk().and_then(|bytes| i32::try_from(u32::from_ne_bytes(*bytes)).ok()),
        _ => None,
    }
}

fn reap(program: Pid) -> Option<i32> {
    let mut code = None;
    // Of any group: what is left behind may have made one of its own.
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == program {
            code = status.exit_status().or(status.terminating_signal().map(|signal| 128 + signal));
        }
    }
    code
}
