//! Rules by which somebody becomes root without a password: sudo, doas, PAM, polkit.

mod pam;
mod polkit;
mod sudoers;

use std::collections::HashSet;

use crate::diagnostic::{Category, Severity};
use crate::image::Image;
use crate::lint::{Findings, Lint, Spot};

pub(super) static LINT: Lint = Lint {
    summary: "Somebody may become root without a password",
    category: Category::Privilege,
    severity: Severity::High,
    sources: &[
        "https://www.sudo.ws/docs/man/sudoers.man/",
        "https://man.openbsd.org/doas.conf.5",
        "https://man7.org/linux/man-pages/man5/pam.d.5.html",
        "https://polkit.pages.freedesktop.org/polkit/polkit.8.html",
    ],
    image: Some(check),
    reads: &[
        "/etc/sudoers",
        "/etc/sudoers.d/*",
        "/etc/doas.conf",
        "/etc/doas.d/*",
        "/etc/pam.d/*",
        "/etc/polkit-1/rules.d/*",
        "/usr/share/polkit-1/rules.d/*",
    ],
    ..Lint::BASE
};

/// Rules of a file that are reported; no real one has as many.
const MOST: usize = 50;

/// Rules of an image that are reported.
const MOST_OF_IMAGE: usize = 1000;

/// A rule that asks for no password.
struct Rule {
    /// Line of the file, from 1.
    line: usize,
    /// What the rule says, fit for a sentence: `` `app` may run everything as root``.
    says: String,
    /// The words that say it.
    text: String,
    severity: Severity,
    /// The account, or the group behind a `%`, that the rule is for, where it is one.
    who: Option<String>,
}

/// What reads the rules of a file.
struct Reader {
    /// Where its program is; a rule without it does nothing yet.
    programs: &'static [&'static str],
    rules: fn(&str, &str) -> Vec<Rule>,
}

const SUDO: Reader = Reader {
    programs: &["/usr/bin/sudo", "/bin/sudo", "/usr/local/bin/sudo", "/usr/bin/sudo-rs"],
    rules: |_, text| sudoers::sudo(text),
};
const DOAS: Reader =
    Reader { programs: &["/usr/bin/doas", "/usr/local/bin/doas"], rules: |_, text| sudoers::doas(text) };
const PAM: Reader = Reader {
    programs: &["/bin/su", "/usr/bin/su", "/usr/bin/sudo", "/bin/login", "/usr/bin/login", "/usr/sbin/sshd"],
    rules: pam::rules,
};
const POLKIT: Reader = Reader {
    programs: &["/usr/bin/pkexec", "/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd"],
    rules: |_, text| polkit::rules(text),
};

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let with_folder = includes_folder(image);
    let mut left = MOST_OF_IMAGE;
    for (path, bytes) in image.texts() {
        let Some(reader) = reader_of(path, with_folder) else { continue };
        let name = path.rsplit('/').next().unwrap_or("");
        let text = String::from_utf8_lossy(bytes);
        for rule in (reader.rules)(name, &text).into_iter().take(MOST.min(left)) {
            left -= 1;
            report(image, path, &reader, rule, findings);
        }
        if left == 0 {
            return;
        }
    }
}

fn report(image: &Image, path: &str, reader: &Reader, rule: Rule, findings: &mut Findings<Spot>) {
    let place = image.content_spot(path);
    let finding = findings.report(place.clone(), format!("line {}: {}", rule.line, rule.says));
    finding.severity(rule.severity).because(format!("`{}` asks for no password", shortened(&rule.text)));
    finding
        .help("Remove the rule, and do what needs root in build steps, or start as root and give it up with setpriv");
    if !reader.programs.iter().any(|program| image.tree.resolve(program).is_some()) {
        finding.severity(Severity::Low);
        finding.label(place, "the program that obeys the rule isn't in the image, so nothing does yet");
    } else if let Some(who) = rule.who.filter(|who| !is_there(image, who)) {
        finding.severity(Severity::Low);
        finding.label(place, format!("nobody in the image is `{who}` yet"));
    }
}

/// Whether anybody is meant by a user's name, or by the name of a group behind a `%`.
fn is_there(image: &Image, who: &str) -> bool {
    let accounts = &image.accounts;
    let Some(group) = who.strip_prefix('%') else { return accounts.users.iter().any(|user| user.name == who) };
    let groups = || accounts.groups.iter().filter(|one| one.name == group);
    let gids: HashSet<u32> = groups().map(|group| group.gid).collect();
    groups().any(|group| !group.members.is_empty())
        || accounts.users.iter().any(|user| user.uid != 0 && gids.contains(&user.gid))
}

/// What reads the file, where anything does; `with_folder` is what [`includes_folder`] says.
fn reader_of(path: &str, with_folder: bool) -> Option<Reader> {
    let (folder, name) = path.rsplit_once('/')?;
    match folder {
        "/etc" if name == "sudoers" => Some(SUDO),
        // sudo leaves out names with a dot or a tilde at the end, and the folder itself where nothing includes it.
        "/etc/sudoers.d" if !name.contains('.') && !name.ends_with('~') && with_folder => Some(SUDO),
        "/etc" if name == "doas.conf" => Some(DOAS),
        "/etc/doas.d" if name.ends_with(".conf") => Some(DOAS),
        "/etc/pam.d" => Some(PAM),
        "/etc/polkit-1/rules.d" | "/usr/share/polkit-1/rules.d" if name.ends_with(".rules") => Some(POLKIT),
        _ => None,
    }
}

/// Whether sudoers includes its folder; so by default, and where the file can't be asked.
fn includes_folder(image: &Image) -> bool {
    let text = image.text("/etc/sudoers").map(String::from_utf8_lossy);
    text.is_none_or(|text| {
        let mut lines = text.lines().map(str::trim_start);
        lines.any(|line| line.starts_with("@includedir") || line.starts_with("#includedir"))
    })
}

/// Words of a file of the image, fit for a line of a report.
fn shortened(text: &str) -> String {
    const MOST: usize = 100;
    let clean = |c: char| if c.is_control() || c == '`' { ' ' } else { c };
    let mut words: String = text.trim().chars().take(MOST).map(clean).collect();
    if text.trim().chars().count() > MOST {
        words.push('…');
    }
    words.trim_end().to_owned()
}
