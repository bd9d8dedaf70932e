//! ENTRYPOINT and CMD that a shell stands in front of.

mod image;

use crate::diagnostic::{Category, Confidence, Fix, Safety, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{Base, Dockerfile, Instruction, Mended, Stage, script_of};
use crate::shell::{self, Command, Dialect, Guard, Nesting, Script, secrets};
use crate::syntax::ast::{Arguments, Keyword, Word};
use crate::text::{Edit, Span};

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
    image: Some(image::check),
    ..Lint::BASE
};

const WHY_ENTRYPOINT: &str =
    "the shell is process 1 and need not pass SIGTERM on; CMD and the arguments of `docker run` are dropped";
const WHY_BEHIND: &str = "ENTRYPOINT gets `/bin/sh -c` and this text as its arguments";
const WHY_CMD: &str = "the shell is process 1 and need not pass SIGTERM on, and the image has to have a shell";
const HELP_SHELL: &str = "Put `exec` in front of the last command, or move this into a script that ends in `exec`";

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
    let words = plain_words(dockerfile, instruction, script);
    let is_entrypoint = keyword == Keyword::Entrypoint;
    let because = if is_entrypoint {
        WHY_ENTRYPOINT
    } else if behind_entrypoint(dockerfile, instruction) {
        WHY_BEHIND
    } else {
        WHY_CMD
    };
    // What a secret stands in is not written out once more.
    let is_public = || secrets::in_commands(dockerfile.text(body.span), Dialect::Posix).is_empty();
    let help = match &words {
        Some(words) if is_public() => format!("Write `{} {}`", keyword.as_str(), json(words)),
        _ => HELP_SHELL.to_owned(),
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
    // A trigger's place is in images built on this one, of which nothing is known.
    let stage = instruction.stage.and_then(|stage| dockerfile.stages.get(stage)).filter(|_| !instruction.is_trigger());
    let Some(stage) = stage.filter(|_| script.clean && instruction.ast.heredocs.is_empty()) else { return };
    if let Some(almost) = dockerfile.almost_exec(instruction) {
        almost.mended.iter().for_each(|array| {
            finding.fix(mended(instruction, array));
        });
        return;
    }
    let exec = exec_form(dockerfile, stage, instruction, script);
    let first = replaced(dockerfile, stage, instruction, script);
    let safe = |fix: &Option<Fix>| fix.as_ref().is_some_and(|fix| fix.safety == Safety::Safe);
    let fixes = if safe(&exec) { [exec, None] } else { [first, exec] };
    for fix in fixes.into_iter().flatten() {
        finding.fix(fix);
    }
}

/// Programs of which it is known that they need no shell to start them: executables, or scripts with a `#!` line, by their
/// own projects' installation.
const PROGRAMS: [&str; 46] = [
    "apache2-foreground",
    "apache2",
    "bash",
    "bun",
    "bundle",
    "caddy",
    "celery",
    "daphne",
    "deno",
    "dotnet",
    "fastapi",
    "flask",
    "gunicorn",
    "haproxy",
    "hypercorn",
    "httpd-foreground",
    "irb",
    "java",
    "jshell",
    "jupyter",
    "mongod",
    "mysqld",
    "nginx",
    "node",
    "nodejs",
    "npm",
    "npx",
    "perl",
    "php",
    "php-fpm",
    "pnpm",
    "postgres",
    "puma",
    "python",
    "python2",
    "python3",
    "rails",
    "redis-server",
    "ruby",
    "sh",
    "sleep",
    "streamlit",
    "tail",
    "uvicorn",
    "uwsgi",
    "yarn",
];

/// Official images whose Dockerfiles set no ENTRYPOINT (docker-library/*, rust-lang/docker-rust, the distributions' own):
/// CMD alone says what starts.
const WITHOUT_ENTRYPOINT: [&str; 19] = [
    "almalinux",
    "alpine",
    "amazonlinux",
    "archlinux",
    "buildpack-deps",
    "busybox",
    "centos",
    "debian",
    "fedora",
    "gcc",
    "golang",
    "openjdk",
    "oraclelinux",
    "perl",
    "python",
    "rockylinux",
    "ruby",
    "rust",
    "ubuntu",
];

