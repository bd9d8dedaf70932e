//! The launcher while the container runs: passes signals on, serves the terminal, keeps the time, and learns how it ended.
//! One thread, one poll(2), no memory that grows.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_send_signal, waitid};

use super::tty::Served;
use super::{At as _, Channel, Message, init};
use crate::run::{Error, Order, procfs, sys};

/// Signals that are passed on. SIGTSTP stops the container and then the launcher, and SIGWINCH is the terminal's size.
pub(crate) const SIGNALS: [i32; 13] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGTERM,
    libc::SIGCONT,
    libc::SIGTSTP,
    libc::SIGWINCH,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGPIPE,
];

/// The code where the container was ended because its time was over, as timeout(1) has it.
const TIMED_OUT: u8 = 124;

/// A container that has run for so long will run on, and the launcher needs little of itself meanwhile.
const SETTLED: Duration = Duration::from_millis(200);

/// How a container ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ended {
    /// Its exit code, or 128 and the number of the signal that ended it.
    pub(crate) code: u8,
    /// Whether it was asked to end, so that it isn't to be started again.
    pub(crate) asked: bool,
}

/// What is watched.
pub(crate) struct Watch<'a> {
    pub(crate) order: &'a Order,
    pub(crate) pid: Pid,
    pub(crate) pidfd: &'a OwnedFd,
    pub(crate) signals: &'a OwnedFd,
    pub(crate) terminal: Option<Served>,
    /// Where refused system calls are told, and who takes them.
    pub(crate) listener: Option<(&'a OwnedFd, Serve<'a>)>,
    /// Whether the container has its own processes, of which the first is the program itself.
    pub(crate) is_first: bool,
}

/// Takes one refused call from the listener and answers it.
pub(crate) type Serve<'a> = &'a dyn Fn(&OwnedFd);

/// Where a stop stands.
#[derive(Default)]
struct Stop {
    kill_at: Option<Instant>,
    interrupts: u32,
    asked: bool,
    timed_out: bool,
    /// The signal that would have ended the program, were it not process 1.
    in_place_of: Option<i32>,
}

