//! The merged file system while layers are put on top of each other: names that come and go, inodes they share.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::walk::Walk;
use super::{Fate, Inode, Name, Piece, Tree};
use crate::image::entry::{Entry, Kind};
use crate::image::layer::Irregularity;

/// The root folder.
pub(super) const ROOT: u32 = 0;
/// No name.
const NONE: u32 = u32::MAX;
/// Layers have lower numbers.
const NO_LAYER: u16 = u16::MAX;
/// Folders that no entry names; real images have some hundreds.
const MOST_IMPLICIT: u32 = 1 << 18;
/// Components and symlinks walked in all, and for each entry besides. Real layers, listed folder by folder, take one or two
/// for an entry, and unsorted ones hardly more than ten.
const MOST_STEPS: (usize, usize) = (1 << 24, 16);

/// See the module. Texts are borrowed from the layers.
pub(super) struct Draft<'f> {
    names: Vec<DraftName<'f>>,
    /// The rows of the finished tree; of those without a name nothing is left of it.
    inodes: Vec<Inode>,
    /// Targets of symlinks, by inode: few have one.
    links: HashMap<u32, &'f str>,
    /// `security.capability`, by inode: hardly any has one.
    capabilities: HashMap<u32, &'f [u8]>,
    /// Names by folder and text. The key is random, so that nobody can choose names that collide.
    table: HashTable<u32>,
    key: RandomState,
    starts: Vec<usize>,
    fates: Vec<Fate>,
    layer: u16,
    /// The folder that was asked for last and those on the way: where each ends in `last_path`, and its name. Layers list
    /// folder by folder, so most entries need no walk.
    last_path: &'f str,
    trail: Vec<Trail>,
    implicit: u32,
    /// Steps that may still be walked.
    steps: usize,
}

struct DraftName<'f> {
    text: &'f str,
    parent: u32,
    inode: u32,
    entry: u32,
    /// What is in a folder, as a ring without a start: the first, and each name's neighbours.
    first: u32,
    next: u32,
    previous: u32,
    layer: u16,
    /// The last layer that wrote this name or one below.
    touched: u16,
    /// The layer that everything below is of, where one declared the folder opaque.
    pure: u16,
    implicit: bool,
}

#[derive(Clone, Copy)]
struct Trail {
    end: usize,
    folder: u32,
    /// Whether a symlink of a lower layer is on the way.
    led_below: bool,
}

impl<'f> Draft<'f> {
    /// An empty root folder, with room for so many entries.
    pub(super) fn new(entries: usize) -> Self {
        let mut draft = Self {
            names: Vec::with_capacity(entries + 1),
            inodes: Vec::with_capacity(entries + 1),
            links: HashMap::new(),
            capabilities: HashMap::new(),
            table: HashTable::with_capacity(entries),
            key: RandomState::new(),
            starts: vec![0],
            fates: Vec::new(),
            layer: 0,
            last_path: "",
            trail: Vec::new(),
            implicit: 0,
            steps: MOST_STEPS.0 + MOST_STEPS.1 * entries,
        };
        draft.push(ROOT, "", 0, Inode::folder(0, 0));
        draft.names[0].implicit = true;
        draft
    }

    /// Goes on to the next layer, which has so many entries.
    pub(super) fn begin(&mut self, layer: u16, entries: usize) {
        self.layer = layer;
        self.fates.resize(self.fates.len() + entries, Fate::REPLACED);
        self.starts.push(self.fates.len());
        self.trail.clear();
    }

    /// Whether a bound kept an entry out.
    pub(super) fn exhausted(&self) -> bool {
        self.implicit >= MOST_IMPLICIT || self.steps == 0
    }

    /// The folder of an absolute path, symlinks followed, the last one too. What is missing is made, as engines do; `None`
    /// where something on the way is no folder, or symlinks go in a circle.
    pub(super) fn folder(&mut self, path: &'f str, entry: u32) -> Option<u32> {
        let common = self.last_path.bytes().zip(path.bytes()).take_while(|(one, other)| one == other).count();
        let ends = |end: usize| end <= common && matches!(path.as_bytes().get(end), None | Some(b'/'));
        while self.trail.last().is_some_and(|trail| !ends(trail.end)) {
            self.trail.pop();
        }
        self.last_path = path;
        let mut at = self.trail.last().copied().unwrap_or(Trail { end: 0, folder: ROOT, led_below: false });
        while at.end < path.len() {
            let rest = path[at.end..].trim_start_matches('/');
            let start = path.len() - rest.len();
            let length = memchr::memchr(b'/', rest.as_bytes()).unwrap_or(rest.len());
            let (folder, led_below) = self.enter(at.folder, &rest[..length], entry)?;
            at = Trail { end: start + length, folder, led_below: at.led_below || led_below };
            self.trail.push(at);
        }
        Some(at.folder)
    }

