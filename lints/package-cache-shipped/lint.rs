//! What package managers downloaded and kept, in any layer, whether a container sees it or not.

mod kinds;

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Shipped, Spot, size_said};
use crate::lint::{Findings, Lint};
use kinds::Cache;

pub(super) static LINT: Lint = Lint {
    summary: "A layer ships a package manager's cache",
    category: Category::Build,
    severity: Severity::Low,
    aliases: &["DKL-DI-0004", "DKL-DI-0005"],
    sources: &[
        "https://docs.docker.com/build/cache/optimize/#use-cache-mounts",
        "https://docs.docker.com/build/building/best-practices/#apt-get",
        "https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Bytes below which nobody misses them: empty indexes, lock files, a base's leftovers.
const FEW: u64 = 512 << 10;

/// Bytes from which on it is more than a remark.
const MANY: u64 = 20_000_000;

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let found = image.shipped(|entry| kinds::of(entry.path));
    for (Cache { folder, what, .. }, shipped) in &found {
        let bytes: u64 = shipped.iter().map(|one| one.bytes).sum();
        let Some(most) = shipped.iter().max_by_key(|one| one.bytes).filter(|_| bytes >= FEW) else { continue };
        let (size, place) = (size_said(bytes), Spot::Layer(most.layer, folder.clone()));
        let verb = if shipped.len() == 1 { "ships" } else { "ship" };
        let layers = if shipped.len() == 1 { "a layer" } else { "layers" };
        let finding = findings.report(place, format!("{layers} {verb} {size} of {what} in `{folder}`"));
        finding.because(why(shipped, bytes)).help(kinds::help(what)).aliases(kinds::aliases(what));
        if bytes < MANY {
            finding.severity(Severity::Info);
        }
        for one in shipped.iter().filter(|_| shipped.len() > 1) {
            let place = Spot::Layer(one.layer, folder.clone());
            finding.label(place, format!("{} in {} files", size_said(one.bytes), one.files));
        }
    }
}

fn why(shipped: &[Shipped], bytes: u64) -> String {
    let hidden: u64 = shipped.iter().map(|one| one.hidden).sum();
    match shipped.iter().filter_map(|one| one.hidden_by).max() {
        Some(by) if hidden == bytes => {
            format!("layer {} hides all of it, and every pull downloads it all the same", by + 1)
        }
        Some(_) => format!(
            "nothing installs from it again; {} of it are even hidden, and shipped all the same",
            size_said(hidden)
        ),
        None => "nothing installs from it again, and every pull downloads it".to_owned(),
    }
}
