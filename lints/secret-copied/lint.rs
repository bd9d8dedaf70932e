//! Files that hold secrets, copied into the image.

mod fixes;

use std::ops::Range;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::lint::{Findings, Lint};
use crate::model::dockerignore::context_path;
use crate::model::{ContextFile, Dockerfile, Instruction, Known};
use crate::secret::{self, FileGuess, Secret};
use crate::syntax::ast::{Arguments, Keyword, Word};
use crate::text::Span;

pub(super) static LINT: Lint = Lint {
    summary: "A file that holds secrets is copied into the image",
    category: Category::Secret,
    severity: Severity::High,
    aliases: &["CIS-DI-0010", "CIS-4.10"],
    sources: &[
        "https://docs.docker.com/build/building/secrets/",
        "https://docs.docker.com/build/concepts/context/#dockerignore-files",
        "CIS Docker Benchmark 1.6.0, 4.10",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

/// At most so many findings a heredoc: what holds more is data, and one look is enough.
const MOST: usize = 50;

const HELP: &str = "Mount it where a RUN needs it (`--mount=type=secret` or `--mount=type=ssh`) or hand it to the container \
                    when it starts, and keep it out of the build context with `.dockerignore`";

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let shipped = dockerfile.shipped();
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        let ast = instruction.effective();
        if !matches!(ast.keyword, Keyword::Copy | Keyword::Add) {
            continue;
        }
        let is_shipped = instruction.stage.is_some_and(|stage| shipped[stage]);
        if let Arguments::Words(words) | Arguments::Exec(words) = &ast.arguments {
            let at = At { dockerfile, index, instruction, is_shipped };
            copied(&at, findings, words);
        }
        for heredoc in &ast.heredocs {
            written(dockerfile, findings, heredoc.content, is_shipped);
        }
    }
}

/// A COPY or ADD.
struct At<'a> {
    dockerfile: &'a Dockerfile,
    index: usize,
    instruction: &'a Instruction,
    is_shipped: bool,
}

fn copied(at: &At<'_>, findings: &mut Findings, words: &[Word]) {
    let At { dockerfile, instruction, is_shipped, .. } = *at;
    let Some((target, sources)) = words.split_last() else { return };
    let target_text = instruction.values.last().map_or(target.text.as_str(), |value| value.text.as_str());
    let from_elsewhere = instruction.flag("from").is_some();
    for (source, value) in sources.iter().zip(&instruction.values) {
        let path = value.text.as_str();
        if path.starts_with("<<") || path.contains("://") || path.starts_with("git@") {
            continue;
        }
        if secret::is_public_file(target_text) {
            continue;
        }
        // What a file is called in the image tells as much as what it is called here.
        let (guess, said_by) = match (secret::in_path(path), by_target(path, target_text)) {
            (Some(guess), _) => (guess, "by its name it is"),
            (None, Some(guess)) => (guess, "by where it goes it is"),
            (None, None) => {
                taken_along(at, findings, source, path);
                continue;
            }
        };
        let Some((confidence, proof)) = (if from_elsewhere {
            // What another stage holds there isn't known.
            Some((Confidence::Low, None))
        } else {
            in_context(dockerfile, path, guess)
        }) else {
            continue;
        };
        let message = match proof {
            Some(secret) => format!("`{path}` is copied into the image and holds a secret ({})", secret.kind),
            None => format!("`{path}` is copied into the image: {said_by} {}", guess.what),
        };
        let draft = findings.report(source.span, message);
        draft
            .because("whoever can pull the image can read it, even if a later instruction deletes it")
            .help(HELP)
            .confidence(confidence)
            .aliases(&["CIS-DI-0010", "CIS-4.10"]);
        if !is_shipped || from_elsewhere || confidence == Confidence::Low {
            draft.severity(Severity::Medium);
        }
        for fix in fixes::of_named(dockerfile, at.index, source, path, target_text) {
            draft.fix(fix);
        }
    }
}

/// Files with secrets in a folder that is copied whole, where the build context is known.
fn taken_along(at: &At<'_>, findings: &mut Findings, source: &Word, path: &str) {
    let At { dockerfile, instruction, is_shipped, .. } = *at;
    let context = &dockerfile.context;
    let Known::Known(files) = &context.files else { return };
    // `--exclude` and `--from` say which files there are; wildcards pick some.
    let picks = instruction.flag("exclude").is_some() || instruction.flag("from").is_some();
    let folder = context_path(path);
    if picks || path.contains(['*', '?', '[', '$']) || dockerfile.stages.is_empty() {
        return;
    }
    let prefix = if folder == "." { String::new() } else { format!("{folder}/") };
    let below = files.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix));
    for (name, file) in below {
        let ContextFile::Text(text) = file else { continue };
        let ignored = context.ignore.as_ref().is_some_and(|ignore| ignore.ignores(name));
        if ignored || secret::in_path(name).is_none() || is_named(dockerfile, name) {
            continue;
        }
        let best = in_file(text).into_iter().map(|(_, secret)| secret).max_by_key(|secret| secret.confidence);
        let Some(secret) = best.filter(|secret| secret.confidence > Confidence::Low) else { continue };
        let message = format!("`{path}` is copied with `{name}` in it, which holds a secret ({})", secret.kind);
        let draft = findings.report(source.span, message);
        draft
            .because("whoever can pull the image can read it, even if a later instruction deletes it")
            .help(HELP)
            // What is here may not be where the image is built.
            .confidence(secret.confidence.min(Confidence::Medium))
            .aliases(&["CIS-DI-0010", "CIS-4.10"]);
        if !is_shipped {
            draft.severity(Severity::Medium);
        }
        if let Some(fix) = fixes::ignore(dockerfile, name) {
            draft.fix(fix);
        }
    }
}

