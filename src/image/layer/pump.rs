//! The first half of the pipeline: reads a blob, hashes it as stored, and unpacks it into buffers that go round between the
//! two halves, so that memory stays the same however long the blob is.

use std::io::{ErrorKind, Read};
use std::sync::mpsc::{Receiver, SyncSender};

use sha2::{Digest, Sha256, Sha512};

use super::LayerRequest;
use super::inflate::{Step, Unpacker};
use crate::image::{Error, Limits};

/// Bytes of a buffer, and how many go round.
const BUFFER: usize = 128 << 10;
pub(super) const BUFFERS: usize = 6;

/// Bytes unpacked before the ratio counts: small archives of zeros are common.
const RATIO_FREE: u64 = 16 << 20;

/// Unpacked bytes on their way to the second half.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    length: usize,
    /// Whether they are to be walked, or hashed only.
    pub(super) walk: bool,
}

/// How the blob ended.
pub(super) struct Pumped {
    /// Whether the blob was unpacked to its end.
    pub(super) whole: bool,
    /// A bound that was met, in the present tense.
    pub(super) limit: Option<String>,
    /// What is wrong with the compressed stream, in the present tense.
    pub(super) broken: Option<String>,
    /// Whether the digest is still to be compared, since the blob is the archive itself.
    pub(super) unchecked: bool,
}

impl Buffer {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The digest that a blob should have.
enum Check<'a> {
    None,
    Sha256(Sha256, &'a str),
    Sha512(Sha512, &'a str),
}

/// Where unpacked bytes go.
struct Outlet {
    full: SyncSender<Buffer>,
    free: Receiver<Buffer>,
    made: usize,
    current: Option<Buffer>,
}

/// Reads a blob to its end.
///
/// # Errors
/// A blob that can't be read, or whose size or digest is not as asked.
pub(super) fn pump(
    mut blob: impl Read,
    request: &LayerRequest<'_>,
    full: SyncSender<Buffer>,
    free: Receiver<Buffer>,
) -> Result<Pumped, Error> {
    let mut source = Source { check: Check::new(request)?, total: 0, request };
    let mut outlet = Outlet { full, free, made: 0, current: None };
    let mut start = [0; 6];
    let length = fill(&mut blob, &mut start, request)?;
    let mut pumped = Pumped { whole: true, limit: None, broken: None, unchecked: false };
    let mut unpacker = Unpacker::choose(&start[..length]).map_err(|compression| {
        let problem = format!("it is compressed with {compression}, which engines don't agree to read");
        Error::new(request.place, problem, "compress it with gzip or zstd")
    })?;
    let mut blob = start[..length].chain(blob);
    if matches!(unpacker, Unpacker::Plain) {
        // One hash serves both sides.
        if matches!(source.check, Check::Sha256(..)) {
            source.check = Check::None;
            pumped.unchecked = true;
        }
        pass_plain(&mut blob, &mut source, &mut outlet, &mut pumped)?;
    } else {
        unpack(&mut blob, &mut source, &mut outlet, &mut pumped, &mut unpacker)?;
        if pumped.whole && unpacker.is_cut() {
            pumped.whole = false;
            pumped.broken = Some("the compressed stream ends in the middle".to_owned());
        } else if pumped.whole && unpacker.has_garbage() {
            pumped.broken = Some("bytes follow the compressed stream that are no part of it".to_owned());
        }
    }
    outlet.send();
    source.end()?;
    Ok(pumped)
}

fn pass_plain(
    blob: &mut impl Read,
    source: &mut Source<'_>,
    outlet: &mut Outlet,
    pumped: &mut Pumped,
) -> Result<(), Error> {
    loop {
        let Some(buffer) = outlet.buffer() else { return Ok(()) };
        let length = fill(blob, &mut buffer.bytes, source.request)?;
        if length == 0 {
            return Ok(());
        }
        buffer.length = length;
        source.take(&buffer.bytes[..length])?;
        if pumped.limit.is_none() && source.total > source.request.limits.layer_bytes {
            pumped.limit = Some(too_long(source.request.limits));
        }
        buffer.walk = pumped.limit.is_none();
        outlet.send();
    }
}

fn unpack(
    blob: &mut impl Read,
    source: &mut Source<'_>,
    outlet: &mut Outlet,
    pumped: &mut Pumped,
    unpacker: &mut Unpacker,
) -> Result<(), Error> {
    let limits = source.request.limits;
    let mut input = vec![0; BUFFER];
    let mut made = 0;
    loop {
        let length = read(blob, &mut input, source.request)?;
        if length == 0 {
            return Ok(());
        }
        source.take(&input[..length])?;
        let mut rest = &input[..length];
        // What isn't unpacked any more is still read, for the digest.
        while pumped.whole {
            let Some(buffer) = outlet.buffer() else { return Ok(()) };
            match unpacker.step(rest, &mut buffer.bytes[buffer.length..]) {
                Ok(Step { taken: 0, made: 0 }) => break,
                Ok(step) => {
                    rest = &rest[step.taken..];
                    buffer.length += step.made;
                    made += step.made as u64;
                }
                Err(broken) => {
                    pumped.broken = Some(broken);
                    pumped.whole = false;
                }
            }
            if buffer.length == buffer.bytes.len() {
                outlet.send();
            }
            if made > limits.layer_bytes {
                pumped.limit = Some(too_long(limits));
                pumped.whole = false;
            } else if made > RATIO_FREE && made / limits.ratio.max(1) > source.total - rest.len() as u64 {
                let detail = format!("it unpacks to more than {} times its size", limits.ratio);
                pumped.limit = Some(detail);
                pumped.whole = false;
            }
        }
    }
}

fn too_long(limits: &Limits) -> String {
    format!("it unpacks to more than {} bytes", limits.layer_bytes)
}

/// The blob as stored: its length so far and its digest.
struct Source<'a> {
    check: Check<'a>,
    total: u64,
    request: &'a LayerRequest<'a>,
}

impl Source<'_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.total += bytes.len() as u64;
        match self.request.size {
            Some(size) if self.total > size => Err(self.wrong_size("more")),
            None if self.total > self.request.limits.layer_bytes => {
                let problem = format!("it is longer than {} bytes", self.request.limits.layer_bytes);
                Err(Error::new(self.request.place, problem, "raise the bound on a layer's bytes if you trust it"))
            }
            _ => {
                self.check.update(bytes);
                Ok(())
            }
        }
    }

    fn end(self) -> Result<(), Error> {
        if self.request.size.is_some_and(|size| self.total < size) {
            return Err(self.wrong_size("fewer"));
        }
        let (found, wanted) = match self.check {
            Check::None => return Ok(()),
            Check::Sha256(hash, wanted) => (hex(&hash.finalize()), wanted),
            Check::Sha512(hash, wanted) => (hex(&hash.finalize()), wanted),
        };
        compare(self.request, &found, wanted)
    }

    fn wrong_size(&self, which: &str) -> Error {
        let size = self.request.size.unwrap_or_default();
        let problem = format!("it has {which} than the {size} bytes that its descriptor says");
        Error::new(self.request.place, problem, "fetch the image again, or ask who built it")
    }
}

