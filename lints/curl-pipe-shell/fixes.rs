//! A download that arrives whole, is compared where its digest is known, and only then runs.

use super::{Fetch, Interpreter, is_short_cluster, is_stdin};
use crate::diagnostic::Fix;
use crate::model::{CommandRef, Dockerfile};
use crate::shell::tools::{self, Tool};
use crate::shell::{Command, Dialect, Guard, Nesting, Script, Word};
use crate::syntax::ast::{Arguments, Keyword};
use crate::text::{Edit, Span, apply};

/// A RUN longer than this (bytes) is data, and gets no fix.
const LONG: u32 = 65_536;

/// Downloads to a file first, for a script that is run straight from the network.
pub(super) fn of_direct(
    dockerfile: &Dockerfile,
    command: CommandRef<'_>,
    fetch: &Fetch,
    runner: &Command,
) -> Option<Fix> {
    let script = command.script;
    is_plain(dockerfile, command).then_some(())?;
    let top = ancestor(script, runner)?;
    let file = file_for(dockerfile, command, fetch, runner)?;
    let download = to_file(dockerfile, command, &file)?;
    let piped = command.command.parent.is_none();
    let first = if piped { command.command } else { top };
    let plain = |it: &Command| matches!(it.nesting, Nesting::Plain | Nesting::Conditional);
    if !plain(first) || !plain(top) || first.guard == Guard::Or || !stands_free(dockerfile, first.span, top.span) {
        return None;
    }
    let members = |it: &&Command| it.parent.is_none() && it.pipeline.0 == first.pipeline.0 && plain(it);
    if script.commands.iter().filter(members).count() != 1 + usize::from(piped) {
        return None;
    }
    let operator = operator(dockerfile, command, first, top)?;
    let check = check_of(dockerfile, fetch, &file);
    let mut edits = Vec::new();
    let joint = if piped {
        let between = Span::new(command.command.span.end, top.span.start);
        let joint = joint(dockerfile, between, operator)?;
        let behind = check.iter().map(|check| format!("{joint}{check}")).collect::<String>() + &joint;
        edits.push(Edit::replace(between, behind));
        edits.push(download);
        edits.extend(from_file(dockerfile, command, runner, &file)?);
        joint
    } else {
        let joint = one_line(operator);
        let own = command.command.span;
        let moved =
            Edit { span: Span::new(download.span.start - own.start, download.span.end - own.start), ..download };
        let text = apply(dockerfile.text(own), &[moved]).ok().filter(|text| !text.contains('\n'))?;
        let check: String = check.iter().map(|check| format!("{check}{joint}")).collect();
        edits.push(Edit::insert(top.span.start, format!("{text}{joint}{check}")));
        edits.extend(from_substitution(dockerfile, command, runner, &file)?);
        joint
    };
    edits.push(Edit::insert(top.span.end, format!("{joint}rm {file}")));
    Some(declare(check.is_some(), joined(edits)).adds_command("rm"))
}

/// Compares a file that is downloaded and run later with the digest that its address has now.
pub(super) fn of_staged(dockerfile: &Dockerfile, command: CommandRef<'_>, fetch: &Fetch) -> Option<Fix> {
    let own = command.command;
    is_plain(dockerfile, command).then_some(())?;
    let file = fetch.file.as_deref().filter(|file| !file.contains(['$', '`', '"', ' ']))?;
    let check = check_of(dockerfile, fetch, file)?;
    let alone = command.script.commands.iter().filter(|it| it.pipeline.0 == own.pipeline.0).count() == 1;
    let plain = own.parent.is_none() && own.nesting == Nesting::Plain && own.guard != Guard::Or;
    if !plain || !alone || !stands_free(dockerfile, own.span, own.span) {
        return None;
    }
    let next = next_of(command.script, command.index, own)?;
    let stops = told_to_stop(dockerfile, command);
    let operator = match next.guard {
        Guard::And => "&&",
        Guard::Always if stops && own.guard == Guard::Always => ";",
        _ => return None,
    };
    Some(declare(true, vec![Edit::insert(own.span.end, format!("{}{check}", one_line(operator)))]))
}

/// Makes one of edits that adjoin, so that nobody has to guess which comes first.
fn joined(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort_by_key(|edit| edit.span);
    let mut joined: Vec<Edit> = Vec::new();
    for edit in edits {
        match joined.last_mut() {
            Some(last) if last.span.end == edit.span.start => {
                last.span = last.span.cover(edit.span);
                last.text.push_str(&edit.text);
            }
            _ => joined.push(edit),
        }
    }
    joined
}

fn declare(checked: bool, edits: Vec<Edit>) -> Fix {
    if checked {
        let why =
            "the build stops as soon as the address serves another script, and somebody has to look at the new one";
        return Fix::suggestion("Compare the script with the checksum it has now before it runs", why, edits)
            .adds_command("echo")
            .adds_command("sha256sum");
    }
    let why = "a broken download no longer runs half a script, but what arrives is still unchecked: add its checksum";
    Fix::suggestion("Download the script to a file before it runs", why, edits)
}

