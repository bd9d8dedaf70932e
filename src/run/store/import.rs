//! Brings an image into the store: opens it, reads it, and writes its file system where nobody sees it before it is whole.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{LAYOUT, Store, Stored, digest_of, hex, lock, record};
use crate::image::source::{self, Request};
use crate::image::unpack::{self, LeftOut};
use crate::image::{Error as ImageError, Image, layer};
use crate::policy::Needs;
use crate::run::{IdMaps, MapWriter, Refused, inside, remove};

/// What is noted beside a file system.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) needs: Needs,
    pub(super) left_out: LeftOut,
    /// As [`Stored::digest`], of the reference that it was unpacked for.
    pub(super) digest: String,
}

/// Whose files of ids are that no map has: nobody's, or else root's.
const NOBODY: u32 = 65_534;

impl Store {
    /// Unpacks what a request names, unless the store has the same image. Gives its key too.
    pub(super) fn import(&self, request: &Request<'_>) -> Result<(String, Stored), Refused> {
        let threads = inside::threads();
        self.sweep();
        let (work, lock) = lock::new_name(&self.folder.join("tmp")).map_err(|error| self.failed(&error))?;
        let done = self.import_into(request, &work);
        // What was left goes; what can't go now will go when somebody looks for leftovers.
        if remove::all(&work, &self.maps).is_ok() {
            let _ = fs::remove_file(work.with_extension("lock"));
        }
        drop(lock);
        inside::settle(threads);
        done
    }

    fn import_into(&self, request: &Request<'_>, work: &Path) -> Result<(String, Stored), Refused> {
        let failed = |error: io::Error| Refused::from(self.failed(&error));
        crate::platform::create_private_folder(work).map_err(failed)?;
        let opened = source::open(request, &work.join("spool"))?;
        let config_digest = format!("sha256:{}", hex(&Sha256::digest(&opened.config)));
        let key = digest_of([LAYOUT, env!("CARGO_PKG_VERSION"), &self.ownership(), &config_digest]);
        let digest = opened.digest.clone().unwrap_or(config_digest);
        // Under other names the same image may be on its way.
        let _held = lock::hold(&self.path("locks", &key)).map_err(failed)?;
        if let Some(stored) = self.image(&key) {
            return Ok((key, Stored { digest, ..stored }));
        }
        // Facts that the cache has would not spare reading the layers: they are to be written.
        let request = &Request { cache: None, ..request.clone() };
        let opened = source::fetch(request, opened, work)?;
        let image = source::read_opened(request, &opened)?;
        is_whole(&image)?;
        let needs = Needs::of(&image);

        let home = work.join("image");
        let root = home.join("rootfs");
        crate::platform::create_private_folder(&root).map_err(failed)?;
        File::create(home.join("lock")).map_err(failed)?;
        let folder = OwnedFd::from(File::open(&root).map_err(failed)?);
        let order = unpack::Order {
            image: &image,
            layers: &opened.layers,
            blobs: &*opened.blobs,
            request,
            root: &folder,
            owner: &|uid, gid| self.owner(uid, gid),
            points: &points(&needs),
        };
        let left_out = match self.maps.writer {
            MapWriter::Helpers => inside::run(&self.maps, || unpack::unpack(&order).map_err(said_by))?,
            MapWriter::Root | MapWriter::OneId => unpack::unpack(&order)?,
        };
        let record = Record { needs, left_out, digest: digest.clone() };
        record::write(&home.join("record"), &record).map_err(failed)?;
        self.put(&home, &key)?;
        match self.image(&key) {
            Some(stored) => Ok((key, Stored { digest, is_new: true, ..stored })),
            None => Err(failed(io::Error::other("what was just unpacked is gone"))),
        }
    }

    /// Moves a whole image to its place. What is there isn't whole, since nobody who holds its lock puts another there.
    fn put(&self, home: &Path, key: &str) -> Result<(), Refused> {
        let place = self.path("images", key);
        let failed = |error: io::Error| Refused::from(self.failed(&error));
        if fs::symlink_metadata(&place).is_ok() {
            self.move_away(&place).map_err(failed)?;
        }
        fs::rename(home, &place).map_err(failed)
    }

    /// To whom a file of the image belongs, in the numbers of who writes it.
    fn owner(&self, uid: u32, gid: u32) -> Option<(u32, u32)> {
        let maps = &self.maps;
        let pick = |id: u32, outside: &dyn Fn(&IdMaps, u32) -> Option<u32>| {
            let (inside, outside) = [id, NOBODY, 0].into_iter().find_map(|id| Some((id, outside(maps, id)?)))?;
            match maps.writer {
                MapWriter::Root => Some(outside),
                MapWriter::Helpers => Some(inside),
                MapWriter::OneId => None,
            }
        };
        Some((pick(uid, &IdMaps::uid_outside)?, pick(gid, &IdMaps::gid_outside)?))
    }
}

/// Folders that are mounted on in every container, and in those of this image.
fn points(needs: &Needs) -> Vec<String> {
    let usual = ["/dev", "/proc", "/sys", "/tmp", "/run", "/etc"].map(str::to_owned);
    let working = Some(needs.working_dir.clone()).filter(|path| path.starts_with('/') && !path.contains(".."));
    usual.into_iter().chain(needs.volumes.iter().cloned()).chain(working).collect()
}

/// Refuses an image of which something is missing, or whose layers are not those of its configuration: its key is the
/// configuration's digest, and stands for all that is in it.
fn is_whole(image: &Image) -> Result<(), ImageError> {
    let refuse = |problem: String, remedy: &str| Err(ImageError::new(&*image.name, problem, remedy));
    let (layers, named) = (image.layers.len(), image.config.diff_ids.len());
    if layers != named {
        let problem = format!("it has {layers} layers, and its configuration names {named}");
        return refuse(problem, "fetch or build the image again");
    }
    for (index, one) in image.layers.iter().enumerate() {
        let number = index + 1;
        let facts = match &one.facts {
            Ok(facts) => facts,
            Err(why) => return refuse(format!("layer {number} can't be had: {why}"), "run an image that is whole"),
        };
        if let Some(gap) = layer::gap(facts) {
            let remedy = "raise the limit if you trust the image, or build it again";
            return refuse(format!("layer {number} was not read whole: {}", gap.detail), remedy);
        }
        if facts.diff_id != one.diff_id {
            let problem = format!("layer {number} is not the one that the configuration names, but {}", facts.diff_id);
            return refuse(problem, "fetch or build the image again");
        }
    }
    Ok(())
}

fn said_by(error: ImageError) -> (String, String, String) {
    (error.place, error.problem, error.remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a store of an older version notes must not be read as something else.
    #[test]
    fn another_form_of_what_is_noted_wants_another_number_of_the_layout() {
        let record = Record { needs: Needs::default(), left_out: LeftOut::default(), digest: String::new() };
        let bytes = postcard::to_stdvec(&record).expect("bytes");
        assert_eq!((LAYOUT, bytes.len()), ("1", 27), "count `LAYOUT` up, and note the new length here");
    }
}
