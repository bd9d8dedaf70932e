//! An image whose configuration sets no user, which means root.

use crate::diagnostic::{Confidence, Severity};
use crate::image::{GivesUp, Image, START_SCRIPTS};
use crate::lint::{Findings, Spot};

pub(super) const READS: &[&str] = START_SCRIPTS;

/// The ids that other tools have for it in an image.
const ALIASES: &[&str] = &["DS-0002", "CIS-4.1", "CIS-DI-0001"];

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    // Windows chooses a user by the base image, which the configuration doesn't tell.
    if !image.config.user.is_empty() || image.config.os == "windows" {
        return;
    }
    let given_up = image.gives_root_up();
    if matches!(given_up, Some((GivesUp::Itself, _))) {
        return;
    }
    let finding = findings.report(Spot::Config("config.User".to_owned()), "the image sets no user, so it runs as root");
    finding
        .because("whatever the container starts has root's rights in it")
        .help("End the build with `USER 10001`, or with an account that a step makes")
        .aliases(ALIASES);
    match given_up {
        Some((GivesUp::InScript, path)) => {
            finding.severity(Severity::Info).confidence(Confidence::Low);
            finding.label(image.content_spot(&path), "this script seems to give root up at run time");
        }
        Some((GivesUp::MayBeServices, path)) => {
            finding.severity(Severity::Low).confidence(Confidence::Medium);
            finding.label(image.content_spot(&path), "what starts here can give each service a user of its own");
        }
        Some((GivesUp::Itself, _)) | None => {}
    }
    let starts_something =
        [&image.config.entrypoint, &image.config.cmd].into_iter().flatten().any(|one| !one.is_empty());
    if !starts_something {
        finding.severity(Severity::Low);
    }
}
