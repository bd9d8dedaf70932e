//! No health check: switched off with NONE, or never set.

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, Spot};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{Base, Dockerfile};
use crate::syntax::ast::{Arguments, Keyword};

pub(super) static LINT: Lint = Lint {
    summary: "The image has no health check",
    category: Category::Runtime,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &["DL3057", "DS-0026", "CKV_DOCKER_2", "b03a748a", "CIS-4.6", "CIS-DI-0006"],
    sources: &[
        "https://docs.docker.com/reference/dockerfile/#healthcheck",
        "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
        "CIS Docker Benchmark 1.6.0, 4.6",
    ],
    dockerfile: Some(check),
    image: Some(check_image),
    ..Lint::BASE
};

const WHY_OFF: &str =
    "an engine takes the container for well as long as its process lives, whatever the base's check would say";
const WHY: &str = "an engine takes the container for well as long as its process lives, even when it answers nobody";
const HELP_OFF: &str = "Leave it out, or set a check that fits this image";
const HELP: &str = "Add `HEALTHCHECK CMD …` with a command that asks the program itself";

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let Some(target) = dockerfile.target() else { return };
    if let Some(instruction) = target.end.healthcheck.and_then(|index| dockerfile.instructions.get(index)) {
        let Arguments::Health(kind, _) = &instruction.ast.arguments else { return };
        if kind.text.eq_ignore_ascii_case("none") {
            let span = instruction.ast.name.span.cover(kind.span);
            findings.report(span, "`HEALTHCHECK NONE` switches the health check off").because(WHY_OFF).help(HELP_OFF);
        }
        return;
    }
    let starts_something = target.end.entrypoint.or(target.end.cmd).is_some();
    let from = dockerfile.instructions_of(target).find(|(_, it)| it.ast.keyword == Keyword::From);
    let (Some((_, from)), true) = (from, starts_something) else { return };
    let finding = findings.report(from.ast.name.span, "the image has no health check");
    finding.because(WHY).help(HELP).aliases(&["DL3057", "DS-0026", "CKV_DOCKER_2", "b03a748a", "CIS-4.6"]);
    let root = dockerfile.lineage(target).last().unwrap_or(target);
    if root.base != Base::Scratch {
        // Few bases bring one.
        finding.confidence(Confidence::Medium);
    }
}

fn check_image(image: &Image, findings: &mut Findings<Spot>) {
    let place = Spot::Config("config.Healthcheck".to_owned());
    match &image.config.healthcheck {
        Some(check) if check.test.first().is_some_and(|word| word == "NONE") => {
            findings.report(place, "`HEALTHCHECK NONE` switches the health check off").because(WHY_OFF).help(HELP_OFF);
        }
        // An empty test means that of the image below, which the configuration would have.
        Some(check) if !check.test.is_empty() => {}
        _ => {
            let starts_something = image.start.steps.first().is_some_and(|step| !is_shell(&step.word));
            if starts_something {
                let finding = findings.report(place, "the image has no health check");
                finding.because(WHY).help(HELP).aliases(&["CIS-DI-0006", "CIS-4.6", "DS-0026"]);
            }
        }
    }
}

/// A base's own command, which nobody runs a service with.
fn is_shell(word: &str) -> bool {
    matches!(word.rsplit('/').next().unwrap_or(word), "sh" | "bash" | "ash" | "dash")
}
