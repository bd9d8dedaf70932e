//! What the system relies on is writable for group 0, and the container's user is in that group.

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Kind, KnownUser, NodeId};
use crate::lint::{Findings, Lint, Spot};
use crate::tables::{TrustedPlace, trusted_place};

pub(super) static LINT: Lint = Lint {
    summary: "The container's user may change the system through group 0",
    category: Category::Filesystem,
    severity: Severity::Medium,
    sources: &[
        "https://docs.redhat.com/en/documentation/openshift_container_platform/4.17/html/images/creating-images",
        "https://nvd.nist.gov/vuln/detail/CVE-2019-19345",
        "https://cwe.mitre.org/data/definitions/732.html",
    ],
    image: Some(check),
    ..Lint::BASE
};

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let user = image.runtime_user();
    let starts = matches!(user.known, KnownUser::Account | KnownUser::Number);
    if user.is_root() || !starts || !user.groups.contains(&0) {
        return;
    }
    let mut found: Vec<(NodeId, String, TrustedPlace)> = Vec::new();
    for id in image.tree.iter() {
        let node = image.tree.node(id);
        let is_meant = matches!(node.kind, Kind::File | Kind::Folder) && node.gid == 0 && node.mode & 0o022 == 0o020;
        if !is_meant || node.uid == user.uid {
            continue;
        }
        let path = image.tree.path(id);
        let Some(place) = trusted_place(&path) else { continue };
        if image.can_write(&user, id) {
            found.push((id, path, place));
        }
    }
    // The worst first, so that it is the place of the finding.
    found.sort_by(|a, b| (b.2, &a.1).cmp(&(a.2, &b.1)));
    let Some((first, path, place)) = found.first() else { return };
    let message = match found.len() {
        1 => format!("the container's user may write `{path}` as a member of group 0"),
        count => format!("the container's user may write `{path}` and {} more as a member of group 0", count - 1),
    };
    let finding = findings.report(image.mode_spot(*first), message);
    finding.because(place.why());
    finding.help("Take the right away with `chmod g-w`, and give group 0 only folders of the application's own data");
    if *place < TrustedPlace::Libraries {
        finding.severity(Severity::Low);
    }
    for (id, path, _) in found.iter().take(MOST).skip(1) {
        finding.label(image.mode_spot(*id), format!("`{path}` has mode {:04o}", image.tree.node(*id).mode));
    }
    if let Some(rest) = found.len().checked_sub(MOST).filter(|rest| *rest > 0) {
        finding.label(Spot::Image, format!("and {rest} more"));
    }
}

/// Places that a finding lists.
const MOST: usize = 40;
