//! In what two images differ: every file's kind, mode, owner and bytes, and every key of the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use serde_json::Value;

use super::image::Image;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference {
    kind: &'static str,
    /// A path, or a key of the configuration.
    what: String,
    /// What it was and what it is, for who reads it.
    values: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind, self.what, self.values)
    }
}

/// The files that keep accounts, and what the tools that make them leave.
const ACCOUNT_FILES: [&str; 13] = [
    "/etc/passwd",
    "/etc/passwd-",
    "/etc/group",
    "/etc/group-",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/subuid",
    "/etc/subuid-",
    "/etc/subgid",
    "/etc/subgid-",
    "/etc/.pwd.lock",
];

impl Difference {
    /// Whether a pattern of `proof.toml` means this difference.
    pub(crate) fn fits(&self, pattern: &str) -> bool {
        match pattern.split_once(' ') {
            None if pattern == "account" => {
                matches!(self.kind, "content" | "new" | "mode") && ACCOUNT_FILES.contains(&self.what.as_str())
            }
            None => self.kind == pattern,
            Some((kind, glob)) => self.kind == kind && glob_fits(glob.as_bytes(), self.what.as_bytes()),
        }
    }
}

/// Whether a text fits a pattern in which `*` stands for what has no slash and `**` for anything.
fn glob_fits(glob: &[u8], text: &[u8]) -> bool {
    match glob {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|at| glob_fits(rest, &text[at..])),
        [b'*', rest @ ..] => {
            let end = text.iter().position(|&byte| byte == b'/').unwrap_or(text.len());
            (0..=end).any(|at| glob_fits(rest, &text[at..]))
        }
        [first, rest @ ..] => text.split_first().is_some_and(|(byte, text)| byte == first && glob_fits(rest, text)),
    }
}

/// Files whose bytes differ from build to build of the same Dockerfile: logs, caches with times in them, and what a
/// builder lays over.
const NOISE: [&str; 9] = [
    "/var/log/**",
    "/var/cache/ldconfig/**",
    "/var/cache/apt/*.bin",
    "/var/cache/debconf/**",
    "/var/lib/dpkg/*-old",
    "**.pyc",
    "/root/.cache/go-build/**",
    "/etc/hosts",
    "/etc/resolv.conf",
];

/// All differences between two images.
pub(crate) fn compare(before: &Image, after: &Image) -> BTreeSet<Difference> {
    let (old, new) = (tree(&before.root), tree(&after.root));
    let mut differences = BTreeSet::new();
    let mut add = |kind, what: &str, values: String| {
        differences.insert(Difference { kind, what: what.to_owned(), values });
    };
    for path in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        match (old.get(path), new.get(path)) {
            (Some(_), None) => add("gone", path, String::new()),
            (None, Some(meta)) => add("new", path, format!("{:o} {}:{}", meta.mode(), meta.uid(), meta.gid())),
            (Some(old), Some(new)) => {
                let (from, to) = (old.mode() & 0o7777, new.mode() & 0o7777);
                if kind(old) != kind(new) {
                    add("type", path, format!("{} > {}", kind(old), kind(new)));
                    continue;
                }
                // A symbolic link's mode means nothing.
                if from != to && !old.is_symlink() {
                    let stripped = old.is_file() && to == from & !0o6000;
                    add(if stripped { "setuid" } else { "mode" }, path, format!("{from:o} > {to:o}"));
                }
                if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
                    let values = format!("{}:{} > {}:{}", old.uid(), old.gid(), new.uid(), new.gid());
                    add("owner", path, values);
                }
                let noise = NOISE.iter().any(|glob| glob_fits(glob.as_bytes(), path.as_bytes()));
                if !noise && !same_bytes(before, after, path, old, new) {
                    add("content", path, format!("{} > {} bytes", old.len(), new.len()));
                }
            }
            (None, None) => {}
        }
    }
    for (key, from, to) in config_differences(&before.config, &after.config) {
        add("config", &key, format!("{from} > {to}"));
    }
    differences
}

/// The files with a setuid or setgid bit.
pub(crate) fn setuid_files(image: &Image) -> Vec<String> {
    let special = |meta: &Metadata| meta.is_file() && meta.mode() & 0o6000 != 0;
    tree(&image.root).into_iter().filter(|(_, meta)| special(meta)).map(|(path, _)| path).collect()
}

/// Every path below `root`, as it is called inside.
fn tree(root: &Path) -> BTreeMap<String, Metadata> {
    let mut entries = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            let meta = fs::symlink_metadata(&path).expect("an entry that stays");
            if meta.is_dir() {
                folders.push(path.clone());
            }
            let inside = path.strip_prefix(root).expect("a path below the root").to_string_lossy().into_owned();
            entries.insert(format!("/{inside}"), meta);
        }
    }
    entries
}

fn kind(meta: &Metadata) -> &'static str {
    let kind = meta.file_type();
    if kind.is_dir() {
        "folder"
    } else if kind.is_symlink() {
        "link"
    } else if kind.is_file() {
        "file"
    } else if kind.is_fifo() || kind.is_socket() {
        "pipe"
    } else {
        "device"
    }
}

fn same_bytes(before: &Image, after: &Image, path: &str, old: &Metadata, new: &Metadata) -> bool {
    let [from, to] = [&before.root, &after.root].map(|root| root.join(path.trim_start_matches('/')));
    if old.is_symlink() {
        return fs::read_link(from).ok() == fs::read_link(to).ok();
    }
    // An overlay shows a file of the base with the base's inode: then both are one file.
    !old.is_file() || old.len() == new.len() && (old.ino() == new.ino() || fs::read(from).ok() == fs::read(to).ok())
}

/// The keys in which two configurations differ, an environment variable and a label each as a key of its own.
fn config_differences(before: &Value, after: &Value) -> Vec<(String, String, String)> {
    let flat = |config: &Value| {
        let mut keys: BTreeMap<String, String> = BTreeMap::new();
        if let Some(author) = config["author"].as_str().filter(|author| !author.is_empty()) {
            keys.insert("author".to_owned(), author.to_owned());
        }
        for (key, value) in config["config"].as_object().into_iter().flatten() {
            match (key.as_str(), value) {
                ("Env", Value::Array(variables)) => {
                    for variable in variables.iter().filter_map(Value::as_str) {
                        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
                        keys.insert(format!("Env.{name}"), value.to_owned());
                    }
                }
                ("Labels", Value::Object(labels)) => {
                    keys.extend(labels.iter().map(|(name, value)| (format!("Labels.{name}"), value.to_string())));
                }
                (_, Value::Null) => {}
                _ => {
                    keys.insert(key.clone(), value.to_string());
                }
            }
        }
        keys
    };
    let (old, new) = (flat(before), flat(after));
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let value =
        |keys: &BTreeMap<String, String>, key: &String| keys.get(key).cloned().unwrap_or_else(|| "-".to_owned());
    keys.into_iter()
        .map(|key| (key.clone(), value(&old, key), value(&new, key)))
        .filter(|(_, from, to)| from != to)
        .collect()
}

#[test]
fn patterns_mean_what_they_say() {
    let fits = |glob: &str, text: &str| glob_fits(glob.as_bytes(), text.as_bytes());
    assert!(fits("/a/*", "/a/b") && !fits("/a/*", "/a/b/c") && fits("/a/**", "/a/b/c") && !fits("/a/**", "/ab"));
    assert!(fits("**.pyc", "/x/y.pyc") && fits("/a*c/d", "/abc/d") && !fits("/a", "/a/"));
}
