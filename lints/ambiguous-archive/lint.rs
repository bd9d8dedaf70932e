//! Layers that readers of archives understand differently, or that only harm needs.

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, Irregularity, IrregularityKind, Spot};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "A layer's archive can be read in two ways, or leads out of the image",
    category: Category::SupplyChain,
    severity: Severity::High,
    aliases: &[],
    sources: &[
        "https://github.com/opencontainers/image-spec/blob/main/layer.md",
        "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html",
        "https://cwe.mitre.org/data/definitions/22.html",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// The kinds, worst first; a digest or count that is contradicted is another lint's.
const KINDS: [IrregularityKind; 6] = {
    use IrregularityKind::{Ambiguous, Broken, Duplicate, Escape, Limit, Name};
    [Escape, Ambiguous, Limit, Broken, Duplicate, Name]
};

fn check(image: &Image, findings: &mut Findings<Spot>) {
    for (index, layer) in image.layers.iter().enumerate() {
        if let Ok(facts) = &layer.facts {
            report(&facts.irregularities, Some(index), findings);
        }
    }
    // Putting layers together meets again what the walk of one met.
    let met = |whole: &Irregularity| {
        let layers = image.layers.iter().filter_map(|layer| layer.facts.as_ref().ok());
        let mut all = layers.flat_map(|facts| &facts.irregularities);
        all.any(|one| one.kind == whole.kind && one.path == whole.path && !one.path.is_empty())
    };
    let whole = image.irregularities.iter().chain(image.tree.irregularities());
    let whole: Vec<Irregularity> = whole.filter(|one| !met(one)).cloned().collect();
    report(&whole, None, findings);
}

/// One finding for each kind of a layer, or of the image as a whole.
fn report(all: &[Irregularity], layer: Option<usize>, findings: &mut Findings<Spot>) {
    let spot = |one: &Irregularity| match layer {
        Some(layer) if one.path.is_empty() => Spot::Layer(layer, "/".to_owned()),
        Some(layer) => Spot::Layer(layer, one.path.clone()),
        None => Spot::Image,
    };
    let told = |one: &Irregularity| match one.path.as_str() {
        "" => one.detail.clone(),
        path => format!("`{path}`: {}", one.detail),
    };
    for kind in KINDS {
        let mut those = all.iter().filter(|one| one.kind == kind);
        let Some(first) = those.next() else { continue };
        let (severity, confidence, why, help) = weight(kind);
        let draft = findings.report(spot(first), told(first));
        draft.because(why).help(help).severity(severity).confidence(confidence);
        for one in those {
            draft.label(spot(one), told(one));
        }
    }
}

fn weight(kind: IrregularityKind) -> (Severity, Confidence, &'static str, &'static str) {
    const REBUILD: &str =
        "Build the layer again with a current builder, and don't run the image before you know who made it";
    match kind {
        IrregularityKind::Escape => (
            Severity::High,
            Confidence::High,
            "a tool that unpacks it without care writes outside of the image, where the user who unpacks may write",
            REBUILD,
        ),
        IrregularityKind::Ambiguous => (
            Severity::Medium,
            Confidence::Medium,
            "a scanner and the engine may see different files, so that what was checked is not what runs",
            REBUILD,
        ),
        IrregularityKind::Limit => (
            Severity::Medium,
            Confidence::Medium,
            "what lies behind it was not read, and archives grow like this to exhaust who reads them",
            "Raise the limit if you trust the image, or build it again with less in it",
        ),
        IrregularityKind::Broken => (
            Severity::Medium,
            Confidence::High,
            "some readers stop there and others go on, so that what is there is seen by some",
            "Fetch or build the layer again",
        ),
        IrregularityKind::Duplicate => (
            Severity::Low,
            Confidence::High,
            "the last one counts for engines, and the first one for some scanners",
            "Build the layer again with a tool that writes each path once",
        ),
        IrregularityKind::Name | IrregularityKind::Mismatch => (
            Severity::Low,
            Confidence::High,
            "such a name shows as another one in terminals and reports, and hides a file from people",
            "Rename the file where the image is built",
        ),
    }
}
