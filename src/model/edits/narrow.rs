//! Edits that take one of many out: an argument of an instruction, a flag, an argument of a command, and letters of a
//! symbolic mode.

use crate::syntax::ast::{Arguments, GapKind, Word};
use crate::text::{Edit, Span};

use crate::model::{CommandRef, Dockerfile, Instruction, ModeChange};

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

/// A symbolic mode without the letter `s` of what it sets; empty where nothing is left to do. `None` where it isn't
/// symbolic or copies the rights of another class.
#[must_use]
pub fn mode_without_setid(mode: &str) -> Option<String> {
    rewritten(mode, |who, operator, rights| {
        let kept: String = rights.chars().filter(|letter| operator == '-' || *letter != 's').collect();
        (operator == '=' || !kept.is_empty()).then(|| format!("{who}{operator}{kept}"))
    })
}

/// A symbolic mode that lets others write no more and the owner as before; empty where nothing is left to do. `None` where
/// it isn't symbolic or copies the rights of another class.
#[must_use]
pub fn mode_without_world_write(mode: &str) -> Option<String> {
    rewritten(mode, |who, operator, rights| {
        let others = who.contains(['o', 'a']);
        if operator == '-' || !others || !rights.contains('w') {
            return Some(format!("{who}{operator}{rights}"));
        }
        let kept: String = rights.chars().filter(|letter| *letter != 'w').collect();
        let narrowed = (operator == '=' || !kept.is_empty()).then(|| format!("{who}{operator}{kept}"));
        let owner = who.contains(['u', 'a']).then(|| "u+w".to_owned());
        match (narrowed, owner) {
            (Some(narrowed), Some(owner)) => Some(format!("{narrowed},{owner}")),
            (narrowed, owner) => narrowed.or(owner),
        }
    })
}

/// The clauses of a symbolic mode, each one changed or left out.
fn rewritten(mode: &str, change: impl Fn(&str, char, &str) -> Option<String>) -> Option<String> {
    let mut clauses = Vec::new();
    for clause in mode.split(',') {
        let at = clause.find(['+', '-', '='])?;
        let (who, rest) = clause.split_at(at);
        let operator = rest.chars().next()?;
        let rights = &rest[1..];
        let letters = rights.chars().all(|letter| "rwxXst".contains(letter));
        if !letters || !who.chars().all(|letter| "ugoa".contains(letter)) {
            return None;
        }
        clauses.extend(change(who, operator, rights));
    }
    Some(clauses.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbolic_modes_lose_what_is_dropped() {
        for (mode, setid, world) in [
            ("+s", Some(""), Some("+s")),
            ("u+xs", Some("u+x"), Some("u+xs")),
            ("u=rxs,go=rx", Some("u=rx,go=rx"), Some("u=rxs,go=rx")),
            ("a+rwX", Some("a+rwX"), Some("a+rX,u+w")),
            ("o+w", Some("o+w"), Some("")),
            ("go+rw,u-s", Some("go+rw,u-s"), Some("go+r,u-s")),
            ("a=rwx", Some("a=rwx"), Some("a=rx,u+w")),
            ("go=u", None, None),
            ("4755", None, None),
        ] {
            assert_eq!(mode_without_setid(mode).as_deref(), setid, "{mode}");
            assert_eq!(mode_without_world_write(mode).as_deref(), world, "{mode}");
        }
    }
}
