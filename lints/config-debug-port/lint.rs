//! Debuggers that the image's configuration starts, and the ports they listen on.

mod debuggers;
mod image;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::lint::{Draft, Findings, Lint};
use crate::model::{Dockerfile, Origin};
use crate::syntax::ast::{Arguments, Keyword};
use debuggers::{Debugger, Reach};

pub(super) static LINT: Lint = Lint {
    summary: "A debugger is switched on in the image's configuration",
    category: Category::Runtime,
    severity: Severity::High,
    sources: &[
        "https://docs.oracle.com/en/java/javase/21/docs/specs/jpda/conninv.html",
        "https://nodejs.org/en/learn/getting-started/debugging#security-implications",
        "https://werkzeug.palletsprojects.com/en/stable/debug/",
        "https://cwe.mitre.org/data/definitions/489.html",
    ],
    dockerfile: Some(check),
    image: Some(image::check),
    ..Lint::BASE
};

const HELP: &str =
    "Take it out of the image, and switch it on for one container when it is needed, bound to the loopback address";

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let Some(target) = dockerfile.target() else { return };
    let shipped = dockerfile.shipped();
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        let ast = &instruction.ast;
        if !instruction.stage.is_some_and(|stage| shipped[stage]) {
            continue;
        }
        match (ast.keyword, &ast.arguments) {
            (Keyword::Env, Arguments::Pairs(pairs)) => {
                for (pair, value) in pairs.iter().zip(&instruction.values) {
                    let name = &pair.name.text;
                    // What a later line sets is in force.
                    let origin = target.end.variables.get(name).map(|binding| binding.origin);
                    let is_last = matches!(origin, Some(Origin::Instruction(last, _)) if last == index);
                    let Some(text) = value.known().filter(|_| is_last) else { continue };
                    if let Some(found) = debuggers::of_variable(name, text) {
                        let message = format!("`{name}` {}", found.says());
                        weigh(findings.report(pair.name.span.cover(pair.value.span), message), &found);
                    }
                }
            }
            (Keyword::Cmd | Keyword::Entrypoint, _)
                if [target.end.cmd, target.end.entrypoint].contains(&Some(index)) =>
            {
                for command in instruction.commands(index) {
                    let words = std::iter::once(&command.command.name).chain(&command.command.arguments);
                    let texts: Vec<String> =
                        words.map(|word| command.resolve(word).unwrap_or_else(|| word.text.clone())).collect();
                    if let Some(found) = debuggers::of_command(&texts) {
                        let message = format!("`{}` {}", ast.keyword.as_str(), found.says());
                        weigh(findings.report(command.command.span, message), &found);
                        break;
                    }
                }
            }
            _ => {}
        }
    }
}

/// What is said of a debugger wherever it is found.
fn weigh<P: Clone>(finding: &mut Draft<P>, found: &Debugger) {
    finding.because(found.why()).help(HELP).severity(match (found.reach, found.executes) {
        (Reach::Everyone, true) => Severity::High,
        (Reach::Unclear, true) => Severity::Medium,
        (Reach::Everyone | Reach::Unclear, false) => Severity::Low,
        (Reach::Loopback | Reach::Outwards, _) => Severity::Low,
    });
    if !found.executes {
        // The name is a convention of projects.
        finding.confidence(Confidence::Low);
    } else if found.reach == Reach::Unclear {
        finding.confidence(Confidence::Medium);
    }
}
