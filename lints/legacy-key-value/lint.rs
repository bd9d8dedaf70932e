//! `ENV name value` and `LABEL name value`.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::Dockerfile;
use crate::text::Span;

pub(super) static LINT: Lint = Lint {
    summary: "ENV or LABEL joins name and value by a blank",
    category: Category::Build,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &["LegacyKeyValueFormat"],
    sources: &[
        "https://docs.docker.com/reference/build-checks/legacy-key-value-format/",
        "https://docs.docker.com/reference/dockerfile/#env",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for instruction in &dockerfile.instructions {
        let Some(pair) = dockerfile.old_pair(instruction) else { continue };
        let ast = instruction.effective();
        let name = &pair.name.text;
        let message = format!("`{} {name} …` has no `=` between name and value", ast.keyword.as_str());
        let finding = findings.report(Span::new(ast.name.span.start, pair.name.span.end), message);
        finding
            .aliases(&["LegacyKeyValueFormat"])
            .because("all that follows is one value, what looks like a second pair too; the form is deprecated")
            .help(format!("Write `{name}=value`, with quotes around a value that has blanks"));
        if let Some(edits) = dockerfile.as_equals(instruction) {
            let why = "name and value come to the same, whatever the variables in it are";
            finding.fix(Fix::safe(format!("Write `{name}=…`"), why, edits));
        }
    }
}
