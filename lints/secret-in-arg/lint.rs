//! Secrets handed to a build with ARG, which the image's history and the build's provenance keep.

use std::collections::BTreeMap;

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{BindingKind, Dockerfile};
use crate::secret::{self, Secret};
use crate::syntax::ast::{Arguments, Keyword, Word};
use crate::text::Span;

pub(super) static LINT: Lint = Lint {
    summary: "A secret is handed over with ARG",
    category: Category::Secret,
    severity: Severity::High,
    aliases: &[
        "DL3064",
        "SecretsUsedInArgOrEnv",
        "DS-0031",
        "c3e1b6ae",
        "S6472",
        "CIS-4.10",
        "secret-in-build-arg",
        "tally/secrets-in-code",
    ],
    sources: &[
        "https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/",
        "https://docs.docker.com/build/building/secrets/",
        "https://docs.docker.com/build/metadata/attestations/slsa-provenance/",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

/// Ids of checks that go by a variable's name.
const BY_NAME: [&str; 7] =
    ["DL3064", "SecretsUsedInArgOrEnv", "DS-0031", "c3e1b6ae", "S6472", "CIS-4.10", "secret-in-build-arg"];
/// Ids of checks that go by a value's form.
const BY_FORM: [&str; 3] = ["c3e1b6ae", "CIS-4.10", "tally/secrets-in-code"];

/// For at most so many arguments a fix is looked for, each time through the whole file: what has more is no Dockerfile.
const MOST_FIXES: usize = 50;

/// An argument that asks for a secret: where it is declared, and how much that matters.
struct Ask {
    span: Span,
    severity: Severity,
    confidence: Confidence,
    global: bool,
}

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let shipped = dockerfile.shipped();
    let mut asked: BTreeMap<&str, Vec<Ask>> = BTreeMap::new();
    let mut fixes = 0;
    let mut hand_over = |name: &str| {
        fixes += 1;
        if fixes <= MOST_FIXES { hand_over(dockerfile, name) } else { None }
    };
    for instruction in &dockerfile.instructions {
        let ast = instruction.effective();
        let (Keyword::Arg, Arguments::Words(words)) = (ast.keyword, &ast.arguments) else { continue };
        for (word, value) in words.iter().zip(&instruction.values) {
            let (name, default) = word.text.split_once('=').map_or((word.text.as_str(), None), |(n, d)| (n, Some(d)));
            let is_shipped = instruction.stage.is_some_and(|stage| shipped[stage]);
            // A default that is another variable's value is reported where that is set.
            let literal = default.filter(|default| !default.contains('$') || value.sources.is_empty());
            if let Some(secret) = literal.and_then(|default| secret::in_assignment(name, default)) {
                let fix = hand_over(name);
                with_default(findings, word, name, &secret, is_shipped, fix);
            } else if secret::is_secret_name(name) && value.known().is_none_or(secret::is_placeholder) {
                let empty = default.is_none_or(is_empty);
                asked.entry(name).or_default().push(Ask {
                    span: name_span(word, name),
                    severity: if is_shipped { Severity::Medium } else { Severity::Low },
                    // A stand-in may be all that the build ever needs.
                    confidence: if empty { Confidence::Medium } else { Confidence::Low },
                    global: instruction.stage.is_none(),
                });
            }
        }
    }
    for (name, asks) in asked {
        without_default(findings, name, &asks, hand_over(name));
    }
}

fn with_default(findings: &mut Findings, word: &Word, name: &str, secret: &Secret, is_shipped: bool, fix: Option<Fix>) {
    let span = Span::new(name_span(word, name).end + 1, word.span.end);
    let (kind, shown) = (secret.kind, &secret.shown);
    let draft = findings.report(span, format!("the default of `{name}` is a secret ({kind}): {shown}"));
    draft
        .because("everyone who can read this file has it, and every RUN behind it keeps it in the image's history")
        .help(
            "Take it out, replace it where it is in use, and hand it to the one RUN that needs it with \
             `--mount=type=secret`",
        )
        .confidence(secret.confidence)
        .hide(span)
        .aliases(if secret::is_secret_name(name) { &BY_NAME } else { &BY_FORM });
    if !is_shipped || secret.confidence == Confidence::Low {
        draft.severity(Severity::Medium);
    }
    if let Some(fix) = fix {
        draft.fix(fix);
    }
}

/// One finding a name, at the declaration that matters most.
fn without_default(findings: &mut Findings, name: &str, asks: &[Ask], fix: Option<Fix>) {
    // A declaration before the first FROM only counts where no stage repeats it.
    let in_stages = || asks.iter().filter(|ask| !ask.global);
    let Some(first) = in_stages().rev().max_by_key(|ask| ask.severity).or(asks.first()) else { return };
    let draft = findings.report(first.span, format!("the build argument `{name}` asks for a secret"));
    draft
        .because("a build argument's value stays in the history of the image and in the build's provenance")
        .help(format!(
            "Declare no argument; give the one RUN that needs it `--mount=type=secret,id={name},env={name}` and build \
             with `--secret id={name}`"
        ))
        .aliases(&BY_NAME)
        .severity(first.severity)
        .confidence(first.confidence);
    for other in asks.iter().filter(|ask| ask.span != first.span) {
        draft.label(other.span, "declared here too");
    }
    if let Some(fix) = fix {
        draft.fix(fix);
    }
}

/// Gives the RUNs that name the argument a build secret instead.
fn hand_over(dockerfile: &Dockerfile, name: &str) -> Option<Fix> {
    let mentions = dockerfile.mentions(name);
    let is_argument = |index: &usize| {
        let binding = dockerfile.instructions[*index].before.variables.get(name);
        binding.is_none_or(|binding| binding.kind == BindingKind::Arg)
    };
    if !mentions.others.is_empty() || !mentions.runs.iter().all(is_argument) {
        return None;
    }
    let (mut edits, gone) = dockerfile.without_argument(name)?;
    let mounts = dockerfile.mount_secret(&mentions.runs, name)?;
    let fix = if mounts.is_empty() {
        let why = "a program may read the variable though no RUN names it; that RUN needs a secret mount then";
        Fix::suggestion(format!("Take the build argument `{name}` out"), why, edits)
    } else {
        edits.extend(mounts);
        let why = format!(
            "builds have to pass `--secret id={name}` instead of `--build-arg`, to BuildKit with Dockerfile 1.10"
        );
        Fix::risky(format!("Give `{name}` as a build secret to the RUNs that name it"), why, edits)
    };
    Some((0..gone).fold(fix, |fix, _| fix.removes("ARG")))
}

fn is_empty(default: &str) -> bool {
    default.trim_matches(['"', '\'']).is_empty()
}

fn name_span(word: &Word, name: &str) -> Span {
    Span::new(word.span.start, (word.span.start + name.len() as u32).min(word.span.end))
}
