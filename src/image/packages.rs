//! What distribution an image is, and what its package databases say: dpkg, apk, rpm.

use super::Image;

/// os-release(5).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OsRelease {
    /// `ID`, such as `debian`.
    pub id: String,
    /// `ID_LIKE`, in words.
    pub id_like: Vec<String>,
    /// `VERSION_ID`; `None` for rolling releases.
    pub version_id: Option<String>,
    /// `PRETTY_NAME`.
    pub pretty_name: String,
    /// The path it was read from.
    pub path: String,
}

/// A package manager with a database that is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum PackageManager {
    Dpkg,
    Apk,
    Rpm,
}

/// An installed package.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub architecture: String,
}

/// What the databases say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Packages {
    /// Whose database it is; `None` where none was found.
    pub manager: Option<PackageManager>,
    /// What is installed, by name.
    pub installed: Vec<Package>,
    /// Why a database that is there could not be read.
    pub unread: Option<String>,
}

impl Packages {
    /// Reads the package databases of an image's merged file system.
    #[must_use]
    pub fn read(_image: &Image) -> Self {
        Self::default()
    }

    /// The package that owns the file at an absolute path, as the database has it; merged `/usr` is seen through.
    #[must_use]
    pub fn owner(&self, _path: &str) -> Option<&str> {
        None
    }

    /// The package of this name.
    #[must_use]
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.installed.iter().find(|package| package.name == name)
    }
}
