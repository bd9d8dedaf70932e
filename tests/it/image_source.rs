//! Where images come from: every source gives the same image, and what is broken or hostile is an error that says so.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use harden::image::{Image, IrregularityKind, Kind};
use serde_json::{Value, json};
use sha2::Digest;

use crate::image_made::{
    Made, OCI_INDEX, OCI_MANIFEST, archive, blob, content, descriptor, digest, gzip, index, made, manifest, read,
    read_stream, read_with, sample, tar, write, zstd,
};
use crate::support::skip;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Writes a file into a folder and returns `TRANSPORT:PATH`.
fn file(folder: &Path, transport: &str, bytes: &[u8]) -> String {
    let path = folder.join(format!("{}.tar", digest(bytes).replace(':', "-")));
    fs::write(&path, bytes).expect("a file");
    format!("{transport}:{}", path.display())
}

fn layout(folder: &Path, files: &[(String, Vec<u8>)]) -> String {
    write(folder, files);
    format!("oci:{}", folder.display())
}

/// The error of a reference, in words.
fn refusal(result: Result<Image, harden::image::Error>) -> String {
    result.expect_err("it can't be read").to_string()
}

#[track_caller]
fn refuses(result: Result<Image, harden::image::Error>, words: &[&str]) {
    let error = refusal(result);
    assert!(words.iter().all(|word| error.contains(word)), "{words:?}: {error}");
}

#[test]
fn every_source_gives_the_same_image() {
    let (folder, made) = (folder(), sample());
    let path = folder.path();
    let files = made.layout(Some("a:1"));
    let first = read(&layout(&path.join("layout"), &files)).expect("a layout");
    assert_eq!(first.layers.len(), 3);
    assert_eq!(first.digest.as_deref(), Some(&digest(&made.manifest)[..]));
    assert_eq!(first.layers[1].digest, digest(&made.packed[1]));
    let facts = first.facts(1).expect("facts");
    assert_eq!(facts.entries.get(0).mode, 0o4755);
    assert_eq!(facts.entries.get(1).kind, Kind::Whiteout);
    let expected = content(&first);

    let oci = [archive(&files, ""), archive(&files, "./")];
    let docker = [made.saved("a:1"), made.saved_anew("a:1")];
    let mut references = Vec::new();
    for (transport, archives) in [("oci-archive", &oci), ("docker-archive", &docker)] {
        for bytes in archives {
            for packed in [bytes.clone(), gzip(bytes), zstd(bytes)] {
                references.push(file(path, transport, &packed));
                references.push(format!("{}:a:1", references.last().expect("just pushed")));
                let streamed = read_stream("-", &packed).expect("a stream");
                assert_eq!(content(&streamed), expected);
                let named = read_stream(&format!("{transport}:-:a:1"), &packed).expect("a stream with a name");
                assert_eq!(content(&named), expected);
            }
        }
    }
    for reference in &references {
        let image = read(reference).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(content(&image), expected, "{reference}");
    }
    // Layers that are stored plain have that digest.
    let image = read(&file(path, "docker-archive", &docker[0])).expect("an archive");
    assert_eq!((image.digest, &image.layers[1].digest), (None, &digest(&made.plain[1])));
    let image = read_stream("-", &docker[1]).expect("an archive");
    assert!(image.digest.is_some(), "a layout in the archive tells the manifest");
}

#[test]
fn compressed_layers_of_a_docker_archive_are_known_by_digest() {
    let (folder, made) = (folder(), sample());
    let names = ["a.tar.gz", "b.tar.gz"];
    let list = serde_json::to_vec(&json!([{"Config": "sha256:x", "RepoTags": null, "Layers": names}])).expect("JSON");
    let two = Made { plain: made.plain[..2].to_vec(), ..crate::image_made::made(made.plain[..2].to_vec(), gzip) };
    let bytes = tar(&[
        ("a.tar.gz", b'0', 0o644, &two.packed[0]),
        ("b.tar.gz", b'0', 0o644, &two.packed[1]),
        ("sha256:x", b'0', 0o644, &two.config),
        ("manifest.json", b'0', 0o644, &list),
    ]);
    let image = read(&file(folder.path(), "docker-archive", &bytes)).expect("an archive");
    let streamed = read_stream("-", &bytes).expect("an archive");
    assert_eq!(content(&image), content(&streamed));
    for image in [image, streamed] {
        assert_eq!(image.layers[1].digest, digest(&two.packed[1]));
        assert_eq!(image.layers[1].size, two.packed[1].len() as u64);
    }
}

