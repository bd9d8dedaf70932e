//! A profile as a file: TOML or JSON with the same keys, each value beside its reason. A key that isn't known is refused,
//! since a restriction with a typing error in it would be none.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Error;
use super::profile::{Profile, Restart};
use crate::text::LineIndex;

/// Bytes of a file that is read.
const MOST_BYTES: usize = 4 << 20;

impl Profile {
    /// Reads a profile as [`Profile::to_toml`] writes it. `name` is what errors call the file.
    ///
    /// # Errors
    /// What is no TOML, lacks a key, or has one that isn't known, with its line.
    pub fn from_toml(text: &str, name: &str) -> Result<Self, Error> {
        bounded(text, name)?;
        let place = |offset: usize| format!("{name}:{}", LineIndex::new(text).byte_column(offset as u32).line);
        let table = DeTable::parse(text)
            .map_err(|error| wrong(&place(error.span().map_or(0, |span| span.start)), &one_line(error.message())))?;
        let profile: Self = toml::from_str(text)
            .map_err(|error| wrong(&place(error.span().map_or(0, |span| span.start)), &one_line(error.message())))?;
        let given: Value = toml::from_str(text).map_err(|error| wrong(name, &one_line(error.message())))?;
        match stranger(&given, &written(&profile)?) {
            Some(path) => Err(unknown(&place(offset(table.get_ref(), &path)), &path)),
            None => Ok(profile),
        }
    }

    /// Reads a profile as [`Profile::to_json`] writes it. `name` is what errors call the file.
    ///
    /// # Errors
    /// What is no JSON, lacks a key, or has one that isn't known.
    pub fn from_json(text: &str, name: &str) -> Result<Self, Error> {
        bounded(text, name)?;
        let read = |error: serde_json::Error| wrong(&format!("{name}:{}", error.line()), &one_line(&error.to_string()));
        let profile: Self = serde_json::from_str(text).map_err(read)?;
        let given: Value = serde_json::from_str(text).map_err(read)?;
        match stranger(&given, &written(&profile)?) {
            Some(path) => Err(unknown(name, &path)),
            None => Ok(profile),
        }
    }

    /// The profile as TOML.
    ///
    /// # Errors
    /// A number that TOML has no form for, of a filter that a user wrote: JSON has.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string_pretty(self)
            .map_err(|error| Error::new("profile", format!("it can't be written as TOML: {error}"), "write it as JSON"))
    }

    /// The profile as JSON.
    ///
    /// # Errors
    /// None is known; what the library says of one.
    pub fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(self)
            .map_err(|error| Error::new("profile", format!("it can't be written as JSON: {error}"), "report it"))
    }
}

fn bounded(text: &str, name: &str) -> Result<(), Error> {
    if text.len() > MOST_BYTES {
        return Err(wrong(name, &format!("it has more than {MOST_BYTES} bytes")));
    }
    Ok(())
}

fn wrong(place: &str, problem: &str) -> Error {
    Error::new(place, problem, "mend the file, or make a new one with `harden run --explain`")
}

fn unknown(place: &str, path: &[String]) -> Error {
    wrong(place, &format!("the key `{}` isn't known", path.join(".")))
}

fn one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

fn written(profile: &Profile) -> Result<Value, Error> {
    serde_json::to_value(profile).map_err(|error| wrong("profile", &error.to_string()))
}

/// What was given and isn't there when the profile is written again: a key that was read over.
fn stranger(given: &Value, written: &Value) -> Option<Vec<String>> {
    let within = |key: String, given: &Value, written: &Value| {
        let mut path = stranger(given, written)?;
        path.insert(0, key);
        Some(path)
    };
    match (given, written) {
        (Value::Object(given), Value::Object(written)) => given.iter().find_map(|(key, value)| {
            match written.get(key) {
                Some(known) => within(key.clone(), value, known),
                // Nothing said is not a key too many.
                None => (!value.is_null()).then(|| vec![key.clone()]),
            }
        }),
        (Value::Array(given), Value::Array(written)) => {
            given.iter().zip(written).enumerate().find_map(|(at, (one, known))| within(at.to_string(), one, known))
        }
        _ => None,
    }
}

/// Where the key of a path stands.
fn offset(table: &DeTable<'_>, path: &[String]) -> usize {
    let Some((first, mut rest)) = path.split_first() else { return 0 };
    let Some((key, mut value)) = table.iter().find(|(key, _)| key.get_ref() == first.as_str()) else { return 0 };
    let mut at = key.span().start;
    while let Some((word, others)) = rest.split_first() {
        rest = others;
        let next: Option<(usize, &Spanned<DeValue<'_>>)> = match value.get_ref() {
            DeValue::Table(table) => table
                .iter()
                .find(|(key, _)| key.get_ref() == word.as_str())
                .map(|(key, value)| (key.span().start, value)),
            DeValue::Array(list) => {
                word.parse::<usize>().ok().and_then(|index| list.get(index)).map(|item| (item.span().start, item))
            }
            _ => None,
        };
        let Some((start, found)) = next else { break };
        (at, value) = (start, found);
    }
    at
}

impl fmt::Display for Restart {
    /// As `--restart` takes it: `no`, `always`, `on-failure:3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("no"),
            Self::Always => f.write_str("always"),
            Self::OnFailure(None) => f.write_str("on-failure"),
            Self::OnFailure(Some(times)) => write!(f, "on-failure:{times}"),
        }
    }
}

impl FromStr for Restart {
    type Err = Error;

    /// As `--restart` has it. `unless-stopped` is `always` here, since there is no daemon that starts again.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "no" | "" => Ok(Self::No),
            "always" | "unless-stopped" => Ok(Self::Always),
            "on-failure" => Ok(Self::OnFailure(None)),
            _ => match text.strip_prefix("on-failure:").map(str::parse) {
                // Docker counts 0 as without end.
                Some(Ok(0)) => Ok(Self::OnFailure(None)),
                Some(Ok(times)) => Ok(Self::OnFailure(Some(times))),
                _ => {
                    let remedy = "use `no`, `always`, `on-failure` or `on-failure:3`";
                    Err(Error::new(format!("--restart {text}"), "there is no such policy", remedy))
                }
            },
        }
    }
}

impl TryFrom<String> for Restart {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Restart> for String {
    fn from(restart: Restart) -> Self {
        restart.to_string()
    }
}

/// A bound that may be no bound: `unlimited` for the greatest number, which TOML can't write.
pub(super) mod bound {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Bound {
        Number(u64),
        Word(String),
    }

    pub(in crate::policy) fn serialize<S: Serializer>(bound: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        match *bound {
            u64::MAX => Bound::Word("unlimited".to_owned()).serialize(serializer),
            number => Bound::Number(number).serialize(serializer),
        }
    }

    pub(in crate::policy) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        match Bound::deserialize(deserializer)? {
            Bound::Number(number) => Ok(number),
            Bound::Word(word) if word == "unlimited" => Ok(u64::MAX),
            Bound::Word(word) => Err(serde::de::Error::custom(format!("`{word}` is neither a number nor `unlimited`"))),
        }
    }
}
