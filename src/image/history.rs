//! The image's history: which step made which layer.

/// A line of `history`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HistoryLine {
    /// `created_by`, as written.
    pub created_by: String,
    /// `comment`, as written.
    pub comment: String,
    /// `created`, as written.
    pub created: Option<String>,
    /// Whether it made no layer.
    pub empty_layer: bool,
    /// The layer it made, where the counts of lines and layers agree.
    pub layer: Option<usize>,
}
