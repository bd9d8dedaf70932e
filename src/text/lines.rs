//! Byte offsets to lines and columns, made once a file and only where something is shown.

use super::Span;

/// A place as people count: line and column from 1, the column in characters of the unit asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// The offsets at which the lines of a text start.
#[derive(Clone, Debug)]
pub struct LineIndex {
    starts: Vec<u32>,
    length: u32,
}

impl LineIndex {
    /// Reads the line starts of `text`. A line ends behind its `\n`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let starts =
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32 + 1)).collect();
        Self { starts, length: text.len() as u32 }
    }

    /// The line, from 0, that holds `offset`; an offset past the end is on the last line.
    #[must_use]
    pub fn line(&self, offset: u32) -> u32 {
        self.starts.partition_point(|&start| start <= offset) as u32 - 1
    }

    /// Line and column of `offset`, the column in bytes, both from 1.
    #[must_use]
    pub fn byte_column(&self, offset: u32) -> LineColumn {
        let offset = offset.min(self.length);
        let line = self.line(offset);
        LineColumn { line: line + 1, column: offset - self.starts[line as usize] + 1 }
    }

    /// Line and column of `offset`, the column in UTF-16 code units, both from 1.
    #[must_use]
    pub fn utf16_column(&self, text: &str, offset: u32) -> LineColumn {
        let LineColumn { line, .. } = self.byte_column(offset);
        let start = self.starts[line as usize - 1];
        let before = text.get(start as usize..offset.min(self.length) as usize).unwrap_or("");
        LineColumn { line, column: before.encode_utf16().count() as u32 + 1 }
    }

    /// The range of `line` (from 0) with its line ending, or `None` past the last line.
    #[must_use]
    pub fn line_span(&self, line: u32) -> Option<Span> {
        let start = *self.starts.get(line as usize)?;
        let end = self.starts.get(line as usize + 1).copied().unwrap_or(self.length);
        Some(Span::new(start, end))
    }

    /// How many lines there are; a text that ends in a newline has an empty last line, which counts.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.starts.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_from_one_in_bytes_and_in_utf16() {
        let text = "a\né𝄞x\n";
        let lines = LineIndex::new(text);
        assert_eq!(lines.byte_column(8), LineColumn { line: 2, column: 7 });
        assert_eq!(lines.utf16_column(text, 8), LineColumn { line: 2, column: 4 });
        assert_eq!(lines.byte_column(99), LineColumn { line: 3, column: 1 });
        assert_eq!(lines.line_span(1), Some(Span::new(2, 10)));
    }
}
