//! Layers that were not read, so that nothing is known of what is in them.

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Spot};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "A layer was not read, so nothing is known of its files",
    category: Category::SupplyChain,
    severity: Severity::Low,
    aliases: &[],
    sources: &["https://github.com/opencontainers/image-spec/blob/main/layer.md#non-distributable-layers"],
    image: Some(check),
    ..Lint::BASE
};

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let layers = image.layers.len();
    for (index, layer) in image.layers.iter().enumerate() {
        let Err(why) = &layer.facts else { continue };
        let message = format!("layer {} of {layers} was not read: {}", index + 1, why.trim_end_matches('.'));
        let draft = findings.report(Spot::Layer(index, "/".to_owned()), message);
        draft.because("what it adds, changes and hides is in no other finding, and missing is not the same as fine");
        draft.help(
            "Give harden an image with all its layers: `skopeo copy` with credentials, or the image's own archive",
        );
    }
}
