//! Edits that take words, settings and whole steps out of an instruction and leave the lines around them as they are.

use crate::syntax::ast::{Arguments, GapKind, Pair, Word};
use crate::text::{Edit, Span};

use crate::model::{CommandRef, Dockerfile};

/// What is left of a RUN when one of its commands is taken out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Without {
    /// The RUN with its other commands.
    Command(Edit),
    /// Nothing: the command was all of it.
    Step(Edit),
}

impl Dockerfile {
    /// Takes words that stand side by side out of the instruction at `index`, with the blanks in front of them or, where
    /// they stand alone on a line, with the line. `None` in exec form, where a comment is in the way, and where the line
    /// end in front of them is not plain.
    #[must_use]
    pub fn without_words(&self, index: usize, words: Span) -> Option<Edit> {
        let ast = self.instructions.get(index)?.effective();
        let text = self.source.text();
        let is_exec = matches!(ast.arguments, Arguments::Exec(_));
        let torn = ast.gaps.iter().any(|gap| gap.kind != GapKind::Continuation && words.contains(gap.span));
        if is_exec || torn || !ast.span.contains(words) {
            return None;
        }
        let line = self.line_start(words.start);
        let (start, end) = (words.start as usize, words.end as usize);
        let lead = &text[line as usize..start];
        if !lead.trim().is_empty() {
            let kept = lead.trim_end();
            // A word that adjoins something else is no word of its own.
            return (kept.len() < lead.len()).then(|| Edit::delete(Span::new(line + kept.len() as u32, words.end)));
        }
        let line_end = memchr::memchr(b'\n', &text.as_bytes()[end..]).map_or(text.len(), |at| end + at);
        let rest = &text[end..line_end];
        let goes_on = |rest: &str| rest == "\\" || rest.chars().eq([self.escape]);
        if goes_on(rest.trim()) && line_end < text.len() {
            return Some(Edit::delete(Span::new(line, line_end as u32 + 1)));
        }
        if rest.trim().is_empty() {
            let before = ast.gaps.iter().find(|gap| gap.span.end == line && gap.kind == GapKind::Continuation)?;
            let kept = text[..before.span.start as usize].trim_end();
            return (!kept.ends_with('\n')).then(|| Edit::delete(Span::new(kept.len() as u32, words.end)));
        }
        let blanks = rest.len() - rest.trim_start().len();
        (blanks > 0).then(|| Edit::delete(Span::new(words.start, words.end + blanks as u32)))
    }

    /// Takes a pair out of the ENV or LABEL at `index`; the whole instruction where it is the only one.
    #[must_use]
    pub fn without_pair(&self, index: usize, pair: &Pair) -> Option<Without> {
        let Arguments::Pairs(pairs) = &self.instructions.get(index)?.ast.arguments else { return None };
        match &pairs[..] {
            [_] => self.without(index).map(Without::Step),
            _ => self.without_words(index, pair.name.span.cover(pair.value.span)).map(Without::Command),
        }
    }

    /// Takes a word out of the ARG, COPY or ADD at `index`; the whole instruction where nothing but `rest` words stay.
    #[must_use]
    pub fn without_word(&self, index: usize, word: &Word, rest: usize) -> Option<Without> {
        match &self.instructions.get(index)?.ast.arguments {
            Arguments::Words(words) | Arguments::Exec(words) if words.len() <= rest + 1 => {
                self.without(index).map(Without::Step)
            }
            Arguments::Words(_) => self.without_words(index, word.span).map(Without::Command),
            _ => None,
        }
    }

    /// Takes a command out of its RUN, or the RUN where it is all of it.
    #[must_use]
    pub fn without_step(&self, command: &CommandRef<'_>) -> Option<Without> {
        let script = command.script;
        let own = command.command;
        let is_all = command.index == 0
            && script.clean
            && own.parent.is_none()
            && script.commands[1..].iter().all(|other| other.parent.is_some())
            && command.instruction.scripts.len() == 1
            && !command.instruction.is_trigger();
        if is_all {
            return self.without(command.instruction_index).map(Without::Step);
        }
        self.without_command(command).map(Without::Command)
    }
}

impl Without {
    /// The edit, and whether the whole instruction goes.
    #[must_use]
    pub fn into_parts(self) -> (Edit, bool) {
        match self {
            Self::Command(edit) => (edit, false),
            Self::Step(edit) => (edit, true),
        }
    }
}

impl CommandRef<'_> {
    /// The name of the command and those of the commands it runs, as a fix that takes it out has to declare them.
    #[must_use]
    pub fn names_within(&self) -> Vec<&str> {
        let mut within = vec![self.index as u32];
        let mut names = vec![self.command.base_name()];
        for (index, other) in self.script.commands.iter().enumerate().skip(self.index + 1) {
            if other.parent.is_some_and(|parent| within.contains(&parent)) {
                within.push(index as u32);
                names.push(other.base_name());
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Source, apply};

    /// The file without the words that stand between `‹` and `›`.
    fn without(text: &str) -> Option<String> {
        let start = text.find('‹')? as u32;
        let text = text.replacen('‹', "", 1);
        let end = text.find('›')? as u32;
        let text = text.replacen('›', "", 1);
        let file = Dockerfile::new("Dockerfile", Source::from(text.as_str()));
        let index = file.instructions.iter().position(|it| it.ast.span.contains(Span::new(start, end)))?;
        apply(&text, &[file.without_words(index, Span::new(start, end))?]).ok()
    }

    #[test]
    fn words_go_with_what_parts_them() {
        let cases = [
            ("RUN a ‹-k› b\n", "RUN a b\n"),
            ("RUN a b  ‹-k›\n", "RUN a b\n"),
            ("RUN a \\\r\n  ‹-k x› \\\r\n  b\r\n", "RUN a \\\r\n  b\r\n"),
            ("RUN a \\\n  ‹-k› b\n", "RUN a \\\n  b\n"),
            ("RUN a \\\n  b \\\n  ‹-k›\n", "RUN a \\\n  b\n"),
            ("# escape=`\nRUN a `\n  ‹-k› `\n  b\n", "# escape=`\nRUN a `\n  b\n"),
            ("RUN <<E\na ‹-k› b\nE\n", "RUN <<E\na b\nE\n"),
            ("RUN <<E\na \\\n  ‹-k› \\\n  b\nE\n", "RUN <<E\na \\\n  b\nE\n"),
        ];
        for (text, wanted) in cases {
            assert_eq!(without(text).as_deref(), Some(wanted), "{text}");
        }
        for text in
            ["RUN [\"a\", ‹\"-k\"›]\n", "RUN a \\\n # why\n ‹-k›\n", "RUN a \\\n‹b \\\n # why\n c›\n", "RUN x‹-k›\n"]
        {
            assert_eq!(without(text), None, "{text}");
        }
    }

    #[test]
    fn a_step_goes_with_its_only_command() {
        let file = Dockerfile::new("Dockerfile", Source::from("FROM a\nRUN sudo b\nRUN b && c\nRUN b | c\n"));
        let commands: Vec<CommandRef<'_>> = file.run_commands().collect();
        let found: Vec<Option<Without>> = commands.iter().map(|command| file.without_step(command)).collect();
        assert!(matches!(found[0], Some(Without::Step(_))));
        assert_eq!(commands[0].names_within(), ["sudo", "b"]);
        assert!(matches!(found[2], Some(Without::Command(_))));
        assert_eq!(found[4], None);
    }
}
