//! One secret detector for Dockerfiles, configurations, layers and history. It never prints what it finds: a
//! [`Secret`] carries at most the first four characters of a public prefix and a length.
//!
//! Every function reads its input a bounded number of times, whatever is in it.

mod content;
mod file;
mod form;
mod known;
mod name;
mod token;
mod url;
mod value;

pub use content::{CONTENT, Content, Found, Window};
pub use file::{FileGuess, in_path, is_public_file};
pub use known::{KNOWN_FILES, KnownFile, known_file};

use std::ops::Range;

use crate::diagnostic::Confidence;

/// A secret that was found, without its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Secret {
    /// What it is, fit for a sentence: `GitHub personal access token`, `password`.
    pub kind: &'static str,
    /// How sure the form or the context makes us.
    pub confidence: Confidence,
    /// What may be shown of it: "`ghp_…` (40 characters)", or the length alone where the form has no public prefix.
    pub shown: String,
}

/// The secret in the value of a variable, judged by the name and the value together: ENV, ARG, `export`, an option.
///
/// `value` is the text after unquoting. A value with variables left in it holds a secret only where a known token form
/// stands in it.
#[must_use]
pub fn in_assignment(name: &str, value: &str) -> Option<Secret> {
    let value = value::unquoted(value);
    if let Some((_, secret)) = in_text(value).into_iter().max_by_key(|(_, secret)| secret.confidence) {
        return Some(secret);
    }
    by_name(name, value)
}

/// As [`in_assignment`], for a value that [`in_text`] is asked about with the text around it: only what the name says.
#[must_use]
pub fn by_name(name: &str, value: &str) -> Option<Secret> {
    value::judge(&name::Name::new(name), value::unquoted(value))
}

/// Whether a variable's name asks for a secret: `GITHUB_TOKEN`, `dbPassword`, but neither `TOKEN_TTL` nor `KEY_NAME`.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let name = name::Name::new(name);
    name.asks().is_some() || name.is_access_key_id()
}

/// Whether a value only stands where a secret will be put: empty, `changeme`, `<token>`, `xxxx`.
#[must_use]
pub fn is_placeholder(value: &str) -> bool {
    value::is_placeholder(value::unquoted(value))
}

/// The secret that stands where only a password can, such as behind `docker login -p`; `None` for variables and
/// placeholders.
#[must_use]
pub fn as_password(value: &str) -> Option<Secret> {
    let value = value::unquoted(value);
    if let Some((_, secret)) = in_text(value).into_iter().max_by_key(|(_, secret)| secret.confidence) {
        return Some(secret);
    }
    value::password(value)
}

/// The secret that a program sets as an account's password, such as behind `chpasswd`: `changeme` is no placeholder there,
/// it is the password. `None` for variables.
#[must_use]
pub fn as_set_password(value: &str) -> Option<Secret> {
    as_password(value).or_else(|| value::set_password(value::unquoted(value)))
}

/// Secrets of known form anywhere in a text, in order and without overlaps: tokens of well-known services, private
/// keys, credentials in URLs.
#[must_use]
pub fn in_text(text: &str) -> Vec<(Range<usize>, Secret)> {
    let mut found = token::scan(text);
    let tokens = found.len();
    for (range, secret) in url::scan(text) {
        // A known token inside a URL says more than its place there.
        let after = found[..tokens].partition_point(|(other, _)| other.end <= range.start);
        if found[..tokens].get(after).is_none_or(|(other, _)| other.start >= range.end) {
            found.push((range, secret));
        }
    }
    found.sort_by_key(|(range, _)| range.start);
    found
}

impl Secret {
    /// A secret whose text starts with a public `prefix`.
    fn of_form(kind: &'static str, confidence: Confidence, prefix: &str, length: usize) -> Self {
        let start: String = prefix.chars().take(4).collect();
        Self { kind, confidence, shown: format!("`{start}…` ({length} characters)") }
    }

    /// A secret no character of which may be shown.
    fn hidden(kind: &'static str, confidence: Confidence, text: &str) -> Self {
        let length = text.chars().count();
        let unit = if length == 1 { "character" } else { "characters" };
        Self { kind, confidence, shown: format!("{length} {unit}") }
    }
}
