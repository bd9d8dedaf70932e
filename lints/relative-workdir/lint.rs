//! WORKDIR with a relative path.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::dockerignore::clean;
use crate::model::{Base, Dockerfile, Instruction};
use crate::shell::Dialect;
use crate::syntax::ast::{Arguments, Keyword};
use crate::text::Edit;

pub(super) static LINT: Lint = Lint {
    summary: "WORKDIR has a relative path",
    category: Category::Build,
    severity: Severity::Low,
    preset: Preset::Pedantic,
    aliases: &[
        "DL3000",
        "WorkdirRelativePath",
        "DS-0009",
        "CKV_DOCKER_10",
        "6b376af8",
        "workdir_path_not_absolute",
        "invalid_workdir",
    ],
    sources: &[
        "https://docs.docker.com/reference/dockerfile/#workdir",
        "https://docs.docker.com/reference/build-checks/workdir-relative-path/",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

/// What a relative path starts from.
enum Start {
    /// A folder that the file itself says.
    Folder(String),
    /// The base image's own WORKDIR, which is mostly `/`.
    Image,
    /// A folder that depends on variables.
    Unknown,
}

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for instruction in &dockerfile.instructions {
        let ast = instruction.effective();
        let (Keyword::Workdir, Arguments::Words(words)) = (ast.keyword, &ast.arguments) else { continue };
        let ([word], [value]) = (&words[..], &instruction.values[..]) else { continue };
        let Some(path) = value.known().filter(|path| is_relative(path)) else { continue };
        // A build argument may make it absolute.
        if value.overridable {
            continue;
        }
        let start = if instruction.is_trigger() { Start::Unknown } else { start(dockerfile, instruction) };
        let finding = findings.report(word.span, format!("`{path}` is relative to the WORKDIR in force"));
        finding.aliases(&[
            "DL3000",
            "DS-0009",
            "CKV_DOCKER_10",
            "6b376af8",
            "workdir_path_not_absolute",
            "invalid_workdir",
        ]);
        match &start {
            Start::Folder(folder) => {
                let folder = folder.clone();
                finding
                    .severity(Severity::Info)
                    .because(format!("it means another folder as soon as someone changes `WORKDIR {folder}`"));
            }
            _ => {
                finding
                    .aliases(&["WorkdirRelativePath"])
                    .because("the base image decides where this is, and its next version may decide otherwise");
            }
        }
        finding.help("Write the whole path");
        // What has variables, quotes or escapes in it is better left to its author.
        let is_plain =
            word.text == path && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/+@".contains(&byte));
        if !is_plain || !dockerfile.is_plain(word) || instruction.before.shell.dialect != Dialect::Posix {
            continue;
        }
        let absolute = |folder: &str| clean(&format!("{folder}/{path}"));
        let fix = match start {
            Start::Folder(folder) => {
                let path = absolute(&folder);
                let why = format!("the WORKDIR in force here is `{folder}`");
                Fix::safe(format!("Write `{path}`"), why, vec![Edit::replace(word.span, path.clone())])
            }
            Start::Image => {
                let path = absolute("");
                let why = "the base image may have a WORKDIR of its own, which this path was below";
                Fix::risky(format!("Write `{path}`"), why, vec![Edit::replace(word.span, path.clone())])
            }
            Start::Unknown => continue,
        };
        finding.fix(fix);
    }
}

fn start(dockerfile: &Dockerfile, instruction: &Instruction) -> Start {
    match &instruction.before.workdir {
        Some(setting) => match setting.value.known() {
            // A variable in it would no longer be followed.
            Some(folder) if setting.value.sources.is_empty() && folder.starts_with('/') => Start::Folder(clean(folder)),
            _ => Start::Unknown,
        },
        None => {
            let stage = instruction.stage.and_then(|stage| dockerfile.stages.get(stage));
            let bottom = stage.and_then(|stage| dockerfile.lineage(stage).last());
            match bottom.map(|stage| &stage.base) {
                Some(Base::Scratch) => Start::Folder("/".to_owned()),
                _ => Start::Image,
            }
        }
    }
}

fn is_relative(path: &str) -> bool {
    !path.is_empty() && !path.starts_with(['/', '\\', '~', '%']) && path.as_bytes().get(1) != Some(&b':')
}