#[test]
fn skopeo_converts_to_what_is_read() {
    if Command::new("skopeo").arg("--version").output().is_err() {
        return skip("skopeo is not installed");
    }
    let (folder, made) = (folder(), sample());
    let source = layout(&folder.path().join("layout"), &made.layout(Some("a")));
    let expected = content(&read(&source).expect("a layout"));
    for (transport, suffix) in [("oci", ":b"), ("oci-archive", ":b"), ("docker-archive", ":b:c")] {
        let target = format!("{transport}:{}{suffix}", folder.path().join(transport).display());
        let output = Command::new("skopeo")
            .args(["copy", "--insecure-policy", &format!("{source}:a"), &target])
            .output()
            .expect("skopeo starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let image = read(&target).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(content(&image), expected, "{target}");
        if transport != "oci" {
            let bytes = fs::read(folder.path().join(transport)).expect("an archive");
            assert_eq!(content(&read_stream("-", &bytes).expect("a stream")), expected, "{target}");
        }
    }
}

#[test]
fn several_images_want_a_name() {
    let (folder, one) = (folder(), sample());
    let two = made(vec![tar(&[("b", b'0', 0o644, b"2")])], zstd);
    let entry = |made: &Made, name: &str| {
        let mut entry = descriptor(OCI_MANIFEST, &made.manifest);
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        entry
    };
    let mut files = index(&json!([entry(&one, "one"), entry(&two, "two:2")]));
    files.extend(one.blobs().into_iter().chain(two.blobs()));
    let oci = layout(&folder.path().join("layout"), &files);
    refuses(read(&oci), &["2 images", "`one`", "`two:2`", ":@0"]);
    refuses(read(&format!("{oci}:three")), &["three", "`one`", "`two:2`"]);
    refuses(read(&format!("{oci}:@2")), &["@2", "2 in all"]);
    for tag in ["two:2", "@1"] {
        assert_eq!(read(&format!("{oci}:{tag}")).expect(tag).digest, Some(digest(&two.manifest)));
    }

    let list = json!([
        {"Config": "1.json", "RepoTags": ["one:latest"], "Layers": ["1.tar"]},
        {"Config": "2.json", "RepoTags": ["registry.example/two:2", "three:3"], "Layers": ["2.tar"]}
    ]);
    let list = serde_json::to_vec(&list).expect("JSON");
    let single = made(vec![one.plain[0].clone()], gzip);
    let bytes = tar(&[
        ("1.json", b'0', 0o644, &single.config),
        ("2.json", b'0', 0o644, &two.config),
        ("1.tar", b'0', 0o644, &single.plain[0]),
        ("2.tar", b'0', 0o644, &two.plain[0]),
        ("manifest.json", b'0', 0o644, &list),
    ]);
    let docker = file(folder.path(), "docker-archive", &bytes);
    refuses(read(&docker), &["2 images", "`one:latest`", "`three:3`"]);
    refuses(read_stream("-", &bytes), &["2 images", "`one:latest`"]);
    refuses(read(&format!("{docker}:two:2")), &["two:2", "`registry.example/two:2`"]);
    for (tag, entries) in [("one", 7), ("docker.io/library/one:latest", 7), ("three:3", 1), ("@1", 1)] {
        let image = read(&format!("{docker}:{tag}")).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(image.facts(0).expect("facts").entries.len(), entries, "{tag}");
        let image = read_stream(&format!("docker-archive:-:{tag}"), &bytes).expect(tag);
        assert_eq!(image.facts(0).expect("facts").entries.len(), entries, "{tag}");
    }
}

#[test]
fn an_index_is_chosen_from_by_platform() {
    let (folder, amd64) = (folder(), sample());
    let arm = made(vec![tar(&[("arm", b'0', 0o644, b"")])], gzip);
    let child = |bytes: &[u8], platform: &str| {
        let parts: Vec<&str> = platform.split('/').collect();
        let mut child = descriptor(OCI_MANIFEST, bytes);
        child["platform"] = json!({"os": parts[0], "architecture": parts[1]});
        if let Some(variant) = parts.get(2) {
            child["platform"]["variant"] = json!(variant);
        }
        child
    };
    let attestation = manifest(b"{}", &[]);
    let mut about = child(&attestation, "unknown/unknown");
    about["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let inner = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [
        about, child(&amd64.manifest, "linux/amd64"), child(&arm.manifest, "linux/arm/v6"),
        child(b"is not there", "linux/s390x"), child(b"is not there", "windows/amd64"),
    ]});
    let inner = serde_json::to_vec(&inner).expect("JSON");
    let mut files = index(&json!([descriptor(OCI_INDEX, &inner)]));
    files.extend(amd64.blobs().into_iter().chain(arm.blobs()).chain([blob(&inner), blob(&attestation)]));
    let bytes = archive(&files, "");
    let references =
        [layout(&folder.path().join("layout"), &files), file(folder.path(), "oci-archive", &bytes), "-".to_owned()];
    for reference in &references {
        let read = |platform: &str| {
            let parsed = harden::image::Reference::parse(reference).expect("a reference");
            let (wanted, limits) = (crate::image_made::wanted(), harden::image::Limits::default());
            let mut request = harden::image::source::Request::new(reference, &parsed, &wanted, &limits);
            request.platform = Some(platform);
            match &reference[..] {
                "-" => harden::image::source::read_stream(&request, &bytes[..]),
                _ => harden::image::source::read(&request),
            }
        };
        let image = read("linux/amd64").expect("an image");
        assert_eq!(image.digest, Some(digest(&amd64.manifest)));
        assert_eq!(image.index_digest, Some(digest(&inner)));
        // Those that aren't there, and what is no image, are left out.
        let siblings: Vec<&str> = image.siblings.iter().map(|sibling| sibling.platform.as_str()).collect();
        assert_eq!(siblings, ["linux/arm/v6"], "{reference}");
        assert_eq!(image.siblings[0].config.diff_ids.len(), 1, "{reference}");
        assert_eq!(read("linux/arm/v7").expect("an older variant runs").digest, Some(digest(&arm.manifest)));
        refuses(read("linux/riscv64"), &["linux/riscv64", "`linux/amd64`", "`linux/arm/v6`", "--platform"]);
        assert!(!refusal(read("linux/riscv64")).contains("unknown"));
        refuses(read("linux/s390x"), &["does not hold", &digest(b"is not there")]);
        refuses(read("amd64"), &["platform"]);
    }

    let only = index(&json!([about]));
    refuses(read(&layout(&folder.path().join("only"), &only)), &["attestations, but no image"]);
    refuses(read(&layout(&folder.path().join("none"), &index(&json!([])))), &["no image"]);
}

