//! From an index to the one image that was meant.

use sha2::{Digest, Sha256, Sha512};

use super::{Child, Document, Platform, mismatch, printable};
use crate::image::source::Descriptor;
use crate::image::{Error, Irregularity, Limits, Sibling};

/// Where manifests, indexes and configurations are.
pub(in crate::image) trait Documents {
    /// The bytes of a configuration, as stored: digest and size are checked by [`resolve`].
    fn blob(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error>;

    /// The bytes of a manifest or an index, which registries keep elsewhere.
    fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        self.blob(descriptor)
    }

    /// How many other platforms' configurations may be read. Where each costs a request, few.
    fn most_siblings(&self) -> usize {
        MOST_SIBLINGS
    }
}

/// The image that was meant.
#[derive(Debug)]
pub(in crate::image) struct Resolved {
    pub(in crate::image) digest: String,
    pub(in crate::image) index_digest: Option<String>,
    pub(in crate::image) config: Vec<u8>,
    pub(in crate::image) layers: Vec<Descriptor>,
    pub(in crate::image) siblings: Vec<Sibling>,
}

/// Other platforms whose configurations are read. The largest official images have about ten.
const MOST_SIBLINGS: usize = 16;
/// Bytes of another platform's manifest or configuration; usual ones have some thousands.
const SIBLING_BYTES: u64 = 1 << 20;

/// How deep indexes may stand in each other. Real ones: an index in a layout's `index.json`.
const DEPTH: usize = 4;

/// Follows a document to a manifest, choosing by platform in each index, and reads the manifest's configuration. Each
/// document's digest and size are checked. `place` is for errors, `index_digest` that of the first document where it is an
/// index with a digest.
pub(in crate::image) fn resolve(
    documents: &dyn Documents,
    place: &str,
    first: (Document, Option<String>),
    platform: Option<&str>,
    limits: &Limits,
    odd: &mut Vec<Irregularity>,
) -> Result<Resolved, Error> {
    let wanted = platform.map_or_else(|| Ok(Platform::here()), Platform::parse)?;
    let (mut document, mut digest) = first;
    let mut index_digest = None;
    let mut others: Vec<Child> = Vec::new();
    for _ in 0..=DEPTH {
        let children = match document {
            Document::Manifest { config, layers } => {
                let fetch = |config: &Descriptor| documents.blob(config);
                let config = checked(fetch, place, &config, limits, odd)?;
                let others = others.iter().take(documents.most_siblings());
                let siblings = others.filter_map(|other| sibling(documents, place, other, limits)).collect();
                return Ok(Resolved { digest: digest.unwrap_or_default(), index_digest, config, layers, siblings });
            }
            Document::Index(children) => children,
        };
        index_digest = index_digest.or(digest.take());
        let child = choose(&children, &wanted, place)?;
        others = children.iter().filter(|other| is_sibling(child, other)).cloned().collect();
        let fetch = |manifest: &Descriptor| documents.manifest(manifest);
        let bytes = checked(fetch, place, &child.descriptor, limits, odd)?;
        let name = format!("{place}@{}", child.descriptor.digest);
        document = Document::read(&bytes, &name, &child.descriptor.media_type, limits.layers, odd)?;
        digest = Some(child.descriptor.digest.clone());
    }
    Err(Error::new(
        place,
        format!("its indexes stand in each other more than {DEPTH} deep"),
        "name the manifest by digest",
    ))
}

/// Whether a child is the same image for another platform.
fn is_sibling(chosen: &Child, other: &Child) -> bool {
    let both = chosen.platform.as_ref().zip(other.platform.as_ref());
    !other.is_about
        && both.is_some_and(|(chosen, other)| chosen != other)
        && chosen.descriptor.digest != other.descriptor.digest
}

/// The configuration for another platform. What can't be had or read of it is left out: it is not what was asked for.
fn sibling(documents: &dyn Documents, place: &str, other: &Child, limits: &Limits) -> Option<Sibling> {
    let small = |descriptor: &Descriptor| descriptor.size <= SIBLING_BYTES;
    let (platform, descriptor, odd) = (other.platform.as_ref()?, &other.descriptor, &mut Vec::new());
    let fetch = |manifest: &Descriptor| documents.manifest(manifest);
    let bytes = small(descriptor).then(|| checked(fetch, place, descriptor, limits, odd).ok())??;
    let document = Document::read(&bytes, place, &descriptor.media_type, limits.layers, odd).ok()?;
    let Document::Manifest { config, .. } = document else { return None };
    let fetch = |config: &Descriptor| documents.blob(config);
    let bytes = small(&config).then(|| checked(fetch, place, &config, limits, odd).ok())??;
    Some(Sibling::read(printable(&platform.to_string()), &bytes))
}

/// The digest of some bytes by the algorithm of another digest, `sha256:…` where that is no known one.
pub(in crate::image) fn digest_like(like: &str, bytes: &[u8]) -> String {
    let (name, hash) = match like.split_once(':') {
        Some(("sha512", _)) => ("sha512", Sha512::digest(bytes).to_vec()),
        _ => ("sha256", Sha256::digest(bytes).to_vec()),
    };
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{name}:{hex}")
}

/// A document that is what its digest says.
fn checked(
    fetch: impl Fn(&Descriptor) -> Result<Vec<u8>, Error>,
    place: &str,
    descriptor: &Descriptor,
    limits: &Limits,
    odd: &mut Vec<Irregularity>,
) -> Result<Vec<u8>, Error> {
    let name = format!("{place}@{}", descriptor.digest);
    if descriptor.size > limits.document_bytes {
        let problem = format!("it has {} bytes; the limit is {}", descriptor.size, limits.document_bytes);
        return Err(Error::new(name, problem, "raise the limit if you trust the image"));
    }
    let bytes = fetch(descriptor)?;
    let actual = digest_like(&descriptor.digest, &bytes);
    if actual != descriptor.digest {
        let problem = format!("its content is not what its digest says: it has {actual}");
        return Err(Error::new(name, problem, "fetch or make the image again"));
    }
    if bytes.len() as u64 != descriptor.size {
        let (said, is) = (descriptor.size, bytes.len());
        let what = &descriptor.digest;
        odd.push(mismatch(format!("{what} has {is} bytes, and what names it says {said}")));
    }
    Ok(bytes)
}

/// The child for a platform. One without a platform serves any.
fn choose<'a>(children: &'a [Child], wanted: &Platform, place: &str) -> Result<&'a Child, Error> {
    let images = || children.iter().filter(|child| !child.is_about);
    let fit = |child: &Child| child.platform.as_ref().map_or(Some(u8::MAX), |offered| wanted.fit(offered));
    if let Some(best) = images().filter(|child| fit(child).is_some()).min_by_key(|child| fit(child)) {
        return Ok(best);
    }
    let mut offered: Vec<String> =
        images().filter_map(|child| child.platform.as_ref()).map(Platform::to_string).collect();
    offered.dedup();
    if offered.is_empty() {
        return Err(Error::new(place, "its index names no image", "name an image"));
    }
    let problem = format!("it has no image for {wanted}, but for {}", printable_list(&offered));
    Err(Error::new(place, problem, "choose one with `--platform`"))
}

/// The first 20 of some texts of an image, fit for a sentence.
pub(in crate::image) fn printable_list(texts: &[String]) -> String {
    let shown: Vec<String> = texts.iter().take(20).map(|text| format!("`{}`", printable(text))).collect();
    let more = texts.len().saturating_sub(20);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
