//! Ways to mend a finding.

use crate::text::Edit;

/// A change that mends a finding: a title, a safety and edits of the file the finding is in.
#[derive(Clone, PartialEq, Debug)]
pub struct Fix {
    /// What the fix does, as an imperative.
    pub title: String,
    /// Whether it may be applied without being looked at.
    pub safety: Safety,
    /// The edits; they belong together and do not overlap.
    pub edits: Vec<Edit>,
}

/// Whether a fix may be applied without being looked at; ordered, so that "applies at this level" is a comparison.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Safety {
    /// The built image behaves the same, or differs only in what the finding is about, and nothing can break.
    Safe,
    /// May break a build or an app.
    Unsafe,
    /// Needs a human's choice: shown and offered, never applied.
    Suggestion,
}

impl Safety {
    /// The word used in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
            Self::Suggestion => "suggestion",
        }
    }
}
