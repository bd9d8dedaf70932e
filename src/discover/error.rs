//! What can go wrong while files are looked for.

use std::error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A path that could not be searched.
#[derive(Debug)]
pub enum Error {
    /// A path that the caller named does not exist.
    Missing {
        /// The path.
        path: PathBuf,
        /// The path beside it with the likeliest name.
        similar: Option<PathBuf>,
    },
    /// A symbolic link leads nowhere or in a circle.
    Link {
        /// The link.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file or folder can't be read.
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Error {
    /// The path that the error is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Missing { path, .. } | Self::Link { path, .. } | Self::Unreadable { path, .. } => path,
        }
    }

    pub(super) fn of_root(root: &Path, source: io::Error) -> Self {
        if fs::symlink_metadata(root).is_ok_and(|metadata| metadata.is_symlink()) {
            return Self::of_link(root, source);
        }
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Self::Missing { path: root.to_owned(), similar: similar(root) }
            }
            _ => Self::Unreadable { path: root.to_owned(), source },
        }
    }

    pub(super) fn of_link(path: &Path, source: io::Error) -> Self {
        Self::Link { path: super::tidy(path), source }
    }

    pub(super) fn of_walk(root: &Path, error: &ignore::Error) -> Self {
        let path = path_of(error).unwrap_or(root).to_owned();
        let source = match error.io_error() {
            Some(io_error) => io::Error::new(io_error.kind(), innermost(io_error).to_string()),
            None => io::Error::other(error.to_string()),
        };
        Self::Unreadable { path: super::tidy(&path), source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path, similar: Some(similar) } => {
                write!(f, "`{}` does not exist; did you mean `{}`?", path.display(), similar.display())
            }
            Self::Missing { path, similar: None } => {
                write!(f, "`{}` does not exist; check the path and the folder you are in", path.display())
            }
            Self::Link { path, source } => {
                write!(
                    f,
                    "`{}` is a symbolic link that can't be followed ({source}); mend or remove it",
                    path.display()
                )
            }
            Self::Unreadable { path, source } => {
                write!(f, "`{}` can't be read ({source}); check its permissions", path.display())
            }
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Missing { .. } => None,
            Self::Link { source, .. } | Self::Unreadable { source, .. } => Some(source),
        }
    }
}

/// What the system said, without the words of those who passed it on.
fn innermost(error: &io::Error) -> &dyn error::Error {
    let mut innermost: &dyn error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::Loop { child, .. } => Some(child),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        _ => None,
    }
}

/// The entry of the same folder whose name is nearest to the missing one, if it is near.
fn similar(missing: &Path) -> Option<PathBuf> {
    let name = missing.file_name()?.to_string_lossy().to_lowercase();
    let folder = missing.parent()?;
    let listing = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::read_dir(listing)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .map(|entry| (strsim::damerau_levenshtein(&entry.to_string_lossy().to_lowercase(), &name), entry))
        .filter(|(distance, _)| *distance <= name.chars().count() / 3)
        .min()
        .map(|(_, entry)| folder.join(entry))
}
