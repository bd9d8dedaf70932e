//! Why a word can't be expanded.

use std::fmt;

/// Why a word can't be expanded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpandError {
    /// What is wrong, in the present tense, without a full stop.
    pub message: String,
    /// Offset in the input, in bytes, of the quote or `$` that it is about.
    pub offset: usize,
    /// Whether any values of the variables could help.
    pub kind: ExpandErrorKind,
}

/// What sort of mistake it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExpandErrorKind {
    /// The word is malformed, whatever the variables hold.
    Syntax,
    /// `${name:?…}` or `${name?…}` of this variable, which is unset or empty.
    Required(String),
    /// A pattern or its operand is malformed after expansion.
    Pattern,
    /// [`MAX_DEPTH`](super::MAX_DEPTH) or [`Lexer::limit`](super::Lexer::limit) is exceeded.
    Limit,
}

impl fmt::Display for ExpandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExpandError {}

pub(super) fn syntax(offset: usize, message: impl Into<String>) -> ExpandError {
    ExpandError { message: message.into(), offset, kind: ExpandErrorKind::Syntax }
}

pub(super) fn unclosed(start: usize) -> ExpandError {
    syntax(start, "`${` has no closing `}`")
}

pub(super) fn unsupported(start: usize, modifier: &str) -> ExpandError {
    syntax(start, format!("`{modifier}` is no modifier that `${{…}}` knows here"))
}

pub(super) fn bad_pattern(offset: usize, pattern: &str, message: &str) -> ExpandError {
    let message = format!("the pattern `{pattern}` {message}");
    ExpandError { message, offset, kind: ExpandErrorKind::Pattern }
}

pub(super) fn required(offset: usize, name: &str, word: &str, state: &str) -> ExpandError {
    let message = if word.is_empty() {
        format!("the variable `{name}` is {state}, but has to have a value here")
    } else {
        format!("the variable `{name}` is {state}: {word}")
    };
    ExpandError { message, offset, kind: ExpandErrorKind::Required(name.to_owned()) }
}
