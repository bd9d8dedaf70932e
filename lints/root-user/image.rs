//! `config.User` is root, by any spelling. What sets no user at all is `missing-user`'s.

use crate::image::{Image, START_SCRIPTS};
use crate::lint::{Findings, Spot};

pub(super) const READS: &[&str] = START_SCRIPTS;

/// The ids that other tools have for it in an image.
const ALIASES: &[&str] = &["DS-0002", "CIS-4.1", "CIS-DI-0001"];

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    let text = &image.config.user;
    if text.is_empty() || !is_root(image) {
        return;
    }
    let Some(root) = image.root_start() else { return };
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
        .aliases(ALIASES)
        .severity(root.severity)
        .confidence(root.confidence);
    if let Some((spot, remark)) = root.remark {
        finding.label(spot, remark);
    }
}

/// Root by name or number, as engines find it out; on Windows the administrators.
fn is_root(image: &Image) -> bool {
    if image.config.os == "windows" {
        return super::is_root(&image.config.user);
    }
    image.runtime_user().is_root()
}
