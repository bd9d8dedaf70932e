//! Records of a pax extended header (POSIX.1-2001, pax, "Extended header"): `LENGTH KEYWORD=VALUE`, as Go reads them.

use std::collections::HashSet;

/// What the records in front of an entry say of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::image) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(in crate::image) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) modified: Option<i64>,
    /// `SCHILY.xattr.security.capability`.
    pub(super) capability: Option<Vec<u8>>,
    /// Names of the other extended attributes.
    pub(super) attributes: Vec<String>,
    /// Whether the entry is a sparse file in one of GNU's pax forms.
    pub(in crate::image) sparse: bool,
    pub(super) sparse_name: Option<Vec<u8>>,
    pub(super) sparse_size: Option<u64>,
    /// Whether a record is there that readers who apply it understand otherwise than those who don't: anything but
    /// comments and times.
    pub(super) matters: bool,
    /// Whether Go's reader gives up at a record: a broken one, or one with a name or number that can't be.
    pub(super) refused: bool,
}

/// Extended attributes that are remembered by name, for each entry.
const ATTRIBUTES: usize = 64;

/// Bytes kept of a capability: more than any revision has, so that what is longer stays wrong.
const CAPABILITY: usize = 64;

impl Pax {
    /// Reads records. What is wrong with them is told to `odd`, in the present tense; what stands behind a broken record
    /// is left out.
    pub(super) fn read(mut text: &[u8], mut odd: impl FnMut(String)) -> Self {
        let mut pax = Self::default();
        let mut seen: HashSet<&[u8]> = HashSet::new();
        while !text.is_empty() {
            let Some((key, value, rest)) = record(text) else {
                odd("a pax record is broken, and readers skip or refuse what follows it".to_owned());
                pax.refused = true;
                break;
            };
            text = rest;
            if !seen.insert(key) {
                // GNU's oldest sparse form repeats these on purpose.
                if !matches!(key, b"GNU.sparse.offset" | b"GNU.sparse.numbytes") {
                    odd(format!("the pax record `{}` is there twice", shown(key)));
                }
            }
            pax.apply(key, value, &mut odd);
        }
        pax
    }

    fn apply(&mut self, key: &[u8], value: &[u8], odd: &mut impl FnMut(String)) {
        self.matters |= !matches!(key, b"comment" | b"mtime" | b"atime" | b"ctime" | b"charset" | b"hdrcharset")
            && !key.starts_with(b"LIBARCHIVE.creationtime");
        let names = matches!(key, b"path" | b"linkpath" | b"uname" | b"gname" | b"GNU.sparse.name");
        if key.contains(&0) || (names && value.contains(&0)) {
            odd(format!("a NUL stands in the pax record `{}`", shown(key)));
            self.refused = true;
            return;
        }
        if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
            if name == b"security.capability" {
                self.capability = (!value.is_empty()).then(|| value[..value.len().min(CAPABILITY)].to_vec());
            } else if self.attributes.len() < ATTRIBUTES {
                self.attributes.push(shown(name));
            }
            return;
        }
        if key.starts_with(b"GNU.sparse.") {
            self.sparse = true;
        }
        // An empty value takes back what an earlier record said.
        let text = (!value.is_empty()).then(|| value.to_vec());
        let mut refused = false;
        let mut number = |value: &[u8]| {
            let parsed = (!value.is_empty()).then(|| std::str::from_utf8(value).ok()?.parse::<i64>().ok());
            match parsed {
                None => None,
                Some(Some(number)) if number >= 0 => Some(number.cast_unsigned()),
                Some(_) => {
                    odd(format!("the pax record `{}` is no number that fits", shown(key)));
                    // Of the numbers below zero Go takes those of owners.
                    refused = parsed == Some(None) || !matches!(key, b"uid" | b"gid");
                    None
                }
            }
        };
        match key {
            b"path" => self.path = text,
            b"linkpath" => self.link = text,
            b"GNU.sparse.name" => self.sparse_name = text,
            b"size" => self.size = number(value),
            b"uid" => self.uid = number(value),
            b"gid" => self.gid = number(value),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse_size = number(value),
            b"mtime" => self.modified = seconds(value),
            _ => {}
        }
        self.refused |= refused;
    }
}

/// The first record: its keyword, its value, and what follows.
fn record(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = memchr::memchr(b' ', &text[..text.len().min(21)])?;
    let digits = &text[..space];
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    if length <= space + 1 || length > text.len() {
        return None;
    }
    let (record, rest) = text.split_at(length);
    let record = record[space + 1..].strip_suffix(b"\n")?;
    let equals = memchr::memchr(b'=', record).filter(|equals| *equals > 0)?;
    Some((&record[..equals], &record[equals + 1..], rest))
}

/// Whole seconds of `1700000000.25` or `-1.5`, rounded down.
fn seconds(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let below = whole.starts_with('-') && part.bytes().any(|digit| digit != b'0');
    Some(seconds.saturating_sub(i64::from(below)))
}

fn shown(key: &[u8]) -> String {
    super::names::shown(&String::from_utf8_lossy(&key[..key.len().min(200)]))
}

#[cfg(test)]
mod tests {
    use super::Pax;

    fn read(text: &[u8]) -> (Pax, Vec<String>) {
        let mut odd = Vec::new();
        let pax = Pax::read(text, |what| odd.push(what));
        (pax, odd)
    }

    #[test]
    fn records_are_read() {
        let (pax, odd) = read(b"12 path=a/b\n22 mtime=1700000000.5\n11 size=12\n10 uid=70\n");
        assert_eq!(odd, [""; 0]);
        assert_eq!(pax.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!((pax.modified, pax.size, pax.uid, pax.matters), (Some(1_700_000_000), Some(12), Some(70), true));
    }

    #[test]
    fn attributes_keep_their_bytes() {
        let (pax, odd) =
            read(b"47 SCHILY.xattr.security.capability=\x01\0\0\x02\0\x20\0\0\0\0\n29 SCHILY.xattr.user.foo=bar\n");
        assert_eq!(pax.capability.as_deref(), Some(&b"\x01\0\0\x02\0\x20\0\0\0\0"[..]), "{odd:?}");
    }

    #[test]
    fn wrong_records_are_said() {
        for text in [
            &b"12 path=a/c"[..],
            b"99 path=a\n",
            b"0 \n",
            b"xx path=a\n",
            b"8 =abcd\n",
            b"18446744073709551616 path=a\n",
            b"10 path=a\0\n",
            b"11 size=-1\n",
            b"30 size=99999999999999999999\n",
            b"10 path=aa10 path=bb",
            b"10 path=a\n\n10 path=b\n\n",
        ] {
            assert!(!read(text).1.is_empty(), "{text:?}");
        }
        let (_, odd) = read(b"10 path=aa\n");
        assert_eq!(odd.len(), 1);
        let (pax, odd) = read(b"9 path=a\n9 path=b\n");
        assert_eq!((pax.path.as_deref(), odd.len()), (Some(&b"b"[..]), 1));
    }
}
