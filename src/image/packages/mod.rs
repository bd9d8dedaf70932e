//! What the package databases of an image say: dpkg, apk, rpm.

pub mod apk;
mod database;
pub mod dpkg;
mod owners;
mod read;
pub mod rpm;

pub use database::Database;
use owners::Owners;

use super::Image;

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
#[derive(Clone, Debug, Default)]
pub struct Packages {
    /// Whose database it is; `None` where none was found.
    pub manager: Option<PackageManager>,
    /// What is installed, by name.
    pub installed: Vec<Package>,
    /// Why a database that is there, or a part of it, could not be read. What is not in `installed` or has no owner may
    /// then be in the part that is missing.
    pub unread: Option<String>,
    owners: Owners,
}

/// The files of an image that are read here: globs, and how many bytes of each are needed. rpm keeps its whole database
/// in one file, which grows to tens of megabytes.
pub const READS: &[(&str, usize)] = &[
    ("/var/lib/dpkg/status", 64 << 20),
    ("/var/lib/dpkg/status.d/*", 4 << 20),
    ("/var/lib/dpkg/info/*.list", 16 << 20),
    ("/lib/apk/db/installed", 64 << 20),
    ("/usr/lib/apk/db/installed", 64 << 20),
    ("/var/lib/rpm/rpmdb.sqlite", 256 << 20),
    ("/var/lib/rpm/Packages.db", 256 << 20),
    ("/usr/lib/sysimage/rpm/rpmdb.sqlite", 256 << 20),
    ("/usr/lib/sysimage/rpm/Packages.db", 256 << 20),
    ("/usr/share/rpm/rpmdb.sqlite", 256 << 20),
    ("/usr/share/rpm/Packages.db", 256 << 20),
    // BerkeleyDB is only recognised.
    ("/var/lib/rpm/Packages", 4096),
    ("/usr/lib/sysimage/rpm/Packages", 4096),
    ("/usr/share/rpm/Packages", 4096),
];

impl Packages {
    /// Reads the package databases of an image's merged file system.
    #[must_use]
    pub fn read(image: &Image) -> Self {
        read::packages(image)
    }

    /// The package that owns the file at an absolute path, as the database has it. Folders that are symlinks in the
    /// image, as in a merged `/usr`, are seen through. Folders have no owner.
    #[must_use]
    pub fn owner(&self, path: &str) -> Option<&str> {
        let package = self.owners.of(path)?;
        Some(&self.installed.get(package as usize)?.name)
    }

    /// The permission bits that its package gives the file at an absolute path, where setuid or setgid is among them.
    /// dpkg's database doesn't tell.
    #[must_use]
    pub fn setid_mode(&self, path: &str) -> Option<u16> {
        self.owners.setid_mode(path)
    }

    /// The package of this name.
    #[must_use]
    pub fn package(&self, name: &str) -> Option<&Package> {
        let at = self.installed.partition_point(|package| &*package.name < name);
        self.installed.get(at).filter(|package| package.name == name)
    }

    /// What a database says, made ready to be asked.
    #[must_use]
    pub fn of(manager: PackageManager, mut database: Database, mut unread: Option<String>) -> Self {
        database.finish();
        if database.is_cut {
            unread.get_or_insert_with(|| "it lists more packages or files than any real one".into());
        }
        Self { manager: Some(manager), installed: database.installed, unread, owners: database.owners }
    }
}
