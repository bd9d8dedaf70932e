//! What several test modules need: the shared corpus, and skipping that can be forbidden.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Says on standard error that a test was skipped, and why; with `HARDEN_TEST_ALL=1` a skip is a failure.
#[allow(clippy::print_stderr)]
pub(crate) fn skip(why: &str) {
    assert!(
        std::env::var_os("HARDEN_TEST_ALL").is_none_or(|value| value != "1"),
        "skipped, but all tests are wanted: {why}"
    );
    eprintln!("skipped: {why}");
}

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A path under the corpus beside the checkout (or where `HARDEN_SHARED` says), or a skip.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let base = std::env::var_os("HARDEN_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let path = base.join(path);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("{} is not there", path.display()));
    None
}

/// The objects of a JSON Lines file of the corpus, gunzipped where its name says so; empty after a skip.
pub(crate) fn json_lines(path: &str) -> Vec<Value> {
    let Some(path) = shared(path) else { return Vec::new() };
    let bytes = std::fs::read(&path).expect("the corpus is readable");
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("the corpus is gzip of UTF-8");
    } else {
        text = String::from_utf8(bytes).expect("the corpus is UTF-8");
    }
    text.lines().map(|line| serde_json::from_str(line).expect("the corpus is JSON Lines")).collect()
}

/// The real Dockerfiles of the corpus: a name and the text.
pub(crate) fn dockerfiles() -> Vec<(String, String)> {
    let field = |object: &Value, key: &str| object[key].as_str().expect("a string").to_owned();
    json_lines("corpus/dockerfiles/dev.jsonl.gz")
        .iter()
        .map(|file| (format!("{}/{}", field(file, "repo"), field(file, "path")), field(file, "text")))
        .collect()
}
