//! `--egress all`: a network stack in user space from another program, pasta(1) or slirp4netns(1), as root too. They need
//! no setting of the host's to change, where a virtual Ethernet pair would need forwarding and address translation.
//!
//! A minder of ours starts the program and ends it with the container, with the launcher, and when told: the programs
//! join the container's user namespace, which clears the signal that they would get at their parent's end (prctl(2)).

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, access};
use rustix::io::read;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, geteuid, pidfd_send_signal, waitid};

use super::process::{Process, Report};
use crate::run::{Error, sys};

/// A program that gives a network namespace a way out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Outward {
    kind: Program,
    path: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Program {
    Pasta,
    Slirp,
}

/// What the program answers name queries at, and passes on to the host's name servers.
const PASTA_RESOLVER: &str = "169.254.1.1";
const SLIRP_RESOLVER: &str = "10.0.2.3";
/// Hundredths of a second that a program has to set the network up.
const PATIENCE: u32 = 1000;
/// What is kept of a program's complaints.
const MAX_COMPLAINT: usize = 4096;

/// Looks for a program in `PATH`, pasta first: with it the host's own addresses can't be reached either.
///
/// # Errors
/// There is none, or this user may not use /dev/net/tun, which both need.
pub(super) fn find() -> Result<Outward, Error> {
    let folders = std::env::var_os("PATH").unwrap_or_else(|| OsStr::new("/usr/bin:/bin").to_owned());
    let found = [("pasta", Program::Pasta), ("slirp4netns", Program::Slirp)].into_iter().find_map(|(name, kind)| {
        let path = std::env::split_paths(&folders)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|path| path.is_file() && access(path, Access::EXEC_OK).is_ok())?;
        Some(Outward { kind, path })
    });
    let found = found.ok_or_else(|| {
        Error::new(
            "--egress all",
            "neither pasta nor slirp4netns is installed",
            "install passt or slirp4netns, or list the destinations: `--egress HOST:PORT` needs no program",
        )
    })?;
    let tun = "/dev/net/tun";
    if let Err(error) = access(tun, Access::READ_OK | Access::WRITE_OK) {
        return Err(Error::new(
            tun,
            format!("{} needs it, and this user can't use it: {error}", found.program()),
            "load the module tun and give the file mode 0666, or list the destinations: `--egress HOST:PORT`",
        ));
    }
    Ok(found)
}

/// Starts it for the container.
pub(super) fn start(outward: &Outward, container: BorrowedFd<'_>, pid: Pid) -> Result<Process, Error> {
    let words = outward.command(pid);
    Ok(Process::start(outward.program(), &[container], |report| mind(outward, &words, container, pid, report))?
        .gently())
}

impl Outward {
    pub(super) fn program(&self) -> &'static str {
        match self.kind {
            Program::Pasta => "pasta",
            Program::Slirp => "slirp4netns",
        }
    }

    /// What can be reached through it.
    pub(super) fn reaches(&self) -> &'static str {
        match self.kind {
            Program::Pasta => "any address but the host's",
            Program::Slirp => "any address but those of the host's loopback interface",
        }
    }

    /// The text of `/etc/resolv.conf`.
    pub(super) fn resolver(&self) -> String {
        let address = if self.kind == Program::Pasta { PASTA_RESOLVER } else { SLIRP_RESOLVER };
        format!("nameserver {address}\n")
    }

    fn command(&self, pid: Pid) -> Vec<String> {
        let pid = pid.as_raw_nonzero();
        let words: Vec<String> = match self.kind {
            Program::Pasta => {
                let (net, user) = (format!("/proc/{pid}/ns/net"), format!("/proc/{pid}/ns/user"));
                let mut words = vec!["--foreground", "--quiet", "--config-net", "--no-map-gw"];
                for ports in ["--tcp-ports", "--udp-ports", "--tcp-ns", "--udp-ns"] {
                    words.extend([ports, "none"]);
                }
                words.extend(["--dns-forward", PASTA_RESOLVER, "--netns", &net, "--userns", &user]);
                if geteuid().is_root() {
                    // Its own choice, nobody, may not open root's namespaces; it drops what root may do in any case.
                    words.extend(["--runas", "0:0"]);
                }
                words.into_iter().map(str::to_owned).collect()
            }
            Program::Slirp => {
                let number = pid.to_string();
                let words =
                    ["--configure", "--disable-host-loopback", "--enable-sandbox", "--enable-seccomp", &number, "tap0"];
                words.into_iter().map(str::to_owned).collect()
            }
        };
        std::iter::once(self.program().to_owned()).chain(words).collect()
    }
}

