//! Code from the network that runs without anybody having looked at it: `curl … | sh` in all its spellings.

mod fixes;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{CommandRef, Dockerfile};
use crate::shell::tools::{self, Tool};
use crate::shell::{Command, Nesting, Redirect, Script, Word};
use crate::text::Span;

pub(super) static LINT: Lint = Lint {
    summary: "A script from the network runs unchecked",
    category: Category::SupplyChain,
    severity: Severity::High,
    sources: &[
        "https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html",
        "https://slsa.dev/spec/v1.0/threats",
        "https://cwe.mitre.org/data/definitions/494.html",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for command in dockerfile.run_commands() {
        let Some(fetch) = Fetch::of(command) else { continue };
        if fetch.is_local() {
            continue;
        }
        let direct = if fetch.file.is_none() { runs_output(command) } else { None };
        let staged = || fetch.file.as_deref().and_then(|file| runs_file(command, file));
        if let Some(runner) = direct {
            report(dockerfile, command, &fetch, runner, false, findings);
        } else if let Some(runner) = staged() {
            report(dockerfile, command, &fetch, runner, true, findings);
        }
    }
    powershell(dockerfile, findings);
}

fn report(
    dockerfile: &Dockerfile,
    command: CommandRef<'_>,
    fetch: &Fetch,
    runner: &Command,
    staged: bool,
    findings: &mut Findings,
) {
    let what = fetch.shown.as_deref().unwrap_or("what it downloads");
    let message = if staged {
        format!("{what} is downloaded and run without a check in between")
    } else {
        format!("{what} is run by {} straight from the network", shown_name(runner))
    };
    let (severity, because) = match (fetch.clear_text, fetch.pinned, staged) {
        (true, _, false) => (
            Severity::High,
            "the download is not encrypted: anyone on the way to the server can put a command of theirs in",
        ),
        (true, _, true) => (
            Severity::Medium,
            "the download is not encrypted: anyone on the way to the server can put a command of theirs in",
        ),
        (false, true, _) => (Severity::Low, "the address names a commit, but nothing checks that this is what arrives"),
        (false, false, false) => (
            Severity::Medium,
            "whoever controls that address runs commands in this build, and a broken download runs half a script",
        ),
        (false, false, true) => (Severity::Low, "whoever controls that address runs commands in this build"),
    };
    let reached = command.instruction.stage.and_then(|stage| dockerfile.stages.get(stage)).is_none_or(|s| s.reached);
    let finding = findings.report(command.command.span, message);
    finding
        .because(because)
        .label(runner.span, "this runs it")
        .help(
            "Download to a file, compare its checksum (`sha256sum -c`) or verify its signature, then run it; or install \
             the same from a package",
        )
        .severity(if reached { severity } else { severity.min(Severity::Low) });
    if !command.script.clean {
        finding.confidence(Confidence::Medium);
    }
    let fix = if staged {
        fixes::of_staged(dockerfile, command, fetch)
    } else {
        fixes::of_direct(dockerfile, command, fetch, runner)
    };
    if let Some(fix) = fix {
        finding.fix(fix);
    }
}

fn shown_name(command: &Command) -> String {
    match command.base_name() {
        "." => "`.`".to_owned(),
        name => format!("`{name}`"),
    }
}

/// A command that downloads.
struct Fetch {
    /// The file it writes, as written; `None` for standard output.
    file: Option<String>,
    /// The address as the message shows it.
    shown: Option<String>,
    address: String,
    /// `http://` or `ftp://`.
    clear_text: bool,
    /// Whether the address names a commit.
    pinned: bool,
}

impl Fetch {
    fn of(command: CommandRef<'_>) -> Option<Self> {
        let (address, file) = match command.command.base_name() {
            "fetch" | "http" | "https" | "xh" | "lynx" | "lwp-request" | "GET" => {
                let words = &command.command.arguments;
                let to_file =
                    words.iter().any(|word| matches!(word.text.as_str(), "-o" | "--output" | "-d" | "--download"));
                let to_stdout = words.iter().any(|word| word.text == "-");
                if to_file && !to_stdout {
                    return None;
                }
                (words.iter().find(|word| word.text.contains("://"))?, None)
            }
            _ => {
                let invocation = tools::invocation(command.command)?;
                let addresses = match invocation.tool {
                    Tool::Curl | Tool::Wget => invocation.urls(),
                    _ => return None,
                };
                let address = *addresses.first()?;
                let option = |name| Some(invocation.option(name)?.value?.text.to_owned());
                let file = match invocation.tool {
                    Tool::Curl if invocation.has("--head") => return None,
                    Tool::Curl => {
                        option("--output").or_else(|| invocation.has("--remote-name").then(|| last_part(&address.text)))
                    }
                    _ => option("--output-document").or_else(|| Some(last_part(&address.text))),
                };
                (address, file.filter(|file| !matches!(file.as_str(), "-" | "/dev/stdout" | "/dev/fd/1")))
            }
        };
        let redirected = command.command.redirects.iter().find(|redirect| {
            matches!(redirect.operator.as_str(), ">" | "1>" | ">|" | "&>") && !redirect.target.text.starts_with("/dev/")
        });
        let file = file.or_else(|| redirected.map(|redirect| redirect.target.text.clone()));
        let resolved = command.resolve(address).unwrap_or_else(|| address.text.clone());
        Some(Self {
            file,
            shown: resolved.contains("://").then(|| format!("`{}`", shortened(&resolved))),
            clear_text: starts_with_any(&resolved, &["http://", "ftp://"]),
            pinned: names_commit(&resolved),
            address: resolved,
        })
    }

    /// A file or a server of the build's own.
    fn is_local(&self) -> bool {
        let rest = self.address.split_once("://").map_or(self.address.as_str(), |(_, rest)| rest);
        let host = rest.split(['/', ':', '?']).next().unwrap_or("");
        starts_with_any(&self.address, &["file://"]) || matches!(host, "localhost" | "127.0.0.1" | "[")
    }
}

fn starts_with_any(text: &str, starts: &[&str]) -> bool {
    starts.iter().any(|start| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)))
}

