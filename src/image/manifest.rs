//! Manifests and indexes: OCI image specification 1.1, Docker image manifest version 2 schema 2, read leniently. What a
//! document is, its content says; what others say of it is compared.

mod choose;
mod platform;

use super::json::{Json, Reader};
use super::source::Descriptor;
use super::{Error, Irregularity, IrregularityKind};

pub(super) use choose::{Documents, Resolved, digest_like, printable_list, resolve};
pub(super) use platform::Platform;

/// A document that a reference can lead to.
#[derive(Debug)]
pub(super) enum Document {
    /// Names manifests to choose from.
    Index(Vec<Child>),
    /// Names a configuration and layers.
    Manifest {
        /// The configuration.
        config: Descriptor,
        /// The layers, lowest first.
        layers: Vec<Descriptor>,
    },
}

/// What an index says of one of its manifests.
#[derive(Clone, Debug, Default)]
pub(super) struct Child {
    /// Where it is.
    pub(super) descriptor: Descriptor,
    /// What it is for, where the index says so.
    pub(super) platform: Option<Platform>,
    /// `org.opencontainers.image.ref.name`.
    pub(super) ref_name: Option<String>,
    /// `io.containerd.image.name`, which `docker save` writes.
    pub(super) image_name: Option<String>,
    /// Whether it is no image but something about one: an attestation, a signature.
    pub(super) is_about: bool,
}

/// Media types of manifests of images.
const MANIFESTS: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];

/// Media types of indexes.
const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

/// Children of an index that are looked at. The largest official ones have about 20, and as many attestations.
const CHILDREN: usize = 4096;

impl Document {
    /// Reads a manifest or an index. `claimed` is the media type that a descriptor or an HTTP header gave; empty for none.
    /// What it contradicts goes to `odd`.
    ///
    /// # Errors
    /// What is neither: broken JSON, the legacy format, an artifact that is no image, a document that is both.
    pub(super) fn read(
        bytes: &[u8],
        place: &str,
        claimed: &str,
        layer_limit: usize,
        odd: &mut Vec<Irregularity>,
    ) -> Result<Self, Error> {
        let value = json(bytes, place)?;
        let mut reader = Reader::of(subject(place));
        let document = Self::of(&value, place, claimed, layer_limit, &mut reader);
        odd.append(&mut reader.said);
        document
    }

    fn of(value: &Json, place: &str, claimed: &str, layers: usize, reader: &mut Reader) -> Result<Self, Error> {
        let declared = reader.text(value, "mediaType", "mediaType").unwrap_or_default();
        let is_legacy = declared.starts_with("application/vnd.docker.distribution.manifest.v1+");
        let is_there = |key: &str| value.all(key).next().is_some();
        let is_first = |version: &Json| version.number() == Some(1);
        if is_legacy || is_there("fsLayers") || value.all("schemaVersion").any(is_first) {
            let problem =
                "its manifest is in Docker's legacy format (version 2, schema 1), which names no configuration";
            return Err(Error::new(place, problem, "push it again with a tool of this decade, such as `skopeo copy`"));
        }
        // Go writes an empty list as null.
        let has = |key: &str| value.all(key).any(|value| *value != Json::Null);
        let (document, own) = if has("manifests") && has("layers") {
            // Readers choose differently between the two (CVE-2021-41190), so neither is the image.
            let problem = "it is a manifest and an index at once, so that tools read different images from it";
            return Err(Error::new(place, problem, "get the image from somebody else"));
        } else if has("layers") || has("config") {
            (manifest(value, place, layers, reader)?, &MANIFESTS)
        } else if is_there("manifests") {
            (index(value, place, reader)?, &INDEXES)
        } else {
            return Err(Error::new(place, "it is neither a manifest nor an index", "name an image"));
        };
        for (word, who) in [(&declared, "itself"), (&claimed.to_owned(), "what names it")] {
            // A wrong name of the same kind and family is a difference too: OCI's manifest under Docker's type.
            if !word.is_empty() && !own.contains(&word.as_str()) {
                let kind = if matches!(document, Self::Index(_)) { "an index" } else { "a manifest" };
                let what = subject(place);
                let detail = format!("{what} is {kind}, and {who} calls it `{}`", printable(word));
                reader.say(IrregularityKind::Mismatch, detail);
            }
        }
        if !declared.is_empty() && !claimed.is_empty() && declared != claimed && own.contains(&claimed) {
            let (declared, claimed) = (printable(&declared), printable(claimed));
            let what = subject(place);
            let detail = format!("{what} calls itself `{declared}`, and what names it calls it `{claimed}`");
            reader.say(IrregularityKind::Mismatch, detail);
        }
        Ok(document)
    }
}

