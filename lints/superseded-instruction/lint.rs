//! CMD, ENTRYPOINT and HEALTHCHECK that a later one of the stage replaces.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::Dockerfile;
use crate::syntax::ast::Keyword;

pub(super) static LINT: Lint = Lint {
    summary: "A later CMD, ENTRYPOINT or HEALTHCHECK replaces this one",
    category: Category::Runtime,
    severity: Severity::Low,
    preset: Preset::Pedantic,
    aliases: &[
        "DL4003",
        "DL4004",
        "DL3012",
        "MultipleInstructionsDisallowed",
        "DS-0016",
        "DS-0007",
        "DS-0023",
        "41c195f4",
        "multiple_cmd_instructions_listed",
        "6938958b",
        "multiple_entrypoint_instructions_listed",
        "dockerfile.correctness.multiple-entrypoint-instructions.multiple-entrypoint-instructions",
    ],
    sources: &[
        "https://docs.docker.com/reference/dockerfile/#cmd",
        "https://docs.docker.com/reference/build-checks/multiple-instructions-disallowed/",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for stage in &dockerfile.stages {
        for keyword in [Keyword::Cmd, Keyword::Entrypoint, Keyword::Healthcheck] {
            let of_kind = dockerfile.instructions_of(stage).filter(|(_, it)| it.ast.keyword == keyword);
            let all: Vec<usize> = of_kind.map(|(index, _)| index).collect();
            let [earlier @ .., last] = &all[..] else { continue };
            for &index in earlier {
                report(dockerfile, index, *last, keyword, findings);
            }
        }
    }
}

fn report(dockerfile: &Dockerfile, index: usize, last: usize, keyword: Keyword, findings: &mut Findings) {
    let (instruction, last) = (&dockerfile.instructions[index], &dockerfile.instructions[last]);
    let name = keyword.as_str();
    let finding = findings.report(instruction.ast.span, format!("a later {name} of the stage replaces this one"));
    let aliases: &[&'static str] = match keyword {
        Keyword::Cmd => {
            &["DL4003", "MultipleInstructionsDisallowed", "DS-0016", "41c195f4", "multiple_cmd_instructions_listed"]
        }
        Keyword::Entrypoint => &[
            "DL4004",
            "MultipleInstructionsDisallowed",
            "DS-0007",
            "6938958b",
            "multiple_entrypoint_instructions_listed",
            "dockerfile.correctness.multiple-entrypoint-instructions.multiple-entrypoint-instructions",
        ],
        _ => &["DL3012", "MultipleInstructionsDisallowed", "DS-0023"],
    };
    finding
        .aliases(aliases)
        .because("it has no effect, and who reads it may believe that both hold")
        .help("Remove it, or start both programs from one script")
        .label(last.ast.name.span, "this one counts");
    if let Some(edit) = dockerfile.without_plain(index) {
        let why = format!("of several {name} in a stage only the last gets into the image");
        let fix = Fix::safe(format!("Remove the {name} without effect"), why, vec![edit]).removes(name);
        finding.fix(instruction.command_names().fold(fix, Fix::removes_command));
    }
}
