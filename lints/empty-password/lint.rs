//! Accounts of an image that need no password.

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Password, User};
use crate::lint::{Findings, Lint, Spot};

pub(super) static LINT: Lint = Lint {
    summary: "An account of the image has an empty password",
    category: Category::Privilege,
    severity: Severity::High,
    aliases: &["DKL-LI-0001"],
    sources: &[
        "https://man7.org/linux/man-pages/man5/shadow.5.html",
        "https://man7.org/linux/man-pages/man5/passwd.5.html",
        "https://nvd.nist.gov/vuln/detail/CVE-2019-5021",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Accounts that are reported; no real image has as many.
const MOST: usize = 50;

/// Programs that ask for a password and then give a shell.
const ASKING: [&str; 7] =
    ["/bin/su", "/usr/bin/su", "/bin/login", "/usr/bin/login", "/usr/sbin/sshd", "/usr/sbin/dropbear", "/usr/bin/doas"];

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let asking = ASKING.iter().find(|path| image.tree.resolve(path).is_some());
    let empty = image.accounts.passwords().filter(|(_, password)| *password == Password::Empty);
    for (user, _) in empty.take(MOST) {
        let file = if user.password == "x" { "/etc/shadow" } else { "/etc/passwd" };
        let message = format!("the account `{}` (uid {}) has an empty password", user.name, user.uid);
        let finding = findings.report(image.content_spot(file), message);
        finding
            .help(format!(
                "Lock it with `passwd -l {0}` or `usermod -p '*' {0}`; nothing in a container needs a password",
                user.name
            ))
            .aliases(LINT.aliases);
        match asking {
            _ if !has_shell(image, user) => {
                finding.because("its shell lets nobody in, which is all that keeps people out").severity(Severity::Low);
            }
            Some(program) => {
                finding.because(format!("whoever gets into the container becomes `{}` with `{program}`", user.name));
            }
            None => {
                finding
                    .because(
                        "nothing in the image asks for passwords yet; the first package that does lets everybody in",
                    )
                    .severity(Severity::Medium);
            }
        }
    }
}

/// Whether the account's shell, which is `/bin/sh` where none is named, lets anybody in.
fn has_shell(image: &Image, user: &User) -> bool {
    let shell = if user.shell.is_empty() { "/bin/sh" } else { &user.shell };
    let refuses = matches!(shell.rsplit('/').next(), Some("nologin" | "false" | "true" | "sync" | "halt" | "shutdown"));
    !refuses && image.tree.resolve(shell).is_some()
}
