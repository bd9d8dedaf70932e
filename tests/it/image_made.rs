//! Small images that tests make themselves, in every form that sources read.

use std::fs;
use std::io::Write;
use std::path::Path;

use harden::image::source::{self, Request};
use harden::image::{Error, Image, Limits, Reference, Wanted};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The digest of some bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// What a descriptor says of some bytes.
pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(bytes), "size": bytes.len()})
}

/// One member of an archive: name, type, mode, content or, for links, the target.
pub(crate) type Member<'a> = (&'a str, u8, u32, &'a [u8]);

/// A ustar archive. Names over 100 bytes have a GNU long name in front.
pub(crate) fn tar(members: &[Member<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, kind, mode, content) in members {
        if name.len() > 100 {
            append(&mut archive, "././@LongLink", b'L', 0, &[name.as_bytes(), b"\0"].concat(), b"");
        }
        match kind {
            b'1' | b'2' => append(&mut archive, name, *kind, *mode, b"", content),
            _ => append(&mut archive, name, *kind, *mode, content, b""),
        }
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn append(archive: &mut Vec<u8>, name: &str, kind: u8, mode: u32, content: &[u8], link: &[u8]) {
    let mut header = [0u8; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    put(100, format!("{mode:07o}\0").as_bytes());
    put(108, b"0000000\x000000000\0");
    put(124, format!("{:011o}\0{:011o}\0", content.len(), 1_700_000_000).as_bytes());
    put(148, b"        ");
    put(156, &[kind]);
    put(157, link);
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend(header);
    archive.extend(content);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).expect("memory takes it")
}

/// An image: its plain layers, its configuration, and what an OCI form has of it.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) plain: Vec<Vec<u8>>,
    pub(crate) packed: Vec<Vec<u8>>,
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
}

/// The image that most tests read: a base, a layer of an added program, a removal, and the base's layer once more.
pub(crate) fn sample() -> Made {
    let long = format!("opt/{}/file", "a".repeat(120));
    let base = tar(&[
        ("etc/", b'5', 0o755, b""),
        ("etc/passwd", b'0', 0o644, b"root:x:0:0:root:/root:/bin/sh\n"),
        ("etc/os-release", b'0', 0o644, b"ID=debian\nVERSION_ID=12\n"),
        ("bin/", b'5', 0o755, b""),
        ("bin/sh", b'0', 0o755, b"\x7fELF not really"),
        ("bin/ash", b'2', 0o777, b"sh"),
        (&long, b'0', 0o600, &b"content ".repeat(1000)),
    ]);
    let second = tar(&[("bin/su", b'0', 0o4755, b"#!/bin/sh\n"), ("bin/.wh.ash", b'0', 0o644, b"")]);
    made(vec![base.clone(), second, base], gzip)
}

/// An image of some layers.
pub(crate) fn made(plain: Vec<Vec<u8>>, pack: fn(&[u8]) -> Vec<u8>) -> Made {
    let packed: Vec<Vec<u8>> = plain.iter().map(|layer| pack(layer)).collect();
    let diff_ids: Vec<String> = plain.iter().map(|layer| digest(layer)).collect();
    let history: Vec<Value> = plain.iter().map(|_| json!({"created_by": "COPY"})).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"User": "app"}, "history": history,
        "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let config = serde_json::to_vec(&config).expect("JSON");
    let manifest = manifest(&config, &packed);
    Made { plain, packed, config, manifest }
}

/// An OCI manifest.
pub(crate) fn manifest(config: &[u8], layers: &[Vec<u8>]) -> Vec<u8> {
    let layers: Vec<Value> =
        layers.iter().map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)).collect();
    let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config), "layers": layers});
    serde_json::to_vec(&manifest).expect("JSON")
}

impl Made {
    /// The files of an OCI layout with this image alone, under a name.
    pub(crate) fn layout(&self, name: Option<&str>) -> Vec<(String, Vec<u8>)> {
        let mut entry = descriptor(OCI_MANIFEST, &self.manifest);
        if let Some(name) = name {
            entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        }
        let mut files = index(&json!([entry]));
        files.extend(self.blobs());
        files
    }

    /// The blobs, by path in a layout.
    pub(crate) fn blobs(&self) -> Vec<(String, Vec<u8>)> {
        let blobs = self.packed.iter().chain([&self.config, &self.manifest]);
        blobs.map(|bytes| blob(bytes)).collect()
    }

