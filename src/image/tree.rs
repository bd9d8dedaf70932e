//! The merged file system: what a container sees, and of each layer's entries, what hides them.

mod draft;
mod merge;
mod walk;

use super::entry::{Kind, LayerFacts};
use super::layer::Irregularity;
use walk::Walk;

/// The merged file system of an image. Names and inodes are kept apart, as hard links need it; the names of a folder lie
/// side by side in byte order, so that a folder is a range and a look-up a binary search.
#[derive(Debug)]
pub struct Tree {
    /// Names and targets of symlinks, one after the other.
    text: String,
    /// The names; the root first, each folder before what is in it.
    names: Vec<Name>,
    inodes: Vec<Inode>,
    /// Targets of symlinks, by inode.
    links: Vec<(u32, Piece)>,
    /// `security.capability`, by inode.
    capabilities: Vec<(u32, Box<[u8]>)>,
    /// Where the entries of each layer begin in `fates`, and where the last ones end.
    starts: Vec<usize>,
    fates: Vec<Fate>,
    irregularities: Vec<Irregularity>,
}

/// A part of [`Tree::text`]: start and length in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Piece(u32, u32);

#[derive(Clone, Copy, Debug)]
struct Name {
    text: Piece,
    parent: u32,
    inode: u32,
    entry: u32,
    /// What is in a folder: the first name and how many there are.
    first: u32,
    count: u32,
    layer: u16,
    implicit: bool,
}

#[derive(Clone, Copy, Debug)]
struct Inode {
    size: u64,
    modified: i64,
    uid: u32,
    gid: u32,
    names: u32,
    entry: u32,
    layer: u16,
    mode_layer: u16,
    mode: u16,
    kind: Kind,
}

impl Inode {
    /// A folder that no entry describes.
    fn folder(layer: u16, entry: u32) -> Self {
        Self {
            size: 0,
            modified: 0,
            uid: 0,
            gid: 0,
            names: 1,
            entry,
            layer,
            mode_layer: layer,
            mode: 0o755,
            kind: Kind::Folder,
        }
    }
}

/// What became of an entry, in four bytes: replaced, in force without a name, hidden by a layer, or seen at a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Fate(u32);

impl Fate {
    const REPLACED: Self = Self(0);
    const IN_FORCE: Self = Self(1);
    const SEEN: u32 = 0x1_0002;

    fn hidden(by: u16) -> Self {
        Self(2 + u32::from(by))
    }

    fn seen(name: u32) -> Self {
        Self(Self::SEEN + name)
    }

    fn name(self) -> Option<u32> {
        self.0.checked_sub(Self::SEEN)
    }
}

/// A name in the merged file system.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u32);

/// What a name in the merged file system leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node<'a> {
    /// What it is; never a hard link, a whiteout or an opaque mark.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky, of the shared inode.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of a regular file.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Target of a symlink.
    pub link: &'a str,
    /// `security.capability` of the shared inode.
    pub capability: Option<&'a [u8]>,
    /// How many names the inode has.
    pub names: u32,
    /// Layer that made this name as it is now.
    pub layer: usize,
    /// The entry in that layer; of an implicit folder, the entry that is in it.
    pub entry: u32,
    /// Layer that holds the content (a hard link has its content elsewhere).
    pub content_layer: usize,
    /// The entry there.
    pub content_entry: u32,
    /// Layer that last set the mode, owner or attributes.
    pub mode_layer: usize,
    /// Whether it is a folder that no entry names, which engines make with mode 0755 for what is in it.
    pub implicit: bool,
}

/// What became of a layer's entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visibility {
    /// A container sees it: its name, or its content under another name. So is a whiteout or an opaque mark, which nothing
    /// takes back.
    Visible,
    /// A later layer replaced or removed it.
    Hidden {
        /// The layer that did.
        by: usize,
    },
    /// A later entry of the same layer replaced it, or it could not be put anywhere (a hard link to nothing).
    Replaced,
}

impl Default for Tree {
    /// An image without layers: an empty root folder.
    fn default() -> Self {
        Self::merge(&[])
    }
}

impl Tree {
    /// The root folder.
    pub const ROOT: NodeId = NodeId(0);

    /// Puts layers on top of each other, lowest first, as the engines do (OCI image-layer specification; moby's and
    /// containerd's handling of hard links, symlinked parents and type changes). A layer that was not read is `None`.
    #[must_use]
    pub fn merge(layers: &[Option<&LayerFacts>]) -> Self {
        merge::merge(layers)
    }

    /// What of the layers can't be put on top of each other, or is put elsewhere by other engines.
    #[must_use]
    pub fn irregularities(&self) -> &[Irregularity] {
        &self.irregularities
    }

