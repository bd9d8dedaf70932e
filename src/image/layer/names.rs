//! Names of an archive's entries: from bytes that may be anything to an absolute, clean path.

/// What was done to a name to make it a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Cleaned {
    /// It starts with a slash.
    pub(super) absolute: bool,
    /// `..` stands in it.
    pub(super) climbs: bool,
    /// Its `..` lead out of the root; the path is only what is left of it.
    pub(super) escapes: bool,
    /// It ends in a slash.
    pub(super) slash: bool,
    /// Bytes in it are no UTF-8.
    pub(super) invalid: bool,
    /// Control or bidirectional characters are in it, or characters that invalid bytes are mapped to.
    pub(super) deceives: bool,
    /// A part of it is longer than the 255 bytes that Linux allows.
    pub(super) long_part: bool,
}

/// Writes the absolute path that a name means into `path`: `./a//b/` is `/a/b`. Like the engines, `..` takes back the part
/// before it, and one that leads out of the root is only counted. The root itself is the empty text.
pub(super) fn clean(name: &[u8], path: &mut String) -> Cleaned {
    path.clear();
    let mut cleaned =
        Cleaned { absolute: name.first() == Some(&b'/'), slash: name.last() == Some(&b'/'), ..Cleaned::default() };
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                cleaned.climbs = true;
                match path.rfind('/') {
                    Some(at) => path.truncate(at),
                    None => cleaned.escapes = true,
                }
            }
            _ => {
                cleaned.long_part |= part.len() > 255;
                path.push('/');
                push(part, path, &mut cleaned);
            }
        }
    }
    cleaned
}

/// Adds bytes as text; those that are no UTF-8 become U+F780 and above.
pub(super) fn push(mut bytes: &[u8], text: &mut String, cleaned: &mut Cleaned) {
    if bytes.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        text.extend(bytes.iter().map(|byte| char::from(*byte)));
        return;
    }
    while !bytes.is_empty() {
        let (valid, rest) = match std::str::from_utf8(bytes) {
            Ok(valid) => (valid, &b""[..]),
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                (std::str::from_utf8(valid).unwrap_or_default(), rest)
            }
        };
        text.push_str(valid);
        cleaned.deceives |= valid.chars().any(deceives);
        let Some((first, rest)) = rest.split_first() else { break };
        cleaned.invalid = true;
        text.extend(char::from_u32(0xf700 + u32::from(*first)));
        bytes = rest;
    }
}

/// A name as a message shows it: without characters that a terminal would act on, and not too long.
pub(super) fn shown(name: &str) -> String {
    let mut shown: String =
        name.chars().take(300).map(|c| if deceives(c) { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if name.chars().nth(300).is_some() {
        shown.push('…');
    }
    shown
}

/// Control characters, marks that turn the direction of text (Unicode TR 9), and what invalid bytes are mapped to.
fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}'
                | '\u{2029}' | '\u{feff}' | '\u{f780}'..='\u{f7ff}'
        )
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn names_become_absolute_paths() {
        let path = |name: &[u8]| {
            let mut path = String::new();
            let cleaned = clean(name, &mut path);
            (path, cleaned)
        };
        for (name, wanted) in [
            ("./a//b/", "/a/b"),
            ("a/../b", "/b"),
            ("/a", "/a"),
            (".", ""),
            ("", ""),
            ("a/./b", "/a/b"),
            ("../../a", "/a"),
        ] {
            assert_eq!(path(name.as_bytes()).0, wanted);
        }
        assert!(path(b"../a").1.escapes && path(b"a/../../b").1.escapes && !path(b"a/../b").1.escapes);
        assert!(path(b"/a").1.absolute && path(b"a/").1.slash && path(b"a\x1bb").1.deceives);
        assert_eq!(path(b"caf\xe9").0, "/caf\u{f7e9}");
        assert!(path(b"caf\xe9").1.invalid && !path("café".as_bytes()).1.invalid);
        assert!(path("a\u{202e}b".as_bytes()).1.deceives);
    }
}
