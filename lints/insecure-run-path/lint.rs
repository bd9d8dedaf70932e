//! Programs whose libraries are looked up where somebody else than root may put them.

use std::collections::HashSet;

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Kind, NodeId};
use crate::lint::{Findings, Lint, Spot};

pub(super) static LINT: Lint = Lint {
    summary: "A program looks for its libraries where others can put some",
    category: Category::Filesystem,
    severity: Severity::High,
    sources: &[
        "https://man7.org/linux/man-pages/man8/ld.so.8.html",
        "https://cwe.mitre.org/data/definitions/426.html",
        "https://cwe.mitre.org/data/definitions/427.html",
    ],
    image: Some(check),
    ..Lint::BASE
};

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let mut seen = HashSet::new();
    for step in &image.start.steps {
        if seen.insert(step.node) {
            program(image, step.node, false, findings);
        }
    }
    let privileged = image.tree.iter().filter(|id| {
        let node = image.tree.node(*id);
        let has_rights = node.mode & 0o6000 != 0 || node.capability.is_some();
        node.kind == Kind::File && has_rights && !seen.contains(id) && run_path(image, *id).is_some()
    });
    for id in privileged.take(MOST_PROGRAMS) {
        program(image, id, true, findings);
    }
}

/// RPATH and RUNPATH of a program.
fn run_path(image: &Image, id: NodeId) -> Option<&str> {
    let node = image.tree.node(id);
    let entry = image.facts(node.content_layer)?.entries.get(node.content_entry);
    entry.extra?.run_path.as_deref()
}

fn program(image: &Image, id: NodeId, privileged: bool, findings: &mut Findings<Spot>) {
    let node = image.tree.node(id);
    let Some(run_path) = run_path(image, id) else { return };
    let path = image.tree.path(id);
    let folder = image.tree.path(image.tree.parent(id));
    let mut done = HashSet::new();
    for element in run_path.split(':').take(MOST) {
        if !done.insert(element) {
            continue;
        }
        let privileged = privileged || node.mode & 0o6000 != 0;
        // The loader leaves `$ORIGIN` out where a program gives rights, but for the system's own folders (ld.so(8)).
        if privileged && element.contains("ORIGIN") {
            continue;
        }
        let Some(place) = expanded(element, &folder) else { continue };
        if !place.starts_with('/') {
            let what = match element {
                "" => "an empty element, which means the working directory".to_owned(),
                _ => format!("`{}`, which starts at the working directory", shown(element)),
            };
            findings
                .report(image.content_spot(&path), format!("the run path of `{path}` has {what}"))
                .because(why(privileged, "whoever starts it in a folder of their own"))
                .help(help(&path))
                .severity(if privileged { Severity::High } else { Severity::Low });
            continue;
        }
        let Some(changer) = image.changer(&place) else { continue };
        let who = changer.who();
        let missing = if image.tree.resolve(&place).is_none() { ", which is missing" } else { "" };
        let message = format!("`{path}` looks for libraries in `{}`{missing}, where {who} may put some", shown(&place));
        findings
            .report(image.content_spot(&path), message)
            .because(why(privileged, &who))
            .help(help(&path))
            .severity(if privileged { Severity::High } else { Severity::Medium })
            .label(image.mode_spot(changer.at), "through this");
    }
}

/// Programs with setuid bits or capabilities that are looked at; no real image has as many with a run path.
const MOST_PROGRAMS: usize = 200;

/// Elements of a run path that are looked at.
const MOST: usize = 32;

fn why(privileged: bool, who: &str) -> String {
    if privileged {
        format!("{who} so runs code with the rights that the file's mode or capabilities give")
    } else {
        format!("{who} so runs code in what the container starts")
    }
}

fn help(path: &str) -> String {
    format!(
        "Link it without that run path, take it out with `patchelf --remove-rpath {path}`, or let root own the folder"
    )
}

/// An element with `$ORIGIN` filled in; `None` where it has other tokens (`$LIB`, `$PLATFORM`), which the machine decides.
fn expanded(element: &str, folder: &str) -> Option<String> {
    let text = element.replace("${ORIGIN}", folder).replace("$ORIGIN", folder);
    (!text.contains('$')).then_some(text)
}

/// A text from a file of the image, fit for a report.
fn shown(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() || c == '`' { '?' } else { c }).collect()
}
