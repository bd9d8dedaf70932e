//! Replacements in a text.

use super::Span;

/// Replace the bytes of `span` by `text`; an empty span inserts, an empty text deletes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    /// What is replaced.
    pub span: Span,
    /// What stands there afterwards.
    pub text: String,
}

impl Edit {
    /// Replaces `span` by `text`.
    pub fn replace(span: Span, text: impl Into<String>) -> Self {
        Self { span, text: text.into() }
    }

    /// Puts `text` in front of the byte at `offset`.
    pub fn insert(offset: u32, text: impl Into<String>) -> Self {
        Self::replace(Span::at(offset), text)
    }

    /// Takes `span` out.
    #[must_use]
    pub fn delete(span: Span) -> Self {
        Self::replace(span, "")
    }
}

/// Two edits want the same bytes, or one lies outside the text or inside a character.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EditConflict {
    /// The range that could not be replaced.
    pub span: Span,
}

/// Applies `edits` in one sweep from left to right, whatever their order in the slice.
///
/// # Errors
/// When two edits overlap or a span is not a slice of `text`; nothing is applied then.
pub fn apply(text: &str, edits: &[Edit]) -> Result<String, EditConflict> {
    let mut ordered: Vec<&Edit> = edits.iter().collect();
    ordered.sort_by_key(|edit| edit.span);
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for edit in ordered {
        let range = edit.span.range();
        let before = text.get(done..range.start).filter(|_| text.is_char_boundary(range.end.min(text.len())));
        let (Some(before), true) = (before, range.end <= text.len()) else {
            return Err(EditConflict { span: edit.span });
        };
        result.push_str(before);
        result.push_str(&edit.text);
        done = range.end;
    }
    result.push_str(&text[done..]);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_apply_in_the_order_of_their_places() {
        let edits = [Edit::insert(3, "!"), Edit::replace(Span::new(0, 1), "J")];
        assert_eq!(apply("hey", &edits), Ok("Jey!".to_owned()));
    }

    #[test]
    fn overlap_and_foreign_spans_are_refused() {
        let overlap = [Edit::delete(Span::new(0, 2)), Edit::delete(Span::new(1, 3))];
        assert_eq!(apply("hey", &overlap), Err(EditConflict { span: Span::new(1, 3) }));
        assert!(apply("hey", &[Edit::delete(Span::new(2, 9))]).is_err());
        assert!(apply("é", &[Edit::delete(Span::new(0, 1))]).is_err());
    }
}
