//! Pieces of a script that could not be parsed whole, so that one stray quote or bracket costs one command and not the
//! whole chain.

use crate::shell::Guard;

/// A stretch between two separators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Piece {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) guard: Guard,
    /// Whether a `|` stands in front.
    pub(super) piped: bool,
}

/// Words in front of a command that belong to a compound command whose rest is in other pieces.
const LEADING: [&str; 10] = ["then", "do", "else", "if", "while", "until", "elif", "!", "{", "time"];

/// Cuts a script at `;`, `&`, `|`, brackets, newlines and backticks outside quotes.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece> {
    let bytes = text.as_bytes();
    let stray = [b'\'', b'"'].map(|quote| memchr::memchr_iter(quote, bytes).count() % 2 == 1);
    let mut at = 0;
    let mut guard = Guard::Always;
    let mut piped = false;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let start = at;
            at = end_of_piece(bytes, at, stray);
            let mut piece = Piece { start, end: at, guard, piped };
            (guard, piped) = (Guard::Always, false);
            match bytes.get(at..).unwrap_or_default() {
                [b'&', b'&', ..] => (guard, at) = (Guard::And, at + 2),
                [b'|', b'|', ..] => (guard, at) = (Guard::Or, at + 2),
                [b'|', b'&', ..] => (piped, at) = (true, at + 2),
                [b'|', ..] => (piped, at) = (true, at + 1),
                _ => at += 1,
            }
            trim(text, &mut piece);
            if piece.start < piece.end {
                return Some(piece);
            }
            // Nothing between two separators: what was in front of the first holds for what is behind the second.
            if guard == Guard::Always && !piped {
                (guard, piped) = (piece.guard, piece.piped);
            }
        }
        None
    })
}

/// The offset of the next separator outside quotes, or the end.
fn end_of_piece(bytes: &[u8], mut at: usize, stray: [bool; 2]) -> usize {
    let start = at;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\'' | b'"' => {
                if let Some(closing) = closing_quote(bytes, at, stray[usize::from(byte == b'"')]) {
                    at = closing;
                }
            }
            // `>&2`, `2>&1`, `&>` and `>|` are redirects.
            b'&' if at > start && matches!(bytes[at - 1], b'>' | b'<') => {}
            b'&' if bytes.get(at + 1) == Some(&b'>') => {}
            b'|' if at > start && bytes[at - 1] == b'>' => {}
            b';' | b'&' | b'|' | b'(' | b')' | b'\n' | b'`' => return at,
            b'#' if at == start || matches!(bytes[at - 1], b' ' | b'\t') => {
                // The newline of a comment ends the piece, whatever is in the comment.
                let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end);
                return end.min(bytes.len());
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The offset of the quote that closes the one at `open`. Where a quote of the kind is left over in the text, one that
/// isn't closed on its line is taken for it.
fn closing_quote(bytes: &[u8], open: usize, stray: bool) -> Option<usize> {
    let quote = bytes[open];
    let mut at = open + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => {
                if stray && bytes.get(at + 1) == Some(&b'\n') {
                    return None;
                }
                at += 1;
            }
            b'\n' if stray => return None,
            _ if byte == quote => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Takes blanks, continuations and leading words of compound commands off.
fn trim(text: &str, piece: &mut Piece) {
    loop {
        let Some(rest) = text.get(piece.start..piece.end) else { return };
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
        if blank > 0 {
            piece.start += blank;
        } else if rest.starts_with("\\\n") {
            piece.start += 2;
        } else if let Some(word) = LEADING.iter().find(|word| {
            rest.strip_prefix(**word).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\\']))
        }) {
            piece.start += word.len();
        } else {
            return;
        }
    }
}
