//! Devices and named pipes in the layers.

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Kind, Node};
use crate::lint::{Findings, Lint, Spot};

pub(super) static LINT: Lint = Lint {
    summary: "The image holds a device or a named pipe",
    category: Category::Filesystem,
    severity: Severity::High,
    sources: &[
        "https://man7.org/linux/man-pages/man7/inode.7.html",
        "https://www.kernel.org/doc/html/latest/admin-guide/devices.html",
        "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#default-devices",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Character devices that any process may have: null, zero, full, random, urandom, tty, console, ptmx.
const HARMLESS: [(u32, u32); 8] = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)];

/// Character devices that give the machine's memory and ports: mem, kmem, port.
const MEMORY: [(u32, u32); 3] = [(1, 1), (1, 2), (1, 4)];

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let mut pipes = Vec::new();
    for id in image.tree.iter() {
        let node = image.tree.node(id);
        if !matches!(node.kind, Kind::CharDevice | Kind::BlockDevice | Kind::Fifo) {
            continue;
        }
        let path = image.tree.path(id);
        let in_dev = path.starts_with("/dev/");
        if node.kind == Kind::Fifo {
            if !in_dev {
                pipes.push((image.mode_spot(id), path));
            }
            continue;
        }
        let number = number(image, &node);
        if node.kind == Kind::CharDevice && in_dev && number.is_none_or(|number| HARMLESS.contains(&number)) {
            continue;
        }
        let kind = if node.kind == Kind::BlockDevice { "block" } else { "character" };
        let shown = number.map_or(String::new(), |(major, minor)| format!(" {major}:{minor}"));
        let finding = findings
            .report(image.mode_spot(id), format!("`{path}` is the {kind} device{shown}, mode {:04o}", node.mode));
        finding.help("Leave it out of the image; give a container the device it needs with `docker run --device`");
        if node.kind == Kind::BlockDevice {
            finding
                .because("where the container may use devices, whoever opens it reads and writes a disk of the host");
        } else if number.is_some_and(|number| MEMORY.contains(&number)) {
            finding.because("where the container may use devices, whoever opens it reads and writes the host's memory");
        } else {
            finding
                .because("devices are given by the runtime; one in a layer keeps what modes and `/dev` would hold back")
                .severity(if in_dev { Severity::Low } else { Severity::Medium });
        }
    }
    let Some((first, path)) = pipes.first().cloned() else { return };
    let message = match pipes.len() {
        1 => format!("`{path}` is a named pipe"),
        count => format!("the image holds {count} named pipes, `{path}` among them"),
    };
    let finding = findings.report(first, message);
    finding
        .because("it is left over from a process of the build; what opens it waits until somebody else does")
        .help("Remove it in the step that made it")
        .severity(Severity::Low);
    if pipes.len() > 1 {
        for (place, path) in pipes.into_iter().take(MOST) {
            finding.label(place, format!("`{path}`"));
        }
    }
}

/// Pipes that are listed.
const MOST: usize = 20;

fn number(image: &Image, node: &Node<'_>) -> Option<(u32, u32)> {
    image.facts(node.content_layer)?.entries.get(node.content_entry).extra?.device
}
