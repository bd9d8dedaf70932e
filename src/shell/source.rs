//! A piece of script together with where its bytes stand in the file.

use super::{Dialect, Gap};
use crate::text::Span;

/// A script to read.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// The script.
    pub(super) text: &'a str,
    /// Where it stands.
    pub(super) place: Place<'a>,
    /// Stretches of the file, in order, that are not part of the script though the text has something in their place.
    pub(super) gaps: &'a [Gap],
    /// The language whose quotes the words of the script have.
    pub(super) quoting: Dialect,
}

/// Where the bytes of a script stand in the file.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// The script is a slice of the file that starts at this offset.
    Shift(u32),
    /// The script was put together: from the first number's offset in the script on, up to the next pair, it is a slice
    /// of the file from the second number's offset on. Both numbers rise from pair to pair; the first pair starts at 0.
    Map(&'a [(u32, u32)]),
    /// Nothing closer is known.
    Whole(Span),
}

impl<'a> Source<'a> {
    /// The place in the file of the bytes `start..end` of the text.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        match self.place {
            Place::Whole(span) => span,
            _ if end <= start => Span::at(self.offset(start)),
            // The end is one behind the last byte: the next byte's place may be elsewhere.
            _ => Span::new(self.offset(start), self.offset(end - 1) + 1),
        }
    }

    /// The place in the file of the byte at `at`.
    pub(super) fn offset(&self, at: usize) -> u32 {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        match self.place {
            Place::Shift(base) => base.saturating_add(at),
            Place::Whole(span) => span.start,
            Place::Map(pairs) => {
                let index = pairs.partition_point(|pair| pair.0 <= at);
                pairs.get(index.saturating_sub(1)).map_or(at, |pair| pair.1 + (at - pair.0.min(at)))
            }
        }
    }

    /// The range of the text that stands at `span` in the file, where that is known.
    pub(super) fn range(&self, span: Span) -> Option<std::ops::Range<usize>> {
        let back = |offset: u32| match self.place {
            Place::Shift(base) => offset.checked_sub(base),
            Place::Whole(_) => None,
            Place::Map(pairs) => {
                let index = pairs.partition_point(|pair| pair.1 <= offset).checked_sub(1)?;
                let pair = pairs.get(index)?;
                Some(pair.0 + (offset - pair.1))
            }
        };
        let start = back(span.start)? as usize;
        let end = if span.is_empty() { start } else { back(span.end - 1)? as usize + 1 };
        self.text.get(start..end).map(|_| start..end)
    }

    /// `map`, whose second numbers are offsets in this text, with offsets in the file instead.
    pub(super) fn absolute(&self, map: &[(u32, u32)], length: usize) -> Vec<(u32, u32)> {
        let mut pairs = Vec::with_capacity(map.len());
        for (index, &(cooked, raw)) in map.iter().enumerate() {
            pairs.push((cooked, self.offset(raw as usize)));
            let end = map.get(index + 1).map_or(length as u32, |next| next.0);
            if let Place::Map(outer) = self.place {
                let inside = outer.iter().filter(|pair| pair.0 > raw && pair.0 < raw + end.saturating_sub(cooked));
                pairs.extend(inside.map(|pair| (cooked + (pair.0 - raw), pair.1)));
            }
        }
        pairs
    }
}
