//! Dockerfile text ⇄ lossless tree with typed views. Knows no semantics: no stages, no variables in force, no shell.
//!
//! Parsing never fails: it yields views (and the tree, where someone asks for it) and errors, and an error costs the
//! instruction it is in, nothing else.

pub mod ast;
pub mod directive;
mod dump;
pub mod expand;
pub mod flags;
pub mod heredoc;
mod json;
mod kind;
mod logical;
pub mod mount;
mod parser;
pub mod ports;
mod validate;
mod views;
mod words;

use crate::text::{Source, Span};
use ast::Instruction;
use kind::Node;

/// Something that BuildKit's parser or its instruction step refuses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// Which step of BuildKit refuses it.
    pub step: Step,
    /// Where it is.
    pub span: Span,
    /// What is wrong, in the present tense, without a full stop.
    pub message: String,
    /// What to do about it, as an imperative.
    pub help: String,
}

/// The steps of BuildKit that refuse a file on its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The parser, which takes lines apart.
    Parser,
    /// The step that makes instructions of what was parsed.
    Instructions,
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

/// What a file says.
#[derive(Debug)]
pub struct Parse {
    /// The escape character in force, a backslash or a backtick.
    pub escape: char,
    /// Parser directives at the top of the file.
    pub directives: Vec<Directive>,
    /// The instructions, in order.
    pub instructions: Vec<Instruction>,
    /// Every comment line outside heredocs (directives and those inside instructions included), without its newline.
    pub comments: Vec<Span>,
    /// What BuildKit refuses, by place.
    pub errors: Vec<SyntaxError>,
}

/// Parses a file into its typed views. Never fails; see [`Parse::errors`].
#[must_use]
pub fn parse(source: &Source) -> Parse {
    views(parser::parse(source, false))
}

/// Parses a file into its typed views and its lossless tree, which takes a few times as long.
#[must_use]
pub fn parse_tree(source: &Source) -> (Parse, Tree<'_>) {
    let mut parsed = parser::parse(source, true);
    let green = parsed.green.take().unwrap_or_else(|| rowan::GreenNodeBuilder::new().finish());
    (views(parsed), Tree { source, green })
}

fn views(parsed: parser::Parsed) -> Parse {
    let parser::Parsed { escape, directives, instructions, comments, mut errors, .. } = parsed;
    validate::instructions(&instructions, &mut errors);
    errors.sort_by_key(|error| error.span);
    Parse { escape, directives, instructions, comments, errors }
}

/// The lossless tree of a file: its tokens, put together, are the file.
#[derive(Debug)]
pub struct Tree<'a> {
    source: &'a Source,
    green: rowan::GreenNode,
}

impl Tree<'_> {
    /// The file's bytes, put together again from the tokens: equal to what was parsed, byte for byte.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.source.bytes().len());
        for token in Node::new_root(self.green.clone()).descendants_with_tokens() {
            let Some(token) = token.into_token() else { continue };
            // Bytes that aren't UTF-8 stand in the tree as one-byte marks; the file still has them.
            if self.source.invalid().is_empty() {
                bytes.extend_from_slice(token.text().as_bytes());
            } else {
                let range = token.text_range();
                bytes.extend_from_slice(&self.source.bytes()[range.start().into()..range.end().into()]);
            }
        }
        bytes
    }

    /// The tree as indented text: a line for each node and token, with its range.
    #[must_use]
    pub fn dump(&self) -> String {
        dump::tree(&Node::new_root(self.green.clone()))
    }
}

impl Parse {
    /// The s-expressions that BuildKit's own parser dumps.
    #[must_use]
    pub fn dump_buildkit(&self) -> String {
        dump::buildkit(&self.instructions)
    }
}

/// Whether a blank line stands between the lines of an instruction, which BuildKit will refuse one day.
#[must_use]
pub fn has_empty_continuation(instruction: &Instruction) -> bool {
    // Blank lines behind the last argument belong to the instruction for BuildKit too: it reads on for the next line.
    instruction.gaps.iter().any(|gap| gap.kind == ast::GapKind::Blank)
}
