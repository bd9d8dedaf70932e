//! Which configuration file holds for a file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Config, Error};

/// Names of configuration files, in the order in which they are looked for in a folder.
pub const NAMES: [&str; 3] = ["harden.toml", ".harden.toml", ".config/harden.toml"];

/// Looks up configuration files and reads each once.
#[derive(Debug)]
pub struct Finder {
    choice: Choice,
    base: PathBuf,
    by_folder: HashMap<PathBuf, Option<Arc<Config>>>,
}

#[derive(Debug)]
enum Choice {
    Nearest,
    Given(Arc<Config>),
    None,
}

impl Finder {
    /// The nearest file wins: in the linted file's folder or in the ones above, up to the root of its repository or of
    /// the file system. Paths are shown relative to `base`, the absolute path of the current folder, where they are
    /// under it.
    #[must_use]
    pub fn nearest(base: PathBuf) -> Self {
        Self { choice: Choice::Nearest, base, by_folder: HashMap::new() }
    }

    /// No file is read.
    #[must_use]
    pub fn isolated() -> Self {
        Self { choice: Choice::None, base: PathBuf::new(), by_folder: HashMap::new() }
    }

    /// The file at `path` holds for all files. Its globs are relative to its own folder.
    ///
    /// # Errors
    /// When the file can't be read or says something wrong.
    pub fn given(path: &Path, base: &Path) -> Result<Self, Error> {
        let config = Config::read(path, &base.join(path))?;
        Ok(Self { choice: Choice::Given(Arc::new(config)), base: base.to_owned(), by_folder: HashMap::new() })
    }

    /// The configuration for the files in `folder`, an absolute path.
    ///
    /// # Errors
    /// When the file can't be read or says something wrong.
    pub fn for_folder(&mut self, folder: &Path) -> Result<Option<Arc<Config>>, Error> {
        match &self.choice {
            Choice::None => return Ok(None),
            Choice::Given(config) => return Ok(Some(Arc::clone(config))),
            Choice::Nearest => {}
        }
        let mut passed = Vec::new();
        let mut answer = None;
        for folder in folder.ancestors() {
            if let Some(known) = self.by_folder.get(folder) {
                answer = known.clone();
                break;
            }
            passed.push(folder.to_owned());
            if let Some(path) = NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file()) {
                let shown = path.strip_prefix(&self.base).unwrap_or(&path);
                answer = Some(Arc::new(Config::read(shown, &path)?));
                break;
            }
            if folder.join(".git").exists() {
                break;
            }
        }
        self.by_folder.extend(passed.into_iter().map(|folder| (folder, answer.clone())));
        Ok(answer)
    }
}