#[test]
fn indexes_in_indexes_end() {
    let folder = folder();
    let mut inner = sample().manifest;
    let mut files = sample().blobs();
    let mut kind = OCI_MANIFEST;
    for depth in 0..8 {
        inner =
            serde_json::to_vec(&json!({"schemaVersion": 2, "manifests": [descriptor(kind, &inner)]})).expect("JSON");
        kind = OCI_INDEX;
        files.push(blob(&inner));
        let mut files = files.clone();
        files.extend(index(&json!([descriptor(OCI_INDEX, &inner)])));
        let result = read(&layout(&folder.path().join(depth.to_string()), &files));
        match depth {
            0..=2 => drop(result.expect("deep, but not too deep")),
            _ => refuses(result, &["indexes"]),
        }
    }
}

#[test]
fn what_is_no_image_says_what_it_is() {
    let folder = folder();
    let made = sample();
    let config = descriptor("application/vnd.oci.image.config.v1+json", &made.config);
    let layer = descriptor("application/vnd.oci.image.layer.v1.tar+gzip", &made.packed[0]);
    let empty = descriptor("application/vnd.oci.empty.v1+json", b"{}");
    let bad = json!({"mediaType": "", "digest": "sha256:../../../../etc/passwd", "size": 1});
    let many = vec![layer.clone(); 600];
    for (number, (manifest, words)) in [
        (json!({"schemaVersion": 1, "fsLayers": []}), "legacy format"),
        (json!({"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws"}), "legacy format"),
        (json!({"schemaVersion": 2, "config": config, "layers": [layer], "manifests": []}), "at once"),
        (json!({"schemaVersion": 2, "config": empty, "layers": [], "artifactType": "text/x"}), "`text/x`"),
        (json!({"schemaVersion": 2, "config": empty, "layers": []}), "artifact of type `application/vnd.oci.empty"),
        (json!({"schemaVersion": 2}), "neither"),
        (json!([1]), "neither"),
        (json!({"schemaVersion": 2, "config": bad, "layers": [layer]}), "no configuration"),
        (json!({"schemaVersion": 2, "config": config, "layers": [bad]}), "no valid digest"),
        (json!({"schemaVersion": 2, "config": config, "layers": {}}), "no list"),
        (json!({"schemaVersion": 2, "config": config, "layers": many}), "600 layers"),
    ]
    .into_iter()
    .enumerate()
    {
        let manifest = serde_json::to_vec(&manifest).expect("JSON");
        let mut files = index(&json!([descriptor(OCI_MANIFEST, &manifest)]));
        files.extend(made.blobs().into_iter().chain([blob(&manifest)]));
        refuses(read(&layout(&folder.path().join(number.to_string()), &files)), &[words]);
        refuses(read_stream("-", &archive(&files, "")), &[words]);
    }
    refuses(read("oci:/nowhere"), &["no such file"]);
    refuses(read(&format!("oci:{}", folder.path().display())), &["index.json"]);
    refuses(read(&format!("oci-archive:{}", folder.path().display())), &["folder", "`oci:`"]);
    for (bytes, words) in [
        (&b""[..], "empty"),
        (b"text that is no archive", "no tar archive"),
        (b"\xfd7zXZ\0....", "xz"),
        (&gzip(b"text"), "no tar archive"),
        (&tar(&[("a", b'0', 0o644, b"")]), "holds no image"),
        (&tar(&[("repositories", b'0', 0o644, b"{}")]), "1.10"),
        (&tar(&[("manifest.json", b'0', 0o644, b"{}")]), "no list"),
        (&tar(&[("manifest.json", b'0', 0o644, b"[]")]), "no image"),
        (&tar(&[("manifest.json", b'0', 0o644, b"[")]), "no JSON"),
    ] {
        refuses(read(&file(folder.path(), "docker-archive", bytes)), &[words]);
        refuses(read_stream("-", bytes), &[words]);
    }
}

