//! The merged tree against what umoci unpacks from the same layers, name by name.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use harden::image::{Entry, Kind, LayerFacts, Tree};
use sha2::{Digest, Sha256};

use crate::image_tree::layer;
use crate::support::skip;

/// Layers with every rule on which engines agree.
const LAYERS: [&str; 4] = [
    "d /usr 755\nd /usr/bin 755\nl /bin usr/bin\nl /lib /usr/lib\nd /usr/lib 755\nf /usr/bin/su 4755\nf /usr/bin/sh 755\n\
     h /usr/bin/bash /usr/bin/sh 755\nd /etc 755\nf /etc/passwd 644\nd /etc/conf.d 750 3\nf /etc/conf.d/one 640 3\n\
     f /etc/conf.d/two 640 3\nd /tmp 1777\nf /tmp/x 600\nd /var 755\nd /var/cache 755\nd /var/cache/apt 755\n\
     f /var/cache/apt/big 644\nl /var/run /run\nd /run 755\nd /opt 755\nd /opt/tool 755\nf /opt/tool/a 644\nl /out ../../../etc",
    "f /bin/su 755\nf /lib/libc 644\nd /var/run/app 700 5\nf /var/run/app/pid 600 5\nw /tmp/x\nd /etc/conf.d 711 4\n\
     o /etc/conf.d\nf /etc/conf.d/three 644\nf /out/issue 644\nf /opt/tool 644\nh /usr/bin/dash /bin/sh 4711 2",
    "w /var/cache\nd /opt/tool 700\nf /opt/tool/b 644\nd /lib 755\nf /lib/y 644\nw /usr/bin/sh\nl /etc/passwd shadow\n\
     f /implicit/deep/x 644",
    "w /etc/conf.d\nd /var/cache 700\nf /var/cache/new 644\nh /usr/bin/zsh /usr/bin/bash 755\nd /tmp 755\nw /none\n\
     l /usr/bin/l1 l2\nh /usr/bin/l3 /usr/bin/l1 777\nf /implicit/deep 600",
];

/// What is compared of a name.
#[derive(PartialEq, Debug)]
struct Seen {
    kind: Kind,
    mode: u32,
    owner: (u32, u32),
    names: u64,
    link: String,
}

#[test]
fn what_umoci_unpacks_is_the_merged_tree() {
    if !Command::new("umoci").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return skip("umoci is not there");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    if fs::metadata(folder.path()).expect("it is there").uid() != 0 {
        return skip("owners can be unpacked by root only");
    }
    let facts = LAYERS.map(layer);
    let image = folder.path().join("image");
    write_layout(&image, &facts);
    let bundle = folder.path().join("bundle");
    let source = format!("{}:test", image.display());
    let done = Command::new("umoci").args(["unpack", "--image", &source]).arg(&bundle).output().expect("umoci starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let mut unpacked = BTreeMap::new();
    list(&bundle.join("rootfs"), "", &mut unpacked);
    let tree = Tree::merge(&facts.iter().map(Some).collect::<Vec<_>>());
    let merged = tree.iter().map(|id| {
        let node = tree.node(id);
        let seen = Seen {
            kind: node.kind,
            mode: u32::from(node.mode),
            owner: (node.uid, node.gid),
            names: if node.kind == Kind::Folder { 1 } else { u64::from(node.names) },
            link: node.link.to_owned(),
        };
        (tree.path(id), seen)
    });
    let merged: BTreeMap<String, Seen> = merged.collect();
    assert!(merged.len() > 25, "{merged:?}");
    let paths = merged.keys().chain(unpacked.keys());
    let different = paths.filter(|path| merged.get(*path) != unpacked.get(*path));
    let different: BTreeMap<_, _> = different.map(|path| (path, (merged.get(path), unpacked.get(path)))).collect();
    assert!(different.is_empty(), "the merged tree, and what umoci unpacks: {different:#?}");
}

fn list(root: &Path, path: &str, to: &mut BTreeMap<String, Seen>) {
    for found in fs::read_dir(root.join(path.trim_start_matches('/'))).expect("a folder") {
        let found = found.expect("an entry");
        let path = format!("{path}/{}", found.file_name().to_str().expect("it is ASCII"));
        let meta = fs::symlink_metadata(found.path()).expect("it is there");
        let kind = match meta.file_type() {
            kind if kind.is_dir() => Kind::Folder,
            kind if kind.is_symlink() => Kind::Symlink,
            _ => Kind::File,
        };
        let link = fs::read_link(found.path()).map(|link| link.to_str().expect("it is ASCII").to_owned());
        let seen = Seen {
            kind,
            mode: meta.permissions().mode() & 0o7777,
            owner: (meta.uid(), meta.gid()),
            names: if kind == Kind::Folder { 1 } else { meta.nlink() },
            link: link.unwrap_or_default(),
        };
        to.insert(path.clone(), seen);
        if kind == Kind::Folder {
            list(root, &path, to);
        }
    }
}

/// An OCI layout with one image tagged `test`, of layers that are not compressed.
fn write_layout(folder: &Path, layers: &[LayerFacts]) {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("a folder");
    let blob = |media_type: &str, bytes: &[u8]| {
        let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(blobs.join(&hex), bytes).expect("a writable file");
        serde_json::json!({ "mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len() })
    };
    let layers: Vec<_> =
        layers.iter().map(|facts| blob("application/vnd.oci.image.layer.v1.tar", &archive(facts))).collect();
    let diff_ids: Vec<_> = layers.iter().map(|layer| layer["digest"].clone()).collect();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {}, "rootfs": { "type": "layers", "diff_ids": diff_ids }
    });
    let config = blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let manifest = serde_json::json!({ "schemaVersion": 2, "config": config, "layers": layers });
    let mut manifest = blob("application/vnd.oci.image.manifest.v1+json", manifest.to_string().as_bytes());
    manifest["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": "test" });
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(folder.join("index.json"), index.to_string()).expect("a writable file");
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("a writable file");
}

/// The entries as a tar archive (POSIX ustar).
fn archive(facts: &LayerFacts) -> Vec<u8> {
    let mut bytes: Vec<u8> = facts.entries.iter().flat_map(|entry| header(&entry)).collect();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn header(entry: &Entry<'_>) -> [u8; 512] {
    let (parent, name) = entry.path.rsplit_once('/').expect("paths are absolute");
    let path = match entry.kind {
        Kind::Whiteout => format!("{parent}/.wh.{name}"),
        Kind::Opaque => format!("{}/.wh..wh..opq", entry.path),
        Kind::Folder => format!("{}/", entry.path),
        _ => entry.path.to_owned(),
    };
    let link = if entry.kind == Kind::HardLink { entry.link.trim_start_matches('/') } else { entry.link };
    let kind = match entry.kind {
        Kind::HardLink => b'1',
        Kind::Symlink => b'2',
        Kind::Folder => b'5',
        _ => b'0',
    };
    let mut header = [0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path.trim_start_matches('/'));
    put(100, &format!("{:07o}", entry.mode));
    put(108, &format!("{:07o}", entry.uid));
    put(116, &format!("{:07o}", entry.gid));
    put(124, "00000000000");
    put(136, "00000000000");
    put(148, "        ");
    put(156, &char::from(kind).to_string());
    put(157, link);
    put(257, "ustar\u{0}00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\u{0} ").as_bytes());
    header
}
