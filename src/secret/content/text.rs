//! Tokens, logins and passwords in files.

use super::{Found, Window, ground, key};
use crate::diagnostic::Confidence;
use crate::secret::{Secret, in_assignment, is_placeholder, token, url, value};

/// Longest token, its prefix included.
const TOKEN: usize = 1100;

/// Longest line of a file of assignments, and longest authority of a URL.
const LINE: usize = 512;
const AUTHORITY: usize = 300;

/// A token of known form that starts with the keyword.
pub(super) fn token(window: &Window<'_>) -> Found {
    let start = window.keyword.0;
    let before = &window.bytes[..start];
    // In the middle of a word, or of a long stretch of base64, it is chance.
    if before.last().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+')) {
        return None;
    }
    let run =
        before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).count();
    if run >= 40 {
        return None;
    }
    let (range, secret) = token::first(text_from(window, start, TOKEN))?;
    Some((start + range.start..start + range.end, ground::weigh(window.path, secret)?))
}

/// A password in a URL.
pub(super) fn url(window: &Window<'_>) -> Found {
    let (start, end) = window.keyword;
    let authority = window.bytes[end..].iter().take(AUTHORITY);
    let mut at_sign = false;
    let ends = |byte: u8| byte.is_ascii_whitespace() || byte < 0x20 || b"/?#\"'`<>\\|".contains(&byte);
    let length = authority
        .take_while(|byte| {
            at_sign |= **byte == b'@';
            !ends(**byte)
        })
        .count();
    if !at_sign {
        return None;
    }
    let from = start.checked_sub(1)?;
    let text = std::str::from_utf8(&window.bytes[from..end + length]).ok()?;
    let (range, mut secret) = url::scan(text).pop()?;
    let host = text.rsplit('@').next()?;
    let password = &text[range.clone()];
    if is_shown_host(host) || is_pattern(text) {
        return None;
    }
    if secret.confidence == Confidence::Medium && !value::is_random(password) {
        // A word as a password may be one, in somebody's own settings; elsewhere it explains the form.
        secret.confidence = Confidence::Low;
        if ground::of(window.path) != ground::Ground::Own {
            return None;
        }
    }
    Some((from + range.start..from + range.end, ground::weigh(window.path, secret)?))
}

/// Hosts that only stand for one (RFC 2606, RFC 6761, and habit).
fn is_shown_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let name = host.split([':', ',', ';', ')', ']']).next().unwrap_or("");
    let reserved = ["example", "test", "invalid", "localhost", "local", "host", "hostname", "server", "domain", "foo"];
    name.is_empty() || name.split('.').any(|part| reserved.contains(&part)) || name.contains("example")
}

/// Regular expressions, formats and templates of URLs.
fn is_pattern(text: &str) -> bool {
    text.contains(['[', '(', '{', '*', '%', '$', '^', '<', ',', ';', '=']) && !text.contains("%2")
}

/// An AWS secret access key behind its label.
pub(super) fn aws_secret(window: &Window<'_>) -> Found {
    // `SecretAccessKey` may be a word of its own or follow `aws`.
    (0..=4).find_map(|back| {
        let start = window.keyword.0.checked_sub(back)?;
        let (range, secret) = token::first(text_from(window, start, 128))?;
        let secret = (secret.kind == "AWS secret access key").then(|| ground::weigh(window.path, secret))??;
        Some((start + range.start..start + range.end, secret))
    })
}

/// A JSON Web Token. In code it is mostly an example, so only somebody's own files count.
pub(super) fn web_token(window: &Window<'_>) -> Found {
    let start = window.keyword.0;
    if start > 0 && (window.bytes[start - 1].is_ascii_alphanumeric() || window.bytes[start - 1] == b'_') {
        return None;
    }
    let (range, secret) = token::first(text_from(window, start, 4096))?;
    Some((start + range.start..start + range.end, ground::weigh(window.path, secret)?))
}

/// The login for a registry of packages (npmrc(5)) or images (docker's and podman's `auths`).
pub(super) fn registry_login(window: &Window<'_>) -> Found {
    let (start, end) = window.keyword;
    let in_npmrc = window.bytes[start] == b'_';
    let behind = text_from(window, end, 4096);
    let skipped = behind.len() - behind.trim_start_matches([' ', '\t', ':', '=', '"', '\'', '\n', '\r']).len();
    let value = &behind[skipped..];
    let value =
        &value[..value.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '}')).unwrap_or(value.len())];
    let range = end + skipped..end + skipped + value.len();
    if value.len() < 8 || is_placeholder(value) || value::has_variable(value) || value.starts_with("process.") {
        return None;
    }
    let kind = if in_npmrc {
        // `//registry.npmjs.org/:_authToken=…`: the file is settings, not a program that knows the word.
        let settings = window.path.ends_with("npmrc") || window.path.ends_with(".yarnrc.yml");
        (settings && value::is_random(value)).then_some("npm registry token")?
    } else if &window.bytes[start..end] == b"\"auth\"" {
        let login = base64(value)?;
        let (user, password) = login.split_once(':')?;
        (!user.is_empty() && !password.is_empty() && !is_placeholder(password))
            .then_some("login for an image registry")?
    } else {
        (value.len() >= 20 && value::is_random(value)).then_some("login for an image registry")?
    };
    Some((range, ground::weigh(window.path, Secret::hidden(kind, Confidence::High, value))?))
}

/// The header that a checkout in CI leaves in `.git/config`.
pub(super) fn git_header(window: &Window<'_>) -> Found {
    let end = window.keyword.1;
    let behind = text_from(window, end, 1024);
    let value = &behind[..behind.find(char::is_whitespace).unwrap_or(behind.len())];
    let login = base64(value)?;
    let (_, password) = login.split_once(':')?;
    if password.len() < 8 || is_placeholder(password) {
        return None;
    }
    let secret = Secret::hidden("login for a Git server", Confidence::High, value);
    Some((end..end + value.len(), ground::weigh(window.path, secret)?))
}

/// A secret by its variable's name, in files that hold nothing but assignments.
pub(super) fn assignment(window: &Window<'_>) -> Found {
    let file = window.path.rsplit('/').next().unwrap_or("");
    let is_settings = file == ".env" || file.starts_with(".env.") || file.ends_with(".env") || file == ".envrc";
    if !is_settings || ground::of(window.path) < ground::Ground::Trial {
        return None;
    }
    let (start, end) = window.keyword;
    let line_start = memchr::memrchr(b'\n', &window.bytes[..start]).map_or(0, |at| at + 1);
    let name = std::str::from_utf8(&window.bytes[line_start..end - 1]).ok()?.trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return None;
    }
    let value = text_from(window, end, LINE).lines().next().unwrap_or("").trim();
    let secret = in_assignment(name, value)?;
    Some((end..end + value.len(), ground::weigh(window.path, secret)?))
}

/// The text of a window from a place on, so many bytes at most.
fn text_from<'a>(window: &Window<'a>, start: usize, most: usize) -> &'a str {
    let bytes = &window.bytes[start..window.bytes.len().min(start + most)];
    std::str::from_utf8(key::valid(bytes)).unwrap_or_default()
}

/// Decodes base64 (RFC 4648 §4) that stands for printable ASCII.
fn base64(text: &str) -> Option<String> {
    let digits = text.trim_end_matches('=');
    let mut decoded = String::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in digits.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(digit)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            let byte = (bits >> count) as u8;
            decoded.push((0x20..0x7f).contains(&byte).then_some(char::from(byte))?);
        }
    }
    Some(decoded)
}