    /// The members of what Docker before 25 saves. A layer that is there already is a symlink to it.
    pub(crate) fn saved(&self, name: &str) -> Vec<u8> {
        let config = format!("{}.json", &digest(&self.config)[7..]);
        let names: Vec<String> = (0..self.plain.len()).map(|index| format!("{index:064x}/layer.tar")).collect();
        let first = |index: usize| self.plain.iter().position(|layer| *layer == self.plain[index]).expect("itself");
        let targets: Vec<String> = (0..names.len()).map(|index| format!("../{}", names[first(index)])).collect();
        let list = json!([{"Config": config, "RepoTags": [name], "Layers": names}]);
        let list = serde_json::to_vec(&list).expect("JSON");
        let mut members: Vec<Member<'_>> = Vec::new();
        for (index, name) in names.iter().enumerate() {
            if first(index) == index {
                members.push((name, b'0', 0o644, &self.plain[index]));
            } else {
                members.push((name, b'2', 0o777, targets[index].as_bytes()));
            }
        }
        members.extend([(&config[..], b'0', 0o644, &self.config[..]), ("manifest.json", b'0', 0o644, &list)]);
        tar(&members)
    }

    /// What Docker since 25 saves: a layout of plain layers, and a `manifest.json` that names its blobs.
    pub(crate) fn saved_anew(&self, name: &str) -> Vec<u8> {
        let plain = Self { packed: self.plain.clone(), manifest: manifest(&self.config, &self.plain), ..self.clone() };
        let layers: Vec<String> = plain.packed.iter().map(|layer| blob(layer).0).collect();
        let list = json!([{"Config": blob(&plain.config).0, "RepoTags": [name], "Layers": layers}]);
        let mut files = plain.layout(Some("latest"));
        files.push(("manifest.json".to_owned(), serde_json::to_vec(&list).expect("JSON")));
        archive(&files, "")
    }
}

/// A blob's path in a layout, and its bytes.
pub(crate) fn blob(bytes: &[u8]) -> (String, Vec<u8>) {
    (format!("blobs/{}", digest(bytes).replace(':', "/")), bytes.to_vec())
}

/// `oci-layout` and an `index.json` with these manifests.
pub(crate) fn index(manifests: &Value) -> Vec<(String, Vec<u8>)> {
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
    vec![
        ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        ("index.json".to_owned(), serde_json::to_vec(&index).expect("JSON")),
    ]
}

/// An archive of some files, whose documents come last, with something in front of each name. What is there twice is
/// written once.
pub(crate) fn archive(files: &[(String, Vec<u8>)], front: &str) -> Vec<u8> {
    let mut files: Vec<(String, &[u8])> =
        files.iter().map(|(name, bytes)| (format!("{front}{name}"), &bytes[..])).collect();
    files.sort_by_key(|(name, _)| (name.ends_with("index.json"), name.clone()));
    files.dedup();
    tar(&files.iter().map(|(name, bytes)| (&name[..], b'0', 0o644, *bytes)).collect::<Vec<_>>())
}

/// Writes files below a folder.
pub(crate) fn write(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
}

/// What the tests ask for.
pub(crate) fn wanted() -> Wanted {
    Wanted { reads: vec!["/etc/passwd", "/etc/os-release"], content: Vec::new() }
}

/// Reads an image by reference.
pub(crate) fn read(reference: &str) -> Result<Image, Error> {
    read_with(reference, |_| {})
}

/// Reads an image by reference, the request changed before.
pub(crate) fn read_with(reference: &str, change: impl FnOnce(&mut Request<'_>)) -> Result<Image, Error> {
    let (parsed, wanted, limits) = (Reference::parse(reference)?, wanted(), Limits::default());
    let mut request = Request::new(reference, &parsed, &wanted, &limits);
    request.platform = Some("linux/amd64");
    change(&mut request);
    source::read(&request)
}

/// Reads an image from a stream, as `-` or another reference would.
pub(crate) fn read_stream(reference: &str, bytes: &[u8]) -> Result<Image, Error> {
    let (parsed, wanted, limits) = (Reference::parse(reference)?, wanted(), Limits::default());
    let mut request = Request::new(reference, &parsed, &wanted, &limits);
    request.platform = Some("linux/amd64");
    source::read_stream(&request, bytes)
}

/// What was read of an image, without what the source's form decides: each layer's diff_id, its entries, its texts.
pub(crate) fn content(image: &Image) -> Vec<String> {
    let mut lines = vec![format!("{:?} {:?}", image.irregularities, image.tree.irregularities())];
    for layer in &image.layers {
        let facts = layer.facts.as_ref().expect("the layer was read");
        lines.push(format!("{} {} {:?}", facts.diff_id, facts.size, facts.irregularities));
        lines.extend(facts.entries.iter().map(|entry| format!("{entry:?}")));
        lines.extend(facts.texts.iter().map(|text| format!("{text:?}")));
    }
    lines
}
