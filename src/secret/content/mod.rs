//! What to look for in the content of an image's files: keywords that a fast search finds, and a judge of what stands
//! around them.

use std::ops::Range;

use super::Secret;

/// Something to look for in the content of files.
#[derive(Debug)]
pub struct Content {
    /// Its identity; a new name when the keywords or the judge change, since results are cached by it.
    pub name: &'static str,
    /// Byte strings one of which stands wherever the judge could say yes; at least three bytes each.
    pub keywords: &'static [&'static str],
    /// Judges one place.
    pub judge: fn(&Window<'_>) -> Option<(Range<usize>, Secret)>,
}

/// What stands around a keyword.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Absolute path of the file.
    pub path: &'a str,
    /// Up to 1 KiB in front of the keyword, and up to 4 KiB from its start.
    pub bytes: &'a [u8],
    /// Where the keyword is in `bytes`.
    pub keyword: (usize, usize),
}

/// What is looked for in the content of every file of an image.
pub static CONTENT: &[Content] = &[];
