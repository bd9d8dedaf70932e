//! The members of an archive that holds an image: the outer tar of `docker save` and `skopeo copy`, not that of a layer.
//! Read forward, header by header, by the same rules as a layer; what isn't asked for is passed over.

use std::fs::File;
use std::io::{self, BufReader, Read};

use crate::image::Error;
use crate::image::layer::{BLOCK, Front, Header};

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
        let mut front = Front::default();
        loop {
            let Some(block) = self.header()? else { return Ok(None) };
            let header = Header::read(&block).ok_or_else(|| self.broken("a header's checksum is wrong"))?;
            let size = header.size().ok().and_then(|size| u64::try_from(size).ok());
            let size = size.ok_or_else(|| self.broken("a member's size is no number"))?;
            let flag = header.flag();
            if Front::is(flag) {
                let text = self.extension(size)?;
                // What readers of layers would be told of matters here only where it changes what is read.
                let added = front.add(flag, &text, &mut drop);
                added.map_err(|_| self.broken("an extended header has a broken record"))?;
                continue;
            }
            let (long, is_sparse) = front.pax.as_ref().map_or((None, false), |pax| (pax.size, pax.sparse));
            let written = front.name(header);
            // An old regular file whose name ends with a slash is a folder.
            let is_folder = flag == b'5' || flag == 0 && written.ends_with(b"/");
            let has_content = !is_folder && !matches!(flag, b'1'..=b'6');
            self.enter(if has_content { long.unwrap_or(size) } else { 0 })?;
            let name = clean(&String::from_utf8_lossy(&written), "");
            let link = front.link(header);
            let link = String::from_utf8_lossy(&link);
            let kind = match flag {
                // Its content is not what stands there, and no tool writes such an image.
                _ if is_sparse || is_folder => MemberKind::Other,
                b'0' | 0 | b'7' => MemberKind::File,
                b'1' => MemberKind::Link(clean(&link, "")),
                b'2' => {
                    let folder =
                        name.as_deref().and_then(|name| name.rsplit_once('/')).map_or("", |(folder, _)| folder);
                    MemberKind::Link(clean(&link, folder))
                }
                _ => MemberKind::Other,
            };
            return Ok(Some(Member { name, kind, size: self.left, at: self.at }));
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
        if filled < BLOCK || Header::read(&block).is_none() {
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

fn no_archive(start: &[u8]) -> &'static str {
    match start {
        [] => "it is empty",
        [0xfd, b'7', b'z', ..] => "it is compressed with xz, which images are not; decompress it",
        [b'B', b'Z', b'h', ..] => "it is compressed with bzip2, which images are not; decompress it",
        _ => "it is no tar archive",
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn paths_stay_inside() {
        let clean = |path: &str, folder: &str| clean(path, folder);
        assert_eq!(clean("./blobs//sha256/x", "").as_deref(), Some("blobs/sha256/x"));
        assert_eq!(clean("../b/layer.tar", "a").as_deref(), Some("b/layer.tar"));
        assert_eq!(clean("/b", "a").as_deref(), Some("b"));
        assert_eq!(clean("../../b", "a"), None);
        assert_eq!(clean("./", ""), None);
    }
}