impl Watch<'_> {
    /// Waits for the container's end.
    ///
    /// # Errors
    /// What execve(2) refused, and failures of the calls that wait; the container is ended then.
    pub(crate) fn run(mut self, channel: Channel) -> Result<Ended, Error> {
        let result = self.wait(channel);
        if result.is_err() {
            // Where it has ended already, neither has anything left to do.
            let _ = pidfd_send_signal(self.pidfd, Signal::KILL);
            let _ = end(self.pidfd);
        }
        if let Some(terminal) = &mut self.terminal {
            terminal.drain();
        }
        result
    }

    fn wait(&mut self, channel: Channel) -> Result<Ended, Error> {
        let mut channel = Some(channel);
        let mut refused = None;
        let mut stop = Stop::default();
        let time_over = self.order.timeout.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
        let mut settle = Instant::now().checked_add(SETTLED);
        loop {
            let wake = [stop.kill_at.or(time_over), settle].into_iter().flatten().min();
            let ready = self.poll(channel.as_ref(), wake)?;
            if let Some(open) = &channel
                && ready.channel
            {
                match open.receive() {
                    Ok(Some((Message::Refused(error), _))) => refused = Some(error),
                    Ok(Some(_)) => {}
                    _ => channel = None,
                }
            }
            if let (Some(listener), Some((fd, serve))) = (ready.listener, self.listener) {
                if listener.contains(PollFlags::IN) {
                    serve(fd);
                } else {
                    self.listener = None;
                }
            }
            if let Some(terminal) = &mut self.terminal {
                terminal.carry(ready.master);
                if ready.input {
                    terminal.read_input();
                }
                if ready.output {
                    terminal.write_output();
                }
            }
            while ready.signal && self.signal(&mut stop)? {}
            if ready.ended {
                let code = end(self.pidfd)?;
                // What was refused after the leave came before the end.
                if let (None, Some(open)) = (&refused, &channel)
                    && let Ok(Some((Message::Refused(error), _))) = open.receive()
                {
                    refused = Some(error);
                }
                let code = match stop.in_place_of {
                    _ if stop.timed_out => TIMED_OUT,
                    Some(signal) if code == 137 => u8::try_from(128 + signal).unwrap_or(137),
                    _ => code,
                };
                return refused.map_or(Ok(Ended { code, asked: stop.asked }), Err);
            }
            let now = Instant::now();
            if settle.is_some_and(|at| at <= now) {
                settle = None;
                // Only memory would be saved.
                let _ = sys::forget_code();
            }
            if stop.kill_at.is_some_and(|at| at <= now) {
                stop.kill_at = None;
                self.kill()?;
            } else if stop.kill_at.is_none() && !stop.timed_out && time_over.is_some_and(|at| at <= now) {
                stop.timed_out = true;
                self.ask(&mut stop)?;
            }
        }
    }

    /// Takes one signal; says whether there was one.
    fn signal(&mut self, stop: &mut Stop) -> Result<bool, Error> {
        let Some(signal) = init::next(self.signals) else { return Ok(false) };
        match signal {
            libc::SIGTERM if stop.asked => self.kill()?,
            libc::SIGTERM => self.ask(stop)?,
            libc::SIGINT => {
                stop.interrupts += 1;
                stop.asked = true;
                if stop.interrupts >= 3 { self.kill()? } else { self.deliver(signal, stop)? }
            }
            libc::SIGWINCH => match &self.terminal {
                Some(terminal) => terminal.resize(),
                None => self.deliver(signal, stop)?,
            },
            libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => self.suspend()?,
            // The launcher's own output has broken; the container's is its own affair.
            libc::SIGPIPE => {}
            libc::SIGHUP | libc::SIGQUIT => {
                stop.asked = true;
                self.deliver(signal, stop)?;
            }
            signal => self.deliver(signal, stop)?,
        }
        Ok(true)
    }

    /// Asks the container to end, as `docker stop` does: its stop signal, and after a while SIGKILL.
    fn ask(&self, stop: &mut Stop) -> Result<(), Error> {
        stop.asked = true;
        let seconds = self.order.profile.stop_timeout.value;
        stop.kill_at = Instant::now().checked_add(Duration::from_secs(u64::from(seconds)));
        self.deliver(number(&self.order.profile.stop_signal.value).unwrap_or(libc::SIGTERM), stop)
    }

    /// Passes a signal on. The kernel lets no signal end process 1 of a container that has no handler for it; the program
    /// is process 1, and ends as it would elsewhere.
    fn deliver(&self, signal: i32, stop: &mut Stop) -> Result<(), Error> {
        let harmless = [libc::SIGCONT, libc::SIGWINCH, libc::SIGURG, libc::SIGCHLD];
        if self.is_first && !harmless.contains(&signal) && !minds(self.pid, signal) {
            stop.in_place_of = Some(signal);
            return self.kill();
        }
        match sys::kill(self.pid, signal) {
            Err(error) if error.raw_os_error() != Some(libc::ESRCH) => {
                Err(error).at(|| "kill".to_owned(), "end the container with SIGKILL")
            }
            _ => Ok(()),
        }
    }

    fn kill(&self) -> Result<(), Error> {
        match pidfd_send_signal(self.pidfd, Signal::KILL) {
            Err(Errno::SRCH) | Ok(()) => Ok(()),
            Err(error) => Err(error).at(|| "kill".to_owned(), "end the container by its number"),
        }
    }

    /// Stops the container's first group of processes, then the launcher; both go on together.
    fn suspend(&mut self) -> Result<(), Error> {
        // A container that has just ended can't be stopped.
        let _ = kill_process_group(self.pid, Signal::STOP);
        if let Some(terminal) = &mut self.terminal {
            terminal.restore();
        }
        let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::STOP);
        let _ = kill_process_group(self.pid, Signal::CONT);
        match &mut self.terminal {
            Some(terminal) => {
                terminal.resize();
                terminal.set_raw()
            }
            None => Ok(()),
        }
    }

    fn poll(&self, channel: Option<&Channel>, wake: Option<Instant>) -> Result<Ready, Error> {
        let interest = self.terminal.as_ref().map(Served::interest);
        let (input, output) = interest.as_ref().map_or((false, false), |interest| (interest.input, interest.output));
        let master = self.terminal.as_ref().zip(interest.as_ref()).filter(|(_, interest)| !interest.master.is_empty());
        let asked: [Option<(BorrowedFd<'_>, PollFlags)>; 7] = [
            Some((self.signals.as_fd(), PollFlags::IN)),
            Some((self.pidfd.as_fd(), PollFlags::IN)),
            channel.map(|channel| (channel.as_fd(), PollFlags::IN)),
            self.listener.map(|(fd, _)| (fd.as_fd(), PollFlags::IN)),
            master.map(|(terminal, interest)| (terminal.fd(), interest.master)),
            input.then(|| (rustix::stdio::stdin(), PollFlags::IN)),
            output.then(|| (rustix::stdio::stdout(), PollFlags::OUT)),
        ];
        let mut fds: Vec<PollFd<'_>> =
            asked.iter().flatten().map(|(fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)).collect();
        let left = wake.map(|at| at.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut fds, left.as_ref()) {
            Ok(_) => {}
            // All answers are empty then.
            Err(Errno::INTR) => fds.iter_mut().for_each(PollFd::clear_revents),
            Err(error) => return Err(error).at(|| "poll".to_owned(), "start again"),
        }
        let mut answers = fds.iter().map(PollFd::revents);
        let mut ready = asked.iter().map(|asked| {
            let answer = asked.and_then(|_| answers.next());
            answer.filter(|flags| !flags.is_empty())
        });
        let mut next = || ready.next().flatten();
        Ok(Ready {
            signal: next().is_some(),
            ended: next().is_some(),
            channel: next().is_some(),
            listener: next(),
            master: next().unwrap_or(PollFlags::empty()),
            input: next().is_some(),
            output: next().is_some(),
        })
    }
}

