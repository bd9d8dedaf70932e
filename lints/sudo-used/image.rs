//! sudo in an image, able to give root's rights.

use crate::diagnostic::Severity;
use crate::image::Image;
use crate::lint::{Findings, Spot};

/// Where distributions and builds put it.
const PATHS: [&str; 4] = ["/usr/bin/sudo", "/bin/sudo", "/usr/local/bin/sudo", "/usr/bin/sudo-rs"];

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    let mut found = PATHS.iter().filter_map(|path| image.tree.resolve(path));
    let Some(id) = found.find(|id| image.tree.node(*id).mode & 0o4000 != 0) else { return };
    let path = image.tree.path(id);
    let finding = findings.report(image.mode_spot(id), format!("the image has sudo: `{path}` is setuid"));
    finding
        .severity(Severity::Low)
        .because("it reads its input as root before it knows who asks, and nothing in a container needs it")
        .help("Leave sudo out, and change the user with `exec setpriv` or `exec gosu` at the start");
    if let Some(package) = image.packages.owner(&path) {
        finding.label(image.mode_spot(id), format!("it comes from the package `{package}`"));
    }
}
