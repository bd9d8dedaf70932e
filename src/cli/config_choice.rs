//! Which harden.toml holds.

use std::path::{Path, PathBuf};

use crate::config::{Error, Finder};

/// The options that say so.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct ConfigChoice {
    /// Use this configuration file for all files
    #[arg(long, value_name = "FILE", conflicts_with = "isolated", value_hint = clap::ValueHint::FilePath,
        help_heading = "Configuration")]
    config: Option<PathBuf>,

    /// Read no configuration file
    #[arg(long, help_heading = "Configuration")]
    isolated: bool,
}

impl ConfigChoice {
    /// What finds the configuration, from the current folder, an absolute path.
    pub(super) fn finder(&self, folder: &Path) -> Result<Finder, Error> {
        match &self.config {
            Some(path) => Finder::given(path, folder),
            None if self.isolated => Ok(Finder::isolated()),
            None => Ok(Finder::nearest(folder.to_owned())),
        }
    }
}
