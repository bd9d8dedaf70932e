//! Which flags each instruction takes, and the check that BuildKit makes of them before it runs anything.

use super::ast::Keyword;

/// What a flag's value has to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlagType {
    /// `true`, `false` or nothing; once.
    Bool,
    /// Any text, once.
    String,
    /// Any text, as often as wanted.
    Strings,
}

/// The flags of an instruction; `None` where BuildKit doesn't look at flags at all.
#[must_use]
pub fn definitions(keyword: Keyword) -> Option<&'static [(&'static str, FlagType)]> {
    use FlagType::{Bool, String, Strings};
    Some(match keyword {
        Keyword::Add => &[
            ("chown", String),
            ("chmod", String),
            ("link", Bool),
            ("keep-git-dir", Bool),
            ("checksum", String),
            ("unpack", Bool),
            ("exclude", Strings),
        ],
        Keyword::Copy => &[
            ("chown", String),
            ("from", String),
            ("chmod", String),
            ("link", Bool),
            ("exclude", Strings),
            ("parents", Bool),
        ],
        Keyword::From => &[("platform", String)],
        Keyword::Healthcheck => &[
            ("interval", String),
            ("timeout", String),
            ("start-period", String),
            ("start-interval", String),
            ("retries", String),
        ],
        Keyword::Run => &[("mount", Strings), ("device", Strings), ("network", String), ("security", String)],
        Keyword::Arg | Keyword::Stopsignal | Keyword::Unknown => return None,
        _ => &[],
    })
}

/// Checks flags (name, value) against their definitions; what is wrong with the first bad one, and its index.
///
/// # Errors
/// When a flag is unknown, repeated, lacks its value, or is a bool with another value.
pub fn check<'a>(
    flags: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    definitions: &[(&str, FlagType)],
) -> Result<(), (usize, String)> {
    let mut used: Vec<&str> = Vec::new();
    for (index, (name, value)) in flags.enumerate() {
        let refuse = |message: String| Err((index, message));
        let Some(&(_, flag_type)) = definitions.iter().find(|(defined, _)| *defined == name) else {
            return refuse(format!("the flag `--{name}` is unknown here"));
        };
        if used.contains(&name) && flag_type != FlagType::Strings {
            return refuse(format!("the flag `--{name}` is given twice"));
        }
        used.push(name);
        match (flag_type, value) {
            (FlagType::Bool, None) => {}
            (FlagType::Bool, Some("")) | (FlagType::String | FlagType::Strings, None) => {
                return refuse(format!("the flag `--{name}` has no value"));
            }
            (FlagType::Bool, Some(value)) if !matches!(value.to_lowercase().as_str(), "true" | "false") => {
                return refuse(format!("the flag `--{name}` is neither `true` nor `false`"));
            }
            _ => {}
        }
    }
    Ok(())
}
