//! Accounts with uid 0 besides root.

use std::collections::HashSet;

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Password, User};
use crate::lint::{Findings, Lint, Spot};

pub(super) static LINT: Lint = Lint {
    summary: "Another account than root has uid 0",
    category: Category::Privilege,
    severity: Severity::High,
    aliases: &["DKL-LI-0002"],
    sources: &[
        "https://man7.org/linux/man-pages/man5/passwd.5.html",
        "https://www.cisecurity.org/benchmark/debian_linux",
        "https://github.com/moby/sys/tree/main/user",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Accounts that are reported; no real image has as many.
const MOST: usize = 50;

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let accounts = &image.accounts;
    let has_root = accounts.users.iter().any(|user| user.uid == 0 && user.name == "root");
    let mut names = HashSet::new();
    // The C library takes the first line of a name; the others are nobody's.
    let first = accounts.passwords().filter(|(user, _)| names.insert(user.name.as_str()));
    let others = first.filter(|(user, _)| user.uid == 0 && user.name != "root");
    for (user, password) in others.take(MOST) {
        let message = format!("the account `{}` has uid 0 and so is root", user.name);
        let finding = findings.report(image.content_spot("/etc/passwd"), message);
        finding.help(format!(
            "Remove it from `/etc/passwd`, or give it a uid of its own: `usermod -u 10001 {}`",
            user.name
        ));
        if has_root {
            finding.aliases(LINT.aliases);
        } else {
            finding
                .because("no account is called `root`, so this is root under another name, which few tools expect")
                .severity(Severity::Low);
            continue;
        }
        match password {
            Password::Locked => finding
                .because("rules, logs and eyes that look for `root` pass it by, and what runs as it is root")
                .severity(Severity::Medium),
            Password::Empty => finding.because("it needs no password: `su` makes everybody root"),
            Password::WeakHash | Password::Hash => {
                finding.because("it has a password of its own, so whoever knows that is root")
            }
        };
    }
    let known: HashSet<&str> = accounts.users.iter().map(|user| user.name.as_str()).collect();
    let without_number = |user: &&User| !user.name.is_empty() && user.uid == 0 && !known.contains(user.name.as_str());
    for user in accounts.malformed_users.iter().filter(without_number).take(MOST) {
        let message = format!("the line of `{}` in `/etc/passwd` has no valid uid, which engines read as 0", user.name);
        findings
            .report(image.content_spot("/etc/passwd"), message)
            .because(format!("a container started with `--user {}` runs as root", user.name))
            .help("Write its uid and gid as plain numbers, or remove the line")
            .severity(Severity::Medium);
    }
}
