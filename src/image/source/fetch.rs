//! Layers that are far, downloaded to a folder.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::keep::Keep;
use super::{Blobs, Descriptor, Opened, Request};
use crate::image::Error;
use crate::image::manifest::unread;

/// Layers that are downloaded at once, as engines do.
const AT_ONCE: usize = 3;

/// Downloads all layers that can be read.
pub(super) fn fetch(request: &Request<'_>, opened: Opened, near: &Path) -> Result<Opened, Error> {
    let mut layers: Vec<&Descriptor> = opened.layers.iter().filter(|layer| unread(layer).is_none()).collect();
    layers.sort_by(|a, b| a.digest.cmp(&b.digest));
    layers.dedup_by(|a, b| a.digest == b.digest);
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<Error>> = Mutex::new(None);
    let work = || {
        while let Some(layer) = layers.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = one(request, &*opened.blobs, layer, near) {
                // The first error is the answer, and there is no use in what comes after it.
                next.store(layers.len(), Ordering::Relaxed);
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..AT_ONCE.min(layers.len()) {
            scope.spawn(work);
        }
        work();
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(Opened { blobs: Box::new(Near(near.to_owned())), ..opened }),
    }
}

/// Downloads one layer. Its size and its digest are checked as it comes.
fn one(request: &Request<'_>, blobs: &dyn Blobs, layer: &Descriptor, near: &Path) -> Result<(), Error> {
    let place = || format!("{}@{}", request.name, layer.digest);
    let most = request.limits.layer_bytes;
    if layer.size > most {
        let problem = format!("a layer has {} bytes; the limit is {most}", layer.size);
        return Err(Error::new(place(), problem, "raise the limit if you trust the image"));
    }
    let path = path_of(near, layer);
    let keep = Keep::new(&path, "a layer")?;
    let unreadable = |error: io::Error| Error::new(place(), error.to_string(), "fetch the image again");
    keep.all(&mut blobs.open(layer)?, unreadable, |_| Ok(())).map(drop)
}

/// Layers in a folder.
struct Near(PathBuf);

impl Blobs for Near {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        let path = path_of(&self.0, blob);
        match File::open(&path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => {
                let problem = format!("a layer that was downloaded can't be read: {error}");
                Err(Error::new(path.display().to_string(), problem, "start again"))
            }
        }
    }
}

/// A digest that was found valid has letters and digits around one colon.
fn path_of(near: &Path, blob: &Descriptor) -> PathBuf {
    near.join(blob.digest.replace(':', "-"))
}
