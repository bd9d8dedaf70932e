//! Quote removal for POSIX words: POSIX.1-2024, Shell Command Language, 2.2 and 2.6.7, with bash's `$'…'`.
//!
//! Reads the word as it stands in the script. What the shell expands stays as written; only what quotes and escapes
//! say is taken out, and the continuations that Docker takes out.

use crate::shell::source::Source;
use crate::shell::{Part, Word};
use crate::text::Span;

/// How far to look for the end of `[…]` or `{…}`, in bytes, so that a row of open ones takes no square of time.
const MAX_PATTERN: usize = 1024;

/// What came of a word.
#[derive(Default)]
pub(in crate::shell) struct Read {
    pub(in crate::shell) text: String,
    pub(in crate::shell) parts: Vec<Part>,
    /// Pairs of an offset in `text` and the offset in the source from which on the two agree, where wanted.
    pub(in crate::shell) map: Vec<(u32, u32)>,
    /// Where unquoted or double-quoted substitutions stand in the source.
    pub(in crate::shell) substitutions: Vec<(usize, usize)>,
}

/// The word at `start..end` of the source's text, without a continuation at either end.
pub(in crate::shell) fn word(source: &Source<'_>, mut start: usize, mut end: usize) -> Word {
    let Some(raw) = source.text.get(start..end) else { return Word::default() };
    let mut trimmed = raw;
    while let Some(rest) = trimmed.strip_suffix("\\\n") {
        trimmed = rest;
    }
    end = start + trimmed.len();
    while let Some(rest) = trimmed.strip_prefix("\\\n") {
        trimmed = rest;
        start += 2;
    }
    let span = source.span(start, end);
    if !trimmed.bytes().any(is_special) {
        return Word { span, text: trimmed.to_owned(), parts: Vec::new() };
    }
    let Read { text, parts, .. } = read(source, start, end, false);
    Word { span, text, parts }
}

/// Whether a byte means something in an unquoted word.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'\\' | b'\'' | b'"' | b'$' | b'`' | b'*' | b'?' | b'[' | b'{' | b'<' | b'>' | b'\n' | b'(')
}

/// Reads `start..end` of the source's text, with the map where `mapped` is set.
pub(in crate::shell) fn read(source: &Source<'_>, start: usize, end: usize, mapped: bool) -> Read {
    let Some(raw) = source.text.get(..end) else { return Read::default() };
    let mut reader =
        Reader { source, bytes: raw.as_bytes(), at: start, mapped, read: Read::default(), literal: 0, expanded: false };
    reader.unquoted();
    reader.finish()
}

/// Reads `start..end` as the body of a heredoc whose delimiter is not quoted, or the inside of double quotes.
pub(in crate::shell) fn read_quoted(source: &Source<'_>, start: usize, end: usize) -> Read {
    let Some(raw) = source.text.get(..end) else { return Read::default() };
    let mut reader = Reader {
        source,
        bytes: raw.as_bytes(),
        at: start,
        mapped: true,
        read: Read::default(),
        literal: 0,
        expanded: false,
    };
    reader.double_quoted(false);
    reader.finish()
}

struct Reader<'a> {
    source: &'a Source<'a>,
    bytes: &'a [u8],
    at: usize,
    mapped: bool,
    read: Read,
    /// Where in the text the literal part that grows starts.
    literal: usize,
    /// Whether anything in the word is expanded.
    expanded: bool,
}

