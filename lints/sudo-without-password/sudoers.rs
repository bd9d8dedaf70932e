//! Rules of sudoers(5) and doas.conf(5) that ask for no password.

use super::Rule;
use crate::diagnostic::Severity;

/// Rules of a sudoers file, for others than root.
pub(super) fn sudo(text: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (line, text) in joined(text) {
        let text = without_comment(&text);
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or("");
        if let Some(scope) = first.strip_prefix("Defaults") {
            if text.split([' ', '\t', ',']).any(|word| word == "!authenticate") {
                rules.extend(defaults(line, scope, text));
            }
            continue;
        }
        let is_alias = matches!(first, "User_Alias" | "Runas_Alias" | "Host_Alias" | "Cmnd_Alias" | "Cmd_Alias");
        if first.is_empty() || is_alias || first.starts_with('@') {
            continue;
        }
        rules.extend(rule(line, text));
    }
    rules
}

/// `Defaults !authenticate`, for all or for some.
fn defaults(line: usize, scope: &str, text: &str) -> Option<Rule> {
    let who = scope.strip_prefix([':']).map(str::to_owned);
    if scope.starts_with(['@', '>', '!']) || who.as_deref() == Some("root") {
        return None;
    }
    let says = match &who {
        Some(who) => format!("sudo asks `{who}` for no password"),
        None => "sudo asks nobody for a password".to_owned(),
    };
    Some(Rule { line, says, text: text.to_owned(), severity: Severity::High, who })
}

/// `WHO HOST = (RUNAS) NOPASSWD: COMMANDS`, several of the latter parted by commas.
fn rule(line: usize, text: &str) -> Option<Rule> {
    let (front, commands) = text.split_once('=')?;
    let (_, behind) = commands.split_once("NOPASSWD")?;
    let allowed = behind.trim_start().strip_prefix(':')?.trim();
    let who = front.trim().rsplit_once([' ', '\t'])?.0.trim();
    let others: Vec<&str> =
        who.split(',').map(str::trim).filter(|name| !matches!(*name, "root" | "#0" | "%root" | "")).collect();
    let named = *others.first()?;
    // The tag holds for the commands behind it, up to one that takes it back.
    let commands_without = allowed.split("PASSWD").next().unwrap_or(allowed);
    let all = commands_without.split([',', ' ', '\t', ':']).any(|word| word == "ALL");
    let as_root = runs_as_root(commands);
    let what = if all { "everything" } else { "some programs" };
    let target = if as_root { "root" } else { "another user" };
    let severity = match (all, as_root) {
        (true, true) => Severity::High,
        (false, true) => Severity::Medium,
        (_, false) => Severity::Low,
    };
    let subject = match named {
        "ALL" => "everybody".to_owned(),
        _ => format!("`{}`", others.join(", ")),
    };
    // Aliases, numbers and netgroups are not looked up.
    let plain = named.strip_prefix('%').unwrap_or(named);
    let is_name = plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let is_alias = named.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let who = (others.len() == 1 && is_name && !is_alias).then(|| named.to_owned());
    Some(Rule {
        line,
        says: format!("{subject} may run {what} as {target} without a password"),
        text: text.to_owned(),
        severity,
        who,
    })
}

/// Whether commands run as root: where nobody is named, or ALL, or root.
fn runs_as_root(commands: &str) -> bool {
    let Some((users, _)) = commands.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')')) else {
        return true;
    };
    let users = users.split(':').next().unwrap_or("").trim();
    users.is_empty() || users.split(',').any(|user| matches!(user.trim(), "ALL" | "root" | "#0"))
}

/// Rules of a doas.conf, for others than root. The last one that matches counts there, which is not looked at.
pub(super) fn doas(text: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (line, text) in joined(text) {
        let text = text.split('#').next().unwrap_or("").trim();
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.first() != Some(&"permit") || !words.contains(&"nopass") {
            continue;
        }
        let options = words[1..].iter();
        let mut braces = false;
        let mut rest = options.skip_while(|word| {
            let opens = word.contains('{');
            let inside = braces || opens;
            braces = inside && !word.ends_with('}');
            inside || matches!(**word, "nopass" | "nolog" | "persist" | "keepenv" | "setenv")
        });
        let Some(name) = rest.next().filter(|name| **name != "root") else { continue };
        let rest: Vec<&str> = rest.copied().collect();
        let behind = |key: &str| rest.iter().position(|word| *word == key).and_then(|at| rest.get(at + 1));
        let as_root = behind("as").is_none_or(|user| *user == "root");
        let all = behind("cmd").is_none();
        let who = name.strip_prefix(':').map_or_else(|| (*name).to_owned(), |group| format!("%{group}"));
        let (what, target) =
            (if all { "everything" } else { "a program" }, if as_root { "root" } else { "another user" });
        let severity = match (all, as_root) {
            (true, true) => Severity::High,
            (false, true) => Severity::Medium,
            (_, false) => Severity::Low,
        };
        let says = format!("`{who}` may run {what} as {target} without a password");
        rules.push(Rule { line, says, text: text.to_owned(), severity, who: Some(who) });
    }
    rules
}

/// Lines with those joined that end in a backslash, and the number of the first.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (index, line) in text.lines().enumerate() {
        let (part, more) = line.strip_suffix('\\').map_or((line, false), |part| (part, true));
        match lines.last_mut() {
            Some((_, last)) if goes_on => last.push_str(part),
            _ => lines.push((index + 1, part.to_owned())),
        }
        goes_on = more;
    }
    lines
}

/// A line of sudoers without its comment: `#` starts one, but for a number (`#1000`) and `#include`.
fn without_comment(line: &str) -> &str {
    let line = line.trim();
    let starts = line.match_indices('#').map(|(at, _)| at);
    let is_comment = |at: &usize| {
        let escaped = line[..*at].ends_with('\\');
        !escaped && !line[at + 1..].starts_with(|c: char| c.is_ascii_digit())
    };
    starts.into_iter().find(is_comment).map_or(line, |at| line[..at].trim_end())
}
