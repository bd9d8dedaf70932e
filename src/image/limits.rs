//! How much of an image is read before it counts as hostile.

/// Bounds on what one image may ask for. Real images stay far below the defaults; each has a flag that raises it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Entries in all layers together.
    pub entries: u64,
    /// Bytes of an entry's path. Linux allows 4,096.
    pub path_bytes: usize,
    /// Bytes of a layer, uncompressed.
    pub layer_bytes: u64,
    /// Uncompressed bytes for each compressed one, beyond the first 16 MiB. DEFLATE can't do more than 1,032.
    pub ratio: u64,
    /// Bytes of a manifest, an index or a configuration.
    pub document_bytes: u64,
    /// Layers of an image. Docker allows 127, others more.
    pub layers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 5_000_000,
            path_bytes: 4096,
            layer_bytes: 64 << 30,
            ratio: 400,
            document_bytes: 4 << 20,
            layers: 512,
        }
    }
}
