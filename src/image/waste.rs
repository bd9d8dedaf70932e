//! What an image ships and no container sees: bytes that every pull downloads for nothing.

use super::{Image, Kind, Visibility};

/// A file that is shipped and hidden.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hidden {
    /// The layer that ships it.
    pub layer: usize,
    /// The entry there.
    pub entry: u32,
    /// Bytes of its content.
    pub size: u64,
    /// The layer that hides it; the same one where a later entry replaces it.
    pub by: usize,
    /// Whether the layer that hides it has a file of the same size and time there: only mode or owner was changed.
    pub copied: bool,
}

impl Image {
    /// Every regular file that is hidden at the end, the largest first.
    #[must_use]
    pub fn hidden(&self) -> Vec<Hidden> {
        let mut hidden = Vec::new();
        for (layer, one) in self.layers.iter().enumerate() {
            let Ok(facts) = &one.facts else { continue };
            for entry in facts.entries.iter().filter(|entry| entry.kind == Kind::File && entry.size > 0) {
                let by = match self.tree.visibility(layer, entry.index) {
                    Visibility::Visible => continue,
                    Visibility::Hidden { by } => by,
                    Visibility::Replaced => layer,
                };
                let successor = self.tree.lookup(entry.path).map(|id| self.tree.node(id));
                let copied = successor.is_some_and(|node| {
                    node.kind == Kind::File && node.size == entry.size && node.modified == entry.modified
                });
                hidden.push(Hidden { layer, entry: entry.index, size: entry.size, by, copied });
            }
        }
        hidden.sort_by_key(|one| (std::cmp::Reverse(one.size), one.layer, one.entry));
        hidden
    }
}