fn last_part(address: &str) -> String {
    let path = address.split(['?', '#']).next().unwrap_or("");
    path.rsplit('/').next().unwrap_or("").to_owned()
}

/// The address without its query, which may be long or secret, and without a user's name and password.
fn shortened(address: &str) -> String {
    let path = address.split(['?', '#']).next().unwrap_or("");
    let without_user = path.split_once("://").map(|(scheme, rest)| {
        let (host, tail) = rest.split_once('/').map_or((rest, None), |(host, tail)| (host, Some(tail)));
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        tail.map_or_else(|| format!("{scheme}://{host}"), |tail| format!("{scheme}://{host}/{tail}"))
    });
    without_user.unwrap_or_else(|| path.to_owned())
}

/// Whether a part of the path is a whole commit id.
fn names_commit(address: &str) -> bool {
    address.split(['/', '=', '?', '&', '@']).any(|part| part.len() == 40 && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The command that runs what `fetch` writes to standard output.
fn runs_output(fetch: CommandRef<'_>) -> Option<&Command> {
    let commands = &fetch.script.commands;
    let mut index = fetch.index;
    // Each round climbs from where the output comes to light: a wrapper, a substitution, a pipeline.
    for _ in 0..8 {
        let command = commands.get(index)?;
        if let Some(runner) = pipeline_runner(fetch.script, index) {
            return Some(runner);
        }
        // Only the end of a pipeline hands its output on.
        let parent_index = command.parent? as usize;
        let parent = commands.get(parent_index)?;
        match command.nesting {
            Nesting::Process => return takes_script(parent, command.span).then_some(parent),
            Nesting::Substitution => {
                if is_code_of(parent, command.span) {
                    return Some(parent);
                }
                if !matches!(parent.base_name(), "echo" | "printf") {
                    return None;
                }
            }
            _ => {}
        }
        index = parent_index;
    }
    None
}

/// The interpreter behind the command in its pipeline that reads its script from standard input.
fn pipeline_runner(script: &Script, index: usize) -> Option<&Command> {
    let (pipeline, position) = script.commands.get(index)?.pipeline;
    script.commands.iter().enumerate().find_map(|(other, command)| {
        let behind =
            command.pipeline.0 == pipeline && command.pipeline.1 > position && !is_within(script, other, index);
        (behind && reads_script(command)).then_some(command)
    })
}

/// Whether the command at `index` stands in a substitution of a command that itself is in the pipeline: then it is not
/// fed by it.
fn is_within(script: &Script, index: usize, other: usize) -> bool {
    index == other
        || script
            .commands
            .get(index)
            .is_some_and(|command| matches!(command.nesting, Nesting::Substitution | Nesting::Process))
}

/// Whether the command runs what it gets on standard input.
fn reads_script(command: &Command) -> bool {
    let fed_otherwise =
        command.redirects.iter().any(|redirect| redirect.operator.trim_start_matches('0').starts_with('<'));
    if fed_otherwise {
        return false;
    }
    match Interpreter::of(command) {
        Some(Interpreter::Shell | Interpreter::Language) => names_no_script(command),
        Some(Interpreter::Source) => command.arguments.first().is_some_and(|word| is_stdin(&word.text)),
        Some(Interpreter::Su) => {
            command.arguments.iter().all(|word| !matches!(word.text.as_str(), "-c" | "--command"))
                && command.name.text != "runuser"
        }
        Some(Interpreter::Eval) | None => {
            matches!(command.base_name().to_ascii_lowercase().as_str(), "iex" | "invoke-expression")
        }
    }
}

/// Whether an interpreter's words leave it to standard input to say what runs.
fn names_no_script(command: &Command) -> bool {
    let asks = |word: &Word| word.text == "-s" || is_short_cluster(&word.text, 's');
    let stdin = Interpreter::of(command) == Some(Interpreter::Shell) && options(command).0.into_iter().any(asks);
    !has_inline(command) && (stdin || script_operand(command).is_none_or(|word| is_stdin(&word.text)))
}

/// Whether the command's script is the file that a process substitution at `span` makes.
fn takes_script(command: &Command, span: Span) -> bool {
    let is_stdin_of = |redirect: &Redirect| redirect.operator.starts_with('<') && redirect.target.span.contains(span);
    if command.redirects.iter().any(is_stdin_of) {
        return names_no_script(command);
    }
    match Interpreter::of(command) {
        Some(Interpreter::Shell | Interpreter::Language) => match script_operand(command) {
            Some(word) => word.span.contains(span),
            None => true,
        },
        Some(Interpreter::Source) => command.arguments.first().is_some_and(|word| word.span.contains(span)),
        _ => false,
    }
}

/// Whether a substitution at `span` is code that the command runs: in `sh -c "$(…)"`, `eval "$(…)"`, or the command
/// itself.
fn is_code_of(command: &Command, span: Span) -> bool {
    if command.name.span.contains(span) {
        return command.name.text.starts_with(['$', '`']);
    }
    let Some(at) = command.arguments.iter().position(|word| word.span.contains(span)) else { return false };
    let word = &command.arguments[at];
    let is_whole = word.text.trim_start().starts_with("$(") || word.text.trim_start().starts_with('`');
    match Interpreter::of(command) {
        Some(Interpreter::Eval) => true,
        Some(Interpreter::Shell | Interpreter::Language | Interpreter::Su) => {
            is_whole && at > 0 && is_inline_option(command, &command.arguments[at - 1])
        }
        _ => false,
    }
}

/// The later command of the same script that runs the file, with no check in between.
fn runs_file<'a>(fetch: CommandRef<'a>, file: &str) -> Option<&'a Command> {
    if file.is_empty() || file.starts_with('$') && !file.contains('/') && file.len() < 2 {
        return None;
    }
    let later = fetch.script.commands.iter().enumerate().skip(fetch.index + 1);
    for (index, command) in later {
        if tools::verifies(fetch.script, index) {
            return None;
        }
        let runs = match Interpreter::of(command) {
            Some(Interpreter::Shell | Interpreter::Language) if !has_inline(command) && !only_parses(command) => {
                script_operand(command).is_some_and(|word| same_file(&word.text, file))
            }
            Some(Interpreter::Source) => command.arguments.first().is_some_and(|word| same_file(&word.text, file)),
            _ => command.name.text.contains('/') && same_file(&command.name.text, file),
        };
        if runs {
            return Some(command);
        }
    }
    None
}

