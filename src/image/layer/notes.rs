//! Irregularities of one layer, bounded: a hostile archive can hold a million of them.

use super::names;
use super::{Irregularity, IrregularityKind};

/// How many of one kind are kept. Kinds are counted apart, so that harmless ones can't crowd out an escape.
const KEPT: usize = 14;

/// What was noted.
#[derive(Debug, Default)]
pub(super) struct Notes {
    list: Vec<Irregularity>,
    counts: [usize; 7],
}

impl Notes {
    /// Notes something about the entry at `path`, which may be empty.
    pub(super) fn add(&mut self, kind: IrregularityKind, path: &str, detail: impl Into<String>) {
        let count = &mut self.counts[kind as usize];
        *count += 1;
        if *count <= KEPT {
            self.list.push(Irregularity { kind, path: names::shown(path), detail: detail.into() });
        }
    }

    /// What was noted, with a last line for each kind that had more.
    pub(super) fn finish(mut self) -> Vec<Irregularity> {
        use IrregularityKind::{Ambiguous, Broken, Duplicate, Escape, Limit, Mismatch, Name};
        for kind in [Ambiguous, Escape, Duplicate, Name, Broken, Limit, Mismatch] {
            let more = self.counts[kind as usize].saturating_sub(KEPT);
            if more > 0 {
                let detail = format!("and {more} more of this kind");
                self.list.push(Irregularity { kind, path: String::new(), detail });
            }
        }
        self.list
    }
}