/// What can go on.
struct Ready {
    signal: bool,
    ended: bool,
    channel: bool,
    listener: Option<PollFlags>,
    master: PollFlags,
    input: bool,
    output: bool,
}

/// Waits for the process to end, and gives its code as docker has it.
///
/// # Errors
/// Those of waitid(2).
pub(crate) fn end(pidfd: &OwnedFd) -> Result<u8, Error> {
    loop {
        match waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED) {
            Err(Errno::INTR) | Ok(None) => {}
            Err(error) => return Err(error).at(|| "waitid".to_owned(), "start again"),
            Ok(Some(status)) => {
                let code = status.exit_status().or(status.terminating_signal().map(|signal| 128 + signal));
                return Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(125));
            }
        }
    }
}

/// Waits for `time`, or less where a signal asks to end; says whether none did.
pub(crate) fn pause(signals: &OwnedFd, time: Duration) -> bool {
    let until = Instant::now() + time;
    loop {
        let left = Timespec::try_from(until.saturating_duration_since(Instant::now())).unwrap_or_default();
        match poll(&mut [PollFd::new(signals, PollFlags::IN)], Some(&left)) {
            Ok(0) => return true,
            Err(Errno::INTR) => {}
            Err(_) => return false,
            Ok(_) => {
                if matches!(init::next(signals), Some(libc::SIGTERM | libc::SIGINT | libc::SIGHUP | libc::SIGQUIT)) {
                    return false;
                }
            }
        }
    }
}

/// Whether the process handles, ignores or holds back the signal (proc_pid_status(5)).
fn minds(pid: Pid, signal: i32) -> bool {
    // What can't be read counts as minding: a signal too few is better than a kill too many.
    let status = procfs::read(format!("/proc/{}/status", pid.as_raw_nonzero()));
    status.map_or(true, |status| does_mind(&status, signal))
}

fn does_mind(status: &str, signal: i32) -> bool {
    let set = |name: &str| procfs::field(status, name).and_then(|set| u64::from_str_radix(set, 16).ok()).unwrap_or(0);
    let bit = u32::try_from(signal - 1).ok().and_then(|shift| 1_u64.checked_shl(shift)).unwrap_or(0);
    ["SigCgt", "SigIgn", "SigBlk"].iter().any(|name| set(name) & bit != 0)
}

/// The number of a signal by its name with or without `SIG`, `RTMIN+n`, or by the number itself.
pub(crate) fn number(name: &str) -> Option<i32> {
    let name = name.trim().to_ascii_uppercase();
    if let Ok(number) = name.parse() {
        return (1..=64).contains(&number).then_some(number);
    }
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let beyond = |base: i32, offset: &str| {
        let offset = if offset.is_empty() { Some(0) } else { offset.parse::<i32>().ok() };
        offset.and_then(|offset| base.checked_add(offset)).filter(|number| (34..=64).contains(number))
    };
    if let Some(offset) = name.strip_prefix("RTMIN") {
        return beyond(34, offset.trim_start_matches('+'));
    }
    if let Some(offset) = name.strip_prefix("RTMAX") {
        return beyond(64, offset);
    }
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

const NAMES: [(&str, i32); 29] = [
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("IOT", libc::SIGABRT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("CHLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("PWR", libc::SIGPWR),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_the_names_that_docker_takes() {
        assert_eq!(["SIGTERM", "quit", "9", "SIGRTMIN+3", "RTMAX-1"].map(number), [15, 3, 9, 37, 63].map(Some));
        assert_eq!(["", "SIGNOTHING", "0", "65", "RTMIN+99"].map(number), [None; 5]);
    }

    #[test]
    fn what_a_process_minds_is_read_from_its_status() {
        let status = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000001\nSigCgt:\t0000000000004000\n";
        assert!(does_mind(status, libc::SIGHUP) && does_mind(status, libc::SIGTERM));
        assert!(!does_mind(status, libc::SIGINT) && !does_mind("", libc::SIGINT));
    }
}
