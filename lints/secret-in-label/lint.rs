//! Secrets in labels, which registries and engines show to everybody.

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, Spot};
use crate::lint::{Findings, Lint};
use crate::model::Dockerfile;
use crate::secret::{self, Secret};
use crate::syntax::ast::{Arguments, Keyword};

pub(super) static LINT: Lint = Lint {
    summary: "A secret is in a label",
    category: Category::Secret,
    severity: Severity::High,
    aliases: &["CIS-4.10"],
    sources: &[
        "https://docs.docker.com/reference/dockerfile/#label",
        "https://github.com/opencontainers/image-spec/blob/main/annotations.md",
        "CIS Docker Benchmark 1.6.0, 4.10",
    ],
    dockerfile: Some(check),
    image: Some(check_image),
    ..Lint::BASE
};

/// At most so many labels are looked at: what holds more is data.
const MOST: usize = 500;

const WHY: &str =
    "labels are shown by engines, registries and dashboards to everybody who may see that the image exists";
const HELP: &str = "Take it out, replace it where it is in use, and hand it over when the container starts";

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let shipped = dockerfile.shipped();
    for instruction in &dockerfile.instructions {
        let ast = instruction.effective();
        let (Keyword::Label, Arguments::Pairs(pairs)) = (ast.keyword, &ast.arguments) else { continue };
        let is_shipped = instruction.stage.is_some_and(|stage| shipped[stage]);
        for (pair, value) in pairs.iter().zip(&instruction.values).take(MOST) {
            let Some(secret) = value.known().and_then(|value| in_label(&pair.name.text, value)) else { continue };
            let draft = findings.report(pair.value.span, message(&pair.name.text, &secret));
            draft.because(WHY).help(HELP).confidence(secret.confidence).aliases(LINT.aliases).hide(pair.value.span);
            if !is_shipped {
                draft.severity(Severity::Medium);
            }
        }
    }
}

fn check_image(image: &Image, findings: &mut Findings<Spot>) {
    for (name, value) in image.config.labels.iter().take(MOST) {
        let Some(secret) = in_label(name, value) else { continue };
        let draft = findings.report(Spot::Config(format!("config.Labels.{name}")), message(name, &secret));
        draft.because(WHY).help(HELP).confidence(secret.confidence).aliases(LINT.aliases);
    }
}

/// Names of labels are many words, and their values mostly say where a secret is: a guess is no finding.
fn in_label(name: &str, value: &str) -> Option<Secret> {
    secret::in_assignment(name, value).filter(|secret| secret.confidence > Confidence::Low)
}

fn message(name: &str, secret: &Secret) -> String {
    format!("the label `{name}` holds a secret ({}): {}", secret.kind, secret.shown)
}
