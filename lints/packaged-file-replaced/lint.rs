//! Files of packages that a later layer replaced behind the package manager's back.

use std::collections::BTreeMap;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Hidden, Image, Kind, Spot};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "A file of a package was replaced by one that the package doesn't have",
    category: Category::SupplyChain,
    severity: Severity::High,
    confidence: Confidence::Medium,
    aliases: &[],
    sources: &[
        "https://man7.org/linux/man-pages/man1/dpkg.1.html",
        "https://wiki.alpinelinux.org/wiki/Apk_spec",
        "https://doi.org/10.6028/NIST.SP.800-190",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Places that a finding names; it counts the others.
const MOST: usize = 20;

fn check(image: &Image, findings: &mut Findings<Spot>) {
    // How the packaged file was hidden, and the path of what is there now.
    let mut by_layer: BTreeMap<usize, Vec<(String, Hidden)>> = BTreeMap::new();
    let mut changes: BTreeMap<usize, bool> = BTreeMap::new();
    for hidden in image.hidden() {
        // A layer that changes the database installs or upgrades packages, and the mode alone is no other content.
        if hidden.copied || hidden.by == hidden.layer {
            continue;
        }
        if *changes.entry(hidden.by).or_insert_with(|| image.changes_packages(hidden.by)) {
            continue;
        }
        let Some(facts) = image.facts(hidden.layer) else { continue };
        let path = facts.entries.get(hidden.entry).path;
        let Some(id) = image.tree.lookup(path).filter(|_| !is_generated(path)) else { continue };
        let node = image.tree.node(id);
        let replaced = node.kind == Kind::File && node.content_layer == hidden.by && node.size > 0;
        if replaced && image.packages.owner(path).is_some() {
            by_layer.entry(hidden.by).or_default().push((image.tree.path(id), hidden));
        }
    }
    for (layer, mut files) in by_layer {
        files.sort_by(|a, b| a.0.cmp(&b.0));
        files.dedup_by(|a, b| a.0 == b.0);
        let (worst, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|(path, _)| weight(image, path) == Severity::High);
        for file in worst {
            report(image, layer, &[file], findings);
        }
        report(image, layer, &others, findings);
    }
}

fn report(image: &Image, layer: usize, files: &[(String, Hidden)], findings: &mut Findings<Spot>) {
    let Some(((path, _), others)) = files.split_first() else { return };
    let owner = |path: &str| image.packages.owner(path).unwrap_or("a package").to_owned();
    let severity = files.iter().map(|(path, _)| weight(image, path)).max().unwrap_or(Severity::Low);
    let message = match others.len() {
        0 => format!("layer {} replaces `{path}`, which the package `{}` owns", layer + 1, owner(path)),
        more => format!(
            "layer {} replaces `{path}`, which the package `{}` owns, and {more} more files of packages",
            layer + 1,
            owner(path)
        ),
    };
    let draft = findings.report(Spot::Layer(layer, path.clone()), message);
    draft.because(match severity {
        Severity::High => {
            "it runs with rights or at the start of every container, and the package's version and \
                           signature say nothing of it"
        }
        _ => "the package's version and signature say nothing of it, so scanners report on a file that is not there",
    });
    draft.help("Put your own build of it under `/usr/local` or `/opt`, or into a package of its own");
    draft.severity(severity);
    for (path, hidden) in files.iter().take(MOST) {
        let before = format!("the package's own file was here: `{}`", owner(path));
        draft.label(Spot::Layer(hidden.layer, path.clone()), before);
    }
    let more = files.len().saturating_sub(MOST);
    if more > 0 {
        draft.label(Spot::Layer(layer, path.clone()), format!("and {more} more"));
    }
}

fn weight(image: &Image, path: &str) -> Severity {
    let Some(id) = image.tree.lookup(path) else { return Severity::Low };
    let node = image.tree.node(id);
    let starts = image.start.steps.iter().any(|step| {
        image.tree.node(step.node).content_entry == node.content_entry
            && image.tree.node(step.node).content_layer == node.content_layer
    });
    let is_setid = node.mode & 0o6000 != 0 || node.capability.is_some();
    let library = path.contains("/lib") && (path.ends_with(".so") || path.contains(".so."));
    if starts || is_setid {
        Severity::High
    } else if library || node.mode & 0o111 != 0 {
        Severity::Medium
    } else {
        Severity::Low
    }
}

/// Files that programs write again after installation, and settings, which are there to be changed.
fn is_generated(path: &str) -> bool {
    const FOLDERS: [&str; 8] =
        ["/etc/", "/var/", "/boot/", "/run/", "/usr/lib/locale/", "/usr/share/info/dir", "/usr/share/mime/", "/home/"];
    const ENDINGS: [&str; 8] = [".pyc", ".pyo", ".cache", ".compiled", "/initrd.img", "/locale-archive", ".jsa", ".db"];
    // Trust stores are made of what administrators trust.
    FOLDERS.iter().any(|folder| path.starts_with(folder))
        || ENDINGS.iter().any(|ending| path.ends_with(ending))
        || path.contains("/cacerts")
        || path.contains("ca-bundle")
}
