//! Edits of the commands of a RUN: one more at its end, one less, in the style that the RUN and its file have.

use crate::shell::{Command, Dialect, Guard, Nesting, Script};
use crate::syntax::ast::{Arguments, Keyword};
use crate::text::{Edit, Span};

use crate::model::{CommandRef, Dockerfile, Instruction};

/// How two commands of a list are joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Joint {
    And,
    Semicolon,
    Line,
}

impl Dockerfile {
    /// Adds a command to the end of the RUN at `index`, where it runs only if what was there succeeds and decides with it
    /// whether the step does. `None` where the script isn't plain enough to tell.
    #[must_use]
    pub fn append_command(&self, index: usize, command: &str) -> Option<Edit> {
        let instruction = self.instructions.get(index)?;
        let script = plain_script(instruction)?;
        let last = script.commands.iter().max_by_key(|command| command.span.end)?;
        // What replaces or leaves the shell lets nothing behind it run.
        if script.commands.iter().any(|command| matches!(command.base_name(), "exec" | "exit" | "return")) {
            return None;
        }
        let body = self.body(instruction)?;
        // A last line that goes on into nothing would take in what is put behind it, or be left behind it.
        if instruction.ast.gaps.iter().any(|gap| gap.span.start >= body.end) {
            return None;
        }
        let end = body.start as usize + self.text(body).trim_end().len();
        let tail = self.text(Span::new(last.span.end.min(end as u32), end as u32));
        // Closing words of a compound may follow; a comment, a heredoc's lines or a list that is open may not.
        let closes = |word: &str| matches!(word.trim_end_matches(';'), "fi" | "done" | "esac" | ")" | "}" | "");
        let is_escape = |word: &str| word.chars().eq([self.escape]);
        let open = self.text(body).trim_end().ends_with(['&', ';', '|', '\\', '`']);
        if open || !tail.split_whitespace().all(|word| closes(word) || is_escape(word)) {
            return None;
        }
        let joint = if stops_at_errors(script) && ends_alone(script) && uses_semicolons(self, script) {
            Joint::Semicolon
        } else {
            Joint::And
        };
        Some(Edit::insert(end as u32, self.joined(instruction, script, joint, command)))
    }

    /// Takes a command out of a RUN together with what joins it to its neighbour, as if it had succeeded. `None` where it
    /// is the only one, is part of a pipeline or of something larger, or has a comment beside it.
    #[must_use]
    pub fn without_command(&self, command: &CommandRef<'_>) -> Option<Edit> {
        let script = command.script;
        let own = command.command;
        if !is_top_level(own) || !script.clean || is_piped(script, own) {
            return None;
        }
        let commands = top_level(script);
        let at = commands.iter().position(|other| std::ptr::eq(*other, own))?;
        // Commands that it runs itself go with it; those of a group count as top level, so neighbours must adjoin.
        let before = at.checked_sub(1).map(|before| commands[before]);
        let after = commands.get(at + 1).copied();
        let end = |command: &Command| command.span.end;
        let joint = |from: &Command, to: &Command| self.joint(command.instruction, end(from), to.span.start);
        let to_next = match after {
            Some(after) => Some(joint(own, after)?),
            None => None,
        };
        match (before, after, to_next) {
            (None, Some(after), Some(_)) => Some(Edit::delete(Span::new(own.span.start, after.span.start))),
            (Some(before), Some(after), Some(Joint::And)) => {
                joint(before, own)?;
                Some(Edit::delete(Span::new(own.span.start, after.span.start)))
            }
            (Some(before), _, _) => {
                joint(before, own)?;
                let closing = after.is_none() && !self.ends_script(command, end(own));
                (!closing).then(|| Edit::delete(Span::new(end(before), end(own))))
            }
            _ => None,
        }
    }

    /// Whether nothing but white space stands between `end` and the end of the command's script.
    fn ends_script(&self, command: &CommandRef<'_>, end: u32) -> bool {
        self.body(command.instruction)
            .is_some_and(|body| self.text(Span::new(end, body.end.max(end))).trim().is_empty())
    }

    /// What joins two places of a script, if it is `&&`, `;` or a newline and nothing else but white space.
    fn joint(&self, instruction: &Instruction, from: u32, to: u32) -> Option<Joint> {
        let mut text = self.text(Span::new(from, to)).to_owned();
        for gap in instruction.effective().gaps.iter().rev() {
            if from <= gap.span.start && gap.span.end <= to {
                let range = (gap.span.start - from) as usize..(gap.span.end - from) as usize;
                if text[range.clone()].trim_start().starts_with('#') {
                    return None;
                }
                text.replace_range(range, " ");
            }
        }
        match text.trim_matches([' ', '\t', '\r']) {
            "&&" => Some(Joint::And),
            ";" => Some(Joint::Semicolon),
            other if !other.is_empty() && other.trim().is_empty() => Some(Joint::Line),
            _ => None,
        }
    }

