//! Where in an image something is.

use super::{Image, NodeId};

/// A place in an image.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Spot {
    /// The image as a whole.
    Image,
    /// A key of the configuration or the history: `config.User`, `config.Env[2]`, `history[1]`.
    Config(String),
    /// An absolute path in the layer of this index.
    Layer(usize, String),
}

impl Image {
    /// The place of a node's mode, owner and attributes: its path, in the layer that last set them.
    #[must_use]
    pub fn mode_spot(&self, node: NodeId) -> Spot {
        Spot::Layer(self.tree.node(node).mode_layer, self.tree.path(node))
    }

    /// The place of what a path leads to, symlinks followed: in the layer that holds the content. The image as a whole
    /// where it leads nowhere.
    #[must_use]
    pub fn content_spot(&self, path: &str) -> Spot {
        match self.tree.resolve(path) {
            Some(node) => Spot::Layer(self.tree.node(node).content_layer, self.tree.path(node)),
            None => Spot::Image,
        }
    }
}
