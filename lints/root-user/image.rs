//! `config.User` is root, by any spelling. What sets no user at all is `missing-user`'s.

use crate::diagnostic::{Confidence, Severity};
use crate::image::{GivesUp, Image, START_SCRIPTS};
use crate::lint::{Findings, Spot};

pub(super) const READS: &[&str] = START_SCRIPTS;

/// The ids that other tools have for it in an image.
const ALIASES: &[&str] = &["DS-0002", "CIS-4.1", "CIS-DI-0001"];

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    let text = &image.config.user;
    if text.is_empty() || !is_root(image) {
        return;
    }
    let given_up = image.gives_root_up();
    if matches!(given_up, Some((GivesUp::Itself, _))) {
        return;
    }
    let name = text.split(':').next().unwrap_or(text);
    let message = match name {
        "root" | "0" => format!("the container runs as root: the user is `{text}`"),
        _ => format!("the container runs as root: the user `{text}` has uid 0"),
    };
    let place = Spot::Config("config.User".to_owned());
    let finding = findings.report(place, message);
    finding
        .because("whatever the container starts has root's rights in it")
        .help("End the build with `USER 10001`, or drop root in the entrypoint with setpriv or gosu")
        .aliases(ALIASES);
    let starts_something =
        [&image.config.entrypoint, &image.config.cmd].into_iter().flatten().any(|one| !one.is_empty());
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
    if !starts_something {
        finding.severity(Severity::Low);
    }
}

/// Root by name or number, as engines find it out; on Windows the administrators.
fn is_root(image: &Image) -> bool {
    if image.config.os == "windows" {
        return super::is_root(&image.config.user);
    }
    image.runtime_user().is_root()
}
