//! Documents of an image, and archives that hold one, that two readers could read differently: they are read as Go's readers
//! do, which engines use, and the difference is said.

use harden::image::{Image, IrregularityKind};
use serde_json::{Value, json};

use crate::image_made::{
    Made, OCI_MANIFEST, archive, blob, descriptor, digest, gzip, index, made, read, read_stream, sample, tar, write,
};
use crate::layer::archive::{Tar, pax};

/// Whether something of a kind is said of an image in these words.
fn says(image: &Image, kind: IrregularityKind, words: &str) -> bool {
    image.irregularities.iter().any(|odd| odd.kind == kind && odd.detail.contains(words))
}

/// An image of one layer that has one file.
fn one_file(name: &str) -> Made {
    made(vec![tar(&[(name, b'0', 0o644, b"")])], gzip)
}

/// Reads a manifest's image from a folder and from a stream.
fn both(manifest: &[u8], blobs: &[&Made]) -> [Result<Image, String>; 2] {
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = index(&json!([descriptor(OCI_MANIFEST, manifest)]));
    files.extend(blobs.iter().flat_map(|made| made.blobs()).chain([blob(manifest)]));
    write(folder.path(), &files);
    let read = read(&format!("oci:{}", folder.path().display()));
    [read, read_stream("-", &archive(&files, ""))].map(|image| image.map_err(|error| error.to_string()))
}

#[test]
fn of_two_lists_of_layers_the_last_counts_whatever_its_case() {
    let (shown, run) = (one_file("harmless"), one_file("evil"));
    let listed = |made: &Made| {
        let manifest: Value = serde_json::from_slice(&made.manifest).expect("JSON");
        (manifest["config"].to_string(), manifest["layers"].to_string())
    };
    let ((_, harmless), (config, evil)) = (listed(&shown), listed(&run));
    let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":{harmless},"Layers":{evil}}}"#);
    for image in both(manifest.as_bytes(), &[&shown, &run]) {
        let image = image.expect("an image");
        assert_eq!(image.layers[0].digest, digest(&run.packed[0]));
        assert!(image.tree.lookup("/evil").is_some() && image.tree.lookup("/harmless").is_none());
        assert!(says(&image, IrregularityKind::Ambiguous, "`layers` of sha256:"), "{:?}", image.irregularities);
    }
    // The same twice is no difference; a null takes the list back.
    let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":{evil},"LAYERS":{evil}}}"#);
    for image in both(manifest.as_bytes(), &[&run]) {
        assert_eq!(image.expect("an image").irregularities, []);
    }
    let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":{evil},"Layers":null}}"#);
    for image in both(manifest.as_bytes(), &[&run]) {
        let image = image.expect("an image");
        assert!(image.layers.is_empty() && says(&image, IrregularityKind::Ambiguous, "`layers`"));
    }
}

#[test]
fn a_manifest_that_is_an_index_too_is_refused_in_any_case() {
    let made = one_file("a");
    let manifest: Value = serde_json::from_slice(&made.manifest).expect("JSON");
    let (config, layers) = (&manifest["config"], &manifest["layers"]);
    let other = descriptor(OCI_MANIFEST, &made.manifest);
    for both_kinds in [
        json!({"schemaVersion": 2, "manifests": [other], "Layers": layers, "Config": config}),
        json!({"schemaVersion": 2, "Manifests": [other], "layers": layers, "config": config}),
    ] {
        for image in both(both_kinds.to_string().as_bytes(), &[&made]) {
            assert!(image.expect_err("no image").contains("a manifest and an index at once"), "{both_kinds}");
        }
    }
    let upper = json!({"SchemaVersion": 2, "Config": config, "Layers": layers});
    for image in both(upper.to_string().as_bytes(), &[&made]) {
        assert_eq!(image.expect("an image").layers.len(), 1, "any case is a manifest's");
    }
}