/// The minder.
fn mind(
    outward: &Outward,
    words: &[String],
    container: BorrowedFd<'_>,
    pid: Pid,
    report: &Report,
) -> Result<(), Error> {
    let failed =
        |problem: String| Error::new(outward.program(), problem, "run it by hand to see why, or list destinations");
    let words: Vec<CString> = words.iter().filter_map(|word| CString::new(word.as_str()).ok()).collect();
    let path = CString::new(outward.path.as_os_str().as_bytes()).map_err(|error| failed(error.to_string()))?;
    let (complaints, output) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed(error.to_string()))?;
    let program = match sys::clone3(0, None).map_err(|error| failed(error.to_string()))? {
        sys::Cloned::Child => {
            let arguments: Vec<&std::ffi::CStr> = words.iter().map(CString::as_c_str).collect();
            let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
            let _ = rustix::stdio::dup2_stdout(&output).and_then(|()| rustix::stdio::dup2_stderr(&output));
            let _ = rustix::thread::set_no_new_privs(true);
            let _ = sys::close_on_exec_from(3);
            sys::reset_signals();
            sys::execute_path(&path, &arguments, &[]);
            sys::exit_now(127);
        }
        sys::Cloned::Parent(_, pidfd) => pidfd,
    };
    drop(output);
    let mut complaint = Vec::new();
    let served = wait_for_route(&program, &complaints, &mut complaint, pid);
    if served {
        report.ready();
        while !poll_all(&[program.as_fd(), container], report, &complaints, &mut complaint) {}
    }
    let ended = is_readable(&program);
    let _ = pidfd_send_signal(&program, Signal::TERM);
    let _ = poll(&mut [PollFd::new(&program, PollFlags::IN)], Some(&Timespec { tv_sec: 1, tv_nsec: 0 }));
    let _ = pidfd_send_signal(&program, Signal::KILL);
    let _ = waitid(WaitId::PidFd(program.as_fd()), WaitIdOptions::EXITED);
    if served {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&complaint);
    let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // The last words are the reason.
    let said = said.iter().rev().take(3).rev().copied().collect::<Vec<_>>().join(", ");
    Err(failed(if ended {
        format!("it ended before the network was there: {said}")
    } else {
        format!("it sets up no network: {said}")
    }))
}

/// Waits until the container's network namespace has a way out; false where the program ends or takes too long.
fn wait_for_route(program: &OwnedFd, complaints: &OwnedFd, complaint: &mut Vec<u8>, pid: Pid) -> bool {
    let pid = pid.as_raw_nonzero();
    for _ in 0..PATIENCE {
        let lines = |path: String| std::fs::read_to_string(path).unwrap_or_default();
        // The first line of the one is its head; the other names the loopback interface always.
        let four = lines(format!("/proc/{pid}/net/route")).lines().count() > 1;
        let six = lines(format!("/proc/{pid}/net/ipv6_route"))
            .lines()
            .any(|line| line.starts_with("00000000000000000000000000000000 00 ") && !line.trim_end().ends_with(" lo"));
        if four || six {
            return true;
        }
        let pause = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        let mut waiting = [PollFd::new(program, PollFlags::IN), PollFd::new(complaints, PollFlags::IN)];
        let _ = poll(&mut waiting, Some(&pause));
        let (ended, spoke) = (!waiting[0].revents().is_empty(), waiting[1].revents().contains(PollFlags::IN));
        if spoke {
            listen_to(complaints, complaint);
        }
        if ended {
            return false;
        }
    }
    false
}

/// Waits for one of `ends`, or for the parent's; takes what the program says, lest it wait for a reader.
fn poll_all(ends: &[BorrowedFd<'_>], report: &Report, complaints: &OwnedFd, complaint: &mut Vec<u8>) -> bool {
    let mut waiting: Vec<PollFd<'_>> = ends.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    waiting.extend(report.ends().into_iter().map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags)));
    let count = waiting.len();
    let complains = PollFd::new(complaints, PollFlags::IN);
    waiting.push(complains);
    let _ = poll(&mut waiting, None);
    let ended = waiting[..count].iter().any(|one| !one.revents().is_empty());
    let spoke = waiting[count].revents();
    drop(waiting);
    if spoke.contains(PollFlags::IN) {
        listen_to(complaints, complaint);
    } else if !spoke.is_empty() {
        // The program has closed its output: nothing more comes, and waiting for it would not wait.
        return true;
    }
    ended
}

fn listen_to(complaints: &OwnedFd, complaint: &mut Vec<u8>) {
    let mut buffer = [0; 1024];
    let length = read(complaints, &mut buffer).unwrap_or(0);
    complaint.extend_from_slice(&buffer[..length.min(MAX_COMPLAINT.saturating_sub(complaint.len()))]);
}

fn is_readable(fd: &OwnedFd) -> bool {
    poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) == Ok(1)
}
