//! The projects, and what each says of its proof.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::compare::Difference;
use super::tools::Builder;
use super::{LEVELS, Level};
use crate::support;

/// A project's `proof.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Proof {
    /// A shell command of this machine that asks the running container over its loopback. Without one, the program
    /// is run until it ends, and says `uid=N` and its answer itself.
    pub(crate) ask: String,
    /// What has to be in the answer.
    pub(crate) answer: Vec<String>,
    /// The user the process runs as: before, after safe fixes, after unsafe ones.
    pub(crate) uid: [u32; 3],
    /// The differences that safe fixes may make, and must: `KIND PATTERN`, where the kinds are `gone`, `new`,
    /// `content`, `mode`, `owner`, `type` with a path and `config` with a key; `*` stands for what has no slash, `**`
    /// for anything. The kind `setuid` stands for setuid and setgid bits that were taken off, and `account` for
    /// the files that keep accounts.
    pub(crate) safe: Vec<String>,
    /// What unsafe fixes make beyond those.
    pub(crate) r#unsafe: Vec<String>,
    /// A file in which there is nothing to fix: it must stay as it is.
    pub(crate) fine: bool,
    /// The builders that can build it; all where it is empty.
    pub(crate) builders: Vec<String>,
    /// Nothing here can build it.
    pub(crate) parse_only: bool,
    /// Why not all builders, or none.
    pub(crate) why: String,
    /// Why it no longer answers after unsafe fixes, which then has to be so.
    pub(crate) unsafe_breaks: String,
    /// Why it still runs as root after unsafe fixes.
    pub(crate) root_stays: String,
    /// Why setuid files are left after unsafe fixes.
    pub(crate) setuid_stays: String,
}

impl Default for Proof {
    fn default() -> Self {
        Self {
            ask: String::new(),
            answer: Vec::new(),
            uid: [0, 0, 10001],
            safe: Vec::new(),
            r#unsafe: Vec::new(),
            fine: false,
            builders: Vec::new(),
            parse_only: false,
            why: String::new(),
            unsafe_breaks: String::new(),
            root_stays: String::new(),
            setuid_stays: String::new(),
        }
    }
}

pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) proof: Proof,
    folder: PathBuf,
}

/// The projects that have a proof, by name.
pub(crate) fn all() -> Vec<Project> {
    let mut projects = Vec::new();
    for entry in fs::read_dir(support::root().join("testdata/projects")).expect("the projects") {
        let folder = entry.expect("a project").path();
        let Ok(text) = fs::read_to_string(folder.join("proof.toml")) else { continue };
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let proof: Proof = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}/proof.toml: {error}"));
        let partly = proof.parse_only || !proof.builders.is_empty();
        assert_eq!(partly, !proof.why.is_empty(), "{name}/proof.toml: `why` goes with `builders` or `parse-only`");
        assert!(proof.parse_only || !proof.answer.is_empty(), "{name}/proof.toml: no answer is asked for");
        projects.push(Project { name, proof, folder });
    }
    projects.sort_by(|a, b| a.name.cmp(&b.name));
    projects
}

impl Project {
    pub(crate) fn builds_with(&self, builder: Builder) -> bool {
        let named = |name: &String| name == builder.name();
        !self.proof.parse_only && (self.proof.builders.is_empty() || self.proof.builders.iter().any(named))
    }

    /// Copies the project without its proof, which is no part of the build context.
    pub(crate) fn copy_to(&self, target: &Path) {
        copy(&self.folder, target);
        fs::remove_file(target.join("proof.toml")).expect("the copied proof");
    }

    /// The patterns that hold at a level.
    fn patterns(&self, level: Level) -> impl Iterator<Item = &str> {
        let more = if level == Level::Unsafe { &self.proof.r#unsafe[..] } else { &[] };
        self.proof.safe.iter().chain(more).map(String::as_str)
    }

    pub(crate) fn expects(&self, level: Level, difference: &Difference) -> bool {
        self.patterns(level).any(|pattern| difference.fits(pattern))
    }

    /// The patterns that no difference of their level fits.
    pub(crate) fn stale(&self, seen: &[BTreeSet<Difference>; 3]) -> Vec<String> {
        let mut stale = Vec::new();
        for level in LEVELS.into_iter().skip(1) {
            let own = if level == Level::Safe { &self.proof.safe } else { &self.proof.r#unsafe };
            let unseen = own.iter().filter(|pattern| !seen[level as usize].iter().any(|seen| seen.fits(pattern)));
            stale.extend(unseen.map(|pattern| format!("`{pattern}` ({})", level.name())));
        }
        stale
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a writable folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a copied file");
        }
    }
}