/// The words as a JSON array, each left in its place.
fn exec_form(dockerfile: &Dockerfile, stage: &Stage, instruction: &Instruction, script: &Script) -> Option<Fix> {
    let words = plain_words(dockerfile, instruction, script)?;
    let command = script.commands.first()?;
    let spans = std::iter::once(command.name.span).chain(command.arguments.iter().map(|word| word.span));
    let last = words.len() - 1;
    let mut edits = Vec::new();
    for (index, (word, span)) in words.iter().zip(spans).enumerate() {
        // A line that goes on inside of a word has no place in JSON.
        if dockerfile.text(span).contains('\n') || index == 0 && word.starts_with('[') {
            return None;
        }
        let (open, close) = (if index == 0 { "[" } else { "" }, if index == last { "]" } else { "," });
        edits.push(Edit::replace(span, format!("{open}{}{close}", quoted(word))));
    }
    let keyword = instruction.effective().keyword;
    let title = format!("Write `{}` in exec form", keyword.as_str());
    if let Some(doubt) = arguments_change(dockerfile, stage, keyword) {
        return Some(Fix::suggestion(title, doubt, edits));
    }
    let name = command.base_name();
    let known = PROGRAMS.contains(&name) && (command.name.text == name || in_bin(&command.name.text));
    let has_shebang = || {
        let script = script_of(dockerfile, stage);
        script.is_some_and(|script| script.text.starts_with("#!") && script.image_path.ends_with(&format!("/{name}")))
    };
    Some(if known || has_shebang() {
        let why = "no word needs a shell, and the program is found and gets its arguments as before";
        Fix::safe(title, why, edits)
    } else {
        Fix::risky(title, "a script without a `#!` line starts from a shell only", edits)
    })
}

fn in_bin(path: &str) -> bool {
    matches!(path.rsplit_once('/'), Some(("/bin" | "/usr/bin" | "/usr/local/bin" | "/sbin" | "/usr/sbin", _)))
}

/// Why the program may get other arguments in exec form; `None` where it gets the same.
fn arguments_change(dockerfile: &Dockerfile, stage: &Stage, keyword: Keyword) -> Option<&'static str> {
    if keyword == Keyword::Entrypoint {
        return stage.end.cmd.is_some().then_some("the words of CMD, which a shell drops, become arguments");
    }
    if stage.end.entrypoint.is_some() {
        return Some("ENTRYPOINT gets these words as its arguments, in place of `/bin/sh -c` and a text");
    }
    let root = dockerfile.lineage(stage).last()?;
    let known = match &root.base {
        Base::Scratch => true,
        Base::Image(image) => {
            let hub = matches!(image.registry.as_deref(), None | Some("docker.io"));
            hub && image.value.known().is_some() && WITHOUT_ENTRYPOINT.contains(&image.repository.as_str())
        }
        _ => false,
    };
    (!known).then_some("an ENTRYPOINT of the base image gets these words, in place of `/bin/sh -c` and a text")
}

/// Words that only a shell understands: builtins and keywords of POSIX's shell and of bash.
const BUILTINS: &[&str] = &[
    ".", ":", "[[", "alias", "bg", "break", "builtin", "caller", "case", "cd", "command", "continue", "coproc",
    "declare", "disown", "do", "enable", "eval", "exec", "exit", "export", "fc", "fg", "for", "function", "getopts",
    "hash", "if", "jobs", "let", "local", "read", "readonly", "return", "select", "set", "shift", "shopt", "source",
    "time", "times", "trap", "type", "typeset", "ulimit", "umask", "unset", "wait",
];

/// Builtins that are programs too, so that a shell need not start one.
const DOUBLES: [&str; 8] = ["[", "echo", "false", "kill", "printf", "pwd", "test", "true"];

