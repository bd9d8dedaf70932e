//! Bytes that every pull downloads and no container sees.

use crate::diagnostic::{Category, Severity};
use crate::image::{Hidden, Image, Spot, size_said};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "Layers ship files that later layers hide",
    category: Category::Build,
    severity: Severity::Info,
    sources: &[
        "https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts",
        "https://docs.docker.com/build/building/multi-stage/",
        "https://docs.docker.com/reference/dockerfile/#copy---chown---chmod",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Less than this is nothing.
const LEAST: u64 = 1_000_000;
/// More than this is worth knowing in any image; below it, a twentieth of the image is.
const MUCH: u64 = 20_000_000;
const SHARE: u64 = 20;
/// Files that are named.
const MOST: usize = 10;

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let hidden = image.hidden();
    let wasted: u64 = hidden.iter().map(|one| one.size).sum();
    let facts = image.layers.iter().filter_map(|layer| layer.facts.as_ref().ok());
    let all: u64 = facts.flat_map(|facts| facts.entries.iter()).map(|entry| entry.size).sum();
    if wasted < LEAST || (wasted < MUCH && wasted < all / SHARE) {
        return;
    }
    let (wasted_said, all_said) = (size_said(wasted), size_said(all));
    let message = format!("{wasted_said} of the image's {all_said} are shipped, and no container sees them");
    let copied: u64 = hidden.iter().filter(|one| one.copied).map(|one| one.size).sum();
    let because = if copied >= LEAST && copied >= wasted / 10 {
        format!(
            "a later layer hides them, and every pull downloads them; {} are there again, changed in mode, owner or name only",
            size_said(copied)
        )
    } else {
        "a later layer removes or replaces them, and every pull downloads them all the same".to_owned()
    };
    let finding = findings.report(Spot::Image, message);
    finding.because(because).help(
        "Remove a file in the step that makes it, set mode and owner with `COPY --chown --chmod`, or copy the result \
         out of a stage of its own",
    );
    for one in hidden.iter().take(MOST).filter(|one| one.size >= LEAST / 10) {
        let Some(facts) = image.facts(one.layer) else { continue };
        let path = facts.entries.get(one.entry).path;
        let layer = if one.copied { one.by } else { one.layer };
        finding.label(Spot::Layer(layer, path.to_owned()), told(one));
    }
}

fn told(one: &Hidden) -> String {
    let (size, layer, by) = (size_said(one.size), one.layer + 1, one.by + 1);
    match one.copied {
        _ if one.layer == one.by => format!("{size}, twice in layer {layer}"),
        true => format!("{size}, in layer {layer} and again in layer {by}, with the same size and time"),
        false => format!("{size} in layer {layer}, hidden by layer {by}"),
    }
}
