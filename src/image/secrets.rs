//! Which files of an image hold secrets, seen at the end or not, and what speaks for and against each.

mod origin;

use std::collections::HashMap;

use super::{Entry, Image, Kind, LayerFacts, Tree, Visibility};
use crate::diagnostic::Confidence;
use crate::secret::{in_path, known_file};
use origin::Origin;

/// A file of a layer that holds a secret.
#[derive(Clone, PartialEq, Debug)]
pub struct SecretFile {
    /// The layer that has its content.
    pub layer: usize,
    /// The entry there.
    pub entry: u32,
    /// The path as a container sees it, or as the layer's archive has it where none does.
    pub path: String,
    /// Bytes of its content.
    pub size: u64,
    /// What became of it.
    pub visibility: Visibility,
    /// What is in it, in the order of lines; at least one.
    pub places: Vec<SecretPlace>,
    /// What speaks for less harm.
    pub relief: Relief,
}

/// A secret in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecretPlace {
    /// The line, from 1; `None` where the file as a whole is the secret.
    pub line: Option<u64>,
    /// What it is, fit for a sentence: `private key`.
    pub kind: String,
    /// How sure its form or its context makes us.
    pub confidence: Confidence,
    /// What may be shown of it; empty where nothing may.
    pub shown: String,
}

impl SecretPlace {
    /// What is where, fit for a sentence: "a private key in line 1: `----…` (1704 characters)".
    #[must_use]
    pub fn told(&self) -> String {
        let vowel = self.kind.starts_with(['a', 'e', 'i', 'o', 'A', 'O']) || self.kind.starts_with("npm");
        let article = if self.kind.starts_with("credentials") {
            ""
        } else if vowel {
            "an "
        } else {
            "a "
        };
        let line = self.line.map_or_else(String::new, |line| format!(" in line {line}"));
        let shown = if self.shown.is_empty() { String::new() } else { format!(": {}", self.shown) };
        format!("{article}{}{line}{shown}", self.kind)
    }
}

/// What makes a secret less harmful than others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Relief {
    /// Nothing does.
    None,
    /// A private key beside its certificate, as one that was made for the image itself.
    Paired,
    /// It takes a passphrase, or a guess at a hashed password, to use it.
    Locked,
    /// Its path says that it is for tests or shows how a file is written.
    Test,
}

/// Files with secrets of one image that are told; an image with more is made to be tiring.
const MOST_FILES: usize = 10_000;

impl Image {
    /// Every file that holds a secret, in whatever layer, the lowest first. What distributions and language packages bring
    /// is public and left out, and so are keys of SSH servers, lists of accounts, and files without content.
    #[must_use]
    pub fn secret_files(&self) -> Vec<SecretFile> {
        let mut origin = Origin::new(self);
        let mut files = Vec::new();
        for (layer, one) in self.layers.iter().enumerate() {
            let Ok(facts) = &one.facts else { continue };
            for (entry, mut places) in candidates(facts) {
                let entry = facts.entries.get(entry);
                let path = self.path_of(layer, &entry);
                places.retain(|place| !place.kind.is_empty());
                if files.len() >= MOST_FILES {
                    return files;
                }
                if places.is_empty() || !origin.is_own(layer, &path) {
                    continue;
                }
                let visibility = self.tree.visibility(layer, entry.index);
                let relief = relief(self, &path, &places);
                files.push(SecretFile {
                    layer,
                    entry: entry.index,
                    size: entry.size,
                    path,
                    visibility,
                    places,
                    relief,
                });
            }
        }
        files
    }

    /// Whether a layer has a part of a package database: that packages were installed, changed or removed in it.
    #[must_use]
    pub fn changes_packages(&self, layer: usize) -> bool {
        self.facts(layer).is_some_and(|facts| facts.entries.iter().any(|entry| is_package_database(entry.path)))
    }

    /// Where a container sees an entry, or the path in the archive where nothing shows it.
    fn path_of(&self, layer: usize, entry: &Entry<'_>) -> String {
        self.tree.seen_at(layer, entry.index).map_or_else(|| entry.path.to_owned(), |node| self.tree.path(node))
    }
}