#[test]
fn an_image_without_layers_is_one() {
    let folder = folder();
    for (number, layers) in [json!([]), Value::Null].into_iter().enumerate() {
        let manifest = json!({"config": descriptor("", b"{}"), "layers": layers});
        let manifest = serde_json::to_vec(&manifest).expect("JSON");
        let mut files = index(&json!([descriptor(OCI_MANIFEST, &manifest)]));
        files.extend([blob(b"{}"), blob(&manifest)]);
        let image = read(&layout(&folder.path().join(number.to_string()), &files)).expect("an image");
        assert!(image.layers.is_empty());
    }
    refuses(read(&layout(&folder.path().join("null"), &index(&Value::Null))), &["no image"]);
}

#[test]
fn digests_may_be_longer() {
    let folder = folder();
    let made = sample();
    let digest =
        sha2::Sha512::digest(&made.packed[0]).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let mut listed: Value = serde_json::from_slice(&made.manifest).expect("JSON");
    listed["layers"][0]["digest"] = json!(format!("sha512:{digest}"));
    let manifest = serde_json::to_vec(&listed).expect("JSON");
    let mut files = index(&json!([descriptor(OCI_MANIFEST, &manifest)]));
    files.extend(made.blobs().into_iter().chain([blob(&manifest)]));
    files.push((format!("blobs/sha512/{digest}"), made.packed[0].clone()));
    let image = read(&layout(&folder.path().join("good"), &files)).expect("an image");
    let streamed = read_stream("-", &archive(&files, "")).expect("an image");
    assert_eq!(content(&image), content(&streamed));
    assert_eq!(content(&image), content(&read_stream("-", &made.saved("a:1")).expect("an image")));
    let last = files.len() - 1;
    let middle = files[last].1.len() / 2;
    files[last].1[middle] ^= 1;
    assert!(read(&layout(&folder.path().join("bad"), &files)).is_err());
    assert!(read_stream("-", &archive(&files, "")).is_err());
}

#[test]
fn layers_that_are_not_read_say_why() {
    let folder = folder();
    let made = sample();
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let mut listed: Value = serde_json::from_slice(&made.manifest).expect("JSON");
    listed["layers"][0]["mediaType"] = json!(foreign);
    listed["layers"][0]["urls"] = json!(["https://example.com/layer"]);
    listed["layers"][2]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+gzip+encrypted");
    let manifest = serde_json::to_vec(&listed).expect("JSON");
    let mut files = index(&json!([descriptor(OCI_MANIFEST, &manifest)]));
    files.extend(made.blobs().into_iter().chain([blob(&manifest)]));
    files.retain(|(_, bytes)| *bytes != made.packed[0]);
    let image = read(&layout(folder.path(), &files)).expect("an image");
    assert_eq!(image.layers[0].facts, Err("a foreign layer, which is not fetched".to_owned()));
    assert!(image.layers[1].facts.is_ok());
    assert_eq!(image.layers[2].facts, Err("an encrypted layer".to_owned()));
    let streamed = read_stream("-", &archive(&files, "")).expect("an image");
    assert_eq!(streamed.layers[0].facts, image.layers[0].facts);
}

