//! Why no profile can be made from what was asked for.

use std::fmt;

/// What keeps a profile from being made: all that is wrong at once, so that people mend it in one go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// What is wrong, at least one thing.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The flag, key or line: `-u`, `--memory-swap`, `profile.toml:3`.
    pub place: String,
    /// What is wrong there, in the present tense.
    pub problem: String,
    /// What to do, as an imperative.
    pub remedy: String,
}

impl Error {
    /// One thing that is wrong.
    pub fn new(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { faults: vec![Fault { place: place.into(), problem: problem.into(), remedy: remedy.into() }] }
    }
}

impl fmt::Display for Error {
    /// A line for each fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.faults.iter().enumerate() {
            let end = if at == 0 { "" } else { "\n" };
            write!(f, "{end}`{}`: {}; {}", fault.place, fault.problem, fault.remedy)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
