//! From a layer's bytes to [`super::LayerFacts`].

use serde::{Deserialize, Serialize};

/// Something that two readers of an archive or a manifest could understand differently, or that only harm needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Irregularity {
    /// What it is.
    pub kind: IrregularityKind,
    /// The entry's path, where it is about one; control characters replaced.
    pub path: String,
    /// What is there, in the present tense, without a full stop, things in backticks.
    pub detail: String,
}

/// The kinds of irregularities.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum IrregularityKind {
    /// Readers of archives disagree about what this is, so a tool and the engine may see different files.
    Ambiguous,
    /// A name that leads out of the image: `..`, a hard link to the outside.
    Escape,
    /// The same path twice in one layer with different content or modes.
    Duplicate,
    /// A name with control, bidirectional or invalid characters.
    Name,
    /// The archive ends in the middle, or something follows its end.
    Broken,
    /// A bound of [`super::Limits`] is met; what lies behind it was not read.
    Limit,
    /// A digest, size or count that one document says and another contradicts.
    Mismatch,
}
