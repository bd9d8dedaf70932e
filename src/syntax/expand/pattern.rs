//! The patterns of `${x#…}`, `${x%…}` and `${x/…/…}`: `*`, `?` and characters, without brackets.
//!
//! BuildKit turns them into Go regular expressions, whose `.` does not match a newline; so neither `*` nor `?` does here.
//! Matching keeps, for every place in the pattern, the leftmost start that can lead there, so it takes time in the order
//! of the value's length times the pattern's, whatever they are.

use std::ops::Range;

/// A pattern.
pub(super) struct Pattern {
    tokens: Vec<Token>,
}

#[derive(Clone, Copy, PartialEq)]
enum Token {
    /// `*`.
    Many,
    /// `?`.
    One,
    Character(char),
}

/// How much to take of what could match from the leftmost start.
#[derive(Clone, Copy, PartialEq)]
enum Take {
    Shortest,
    Longest,
}

impl Pattern {
    /// Reads a pattern; `\` stands in front of `*`, `?`, `\`, and of `}` and `/`, which braces make necessary. The error
    /// is the rest of a sentence that starts with the pattern.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = Vec::with_capacity(text.len());
        let mut characters = text.chars();
        while let Some(c) = characters.next() {
            tokens.push(match c {
                '*' => Token::Many,
                '?' => Token::One,
                '\\' => match characters.next() {
                    Some(c @ ('*' | '?' | '\\' | '}' | '/')) => Token::Character(c),
                    Some(c) => return Err(format!("has `\\` in front of `{c}`, which needs no escape")),
                    None => return Err("ends with a `\\` that escapes nothing".to_owned()),
                },
                c => Token::Character(c),
            });
        }
        Ok(Self { tokens })
    }

    /// How many tokens there are, for estimates of cost.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Length in bytes of the shortest or longest match at the start of the value; 0 if there is none.
    pub(super) fn prefix(&self, value: &str, longest: bool) -> usize {
        let take = if longest { Take::Longest } else { Take::Shortest };
        search(&self.tokens, value.char_indices(), value.len(), 0, true, take).0.map_or(0, |found| found.end)
    }

    /// Length in bytes of the shortest or longest match at the end of the value; 0 if there is none.
    pub(super) fn suffix(&self, value: &str, longest: bool) -> usize {
        let take = if longest { Take::Longest } else { Take::Shortest };
        let backwards: Vec<Token> = self.tokens.iter().rev().copied().collect();
        let characters = value.char_indices().rev().map(|(at, c)| (value.len() - at - c.len_utf8(), c));
        search(&backwards, characters, value.len(), 0, true, take).0.map_or(0, |found| found.end)
    }

    /// The leftmost match from a byte offset on, the longest of those there, and how many bytes were looked at. Gives up
    /// after `room` bytes.
    pub(super) fn find(&self, value: &str, from: usize, room: usize) -> (Option<Range<usize>>, usize) {
        let characters = value[from..].char_indices().map(|(at, c)| (from + at, c));
        let characters = characters.take_while(move |(at, _)| at - from <= room);
        search(&self.tokens, characters, value.len(), from, false, Take::Longest)
    }
}

/// Runs the pattern over characters with their offsets (ascending from `from`; `end` is past the last).
fn search(
    tokens: &[Token],
    characters: impl Iterator<Item = (usize, char)>,
    end: usize,
    from: usize,
    anchored: bool,
    take: Take,
) -> (Option<Range<usize>>, usize) {
    // starts[i] is the leftmost start of a match that has come to tokens[i].
    let mut starts: Vec<Option<usize>> = vec![None; tokens.len() + 1];
    let mut next = starts.clone();
    let mut best: Option<Range<usize>> = None;
    for (at, c) in characters.map(|(at, c)| (at, Some(c))).chain([(end, None)]) {
        if best.is_none() && (!anchored || at == from) {
            starts[0] = starts[0].or(Some(at));
        }
        let mut alive = false;
        next.fill(None);
        for index in 0..tokens.len() {
            let Some(start) = starts[index] else { continue };
            let leads = |slot: &mut Option<usize>| *slot = Some(slot.map_or(start, |other| other.min(start)));
            let (goes_on, to) = match tokens[index] {
                Token::Many => {
                    leads(&mut starts[index + 1]);
                    (c.is_some_and(|c| c != '\n'), index)
                }
                Token::One => (c.is_some_and(|c| c != '\n'), index + 1),
                Token::Character(wanted) => (c == Some(wanted), index + 1),
            };
            if goes_on {
                leads(&mut next[to]);
                alive = true;
            }
        }
        if let Some(start) = starts[tokens.len()]
            && best.as_ref().is_none_or(|best| start <= best.start)
        {
            best = Some(start..at);
            if take == Take::Shortest {
                return (best, at - from);
            }
        }
        if let Some(best) = &best {
            next.iter_mut().for_each(|slot| *slot = slot.filter(|start| *start <= best.start));
            alive = next.iter().any(Option::is_some);
        }
        std::mem::swap(&mut starts, &mut next);
        if !alive && (anchored || best.is_some()) {
            return (best, at - from);
        }
    }
    (best, end - from)
}

/// Writes a replacement for `//`, in which BuildKit, going through Go's `Regexp.ReplaceAllString`, reads `$0` as the
/// match, `$$` as `$`, and any other `$name` or `${name}` as nothing.
pub(super) fn fill(template: &str, matched: &str, out: &mut String) {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = template;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let braced = rest.strip_prefix('{');
        let inner = braced.unwrap_or(rest);
        let length = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
        let closed = braced.is_none() || inner[length..].starts_with('}');
        if length == 0 || !closed {
            out.push('$');
            continue;
        }
        if inner[..length].bytes().all(|digit| digit == b'0') && length == 1 {
            out.push_str(matched);
        }
        rest = &inner[length + usize::from(braced.is_some())..];
    }
    out.push_str(rest);
}
