//! What a value says of itself: placeholder, path, digest, plain word or something random.

use crate::diagnostic::Confidence;

use super::Secret;
use super::name::{Asks, Name};

/// Judges a value by its variable's name; known token forms have been looked for already.
pub(super) fn judge(name: &Name, value: &str) -> Option<Secret> {
    if is_placeholder(value) || has_variable(value) || is_harmless(value) || name.is_repeated_by(value) {
        return None;
    }
    if name.is_aws_secret() && is_aws_secret(value) {
        return Some(Secret::hidden("AWS secret access key", Confidence::High, value));
    }
    match name.asks() {
        Some(Asks::Password) => password(value),
        Some(Asks::Token(kind)) => token(kind, value),
        None if name.hints() && !name.is_digest() && is_very_random(value) && !is_public_hash(value) => {
            Some(Secret::hidden("random value", Confidence::Low, value))
        }
        None => None,
    }
}

/// A literal where a password is wanted: whatever it is, it is what the program takes.
pub(super) fn password(value: &str) -> Option<Secret> {
    let small_number = value.len() < 4 && value.bytes().all(|byte| byte.is_ascii_digit());
    if is_placeholder(value) || has_variable(value) || is_harmless(value) || small_number {
        return None;
    }
    let confidence = if is_random(value) { Confidence::High } else { Confidence::Medium };
    Some(Secret::hidden("password", confidence, value))
}

/// A literal that becomes a password by being given.
pub(super) fn set_password(value: &str) -> Option<Secret> {
    let is_word =
        !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!-_.@".contains(&byte));
    let locked = value.bytes().all(|byte| matches!(byte, b'*' | b'!' | b'x'));
    (is_word && !locked).then(|| Secret::hidden("password", Confidence::Medium, value))
}

/// A literal under a name that asks for a token, secret or key: plain words there are mostly names or stand-ins.
fn token(kind: &'static str, value: &str) -> Option<Secret> {
    const STAND_INS: [&str; 12] = [
        "secret",
        "token",
        "key",
        "test",
        "testing",
        "password",
        "apikey",
        "default",
        "development",
        "production",
        "local",
        "credentials",
    ];
    let number = value.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-'));
    if number || is_gpg_fingerprint(value) || STAND_INS.iter().any(|word| value.eq_ignore_ascii_case(word)) {
        return None;
    }
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    let has_letter = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    let has_symbol =
        value.bytes().any(|byte| byte.is_ascii_punctuation() && !matches!(byte, b'-' | b'_' | b'.' | b'/'));
    let confidence = match value.chars().count() {
        16.. if is_random(value) => Confidence::High,
        6.. if has_letter && (has_digit || has_symbol) => Confidence::Medium,
        6.. => Confidence::Low,
        _ => return None,
    };
    Some(Secret::hidden(kind, confidence, value))
}

/// Without the quotes and white space around it.
pub(super) fn unquoted(value: &str) -> &str {
    let value = value.trim();
    let inner = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

/// Whether a value only stands where a secret will be put.
pub(super) fn is_placeholder(value: &str) -> bool {
    // What is longer was not typed to be replaced.
    if value.len() > 200 {
        return false;
    }
    let lower = value.trim().to_ascii_lowercase();
    let wrapped = |open: &str, close: &str| lower.starts_with(open) && lower.ends_with(close);
    let first = lower.bytes().next();
    lower.is_empty()
        || lower.bytes().all(|byte| Some(byte) == first)
        || wrapped("<", ">")
        || wrapped("{{", "}}")
        || wrapped("[", "]")
        || wrapped("{", "}")
        || wrapped("(", ")")
        || wrapped("%", "%")
        || wrapped("__", "__")
        || wrapped("@", "@")
        || wrapped("#{", "}")
        || matches!(
            lower.as_str(),
            "none"
                | "null"
                | "nil"
                | "n/a"
                | "na"
                | "unset"
                | "undefined"
                | "tbd"
                | "todo"
                | "empty"
                | "foo"
                | "bar"
                | "baz"
                | "foobar"
                | "..."
                | "…"
                | "-"
                | "changeit"
                | "unused"
                | "unknown"
                | "string"
                | "value"
        )
        || [
            "changeme",
            "change-me",
            "change_me",
            "change me",
            "changethis",
            "change-this",
            "change_this",
            "replace",
            "your-",
            "your_",
            "yourpass",
            "yoursecret",
            "yourtoken",
            "yourkey",
            "your ",
            "yourown",
            "example",
            "placeholder",
            "dummy",
            "fake",
            "sample",
            "fixme",
            "insert",
            "redacted",
            "not-set",
            "not_set",
            "notset",
            "xxxx",
            "****",
            "....",
            "to-be-",
            "to_be_",
            "goes-here",
            "goes_here",
            "goes here",
            "put-",
            "put_",
            "enter-",
            "enter_",
            "not-a-",
            "not_a_",
            "notasecret",
            "nosecret",
            "not-secret",
            "not-needed",
            "not_needed",
            "not-used",
            "only-for-build",
            "build-time",
            "buildtime",
            "build_time",
            "for-build",
            "precompile",
        ]
        .iter()
        .any(|part| lower.contains(part))
}

/// Whether a variable or a substitution stands in the value, of a shell, a template or a build tool.
pub(super) fn has_variable(value: &str) -> bool {
    let dollar = value.match_indices('$').any(|(at, _)| {
        value[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '{' | '(' | '['))
    });
    dollar || value.contains('`') || value.contains("{{") || value.contains("<%") || value.contains("%(")
}

