//! What the walk of a layer collects besides the entries themselves.

use crate::secret::Content;

/// What lints want from the files of an image.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Globs over absolute paths (`/etc/sudoers.d/*`; `*` and `?` stay inside a name, `**` crosses folders); of each match
    /// the first [`Wanted::READ_BYTES`] bytes are kept. What the readers of this room need themselves is added to these.
    pub reads: Vec<&'static str>,
    /// What to look for in the content of files.
    pub content: Vec<&'static Content>,
}

impl Wanted {
    /// Bytes kept of a file that a glob of `reads` matches.
    pub const READ_BYTES: usize = 1 << 20;
}
