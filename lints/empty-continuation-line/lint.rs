//! Blank lines inside an instruction.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::Dockerfile;
use crate::syntax::ast::GapKind;
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "A blank line stands inside an instruction",
    category: Category::Build,
    severity: Severity::Low,
    preset: Preset::Pedantic,
    aliases: &["NoEmptyContinuation"],
    sources: &["https://docs.docker.com/reference/build-checks/no-empty-continuation/"],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for instruction in &dockerfile.instructions {
        let blank = instruction.ast.gaps.iter().filter(|gap| gap.kind == GapKind::Blank);
        let lines: Vec<Span> = blank.map(|gap| gap.span).collect();
        let [first, others @ ..] = &lines[..] else { continue };
        let text = dockerfile.text(*first);
        let end = first.start + text.trim_end_matches(['\r', '\n']).len() as u32;
        let name = instruction.ast.keyword.as_str();
        let finding = findings.report(Span::new(first.start, end), format!("a blank line stands inside this {name}"));
        finding
            .aliases(&["NoEmptyContinuation"])
            .because("the instruction goes on behind it, which the builder will refuse one day")
            .help("Take the blank line out, or put a `#` on it");
        for other in others {
            finding.label(Span::at(other.start), "and here");
        }
        let title = if others.is_empty() { "Take the blank line out" } else { "Take the blank lines out" };
        let edits = lines.iter().map(|&line| Edit::delete(line)).collect();
        finding.fix(Fix::safe(title, "the builder skips blank lines there", edits));
    }
}
