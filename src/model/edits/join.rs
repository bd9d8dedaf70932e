//! Two RUNs made one, where the commands then run in the same order and under the same conditions.

use crate::shell::{Guard, Nesting, Script};
use crate::syntax::ast::Arguments;
use crate::text::{Edit, Span};

use super::commands::plain_script;
use crate::model::{Dockerfile, Instruction};

/// Commands that change the shell which runs what follows them, so that it matters whether the next one has a shell of
/// its own.
const CHANGES_SHELL: [&str; 21] = [
    "cd", "pushd", "popd", "export", "set", "unset", "shopt", "alias", "unalias", "trap", "ulimit", "umask", "exec",
    "exit", "return", "source", ".", "eval", "read", "local", "declare",
];

impl Dockerfile {
    /// Joins the RUN at `index` with the one that follows it directly, by `&&` in the style of one of them. `None` where
    /// something stands between them, where they have other flags or shells, or where a command could then run under
    /// another condition than before.
    #[must_use]
    pub fn join_with_next(&self, index: usize) -> Option<Edit> {
        let (first, second) = (self.instructions.get(index)?, self.instructions.get(index + 1)?);
        let (own, other) = (plain_script(first)?, plain_script(second)?);
        body(first)?;
        let body = body(second)?;
        let flags = |one: &Instruction| -> Vec<String> {
            one.ast.flags.iter().map(|flag| self.text(flag.span).to_owned()).collect()
        };
        let alike = first.stage == second.stage
            && first.before.shell == second.before.shell
            && flags(first) == flags(second)
            && leaves_shell_alone(own)
            && is_chain(other);
        // Where nothing can be put behind the first, nothing can be joined to it; a second that ends in `&` or a comment
        // would take the first with it.
        let end = self.append_command(index, MARK).filter(|_| alike)?;
        let style = self.append_command(index + 1, MARK)?;
        let between = Span::new(first.ast.span.end, second.ast.span.start);
        let in_the_way = self.comments.iter().any(|&comment| between.contains(comment))
            || second.ast.gaps.iter().any(|gap| gap.span.start < body.start)
            || !self.text(between).trim().is_empty();
        if in_the_way {
            return None;
        }
        let separators = [&end, &style].map(|edit| edit.text.trim_end_matches(MARK).to_owned());
        let separator = separators.into_iter().find(|text| text.contains('\n') && text.contains("&&"));
        let separator = separator.unwrap_or_else(|| format!(" {}{}    && ", self.escape, self.newline()));
        Some(Edit::replace(Span::new(end.span.start, body.start), separator))
    }
}

/// What stands for a command where only the way to join one is asked for.
const MARK: &str = ":";

/// Where the text of an instruction in shell form without heredocs stands.
fn body(instruction: &Instruction) -> Option<Span> {
    match &instruction.ast.arguments {
        Arguments::Shell(word) if instruction.ast.heredocs.is_empty() => Some(word.span),
        _ => None,
    }
}

/// Whether what follows in the same shell runs as it would in a new one.
fn leaves_shell_alone(script: &Script) -> bool {
    script.commands.iter().all(|command| {
        let run_by_another = command.parent.is_some();
        let plain = command.nesting == Nesting::Plain && !command.name.text.is_empty();
        run_by_another || plain && !CHANGES_SHELL.contains(&command.base_name())
    })
}

/// Whether the script is one list joined by `&&` alone, so that it runs whole or not at all behind another `&&`.
fn is_chain(script: &Script) -> bool {
    let mut commands = script.commands.iter().filter(|command| command.parent.is_none());
    let plain = commands.clone().all(|command| command.nesting == Nesting::Plain);
    let Some(first) = commands.next() else { return false };
    plain
        && first.guard == Guard::Always
        && commands.all(|command| command.guard == Guard::And || command.pipeline.1 > 0)
}

#[cfg(test)]
mod tests {
    use crate::text::{Source, apply};

    use super::*;

    /// The text with its first RUN joined to the next.
    fn joined(text: &str) -> Option<String> {
        let file = Dockerfile::new("Dockerfile", Source::from(text));
        let edit = file.join_with_next(1)?;
        apply(text, &[edit]).ok()
    }

    #[test]
    fn two_runs_become_one_in_the_style_of_either() {
        for (before, after) in [
            ("FROM a\nRUN b\nRUN c\n", "FROM a\nRUN b \\\n    && c\n"),
            ("FROM a\nRUN b\n\n\nRUN c", "FROM a\nRUN b \\\n    && c"),
            ("FROM a\r\nRUN b\r\nRUN c\r\n", "FROM a\r\nRUN b \\\r\n    && c\r\n"),
            ("FROM a\nRUN b && \\\n\td\nRUN c\n", "FROM a\nRUN b && \\\n\td && \\\n\tc\n"),
            ("FROM a\nRUN b\nRUN c \\\n && d\n", "FROM a\nRUN b \\\n && c \\\n && d\n"),
            ("FROM a\nRUN b; d\nRUN c\n", "FROM a\nRUN b; d \\\n    && c\n"),
            ("FROM a\nRUN b || d\nRUN c | e\n", "FROM a\nRUN b || d \\\n    && c | e\n"),
            ("FROM a\nRUN --network=none b\nrun --network=none c\n", "FROM a\nRUN --network=none b \\\n    && c\n"),
            ("# escape=`\nFROM debian\nRUN b\nRUN c\n", "# escape=`\nFROM debian\nRUN b `\n    && c\n"),
            ("FROM a\nRUN sudo b\nRUN X=1 c\n", "FROM a\nRUN sudo b \\\n    && X=1 c\n"),
        ] {
            assert_eq!(joined(before).as_deref(), Some(after), "{before}");
        }
    }

    #[test]
    fn runs_stay_apart_where_it_is_not_the_same() {
        for text in [
            "FROM a\nRUN b\n# why\nRUN c\n",
            "FROM a\nRUN b\nENV x=1\nRUN c\n",
            "FROM a\nRUN b\nFROM a\nRUN c\n",
            "FROM a\nRUN b\nRUN --network=none c\n",
            "FROM a\nRUN b\nRUN c; d\n",
            "FROM a\nRUN b\nRUN c || d\n",
            "FROM a\nRUN b\nRUN (c; d)\n",
            "FROM a\nRUN b\nRUN if c; then d; fi\n",
            "FROM a\nRUN b\nRUN c &\n",
            "FROM a\nRUN b &\nRUN c\n",
            "FROM a\nRUN b\nRUN c # why\n",
            "FROM a\nRUN b # why\nRUN c\n",
            "FROM a\nRUN cd b\nRUN c\n",
            "FROM a\nRUN export b=1 && d\nRUN c\n",
            "FROM a\nRUN b=1\nRUN c\n",
            "FROM a\nRUN set -x; b\nRUN c\n",
            "FROM a\nRUN [\"b\"]\nRUN c\n",
            "FROM a\nRUN <<E\nb\nE\nRUN c\n",
            "FROM a\nRUN b\nONBUILD RUN c\n",
            "FROM a\nSHELL [\"powershell\"]\nRUN b\nRUN c\n",
            "FROM a\nRUN b\nRUN \\\n  c\n",
            "FROM a\nRUN b\n",
        ] {
            assert_eq!(joined(text), None, "{text}");
        }
    }
}
