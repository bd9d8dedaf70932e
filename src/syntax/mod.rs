//! Dockerfile text ⇄ lossless tree with typed views. Knows no semantics: no stages, no variables in force, no shell.
//!
//! Parsing never fails: it yields a tree and errors, and an error costs the instruction it is in, nothing else.

pub mod ast;
pub mod expand;

use crate::text::Span;

/// Something that BuildKit's parser or its instruction step refuses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// Where it is.
    pub span: Span,
    /// What is wrong, in the present tense, without a full stop.
    pub message: String,
    /// What to do about it, as an imperative.
    pub help: String,
}

/// A parser directive: `# syntax=…`, `# escape=…`, `# check=…`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Directive {
    /// The name in lower case.
    pub name: String,
    /// The value.
    pub value: String,
    /// The whole comment line, without its newline.
    pub span: Span,
}