/// Parses JSON as Go does; a byte order mark in front, which some tools write, is no error.
pub(super) fn json(bytes: &[u8], place: &str) -> Result<Json, Error> {
    Json::read(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
        .map_err(|error| Error::new(place, format!("it is no JSON: {error}"), "make or fetch the image again"))
}

/// What makes a layer no file system to read; `None` for the usual ones. Whether a layer is compressed, and how, its first
/// bytes say.
pub(super) fn unread(layer: &Descriptor) -> Option<String> {
    let kind = &layer.media_type;
    if kind.contains(".foreign.") || kind.contains(".nondistributable.") {
        return Some("a foreign layer, which is not fetched".to_owned());
    }
    if kind.ends_with("+encrypted") {
        return Some("an encrypted layer".to_owned());
    }
    let is_archive = kind.is_empty() || kind.contains("tar") || kind.contains("layer");
    (!is_archive).then(|| format!("a layer of type `{}`, which is no file system", printable(kind)))
}

/// A mismatch of documents.
pub(super) fn mismatch(detail: String) -> Irregularity {
    Irregularity { kind: IrregularityKind::Mismatch, path: String::new(), detail }
}

/// What a place is about, wherever the image is: a document's digest, or its name.
fn subject(place: &str) -> &str {
    place.rsplit(['@', '/']).next().unwrap_or(place)
}

/// A text of an image, fit for a sentence: short, without control characters.
pub(super) fn printable(text: &str) -> String {
    let mut short: String = text.chars().take(120).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if short.len() < text.len() && text.chars().nth(120).is_some() {
        short.push('…');
    }
    short
}

fn index(value: &Json, place: &str, reader: &mut Reader) -> Result<Document, Error> {
    let children = match reader.one(value, "manifests", "manifests") {
        Some(Json::List(children)) => &children[..],
        None => &[],
        Some(_) => return Err(Error::new(place, "its `manifests` are no list", "make the image again")),
    };
    if children.len() > CHILDREN {
        let (what, count) = (subject(place), children.len());
        let detail = format!("{what} names {count} manifests, of which the first {CHILDREN} were looked at");
        reader.say(IrregularityKind::Limit, detail);
    }
    let children = children.iter().enumerate().take(CHILDREN);
    Ok(Document::Index(children.filter_map(|(index, value)| child(value, index, reader)).collect()))
}

fn child(value: &Json, index: usize, reader: &mut Reader) -> Option<Child> {
    let place = format!("manifests[{index}]");
    let descriptor = descriptor(value, &place, reader)?;
    let annotations = reader.one(value, "annotations", &format!("{place}.annotations"));
    let mut annotation = |key: &str| reader.entry(annotations?, key, &format!("{place}.annotations.{key}"));
    let is_attestation = annotation("vnd.docker.reference.type").is_some();
    let ref_name = annotation("org.opencontainers.image.ref.name");
    let image_name = annotation("io.containerd.image.name");
    let platform = reader.one(value, "platform", &format!("{place}.platform")).map(|platform| {
        let mut text = |key: &str| reader.text(platform, key, &format!("{place}.platform.{key}")).unwrap_or_default();
        Platform::new(&text("os"), &text("architecture"), &text("variant"))
    });
    let is_unknown = platform.as_ref().is_some_and(Platform::is_unknown);
    let artifact = reader.text(value, "artifactType", &format!("{place}.artifactType"));
    let is_artifact =
        artifact.is_some_and(|kind| !kind.is_empty()) && platform.as_ref().is_none_or(|platform| platform.is_empty());
    Some(Child {
        is_about: is_unknown || is_artifact || is_attestation,
        ref_name,
        image_name,
        platform: platform.filter(|platform| !platform.is_empty()),
        descriptor,
    })
}

fn manifest(value: &Json, place: &str, limit: usize, reader: &mut Reader) -> Result<Document, Error> {
    let config = reader.one(value, "config", "config").and_then(|config| descriptor(config, "config", reader));
    let artifact = reader.text(value, "artifactType", "artifactType").filter(|kind| !kind.is_empty());
    let Some(config) = config else {
        let problem = match artifact {
            Some(kind) => format!("it is an artifact of type `{}`, no image", printable(&kind)),
            None => "its manifest names no configuration, or none with a valid digest".to_owned(),
        };
        return Err(Error::new(place, problem, "name an image"));
    };
    let is_image = ["", "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"]
        .contains(&config.media_type.as_str());
    // Tools call many things a configuration; only a type that says JSON in another vendor's name is no image for sure.
    if !is_image && (artifact.is_some() || config.media_type != "application/octet-stream") {
        let kind = printable(artifact.as_ref().unwrap_or(&config.media_type));
        return Err(Error::new(place, format!("it is an artifact of type `{kind}`, no image"), "name an image"));
    }
    let listed = match reader.one(value, "layers", "layers") {
        Some(Json::List(listed)) => &listed[..],
        None => &[],
        Some(_) => return Err(Error::new(place, "its `layers` are no list", "make the image again")),
    };
    check_count(listed.len(), place, limit)?;
    let mut layers = Vec::with_capacity(listed.len());
    for (index, layer) in listed.iter().enumerate() {
        let layer = descriptor(layer, &format!("layers[{index}]"), reader);
        let broken = || Error::new(place, "one of its layers has no valid digest or size", "make the image again");
        layers.push(layer.ok_or_else(broken)?);
    }
    Ok(Document::Manifest { config, layers })
}

/// Refuses more layers than the bound allows.
pub(super) fn check_count(layers: usize, place: &str, limit: usize) -> Result<(), Error> {
    if layers <= limit {
        return Ok(());
    }
    Err(Error::new(
        place,
        format!("it has {layers} layers; the limit is {limit}"),
        "raise the limit if you trust the image",
    ))
}

/// A descriptor with a valid digest, which is safe as a name of a file and in a URL.
fn descriptor(value: &Json, place: &str, reader: &mut Reader) -> Option<Descriptor> {
    let mut text = |key: &str| reader.text(value, key, &format!("{place}.{key}")).unwrap_or_default();
    let (media_type, digest) = (text("mediaType"), text("digest"));
    let size = reader.plain(value, "size", &format!("{place}.size")).and_then(Json::number)?;
    let descriptor = Descriptor { media_type, digest, size };
    super::reference::is_digest(&descriptor.digest).then_some(descriptor)
}
