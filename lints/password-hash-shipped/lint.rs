//! Password hashes in the image.

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Password};
use crate::lint::{Findings, Lint, Spot};

pub(super) static LINT: Lint = Lint {
    summary: "The image ships a password's hash",
    category: Category::Secret,
    severity: Severity::High,
    sources: &[
        "https://man7.org/linux/man-pages/man5/crypt.5.html",
        "https://man7.org/linux/man-pages/man5/shadow.5.html",
        "https://cwe.mitre.org/data/definitions/798.html",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Accounts that are reported; no real image has as many.
const MOST: usize = 50;

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let hashed = image.accounts.passwords().filter_map(|(user, password)| match password {
        Password::WeakHash => Some((user, true)),
        Password::Hash => Some((user, false)),
        Password::Empty | Password::Locked => None,
    });
    for (user, weak) in hashed.take(MOST) {
        let file = if user.password == "x" { "/etc/shadow" } else { "/etc/passwd" };
        let what = if weak { "a weak password hash" } else { "a password hash" };
        let finding =
            findings.report(image.content_spot(file), format!("the account `{}` comes with {what}", user.name));
        finding.help(format!(
            "Lock the password with `usermod -p '*' {}` where the account is made, and choose another one wherever it is used",
            user.name
        ));
        if weak {
            finding.because("whoever pulls the image finds the password within hours: DES and MD5 are quick to try");
        } else {
            finding
                .because("whoever pulls the image can try passwords at leisure, and every container has the same one")
                .severity(Severity::Medium);
        }
    }
}