/// Paths, URLs, booleans, times, public keys, digests and references: values that give nothing away.
fn is_harmless(value: &str) -> bool {
    let lower = if value.len() <= 200 { value.to_ascii_lowercase() } else { String::new() };
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| value.starts_with(prefix));
    let windows_path = value.as_bytes().get(1..3).is_some_and(|two| two == b":\\" || two == b":/");
    let duration = lower.len() > 1
        && lower.trim_end_matches(['s', 'm', 'h', 'd', 'w']).bytes().all(|byte| byte.is_ascii_digit())
        && lower.starts_with(|c: char| c.is_ascii_digit())
        && !lower.ends_with(|c: char| c.is_ascii_digit());
    matches!(lower.as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "0" | "1" | "y" | "n" | "enabled" | "disabled")
        || is_path(value)
        || windows_path
        || duration
        // Credentials in URLs have been looked for.
        || value.contains("://")
        || starts(&[
            "file:", "env:", "vault:", "op:", "arn:", "projects/", "secretsmanager:", "ssm:", "awssm:", "keyvault:",
            "sha1:", "sha256:", "sha512:", "sha1-", "sha256-", "sha384-", "sha512-", "md5:", "ssh-rsa ", "ssh-ed25519 ",
            "ecdsa-sha2-", "ssh-dss ", "-----BEGIN PUBLIC", "-----BEGIN CERTIFICATE", "-----BEGIN PGP PUBLIC", "age1",
            "urn:", "id=", "type=",
        ])
        || [
            ".pem", ".key", ".json", ".txt", ".crt", ".cer", ".p12", ".pfx", ".jks", ".yaml", ".yml", ".env", ".toml",
            ".conf", ".asc", ".gpg", ".pub",
        ]
        .iter()
        .any(|ending| lower.ends_with(ending))
        || ["rs256", "rs384", "rs512", "hs256", "hs384", "hs512", "es256", "es384", "bearer", "basic", "digest"]
            .contains(&lower.as_str())
}

/// A path: it starts as paths do, and what starts with one slash has no character that paths seldom have.
fn is_path(value: &str) -> bool {
    let rooted = value.strip_prefix('/').is_some_and(|rest| {
        rest.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b':' | b'@' | b' '))
            && (value.len() < 64 || rest.contains('/'))
    });
    rooted || ["./", "../", "~/", "$HOME/", "%USERPROFILE%"].iter().any(|start| value.starts_with(start))
}

/// Whether a value is long and mixed as words aren't: at least twelve characters, letters and digits, and more than
/// three bits a character.
pub(super) fn is_random(value: &str) -> bool {
    value.len() >= 12
        && value.len() <= 4096
        && !value.contains(char::is_whitespace)
        && value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && entropy(value) > 3.0
        && !looks_like_words(value)
}

/// Words and numbers joined by dashes or the like: `node-20-bookworm`, `my_secret_2024`.
fn looks_like_words(value: &str) -> bool {
    value.contains(['-', '_', '.', ' ', ':', '/'])
        && value.split(['-', '_', '.', ' ', ':', '/']).all(|part| {
            part.bytes().all(|byte| byte.is_ascii_alphabetic()) || part.bytes().all(|byte| byte.is_ascii_digit())
        })
        // A UUID has parts that are neither.
        && value.split(['-', '_', '.', ' ', ':', '/']).any(|part| part.len() > 2)
}

/// The same with less doubt, for names that don't ask for a secret.
fn is_very_random(value: &str) -> bool {
    value.len() >= 20
        && is_random(value)
        && entropy(value) > 3.7
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-'))
}

/// The length and alphabet of checksums and commits.
fn is_public_hash(value: &str) -> bool {
    matches!(value.len(), 32 | 40 | 56 | 64 | 96 | 128) && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `0x1234ABCD`, forty capital hexadecimal digits, or groups of four: an OpenPGP key's name.
fn is_gpg_fingerprint(value: &str) -> bool {
    let value = value.strip_prefix("0x").unwrap_or(value);
    let digits = value.bytes().filter(|byte| *byte != b' ').count();
    matches!(digits, 8 | 16 | 40) && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F' | b' '))
}

/// Whether a token's secret part was typed by hand to look like one: few different characters, or words for it.
pub(super) fn is_made_up(tail: &str) -> bool {
    let mut seen = [false; 256];
    tail.bytes().for_each(|byte| seen[usize::from(byte)] = true);
    let different = seen.iter().filter(|seen| **seen).count();
    let sample = tail.get(..tail.len().min(200)).unwrap_or("").to_ascii_lowercase();
    different < 5
        || ["example", "xxxxx", "placeholder", "your_", "your-", "fake", "dummy", "redacted", "00000000", "changeme"]
            .iter()
            .any(|word| sample.contains(word))
}

/// Forty characters of base64 with capitals, small letters and digits, and not AWS's own example.
pub(super) fn is_aws_secret(value: &str) -> bool {
    value.len() == 40
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        && value.bytes().any(|byte| byte.is_ascii_uppercase())
        && value.bytes().any(|byte| byte.is_ascii_lowercase())
        && value.bytes().any(|byte| byte.is_ascii_digit())
        && !is_made_up(value)
}

/// Shannon's entropy in bits a character.
fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    value.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = value.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / length)
        .map(|share| -share * share.log2())
        .sum()
}
