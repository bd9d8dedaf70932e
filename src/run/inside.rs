//! Work that only root of the container's user namespace may do: giving files to ids that an ordinary user has been given,
//! and removing such files.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, WaitId, WaitIdOptions, set_parent_process_death_signal, waitid};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, IdMaps, ids, sys};

/// Place, problem and remedy of an error, on its way from one process to another.
pub(crate) type Said = (String, String, String);

/// Bytes of an answer.
const ANSWER: u64 = 1 << 20;

/// How long threads that have done their work may take to end.
const SETTLING: Duration = Duration::from_secs(1);

/// Does `work` in a child process that is root of a user namespace with these maps. The caller must have one thread.
///
/// # Errors
/// Those of `work`, a namespace that can't be had, maps that can't be written.
pub(crate) fn run<T>(maps: &IdMaps, work: impl FnOnce() -> Result<T, Said>) -> Result<T, Error>
where
    T: Serialize + DeserializeOwned,
{
    settle(1);
    let pipe = || {
        pipe_with(PipeFlags::CLOEXEC)
            .map_err(|error| Error::new("pipe", error.to_string(), "raise the limit of open files"))
    };
    let ((wait, go), (answer, reply)) = (pipe()?, pipe()?);
    let namespace = u64::from(libc::CLONE_NEWUSER.unsigned_abs());
    let cloned = sys::clone3(namespace, None)
        .map_err(|error| Error::new("clone3", format!("no user namespace: {error}"), ids::unclonable()))?;
    let (pid, pidfd) = match cloned {
        sys::Cloned::Child => {
            drop((go, answer));
            // A panic must not reach what the parent would do next.
            let done = std::panic::catch_unwind(AssertUnwindSafe(|| child(wait.into(), reply.into(), work)));
            sys::exit_now(i32::from(!matches!(done, Ok(Some(())))))
        }
        sys::Cloned::Parent(pid, pidfd) => (pid, pidfd),
    };
    drop((wait, reply));
    let mapped = ids::write(pid, maps);
    let mut bytes = Vec::new();
    if mapped.is_ok() {
        // One that is gone shows in what it doesn't answer.
        let _ = File::from(go).write_all(b"g").and_then(|()| File::from(answer).take(ANSWER).read_to_end(&mut bytes));
    } else {
        drop(go);
    }
    while matches!(waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED), Err(rustix::io::Errno::INTR)) {}
    mapped?;
    match postcard::from_bytes::<Result<T, Said>>(&bytes) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err((place, problem, remedy))) => Err(Error::new(place, problem, remedy)),
        Err(_) => Err(Error::new("user namespace", "the process in it was ended", "start again")),
    }
}

/// What the child does; `None` where its parent has given up.
fn child<T: Serialize>(mut wait: File, mut reply: File, work: impl FnOnce() -> Result<T, Said>) -> Option<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).ok()?;
    // Until the maps are there, it is nobody.
    wait.read_exact(&mut [0]).ok()?;
    let bytes = postcard::to_stdvec(&work()).ok()?;
    reply.write_all(&bytes).ok()
}

/// How many threads the kernel counts in this process.
pub(crate) fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

/// Waits until no more than `before` threads are left: those that read layers or spoke to a registry have done their work,
/// but the kernel may still count them, and who starts a container next must have one thread.
pub(crate) fn settle(before: usize) {
    let begun = Instant::now();
    while threads() > before && begun.elapsed() < SETTLING {
        std::thread::sleep(Duration::from_micros(200));
    }
}
