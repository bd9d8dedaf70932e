//! Splitting at white space that is neither quoted nor escaped.

/// Splits into words as they come.
#[derive(Default)]
pub(super) struct Splitter {
    /// The word at hand.
    pub(super) buffer: String,
    words: Vec<String>,
}

impl Splitter {
    /// A character that separates if it is white space.
    pub(super) fn add_char(&mut self, c: char) {
        if !c.is_whitespace() {
            self.buffer.push(c);
        } else if !self.buffer.is_empty() {
            self.words.push(std::mem::take(&mut self.buffer));
        }
    }

    pub(super) fn add(&mut self, text: &str) {
        text.chars().for_each(|c| self.add_char(c));
    }

    /// Text that belongs to the word, white space and all.
    pub(super) fn add_raw(&mut self, text: &str) {
        self.buffer.push_str(text);
    }

    /// The words. Quotes alone make none.
    pub(super) fn finish(mut self) -> Vec<String> {
        if !self.buffer.is_empty() {
            self.words.push(self.buffer);
        }
        self.words
    }
}
