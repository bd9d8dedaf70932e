//! From an image's files to what its package databases say.

use std::collections::HashMap;

use super::{Database, PackageManager, Packages, apk, dpkg, rpm};
use crate::image::{Image, Kind};

/// Folders that may be symlinks to others: merged `/usr`, merged `/usr/sbin`, and what moved to `/run`.
const FOLDERS: [&str; 9] =
    ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr/sbin", "/usr/lib64", "/var/run"];

const STATUS: &str = "/var/lib/dpkg/status";
const PARTS: &str = "/var/lib/dpkg/status.d/";
const LISTS: &str = "/var/lib/dpkg/info/";
const APK: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];
const RPM_FOLDERS: [&str; 3] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm"];
const RPM_FILES: [&str; 3] = ["rpmdb.sqlite", "Packages.db", "Packages"];

/// Reads what is there: the first database that lists a package, or the first that is there at all.
pub(super) fn packages(image: &Image) -> Packages {
    let mut found = [dpkg(image), apk(image), rpm(image)].into_iter().flatten().collect::<Vec<_>>();
    let best = found.iter().position(|packages| !packages.installed.is_empty()).unwrap_or(0);
    if best < found.len() { found.swap_remove(best) } else { Packages::default() }
}

fn dpkg(image: &Image) -> Option<Packages> {
    let mut database = Database::new(aliases(image));
    let mut unread = None;
    let status = text(image, STATUS, &mut unread);
    if let Some(bytes) = status {
        dpkg::status(bytes, &mut database);
    }
    let mut lists = Vec::new();
    let mut sums = Vec::new();
    let mut parts = HashMap::new();
    for (path, bytes) in image.texts() {
        if let Some(name) = path.strip_prefix(LISTS).and_then(|name| name.strip_suffix(".list")) {
            lists.push((name, bytes));
        } else if let Some(name) = path.strip_prefix(PARTS) {
            match name.strip_suffix(".md5sums") {
                Some(name) => sums.push((name, bytes)),
                None => drop(dpkg::part(bytes, &mut database).map(|package| parts.insert(name, package))),
            }
        }
    }
    if status.is_none() && parts.is_empty() {
        return None;
    }
    for (name, bytes) in sums {
        if let Some(package) = parts.get(name) {
            dpkg::md5sums(bytes, *package, &mut database);
        }
    }
    let owners: Vec<(u32, &[u8])> = {
        // `libc6:amd64.list` where several architectures may be installed side by side.
        let names: HashMap<(&str, &str), u32> = (0..)
            .zip(&database.installed)
            .flat_map(|(index, package)| ["", &*package.architecture].map(|arch| ((&*package.name, arch), index)))
            .collect();
        let package = |name: &str| names.get(&name.split_once(':').unwrap_or((name, ""))).copied();
        lists.into_iter().filter_map(|(name, bytes)| Some((package(name)?, bytes))).collect()
    };
    for (package, bytes) in owners {
        dpkg::list(bytes, package, &mut database);
    }
    Some(Packages::of(PackageManager::Dpkg, database, unread))
}

fn apk(image: &Image) -> Option<Packages> {
    let mut unread = None;
    let bytes = APK.iter().find_map(|path| text(image, path, &mut unread))?;
    let mut database = Database::new(aliases(image));
    apk::installed(bytes, &mut database);
    Some(Packages::of(PackageManager::Apk, database, unread))
}

fn rpm(image: &Image) -> Option<Packages> {
    let paths = RPM_FILES.iter().flat_map(|file| RPM_FOLDERS.map(|folder| format!("{folder}/{file}")));
    let mut found: Option<Packages> = None;
    for path in paths {
        let mut unread = None;
        let Some(bytes) = text(image, &path, &mut unread) else { continue };
        let mut database = Database::new(aliases(image));
        if let Err(problem) = rpm::database(bytes, &mut database) {
            // Says more than that only the start was kept, which for BerkeleyDB is all that is wanted.
            unread = Some(format!("`{path}`: {problem}"));
        }
        let packages = Packages::of(PackageManager::Rpm, database, unread);
        if !packages.installed.is_empty() {
            return Some(packages);
        }
        // An empty database beside one that can't be read doesn't say that nothing is installed.
        if found.as_ref().is_none_or(|found| found.unread.is_none()) {
            found = Some(packages);
        }
    }
    found
}

/// The bytes of a file, and in `unread` whether only a part of them was kept.
fn text<'a>(image: &'a Image, path: &str, unread: &mut Option<String>) -> Option<&'a [u8]> {
    let bytes = image.text(path)?;
    let size = image.tree.resolve(path).map_or(0, |node| image.tree.node(node).size);
    if size > bytes.len() as u64 {
        *unread = Some(format!("`{path}`: of its {size} bytes only {} are read", bytes.len()));
    }
    Some(bytes)
}

/// The folders of [`FOLDERS`] that are symlinks in the image, and where they lead.
fn aliases(image: &Image) -> Vec<(String, String)> {
    let tree = &image.tree;
    let alias = |folder: &&str| {
        tree.lookup(folder).filter(|node| tree.node(*node).kind == Kind::Symlink)?;
        Some(((*folder).to_owned(), tree.path(tree.resolve(folder)?)))
    };
    FOLDERS.iter().filter_map(alias).collect()
}
