//! A bounded run of the fuzz targets for an image's documents: real ones, damaged, the same in every run.

#[path = "../fuzz/images.rs"]
mod images;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const CONFIG: &str = r##"{"architecture":"amd64","os":"linux","created":"2025-12-01T00:00:00Z","config":{"User":"app:app","Env":
["PATH=/usr/bin","A=b"],"Entrypoint":["/bin/sh","-c"],"Cmd":null,"Labels":{"a":"b"},"ExposedPorts":{"80/tcp":{}},"Volumes":
{"/data":{}},"Healthcheck":{"Test":["NONE"]},"OnBuild":["RUN x"]},"rootfs":{"type":"layers","diff_ids":["sha256:00"]},"history":
[{"created_by":"/bin/sh -c #(nop) ADD file:a in / "},{"created_by":"RUN |1 A=b /bin/sh -c make # buildkit","empty_layer":true}]}"##;

const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":
"application/vnd.oci.image.manifest.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
"size":0,"platform":{"architecture":"amd64","os":"linux"},"annotations":{"org.opencontainers.image.ref.name":"a:1"}}]}"#;

const SAVED: &str = r#"[{"Config":"e3.json","RepoTags":["a:1"],"Layers":["blobs/sha256/e3b0c44298fc","x/layer.tar"]}]"#;

const ACCOUNTS: &str =
    "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/srv:/bin/false\n\0root:x:0:\napp:x:1000:a,b\n\0root:*:1::::::\n";

fn damaged(seeds: &'static [&'static str], cases: u32, check: impl Fn(&[u8])) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let change = (any::<Index>(), any::<Index>(), any::<u8>(), 0..6_u8);
    let strategy = (any::<Index>(), prop::collection::vec(change, 0..8));
    let outcome = TestRunner::new_with_rng(config, random).run(&strategy, |(seed, changes)| {
        let mut bytes = seeds[seed.index(seeds.len())].as_bytes().to_vec();
        for (at, other, byte, kind) in changes {
            let (from, to) = (at.index(bytes.len().max(1)), other.index(bytes.len().max(1)));
            match kind {
                0 if !bytes.is_empty() => bytes[from] = byte,
                1 => bytes.insert(from.min(bytes.len()), byte),
                2 => drop(bytes.drain(from.min(to).min(bytes.len())..from.max(to).min(bytes.len()))),
                3 => {
                    let piece = bytes[from.min(to)..from.max(to).min(bytes.len())].to_vec();
                    bytes.splice(from..from, piece);
                }
                4 => bytes.splice(from..from, *b"[[[{\"\\u0000\":1e999}").for_each(drop),
                _ => bytes.truncate(to),
            }
        }
        check(&bytes);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn damaged_configurations_are_read() {
    damaged(&[CONFIG], 3_000, images::config);
}

#[test]
fn damaged_manifests_are_read() {
    damaged(&[MANIFEST, SAVED, CONFIG], 1_000, images::manifest);
}

#[test]
fn damaged_accounts_are_read() {
    damaged(&[ACCOUNTS], 3_000, images::passwd);
}