    /// Whether [`Draft::folder`] went through a symlink of a lower layer.
    pub(super) fn led_below(&self) -> bool {
        self.trail.last().is_some_and(|trail| trail.led_below)
    }

    /// Goes from a folder through one component, and through the symlinks it leads to, to a folder that is there or made.
    fn enter(&mut self, from: u32, word: &'f str, entry: u32) -> Option<(u32, bool)> {
        let mut walk = Walk::new(word);
        let (mut at, mut led_below) = (from, false);
        while let Some(word) = walk.step() {
            self.pay()?;
            if word == ".." {
                at = self.names[at as usize].parent;
                continue;
            }
            let Some(child) = self.child(at, word) else {
                at = self.make_folder(at, word, entry)?;
                continue;
            };
            match self.kind(child) {
                Kind::Folder => at = child,
                Kind::Symlink => {
                    let target = self.target(child);
                    walk.follow(target)?;
                    led_below |= self.names[child as usize].layer != self.layer;
                    at = if target.starts_with('/') { ROOT } else { at };
                }
                _ => return None,
            }
        }
        Some((at, led_below))
    }

    /// What a hard link may share: the name of a path whose parents' symlinks are followed, but not the last one.
    pub(super) fn file(&mut self, path: &str) -> Option<u32> {
        let (parent, name) = path.rsplit_once('/')?;
        let folder = self.existing(parent)?;
        self.child(folder, name).filter(|found| self.kind(*found) != Kind::Folder)
    }

    fn existing(&mut self, path: &str) -> Option<u32> {
        let last = self.trail.last().filter(|trail| trail.end == path.len() && path == self.last_path);
        if let Some(trail) = last {
            return Some(trail.folder);
        }
        let mut walk = Walk::new(path);
        let mut at = ROOT;
        while let Some(word) = walk.step() {
            self.pay()?;
            if word == ".." {
                at = self.names[at as usize].parent;
                continue;
            }
            let child = self.child(at, word)?;
            match self.kind(child) {
                Kind::Folder => at = child,
                Kind::Symlink => {
                    let target = self.target(child);
                    walk.follow(target)?;
                    at = if target.starts_with('/') { ROOT } else { at };
                }
                _ => return None,
            }
        }
        Some(at)
    }

    fn pay(&mut self) -> Option<()> {
        self.steps = self.steps.checked_sub(1)?;
        Some(())
    }

    pub(super) fn child(&self, folder: u32, text: &str) -> Option<u32> {
        let hash = self.key.hash_one((folder, text));
        let is_it = |&name: &u32| {
            let name = &self.names[name as usize];
            name.parent == folder && name.text == text
        };
        self.table.find(hash, is_it).copied()
    }

    pub(super) fn kind(&self, name: u32) -> Kind {
        self.inodes[self.names[name as usize].inode as usize].kind
    }

    /// The last layer that wrote a name or something below it.
    pub(super) fn touched(&self, name: u32) -> u16 {
        self.names[name as usize].touched
    }

    /// Writes down what became of an entry of the layer.
    pub(super) fn judge(&mut self, layer: u16, entry: u32, fate: Fate) {
        let at = self.starts[usize::from(layer)] + entry as usize;
        self.fates[at] = fate;
    }

    /// Adds a name with an inode of its own, as an entry describes it.
    pub(super) fn add(&mut self, folder: u32, text: &'f str, layer: u16, entry: &Entry<'f>) {
        let mut inode = Inode::folder(layer, entry.index);
        inode.kind = entry.kind;
        inode.size = if entry.kind == Kind::File { entry.size } else { 0 };
        let number = self.inodes.len() as u32;
        if entry.kind == Kind::Symlink {
            self.links.insert(number, entry.link);
        }
        self.push(folder, text, entry.index, inode);
        self.dress(number, layer, entry);
    }

    /// Adds a name for an inode that has one, and gives the inode what the entry says of it. The kernel drops a file's
    /// capability when its owner is set (`notify_change`), which engines do first: the entry's own, or none, is left.
    pub(super) fn link(&mut self, target: u32, folder: u32, text: &'f str, layer: u16, entry: &Entry<'f>) {
        let number = self.names[target as usize].inode;
        self.dress(number, layer, entry);
        self.inodes[number as usize].names += 1;
        self.push_name(folder, text, entry.index, number);
    }