/// Files by name.
type Files = Vec<(String, Vec<u8>)>;

#[test]
fn what_contradicts_itself_is_said_or_refused() {
    let folder = folder();
    let made = sample();
    let with = |name: &str, change: &dyn Fn(&mut Files), manifest: &[u8], entry: Option<Value>| {
        let mut files = index(&json!([entry.unwrap_or_else(|| descriptor(OCI_MANIFEST, manifest))]));
        files.extend(made.blobs().into_iter().chain([blob(manifest)]));
        change(&mut files);
        let streamed = read_stream("-", &archive(&files, ""));
        let image = read(&layout(&folder.path().join(name), &files));
        match (&image, &streamed) {
            (Ok(image), Ok(streamed)) => assert_eq!(content(image), content(streamed), "{name}"),
            (Err(_), Err(_)) => {}
            _ => panic!("{name}: {:?} {:?}", image.err(), streamed.err()),
        }
        image
    };
    // A blob or a document that isn't what its name says is no image.
    let other = gzip(&tar(&[("evil", b'0', 0o644, b"")]));
    for (what, bytes) in [("layer", &made.packed[0]), ("config", &made.config), ("manifest", &made.manifest)] {
        let swap = |files: &mut Vec<(String, Vec<u8>)>| {
            for (_, content) in files.iter_mut().filter(|(name, _)| *name == blob(bytes).0) {
                *content = if what == "layer" { other.clone() } else { [&b" "[..], content].concat() };
            }
        };
        let word = if what == "layer" { "bytes" } else { "digest" };
        refuses(with(what, &swap, &made.manifest, None), &[word]);
    }
    // A size is compared too.
    let mut listed: Value = serde_json::from_slice(&made.manifest).expect("JSON");
    listed["layers"][1]["size"] = json!(3);
    let short = serde_json::to_vec(&listed).expect("JSON");
    refuses(with("size", &|_| {}, &short, None), &["bytes"]);
    // A layer that isn't the one of the configuration can be looked at, and is said.
    let lying = manifest(&made.config, &[made.packed[0].clone(), other.clone(), made.packed[2].clone()]);
    let add = |files: &mut Vec<(String, Vec<u8>)>| files.push(blob(&other));
    let image = with("diff_id", &add, &lying, None).expect("an image");
    let odd: Vec<_> = image.irregularities.iter().filter(|odd| odd.kind == IrregularityKind::Mismatch).collect();
    assert!(odd.len() == 1 && odd[0].detail.contains("layer 2"), "{odd:?}");
    // Media types: one that belongs to another kind, and one of another family.
    for wrong in [OCI_INDEX, "application/vnd.docker.distribution.manifest.v2+json"] {
        let image = with(wrong, &|_| {}, &made.manifest, Some(descriptor(wrong, &made.manifest))).expect("an image");
        assert!(image.irregularities.iter().any(|odd| odd.kind == IrregularityKind::Mismatch), "{wrong}");
    }
}

#[test]
fn a_plain_layer_of_a_docker_archive_is_what_the_configuration_says() {
    let folder = folder();
    let mut made = sample();
    made.plain[1] = tar(&[("evil", b'0', 0o644, b"")]);
    let bytes = made.saved("a:1");
    assert!(read(&file(folder.path(), "docker-archive", &bytes)).is_err());
    assert!(read_stream("-", &bytes).is_err());
}

#[test]
fn two_members_of_a_name_are_said() {
    let folder = folder();
    let made = sample();
    let mut bytes = made.saved("a:1");
    bytes.truncate(bytes.len() - 1024);
    let index = bytes.windows(13).rposition(|window| window == b"manifest.json").expect("a header");
    let again = bytes[index..].to_vec();
    bytes.extend(again);
    bytes.resize(bytes.len() + 1024, 0);
    let image = read(&file(folder.path(), "docker-archive", &bytes)).expect("an image");
    let is_said = |image: &Image| {
        image
            .irregularities
            .iter()
            .any(|odd| odd.kind == IrregularityKind::Ambiguous && odd.detail.contains("manifest.json"))
    };
    assert!(is_said(&image) && is_said(&read_stream("-", &bytes).expect("an image")), "{:?}", image.irregularities);
}

