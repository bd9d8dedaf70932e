//! Which path was seen in which entry: an open-addressing table of entry numbers, since a map with paths of its own would
//! double the memory of a layer of a million files.

use std::hash::{BuildHasher, RandomState};

use crate::image::Entries;

/// The last entry of each path.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Entry number plus one; zero is free. The length is a power of two.
    slots: Vec<u32>,
    used: usize,
    hasher: RandomState,
}

impl Seen {
    /// The last entry that was noted for a path.
    pub(super) fn get(&self, path: &str, entries: &Entries) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let slot = self.slot(path, entries);
        self.slots[slot].checked_sub(1)
    }

    /// Notes an entry as the last of its path.
    pub(super) fn set(&mut self, entry: u32, entries: &Entries) {
        if self.used * 2 >= self.slots.len() {
            let old = std::mem::take(&mut self.slots);
            self.slots = vec![0; (old.len() * 2).max(1 << 10)];
            for one in old.into_iter().filter(|one| *one != 0) {
                let slot = self.slot(entries.get(one - 1).path, entries);
                self.slots[slot] = one;
            }
        }
        let slot = self.slot(entries.get(entry).path, entries);
        self.used += usize::from(self.slots[slot] == 0);
        self.slots[slot] = entry + 1;
    }

    /// The slot of a path, or the free one where it belongs.
    fn slot(&self, path: &str, entries: &Entries) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = self.hasher.hash_one(path) as usize & mask;
        while let Some(entry) = self.slots[at].checked_sub(1) {
            if entries.get(entry).path == path {
                break;
            }
            at = (at + 1) & mask;
        }
        at
    }
}
