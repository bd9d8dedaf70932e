//! Facts of layers, kept between runs: a file each, in a folder of the user's. What is broken, foreign or can't be read
//! counts as absent; a folder that can't be written to is a cache that keeps nothing. Neither is ever an error.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::{LayerFacts, Limits, Wanted};
use crate::platform;

/// What the layout of a file is known by; another number for another layout, or another meaning of the same.
const MAGIC: &[u8; 8] = b"hardenL\x01";

/// Magic, SHA-256 of the payload, bytes of the payload uncompressed.
const HEADER: usize = 8 + 32 + 8;

/// Bytes of a file, uncompressed. Facts of a million entries have about 100 MiB.
const PAYLOAD_BYTES: u64 = 1 << 30;

/// How old a temporary file must be to be a leftover.
const LEFTOVER: Duration = Duration::from_secs(3600);

/// A folder of cached facts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cache {
    folder: PathBuf,
    max_bytes: u64,
}

/// The place of one layer's facts.
pub(super) struct Slot<'a> {
    cache: &'a Cache,
    name: String,
}

impl Cache {
    /// Bytes that a cache may fill when nobody says otherwise.
    pub const MAX_BYTES: u64 = 2 << 30;

    /// The cache in a folder, which is made when something is kept. Of more than `max_bytes` bytes the files that weren't
    /// used for longest are removed.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self { folder: folder.into(), max_bytes }
    }

    /// The folder for this user: `harden/layers` in `XDG_CACHE_HOME`, else in `~/.cache`, on Windows in `LOCALAPPDATA`.
    /// `variable` gives what the environment has; `None` where it says no absolute path.
    #[must_use]
    pub fn usual_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let path = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || path("HOME").map(|home| home.join(".cache"));
        let base = match std::env::consts::OS {
            "windows" => path("XDG_CACHE_HOME").or_else(|| path("LOCALAPPDATA")),
            _ => path("XDG_CACHE_HOME").or_else(home),
        };
        base.map(|base| base.join("harden").join("layers"))
    }

    /// The place of a layer's facts. What a walk finds depends on the layer, on what is wanted, on the bounds and on this
    /// program; a blob that was never seen to hold the layer is asked for anew, even if the configuration says it does.
    pub(super) fn slot(&self, digest: &str, diff_id: &str, wanted: &Wanted, limits: &Limits) -> Slot<'_> {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        add(env!("CARGO_PKG_VERSION"));
        add(digest);
        add(diff_id);
        add(&format!("{limits:?}"));
        for list in [&wanted.reads, &wanted.content.iter().map(|content| content.name).collect::<Vec<_>>()] {
            add(&list.len().to_string());
            list.iter().for_each(|text| add(text));
        }
        hash.update(MAGIC);
        let name = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Slot { cache: self, name }
    }

    /// Removes the files that weren't used for longest until the rest fits, and leftovers of runs that were ended.
    pub(super) fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|_| metadata.is_file()) else { continue };
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if is_ours(name) {
                files.push((used, metadata.len(), entry.path()));
            } else if is_temporary(name) && used.elapsed().is_ok_and(|age| age > LEFTOVER) {
                let _ = fs::remove_file(entry.path());
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if total <= self.max_bytes {
                break;
            }
            if fs::remove_file(path).is_ok() {
                total -= size;
            }
        }
    }

    /// Writes a file whole or not at all: others see it only when it is complete.
    fn write(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        platform::create_private_folder(&self.folder)?;
        // Unlike any other that is written now: by another process, or another thread of this one.
        let writer = format!("{}-{:?}", std::process::id(), std::thread::current().id());
        let temporary = self.folder.join(format!("{name}.{writer}.tmp"));
        let write = || {
            let mut file = platform::create_private_file(&temporary)?;
            parts.iter().try_for_each(|part| file.write_all(part))?;
            drop(file);
            fs::rename(&temporary, self.folder.join(name))
        };
        write().inspect_err(|_| drop(fs::remove_file(&temporary)))
    }
}

impl Slot<'_> {
    /// The facts, where the cache has them whole.
    pub(super) fn get(&self) -> Option<LayerFacts> {
        let path = self.cache.folder.join(&self.name);
        let facts = read(&path)?;
        // Only what is old enough to matter for the order is touched, so that most runs write nothing.
        let now = SystemTime::now();
        if let Ok(file) = File::open(&path)
            && file
                .metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|used| now.duration_since(used).is_ok_and(|age| age > Duration::from_secs(60)))
        {
            let _ = file.set_modified(now);
        }
        Some(facts)
    }

    /// Keeps facts. That it can't is nobody's business: the next run reads the layer again.
    pub(super) fn put(&self, facts: &LayerFacts) {
        let Some(bytes) = encode(facts) else { return };
        if bytes.len() as u64 <= self.cache.max_bytes {
            let _ = self.cache.write(&self.name, &[&bytes]);
        }
    }
}

