//! MAINTAINER, which LABEL has replaced.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{Dockerfile, Instruction};
use crate::syntax::ast::{Arguments, Keyword, Word};
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "MAINTAINER is deprecated",
    category: Category::Build,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &[
        "DL4000",
        "MaintainerDeprecated",
        "DS-0022",
        "CKV_DOCKER_6",
        "99614418",
        "maintainer_instruction_being_used",
        "deprecated_in_1.13",
        "dockerfile.best-practice.maintainer-is-deprecated.maintainer-is-deprecated",
    ],
    sources: &[
        "https://docs.docker.com/reference/dockerfile/#maintainer-deprecated",
        "https://docs.docker.com/reference/build-checks/maintainer-deprecated/",
        "https://github.com/opencontainers/image-spec/blob/main/annotations.md",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

/// The OCI annotation for the people responsible for an image.
const AUTHORS: &str = "org.opencontainers.image.authors";

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let mut has_label = None;
    for instruction in &dockerfile.instructions {
        let ast = &instruction.ast;
        let (Keyword::Maintainer, Arguments::Words(words)) = (ast.keyword, &ast.arguments) else { continue };
        let [word] = &words[..] else { continue };
        let finding = findings.report(ast.name.span, "`MAINTAINER` is deprecated");
        finding
            .aliases(LINT.aliases)
            .because("it is a field of Docker's own that scanners and registries don't read; a label they do")
            .help(format!("Write `LABEL {AUTHORS}=\"…\"`"));
        // Another LABEL of the name, in the file, would have it as its value or lose it.
        if *has_label.get_or_insert_with(|| dockerfile.source.text().contains(AUTHORS)) {
            continue;
        }
        if let Some(edits) = label(dockerfile, instruction, word) {
            let title = format!("Name the maintainer in the label `{AUTHORS}`");
            let why = "the image's configuration names the same people, in a label in place of the author field";
            finding.fix(Fix::safe(title, why, edits).removes("MAINTAINER").adds("LABEL"));
        }
    }
}

/// MAINTAINER takes its text as it is; LABEL expands variables and takes quotes away, so these are escaped.
fn label(dockerfile: &Dockerfile, instruction: &Instruction, word: &Word) -> Option<Vec<Edit>> {
    let name = &instruction.ast.name;
    if !dockerfile.is_plain(word) || !dockerfile.is_plain(name) || !instruction.ast.gaps.is_empty() {
        return None;
    }
    let text = &word.text;
    let quote = |quote| text.len() > 2 && text.starts_with(quote) && text.ends_with(quote);
    // Quotes around all of it are meant as quotes, though MAINTAINER keeps them.
    let bare = |quote| !text[1..text.len() - 1].contains(quote);
    let quoted = ['"', '\''].into_iter().any(|c| quote(c) && bare(c));
    let cut = u32::from(quoted);
    let (start, end) = (word.span.start + cut, word.span.end - cut);
    let inner = dockerfile.text(Span::new(start, end));
    let is_special = |c: char| c == '"' || c == '$' || c == dockerfile.escape;
    let escape = if inner.starts_with(is_special) { dockerfile.escape.to_string() } else { String::new() };
    let mut edits = vec![
        Edit::replace(name.span, instruction.keyword_like(Keyword::Label)),
        Edit::replace(Span::new(word.span.start, start), format!("{AUTHORS}=\"{escape}")),
    ];
    let special = inner.char_indices().filter(|&(at, c)| at > 0 && is_special(c));
    edits.extend(special.map(|(at, _)| Edit::insert(start + at as u32, dockerfile.escape.to_string())));
    edits.push(Edit::replace(Span::new(end, word.span.end), "\""));
    Some(edits)
}
