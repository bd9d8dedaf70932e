//! ENTRYPOINT and CMD that a shell stands in front of.

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{Dockerfile, Instruction};
use crate::shell::{Dialect, Script};
use crate::syntax::ast::{Arguments, Keyword, Word};
use crate::text::Edit;

pub(super) static LINT: Lint = Lint {
    summary: "A shell runs between the container and its program",
    category: Category::Runtime,
    severity: Severity::Low,
    aliases: &[
        "DL3025",
        "JSONArgsRecommended",
        "b86987e1",
        "dockerfile.best-practice.prefer-json-notation.prefer-json-notation",
    ],
    sources: &[
        "https://docs.docker.com/reference/dockerfile/#shell-form-entrypoint-example",
        "https://docs.docker.com/reference/build-checks/json-args-recommended/",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let Some(target) = dockerfile.target() else { return };
    let in_force = [target.end.entrypoint, target.end.cmd].into_iter().flatten();
    let triggers = dockerfile.instructions_of(target).filter(|(_, it)| it.is_trigger()).map(|(index, _)| index);
    for instruction in in_force.chain(triggers).filter_map(|index| dockerfile.instructions.get(index)) {
        let ast = instruction.effective();
        let Arguments::Shell(body) = &ast.arguments else { continue };
        if !matches!(ast.keyword, Keyword::Entrypoint | Keyword::Cmd) || is_meant(instruction) {
            continue;
        }
        report(dockerfile, instruction, body, findings);
    }
}

/// Whether the shell was chosen on purpose, or goes away: SHELL stands in the file, Windows, or `exec` in front.
fn is_meant(instruction: &Instruction) -> bool {
    let shell = &instruction.before.shell;
    let replaces_itself = instruction.scripts.iter().any(|script| {
        let mut plain = script.commands.iter().filter(|command| command.parent.is_none());
        plain.next_back().is_some_and(|last| last.base_name() == "exec")
    });
    shell.instruction.is_some() || shell.dialect != Dialect::Posix || replaces_itself
}

fn report(dockerfile: &Dockerfile, instruction: &Instruction, body: &Word, findings: &mut Findings) {
    let keyword = instruction.effective().keyword;
    let Some(script) = instruction.scripts.first().filter(|script| !script.commands.is_empty()) else { return };
    let words = plain_words(script);
    let is_entrypoint = keyword == Keyword::Entrypoint;
    let because = if is_entrypoint {
        "the shell is process 1 and need not pass SIGTERM on; CMD and the arguments of `docker run` are dropped"
    } else if behind_entrypoint(dockerfile, instruction) {
        "ENTRYPOINT gets `/bin/sh -c` and this text as its arguments"
    } else {
        "the shell is process 1 and need not pass SIGTERM on, and the image has to have a shell"
    };
    let help = match &words {
        Some(words) => format!("Write `{} {}`", keyword.as_str(), json(words)),
        None => "Put `exec` in front of the last command, or move this into a script that ends in `exec`".to_owned(),
    };
    let finding = findings.report(body.span, format!("`{}` is in shell form", keyword.as_str()));
    finding
        .because(because)
        .help(help)
        .aliases(&[
            "DL3025",
            "JSONArgsRecommended",
            "b86987e1",
            "dockerfile.best-practice.prefer-json-notation.prefer-json-notation",
        ])
        // Many shells replace themselves by the last command, so signals may arrive all the same.
        .confidence(Confidence::Medium);
    if !is_entrypoint || words.is_none() {
        finding.severity(Severity::Info);
    }
    let ast = instruction.effective();
    if let Some(words) = words.filter(|_| script.clean && ast.heredocs.is_empty() && ast.gaps.is_empty()) {
        let title = format!("Write `{}` in exec form", keyword.as_str());
        let why = "who extends or starts the image may rely on the shell";
        finding.fix(Fix::suggestion(title, why, vec![Edit::replace(body.span, json(&words))]));
    }
}

/// Whether an ENTRYPOINT of the file gets what CMD says.
fn behind_entrypoint(dockerfile: &Dockerfile, instruction: &Instruction) -> bool {
    let stage = instruction.stage.and_then(|stage| dockerfile.stages.get(stage));
    let entrypoint = stage.and_then(|stage| stage.end.entrypoint).and_then(|index| dockerfile.instructions.get(index));
    entrypoint.is_some_and(|entrypoint| matches!(entrypoint.ast.arguments, Arguments::Exec(_)))
}

/// The words of a script that needs no shell: one command of literal words, no builtin.
fn plain_words(script: &Script) -> Option<Vec<&str>> {
    const BUILTINS: [&str; 14] = [
        ".", ":", "cd", "command", "eval", "exec", "exit", "export", "read", "set", "source", "trap", "ulimit", "umask",
    ];
    // What the command itself runs (`sudo x`) is listed behind it.
    let mut own = script.commands.iter().filter(|command| command.parent.is_none());
    let (Some(command), None) = (own.next(), own.next()) else { return None };
    let is_plain = command.redirects.is_empty() && command.assignments.is_empty();
    let words = std::iter::once(&command.name).chain(&command.arguments);
    let words: Option<Vec<&str>> = words.map(|word| word.literal()).collect();
    words.filter(|words| is_plain && !words[0].is_empty() && !BUILTINS.contains(&words[0]))
}

/// The exec form of some words.
fn json(words: &[&str]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| {
            let mut text = String::from("\"");
            for letter in word.chars() {
                match letter {
                    '"' | '\\' => text.extend(['\\', letter]),
                    '\n' => text.push_str("\\n"),
                    '\t' => text.push_str("\\t"),
                    letter if (letter as u32) < 0x20 => text.push_str(&format!("\\u{:04x}", letter as u32)),
                    letter => text.push(letter),
                }
            }
            text + "\""
        })
        .collect();
    format!("[{}]", quoted.join(", "))
}