impl Reader<'_> {
    fn unquoted(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\\' => self.escape(|_| true),
                b'\'' => self.single_quoted(),
                b'"' => {
                    self.at += 1;
                    self.double_quoted(true);
                }
                b'$' if self.peek(1) == Some(b'\'') => self.dollar_quoted(),
                b'$' if self.peek(1) == Some(b'"') => self.at += 1,
                b'$' => self.dollar(),
                b'`' => self.backticks(),
                b'<' | b'>' if self.peek(1) == Some(b'(') => {
                    let end = balanced(self.bytes, self.at + 1);
                    self.expansion(end, Part::Substitution);
                }
                b'*' | b'?' => self.pattern(self.at + 1),
                b'[' => match self.class() {
                    Some(end) => self.pattern(end),
                    None => self.copy(1),
                },
                b'{' => match self.braces() {
                    Some(end) => self.pattern(end),
                    None => self.copy(1),
                },
                _ => self.copy_plain(|byte| !is_special(byte)),
            }
        }
    }

    /// Inside double quotes, up to the closing one where `closed`, else up to the end.
    fn double_quoted(&mut self, closed: bool) {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'"' if closed => {
                    self.at += 1;
                    return;
                }
                b'\\' => self.escape(move |next| matches!(next, b'$' | b'`' | b'\\') || (closed && next == b'"')),
                b'$' => self.dollar(),
                b'`' => self.backticks(),
                _ => self.copy_plain(|byte| !matches!(byte, b'"' | b'\\' | b'$' | b'`')),
            }
        }
    }

    /// A backslash: with a newline nothing at all, with a character that `takes` it that character, else itself.
    fn escape(&mut self, takes: impl Fn(u8) -> bool) {
        match self.peek(1) {
            Some(b'\n') => {
                self.at += 2;
                self.skip_gaps();
            }
            Some(next) if takes(next) => {
                self.at += 1;
                self.copy(1);
            }
            _ => self.copy(1),
        }
    }

    fn single_quoted(&mut self) {
        self.at += 1;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\'' => {
                    self.at += 1;
                    return;
                }
                // Docker takes a continuation out before the shell sees the quotes; in a heredoc there are no gaps.
                b'\\' if self.peek(1) == Some(b'\n') && self.in_gap() => {
                    self.at += 2;
                    self.skip_gaps();
                }
                b'\\' => self.copy(1),
                _ => self.copy_plain(|byte| !matches!(byte, b'\'' | b'\\')),
            }
        }
    }

    /// `$'…'` with the escapes that matter in practice.
    fn dollar_quoted(&mut self) {
        self.at += 2;
        while let Some(&byte) = self.bytes.get(self.at) {
            match (byte, self.peek(1)) {
                (b'\'', _) => {
                    self.at += 1;
                    return;
                }
                (b'\\', Some(next)) if next.is_ascii() => {
                    let decoded = match next {
                        b'n' => Some('\n'),
                        b't' => Some('\t'),
                        b'r' => Some('\r'),
                        b'a' => Some('\x07'),
                        b'e' | b'E' => Some('\x1b'),
                        b'\\' | b'\'' | b'"' | b'?' => Some(char::from(next)),
                        _ => None,
                    };
                    match decoded {
                        Some(character) => {
                            self.mark();
                            self.read.text.push(character);
                            self.at += 2;
                        }
                        None => self.copy(2),
                    }
                }
                (b'\\', _) => self.copy(1),
                _ => self.copy_plain(|byte| !matches!(byte, b'\'' | b'\\')),
            }
        }
    }

    fn dollar(&mut self) {
        let after = self.at + 1;
        match self.peek(1) {
            Some(b'(') => {
                let end = balanced(self.bytes, after);
                self.expansion(end, Part::Substitution);
            }
            Some(b'{') => {
                let end = balanced(self.bytes, after);
                let inner = self.bytes.get(after + 1..end.saturating_sub(1)).unwrap_or_default();
                let part = parameter(inner);
                self.expansion(end, part);
            }
            Some(first) if first.is_ascii_alphabetic() || first == b'_' => {
                let rest = self.bytes.get(after..).unwrap_or_default();
                let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
                let name = text(&rest[..length]);
                self.expansion(after + length, Part::Variable(name));
            }
            Some(first)
                if first.is_ascii_digit() || matches!(first, b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!') =>
            {
                self.expansion(after + 1, Part::Variable(char::from(first).to_string()));
            }
            _ => self.copy(1),
        }
    }

    fn backticks(&mut self) {
        let mut end = self.at + 1;
        while let Some(&byte) = self.bytes.get(end) {
            end += 1;
            match byte {
                b'\\' => end += 1,
                b'`' => break,
                _ => {}
            }
        }
        self.expansion(end, Part::Substitution);
    }

    /// The end of `[…]`, where it is closed before a blank or quote.
    fn class(&self) -> Option<usize> {
        let rest = self.bytes.get(self.at + 1..)?;
        let rest = &rest[..rest.len().min(MAX_PATTERN)];
        let first = rest.iter().position(|byte| !matches!(byte, b'!' | b'^'))?;
        let closing =
            rest.get(first + 1..)?.iter().position(|byte| matches!(byte, b']' | b'/' | b'\'' | b'"' | b'$'))?;
        (rest.get(first + 1 + closing) == Some(&b']')).then_some(self.at + 1 + first + 1 + closing + 1)
    }

    /// The end of `{…}`, where it holds a comma or two dots and neither quotes nor expansions.
    fn braces(&self) -> Option<usize> {
        let rest = self.bytes.get(self.at..)?;
        let rest = &rest[..rest.len().min(MAX_PATTERN)];
        let mut depth = 0_u32;
        let mut lists = false;
        for (index, &byte) in rest.iter().enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' if depth == 1 => return lists.then_some(self.at + index + 1),
                b'}' => depth -= 1,
                b',' => lists = true,
                b'.' if rest.get(index + 1) == Some(&b'.') => lists = true,
                b'\'' | b'"' | b'$' | b'`' | b'\\' | b'\n' => return None,
                _ => {}
            }
        }
        None
    }

    fn pattern(&mut self, end: usize) {
        let written = text(self.bytes.get(self.at..end).unwrap_or_default());
        self.expansion(end, Part::Pattern(written));
    }

    /// Takes the bytes up to `end` over as written, as the part `part`.
    fn expansion(&mut self, end: usize, part: Part) {
        let end = end.min(self.bytes.len());
        self.flush();
        if part == Part::Substitution {
            self.read.substitutions.push((self.at, end));
        }
        // Continuations inside are taken out of the text too, quotes are not.
        while self.at < end {
            if self.bytes[self.at] == b'\\' && self.peek(1) == Some(b'\n') {
                self.at += 2;
                self.skip_gaps();
            } else {
                let stop = memchr::memchr(b'\\', &self.bytes[self.at + 1..end]).map_or(end, |next| self.at + 1 + next);
                self.copy(stop - self.at);
            }
        }
        self.read.parts.push(part);
        self.literal = self.read.text.len();
        self.expanded = true;
    }

    /// Closes the literal part that grows.
    fn flush(&mut self) {
        if let Some(literal) = self.read.text.get(self.literal..).filter(|literal| !literal.is_empty()) {
            self.read.parts.push(Part::Literal(literal.to_owned()));
        }
        self.literal = self.read.text.len();
    }

    fn finish(mut self) -> Read {
        if self.expanded {
            self.flush();
        }
        self.read
    }

    fn copy_plain(&mut self, plain: impl Fn(u8) -> bool) {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| !plain(byte)).unwrap_or(rest.len());
        self.copy(length.max(1));
    }

    /// Takes the next `length` bytes over, and the rest of a character that they cut.
    fn copy(&mut self, length: usize) {
        let mut end = (self.at + length).min(self.bytes.len());
        while self.bytes.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
            end += 1;
        }
        self.mark();
        if let Some(piece) = self.source.text.get(self.at..end) {
            self.read.text.push_str(piece);
        }
        self.at = end.max(self.at + 1);
    }

    /// Starts a new pair of the map where text and source no longer go side by side.
    fn mark(&mut self) {
        if !self.mapped {
            return;
        }
        let (cooked, raw) = (self.read.text.len() as u32, self.at as u32);
        if self.read.map.last().is_none_or(|last| raw - last.1 != cooked - last.0) {
            self.read.map.push((cooked, raw));
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn in_gap(&self) -> bool {
        let offset = self.source.offset(self.at);
        self.source.gaps.binary_search_by_key(&offset, |gap| gap.span.start).is_ok()
    }

    /// Behind a continuation: leaves out the blanks that are left of it and masked lines.
    fn skip_gaps(&mut self) {
        let gaps = self.source.gaps;
        let mut index = gaps.partition_point(|gap| gap.span.end <= self.source.offset(self.at.saturating_sub(1)));
        while let Some(gap) = gaps.get(index).filter(|gap| gap.span.start <= self.source.offset(self.at)) {
            if let Some(range) = self.source.range(Span::new(gap.span.end - 1, gap.span.end)) {
                self.at = self.at.max(range.end).min(self.bytes.len());
            }
            index += 1;
        }
    }
}

/// The offset behind the bracket that closes the one at `open`, quotes and escapes heeded; the end where none does.
fn balanced(bytes: &[u8], open: usize) -> usize {
    let (opening, closing) = if bytes.get(open) == Some(&b'{') { (b'{', b'}') } else { (b'(', b')') };
    let mut depth = 0_u32;
    let mut at = open;
    let mut double = false;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'\\' => at += 1,
            b'"' => double = !double,
            b'\'' if !double => at = memchr::memchr(b'\'', &bytes[at..]).map_or(bytes.len(), |end| at + end + 1),
            // Inside double quotes brackets count only behind a dollar, and close again there.
            _ if double && byte == b'$' && matches!(bytes.get(at), Some(b'(' | b'{')) => at = balanced_inner(bytes, at),
            _ if double => {}
            _ if byte == opening => depth += 1,
            _ if byte == closing => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    bytes.len()
}

/// `balanced` for brackets in double quotes within brackets, without recursion: quotes inside are not told apart.
fn balanced_inner(bytes: &[u8], open: usize) -> usize {
    let (opening, closing) = if bytes.get(open) == Some(&b'{') { (b'{', b'}') } else { (b'(', b')') };
    let mut depth = 0_u32;
    for (index, &byte) in bytes.iter().enumerate().skip(open) {
        if byte == opening {
            depth += 1;
        } else if byte == closing {
            depth -= 1;
            if depth == 0 {
                return index + 1;
            }
        }
    }
    bytes.len()
}

/// The part for the inside of `${…}`.
fn parameter(inner: &[u8]) -> Part {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let prefix = usize::from(inner.len() > 1 && matches!(inner[0], b'#' | b'!'));
    let rest = &inner[prefix..];
    let mut length = rest.iter().take_while(|byte| is_name(byte)).count();
    if length == 0 {
        length = rest.len().min(1);
    }
    let name = text(&rest[..length]);
    if prefix == 0 && length == rest.len() { Part::Variable(name) } else { Part::Modified(name) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
