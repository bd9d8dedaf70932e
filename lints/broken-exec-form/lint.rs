//! Exec form that is no JSON, so that the builder takes it for something else.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{Dockerfile, Flaw};
use crate::syntax::ast::Keyword;

pub(super) static LINT: Lint = Lint {
    summary: "What looks like exec form is no JSON array",
    category: Category::Runtime,
    severity: Severity::Low,
    preset: Preset::Pedantic,
    aliases: &["tally/invalid-json-form", "not_using_proper_exec_form"],
    sources: &[
        "https://docs.docker.com/reference/dockerfile/#exec-form",
        "https://docs.docker.com/reference/dockerfile/#volume",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for instruction in &dockerfile.instructions {
        let Some(almost) = dockerfile.almost_exec(instruction) else { continue };
        let keyword = instruction.effective().keyword;
        let name = keyword.as_str();
        let flaw = match almost.flaw {
            Flaw::Quotes => "its quotes are not double quotes",
            Flaw::Comma => "a comma stands behind the last string",
            Flaw::Missing => "a comma is missing between two strings",
            Flaw::Open => "the closing bracket is missing",
            Flaw::Other => "its words have no double quotes",
        };
        let because = match keyword {
            Keyword::Copy | Keyword::Add | Keyword::Volume => "brackets, quotes and commas become part of the paths",
            Keyword::Shell => "the builder refuses it",
            _ => "a shell gets the whole text, brackets included, as a command",
        };
        let finding = findings.report(almost.span, format!("this {name} looks like exec form and is no JSON: {flaw}"));
        finding
            .aliases(&["tally/invalid-json-form"])
            .because(because)
            .help("Write a JSON array: strings in double quotes, with commas between them");
        if matches!(keyword, Keyword::Cmd | Keyword::Entrypoint | Keyword::Run | Keyword::Shell) {
            finding.aliases(&["not_using_proper_exec_form"]);
        }
        if let Some(mended) = almost.mended {
            let why = "it now runs or names what it says, which it didn't until now";
            let mut fix = Fix::risky("Make it a JSON array", why, mended.edits);
            let runs = matches!(keyword, Keyword::Run | Keyword::Cmd | Keyword::Entrypoint | Keyword::Healthcheck);
            if runs {
                fix = instruction.command_names().fold(fix, Fix::removes_command);
                fix = mended.commands.iter().fold(fix, |fix, name| fix.adds_command(name));
            }
            finding.fix(fix);
        }
    }
}