/// Whether a path is that of a database of dpkg, apk or rpm, or of a file of one.
#[must_use]
pub fn is_package_database(path: &str) -> bool {
    const FILES: [&str; 3] = ["/var/lib/dpkg/status", "/lib/apk/db/installed", "/usr/lib/apk/db/installed"];
    const FOLDERS: [&str; 4] =
        ["/var/lib/dpkg/status.d/", "/var/lib/rpm/", "/usr/lib/sysimage/rpm/", "/usr/share/rpm/"];
    // Most paths are told by their first bytes.
    (path.starts_with("/var/lib/") || path.starts_with("/usr/") || path.starts_with("/lib/apk/"))
        && (FILES.contains(&path)
            || FOLDERS.iter().any(|folder| path.strip_prefix(folder).is_some_and(|name| !name.is_empty())))
}

/// The regular files in which the scan of content or the format by their name found something, or whose name alone says
/// enough.
fn candidates(facts: &LayerFacts) -> Vec<(u32, Vec<SecretPlace>)> {
    let mut places: HashMap<u32, Vec<SecretPlace>> = HashMap::new();
    for hit in &facts.secrets {
        let confidence = match hit.confidence {
            0 => Confidence::Low,
            1 => Confidence::Medium,
            _ => Confidence::High,
        };
        let place = SecretPlace { line: Some(hit.line), kind: hit.kind.clone(), confidence, shown: hit.shown.clone() };
        places.entry(hit.entry).or_default().push(place);
    }
    for text in &facts.texts {
        let Some(known) = known_file(facts.entries.get(text.entry).path) else { continue };
        for (line, secret) in known.secrets(&text.bytes) {
            let line = (!secret.shown.is_empty()).then_some(line);
            let list = places.entry(text.entry).or_default();
            // The scan of content knows the same forms; what the format says of a place takes its stead where it says
            // more than the form.
            if line.is_none() {
                list.retain(|other| !other.kind.contains("private key"));
            } else if list.iter().any(|other| other.line == line) {
                continue;
            }
            let (kind, shown) = (secret.kind.to_owned(), secret.shown);
            list.push(SecretPlace { line, kind, confidence: secret.confidence, shown });
        }
    }
    let mut all: Vec<(u32, Vec<SecretPlace>)> = places.into_iter().collect();
    all.retain_mut(|(entry, places)| {
        let entry = facts.entries.get(*entry);
        places.sort_by_key(|place| place.line);
        // A guess by the context alone counts only where the file's name speaks for it too.
        let guessed = places.iter().all(|place| place.confidence == Confidence::Low);
        entry.kind == Kind::File
            && entry.size > 0
            && !is_elsewhere(entry.path)
            && (!guessed || known_file(entry.path).is_some() || in_path(entry.path).is_some())
    });
    all.sort_by_key(|(entry, _)| *entry);
    all
}

/// What lints of their own look at: accounts with their hashes, and keys of SSH servers.
fn is_elsewhere(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/etc/") else { return false };
    rest.starts_with("shadow")
        || rest.starts_with("gshadow")
        || rest.starts_with("passwd")
        || rest.starts_with("ssh/ssh_host_")
        || rest.starts_with("dropbear/dropbear_")
}

fn relief(image: &Image, path: &str, places: &[SecretPlace]) -> Relief {
    let locked = |place: &SecretPlace| place.kind.contains("encrypted") || place.kind.contains("hash");
    let key = |place: &SecretPlace| place.kind == "private key";
    if origin::is_for_show(path) {
        Relief::Test
    } else if places.iter().all(locked) {
        Relief::Locked
    } else if places.iter().all(key) && has_certificate(&image.tree, path) {
        Relief::Paired
    } else {
        Relief::None
    }
}

/// Whether a certificate lies beside a key, or in `certs` beside its folder: of the same name, or beside it of the name that
/// programs give to pairs.
fn has_certificate(tree: &Tree, path: &str) -> bool {
    let Some((folder, name)) = path.rsplit_once('/') else { return false };
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let certs = folder.strip_suffix("/private").map(|parent| format!("{parent}/certs"));
    let same = |folder: &str| {
        ["crt", "cer", "cert", "pem"].iter().any(|ending| {
            let certificate = format!("{folder}/{stem}.{ending}");
            certificate != path && tree.resolve(&certificate).is_some()
        })
    };
    let beside = ["cert.pem", "fullchain.pem", "chain.pem", "certificate.pem", "cert.crt", "certificate.crt"];
    same(folder)
        || certs.as_deref().is_some_and(same)
        || beside.iter().any(|name| tree.resolve(&format!("{folder}/{name}")).is_some())
}
