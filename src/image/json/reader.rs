//! Takes values out of a document as Go's readers do, and says what is odd: a key that is there more than once with different
//! values, a value of the wrong kind.

use super::Json;
use crate::image::{Irregularity, IrregularityKind};

/// What is said of one document; more would say no more.
const MOST_SAID: usize = 32;

/// A reader of one document.
#[derive(Default)]
pub(in crate::image) struct Reader {
    /// What stands behind a place to say which document it is in: ` of index.json`. Empty for the configuration.
    of: String,
    /// What was odd so far.
    pub(in crate::image) said: Vec<Irregularity>,
}

impl Reader {
    /// A reader of a document of this name.
    pub(in crate::image) fn of(document: &str) -> Self {
        Self { of: format!(" of {document}"), said: Vec::new() }
    }

    /// The list or map of a key, `None` where it is absent or null. To Go's readers a null behind it takes it back.
    pub(in crate::image) fn one<'a>(&mut self, of: &'a Json, key: &'a str, place: &str) -> Option<&'a Json> {
        self.judge(of.all(key), place);
        of.all(key).last().filter(|value| **value != Json::Null)
    }

    /// The text, number or truth value of a key, `None` where it is absent or null. A null behind it changes nothing.
    pub(in crate::image) fn plain<'a>(&mut self, of: &'a Json, key: &'a str, place: &str) -> Option<&'a Json> {
        self.judge(of.all(key), place);
        of.all(key).filter(|value| **value != Json::Null).last()
    }

    /// The text of a key that keeps its case, since it is one of a map's and no field of a structure.
    pub(in crate::image) fn entry(&mut self, of: &Json, key: &str, place: &str) -> Option<String> {
        self.judge(of.exactly(key), place);
        let last = of.exactly(key).filter(|value| **value != Json::Null).last()?;
        self.text_of(last, place)
    }

    /// Says where the values of one key differ.
    fn judge<'a>(&mut self, mut values: impl Iterator<Item = &'a Json>, place: &str) {
        let Some(first) = values.next() else { return };
        if values.any(|value| value != first) {
            let of = &self.of;
            let detail =
                format!("`{place}`{of} is there more than once with different values; the last one counts here");
            self.say(IrregularityKind::Ambiguous, detail);
        }
    }

    pub(in crate::image) fn text(&mut self, of: &Json, key: &str, place: &str) -> Option<String> {
        let value = self.plain(of, key, place)?;
        self.text_of(value, place)
    }

    fn text_of(&mut self, value: &Json, place: &str) -> Option<String> {
        match value {
            Json::Text(text) => Some(text.clone()),
            other => self.wrong(other, "a text", place),
        }
    }

    pub(in crate::image) fn truth(&mut self, of: &Json, key: &str, place: &str) -> bool {
        match self.plain(of, key, place) {
            None => false,
            Some(Json::Bool(truth)) => *truth,
            Some(other) => self.wrong(other, "a truth value", place).unwrap_or_default(),
        }
    }

    pub(in crate::image) fn list<'a>(&mut self, of: &'a Json, key: &'a str, place: &str) -> &'a [Json] {
        match self.one(of, key, place) {
            None => &[],
            Some(Json::List(list)) => list,
            Some(other) => self.wrong(other, "a list", place).unwrap_or_default(),
        }
    }

    pub(in crate::image) fn map<'a>(&mut self, value: &'a Json, place: &str) -> &'a Json {
        if !matches!(value, Json::Map(_)) {
            self.wrong::<()>(value, "a map", place);
        }
        value
    }

    /// A list of texts. Docker's reader takes a text alone for a list of one.
    pub(in crate::image) fn texts(&mut self, of: &Json, key: &str, place: &str) -> Option<Vec<String>> {
        let list = match self.one(of, key, place)? {
            Json::List(list) => list,
            found @ Json::Text(text) => {
                self.wrong::<()>(found, "a list", place);
                return Some(vec![text.clone()]);
            }
            other => return self.wrong(other, "a list", place),
        };
        let mut texts = Vec::with_capacity(list.len());
        for (index, item) in list.iter().enumerate() {
            match item {
                Json::Text(text) => texts.push(text.clone()),
                other => self.wrong(other, "a text", &format!("{place}[{index}]")).unwrap_or_default(),
            }
        }
        Some(texts)
    }

    /// Says that a value is of the wrong kind, and has none in its place.
    pub(in crate::image) fn wrong<T>(&mut self, value: &Json, wanted: &str, place: &str) -> Option<T> {
        self.say(IrregularityKind::Mismatch, format!("`{place}`{} is {}, not {wanted}", self.of, value.what()));
        None
    }

    pub(in crate::image) fn say(&mut self, kind: IrregularityKind, detail: String) {
        if self.said.len() < MOST_SAID {
            self.said.push(Irregularity { kind, path: String::new(), detail });
        }
    }
}
