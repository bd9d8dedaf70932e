//! Documentation that gem builds and installs, in an image where nobody reads it.

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{Cleanup, CommandRef, Dockerfile, empties};
use crate::shell::tools::{self, Invocation, Tool};

pub(super) static LINT: Lint = Lint {
    summary: "gem installs documentation into the image",
    category: Category::Build,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &[],
    sources: &["https://guides.rubygems.org/command-reference/#gem-install"],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let shipped = dockerfile.shipped();
    // Where documentation is switched off for good; looked for once, where gem installs.
    let mut settled: Option<Vec<usize>> = None;
    for command in dockerfile.run_commands() {
        let Some(stage) = command.instruction.stage.filter(|&stage| shipped[stage]) else { continue };
        if command.command.base_name() != "gem" {
            continue;
        }
        let Some(tool) = tools::invocation(command.command).filter(documents) else { continue };
        let Some(verb) = tool.subcommand.filter(|_| !may_hold_the_option(&command)) else { continue };
        // The official image and those made from it bring a gemrc that says so already.
        let row = dockerfile.image_under(&dockerfile.stages[stage]);
        let is_ruby =
            row.is_some_and(|image| image.repository.rsplit('/').next().is_some_and(|name| name.contains("ruby")));
        let settled = settled.get_or_insert_with(|| dockerfile.saying(&["gemrc"]));
        let cleaned = || command.cleanup_behind(|other| empties(other, &["/doc", "/ri"])) == Cleanup::Done;
        if is_ruby || dockerfile.is_behind_any(command.instruction_index, settled) || cleaned() {
            continue;
        }
        let finding =
            findings.report(verb.span, format!("`gem {}` builds and installs documentation as well", verb.text));
        finding
            .because("it makes the step slower and the image larger, and nobody reads it there")
            .help("Add `--no-document`");
        if !command.script.clean {
            finding.confidence(Confidence::Medium);
        }
        if let Some(edit) = dockerfile.insert_option(&command, verb, "--no-document") {
            let why = "the gems installed are the same, and no program reads their documentation";
            finding.fix(Fix::safe(format!("Add `--no-document` to `gem {}`", verb.text), why, vec![edit]));
        }
    }
}

/// `gem install` and `gem update` that say nothing of documentation.
fn documents(tool: &Invocation<'_>) -> bool {
    let said = ["--no-document", "--document", "--no-ri", "--no-rdoc", "--ri", "--rdoc", "--help", "--config-file"];
    tool.tool == Tool::Gem
        && matches!(tool.verb(), "install" | "i" | "update")
        && !said.iter().any(|option| tool.has(option))
}

/// Whether a variable's value has options, or isn't known.
fn may_hold_the_option(command: &CommandRef<'_>) -> bool {
    let words = command.command.arguments.iter().filter(|word| word.text.starts_with('$'));
    let mut values = words.map(|word| command.resolve(word));
    values.any(|value| value.is_none_or(|value| value.split_whitespace().any(|part| part.starts_with('-'))))
}
