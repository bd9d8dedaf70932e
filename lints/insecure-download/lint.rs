//! Downloads that anyone on the way can change: TLS checks switched off, and no TLS at all.

mod address;
mod fixes;
mod switches;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{CommandRef, Dockerfile, Instruction};
use crate::shell::tools;
use crate::syntax::ast::{Arguments, Keyword};
use crate::text::Span;
use fixes::Removal;

pub(super) static LINT: Lint = Lint {
    summary: "A download is not protected on its way",
    category: Category::SupplyChain,
    severity: Severity::Medium,
    aliases: &[
        "CKV2_DOCKER_2",
        "CKV2_DOCKER_3",
        "CKV2_DOCKER_4",
        "CKV2_DOCKER_5",
        "CKV2_DOCKER_6",
        "CKV2_DOCKER_12",
        "CKV2_DOCKER_13",
        "CKV2_DOCKER_14",
        "CKV2_DOCKER_15",
        "CKV2_DOCKER_16",
    ],
    sources: &[
        "https://curl.se/docs/manpage.html#-k",
        "https://cwe.mitre.org/data/definitions/295.html",
        "https://cwe.mitre.org/data/definitions/319.html",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for command in dockerfile.run_commands() {
        let mut found = switches::of_command(command);
        if let Some(written) = tools::written(command.script, command.index) {
            let told = written.text.lines().find_map(|line| switches::of_line(&written.file, line));
            let removal = fixes::of_written(command, &written);
            found.extend(told.map(|switch| Evidence::new(command.command.span, switch).removal(removal)));
        }
        of_command(dockerfile, command, &found, findings);
        clear_text(dockerfile, command, findings);
    }
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        variables(dockerfile, index, instruction, findings);
        heredocs(dockerfile, instruction, findings);
    }
}

/// One way in which checks are switched off, and where.
struct Evidence {
    span: Span,
    switch: Switch,
    /// What has to go for it to be gone.
    removal: Removal,
}

/// What is switched off.
#[derive(Clone)]
struct Switch {
    /// The option or setting as the message shows it.
    shown: String,
    /// Who doesn't check.
    who: String,
    alias: Option<&'static str>,
}

impl Evidence {
    fn new(span: Span, switch: Switch) -> Self {
        Self { span, switch, removal: Removal::Unknown }
    }

    fn removal(mut self, removal: Removal) -> Self {
        self.removal = removal;
        self
    }
}

impl Switch {
    fn new(shown: impl Into<String>, who: impl Into<String>) -> Self {
        Self { shown: shown.into(), who: who.into(), alias: None }
    }

    fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }
}

/// One finding a command; a second switch in it is a label.
fn of_command(dockerfile: &Dockerfile, command: CommandRef<'_>, found: &[Evidence], findings: &mut Findings) {
    let [first, others @ ..] = found else { return };
    let verified = is_verified(command);
    let finding = findings.report(first.span, message(&first.switch));
    finding
        .because(if verified {
            "what arrives is checked in this RUN, so that only a name or a password could leak"
        } else {
            WHY
        })
        .help("Take the switch out; where a certificate of your own is missing, add it with `update-ca-certificates`")
        .severity(limit(dockerfile, command.instruction, if verified { Severity::Low } else { Severity::Medium }));
    for other in others {
        finding.label(other.span, message(&other.switch));
    }
    for (index, evidence) in found.iter().enumerate() {
        let alias = evidence.switch.alias;
        if let Some(alias) = alias.filter(|_| found[..index].iter().all(|earlier| earlier.switch.alias != alias)) {
            finding.aliases(&[alias]);
        }
    }
    if !command.script.clean {
        finding.confidence(Confidence::Medium);
    } else if let Some(fix) = fixes::of_switches(dockerfile, command, found) {
        finding.fix(fix);
    }
}

const WHY: &str =
    "anyone on the way to the server can put in what they like, and it runs in this build or in the image";

fn message(switch: &Switch) -> String {
    format!("`{}` keeps {} from checking certificates", switch.shown, switch.who)
}