/// Whether COPY or ADD takes a file by its own name, which is reported there.
fn is_named(dockerfile: &Dockerfile, name: &str) -> bool {
    dockerfile.instructions.iter().any(|instruction| {
        let copies = matches!(instruction.effective().keyword, Keyword::Copy | Keyword::Add);
        copies && instruction.values.iter().any(|value| context_path(&value.text) == name)
    })
}

/// What a file is by its path in the image: a new name that means a secret, or a folder that keeps such files.
fn by_target(path: &str, target: &str) -> Option<FileGuess> {
    let name = path.trim_end_matches(['/', '.']).rsplit('/').next().unwrap_or("");
    let into_folder = target.ends_with('/') || path.ends_with(['/', '.', '*']);
    let guess = secret::in_path(target)?;
    if into_folder
        && (secret::is_public_file(path)
            || matches!(name, "config" | "config.json" | "known_hosts" | "authorized_keys"))
    {
        return None;
    }
    Some(FileGuess {
        confidence: if into_folder { Confidence::Low } else { guess.confidence.min(Confidence::Medium) },
        ..guess
    })
}

/// Secrets in a heredoc that COPY or ADD writes to a file.
fn written(dockerfile: &Dockerfile, findings: &mut Findings, content: Span, is_shipped: bool) {
    for (range, secret) in in_file(dockerfile.text(content)).into_iter().take(MOST) {
        let start = content.start + range.start as u32;
        let span = Span::new(start, start + range.len() as u32);
        let draft = findings
            .report(span, format!("a secret is written into a file of the image ({}): {}", secret.kind, secret.shown));
        draft
            .because("everyone who can read this file or pull the image has it")
            .help("Take it out, replace it where it is in use, and hand it to the container when it starts")
            .confidence(secret.confidence)
            .hide(span)
            .aliases(&["CIS-4.10"]);
        if !is_shipped {
            draft.severity(Severity::Medium);
        }
    }
}

/// Tokens of known form, and lines `NAME=value` or `name: value` with a secret in them.
fn in_file(text: &str) -> Vec<(Range<usize>, Secret)> {
    let mut found = secret::in_text(text);
    let tokens = found.len();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let assignment = line.split_once('=').or_else(|| line.split_once(": "));
        if let Some((name, value)) = assignment.filter(|_| !line.trim_start().starts_with(['#', ';', '/'])) {
            let name = name.trim().trim_start_matches("export ").trim_matches(['"', '\'']);
            let trimmed = value.trim().trim_end_matches(',').trim_matches(['"', '\'']);
            let at = start + (line.len() - value.len()) + value.find(trimmed).unwrap_or(0);
            let range = at..at + trimmed.len();
            let after = found[..tokens].partition_point(|(token, _)| token.end <= range.start);
            let is_new = found[..tokens].get(after).is_none_or(|(token, _)| token.start >= range.end);
            if let Some(secret) = secret::in_assignment(name, trimmed).filter(|_| is_new && name.len() < 100) {
                found.push((range, secret));
            }
        }
        start += line.len();
    }
    found
}

/// What the build context says of a file with a suspicious name: `None` where it proves it harmless.
fn in_context(dockerfile: &Dockerfile, path: &str, guess: FileGuess) -> Option<(Confidence, Option<Secret>)> {
    let context = &dockerfile.context;
    // What `.dockerignore` keeps out can't be copied.
    if context.ignore.as_ref().is_some_and(|ignore| ignore.ignores(&context_path(path))) {
        return None;
    }
    let asked = matches!(context.files, Known::Known(_)) && !path.contains(['*', '?', '[']);
    match context.file(path) {
        Some(ContextFile::Text(text)) => match in_file(text).into_iter().max_by_key(|(_, secret)| secret.confidence) {
            Some((_, secret)) => Some((secret.confidence, Some(secret))),
            // A key store or a shadow file hides what it holds; a text without a secret in it is none.
            None if text.contains("-----BEGIN") || guess.confidence < Confidence::High => None,
            None => Some((Confidence::Low, None)),
        },
        // A file of secrets is mostly kept out of the repository and put beside the Dockerfile just before the build.
        Some(ContextFile::Absent) | None if asked => {
            let lower = match guess.confidence {
                Confidence::High => Some(Confidence::Medium),
                Confidence::Medium => Some(Confidence::Low),
                Confidence::Low => None,
            };
            lower.map(|confidence| (confidence, None))
        }
        _ => Some((guess.confidence, None)),
    }
}
