//! What an image has beside its program, and whoever breaks in can use: shells, package managers, compilers and the like.

mod tools;

use std::collections::BTreeMap;

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Kind, NodeId, Program, Spot};
use crate::lint::{Findings, Lint};
use tools::Group;

pub(super) static LINT: Lint = Lint {
    summary: "The image holds tools that an intruder can use",
    category: Category::Runtime,
    severity: Severity::Info,
    sources: &[
        "https://csrc.nist.gov/pubs/sp/800/190/final",
        "https://github.com/GoogleContainerTools/distroless",
        "CIS Docker Benchmark 1.6.0, 4.3",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Folders that programs are started from.
const FOLDERS: [&str; 9] = [
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/lib/systemd",
    "/lib/systemd",
    "/usr/local/go/bin",
];

/// Programs of a group that are named one by one.
const MOST: usize = 5;

/// A program's name in the image, and the word it is known by.
struct Found {
    path: String,
    spot: Spot,
}

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let found = programs(image);
    if found.is_empty() {
        return;
    }
    let counts: Vec<String> = found.iter().map(|(group, programs)| group.counted(programs.len())).collect();
    let alone = lone_program(image);
    let finding = findings.report(Spot::Image, format!("the image holds {}", listed(&counts)));
    match alone {
        Some(path) => finding
            .because(format!("its program `{path}` is static and needs none of them, but whoever breaks into it does"))
            .help("Copy the program onto `scratch` or a distroless base"),
        None => finding
            .because("whoever breaks into the program finds at hand what to look around, fetch and build with")
            .help(
                "Build in a stage of its own, and ship on a base with no more than the program needs: slim or \
             distroless",
            ),
    };
    for (group, programs) in &found {
        // Every base has shells and a package manager: one example says enough.
        let most = if group.is_usual() { 1 } else { MOST };
        for (index, (name, program)) in programs.iter().take(most).enumerate() {
            let message = if index == 0 && (programs.len() > most || most == 1) {
                let names: Vec<String> = programs.keys().take(12).map(|name| format!("`{name}`")).collect();
                let more = programs.len().saturating_sub(names.len());
                let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("{}: {}{rest}", group.name(), names.join(", "))
            } else {
                format!("{}: `{name}`, `{}`", group.name(), program.path)
            };
            finding.label(program.spot.clone(), message);
        }
    }
}

/// The tools of each group, by the name they are known by.
fn programs(image: &Image) -> BTreeMap<Group, BTreeMap<&'static str, Found>> {
    let mut found: BTreeMap<Group, BTreeMap<&'static str, Found>> = BTreeMap::new();
    let folders = FOLDERS.iter().filter_map(|folder| image.tree.resolve(folder));
    let mut folders: Vec<NodeId> = folders.collect();
    folders.sort();
    folders.dedup();
    for folder in folders {
        for (file, node) in image.tree.children(folder) {
            let Some((group, name)) = tools::of(file).filter(|_| is_program(image, node)) else { continue };
            let programs = found.entry(group).or_default();
            // Of `gcc`, `gcc-12` and `x86_64-linux-gnu-gcc-12`, the one whose name says the version in few letters: the
            // bare name is mostly a link to it.
            let better = |old: &Found| tools::rank(file) < tools::rank(old.path.rsplit('/').next().unwrap_or(""));
            if programs.get(name).is_none_or(better) {
                let path = image.tree.path(node);
                let spot = Spot::Layer(image.tree.node(node).layer, path.clone());
                programs.insert(name, Found { path, spot });
            }
        }
    }
    found
}

/// Whether a name leads to a file that can be started.
fn is_program(image: &Image, node: NodeId) -> bool {
    let path = image.tree.path(node);
    image
        .tree
        .resolve(&path)
        .map(|node| image.tree.node(node))
        .is_some_and(|node| node.kind == Kind::File && node.mode & 0o111 != 0)
}

/// The one static program that the container starts, where that is all it starts.
fn lone_program(image: &Image) -> Option<&str> {
    let ([step], None) = (&image.start.steps[..], &image.start.stopped) else { return None };
    let name = step.path.rsplit('/').next().unwrap_or("");
    let node = image.tree.node(step.node);
    let entry = image.facts(node.content_layer)?.entries.get(node.content_entry);
    // A static shell, or busybox, is one of the tools itself.
    let is_tool = tools::of(name).is_some() || image.tree.name(step.node) == "busybox";
    (entry.program == Program::Elf64Static && !is_tool).then_some(step.path.as_str())
}

fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
