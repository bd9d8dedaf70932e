//! Stage names with capitals.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::Dockerfile;
use crate::syntax::ast::Arguments;
use crate::text::Edit;

pub(super) static LINT: Lint = Lint {
    summary: "The name of a stage has capitals",
    category: Category::Build,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &["StageNameCasing"],
    sources: &["https://docs.docker.com/reference/build-checks/stage-name-casing/"],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let mut places = None;
    for stage in &dockerfile.stages {
        let Some(lower) = &stage.name else { continue };
        let Some(from) = dockerfile.instructions.get(stage.instructions.start) else { continue };
        let Arguments::Words(words) = &from.ast.arguments else { continue };
        let [_, _, name] = &words[..] else { continue };
        if name.text == *lower || !is_name(lower) {
            continue;
        }
        let finding = findings.report(name.span, format!("the stage name `{}` has capitals", name.text));
        finding
            .aliases(&["StageNameCasing"])
            .because("builders keep it in lower case, and tools that compare letter by letter don't find it")
            .help(format!("Call it `{lower}`, here and where it is used"));
        if !dockerfile.is_plain(name) {
            continue;
        }
        let mut edits = vec![Edit::replace(name.span, lower.clone())];
        let places = places.get_or_insert_with(|| dockerfile.stage_references());
        for &span in &places[stage.index] {
            if dockerfile.text(span) != lower.as_str() {
                finding.label(span, "used here");
                edits.push(Edit::replace(span, lower.clone()));
            }
        }
        let why = "the builder finds stages in any case, `--target` and names that come from variables too";
        finding.fix(Fix::safe(format!("Call the stage `{lower}` everywhere"), why, edits));
    }
}

/// Whether the builder takes this for a name at all.
fn is_name(lower: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    lower.starts_with(|c: char| c.is_ascii_lowercase()) && lower.bytes().all(is_part)
}
