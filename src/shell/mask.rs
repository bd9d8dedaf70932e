//! The text of a body as a shell gets it, at equal length, so that offsets need no map.

use std::borrow::Cow;

use super::{Body, Dialect, GapKind};

/// The text of `body` with what Docker takes out masked, as long as the body itself.
///
/// A comment or blank line between continuation lines becomes blanks, its newline with it. A continuation becomes
/// `\⏎` and then as many blanks as are left of it, which is a continuation to a POSIX shell whatever escape character
/// Docker was told to use; blanks between Docker's backslash and the newline continue the line for Docker, but would
/// not for the shell. The other shells get blanks. A carriage return in front of a newline becomes a blank unless a
/// heredoc's terminator may hold it.
pub(super) fn mask<'a>(body: &Body<'a>, dialect: Dialect) -> Cow<'a, str> {
    let Some(text) = body.file.get(body.span.range()) else { return Cow::Borrowed("") };
    let returns =
        memchr::memchr(b'\r', text.as_bytes()).is_some() && memchr::memmem::find(text.as_bytes(), b"<<").is_none();
    if !returns && body.gaps.iter().all(|gap| is_masked(body.file, gap, dialect)) {
        return Cow::Borrowed(text);
    }
    let mut masked = text.to_owned().into_bytes();
    for gap in body.gaps {
        if !body.span.contains(gap.span) || body.file.get(gap.span.range()).is_none() {
            continue;
        }
        let start = (gap.span.start - body.span.start) as usize;
        let bytes = &mut masked[start..start + gap.span.len() as usize];
        bytes.fill(b' ');
        if dialect == Dialect::Posix && gap.kind == GapKind::Continuation && bytes.len() >= 2 {
            bytes[..2].copy_from_slice(b"\\\n");
        }
    }
    if returns {
        for at in 1..masked.len() {
            if masked[at] == b'\n' && masked[at - 1] == b'\r' {
                masked[at - 1] = b' ';
            }
        }
    }
    // Whole characters were replaced by blanks, so this cannot fail; if it did, the text as it stands is the answer.
    String::from_utf8(masked).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Whether the gap's bytes are already what `mask` would put there.
fn is_masked(file: &str, gap: &super::Gap, dialect: Dialect) -> bool {
    dialect == Dialect::Posix && gap.kind == GapKind::Continuation && file.get(gap.span.range()) == Some("\\\n")
}
