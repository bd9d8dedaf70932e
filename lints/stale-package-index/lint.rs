//! A package index that is fetched in one step and installed from in another.

mod image;

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{CommandRef, Dockerfile, Reliance, may_use_index, takes_apt_lists};
use crate::shell::Nesting;
use crate::shell::tools::{self, Tool};

pub(super) static LINT: Lint = Lint {
    summary: "The package index is fetched in one step and used in another",
    category: Category::Build,
    severity: Severity::Low,
    preset: Preset::Pedantic,
    aliases: &["DS-0017", "CKV_DOCKER_5", "9bae49be", "apt-get-update_require_install", "CIS-4.7", "CIS-DI-0007"],
    sources: &[
        "https://docs.docker.com/build/building/best-practices/#apt-get",
        "https://docs.docker.com/build/cache/invalidation/",
        "https://www.cisecurity.org/benchmark/docker",
    ],
    dockerfile: Some(check),
    image: Some(image::check),
    ..Lint::BASE
};

const WHY: &str =
    "when only the other step changes, it installs from the index of an older build: old packages, or none";
const HELP: &str = "Fetch the index in the step that uses it";

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for command in dockerfile.run_commands() {
        let Some(tool) = fetched_alone(&command) else { continue };
        if let Reliance::Used(user) = dockerfile.reliance_on_index(command.instruction_index, tool) {
            let name = command.command.base_name();
            let message = format!("`{name} update` is cached apart from the step that installs from its index");
            let finding = findings.report(command.command.span, message);
            finding.because(WHY).label(user, "works with that index").help(HELP).aliases(&[
                "DS-0017",
                "CKV_DOCKER_5",
                "9bae49be",
                "CIS-4.7",
            ]);
            if tool == Tool::Apt {
                finding.aliases(&["apt-get-update_require_install"]);
            }
            if !command.script.clean {
                finding.confidence(Confidence::Medium);
            }
            let next = dockerfile.instructions.get(command.instruction_index + 1);
            let used_next = next.is_some_and(|next| next.ast.span.contains(user));
            let edit = dockerfile.join_with_next(command.instruction_index);
            if let Some(edit) = edit.filter(|_| used_next) {
                let why = "the same commands run in the same order, and nothing stands between them";
                finding.fix(Fix::safe("Make the two steps one", why, vec![edit]).removes("RUN"));
            }
        }
    }
}

/// The package manager whose index a command fetches, where nothing else in the step uses it.
fn fetched_alone(command: &CommandRef<'_>) -> Option<Tool> {
    if !matches!(command.command.base_name(), "apt-get" | "apt" | "apk") {
        return None;
    }
    let invocation = tools::invocation(command.command)?;
    let tool = invocation.tool;
    let later = command.script.commands.get(command.index + 1..).unwrap_or(&[]);
    // A second update in the step speaks for the first, and a later step may bring its own index.
    let again = |other: &crate::shell::Command| {
        tools::invocation(other).is_some_and(|other| other.tool == tool && other.verb() == "update")
    };
    let plain = matches!(command.command.nesting, Nesting::Plain | Nesting::Argument)
        && !command.instruction.is_trigger()
        && !command.instruction.mounts_something_like("/var/lib/apt")
        && !command.instruction.mounts_something_like("apk");
    let is_update = invocation.verb() == "update" && !invocation.has("--no-cache") && !invocation.has("--print-uris");
    let spoken_for =
        |other: &crate::shell::Command| may_use_index(other, tool) || again(other) || takes_apt_lists(other);
    (is_update && plain && !later.iter().any(spoken_for)).then_some(tool)
}
