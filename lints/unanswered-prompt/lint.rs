//! Package managers that ask before they go on, where nobody is there to answer.

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{CommandRef, Dockerfile};
use crate::shell::Word;
use crate::shell::tools::{self, Invocation, Tool};

pub(super) static LINT: Lint = Lint {
    summary: "A package manager asks a question that nobody answers",
    category: Category::Build,
    severity: Severity::Low,
    preset: Preset::Pedantic,
    aliases: &[
        "DL3014",
        "DL3030",
        "DL3034",
        "DL3038",
        "DS-0021",
        "77783205",
        "6e19193a",
        "45e1fca5",
        "7ebd323c",
        "dockerfile.correctness.missing-assume-yes-switch.missing-assume-yes-switch",
        "dockerfile.best-practice.missing-yum-assume-yes-switch.missing-yum-assume-yes-switch",
        "dockerfile.best-practice.missing-dnf-assume-yes-switch.missing-dnf-assume-yes-switch",
        "apt-get_missing_param",
    ],
    sources: &[
        "https://manpages.debian.org/stable/apt/apt-get.8.en.html",
        "https://dnf.readthedocs.io/en/latest/command_ref.html",
        "https://man.archlinux.org/man/pacman.8",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    // The instructions that tell a package manager to take yes for an answer; looked for once, where there is a question.
    let mut answered: Option<Vec<usize>> = None;
    for command in dockerfile.run_commands() {
        let Some(question) = question(&command) else { continue };
        if is_fed(&command) || may_hold_the_answer(&command) {
            continue;
        }
        let answered = answered.get_or_insert_with(|| dockerfile.saying(&ANSWERS));
        if dockerfile.is_behind_any(command.instruction_index, answered) {
            continue;
        }
        report(dockerfile, &command, &question, findings);
    }
}

/// Words of files and variables that answer for good, in lower case.
const ANSWERS: [&str; 5] = [
    "assume-yes",
    "apt.conf",
    "assumeyes",
    "alias ",
    // dnf's configuration, when it is copied whole.
    "/etc/dnf",
];

/// A command that asks.
struct Question<'a> {
    /// What the message calls it: `apt-get install`.
    shown: String,
    /// The word that the answer goes behind.
    behind: &'a Word,
    /// The option that answers.
    answer: &'static str,
    aliases: &'static [&'static str],
}

fn question<'a>(command: &CommandRef<'a>) -> Option<Question<'a>> {
    let name = command.command.base_name();
    let Some(tool) = tools::invocation(command.command) else { return of_pacman(command) };
    let verb = tool.subcommand?;
    let (asks, answer): (bool, &'static str) = match tool.tool {
        Tool::Apt => (apt_asks(&tool, command.parent().is_some_and(|parent| parent.base_name() == "xargs")), "-y"),
        // microdnf never asks.
        Tool::Dnf if name != "microdnf" => (dnf_asks(&tool), "-y"),
        Tool::Zypper => (zypper_asks(&tool), "-y"),
        _ => return None,
    };
    let aliases: &[&str] = match (tool.tool, name) {
        _ if !tool.is_install() => &[],
        (Tool::Apt, "apt-get") => &[
            "DL3014",
            "DS-0021",
            "77783205",
            "dockerfile.correctness.missing-assume-yes-switch.missing-assume-yes-switch",
            "apt-get_missing_param",
        ],
        (Tool::Dnf, "yum") => &[
            "DL3030",
            "6e19193a",
            "dockerfile.best-practice.missing-yum-assume-yes-switch.missing-yum-assume-yes-switch",
        ],
        (Tool::Dnf, "dnf") => &[
            "DL3038",
            "7ebd323c",
            "dockerfile.best-practice.missing-dnf-assume-yes-switch.missing-dnf-assume-yes-switch",
        ],
        (Tool::Zypper, _) => &["DL3034", "45e1fca5"],
        _ => &[],
    };
    // `dnf module enable`: two words make the subcommand.
    let second = tool.operands.first().filter(|_| tool.tool == Tool::Dnf && is_nested(&tool));
    let shown = match second {
        Some(second) => format!("{name} {} {}", verb.text, second.text),
        None => format!("{name} {}", verb.text),
    };
    let behind = second.copied().unwrap_or(verb);
    asks.then_some(Question { shown, behind, answer, aliases })
}

fn apt_asks(tool: &Invocation<'_>, more: bool) -> bool {
    const VERBS: [&str; 14] = [
        "install",
        "reinstall",
        "remove",
        "purge",
        "autoremove",
        "auto-remove",
        "autopurge",
        "upgrade",
        "dist-upgrade",
        "full-upgrade",
        "dselect-upgrade",
        "build-dep",
        "satisfy",
        "safe-upgrade",
    ];
    // From the second level of quiet on, the answer is yes.
    let quiet: u32 = tool
        .options_named("--quiet")
        .map(|option| option.value.map_or(1, |value| value.text.parse().unwrap_or(2)))
        .sum();
    let by_setting = ["APT::Get::Assume-Yes", "quiet", "APT::Get::Simulate"];
    let answered = ["--yes", "--simulate", "--help", "--version", "--print-uris", "--assume-no", "--config-file"];
    // Without packages there is nothing to ask about; xargs has `more` words.
    let idle = match tool.verb() {
        _ if more => false,
        "install" => tool.operands.is_empty() && !tool.has("--fix-broken"),
        "remove" | "purge" | "reinstall" => tool.operands.is_empty(),
        _ => false,
    };
    VERBS.contains(&tool.verb())
        && !idle
        && quiet < 2
        && !answered.iter().any(|option| tool.has(option))
        && !by_setting.iter().any(|key| tool.setting("--option", key).is_some())
}

