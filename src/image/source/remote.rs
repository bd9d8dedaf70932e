//! Images in registries.

use std::io::Read;

use super::layout::bounded;
use super::{Blobs, Descriptor, Opened, Request};
use crate::image::manifest::{Document, Documents, resolve};
use crate::image::registry::{Options, Registry};
use crate::image::{Error, Limits};

/// Asks a registry for an image by tag or digest. Its layers are fetched when they are read.
pub(super) fn open(request: &Request<'_>, host: &str, repository: &str, version: &str) -> Result<Opened, Error> {
    let mut options = request.registry.cloned().unwrap_or_else(Options::default);
    options.document_bytes = Some(request.limits.document_bytes);
    let registry = Registry::connect(host, repository, &options)?;
    let place = format!("{host}/{repository}");
    let answer = registry.manifest(version)?;
    let mut irregularities = Vec::new();
    let layers = request.limits.layers;
    let name = format!("{place}@{}", answer.digest);
    // Some registries call every document JSON, which contradicts nothing.
    let claimed = if answer.media_type.starts_with("application/vnd.") { &answer.media_type } else { "" };
    let document = Document::read(&answer.bytes, &name, claimed, layers, &mut irregularities)?;
    let is_metered = matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io");
    let remote = Remote { registry, place, limits: request.limits.clone(), is_metered };
    let first = (document, Some(answer.digest));
    let resolved = resolve(&remote, &remote.place, first, request.platform, request.limits, &mut irregularities)?;
    Ok(Opened {
        digest: Some(resolved.digest),
        index_digest: resolved.index_digest,
        config: resolved.config,
        layers: resolved.layers,
        siblings: resolved.siblings,
        blobs: Box::new(remote),
        irregularities,
    })
}

struct Remote {
    registry: Registry,
    place: String,
    limits: Limits,
    is_metered: bool,
}

/// Other platforms that are asked for, each with two requests.
const MOST_SIBLINGS: usize = 8;

impl Documents for Remote {
    fn blob(&self, blob: &Descriptor) -> Result<Vec<u8>, Error> {
        let place = format!("{}@{}", self.place, blob.digest);
        bounded(self.registry.blob(&blob.digest, blob.size)?, &place, self.limits.document_bytes)
    }

    fn manifest(&self, manifest: &Descriptor) -> Result<Vec<u8>, Error> {
        Ok(self.registry.manifest(&manifest.digest)?.bytes)
    }

    /// Docker Hub counts each manifest as a pull, of which it gives few away.
    fn most_siblings(&self) -> usize {
        if self.is_metered { 0 } else { MOST_SIBLINGS }
    }
}

impl Blobs for Remote {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        self.registry.blob(&blob.digest, blob.size)
    }
}
