//! What the settings files of tools say of trust. Sources: the manuals of pip, npm, RubyGems, OpenSSH, containers/image
//! and Docker.

use super::Given;
use crate::diagnostic::Severity;

/// The files that are read.
pub(super) const READS: &[&str] = &[
    "/etc/pip.conf",
    "/usr/pip.conf",
    "**/pip.conf",
    "**/.npmrc",
    "/etc/npmrc",
    "/usr/etc/npmrc",
    "/usr/local/etc/npmrc",
    "/etc/gemrc",
    "**/.gemrc",
    "/etc/ssh/ssh_config",
    "/etc/ssh/ssh_config.d/*.conf",
    "**/.ssh/config",
    "/etc/containers/registries.conf",
    "/etc/containers/registries.conf.d/*.conf",
    "/etc/docker/daemon.json",
];

/// Lines of a file that are looked at.
const MOST: usize = 10_000;

const WHY_PACKAGES: &str = "whoever is on the way hands over packages of their own, whose code runs at once";
const HELP_PACKAGES: &str = "Reach it over https, and add its authority to the system's or the tool's own certificates";
const WHY_SSH: &str = "whoever answers in the server's place is taken for it, and gets what is sent there";
const HELP_SSH: &str = "Put the server's keys into `/etc/ssh/ssh_known_hosts`, and leave the check on";
const WHY_IMAGES: &str = "whoever is on the way hands over images of their own";
const HELP_IMAGES: &str = "Give the registry a certificate, and put its authority into `certs.d`";

/// What the settings of a file give away. Its bytes are decoded only where the path has a reader: among the files of an
/// image that other lints asked for are large ones.
pub(super) fn given(path: &str, bytes: &[u8]) -> Vec<Given> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let of_text: fn(&str) -> Vec<Given> = match file {
        "pip.conf" => |text| pip(lines(text)),
        "npmrc" | ".npmrc" => |text| lines(text).filter_map(npm).collect(),
        "gemrc" | ".gemrc" => |text| lines(text).filter_map(gem).collect(),
        "ssh_config" => |text| lines(text).filter_map(ssh).collect(),
        "config" if path.ends_with("/.ssh/config") => |text| lines(text).filter_map(ssh).collect(),
        "daemon.json" => daemon,
        _ if path.starts_with("/etc/ssh/") => |text| lines(text).filter_map(ssh).collect(),
        _ if path.starts_with("/etc/containers/") => |text| registries(lines(text)),
        _ => return Vec::new(),
    };
    let mut given = of_text(&String::from_utf8_lossy(bytes));
    given.truncate(20);
    given
}

/// The lines that are no comments.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take(MOST).filter(|line| !line.trim_start().starts_with(['#', ';']))
}

fn packages(says: String) -> Given {
    Given { says, because: WHY_PACKAGES, help: HELP_PACKAGES, severity: Severity::Medium }
}

/// `trusted-host = a b`, with more of them on the indented lines below, and an index over http.
fn pip<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Given> {
    let mut given = Vec::new();
    let mut key = String::new();
    for line in lines {
        let value = match line.split_once(['=', ':']).filter(|_| !line.starts_with([' ', '\t'])) {
            Some((name, value)) => {
                key = name.trim().to_ascii_lowercase().replace('_', "-");
                value
            }
            None if line.starts_with([' ', '\t']) => line,
            None => {
                key.clear();
                continue;
            }
        };
        for word in value.split_whitespace() {
            let word = word.trim_matches(['"', '\'']);
            match key.as_str() {
                "trusted-host" if !is_own(word) => {
                    given.push(packages(format!("pip trusts `{}` without looking at its certificate", shown(word))));
                }
                "index-url" | "extra-index-url" | "find-links" => given.extend(over_http("pip", word)),
                _ => {}
            }
        }
    }
    given
}

fn npm(line: &str) -> Option<Given> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    (key == "registry" || key.ends_with(":registry")).then(|| over_http("npm", value.trim()))?
}

fn gem(line: &str) -> Option<Given> {
    line.trim().strip_prefix("- ").and_then(|word| over_http("gem", word.trim()))
}

/// An index of packages that nothing protects on its way.
fn over_http(who: &str, address: &str) -> Option<Given> {
    let rest = address.trim_matches(['"', '\'']).strip_prefix("http://")?;
    let host = rest.split('/').next()?;
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    (!is_own(name) && !name.contains('$')).then(|| {
        let host = shown(without_password(rest));
        packages(format!("{who} fetches packages from `{host}` over http, without any protection"))
    })
}

/// The host of an address whose scheme was taken off. A password may have a slash in it, which is not allowed and so seems
/// to end the host; nothing in front of an `@` is shown, but for one that starts a folder's name (`/@scope`).
fn without_password(rest: &str) -> &str {
    let mut ends = rest.match_indices('@').map(|(at, _)| at).filter(|at| !rest[..*at].ends_with('/'));
    let host = ends.next_back().map_or(rest, |at| &rest[at + 1..]);
    host.split('/').next().unwrap_or(host)
}

fn ssh(line: &str) -> Option<Given> {
    let (key, value) = line.trim().split_once([' ', '\t', '='])?;
    let value = value.trim_matches([' ', '\t', '=', '"']);
    let off = key.eq_ignore_ascii_case("StrictHostKeyChecking")
        && (value.eq_ignore_ascii_case("no") || value.eq_ignore_ascii_case("off"));
    off.then(|| Given {
        says: format!("`StrictHostKeyChecking {}` has ssh trust whoever answers", shown(value)),
        because: WHY_SSH,
        help: HELP_SSH,
        severity: Severity::Low,
    })
}

/// `insecure = true` below a `[[registry]]`, or the old form's list.
fn registries<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Given> {
    let mut given = Vec::new();
    let (mut location, mut insecure) = (String::new(), false);
    let mut finish = |location: &mut String, insecure: &mut bool| {
        if std::mem::take(insecure) && !is_own(location.split(['/', ':']).next().unwrap_or("")) {
            let name = if location.is_empty() { "a registry".to_owned() } else { format!("`{}`", shown(location)) };
            given.push(images(format!("podman and its kin fetch images from {name} without TLS or its check")));
        }
        location.clear();
    };
    for line in lines {
        if line.trim_start().starts_with('[') {
            finish(&mut location, &mut insecure);
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.split('#').next().unwrap_or("").trim().trim_matches(['"', '\'']);
        match key.trim() {
            "location" | "prefix" if location.is_empty() => location = value.to_owned(),
            "insecure" => insecure = value == "true",
            _ => {}
        }
    }
    finish(&mut location, &mut insecure);
    given
}

/// `"insecure-registries": ["host:5000"]`.
fn daemon(text: &str) -> Vec<Given> {
    let list = text.split_once("\"insecure-registries\"").and_then(|(_, rest)| rest.split_once('['));
    let list = list.and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    let names = list.split(',').map(|name| name.trim().trim_matches('"')).filter(|name| !name.is_empty());
    let names = names.filter(|name| !is_own(name.split(['/', ':']).next().unwrap_or("")));
    names.map(|name| images(format!("docker fetches images from `{}` without TLS or its check", shown(name)))).collect()
}

fn images(says: String) -> Given {
    Given { says, because: WHY_IMAGES, help: HELP_IMAGES, severity: Severity::Medium }
}

/// The container itself: nobody is on the way.
fn is_own(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "::1") || host.starts_with("127.")
}

/// A word of a stranger's file, fit for a sentence.
fn shown(word: &str) -> String {
    word.chars().filter(|c| !c.is_control() && *c != '`').take(100).collect()
}