fn dnf_asks(tool: &Invocation<'_>) -> bool {
    const VERBS: [&str; 27] = [
        "install",
        "in",
        "localinstall",
        "reinstall",
        "groupinstall",
        "update",
        "up",
        "upgrade",
        "update-to",
        "upgrade-to",
        "upgrade-minimal",
        "update-minimal",
        "remove",
        "rm",
        "erase",
        "autoremove",
        "swap",
        "downgrade",
        "dg",
        "distro-sync",
        "dsync",
        "distrosync",
        "builddep",
        "build-dep",
        "groupremove",
        "groupupdate",
        "debuginfo-install",
    ];
    let answered = ["--assumeyes", "--assumeno", "--help", "--version", "--config"];
    (VERBS.contains(&tool.verb()) || is_nested(tool))
        && !answered.iter().any(|option| tool.has(option))
        && tool.setting("--setopt", "assumeyes").is_none()
}

/// A verb of `dnf group`, `module` or `history` that changes something.
fn is_nested(tool: &Invocation<'_>) -> bool {
    const BEHIND: [&str; 10] =
        ["install", "remove", "update", "upgrade", "enable", "disable", "reset", "switch-to", "rollback", "undo"];
    matches!(tool.verb(), "group" | "groups" | "module" | "history")
        && tool.operands.first().is_some_and(|word| BEHIND.contains(&word.text.as_str()))
}

fn zypper_asks(tool: &Invocation<'_>) -> bool {
    const VERBS: [&str; 15] = [
        "install",
        "in",
        "remove",
        "rm",
        "update",
        "up",
        "dist-upgrade",
        "dup",
        "patch",
        "source-install",
        "si",
        "install-new-recommends",
        "inr",
        "verify",
        "ve",
    ];
    let answered = ["--non-interactive", "--no-confirm", "--dry-run", "--help", "--version"];
    VERBS.contains(&tool.verb()) && !answered.iter().any(|option| tool.has(option))
}

/// pacman, told by its words. conda and mamba ask too, but take the end of the input for yes.
fn of_pacman<'a>(command: &CommandRef<'a>) -> Option<Question<'a>> {
    let arguments = &command.command.arguments;
    let has = |options: &[&str]| arguments.iter().any(|word| options.contains(&word.text.as_str()));
    let operation = arguments.iter().filter(|_| command.command.base_name() == "pacman").find(|word| {
        let letters = word.text.strip_prefix('-').unwrap_or("");
        // Searching, listing, printing and emptying the cache are other questions.
        letters.starts_with(['S', 'R', 'U']) && !letters.contains(['s', 'i', 'g', 'l', 'p', 'c', 'h'])
            || matches!(letters, "Rs" | "Rns" | "Rsn" | "Rc" | "Rcs" | "Rcns")
    })?;
    let only_index = operation.text.chars().all(|letter| matches!(letter, '-' | 'S' | 'y'))
        && arguments.iter().all(|word| word.text.starts_with('-'));
    if only_index || has(&["--noconfirm", "--print", "--help"]) {
        return None;
    }
    Some(Question {
        shown: format!("pacman {}", operation.text),
        behind: operation,
        answer: "--noconfirm",
        aliases: &[],
    })
}

/// Whether something answers through standard input: a pipe (`yes |`) or a file. What xargs runs gets none of it.
fn is_fed(command: &CommandRef<'_>) -> bool {
    let mut outer = vec![command.command];
    outer.extend(command.parent());
    let outermost = command.outermost();
    if outer.iter().any(|command| command.base_name() == "xargs") {
        return false;
    }
    outer.push(outermost);
    let reads = |operator: &str| operator.trim_start_matches('0').starts_with('<');
    outer.iter().any(|command| command.redirects.iter().any(|redirect| reads(&redirect.operator)))
        || outermost.pipeline.1 > 0
}

/// Whether a variable or an option that isn't seen through may answer: its value has an option, or its name sounds so.
fn may_hold_the_answer(command: &CommandRef<'_>) -> bool {
    let name = std::iter::once(&command.command.name);
    name.chain(&command.command.arguments).filter(|word| word.text.contains('$')).any(|word| {
        let upper = word.text.to_ascii_uppercase();
        let sounds = ["OPT", "FLAG", "ARG", "YES", "PARAM", "APT", "DNF", "YUM", "MANAGER", "PKG_", "INSTALL"];
        match command.resolve(word) {
            Some(value) => value.split_whitespace().any(|part| part.starts_with('-')),
            None => {
                sounds.iter().any(|part| upper.contains(part)) || word.text.contains("$@") || word.text.contains("$*")
            }
        }
    })
}

fn report(dockerfile: &Dockerfile, command: &CommandRef<'_>, question: &Question<'_>, findings: &mut Findings) {
    let Question { shown, behind, answer, aliases } = question;
    // apt does what it is told without a question, as long as nothing else comes with it.
    let (asks, because) = if shown.starts_with("apt") {
        ("may ask", "it asks as soon as more comes or goes than the words say, and without an answer it gives up")
    } else {
        ("asks", "without an answer it gives up, and the step fails")
    };
    let message = format!("`{shown}` {asks} before it goes on, and nobody answers in a build");
    let finding = findings.report(behind.span, message);
    finding.because(because).help(format!("Answer beforehand with `{answer}`")).aliases(aliases);
    if !command.script.clean {
        finding.confidence(Confidence::Medium);
    }
    let Some(edit) = dockerfile.insert_option(command, behind, answer) else { return };
    let title = format!("Add `{answer}` to `{shown}`");
    finding.fix(if command.decides() {
        let why = "where the question comes up the step fails today, and elsewhere the option changes nothing";
        Fix::safe(title, why, vec![edit])
    } else {
        let why = "the step may go on today where the question stops this command, which then does its work";
        Fix::risky(title, why, vec![edit])
    });
}
