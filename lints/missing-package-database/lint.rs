//! A distribution without its package database: scanners find nothing in it.

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, Spot, Visibility, is_package_database};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "The distribution's package database is missing, so scanners see no package",
    category: Category::SupplyChain,
    severity: Severity::Medium,
    aliases: &[],
    sources: &[
        "https://man7.org/linux/man-pages/man5/os-release.5.html",
        "https://github.com/GoogleContainerTools/distroless/blob/main/README.md",
        "https://doi.org/10.6028/NIST.SP.800-190",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// What each family's database is, by `ID` or `ID_LIKE` of os-release.
const DATABASES: [(&[&str], &str); 3] = [
    (&["debian", "ubuntu"], "/var/lib/dpkg/status"),
    (&["alpine", "wolfi", "chainguard", "postmarketos"], "/lib/apk/db/installed"),
    (
        &[
            "rhel",
            "centos",
            "fedora",
            "rocky",
            "almalinux",
            "ol",
            "amzn",
            "suse",
            "opensuse",
            "sles",
            "photon",
            "mariner",
            "azurelinux",
            "openEuler",
            "scientific",
        ],
        "the rpm database below `/var/lib/rpm` or `/usr/lib/sysimage/rpm`",
    ),
];

/// What other builders write in place of a database: chisel's list of slices, and that of Canonical's rocks.
const STAND_INS: [&str; 2] = ["/var/lib/chisel/manifest.wall", "/usr/share/rocks/dpkg.query"];

/// What only the installation of packages leaves: package managers, and the changelogs that every package has.
const TRACES: [&str; 10] = [
    "/usr/bin/dpkg",
    "/usr/bin/apt-get",
    "/var/lib/dpkg/info",
    "/usr/share/doc/base-files",
    "/usr/share/doc/libc6",
    "/sbin/apk",
    "/usr/bin/apk",
    "/usr/bin/rpm",
    "/usr/bin/microdnf",
    "/etc/yum.repos.d",
];

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let Some(os) = &image.os else { return };
    let known = |id: &str| DATABASES.iter().find(|(ids, _)| ids.contains(&id)).map(|(_, database)| *database);
    let Some(database) = known(&os.id).or_else(|| os.id_like.iter().find_map(|id| known(id))) else { return };
    // A database that is there and can't be read is there for others.
    let packages = &image.packages;
    let present = packages.manager.is_some() || packages.unread.is_some() || is_seen(image);
    let unsure = image.layers.iter().any(|layer| layer.facts.is_err());
    if present || unsure || STAND_INS.iter().any(|path| image.tree.resolve(path).is_some()) {
        return;
    }
    let name = if os.pretty_name.is_empty() { &os.id } else { &os.pretty_name };
    let name: String = name.chars().filter(|c| !c.is_control() && *c != '`').take(80).collect();
    let database = if database.starts_with('/') { format!("`{database}`") } else { database.to_owned() };
    let Some(node) = image.tree.resolve(&os.path) else { return };
    let spot = Spot::Layer(image.tree.node(node).layer, os.path.clone());
    let removed = removed(image);
    let message = match &removed {
        Some((_, by)) => format!("`{}` says {name}, but layer {} removes {database}", os.path, by + 1),
        None => format!("`{}` says {name}, but {database} is in no layer", os.path),
    };
    let draft = findings.report(spot, message);
    draft.because("scanners read packages and versions from it, so they report no known hole, whatever is installed");
    draft.help("Keep the database; to ship less, remove packages, or build on a distroless image, which keeps it too");
    // Where people and programs look for it.
    if let Some(link) = image.tree.lookup("/etc/os-release").filter(|link| *link != node) {
        let spot = Spot::Layer(image.tree.node(link).layer, "/etc/os-release".to_owned());
        draft.label(spot, format!("this leads to `{}`", os.path));
    }
    match removed {
        Some(((layer, path), by)) => {
            draft.label(Spot::Layer(layer, path.clone()), "it is here");
            draft.label(Spot::Layer(by, path), "and hidden here");
        }
        None => {
            draft.confidence(Confidence::Medium);
            // Without a trace it was copied together by hand from a distribution, as small images are; less was meant by it.
            match TRACES.iter().find_map(|path| image.tree.resolve(path)) {
                Some(node) => {
                    let trace = Spot::Layer(image.tree.node(node).layer, image.tree.path(node));
                    draft.label(trace, "packages were installed here");
                }
                None => {
                    draft.severity(Severity::Low);
                }
            }
        }
    }
}

/// Whether a part of a database is there, of whatever manager.
fn is_seen(image: &Image) -> bool {
    let paths = ["/var/lib/dpkg/status", "/lib/apk/db/installed", "/usr/lib/apk/db/installed"];
    let folders = ["/var/lib/dpkg/status.d", "/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"];
    let filled = |path: &&str| image.tree.resolve(path).is_some_and(|id| image.tree.children(id).next().is_some());
    // An empty file hides as much as none.
    let has_bytes = |path: &&str| image.tree.resolve(path).is_some_and(|id| image.tree.node(id).size > 0);
    paths.iter().any(has_bytes) || folders.iter().any(filled)
}

/// The last part of a database that a layer has and a later one hides: where it is, and the layer that does.
fn removed(image: &Image) -> Option<((usize, String), usize)> {
    image.layers.iter().enumerate().rev().find_map(|(layer, one)| {
        let facts = one.facts.as_ref().ok()?;
        facts.entries.iter().filter(|entry| entry.size > 0 && is_package_database(entry.path)).find_map(|entry| {
            match image.tree.visibility(layer, entry.index) {
                Visibility::Hidden { by } => Some(((layer, entry.path.to_owned()), by)),
                _ => None,
            }
        })
    })
}
