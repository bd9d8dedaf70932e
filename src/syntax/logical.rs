//! One instruction's lines, and the single line that BuildKit joins them to.

use std::borrow::Cow;

use memchr::memchr;

use crate::text::Span;

use super::ast::{Gap, GapKind};

/// The joined line of an instruction, with the way back to the file.
pub(super) struct Logical<'a> {
    pub(super) text: Cow<'a, str>,
    /// Offsets in `text` and the file offsets they come from, ascending; a stretch runs to the next entry.
    segments: Vec<(usize, u32)>,
    /// What was taken out.
    pub(super) gaps: Vec<Gap>,
    /// Offset behind the last line that belongs to the instruction, its newline included.
    pub(super) end: usize,
    /// The newline that ends the last line; empty at the end of the file and after a continuation.
    pub(super) newline: Span,
    /// Lines too long for BuildKit.
    pub(super) overlong: Vec<Span>,
}

impl<'a> Logical<'a> {
    /// Joins the lines from `start`, the offset of the first byte that isn't white space on its line.
    pub(super) fn read(file: &'a str, start: usize, escape: u8) -> Self {
        let mut line = Line::at(file, start);
        let mut logical = Self {
            text: Cow::Borrowed(""),
            segments: vec![(0, start as u32)],
            gaps: Vec::new(),
            end: line.end,
            newline: Span::new(line.text_end as u32, line.end as u32),
            overlong: line.overlong().into_iter().collect(),
        };
        let Some(cut) = continuation(line.text(file), escape) else {
            logical.text = Cow::Borrowed(line.text(file));
            return logical;
        };
        let mut text = String::from(&line.text(file)[..cut]);
        logical.gap(start + cut, line.end, GapKind::Continuation);
        while line.end < file.len() {
            line = Line::at(file, line.end);
            logical.end = line.end;
            logical.overlong.extend(line.overlong());
            let content = line.text(file);
            let trimmed = content.trim_start();
            if trimmed.starts_with('#') {
                logical.gap(line.start, line.end, GapKind::Comment);
                continue;
            }
            if trimmed.is_empty() {
                logical.gap(line.start, line.end, GapKind::Blank);
                continue;
            }
            logical.segments.push((text.len(), line.start as u32));
            let Some(cut) = continuation(content, escape) else {
                text.push_str(content);
                logical.newline = Span::new(line.text_end as u32, line.end as u32);
                logical.text = Cow::Owned(text);
                return logical;
            };
            text.push_str(&content[..cut]);
            logical.gap(line.start + cut, line.end, GapKind::Continuation);
        }
        logical.newline = Span::at(logical.end as u32);
        logical.text = Cow::Owned(text);
        logical
    }

    fn gap(&mut self, start: usize, end: usize, kind: GapKind) {
        self.gaps.push(Gap { span: Span::new(start as u32, end as u32), kind });
    }

    /// The comment lines among the gaps, without white space in front and newline.
    pub(super) fn comments<'s>(&'s self, file: &'s str) -> impl Iterator<Item = Span> + 's {
        self.gaps.iter().filter(|gap| gap.kind == GapKind::Comment).map(|gap| {
            let range = super::words::trimmed(&file[gap.span.range()], gap.span.start as usize);
            Span::new(range.start as u32, range.end as u32)
        })
    }

    /// Where the byte at `offset` of the joined line stands in the file.
    pub(super) fn start(&self, offset: usize) -> u32 {
        let segment = self.segments.partition_point(|&(start, _)| start <= offset) - 1;
        let (start, file) = self.segments[segment];
        file + (offset - start) as u32
    }

    /// The file offset behind the byte in front of `offset`.
    pub(super) fn end(&self, offset: usize) -> u32 {
        if offset == 0 { self.start(0) } else { self.start(offset - 1) + 1 }
    }

    /// The file range of a range of the joined line. An empty one stands in front of the byte at its offset.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        if start == end { Span::at(self.end(start)) } else { Span::new(self.start(start), self.end(end)) }
    }
}

/// A line of the file.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) start: usize,
    /// Where its newline characters (any number of `\r` and `\n`) begin.
    pub(super) text_end: usize,
    /// Behind its newline.
    pub(super) end: usize,
}

impl Line {
    pub(super) fn at(file: &str, start: usize) -> Self {
        let rest = &file.as_bytes()[start..];
        let end = start + memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let text_end = start + file[start..end].trim_end_matches(['\r', '\n']).len();
        Self { start, text_end, end }
    }

    pub(super) fn text(self, file: &str) -> &str {
        &file[self.start..self.text_end]
    }

    /// BuildKit's scanner takes at most 65,535 bytes and a newline.
    pub(super) fn overlong(self) -> Option<Span> {
        (self.text_end - self.start > 65_535).then(|| Span::new(self.start as u32, self.text_end as u32))
    }
}

/// Where in `line` a continuation starts: an escape character, not behind another one, with only blanks after it.
fn continuation(line: &str, escape: u8) -> Option<usize> {
    let content = line.trim_end_matches([' ', '\t']).as_bytes();
    match content {
        [.., before, last] if *last == escape && *before != escape => Some(content.len() - 1),
        [last] if *last == escape => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_offsets_lead_back_to_the_file() {
        let file = "RUN a \\\n# note\n\n  b\\\nc\nnext";
        let logical = Logical::read(file, 0, b'\\');
        assert_eq!(logical.text, "RUN a   bc");
        assert_eq!(logical.span(8, 10), Span::new(18, 22));
        assert_eq!(&file[logical.span(8, 10).range()], "b\\\nc");
        assert_eq!(logical.gaps.len(), 4);
        assert_eq!(&file[logical.end..], "next");
    }

    #[test]
    fn a_doubled_escape_does_not_continue_a_line() {
        assert_eq!(continuation("a \\", b'\\'), Some(2));
        assert_eq!(continuation("a \\ \t", b'\\'), Some(2));
        assert_eq!(continuation("a \\\\", b'\\'), None);
        assert_eq!(continuation("a \\\\\\", b'\\'), None);
        assert_eq!(continuation("\\", b'\\'), Some(0));
        assert_eq!(continuation("a \\", b'`'), None);
    }
}
