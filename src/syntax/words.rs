//! How an instruction's joined line is split. Every range is one of byte offsets in that line.

use std::ops::Range;

/// White space at which BuildKit splits keywords and plain arguments. A newline can't occur in a joined line.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// The range of `text` without white space at its ends, shifted by `at`.
pub(super) fn trimmed(text: &str, at: usize) -> Range<usize> {
    let start = text.len() - text.trim_start().len();
    let end = start + text[start..].trim_end().len();
    at + start..at + end
}

/// Splits at the first run of blanks.
pub(super) fn split_once(text: &str) -> Option<(Range<usize>, Range<usize>)> {
    let end = text.find(is_blank)?;
    let rest = text[end..].trim_start_matches(is_blank);
    Some((0..end, text.len() - rest.len()..text.len()))
}

/// Splits at runs of blanks; quotes mean nothing here.
pub(super) fn blank_separated(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut inside = false;
    for (at, c) in text.char_indices() {
        if is_blank(c) {
            if inside {
                words.push(start..at);
            }
            inside = false;
        } else if !inside {
            inside = true;
            start = at;
        }
    }
    if inside {
        words.push(start..text.len());
    }
    words
}

/// Splits at white space outside quotes, as for `name=value` lists. Quotes and escapes stay in the words; an escape
/// character that ends the line is left out of the last word.
pub(super) fn quoted(text: &str, escape: char) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut quote = None;
    let mut start = None;
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        if start.is_none() {
            if c.is_whitespace() {
                continue;
            }
            start = Some(at);
        }
        match quote {
            None if c.is_whitespace() => {
                words.extend(start.take().map(|start| start..at));
                continue;
            }
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        if c == escape && quote != Some('\'') && characters.next().is_none() {
            words.extend(start.take().map(|start| start..at).filter(|word| !word.is_empty()));
        }
    }
    words.extend(start.map(|start| start..text.len()));
    words
}

/// The `--flags` at the start of `text`, and where the rest begins. `--` ends them and is left out.
pub(super) fn flags(text: &str, escape: char) -> (Vec<Range<usize>>, usize) {
    let mut flags = Vec::new();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        if !text[at..].starts_with("--") {
            return (flags, at);
        }
        let end = at + flag_length(&text[at..], escape);
        if unquoted(&text[at..end], escape) == "--" {
            return (flags, end);
        }
        flags.push(at..end);
        at = end;
    }
}

/// Length of the flag that `text` starts with: to the first white space outside quotes.
fn flag_length(text: &str, escape: char) -> usize {
    let mut quote = None;
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match quote {
            None if c.is_whitespace() => return at,
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == escape => {
                characters.next();
            }
            _ => {}
        }
    }
    text.len()
}

/// A flag without its quotes and escapes; inside flags an escape works in both kinds of quotes.
pub(super) fn unquoted(text: &str, escape: char) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match quote {
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == escape => plain.extend(characters.next()),
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<'a>(text: &'a str, ranges: &[Range<usize>]) -> Vec<&'a str> {
        ranges.iter().map(|range| &text[range.clone()]).collect()
    }

    #[test]
    fn quoted_words_keep_quotes_and_escapes() {
        for (text, expected) in [
            ("a=b c=\"d e\" f='g h'", vec!["a=b", "c=\"d e\"", "f='g h'"]),
            ("a\\ b c", vec!["a\\ b", "c"]),
            ("\"a\\\" b\" c", vec!["\"a\\\" b\"", "c"]),
            ("'a\\' b", vec!["'a\\'", "b"]),
            ("a\\", vec!["a"]),
            ("a \\", vec!["a"]),
            ("\"open a", vec!["\"open a"]),
        ] {
            assert_eq!(texts(text, &quoted(text, '\\')), expected, "{text}");
        }
    }

    #[test]
    fn flags_end_at_the_first_other_word() {
        let text = "--a=1 --b=\"x y\"  rest --c";
        let (found, rest) = flags(text, '\\');
        assert_eq!(texts(text, &found), ["--a=1", "--b=\"x y\""]);
        assert_eq!(&text[rest..], "rest --c");
        assert_eq!(flags("-- --a", '\\'), (vec![], 2));
        assert_eq!(unquoted("--b=\"x y\\\"\"", '\\'), "--b=x y\"");
    }
}
