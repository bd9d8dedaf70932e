//! Images: references, sources, layers, the merged file system that remembers the layer of each entry, packages,
//! accounts. Knows no Dockerfile and no lint. Everything in an image is an attacker's input: each read is bounded,
//! nothing of it is written to disk, and what could be read in two ways is kept as an [`Irregularity`], never guessed.

mod accounts;
mod assemble;
mod cache;
mod changer;
mod config;
mod daemon;
mod date;
mod drops;
mod entry;
mod error;
mod history;
mod json;
pub mod layer;
mod limits;
mod manifest;
mod os_release;
pub mod packages;
mod reference;
pub mod registry;
mod secrets;
mod sibling;
pub mod source;
mod spot;
mod start;
mod tree;
pub mod unpack;
mod user;
mod wanted;
mod waste;

use std::sync::Arc;

pub use accounts::{Accounts, Group, Password, Shadow, User};
pub use assemble::{LayerPart, Parts};
pub use cache::Cache;
pub use changer::Changer;
pub use config::{Healthcheck, ImageConfig};
pub use date::day_number;
pub use drops::{RootStart, START_SCRIPTS};
pub use entry::{Entries, Entry, EntryDraft, Extra, Kind, LayerFacts, Program, SecretHit, Text};
pub use error::Error;
pub use history::{HistoryLine, Step};
pub use layer::{Irregularity, IrregularityKind, LayerRequest, read as read_layer};
pub use limits::Limits;
pub use os_release::OsRelease;
pub use packages::{Package, PackageManager, Packages};
pub use reference::{Reference, Transport};
pub use secrets::{Relief, SecretFile, SecretPlace, is_package_database};
pub use sibling::Sibling;
pub use spot::Spot;
pub use start::{Start, StartStep};
pub use tree::{Node, NodeId, Tree, Visibility};
pub use user::{KnownUser, RuntimeUser};
pub use wanted::Wanted;
pub use waste::{Hidden, Shipped, size_said};

/// An image that was read whole: what lints, the profile and the launcher know of it.
#[derive(Debug)]
pub struct Image {
    /// The reference as the user gave it.
    pub name: Arc<str>,
    /// What the reference means.
    pub reference: Reference,
    /// Digest of its manifest, `sha256:…`; `None` where it has none (an old docker archive, a folder).
    pub digest: Option<String>,
    /// Digest of the index that the manifest was chosen from, where it was chosen from one.
    pub index_digest: Option<String>,
    /// The configuration.
    pub config: ImageConfig,
    /// The same image for other platforms, as far as they were looked at.
    pub siblings: Vec<Sibling>,
    /// The history, oldest first, each with the layer it made where that can be told.
    pub history: Vec<HistoryLine>,
    /// The layers, lowest first.
    pub layers: Vec<Layer>,
    /// What a container of the image sees.
    pub tree: Tree,
    /// `/etc/os-release`, or `/usr/lib/os-release`.
    pub os: Option<OsRelease>,
    /// What the package databases say.
    pub packages: Packages,
    /// `/etc/passwd`, `/etc/group` and `/etc/shadow`.
    pub accounts: Accounts,
    /// What the container starts, step by step.
    pub start: Start,
    /// What of the manifest and the configuration contradicts itself.
    pub irregularities: Vec<Irregularity>,
    /// Today as `YYYY-MM-DD`, where the caller knows it.
    pub today: Option<String>,
    /// How many layers' facts came from the cache, so that their blobs weren't hashed again.
    pub unhashed: usize,
}

/// One layer of an image.
#[derive(Debug)]
pub struct Layer {
    /// Digest of the blob as stored, `sha256:…`.
    pub digest: String,
    /// Digest of the uncompressed archive, as the configuration has it.
    pub diff_id: String,
    /// Bytes of the blob as stored, which is what a pull downloads.
    pub size: u64,
    /// What was read of it, or why nothing was: `a foreign layer, which is not fetched`.
    pub facts: Result<LayerFacts, String>,
    /// Index in [`Image::history`] of the line that made it, where counts agree.
    pub history: Option<usize>,
}

impl Image {
    /// The bytes of a file that was asked for with [`Wanted::reads`], as a container sees it: symlinks followed inside the
    /// image. `None` where the file is missing, is no regular file, or wasn't asked for.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&[u8]> {
        let node = self.tree.resolve(path)?;
        let node = self.tree.node(node);
        if node.kind != Kind::File {
            return None;
        }
        self.layers[node.content_layer].facts.as_ref().ok()?.text_of(node.content_entry)
    }

    /// Each path that a glob of [`Wanted::reads`] matched and that is visible at the end, with its bytes.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.layers.iter().enumerate().flat_map(move |(layer, one)| {
            let facts = one.facts.as_ref().ok();
            facts.into_iter().flat_map(move |facts| {
                facts
                    .texts
                    .iter()
                    .filter(move |text| self.tree.visibility(layer, text.entry) == Visibility::Visible)
                    .map(move |text| (facts.entries.get(text.entry).path, &text.bytes[..]))
            })
        })
    }

    /// The entry's layer, with what was read of it.
    #[must_use]
    pub fn facts(&self, layer: usize) -> Option<&LayerFacts> {
        self.layers.get(layer)?.facts.as_ref().ok()
    }

    /// The history line that made a layer, as written.
    #[must_use]
    pub fn made_by(&self, layer: usize) -> Option<&str> {
        let line = self.history.get(self.layers.get(layer)?.history?)?;
        Some(&line.created_by)
    }
}
