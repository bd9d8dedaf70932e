//! `as` in FROM that is written in another case than FROM.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{Case, Dockerfile};
use crate::syntax::ast::{Arguments, Keyword};
use crate::text::Edit;

pub(super) static LINT: Lint = Lint {
    summary: "FROM and its `AS` are written in different cases",
    category: Category::Build,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &["FromAsCasing"],
    sources: &["https://docs.docker.com/reference/build-checks/from-as-casing/"],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let case = dockerfile.keyword_case();
    for instruction in dockerfile.instructions.iter().filter(|it| it.ast.keyword == Keyword::From) {
        let Arguments::Words(words) = &instruction.ast.arguments else { continue };
        let [_, word, _] = &words[..] else { continue };
        let from = &instruction.ast.name;
        let (Some(own), Some(wanted)) = (Case::of(&word.text), Case::of(&from.text)) else { continue };
        if own == wanted || !word.text.eq_ignore_ascii_case("as") {
            continue;
        }
        let message = format!("`{}` is written in another case than `{}`", word.text, from.text);
        let finding = findings.report(word.span, message);
        // Whichever of the two is written as the file's other keywords are stays.
        let odd = if wanted == case { word } else { from };
        let new = if std::ptr::eq(odd, word) { wanted } else { own }.write(&odd.text);
        finding
            .aliases(&["FromAsCasing"])
            .because("the two are read as one keyword")
            .help(format!("Write `{new}` for `{}`", odd.text));
        if dockerfile.is_plain(odd) {
            let why = "the builder reads keywords in any case";
            finding.fix(Fix::safe(format!("Write `{new}`"), why, vec![Edit::replace(odd.span, new.clone())]));
        }
    }
}
