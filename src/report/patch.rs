//! What a fix would change, as removed and added lines.

use crate::text::{Edit, LineIndex, Span, apply};

use super::excerpt::STARS;

/// Text longer than this is not compared; a fix inside a line of 10 MB has no readable difference.
const MOST_BYTES: u32 = 64 << 10;

/// Lines that a fix replaces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    /// Line of the file at which it starts, from 1.
    pub(super) line: u32,
    /// The lines taken out.
    pub(super) removed: Vec<String>,
    /// The lines put in.
    pub(super) added: Vec<String>,
}

/// Stands for a hidden byte while lines are compared; [`shown`] makes stars of it.
const FILLER: &str = "\u{1}";

/// The changes that `edits` make, in order; `None` where they can't be shown. The bytes of `hidden` are shown as stars.
pub(super) fn hunks(text: &str, index: &LineIndex, edits: &[Edit], hidden: &[Span]) -> Option<Vec<Hunk>> {
    let mut ordered: Vec<&Edit> = edits.iter().collect();
    ordered.sort_by_key(|edit| edit.span);
    let mut groups: Vec<(u32, u32, Vec<Edit>)> = Vec::new();
    for edit in ordered {
        let (first, last) = (index.line(edit.span.start), index.line(edit.span.end));
        match groups.last_mut() {
            Some((_, end, group)) if first <= *end => {
                *end = last.max(*end);
                group.push(edit.clone());
            }
            _ => groups.push((first, last, vec![edit.clone()])),
        }
    }
    groups.into_iter().map(|(first, last, edits)| hunk(text, index, (first, last), edits, hidden)).collect()
}

fn hunk(
    text: &str,
    index: &LineIndex,
    (first, last): (u32, u32),
    mut edits: Vec<Edit>,
    hidden: &[Span],
) -> Option<Hunk> {
    let lines = index.line_span(first)?.cover(index.line_span(last)?);
    if lines.len() > MOST_BYTES {
        return None;
    }
    for edit in &mut edits {
        edit.span = Span::new(edit.span.start.checked_sub(lines.start)?, edit.span.end - lines.start);
    }
    let mut old = text.get(lines.range())?.to_owned();
    for span in hidden.iter().filter(|span| !span.is_empty()) {
        let secret = text.get(span.range())?;
        for edit in &mut edits {
            edit.text = edit.text.replace(secret, FILLER);
        }
        if !lines.contains(*span) {
            continue;
        }
        let at = (span.start - lines.start) as usize..(span.end - lines.start) as usize;
        old.replace_range(at, &FILLER.repeat(secret.len()));
    }
    let new = apply(&old, &edits).ok()?;
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let before = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[before..], &new[before..]);
    let behind = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let owned = |lines: &[&str]| lines[..lines.len() - behind].iter().map(|&line| shown(line)).collect();
    Some(Hunk { line: first + 1 + before as u32, removed: owned(old), added: owned(new) })
}

fn shown(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for (index, part) in line.split(FILLER).enumerate() {
        if index > 0 && !shown.ends_with(STARS) {
            shown.push_str(STARS);
        }
        shown.push_str(part);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, edits: &[Edit]) -> Vec<Hunk> {
        hunks(text, &LineIndex::new(text), edits, &[]).expect("edits that fit")
    }

    fn owned(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|&line| line.to_owned()).collect()
    }

    #[test]
    fn only_lines_that_differ_are_in_a_hunk() {
        let text = "FROM a\nUSER root\nCMD x\n";
        let insert = of(text, &[Edit::insert(17, "USER app\n")]);
        assert_eq!(insert, [Hunk { line: 3, removed: Vec::new(), added: owned(&["USER app"]) }]);
        let delete = of(text, &[Edit::delete(Span::new(7, 17))]);
        assert_eq!(delete, [Hunk { line: 2, removed: owned(&["USER root"]), added: Vec::new() }]);
        let two = of(text, &[Edit::replace(Span::new(21, 22), "y"), Edit::insert(6, "@sha256:0")]);
        assert_eq!(
            two,
            [
                Hunk { line: 1, removed: owned(&["FROM a"]), added: owned(&["FROM a@sha256:0"]) },
                Hunk { line: 3, removed: owned(&["CMD x"]), added: owned(&["CMD y"]) },
            ]
        );
        assert_eq!(hunks(text, &LineIndex::new(text), &[Edit::delete(Span::new(3, 99))], &[]), None);
    }

    #[test]
    fn hidden_bytes_are_stars_on_both_sides() {
        let text = "ENV A=b TOKEN=hunter2\n";
        let edits = [Edit::delete(Span::new(3, 7)), Edit::insert(22, "# hunter2\n")];
        let hunks = hunks(text, &LineIndex::new(text), &edits, &[Span::new(14, 21)]).expect("edits that fit");
        let env = Hunk { line: 1, removed: owned(&["ENV A=b TOKEN=***"]), added: owned(&["ENV TOKEN=***"]) };
        assert_eq!(hunks, [env, Hunk { line: 2, removed: Vec::new(), added: owned(&["# ***"]) }]);
    }
}
