//! Where in an image something is.

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
