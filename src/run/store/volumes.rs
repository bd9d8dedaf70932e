//! Named volumes: folders that stay when their container is gone. Nothing but a person removes one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Uid};

use super::{Store, inside, lock};
use crate::policy::{Ids, oci};
use crate::run::{Error, IdMaps, MapWriter};

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
        let given = fs::create_dir(&new).map_err(failed).and_then(|()| give(&new, ids, maps));
        let moved = given.and_then(|()| match fs::rename(&new, &path) {
            // Another start was faster.
            Err(_) if path.is_dir() => Ok(()),
            done => done.map_err(failed),
        });
        let _ = fs::remove_dir(&new);
        let _ = fs::remove_file(new.with_extension("lock"));
        moved.map(|()| path)
    }
}

fn give(folder: &Path, ids: &Ids, maps: &IdMaps) -> Result<(), Error> {
    let chown = |uid: Option<u32>, gid: Option<u32>| {
        rustix::fs::chown(folder, uid.map(Uid::from_raw), gid.map(Gid::from_raw))
            .map_err(|error| (folder.display().to_string(), error.to_string(), "check the folder".to_owned()))
    };
    match maps.writer {
        MapWriter::Root => chown(maps.uid_outside(ids.uid), maps.gid_outside(ids.gid))
            .map_err(|(place, problem, remedy)| Error::new(place, problem, remedy)),
        // Inside, ids have their numbers of there.
        MapWriter::Helpers => inside::run(maps, || {
            let known = |id: u32, outside: Option<u32>| outside.map(|_| id);
            chown(known(ids.uid, maps.uid_outside(ids.uid)), known(ids.gid, maps.gid_outside(ids.gid)))
        }),
        MapWriter::OneId => Ok(()),
    }
}