/// `sh -n`, `php -l`: the script is read and not run.
fn only_parses(command: &Command) -> bool {
    let letter = if command.base_name().starts_with("php") { 'l' } else { 'n' };
    command.arguments.first().is_some_and(|word| is_short_cluster(&word.text, letter))
}

fn has_inline(command: &Command) -> bool {
    // Behind the script or `--`, words are the script's own.
    options(command).0.iter().any(|word| is_inline_option(command, word))
}

/// Whether two paths of one script mean one file, given that the working directory may have changed between them.
fn same_file(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim_start_matches("./"), b.trim_start_matches("./"));
    let (name_a, name_b) = (a.rsplit('/').next(), b.rsplit('/').next());
    let both_in_folders = a.contains('/') && b.contains('/');
    a == b || name_a == name_b && name_a != Some("") && !both_in_folders
}

/// A program that runs code it is given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interpreter {
    Shell,
    /// Reads a script from standard input when no operand names one.
    Language,
    /// `source`, `.`.
    Source,
    Eval,
    Su,
}

impl Interpreter {
    fn of(command: &Command) -> Option<Self> {
        let name = command.base_name();
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        Some(match name {
            "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh" | "mksh" | "fish" | "csh" | "tcsh" | "pwsh" => Self::Shell,
            "source" | "." => Self::Source,
            "eval" => Self::Eval,
            "su" => Self::Su,
            _ if matches!(stem, "python" | "pypy" | "perl" | "ruby" | "node" | "nodejs" | "php" | "lua") => {
                Self::Language
            }
            _ => return None,
        })
    }
}

