//! Manifests and indexes: OCI image specification 1.1, Docker image manifest version 2 schema 2, read leniently. What a
//! document is, its content says; what others say of it is compared.

mod choose;
mod platform;

use serde::Deserialize;
use serde_json::Value;

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
        let declared = value.get("mediaType").and_then(Value::as_str).unwrap_or("").to_owned();
        let is_legacy = declared.starts_with("application/vnd.docker.distribution.manifest.v1+");
        if is_legacy || value.get("fsLayers").is_some() || value.get("schemaVersion") == Some(&Value::from(1)) {
            let problem =
                "its manifest is in Docker's legacy format (version 2, schema 1), which names no configuration";
            return Err(Error::new(place, problem, "push it again with a tool of this decade, such as `skopeo copy`"));
        }
        // Go writes an empty list as null.
        let has = |key: &str| value.get(key).is_some_and(|value| !value.is_null());
        let (document, own) = if has("manifests") && has("layers") {
            // Readers choose differently between the two (CVE-2021-41190), so neither is the image.
            let problem = "it is a manifest and an index at once, so that tools read different images from it";
            return Err(Error::new(place, problem, "get the image from somebody else"));
        } else if has("layers") || has("config") {
            (manifest(value, place, layer_limit)?, &MANIFESTS)
        } else if value.get("manifests").is_some() {
            (index(value, place, odd)?, &INDEXES)
        } else {
            return Err(Error::new(place, "it is neither a manifest nor an index", "name an image"));
        };
        for (word, who) in [(&declared, "itself"), (&claimed.to_owned(), "what names it")] {
            // A wrong name of the same kind and family is a difference too: OCI's manifest under Docker's type.
            if !word.is_empty() && !own.contains(&word.as_str()) {
                let kind = if matches!(document, Self::Index(_)) { "an index" } else { "a manifest" };
                let what = subject(place);
                odd.push(mismatch(format!("{what} is {kind}, and {who} calls it `{}`", printable(word))));
            }
        }
        if !declared.is_empty() && !claimed.is_empty() && declared != claimed && own.contains(&claimed) {
            let (declared, claimed) = (printable(&declared), printable(claimed));
            let what = subject(place);
            odd.push(mismatch(format!("{what} calls itself `{declared}`, and what names it calls it `{claimed}`")));
        }
        Ok(document)
    }
}

/// The digests of uncompressed layers that a configuration names, `rootfs.diff_ids`. Empty where it can't be read.
pub(super) fn diff_ids(config: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Rootfs {
        #[serde(default)]
        diff_ids: Vec<String>,
    }
    let value: Option<Value> = serde_json::from_slice(config).ok();
    let rootfs = value.and_then(|mut value| value.get_mut("rootfs").map(Value::take));
    rootfs
        .and_then(|rootfs| serde_json::from_value::<Rootfs>(rootfs).ok())
        .map_or_else(Vec::new, |rootfs| rootfs.diff_ids)
}

/// Parses JSON. Of a key that stands twice the last counts, as for Go.
pub(super) fn json(bytes: &[u8], place: &str) -> Result<Value, Error> {
    serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
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

fn index(mut value: Value, place: &str, odd: &mut Vec<Irregularity>) -> Result<Document, Error> {
    let children = match value["manifests"].take() {
        Value::Array(children) => children,
        Value::Null => Vec::new(),
        _ => return Err(Error::new(place, "its `manifests` are no list", "make the image again")),
    };
    if children.len() > CHILDREN {
        odd.push(Irregularity {
            kind: IrregularityKind::Limit,
            path: String::new(),
            detail: format!(
                "{} names {} manifests, of which the first {CHILDREN} were looked at",
                subject(place),
                children.len()
            ),
        });
    }
    Ok(Document::Index(children.iter().take(CHILDREN).filter_map(child).collect()))
}

fn child(value: &Value) -> Option<Child> {
    let descriptor = descriptor(value)?;
    let text = |at: &str| value.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let platform = value.get("platform").map(|platform| {
        let text = |key: &str| platform.get(key).and_then(Value::as_str).unwrap_or("");
        Platform::new(text("os"), text("architecture"), text("variant"))
    });
    let is_unknown = platform.as_ref().is_some_and(Platform::is_unknown);
    let is_artifact = value.get("artifactType").and_then(Value::as_str).is_some_and(|kind| !kind.is_empty())
        && platform.as_ref().is_none_or(|platform| platform.is_empty());
    Some(Child {
        is_about: is_unknown || is_artifact || text("/annotations/vnd.docker.reference.type").is_some(),
        ref_name: text("/annotations/org.opencontainers.image.ref.name"),
        image_name: text("/annotations/io.containerd.image.name"),
        platform: platform.filter(|platform| !platform.is_empty()),
        descriptor,
    })
}

fn manifest(value: Value, place: &str, limit: usize) -> Result<Document, Error> {
    let config = value.get("config").and_then(descriptor);
    let artifact = value.get("artifactType").and_then(Value::as_str).filter(|kind| !kind.is_empty());
    let Some(config) = config else {
        let problem = match artifact {
            Some(kind) => format!("it is an artifact of type `{}`, no image", printable(kind)),
            None => "its manifest names no configuration, or none with a valid digest".to_owned(),
        };
        return Err(Error::new(place, problem, "name an image"));
    };
    let is_image = ["", "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"]
        .contains(&config.media_type.as_str());
    // Tools call many things a configuration; only a type that says JSON in another vendor's name is no image for sure.
    if !is_image && (artifact.is_some() || config.media_type != "application/octet-stream") {
        let kind = printable(artifact.unwrap_or(&config.media_type));
        return Err(Error::new(place, format!("it is an artifact of type `{kind}`, no image"), "name an image"));
    }
    let listed = match value.get("layers") {
        Some(Value::Array(listed)) => &listed[..],
        None | Some(Value::Null) => &[],
        Some(_) => return Err(Error::new(place, "its `layers` are no list", "make the image again")),
    };
    check_count(listed.len(), place, limit)?;
    let layers: Option<Vec<Descriptor>> = listed.iter().map(descriptor).collect();
    let broken = || Error::new(place, "one of its layers has no valid digest or size", "make the image again");
    Ok(Document::Manifest { config, layers: layers.ok_or_else(broken)? })
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
fn descriptor(value: &Value) -> Option<Descriptor> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let urls = value.get("urls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let descriptor = Descriptor {
        media_type: text("mediaType"),
        digest: text("digest"),
        size: value.get("size").and_then(Value::as_u64)?,
        urls: urls.iter().take(16).filter_map(Value::as_str).map(str::to_owned).collect(),
    };
    super::reference::is_digest(&descriptor.digest).then_some(descriptor)
}
