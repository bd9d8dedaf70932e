//! A runtime in the foreground: signals are passed on to it, a time limit ends it, its exit code is given.

use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use super::{Error, Runtime};

/// Runs a command to its end. `end` is called when its time is over, with `false` first and with `true` when asking was of
/// no use for as long as `patience`.
pub(super) fn run(
    command: &mut Command,
    runtime: Runtime,
    limit: Option<u64>,
    patience: u32,
    end: &dyn Fn(bool),
) -> Result<u8, Error> {
    #[cfg(target_os = "linux")]
    let signals = signals::Signals::block()?;
    #[cfg(target_os = "linux")]
    let child = crate::run::sys::spawn_unblocked(command);
    #[cfg(not(target_os = "linux"))]
    let child = command.spawn();
    let mut child = child.map_err(|error| super::not_there(runtime, &error))?;
    let mut deadline = limit.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
    let mut asked = false;
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            end(asked);
            deadline = if asked { None } else { Instant::now().checked_add(Duration::from_secs(patience.into())) };
            asked = true;
            continue;
        }
        #[cfg(target_os = "linux")]
        signals.wait(&child, left)?;
        #[cfg(not(target_os = "linux"))]
        std::thread::sleep(Duration::from_millis(20).min(left.unwrap_or(Duration::MAX)));
        if let Some(status) = ended(&mut child, runtime)? {
            return Ok(code(status));
        }
    }
}

fn ended(child: &mut Child, runtime: Runtime) -> Result<Option<ExitStatus>, Error> {
    child
        .try_wait()
        .map_err(|error| Error::new(runtime.name(), format!("can't be waited for: {error}"), "start it again"))
}

/// The exit code as a shell has it: 128 and the number of a signal.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(255);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255)
}

#[cfg(target_os = "linux")]
mod signals {
    //! Signals that end a program or tell it something, read from a descriptor (signalfd(2)).

    use std::os::fd::OwnedFd;
    use std::process::Child;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    use crate::run::{Error, sys};

    const PASSED: [Signal; 7] =
        [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::WINCH];

    /// The kernel sent it, as for a key of the terminal (sigaction(2)).
    const SI_KERNEL: i32 = 0x80;

    pub(super) struct Signals(OwnedFd);

    impl Signals {
        /// From now on signals wait until they are passed on.
        pub(super) fn block() -> Result<Self, Error> {
            let numbers = PASSED.map(Signal::as_raw);
            sys::signal_descriptor(&numbers).map(Self).map_err(|error| failed(&error))
        }

        /// Waits until the child has ended, the time is over or a signal has come, which is passed on.
        pub(super) fn wait(&self, child: &Child, left: Option<Duration>) -> Result<(), Error> {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            let pid = pid.ok_or_else(|| failed(&std::io::Error::other("no process id")))?;
            let process = pidfd_open(pid, PidfdFlags::empty()).map_err(|error| failed(&error.into()))?;
            let mut ready = [PollFd::new(&self.0, PollFlags::IN), PollFd::new(&process, PollFlags::IN)];
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            match poll(&mut ready, left.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(failed(&error.into())),
            }
            // `struct signalfd_siginfo`: the number, an error, the code.
            let mut info = [0_u8; 128];
            while rustix::io::read(&self.0, &mut info).is_ok_and(|read| read == info.len()) {
                let field = |at: usize| [info[at], info[at + 1], info[at + 2], info[at + 3]];
                let (number, code) = (i32::from_ne_bytes(field(0)), i32::from_ne_bytes(field(8)));
                // What a key of the terminal sends, the child gets too.
                let signal = PASSED.into_iter().find(|signal| signal.as_raw() == number);
                if let Some(signal) = signal.filter(|_| code != SI_KERNEL) {
                    let _ = pidfd_send_signal(&process, signal);
                }
            }
            Ok(())
        }
    }

    fn failed(error: &std::io::Error) -> Error {
        Error::new("signals", format!("can't be passed on: {error}"), "start it again")
    }
}
