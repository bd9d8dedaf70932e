//! The members of an archive that holds an image: the outer tar of `docker save` and `skopeo copy`, not that of a layer.
//! Read forward, header by header (POSIX.1-2001 ustar and pax, GNU long names); what isn't asked for is passed over.

use std::fs::File;
use std::io::{self, BufReader, Read};

use crate::image::Error;

/// A member of an archive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Member {
    /// Its path from the archive's root, cleaned of `./`; `None` where it leads out or is the root itself.
    pub(super) name: Option<String>,
    /// What it is.
    pub(super) kind: MemberKind,
    /// Bytes of its content.
    pub(super) size: u64,
    /// Byte offset of its content in the archive.
    pub(super) at: u64,
}

/// What matters of a member's type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum MemberKind {
    /// A regular file.
    File,
    /// A symbolic or hard link to another member, whose cleaned path this is; `None` where it leads out.
    Link(Option<String>),
    /// Anything else.
    Other,
}

/// A reader that can pass over bytes.
pub(super) trait Skip: Read {
    /// Passes over `bytes` bytes. May pass over the end unseen.
    fn skip(&mut self, bytes: u64) -> io::Result<()>;
}

impl Skip for BufReader<File> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let bytes = i64::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.seek_relative(bytes)
    }
}

/// A reader that passes over bytes by reading them.
pub(super) struct Forward<R>(pub(super) R);

impl<R: Read> Read for Forward<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Skip for Forward<R> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.0.by_ref().take(bytes), &mut io::sink())?;
        if passed == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// The members of an archive, first to last.
pub(super) struct Members<'a, R> {
    reader: R,
    place: &'a str,
    /// Bytes passed so far.
    at: u64,
    /// Bytes of the current member's content that weren't read.
    left: u64,
    /// Bytes that fill up the current member's last block.
    padding: u64,
    /// Members so far.
    count: u32,
}

const BLOCK: usize = 512;

/// Members of one archive. The largest image has a few thousand: three a layer in the old form.
const MEMBERS: u32 = 1 << 18;

/// Bytes of an extended header or a long name. Real ones have some hundred.
const EXTENSION_BYTES: u64 = 1 << 20;

impl<'a, R: Skip> Members<'a, R> {
    /// The members of the archive that `reader` stands at the start of. `place` is for errors.
    pub(super) fn new(reader: R, place: &'a str) -> Self {
        Self { reader, place, at: 0, left: 0, padding: 0, count: 0 }
    }

    /// The next member; what wasn't read of the one before is passed over. `None` at the end.
    ///
    /// # Errors
    /// What is no archive, or one that ends in the middle.
    pub(super) fn next(&mut self) -> Result<Option<Member>, Error> {
        let (mut long_name, mut long_link, mut long_size) = (None, None, None);
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            let size = number(&header[124..136]).ok_or_else(|| self.broken("a member's size is no number"))?;
            let kind = header[156];
            match kind {
                b'L' => long_name = Some(trimmed(&self.extension(size)?).to_vec()),
                b'K' => long_link = Some(trimmed(&self.extension(size)?).to_vec()),
                b'x' | b'g' => {
                    let bytes = self.extension(size)?;
                    let mut records = Records(&bytes);
                    for (key, value) in records.by_ref() {
                        match key {
                            b"path" => long_name = Some(value.to_vec()),
                            b"linkpath" => long_link = Some(value.to_vec()),
                            b"size" => {
                                let text = std::str::from_utf8(value).ok();
                                let size = text.and_then(|text| text.parse::<u64>().ok());
                                long_size = Some(size.ok_or_else(|| self.broken("a member's size is no number"))?);
                            }
                            _ => {}
                        }
                    }
                    if !records.0.is_empty() {
                        return Err(self.broken("an extended header has a broken record"));
                    }
                }
                _ => {
                    let has_content = !matches!(kind, b'1'..=b'6');
                    let size = if has_content { long_size.unwrap_or(size) } else { 0 };
                    self.enter(size)?;
                    let name = long_name.unwrap_or_else(|| ustar_name(&header));
                    let name = clean(&String::from_utf8_lossy(&name), "");
                    let link = long_link.unwrap_or_else(|| trimmed(&header[157..257]).to_vec());
                    let link = String::from_utf8_lossy(&link);
                    let kind = match kind {
                        b'0' | 0 | b'7' => MemberKind::File,
                        b'1' => MemberKind::Link(clean(&link, "")),
                        b'2' => {
                            let folder =
                                name.as_deref().and_then(|name| name.rsplit_once('/')).map_or("", |(folder, _)| folder);
                            MemberKind::Link(clean(&link, folder))
                        }
                        _ => MemberKind::Other,
                    };
                    return Ok(Some(Member { name, kind, size, at: self.at }));
                }
            }
        }
    }

    /// The current member's content.
    pub(super) fn content(&mut self) -> Content<'_, R> {
        Content { reader: &mut self.reader, at: &mut self.at, left: &mut self.left }
    }

    /// The reader, wherever it stands.
    pub(super) fn into_inner(self) -> R {
        self.reader
    }

    /// The next header block. `None` at the end.
    fn header(&mut self) -> Result<Option<[u8; BLOCK]>, Error> {
        let rest = self.left + self.padding;
        self.reader.skip(rest).map_err(|error| self.failed(&error))?;
        self.at += rest;
        (self.left, self.padding) = (0, 0);
        self.count += 1;
        if self.count > MEMBERS {
            return Err(self.broken(&format!("the archive has more than {MEMBERS} members")));
        }
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.reader.read(&mut block[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        // Some writers leave out the blocks of zeros at the end.
        if filled == 0 && self.at > 0 || filled == BLOCK && block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if filled < BLOCK && self.at > 0 {
            return Err(self.failed(&io::ErrorKind::UnexpectedEof.into()));
        }
        if filled < BLOCK || !has_checksum(&block) {
            let problem = if self.at == 0 { no_archive(&block[..filled]) } else { "a header's checksum is wrong" };
            return Err(self.broken(problem));
        }
        self.at += BLOCK as u64;
        Ok(Some(block))
    }

    /// Makes `size` bytes the current content.
    fn enter(&mut self, size: u64) -> Result<(), Error> {
        if size > 1 << 50 {
            return Err(self.broken("a member is said to be larger than any disk"));
        }
        self.left = size;
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
        Ok(())
    }

    /// The content of an extension, whole.
    fn extension(&mut self, size: u64) -> Result<Vec<u8>, Error> {
        if size > EXTENSION_BYTES {
            return Err(self.broken("an extended header or a long name has more than 1 MiB"));
        }
        self.enter(size)?;
        let mut bytes = Vec::new();
        let read = self.content().read_to_end(&mut bytes);
        read.map_err(|error| self.failed(&error))?;
        Ok(bytes)
    }

    /// The error of a read that failed here.
    pub(super) fn failed(&self, error: &io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.broken("the archive ends in the middle"),
            _ => Error::new(self.place, format!("it can't be read on: {error}"), "save or fetch it again"),
        }
    }

    fn broken(&self, problem: &str) -> Error {
        Error::new(self.place, problem, "save the image again, with `docker save` or `skopeo copy`")
    }
}

