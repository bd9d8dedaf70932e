//! Archives that `docker save` writes: a `manifest.json` that names, for each image, its configuration and its layers.

use std::collections::HashMap;
use std::io::Read;

use super::layout::{Files, bounded};
use super::{Blobs, Descriptor, Opened, Request};
use crate::image::json::{Json, Reader};
use crate::image::manifest::{check_count, digest_like, json, mismatch, printable, printable_list};
use crate::image::reference::{is_digest, same_image};
use crate::image::{Error, ImageConfig, Irregularity};

/// The image that was meant.
pub(super) struct Saved {
    /// The configuration's bytes.
    pub(super) config: Vec<u8>,
    /// Paths of the layers in the archive, lowest first.
    pub(super) layers: Vec<String>,
}

/// Images that a `manifest.json` may list.
const IMAGES: usize = 4096;

/// Finds the image that was meant, by one of its names or by `@` and its index.
pub(super) fn choose(
    request: &Request<'_>,
    files: &dyn Files,
    place: &str,
    tag: Option<&str>,
    odd: &mut Vec<Irregularity>,
) -> Result<Saved, Error> {
    let limit = request.limits.document_bytes;
    let Some(bytes) = files.bytes("manifest.json", limit)? else {
        let problem = match files.bytes("repositories", limit)? {
            Some(_) => "it was saved by a Docker older than 1.10, without a `manifest.json`",
            None => "it holds no image: neither `manifest.json` nor `index.json`",
        };
        let remedy = "save it with `docker save`, or unpack what `docker export` wrote and name it with `rootfs:`";
        return Err(Error::new(place, problem, remedy));
    };
    let name = format!("{place}/manifest.json");
    let broken = |problem: &str| Error::new(name.as_str(), problem, "save the image again");
    let Json::List(images) = json(&bytes, &name)? else {
        return Err(broken("it is no list of images"));
    };
    let mut reader = Reader::of("manifest.json");
    let image = pick(&images[..images.len().min(IMAGES)], tag, place, &mut reader)?;
    let config = reader.text(image, "Config", "Config").ok_or_else(|| broken("it names no configuration"))?;
    let layers = reader.list(image, "Layers", "Layers");
    odd.append(&mut reader.said);
    check_count(layers.len(), place, request.limits.layers)?;
    let path =
        |value: &str| super::members::clean(value, "").ok_or_else(|| broken("it names a file outside the archive"));
    let layer = |layer: &Json| match layer {
        Json::Text(name) => path(name),
        _ => Err(broken("a layer's name is no text")),
    };
    let layers = layers.iter().map(layer).collect::<Result<_, _>>()?;
    let config_path = path(&config)?;
    let config = files.bytes(&config_path, limit)?.ok_or_else(|| missing(place, &config_path))?;
    // The engine goes by the content and doesn't compare; others go by the name.
    let said = digest_of_name(&config_path);
    if let Some(said) = said.filter(|said| digest_like(said, &config) != *said) {
        odd.push(mismatch(format!("the configuration is named {said}, which is not the digest of its content")));
    }
    Ok(Saved { config, layers })
}

/// Opens an image of an archive whose files can be read in any order.
pub(super) fn open(
    request: &Request<'_>,
    files: Box<dyn Files>,
    place: &str,
    tag: Option<&str>,
) -> Result<Opened, Error> {
    let mut irregularities = Vec::new();
    let saved = choose(request, &*files, place, tag, &mut irregularities)?;
    let diff_ids = ImageConfig::diff_ids_of(&saved.config);
    let mut layers = Vec::new();
    let mut names = HashMap::new();
    for (index, name) in saved.layers.iter().enumerate() {
        let diff_id = diff_ids.get(index).filter(|_| diff_ids.len() == saved.layers.len());
        let layer = describe(request, &*files, place, name, diff_id.map(String::as_str))?;
        names.insert(layer.digest.clone(), name.clone());
        layers.push(layer);
    }
    let blobs = Box::new(Layers { files, names, place: place.to_owned() });
    let (config, siblings) = (saved.config, Vec::new());
    Ok(Opened { digest: None, index_digest: None, config, layers, siblings, blobs, irregularities })
}

