//! The TOML of bane (github.com/genuinetools/bane), from which people have AppArmor profiles: the same rules as ours. Keys
//! are read in any case, as Go's reader does.

use std::fmt;

use toml::{Table, Value};

use super::apparmor::Rules;

/// What is wrong with a file of bane's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// The key: `Filesystem.WritablePaths`.
    pub key: String,
    /// What is wrong with it, and what to do.
    pub problem: String,
}

/// Reads a file of bane's.
///
/// # Errors
/// Where it isn't TOML, has a key that bane doesn't know, a value of another type, or one that can't stand in a profile.
pub fn read(text: &str) -> Result<Rules, Error> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| Error {
        key: "the file".to_owned(),
        problem: format!("isn't TOML: {}", error.message()),
    })?;
    // bane starts from Docker's rules, by which what isn't said may be written.
    let mut rules = Rules { open: true, ..Rules::default() };
    for (key, value) in &table {
        match key.to_ascii_lowercase().as_str() {
            "name" => rules.name = name(key, value)?,
            "filesystem" => section(key, value, &mut |key, lower, value| {
                let list = match lower {
                    "readonlypaths" => &mut rules.read_only,
                    "logonwritepaths" => &mut rules.log_on_write,
                    "writablepaths" => &mut rules.writable,
                    "allowexec" => &mut rules.allow_exec,
                    "denyexec" => &mut rules.deny_exec,
                    _ => return Err(unknown(key)),
                };
                *list = texts(key, value, is_pattern)?;
                Ok(())
            })?,
            "capabilities" => section(key, value, &mut |key, lower, value| {
                if lower != "allow" {
                    return Err(unknown(key));
                }
                rules.capabilities = texts(key, value, is_word)?.iter().map(|name| capability(name)).collect();
                Ok(())
            })?,
            "network" => section(key, value, &mut |key, lower, value| {
                match lower {
                    "raw" => rules.raw = truth(key, value)?,
                    "packet" => rules.packet = truth(key, value)?,
                    "protocols" => rules.protocols = texts(key, value, is_word)?,
                    _ => return Err(unknown(key)),
                }
                Ok(())
            })?,
            _ => return Err(unknown(key)),
        }
    }
    if rules.name.is_empty() {
        return Err(Error { key: "Name".to_owned(), problem: "is missing; name the profile".to_owned() });
    }
    Ok(rules)
}

/// Reads the keys of a section: full name, name in lower case, value.
fn section(
    key: &str,
    value: &Value,
    read: &mut dyn FnMut(&str, &str, &Value) -> Result<(), Error>,
) -> Result<(), Error> {
    let table = value.as_table().ok_or_else(|| wrong(key, "is no table"))?;
    table.iter().try_for_each(|(own, value)| read(&format!("{key}.{own}"), &own.to_ascii_lowercase(), value))
}

fn name(key: &str, value: &Value) -> Result<String, Error> {
    let name = value.as_str().ok_or_else(|| wrong(key, "is no string"))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return Err(wrong(key, "can't be the name of a profile; use letters, digits, `_`, `-` and `.`"));
    }
    Ok(name.to_owned())
}

fn texts(key: &str, value: &Value, can: fn(&str) -> bool) -> Result<Vec<String>, Error> {
    let list = value.as_array().ok_or_else(|| wrong(key, "is no list"))?;
    list.iter()
        .map(|value| match value.as_str() {
            Some(text) if can(text) => Ok(text.to_owned()),
            Some(text) => Err(wrong(key, &format!("has `{}`, which can't stand in a profile", text.escape_debug()))),
            None => Err(wrong(key, "has something that is no string")),
        })
        .collect()
}

/// A pattern of paths that ends where its quotes end.
fn is_pattern(text: &str) -> bool {
    text.starts_with('/') && !text.ends_with('\\') && !text.chars().any(|c| c.is_control() || c == '"')
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn capability(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    name.strip_prefix("cap_").unwrap_or(&name).to_owned()
}

fn truth(key: &str, value: &Value) -> Result<bool, Error> {
    value.as_bool().ok_or_else(|| wrong(key, "is neither true nor false"))
}

fn unknown(key: &str) -> Error {
    wrong(key, "is no key of bane's; remove it")
}

fn wrong(key: &str, problem: &str) -> Error {
    Error { key: key.to_owned(), problem: problem.to_owned() }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.problem)
    }
}

impl std::error::Error for Error {}