    /// Gives a folder that is there what an entry says of it.
    pub(super) fn set(&mut self, name: u32, layer: u16, entry: &Entry<'f>) {
        self.hide(name, layer);
        let one = &mut self.names[name as usize];
        (one.layer, one.entry, one.implicit) = (layer, entry.index, false);
        let number = one.inode;
        let inode = &mut self.inodes[number as usize];
        (inode.layer, inode.entry) = (layer, entry.index);
        self.dress(number, layer, entry);
        self.touch(name);
    }

    /// Gives an inode owner, mode, time and capability as an entry says.
    fn dress(&mut self, number: u32, layer: u16, entry: &Entry<'f>) {
        let inode = &mut self.inodes[number as usize];
        inode.modified = entry.modified;
        inode.uid = entry.uid;
        inode.gid = entry.gid;
        inode.mode = if inode.kind == Kind::Symlink { 0o777 } else { entry.mode & 0o7777 };
        inode.mode_layer = layer;
        match entry.extra.and_then(|extra| extra.capability.as_deref()) {
            Some(capability) => drop(self.capabilities.insert(number, capability)),
            None => drop(self.capabilities.remove(&number)),
        }
    }

    /// What a symlink says.
    fn target(&self, name: u32) -> &'f str {
        self.links.get(&self.names[name as usize].inode).copied().unwrap_or("")
    }

    fn make_folder(&mut self, parent: u32, text: &'f str, entry: u32) -> Option<u32> {
        if self.implicit >= MOST_IMPLICIT {
            return None;
        }
        self.implicit += 1;
        let name = self.push(parent, text, entry, Inode::folder(self.layer, entry));
        self.names[name as usize].implicit = true;
        Some(name)
    }

    fn push(&mut self, parent: u32, text: &'f str, entry: u32, inode: Inode) -> u32 {
        let number = self.inodes.len() as u32;
        self.inodes.push(inode);
        self.push_name(parent, text, entry, number)
    }

    fn push_name(&mut self, parent: u32, text: &'f str, entry: u32, inode: u32) -> u32 {
        let id = self.names.len() as u32;
        let (layer, next) = (self.layer, self.names.get(parent as usize).map_or(NONE, |parent| parent.first));
        self.names.push(DraftName {
            text,
            parent,
            inode,
            entry,
            first: NONE,
            next,
            previous: NONE,
            layer,
            touched: NO_LAYER,
            pure: NO_LAYER,
            implicit: false,
        });
        if id != ROOT {
            if let Some(next) = self.names.get_mut(next as usize) {
                next.previous = id;
            }
            self.names[parent as usize].first = id;
            let (names, key) = (&self.names, &self.key);
            let hash = |name: &u32| {
                let name = &names[*name as usize];
                key.hash_one((name.parent, name.text))
            };
            self.table.insert_unique(hash(&id), id, hash);
            self.touch(id);
        }
        id
    }

    /// Marks a name and the folders above as written by this layer. Each is marked once in a layer.
    fn touch(&mut self, mut name: u32) {
        while self.names[name as usize].touched != self.layer {
            self.names[name as usize].touched = self.layer;
            name = self.names[name as usize].parent;
        }
    }

    /// Removes a name and all below it.
    pub(super) fn remove(&mut self, top: u32, by: u16) {
        let DraftName { parent, next, previous, .. } = self.names[top as usize];
        match self.names.get_mut(previous as usize) {
            Some(previous) => previous.next = next,
            None => self.names[parent as usize].first = next,
        }
        if let Some(next) = self.names.get_mut(next as usize) {
            next.previous = previous;
        }
        if matches!(self.kind(top), Kind::Folder | Kind::Symlink) {
            self.trail.clear();
        }
        let mut waiting = vec![top];
        while let Some(id) = waiting.pop() {
            self.hide(id, by);
            let name = &self.names[id as usize];
            let hash = self.key.hash_one((name.parent, name.text));
            if let Ok(found) = self.table.find_entry(hash, |other| *other == id) {
                found.remove();
            }
            self.inodes[name.inode as usize].names -= 1;
            let mut child = name.first;
            while child != NONE {
                waiting.push(child);
                child = self.names[child as usize].next;
            }
        }
    }

    /// Removes what lower layers have below a folder; what this layer wrote stays, and the folders that lead to it. A
    /// folder is looked through once in a layer, for what comes later is of this layer.
    pub(super) fn clear_below(&mut self, folder: u32, by: u16) {
        let mut waiting = vec![folder];
        while let Some(id) = waiting.pop() {
            if self.names[id as usize].pure == by {
                continue;
            }
            self.names[id as usize].pure = by;
            let mut child = self.names[id as usize].first;
            while child != NONE {
                let next = self.names[child as usize].next;
                if self.names[child as usize].touched != by {
                    self.remove(child, by);
                } else if self.kind(child) == Kind::Folder {
                    waiting.push(child);
                }
                child = next;
            }
        }
    }

    /// The entry that made a name is seen no more.
    fn hide(&mut self, name: u32, by: u16) {
        let DraftName { layer, entry, implicit, .. } = self.names[name as usize];
        if !implicit {
            self.judge(layer, entry, if layer == by { Fate::REPLACED } else { Fate::hidden(by) });
        }
    }

    /// The finished tree: names of a folder side by side and in order, nothing that is gone.
    pub(super) fn finish(mut self, irregularities: Vec<Irregularity>) -> Tree {
        let alive = self.table.len() + 1;
        let mut tree = Tree {
            text: String::new(),
            names: Vec::with_capacity(alive),
            inodes: Vec::new(),
            links: Vec::new(),
            capabilities: Vec::new(),
            starts: Vec::new(),
            fates: Vec::new(),
            irregularities,
        };
        // The names are made anew, in order; the look-ups that served the old ones make room for them.
        self.table = HashTable::new();
        self.settle(ROOT, ROOT, &mut tree);
        let mut order = vec![ROOT];
        let mut children: Vec<u32> = Vec::new();
        let mut done = 0;
        while let Some(&id) = order.get(done) {
            children.clear();
            let mut child = self.names[id as usize].first;
            while child != NONE {
                children.push(child);
                child = self.names[child as usize].next;
            }
            children
                .sort_unstable_by(|one, other| self.names[*one as usize].text.cmp(self.names[*other as usize].text));
            (tree.names[done].first, tree.names[done].count) = (tree.names.len() as u32, children.len() as u32);
            for child in &children {
                self.settle(*child, done as u32, &mut tree);
            }
            order.extend_from_slice(&children);
            done += 1;
        }
        tree.inodes = std::mem::take(&mut self.inodes);
        let is_named = |inode: u32| tree.inodes[inode as usize].names > 0;
        let mut links: Vec<(u32, &str)> = self.links.drain().filter(|(inode, _)| is_named(*inode)).collect();
        let mut capabilities: Vec<(u32, Box<[u8]>)> = self
            .capabilities
            .drain()
            .filter(|(inode, _)| is_named(*inode))
            .map(|(inode, value)| (inode, value.into()))
            .collect();
        links.sort_unstable();
        capabilities.sort_unstable();
        tree.links = links.into_iter().map(|(inode, link)| (inode, tree.store(link))).collect();
        tree.capabilities = capabilities;
        self.show_shared(&tree);
        tree.text.shrink_to_fit();
        tree.inodes.shrink_to_fit();
        tree.starts = self.starts;
        tree.fates = self.fates;
        tree.fates.shrink_to_fit();
        tree
    }

    /// Takes one name over into the finished tree.
    fn settle(&mut self, id: u32, parent: u32, tree: &mut Tree) {
        let number = tree.names.len() as u32;
        let DraftName { text, inode, entry, layer, implicit, .. } = self.names[id as usize];
        let text = tree.store(text);
        tree.names.push(Name { text, parent, inode, entry, first: 0, count: 0, layer, implicit });
        if !implicit {
            self.judge(layer, entry, Fate::seen(number));
        }
    }

    /// Content whose own name is gone is seen under another name of its inode.
    fn show_shared(&mut self, tree: &Tree) {
        for (number, name) in tree.names.iter().enumerate() {
            let inode = &tree.inodes[name.inode as usize];
            let at = self.starts[usize::from(inode.layer)] + inode.entry as usize;
            if !name.implicit && self.fates.get(at).is_some_and(|fate| fate.name().is_none()) {
                self.fates[at] = Fate::seen(number as u32);
            }
        }
    }
}

impl Tree {
    /// Adds a text. Names and links of more than four gigabytes in all are left empty: entries are bounded long before.
    fn store(&mut self, text: &str) -> Piece {
        match (u32::try_from(self.text.len()), u32::try_from(self.text.len() + text.len())) {
            (Ok(start), Ok(_)) => {
                self.text.push_str(text);
                Piece(start, text.len() as u32)
            }
            _ => Piece(0, 0),
        }
    }
}
