//! apt installs what packages only recommend, for want of `--no-install-recommends`.

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{CommandRef, Dockerfile};
use crate::shell::Word;
use crate::shell::tools::{self, Invocation, Tool};

pub(super) static LINT: Lint = Lint {
    summary: "apt installs what packages only recommend",
    category: Category::Build,
    severity: Severity::Low,
    preset: Preset::Pedantic,
    aliases: &[
        "DL3015",
        "DS-0029",
        "7384dfb2",
        "dockerfile.best-practice.missing-no-install-recommends.missing-no-install-recommends",
        "apt-get_recommends",
        "CIS-4.3",
    ],
    sources: &[
        "https://manpages.debian.org/stable/apt/apt-get.8.en.html",
        "https://www.debian.org/doc/debian-policy/ch-relationships.html",
        "https://www.cisecurity.org/benchmark/docker",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let shipped = dockerfile.shipped();
    // Instructions that settle the question for good; looked for once, where there is one.
    let mut settled: Option<Vec<usize>> = None;
    for command in dockerfile.run_commands() {
        if command.instruction.stage.is_none_or(|stage| !shipped[stage]) {
            continue;
        }
        let Some(tool) = tools::invocation(command.command).filter(installs_recommended) else { continue };
        let Some(verb) = tool.subcommand.filter(|_| !may_hold_the_option(&command)) else { continue };
        let settled = settled.get_or_insert_with(|| dockerfile.saying(&["install-recommends \"", "apt.conf"]));
        if dockerfile.is_behind_any(command.instruction_index, settled) {
            continue;
        }
        report(dockerfile, &command, &tool, verb, findings);
    }
}

fn installs_recommended(tool: &Invocation<'_>) -> bool {
    const SAID: [&str; 7] = [
        "--no-install-recommends",
        "--install-recommends",
        "--simulate",
        "--download-only",
        "--print-uris",
        "--config-file",
        "--help",
    ];
    tool.tool == Tool::Apt
        && tool.verb() == "install"
        && !SAID.iter().any(|option| tool.has(option))
        && tool.setting("--option", "APT::Install-Recommends").is_none()
        && !tool.operands.is_empty()
}

/// Whether a variable's value has options, or is one that isn't known and whose name sounds like them.
fn may_hold_the_option(command: &CommandRef<'_>) -> bool {
    let words = std::iter::once(&command.command.name).chain(&command.command.arguments);
    words.filter(|word| word.text.contains('$')).any(|word| match command.resolve(word) {
        Some(value) => value.split_whitespace().any(|part| part.starts_with('-')),
        None => {
            let upper = word.text.to_ascii_uppercase();
            let sounds = ["OPT", "FLAG", "ARG", "PARAM", "APT", "INSTALL", "RECOMMEND", "$@", "$*"];
            sounds.iter().any(|part| upper.contains(part))
        }
    })
}

fn report(
    dockerfile: &Dockerfile,
    command: &CommandRef<'_>,
    tool: &Invocation<'_>,
    verb: &Word,
    findings: &mut Findings,
) {
    let name = command.command.base_name();
    let finding = findings.report(verb.span, format!("`{name} install` brings in what the packages only recommend"));
    finding
        .because("what nothing needs still has to be kept up to date, and serves whoever gets in")
        .help("Add `--no-install-recommends`, and name the recommended packages that are needed");
    if name == "apt-get" {
        finding.aliases(LINT.aliases);
    } else {
        finding.aliases(&["DL3015", "CIS-4.3"]);
    }
    if !command.script.clean {
        finding.confidence(Confidence::Medium);
    }
    let Some(edit) = dockerfile.insert_option(command, last_option(command, tool, verb), OPTION) else { return };
    let title = format!("Add `{OPTION}` to `{name} install`");
    finding.fix(Fix::risky(title, "the build or the app may need a package that was only recommended", vec![edit]));
}

const OPTION: &str = "--no-install-recommends";

/// The last of the options without a value that stand directly behind the verb, so that the new one joins them.
fn last_option<'a>(command: &CommandRef<'a>, tool: &Invocation<'a>, verb: &'a Word) -> &'a Word {
    let behind = command.command.arguments.iter().skip_while(|word| !std::ptr::eq(*word, verb)).skip(1);
    let is_flag = |word: &&Word| {
        let mut uses = tool.options.iter().filter(|option| std::ptr::eq(option.word, *word)).peekable();
        uses.peek().is_some() && uses.all(|option| option.value.is_none_or(|value| std::ptr::eq(value.word, *word)))
    };
    behind.take_while(is_flag).last().unwrap_or(verb)
}
