//! Words of PowerShell: quotes, escapes, variables, brackets.

use super::{MAX_AHEAD, Reader};
use crate::shell::{Nesting, Part, Word};

/// A bracketed piece of a word.
pub(super) struct Inner {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) nesting: Nesting,
}

impl Reader<'_> {
    /// Reads up to a blank or separator outside quotes and brackets.
    pub(super) fn word(&mut self, inner: &mut Vec<Inner>) -> Word {
        let start = self.at;
        let mut text = Text::default();
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b')' | b'}' => break,
                b'&' if self.bytes.get(self.at + 1) == Some(&b'&') => break,
                b'>' if self.at > start => break,
                b'`' => {
                    self.at += 1;
                    if matches!(self.peek(), None | Some(b'\n' | b'\r')) {
                        self.at -= 1;
                        break;
                    }
                    self.character(&mut text);
                }
                b'\'' => self.single(&mut text),
                b'"' => self.double(&mut text, inner),
                b'@' if matches!(self.bytes.get(self.at + 1), Some(b'\'' | b'"')) => self.here_string(&mut text, inner),
                b'@' if matches!(self.bytes.get(self.at + 1), Some(b'(' | b'{')) => {
                    self.at += 1;
                    self.bracket(&mut text, inner, self.at - 1, Nesting::Substitution);
                }
                b'(' => self.bracket(&mut text, inner, self.at, Nesting::Substitution),
                b'{' => self.bracket(&mut text, inner, self.at, Nesting::Argument),
                b'$' => self.dollar(&mut text, inner),
                _ => self.character(&mut text),
            }
        }
        let span = self.source.span(start, self.at);
        let (text, parts) = text.finish();
        Word { span, text, parts }
    }

    /// Takes `(…)` or `{…}` over as written, from `from` on.
    pub(super) fn bracket(&mut self, text: &mut Text, inner: &mut Vec<Inner>, from: usize, nesting: Nesting) {
        let end = self.balanced(self.at);
        inner.push(Inner { start: self.at + 1, end: self.inside(self.at + 1, end), nesting });
        text.expand(self.source.text.get(from..end).unwrap_or(""), Part::Substitution);
        self.at = end;
    }

    pub(super) fn dollar(&mut self, text: &mut Text, inner: &mut Vec<Inner>) {
        let start = self.at;
        match self.bytes.get(self.at + 1).filter(|_| self.at + 1 < self.end) {
            Some(b'(') => {
                self.at += 1;
                self.bracket(text, inner, start, Nesting::Substitution);
            }
            Some(b'{') => {
                self.at = self.balanced(self.at + 1);
                let name = self.source.text.get(start + 2..self.inside(start + 2, self.at)).unwrap_or("").to_owned();
                text.expand(self.source.text.get(start..self.at).unwrap_or(""), Part::Variable(name));
            }
            Some(byte) if byte.is_ascii_alphanumeric() || *byte == b'_' => {
                let rest = &self.bytes[start + 1..self.end];
                let mut length = 0;
                while let Some(&byte) = rest.get(length) {
                    // `$env:NAME`, but not the colon of `$x:`.
                    let scope = byte == b':'
                        && rest.get(length + 1).is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_');
                    if !(byte.is_ascii_alphanumeric() || byte == b'_' || scope) {
                        break;
                    }
                    length += 1;
                }
                self.at = start + 1 + length;
                let name = self.source.text.get(start + 1..self.at).unwrap_or("").to_owned();
                text.expand(self.source.text.get(start..self.at).unwrap_or(""), Part::Variable(name));
            }
            _ => self.character(text),
        }
    }

    pub(super) fn single(&mut self, text: &mut Text) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            if byte == b'\'' {
                self.at += 1;
                if self.peek() != Some(b'\'') {
                    return;
                }
            }
            self.character(text);
        }
        self.clean = false;
    }

    pub(super) fn double(&mut self, text: &mut Text, inner: &mut Vec<Inner>) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    if self.peek() != Some(b'"') {
                        return;
                    }
                    self.character(text);
                }
                b'`' => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'n') => text.escaped('\n'),
                        Some(b't') => text.escaped('\t'),
                        Some(b'r') => text.escaped('\r'),
                        Some(b'0') => text.escaped('\0'),
                        _ => {
                            self.character(text);
                            continue;
                        }
                    }
                    self.at += 1;
                }
                b'$' => self.dollar(text, inner),
                _ => self.character(text),
            }
        }
        self.clean = false;
    }

    /// `@'⏎…⏎'@` and `@"⏎…⏎"@`.
    pub(super) fn here_string(&mut self, text: &mut Text, inner: &mut Vec<Inner>) {
        let quote = self.bytes[self.at + 1];
        self.at += 2;
        while let Some(byte) = self.peek() {
            if byte == quote && self.bytes.get(self.at + 1) == Some(&b'@') {
                self.at += 2;
                return;
            }
            if byte == b'$' && quote == b'"' { self.dollar(text, inner) } else { self.character(text) }
        }
        self.clean = false;
    }

    /// Where the inside of brackets ends that starts at `start` and whose `balanced` is `end`: in front of the closing
    /// one, if there is one.
    pub(super) fn inside(&self, start: usize, end: usize) -> usize {
        let closed = end > start && matches!(self.bytes[end - 1], b')' | b'}' | b']');
        end.saturating_sub(usize::from(closed)).max(start)
    }

    /// `balanced` for looking ahead: not far, and without a verdict.
    pub(super) fn ahead(&self, open: usize) -> usize {
        Reader { end: self.end.min(open + MAX_AHEAD), ..*self }.balanced(open)
    }

    /// The offset behind the bracket that closes the one at `open`, strings and comments heeded; the end where none
    /// does.
    pub(super) fn balanced(&mut self, open: usize) -> usize {
        let mut depth = 0_u32;
        let mut at = open;
        while at < self.end {
            match self.bytes[at] {
                b'(' | b'{' | b'[' => depth += 1,
                b')' | b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at + 1;
                    }
                }
                b'`' => at += 1,
                b'\'' => at = memchr::memchr(b'\'', &self.bytes[at + 1..self.end]).map_or(self.end, |end| at + 1 + end),
                b'"' => {
                    at += 1;
                    while at < self.end && self.bytes[at] != b'"' {
                        at += 1 + usize::from(self.bytes[at] == b'`');
                    }
                }
                b'<' if self.bytes.get(at + 1) == Some(&b'#') => {
                    at = memchr::memmem::find(&self.bytes[at..self.end], b"#>").map_or(self.end, |end| at + end + 1);
                }
                b'#' if at > 0 && matches!(self.bytes[at - 1], b' ' | b'\t' | b'\n' | b';' | b'{' | b'(') => {
                    at = memchr::memchr(b'\n', &self.bytes[at..self.end]).map_or(self.end, |end| at + end);
                }
                _ => {}
            }
            at += 1;
        }
        self.clean = false;
        self.end
    }

    /// Passes blanks, comments and continuations; newlines and semicolons too where `lines` is set.
    pub(super) fn blanks(&mut self, lines: bool) {
        loop {
            match &self.bytes[self.at.min(self.end)..self.end] {
                [b' ' | b'\t' | b'\r', ..] => self.at += 1,
                [b'\n' | b';', ..] if lines => self.at += 1,
                [b'`', b'\n', ..] => self.at += 2,
                [b'`', b'\r', b'\n', ..] => self.at += 3,
                [b'<', b'#', rest @ ..] => {
                    self.at = memchr::memmem::find(rest, b"#>").map_or(self.end, |end| self.at + 2 + end + 2);
                }
                [b'#', rest @ ..] => self.at = memchr::memchr(b'\n', rest).map_or(self.end, |end| self.at + 1 + end),
                _ => return,
            }
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied().filter(|_| self.at < self.end)
    }

    /// Takes one character over.
    pub(super) fn character(&mut self, text: &mut Text) {
        let start = self.at;
        self.at += 1;
        while self.at < self.end && self.bytes[self.at] & 0xc0 == 0x80 {
            self.at += 1;
        }
        self.at = self.at.min(self.end);
        text.text.push_str(self.source.text.get(start..self.at).unwrap_or(""));
    }
}

/// A word's text and parts while they grow.
#[derive(Default)]
pub(super) struct Text {
    text: String,
    parts: Vec<Part>,
    literal: usize,
}

impl Text {
    fn escaped(&mut self, character: char) {
        self.text.push(character);
    }

    fn expand(&mut self, written: &str, part: Part) {
        self.flush();
        self.text.push_str(written);
        self.parts.push(part);
        self.literal = self.text.len();
    }

    fn flush(&mut self) {
        if let Some(literal) = self.text.get(self.literal..).filter(|literal| !literal.is_empty()) {
            self.parts.push(Part::Literal(literal.to_owned()));
        }
    }

    fn finish(mut self) -> (String, Vec<Part>) {
        if !self.parts.is_empty() {
            self.flush();
        }
        (self.text, self.parts)
    }
}
