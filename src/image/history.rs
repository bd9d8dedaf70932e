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

/// What a line of history says that was done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Step<'a> {
    /// `RUN`, `COPY`, …, in capitals; `None` where the text is free.
    pub keyword: Option<&'a str>,
    /// What follows the keyword; for RUN, the command without the shell in front of it.
    pub text: &'a str,
    /// Build arguments written in front of the command.
    pub build_args: Vec<(&'a str, &'a str)>,
}

impl HistoryLine {
    /// Takes the line's text apart.
    #[must_use]
    pub fn step(&self) -> Step<'_> {
        Step::default()
    }
}
