//! What an image ships and no container sees: bytes that every pull downloads for nothing.

use std::collections::BTreeMap;

use super::{Entry, Image, Kind, Visibility};

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

/// What one layer ships of some kind of file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shipped {
    /// The layer.
    pub layer: usize,
    /// Bytes of the files' contents, uncompressed.
    pub bytes: u64,
    /// How many files there are.
    pub files: usize,
    /// Of `bytes`, those that a later layer hides.
    pub hidden: u64,
    /// The last layer that hides any of them.
    pub hidden_by: Option<usize>,
}

/// A size as people say it, in powers of 1,000 as registries do.
#[must_use]
pub fn size_said(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    let Some((unit, one)) = UNITS.into_iter().find(|(_, one)| bytes >= *one) else { return format!("{bytes} B") };
    let tenths = bytes / (one / 10);
    if tenths >= 100 { format!("{} {unit}", tenths / 10) } else { format!("{}.{} {unit}", tenths / 10, tenths % 10) }
}

impl Image {
    /// What each layer ships of each kind of file, the lowest layer first, seen by a container or not. `kind` tells which
    /// files are meant. A file with other names is left out: its bytes serve those too.
    pub fn shipped<K: Ord>(&self, kind: impl Fn(&Entry<'_>) -> Option<K>) -> BTreeMap<K, Vec<Shipped>> {
        let mut kinds: BTreeMap<K, Vec<Shipped>> = BTreeMap::new();
        for (layer, one) in self.layers.iter().enumerate() {
            let Ok(facts) = &one.facts else { continue };
            for entry in facts.entries.iter().filter(|entry| entry.kind == Kind::File && entry.size > 0) {
                let Some(kind) = kind(&entry) else { continue };
                let by = match self.tree.visibility(layer, entry.index) {
                    Visibility::Hidden { by } => Some(by),
                    Visibility::Replaced => Some(layer),
                    Visibility::Visible => None,
                };
                let seen = self.tree.seen_at(layer, entry.index);
                if by.is_none() && seen.is_some_and(|node| self.tree.node(node).names > 1) {
                    continue;
                }
                let shipped = kinds.entry(kind).or_default();
                if shipped.last().is_none_or(|last| last.layer != layer) {
                    shipped.push(Shipped { layer, bytes: 0, files: 0, hidden: 0, hidden_by: None });
                }
                let Some(last) = shipped.last_mut() else { continue };
                last.bytes += entry.size;
                last.files += 1;
                if by.is_some() {
                    last.hidden += entry.size;
                    last.hidden_by = last.hidden_by.max(by);
                }
            }
        }
        kinds
    }

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

#[cfg(test)]
mod tests {
    use super::size_said;

    #[test]
    fn sizes_are_said_as_registries_do() {
        let said = [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (9_950_000, "9.9 MB"), (35_400_000, "35 MB")];
        for (bytes, text) in said {
            assert_eq!(size_said(bytes), text);
        }
        assert_eq!(size_said(u64::MAX), "18446744073 GB");
    }
}
