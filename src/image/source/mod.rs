//! Where images come from: one way to open them all.

mod archive;
mod docker;
mod fetch;
mod keep;
mod layers;
mod layout;
mod members;
mod outer;
mod remote;
mod rootfs;
mod spool;
mod stream;

use std::io::Read;
use std::path::Path;

use super::layer::Collector;
use super::{
    Cache, Error, Image, Irregularity, LayerPart, Limits, Parts, Reference, Sibling, Transport, Wanted, daemon,
    registry,
};

/// What is asked of [`read`].
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The reference as the user gave it.
    pub name: &'a str,
    /// What it means.
    pub reference: &'a Reference,
    /// The platform to choose from an index, `linux/arm64/v8`; Linux on this machine's architecture where `None`.
    pub platform: Option<&'a str>,
    /// What to collect from the files.
    pub wanted: &'a Wanted,
    /// Bounds.
    pub limits: &'a Limits,
    /// Today as `YYYY-MM-DD`, for what ages.
    pub today: Option<&'a str>,
    /// Where facts of layers are kept between runs; `None` for nowhere.
    pub cache: Option<&'a Cache>,
    /// How registries are reached; anonymously, and knowing no file of this machine, where `None`.
    pub registry: Option<&'a registry::Options>,
    /// Where the engine listens, as `DOCKER_HOST` has it; the usual places where `None`.
    pub engine: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// A request that asks for what is usual: this machine's platform, no cache, no credentials, the usual engine.
    #[must_use]
    pub fn new(name: &'a str, reference: &'a Reference, wanted: &'a Wanted, limits: &'a Limits) -> Self {
        Self { name, reference, platform: None, wanted, limits, today: None, cache: None, registry: None, engine: None }
    }
}

/// A blob as a manifest describes it (OCI content descriptor).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Descriptor {
    /// `mediaType`.
    pub media_type: String,
    /// `digest`, `sha256:…` or `sha512:…`.
    pub digest: String,
    /// `size`, bytes.
    pub size: u64,
}

/// The blobs of one image. What they give is checked by who reads it: size and digest are only claims here.
pub trait Blobs: Send + Sync {
    /// Opens a blob from its start.
    ///
    /// # Errors
    /// A blob that is missing or can't be reached.
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error>;
}

/// An image whose layers can be read in any order.
pub struct Opened {
    /// Digest of the manifest, computed from its bytes.
    pub digest: Option<String>,
    /// Digest of the index it was chosen from.
    pub index_digest: Option<String>,
    /// The configuration's bytes, digest checked.
    pub config: Vec<u8>,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// The same image for other platforms.
    pub siblings: Vec<Sibling>,
    /// Where their bytes are.
    pub blobs: Box<dyn Blobs>,
    /// What contradicts itself so far.
    pub irregularities: Vec<Irregularity>,
}

/// An image as a source gives it, its layers read.
struct Whole {
    digest: Option<String>,
    index_digest: Option<String>,
    config: Vec<u8>,
    layers: Vec<LayerPart>,
    siblings: Vec<Sibling>,
    unhashed: usize,
    irregularities: Vec<Irregularity>,
}

/// Opens an image whose layers are to be read more than once. What can only be read from start to end is written to
/// `spool` first.
///
/// # Errors
/// As [`read`], and a spool that can't be written.
pub fn open(request: &Request<'_>, spool: &Path) -> Result<Opened, Error> {
    match &request.reference.transport {
        Transport::Registry { registry, repository, tag, digest } => {
            let version = digest.as_ref().or(tag.as_ref()).map_or("latest", String::as_str);
            remote::open(request, registry, repository, version)
        }
        Transport::OciLayout { path, tag } => layout::open_folder(request, path, tag.as_deref()),
        Transport::OciArchive { path, .. } | Transport::DockerArchive { path, .. } if path != "-" => {
            match archive::open(request, path)? {
                archive::Source::Opened(opened) => Ok(*opened),
                archive::Source::Stream(file) => spool::open(request, file, spool),
            }
        }
        Transport::OciArchive { .. } | Transport::DockerArchive { .. } | Transport::Stdin => {
            spool::open(request, std::io::stdin(), spool)
        }
        Transport::DockerDaemon { name } => spool::open(request, daemon::save(name, request.engine)?, spool),
        Transport::RootFs { path } => Err(Error::new(path, "a folder has no layers", "use it where it is")),
    }
}