    /// A command with what joins it to the end of a script: as the script joins its last two, if they are on two lines,
    /// as the file's other RUNs do, or on the same line where everything is.
    fn joined(&self, instruction: &Instruction, script: &Script, joint: Joint, command: &str) -> String {
        let operator = if joint == Joint::Semicolon { ";" } else { "&&" };
        let one_line = |space: &str| format!("{space}{operator} {command}");
        let space = if joint == Joint::Semicolon { "" } else { " " };
        if instruction.effective().gaps.is_empty() {
            return one_line(space);
        }
        let own = self.separator(instruction, script, operator);
        let others = || {
            let others = self.instructions.iter().filter(|other| other.effective().keyword == Keyword::Run);
            others
                .flat_map(|other| other.scripts.iter().map(move |script| (other, script)))
                .find_map(|(other, script)| self.separator(other, script, operator))
        };
        match own.or_else(others) {
            Some(separator) => format!("{separator}{command}"),
            None if joint == Joint::Semicolon => format!("; {}{}    {command}", self.escape, self.newline()),
            None => format!(" {}{}    && {command}", self.escape, self.newline()),
        }
    }

    /// The text that joins two commands over a line end in a script, the last such.
    fn separator(&self, instruction: &Instruction, script: &Script, operator: &str) -> Option<String> {
        let commands = top_level(script);
        commands.windows(2).rev().find_map(|pair| {
            let (from, to) = (pair[0].span.end, pair[1].span.start);
            let text = self.text(Span::new(from, to.max(from)));
            let plain = text.contains('\n') && text.contains(self.escape) && text.contains(operator);
            (plain && self.joint(instruction, from, to).is_some() && text.matches('\n').count() == 1)
                .then(|| text.to_owned())
        })
    }

    /// Where the text of the instruction's one script stands.
    fn body(&self, instruction: &Instruction) -> Option<Span> {
        let ast = instruction.effective();
        match (&ast.arguments, &ast.heredocs[..]) {
            (Arguments::Shell(word), []) => Some(word.span),
            (_, [only]) => Some(only.content),
            _ => None,
        }
    }
}

/// The script of a RUN in shell form, or its one heredoc, if it was read whole.
pub(super) fn plain_script(instruction: &Instruction) -> Option<&Script> {
    let ast = &instruction.ast;
    let Arguments::Shell(word) = &ast.arguments else { return None };
    let [script] = &instruction.scripts[..] else { return None };
    let inline = ast.heredocs.is_empty();
    let heredoc = || ast.heredocs.len() == 1 && word.text.trim().starts_with("<<") && !word.text.trim().contains(' ');
    let posix = instruction.before.shell.dialect == Dialect::Posix;
    let readable = ast.keyword == Keyword::Run && posix && script.clean && !script.commands.is_empty();
    // A heredoc's own `#!` line may name another language or switches.
    let first_is_shell = script.commands.first().is_some_and(|first| ast.span.contains(first.span));
    (readable && first_is_shell && (inline || heredoc())).then_some(script)
}

fn is_top_level(command: &Command) -> bool {
    command.parent.is_none() && command.nesting == Nesting::Plain
}

fn top_level(script: &Script) -> Vec<&Command> {
    script.commands.iter().filter(|command| is_top_level(command)).collect()
}

fn is_piped(script: &Script, command: &Command) -> bool {
    let same = |other: &&Command| is_top_level(other) && other.pipeline.0 == command.pipeline.0;
    script.commands.iter().filter(same).count() > 1
}

/// Whether the script has told the shell to stop where a command fails.
pub(in crate::model) fn stops_at_errors(script: &Script) -> bool {
    let first = script.commands.first();
    let set = first.filter(|command| command.base_name() == "set" && is_top_level(command));
    set.is_some_and(|set| {
        let errexit = |word: &str| word.starts_with('-') && !word.starts_with("--") && word.contains('e');
        let named = set.arguments.windows(2).any(|pair| pair[0].text == "-o" && pair[1].text == "errexit");
        named || set.arguments.iter().any(|word| errexit(&word.text))
    })
}

/// Whether the last command of the list stands on its own, so that the shell stops if it fails.
fn ends_alone(script: &Script) -> bool {
    top_level(script).last().is_none_or(|last| last.guard == Guard::Always)
}

fn uses_semicolons(dockerfile: &Dockerfile, script: &Script) -> bool {
    let commands = top_level(script);
    let pair = commands.windows(2).next_back();
    pair.is_some_and(|pair| dockerfile.text(Span::new(pair[0].span.end, pair[1].span.start)).contains(';'))
}
