//! The few lines of a file that a finding is shown with, made fit for a terminal.
//!
//! Lines are cut where they are long, so a line of 10 MB costs what a line of 200 characters does; control characters are
//! replaced, so a file can't send commands to the terminal of who reads about it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::text::{LineColumn, LineIndex, Span};

/// Lines shown before and behind a place.
pub(super) const CONTEXT: usize = 1;

/// The most lines of one place that are shown.
const MOST_LINES: u32 = 4;

/// The most bytes shown of a line before and behind the start of what the finding is about.
const BEFORE: u32 = 60;
const BEHIND: u32 = 140;

/// What stands for a secret.
pub(super) const STARS: &str = "***";

/// A text made of the lines that some places need, which answers with the file's own line numbers.
#[derive(Debug)]
pub(super) struct Excerpt {
    name: String,
    text: String,
    lines: Vec<Line>,
    /// Where each place starts in the excerpt's text, and its line and column in the file, from 0.
    places: Vec<(usize, usize, usize)>,
}

#[derive(Debug)]
struct Line {
    /// Line of the file, from 0.
    number: usize,
    /// Where it starts in the excerpt's text.
    start: usize,
}

impl Excerpt {
    /// The lines around `places`, the first of which is the primary one, and where the places are in the excerpt. The
    /// bytes of `hidden` are shown as stars, three whatever their number.
    pub(super) fn new(
        name: &str,
        text: &str,
        index: &LineIndex,
        places: &[Span],
        hidden: &[Span],
    ) -> (Self, Vec<Span>) {
        // Per line, where the first place on it starts: what a long line is cut around.
        let mut wanted: BTreeMap<u32, Option<u32>> = BTreeMap::new();
        let last_line = index.count().saturating_sub(1);
        for place in places {
            let first = index.line(place.start);
            let last = last_shown_line(index, *place);
            for line in first.saturating_sub(CONTEXT as u32)..=(last + CONTEXT as u32).min(last_line) {
                let focus = wanted.entry(line).or_insert(None);
                if line == first {
                    *focus = Some(focus.map_or(place.start, |known| known.min(place.start)));
                }
            }
        }
        let mut excerpt =
            Self { name: clean(name).into_owned(), text: String::new(), lines: Vec::new(), places: Vec::new() };
        let mut maps = BTreeMap::new();
        for (line, focus) in wanted {
            let Some(span) = index.line_span(line) else { continue };
            // The empty line behind the last newline says nothing.
            if span.is_empty() && line == last_line && focus.is_none() {
                continue;
            }
            excerpt.lines.push(Line { number: line as usize, start: excerpt.text.len() });
            maps.insert(line, excerpt.push_line(text, span, focus.unwrap_or(span.start), hidden));
        }
        let spans: Vec<Span> = places
            .iter()
            .map(|place| {
                let (first, last) = (index.line(place.start), last_shown_line(index, *place));
                let start = maps.get(&first).map_or(0, |map: &LineMap| map.shown(place.start));
                let end = maps.get(&last).map_or(start, |map| map.shown(place.end));
                Span::new(start, end)
            })
            .collect();
        for (place, span) in places.iter().zip(&spans) {
            let (line, column) = line_and_character(text, index, place.start);
            excerpt.places.push((span.start as usize, line, column));
        }
        (excerpt, spans)
    }

    /// Appends the line at `span`, cut around `focus`, and tells where its bytes went.
    fn push_line(&mut self, text: &str, span: Span, focus: u32, hidden: &[Span]) -> LineMap {
        let whole = text.get(span.range()).unwrap_or("").trim_end_matches(['\n', '\r']);
        let end = span.start + whole.len() as u32;
        let mut from = focus.min(end).saturating_sub(BEFORE).max(span.start);
        if from - span.start < 8 {
            from = span.start;
        }
        let mut to = from.saturating_add(BEFORE + BEHIND).min(end);
        if end - to < 8 {
            to = end;
        }
        while !text.is_char_boundary(from as usize) {
            from -= 1;
        }
        while !text.is_char_boundary(to as usize) {
            to += 1;
        }
        if from > span.start {
            self.text.push('…');
        }
        let mut map = LineMap { end: to, points: Vec::new(), shown_end: 0 };
        let on_line = |span: &&Span| span.start < to && from < span.end;
        let hidden: Vec<Span> = hidden.iter().filter(on_line).copied().collect();
        let mut exact = None;
        let mut starred = None;
        for (at, c) in text.get(from as usize..to as usize).unwrap_or("").char_indices() {
            let (at, shown) = (from + at as u32, self.text.len() as u32);
            // A point only where the distance changes keeps the map of a plain line at one entry.
            if exact != Some(shown.wrapping_sub(at)) {
                exact = Some(shown.wrapping_sub(at));
                map.points.push((at, shown));
            }
            match hidden.iter().find(|span| span.contains_offset(at)) {
                Some(span) if starred == Some(*span) => {}
                Some(span) => {
                    starred = Some(*span);
                    self.text.push_str(STARS);
                }
                None => self.text.push(shown_as(c)),
            }
        }
        map.shown_end = self.text.len() as u32;
        if to < end {
            self.text.push('…');
        }
        self.text.push('\n');
        map
    }
}

/// Where the bytes of a line went in the excerpt.
struct LineMap {
    end: u32,
    points: Vec<(u32, u32)>,
    shown_end: u32,
}

