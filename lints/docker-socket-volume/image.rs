//! The same in an image's configuration.

use super::Case;
use crate::diagnostic::Confidence;
use crate::image::{Image, Spot};
use crate::lint::Findings;

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    for path in &image.config.volumes {
        let Some(case) = Case::of(path) else { continue };
        let finding = findings.report(Spot::Config(format!("config.Volumes.{path}")), case.message(path));
        finding.because(case.why()).help(case.help()).severity(case.severity());
        if matches!(case, Case::Socket) {
            finding.confidence(Confidence::Medium);
        }
        if matches!(path.as_str(), "/sys" | "/dev" | "/proc") {
            finding.aliases(&["DKL-DI-0002"]);
        }
    }
}
