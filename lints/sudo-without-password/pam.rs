//! Rules of PAM (pam.d(5)) that let people in without a password.

use super::Rule;
use crate::diagnostic::Severity;

/// Services that give a shell or root's rights, and the stacks that distributions include in them.
const SERVICES: [&str; 13] = [
    "su",
    "su-l",
    "sudo",
    "sudo-i",
    "login",
    "sshd",
    "doas",
    "common-auth",
    "system-auth",
    "password-auth",
    "base-auth",
    "system-login",
    "other",
];

/// Stacks in which distributions have `nullok` on purpose: an empty password works where an account has one.
const WITH_NULLOK: [&str; 7] =
    ["common-auth", "system-auth", "password-auth", "base-auth", "system-login", "login", "other"];

/// Rules of the service that a file of `/etc/pam.d` is named for.
pub(super) fn rules(service: &str, text: &str) -> Vec<Rule> {
    if !SERVICES.contains(&service) {
        return Vec::new();
    }
    let found = |(index, line): (usize, &str)| {
        let text = line.split('#').next().unwrap_or("").trim();
        let (control, module, options) = auth(text)?;
        let (says, severity) = if module == "pam_permit.so" && ends_there(control) {
            (format!("`{service}` lets everybody in"), Severity::High)
        } else if module == "pam_wheel.so" && options.contains(&"trust") && ends_there(control) {
            (format!("`{service}` lets members of its group in without a password"), Severity::Medium)
        } else if module == "pam_unix.so" && options.contains(&"nullok") && !WITH_NULLOK.contains(&service) {
            (format!("`{service}` takes empty passwords"), Severity::Low)
        } else {
            return None;
        };
        Some(Rule { line: index + 1, says, text: text.to_owned(), severity, who: None })
    };
    text.lines().enumerate().filter_map(found).collect()
}

/// Control, module's name and options of an `auth` line.
fn auth(line: &str) -> Option<(&str, &str, Vec<&str>)> {
    let line = line.strip_prefix('-').unwrap_or(line);
    let rest = line.strip_prefix("auth")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let (control, rest) = match rest.strip_prefix('[') {
        Some(inside) => inside.split_once(']')?,
        None => rest.split_once([' ', '\t'])?,
    };
    let mut words = rest.split_whitespace();
    let module = words.next()?;
    Some((control, module.rsplit('/').next().unwrap_or(module), words.collect()))
}

/// Whether success of the module is the end of it, whatever the other lines say.
fn ends_there(control: &str) -> bool {
    control == "sufficient" || control.split_whitespace().any(|word| matches!(word, "success=done" | "default=done"))
}
