//! The JSON arrays of exec form, with the place of each string. Source: RFC 8259, as Go's `encoding/json` reads it.

use std::ops::Range;

/// What a text that starts with `[` comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Array {
    /// An array of strings: their ranges, quotes included.
    Strings(Vec<Range<usize>>),
    /// A JSON array with something else in it, which BuildKit refuses.
    Mixed,
    /// No JSON; BuildKit takes it as shell form.
    No,
}

/// Nesting that Go's decoder allows.
const DEPTH: usize = 10_000;

/// Reads `text`, which may start with white space.
pub(super) fn array(text: &str) -> Array {
    let mut scan = Scan { text: text.as_bytes(), at: text.len() - text.trim_start().len() };
    if scan.peek() != Some(b'[') {
        return Array::No;
    }
    // Go skips Unicode white space before the bracket itself, then holds to JSON's own.
    match scan.strings() {
        Some((strings, mixed)) => {
            scan.skip_white_space();
            match (scan.peek(), mixed) {
                (Some(_), _) => Array::No,
                (None, true) => Array::Mixed,
                (None, false) => Array::Strings(strings),
            }
        }
        None => Array::No,
    }
}

/// The text of a JSON string, quotes included in `literal`, which [`array`] has found well-formed.
pub(super) fn decode(literal: &str) -> String {
    let inner = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(literal);
    if !inner.contains('\\') {
        return inner.to_owned();
    }
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match characters.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => text.push(unicode_escape(&mut characters)),
            Some(other) => text.push(other),
            None => {}
        }
    }
    text
}

/// The character of a `\u` escape; a surrogate without its partner becomes U+FFFD, as in Go.
fn unicode_escape(characters: &mut std::str::Chars<'_>) -> char {
    let first = hex4(characters).unwrap_or(0xfffd);
    if (0xd800..0xdc00).contains(&first) {
        let mut ahead = characters.clone();
        if ahead.next() == Some('\\')
            && ahead.next() == Some('u')
            && let Some(second @ 0xdc00..0xe000) = hex4(&mut ahead)
        {
            *characters = ahead;
            return char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).unwrap_or('\u{fffd}');
        }
    }
    char::from_u32(first).unwrap_or('\u{fffd}')
}

fn hex4(characters: &mut std::str::Chars<'_>) -> Option<u32> {
    let digits = characters.as_str().get(..4)?;
    let value = u32::from_str_radix(digits, 16).ok()?;
    characters.nth(3);
    Some(value)
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The elements of the outermost array; whether one is not a string.
    fn strings(&mut self) -> Option<(Vec<Range<usize>>, bool)> {
        self.eat(b'[');
        let mut strings = Vec::new();
        let mut mixed = false;
        self.skip_white_space();
        if self.eat(b']') {
            return Some((strings, mixed));
        }
        loop {
            self.skip_white_space();
            if self.peek() == Some(b'"') {
                let start = self.at;
                self.string()?;
                strings.push(start..self.at);
            } else {
                self.other_value()?;
                mixed = true;
            }
            self.skip_white_space();
            if self.eat(b']') {
                return Some((strings, mixed));
            }
            self.eat(b',').then_some(())?;
        }
    }

    /// A string, from its opening to its closing quote.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => {
                    self.at += 1;
                    match self.peek()? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                        b'u' => {
                            let digits = self.text.get(self.at + 1..self.at + 5)?;
                            digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                            self.at += 5;
                        }
                        _ => return None,
                    }
                }
                // U+001A also stands for bytes that aren't UTF-8, which Go accepts; a real one is too rare to matter.
                0..=0x19 | 0x1b..=0x1f => return None,
                _ => self.at += 1,
            }
        }
    }

    /// Any other value, without recursion: brackets are counted, so depth costs no stack.
    fn other_value(&mut self) -> Option<()> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.skip_white_space();
            match self.peek()? {
                bracket @ (b'[' | b'{') => {
                    self.at += 1;
                    open.push(bracket);
                    if open.len() > DEPTH {
                        return None;
                    }
                    self.skip_white_space();
                    let close = if bracket == b'[' { b']' } else { b'}' };
                    if !self.eat(close) {
                        self.key(bracket)?;
                        continue;
                    }
                    open.pop();
                }
                b'"' => self.string()?,
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => self.number()?,
            }
            loop {
                let Some(&bracket) = open.last() else { return Some(()) };
                self.skip_white_space();
                if self.eat(b',') {
                    self.key(bracket)?;
                    break;
                }
                self.eat(if bracket == b'[' { b']' } else { b'}' }).then_some(())?;
                open.pop();
            }
        }
    }

    /// The key and colon in front of an object's value.
    fn key(&mut self, bracket: u8) -> Option<()> {
        if bracket == b'[' {
            return Some(());
        }
        self.skip_white_space();
        (self.peek() == Some(b'"')).then_some(())?;
        self.string()?;
        self.skip_white_space();
        self.eat(b':').then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_arrays_of_strings_are_exec_form() {
        assert_eq!(array(" [ \"a\", \"b\" ] "), Array::Strings(vec![3..6, 8..11]));
        assert_eq!(array("[]"), Array::Strings(vec![]));
        for mixed in ["[1]", "[\"a\", [\"b\"]]", "[{\"a\": [1, {}], \"b\": null}]", "[-1.5e+3, true]", "[[],[[]]]"] {
            assert_eq!(array(mixed), Array::Mixed, "{mixed}");
        }
        for no in
            ["", "a", "[", "[\"a\"", "[\"a\",]", "['a']", "[ -f x ]", "[\"a\"] b", "[01]", "[\"\\x\"]", "[\"a\tb\"]"]
        {
            assert_eq!(array(no), Array::No, "{no}");
        }
        assert_eq!(array(&"[".repeat(1_000_000)), Array::No);
    }

    #[test]
    fn escapes_are_decoded_as_go_does() {
        assert_eq!(decode(r#""\u0041\n\/\"""#), "A\n/\"");
        assert_eq!(decode(r#""\ud834\udd1e""#), "𝄞");
        assert_eq!(decode(r#""\ud834x""#), "\u{fffd}x");
        assert_eq!(decode(r#""\ud834\u0041""#), "\u{fffd}A");
    }
}
