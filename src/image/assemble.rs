//! From what a source gives to an [`Image`].

use std::sync::Arc;

use super::{Accounts, Image, ImageConfig, Irregularity, Layer, LayerFacts, Packages, Reference, Start, Tree};

/// What a source gives.
#[derive(Debug)]
pub struct Parts {
    /// The reference as the user gave it.
    pub name: Arc<str>,
    /// What it means.
    pub reference: Reference,
    /// Digest of the manifest, where there is one.
    pub digest: Option<String>,
    /// Digest of the index it was chosen from, where there is one.
    pub index_digest: Option<String>,
    /// The configuration's bytes; `{}` where there is none (a folder).
    pub config: Vec<u8>,
    /// The layers, lowest first.
    pub layers: Vec<LayerPart>,
    /// What was seen so far that contradicts itself.
    pub irregularities: Vec<Irregularity>,
    /// Today as `YYYY-MM-DD`, where known.
    pub today: Option<String>,
}

/// A layer as a source gives it.
#[derive(Debug)]
pub struct LayerPart {
    /// Digest of the blob as stored, `sha256:…`; that of the uncompressed archive where a source has no other.
    pub digest: String,
    /// Bytes of the blob as stored.
    pub size: u64,
    /// What was read of it, or why nothing was.
    pub facts: Result<LayerFacts, String>,
}

impl Image {
    /// Puts together what lints ask: reads the configuration and its history, merges the layers, reads accounts and
    /// package databases, and resolves what the container starts. Never fails: what can't be read is an irregularity or an
    /// absent fact.
    #[must_use]
    pub fn assemble(parts: Parts) -> Self {
        let facts: Vec<Option<&LayerFacts>> = parts.layers.iter().map(|layer| layer.facts.as_ref().ok()).collect();
        let tree = Tree::merge(&facts);
        let mut irregularities: Vec<Irregularity> = parts.irregularities;
        let (config, history) = ImageConfig::read(&parts.config, parts.layers.len(), &mut irregularities);
        let layers = parts.layers.into_iter().enumerate().map(|(index, part)| Layer {
            digest: part.digest,
            diff_id: config.diff_ids.get(index).cloned().unwrap_or_default(),
            size: part.size,
            facts: part.facts,
            history: history.iter().position(|line| line.layer == Some(index)),
        });
        let mut image = Self {
            name: parts.name,
            reference: parts.reference,
            digest: parts.digest,
            index_digest: parts.index_digest,
            layers: layers.collect(),
            config,
            siblings: Vec::new(),
            history,
            tree,
            os: None,
            packages: Packages::default(),
            accounts: Accounts::default(),
            start: Start::default(),
            irregularities,
            today: parts.today,
            unhashed: 0,
        };
        image.accounts = Accounts::read(&image);
        image.os = super::os_release::os_release(&image);
        image.packages = Packages::read(&image);
        image.start = Start::resolve(&image);
        image
    }
}