#[test]
fn the_list_of_a_docker_archive_is_read_as_the_engine_reads_it() {
    let made = sample();
    let config = format!("{}.json", &digest(&made.config)[7..]);
    let layer = |at: usize| json!(format!("{at}/layer.tar"));
    let all: Vec<Value> = (0..3).map(layer).collect();
    let list = format!(r#"[{{"Config":"{config}","Layers":["9/layer.tar"],"layers":{}}}]"#, json!(all));
    let evil = tar(&[("evil", b'0', 0o644, b"")]);
    let members = [
        ("0/layer.tar", b'0', 0o644, &made.plain[0][..]),
        ("1/layer.tar", b'0', 0o644, &made.plain[1]),
        ("2/layer.tar", b'0', 0o644, &made.plain[2]),
        ("9/layer.tar", b'0', 0o644, &evil),
        (&config, b'0', 0o644, &made.config),
        ("manifest.json", b'0', 0o644, list.as_bytes()),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.tar");
    std::fs::write(&path, tar(&members)).expect("a file");
    let opened = read(&format!("docker-archive:{}", path.display()));
    for image in [opened, read_stream("-", &tar(&members))] {
        let image = image.expect("an image");
        assert_eq!(image.layers.len(), 3);
        assert!(image.tree.lookup("/evil").is_none());
        assert!(says(&image, IrregularityKind::Ambiguous, "`Layers` of manifest.json"), "{:?}", image.irregularities);
    }
}

#[test]
fn the_digests_of_layers_are_read_once_and_the_same_everywhere() {
    // The configuration names its layers in another case, so that a plain layer is compared with it all the same.
    let mut made = one_file("a");
    let config =
        String::from_utf8(made.config).expect("text").replace("rootfs", "RootFS").replace("diff_ids", "Diff_IDs");
    made.config = config.into_bytes();
    assert_eq!(read_stream("-", &made.saved("a:1")).expect("an image").irregularities, []);
    made.plain[0] = tar(&[("evil", b'0', 0o644, b"")]);
    let error = read_stream("-", &made.saved("a:1")).expect_err("another layer").to_string();
    assert!(error.contains("is not what the configuration says"), "{error}");
}

#[test]
fn members_of_an_archive_have_the_names_that_go_gives_them() {
    let made = one_file("a");
    let layer = &made.plain[0];
    let record = |key: &'static str, value: &'static str| pax(&[(key, value.as_bytes())]);
    type Write = fn(&mut Tar, &dyn Fn(&'static str, &'static str) -> Vec<u8>) -> &'static str;
    let cases: [(&str, Write); 12] = [
        ("a global path", |tar, record| {
            tar.global(&record("path", "other"));
            "layer.tar"
        }),
        ("a global size", |tar, record| {
            tar.global(&record("size", "0"));
            "layer.tar"
        }),
        ("a long name, then a pax path", |tar, record| {
            tar.gnu(b'L', "layer.tar");
            tar.pax(&record("path", "other"));
            "another"
        }),
        ("a pax path, then a long name", |tar, record| {
            tar.pax(&record("path", "other"));
            tar.gnu(b'L', "layer.tar");
            "another"
        }),
        ("a pax path", |tar, record| {
            tar.pax(&record("path", "layer.tar"));
            "other"
        }),
        ("an empty pax path", |tar, record| {
            tar.pax(&record("path", ""));
            "layer.tar"
        }),
        ("an empty long name", |tar, _| {
            tar.gnu(b'L', "");
            "layer.tar"
        }),
        ("a long name that a global header uses up", |tar, record| {
            tar.gnu(b'L', "other");
            tar.global(&record("comment", "nothing"));
            "layer.tar"
        }),
        ("a pax record twice", |tar, record| {
            tar.pax(&[record("path", "other"), record("path", "layer.tar")].concat());
            "another"
        }),
        ("an owner below zero", |tar, record| {
            tar.pax(&record("uid", "-1"));
            "layer.tar"
        }),
        ("broken records of Solaris' type", |tar, _| {
            tar.typed(b'X', "PaxHeaders/x", b"99 path=a\n");
            "layer.tar"
        }),
        ("an old folder with a size", |tar, _| {
            tar.header("folder/", 0, 512, |_| {});
            "layer.tar"
        }),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let config = format!("{}.json", &digest(&made.config)[7..]);
    let list = json!([{"Config": config, "Layers": ["layer.tar"]}]).to_string();
    for (case, write) in cases {
        let mut tar = Tar::default();
        let name = write(&mut tar, &record);
        tar.file(name, layer);
        tar.file(&config, &made.config);
        tar.file("manifest.json", list.as_bytes());
        let (path, bytes) = (folder.path().join("a.tar"), tar.end());
        std::fs::write(&path, &bytes).expect("a file");
        for image in [read(&format!("docker-archive:{}", path.display())), read_stream("-", &bytes)] {
            let image = image.unwrap_or_else(|error| panic!("{case}: {error}"));
            assert!(image.tree.lookup("/a").is_some(), "{case}");
        }
    }
}

#[test]
fn records_that_engines_refuse_are_refused() {
    let made = one_file("a");
    for (records, words) in [
        (&b"99 path=a\n"[..], "broken record"),
        (&pax(&[("path", b"a\0b")]), "broken record"),
        (&pax(&[("size", b"-1")]), "broken record"),
    ] {
        let mut tar = Tar::default();
        tar.pax(records);
        tar.0.extend(made.saved("a:1"));
        let error = read_stream("-", &tar.0).expect_err("no image").to_string();
        assert!(error.contains(words), "{error}");
    }
}
