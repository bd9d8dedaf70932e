//! Which files are Dockerfiles.
//!
//! A file that the caller names is taken whatever it is called. Folders are walked: hidden ones such as `.devcontainer`
//! too, what `.gitignore` names and version control's own folders not.

mod error;
mod name;

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};

pub use error::Error;
pub use name::{Kind, kind};

/// What a search found; every list is in a stable order.
#[derive(Debug, Default)]
pub struct Discovery {
    /// Dockerfiles: those of one root sorted by path, roots in the order they were given, each file once.
    pub files: Vec<Found>,
    /// Files that carry a Dockerfile's name and aren't one.
    pub skipped: Vec<Skipped>,
    /// Configuration files of other linters that stand beside what was searched.
    pub foreign: Vec<PathBuf>,
    /// What could not be searched.
    pub errors: Vec<Error>,
}

/// A file to lint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The path, without a leading `./`.
    pub path: PathBuf,
    /// Whether the caller named it, so that no `exclude` applies to it.
    pub named: bool,
}

/// A file that carries a Dockerfile's name and isn't one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Skipped {
    /// The path, without a leading `./`.
    pub path: PathBuf,
    /// Why it is left out.
    pub why: Why,
}

/// Why a file with a Dockerfile's name is left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// A template of a Dockerfile, by its ending.
    Template,
    /// An ignore file of the build context.
    IgnoreFile,
    /// Source code or a document that is named after Dockerfiles, by its ending and its first line.
    OtherLanguage,
    /// A symbolic link whose target is outside the folder searched.
    OutwardLink,
    /// A pipe, a socket or a device.
    Special,
}

/// Folders that belong to version control.
const VERSION_CONTROL: [&str; 4] = [".git", ".hg", ".jj", ".svn"];

/// Configuration files of other Dockerfile linters.
const FOREIGN: [&str; 12] = [
    ".hadolint.yaml",
    ".hadolint.yml",
    ".tally.toml",
    "tally.toml",
    "trivy.yaml",
    ".trivyignore",
    ".trivyignore.yaml",
    ".checkov.yaml",
    ".checkov.yml",
    ".dockerfilelintrc",
    ".dockleignore",
    "kics.config",
];

/// Looks for Dockerfiles at and under `roots`, in one pass. Opens no file but those whose name leaves doubt.
#[must_use]
pub fn discover(roots: &[PathBuf]) -> Discovery {
    let mut search = Search::default();
    for root in roots {
        search.root(root);
    }
    search.found.foreign.sort();
    search.found.foreign.dedup();
    search.found
}

#[derive(Default)]
struct Search {
    found: Discovery,
    seen: HashSet<OsString>,
    /// Folders that were looked at for other linters' configuration.
    asked: BTreeSet<PathBuf>,
}

/// How many folders are looked at for other linters' configuration.
const MOST_ASKED: usize = 16;

impl Search {
    fn root(&mut self, root: &Path) {
        match fs::metadata(root) {
            Ok(metadata) if metadata.is_dir() => self.folder(root),
            Ok(_) => {
                let folder = root.parent().filter(|parent| !parent.as_os_str().is_empty());
                self.foreign_beside(folder.unwrap_or(Path::new(".")));
                self.take(root.to_owned(), true);
            }
            Err(error) => self.found.errors.push(Error::of_root(root, error)),
        }
    }

    fn folder(&mut self, root: &Path) {
        self.foreign_beside(root);
        let mut regular = Vec::new();
        let mut links = Vec::new();
        let walk = WalkBuilder::new(root)
            .hidden(false)
            .ignore(false)
            .require_git(false)
            .filter_entry(|entry| !is_version_control(entry))
            .build();
        for entry in walk {
            match entry {
                Ok(entry) => {
                    let Some(kind) = kind(entry.file_name()) else { continue };
                    let file_type = entry.file_type();
                    if file_type.is_some_and(|file_type| file_type.is_symlink()) {
                        links.push((entry.into_path(), kind));
                    } else if file_type.is_some_and(|file_type| !file_type.is_dir()) {
                        regular.push((entry.into_path(), kind));
                    }
                }
                Err(error) => self.found.errors.push(Error::of_walk(root, &error)),
            }
        }
        regular.sort();
        links.sort();
        let inside = fs::canonicalize(root).ok();
        let targets: BTreeSet<PathBuf> = if links.is_empty() {
            BTreeSet::new()
        } else {
            regular.iter().filter_map(|(path, _)| fs::canonicalize(path).ok()).collect()
        };
        let first = self.found.files.len();
        for (path, kind) in regular {
            self.consider(path, kind);
        }
        for (path, kind) in links {
            match fs::canonicalize(&path) {
                Ok(target) if targets.contains(&target) || target.is_dir() => {}
                Ok(target) if inside.as_ref().is_some_and(|root| !target.starts_with(root)) => {
                    self.skip(path, Why::OutwardLink);
                }
                Ok(_) => self.consider(path, kind),
                Err(error) => self.found.errors.push(Error::of_link(&path, error)),
            }
        }
        self.found.files[first..].sort_by(|a, b| a.path.cmp(&b.path));
        self.found.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// A file of a walked folder that carries a Dockerfile's name.
    fn consider(&mut self, path: PathBuf, kind: Kind) {
        match kind {
            Kind::Template => self.skip(path, Why::Template),
            Kind::IgnoreFile => self.skip(path, Why::IgnoreFile),
            _ if !fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) => self.skip(path, Why::Special),
            Kind::Doubtful if !name::starts_like_a_dockerfile(&path) => self.skip(path, Why::OtherLanguage),
            Kind::Dockerfile | Kind::Doubtful => self.take(path, false),
        }
    }

    fn take(&mut self, path: PathBuf, named: bool) {
        let path = tidy(&path);
        if self.seen.insert(path.clone().into_os_string()) {
            self.found.files.push(Found { path, named });
        } else if named && let Some(earlier) = self.found.files.iter_mut().find(|found| found.path == path) {
            earlier.named = true;
        }
    }

    fn skip(&mut self, path: PathBuf, why: Why) {
        self.found.skipped.push(Skipped { path: tidy(&path), why });
    }

    /// Looks for other linters' configuration in the first few folders: it is for one note, and whoever names a thousand
    /// files waits for each question.
    fn foreign_beside(&mut self, folder: &Path) {
        if self.asked.len() >= MOST_ASKED || !self.asked.insert(folder.to_owned()) {
            return;
        }
        let present = FOREIGN.iter().map(|name| folder.join(name)).filter(|path| path.is_file());
        self.found.foreign.extend(present.map(|path| tidy(&path)));
    }
}

fn is_version_control(entry: &DirEntry) -> bool {
    entry.depth() > 0 && VERSION_CONTROL.iter().any(|name| entry.file_name() == OsStr::new(name))
}

/// The path without `.` components, so that `./Dockerfile` and `Dockerfile` are one file and one name.
fn tidy(path: &Path) -> PathBuf {
    let tidied: PathBuf = path.components().filter(|component| *component != Component::CurDir).collect();
    if tidied.as_os_str().is_empty() { PathBuf::from(".") } else { tidied }
}