/// Compares a digest in hexadecimal with the one that was asked for.
///
/// # Errors
/// Another digest.
pub(super) fn compare(request: &LayerRequest<'_>, found: &str, wanted: &str) -> Result<(), Error> {
    if found == wanted {
        return Ok(());
    }
    let problem = format!("its digest is {found}, not {wanted}");
    Err(Error::new(request.place, problem, "fetch the image again, or ask who built it"))
}

impl<'a> Check<'a> {
    fn new(request: &LayerRequest<'a>) -> Result<Self, Error> {
        let Some(digest) = request.digest else { return Ok(Self::None) };
        let hexadecimal = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        match digest.split_once(':') {
            Some(("sha256", text)) if hexadecimal(text, 64) => Ok(Self::Sha256(Sha256::new(), text)),
            Some(("sha512", text)) if hexadecimal(text, 128) => Ok(Self::Sha512(Sha512::new(), text)),
            _ => Err(Error::new(
                request.place,
                format!("`{}` is no sha256 or sha512 digest", super::names::shown(digest)),
                "ask for it by a digest that can be checked",
            )),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Sha256(hash, _) => hash.update(bytes),
            Self::Sha512(hash, _) => hash.update(bytes),
        }
    }
}

impl Outlet {
    /// The buffer that is being filled; `None` where nobody takes buffers any more.
    fn buffer(&mut self) -> Option<&mut Buffer> {
        if self.current.is_none() {
            let buffer = match self.free.try_recv() {
                Ok(buffer) => buffer,
                Err(_) if self.made < BUFFERS => {
                    self.made += 1;
                    Buffer { bytes: vec![0; BUFFER], length: 0, walk: true }
                }
                Err(_) => self.free.recv().ok()?,
            };
            self.current = Some(Buffer { length: 0, walk: true, ..buffer });
        }
        self.current.as_mut()
    }

    fn send(&mut self) {
        if let Some(buffer) = self.current.take().filter(|buffer| buffer.length > 0) {
            // Nobody there means that the other half has failed, which is told there.
            let _ = self.full.send(buffer);
        }
    }
}

/// Fills a buffer as far as the blob reaches.
fn fill(blob: &mut impl Read, buffer: &mut [u8], request: &LayerRequest<'_>) -> Result<usize, Error> {
    let mut length = 0;
    while length < buffer.len() {
        match read(blob, &mut buffer[length..], request)? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

fn read(blob: &mut impl Read, buffer: &mut [u8], request: &LayerRequest<'_>) -> Result<usize, Error> {
    loop {
        match blob.read(buffer) {
            Ok(length) => return Ok(length),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::new(request.place, error.to_string(), "see that it can be read whole")),
        }
    }
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |number: u8| char::from(DIGITS[usize::from(number)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