impl LineMap {
    fn shown(&self, offset: u32) -> u32 {
        if offset >= self.end {
            return self.shown_end;
        }
        match self.points.partition_point(|(at, _)| *at <= offset).checked_sub(1) {
            Some(before) => {
                let (at, shown) = self.points[before];
                let next = self.points.get(before + 1).map_or(self.shown_end, |(_, shown)| *shown);
                (shown + (offset - at)).min(next)
            }
            None => self.points.first().map_or(self.shown_end, |(_, shown)| *shown),
        }
    }
}

/// Line and column in characters, both from 0; far out on a huge line the column is in bytes, which costs nothing.
fn line_and_character(text: &str, index: &LineIndex, offset: u32) -> (usize, usize) {
    let LineColumn { line, column } = index.byte_column(offset);
    let bytes = column as usize - 1;
    let before = (offset as usize).checked_sub(bytes).and_then(|start| text.get(start..offset as usize));
    let column = before.filter(|_| bytes < 1 << 16).map_or(bytes, |before| before.chars().count());
    (line as usize - 1, column)
}

fn last_shown_line(index: &LineIndex, place: Span) -> u32 {
    let first = index.line(place.start);
    let last = if place.is_empty() { first } else { index.line(place.end - 1) };
    last.min(first + MOST_LINES - 1)
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let at = |offset: usize| self.lines.partition_point(|line| line.start <= offset).checked_sub(1);
        let end = (span.offset() + span.len()).saturating_sub(1).max(span.offset());
        let (Some(first), Some(last)) = (at(span.offset()), at(end)) else { return Err(MietteError::OutOfBounds) };
        let follows = |a: &Line, b: &Line| a.number + 1 == b.number;
        if !self.lines[first..=last].windows(2).all(|pair| follows(&pair[0], &pair[1])) {
            return Err(MietteError::OutOfBounds);
        }
        let (mut from, mut to) = (first, last);
        while from > 0 && first - from < before && follows(&self.lines[from - 1], &self.lines[from]) {
            from -= 1;
        }
        while to + 1 < self.lines.len() && to - last < after && follows(&self.lines[to], &self.lines[to + 1]) {
            to += 1;
        }
        let start = self.lines[from].start;
        let end = self.lines.get(to + 1).map_or(self.text.len(), |line| line.start);
        // Without context, miette asks for the line and column to name in the heading.
        let named = self.places.iter().find(|(start, ..)| before == 0 && *start == span.offset());
        let (line, column) = named.map_or((self.lines[from].number, 0), |(_, line, column)| (*line, *column));
        let contents = MietteSpanContents::new_named(
            self.name.clone(),
            &self.text.as_bytes()[start..end],
            SourceSpan::new(start.into(), end - start),
            line,
            column,
            to - from + 1,
        );
        Ok(Box::new(contents))
    }
}

/// The text with whatever would act on a terminal replaced.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c == '\n' || shown_as(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if c == '\n' { c } else { shown_as(c) }).collect())
}

/// The character that stands for `c`: control characters by their pictures, bytes that aren't UTF-8 (U+001A in our texts)
/// and characters that turn the direction of text by U+FFFD.
fn shown_as(c: char) -> char {
    match c {
        '\t' => c,
        '\u{1a}' | '\u{80}'..='\u{9f}' => '\u{fffd}',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => '\u{fffd}',
        '\u{7f}' => '\u{2421}',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{feff}' => '\u{fffd}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, places: &[Span]) -> (Excerpt, Vec<Span>) {
        Excerpt::new("Dockerfile", text, &LineIndex::new(text), places, &[])
    }

    #[test]
    fn lines_keep_their_numbers_and_places_their_text() {
        let text = "a\nb\nRUN curl\nd\ne\nf\nUSER root\n";
        let (excerpt, spans) = excerpt(text, &[Span::new(8, 12), Span::new(24, 28)]);
        assert_eq!(excerpt.text, "b\nRUN curl\nd\nf\nUSER root\n");
        assert_eq!(spans.iter().map(|span| &excerpt.text[span.range()]).collect::<Vec<_>>(), ["curl", "root"]);
        let contents = excerpt.read_span(&SourceSpan::new(6.into(), 4), 1, 1).expect("lines 2 to 4");
        assert_eq!((contents.line(), contents.data()), (1, b"b\nRUN curl\nd\n".as_slice()));
        assert!(excerpt.read_span(&SourceSpan::new(6.into(), 15), 1, 1).is_err(), "lines in between are missing");
    }

    #[test]
    fn hidden_bytes_are_not_shown_and_places_stay_right() {
        let text = "ENV TOKEN=hunter2é PORT=1\n";
        let (token, port) = (Span::new(10, 19), Span::new(20, 24));
        let (excerpt, spans) = Excerpt::new("-", text, &LineIndex::new(text), &[port, token], &[token]);
        assert_eq!(excerpt.text, "ENV TOKEN=*** PORT=1\n");
        assert_eq!(spans.iter().map(|span| &excerpt.text[span.range()]).collect::<Vec<_>>(), ["PORT", "***"]);
    }

    #[test]
    fn long_lines_are_cut_around_the_place_and_controls_shown() {
        let text = format!("RUN {}\u{1b}[31mevil {}", "x".repeat(5000), "y".repeat(5000));
        let (excerpt, spans) = excerpt(&text, &[Span::new(5009, 5013)]);
        assert!(excerpt.text.len() < 300, "{}", excerpt.text);
        assert_eq!(&excerpt.text[spans[0].range()], "evil");
        assert!(excerpt.text.contains("\u{241b}[31mevil"), "{}", excerpt.text);
        assert_eq!(excerpt.places[0].1..=excerpt.places[0].2, 0..=5009);
    }
}
