//! System accounts with a login shell.

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Password, User};
use crate::lint::{Findings, Lint, Spot};

pub(super) static LINT: Lint = Lint {
    summary: "A system account has a login shell",
    category: Category::Privilege,
    severity: Severity::Medium,
    sources: &[
        "https://man7.org/linux/man-pages/man5/passwd.5.html",
        "https://man7.org/linux/man-pages/man8/nologin.8.html",
        "https://www.cisecurity.org/benchmark/debian_linux",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// The numbers that Linux distributions give to accounts of services; 0 is root, and people start at 1000.
const SYSTEM: std::ops::RangeInclusive<u32> = 1..=999;

/// Accounts that are listed; no real image has as many.
const MOST: usize = 50;

/// Shells that let people in, by name; what else stands in that field runs and ends.
const SHELLS: [&str; 12] =
    ["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "csh", "tcsh", "fish", "rbash", "busybox"];

/// Programs that let people in from elsewhere.
const REMOTE: [&str; 4] = ["/usr/sbin/sshd", "/usr/sbin/dropbear", "/usr/sbin/vsftpd", "/usr/sbin/in.telnetd"];

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let users = image.accounts.passwords().filter(|(user, _)| can_log_in(image, user));
    let (locked, open): (Vec<_>, Vec<_>) = users.partition(|(_, password)| *password == Password::Locked);
    let remote = REMOTE.iter().find(|path| image.tree.resolve(path).is_some());
    let place = image.content_spot("/etc/passwd");
    for (user, _) in open.into_iter().take(MOST) {
        findings
            .report(place.clone(), format!("the system account `{}` has a password and a login shell", user.name))
            .because("a service needs neither, and whoever guesses the password has the service's rights")
            .help(format!("Lock it and take the shell away: `usermod -L -s /usr/sbin/nologin {}`", user.name));
    }
    let Some((first, _)) = locked.first() else { return };
    let message = match locked.len() {
        1 => format!("the system account `{}` has the login shell `{}`", first.name, shell_of(first)),
        count => format!("{count} system accounts have a login shell, `{}` among them", first.name),
    };
    let finding = findings.report(place.clone(), message);
    match remote {
        Some(program) => finding
            .because(format!("with `{program}` in the image, a key in such an account's home lets its owner in"))
            .severity(Severity::Low),
        None => finding
            .because("passwords are locked and nothing listens for logins, so this only matters if that changes")
            .severity(Severity::Info),
    };
    finding.help("Make accounts of services with `useradd --system --shell /usr/sbin/nologin`");
    if locked.len() > 1 {
        for (user, _) in locked.into_iter().take(MOST) {
            finding.label(place.clone(), format!("`{}` (uid {}): `{}`", user.name, user.uid, shell_of(user)));
        }
    }
}

fn can_log_in(image: &Image, user: &User) -> bool {
    let shell = shell_of(user);
    let name = shell.rsplit('/').next().unwrap_or("");
    SYSTEM.contains(&user.uid) && SHELLS.contains(&name) && image.tree.resolve(shell).is_some()
}

/// An empty field means `/bin/sh` (passwd(5)).
fn shell_of(user: &User) -> &str {
    if user.shell.is_empty() { "/bin/sh" } else { &user.shell }
}
