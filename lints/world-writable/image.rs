//! Files and folders of an image that every user may write.

use std::collections::BTreeMap;

use crate::diagnostic::Severity;
use crate::image::{Image, Kind, NodeId, RuntimeUser, Tree};
use crate::lint::{Findings, Spot};
use crate::tables::{TrustedPlace, trusted_place};

/// What can be written, and how much lies below it that can be written as well.
struct Writable {
    id: NodeId,
    path: String,
    below: usize,
}

/// One finding for what the system relies on by what that is, and one for the rest.
pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    let stranger = RuntimeUser::stranger();
    let commands = commands(image);
    let started = |id: NodeId| image.start.steps.iter().any(|step| step.node == id);
    let mut groups: BTreeMap<Option<TrustedPlace>, Vec<Writable>> = BTreeMap::new();
    // The folder that was last found, which stands for what lies below it.
    let mut whole: Option<(NodeId, Option<TrustedPlace>)> = None;
    for id in image.tree.iter() {
        let node = image.tree.node(id);
        let everybodys = match node.kind {
            // In a sticky folder everybody may make files, and touch nobody else's.
            Kind::Folder => node.mode & 0o1002 == 0o002,
            Kind::File => node.mode & 0o002 != 0,
            _ => false,
        };
        if !everybodys || !image.can_reach(&stranger, id) {
            continue;
        }
        let path = image.tree.path(id);
        let is_program = || started(id) || commands.iter().any(|folder| is_below(&image.tree, id, *folder));
        let trusted = trusted_place(&path).or_else(|| is_program().then_some(TrustedPlace::Programs));
        if let Some((folder, of)) = whole
            && of == trusted
            && is_below(&image.tree, id, folder)
        {
            if let Some(last) = groups.entry(trusted).or_default().last_mut() {
                last.below += 1;
            }
            continue;
        }
        if node.kind == Kind::Folder {
            whole = Some((id, trusted));
        }
        groups.entry(trusted).or_default().push(Writable { id, path, below: 0 });
    }
    for (trusted, found) in groups.iter().rev() {
        report(image, *trusted, found, findings);
    }
}

/// The folders of PATH.
fn commands(image: &Image) -> Vec<NodeId> {
    let path = image.config.variable("PATH").unwrap_or("");
    let folders = path.split(':').filter(|folder| folder.len() > 1 && folder.starts_with('/'));
    folders.take(64).filter_map(|folder| image.tree.resolve(folder)).collect()
}

/// Whether a node is the folder, or lies in it.
fn is_below(tree: &Tree, id: NodeId, folder: NodeId) -> bool {
    let mut at = id;
    while at != folder {
        if at == Tree::ROOT {
            return false;
        }
        at = tree.parent(at);
    }
    true
}

fn report(image: &Image, trusted: Option<TrustedPlace>, found: &[Writable], findings: &mut Findings<Spot>) {
    let Some(first) = found.first() else { return };
    let total: usize = found.iter().map(|one| 1 + one.below).sum();
    let message = match total {
        1 => format!("every user may write `{}`", first.path),
        2 => format!("every user may write `{}` and one more", first.path),
        _ => format!("every user may write `{}` and {} more", first.path, total - 1),
    };
    let finding = findings.report(image.mode_spot(first.id), message);
    match trusted {
        Some(place) => finding.because(place.why()),
        None => finding
            .because("whoever gets into the container can change it, whichever user they are")
            .severity(Severity::Low),
    };
    finding.help(
        "Give what has to be written to the user that writes it (`chown`), take the rest from others with `chmod o-w`, and set 1777 on folders for everybody",
    );
    if total == 1 {
        return;
    }
    for one in found.iter().take(MOST) {
        let mode = image.tree.node(one.id).mode;
        let below = match one.below {
            0 => String::new(),
            count => format!(", and {count} more below it"),
        };
        finding.label(image.mode_spot(one.id), format!("`{}` has mode {mode:04o}{below}", one.path));
    }
    if let Some(rest) = found.len().checked_sub(MOST).filter(|rest| *rest > 0) {
        finding.label(Spot::Image, format!("and {rest} more of this kind"));
    }
}

/// Places that a finding lists.
const MOST: usize = 40;
