//! What a container of the image starts: Entrypoint and Cmd resolved through PATH, symlinks and interpreter lines.

use super::Image;
use super::tree::NodeId;

/// The start of a container.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Start {
    /// What is executed, first to last: the program, the interpreter of a script, and what `sh -c` or a launcher
    /// (`tini --`, `gosu user`) starts in turn, as far as that can be told.
    pub steps: Vec<StartStep>,
    /// Why it can't be told further: `a shell command with variables`, `` `app` is in no folder of PATH``.
    pub stopped: Option<String>,
}

/// One thing that is executed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartStep {
    /// The word as the configuration or the script has it.
    pub word: String,
    /// The absolute path it is found at, before symlinks are followed.
    pub path: String,
    /// What it is in the merged file system, symlinks followed.
    pub node: NodeId,
    /// Where the word stands: `config.Entrypoint[0]`, or the script's path.
    pub from: String,
}

impl Start {
    /// Resolves what a container of the image starts.
    #[must_use]
    pub fn resolve(_image: &Image) -> Self {
        Self::default()
    }
}