/// `http://` and `ftp://` of programs that fetch code.
fn clear_text(dockerfile: &Dockerfile, command: CommandRef<'_>, findings: &mut Findings) {
    let addresses = address::of(command);
    let [first, others @ ..] = &addresses[..] else { return };
    let verified = is_verified(command);
    let severity = if verified {
        Severity::Info
    } else if first.is_data {
        Severity::Low
    } else {
        Severity::Medium
    };
    let finding = findings
        .report(first.span, format!("`{}` fetches `{}` without encryption", command.command.base_name(), first.shown));
    finding
        .because(if verified { "a check in this RUN covers what arrives; still, who listens sees it" } else { WHY })
        .help("Use `https://`, or compare a checksum that is written in the Dockerfile")
        .severity(limit(dockerfile, command.instruction, severity));
    for other in others {
        finding.label(other.span, "this one too");
    }
    if first.guessed || !command.script.clean {
        finding.confidence(Confidence::Medium);
    }
    if let Some(fix) = fixes::of_addresses(dockerfile, command, &addresses) {
        finding.fix(fix);
    }
}

/// ENV and ARG that switch checks off.
fn variables(dockerfile: &Dockerfile, index: usize, instruction: &Instruction, findings: &mut Findings) {
    let ast = instruction.effective();
    let mut found: Vec<(Span, &str, &str)> = Vec::new();
    match &ast.arguments {
        Arguments::Pairs(pairs) if ast.keyword == Keyword::Env => {
            for (pair, value) in pairs.iter().zip(&instruction.values) {
                found.push((pair.name.span.cover(pair.value.span), &pair.name.text, &value.text));
            }
        }
        Arguments::Words(words) if ast.keyword == Keyword::Arg => {
            for (word, value) in words.iter().zip(&instruction.values) {
                found.push((word.span, word.text.split('=').next().unwrap_or(""), &value.text));
            }
        }
        _ => {}
    }
    for (span, name, value) in found {
        let Some(switch) = switches::of_variable(name, value) else { continue };
        let finding = findings.report(span, message(&switch));
        let why = if ast.keyword == Keyword::Env {
            "it holds for the rest of the build and in every container of the image"
        } else {
            "it holds for every RUN behind it"
        };
        finding
            .because(why)
            .help(
                "Take it out, and add the missing certificate with `update-ca-certificates` or the tool's own setting",
            )
            .severity(limit(dockerfile, instruction, Severity::Medium));
        if let Some(alias) = switch.alias {
            finding.aliases(&[alias]);
        }
        if let Some(fix) = fixes::of_variable(dockerfile, index, span) {
            finding.fix(fix);
        }
    }
}

/// Configuration files that COPY and ADD make of heredocs.
fn heredocs(dockerfile: &Dockerfile, instruction: &Instruction, findings: &mut Findings) {
    let ast = instruction.effective();
    let (Keyword::Copy | Keyword::Add, Arguments::Words(words)) = (ast.keyword, &ast.arguments) else { return };
    let file = words.last().map_or("", |word| word.text.as_str());
    for heredoc in &ast.heredocs {
        let mut at = heredoc.content.start;
        for line in dockerfile.text(heredoc.content).split_inclusive('\n') {
            if let Some(switch) = switches::of_line(file, line) {
                let span = Span::new(at, at + line.trim_end().len() as u32);
                findings
                    .report(span, message(&switch))
                    .because("it holds in every container of the image")
                    .help("Take the line out, and add the missing certificate instead")
                    .severity(limit(dockerfile, instruction, Severity::Medium))
                    .fix(fixes::of_line(Span::new(at, at + line.len() as u32)));
            }
            at += line.len() as u32;
        }
    }
}

/// Whether a later command of the same script checks a checksum or signature.
fn is_verified(command: CommandRef<'_>) -> bool {
    (command.index + 1..command.script.commands.len()).any(|index| tools::verifies(command.script, index))
}

/// A stage that nobody needs does little harm.
fn limit(dockerfile: &Dockerfile, instruction: &Instruction, severity: Severity) -> Severity {
    let reached = instruction.stage.and_then(|stage| dockerfile.stages.get(stage)).is_none_or(|stage| stage.reached);
    if reached { severity } else { severity.min(Severity::Low) }
}
