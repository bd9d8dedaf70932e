//! A process of ours that serves a container: a copy of this one without exec, so that it is there at once and small.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{read, write};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpid, pidfd_open, pidfd_send_signal, waitid};

use crate::run::{Error, procfs, sys};

/// Seconds that a process has to become ready.
const PATIENCE: i64 = 20;

/// A running process, ended and reaped when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    pid: Pid,
    pidfd: OwnedFd,
    report: Option<OwnedFd>,
    /// Whether it has something to end itself, for which it is given time.
    gently: bool,
}

/// Where a process says that it serves, or why it can't.
#[derive(Debug)]
pub(super) struct Report {
    pipe: OwnedFd,
    /// Who started it.
    parent: OwnedFd,
}

impl Process {
    /// Starts `role` in a process that has only the descriptors `keep`, null as standard streams, and a session of its
    /// own, so that what is typed at a terminal doesn't reach it. `role` calls [`Report::ready`] once it serves.
    pub(super) fn start(
        name: &'static str,
        keep: &[BorrowedFd<'_>],
        role: impl FnOnce(&Report) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::new(name, format!("can't be started: {error}"), "try again");
        let (report, pipe) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
        let parent = pidfd_open(getpid(), PidfdFlags::empty()).map_err(|error| failed(error.into()))?;
        match sys::clone3(0, None).map_err(failed)? {
            sys::Cloned::Parent(pid, pidfd) => Ok(Self { name, pid, pidfd, report: Some(report), gently: false }),
            sys::Cloned::Child => {
                let report = Report { pipe, parent };
                // A panic must not unwind into the frames that this process shares with its parent.
                let ended = catch_unwind(AssertUnwindSafe(|| {
                    prepare(keep, &report)?;
                    role(&report)
                }));
                match ended {
                    Ok(Ok(())) => sys::exit_now(0),
                    Ok(Err(error)) => report.failed(&error),
                    Err(_) => report.failed(&Error::new(name, "it ended by a defect of its own", "report it")),
                }
                sys::exit_now(125)
            }
        }
    }

    /// Has it end itself when this is dropped: it sees that nobody reads its report any more.
    pub(super) fn gently(mut self) -> Self {
        self.gently = true;
        self
    }

    /// Waits until it serves.
    pub(super) fn wait_until_ready(&mut self) -> Result<(), Error> {
        let Some(report) = &self.report else { return Ok(()) };
        let mut text = Vec::new();
        let mut buffer = [0; 512];
        let timeout = Timespec { tv_sec: PATIENCE, tv_nsec: 0 };
        loop {
            let mut waiting = [PollFd::new(report, PollFlags::IN)];
            match poll(&mut waiting, Some(&timeout)) {
                Ok(0) => return Err(Error::new(self.name, format!("it isn't ready after {PATIENCE} s"), "try again")),
                Ok(_) => {}
                Err(_) => continue,
            }
            match read(report, &mut buffer) {
                Err(rustix::io::Errno::INTR) => {}
                Ok(length) if length > 0 && text.len() < 16 * buffer.len() => {
                    text.extend_from_slice(&buffer[..length]);
                    if text.first() == Some(&b'+') {
                        return Ok(());
                    }
                }
                _ => break,
            }
        }
        let text = String::from_utf8_lossy(&text);
        let mut parts = text.split('\0');
        let mut part = |otherwise: &str| parts.next().filter(|part| !part.is_empty()).unwrap_or(otherwise).to_owned();
        Err(Error::new(part(self.name), part("it ended before it was ready"), part("try again")))
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// What the kernel says of how it is confined (proc_pid_status(5)); nothing of one that only minds another program.
    ///
    /// # Errors
    /// It isn't confined as it should be.
    pub(super) fn confinement(&self) -> Result<Option<String>, Error> {
        if self.gently {
            return Ok(None);
        }
        let path = format!("/proc/{}/status", self.pid.as_raw_nonzero());
        let text =
            procfs::read(&path).map_err(|error| Error::new(&path, format!("can't be read: {error}"), "mount /proc"))?;
        let field = |name: &str| {
            procfs::field(&text, name).and_then(|value| value.split_whitespace().next()).unwrap_or("?").to_owned()
        };
        let said = format!(
            "uid {}, capabilities {}, no_new_privs {}, seccomp {}",
            field("Uid"),
            field("CapPrm"),
            field("NoNewPrivs"),
            field("Seccomp"),
        );
        let no_capability = field("CapPrm").bytes().all(|byte| byte == b'0');
        if no_capability && field("NoNewPrivs") == "1" && field("Seccomp") == "2" {
            Ok(Some(said))
        } else {
            Err(Error::new(path, format!("the {} isn't confined: {said}", self.name), "report it"))
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.report = None;
        if self.gently {
            let grace = Timespec { tv_sec: 3, tv_nsec: 0 };
            let _ = poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&grace));
        }
        // Both fail only where it is gone and reaped already.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
        let _ = waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED);
    }
}

impl Report {
    /// Says that the process serves.
    pub(super) fn ready(&self) {
        let _ = write(&self.pipe, b"+");
    }

    /// Whether who started it has ended, so that there is nobody whose end would end this process.
    pub(super) fn parent_is_gone(&self) -> bool {
        let mut ended = [PollFd::new(&self.parent, PollFlags::IN)];
        poll(&mut ended, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) != Ok(0)
    }

    /// What to poll to see that whoever started this process has ended, or wants it to end.
    pub(super) fn ends(&self) -> [(BorrowedFd<'_>, PollFlags); 2] {
        // A pipe that nobody reads is an error, which poll(2) tells unasked.
        [(self.parent.as_fd(), PollFlags::IN), (self.pipe.as_fd(), PollFlags::empty())]
    }

    fn failed(&self, error: &Error) {
        let _ = write(&self.pipe, format!("{}\0{}\0{}", error.place, error.problem, error.remedy).as_bytes());
    }
}

/// What every such process does first.
fn prepare(keep: &[BorrowedFd<'_>], report: &Report) -> Result<(), Error> {
    let failed = |what: &str, error: std::io::Error| Error::new(what, format!("{error}"), "report it");
    // A session of its own; the process leads none yet, being just born.
    let _ = rustix::process::setsid();
    let null = rustix::fs::open("/dev/null", rustix::fs::OFlags::RDWR, rustix::fs::Mode::empty())
        .map_err(|error| failed("/dev/null", error.into()))?;
    rustix::stdio::dup2_stdin(&null)
        .and_then(|()| rustix::stdio::dup2_stdout(&null))
        .and_then(|()| rustix::stdio::dup2_stderr(&null))
        .map_err(|error| failed("dup2", error.into()))?;
    let mut numbers: Vec<i32> = keep.iter().map(AsRawFd::as_raw_fd).collect();
    numbers.extend([0, 1, 2, report.pipe.as_raw_fd(), report.parent.as_raw_fd()]);
    // The descriptor of /dev/null is among those that go; forgetting it keeps it from being closed twice.
    std::mem::forget(null);
    sys::close_all_but(&mut numbers).map_err(|error| failed("close_range", error))
}
