//! `FROM --platform=$TARGETPLATFORM`, which is what FROM does anyway.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::Dockerfile;
use crate::syntax::ast::{Arguments, Keyword};
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "`--platform` of FROM says what holds anyway",
    category: Category::Build,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &["DL3065", "RedundantTargetPlatform"],
    sources: &["https://docs.docker.com/reference/build-checks/redundant-target-platform/"],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    // An ARG in front of the first FROM can give the variable another value.
    let global = dockerfile.instructions.iter().take_while(|it| it.ast.keyword != Keyword::From);
    let mut arguments = global.filter_map(|it| match &it.ast.arguments {
        Arguments::Words(words) => Some(words),
        _ => None,
    });
    if arguments.any(|words| words.iter().any(|word| word.text.starts_with("TARGETPLATFORM="))) {
        return;
    }
    for instruction in dockerfile.instructions.iter().filter(|it| it.ast.keyword == Keyword::From) {
        let ast = &instruction.ast;
        let is_target = |text: &str| matches!(text, "$TARGETPLATFORM" | "${TARGETPLATFORM}");
        let flag = ast
            .flags
            .iter()
            .find(|flag| flag.name == "platform" && flag.value.as_ref().is_some_and(|value| is_target(&value.text)));
        let (Some(flag), Arguments::Words(words)) = (flag, &ast.arguments) else { continue };
        let Some(image) = words.first() else { continue };
        let finding = findings.report(flag.span, format!("`{}` is the default of FROM", dockerfile.text(flag.span)));
        finding
            .aliases(&["DL3065", "RedundantTargetPlatform"])
            .because("a platform that is named looks like a choice, and hides those that are one")
            .help("Leave the flag out");
        let behind = Span::new(flag.span.end, image.span.start);
        if ast.flags.len() == 1 && dockerfile.text(behind).bytes().all(|byte| matches!(byte, b' ' | b'\t')) {
            let why = "FROM takes the image for the target platform where it names none";
            let edit = Edit::delete(Span::new(flag.span.start, image.span.start));
            finding.fix(Fix::safe("Take the flag out", why, vec![edit]));
        }
    }
}
