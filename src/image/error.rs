//! Why an image can't be read.

use std::fmt;

/// An image, or a part of it, that can't be read. Its text names the place, what is wrong, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// The file, address or blob.
    pub place: String,
    /// What is wrong there, in the present tense.
    pub problem: String,
    /// What to do, as an imperative.
    pub remedy: String,
}

impl Error {
    /// An error at `place`.
    pub fn new(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}; {}", self.place, self.problem, self.remedy)
    }
}

impl std::error::Error for Error {}
