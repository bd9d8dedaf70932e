//! `/etc/ld.so.preload` names libraries.

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::Image;
use crate::lint::{Findings, Lint, Spot};

pub(super) static LINT: Lint = Lint {
    summary: "The loader puts a library into every program",
    category: Category::Filesystem,
    severity: Severity::High,
    sources: &["https://man7.org/linux/man-pages/man8/ld.so.8.html", "https://attack.mitre.org/techniques/T1574/006/"],
    image: Some(check),
    reads: &[FILE],
    ..Lint::BASE
};

const FILE: &str = "/etc/ld.so.preload";

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let Some(node) = image.tree.resolve(FILE) else { return };
    let place = image.content_spot(FILE);
    let Some(text) = image.text(FILE).map(String::from_utf8_lossy) else {
        if image.tree.node(node).size > 0 {
            let finding = findings.report(place, format!("`{FILE}` leads to a file that was not read"));
            finding.because("each library that it names is loaded into every program, setuid ones among them");
            finding.confidence(Confidence::Medium).severity(Severity::Medium).help("Make it a file, or remove it");
        }
        return;
    };
    for library in libraries(&text) {
        let message = format!("`{library}` is loaded into every program that starts");
        let finding = findings.report(place.clone(), message);
        finding.help("Remove the line; give LD_PRELOAD to the one program that needs the library");
        let changer = library.starts_with('/').then(|| image.changer(library)).flatten();
        let node = image.tree.resolve(library).filter(|_| library.starts_with('/'));
        match (changer, node) {
            (Some(changer), _) => {
                let what = if node.is_some() { "change the library" } else { "put the missing library there" };
                finding
                    .because(format!("{} may {what}, and so runs code in root's programs", changer.who()))
                    .label(image.mode_spot(changer.at), "through this");
            }
            (None, Some(node)) => {
                let path = image.tree.path(node);
                finding.severity(Severity::Medium);
                match image.packages.owner(&path) {
                    Some(package) => finding
                        .because(format!("it comes from the package `{package}`; setuid programs load it, too"))
                        .severity(Severity::Low),
                    None => finding.because("it is the usual place of rootkits, and setuid programs load it, too"),
                };
                finding.label(image.mode_spot(node), "the library");
            }
            (None, None) => {
                finding
                    .because(
                        "the library is missing there, so every program complains, or it lies where a mount puts it",
                    )
                    .severity(Severity::Medium);
            }
        }
        if image.os.as_ref().is_some_and(|os| os.id == "alpine") {
            finding.severity(Severity::Info);
            finding.label(place.clone(), "musl's loader doesn't read this file; programs that bring glibc do");
        }
    }
}

/// Names parted by white space and colons, comments left out, as glibc reads them.
fn libraries(text: &str) -> Vec<&str> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or(""));
    let words = lines.flat_map(|line| line.split([' ', '\t', ':', '\r', '\0']));
    words.filter(|word| !word.is_empty() && word.chars().all(|c| !c.is_control() && c != '`')).take(MOST).collect()
}

/// Libraries that are reported.
const MOST: usize = 20;