/// `-c`, `-e`, `-m` and the like: the code or module is in the words.
fn is_inline_option(command: &Command, word: &Word) -> bool {
    let letters: &[char] = match Interpreter::of(command) {
        Some(Interpreter::Shell | Interpreter::Su) => &['c'],
        Some(Interpreter::Language) => {
            match command.base_name().trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
                "python" | "pypy" => &['c', 'm'],
                "php" => &['r'],
                "perl" | "ruby" => &['e', 'E', 'n', 'p'],
                "node" | "nodejs" => &['e', 'p'],
                _ => &['e'],
            }
        }
        _ => &[],
    };
    letters.iter().any(|&letter| is_short_cluster(&word.text, letter))
        || matches!(word.text.as_str(), "--eval" | "--print" | "--command" | "-Command")
}

/// Whether the word is a cluster of one-letter options that has `letter`.
fn is_short_cluster(text: &str, letter: char) -> bool {
    text.strip_prefix('-').is_some_and(|letters| {
        !letters.is_empty()
            && letters.bytes().all(|b| b.is_ascii_alphabetic())
            && letters.len() <= 5
            && letters.contains(letter)
    })
}

/// The first word that is no option and no option's value: the script.
fn script_operand(command: &Command) -> Option<&Word> {
    options(command).1
}

/// The options in front of the script, and the script.
fn options(command: &Command) -> (Vec<&Word>, Option<&Word>) {
    let mut found = Vec::new();
    let mut words = command.arguments.iter();
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        if text == "--" {
            return (found, words.next());
        }
        if text == "-" || !text.starts_with(['-', '+']) {
            return (found, Some(word));
        }
        found.push(word);
        // `-o pipefail` of shells, `-W`, `-X` of Python.
        if matches!(text, "--rcfile" | "--init-file" | "-W" | "-X") || is_short_cluster(text, 'o') {
            words.next();
        }
    }
    (found, None)
}

fn is_stdin(text: &str) -> bool {
    matches!(text, "-" | "/dev/stdin" | "/proc/self/fd/0" | "/dev/fd/0")
}

/// `iex (iwr …)`, `iwr … | iex`, `Invoke-Expression ((New-Object Net.WebClient).DownloadString('…'))`.
fn powershell(dockerfile: &Dockerfile, findings: &mut Findings) {
    for command in dockerfile.run_commands() {
        if !matches!(command.command.base_name().to_ascii_lowercase().as_str(), "iex" | "invoke-expression") {
            continue;
        }
        let (pipeline, position) = command.command.pipeline;
        let in_front = command.script.commands.iter().rfind(|other| {
            other.pipeline.0 == pipeline && other.pipeline.1 < position && downloads(dockerfile.text(other.span))
        });
        let source = in_front.map_or(command.command.span, |other| other.span);
        let text = dockerfile.text(source);
        if !downloads(text) {
            continue;
        }
        let address = address_in(text);
        let clear = address.is_some_and(|address| starts_with_any(address, &["http://", "ftp://"]));
        let what = address.map_or("what it downloads".to_owned(), |address| format!("`{}`", shortened(address)));
        let finding = findings.report(
            source.cover(command.command.span),
            format!("{what} is run by `{}` straight from the network", command.command.base_name()),
        );
        finding
            .because("whoever controls that address runs commands in this build")
            .help("Download to a file, compare its hash (`Get-FileHash`) or check its signature, then run it")
            .severity(if clear { Severity::High } else { Severity::Medium });
        if !command.script.clean {
            finding.confidence(Confidence::Medium);
        }
    }
}

/// Whether a piece of PowerShell fetches text.
fn downloads(text: &str) -> bool {
    const CALLS: [&str; 7] = ["downloadstring", "invoke-webrequest", "invoke-restmethod", "iwr", "irm", "curl", "wget"];
    let lower = text.to_ascii_lowercase();
    lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| CALLS.contains(&word))
}

fn address_in(text: &str) -> Option<&str> {
    let scheme = text.find("://")?;
    let start = text[..scheme].rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |at| at + 1);
    let rest = &text[start..];
    let end =
        rest.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ')' | ';' | '|' | '`')).unwrap_or(rest.len());
    rest.get(..end)
}
