//! The same in the layers of an image, where they are seen or hidden.

use super::{LISTS, REMOVAL, WHY};
use crate::image::{Image, Spot, size_said};
use crate::lint::Findings;

/// Bytes below which it is what a base has for its own, such as one signed list of a local repository.
const FEW: u64 = 100 << 10;

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    let is_list = |path: &str| path.strip_prefix(LISTS).is_some_and(|rest| rest.starts_with('/'));
    let found = image.shipped(|entry| is_list(entry.path).then_some(()));
    for one in found.into_values().flatten().filter(|one| one.bytes >= FEW) {
        let place = Spot::Layer(one.layer, LISTS.to_owned());
        let size = size_said(one.bytes);
        let message = match one.hidden_by {
            Some(by) if one.hidden == one.bytes => {
                format!("{size} of package lists are shipped, although layer {} hides them", by + 1)
            }
            _ => format!("{size} of package lists stay in the image"),
        };
        let finding = findings.report(place, message);
        finding.because(WHY).aliases(&["DKL-DI-0005"]);
        finding.help(format!("End the step that fetches them with `{REMOVAL}`"));
    }
}
