//! Files that serve the making of an app, not its running.

mod kinds;

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Kind, NodeId, Spot, Tree};
use crate::lint::{Findings, Lint};
use kinds::Junk;

pub(super) static LINT: Lint = Lint {
    summary: "Files are in the image that only its making needs",
    category: Category::Filesystem,
    severity: Severity::Low,
    aliases: &["DKL-LI-0003"],
    sources: &[
        "https://docs.docker.com/build/concepts/context/#dockerignore-files",
        "https://docs.docker.com/build/building/best-practices/#exclude-with-dockerignore",
        "https://owasp.org/www-project-web-security-testing-guide/latest/4-Web_Application_Security_Testing/02-Configuration_and_Deployment_Management_Testing/04-Review_Old_Backup_and_Unreferenced_Files_for_Sensitive_Information",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Places that a finding names; it counts the others.
const MOST: usize = 15;

/// Repositories that are weighed.
const MOST_REPOSITORIES: usize = 100;

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let mut found: Vec<(Junk, Vec<NodeId>)> = Vec::new();
    let mut repositories = 0;
    let mut add = |junk, id| match found.iter_mut().find(|(other, _)| *other == junk) {
        Some((_, list)) => list.push(id),
        None => found.push((junk, vec![id])),
    };
    walk(image, &mut |junk, id| match junk {
        Junk::Repository => {
            repositories += 1;
            if repositories <= MOST_REPOSITORIES {
                repository(image, id, findings);
            }
        }
        junk => add(junk, id),
    });
    found.sort_by_key(|(junk, _)| *junk);
    for (junk, list) in &found {
        group(image, *junk, list, findings);
    }
}

/// Walks the folders in which people put files, and hands over what is found; a folder that is found is not entered.
fn walk(image: &Image, found: &mut dyn FnMut(Junk, NodeId)) {
    let tree = &image.tree;
    // Folders are entered by a list of what is to do, so that a tree of any depth is walked.
    let mut rest = vec![Tree::ROOT];
    while let Some(folder) = rest.pop() {
        for (name, id) in tree.children(folder) {
            let node = tree.node(id);
            if let Some(junk) = kinds::of(image, name, id, &node) {
                found(junk, id);
            } else if node.kind == Kind::Folder && !kinds::is_packaged(tree, id) {
                rest.push(id);
            }
        }
    }
}

fn repository(image: &Image, id: NodeId, findings: &mut Findings<Spot>) {
    let path = image.tree.path(id);
    let (files, bytes) = weigh(&image.tree, id);
    let message = format!("the repository `{path}` is in the image: {files} files of {}", size(bytes));
    let draft = findings.report(Spot::Layer(image.tree.node(id).layer, path.clone()), message);
    draft.because("it holds every version of every file, those with a password that a later commit took out, too");
    let name = path.rsplit('/').next().unwrap_or("");
    draft.help(format!("Write `**/{name}` into `.dockerignore`, or remove it in the step that clones"));
    draft.aliases(if name == ".git" { LINT.aliases } else { &[] });
}

fn group(image: &Image, junk: Junk, list: &[NodeId], findings: &mut Findings<Spot>) {
    let Some((first, others)) = list.split_first() else { return };
    let spot = |id: NodeId| Spot::Layer(image.tree.node(id).layer, image.tree.path(id));
    let (what, why, help) = junk.told();
    let path = image.tree.path(*first);
    let message = match others.len() {
        0 => format!("`{path}` is {}", what.0),
        more => format!("`{path}` and {more} more are {}", what.1),
    };
    let draft = findings.report(spot(*first), message);
    draft.because(why).help(help).severity(junk.severity());
    for id in others.iter().take(MOST) {
        draft.label(spot(*id), "this one too");
    }
    let more = others.len().saturating_sub(MOST);
    if more > 0 {
        draft.label(spot(*first), format!("and {more} more"));
    }
    if list.iter().any(|id| kinds::is_dockles(image.tree.name(*id))) {
        draft.aliases(LINT.aliases);
    }
}

/// Files below a folder, and their bytes.
fn weigh(tree: &Tree, folder: NodeId) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    let mut rest = vec![folder];
    while let Some(folder) = rest.pop() {
        for (_, id) in tree.children(folder) {
            let node = tree.node(id);
            match node.kind {
                Kind::Folder => rest.push(id),
                Kind::File => (files, bytes) = (files + 1, bytes + node.size),
                _ => {}
            }
        }
    }
    (files, bytes)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} bytes"),
        10_000..=9_999_999 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
