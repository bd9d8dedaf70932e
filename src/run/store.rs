//! The store: images unpacked once, in the user's data folder, by what they are and not by how they are called. An image
//! appears in it whole or not at all, so that any number of starts can share it; what is broken in it or foreign counts as
//! absent, and is unpacked again.
//!
//! `images/KEY/{rootfs,record,lock}` is an image, `names/HASH` says which one a reference means, `locks/HASH` is held by
//! who unpacks an image or a name, `tmp/NAME` is unfinished as long as `tmp/NAME.lock` is held, `volumes/NAME` is a named
//! volume.

mod gc;
mod import;
mod lock;
mod names;
mod record;
mod scratch;
mod volumes;

pub use scratch::Scratch;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::image::source::Request;
use crate::image::unpack::LeftOut;
use crate::policy::{Ids, Needs};

use super::ids::{self, Caller};
use super::{Error, IdMaps, Pull, Refused, RootFs};

/// What the layout of a store is known by. Another number for another layout, or another meaning of the same: of
/// [`Needs`], of how a tree is unpacked.
const LAYOUT: &str = "1";

/// The folders of a store.
const FOLDERS: [&str; 5] = ["images", "names", "locks", "tmp", "volumes"];

/// How old the note of an image's last use must be for it to be written anew, so that most starts write nothing.
const USE_NOTED: Duration = Duration::from_secs(3600);

/// A store, for one caller: files in it belong to ids as that caller can map them.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    maps: IdMaps,
}

/// An image of the store. As long as this lives, nobody removes it.
#[derive(Debug)]
pub struct Stored {
    /// Its file system.
    pub root: RootFs,
    /// What the profile is made from.
    pub needs: Needs,
    /// Digest of the manifest that was chosen, `sha256:…`; of the configuration, where there is no manifest.
    pub digest: String,
    /// What its file system lacks of the image.
    pub left_out: LeftOut,
    /// Whether it was unpacked for this start.
    pub is_new: bool,
    /// Held, so that it isn't removed meanwhile.
    _lock: File,
}

impl Store {
    /// The store in a data folder, which is made.
    ///
    /// # Errors
    /// A folder that can't be made.
    pub fn open(data: &Path, caller: &Caller) -> Result<Self, Error> {
        let store = Self { folder: data.join("harden"), maps: ids::plan(caller, &Ids::default()) };
        for name in FOLDERS {
            crate::platform::create_private_folder(&store.folder.join(name)).map_err(|error| store.failed(&error))?;
        }
        Ok(store)
    }

    /// The image that a request names: from the store where it has it, else unpacked into it. What is read from standard
    /// input has no name, and is unpacked unless the store has the same image. A folder (`rootfs:`) is none of the
    /// store's.
    ///
    /// The caller must have one thread where its user maps ids by newuidmap(1).
    ///
    /// # Errors
    /// An image that can't be had whole, or that changes while it is unpacked; a store that can't be written to.
    pub fn prepare(&self, request: &Request<'_>, pull: Pull) -> Result<Stored, Refused> {
        let name = self.name(request);
        let seen = names::witness(request, pull)?;
        let asks = pull == Pull::Always && names::may_move(request);
        let known = || match (&name, &seen) {
            (Some(name), Some(seen)) => self.known(name, seen),
            _ => None,
        };
        if let Some(stored) = known().filter(|_| !asks) {
            return Ok(stored);
        }
        if pull == Pull::Never {
            let problem = "the store doesn't have it, and `--pull never` keeps it from being unpacked";
            return Err(Error::new(request.name, problem, "run it once without").into());
        }
        // Of many starts of one name, one unpacks it and the others wait.
        let _held = match &name {
            Some(name) => Some(lock::hold(&self.path("locks", name)).map_err(|error| self.failed(&error))?),
            None => None,
        };
        if let Some(stored) = known().filter(|_| !asks) {
            return Ok(stored);
        }
        let (key, stored) = self.import(request)?;
        if let (Some(name), Some(seen)) = (&name, seen) {
            let meaning = names::Meaning { key, digest: stored.digest.clone(), seen };
            record::write(&self.path("names", name), &meaning).map_err(|error| self.failed(&error))?;
        }
        Ok(stored)
    }

    /// The folder of named volumes.
    #[must_use]
    pub fn volumes(&self) -> PathBuf {
        self.folder.join("volumes")
    }

    /// The image that a name means, where nothing has changed since.
    fn known(&self, name: &str, seen: &names::Seen) -> Option<Stored> {
        let meaning: names::Meaning = record::read(&self.path("names", name))?;
        if !seen.allows(&meaning.seen) {
            return None;
        }
        let stored = self.image(&meaning.key)?;
        Some(Stored { digest: meaning.digest, ..stored })
    }

    /// An image by its key, locked.
    fn image(&self, key: &str) -> Option<Stored> {
        if key.len() != 64 || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let place = self.path("images", key);
        let lock = lock::share(&place)?;
        let record: import::Record = record::read(&place.join("record"))?;
        let path = place.join("rootfs");
        if !fs::symlink_metadata(&path).ok()?.is_dir() {
            return None;
        }
        let now = SystemTime::now();
        let noted = lock.metadata().and_then(|metadata| metadata.modified());
        if noted.is_ok_and(|noted| now.duration_since(noted).is_ok_and(|age| age > USE_NOTED)) {
            // That it can't be noted only makes the image look older than it is.
            let _ = lock.set_modified(now);
        }
        let import::Record { needs, left_out, digest } = record;
        let root = RootFs { path, shifted: true, scratch: None };
        Some(Stored { root, needs, digest, left_out, is_new: false, _lock: lock })
    }

    fn path(&self, folder: &str, name: &str) -> PathBuf {
        self.folder.join(folder).join(name)
    }

    fn failed(&self, error: &io::Error) -> Error {
        let remedy = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => crate::image::unpack::FREE_SPACE,
            _ => "set XDG_DATA_HOME to a folder of yours",
        };
        Error::new(self.folder.display().to_string(), format!("the store can't be used: {error}"), remedy)
    }
}

/// The digest of texts, none of which can be taken for a part of another.
fn digest_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