/// Whether the RUN is one that can be rewritten.
fn is_plain(dockerfile: &Dockerfile, command: CommandRef<'_>) -> bool {
    let ast = &command.instruction.ast;
    let posix = command.instruction.before.shell.dialect == Dialect::Posix;
    let is_script = matches!(ast.arguments, Arguments::Shell(_));
    ast.keyword == Keyword::Run
        && ast.span.len() <= LONG
        && posix
        && is_script
        && command.script.clean
        && command.command.redirects.is_empty()
        && !dockerfile.text(command.command.span).contains('#')
}

/// The command that runs `command`, the outermost.
fn ancestor<'a>(script: &'a Script, command: &'a Command) -> Option<&'a Command> {
    let mut top = command;
    // Parents stand in front, so this ends.
    while let Some(parent) = top.parent {
        top = script.commands.get(parent as usize)?;
    }
    Some(top)
}

/// Where the script is put: its own name, if that is plain.
fn file_for(dockerfile: &Dockerfile, command: CommandRef<'_>, fetch: &Fetch, runner: &Command) -> Option<String> {
    let path = fetch.address.split(['?', '#']).next().unwrap_or("");
    let tail = path.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let last = tail.rsplit('/').next().unwrap_or("");
    let is_name = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        name.len() <= 40 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.bytes().all(plain)
    };
    let name = if is_name(last) && last.contains('.') {
        last.to_owned()
    } else {
        let stem = runner.base_name().trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let suffix = match stem {
            "python" | "pypy" => "py",
            "perl" => "pl",
            "ruby" => "rb",
            "node" | "nodejs" => "js",
            "php" => "php",
            "lua" => "lua",
            _ => "sh",
        };
        format!("install.{suffix}")
    };
    let file = format!("/tmp/{name}");
    let is_taken = dockerfile.text(command.instruction.ast.span).contains(&file);
    (!is_taken).then_some(file)
}

/// Sends the download to a file instead of standard output.
fn to_file(dockerfile: &Dockerfile, command: CommandRef<'_>, file: &str) -> Option<Edit> {
    let invocation = tools::invocation(command.command)?;
    match invocation.tool {
        Tool::Curl if !invocation.has("--output") && invocation.urls().len() == 1 => {
            Some(Edit::insert(command.command.span.end, format!(" -o {file}")))
        }
        Tool::Wget if invocation.urls().len() == 1 => {
            let option = invocation.option("--output-document")?;
            let word = option.value.filter(|value| value.text == "-")?.word;
            let written = dockerfile.text(word.span);
            if written == "-" {
                return Some(Edit::replace(word.span, file));
            }
            let kept = written.strip_suffix('-').filter(|kept| kept.starts_with('-'))?;
            let gap = if kept.ends_with('=') { "" } else { " " };
            Some(Edit::replace(Span::new(word.span.end - 1, word.span.end), format!("{gap}{file}")))
        }
        _ => None,
    }
}

/// What compares the file with the digest that its address is known to have.
fn check_of(dockerfile: &Dockerfile, fetch: &Fetch, file: &str) -> Option<String> {
    let digest = dockerfile.downloads.get(&fetch.address)?.strip_prefix("sha256:")?;
    Some(format!("echo \"{digest}  {file}\" | sha256sum -c -"))
}

/// What joins the steps that take the place of one, so that a step that fails still stops what it stopped.
fn operator(dockerfile: &Dockerfile, command: CommandRef<'_>, first: &Command, top: &Command) -> Option<&'static str> {
    let script = command.script;
    let at = script.commands.iter().position(|it| std::ptr::eq(it, top))?;
    let next = next_of(script, at, top).map(|next| next.guard);
    if next.is_some_and(|guard| guard != Guard::Always) || !told_to_stop(dockerfile, command) {
        return Some("&&");
    }
    // Under `set -e`, only what stands last in a chain of `&&` ends the script.
    (first.guard == Guard::Always).then_some(";")
}

/// The command behind `command` (at `index`) that is not of its making.
fn next_of<'a>(script: &'a Script, index: usize, command: &Command) -> Option<&'a Command> {
    script.commands.get(index + 1..)?.iter().find(|it| it.parent.is_none() && it.pipeline.0 != command.pipeline.0)
}

/// Whether the shell was told to stop at the first error before it comes to the command.
fn told_to_stop(dockerfile: &Dockerfile, command: CommandRef<'_>) -> bool {
    let short = |text: &str| text.starts_with('-') && !text.starts_with("--") && text.contains('e');
    let earlier = command.script.commands.iter().take(command.index);
    let by_set = earlier
        .filter(|it| it.base_name() == "set")
        .any(|set| set.arguments.iter().any(|word| short(&word.text) || word.text == "errexit"));
    let by_shell = command.instruction.before.shell.argv.iter().skip(1).any(|word| short(word));
    // A heredoc's `#!` line may carry switches.
    let by_line = command.instruction.ast.heredocs.first().is_some_and(|heredoc| {
        let line = dockerfile.text(heredoc.content).lines().next().unwrap_or("");
        line.starts_with("#!") && line.split_whitespace().skip(1).any(short)
    });
    by_set || by_shell || by_line
}

