//! The store: images unpacked once, in the user's data folder, by what they are and not by how they are called. A folder
//! appears in it whole or not at all, so that any number of starts can share it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use crate::image::source::{self, Blobs, Descriptor, Request};
use crate::image::{Image, Transport, unpack};
use crate::policy::Needs;

use super::ids::Caller;
use super::{Error, Freed, IdMaps, MapWriter, Pull, Refused, RootFs, ids};

/// What the layout of a folder is known by.
const LAYOUT: &str = "1";

/// An image of the store.
#[derive(Debug)]
pub struct Stored {
    /// Its file system.
    pub root: RootFs,
    /// What the profile is made from.
    pub needs: Needs,
    /// Held as long as the image is used, so that it isn't removed meanwhile.
    _lock: File,
}

/// A store.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    maps: IdMaps,
    ownership: String,
}

impl Store {
    /// The store in a data folder.
    ///
    /// # Errors
    /// A folder that can't be made.
    pub fn open(data: &Path, caller: &Caller) -> Result<Self, Error> {
        let folder = data.join("harden");
        for name in ["images", "names", "tmp", "volumes"] {
            crate::platform::create_private_folder(&folder.join(name)).map_err(|error| {
                let problem = format!("the folder of images can't be made ({error})");
                Error::new(folder.display().to_string(), problem, "set XDG_DATA_HOME to a folder of yours")
            })?;
        }
        let mut maps = ids::plan(caller, &crate::policy::Ids::default());
        // Files of a store for one id only are the caller's, whoever runs.
        if maps.writer == MapWriter::Helpers {
            maps = IdMaps { writer: MapWriter::OneId, ..maps };
        }
        Ok(Self { folder, ownership: ownership(&maps), maps })
    }

    /// The image that a request names: from the store where it is there, else unpacked into it.
    ///
    /// # Errors
    /// An image that can't be had, or that changes while it is unpacked; a store that can't be written to.
    pub fn prepare(&self, request: &Request<'_>, pull: Pull) -> Result<Stored, Refused> {
        let name = self.folder.join("names").join(self.name_of(request));
        if pull != Pull::Always
            && let Some(stored) = self.known(&name)
        {
            return Ok(stored);
        }
        if pull == Pull::Never {
            let problem = "the store hasn't it, and `--pull never` keeps it from being fetched";
            return Err(Error::new(request.name, problem, "run it once without").into());
        }
        let key = self.import(request)?;
        let written = self.folder.join("tmp").join(format!("name-{}", std::process::id()));
        fs::write(&written, &key).and_then(|()| fs::rename(&written, &name)).map_err(|error| self.failed(&error))?;
        self.known(&name).ok_or_else(|| {
            let problem = "what was just unpacked is gone from the store";
            Error::new(request.name, problem, "run it again").into()
        })
    }

