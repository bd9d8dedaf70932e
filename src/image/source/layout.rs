//! OCI image layouts (OCI image specification, image-layout), as a folder or the members of an archive.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Blobs, Descriptor, Opened, Request};
use crate::image::manifest::{Child, Document, Documents, Resolved, printable_list, resolve};
use crate::image::reference::same_image;
use crate::image::{Error, Irregularity, IrregularityKind};

/// The files of a layout or of a saved image, by path from its root: parts are joined by `/`, and none is `..`.
pub(super) trait Files: Send + Sync {
    /// The bytes of a file, `None` where it is missing. More than `limit` are an error.
    fn bytes(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error>;

    /// A file from its start, `None` where it is missing.
    fn open(&self, name: &str) -> Result<Option<Box<dyn Read + Send + '_>>, Error>;

    /// The bytes that a file has, `None` where it is missing.
    fn size(&self, name: &str) -> Result<Option<u64>, Error>;
}

/// Opens a layout in a folder.
pub(super) fn open_folder(request: &Request<'_>, path: &str, tag: Option<&str>) -> Result<Opened, Error> {
    let root = std::fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
    if !root.is_dir() {
        return Err(Error::new(path, "it is no folder", "write `oci-archive:` in front of an archive"));
    }
    let files = Folder { root, place: path.to_owned() };
    open(request, Box::new(files), path, tag)
}

/// Opens a layout whose files can be read in any order.
pub(super) fn open(
    request: &Request<'_>,
    files: Box<dyn Files>,
    place: &str,
    tag: Option<&str>,
) -> Result<Opened, Error> {
    let mut irregularities = Vec::new();
    let resolved = choose(request, &*files, place, tag, &mut irregularities)?;
    let blobs = Layout { files, place: place.to_owned(), limit: request.limits.document_bytes };
    Ok(Opened {
        digest: Some(resolved.digest),
        index_digest: resolved.index_digest,
        config: resolved.config,
        layers: resolved.layers,
        siblings: resolved.siblings,
        blobs: Box::new(blobs),
        irregularities,
    })
}

/// Finds the image that was meant.
pub(super) fn choose(
    request: &Request<'_>,
    files: &dyn Files,
    place: &str,
    tag: Option<&str>,
    odd: &mut Vec<Irregularity>,
) -> Result<Resolved, Error> {
    let limit = request.limits.document_bytes;
    let Some(index) = files.bytes("index.json", limit)? else {
        return Err(Error::new(place, "it is no OCI layout: it has no `index.json`", "name the folder that has one"));
    };
    let name = format!("{place}/index.json");
    let Document::Index(children) = Document::read(&index, &name, "", request.limits.layers, odd)? else {
        return Err(Error::new(name, "it is a manifest, no index", "make the layout again"));
    };
    let index = Document::Index(pick(children, tag, place, odd)?);
    let documents = Blob { files, place, limit };
    resolve(&documents, place, (index, None), request.platform, request.limits, odd)
}

/// The path of a blob in a layout. A descriptor's digest has been found valid, so that it leads nowhere else.
pub(super) fn path_of(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

/// The error of a file or folder that can't be opened.
pub(super) fn unreadable(path: &str, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::new(path, "there is no such file or folder", "check the path"),
        _ => Error::new(path, format!("it can't be opened: {error}"), "check the path and its permissions"),
    }
}

/// Reads all of a reader, or says that it is longer than the limit.
pub(super) fn bounded(reader: impl Read, place: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| Error::new(place, format!("it can't be read: {error}"), "save or fetch it again"))?;
    if bytes.len() as u64 > limit {
        let problem = format!("it has more than {limit} bytes, the limit for a document");
        return Err(Error::new(place, problem, "raise the limit if you trust the image"));
    }
    Ok(bytes)
}

