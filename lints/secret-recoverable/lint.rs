//! Files with secrets that a later layer hides, and that every pull brings all the same.

use std::collections::HashMap;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, Relief, SecretFile, Spot, Visibility, size_said};
use crate::lint::{Findings, Lint};
use crate::model::maker_said;
use crate::secret;

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
    let size = size_said(file.size);
    draft.because(match maker_said(image, file.layer) {
        Some(line) => format!("{size}, added by `{line}`"),
        None => format!("{size}, added by a layer of which the history says nothing"),
    });
    for copy in &same[1..] {
        draft.label(Spot::Layer(copy.layer, copy.path.clone()), "the same secret once more");
    }
    if let Some(line) = maker_said(image, hider) {
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
