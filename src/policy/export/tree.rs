//! A document of maps and lists that keeps its order, written as JSON or YAML.

use super::quote;

/// A node.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Tree {
    Text(String),
    Number(i64),
    Truth(bool),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Tree {
    /// A list of strings.
    pub(super) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.into())).collect())
    }

    /// A map, without what is absent or an empty list or map.
    pub(super) fn map<const N: usize>(entries: [(&str, Option<Self>); N]) -> Self {
        Self::Map(entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
    }

    /// The node unless it is an empty list or map.
    pub(super) fn or_none(self) -> Option<Self> {
        match &self {
            Self::List(list) if list.is_empty() => None,
            Self::Map(map) if map.is_empty() => None,
            _ => Some(self),
        }
    }

    /// As YAML, block style, ended by a line break.
    pub(super) fn yaml(&self) -> String {
        let mut out = String::new();
        self.write_yaml(0, &mut out);
        out
    }

    /// As JSON, indented by two, ended by a line break.
    pub(super) fn json(&self) -> String {
        let mut out = String::new();
        self.write_json(0, &mut out);
        out.push('\n');
        out
    }

    fn write_yaml(&self, depth: usize, out: &mut String) {
        let indent = "  ".repeat(depth);
        match self {
            Self::Map(map) if !map.is_empty() => {
                for (at, (key, value)) in map.iter().enumerate() {
                    // The first key of a map in a list stands on the line of its dash.
                    if at > 0 || !out.ends_with("- ") {
                        out.push_str(&indent);
                    }
                    out.push_str(&yaml_key(key));
                    out.push(':');
                    value.write_yaml_value(depth, out);
                }
            }
            Self::List(list) if !list.is_empty() => {
                for value in list {
                    out.push_str(&indent);
                    match value {
                        Self::Map(map) if !map.is_empty() => {
                            out.push_str("- ");
                            value.write_yaml(depth + 1, out);
                        }
                        _ => {
                            out.push('-');
                            value.write_yaml_value(depth, out);
                        }
                    }
                }
            }
            _ => {
                out.push_str(&self.scalar(quote::yaml));
                out.push('\n');
            }
        }
    }

    fn write_yaml_value(&self, depth: usize, out: &mut String) {
        let nested = match self {
            Self::Map(map) => !map.is_empty(),
            Self::List(list) => !list.is_empty(),
            _ => false,
        };
        out.push(if nested { '\n' } else { ' ' });
        self.write_yaml(depth + 1, out);
    }

    fn write_json(&self, depth: usize, out: &mut String) {
        let (open, close, count) = match self {
            Self::Map(map) if !map.is_empty() => ('{', '}', map.len()),
            Self::List(list) if !list.is_empty() => ('[', ']', list.len()),
            _ => {
                out.push_str(&self.scalar(quote::json));
                return;
            }
        };
        out.push(open);
        for at in 0..count {
            out.push_str(if at > 0 { ",\n" } else { "\n" });
            out.push_str(&"  ".repeat(depth + 1));
            match self {
                Self::Map(map) => {
                    out.push_str(&quote::json(&map[at].0));
                    out.push_str(": ");
                    map[at].1.write_json(depth + 1, out);
                }
                Self::List(list) => list[at].write_json(depth + 1, out),
                _ => {}
            }
        }
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
        out.push(close);
    }

    fn scalar(&self, quote: fn(&str) -> String) -> String {
        match self {
            Self::Text(text) => quote(text),
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
            Self::List(_) => "[]".to_owned(),
            Self::Map(_) => "{}".to_owned(),
        }
    }
}

impl From<&str> for Tree {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Tree {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Tree {
    fn from(truth: bool) -> Self {
        Self::Truth(truth)
    }
}

impl From<u64> for Tree {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Tree {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i32> for Tree {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

/// A key bare where every reader takes it for a string.
fn yaml_key(key: &str) -> String {
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    let word = key.starts_with(|c: char| c.is_ascii_alphabetic());
    // YAML 1.1 takes these for a truth, and more of their kind.
    let truth =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&key.to_ascii_lowercase().as_str());
    if plain && word && !truth { key.to_owned() } else { quote::yaml(key) }
}