/// Brings the layers of an opened image near, where they are far: each is written to the folder `near` before any is read,
/// since they are read more than once.
///
/// # Errors
/// A layer that can't be had, or isn't what its digest says; a folder that can't be written to.
pub fn fetch(request: &Request<'_>, opened: Opened, near: &Path) -> Result<Opened, Error> {
    match request.reference.transport {
        Transport::Registry { .. } => fetch::fetch(request, opened, near),
        _ => Ok(opened),
    }
}

/// What an engine's name means now: the id that the engine gives the image. It says when the name means another one, and
/// nothing else.
///
/// # Errors
/// No engine that answers, or none that has the image.
pub fn engine_id(name: &str, engine: Option<&str>) -> Result<String, Error> {
    daemon::id(name, engine)
}

/// Reads an opened image whole.
///
/// # Errors
/// As [`read`].
pub fn read_opened(request: &Request<'_>, opened: &Opened) -> Result<Image, Error> {
    Ok(layers::read(request, opened)?.into_image(request))
}

/// Reads an image whole, from wherever it is.
///
/// # Errors
/// What keeps the image from being read: it is missing, unreachable, not what its digest says, or no image.
pub fn read(request: &Request<'_>) -> Result<Image, Error> {
    let opened = match &request.reference.transport {
        Transport::Registry { registry, repository, tag, digest } => {
            let version = digest.as_ref().or(tag.as_ref()).map_or("latest", String::as_str);
            remote::open(request, registry, repository, version)?
        }
        Transport::OciLayout { path, tag } => layout::open_folder(request, path, tag.as_deref())?,
        Transport::OciArchive { path, .. } | Transport::DockerArchive { path, .. } if path != "-" => {
            match archive::open(request, path)? {
                archive::Source::Opened(opened) => *opened,
                archive::Source::Stream(file) => return read_stream(request, file),
            }
        }
        Transport::OciArchive { .. } | Transport::DockerArchive { .. } | Transport::Stdin => {
            return read_stream(request, std::io::stdin());
        }
        Transport::DockerDaemon { name } => return read_stream(request, daemon::save(name, request.engine)?),
        Transport::RootFs { path } => {
            return Ok(rootfs::read(request, path, Collector::new(request.wanted))?.into_image(request));
        }
    };
    read_opened(request, &opened)
}

/// Reads a folder as far as it decides how a container of it is confined: names, owners, modes, accounts, and how each
/// file begins. What is wanted besides is left out, and so is the content that decides nothing.
///
/// # Errors
/// A folder that can't be read.
pub fn glance(request: &Request<'_>, path: &str) -> Result<Image, Error> {
    Ok(rootfs::read(request, path, Collector::brief())?.into_image(request))
}

/// Reads an image from an archive that comes in one piece, of either form, also compressed. Nothing is written to disk:
/// each member that looks like a layer is walked as it passes. Of several images the reference's tag chooses.
///
/// # Errors
/// As [`read`].
pub fn read_stream(request: &Request<'_>, stream: impl Read + Send) -> Result<Image, Error> {
    Ok(stream::read(request, stream)?.into_image(request))
}

impl Whole {
    fn into_image(self, request: &Request<'_>) -> Image {
        let mut image = Image::assemble(Parts {
            name: request.name.into(),
            reference: request.reference.clone(),
            digest: self.digest,
            index_digest: self.index_digest,
            config: self.config,
            layers: self.layers,
            irregularities: self.irregularities,
            today: request.today.map(str::to_owned),
        });
        image.unhashed = self.unhashed;
        image.siblings = self.siblings;
        image
    }
}
