//! Images in an archive that comes in one piece: standard input, the engine's answer, a compressed file. Which members
//! are layers only the documents say, and these come last; so whatever may be a layer is walked as it passes.

use std::collections::HashMap;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::atomic::AtomicU64;

use sha2::{Digest, Sha256};

use super::archive::Index;
use super::docker::{digest_of_name, is_compressed};
use super::layout::{Files, path_of};
use super::members::{Content, Forward, Member, MemberKind, Members};
use super::{Descriptor, Request, Whole, docker, layers, layout, outer};
use crate::image::layer::Header;
use crate::image::manifest::{printable, unread};
use crate::image::{Error, ImageConfig, Irregularity, LayerFacts, LayerPart, Transport};

/// Reads an image from a stream.
pub(super) fn read(request: &Request<'_>, stream: impl Read + Send) -> Result<Whole, Error> {
    let place = request.name;
    let held = Held::read(request, stream)?;
    let mut irregularities: Vec<Irregularity> = held.index.irregularities().into_iter().collect();
    let (is_layout, tag) = match &request.reference.transport {
        Transport::OciArchive { tag, .. } => (true, tag.as_deref()),
        Transport::DockerArchive { tag, .. } => (false, tag.as_deref()),
        // A layout says more than what stands beside it: the manifest's digest.
        _ => (held.documents.contains_key("index.json"), None),
    };
    if is_layout {
        let image = layout::choose(request, &held, place, tag, &mut irregularities)?;
        let names = image.layers.iter().map(|layer| (path_of(&layer.digest), Some(layer))).collect();
        let layers = held.layers(request, names, &image.config, &mut irregularities)?;
        let (digest, index_digest) = (Some(image.digest), image.index_digest);
        let (config, siblings) = (image.config, image.siblings);
        Ok(Whole { digest, index_digest, config, layers, siblings, unhashed: 0, irregularities })
    } else {
        let image = docker::choose(request, &held, place, tag, &mut irregularities)?;
        let names = image.layers.into_iter().map(|name| (name, None)).collect();
        let layers = held.layers(request, names, &image.config, &mut irregularities)?;
        let (config, siblings) = (image.config, Vec::new());
        Ok(Whole { digest: None, index_digest: None, config, layers, siblings, unhashed: 0, irregularities })
    }
}

/// The SHA-256 of what a reader gives.
pub(super) fn digest_of(reader: impl Read, place: &str) -> Result<String, Error> {
    let mut reader = BufReader::with_capacity(64 << 10, Hashed { reader, hash: Sha256::new() });
    let copied = io::copy(&mut reader, &mut io::sink());
    copied.map_err(|error| Error::new(place, format!("it can't be read: {error}"), "save or fetch it again"))?;
    Ok(hex(reader.into_inner().hash))
}

/// What has passed of a stream.
struct Held {
    place: String,
    index: Index,
    /// Members that may be documents, by path.
    documents: HashMap<String, Vec<u8>>,
    /// Members that may be layers, by path.
    walked: HashMap<String, Walked>,
    entries: AtomicU64,
}

/// A member that may be a layer.
struct Walked {
    digest: String,
    size: u64,
    compressed: bool,
    facts: Result<LayerFacts, Error>,
}

/// Documents of a stream are kept until its end; all together as many bytes as this many of the largest.
const DOCUMENTS: u64 = 16;

impl Held {
    fn read(request: &Request<'_>, stream: impl Read + Send) -> Result<Self, Error> {
        let place = request.name;
        let plain = outer::plain(BufReader::with_capacity(64 << 10, stream), request.limits.ratio);
        let plain = plain.map_err(|error| Error::new(place, format!("it can't be read: {error}"), "save it again"))?;
        let mut members = Members::new(Forward(plain), place);
        let mut held = Self {
            place: place.to_owned(),
            index: Index::default(),
            documents: HashMap::new(),
            walked: HashMap::new(),
            entries: AtomicU64::new(0),
        };
        let mut kept = 0;
        while let Some(member) = members.next()? {
            held.index.add(&member);
            let (Member { name: Some(name), size, .. }, MemberKind::File) = (&member, &member.kind) else { continue };
            // Of two members of a name the later counts, whatever it is.
            held.documents.remove(name);
            held.walked.remove(name);
            let head = head(members.content()).map_err(|error| members.failed(&error))?;
            if !is_document(&head) {
                let walked = held.walk(request, name, *size, &head, members.content());
                held.walked.insert(name.clone(), walked);
            } else if *size <= request.limits.document_bytes {
                kept += size;
                if kept > request.limits.document_bytes.saturating_mul(DOCUMENTS) {
                    let problem = format!("its documents have more than {DOCUMENTS} times the bytes that one may have");
                    return Err(Error::new(place, problem, "raise the limit if you trust the image"));
                }
                let mut bytes = head;
                let read = members.content().read_to_end(&mut bytes);
                read.map_err(|error| members.failed(&error))?;
                held.documents.insert(name.clone(), bytes);
            }
        }
        Ok(held)
    }

