//! Scripts with a setuid or setgid bit.

use std::collections::HashSet;

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Kind, Node, Program};
use crate::lint::{Findings, Lint, Spot};

pub(super) static LINT: Lint = Lint {
    summary: "A script has a setuid or setgid bit, which the kernel ignores",
    category: Category::Privilege,
    severity: Severity::Low,
    aliases: &["CIS-DI-0008", "CIS-4.8"],
    sources: &["https://man7.org/linux/man-pages/man2/execve.2.html", "https://www.cisecurity.org/benchmark/docker"],
    image: Some(check),
    ..Lint::BASE
};

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let mut seen = HashSet::new();
    for id in image.tree.iter() {
        let node = image.tree.node(id);
        if node.kind != Kind::File || node.mode & 0o6000 == 0 {
            continue;
        }
        let Some(interpreter) = interpreter(image, &node) else { continue };
        // Several names are one file.
        if !seen.insert((node.content_layer, node.content_entry)) {
            continue;
        }
        let bits = match node.mode & 0o6000 {
            0o4000 => "setuid",
            0o2000 => "setgid",
            _ => "setuid and setgid",
        };
        let path = image.tree.path(id);
        findings
            .report(image.mode_spot(id), format!("the script `{path}` is {bits} (mode {:04o})", node.mode))
            .because(format!("Linux ignores the bit on scripts, so this one runs `{interpreter}` as whoever calls it"))
            .help("Take the bit away with `chmod a-s`, and do what needs root in a build step or before giving root up")
            .aliases(LINT.aliases);
    }
}

fn interpreter<'a>(image: &'a Image, node: &Node<'_>) -> Option<&'a str> {
    let entry = image.facts(node.content_layer)?.entries.get(node.content_entry);
    let line = entry.extra?.interpreter.as_deref()?;
    let word = line.split_whitespace().next().unwrap_or("/bin/sh");
    (entry.program == Program::Script).then_some(word)
}
