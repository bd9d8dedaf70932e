//! Private keys in files: a header alone is no key, since every program that reads keys has one in it; a body must follow.

use super::{Found, Window, ground};
use crate::diagnostic::Confidence;
use crate::secret::Secret;

/// Fewest characters of a key's body: those of an Ed25519 key in PKCS #8.
const BODY: usize = 60;

/// Starts of keys that everyone has: the `insecure_private_key` of Vagrant.
const KNOWN: [&[u8]; 1] = [b"MIIEogIBAAKCAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzI"];

/// Judges `PRIVATE KEY` inside a PEM header (RFC 7468), a PuTTY key's first line and a kubeconfig's key.
pub(super) fn judge(window: &Window<'_>) -> Found {
    let (start, end) = window.keyword;
    let (range, secret) = match &window.bytes[start..end] {
        b"PRIVATE KEY" => pem(window.bytes, start, end)?,
        b"client-key-data:" => {
            let behind = &window.bytes[end..];
            let space = behind.iter().take_while(|byte| **byte == b' ').count();
            let body = behind[space..].iter().take_while(|byte| is_base64(**byte)).count();
            (body >= BODY).then(|| (start..end + space + body, key("Kubernetes client key", Confidence::High, body)))?
        }
        _ => {
            let behind = std::str::from_utf8(valid(&window.bytes[end..])).ok()?;
            let encryption = behind.lines().find_map(|line| line.strip_prefix("Encryption: "))?;
            behind.contains("Private-Lines:").then_some(())?;
            match encryption.trim() {
                "none" => (start..end, key("private SSH key", Confidence::High, end - start)),
                _ => (start..end, key("encrypted private SSH key", Confidence::Medium, end - start)),
            }
        }
    };
    Some((range, ground::weigh(window.path, secret)?))
}

fn pem(bytes: &[u8], start: usize, end: usize) -> Found {
    // `-----BEGIN ` and a label stand in front: `RSA`, `EC`, `OPENSSH`, `ENCRYPTED`, `PGP`, or nothing.
    let from = start.saturating_sub(40);
    let begin = memchr::memmem::rfind(&bytes[from..start], b"-----BEGIN ")? + from;
    let label = &bytes[begin + "-----BEGIN ".len()..start];
    if !label.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' ') {
        return None;
    }
    let behind = bytes[end..].strip_prefix(b" BLOCK").unwrap_or(&bytes[end..]).strip_prefix(b"-----")?;
    let body = body(behind)?;
    let kind = match label {
        b"PGP " => "OpenPGP private key",
        b"ENCRYPTED " => "encrypted private key",
        _ if body.encrypted => "encrypted private key",
        _ if memchr::memmem::find(&bytes[..begin], b"\"private_key_id\"").is_some() => "service account's private key",
        _ => "private key",
    };
    let known = KNOWN.iter().any(|known| body.start.starts_with(known));
    let confidence = match kind {
        _ if known => Confidence::Low,
        "encrypted private key" => Confidence::Medium,
        _ => Confidence::High,
    };
    Some((begin..bytes.len() - behind.len() + body.length, key(kind, confidence, body.characters)))
}

struct Body<'a> {
    /// Its first characters, up to the first line's end.
    start: &'a [u8],
    /// Bytes from behind the header to where it ends.
    length: usize,
    /// Characters of base64 in it.
    characters: usize,
    encrypted: bool,
}

/// The base64 behind a header, in lines of the file or in a string with `\n` in it. `None` where there is none, or where it
/// is too even to be a key.
fn body(behind: &[u8]) -> Option<Body<'_>> {
    let mut encrypted = false;
    let mut at = 0;
    let mut first = None;
    let (mut characters, mut seen) = (0, 0_u64);
    while at < behind.len() {
        let rest = &behind[at..];
        let gap = separator(rest);
        if gap > 0 {
            at += gap;
            continue;
        }
        let line = rest.iter().take_while(|byte| is_base64(**byte)).count();
        let is_header = rest.get(line) == Some(&b':') || rest.get(line) == Some(&b'-');
        if characters == 0 && is_header && line > 0 {
            // `Proc-Type: 4,ENCRYPTED` and `DEK-Info:` of RFC 1421, `Version:` of OpenPGP.
            let length = rest.iter().take_while(|byte| !matches!(byte, b'\n' | b'\\')).count();
            encrypted |= memchr::memmem::find(&rest[..length], b"ENCRYPTED").is_some();
            at += length;
            continue;
        }
        if line == 0 {
            break;
        }
        first.get_or_insert(&rest[..line]);
        for byte in &rest[..line] {
            seen |= 1 << (byte & 63);
        }
        characters += line;
        at += line;
    }
    let start = first?;
    // OpenSSH's own format says its cipher behind the magic: `none` is a key in clear.
    if start.starts_with(b"b3BlbnNzaC1rZXktdjEAAAAA") && !start.starts_with(b"b3BlbnNzaC1rZXktdjEAAAAABG5vbmU") {
        encrypted = true;
    }
    (characters >= BODY && seen.count_ones() >= 16).then_some(Body { start, length: at, characters, encrypted })
}

/// Length of what may stand between the lines of a key.
fn separator(text: &[u8]) -> usize {
    match text {
        [b' ' | b'\t' | b'\r' | b'\n', ..] => 1,
        [b'\\', b'n' | b'r', ..] => 2,
        _ => 0,
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

fn key(kind: &'static str, confidence: Confidence, length: usize) -> Secret {
    Secret { kind, confidence, shown: format!("{length} characters") }
}

/// The bytes up to the first that are no UTF-8.
pub(super) fn valid(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Ok(_) => bytes,
        Err(error) => &bytes[..error.valid_up_to()],
    }
}
