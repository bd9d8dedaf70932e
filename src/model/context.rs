//! The build context: which of the files that a Dockerfile names exist, and the few that lints read.

use std::collections::BTreeMap;

/// Something that has to be fetched from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Known<T> {
    /// Fetched.
    Known(T),
    /// Not fetched, with the reason, as a half sentence ("standard input has no build context").
    Unknown(String),
}

/// A file of the build context that the Dockerfile names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ContextFile {
    /// It does not exist, or the ignore file keeps it out.
    Absent,
    /// A folder.
    Folder,
    /// A file that was not read (too big, not readable, not of interest).
    Present,
    /// A file with its text, at most 256 KiB.
    Text(String),
}

/// What is known of the build context, keyed by path as the Dockerfile names it, cleaned, relative to the context.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Context {
    /// Files asked for, or why there is no context.
    pub files: Known<BTreeMap<String, ContextFile>>,
}

impl Default for Context {
    fn default() -> Self {
        Self { files: Known::Unknown("no build context was given".to_owned()) }
    }
}
