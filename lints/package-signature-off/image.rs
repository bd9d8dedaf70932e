//! The same in the package managers' settings files of an image, where it holds for every later `install`.

use super::told_off;
use crate::image::{Image, Spot};
use crate::lint::Findings;

/// The files that are read.
pub(super) const READS: &[&str] = &[
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/*.list",
    "/etc/apt/sources.list.d/*.sources",
    "/etc/apt/apt.conf",
    "/etc/apt/apt.conf.d/*",
    "/etc/yum.conf",
    "/etc/dnf/dnf.conf",
    "/etc/yum.repos.d/*.repo",
    "/etc/zypp/repos.d/*.repo",
    "/etc/pacman.conf",
];

/// Lines of a file that are looked at.
const MOST: usize = 10_000;

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    for (path, bytes) in image.texts() {
        if !is_settings(path) {
            continue;
        }
        let text = String::from_utf8_lossy(bytes);
        let told: Vec<(&str, &str)> = sections(path, &text).flat_map(|section| section.filter_map(told_off)).collect();
        let Some(((shown, effect), others)) = told.split_first() else { continue };
        let place = image.content_spot(path);
        let finding = findings.report(place.clone(), format!("`{shown}` {effect}"));
        finding
            .because(
                "it holds for every later install in this image and those built from it: whoever controls the mirror, or \
                 the way to it, decides what runs as root",
            )
            .help("Leave the check on and give the package manager the publisher's key");
        for (shown, effect) in others {
            finding.label(place.clone(), format!("`{shown}` {effect}"));
        }
    }
}

fn is_settings(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    match path.rsplit_once('/').map_or("", |(folder, _)| folder) {
        "/etc/apt" => matches!(file, "sources.list" | "apt.conf"),
        "/etc/apt/sources.list.d" => file.ends_with(".list") || file.ends_with(".sources"),
        // apt reads what has no ending or `.conf`.
        "/etc/apt/apt.conf.d" => !file.contains('.') || file.ends_with(".conf"),
        "/etc" => matches!(file, "yum.conf" | "pacman.conf"),
        "/etc/dnf" => file == "dnf.conf",
        "/etc/yum.repos.d" | "/etc/zypp/repos.d" => file.ends_with(".repo"),
        _ => false,
    }
}

/// The parts of a file that are in force: sections of a `.repo` file and paragraphs of a `.sources` file that aren't
/// switched off. Comments are taken out.
fn sections<'a>(path: &str, text: &'a str) -> impl Iterator<Item = impl Iterator<Item = &'a str>> {
    let (repo, sources) = (path.ends_with(".repo"), path.ends_with(".sources"));
    let mut sections: Vec<Vec<&str>> = vec![Vec::new()];
    for line in text.lines().take(MOST) {
        let plain = line.trim();
        if plain.starts_with("//") || plain.starts_with('#') {
            continue;
        }
        if (repo && plain.starts_with('[')) || (sources && plain.is_empty()) {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    let is_off = move |section: &Vec<&str>| {
        section.iter().any(|line| {
            let close: String = line.chars().filter(|c| !c.is_whitespace()).collect();
            let close = close.to_ascii_lowercase();
            (repo && matches!(close.as_str(), "enabled=0" | "enabled=false" | "enabled=no"))
                || (sources && matches!(close.as_str(), "enabled:no" | "enabled:false"))
        })
    };
    sections.into_iter().filter(move |section| !is_off(section)).map(Vec::into_iter)
}