/// The entries of an `index.json` that a tag means; all that are one image where there is no tag.
fn pick(
    children: Vec<Child>,
    tag: Option<&str>,
    place: &str,
    odd: &mut Vec<Irregularity>,
) -> Result<Vec<Child>, Error> {
    if let Some(index) = tag.and_then(|tag| tag.strip_prefix('@')) {
        let count = children.len();
        let at: Option<usize> = index.parse().ok();
        return children
            .into_iter()
            .nth(at.unwrap_or(usize::MAX))
            .map(|child| vec![child])
            .ok_or_else(|| Error::new(place, format!("it has no image @{index}, but {count} in all"), "count from 0"));
    }
    let name = |child: &Child| child.image_name.clone().or_else(|| child.ref_name.clone());
    let (about, images): (Vec<Child>, Vec<Child>) = children.into_iter().partition(|child| child.is_about);
    let mut names: Vec<String> = images.iter().filter_map(name).collect();
    names.sort();
    names.dedup();
    let Some(tag) = tag else {
        let is_one = images.windows(2).all(|pair| pair[0].descriptor.digest == pair[1].descriptor.digest);
        let are_platforms = names.len() <= 1 && images.iter().all(|child| child.platform.is_some());
        if images.is_empty() {
            let problem = if about.is_empty() { "it holds no image" } else { "it holds attestations, but no image" };
            return Err(Error::new(place, problem, "name another layout"));
        }
        if is_one || are_platforms {
            return Ok(images);
        }
        let count = images.len();
        let problem = match names.is_empty() {
            true => format!("it holds {count} images without names"),
            false => format!("it holds {count} images: {}", printable_list(&names)),
        };
        return Err(Error::new(
            place,
            problem,
            "put `:NAME`, or `:@0` for the first, behind the path; for standard input, write `oci-archive:-:NAME`",
        ));
    };
    let is_meant = |child: &Child| {
        child.ref_name.as_deref().is_some_and(|name| name == tag || same_image(name, tag))
            || child.image_name.as_deref().is_some_and(|name| same_image(name, tag))
    };
    let meant: Vec<Child> = images.into_iter().chain(about).filter(is_meant).collect();
    if meant.is_empty() {
        let problem = match names.is_empty() {
            true => format!("it has no image `{tag}`, since its images have no names"),
            false => format!("it has no image `{tag}`, but {}", printable_list(&names)),
        };
        return Err(Error::new(place, problem, "put one of these names behind the path"));
    }
    let differ = |pair: &[Child]| pair[0].descriptor.digest != pair[1].descriptor.digest;
    if meant.windows(2).any(differ) && meant.iter().any(|child| child.platform.is_none()) {
        odd.push(Irregularity {
            kind: IrregularityKind::Ambiguous,
            path: String::new(),
            detail: format!("{} images are named `{tag}`; tools differ in which they take", meant.len()),
        });
    }
    Ok(meant)
}

/// A layout's blobs.
struct Layout {
    files: Box<dyn Files>,
    place: String,
    limit: u64,
}

impl Blobs for Layout {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        Blob { files: &*self.files, place: &self.place, limit: self.limit }.open(blob)
    }
}

struct Blob<'a> {
    files: &'a dyn Files,
    place: &'a str,
    limit: u64,
}

impl<'a> Blob<'a> {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + 'a>, Error> {
        self.files.open(&path_of(&blob.digest))?.ok_or_else(|| self.missing(blob))
    }

    fn missing(&self, blob: &Descriptor) -> Error {
        let problem = format!("it names a blob that it does not hold: {}", blob.digest);
        Error::new(self.place, problem, "copy the whole image there, or choose another platform")
    }
}

impl Documents for Blob<'_> {
    fn blob(&self, blob: &Descriptor) -> Result<Vec<u8>, Error> {
        self.files.bytes(&path_of(&blob.digest), self.limit)?.ok_or_else(|| self.missing(blob))
    }
}

/// The files in a folder.
struct Folder {
    /// Absolute and without symlinks.
    root: PathBuf,
    place: String,
}

impl Folder {
    /// Opens a regular file in the folder. Symlinks are followed inside only: a layout from a stranger must not make harden
    /// read, or wait for, what is elsewhere.
    fn file(&self, name: &str) -> Result<Option<File>, Error> {
        let path: PathBuf = self.root.join(name.split('/').collect::<PathBuf>());
        let place = || format!("{}/{name}", self.place);
        let real = match std::fs::canonicalize(&path) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&place(), &error)),
        };
        if !real.starts_with(&self.root) {
            return Err(Error::new(place(), "it is a symlink that leads out of the layout", "copy the file there"));
        }
        if !Path::is_file(&real) {
            return Err(Error::new(place(), "it is no regular file", "make the layout again"));
        }
        File::open(&real).map(Some).map_err(|error| unreadable(&place(), &error))
    }
}

impl Files for Folder {
    fn bytes(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let file = self.file(name)?;
        file.map(|file| bounded(file, &format!("{}/{name}", self.place), limit)).transpose()
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn Read + Send + '_>>, Error> {
        Ok(self.file(name)?.map(|file| Box::new(file) as Box<dyn Read + Send>))
    }

    fn size(&self, name: &str) -> Result<Option<u64>, Error> {
        let Some(file) = self.file(name)? else { return Ok(None) };
        file.metadata().map(|metadata| Some(metadata.len())).map_err(|error| unreadable(&self.place, &error))
    }
}
