//! Credentials in URLs: `scheme://user:password@host`. Source: RFC 3986 §3.2.1.

use std::ops::Range;

use crate::diagnostic::Confidence;

use super::{Secret, value};

/// Every password or token in a URL's authority, in order. The range is that of the password.
pub(super) fn scan(text: &str) -> Vec<(Range<usize>, Secret)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(offset) = text[from..].find("://") {
        let start = from + offset + 3;
        let has_scheme = start > 3 && text.as_bytes()[start - 4].is_ascii_alphanumeric();
        let authority = &text[start..];
        let end = authority.find(ends_authority).unwrap_or(authority.len());
        if has_scheme {
            found.extend(
                in_authority(&authority[..end]).map(|(range, secret)| (start + range.start..start + range.end, secret)),
            );
        }
        from = start + end;
    }
    found
}

fn ends_authority(c: char) -> bool {
    c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>' | '\\' | '|')
}

fn in_authority(authority: &str) -> Option<(Range<usize>, Secret)> {
    let (credentials, host) = authority.rsplit_once('@')?;
    let Some((user, password)) = credentials.split_once(':') else {
        // A user alone is a name, unless it is long and mixed as only tokens are.
        return (credentials.len() >= 20 && value::is_random(credentials) && !value::is_placeholder(credentials))
            .then(|| (0..credentials.len(), Secret::hidden("token in a URL", Confidence::Medium, credentials)));
    };
    if password.is_empty() || host.is_empty() || value::is_placeholder(password) || value::has_variable(credentials) {
        return None;
    }
    // `user:password@host` is how such URLs are explained.
    let generic = |word: &str| {
        matches!(
            word.to_ascii_lowercase().as_str(),
            "user" | "username" | "usr" | "login" | "name" | "pass" | "password" | "passwd" | "pw" | "token" | "secret"
        )
    };
    if generic(user) && generic(password) || user.is_empty() && generic(password) {
        return None;
    }
    let range = user.len() + 1..credentials.len();
    let confidence = if value::is_random(password) { Confidence::High } else { Confidence::Medium };
    Some((range, Secret::hidden("password in a URL", confidence, password)))
}