#[test]
fn a_truncated_archive_is_an_error() {
    let folder = folder();
    let made = made(vec![tar(&[("etc/passwd", b'0', 0o644, b"root"), ("b", b'0', 0o644, &[7; 3000])])], gzip);
    for (transport, bytes) in [("oci-archive", archive(&made.layout(None), "")), ("docker-archive", made.saved("a:1"))]
    {
        // The two blocks of zeros at the end may be missing; anything else may not.
        let mut cuts: Vec<usize> = (0..bytes.len() - 1024).step_by(512).collect();
        cuts.extend([1, 511, 700, bytes.len() - 1025]);
        for cut in cuts {
            let short = &bytes[..cut];
            assert!(read(&file(folder.path(), transport, short)).is_err(), "{transport} cut at {cut}");
            assert!(read_stream("-", short).is_err(), "{transport} streamed, cut at {cut}");
        }
        read_stream("-", &bytes[..bytes.len() - 1024]).expect("complete without its end");
        let packed = gzip(&bytes);
        for cut in (0..packed.len() - 8).step_by(97) {
            assert!(read_stream("-", &packed[..cut]).is_err(), "{transport} packed, cut at {cut}");
        }
    }
}

#[test]
fn names_do_not_lead_out() {
    let folder = folder();
    let made = sample();
    let outside = folder.path().join("outside");
    fs::write(&outside, &made.config).expect("a file");
    for name in ["../outside", "/etc/passwd", "a/../../outside", "a", "b"] {
        let list = json!([{"Config": name, "RepoTags": [], "Layers": []}]);
        let list = serde_json::to_vec(&list).expect("JSON");
        let target = outside.to_string_lossy().into_owned();
        let bytes = tar(&[
            ("a", b'2', 0o777, target.as_bytes()),
            ("b", b'1', 0o777, b"../outside"),
            ("../outside", b'0', 0o644, b"{}"),
            ("manifest.json", b'0', 0o644, &list),
        ]);
        let error = refusal(read(&file(folder.path(), "docker-archive", &bytes)));
        assert!(error.contains("outside the archive") || error.contains("does not hold"), "{name}: {error}");
        refusal(read_stream("-", &bytes));
    }
    // Links in a circle end.
    let list = serde_json::to_vec(&json!([{"Config": "a", "RepoTags": [], "Layers": []}])).expect("JSON");
    let circle = tar(&[("a", b'2', 0, b"b"), ("b", b'2', 0, b"a"), ("manifest.json", b'0', 0o644, &list)]);
    refuses(read_stream("-", &circle), &["does not hold"]);
}

#[test]
fn an_archive_cannot_fill_the_memory() {
    let made = sample();
    // Documents that nobody needs are kept until the end, but not without bound.
    let junk = [&b"{"[..], &vec![b' '; 3 << 20]].concat();
    let names: Vec<String> = (0..40).map(|number| format!("{number}.json")).collect();
    let mut members: Vec<_> = names.iter().map(|name| (&name[..], b'0', 0o644, &junk[..])).collect();
    members.push(("manifest.json", b'0', 0o644, b"[]"));
    refuses(read_stream("-", &tar(&members)), &["documents"]);
    // A document that is too long is not kept at all.
    let long = [&b"["[..], &vec![b' '; 5 << 20], b"]"].concat();
    refuses(read_stream("-", &tar(&[("manifest.json", b'0', 0o644, &long)])), &["limit"]);
    // What is packed too well is no image.
    let zeros = tar(&[("zeros", b'0', 0o644, &vec![0; 64 << 20])]);
    refuses(read_stream("-", &gzip(&zeros)), &["compressed byte"]);
    // Equal layers count each time.
    let many = crate::image_made::made(vec![made.plain[0].clone(); 20], gzip);
    let folder = folder();
    for few in [139, 140] {
        let limits = harden::image::Limits { entries: few, ..Default::default() };
        let reference = layout(&folder.path().join("many"), &many.layout(None));
        let parsed = harden::image::Reference::parse(&reference).expect("a reference");
        let wanted = crate::image_made::wanted();
        let mut request = harden::image::source::Request::new(&reference, &parsed, &wanted, &limits);
        request.platform = Some("linux/amd64");
        let image = harden::image::source::read(&request).expect("an image");
        assert_eq!(image.layers.iter().filter(|layer| layer.facts.is_err()).count(), usize::from(few == 139));
    }
}

