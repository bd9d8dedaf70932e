//! An image whose configuration sets no user, which means root.

use crate::image::{Image, START_SCRIPTS};
use crate::lint::{Findings, Spot};

pub(super) const READS: &[&str] = START_SCRIPTS;

/// The ids that other tools have for it in an image.
const ALIASES: &[&str] = &["DS-0002", "CIS-4.1", "CIS-DI-0001"];

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    // Windows chooses a user by the base image, which the configuration doesn't tell.
    if !image.config.user.is_empty() || image.config.os == "windows" {
        return;
    }
    let Some(root) = image.root_start() else { return };
    let finding = findings.report(Spot::Config("config.User".to_owned()), "the image sets no user, so it runs as root");
    finding
        .because("whatever the container starts has root's rights in it")
        .help("End the build with `USER 10001`, or with an account that a step makes")
        .aliases(ALIASES)
        .severity(root.severity)
        .confidence(root.confidence);
    if let Some((spot, remark)) = root.remark {
        finding.label(spot, remark);
    }
}