/// `exec` in front of the last command, which takes the shell's place then.
fn replaced(dockerfile: &Dockerfile, stage: &Stage, instruction: &Instruction, script: &Script) -> Option<Fix> {
    // The text of CMD is an argument of an ENTRYPOINT in exec form, which need not start it.
    if instruction.effective().keyword == Keyword::Cmd && stage.end.entrypoint.is_some() {
        return None;
    }
    let top: Vec<&Command> = script.commands.iter().filter(|command| command.parent.is_none()).collect();
    let last = *top.last()?;
    let body = match &instruction.effective().arguments {
        Arguments::Shell(word) => word.span,
        _ => return None,
    };
    // A trap, a function or a compound needs the shell to stay.
    let plain = top.iter().all(|one| one.nesting == Nesting::Plain && !matches!(one.base_name(), "trap" | "exec"));
    let alone = top.iter().filter(|one| one.pipeline.0 == last.pipeline.0).count() == 1;
    let ends = dockerfile.text(Span::new(last.span.end, body.end.max(last.span.end))).trim().is_empty();
    let before = dockerfile.text(Span::new(body.start, last.span.start)).trim_end();
    let opened = before.ends_with(['(', '{', '!']) || before.ends_with("then") || before.ends_with("do");
    let name = last.name.text.as_str();
    let starts =
        !name.is_empty() && !BUILTINS.contains(&name) && !DOUBLES.contains(&name) && !name.starts_with(['[', '{', '(']);
    if !plain || !alone || !ends || opened || !starts || last.guard == Guard::Or {
        return None;
    }
    // A name that is a variable alone may come to a builtin, or to nothing.
    let guess = matches!(
        last.name.parts[..],
        [shell::Part::Variable(_) | shell::Part::Modified(_) | shell::Part::Substitution]
    );
    let edit = vec![Edit::insert(last.name.span.start, "exec ")];
    let title = "Put `exec` in front of the last command";
    // What only changes the shell's own state leaves nothing running behind it.
    let quiet = |one: &&Command| matches!(one.base_name(), "" | "cd" | "export" | "set" | "umask" | "ulimit" | "unset");
    let fix = if guess {
        Fix::risky(title, "what the variable holds may be no program", edit)
    } else if !is_linux(dockerfile, stage, body) {
        Fix::risky(title, "the base image is not known, and its shell may be that of Windows", edit)
    } else if top[..top.len() - 1].iter().all(quiet) {
        Fix::safe(title, "the shell reads the words as before, and the program takes its place", edit)
    } else {
        let why = "what the commands before it left running loses the shell that waited for it";
        Fix::risky(title, why, edit)
    };
    Some(fix.adds_command("exec"))
}

/// Whether a shell of Linux reads the text: by the base image, or by what only such a shell understands.
fn is_linux(dockerfile: &Dockerfile, stage: &Stage, body: Span) -> bool {
    let text = dockerfile.text(body);
    let posix =
        text.contains('$') || text.split_whitespace().any(|word| word.starts_with(['/', '.']) && word.len() > 2);
    dockerfile.family_under(stage).is_some() || dockerfile.content_under(stage).is_some() || posix
}

/// The text as the JSON array that it was meant to be.
fn mended(instruction: &Instruction, mended: &Mended) -> Fix {
    let title = format!("Make a JSON array of what `{}` says", instruction.effective().keyword.as_str());
    let why = "who starts the image has to have named another command, since this one fails";
    let fix = Fix::risky(title, why, mended.edits.clone());
    let gone = instruction.scripts.iter().flat_map(|script| &script.commands);
    let fix = gone.fold(fix, |fix, command| fix.removes_command(command.base_name()));
    mended.commands.iter().fold(fix, |fix, name| fix.adds_command(name))
}

/// Whether an ENTRYPOINT of the file gets what CMD says.
fn behind_entrypoint(dockerfile: &Dockerfile, instruction: &Instruction) -> bool {
    let stage = instruction.stage.and_then(|stage| dockerfile.stages.get(stage));
    let entrypoint = stage.and_then(|stage| stage.end.entrypoint).and_then(|index| dockerfile.instructions.get(index));
    entrypoint.is_some_and(|entrypoint| matches!(entrypoint.ast.arguments, Arguments::Exec(_)))
}

/// The words of a script that needs no shell: one command of literal words, no builtin, with nothing before or behind it
/// (`time`, `!`, `&`).
fn plain_words<'a>(dockerfile: &Dockerfile, instruction: &Instruction, script: &'a Script) -> Option<Vec<&'a str>> {
    let Arguments::Shell(body) = &instruction.effective().arguments else { return None };
    // What the command itself runs (`sudo x`) is listed behind it.
    let mut own = script.commands.iter().filter(|command| command.parent.is_none());
    let (Some(command), None) = (own.next(), own.next()) else { return None };
    let end = body.span.start + dockerfile.text(body.span).trim_end().len() as u32;
    let is_alone = command.span == Span::new(body.span.start, end);
    let is_plain = is_alone && command.redirects.is_empty() && command.assignments.is_empty();
    let words = std::iter::once(&command.name).chain(&command.arguments);
    let words: Option<Vec<&str>> = words.map(|word| word.literal()).collect();
    words.filter(|words| is_plain && !words[0].is_empty() && !BUILTINS.contains(&words[0]))
}

/// The exec form of some words.
fn json(words: &[&str]) -> String {
    format!("[{}]", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "))
}

/// A word as a JSON string.
fn quoted(word: &str) -> String {
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
}
