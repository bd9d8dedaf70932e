//! Parser directives: `# syntax=…`, `# escape=…`, `# check=…` at the top of a file, before anything else.

use super::Directive;
use super::json;
use super::logical::Line;
use crate::text::Span;

/// Reads comment lines as directives until one is none.
#[derive(Default)]
pub(super) struct Directives {
    pub(super) found: Vec<Directive>,
    done: bool,
}

/// What a line came to.
pub(super) enum Outcome {
    /// No directive.
    None,
    /// A directive, now the last of `found`.
    Found,
    /// A directive that was there already.
    Repeated(String),
}

impl Directives {
    /// Looks at a line without its white space in front and its newline.
    pub(super) fn line(&mut self, text: &str, span: Span, comment: &str) -> Outcome {
        if self.done {
            return Outcome::None;
        }
        let Some((name, value)) = text.strip_prefix(comment).and_then(parse) else {
            self.done = true;
            return Outcome::None;
        };
        if self.found.iter().any(|directive| directive.name == name) {
            return Outcome::Repeated(name);
        }
        self.found.push(Directive { name, value: value.to_owned(), span });
        Outcome::Found
    }
}

fn parse(comment: &str) -> Option<(String, &str)> {
    let (name, value) = comment.trim_start().split_once('=')?;
    let name = name.trim_end_matches(is_regex_space).to_ascii_lowercase();
    let value = value.trim_matches(is_regex_space);
    (matches!(name.as_str(), "syntax" | "escape" | "check") && !value.is_empty()).then_some((name, value))
}

/// `\s` of Go's regular expressions.
fn is_regex_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{c}' | '\r')
}

/// A directive found by [`detect`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Detected {
    /// The value up to the first blank: an image reference, for `syntax`.
    pub reference: String,
    /// The whole value.
    pub value: String,
    /// Line, from 1.
    pub line: u32,
}

/// Finds a directive the way BuildKit does before it knows the language of a file: a shebang line is skipped; for
/// `syntax` (`any_format`), `//syntax=` lines and a JSON object with that key count too.
#[must_use]
pub fn detect(name: &str, file: &str, any_format: bool) -> Option<Detected> {
    let file = file.strip_prefix('\u{feff}').unwrap_or(file);
    let (file, shebang) = match file.starts_with("#!") {
        true => (&file[Line::at(file, 0).end..], 1),
        false => (file, 0),
    };
    let comments: &[&str] = if any_format { &["#", "//"] } else { &["#"] };
    for comment in comments {
        if let Some((line, value)) = in_comments(name, file, comment) {
            return Some(detected(value, line + shebang));
        }
    }
    if !any_format {
        return None;
    }
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(file).ok()?;
    Some(detected(object.get(name)?.as_str()?.to_owned(), shebang))
}

fn detected(value: String, line: u32) -> Detected {
    Detected { reference: value.split(' ').next().unwrap_or("").to_owned(), value, line }
}

fn in_comments(name: &str, file: &str, comment: &str) -> Option<(u32, String)> {
    let mut directives = Directives::default();
    let mut at = 0;
    for number in 1.. {
        if at >= file.len() {
            break;
        }
        let line = Line::at(file, at);
        match directives.line(line.text(file), Span::default(), comment) {
            Outcome::Found => {}
            Outcome::None | Outcome::Repeated(_) => break,
        }
        if let Some(directive) = directives.found.last().filter(|directive| directive.name == name) {
            return Some((number, directive.value.clone()));
        }
        at = line.end;
    }
    None
}

/// Whether `text` is a JSON array in exec form: its strings, or `None`.
#[must_use]
pub fn json_array(text: &str) -> Option<Vec<String>> {
    match json::array(text) {
        json::Array::Strings(ranges) => Some(ranges.into_iter().map(|range| json::decode(&text[range])).collect()),
        _ => None,
    }
}
