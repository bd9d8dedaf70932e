//! Where images come from: one way to open them all.

use std::io::Read;

use super::{Error, Image, Irregularity, Limits, Reference, Wanted};

/// What is asked of [`read`].
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The reference as the user gave it.
    pub name: &'a str,
    /// What it means.
    pub reference: &'a Reference,
    /// The platform to choose from an index, `linux/arm64/v8`; that of this machine where `None`.
    pub platform: Option<&'a str>,
    /// What to collect from the files.
    pub wanted: &'a Wanted,
    /// Bounds.
    pub limits: &'a Limits,
    /// Today as `YYYY-MM-DD`, for what ages.
    pub today: Option<&'a str>,
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
    /// `urls`: where a foreign layer is.
    pub urls: Vec<String>,
}

/// The blobs of one image. What they give is checked by who reads it: size and digest are only claims here.
pub trait Blobs: Sync {
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
    /// Where their bytes are.
    pub blobs: Box<dyn Blobs>,
    /// What contradicts itself so far.
    pub irregularities: Vec<Irregularity>,
}

/// Reads an image whole, from wherever it is.
///
/// # Errors
/// What keeps the image from being read: it is missing, unreachable, not what its digest says, or no image.
pub fn read(request: &Request<'_>) -> Result<Image, Error> {
    Err(Error::new(request.name, "no source is read yet", "wait"))
}
