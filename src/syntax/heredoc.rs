//! Heredocs: which words open one, and where their bodies end. Source: moby/buildkit's Dockerfile parser, which uses its
//! own word splitter here, always with the backslash as the escape character.

use crate::text::Span;

use super::ast::Heredoc;
use super::expand::{Env, ExpandError, Lexer};
use super::logical::Line;

/// Heredoc names are lexed with every variable unset.
struct NoVariables;

impl Env for NoVariables {
    fn get(&self, _: &str) -> Option<std::borrow::Cow<'_, str>> {
        None
    }
}

/// A word that opens a heredoc.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opener {
    /// The terminator.
    pub name: String,
    /// File descriptor in front of `<<`.
    pub descriptor: u32,
    /// Whether no part of the name is quoted.
    pub expand: bool,
    /// Whether it is `<<-`.
    pub chomp: bool,
    /// Whether blanks stand between `<<-` and the name. BuildKit means to take that (its test lists it, but compares
    /// nothing) and does not: it sees no heredoc, and refuses the body's lines as unknown instructions.
    pub apart: bool,
}

/// Reads one word such as `<<EOF`, `3<<-"EOF"`; `None` where it opens no heredoc.
///
/// # Errors
/// When the name has a quote that is never closed.
pub fn opener(word: &str) -> Result<Option<Opener>, ExpandError> {
    let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let Some(rest) = word[digits..].strip_prefix("<<") else { return Ok(None) };
    let (chomp, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    let rest = rest.trim_start_matches([' ', '\t', '\n', '\u{c}', '\r']);
    if rest.is_empty() || rest.contains('<') {
        return Ok(None);
    }
    let plain = Lexer { skip_unset: true, ..Lexer::new('\\') };
    let raw = Lexer { raw_quotes: true, ..plain };
    let ([name], [quoted]) = (&plain.words(rest, &NoVariables)?.words[..], &raw.words(rest, &NoVariables)?.words[..])
    else {
        return Ok(None);
    };
    let quotes = |text: &str| text.matches(['\'', '"']).count();
    Ok(Some(Opener {
        name: name.clone(),
        descriptor: word[..digits].parse().unwrap_or(0),
        expand: quotes(name) == quotes(quoted),
        chomp,
        apart: false,
    }))
}

/// The heredocs that a joined line opens, in order.
///
/// # Errors
/// When a word looks like an opener but its name is not well-formed.
pub fn openers(line: &str) -> Result<Vec<Opener>, ExpandError> {
    let lexer = Lexer { raw_quotes: true, raw_escapes: true, skip_unset: true, ..Lexer::new('\\') };
    // A line that the word splitter can't read opens no heredoc for BuildKit.
    let words = lexer.words(line, &NoVariables).map(|expansion| expansion.words).unwrap_or_default();
    let mut openers = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if word.trim_start_matches(|c: char| c.is_ascii_digit()) == "<<-"
            && let Some(name) = words.next_if(|name| !name.contains('<'))
        {
            openers.extend(opener(&format!("{word}{name}"))?.map(|opener| Opener { apart: true, ..opener }));
        } else {
            openers.extend(opener(word)?);
        }
    }
    Ok(openers)
}

/// Cuts the tabs at the start of each line, as `<<-` asks for.
#[must_use]
pub fn chomp(content: &str) -> String {
    content.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect()
}

/// Whether a line from `start` on ends the heredoc.
pub(super) fn is_closed(file: &str, start: usize, opener: &Opener) -> bool {
    !body(file, start, opener.clone()).0.terminator.is_empty()
}

/// Finds the body that `opener` asks for from `start`, the start of a line; the second value is where the next line
/// starts. Where the terminator is missing, BuildKit refuses the file; the body then ends in front of the next line that
/// reads like an instruction, so that the damage stays small, and the terminator is empty.
pub(super) fn body(file: &str, start: usize, opener: Opener) -> (Heredoc, usize) {
    let heredoc = |content_end: usize, terminator: Span| Heredoc {
        name: opener.name.clone(),
        descriptor: opener.descriptor,
        expand: opener.expand,
        chomp: opener.chomp,
        content: Span::new(start as u32, content_end as u32),
        terminator,
    };
    let mut next_instruction = None;
    let mut at = start;
    while at < file.len() {
        let line = Line::at(file, at);
        let text = line.text(file);
        let candidate = if opener.chomp { text.trim_start_matches('\t') } else { text };
        if candidate == opener.name {
            return (heredoc(at, Span::new(at as u32, line.text_end as u32)), line.end);
        }
        if next_instruction.is_none() && reads_like_an_instruction(text) {
            next_instruction = Some(at);
        }
        at = line.end;
    }
    let end = next_instruction.unwrap_or(file.len());
    (heredoc(end, Span::at(end as u32)), end)
}

fn reads_like_an_instruction(line: &str) -> bool {
    let word = line.split(super::words::is_blank).next().unwrap_or("");
    word.len() < line.len()
        && word.bytes().all(|byte| byte.is_ascii_uppercase())
        && super::ast::Keyword::of(word) != super::ast::Keyword::Unknown
}
