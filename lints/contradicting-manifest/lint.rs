//! Digests, sizes and counts that one document of an image says and another contradicts.

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, Irregularity, IrregularityKind, Spot};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "The image's documents contradict each other",
    category: Category::SupplyChain,
    severity: Severity::High,
    aliases: &[],
    sources: &[
        "https://github.com/opencontainers/image-spec/blob/main/config.md#layer-diffid",
        "https://github.com/opencontainers/image-spec/blob/main/descriptor.md#verification",
    ],
    image: Some(check),
    ..Lint::BASE
};

const HELP: &str = "Build or fetch the image again, and find out who changed it in between";

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let mut told = Vec::new();
    for (index, layer) in image.layers.iter().enumerate() {
        let Ok(facts) = &layer.facts else { continue };
        let (is, said) = (&facts.diff_id, &layer.diff_id);
        // A layer that was read in part has no digest, and of other algorithms none is computed.
        if is.is_empty() || is == said || !said.starts_with("sha256:") {
            continue;
        }
        let said: String = said.chars().filter(|c| !c.is_control()).take(71).collect();
        let message = format!("layer {} is `{is}` when uncompressed, and the configuration says `{said}`", index + 1);
        let draft = findings.report(Spot::Config(format!("rootfs.diff_ids[{index}]")), message);
        draft.because("engines refuse such a layer, or run one that is not what was built and signed");
        draft.help(HELP);
        told.push(is.as_str());
    }
    let mismatch = |one: &&Irregularity| one.kind == IrregularityKind::Mismatch;
    let layers =
        image.layers.iter().filter_map(|layer| layer.facts.as_ref().ok()).flat_map(|facts| &facts.irregularities);
    let others = image.irregularities.iter().chain(image.tree.irregularities()).chain(layers).filter(mismatch);
    // What the sources say of the same digests is said above.
    let mut others: Vec<&Irregularity> = others.filter(|one| !told.iter().any(|is| one.detail.contains(is))).collect();
    others.dedup();
    let Some((first, others)) = others.split_first() else { return };
    let draft = findings.report(Spot::Image, first.detail.clone());
    draft.because("tools that believe one and tools that believe the other see different images");
    draft.help(HELP).severity(Severity::Low).confidence(Confidence::High);
    for other in others {
        draft.label(Spot::Image, other.detail.clone());
    }
}
