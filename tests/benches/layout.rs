//! The layers of an OCI layout, for benches that read them: place, digest and size of each.

use std::path::{Path, PathBuf};

/// The layers of the first manifest of a layout.
pub(crate) fn layers(layout: &Path) -> Vec<(PathBuf, String, u64)> {
    let json = |path: PathBuf| -> serde_json::Value {
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_slice(&bytes).expect("the layout is JSON")
    };
    let blob = |digest: &str| layout.join("blobs").join(digest.replace(':', "/"));
    let index = json(layout.join("index.json"));
    let manifest = json(blob(index["manifests"][0]["digest"].as_str().expect("a digest")));
    let layers = manifest["layers"].as_array().expect("layers");
    let layer = |layer: &serde_json::Value| {
        let digest = layer["digest"].as_str().expect("a digest").to_owned();
        (blob(&digest), digest, layer["size"].as_u64().expect("a size"))
    };
    layers.iter().map(layer).collect()
}
