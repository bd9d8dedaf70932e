//! Instructions that are written in another case than most of their file.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{Case, Dockerfile};
use crate::syntax::ast::{Arguments, Keyword, Word};
use crate::text::Edit;

pub(super) static LINT: Lint = Lint {
    summary: "An instruction is written in another case than the others",
    category: Category::Build,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &["ConsistentInstructionCasing", "uppercase_commands"],
    sources: &["https://docs.docker.com/reference/build-checks/consistent-instruction-casing/"],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let case = dockerfile.keyword_case();
    let odd = |word: &&Word| Case::of(&word.text) != Some(case) && dockerfile.is_plain(word);
    for instruction in dockerfile.instructions.iter().filter(|it| it.ast.keyword != Keyword::Unknown) {
        let Some(name) = Some(&instruction.ast.name).filter(odd) else { continue };
        let new = case.write(&name.text);
        let mut edits = vec![Edit::replace(name.span, new.clone())];
        // `AS` goes with its FROM, so that the two stay alike.
        if let (Keyword::From, Arguments::Words(words)) = (instruction.ast.keyword, &instruction.ast.arguments)
            && let [_, word, _] = &words[..]
            && odd(&word)
            && word.text.eq_ignore_ascii_case("as")
        {
            edits.push(Edit::replace(word.span, case.write(&word.text)));
        }
        let message =
            format!("`{}` is not written in {} as the file's other instructions are", name.text, case.as_str());
        let why = "the builder reads keywords in any case";
        let finding = findings.report(name.span, message);
        if case == Case::Upper {
            finding.aliases(&["uppercase_commands"]);
        }
        finding
            .aliases(&["ConsistentInstructionCasing"])
            .because("who searches the file for an instruction misses this one")
            .help(format!("Write `{new}`"))
            .fix(Fix::safe(format!("Write `{new}`"), why, edits));
    }
}
