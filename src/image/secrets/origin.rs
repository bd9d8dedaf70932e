//! Where a file with a secret comes from: what everybody can download anyway is no secret.

use crate::image::Image;

/// Tells what somebody added from what packages brought.
pub(super) struct Origin<'a> {
    image: &'a Image,
    /// For each layer whether it changes the package database, once asked.
    changes: Vec<Option<bool>>,
}

impl<'a> Origin<'a> {
    pub(super) fn new(image: &'a Image) -> Self {
        Self { image, changes: vec![None; image.layers.len()] }
    }

    /// Whether a file of a layer is somebody's own: neither a distribution's nor a language package's.
    pub(super) fn is_own(&mut self, layer: usize, path: &str) -> bool {
        if is_public_place(path) || is_third_party(path) {
            return false;
        }
        if self.image.packages.owner(path).is_none() {
            return true;
        }
        // A packaged file of settings may have been filled in since, in a layer without packages.
        let settings = path.starts_with("/etc/");
        let image = self.image;
        settings && !*self.changes[layer].get_or_insert_with(|| image.changes_packages(layer))
    }
}

/// Folders that hold what distributions and toolchains publish: documentation, their own tests, and the key that ssl-cert
/// makes at installation so that a server starts at all.
fn is_public_place(path: &str) -> bool {
    const FOLDERS: [&str; 11] = [
        "/usr/share/doc/",
        "/usr/share/doc-base/",
        "/usr/share/man/",
        "/usr/share/info/",
        "/usr/share/perl",
        "/usr/lib/python",
        "/usr/lib/go",
        "/usr/local/go/",
        "/usr/local/lib/python",
        "/var/lib/dpkg/",
        "/var/lib/apt/",
    ];
    path.ends_with("ssl-cert-snakeoil.key")
        || FOLDERS.iter().any(|folder| path.starts_with(folder))
        // The standard libraries of languages have tests with keys, wherever they are installed.
        || ((path.starts_with("/usr/") || path.contains("/lib/python3.") || path.contains("/src/crypto/"))
            && is_for_show(path))
}

/// Folders into which language package managers put what others published.
fn is_third_party(path: &str) -> bool {
    [
        "/node_modules/",
        "/site-packages/",
        "/dist-packages/",
        "/pkg/mod/",
        "/.cargo/registry/",
        "/cargo/registry/",
        "/gems/",
        "/.m2/repository/",
        "/bower_components/",
        "/rustlib/",
    ]
    .iter()
    .any(|folder| path.contains(folder))
}

/// Whether a path says that a file is for tests or an example.
pub(super) fn is_for_show(path: &str) -> bool {
    const WORDS: [&str; 16] = [
        "example", "examples", "sample", "samples", "test", "tests", "testing", "testdata", "testutil", "fixture",
        "fixtures", "mock", "mocks", "dummy", "snakeoil", "demo",
    ];
    path.split(['/', '.', '-', '_']).any(|word| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)))
}
