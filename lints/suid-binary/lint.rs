//! Programs of an image that run with their owner's or group's rights.

mod files;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, Program};
use crate::lint::{Findings, Lint, Spot};
use crate::tables::{self, Escape, UsualSetid};
use files::{Originals, SetId};

pub(super) static LINT: Lint = Lint {
    summary: "Programs run with another's rights (setuid, setgid)",
    category: Category::Privilege,
    severity: Severity::High,
    aliases: &["CIS-DI-0008", "CIS-4.8"],
    sources: &[
        "https://man7.org/linux/man-pages/man7/inode.7.html",
        "https://www.cisecurity.org/benchmark/docker",
        "https://docs.kernel.org/userspace-api/no_new_privs.html",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Why a file is none of those that distributions ship, as a clause, and how bad that is.
struct Reason {
    severity: Severity,
    confidence: Confidence,
    why: String,
}

impl Reason {
    fn sure(severity: Severity, why: impl Into<String>) -> Self {
        Self { severity, confidence: Confidence::High, why: why.into() }
    }
}

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let originals = Originals::of(image);
    let mut usual = Vec::new();
    // Linux ignores the bits on scripts, which `setuid-script` says.
    for file in files::all(image).into_iter().filter(|file| file.program != Program::Script) {
        let known = shipped(image, &file);
        let mut reasons = reasons(image, &file, &originals, known.is_some());
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.severity));
        match (known, reasons.is_empty()) {
            (Some(known), true) => usual.push((file, known)),
            _ => report(image, &file, &reasons, findings),
        }
    }
    summarize(image, &usual, findings);
}

/// What is known of a file that the distribution ships with these bits.
enum Known {
    /// A row of the table.
    Row(&'static UsualSetid),
    /// The package database says so.
    Database,
}

/// Whether the distribution ships the file with setuid or setgid bits: the table has it, and its package owns it where
/// there is a database to ask; or the database itself says so.
fn shipped(image: &Image, file: &SetId) -> Option<Known> {
    let owner = image.packages.owner(&file.path);
    if owner.is_some() && image.packages.setid_mode(&file.path).is_some_and(|mode| mode & file.bits() == file.bits()) {
        return Some(Known::Database);
    }
    let mut ids: Vec<&str> = Vec::new();
    if let Some(os) = &image.os {
        ids.push(&os.id);
        ids.extend(os.id_like.iter().map(String::as_str));
    }
    let row = match tables::usual(&ids, &file.path) {
        Some(row) => Some(row),
        // What the table has no rows for is judged by those of the others.
        None if image.os.is_none() => {
            ["debian", "alpine", "rhel", "suse"].iter().find_map(|id| tables::usual(&[id], &file.path))
        }
        None => None,
    };
    let owned = owner.is_some() || !has_database(image);
    row.filter(|_| owned).map(Known::Row)
}

/// Whether there is a database that was read whole, so that a file it doesn't know is nobody's.
fn has_database(image: &Image) -> bool {
    image.packages.manager.is_some() && image.packages.unread.is_none()
}

fn reasons(image: &Image, file: &SetId, originals: &Originals, shipped: bool) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let rights = file.rights(image);
    let worst = if rights.is_root { Severity::High } else { Severity::Medium };
    let shell = originals.shell_copied_by(file);
    if let Some(shell) = shell {
        reasons.push(Reason::sure(
            worst,
            format!("it is a copy of `{shell}` under another name, so whoever starts it has {}", rights.text),
        ));
    }
    if file.mode & 0o002 != 0 || file.mode & 0o020 != 0 && file.gid != 0 && !shipped {
        let who = if file.mode & 0o002 != 0 { "everybody" } else { "its group" };
        reasons.push(Reason::sure(worst, format!("{who} may write it, and so decides what runs with {}", rights.text)));
    }
    if shipped {
        return reasons;
    }
    let names = std::iter::once(&file.path).chain(&file.others);
    let escape = names.filter_map(|path| tables::escape(path.rsplit('/').next()?)).max();
    if let Some(original) = originals.of_same_length(image, file).filter(|_| shell.is_none() && escape.is_none()) {
        let why = format!("by its length it is a copy of `{original}`, so whoever starts it has {}", rights.text);
        reasons.push(Reason { severity: worst, confidence: Confidence::Medium, why });
    }
    if let Some(escape) = escape.filter(|_| shell.is_none()) {
        let what = match escape {
            Escape::Shell => "it hands out a shell or runs what it is told",
            Escape::WritesFiles => "it writes any file that it is told",
            Escape::ReadsFiles => "it reads any file that it is told, `/etc/shadow` among them",
        };
        reasons.push(Reason::sure(worst, format!("{what}, with {}", rights.text)));
    }
    let least = if rights.is_root { Severity::Medium } else { Severity::Low };
    let owner = image.packages.owner(&file.path);
    if owner.is_none() && has_database(image) {
        reasons.push(Reason::sure(least, format!("no package owns it, and whoever starts it has {}", rights.text)));
    }
    if !file.is_in_usual_folder() {
        reasons.push(Reason::sure(least, "it lies where no distribution puts such programs"));
    }
    if file.mode & 0o4000 != 0 && file.uid != 0 {
        reasons.push(Reason::sure(
            Severity::Medium,
            format!("it belongs to {}, who may change it and so what others run", rights.owner),
        ));
    }
    if reasons.is_empty() {
        let why = match owner {
            Some(package) => format!("`{package}` is not known to ship it so; whoever starts it has {}", rights.text),
            None => format!("distributions don't ship it so, and whoever starts it has {}", rights.text),
        };
        reasons.push(Reason::sure(least, why));
    }
    reasons
}