fn encode(facts: &LayerFacts) -> Option<Vec<u8>> {
    let plain = postcard::to_stdvec(facts).ok()?;
    if plain.len() as u64 > PAYLOAD_BYTES {
        return None;
    }
    let packed = zstd::bulk::compress(&plain, 1).ok()?;
    let mut bytes = Vec::with_capacity(HEADER + packed.len());
    bytes.extend(MAGIC);
    bytes.extend(Sha256::digest(&packed));
    bytes.extend((plain.len() as u64).to_le_bytes());
    bytes.extend(packed);
    Some(bytes)
}

fn read(path: &Path) -> Option<LayerFacts> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > PAYLOAD_BYTES {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).ok()?.saturating_add(1));
    File::open(path).ok()?.take(PAYLOAD_BYTES).read_to_end(&mut bytes).ok()?;
    decode(&bytes)
}

fn decode(bytes: &[u8]) -> Option<LayerFacts> {
    let (header, packed) = bytes.split_at_checked(HEADER)?;
    let size = u64::from_le_bytes(header[40..].try_into().ok()?);
    if header[..8] != *MAGIC || size > PAYLOAD_BYTES || Sha256::digest(packed)[..] != header[8..40] {
        return None;
    }
    let plain = unpack(packed, size)?;
    let (facts, rest): (LayerFacts, &[u8]) = postcard::take_from_bytes(&plain).ok()?;
    (rest.is_empty() && facts.is_sound()).then_some(facts)
}

/// Decompresses what must have exactly `size` bytes; a lie about them costs no more than was read.
fn unpack(packed: &[u8], size: u64) -> Option<Vec<u8>> {
    let most = size.min((packed.len() as u64).saturating_mul(1 << 12));
    let mut plain = Vec::with_capacity(usize::try_from(most).ok()?);
    let mut reader = zstd::stream::read::Decoder::with_buffer(packed).ok()?.take(size.saturating_add(1));
    reader.read_to_end(&mut plain).ok()?;
    (plain.len() as u64 == size).then_some(plain)
}

fn is_ours(name: &str) -> bool {
    name.len() == 64 && super::reference::is_hex(name)
}

fn is_temporary(name: &str) -> bool {
    name.split_once('.').is_some_and(|(start, rest)| is_ours(start) && rest.ends_with(".tmp"))
}

#[cfg(test)]
mod tests {
    use super::{HEADER, decode, encode};
    use crate::image::{EntryDraft, Extra, Kind, LayerFacts, Program, Text};
    use sha2::{Digest, Sha256};

    fn facts() -> LayerFacts {
        let mut facts = LayerFacts { diff_id: "sha256:0".to_owned(), size: 7, ..LayerFacts::default() };
        for (number, path) in ["/etc", "/etc/pässwd", "/bin/sh"].into_iter().enumerate() {
            let extra = Extra { interpreter: (number == 2).then(|| "/bin/dash".to_owned()), ..Extra::default() };
            let draft = EntryDraft {
                path,
                kind: Kind::File,
                mode: 0o755,
                uid: 0,
                gid: 0,
                size: 3,
                modified: -1,
                link: "",
                program: Program::No,
                extra,
            };
            facts.entries.push(draft).expect("room");
        }
        facts.texts.push(Text { entry: 1, bytes: b"root".to_vec(), cut: false });
        facts
    }

    /// A file whose header fits its payload.
    fn file(plain: &[u8]) -> Vec<u8> {
        let packed = zstd::bulk::compress(plain, 1).expect("memory takes it");
        let mut bytes = super::MAGIC.to_vec();
        bytes.extend(Sha256::digest(&packed));
        bytes.extend((plain.len() as u64).to_le_bytes());
        bytes.extend(packed);
        bytes
    }

    #[test]
    fn facts_come_back_as_they_were() {
        let facts = facts();
        assert_eq!(decode(&encode(&facts).expect("bytes")), Some(facts));
    }

    #[test]
    fn a_file_made_to_harm_does_none() {
        let plain = postcard::to_stdvec(&facts()).expect("bytes");
        let mut answered = 0;
        for at in 0..plain.len() {
            for value in [0, 1, 2, 0x7f, 0x80, 0xff] {
                let mut hostile = plain.clone();
                hostile[at] = value;
                let Some(facts) = decode(&file(&hostile)) else { continue };
                answered += 1;
                for entry in facts.entries.iter() {
                    assert!(entry.path.len() < 100 && facts.text_of(entry.index).is_none_or(|text| text.len() < 100));
                }
            }
            assert_eq!(decode(&file(&plain[..at])), None, "cut at {at}");
        }
        assert!(answered > 50, "{answered}: most changes make other facts, not broken ones");
        // Lengths that no file has ask for no memory.
        assert_eq!(decode(&file(&[0xff; 32])), None);
        let mut lying = file(&plain);
        lying[40..HEADER].copy_from_slice(&(1u64 << 29).to_le_bytes());
        assert_eq!(decode(&lying), None);
    }
}
