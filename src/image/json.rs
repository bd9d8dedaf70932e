//! JSON as Go's readers of image documents see it: keys match whatever their case, a key may come twice, a half of a
//! surrogate pair is no error. What is nested deeper than any image document is skipped, so that depth costs nothing.

mod reader;

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

pub(super) use reader::Reader;

/// Levels that are kept. The deepest value of an image document, `config.Healthcheck.Test[0]`, is on the fourth.
const DEEPEST: usize = 12;

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Self>),
    /// Keys in their order, each as often as it is there.
    Map(Vec<(String, Self)>),
    /// A list or a map below the deepest level.
    Deep,
}

impl Json {
    /// Reads a document.
    ///
    /// # Errors
    /// Where and why it is no JSON, as serde_json says it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(bytes);
        let parse = |text: &str| {
            let mut reader = serde_json::Deserializer::from_str(text);
            let value = Level(0).deserialize(&mut reader)?;
            reader.end().map(|()| value)
        };
        parse(&text).or_else(|error| parse(&without_lone_surrogates(&text)).map_err(|_| error.to_string()))
    }

    /// What the value is, fit for a sentence.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Deep => "nested too deep",
        }
    }

    /// The value of a number that is whole and not negative.
    pub(super) fn number(&self) -> Option<u64> {
        if let Self::Number(number) = self { number.as_u64() } else { None }
    }

    /// The values of a key, whatever its case: Go takes the last.
    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Self> {
        let map = if let Self::Map(map) = self { &map[..] } else { &[] };
        let named = map.iter().filter(move |(name, _)| same_key(name, key));
        named.map(|(_, value)| value)
    }

    /// The values of a key in this very case, as Go's maps keep it.
    pub(super) fn exactly<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Self> {
        let map = if let Self::Map(map) = self { &map[..] } else { &[] };
        map.iter().filter(move |(name, _)| name == key).map(|(_, value)| value)
    }
}

/// Whether Go takes two keys for the same: in any case, the long s and the Kelvin sign among them.
fn same_key(one: &str, other: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    one.chars().map(fold).eq(other.chars().map(fold))
}

/// Reads a value on this level.
struct Level(usize);

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        if self.0 < DEEPEST {
            return deserializer.deserialize_any(self);
        }
        IgnoredAny::deserialize(deserializer).map(|_| Json::Deep)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        // JSON has no number that isn't finite.
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self(self.0 + 1))? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = items.next_key::<String>()? {
            map.push((key, items.next_value_seed(Self(self.0 + 1))?));
        }
        Ok(Json::Map(map))
    }
}

/// The text with each `\uD800` to `\uDFFF` that has no other half replaced by `\uFFFD`, which is what Go makes of it.
fn without_lone_surrogates(text: &str) -> String {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    };
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &text.as_bytes()[at..]) {
        out.push_str(&text[at..at + found]);
        at += found;
        let (length, lone) = match (unit(at), unit(at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => (12, false),
            (Some(0xd800..0xe000), _) => (6, true),
            (Some(_), _) => (6, false),
            (None, _) => (1 + text[at + 1..].chars().next().map_or(0, char::len_utf8), false),
        };
        out.push_str(if lone { "\\ufffd" } else { &text[at..at + length] });
        at += length;
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_surrogate_pairs_are_no_error() {
        let read = |text: &str| Json::read(text.as_bytes());
        let text = |text: &str| Ok(Json::Text(text.to_owned()));
        assert_eq!(read(r#""a\ud800b""#), text("a\u{fffd}b"));
        assert_eq!(read(r#""\ud83d\ude00 \udc00 \\ud800""#), text("\u{1f600} \u{fffd} \\ud800"));
        assert!(read(r#""\ud8"#).is_err() && read("\"\\").is_err());
    }

    #[test]
    fn depth_is_skipped_and_what_follows_is_read() {
        let deep = format!("{{\"a\":{}{},\"B\":\"x\"}}", "[".repeat(100_000), "]".repeat(100_000));
        let read = Json::read(deep.as_bytes()).expect("it is JSON");
        assert_eq!(read.all("b").next(), Some(&Json::Text("x".to_owned())));
    }
}
