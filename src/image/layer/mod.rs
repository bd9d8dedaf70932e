//! From a layer's bytes to [`super::LayerFacts`]: unpacked as they are read, hashed on both sides, the archive walked as the
//! engines walk it. Two threads share the work: one reads, hashes and unpacks the blob, the other hashes, walks and scans the
//! archive. Nothing is written anywhere, and memory doesn't grow with the layer's size, but for what is kept of it.

pub mod capability;
mod collect;
mod elf;
mod entry;
mod front;
mod inflate;
mod names;
mod notes;
mod pax;
mod pump;
mod reads;
mod scan;
mod seen;
mod tar;
mod walk;

use std::io::Read;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Error, LayerFacts, Limits, Wanted};
pub use collect::Collector;
pub(super) use front::Front;
pub(super) use tar::{BLOCK, Header};

/// A layer to read.
#[derive(Clone, Copy, Debug)]
pub struct LayerRequest<'a> {
    /// What errors call it: the file, or the blob's address.
    pub place: &'a str,
    /// Digest of the blob as stored, `sha256:…` or `sha512:…`; not checked where `None`.
    pub digest: Option<&'a str>,
    /// Bytes of the blob as stored; not checked where `None`.
    pub size: Option<u64>,
    /// What to collect.
    pub wanted: &'a Wanted,
    /// Bounds.
    pub limits: &'a Limits,
    /// Entries that the layers of the image have had so far.
    pub entries: &'a AtomicU64,
}

/// Reads one layer: gzip of any number of members, zstd of any number of frames, or plain. What contradicts itself in the
/// archive is in [`LayerFacts::irregularities`]; where a bound was met, the facts end there, and [`LayerFacts::diff_id`] is
/// empty if the archive was not unpacked to its end.
///
/// # Errors
/// A blob that can't be read, whose size or digest is not as asked (nothing of it is to be trusted), or whose compression
/// engines don't read.
pub fn read(blob: impl Read + Send, request: &LayerRequest<'_>) -> Result<LayerFacts, Error> {
    read_with(blob, request, None)
}

/// Takes the content of regular files as it passes: the entry's index, and its next bytes.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(u32, &[u8]);

/// As [`read`], and gives the content of regular files to a sink.
///
/// # Errors
/// As [`read`]; what the sink got then is not to be trusted.
pub(crate) fn read_with<'a>(
    blob: impl Read + Send,
    request: &'a LayerRequest<'a>,
    sink: Option<Sink<'a>>,
) -> Result<LayerFacts, Error> {
    let (full, filled) = mpsc::sync_channel::<pump::Buffer>(pump::BUFFERS);
    let (empty, free) = mpsc::sync_channel(pump::BUFFERS);
    std::thread::scope(|scope| {
        let pump = scope.spawn(move || pump::pump(blob, request, full, free));
        let mut walk = walk::Walk::new(request, sink);
        let mut hash = Sha256::new();
        let mut size = 0;
        for buffer in filled {
            hash.update(buffer.bytes());
            size += buffer.bytes().len() as u64;
            if buffer.walk {
                walk.feed(buffer.bytes());
            }
            // Nobody there means that the blob has ended.
            let _ = empty.send(buffer);
        }
        let pumped = pump.join().map_err(|_| {
            Error::new(request.place, "it was not read to its end", "report this: no layer should do that")
        })??;
        let digest = pump::hex(&hash.finalize());
        if let Some(wanted) = request.digest.filter(|_| pumped.unchecked) {
            pump::compare(request, &digest, wanted.trim_start_matches("sha256:"))?;
        }
        let cut = !pumped.whole || pumped.limit.is_some();
        let mut collector = walk.finish(!cut);
        for (kind, detail) in [(IrregularityKind::Limit, pumped.limit), (IrregularityKind::Broken, pumped.broken)] {
            if let Some(detail) = detail {
                collector.note(kind, "", detail);
            }
        }
        let mut facts = collector.finish();
        facts.size = size;
        facts.shrink();
        if pumped.whole {
            facts.diff_id = format!("sha256:{digest}");
        }
        Ok(facts)
    })
}

/// What keeps a layer from being known to its last entry: a bound that was met, an archive that is broken in the middle.
/// Its tree must not be taken for the image's.
#[must_use]
pub fn gap(facts: &LayerFacts) -> Option<&Irregularity> {
    let is_gap = |odd: &&Irregularity| match odd.kind {
        IrregularityKind::Limit => true,
        IrregularityKind::Broken => !walk::END_IS_ODD.iter().any(|end| odd.detail.starts_with(end)),
        _ => false,
    };
    facts.irregularities.iter().find(is_gap)
}

/// Something that two readers of an archive or a manifest could understand differently, or that only harm needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Irregularity {
    /// What it is.
    pub kind: IrregularityKind,
    /// The entry's path, where it is about one; control characters replaced.
    pub path: String,
    /// What is there, in the present tense, without a full stop, things in backticks.
    pub detail: String,
}

/// The kinds of irregularities.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum IrregularityKind {
    /// Readers of archives disagree about what this is, so a tool and the engine may see different files.
    Ambiguous,
    /// A name that leads out of the image: `..`, a hard link to the outside.
    Escape,
    /// The same path twice in one layer with different content or modes.
    Duplicate,
    /// A name with control, bidirectional or invalid characters.
    Name,
    /// The archive ends in the middle, or something follows its end.
    Broken,
    /// A bound of [`super::Limits`] is met; what lies behind it was not read.
    Limit,
    /// A digest, size or count that one document says and another contradicts.
    Mismatch,
}