    /// Removes images that no container uses, and what starts left that were ended.
    ///
    /// # Errors
    /// A folder that can't be read.
    pub fn collect(&self) -> Result<Freed, Error> {
        let mut freed = Freed::default();
        let list = |name: &str| fs::read_dir(self.folder.join(name)).map_err(|error| self.failed(&error));
        for entry in list("images")?.flatten() {
            let locked = File::open(entry.path().join("lock")).ok();
            if locked.as_ref().is_some_and(|lock| flock(lock, FlockOperation::NonBlockingLockExclusive).is_err()) {
                continue;
            }
            // Renamed first, so that nobody finds half of it.
            let away = self.folder.join("tmp").join(format!("gone-{}", entry.file_name().to_string_lossy()));
            if fs::rename(entry.path(), &away).is_ok() && fs::remove_dir_all(&away).is_ok() {
                freed.images += 1;
            }
        }
        for entry in list("tmp")?.flatten() {
            // What a running start still writes is locked.
            let locked = File::open(entry.path().join("lock")).ok();
            if locked.as_ref().is_some_and(|lock| flock(lock, FlockOperation::NonBlockingLockExclusive).is_err()) {
                continue;
            }
            let gone =
                if entry.path().is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
            freed.leftovers += u64::from(gone.is_ok());
        }
        for entry in list("names")?.flatten() {
            if self.known(&entry.path()).is_none() {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(freed)
    }

    /// The folder of named volumes.
    #[must_use]
    pub fn volumes(&self) -> PathBuf {
        self.folder.join("volumes")
    }

    /// Unpacks an image, unless it is there under another name. Gives its key.
    fn import(&self, request: &Request<'_>) -> Result<String, Refused> {
        let work = tempfile(&self.folder.join("tmp")).map_err(|error| self.failed(&error))?;
        let done = self.import_into(request, &work);
        // What was moved into its place isn't there any more.
        let _ = fs::remove_dir_all(&work);
        done
    }

    fn import_into(&self, request: &Request<'_>, work: &Path) -> Result<String, Refused> {
        let failed = |error: io::Error| Refused::from(self.failed(&error));
        let lock = File::create(work.join("lock")).map_err(failed)?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        let mut opened = source::open(request, &work.join("spool"))?;
        let layers = opened.layers.clone();
        let blobs = std::mem::replace(&mut opened.blobs, Box::new(Nothing));
        let remote = matches!(request.reference.transport, Transport::Registry { .. });
        let kept = Kept { inner: blobs, folder: remote.then(|| work.to_owned()), files: Mutex::default() };
        let kept = std::sync::Arc::new(kept);
        opened.blobs = Box::new(Shared(std::sync::Arc::clone(&kept)));
        // The cache would spare reading a layer that is to be unpacked anyway.
        let request = &Request { cache: None, ..request.clone() };
        let image = source::read_opened(request, opened)?;
        let key = self.key(&image);
        let place = self.folder.join("images").join(&key);
        if self.read(&place).is_some() {
            return Ok(key);
        }
        let root = work.join("rootfs");
        fs::create_dir(&root).map_err(failed)?;
        let folder = OwnedFd::from(File::open(&root).map_err(failed)?);
        let owner = |uid: u32, gid: u32| match self.maps.writer {
            MapWriter::Root => {
                let nobody = (65_534, 65_534);
                let outside = (self.maps.uid_outside(uid), self.maps.gid_outside(gid));
                Some((
                    outside.0.or_else(|| self.maps.uid_outside(nobody.0))?,
                    outside.1.or_else(|| self.maps.gid_outside(nobody.1))?,
                ))
            }
            _ => None,
        };
        unpack::unpack(&image, &layers, &*kept, request, &folder, &owner)?;
        let needs = postcard::to_stdvec(&Needs::of(&image))
            .map_err(|error| Error::new(request.name, error.to_string(), "report this bug"))?;
        let sum = Sha256::digest(&needs);
        let mut bytes = sum.to_vec();
        bytes.extend(needs);
        fs::write(work.join("needs"), bytes).map_err(failed)?;
        let _ = fs::remove_file(work.join("spool"));
        kept.clear();
        match fs::rename(work, &place) {
            Ok(()) => Ok(key),
            // Another start was faster.
            Err(_) if self.read(&place).is_some() => Ok(key),
            Err(_) => {
                // What is there can't be read, so nobody uses it.
                let _ = fs::remove_dir_all(&place);
                fs::rename(work, &place).map_err(failed)?;
                Ok(key)
            }
        }
    }

    /// The image behind a name.
    fn known(&self, name: &Path) -> Option<Stored> {
        let mut key = String::new();
        File::open(name).ok()?.take(256).read_to_string(&mut key).ok()?;
        let plain = key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !plain {
            return None;
        }
        self.read(&self.folder.join("images").join(key))
    }

    fn read(&self, place: &Path) -> Option<Stored> {
        let lock = File::open(place.join("lock")).ok()?;
        flock(&lock, FlockOperation::NonBlockingLockShared).ok()?;
        let mut bytes = Vec::new();
        File::open(place.join("needs")).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
        let (sum, needs) = bytes.split_at_checked(32)?;
        if Sha256::digest(needs)[..] != *sum {
            return None;
        }
        let needs = postcard::from_bytes(needs).ok()?;
        let path = place.join("rootfs");
        path.is_dir().then_some(())?;
        Some(Stored { root: RootFs { path, shifted: true, scratch: None }, needs, _lock: lock })
    }

    /// What an image is, and to whom its files belong here.
    fn key(&self, image: &Image) -> String {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        add(LAYOUT);
        add(env!("CARGO_PKG_VERSION"));
        add(&self.ownership);
        add(&format!("{:?}", image.config));
        for layer in &image.layers {
            // What was read counts, not what the configuration claims.
            add(layer.facts.as_ref().map_or(layer.digest.as_str(), |facts| facts.diff_id.as_str()));
        }
        hex(hash)
    }

    /// What a name means can change where a file does, so what is known of the file is part of it.
    fn name_of(&self, request: &Request<'_>) -> String {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        add(LAYOUT);
        add(env!("CARGO_PKG_VERSION"));
        add(&self.ownership);
        add(&format!("{:?}", request.reference.transport));
        add(request.platform.unwrap_or_default());
        let file = match &request.reference.transport {
            Transport::OciLayout { path, .. } => Some(Path::new(path).join("index.json")),
            Transport::OciArchive { path, .. } | Transport::DockerArchive { path, .. } => Some(PathBuf::from(path)),
            _ => None,
        };
        if let Some(path) = file {
            add(&fs::canonicalize(&path).unwrap_or(path.clone()).to_string_lossy());
            if let Ok(stat) = fs::metadata(&path) {
                add(&format!("{} {} {} {} {}", stat.dev(), stat.ino(), stat.size(), stat.mtime(), stat.mtime_nsec()));
                add(&stat.ctime_nsec().to_string());
            }
        }
        hex(hash)
    }

    fn failed(&self, error: &io::Error) -> Error {
        let remedy = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space, or `harden run --gc`",
            _ => "check the folder, or set XDG_DATA_HOME to another",
        };
        Error::new(self.folder.display().to_string(), format!("the store can't be used: {error}"), remedy)
    }
}

/// Bytes of what is kept of an image besides its files.
const MOST_BYTES: u64 = 16 << 20;

fn ownership(maps: &IdMaps) -> String {
    match maps.writer {
        MapWriter::Root => maps.uids.iter().chain(&maps.gids).map(|range| format!("{range:?}")).collect(),
        _ => "own".to_owned(),
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new folder of our own.
fn tempfile(folder: &Path) -> io::Result<PathBuf> {
    for attempt in 0..1000_u32 {
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
        let path = folder.join(format!("{}-{now}-{attempt}", std::process::id()));
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            done => return done.map(|()| path),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Blobs that are kept when they are read for the first time, since each is read twice and may come from far.
struct Kept {
    inner: Box<dyn Blobs>,
    folder: Option<PathBuf>,
    files: Mutex<HashMap<String, PathBuf>>,
}

impl Kept {
    fn clear(&self) {
        for path in self.files.lock().unwrap_or_else(PoisonError::into_inner).values() {
            let _ = fs::remove_file(path);
        }
    }
}

impl Blobs for Kept {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, crate::image::Error> {
        let Some(folder) = &self.folder else { return self.inner.open(blob) };
        let path = folder.join(format!("blob-{}", blob.digest.replace([':', '/'], "-")));
        let unkept = |error: io::Error| {
            let problem = format!("a layer can't be kept for a moment: {error}");
            crate::image::Error::new(path.display().to_string(), problem, "check the space left")
        };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if !files.contains_key(&blob.digest) {
            let mut file = File::create_new(&path).map_err(unkept)?;
            // Who reads it checks size and digest.
            let from = self.inner.open(blob)?;
            io::copy(&mut from.take(blob.size.saturating_add(1)), &mut file).map_err(unkept)?;
            files.insert(blob.digest.clone(), path.clone());
        }
        Ok(Box::new(File::open(&path).map_err(unkept)?))
    }
}

/// Blobs that two hold.
struct Shared(std::sync::Arc<Kept>);

impl Blobs for Shared {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, crate::image::Error> {
        self.0.open(blob)
    }
}

/// Stands where blobs were taken away.
struct Nothing;

impl Blobs for Nothing {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, crate::image::Error> {
        Err(crate::image::Error::new(&blob.digest, "it is nowhere", "report this bug"))
    }
}