#[cfg(unix)]
#[test]
fn a_layout_is_read_inside_its_folder_only() {
    use std::os::unix::fs::symlink;
    let folder = folder();
    let made = sample();
    let (inside, outside) = (folder.path().join("layout"), folder.path().join("outside"));
    let reference = layout(&inside, &made.layout(None));
    let path = inside.join(blob(&made.packed[1]).0);
    fs::rename(&path, &outside).expect("moved");
    refuses(read(&reference), &["does not hold"]);
    symlink(&outside, &path).expect("a link");
    refuses(read(&reference), &["leads out of the layout"]);
    fs::remove_file(&path).expect("removed");
    fs::rename(&outside, inside.join("elsewhere")).expect("moved");
    symlink("../../elsewhere", &path).expect("a link");
    read(&reference).expect("a link inside is followed");
    fs::remove_file(&path).expect("removed");
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo starts");
    assert!(made.success());
    refuses(read(&reference), &["no regular file"]);
}

#[cfg(unix)]
#[test]
fn a_folder_is_read_without_being_led_out() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder();
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("etc/deep")).expect("folders");
    fs::create_dir_all(root.join("bin")).expect("folders");
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n").expect("a file");
    fs::write(root.join("bin/su"), "#!/bin/sh\n").expect("a file");
    fs::set_permissions(root.join("bin/su"), fs::Permissions::from_mode(0o4755)).expect("a mode");
    fs::hard_link(root.join("bin/su"), root.join("bin/tu")).expect("a link");
    fs::write(folder.path().join("secret"), "outside").expect("a file");
    symlink("../../secret", root.join("etc/shadow")).expect("a link");
    symlink("/", root.join("etc/all")).expect("a link");
    assert!(Command::new("mkfifo").arg(root.join("etc/pipe")).status().expect("mkfifo starts").success());
    let odd = std::ffi::OsStr::new("etc").join_bytes(b"/a\xffb");
    fs::write(root.join(odd), "").expect("a file");

    let image = read(&format!("rootfs:{}", root.display())).expect("a folder");
    let facts = image.facts(0).expect("facts");
    let of = |path: &str| facts.entries.iter().find(|entry| entry.path == path).unwrap_or_else(|| panic!("{path}"));
    let paths: Vec<&str> = facts.entries.iter().map(|entry| entry.path).collect();
    assert_eq!(paths.len(), 10, "{paths:?}");
    assert_eq!((of("/bin/su").mode, of("/bin/su").kind), (0o4755, Kind::File));
    assert!(of("/bin/su").extra.is_some_and(|extra| extra.digest.is_some() && extra.interpreter.is_some()));
    assert_eq!((of("/bin/tu").kind, of("/bin/tu").link), (Kind::HardLink, "/bin/su"));
    assert_eq!((of("/etc/shadow").kind, of("/etc/shadow").link), (Kind::Symlink, "../../secret"));
    assert_eq!(of("/etc/all").kind, Kind::Symlink);
    assert_eq!(of("/etc/pipe").kind, Kind::Fifo);
    assert_eq!(of("/etc/a\u{f7ff}b").kind, Kind::File);
    assert_eq!(facts.text_of(of("/etc/passwd").index), Some(&b"root:x:0:0::/:/bin/sh\n"[..]));
    assert!(image.config.user.is_empty() && image.irregularities.is_empty(), "{:?}", image.irregularities);
    refuses(read("rootfs:/nowhere"), &["no such file"]);
    refuses(read(&format!("rootfs:{}", folder.path().join("secret").display())), &["can't be opened"]);
}

#[cfg(unix)]
trait JoinBytes {
    fn join_bytes(&self, bytes: &[u8]) -> std::path::PathBuf;
}

#[cfg(unix)]
impl JoinBytes for std::ffi::OsStr {
    fn join_bytes(&self, bytes: &[u8]) -> std::path::PathBuf {
        use std::os::unix::ffi::OsStrExt;
        std::path::PathBuf::from(Self::from_bytes(&[self.as_bytes(), bytes].concat()))
    }
}

#[test]
fn a_capability_in_a_folder_is_seen() {
    let folder = folder();
    let program = folder.path().join("ping");
    fs::write(&program, "program").expect("a file");
    match Command::new("setcap").arg("cap_net_raw=ep").arg(&program).status() {
        Ok(status) if status.success() => {}
        _ => return skip("setcap does not work here"),
    }
    let image = read(&format!("rootfs:{}", folder.path().display())).expect("a folder");
    let extra = image.facts(0).expect("facts").entries.get(0).extra.expect("something special");
    assert!(extra.capability.as_ref().is_some_and(|value| value.len() >= 20), "{extra:?}");
}