/// The content of a member. Ends early only with an error.
pub(super) struct Content<'a, R> {
    reader: &'a mut R,
    at: &'a mut u64,
    left: &'a mut u64,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(*self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let read = self.reader.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *self.at += read as u64;
        *self.left -= read as u64;
        Ok(read)
    }
}

/// A path without `.` and empty parts, `..` resolved, from `folder` if it is relative. `None` where it leads out, or is
/// the root.
pub(super) fn clean(path: &str, folder: &str) -> Option<String> {
    let start = if path.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Whether a block's checksum is that of its bytes, as unsigned or, by old writers, as signed numbers.
pub(super) fn has_checksum(block: &[u8]) -> bool {
    let Some(said) = block.get(148..156).and_then(number) else { return false };
    let bytes = block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { b' ' } else { *byte });
    let (unsigned, signed) = bytes.fold((0u64, 0i64), |(unsigned, signed), byte| {
        (unsigned + u64::from(byte), signed + i64::from(byte.cast_signed()))
    });
    said == unsigned || i64::try_from(said) == Ok(signed)
}

fn no_archive(start: &[u8]) -> &'static str {
    match start {
        [] => "it is empty",
        [0xfd, b'7', b'z', ..] => "it is compressed with xz, which images are not; decompress it",
        [b'B', b'Z', b'h', ..] => "it is compressed with bzip2, which images are not; decompress it",
        _ => "it is no tar archive",
    }
}

fn ustar_name(header: &[u8; BLOCK]) -> Vec<u8> {
    let name = trimmed(&header[..100]);
    let prefix = trimmed(&header[345..500]);
    if &header[257..263] == b"ustar\0" && !prefix.is_empty() { [prefix, b"/", name].concat() } else { name.to_vec() }
}

/// Bytes before the first NUL.
fn trimmed(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

/// A numeric field: octal, or base-256 where its first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        let start = (*first == 0x80).then_some(0u64);
        return rest.iter().fold(start, |number, byte| Some(number?.checked_mul(256)? | u64::from(*byte)));
    }
    let text = std::str::from_utf8(trimmed(field)).ok()?.trim_matches(' ');
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// The records of an extended header: `LENGTH KEY=VALUE\n`. What is left when it ends is broken.
struct Records<'a>(&'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let space = memchr::memchr(b' ', &self.0[..self.0.len().min(20)])?;
        let length: usize = std::str::from_utf8(&self.0[..space]).ok()?.parse().ok()?;
        let record = self.0.get(space + 1..length)?.strip_suffix(b"\n")?;
        let equals = memchr::memchr(b'=', record)?;
        self.0 = &self.0[length..];
        Some((&record[..equals], &record[equals + 1..]))
    }
}

#[cfg(test)]
mod tests {
    use super::{clean, number};

    #[test]
    fn paths_stay_inside() {
        let clean = |path: &str, folder: &str| clean(path, folder);
        assert_eq!(clean("./blobs//sha256/x", "").as_deref(), Some("blobs/sha256/x"));
        assert_eq!(clean("../b/layer.tar", "a").as_deref(), Some("b/layer.tar"));
        assert_eq!(clean("/b", "a").as_deref(), Some("b"));
        assert_eq!(clean("../../b", "a"), None);
        assert_eq!(clean("./", ""), None);
    }

    #[test]
    fn numbers_are_octal_or_binary() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(number(b"0000648\0"), None);
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]), Some(0x2_0000_0001));
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 9]), Some(9));
        assert_eq!(number(&[0xff; 12]), None);
        assert_eq!(number(&[0x80, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]), None);
    }
}
