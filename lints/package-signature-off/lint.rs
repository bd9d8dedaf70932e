//! Package managers told not to check who made a package.

mod fixes;
mod image;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{CommandRef, Dockerfile};
use crate::shell::tools::{self, Invocation, Tool};
use crate::syntax::ast::Keyword;
use crate::text::Span;
use fixes::Removal;

pub(super) static LINT: Lint = Lint {
    summary: "A package manager does not check signatures",
    category: Category::SupplyChain,
    severity: Severity::Medium,
    aliases: &["CKV2_DOCKER_7", "CKV2_DOCKER_8", "CKV2_DOCKER_9", "CKV2_DOCKER_10", "CKV2_DOCKER_11"],
    sources: &[
        "https://manpages.debian.org/stable/apt/apt-secure.8.en.html",
        "https://dnf.readthedocs.io/en/latest/conf_ref.html",
        "https://cwe.mitre.org/data/definitions/347.html",
    ],
    dockerfile: Some(check),
    image: Some(image::check),
    reads: image::READS,
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for command in dockerfile.run_commands() {
        let mut found = switched_off(dockerfile, command);
        if let Some(written) = tools::written(command.script, command.index) {
            let text = written.text.lines().find_map(told_off);
            let removal = || fixes::of_written(dockerfile, command, &written);
            found.extend(text.map(|told| Evidence::written(command.command.span, told).removal(removal())));
        }
        report(dockerfile, Some(command), &found, findings);
    }
    // Files that COPY and ADD make of heredocs.
    for instruction in &dockerfile.instructions {
        if !matches!(instruction.effective().keyword, Keyword::Copy | Keyword::Add) {
            continue;
        }
        for heredoc in &instruction.effective().heredocs {
            let mut at = heredoc.content.start;
            let mut found = Vec::new();
            for line in dockerfile.text(heredoc.content).split_inclusive('\n') {
                let span = Span::new(at, at + line.trim_end().len() as u32);
                let whole = Span::new(at, at + line.len() as u32);
                let removal = || fixes::of_line(line, whole);
                found.extend(told_off(line).map(|told| Evidence::written(span, told).removal(removal())));
                at += line.len() as u32;
            }
            report(dockerfile, None, &found, findings);
        }
    }
}

/// One way in which signatures are switched off.
struct Evidence {
    span: Span,
    /// The option or setting as the message shows it.
    shown: String,
    /// What it does.
    effect: &'static str,
    severity: Severity,
    alias: Option<&'static str>,
    /// What has to go for it to be gone.
    removal: Removal,
}

impl Evidence {
    fn removal(mut self, removal: Removal) -> Self {
        self.removal = removal;
        self
    }

