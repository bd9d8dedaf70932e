//! Where a new instruction may go, and what taking one out leaves: edits of whole lines, in the line endings of the file.

use crate::syntax::ast::{Arguments, Keyword};
use crate::text::{Edit, Span};

use crate::model::{Dockerfile, Stage};

impl Dockerfile {
    /// The line ending that the file's first line has; `\n` where it has none.
    #[must_use]
    pub fn newline(&self) -> &'static str {
        let text = self.source.text();
        match memchr::memchr(b'\n', text.as_bytes()) {
            Some(at) if text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// Puts lines in front of the instruction at `index`, above the comments that stand directly above it. `lines` are
    /// without a newline at their end.
    #[must_use]
    pub fn insert_above(&self, index: usize, lines: &[String]) -> Option<Edit> {
        let instruction = self.instructions.get(index)?;
        let at = self.block_start(instruction.ast.span.start);
        let newline = self.newline();
        let text: String = lines.iter().flat_map(|line| [line.as_str(), newline]).collect();
        Some(Edit::insert(at, text))
    }

    /// Puts lines behind the instruction at `index`; `None` where its last line goes on into nothing, so that whatever
    /// followed would be taken in.
    #[must_use]
    pub fn insert_below(&self, index: usize, lines: &[String]) -> Option<Edit> {
        let ast = &self.instructions.get(index)?.ast;
        let text = self.source.text();
        let end = ast.span.end as usize;
        let line_end = memchr::memchr(b'\n', &text.as_bytes()[end..]).map_or(text.len(), |at| end + at);
        let line_end = end + text[end..line_end].trim_end_matches('\r').len();
        let open =
            ast.gaps.iter().any(|gap| gap.span.start >= ast.span.end) || matches!(ast.arguments, Arguments::None);
        if open || !text[end..line_end].trim().is_empty() || ast.heredocs.iter().any(|it| it.terminator.is_empty()) {
            return None;
        }
        let newline = self.newline();
        let added: String = lines.iter().flat_map(|line| [newline, line.as_str()]).collect();
        Some(Edit::insert(line_end as u32, added))
    }

    /// Puts lines where a stage is done with what needs root: behind its last step, and in front of the ENTRYPOINT or CMD
    /// that follows; at its end where none does.
    #[must_use]
    pub fn insert_behind_steps(&self, stage: &Stage, lines: &[String]) -> Option<Edit> {
        match self.start_behind_steps(stage) {
            Some(index) => self.insert_above(index, lines),
            None => self.insert_below(stage.instructions.clone().next_back()?, lines),
        }
    }

    /// The ENTRYPOINT or CMD (index) of a stage that no step follows, the first of them.
    #[must_use]
    pub fn start_behind_steps(&self, stage: &Stage) -> Option<usize> {
        let is_step = |keyword| {
            use Keyword::{Add, Copy, From, Onbuild, Run, Unknown, User, Volume, Workdir};
            matches!(keyword, Add | Copy | From | Onbuild | Run | Unknown | User | Volume | Workdir)
        };
        let keyword = |index: &usize| self.instructions[*index].ast.keyword;
        let last = stage.instructions.clone().rfind(|index| is_step(keyword(index)));
        let from = last.map_or(stage.instructions.start, |last| last + 1);
        (from..stage.instructions.end).find(|index| matches!(keyword(index), Keyword::Entrypoint | Keyword::Cmd))
    }

    /// Takes the instruction at `index` out with its lines; comments above it stay.
    #[must_use]
    pub fn without(&self, index: usize) -> Option<Edit> {
        let span = self.instructions.get(index)?.ast.span;
        let bytes = self.source.text().as_bytes();
        let start = self.line_start(span.start);
        // Behind the last line of an unfinished continuation, the gaps are the instruction's too.
        let ast = &self.instructions[index].ast;
        let end = ast.gaps.iter().map(|gap| gap.span.end).max().unwrap_or(0).max(span.end) as usize;
        let closed = end > span.end as usize && bytes[..end].ends_with(b"\n");
        let end =
            if closed { end } else { memchr::memchr(b'\n', &bytes[end..]).map_or(bytes.len(), |at| end + at + 1) };
        Some(Edit::delete(Span::new(start, end as u32)))
    }

    /// Where the line of `offset` starts, a byte-order mark left out.
    pub(in crate::model) fn line_start(&self, offset: u32) -> u32 {
        let text = self.source.text();
        let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        memchr::memrchr(b'\n', &text.as_bytes()[..offset as usize]).map_or(mark, |at| at + 1) as u32
    }

    /// Where the line of `offset` starts, or the first of the comment lines that stand directly above it.
    fn block_start(&self, offset: u32) -> u32 {
        let mut start = self.line_start(offset);
        let is_directive = |span: Span| self.directives.iter().any(|directive| directive.span == span);
        let is_inside = |span: Span| self.instructions.iter().any(|one| one.ast.span.contains(span));
        for &comment in self.comments.iter().rev().filter(|comment| comment.end <= offset) {
            let line = self.line_start(comment.start);
            let between = self.source.text().get(comment.end as usize..start as usize).unwrap_or("");
            let adjoins = between.matches('\n').count() == 1 && between.trim().is_empty();
            if !adjoins || is_directive(comment) || is_inside(comment) {
                break;
            }
            start = line;
        }
        start
    }
}
