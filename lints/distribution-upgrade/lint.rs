//! `apt-get dist-upgrade` in a build, which may also install and remove packages.

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, Spot};
use crate::lint::{Draft, Findings, Lint, Preset};
use crate::model::Dockerfile;
use crate::shell::tools::{self, Tool};
use crate::shell::{self, Command, Dialect};
use crate::text::Span;

pub(super) static LINT: Lint = Lint {
    summary: "The build upgrades the whole distribution",
    category: Category::Build,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &["DS-0024", "682fe378", "apt-get-dist-upgrade", "DKL-DI-0003"],
    sources: &[
        "https://manpages.debian.org/stable/apt/apt-get.8.en.html",
        "https://docs.docker.com/build/building/best-practices/#rebuild-your-images-often",
    ],
    dockerfile: Some(check),
    image: Some(check_image),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for command in dockerfile.run_commands() {
        let Some((span, shown)) = upgrade(command.command) else { continue };
        let finding = findings.report(span, message(&shown));
        tell(finding).aliases(&["DS-0024", "682fe378", "apt-get-dist-upgrade"]);
        if !command.script.clean {
            finding.confidence(Confidence::Medium);
        }
    }
}

fn check_image(image: &Image, findings: &mut Findings<Spot>) {
    for (index, line) in image.history.iter().enumerate() {
        let step = line.step();
        // What is there for every other line is quickly seen.
        if step.keyword != Some("RUN") || !step.text.contains("-upgrade") {
            continue;
        }
        let script = shell::text(step.text, Dialect::Posix);
        let Some((_, shown)) = script.commands.iter().find_map(upgrade) else { continue };
        tell(findings.report(Spot::Config(format!("history[{index}]")), message(&shown)))
            .aliases(&["DS-0024", "DKL-DI-0003"]);
    }
}

/// Where a command upgrades the distribution, and how it is called.
fn upgrade(command: &Command) -> Option<(Span, String)> {
    let name = command.base_name();
    if !matches!(name, "apt" | "apt-get" | "aptitude" | "do-release-upgrade") {
        return None;
    }
    if name == "do-release-upgrade" {
        return Some((command.name.span, name.to_owned()));
    }
    if name == "aptitude" {
        let verb = command.arguments.iter().find(|word| !word.text.starts_with('-'))?;
        return matches!(verb.text.as_str(), "full-upgrade" | "dist-upgrade")
            .then(|| (verb.span, format!("{name} {}", verb.text)));
    }
    let tool = tools::invocation(command).filter(|tool| tool.tool == Tool::Apt)?;
    let verb = tool.subcommand.filter(|verb| matches!(verb.text.as_str(), "full-upgrade" | "dist-upgrade"))?;
    Some((verb.span, format!("{name} {}", verb.text)))
}

fn message(shown: &str) -> String {
    format!("`{shown}` may add and remove packages")
}

fn tell<P: Clone>(finding: &mut Draft<P>) -> &mut Draft<P> {
    finding
        .because("what the image holds then depends on the day it is built, beyond newer versions of what the base has")
        .help("Build on a newer base; for fixes that it doesn't have yet, `apt-get upgrade` is enough")
}