    fn written(span: Span, (shown, effect): (&str, &'static str)) -> Self {
        let (severity, removal) = (Severity::Medium, Removal::Unknown);
        Self { span, shown: shown.to_owned(), effect, severity, alias: None, removal }
    }
}

/// One finding a command; a second switch in it is a label.
fn report(dockerfile: &Dockerfile, command: Option<CommandRef<'_>>, found: &[Evidence], findings: &mut Findings) {
    let [first, others @ ..] = found else { return };
    let severity = found.iter().map(|evidence| evidence.severity).max().unwrap_or(Severity::Medium);
    let stage = command.and_then(|command| command.instruction.stage).and_then(|stage| dockerfile.stages.get(stage));
    let reached = stage.is_none_or(|stage| stage.reached);
    let who = command.map_or("", |command| command.command.base_name());
    let message = match who {
        "" | "echo" | "printf" | "cat" | "tee" | "sed" => format!("`{}` {}", first.shown, first.effect),
        who => format!("`{}` {}, for `{who}`", first.shown, first.effect),
    };
    let finding = findings.report(first.span, message);
    finding
        .because(
            "whoever controls the mirror, or the way to it, decides what runs as root in this build and in the image",
        )
        .help("Leave the check on and give the package manager the publisher's key")
        .severity(if reached { severity } else { severity.min(Severity::Low) });
    for other in others {
        finding.label(other.span, format!("`{}` {}", other.shown, other.effect));
    }
    for (index, evidence) in found.iter().enumerate() {
        if let Some(alias) = evidence.alias.filter(|alias| found[..index].iter().all(|e| e.alias != Some(alias))) {
            finding.aliases(&[alias]);
        }
    }
    if command.is_some_and(|command| !command.script.clean) {
        finding.confidence(Confidence::Medium);
    } else if let Some(fix) = fixes::of(dockerfile, command, found) {
        finding.fix(fix);
    }
}

/// Options and settings of a command that switch the check off.
fn switched_off(dockerfile: &Dockerfile, command: CommandRef<'_>) -> Vec<Evidence> {
    let Some(invocation) = tools::invocation(command.command) else { return other_tools(dockerfile, command) };
    let mut found = Vec::new();
    let mut add = |option: &str, effect: &'static str, severity: Severity, alias: Option<&'static str>| {
        if let Some(used) = invocation.option(option).filter(|used| used.is_on()) {
            let uses = invocation.options_named(option).map(tools::OptionUse::span).collect();
            let (span, shown, removal) = (used.word.span, used.word.text.clone(), Removal::words(uses));
            found.push(Evidence { span, shown, effect, severity, alias, removal });
        }
    };
    match invocation.tool {
        Tool::Apt => {
            add("--allow-unauthenticated", INSTALLS, Severity::Medium, Some("CKV2_DOCKER_8"));
            add("--force-yes", "installs unsigned packages without asking", Severity::Medium, Some("CKV2_DOCKER_11"));
            add("--allow-insecure-repositories", TRUSTS, Severity::Medium, None);
        }
        // `apk index` and `apk fetch` install nothing.
        Tool::Apk if matches!(invocation.verb(), "add" | "upgrade" | "fix" | "update" | "") => {
            add("--allow-untrusted", INSTALLS, of_local(dockerfile, command, &invocation), Some("CKV2_DOCKER_7"));
        }
        Tool::Dnf => add("--nogpgcheck", INSTALLS, of_release(dockerfile, command, &invocation), Some("CKV2_DOCKER_9")),
        Tool::Zypper => {
            add("--no-gpg-checks", TRUSTS, Severity::Medium, None);
            add("--no-gpgcheck", TRUSTS, Severity::Medium, None);
            add("--allow-unsigned-rpm", INSTALLS, of_local(dockerfile, command, &invocation), None);
        }
        Tool::Rpm => {
            let severity = of_local(dockerfile, command, &invocation);
            if invocation.is_install() {
                add("--nosignature", INSTALLS, severity, Some("CKV2_DOCKER_10"));
                add("--nodigest", "installs packages whose content does not match", severity, Some("CKV2_DOCKER_10"));
                add("--nogpg", INSTALLS, severity, None);
            }
        }
        Tool::Dpkg => add("--force-bad-verify", INSTALLS, Severity::Medium, None),
        _ => {}
    }
    let (option, keys): (&str, &[&str]) = match invocation.tool {
        Tool::Apt => (
            "--option",
            &[
                "APT::Get::AllowUnauthenticated",
                "APT::Get::Force-Yes",
                "Acquire::AllowInsecureRepositories",
                "Acquire::AllowWeakRepositories",
                "Acquire::AllowDowngradeToInsecureRepositories",
            ],
        ),
        _ => ("", &[]),
    };
    for key in keys {
        if let Some(value) = invocation.setting(option, key).filter(|value| is_yes(value.text)) {
            let used = invocation.options_named(option);
            let used = used.filter(|used| used.value.is_some_and(|it| it.word.span == value.word.span));
            let removal = Removal::words(used.map(tools::OptionUse::span).collect());
            let shown = format!("{key}={}", value.text);
            found.push(Evidence::written(value.word.span, (&shown, TRUSTS)).removal(removal));
        }
    }
    found.extend(settings(dockerfile, command));
    found
}

const INSTALLS: &str = "installs packages that nobody signed";
const TRUSTS: &str = "takes packages from repositories that nobody signed";

/// Tools without a table, told by their words.
fn other_tools(dockerfile: &Dockerfile, command: CommandRef<'_>) -> Vec<Evidence> {
    let mut found = settings(dockerfile, command);
    let name = command.command.base_name();
    let options: &[&str] = match name {
        "choco" | "cinst" => {
            &["--ignore-checksums", "--allow-empty-checksums", "--ignorechecksums", "--ignorechecksum"]
        }
        "snap" => &["--dangerous"],
        "debootstrap" | "mmdebstrap" => &["--no-check-gpg"],
        _ => &[],
    };
    for word in command.command.arguments.iter().filter(|word| options.contains(&word.text.as_str())) {
        let removal = Removal::Words(vec![word.span]);
        found.push(Evidence::written(word.span, (&word.text, INSTALLS)).removal(removal));
    }
    found
}

/// `--setopt=gpgcheck=0` of dnf, yum-config-manager and their like, `deb [trusted=yes] …` as an argument.
fn settings(dockerfile: &Dockerfile, command: CommandRef<'_>) -> Vec<Evidence> {
    let name = command.command.base_name();
    let is_dnf = matches!(name, "dnf" | "dnf5" | "yum" | "microdnf" | "tdnf" | "yum-config-manager");
    let is_repository = matches!(name, "add-apt-repository" | "apt-add-repository");
    if !is_dnf && !is_repository {
        return Vec::new();
    }
    let told = command.command.arguments.iter().filter_map(|word| {
        let is_option = word.text.starts_with("--") && name != "yum-config-manager" && !word.text.contains([';', ',']);
        let removal =
            if is_option { Removal::Words(vec![word.span]) } else { fixes::of_setting(dockerfile, word.span) };
        Some(Evidence::written(word.span, told_off(&word.text)?).removal(removal))
    });
    told.collect()
}

/// Packages given as files: what was checked by other means before, or did not come from the network in this stage, is as
/// good as where the file comes from.
fn of_local(dockerfile: &Dockerfile, command: CommandRef<'_>, invocation: &Invocation<'_>) -> Severity {
    let packages = invocation.packages();
    let is_file = |text: &str| text.contains(".apk") || text.contains(".rpm") || text.starts_with(['/', '.']);
    if packages.is_empty() || !packages.iter().all(|word| is_file(&word.text) && !word.text.contains("://")) {
        return Severity::Medium;
    }
    let name = |text: &str| text.rsplit('/').next().unwrap_or("").to_owned();
    let mut fetched = false;
    for earlier in dockerfile.run_commands().take_while(|earlier| !std::ptr::eq(earlier.command, command.command)) {
        if earlier.instruction.stage != command.instruction.stage {
            continue;
        }
        fetched |= matches!(earlier.command.base_name(), "curl" | "wget");
        let names =
            || earlier.command.arguments.iter().any(|word| packages.iter().any(|p| name(&p.text) == name(&word.text)));
        let same_run = earlier.instruction_index == command.instruction_index;
        if tools::verifies(earlier.script, earlier.index) && (same_run || names()) {
            return Severity::Low;
        }
    }
    if fetched { Severity::Medium } else { Severity::Low }
}

/// dnf doesn't check packages given by address or file in any case (`localpkg_gpgcheck`): over https the option changes
/// little.
fn of_release(dockerfile: &Dockerfile, command: CommandRef<'_>, invocation: &Invocation<'_>) -> Severity {
    let packages = invocation.packages();
    if !packages.is_empty() && packages.iter().all(|word| word.text.starts_with("https://")) {
        return Severity::Low;
    }
    of_local(dockerfile, command, invocation)
}

/// What a line of a package manager's configuration switches off: the setting and its effect.
fn told_off(line: &str) -> Option<(&str, &'static str)> {
    let line = line.trim();
    let lower = line.to_ascii_lowercase();
    let close: String = lower.chars().filter(|c| !c.is_whitespace()).collect();
    if line.starts_with('#') {
        return None;
    }
    let in_brackets = lower.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(inner, _)| inner);
    // A repository in a folder of the build's own has nobody to sign it.
    let is_local = lower.contains("] file:") || lower.contains("] copy:");
    if in_brackets.split_whitespace().any(|option| option == "trusted=yes") && lower.contains("deb") && !is_local {
        return Some(("trusted=yes", TRUSTS));
    }
    if close == "trusted:yes" {
        return Some(("Trusted: yes", TRUSTS));
    }
    // `gpgcheck=0`, `base.gpgcheck = no`; `repo_gpgcheck` is off by default and only adds to it.
    if let Some((key, value)) = close.rsplit_once("gpgcheck=")
        && !key.ends_with("repo_")
        && !key.ends_with("localpkg_")
        && is_no(value.split([',', ';', '\'', '"']).next().unwrap_or(""))
    {
        return Some(("gpgcheck=0", INSTALLS));
    }
    for (key, shown) in [
        ("allowunauthenticated", "AllowUnauthenticated"),
        ("apt::get::force-yes", "APT::Get::Force-Yes"),
        ("allowinsecurerepositories", "AllowInsecureRepositories"),
        ("allowweakrepositories", "AllowWeakRepositories"),
    ] {
        let value = close.split_once(key).map(|(_, value)| value.trim_matches(|c: char| !c.is_ascii_alphanumeric()));
        if value.is_some_and(is_yes) {
            return Some((shown, TRUSTS));
        }
    }
    if let Some(value) = close.strip_prefix("siglevel=")
        && (value.contains("never") || value.contains("trustall"))
    {
        return Some(("SigLevel", INSTALLS));
    }
    None
}

fn is_yes(text: &str) -> bool {
    ["1", "true", "yes", "on", "enable"].iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn is_no(text: &str) -> bool {
    ["0", "false", "no", "off"].iter().any(|word| word.eq_ignore_ascii_case(text))
}
