//! Why a command could not do its work.

use std::error::Error;
use std::fmt;
use std::io;

/// An end of the program that is not a result.
#[derive(Debug)]
pub(super) enum Failure {
    /// What was asked for makes no sense: the message says what is wrong and what to do.
    Usage(String),
    /// A configuration file is wrong.
    Config(crate::config::Error),
    /// A name in a configuration file is no lint.
    UnknownLint {
        /// Where the name stands: a place in a file, or an option.
        at: String,
        /// The name and what may have been meant.
        unknown: crate::lint::UnknownLint,
    },
    /// A file can't be read.
    Read(String),
    /// The output can't be written.
    Write {
        /// What was written to.
        to: String,
        /// What the system says.
        source: io::Error,
    },
}

impl Failure {
    /// Whether the reader of our output has gone, which is its right: `harden lint | head`.
    pub(super) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    pub(super) fn exit_code(&self) -> u8 {
        if self.is_broken_pipe() { 0 } else { 2 }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Read(message) => f.write_str(message),
            Self::Config(error) => error.fmt(f),
            Self::UnknownLint { at, unknown } => {
                write!(f, "{at}: {unknown}")?;
                if unknown.suggestion.is_none() { write!(f, "; `harden lints` lists them all") } else { Ok(()) }
            }
            Self::Write { to, source } => {
                write!(f, "{to} can't be written ({source}); check its folder and the space left")
            }
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::UnknownLint { unknown, .. } => Some(unknown),
            Self::Write { source, .. } => Some(source),
            Self::Usage(_) | Self::Read(_) => None,
        }
    }
}

impl From<crate::config::Error> for Failure {
    fn from(error: crate::config::Error) -> Self {
        Self::Config(error)
    }
}