/// Whether what stands before and behind lets steps be put there: no `!`, no `&`, no comment.
fn stands_free(dockerfile: &Dockerfile, first: Span, last: Span) -> bool {
    let text = dockerfile.source.text();
    let is_blank = |c: char| c.is_whitespace() || c == dockerfile.escape || c == '\\';
    let before = text[..first.start as usize].trim_end_matches(is_blank);
    let behind = text[last.end as usize..].trim_start_matches(is_blank);
    let ends_well =
        !before.ends_with('!') && !before.ends_with(" time") && !before.ends_with('|') || before.ends_with("||");
    let single = |sign: char| behind.starts_with(sign) && !behind[1..].starts_with(sign);
    let same_line = text[last.end as usize..].split('\n').next().unwrap_or("");
    ends_well && !single('&') && !single('|') && !same_line.contains('#')
}

/// What stands between two commands of a pipeline, with another operator for the `|`.
fn joint(dockerfile: &Dockerfile, between: Span, operator: &str) -> Option<String> {
    let text = dockerfile.text(between);
    let (before, behind) = text.split_once('|')?;
    let is_blank = |text: &str| text.chars().all(|c| c.is_whitespace() || c == dockerfile.escape || c == '\\');
    if !is_blank(before) || !is_blank(behind) {
        return None;
    }
    Some(match (operator, before.contains('\n') || behind.contains('\n')) {
        (";", true) if before.contains('\n') => format!(";{before}{}", behind.trim_start()),
        (_, true) => format!("{before}{operator}{behind}"),
        _ => one_line(operator),
    })
}

fn one_line(operator: &str) -> String {
    if operator == ";" { "; ".to_owned() } else { format!(" {operator} ") }
}

/// Names the file to an interpreter that read its script from standard input.
fn from_file(dockerfile: &Dockerfile, command: CommandRef<'_>, runner: &Command, file: &str) -> Option<Vec<Edit>> {
    let shell = match Interpreter::of(runner)? {
        Interpreter::Shell => true,
        Interpreter::Language => false,
        _ => return None,
    };
    let mut gone: Vec<&Word> = Vec::new();
    let mut last_option = &runner.name;
    let mut words = runner.arguments.iter();
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        if text == "--" || is_stdin(text) {
            gone.push(word);
            break;
        } else if shell && text == "-s" {
            gone.push(word);
        } else if shell && text.starts_with(['-', '+']) && !text.starts_with("--") && !is_short_cluster(text, 's') {
            last_option = word;
            // `-o pipefail`.
            if is_short_cluster(text, 'o') {
                last_option = words.next()?;
            }
        } else if shell && !text.starts_with('-') && !gone.is_empty() || !shell && text == "-u" {
            if shell {
                break;
            }
            last_option = word;
        } else {
            return None;
        }
    }
    let Some((last, others)) = gone.split_last() else {
        return Some(vec![Edit::insert(last_option.span.end, format!(" {file}"))]);
    };
    // An option between the two would become the script's own.
    if last_option.span.start > last.span.start {
        return None;
    }
    let mut edits = vec![Edit::replace(last.span, file)];
    for other in others {
        edits.push(dockerfile.without_words(command.instruction_index, other.span)?);
    }
    Some(edits)
}

/// Names the file to an interpreter that got the script in `"$(…)"` or `<(…)`.
fn from_substitution(
    dockerfile: &Dockerfile,
    command: CommandRef<'_>,
    runner: &Command,
    file: &str,
) -> Option<Vec<Edit>> {
    let own = command.command.span;
    let at = runner.arguments.iter().position(|word| word.span.contains(own))?;
    let word = &runner.arguments[at];
    let holds = |open: &str, close: &str| {
        let inner = dockerfile.text(word.span).strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        inner.is_some_and(|inner| inner.trim() == dockerfile.text(own))
    };
    if holds("<(", ")") {
        return Some(vec![Edit::replace(word.span, file)]);
    }
    let option = runner.arguments.get(at.checked_sub(1)?)?;
    if Interpreter::of(runner) != Some(Interpreter::Shell) || option.text != "-c" || !holds("\"$(", ")\"") {
        return None;
    }
    let mut edits = vec![Edit::replace(option.span.cover(word.span), file)];
    // The first word behind the text of `-c` is `$0`.
    if let Some(zero) = runner.arguments.get(at + 1) {
        edits.push(dockerfile.without_words(command.instruction_index, zero.span)?);
    }
    Some(edits)
}