fn report(image: &Image, file: &SetId, reasons: &[Reason], findings: &mut Findings<Spot>) {
    let Some(first) = reasons.first() else { return };
    let place = image.mode_spot(file.node);
    let finding =
        findings.report(place.clone(), format!("`{}` is {} (mode {:04o})", file.path, file.kind(), file.mode));
    finding.because(first.why.clone()).severity(first.severity).confidence(first.confidence).aliases(LINT.aliases);
    for reason in &reasons[1..] {
        finding.label(place.clone(), reason.why.clone());
    }
    if let Some(package) = image.packages.owner(&file.path) {
        finding.label(place.clone(), format!("the file comes from the package `{package}`"));
        // dpkg's database has no modes, and the table can't have every package.
        if reasons.len() == 1 && first.severity < Severity::High {
            finding.confidence(Confidence::Medium).severity(Severity::Low);
        }
    }
    if let Some(other) = file.others.first() {
        let more = match file.others.len() - 1 {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        finding.label(place.clone(), format!("the same file is `{other}`{more}"));
    }
    if file.by_hard_link {
        finding.label(place, "the file itself was added without the bit: another name of it, a hard link, brought it");
    }
    finding.help(format!("Remove it, or take the bit off with `chmod a-s {}` in the step that made it", file.path));
}

/// One finding for what the distribution ships on purpose.
fn summarize(image: &Image, usual: &[(SetId, Known)], findings: &mut Findings<Spot>) {
    let Some((first, _)) = usual.first() else { return };
    let message = match usual.len() {
        1 => format!("`{}` of the distribution is {}", first.path, first.kind()),
        count => format!("{count} programs of the distribution are setuid or setgid, `{}` among them", first.path),
    };
    let finding = findings.report(image.mode_spot(first.node), message);
    finding.aliases(LINT.aliases).help(
        "Take the bits off behind the last package: `RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +`, or start containers with `--security-opt no-new-privileges`",
    );
    if image.runtime_user().is_root() {
        finding
            .because("they matter as soon as something in the container runs as another user")
            .severity(Severity::Info);
    } else {
        finding
            .because("each gives back the rights that USER took away, as soon as a hole is found in it")
            .severity(Severity::Low);
    }
    for (file, known) in usual {
        let package = image.packages.owner(&file.path).or(match known {
            Known::Row(row) => Some(row.package),
            Known::Database => None,
        });
        let package = package.map_or(String::new(), |package| format!(" of `{package}`"));
        let purpose = match known {
            Known::Row(row) => format!(" {}", row.purpose),
            Known::Database => format!(" is shipped {} by it", file.kind()),
        };
        finding.label(image.mode_spot(file.node), format!("`{}`{package}{purpose}", file.path));
    }
}
