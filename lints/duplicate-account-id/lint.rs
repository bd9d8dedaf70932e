//! Accounts or groups that share a number.

use std::collections::{BTreeMap, HashSet};

use crate::diagnostic::{Category, Severity};
use crate::image::Image;
use crate::lint::{Findings, Lint, Spot};

pub(super) static LINT: Lint = Lint {
    summary: "Two accounts or groups have the same number",
    category: Category::Privilege,
    severity: Severity::Low,
    aliases: &["DKL-LI-0002"],
    sources: &[
        "https://man7.org/linux/man-pages/man5/passwd.5.html",
        "https://man7.org/linux/man-pages/man5/group.5.html",
        "https://www.cisecurity.org/benchmark/debian_linux",
    ],
    image: Some(check),
    ..Lint::BASE
};

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let users = image.accounts.users.iter().map(|user| (user.uid, user.name.as_str()));
    // A second account with uid 0 is `extra-root-account`'s.
    for (uid, names) in shared(users.filter(|(uid, _)| *uid != 0)) {
        findings
            .report(image.content_spot("/etc/passwd"), format!("the accounts {} have the same uid {uid}", list(&names)))
            .because("to the kernel they are one user: each owns the other's files and may end its processes")
            .help("Give each a uid of its own, or remove the one that isn't used")
            .aliases(LINT.aliases);
    }
    let groups = image.accounts.groups.iter().map(|group| (group.gid, group.name.as_str()));
    for (gid, names) in shared(groups) {
        findings
            .report(image.content_spot("/etc/group"), format!("the groups {} have the same gid {gid}", list(&names)))
            .because("to the kernel they are one group: members of either have the rights of both")
            .help("Give each a gid of its own, or remove the one that isn't used")
            .aliases(LINT.aliases);
    }
}

/// The numbers that several names have, each name once.
fn shared<'a>(pairs: impl Iterator<Item = (u32, &'a str)>) -> Vec<(u32, Vec<&'a str>)> {
    let mut by_number: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for (number, name) in pairs.filter(|pair| seen.insert(*pair)) {
        by_number.entry(number).or_default().push(name);
    }
    by_number.into_iter().filter(|(_, names)| names.len() > 1).take(MOST_NUMBERS).collect()
}

fn list(names: &[&str]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().take(MOST).enumerate() {
        let joint = match index {
            0 => "",
            _ if index + 1 == names.len() => " and ",
            _ => ", ",
        };
        text.push_str(&format!("{joint}`{name}`"));
    }
    if names.len() > MOST {
        text.push_str(&format!(" and {} more", names.len() - MOST));
    }
    text
}

/// Numbers that are reported; no real image has as many.
const MOST_NUMBERS: usize = 50;

/// Names that a message lists.
const MOST: usize = 5;
