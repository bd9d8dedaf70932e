//! Finds tokens of known form, AWS secret keys by their label, JSON Web Tokens and private keys in one pass.

use std::ops::Range;

use crate::diagnostic::Confidence;

use super::Secret;
use super::form::{Alphabet, Check, FORMS, Form};
use super::value;

/// Every token of known form, in order, without overlaps.
pub(super) fn scan(text: &str) -> Vec<(Range<usize>, Secret)> {
    let mut scanner = Scanner { text, bytes: text.as_bytes(), runs: Runs::default() };
    let mut found: Vec<(Range<usize>, Secret)> = Vec::new();
    let mut at = 0;
    while at < scanner.bytes.len() {
        let byte = scanner.bytes[at];
        let starts = || STARTERS[usize::from(byte)] && (at == 0 || !Alphabet::Word.has(scanner.bytes[at - 1]));
        match starts().then(|| scanner.at(at)).flatten() {
            Some((range, secret)) => {
                at = range.end.max(at + 1);
                found.push((range, secret));
            }
            None => at += 1,
        }
    }
    found
}

/// The token at the start of a text, for who has found its first characters already.
pub(super) fn first(text: &str) -> Option<(Range<usize>, Secret)> {
    let mut scanner = Scanner { text, bytes: text.as_bytes(), runs: Runs::default() };
    if text.is_empty() { None } else { scanner.at(0) }
}

/// The forms that may start with a byte, a bit for each by its place in [`FORMS`].
static FORMS_OF: [u128; 256] = {
    assert!(FORMS.len() <= 128);
    let mut table = [0; 256];
    let mut form = 0;
    while form < FORMS.len() {
        table[FORMS[form].prefix.as_bytes()[0] as usize] |= 1 << form;
        form += 1;
    }
    table
};

/// The bytes that a secret may start with: those of the forms, and of JSON Web Tokens, private keys, AWS's labels and
/// Telegram's numbers.
static STARTERS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] =
            FORMS_OF[byte] != 0 || matches!(byte as u8, b'e' | b'-' | b'a' | b'A' | b's' | b'S' | b'0'..=b'9');
        byte += 1;
    }
    table
};

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    runs: Runs,
}

/// The run of an alphabet's characters found last, for each alphabet and use, so that a long run is walked once however
/// many tokens seem to start in it.
#[derive(Default)]
struct Runs {
    known: [Range<usize>; Alphabet::COUNT + 3],
}

impl Runs {
    fn end(&mut self, slot: usize, alphabet: Alphabet, bytes: &[u8], start: usize) -> usize {
        let known = &mut self.known[slot];
        if !(known.start..known.end).contains(&start) {
            let length = bytes[start.min(bytes.len())..].iter().take_while(|byte| alphabet.has(**byte)).count();
            *known = start..start + length;
        }
        known.end
    }
}

