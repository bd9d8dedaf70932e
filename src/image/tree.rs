//! The merged file system: what a container sees, and of each layer's entries, what hides them.

use super::entry::{Kind, LayerFacts};

/// The merged file system of an image.
#[derive(Debug, Default)]
pub struct Tree {
    // Filled by `merge`.
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
    /// The entry in that layer.
    pub entry: u32,
    /// Layer that holds the content (a hard link has its content elsewhere).
    pub content_layer: usize,
    /// The entry there.
    pub content_entry: u32,
    /// Layer that last set the mode, owner or attributes.
    pub mode_layer: usize,
}

/// What became of a layer's entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visibility {
    /// A container sees it.
    Visible,
    /// A later layer replaced or removed it.
    Hidden {
        /// The layer that did.
        by: usize,
    },
    /// A later entry of the same layer replaced it.
    Replaced,
}

impl Tree {
    /// The root folder.
    pub const ROOT: NodeId = NodeId(0);

    /// Puts layers on top of each other, lowest first, as the engines do (OCI image-layer specification; moby's and
    /// containerd's handling of hard links, symlinked parents and type changes). A layer that was not read is `None`.
    #[must_use]
    pub fn merge(_layers: &[Option<&LayerFacts>]) -> Self {
        Self::default()
    }

    /// Every node but the root, folders before what is in them, names of a folder in byte order.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::empty()
    }

    /// What is in a folder, by name in byte order.
    pub fn children(&self, _id: NodeId) -> impl Iterator<Item = (&str, NodeId)> + '_ {
        std::iter::empty()
    }

    /// The absolute path of a node, without symlinks in it.
    #[must_use]
    pub fn path(&self, _id: NodeId) -> String {
        String::new()
    }

    /// The folder that a node is in; the root's is the root.
    #[must_use]
    pub fn parent(&self, _id: NodeId) -> NodeId {
        Self::ROOT
    }

    /// As [`Tree::resolve`], but a symlink at the end is the answer and is not followed.
    #[must_use]
    pub fn lookup(&self, _path: &str) -> Option<NodeId> {
        None
    }

    /// The node of an absolute path, every symlink followed inside the image, the last one too; `None` where it leads
    /// nowhere or in a circle.
    #[must_use]
    pub fn resolve(&self, _path: &str) -> Option<NodeId> {
        None
    }

    /// What a name leads to.
    #[must_use]
    pub fn node(&self, _id: NodeId) -> Node<'_> {
        Node {
            kind: Kind::Folder,
            mode: 0,
            uid: 0,
            gid: 0,
            size: 0,
            modified: 0,
            link: "",
            capability: None,
            names: 1,
            layer: 0,
            entry: 0,
            content_layer: 0,
            content_entry: 0,
            mode_layer: 0,
        }
    }

    /// What became of an entry of a layer.
    #[must_use]
    pub fn visibility(&self, _layer: usize, _entry: u32) -> Visibility {
        Visibility::Visible
    }
}
