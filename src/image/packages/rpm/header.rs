//! An rpm header as databases keep it (rpm's `docs/manual/format_header.md`, `format_v4.md`; tags in
//! `docs/manual/tags.md`): two big-endian numbers for the count of index entries and the bytes of data, 16 bytes an
//! entry, then the data.

use crate::image::packages::Package;
use crate::image::packages::database::{Database, word};
use crate::image::packages::owners::{Folder, Owners};

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const ARCH: u32 = 1022;
const FILEMODES: u32 = 1030;
const DIRINDEXES: u32 = 1116;
const BASENAMES: u32 = 1117;
const DIRNAMES: u32 = 1118;

const INT16: u32 = 3;
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// Adds the package of a header and the files it owns. Public keys, which databases keep as packages of their own, are
/// left out. `false` where the bytes are no header.
pub fn package(bytes: &[u8], database: &mut Database) -> bool {
    let Some(header) = Header::read(bytes) else { return false };
    let Some(name) = header.string(NAME).and_then(word) else { return false };
    if name == "gpg-pubkey" {
        return true;
    }
    let part = |tag| header.string(tag).and_then(word).unwrap_or_default();
    let mut version = format!("{}-{}", part(VERSION), part(RELEASE));
    if let Some(epoch) = header.numbers::<4>(EPOCH).next().filter(|epoch| *epoch != 0) {
        version = format!("{epoch}:{version}");
    }
    if let Some(package) = database.package(Package { name, version, architecture: part(ARCH) }) {
        header.files(package, database);
    }
    true
}

#[derive(Clone, Copy, Default)]
struct Entry {
    kind: u32,
    offset: usize,
    count: usize,
}

struct Header<'a> {
    entries: [Entry; TAGS.len()],
    data: &'a [u8],
}

/// What is looked up.
const TAGS: [u32; 9] = [NAME, VERSION, RELEASE, EPOCH, ARCH, FILEMODES, DIRINDEXES, BASENAMES, DIRNAMES];

impl<'a> Header<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (counts, rest) = bytes.split_first_chunk::<8>()?;
        let (entries, data) = (be32(&counts[..4]) as usize, be32(&counts[4..]) as usize);
        let index = rest.get(..entries.checked_mul(16)?)?;
        let data = rest[index.len()..].get(..data)?;
        let mut header = Self { entries: Default::default(), data };
        for entry in index.chunks_exact(16) {
            if let Some(at) = TAGS.iter().position(|tag| *tag == be32(&entry[..4])) {
                header.entries[at] = Entry {
                    kind: be32(&entry[4..8]),
                    offset: be32(&entry[8..12]) as usize,
                    count: be32(&entry[12..]) as usize,
                };
            }
        }
        Some(header)
    }

    /// An entry that is there and of one of these kinds, with the data from its start.
    fn entry(&self, tag: u32, kinds: &[u32]) -> Option<(usize, &'a [u8])> {
        let entry = self.entries[TAGS.iter().position(|one| *one == tag)?];
        // The offset is a signed number in rpm; as an unsigned one a negative one is beyond the data.
        let data = self.data.get(entry.offset..).filter(|_| kinds.contains(&entry.kind))?;
        Some((entry.count, data))
    }

    fn string(&self, tag: u32) -> Option<&'a [u8]> {
        let (_, data) = self.entry(tag, &[STRING, I18N_STRING, STRING_ARRAY])?;
        data.split(|byte| *byte == 0).next()
    }

    /// NUL-terminated strings, as many as the entry says and the data has.
    fn strings(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (count, mut data) = self.entry(tag, &[STRING_ARRAY, STRING]).unwrap_or_default();
        let next = move || {
            let end = memchr::memchr(0, data)?;
            let (text, rest) = data.split_at(end);
            data = &rest[1..];
            Some(text)
        };
        std::iter::from_fn(next).take(count)
    }

    /// Big-endian numbers of so many bytes, as many as the entry says and the data has.
    fn numbers<const BYTES: usize>(&self, tag: u32) -> impl Iterator<Item = u32> + use<'a, BYTES> {
        let kind = if BYTES == 2 { INT16 } else { INT32 };
        let (count, data) = self.entry(tag, &[kind]).unwrap_or_default();
        data.chunks_exact(BYTES)
            .take(count)
            .map(|number| number.iter().fold(0, |all, byte| all << 8 | u32::from(*byte)))
    }

    fn files(&self, package: u32, database: &mut Database) {
        let folders: Vec<Option<Folder>> =
            self.strings(DIRNAMES).take(Owners::FILES).map(|folder| database.owners.folder(folder)).collect();
        let mut modes = self.numbers::<2>(FILEMODES);
        for (name, folder) in self.strings(BASENAMES).zip(self.numbers::<4>(DIRINDEXES)) {
            let mode = modes.next().unwrap_or_default() as u16;
            let is_folder = mode & 0o170_000 == 0o040_000;
            if let Some(folder) = folders.get(folder as usize).copied().flatten().filter(|_| !is_folder) {
                database.owns(package, folder, name, mode);
            }
            if database.is_cut {
                return;
            }
        }
    }
}

fn be32(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |all, byte| all << 8 | u32::from(*byte))
}