    /// Every node but the root, folders before what is in them, names of a folder in byte order.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        let mut last = 0;
        std::iter::from_fn(move || {
            last = self.after(last)?;
            Some(NodeId(last))
        })
    }

    /// The name behind another one, depth first.
    fn after(&self, mut at: u32) -> Option<u32> {
        let name = self.names.get(at as usize)?;
        if name.count > 0 {
            return Some(name.first);
        }
        while at != 0 {
            let parent = self.names[at as usize].parent;
            let folder = &self.names[parent as usize];
            if at + 1 < folder.first + folder.count {
                return Some(at + 1);
            }
            at = parent;
        }
        None
    }

    /// What is in a folder, by name in byte order.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = (&str, NodeId)> + '_ {
        let range = self.names.get(id.0 as usize).map_or(0..0, |name| name.first..name.first + name.count);
        range.map(|id| (self.piece(self.names[id as usize].text), NodeId(id)))
    }

    /// The last component of a node's path; empty for the root.
    #[must_use]
    pub fn name(&self, id: NodeId) -> &str {
        self.names.get(id.0 as usize).map_or("", |name| self.piece(name.text))
    }

    /// The absolute path of a node, without symlinks in it.
    #[must_use]
    pub fn path(&self, id: NodeId) -> String {
        let mut parts = Vec::new();
        let mut at = id;
        while at != Self::ROOT {
            parts.push(self.name(at));
            at = self.parent(at);
        }
        let mut path = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum::<usize>().max(1));
        for part in parts.iter().rev() {
            path.push('/');
            path.push_str(part);
        }
        if path.is_empty() {
            path.push('/');
        }
        path
    }

    /// The folder that a node is in; the root's is the root.
    #[must_use]
    pub fn parent(&self, id: NodeId) -> NodeId {
        self.names.get(id.0 as usize).map_or(Self::ROOT, |name| NodeId(name.parent))
    }

    /// As [`Tree::resolve`], but a symlink at the end is the answer and is not followed.
    #[must_use]
    pub fn lookup(&self, path: &str) -> Option<NodeId> {
        self.walk(Self::ROOT, path, false)
    }

    /// The node of an absolute path, every symlink followed inside the image, the last one too; `None` where it leads
    /// nowhere or in a circle.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<NodeId> {
        self.walk(Self::ROOT, path, true)
    }

    /// As [`Tree::resolve`], for a path that may be relative to a folder.
    #[must_use]
    pub fn resolve_from(&self, folder: NodeId, path: &str) -> Option<NodeId> {
        let from = if path.starts_with('/') { Self::ROOT } else { folder };
        self.walk(from, path, true)
    }

    /// Walks a path as path_resolution(7) says, with the image's root as the root.
    fn walk<'a>(&'a self, from: NodeId, path: &'a str, follow_last: bool) -> Option<NodeId> {
        let mut walk = Walk::new(path);
        let mut at = from.0;
        self.names.get(at as usize)?;
        while let Some(word) = walk.step() {
            if self.kind(at) != Kind::Folder {
                return None;
            }
            if word == ".." {
                at = self.names[at as usize].parent;
                continue;
            }
            let child = self.child(at, word)?;
            if self.kind(child) == Kind::Symlink && (follow_last || !walk.ends_path()) {
                let target = self.link(self.names[child as usize].inode);
                walk.follow(target)?;
                at = if target.starts_with('/') { 0 } else { at };
            } else {
                at = child;
            }
        }
        let folder_wanted = path.ends_with('/') && self.kind(at) != Kind::Folder;
        (!folder_wanted).then_some(NodeId(at))
    }

    /// What a name leads to.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Node<'_> {
        let name = &self.names[id.0 as usize];
        let inode = &self.inodes[name.inode as usize];
        let capability = self.capabilities.binary_search_by_key(&name.inode, |(inode, _)| *inode).ok();
        Node {
            kind: inode.kind,
            mode: inode.mode,
            uid: inode.uid,
            gid: inode.gid,
            size: inode.size,
            modified: inode.modified,
            link: if inode.kind == Kind::Symlink { self.link(name.inode) } else { "" },
            capability: capability.map(|at| &self.capabilities[at].1[..]),
            names: inode.names,
            layer: usize::from(name.layer),
            entry: name.entry,
            content_layer: usize::from(inode.layer),
            content_entry: inode.entry,
            mode_layer: usize::from(inode.mode_layer),
            implicit: name.implicit,
        }
    }

    /// What became of an entry of a layer.
    #[must_use]
    pub fn visibility(&self, layer: usize, entry: u32) -> Visibility {
        match self.fate(layer, entry) {
            None | Some(Fate::REPLACED) => Visibility::Replaced,
            Some(Fate(hides @ 2..Fate::SEEN)) => Visibility::Hidden { by: hides as usize - 2 },
            Some(_) => Visibility::Visible,
        }
    }

    /// Where a container sees an entry of a layer, or the content that it brought: the archive's path with symlinked
    /// parents resolved, or another name of the same file. `None` where nothing shows it.
    #[must_use]
    pub fn seen_at(&self, layer: usize, entry: u32) -> Option<NodeId> {
        self.fate(layer, entry)?.name().map(NodeId)
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let capabilities = self.capabilities.iter().map(|(_, value)| value.len()).sum::<usize>();
        self.text.capacity()
            + self.names.capacity() * size_of::<Name>()
            + self.inodes.capacity() * size_of::<Inode>()
            + self.links.capacity() * size_of::<(u32, Piece)>()
            + self.capabilities.capacity() * size_of::<(u32, Box<[u8]>)>()
            + self.fates.capacity() * size_of::<Fate>()
            + self.starts.capacity() * size_of::<usize>()
            + capabilities
    }

    fn fate(&self, layer: usize, entry: u32) -> Option<Fate> {
        let (start, end) = (*self.starts.get(layer)?, *self.starts.get(layer + 1)?);
        self.fates.get(start..end)?.get(entry as usize).copied()
    }

    fn kind(&self, name: u32) -> Kind {
        self.inodes[self.names[name as usize].inode as usize].kind
    }

    fn link(&self, inode: u32) -> &str {
        let at = self.links.binary_search_by_key(&inode, |(inode, _)| *inode);
        at.map_or("", |at| self.piece(self.links[at].1))
    }

    fn piece(&self, Piece(start, length): Piece) -> &str {
        &self.text[start as usize..][..length as usize]
    }

    fn child(&self, folder: u32, word: &str) -> Option<u32> {
        let folder = &self.names[folder as usize];
        let names = &self.names[folder.first as usize..][..folder.count as usize];
        let at = names.binary_search_by(|name| self.piece(name.text).cmp(word)).ok()?;
        Some(folder.first + at as u32)
    }
}
