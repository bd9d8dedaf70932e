//! Bodies of instructions → commands.

use crate::shell::{self, Body, Dialect, Script};
use crate::syntax::ast::{Arguments, Heredoc, Instruction, Keyword, Word};
use crate::syntax::heredoc;
use crate::text::Span;

/// The scripts of an instruction (for ONBUILD: of its trigger), in the order of their places.
pub(super) fn scripts(instruction: &Instruction, file: &str, dialect: Dialect) -> Vec<Script> {
    match (instruction.keyword, &instruction.arguments) {
        (Keyword::Onbuild, Arguments::Onbuild(trigger)) => {
            // The gaps of the whole line are the outer instruction's; the trigger's own view has them as well.
            scripts(trigger, file, dialect)
        }
        (Keyword::Run | Keyword::Cmd | Keyword::Entrypoint, arguments) => body(instruction, arguments, file, dialect),
        (Keyword::Healthcheck, Arguments::Health(_, command)) => body(instruction, command, file, dialect),
        _ => Vec::new(),
    }
}

fn body(instruction: &Instruction, arguments: &Arguments, file: &str, dialect: Dialect) -> Vec<Script> {
    match arguments {
        Arguments::Exec(words) => {
            let words: Vec<(String, Span)> = words.iter().map(|word| (word.text.clone(), word.span)).collect();
            vec![shell::exec(&words)]
        }
        Arguments::Shell(word) if instruction.heredocs.is_empty() => {
            vec![shell_form(instruction, word, word.span, file, dialect)]
        }
        Arguments::Shell(word) => with_heredocs(instruction, word, file, dialect),
        _ => Vec::new(),
    }
}

fn shell_form(instruction: &Instruction, word: &Word, span: Span, file: &str, dialect: Dialect) -> Script {
    let kind = |kind| match kind {
        crate::syntax::ast::GapKind::Continuation => shell::GapKind::Continuation,
        _ => shell::GapKind::Line,
    };
    let inside = instruction.gaps.iter().filter(|gap| word.span.contains(gap.span));
    let gaps: Vec<shell::Gap> = inside.map(|gap| shell::Gap { span: gap.span, kind: kind(gap.kind) }).collect();
    shell::script(&Body { file, span, gaps: &gaps }, dialect)
}

/// `RUN <<EOF` runs its heredoc as a script, by its `#!` line if it has one. Anything else with a heredoc, such as `RUN
/// cat <<EOF > file`, is a command line that the shell reads together with the heredocs' lines.
fn with_heredocs(instruction: &Instruction, word: &Word, file: &str, dialect: Dialect) -> Vec<Script> {
    let alone = matches!(heredoc::opener(word.text.trim()), Ok(Some(_)));
    match (&instruction.heredocs[..], alone) {
        ([only], true) => vec![heredoc_script(only, file, dialect)],
        ([.., last], _) => {
            let end = last.terminator.end.max(word.span.end);
            vec![shell_form(instruction, word, Span::new(word.span.start, end), file, dialect)]
        }
        ([], _) => Vec::new(),
    }
}

fn heredoc_script(heredoc: &Heredoc, file: &str, dialect: Dialect) -> Script {
    let content = &file[heredoc.content.range()];
    let first_line = content.lines().next().unwrap_or("").trim_start();
    let dialect = if first_line.starts_with("#!") {
        shell::dialect_of_shebang(first_line).unwrap_or(Dialect::Other)
    } else {
        dialect
    };
    shell::script(&Body { file, span: heredoc.content, gaps: &[] }, dialect)
}
