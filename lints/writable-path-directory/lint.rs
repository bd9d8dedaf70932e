//! Folders of PATH into which somebody else than root can put programs, and elements of PATH that depend on where one is.

use crate::diagnostic::{Category, Severity};
use crate::image::{Changer, Image, Kind};
use crate::lint::{Findings, Lint, Spot};

pub(super) static LINT: Lint = Lint {
    summary: "A folder in which commands are looked up can be written",
    category: Category::Filesystem,
    severity: Severity::Medium,
    sources: &[
        "https://man7.org/linux/man-pages/man3/exec.3.html",
        "https://cwe.mitre.org/data/definitions/426.html",
        "https://cwe.mitre.org/data/definitions/427.html",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// PATH where the image sets none, as engines have it.
const DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Elements of PATH that are looked at.
const MOST: usize = 256;

/// Folders that hold the system's own commands.
const SYSTEM: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

fn check(image: &Image, findings: &mut Findings<Spot>) {
    if image.config.os == "windows" || image.layers.iter().any(|layer| layer.facts.is_err()) {
        return;
    }
    // Of several the last counts, as engines and shells have it.
    let set = image.config.env.iter().rposition(|pair| pair.starts_with("PATH="));
    let path = set.map_or(DEFAULT, |at| &image.config.env[at]["PATH=".len()..]);
    let key = set.map(|at| Spot::Config(format!("config.Env[{at}]")));
    let elements: Vec<&str> = path.split(':').take(MOST).collect();
    if let Some(key) = key.as_ref().filter(|_| !path.is_empty()) {
        relative(&elements, key, findings);
    }
    let mut seen = Vec::new();
    for (at, element) in elements.iter().enumerate() {
        let element = if element.len() > 1 { element.trim_end_matches('/') } else { element };
        if !element.starts_with('/') || seen.contains(&element) {
            continue;
        }
        seen.push(element);
        let Some(changer) = image.changer(element) else { continue };
        let behind = elements[at + 1..].iter().filter(|later| SYSTEM.contains(&later.trim_end_matches('/')));
        let hidden = behind.count() + usize::from(SYSTEM.contains(&element));
        writable(image, element, &changer, hidden > 0, key.as_ref(), findings);
    }
}

fn writable(
    image: &Image,
    element: &str,
    changer: &Changer,
    hides: bool,
    key: Option<&Spot>,
    findings: &mut Findings<Spot>,
) {
    let who = changer.who();
    let folder = image.tree.resolve(element).filter(|id| image.tree.node(*id).kind == Kind::Folder);
    let place = folder.map_or_else(|| image.mode_spot(changer.at), |id| image.mode_spot(id));
    let message = match folder {
        Some(_) => format!("{who} may put programs into `{element}`, where commands are looked up"),
        None => format!("{who} may make `{element}`, where commands are looked up, and put programs there"),
    };
    let finding = findings.report(place, message);
    let because = if hides {
        "a program of that name is then started in place of the system's, by root's shells and scripts as well"
    } else {
        "it comes behind the system's folders, so only commands that are missing there are found in it"
    };
    finding.because(because);
    finding.help(format!("Let root own `{element}` with mode 755, or put it behind the system's folders in PATH"));
    finding.severity(match (changer.everybody, hides) {
        (true, true) => Severity::Medium,
        (false, true) => Severity::Low,
        (_, false) => Severity::Info,
    });
    if folder.is_none_or(|id| id != changer.at) {
        finding.label(image.mode_spot(changer.at), "through this");
    }
    if let Some(key) = key {
        finding.label(key.clone(), "PATH is set here");
    }
}

/// Empty elements, `.` and others that don't start at the root.
fn relative(elements: &[&str], key: &Spot, findings: &mut Findings<Spot>) {
    for (at, element) in elements.iter().enumerate() {
        // `$PATH` that nobody filled in is a name like any other.
        if element.starts_with('/') || elements[..at].contains(element) {
            continue;
        }
        let before = elements[at + 1..].iter().any(|later| SYSTEM.contains(&later.trim_end_matches('/')));
        let what = match *element {
            "" => "an empty element, which means the working directory".to_owned(),
            "." => "`.`, the working directory".to_owned(),
            other => format!("`{}`, which starts at the working directory", other.replace('`', "'")),
        };
        let finding = findings.report(key.clone(), format!("PATH has {what}"));
        finding
            .because("whoever puts a program into a folder decides what those run who stand in it")
            .help("Write folders of PATH from the root, and leave empty ones out")
            .severity(if before { Severity::Medium } else { Severity::Low });
    }
}
