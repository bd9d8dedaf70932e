//! What several test modules need: the shared corpus, and skipping that can be forbidden.

#[cfg(target_os = "linux")]
pub(crate) mod attempts;
pub(crate) mod image;
#[cfg(target_os = "linux")]
pub(crate) mod launch;
#[cfg(target_os = "linux")]
pub(crate) mod left;
#[cfg(target_os = "linux")]
pub(crate) mod vm;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use harden::model::{Account, ImageContent, ImageFacts};
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

/// Writes down a figure where it is seen even when the test passes: the harness keeps what `eprintln!` writes.
pub(crate) fn figure(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
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

/// What a text manifest of an image says, a line each: `digest sha256:…`, `user NAME`, `account NAME UID GID HOME`,
/// `file MODE PATH` with the mode in octal. A manifest with any other line than `digest` lists the image's content whole.
pub(crate) fn image_facts(text: &str) -> Result<ImageFacts, String> {
    let mut facts = ImageFacts::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |word: &str| word.parse::<u32>().map_err(|error| format!("`{line}`: {error}"));
        if let ["digest", digest] = words[..] {
            facts.digest = Some(digest.to_owned());
            continue;
        }
        let content = facts.content.get_or_insert_with(ImageContent::default);
        match words[..] {
            ["user", user] => content.user = user.to_owned(),
            ["account", name, uid, gid, home] => content.accounts.push(Account {
                name: name.to_owned(),
                uid: number(uid)?,
                gid: number(gid)?,
                home: home.to_owned(),
            }),
            ["file", mode, path] => {
                let mode = u32::from_str_radix(mode, 8).map_err(|error| format!("`{line}`: {error}"))?;
                if mode & 0o6000 != 0 {
                    content.setid.push(path.to_owned());
                }
                if mode & 0o111 != 0 && path.rsplit('/').nth(1).is_some_and(|folder| folder.ends_with("bin")) {
                    content.programs.push(path.to_owned());
                }
            }
            _ => return Err(format!("`{line}` is no line of an image's manifest")),
        }
    }
    Ok(facts)
}
