//! Why a container can't be started or kept as it was asked for.

use std::fmt;

/// What keeps a container from running as asked. Its text names the place, what is wrong, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// The step, file or kernel interface: `mount /proc`, `/sys/fs/cgroup/memory/harden-1`.
    pub place: String,
    /// What is wrong there, in the present tense.
    pub problem: String,
    /// What to do, as an imperative.
    pub remedy: String,
    /// The exit code, as docker has them: 125 for the launcher's own failure, 126 where the program can't be executed, 127
    /// where it is not found.
    pub code: u8,
}

impl Error {
    /// A failure of the launcher's own.
    pub fn new(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into(), remedy: remedy.into(), code: 125 }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}; {}", self.place, self.problem, self.remedy)
    }
}

impl std::error::Error for Error {}
