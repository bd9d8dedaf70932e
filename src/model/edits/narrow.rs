//! Edits that take one of many out, an argument of an instruction, a flag, an argument of a command, or put a flag in; and
//! where a mode is written.

use crate::syntax::ast::{Arguments, GapKind, Word};
use crate::text::{Edit, Span};

use crate::model::{CommandRef, Dockerfile, Instruction, ModeChange};

impl Instruction {
    /// Puts a flag behind those that the instruction has. Of an ONBUILD, it is the trigger's.
    #[must_use]
    pub fn with_flag(&self, flag: &str) -> Edit {
        let ast = self.effective();
        let at = ast.flags.last().map_or(ast.name.span.end, |last| last.span.end);
        Edit::insert(at, format!(" {flag}"))
    }
}

impl Dockerfile {
    /// Takes an argument of an instruction that holds a list of words (EXPOSE, VOLUME; as a JSON array too) out. `None`
    /// where it is the only one or has a comment beside it.
    #[must_use]
    pub fn without_listed(&self, instruction: &Instruction, word: &Word) -> Option<Edit> {
        let (Arguments::Words(words) | Arguments::Exec(words)) = &instruction.effective().arguments else {
            return None;
        };
        let at = words.iter().position(|other| other.span == word.span)?;
        let before = at.checked_sub(1).map(|before| words[before].span);
        let after = words.get(at + 1).map(|after| after.span);
        self.without_one(instruction, before, word.span, after)
    }

    /// Takes an argument of a command out. `None` where nothing stands in front of it, or a comment beside it.
    #[must_use]
    pub fn without_operand(&self, command: &CommandRef<'_>, word: Span) -> Option<Edit> {
        let words = &command.command.arguments;
        let at = words.iter().position(|other| other.span == word)?;
        let before = at.checked_sub(1).map_or(command.command.name.span, |before| words[before].span);
        self.without_one(command.instruction, Some(before), word, None)
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

    /// Where the text of a mode is written out, once, in the word or flag that holds it.
    #[must_use]
    pub fn place_of_mode(&self, change: &ModeChange<'_>) -> Option<Span> {
        let written = self.text(change.span);
        let at = written.rfind(&change.text)?;
        let alone = |c: char| !c.is_ascii_alphanumeric();
        let before = &written[..at];
        // `-m777` is the one form in which a letter stands in front.
        let free = before.is_empty() || before.ends_with(alone) || before == "-m";
        let start = change.span.start + at as u32;
        (free && !written.contains('$')).then(|| Span::new(start, start + change.text.len() as u32))
    }
}
