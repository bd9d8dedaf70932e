//! Secrets written into the commands of RUN, CMD, ENTRYPOINT and HEALTHCHECK.

mod fixes;
mod image;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::lint::{Draft, Findings, Lint};
use crate::model::{CommandRef, Dockerfile, Instruction};
use crate::secret::{self, Secret};
use crate::shell::{Word, secrets};
use crate::syntax::ast::{GapKind, Keyword};
use crate::text::Span;

pub(super) static LINT: Lint = Lint {
    summary: "A secret is written into a command",
    category: Category::Secret,
    severity: Severity::High,
    aliases: &["c3e1b6ae", "CIS-4.10", "tally/secrets-in-code"],
    sources: &[
        "https://docs.docker.com/build/building/secrets/",
        "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
        "CIS Docker Benchmark 1.6.0, 4.10",
    ],
    dockerfile: Some(check),
    image: Some(image::check),
    ..Lint::BASE
};

/// At most so many findings an instruction: what holds more is data, and one look is enough.
const MOST: usize = 50;

/// A secret and the bytes it stands in.
type Found = (Span, Secret);

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let shipped = dockerfile.shipped();
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        let keyword = instruction.effective().keyword;
        if !matches!(keyword, Keyword::Run | Keyword::Cmd | Keyword::Entrypoint | Keyword::Healthcheck) {
            continue;
        }
        let mut found: Vec<Found> = tokens(dockerfile, instruction);
        for script in &instruction.scripts {
            for (position, command) in script.commands.iter().enumerate() {
                let command = CommandRef { command, index: position, script, instruction, instruction_index: index };
                found.extend(in_command(dockerfile, &command));
            }
        }
        let is_shipped = instruction.stage.is_some_and(|stage| shipped[stage]);
        for (span, secret) in apart(found).into_iter().take(MOST) {
            let draft = report(findings, keyword, span, &secret, is_shipped);
            if let Some(fix) = fixes::of(dockerfile, index, span) {
                draft.fix(fix);
            }
        }
    }
}

/// Each secret once: a nested command's words are also its parent's, and a known form, found first, says more than a
/// place in a command.
fn apart(found: Vec<Found>) -> Vec<Found> {
    let mut ordered: Vec<(usize, Found)> = found.into_iter().enumerate().collect();
    ordered.sort_by_key(|(order, (span, _))| (span.start, *order));
    let mut kept: Vec<(usize, Found)> = Vec::new();
    for (order, (span, secret)) in ordered {
        match kept.last_mut() {
            Some((earlier, (other, kind))) if span.start < other.end => {
                if order < *earlier {
                    (*earlier, *other, *kind) = (order, span, secret);
                }
            }
            _ => kept.push((order, (span, secret))),
        }
    }
    kept.into_iter().map(|(_, found)| found).collect()
}

fn report<'a>(
    findings: &'a mut Findings,
    keyword: Keyword,
    span: Span,
    secret: &Secret,
    is_shipped: bool,
) -> &'a mut Draft {
    let (kind, shown) = (secret.kind, &secret.shown);
    let (verb, why, help) = match keyword {
        Keyword::Run => (
            "RUN",
            "the command is kept in the image's history, and often in a file it writes",
            "Take it out, replace it where it is in use, and let this RUN read it from `--mount=type=secret`",
        ),
        _ => (
            keyword.as_str(),
            "the command is kept in the image's configuration and shown in every list of processes",
            "Take it out, replace it where it is in use, and let the program read it from a file or a variable that is \
             given when the container starts",
        ),
    };
    let draft = findings.report(span, format!("the command of {verb} holds a secret ({kind}): {shown}"));
    draft.because(why).help(help).confidence(secret.confidence).hide(span);
    draft.aliases(&["c3e1b6ae", "CIS-4.10", "tally/secrets-in-code"]);
    if !is_shipped || secret.confidence == Confidence::Low {
        draft.severity(Severity::Medium);
    }
    draft
}

/// Tokens of known form anywhere in the instruction, in languages we don't read too.
fn tokens(dockerfile: &Dockerfile, instruction: &Instruction) -> Vec<Found> {
    let whole = instruction.ast.span;
    secret::in_text(dockerfile.text(whole))
        .into_iter()
        .map(|(range, secret)| {
            let start = whole.start + range.start as u32;
            (Span::new(start, start + range.len() as u32), secret)
        })
        // A comment between the lines is in the file, but not in the image.
        .filter(|(span, _)| {
            !instruction.ast.gaps.iter().any(|gap| gap.kind == GapKind::Comment && gap.span.contains(*span))
        })
        .collect()
}

/// Secrets that a command's own way of reading its words gives away; [`tokens`] finds those of known form.
fn in_command(dockerfile: &Dockerfile, at: &CommandRef<'_>) -> Vec<Found> {
    let given = secrets::given(at.script, at.index);
    given.into_iter().map(|given| (locate(dockerfile, given.word, &given.value), given.secret)).collect()
}

/// Where `value` stands in `word`, or the whole word where quotes or escapes run through it.
fn locate(dockerfile: &Dockerfile, word: &Word, value: &str) -> Span {
    match dockerfile.text(word.span).rfind(value) {
        Some(offset) if !value.is_empty() => {
            let start = word.span.start + offset as u32;
            Span::new(start, start + value.len() as u32)
        }
        _ => word.span,
    }
}
