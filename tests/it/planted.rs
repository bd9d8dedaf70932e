//! The images that `testdata/images/build.sh` makes: every planted flaw is found where `planted.txt` says, from every form
//! that the image is stored in alike, and the clean base it is made from stays quiet.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{root, skip};

/// The folder of the images, or `None` with a word about it.
fn images() -> Option<PathBuf> {
    let folder = root().join("target/tools/images");
    if folder.join("flawed/index.json").is_file() && folder.join("clean/index.json").is_file() {
        return Some(folder);
    }
    skip("no test images; `bash testdata/images/build.sh target/tools/images` makes them, as root");
    None
}

/// What `harden image` says of a reference, with all lints.
fn report(reference: &str, input: Option<&PathBuf>, cache: &std::path::Path) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harden"));
    command.args(["image", "--preset", "all", "--format", "json", "--exit-zero", "--isolated", reference]);
    command.env("XDG_CACHE_HOME", cache).current_dir(root());
    if let Some(file) = input {
        command.stdin(Stdio::from(std::fs::File::open(file).expect("an archive")));
    }
    let output = command.output().expect("harden runs");
    assert_eq!(output.status.code(), Some(0), "{reference}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn findings(report: &Value) -> &Vec<Value> {
    report["findings"].as_array().expect("findings")
}

/// The path or key of a place, and the digest of its layer.
fn inside(place: &Value) -> (String, Option<String>) {
    let text = |key: &str| place[key].as_str().map(str::to_owned);
    let path = text("path").or_else(|| text("key")).unwrap_or_else(|| "image".to_owned());
    (path, text("layer"))
}

/// Everything that is the same however the image is stored.
fn essence(report: &Value) -> BTreeSet<String> {
    let line = |finding: &Value| {
        let labels = finding["labels"].as_array().expect("labels");
        let labels: Vec<String> =
            labels.iter().map(|label| format!("{} {}", inside(&label["place"]).0, label["message"])).collect();
        format!(
            "{} {} {} {} {} {labels:?}",
            finding["lint"],
            finding["severity"],
            finding["confidence"],
            inside(&finding["place"]).0,
            finding["message"]
        )
    };
    findings(report).iter().map(line).collect()
}

#[test]
fn every_planted_flaw_is_found() {
    let Some(folder) = images() else { return };
    let cache = tempfile::tempdir().expect("a folder");
    let planted = std::fs::read_to_string(root().join("testdata/images/planted.txt")).expect("the list");
    let mut missed = Vec::new();
    let mut seen: Option<(String, Value)> = None;
    let mut count = 0;
    for line in planted.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [id, image, _layer, wanted, lint, what] = fields[..] else { panic!("{line}: six fields") };
        if seen.as_ref().is_none_or(|(name, _)| name != image) {
            let reference = format!("oci:{}", folder.join(image).display());
            seen = Some((image.to_owned(), report(&reference, None, cache.path())));
        }
        let (_, report) = seen.as_ref().expect("just read");
        let says = |finding: &&Value| {
            let labels = finding["labels"].as_array().expect("labels").iter().map(|label| &label["place"]);
            finding["lint"] == lint
                && std::iter::once(&finding["place"]).chain(labels).any(|place| inside(place).0 == wanted)
        };
        count += 1;
        if !findings(report).iter().any(|finding| says(&finding)) {
            missed.push(format!("{id} {image} {wanted}: {lint} does not speak ({what})"));
        }
    }
    assert!(count >= 60, "the list is there");
    assert!(missed.is_empty(), "{} of {count} are missed:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn the_clean_base_is_quiet() {
    let Some(folder) = images() else { return };
    let cache = tempfile::tempdir().expect("a folder");
    for image in ["clean", "scratch-static"] {
        let report = report(&format!("oci:{}", folder.join(image).display()), None, cache.path());
        let loud: Vec<String> = findings(&report)
            .iter()
            .filter(|finding| finding["severity"] == "high" || finding["severity"] == "medium")
            .map(|finding| format!("{} {}", finding["lint"], finding["message"]))
            .collect();
        assert!(loud.is_empty(), "{image}: {loud:#?}");
    }
}

#[test]
fn every_form_reads_the_same() {
    let Some(folder) = images() else { return };
    let at = |name: &str| folder.join(name);
    let references = [
        (format!("oci:{}", at("flawed-zstd").display()), None),
        (format!("oci-archive:{}", at("flawed.oci.tar").display()), None),
        (format!("docker-archive:{}", at("flawed.docker.tar").display()), None),
        (format!("docker-archive:{}", at("flawed.docker-old.tar").display()), None),
        (format!("docker-archive:{}", at("flawed.docker-25.tar").display()), None),
        ("-".to_owned(), Some(at("flawed.docker.tar"))),
        ("-".to_owned(), Some(at("flawed.oci.tar"))),
    ];
    // Each with a cache of its own, so that each reads all its layers.
    let read = |reference: &str, input: Option<&PathBuf>| {
        essence(&report(reference, input, tempfile::tempdir().expect("a folder").path()))
    };
    let wanted = read(&format!("oci:{}", at("flawed").display()), None);
    assert!(wanted.len() > 40, "{wanted:#?}");
    for (reference, input) in &references {
        let got = read(reference, input.as_ref());
        let missing: Vec<_> = wanted.difference(&got).collect();
        let extra: Vec<_> = got.difference(&wanted).collect();
        assert!(missing.is_empty() && extra.is_empty(), "{reference}: missing {missing:#?}, extra {extra:#?}");
    }
}