    /// Walks a member as a layer. That it is none is an error only where the image needs it.
    fn walk<R: Read + Send>(
        &self,
        request: &Request<'_>,
        name: &str,
        size: u64,
        head: &[u8],
        content: Content<'_, R>,
    ) -> Walked {
        let compressed = is_compressed(head);
        let claimed = digest_of_name(name);
        let mut content = Hashed { reader: Cursor::new(head).chain(content), hash: Sha256::new() };
        if let Some(digest) = claimed {
            let facts = layers::walk(request, content.reader, Some(&digest), Some(size), &self.entries);
            return Walked { digest, size, compressed, facts };
        }
        // No name says what a compressed layer's digest is; a plain one's is what the walk computes.
        let (facts, digest) = if compressed {
            let facts = layers::walk(request, &mut content, None, Some(size), &self.entries);
            // A reader that gave up leaves the rest, which belongs to the digest.
            let facts = io::copy(&mut content, &mut io::sink()).map_err(|error| self.broken(&error)).and(facts);
            (facts, hex(content.hash))
        } else {
            let facts = layers::walk(request, content.reader, None, Some(size), &self.entries);
            let digest = facts.as_ref().map_or_else(|_| String::new(), |facts| facts.diff_id.clone());
            (facts, digest)
        };
        Walked { digest, size, compressed, facts }
    }

    /// The layers that an image names, each with what a manifest says of it.
    fn layers(
        mut self,
        request: &Request<'_>,
        names: Vec<(String, Option<&Descriptor>)>,
        config: &[u8],
        irregularities: &mut Vec<Irregularity>,
    ) -> Result<Vec<LayerPart>, Error> {
        let diff_ids = ImageConfig::diff_ids_of(config);
        let mut parts: Vec<LayerPart> = Vec::new();
        let mut first: HashMap<String, usize> = HashMap::new();
        let count = names.len();
        for (index, (name, said)) in names.into_iter().enumerate() {
            if let Some((said, why)) = said.and_then(|said| Some((said, unread(said)?))) {
                parts.push(LayerPart { digest: said.digest.clone(), size: said.size, facts: Err(why) });
                continue;
            }
            let found = self.index.find(&name).map(|(name, ..)| name.to_owned());
            let name = found.ok_or_else(|| docker::missing(&self.place, &name))?;
            if let Some(first) = first.get(&name) {
                let LayerPart { digest, size, facts } = &parts[*first];
                let facts = layers::copy(facts, &self.entries, request.limits);
                parts.push(LayerPart { digest: digest.clone(), size: *size, facts });
                continue;
            }
            let wrong = |problem: String| {
                let place = format!("{}/{}", self.place, printable(&name));
                Err(Error::new(place, problem, "save or fetch the image again"))
            };
            let Some(walked) = self.walked.remove(&name) else {
                return wrong("it is a document where a layer should be".to_owned());
            };
            let facts = walked.facts?;
            if let Some(said) = said.filter(|said| said.size != walked.size) {
                return wrong(format!("it has {} bytes, and the manifest says {}", walked.size, said.size));
            }
            let diff_id =
                diff_ids.get(index).filter(|_| diff_ids.len() == count && said.is_none() && !walked.compressed);
            if let Some(diff_id) = diff_id.filter(|said| **said != facts.diff_id && said.starts_with("sha256:")) {
                let diff_id = printable(diff_id);
                return wrong(format!(
                    "its content is not what the configuration says: {}, not {diff_id}",
                    facts.diff_id
                ));
            }
            first.insert(name, parts.len());
            parts.push(LayerPart { digest: walked.digest, size: walked.size, facts: Ok(facts) });
        }
        layers::compare(&parts, &diff_ids, irregularities);
        Ok(parts)
    }

    fn broken(&self, error: &io::Error) -> Error {
        Error::new(self.place.as_str(), format!("it can't be read on: {error}"), "save or fetch it again")
    }
}

impl Files for Held {
    fn bytes(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let Some((name, _, size)) = self.index.find(name) else { return Ok(None) };
        match self.documents.get(name) {
            Some(bytes) if bytes.len() as u64 <= limit => Ok(Some(bytes.clone())),
            None if size <= limit => Err(Error::new(
                format!("{}/{}", self.place, printable(name)),
                "it is no JSON, but something else",
                "save or fetch the image again",
            )),
            _ => Err(Error::new(
                format!("{}/{}", self.place, printable(name)),
                format!("it has more than {limit} bytes, the limit for a document"),
                "raise the limit if you trust the image",
            )),
        }
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn Read + Send + '_>>, Error> {
        let document = self.index.find(name).and_then(|(name, ..)| self.documents.get(name));
        Ok(document.map(|bytes| Box::new(&bytes[..]) as Box<dyn Read + Send>))
    }

    fn size(&self, name: &str) -> Result<Option<u64>, Error> {
        Ok(self.index.find(name).map(|(_, _, size)| size))
    }
}

/// The first block of a member, or all of it.
fn head(content: impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(512);
    content.take(512).read_to_end(&mut head)?;
    Ok(head)
}

/// Whether a member that starts so may be a JSON document; an archive's first name can start with a brace too.
fn is_document(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let is_header = || head.first_chunk().is_some_and(|block| Header::read(block).is_some());
    matches!(text, [b'{' | b'[', ..]) && !is_header()
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// A reader that hashes what passes.
struct Hashed<R> {
    reader: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}
