//! The bytes of one file, readable as text whatever they are.

use std::borrow::Cow;

use super::{Edit, EditConflict, Span};

/// A file's bytes together with a text of the same length to parse.
///
/// A byte that is not part of valid UTF-8 stands in the text as U+001A (SUBSTITUTE), one byte for one byte, so offsets
/// in the text are offsets in the file, and the file's own bytes are never lost.
#[derive(Clone, Debug, Default)]
pub struct Source {
    text: String,
    original: Option<Vec<u8>>,
    invalid: Vec<u32>,
}

impl Source {
    /// Takes over the bytes of a file.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let bytes = match String::from_utf8(bytes) {
            Ok(text) => return Self { text, original: None, invalid: Vec::new() },
            Err(error) => error.into_bytes(),
        };
        let mut text = String::with_capacity(bytes.len());
        let mut invalid = Vec::new();
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            for _ in chunk.invalid() {
                invalid.push(text.len() as u32);
                text.push('\u{1a}');
            }
        }
        Self { text, original: Some(bytes), invalid }
    }

    /// The text to parse: the file's bytes, each invalid one replaced by U+001A.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file's bytes as they were read.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.original.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// Offsets of the bytes that are not part of valid UTF-8, in order.
    #[must_use]
    pub fn invalid(&self) -> &[u32] {
        &self.invalid
    }

    /// The file after some edits of its text. Bytes that the edits don't touch stay as they are, those that are no UTF-8
    /// too.
    ///
    /// # Errors
    /// When two edits overlap, a span is not a slice of the text, or an edit would write the mark of a byte that is no
    /// UTF-8 in place of the byte.
    pub fn edited(&self, edits: &[Edit]) -> Result<Self, EditConflict> {
        let Some(original) = &self.original else {
            return super::apply(&self.text, edits).map(|text| Self { text, original: None, invalid: Vec::new() });
        };
        if let Some(edit) = edits.iter().find(|edit| edit.text.contains('\u{1a}')) {
            return Err(EditConflict { span: edit.span });
        }
        // The text decides what is a conflict; the bytes have the same offsets.
        super::apply(&self.text, edits)?;
        let mut ordered: Vec<&Edit> = edits.iter().collect();
        ordered.sort_by_key(|edit| edit.span);
        let mut bytes = Vec::with_capacity(original.len());
        let mut done = 0;
        for Edit { span: Span { start, end }, text } in ordered {
            bytes.extend_from_slice(&original[done..*start as usize]);
            bytes.extend_from_slice(text.as_bytes());
            done = *end as usize;
        }
        bytes.extend_from_slice(&original[done..]);
        Ok(Self::new(bytes))
    }

    /// The text with U+FFFD for invalid bytes, to show to people. Its offsets are not the file's.
    #[must_use]
    pub fn display(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes())
    }
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), original: None, invalid: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_bytes_keep_offsets_and_are_not_lost() {
        let source = Source::new(b"RUN \xff\xe2\x82x".to_vec());
        assert_eq!(source.text(), "RUN \u{1a}\u{1a}\u{1a}x");
        assert_eq!(source.bytes(), b"RUN \xff\xe2\x82x");
        assert_eq!(source.invalid(), [4, 5, 6]);
    }

    #[test]
    fn edits_keep_bytes_that_are_no_utf8() {
        let source = Source::new(b"RUN \xff a".to_vec());
        let edits = [Edit::insert(7, "b"), Edit::delete(Span::new(0, 1))];
        assert_eq!(source.edited(&edits).map(|edited| edited.bytes().to_vec()), Ok(b"UN \xff ab".to_vec()));
        assert!(source.edited(&[Edit::insert(0, "\u{1a}")]).is_err());
        assert!(source.edited(&[Edit::delete(Span::new(7, 9))]).is_err());
    }
}
