//! A built image, mounted: the root of its base below, unpacked once for all, and its own layers above.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::tools::{Tools, tail};

pub(crate) struct Image {
    layout: PathBuf,
    /// The image's configuration file.
    pub(crate) config: Value,
    /// Where its file system is mounted.
    pub(crate) root: PathBuf,
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.root).status();
        let _ = fs::remove_dir_all(&self.layout);
    }
}

impl Image {
    /// Mounts the image of an OCI layout that holds one.
    pub(crate) fn mount(tools: &Tools, layout: &Path) -> Result<Self, String> {
        let blob = |digest: &Value| {
            let digest = digest.as_str().unwrap_or("").trim_start_matches("sha256:");
            layout.join("blobs/sha256").join(digest)
        };
        let manifest = read(&blob(&read(&layout.join("index.json"))?["manifests"][0]["digest"]))?;
        let config = read(&blob(&manifest["config"]["digest"]))?;
        let empty = Vec::new();
        let layers = manifest["layers"].as_array().unwrap_or(&empty);
        let parts = ["empty", "upper", "work", "root"].map(|part| layout.join(part));
        for part in &parts {
            fs::create_dir_all(part).map_err(|error| error.to_string())?;
        }
        let [none, upper, work, root] = parts;
        let base = layers.first().and_then(|layer| tools.root_of(layer["digest"].as_str().unwrap_or("")));
        let own = if base.is_some() { &layers[1..] } else { &layers[..] };
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            base.unwrap_or(none).display(),
            upper.display(),
            work.display()
        );
        run(Command::new("mount").args(["-t", "overlay", "overlay", "-o", &options]).arg(&root))?;
        let image = Self { layout: layout.to_owned(), config, root };
        for layer in own {
            image.unpack(&blob(&layer["digest"]))?;
        }
        // Files that go at once need not reach the disk, and these are the bulk of what is written.
        fs::remove_dir_all(layout.join("blobs")).map_err(|error| error.to_string())?;
        Ok(image)
    }

    /// Puts a layer over what is there, as a runtime does: first what it takes away, then what it brings.
    fn unpack(&self, layer: &Path) -> Result<(), String> {
        let list = run(Command::new("tar").args(["--quoting-style=literal", "-tf"]).arg(layer))?;
        for name in list.lines() {
            let path = Path::new(name);
            let (Some(file), Some(folder)) = (path.file_name(), path.parent()) else { continue };
            let Some(hidden) = file.to_str().and_then(|file| file.strip_prefix(".wh.")) else { continue };
            let folder = self.root.join(folder);
            let gone: Vec<PathBuf> = if hidden == ".wh..opq" {
                fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
            } else {
                vec![folder.join(hidden)]
            };
            for path in gone {
                let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
            }
        }
        let arguments = ["--numeric-owner", "--same-owner", "-p", "--exclude=.wh.*", "--exclude=*/.wh.*"];
        run(Command::new("tar").args(arguments).arg("-C").arg(&self.root).arg("-xf").arg(layer)).map(|_| ())
    }

    /// A list of words of the image's configuration.
    pub(crate) fn words(&self, key: &str) -> Vec<String> {
        let words = self.config["config"][key].as_array();
        words.into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    }

    /// A text of the image's configuration.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.config["config"][key].as_str().unwrap_or("")
    }
}

fn read(path: &Path) -> Result<Value, String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// Runs a command that has to succeed.
fn run(command: &mut Command) -> Result<String, String> {
    let ran = command.output().map_err(|error| error.to_string())?;
    if !ran.status.success() {
        return Err(format!("{command:?}: {}", tail(&ran)));
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}
