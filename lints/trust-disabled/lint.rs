//! Settings files in an image that have a tool trust a server without any proof of who it is.

mod files;

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Spot};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "A tool's settings trust servers without proof",
    category: Category::SupplyChain,
    severity: Severity::Medium,
    sources: &[
        "https://pip.pypa.io/en/stable/cli/pip/#cmdoption-trusted-host",
        "https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md",
        "https://man.openbsd.org/ssh_config#StrictHostKeyChecking",
        "https://cwe.mitre.org/data/definitions/346.html",
    ],
    image: Some(check),
    reads: files::READS,
    ..Lint::BASE
};

/// A trust that is given away.
struct Given {
    /// What the setting does, as a whole sentence.
    says: String,
    because: &'static str,
    help: &'static str,
    severity: Severity,
}

fn check(image: &Image, findings: &mut Findings<Spot>) {
    for (path, bytes) in image.texts() {
        let given = files::given(path, bytes);
        let Some((first, others)) = given.split_first() else { continue };
        let place = image.content_spot(path);
        let finding = findings.report(place.clone(), &*first.says);
        finding.because(first.because).help(first.help).severity(first.severity);
        for other in others {
            finding.label(place.clone(), &*other.says);
        }
    }
}