/// Answers one request after another, each on its own connection, with what `answer` makes of the request's path.
fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                request.push(byte[0]);
                // Whoever tries TLS is told soon that there is none.
                if request[0] == 0x16 {
                    break;
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let path = request.split(' ').nth(1).unwrap_or("");
            let _ = stream.write_all(&answer(path));
        }
    });
    address
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[test]
fn the_engine_is_asked_over_its_socket() {
    let made = sample();
    let saved = made.saved("a:1");
    let address = serve(move |path| match path {
        "/images/a:1/get" => {
            let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for chunk in saved.chunks(1000) {
                answer.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
                answer.extend(chunk);
                answer.extend(b"\r\n");
            }
            answer.extend(b"0\r\n\r\n");
            answer
        }
        "/images/cut/get" => {
            let mut answer = response("200 OK", "", &saved);
            answer.truncate(answer.len() - 2000);
            answer
        }
        _ => response("404 Not Found", "", br#"{"message":"No such image: b"}"#),
    });
    let engine = format!("tcp://{address}");
    let read = |reference: &str| {
        read_with(reference, |request| request.engine = Some(Box::leak(engine.clone().into_boxed_str())))
    };
    let image = read("docker-daemon:a:1").expect("an image");
    assert_eq!(content(&image), content(&read_stream("-", &sample().saved("a:1")).expect("an image")));
    refuses(read("docker-daemon:b"), &["no such image", "No such image: b", "pull"]);
    refuses(read("docker-daemon:cut"), &["docker-daemon:cut", "in the middle"]);
    for (engine, words) in
        [("unix:///nowhere/docker.sock", "no container engine answers"), ("ssh://a", "`unix://`"), ("x", "no address")]
    {
        refuses(read_with("docker-daemon:a", |request| request.engine = Some(engine)), &[words]);
    }
}

/// Ends podman's service when the test ends, however it ends.
struct Service(std::process::Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn podman_gives_its_images() {
    let folder = folder();
    let storage = ["--root", "root", "--runroot", "run", "--storage-driver", "vfs"];
    let podman = |args: &[&str]| {
        let mut command = Command::new("podman");
        command.current_dir(folder.path()).args(storage).args(args);
        command
    };
    fs::write(folder.path().join("saved.tar"), sample().saved("localhost/a:1")).expect("a file");
    match podman(&["load", "-i", "saved.tar"]).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => return skip(&format!("podman load: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => return skip(&format!("podman: {error}")),
    }
    let socket = format!("unix://{}", folder.path().join("podman.sock").display());
    let service = podman(&["system", "service", "--time", "0", &socket]).spawn();
    let _service = Service(service.expect("podman starts"));
    for _ in 0..100 {
        if folder.path().join("podman.sock").exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let read = |reference: &str| {
        read_with(reference, |request| request.engine = Some(Box::leak(socket.clone().into_boxed_str())))
    };
    let image = read("docker-daemon:localhost/a:1").unwrap_or_else(|error| panic!("{error}"));
    let expected = read_stream("-", &sample().saved("a:1")).expect("an image");
    assert_eq!(content(&image), content(&expected));
    refuses(read("docker-daemon:localhost/b:1"), &["no such image"]);
}

#[test]
fn a_registry_gives_the_same_image() {
    let made = sample();
    let files = made.layout(None);
    let inner =
        json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(OCI_MANIFEST, &made.manifest)]});
    let inner = serde_json::to_vec(&inner).expect("JSON");
    let (index, blobs) = (inner.clone(), files.clone());
    let address = serve(move |path| {
        let digest = path.rsplit('/').next().unwrap_or("").to_owned();
        let found = blobs.iter().find(|(name, _)| *name == format!("blobs/{}", digest.replace(':', "/")));
        match (path, found) {
            ("/v2/", _) => response("200 OK", "", b"{}"),
            ("/v2/x/a/manifests/1", _) => response("200 OK", &format!("Content-Type: {OCI_INDEX}\r\n"), &index),
            (path, Some((_, bytes))) if path.starts_with("/v2/x/a/manifests/") => {
                response("200 OK", &format!("Content-Type: {OCI_MANIFEST}\r\n"), bytes)
            }
            (path, Some((_, bytes))) if path.starts_with("/v2/x/a/blobs/") => response("200 OK", "", bytes),
            _ => response("404 Not Found", "", b"{}"),
        }
    });
    let image = read(&format!("docker://{address}/x/a:1")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(image.digest, Some(digest(&made.manifest)));
    assert_eq!(image.index_digest, Some(digest(&inner)));
    let folder = folder();
    assert_eq!(content(&image), content(&read(&layout(folder.path(), &files)).expect("a layout")));
    let pinned =
        read(&format!("{address}/x/a:other@{}", digest(&made.manifest))).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(content(&pinned), content(&image));
    assert!(read(&format!("{address}/x/a:2")).is_err());
}
