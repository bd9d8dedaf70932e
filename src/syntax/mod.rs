//! Dockerfile text ⇄ lossless tree with typed views. Knows no semantics: no stages, no variables in force, no shell.
//!
//! Parsing never fails: it yields a tree and errors, and an error costs the instruction it is in, nothing else.

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
use kind::{Kind, Node};

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

/// A parsed file.
#[derive(Debug)]
pub struct Parse {
    green: rowan::GreenNode,
    /// The escape character in force, a backslash or a backtick.
    pub escape: char,
    /// Parser directives at the top of the file.
    pub directives: Vec<Directive>,
    /// The instructions, in order.
    pub instructions: Vec<Instruction>,
    /// What BuildKit refuses, by place.
    pub errors: Vec<SyntaxError>,
}

/// Parses a file. Never fails; see [`Parse::errors`].
#[must_use]
pub fn parse(source: &Source) -> Parse {
    let parser::Parsed { green, escape, directives, mut errors } = parser::parse(source);
    let instructions = views::instructions(&Node::new_root(green.clone()), escape);
    validate::instructions(&instructions, &mut errors);
    errors.sort_by_key(|error| error.span);
    Parse { green, escape, directives, instructions, errors }
}

impl Parse {
    /// Every comment line outside heredocs (directives and those inside instructions included), without its newline.
    #[must_use]
    pub fn comments(&self) -> Vec<Span> {
        let tokens = Node::new_root(self.green.clone());
        let tokens = tokens.descendants_with_tokens().filter_map(rowan::NodeOrToken::into_token);
        let comments = tokens.filter(|token| token.kind() == Kind::Comment);
        comments
            .map(|token| {
                let text = token.text();
                let start = u32::from(token.text_range().start()) + (text.len() - text.trim_start().len()) as u32;
                Span::new(start, start + text.trim().len() as u32)
            })
            .collect()
    }

    /// The file's bytes, put together again from the tree's tokens: equal to what was parsed, byte for byte.
    #[must_use]
    pub fn bytes(&self, source: &Source) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(source.bytes().len());
        for token in Node::new_root(self.green.clone()).descendants_with_tokens() {
            let Some(token) = token.into_token() else { continue };
            let span = views::span(token.text_range());
            // Bytes that aren't UTF-8 stand in the tree as one-byte marks; the file still has them.
            if source.invalid().is_empty() {
                bytes.extend_from_slice(token.text().as_bytes());
            } else {
                bytes.extend_from_slice(&source.bytes()[span.range()]);
            }
        }
        bytes
    }

    /// The tree as indented text: a line for each node and token, with its range.
    #[must_use]
    pub fn dump_tree(&self) -> String {
        dump::tree(&Node::new_root(self.green.clone()))
    }

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
