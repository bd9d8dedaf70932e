//! Files with secrets that a later layer hides, and that every pull brings all the same.

use std::collections::HashMap;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, Relief, SecretFile, Spot, Visibility};
use crate::lint::{Findings, Lint};
use crate::secret;
use crate::shell::{Dialect, secrets};

pub(super) static LINT: Lint = Lint {
    summary: "A secret was deleted or replaced in a later layer, and can still be pulled",
    category: Category::Secret,
    severity: Severity::High,
    aliases: &["CIS-DI-0010", "CIS-4.10"],
    sources: &[
        "https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts",
        "https://docs.docker.com/build/building/secrets/",
        "https://doi.org/10.6028/NIST.SP.800-190",
    ],
    image: Some(check),
    reads: secret::KNOWN_FILES,
    content: secret::CONTENT,
    ..Lint::BASE
};

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let files = image.secret_files();
    let (seen, hidden): (Vec<&SecretFile>, Vec<&SecretFile>) =
        files.iter().partition(|file| file.visibility == Visibility::Visible);
    // The same secret, changed in its mode or owner only, or moved: one finding, and none where it is still to be seen.
    let mut copies: HashMap<Content<'_>, Vec<&SecretFile>> = HashMap::new();
    for file in &hidden {
        copies.entry(content(image, file)).or_default().push(file);
    }
    for file in &seen {
        copies.remove(&content(image, file));
    }
    for file in hidden {
        let Some(same) = copies.get(&content(image, file)).filter(|same| same.first() == Some(&file)) else { continue };
        report(image, file, same, findings);
    }
}

/// What tells whether two files are the same: their bytes where they were kept; else size, time (which a new mode and a
/// move leave as it is) and what was found.
type Content<'a> = (u64, Option<&'a [u8]>, Option<i64>, Vec<(Option<u64>, &'a str, &'a str)>);

fn content<'a>(image: &'a Image, file: &'a SecretFile) -> Content<'a> {
    let facts = image.facts(file.layer);
    let bytes = facts.and_then(|facts| facts.text_of(file.entry));
    let modified = facts.map(|facts| facts.entries.get(file.entry).modified).filter(|_| bytes.is_none());
    let places = file.places.iter().map(|place| (place.line, place.kind.as_str(), place.shown.as_str()));
    (file.size, bytes, modified, places.collect())
}

fn report(image: &Image, file: &SecretFile, same: &[&SecretFile], findings: &mut Findings<Spot>) {
    let Some(worst) = file.places.iter().rev().max_by_key(|place| place.confidence) else { return };
    let spot = Spot::Layer(file.layer, file.path.clone());
    let last = same.last().copied().unwrap_or(file);
    let hider = match last.visibility {
        Visibility::Hidden { by } => by,
        Visibility::Replaced | Visibility::Visible => last.layer,
    };
    let replaced = image.tree.lookup(&last.path).is_some();
    let verb = if replaced { "replaces" } else { "removes" };
    let layers = image.layers.len();
    let message = format!(
        "layer {} of {layers} ships `{}` with {}; layer {} {verb} it, but everybody who pulls the image gets it",
        file.layer + 1,
        file.path,
        worst.told(),
        hider + 1,
    );
    let draft = findings.report(spot.clone(), message);
    let size = bytes(file.size);
    draft.because(match made_by(image, file.layer) {
        Some(line) => format!("{size}, added by `{line}`"),
        None => format!("{size}, added by a layer of which the history says nothing"),
    });
    for copy in &same[1..] {
        draft.label(Spot::Layer(copy.layer, copy.path.clone()), "the same secret once more");
    }
    if let Some(line) = made_by(image, hider) {
        draft.label(Spot::Layer(hider, last.path.clone()), format!("hidden by `{line}`"));
    }
    draft.confidence(worst.confidence).aliases(LINT.aliases);
    draft.help(
        "Replace it where it is in use, and build again with it in no layer: `RUN --mount=type=secret`, a stage that is \
         not shipped, or `.dockerignore`",
    );
    match file.relief {
        _ if worst.confidence == Confidence::Low => draft.severity(Severity::Low),
        Relief::None => draft,
        Relief::Paired | Relief::Locked => draft.severity(Severity::Medium),
        Relief::Test => draft.severity(Severity::Low).confidence(Confidence::Low),
    };
}

/// The step that made a layer, where history tells, cut so that it fits into a sentence; of a step that holds a secret
/// itself, the instruction alone.
fn made_by(image: &Image, layer: usize) -> Option<String> {
    let step = image.history.get(image.layers.get(layer)?.history?)?.step();
    let keyword = step.keyword.unwrap_or("");
    let mut end = step.text.len().min(4096);
    while !step.text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &step.text[..end];
    let text = if secrets::in_commands(text, Dialect::Posix).is_empty() { text } else { "…" };
    let plain: String = text.chars().map(|c| if c.is_control() || c == '`' { ' ' } else { c }).collect();
    let line = std::iter::once(keyword).chain(plain.split_whitespace()).filter(|word| !word.is_empty());
    let line = line.collect::<Vec<&str>>().join(" ");
    match line.char_indices().nth(100) {
        Some((end, _)) => Some(format!("{}…", &line[..end])),
        None => Some(line).filter(|line| !line.is_empty()),
    }
}

fn bytes(size: u64) -> String {
    match size {
        1 => "1 byte".to_owned(),
        0..=9999 => format!("{size} bytes"),
        10_000..=9_999_999 => format!("{} kB", size / 1000),
        _ => format!("{} MB", size / 1_000_000),
    }
}
