//! Removes what the store doesn't need.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Store, lock, names, record};
use crate::run::{Error, Freed, remove};

/// How old what nobody holds a lock for must be to be a leftover.
const LEFTOVER: Duration = Duration::from_secs(3600);

impl Store {
    /// Removes all images that no container uses, as [`Store::gc`] does.
    ///
    /// # Errors
    /// As [`Store::gc`].
    pub fn collect(&self) -> Result<Freed, Error> {
        self.gc(Duration::ZERO)
    }

    /// Removes images that no container uses and that weren't used for `keep`; all of them where that is zero. Leftovers
    /// go too, named volumes never.
    ///
    /// The caller must have one thread where its user maps ids by newuidmap(1).
    ///
    /// # Errors
    /// A store that can't be read, files that can't be removed.
    pub fn gc(&self, keep: Duration) -> Result<Freed, Error> {
        let mut freed = Freed::default();
        for key in self.list("images")? {
            // Who unpacks it holds this; who runs it, the lock beside it.
            let Some(_held) = lock::make_and_try(&self.path("locks", &key)) else { continue };
            let place = self.path("images", &key);
            let path = place.join("lock");
            let locked = lock::try_hold(&path);
            if locked.is_none() && path.exists() {
                freed.used += 1;
                continue;
            }
            let used = locked.as_ref().and_then(|lock| lock.metadata().ok()?.modified().ok());
            // What has no lock is no image.
            if used.is_some_and(|used| SystemTime::now().duration_since(used).is_ok_and(|age| age < keep)) {
                continue;
            }
            freed.bytes += self.move_away(&place).map_err(|error| self.failed(&error))?;
            freed.images += 1;
        }
        let (count, bytes) = self.sweep();
        freed.leftovers += count;
        freed.bytes += bytes;
        for name in self.list("names")? {
            let path = self.path("names", &name);
            let meaning: Option<names::Meaning> = record::read(&path);
            let is_there = meaning.is_some_and(|meaning| self.path("images", &meaning.key).exists());
            // Others are being written.
            if !is_there && (!name.starts_with('.') || is_old(&path)) {
                let _ = fs::remove_file(path);
            }
        }
        for name in self.list("locks")? {
            let path = self.path("locks", &name);
            if let Some(_held) = lock::try_hold(&path) {
                let _ = fs::remove_file(path);
            }
        }
        Ok(freed)
    }

    /// Removes what was left by starts that were ended, as far as that works; gives how much: things and bytes.
    pub(super) fn sweep(&self) -> (u64, u64) {
        let (mut count, mut bytes) = (0, 0);
        for name in self.list("tmp").unwrap_or_default() {
            let path = self.path("tmp", &name);
            let Some(work) = name.strip_suffix(".lock").map(|name| self.path("tmp", name)) else {
                let lock = self.path("tmp", &format!("{name}.lock"));
                if !lock.exists()
                    && is_old(&path)
                    && let Ok(freed) = remove::all(&path, &self.maps)
                {
                    (count, bytes) = (count + 1, bytes + freed);
                }
                continue;
            };
            let Some(_held) = lock::try_hold(&path) else { continue };
            if let Ok(freed) = remove::all(&work, &self.maps) {
                (count, bytes) = (count + 1, bytes + freed);
                let _ = fs::remove_file(&path);
            }
        }
        (count, bytes)
    }

    /// Removes a folder of images: first out of everybody's sight, so that nobody finds half of it. Gives its bytes.
    pub(super) fn move_away(&self, place: &Path) -> std::io::Result<u64> {
        let (away, _lock) = lock::new_name(&self.folder.join("tmp"))?;
        fs::rename(place, &away)?;
        // What can't go now will go when somebody looks for leftovers.
        let bytes = remove::all(&away, &self.maps);
        if bytes.is_ok() {
            let _ = fs::remove_file(away.with_extension("lock"));
        }
        Ok(bytes.unwrap_or(0))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        let entries = fs::read_dir(self.folder.join(folder)).map_err(|error| self.failed(&error))?;
        // Our own names are all text.
        Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }
}

fn is_old(path: &Path) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > LEFTOVER))
}
