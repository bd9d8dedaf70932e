//! The container's terminal: made inside, in its own devpts, and served from outside.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::PollFlags;
use rustix::fs::{Gid, OFlags, Uid};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::{OptionalActions, Termios, Winsize, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use super::inside;
use super::root::attach_at;
use super::sources::clone_of;
use super::{At as _, Plan};
use crate::run::{Error, sys};

/// Both ends, inside.
pub(crate) struct Pair {
    /// The end that goes to the launcher.
    pub(crate) master: OwnedFd,
    /// The end that is the program's.
    pub(crate) slave: OwnedFd,
}

/// Makes a terminal in the container's devpts, and shows it as /dev/console.
///
/// # Errors
/// Those of the calls; the container must have a devpts of its own.
pub(crate) fn make(plan: &Plan<'_>, tree: &OwnedFd) -> Result<Pair, Error> {
    let place = || "/dev/pts".to_owned();
    let remedy = "let the container have a /dev/pts of its own, or leave the terminal out";
    let master = inside::open_as(tree, "/dev/pts/ptmx", OFlags::RDWR | OFlags::NOCTTY).at(place, remedy)?;
    unlockpt(&master).at(place, remedy)?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let slave = ioctl_tiocgptpeer(&master, flags).at(place, remedy)?;
    // The instance is new, so its first terminal is the one.
    let node = inside::open(tree, "/dev/pts/0").at(place, remedy)?;
    let (made, shown) = (rustix::fs::fstat(&slave).at(place, remedy)?, rustix::fs::fstat(&node).at(place, remedy)?);
    if made.st_rdev != shown.st_rdev {
        return Err(Error::new(place(), "the terminal isn't its first", remedy));
    }
    rustix::fs::fchown(&slave, Some(Uid::from_raw(plan.process.user().uid())), None::<Gid>).at(place, remedy)?;
    let console = inside::open(tree, "/dev/console").at(place, remedy)?;
    attach_at(clone_of(node, false, 0).at(place, remedy)?, &console).at(place, remedy)?;
    Ok(Pair { master, slave })
}

impl Pair {
    /// Makes it the session's terminal and all three standard streams.
    ///
    /// # Errors
    /// Those of the calls.
    pub(crate) fn take(&self) -> Result<(), Error> {
        let place = || "terminal".to_owned();
        let remedy = "leave the terminal out";
        sys::take_terminal(&self.slave).at(place, remedy)?;
        rustix::stdio::dup2_stdin(&self.slave).at(place, remedy)?;
        rustix::stdio::dup2_stdout(&self.slave).at(place, remedy)?;
        rustix::stdio::dup2_stderr(&self.slave).at(place, remedy)
    }
}

/// The terminal from outside: carries bytes both ways and keeps the size.
pub(crate) struct Served {
    master: OwnedFd,
    /// What was typed and isn't taken yet.
    typed: Vec<u8>,
    /// What was shown and isn't written yet.
    shown: Vec<u8>,
    reads_input: bool,
    at_end: bool,
    raw: Option<Raw>,
}

/// The user's own terminal in raw mode; dropped, it is as it was.
struct Raw {
    before: Termios,
}

/// Bytes that are carried at once.
const PIECE: usize = 4096;

/// What of the terminal can go on, for poll(2).
pub(crate) struct Interest {
    /// Of the container's end.
    pub(crate) master: PollFlags,
    /// Whether standard input is waited for.
    pub(crate) input: bool,
    /// Whether standard output is waited for.
    pub(crate) output: bool,
}

impl Served {
    /// Serves `master`; with `interactive`, the user's terminal goes raw.
    ///
    /// # Errors
    /// Those of tcsetattr(3).
    pub(crate) fn new(master: OwnedFd, interactive: bool) -> Result<Self, Error> {
        rustix::fs::fcntl_setfl(&master, OFlags::RDWR | OFlags::NONBLOCK)
            .at(|| "terminal".to_owned(), "leave the terminal out")?;
        let mut served =
            Self { master, typed: Vec::new(), shown: Vec::new(), reads_input: interactive, at_end: false, raw: None };
        served.resize();
        served.set_raw()?;
        Ok(served)
    }

    /// The container's end, for poll(2).
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }

    /// What can go on.
    pub(crate) fn interest(&self) -> Interest {
        let mut master = PollFlags::empty();
        if self.shown.is_empty() && !self.at_end {
            master |= PollFlags::IN;
        }
        if !self.typed.is_empty() && !self.at_end {
            master |= PollFlags::OUT;
        }
        Interest {
            master,
            input: self.reads_input && self.typed.is_empty() && !self.at_end,
            output: !self.shown.is_empty(),
        }
    }

    /// Reads what was typed.
    pub(crate) fn read_input(&mut self) {
        let mut piece = [0; PIECE];
        match rustix::io::read(rustix::stdio::stdin(), &mut piece) {
            Ok(count) if count > 0 => self.typed.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(Errno::INTR | Errno::AGAIN) => {}
            _ => {
                // The end of the input is told as a user would: by the end-of-file character (termios(3), VEOF).
                self.reads_input = false;
                self.typed.push(4);
            }
        }
    }

    /// Writes what is to be shown.
    pub(crate) fn write_output(&mut self) {
        match rustix::io::write(rustix::stdio::stdout(), &self.shown) {
            Ok(count) => drop(self.shown.drain(..count.min(self.shown.len()))),
            Err(Errno::INTR | Errno::AGAIN) => {}
            // Nobody looks any more.
            Err(_) => self.shown.clear(),
        }
    }

    /// Carries between the container's end and here, as far as `ready` says.
    pub(crate) fn carry(&mut self, ready: PollFlags) {
        if ready.contains(PollFlags::OUT) {
            match rustix::io::write(&self.master, &self.typed) {
                Ok(count) => drop(self.typed.drain(..count.min(self.typed.len()))),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => self.typed.clear(),
            }
        }
        if ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) && self.shown.is_empty() {
            let mut piece = [0; PIECE];
            match rustix::io::read(&self.master, &mut piece) {
                Ok(count) if count > 0 => self.shown.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(Errno::INTR | Errno::AGAIN) => {}
                // EIO: nothing inside has it open.
                _ => self.at_end = true,
            }
        }
    }

    /// Shows what is left after the container's end.
    pub(crate) fn drain(&mut self) {
        loop {
            while !self.shown.is_empty() {
                self.write_output();
            }
            self.carry(PollFlags::IN);
            if self.shown.is_empty() {
                return;
            }
        }
    }

    /// Gives the container's terminal the size of the user's.
    pub(crate) fn resize(&self) {
        let size: Option<Winsize> = [rustix::stdio::stdin(), rustix::stdio::stdout()]
            .into_iter()
            .find_map(|fd| tcgetwinsize(fd).ok().filter(|size| size.ws_row > 0 && size.ws_col > 0));
        if let Some(size) = size {
            // A container that has just ended needs no size.
            let _ = tcsetwinsize(&self.master, size);
        }
    }

    /// Lets the user's terminal be as it was, for as long as the launcher is stopped.
    pub(crate) fn restore(&mut self) {
        self.raw = None;
    }

    /// Hands every key to the container.
    ///
    /// # Errors
    /// Those of tcsetattr(3).
    pub(crate) fn set_raw(&mut self) -> Result<(), Error> {
        let input = rustix::stdio::stdin();
        if !self.reads_input || !isatty(input) {
            return Ok(());
        }
        let place = || "terminal".to_owned();
        let before = tcgetattr(input).at(place, "leave the terminal out")?;
        let mut raw = before.clone();
        raw.make_raw();
        self.raw = Some(Raw { before });
        tcsetattr(input, OptionalActions::Now, &raw).at(place, "leave the terminal out")
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs no mode.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.before);
    }
}