/// The error of a file that a `manifest.json` names in vain.
pub(super) fn missing(place: &str, name: &str) -> Error {
    let problem = format!("its `manifest.json` names `{}`, which it does not hold", printable(name));
    Error::new(place, problem, "save the image again")
}

/// The digest that a file's name claims to be: `blobs/sha256/HEX`, `HEX.json`.
pub(super) fn digest_of_name(path: &str) -> Option<String> {
    let digest = match path.strip_prefix("blobs/") {
        Some(blob) => blob.replacen('/', ":", 1),
        None => format!("sha256:{}", path.strip_suffix(".json")?),
    };
    is_digest(&digest).then_some(digest)
}

/// Whether the first bytes of a layer say that it is compressed.
pub(super) fn is_compressed(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b]) || is_zstd(head)
}

/// Whether some bytes start a zstd frame, or a skippable one (RFC 8878).
pub(super) fn is_zstd(head: &[u8]) -> bool {
    matches!(head, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

fn pick<'a>(images: &'a [Json], tag: Option<&str>, place: &str, reader: &mut Reader) -> Result<&'a Json, Error> {
    let mut tagged: Vec<(&Json, Vec<String>)> = Vec::new();
    for (index, image) in images.iter().enumerate() {
        let tags = reader.texts(image, "RepoTags", &format!("[{index}].RepoTags")).unwrap_or_default();
        tagged.push((image, tags));
    }
    let names: Vec<String> = tagged.iter().flat_map(|(_, tags)| tags).cloned().collect();
    let count = images.len();
    match tag.map(|tag| tag.strip_prefix('@').ok_or(tag)) {
        None if count == 1 => Ok(&images[0]),
        None if count == 0 => Err(Error::new(place, "it holds no image", "save one")),
        None => {
            let problem = format!("it holds {count} images: {}", printable_list(&names));
            Err(Error::new(
                place,
                problem,
                "put `:NAME:TAG`, or `:@0` for the first, behind the path; for standard input, write `docker-archive:-:NAME:TAG`",
            ))
        }
        Some(Ok(index)) => images
            .get(index.parse().unwrap_or(usize::MAX))
            .ok_or_else(|| Error::new(place, format!("it has no image @{index}, but {count} in all"), "count from 0")),
        Some(Err(tag)) => {
            // As for docker, a name without a tag means `latest`.
            let latest = format!("{tag}:latest");
            let named = |tag: &str| {
                let found = tagged.iter().find(|(_, tags)| tags.iter().any(|name| same_image(name, tag)));
                found.map(|(image, _)| *image)
            };
            named(tag).or_else(|| named(&latest)).ok_or_else(|| {
                let problem = format!("it has no image `{tag}`, but {}", printable_list(&names));
                Error::new(place, problem, "put one of these names behind the path, or `@0` for the first image")
            })
        }
    }
}

/// What is known of a layer before it is read. A layer that is stored plain has its `diff_id` for a digest; of others the
/// archive says none, so that it is computed.
fn describe(
    request: &Request<'_>,
    files: &dyn Files,
    place: &str,
    name: &str,
    diff_id: Option<&str>,
) -> Result<Descriptor, Error> {
    let mut layer = files.open(name)?.ok_or_else(|| missing(place, name))?;
    let size = files.size(name)?.ok_or_else(|| missing(place, name))?;
    let head = bounded((&mut layer).take(4), place, 4)?;
    let digest = match diff_id.filter(|diff_id| is_digest(diff_id) && !is_compressed(&head)) {
        Some(diff_id) => diff_id.to_owned(),
        None => match digest_of_name(name) {
            Some(digest) => digest,
            None => {
                if size > request.limits.layer_bytes {
                    let problem = format!("a layer has {size} bytes; the limit is {}", request.limits.layer_bytes);
                    return Err(Error::new(place, problem, "raise the limit if you trust the image"));
                }
                super::stream::digest_of(head.chain(layer), place)?
            }
        },
    };
    Ok(Descriptor { digest, size, ..Descriptor::default() })
}

/// The layers of a saved image, by digest.
struct Layers {
    files: Box<dyn Files>,
    names: HashMap<String, String>,
    place: String,
}

impl Blobs for Layers {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        let name = self.names.get(&blob.digest).ok_or_else(|| missing(&self.place, &blob.digest))?;
        self.files.open(name)?.ok_or_else(|| missing(&self.place, name))
    }
}
