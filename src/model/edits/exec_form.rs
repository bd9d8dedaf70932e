//! Texts that were meant as exec form but are no JSON, so that the builder takes them for something else.

use crate::syntax::ast::{Arguments, Keyword};
use crate::text::{Edit, Source, Span, apply};

use crate::model::{Dockerfile, Instruction};

/// What keeps a text from being a JSON array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// Quotes that JSON doesn't know: single or typographic ones.
    Quotes,
    /// A comma behind the last string.
    Comma,
    /// No comma between two strings.
    Missing,
    /// No closing bracket.
    Open,
    /// Anything else: words without quotes.
    Other,
}

/// A text that was meant as exec form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlmostExec {
    /// Where it stands.
    pub span: Span,
    /// The first thing wrong with it.
    pub flaw: Flaw,
    /// What makes a JSON array of it, if that is plain.
    pub mended: Option<Mended>,
}

/// How a JSON array is made of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mended {
    /// The edits.
    pub edits: Vec<Edit>,
    /// The names of the commands that the array is, for instructions that run it.
    pub commands: Vec<String>,
}

impl Dockerfile {
    /// The text of an instruction that was meant as exec form and isn't one.
    #[must_use]
    pub fn almost_exec(&self, instruction: &Instruction) -> Option<AlmostExec> {
        let ast = instruction.effective();
        let arguments = match &ast.arguments {
            Arguments::Health(_, command) => &**command,
            arguments => arguments,
        };
        let span = match arguments {
            Arguments::Shell(text) => text.span,
            Arguments::Words(words) if matches!(ast.keyword, Keyword::Copy | Keyword::Add | Keyword::Volume) => {
                words.first()?.span.cover(words.last()?.span)
            }
            _ => return None,
        };
        let text = self.text(span);
        if !text.starts_with('[') || !ast.heredocs.is_empty() || ast.gaps.iter().any(|gap| span.contains(gap.span)) {
            return None;
        }
        let scanned = scan(text);
        // In a RUN, `[` is a command as well, and words without quotes are its arguments.
        let is_test = matches!(ast.keyword, Keyword::Run | Keyword::Healthcheck);
        match scanned {
            Some(scanned) if scanned.strings > 1 || !is_test => {
                let flaw = scanned.flaw?;
                let mended = scanned.edits.and_then(|edits| mend(text, span, &edits, ast.keyword));
                Some(AlmostExec { span, flaw, mended })
            }
            None if !is_test
                && text.ends_with(']')
                && !text.starts_with("[ ")
                && !text.contains(['$', '&', ';', '|']) =>
            {
                Some(AlmostExec { span, flaw: Flaw::Other, mended: None })
            }
            _ => None,
        }
    }
}

/// The edits moved to their place in the file, if they make a JSON array of strings of the text.
fn mend(text: &str, span: Span, edits: &[Edit], keyword: Keyword) -> Option<Mended> {
    let after = apply(text, edits).ok()?;
    let file = Dockerfile::new("-", Source::from(format!("CMD {after}\n").as_str()));
    let [instruction] = &file.instructions[..] else { return None };
    let Arguments::Exec(words) = &instruction.ast.arguments else { return None };
    if words.iter().any(|word| word.text.is_empty()) {
        return None;
    }
    let runs = matches!(keyword, Keyword::Run | Keyword::Cmd | Keyword::Entrypoint | Keyword::Healthcheck);
    let commands = if runs { instruction.command_names().map(str::to_owned).collect() } else { Vec::new() };
    let at = |offset: u32| span.start + offset;
    let moved = |edit: &Edit| Edit::replace(Span::new(at(edit.span.start), at(edit.span.end)), edit.text.clone());
    Some(Mended { edits: edits.iter().map(moved).collect(), commands })
}

/// What a text that starts with `[` comes to as a list of quoted strings.
struct Scanned {
    strings: usize,
    flaw: Option<Flaw>,
    /// What has to be done, if it is plain: a quoted string may hold what JSON reads differently.
    edits: Option<Vec<Edit>>,
}

