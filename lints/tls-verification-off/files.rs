//! Settings files. Sources: the manuals of the tools they are of.

use super::{Switch, is_no, is_yes};

/// The files that are read.
pub(super) const READS: &[&str] = &[
    "**/.npmrc",
    "/etc/npmrc",
    "/usr/etc/npmrc",
    "/usr/local/etc/npmrc",
    "**/.yarnrc",
    "**/.yarnrc.yml",
    "/etc/gitconfig",
    "/usr/local/etc/gitconfig",
    "**/.gitconfig",
    "**/.config/git/config",
    "**/.curlrc",
    "**/.config/curlrc",
    "/etc/curlrc",
    "/etc/wgetrc",
    "/usr/local/etc/wgetrc",
    "**/.wgetrc",
    "**/.composer/config.json",
    "**/.config/composer/config.json",
    "/etc/gemrc",
    "**/.gemrc",
    "**/.bundle/config",
    "/usr/local/bundle/config",
    "**/.condarc",
    "/etc/apt/apt.conf",
    "/etc/apt/apt.conf.d/*",
    "/etc/dnf/dnf.conf",
    "/etc/yum.conf",
    "/etc/yum.repos.d/*.repo",
];

/// Lines of a file that are looked at.
const MOST: usize = 10_000;

/// What the settings in a file switch off. Its bytes are decoded only where the path has a reader: among the files of an
/// image that other lints asked for are large ones.
pub(super) fn switches(path: &str, bytes: &[u8]) -> Vec<Switch> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let of_line: fn(&str) -> Option<Switch> = match file {
        "npmrc" | ".npmrc" | ".yarnrc" => npm,
        ".yarnrc.yml" => yarn,
        "gitconfig" | ".gitconfig" => git,
        "config" if path.ends_with("/git/config") => git,
        "config" if path.ends_with("/bundle/config") || path.ends_with("/.bundle/config") => bundler,
        ".curlrc" | "curlrc" => curl,
        "wgetrc" | ".wgetrc" => wget,
        "config.json" if path.contains("composer/") => composer,
        "gemrc" | ".gemrc" => gem,
        ".condarc" => conda,
        _ if path.starts_with("/etc/apt/apt.conf") => apt,
        "dnf.conf" | "yum.conf" => dnf,
        _ if path.starts_with("/etc/yum.repos.d/") => dnf,
        _ => return Vec::new(),
    };
    let is_comment = |line: &&str| line.starts_with(['#', ';']) || line.starts_with("//");
    let text = String::from_utf8_lossy(bytes);
    text.lines().take(MOST).map(str::trim).filter(|line| !is_comment(line)).filter_map(of_line).take(20).collect()
}

/// A line's key and value without blanks and quotes around them, in lower case.
fn pair(line: &str, separators: &[char]) -> Option<(String, String)> {
    let (key, value) = line.split_once(separators)?;
    let clean = |text: &str| {
        let text = text.trim().trim_end_matches([';', ',']);
        text.trim_matches(['"', '\'', ' ', '\t']).to_ascii_lowercase()
    };
    Some((clean(key), clean(value)))
}

/// `strict-ssl=false`; Yarn's first version parts them by a blank.
fn npm(line: &str) -> Option<Switch> {
    let rest = line.strip_prefix("strict-ssl")?;
    let value = rest.trim_matches(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\''));
    (rest.starts_with(['=', ' ', '\t']) && is_no(value)).then(|| Switch::new("strict-ssl=false", "npm"))
}

fn yarn(line: &str) -> Option<Switch> {
    let (key, value) = pair(line, &[':'])?;
    (key == "enablestrictssl" && is_no(&value)).then(|| Switch::new("enableStrictSsl: false", "Yarn"))
}

fn git(line: &str) -> Option<Switch> {
    // `[http] sslVerify = false` may stand on one line.
    let line = line.rsplit_once(']').map_or(line, |(_, rest)| rest);
    let (key, value) = pair(line, &['='])?;
    (key == "sslverify" && is_no(&value)).then(|| Switch::new("sslVerify = false", "git"))
}

fn curl(line: &str) -> Option<Switch> {
    matches!(line, "insecure" | "-k" | "--insecure").then(|| Switch::new(line, "curl"))
}

fn wget(line: &str) -> Option<Switch> {
    let (key, value) = pair(line, &['='])?;
    // wget's settings may be written with and without dashes and underscores.
    let key = key.replace(['-', '_'], "");
    (key == "checkcertificate" && is_no(&value)).then(|| Switch::new("check_certificate = off", "wget"))
}

fn composer(line: &str) -> Option<Switch> {
    let found = |key: &str| pair(line.split_once(key)?.1.trim_start_matches('"'), &[':']).map(|(_, value)| value);
    let first_word = |value: String| value.split([',', '}', ' ', '"']).next().unwrap_or("").to_owned();
    if found("\"disable-tls").map(first_word).is_some_and(|value| is_yes(&value)) {
        return Some(Switch::new("disable-tls", "Composer"));
    }
    None
}

fn gem(line: &str) -> Option<Switch> {
    let (key, value) = pair(line.trim_start_matches(':'), &[':'])?;
    (key == "ssl_verify_mode" && value == "0").then(|| Switch::new(":ssl_verify_mode: 0", "gem"))
}

fn bundler(line: &str) -> Option<Switch> {
    let (key, value) = pair(line, &[':'])?;
    (key == "bundle_ssl_verify_mode" && value == "0").then(|| Switch::new("BUNDLE_SSL_VERIFY_MODE: 0", "Bundler"))
}

fn conda(line: &str) -> Option<Switch> {
    let (key, value) = pair(line, &[':'])?;
    (key == "ssl_verify" && is_no(&value)).then(|| Switch::new("ssl_verify: false", "conda"))
}

fn apt(line: &str) -> Option<Switch> {
    // `Acquire::https::Verify-Peer "false";`, or inside braces.
    let lower = line.to_ascii_lowercase();
    ["verify-peer", "verify-host"].iter().find_map(|key| {
        let (_, rest) = lower.split_once(key)?;
        let value = rest.trim_start_matches([' ', '\t', '"']).split([';', '"', ' ', '}']).next()?;
        is_no(value).then(|| Switch::new(format!("{key} \"{value}\""), "apt"))
    })
}

fn dnf(line: &str) -> Option<Switch> {
    let (key, value) = pair(line, &['='])?;
    (key == "sslverify" && is_no(&value)).then(|| Switch::new("sslverify=0", "dnf"))
}
