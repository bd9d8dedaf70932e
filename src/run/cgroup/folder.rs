//! Folders and files of control groups: texts are written whole, groups ended and removed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::run::procfs;

/// Writes a file that is there, by one write(2): the kernel takes each as one word.
///
/// # Errors
/// Those of open(2) and write(2).
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    std::fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

/// Ends all processes of a group, and removes it and the groups in it. Gives up after about two seconds.
///
/// # Errors
/// Why the folder is still there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let mut pause = Duration::from_micros(100);
    loop {
        let error = match remove_empty(path, DEPTH) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => error,
        };
        // A group stays busy for a moment after its last process has gone.
        if error.kind() != io::ErrorKind::ResourceBusy || pause > Duration::from_secs(1) {
            return Err(error);
        }
        kill(path, DEPTH);
        std::thread::sleep(pause);
        pause *= 2;
    }
}

/// More levels of groups than a container can have made.
const DEPTH: usize = 8;

/// Group folders directly in a group's.
pub(super) fn groups(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

fn remove_empty(path: &Path, depth: usize) -> io::Result<()> {
    match std::fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy && depth > 0 => {
            for group in groups(path) {
                remove_empty(&group, depth - 1)?;
            }
            std::fs::remove_dir(path)
        }
        other => other,
    }
}

/// Ends all processes of a group: at once where the kernel does that (Linux 5.14, version 2), else one by one, after new
/// ones are forbidden.
fn kill(path: &Path, depth: usize) {
    if write(&path.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    // Without that controller here there may be more than are killed at a time; the caller comes again.
    let _ = write(&path.join("pids.max"), "0");
    let Ok(list) = procfs::read(path.join("cgroup.procs")) else { return };
    for pid in list.lines().filter_map(|line| line.parse().ok()).filter_map(Pid::from_raw) {
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
        // Its number may be another's by now: what is held is killed only where it is still in the group.
        let still = procfs::read(path.join("cgroup.procs")).unwrap_or_default();
        if still.lines().any(|line| line == pid.as_raw_nonzero().to_string()) && pid != rustix::process::getpid() {
            let _ = pidfd_send_signal(&process, Signal::KILL);
        }
    }
    if depth > 0 {
        groups(path).iter().for_each(|group| kill(group, depth - 1));
    }
}
