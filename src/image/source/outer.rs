//! The compression around a whole archive: `docker save | gzip`.

use std::io::{self, BufRead, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::docker::is_zstd;

/// Bytes that may come out before the ratio counts.
const FREE: u64 = 16 << 20;

/// What a stream holds, decompressed where it is gzip or zstd. More than `ratio` bytes for each compressed one, beyond the
/// first 16 MiB, are an error.
pub(super) fn plain<'a>(mut stream: impl BufRead + Send + 'a, ratio: u64) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut head = Vec::new();
    stream.by_ref().take(4).read_to_end(&mut head)?;
    let (is_gzip, is_zstd) = (head.starts_with(&[0x1f, 0x8b]), is_zstd(&head));
    let stream = Cursor::new(head).chain(stream);
    if !is_gzip && !is_zstd {
        return Ok(Box::new(stream));
    }
    let packed = Arc::new(AtomicU64::new(0));
    let counted = Counted { reader: stream, count: Arc::clone(&packed) };
    if is_gzip {
        return Ok(Box::new(Unpacked { reader: MultiGzDecoder::new(counted), packed, plain: 0, ratio }));
    }
    Ok(Box::new(Unpacked { reader: zstd::stream::read::Decoder::new(counted)?, packed, plain: 0, ratio }))
}

struct Counted<R> {
    reader: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

struct Unpacked<R> {
    reader: R,
    packed: Arc<AtomicU64>,
    plain: u64,
    ratio: u64,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.plain += read as u64;
        let allowed = self.packed.load(Ordering::Relaxed).saturating_mul(self.ratio).saturating_add(FREE);
        if self.plain > allowed {
            return Err(io::Error::other(format!("more than {} bytes come out of one compressed byte", self.ratio)));
        }
        Ok(read)
    }
}
