//! Named volumes: folders that stay when their container is gone. Nothing but a person removes one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Uid};

use super::{Store, lock};
use crate::policy::{Ids, oci};
use crate::run::{Error, IdMaps, MapWriter, inside};

impl Store {
    /// The folder of a named volume. It is made where it isn't there, for the user `ids` inside whose container maps ids as
    /// `maps` says.
    ///
    /// The caller must have one thread where its user maps ids by newuidmap(1).
    ///
    /// # Errors
    /// A folder that can't be made or given away; something else in its place.
    pub fn volume(&self, name: &str, ids: &Ids, maps: &IdMaps) -> Result<PathBuf, Error> {
        let path = oci::volume_folder(&self.volumes(), name);
        let failed = |error: io::Error| {
            let problem = format!("the volume can't be made: {error}");
            Error::new(path.display().to_string(), problem, "check the folder of volumes")
        };
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => return Ok(path),
            Ok(_) => {
                let problem = "what is there is no folder, so it is no volume";
                return Err(Error::new(path.display().to_string(), problem, "move it away"));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        // It appears when it is as it should be.
        let (new, _lock) = lock::new_name(&self.folder.join("tmp")).map_err(failed)?;
        let moved = fs::create_dir(&new).map_err(failed).and_then(|()| give(&new, &path, ids, maps));
        let _ = fs::remove_dir(&new);
        let _ = fs::remove_file(new.with_extension("lock"));
        moved.map(|()| path)
    }
}

/// Gives a folder to its user and moves it to its place. Who moves a folder must be able to write in it.
fn give(new: &Path, place: &Path, ids: &Ids, maps: &IdMaps) -> Result<(), Error> {
    let give = |uid: Option<u32>, gid: Option<u32>| {
        let moved = rustix::fs::chown(new, uid.map(Uid::from_raw), gid.map(Gid::from_raw));
        match moved.map_err(io::Error::from).and_then(|()| fs::rename(new, place)) {
            Ok(()) => Ok(()),
            // Another start was faster.
            Err(_) if place.is_dir() => Ok(()),
            Err(error) => {
                Err((place.display().to_string(), error.to_string(), "check the folder of volumes".to_owned()))
            }
        }
    };
    let told = |(place, problem, remedy): inside::Said| Error::new(place, problem, remedy);
    match maps.writer {
        MapWriter::Root => give(maps.uid_outside(ids.uid), maps.gid_outside(ids.gid)).map_err(told),
        // Inside, ids have their numbers of there.
        MapWriter::Helpers => inside::run(maps, || {
            let known = |id: u32, outside: Option<u32>| outside.map(|_| id);
            give(known(ids.uid, maps.uid_outside(ids.uid)), known(ids.gid, maps.gid_outside(ids.gid)))
        }),
        MapWriter::OneId => give(None, None).map_err(told),
    }
}
