//! Edits that take one of several arguments, or a flag, out of an instruction.

use crate::syntax::ast::{Arguments, GapKind, Word};
use crate::text::{Edit, Span};

use super::{Dockerfile, Instruction};

impl Dockerfile {
    /// Takes an argument of an instruction that holds a list of words (EXPOSE, VOLUME; as a JSON array too) out. `None`
    /// where it is the only one or has a comment beside it.
    #[must_use]
    pub fn without_value(&self, instruction: &Instruction, word: &Word) -> Option<Edit> {
        let (Arguments::Words(words) | Arguments::Exec(words)) = &instruction.effective().arguments else {
            return None;
        };
        let at = words.iter().position(|other| other.span == word.span)?;
        let before = at.checked_sub(1).map(|before| words[before].span);
        let after = words.get(at + 1).map(|after| after.span);
        self.without_one(instruction, before, word.span, after)
    }

    /// Takes a flag of an instruction out, with its line where it stands alone there.
    #[must_use]
    pub fn without_flag(&self, instruction: &Instruction, flag: Span) -> Option<Edit> {
        let text = self.source.text();
        let blank = |c: char| c == ' ' || c == '\t';
        let before = text.get(..flag.start as usize)?;
        let start = before.trim_end_matches(blank).len();
        let rest = text.get(flag.end as usize..)?;
        let next = flag.end as usize + (rest.len() - rest.trim_start_matches(blank).len());
        // Behind it the line goes on, or the instruction does on the next line.
        let mut gaps = instruction.effective().gaps.iter().chain(&instruction.ast.gaps);
        let gap = gaps.find(|gap| gap.kind == GapKind::Continuation && gap.span.start == next as u32);
        let Some(gap) = gap else { return Some(Edit::delete(Span::new(flag.start, next as u32))) };
        let own_line = text.get(..start)?.ends_with('\n');
        let span = if own_line { Span::new(start as u32, gap.span.end) } else { Span::new(start as u32, flag.end) };
        Some(Edit::delete(span))
    }

    /// Takes a word out with what parts it from the word before it, or else from the one behind.
    fn without_one(
        &self,
        instruction: &Instruction,
        before: Option<Span>,
        word: Span,
        after: Option<Span>,
    ) -> Option<Edit> {
        let span = match (before, after) {
            (Some(before), _) => Span::new(before.end, word.end),
            (None, Some(after)) => Span::new(word.start, after.start),
            (None, None) => return None,
        };
        // A comment or blank line within would go with it.
        let gaps = instruction.effective().gaps.iter();
        let plain = gaps
            .filter(|gap| span.start <= gap.span.start && gap.span.end <= span.end)
            .all(|gap| gap.kind == GapKind::Continuation && !self.text(gap.span).contains('#'));
        plain.then(|| Edit::delete(span))
    }
}
