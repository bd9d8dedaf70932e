//! `RUN cd /folder && …` and `RUN cd /folder` alone.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::dockerignore::clean;
use crate::model::{CommandRef, Dockerfile, Instruction};
use crate::shell::{Dialect, Guard, Nesting, Part, Word};
use crate::syntax::ast::{Arguments, Keyword};
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "A step changes its folder with `cd` where WORKDIR would",
    category: Category::Build,
    severity: Severity::Low,
    preset: Preset::Pedantic,
    aliases: &[
        "DL3003",
        "DS-0013",
        "f4a6bcd3",
        "run_command_cd_instead_of_workdir",
        "dockerfile.best-practice.use-workdir.use-workdir",
    ],
    sources: &[
        "https://docs.docker.com/build/building/best-practices/#workdir",
        "https://docs.docker.com/reference/dockerfile/#workdir",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for (instruction_index, instruction) in dockerfile.instructions.iter().enumerate() {
        if instruction.ast.keyword != Keyword::Run || !matches!(instruction.ast.arguments, Arguments::Shell(_)) {
            continue;
        }
        let [script] = &instruction.scripts[..] else { continue };
        let Some(command) = script.commands.first().filter(|first| leads(dockerfile, instruction, first.span)) else {
            continue;
        };
        let is_first = command.nesting == Nesting::Plain && command.parent.is_none() && command.guard == Guard::Always;
        let [folder] = &command.arguments[..] else { continue };
        let plain = command.redirects.is_empty() && command.assignments.is_empty();
        if !is_first || !plain || command.base_name() != "cd" || folder.text.starts_with('-') {
            continue;
        }
        let cd = CommandRef { command, index: 0, script, instruction, instruction_index };
        if script.commands.len() == 1 {
            alone(dockerfile, &cd, folder, findings);
        } else {
            in_front(dockerfile, &cd, folder, findings);
        }
    }
}

/// Whether nothing stands in front of a command in its script, no `(` or `if` either.
fn leads(dockerfile: &Dockerfile, instruction: &Instruction, command: Span) -> bool {
    let start = match (&instruction.ast.arguments, &instruction.ast.heredocs[..]) {
        (Arguments::Shell(text), []) => text.span.start,
        (_, [only]) => only.content.start,
        _ => return false,
    };
    start <= command.start && dockerfile.text(Span::new(start, command.start)).trim().is_empty()
}

/// A step that does nothing but change the folder of its own shell.
fn alone(dockerfile: &Dockerfile, cd: &CommandRef<'_>, folder: &Word, findings: &mut Findings) {
    let finding = findings.report(cd.command.span, format!("`cd {}` alone in a step has no effect", folder.text));
    finding
        .aliases(LINT.aliases)
        .because("each step starts its own shell in the WORKDIR in force, so the next one is not in this folder")
        .help(format!("Write `WORKDIR {}`, or remove the step", folder.text));
    let ast = &cd.instruction.ast;
    let no_effect = !folder.parts.iter().any(|part| matches!(part, Part::Substitution | Part::Modified(_)));
    let whole = cd.script.clean && ast.flags.is_empty() && ast.heredocs.is_empty() && is_posix(cd.instruction);
    if !whole || !no_effect {
        return;
    }
    if let Some(edit) = dockerfile.without_plain(cd.instruction_index) {
        let why = "the step changes nothing; all it can do is fail";
        let fix = Fix::safe("Remove the step", why, vec![edit]);
        finding.fix(fix.removes("RUN").removes_command("cd"));
    }
    let keyword = &ast.name;
    let between = Span::new(keyword.span.end, cd.command.span.start);
    let to_folder = Span::new(cd.command.span.start, folder.span.start);
    if path(folder).is_some() && ast.gaps.is_empty() && dockerfile.text(between).trim().is_empty() {
        let edits =
            vec![Edit::replace(keyword.span, cd.instruction.keyword_like(Keyword::Workdir)), Edit::delete(to_folder)];
        let why = "the steps behind it would run in this folder, which they don't now";
        let fix = Fix::suggestion(format!("Make it `WORKDIR {}`", folder.text), why, edits);
        finding.fix(fix.removes("RUN").adds("WORKDIR").removes_command("cd"));
    }
}

fn in_front(dockerfile: &Dockerfile, cd: &CommandRef<'_>, folder: &Word, findings: &mut Findings) {
    let finding = findings.report(cd.command.span, format!("the step starts with `cd {}`", folder.text));
    finding
        .aliases(LINT.aliases)
        .severity(Severity::Info)
        .because("WORKDIR says once where the steps run, and makes the folder where it is missing")
        .help(format!("Put `WORKDIR {}` in front of the step", folder.text));
    let Some(path) = path(folder).filter(|_| is_posix(cd.instruction)) else { return };
    // `cd -` and `cd ..` count from where the shell was before.
    let goes_back = |word: &Word| word.text == "-" || word.text.starts_with("~-");
    let moves = dockerfile.text(cd.instruction.ast.span).contains("OLDPWD")
        || cd.script.commands.iter().skip(1).any(|it| it.arguments.iter().any(goes_back));
    let Some(edit) = dockerfile.without_command(cd).filter(|_| !moves) else { return };
    if is_in_force(cd.instruction, path) {
        let why = "the WORKDIR in force is this folder, where each step starts";
        let fix = Fix::safe("Leave the `cd` out", why, vec![edit]);
        finding.fix(fix.removes_command("cd"));
        return;
    }
    let line = format!("{} {path}", cd.instruction.keyword_like(Keyword::Workdir));
    let Some(above) = dockerfile.insert_above(cd.instruction_index, &[line]) else { return };
    let title = format!("Put `WORKDIR {path}` in front of the step");
    let edits = vec![above, edit];
    let fix = if is_left_again(dockerfile, cd.instruction_index) {
        Fix::risky(title, "WORKDIR makes a folder that is missing, where `cd` would fail", edits)
    } else {
        Fix::suggestion(title, "what follows would run in this folder, the container too", edits)
    };
    finding.fix(fix.adds("WORKDIR").removes_command("cd"));
}

/// An absolute path that WORKDIR reads as the shell does.
fn path(word: &Word) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte);
    word.literal().filter(|path| path.starts_with('/') && path.bytes().all(is_plain))
}

fn is_posix(instruction: &Instruction) -> bool {
    instruction.before.shell.dialect == Dialect::Posix
}

/// Whether the step starts in this folder, by a WORKDIR that no build argument changes.
fn is_in_force(instruction: &Instruction, path: &str) -> bool {
    let Some(setting) = &instruction.before.workdir else { return false };
    let known = setting.value.known().filter(|_| !setting.value.overridable);
    known.is_some_and(|folder| folder.starts_with('/') && clean(folder) == clean(path))
}

/// Whether an absolute WORKDIR follows before anything reads the one in force.
fn is_left_again(dockerfile: &Dockerfile, index: usize) -> bool {
    let stage = dockerfile.instructions[index].stage;
    let rest = dockerfile.instructions[index + 1..].iter().take_while(|it| it.stage == stage);
    use Keyword::{Arg, Env, Expose, Label, Maintainer, Shell, Stopsignal, User};
    let mut readers = rest
        .filter(|it| !matches!(it.ast.keyword, Arg | Env | Expose | Label | Maintainer | Shell | Stopsignal | User));
    readers.next().is_some_and(|next| {
        let value = next.values.first();
        next.ast.keyword == Keyword::Workdir
            && value.is_some_and(|value| value.known().is_some_and(|it| it.starts_with('/')))
    })
}