/// Reads `['a', 'b']` in whatever quotes; `None` where it isn't a list of quoted strings to its end.
fn scan(text: &str) -> Option<Scanned> {
    let mut edits = Vec::new();
    let mut plain = true;
    let mut flaw = None;
    let mut strings = 0;
    let mut comma: Option<usize> = None;
    let mut at = 1;
    let blank = |at: usize| at + text[at..].len() - text[at..].trim_start().len();
    let replace = |from: usize, to: usize, with: &str| Edit::replace(Span::new(from as u32, to as u32), with);
    loop {
        at = blank(at);
        let Some(c) = text[at..].chars().next() else {
            // The end without a bracket.
            flaw.get_or_insert(Flaw::Open);
            let end = text.trim_end().len();
            if let Some(comma) = comma {
                edits.push(replace(comma, comma + 1, ""));
            }
            edits.push(replace(end, end, "]"));
            break;
        };
        if c == ']' {
            if let Some(comma) = comma {
                flaw.get_or_insert(Flaw::Comma);
                edits.push(replace(comma, comma + 1, ""));
            }
            if !text[at + 1..].trim().is_empty() {
                return None;
            }
            break;
        }
        let closers: &[char] = match c {
            '"' => &['"'],
            '\'' => &['\''],
            '“' | '”' => &['“', '”'],
            '‘' | '’' => &['‘', '’'],
            _ => return None,
        };
        if strings > 0 && comma.is_none() {
            flaw.get_or_insert(Flaw::Missing);
            let end = text[..at].trim_end().len();
            // `"a""b"` is one word to a shell, so it isn't clear that two were meant.
            if end == at {
                return None;
            }
            edits.push(replace(end, end, ","));
        }
        comma = None;
        let start = at + c.len_utf8();
        let end = start + string_end(&text[start..], closers)?;
        let close = text[end..].chars().next()?;
        if c != '"' {
            flaw.get_or_insert(Flaw::Quotes);
            edits.push(replace(at, start, "\""));
            for (offset, _) in text[start..end].match_indices('"') {
                edits.push(replace(start + offset, start + offset, "\\"));
            }
            plain &= !text[start..end].contains('\\');
            edits.push(replace(end, end + close.len_utf8(), "\""));
        }
        strings += 1;
        at = blank(end + close.len_utf8());
        if text[at..].starts_with(',') {
            comma = Some(at);
            at += 1;
        }
    }
    (strings > 0).then_some(Scanned { strings, flaw, edits: plain.then_some(edits) })
}

/// Where a string ends: the offset of its closing quote.
fn string_end(text: &str, closers: &[char]) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if closers == ['"'] => escaped = true,
            c if closers.contains(&c) => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(text: &str) -> Option<(String, Vec<String>)> {
        let file = Dockerfile::new("-", Source::from(text));
        let mended = file.almost_exec(file.instructions.last()?)?.mended?;
        Some((apply(text, &mended.edits).ok()?, mended.commands))
    }

    #[test]
    fn texts_that_are_almost_exec_form_are_mended() {
        for (before, after, commands) in [
            ("CMD ['a', 'b c']", "CMD [\"a\", \"b c\"]", &["a"][..]),
            ("CMD ['sh','-c','b | c']", "CMD [\"sh\",\"-c\",\"b | c\"]", &["sh", "b", "c"]),
            ("CMD [\"a\", \"b\",]", "CMD [\"a\", \"b\"]", &["a"]),
            ("CMD [\"a\" \"b\"]", "CMD [\"a\", \"b\"]", &["a"]),
            ("CMD [ 'a', 'b', ", "CMD [ \"a\", \"b\"] ", &["a"]),
            ("CMD ['\"a\"']", "CMD [\"\\\"a\\\"\"]", &["\"a\""]),
            ("VOLUME [’/a‘]", "VOLUME [\"/a\"]", &[]),
        ] {
            let commands = commands.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(mended(before), Some((after.to_owned(), commands)), "{before}");
        }
    }

    #[test]
    fn other_texts_are_not() {
        for text in [
            "CMD [\"a\"]",
            "CMD [a]",
            "CMD []",
            "CMD ['']",
            "CMD ['a'] b",
            "CMD [\"a\\q\"]",
            "CMD ['a\\n']",
            "CMD ['a']b']",
            "CMD ['a",
            "CMD [",
            "RUN [ 'a' ]",
            "RUN ['a' = 'b']",
            "COPY [ab]c d",
        ] {
            assert_eq!(mended(text), None, "{text}");
        }
    }
}
