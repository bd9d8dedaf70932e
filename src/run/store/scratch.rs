//! Folders for what containers write into their roots: one each, gone with its container.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::statfs;

use super::{Store, lock};
use crate::run::{Error, IdMaps, remove};

/// File systems that can't be the upper layer of an overlay (Documentation/filesystems/overlayfs.rst, "Upper and lower").
const NO_UPPER: [u64; 4] = [0x794c_7630, 0x6969, 0x6573_5546, 0xff53_4d42];

/// A folder for one container. What is left of a start that was killed is a leftover for `harden run --gc`.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    maps: IdMaps,
    _lock: File,
}

impl Store {
    /// A new folder for what a container with these maps writes. `None` where the store's file system can't be the upper
    /// layer of an overlay.
    ///
    /// # Errors
    /// A store that can't be written to.
    pub fn scratch(&self, maps: &IdMaps) -> Result<Option<Scratch>, Error> {
        let folder = self.folder.join("tmp");
        if statfs(&folder).is_ok_and(|found| NO_UPPER.contains(&(found.f_type as u64 & 0xffff_ffff))) {
            return Ok(None);
        }
        let failed = |error: io::Error| self.failed(&error);
        let (path, lock) = lock::new_name(&folder).map_err(failed)?;
        fs::create_dir(&path).map_err(failed)?;
        Ok(Some(Scratch { path, maps: maps.clone(), _lock: lock }))
    }
}

impl Scratch {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, with all that was written.
    ///
    /// # Errors
    /// What can't be removed.
    pub fn remove(self) -> Result<(), Error> {
        remove::all(&self.path, &self.maps).map(|_| {
            let _ = fs::remove_file(self.path.with_extension("lock"));
        })
    }
}