impl Scanner<'_> {
    /// The secret that starts at `at`, the start of a word.
    fn at(&mut self, at: usize) -> Option<(Range<usize>, Secret)> {
        let rest = &self.bytes[at..];
        let mut candidates = FORMS_OF[usize::from(rest[0])];
        while candidates != 0 {
            let form = &FORMS[candidates.trailing_zeros() as usize];
            candidates &= candidates - 1;
            if rest.starts_with(form.prefix.as_bytes())
                && let Some(found) = self.form(form, at)
            {
                return Some(found);
            }
        }
        match rest[0] {
            b'e' => self.web_token(at),
            b'-' => self.private_key(at),
            b'a' | b'A' | b's' | b'S' => self.aws_secret(at),
            byte if byte.is_ascii_digit() => self.telegram(at),
            _ => None,
        }
    }

    fn form(&mut self, form: &Form, at: usize) -> Option<(Range<usize>, Secret)> {
        let start = at + form.prefix.len();
        let end = self.runs.end(form.alphabet as usize, form.alphabet, self.bytes, start);
        let tail = self.text.get(start..end)?;
        // A dot or dash at the end belongs to the sentence, not to the token.
        let tail = if form.least == form.most { tail } else { tail.trim_end_matches(['.', '-']) };
        let end = start + tail.len();
        let ends_word = self.bytes.get(end).is_none_or(|byte| !Alphabet::Word.has(*byte));
        if !(form.least..=form.most).contains(&tail.len()) || !ends_word || value::is_made_up(tail) {
            return None;
        }
        let confidence = match form.check {
            Check::Nothing => form.confidence,
            Check::Crc if has_checksum(tail) => Confidence::High,
            Check::Crc => form.confidence,
            Check::Contains(part) if tail.contains(part) => form.confidence,
            Check::Contains(_) => return None,
            Check::Base32 if tail.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7')) => {
                Confidence::High
            }
            Check::Base32 => form.confidence,
        };
        Some((at..end, Secret::of_form(form.kind, confidence, form.prefix, end - at)))
    }

    /// `header.payload.signature` in base64url, the first two being JSON objects. Source: RFC 7519, RFC 7515.
    fn web_token(&mut self, at: usize) -> Option<(Range<usize>, Secret)> {
        let mut end = at;
        for part in 0..3 {
            let start = if part == 0 { at } else { end + 1 };
            if part > 0 && self.bytes.get(end) != Some(&b'.') {
                return None;
            }
            if part < 2 && !self.bytes[start.min(self.bytes.len())..].starts_with(b"eyJ") {
                return None;
            }
            end = self.runs.end(Alphabet::COUNT + part, Alphabet::Base64Url, self.bytes, start);
            if end < start + 10 {
                return None;
            }
        }
        Some((at..end, Secret::of_form("JSON Web Token", Confidence::Medium, "eyJ", end - at)))
    }

    /// A PEM or OpenPGP header of a private key. Source: RFC 7468, RFC 4880 §6.2, OpenSSH PROTOCOL.key.
    fn private_key(&self, at: usize) -> Option<(Range<usize>, Secret)> {
        let rest = self.bytes[at..].strip_prefix(b"-----BEGIN ")?;
        let label: &[u8] = rest.get(..rest.iter().take(40).position(|byte| *byte == b'-')?)?;
        let label = std::str::from_utf8(label).ok()?;
        let (kind, confidence) = match label {
            // An encrypted key still needs its passphrase.
            "ENCRYPTED PRIVATE KEY" => ("encrypted private key", Confidence::Medium),
            "PGP PRIVATE KEY BLOCK" => ("OpenPGP private key", Confidence::High),
            _ if label == "PRIVATE KEY" || label.ends_with(" PRIVATE KEY") => ("private key", Confidence::High),
            _ => return None,
        };
        let end = at + "-----BEGIN ".len() + label.len() + "-----".len();
        let end = end.min(self.bytes.len());
        self.text.get(at..end)?;
        // The body too, so that nothing in it is found again; without an end, the header alone.
        let body = self.text[end..].find("-----").map(|length| end + length);
        let end = body.filter(|body| self.bytes[*body..].starts_with(b"-----END")).unwrap_or(end);
        Some((at..end, Secret::of_form(kind, confidence, "-----", end - at)))
    }

    /// The forty characters behind `aws_secret_access_key`, which have no prefix of their own.
    fn aws_secret(&mut self, at: usize) -> Option<(Range<usize>, Secret)> {
        const LABELS: [&[u8]; 4] =
            [b"aws_secret_access_key", b"aws_secret_key", b"awssecretaccesskey", b"secretaccesskey"];
        let rest = &self.bytes[at..];
        let label = LABELS
            .iter()
            .find(|label| rest.get(..label.len()).is_some_and(|start| start.eq_ignore_ascii_case(label)))?;
        let behind = &rest[label.len()..];
        let gap =
            behind.iter().take(6).take_while(|byte| matches!(byte, b' ' | b'\t' | b'=' | b':' | b'"' | b'\'')).count();
        if gap == 0 {
            return None;
        }
        let start = at + label.len() + gap;
        let end = self.runs.end(Alphabet::Base64 as usize, Alphabet::Base64, self.bytes, start);
        let key = self.text.get(start..end)?;
        value::is_aws_secret(key).then(|| (start..end, Secret::hidden("AWS secret access key", Confidence::High, key)))
    }

    /// `123456789:AA…`: eight to ten digits, a colon, 35 characters. Source: Telegram Bot API, "Authorizing your bot".
    fn telegram(&mut self, at: usize) -> Option<(Range<usize>, Secret)> {
        let digits = self.bytes[at..].iter().take(11).take_while(|byte| byte.is_ascii_digit()).count();
        let start = at + digits + 1;
        if !(8..=10).contains(&digits) || !self.bytes[at + digits..].starts_with(b":AA") {
            return None;
        }
        let end = self.runs.end(Alphabet::Base64Url as usize, Alphabet::Base64Url, self.bytes, start);
        (end - start == 35)
            .then(|| (at..end, Secret::hidden("Telegram bot token", Confidence::High, &self.text[at..end])))
    }
}

/// Whether the last six characters are the CRC-32 of those before them, in base 62. Source: "Behind GitHub's new
/// authentication token formats", GitHub blog, April 2021; npm followed it.
fn has_checksum(tail: &str) -> bool {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let Some((body, sum)) = tail.len().checked_sub(6).and_then(|middle| tail.split_at_checked(middle)) else {
        return false;
    };
    let mut rest = crc32(body.as_bytes());
    sum.bytes().rev().all(|byte| {
        let digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
        digit == byte
    })
}

/// CRC-32 as in ISO 3309 (zlib, gzip), bit by bit: tokens are short.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}
