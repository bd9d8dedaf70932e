//! The same judged by the layers of an image: one has a package index and no package, a later one packages and no index.

use super::{HELP, WHY};
use crate::diagnostic::Confidence;
use crate::image::{Image, Kind, LayerFacts, Spot, Visibility};
use crate::lint::Findings;

/// A package manager whose index and database are told apart by their paths.
struct Manager {
    command: &'static str,
    /// The folder of its index, and how the names in it begin or what they contain.
    folder: &'static str,
    marks: &'static [&'static str],
    databases: &'static [&'static str],
}

const MANAGERS: [Manager; 2] = [
    Manager {
        command: "apt-get",
        folder: "/var/lib/apt/lists",
        marks: &["_Packages", "_InRelease", "_Release"],
        databases: &["/var/lib/dpkg/status"],
    },
    Manager {
        command: "apk",
        folder: "/var/cache/apk",
        marks: &["APKINDEX"],
        databases: &["/lib/apk/db/installed", "/usr/lib/apk/db/installed"],
    },
];

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    for manager in &MANAGERS {
        for layer in 0..image.layers.len() {
            let Some(facts) = image.facts(layer) else { continue };
            if !manager.has_index(facts) || manager.database(facts).is_some() {
                continue;
            }
            let gone = hidden_by(image, layer, facts, manager).unwrap_or(usize::MAX);
            let user = (layer + 1..image.layers.len().min(gone)).find_map(|later| {
                let facts = image.facts(later)?;
                let database = manager.database(facts)?;
                (!touches(facts, manager.folder) && manager.may_use(image.made_by(later))).then_some((later, database))
            });
            let Some((later, database)) = user else { continue };
            let command = manager.command;
            let message = format!("`{command} update` made a layer apart from the one that installs from its index");
            let finding = findings.report(Spot::Layer(layer, manager.folder.to_owned()), message);
            finding.because(WHY).help(HELP).aliases(&["CIS-DI-0007", "DS-0017", "CIS-4.7"]);
            finding.label(Spot::Layer(later, database.to_owned()), "installs from that index");
            finding.confidence(Confidence::Medium);
        }
    }
}

impl Manager {
    fn has_index(&self, facts: &LayerFacts) -> bool {
        facts.entries.iter().any(|entry| entry.kind == Kind::File && self.is_index(entry.path))
    }

    fn is_index(&self, path: &str) -> bool {
        let name = path.strip_prefix(self.folder).and_then(|rest| rest.strip_prefix('/'));
        name.is_some_and(|name| self.marks.iter().any(|mark| name.contains(mark)))
    }

    /// The database, where a layer changes it.
    fn database(&self, facts: &LayerFacts) -> Option<&'static str> {
        let changed = |path: &str| facts.entries.iter().any(|entry| entry.kind == Kind::File && entry.path == path);
        self.databases.iter().copied().find(|path| changed(path))
    }

    /// Whether the step that made a layer can have used an index that was there: apk's `--no-cache` doesn't, and dpkg alone
    /// needs none.
    fn may_use(&self, made_by: Option<&str>) -> bool {
        match (self.command, made_by) {
            ("apk", Some(line)) => line.contains("apk add") && !line.contains("--no-cache"),
            ("apk", None) => false,
            (_, Some(line)) => !line.contains("dpkg -i") && !line.contains("dpkg --install"),
            (_, None) => true,
        }
    }
}

/// The first layer that takes a part of the index away.
fn hidden_by(image: &Image, layer: usize, facts: &LayerFacts, manager: &Manager) -> Option<usize> {
    let entries = facts.entries.iter().filter(|entry| manager.is_index(entry.path));
    let by = entries.filter_map(|entry| match image.tree.visibility(layer, entry.index) {
        Visibility::Hidden { by } => Some(by),
        Visibility::Visible | Visibility::Replaced => None,
    });
    by.min()
}

/// Whether a layer has anything in a folder: then it fetched the index anew, or took it away.
fn touches(facts: &LayerFacts, folder: &str) -> bool {
    facts.entries.iter().any(|entry| match entry.path.strip_prefix(folder) {
        Some("") => matches!(entry.kind, Kind::Whiteout | Kind::Opaque),
        Some(rest) => rest.starts_with('/') && entry.kind != Kind::Folder,
        None => false,
    })
}
