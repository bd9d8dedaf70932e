//! How layers are put on top of each other: the rules of moby's `go-archive` and containerd's `pkg/archive`, applied one
//! entry after the other to a [`Draft`] of the file system.

use std::collections::HashMap;

use super::draft::{Draft, ROOT};
use super::{Fate, Tree};
use crate::image::entry::{Entry, Kind, LayerFacts};
use crate::image::layer::{Irregularity, IrregularityKind};

/// Layers that are merged; those beyond are left out, and said. Engines stop at some hundreds.
const MOST_LAYERS: usize = u16::MAX as usize;

/// Layers of aufs carry their book-keeping under names that begin so, which is no content of the image.
const AUFS: &str = ".wh..wh.";
/// The folder of aufs that holds what several names share.
const AUFS_SHARED: &str = "/.wh..wh.plnk/";

/// See [`Tree::merge`].
pub(super) fn merge(layers: &[Option<&LayerFacts>]) -> Tree {
    let mut draft = Draft::new(layers.iter().flatten().map(|facts| facts.entries.len()).sum());
    let mut irregularities = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let Some(number) = u16::try_from(index).ok().filter(|_| index < MOST_LAYERS) else {
            irregularities.push(too_many(layers.len()));
            break;
        };
        draft.begin(number, layer.map_or(0, |facts| facts.entries.len()));
        if let Some(facts) = layer {
            let mut writing = Writing { draft: &mut draft, number, shared: HashMap::new(), notes: Notes::default() };
            facts.entries.iter().for_each(|entry| writing.apply(&entry));
            writing.notes.report(index, &mut irregularities);
        }
    }
    if draft.exhausted() {
        irregularities.push(Irregularity {
            kind: IrregularityKind::Limit,
            path: String::new(),
            detail:
                "the layers' paths lead through more folders and symlinks than any real image's; some entries were \
                     left out"
                    .to_owned(),
        });
    }
    draft.finish(irregularities)
}

fn too_many(layers: usize) -> Irregularity {
    let detail = format!("the image has {layers} layers; those from {MOST_LAYERS} on were left out");
    Irregularity { kind: IrregularityKind::Limit, path: String::new(), detail }
}

/// One layer while it is written.
struct Writing<'d, 'f> {
    draft: &'d mut Draft<'f>,
    number: u16,
    /// What aufs keeps for several names, by the last component of its name.
    shared: HashMap<&'f str, Entry<'f>>,
    notes: Notes,
}

impl<'f> Writing<'_, 'f> {
    fn apply(&mut self, entry: &Entry<'f>) {
        let path = entry.path.trim_end_matches('/');
        let Some((parent, name)) = path.rsplit_once('/') else {
            // The root is a folder, whatever an archive says; engines of Docker's line give it the entry's mode.
            match entry.kind {
                Kind::Folder => self.draft.set(ROOT, self.number, entry),
                Kind::Opaque => self.opaque(ROOT, entry),
                _ => {}
            }
            return;
        };
        if path.trim_start_matches('/').starts_with(AUFS) {
            if path.starts_with(AUFS_SHARED) && entry.kind == Kind::File {
                self.shared.insert(name, *entry);
            }
            return;
        }
        let Some(folder) = self.draft.folder(parent, entry.index) else {
            return self.notes.unplaced.add(entry.path);
        };
        if matches!(name, "." | "..") {
            return self.notes.unplaced.add(entry.path);
        }
        if self.draft.led_below() {
            self.notes.through_link.add(entry.path);
        }
        match entry.kind {
            Kind::Whiteout => self.whiteout(folder, name, entry),
            Kind::Opaque => match self.draft.folder(path, entry.index) {
                Some(folder) => self.opaque(folder, entry),
                None => self.notes.unplaced.add(entry.path),
            },
            Kind::HardLink => self.hard_link(folder, name, entry),
            _ => self.write(folder, name, entry),
        }
    }

    /// A folder over a folder keeps what is in it; anything else takes the name with all that was below it.
    fn write(&mut self, folder: u32, name: &'f str, entry: &Entry<'f>) {
        match self.draft.child(folder, name) {
            Some(old) if entry.kind == Kind::Folder && self.draft.kind(old) == Kind::Folder => {
                self.draft.set(old, self.number, entry);
            }
            old => {
                if let Some(old) = old {
                    self.draft.remove(old, self.number);
                }
                self.draft.add(folder, name, self.number, entry);
            }
        }
    }

    /// The name goes as of now, even where this very layer made it: engines delete it when they come to the mark.
    fn whiteout(&mut self, folder: u32, name: &'f str, entry: &Entry<'f>) {
        if let Some(old) = self.draft.child(folder, name) {
            if self.draft.touched(old) == self.number {
                self.notes.own_removed.add(entry.path);
            }
            self.draft.remove(old, self.number);
        }
        self.draft.judge(self.number, entry.index, Fate::IN_FORCE);
    }

    fn opaque(&mut self, folder: u32, entry: &Entry<'f>) {
        self.draft.clear_below(folder, self.number);
        self.draft.judge(self.number, entry.index, Fate::IN_FORCE);
    }

    /// Engines remove what has the name, then link, then give owner, extended attributes and mode to the shared inode. A
    /// link to a folder or to nothing is refused.
    fn hard_link(&mut self, folder: u32, name: &'f str, entry: &Entry<'f>) {
        if let Some(old) = self.draft.child(folder, name) {
            self.draft.remove(old, self.number);
        }
        if entry.link.starts_with(AUFS_SHARED) {
            let shared = entry.link.rsplit('/').next().and_then(|name| self.shared.get(name).copied());
            return match shared {
                Some(shared) => self.draft.add(folder, name, self.number, &shared),
                None => self.notes.unplaced.add(entry.path),
            };
        }
        match self.draft.file(entry.link) {
            Some(target) => self.draft.link(target, folder, name, self.number, entry),
            None => self.notes.unplaced.add(entry.path),
        }
    }
}

/// What engines disagree about or refuse, counted for one layer.
#[derive(Default)]
struct Notes {
    unplaced: Note,
    through_link: Note,
    own_removed: Note,
}

/// The first path of its kind and how many there are.
#[derive(Default)]
struct Note {
    path: String,
    count: usize,
}

impl Note {
    fn add(&mut self, path: &str) {
        if self.count == 0 {
            self.path = path.to_owned();
        }
        self.count += 1;
    }
}

impl Notes {
    fn report(self, layer: usize, to: &mut Vec<Irregularity>) {
        let kinds = [
            (self.unplaced, "can't be put anywhere: what is above it is no folder, or what it links to isn't there"),
            (
                self.through_link,
                "lies behind a symlink of a lower layer: engines on overlayfs make a folder that hides the symlink and \
                 what is behind it",
            ),
            (self.own_removed, "is removed by the layer that makes it, which engines do or don't do by the order"),
        ];
        for (note, what) in kinds {
            let Some(others) = note.count.checked_sub(1) else { continue };
            let path = note.path.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
            let others = if others == 0 { String::new() } else { format!(" (and {others} more)") };
            let detail = format!("an entry of layer {layer} {what}{others}");
            to.push(Irregularity { kind: IrregularityKind::Ambiguous, path, detail });
        }
    }
}
