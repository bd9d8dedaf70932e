//! Which package owns which file. Paths are kept as 64-bit hashes under keys that are drawn anew for each table, so
//! that nobody can prepare two paths that look like one, and forty thousand files take half a megabyte.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Bytes of a path that Linux takes; longer ones are no files.
const PATH_BYTES: usize = 4096;

/// The files that packages own.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    keys: RandomState,
    /// A folder that is a symlink in the image, and what it leads to: `/bin`, `/usr/bin`.
    aliases: Vec<(String, String)>,
    /// A path's hash and its package's index: as read until [`Owners::finish`], then in order and each path once.
    files: Vec<File>,
    /// The modes of files that packages ship with setuid or setgid bits, by hash.
    modes: Vec<(u64, u16)>,
}

/// The hash in two halves, which keeps a file at 12 bytes.
#[derive(Clone, Copy, Debug)]
struct File {
    hash: [u32; 2],
    package: u32,
}

/// A folder that [`Owners::folder`] prepared.
#[derive(Clone, Copy, Debug)]
pub struct Folder(u64);

impl Owners {
    /// Files that are kept. The largest images have some hundred thousand.
    pub const FILES: usize = 1_000_000;

    /// A table that sees through these folders, which are symlinks in the image: absolute paths without a slash at the
    /// end, and where they lead.
    #[must_use]
    pub fn new(aliases: Vec<(String, String)>) -> Self {
        Self { aliases, ..Self::default() }
    }

    /// The index of the package that owns the file at an absolute path.
    #[must_use]
    pub fn of(&self, path: &str) -> Option<u32> {
        let hash = halves(self.hash_of(path)?);
        let at = self.files.binary_search_by_key(&hash, |file| file.hash).ok()?;
        Some(self.files[at].package)
    }

    /// The permission bits that the package gives the file, where setuid or setgid is among them.
    #[must_use]
    pub fn setid_mode(&self, path: &str) -> Option<u16> {
        let hash = self.hash_of(path)?;
        let at = self.modes.binary_search_by_key(&hash, |(hash, _)| *hash).ok()?;
        Some(self.modes[at].1)
    }

    /// Prepares a folder for [`Owners::add`]: an absolute path, or one from the root, with or without a slash at its
    /// end. `None` where it is too long.
    #[must_use]
    pub fn folder(&self, path: &[u8]) -> Option<Folder> {
        let path = path.strip_suffix(b"/").unwrap_or(path);
        let path = path.strip_prefix(b"/").unwrap_or(path);
        if path.len() >= PATH_BYTES {
            return None;
        }
        let mut hasher = self.keys.build_hasher();
        for (from, to) in &self.aliases {
            let rest = path.strip_prefix(from.trim_start_matches('/').as_bytes());
            if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(b"/")) {
                // In one piece: a hasher doesn't promise that pieces are their sum.
                let whole = [to.trim_start_matches('/').as_bytes(), rest].concat();
                hasher.write(whole.strip_prefix(b"/").unwrap_or(&whole));
                return Some(Folder(hasher.finish()));
            }
        }
        hasher.write(path);
        Some(Folder(hasher.finish()))
    }

    /// Says that the package of an index owns a file, with its permission bits where the database has them. Of several
    /// owners the first package counts. `false` where there are too many files.
    pub fn add(&mut self, package: u32, folder: Folder, name: &[u8], mode: u16) -> bool {
        if name.is_empty() || name.len() >= PATH_BYTES {
            return true;
        }
        if self.files.len() >= Self::FILES {
            return false;
        }
        let hash = self.hash_in(folder, name);
        self.files.push(File { hash: halves(hash), package });
        if mode & 0o6000 != 0 {
            self.modes.push((hash, mode & 0o7777));
        }
        true
    }

    /// Makes the table ready to be asked. `place` tells for each package's index its final one.
    pub(super) fn finish(&mut self, place: &[u32]) {
        // Of several owners the first package stays.
        self.files.sort_unstable_by_key(|file| (file.hash, file.package));
        self.files.dedup_by_key(|file| file.hash);
        self.files.retain_mut(|file| {
            let found = place.get(file.package as usize);
            file.package = found.copied().unwrap_or_default();
            found.is_some()
        });
        self.files.shrink_to_fit();
        self.modes.sort_by_key(|(hash, _)| *hash);
        self.modes.dedup_by_key(|(hash, _)| *hash);
    }

    fn hash_of(&self, path: &str) -> Option<u64> {
        let (folder, name) = path.rsplit_once('/')?;
        Some(self.hash_in(self.folder(folder.as_bytes())?, name.as_bytes()))
    }

    fn hash_in(&self, folder: Folder, name: &[u8]) -> u64 {
        let mut hasher = self.keys.build_hasher();
        hasher.write_u64(folder.0);
        hasher.write(name);
        hasher.finish()
    }
}

fn halves(hash: u64) -> [u32; 2] {
    [(hash >> 32) as u32, hash as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(aliases: &[(&str, &str)], paths: &[&str]) -> Owners {
        let mut owners = Owners::new(aliases.iter().map(|(from, to)| ((*from).into(), (*to).into())).collect());
        for (package, path) in paths.iter().enumerate() {
            let (folder, name) = path.rsplit_once('/').expect("a path");
            let folder = owners.folder(folder.as_bytes()).expect("a short one");
            assert!(owners.add(package as u32, folder, name.as_bytes(), 0));
        }
        let place: Vec<u32> = (0..paths.len() as u32).collect();
        owners.finish(&place);
        owners
    }

    #[test]
    fn symlinked_folders_are_seen_through_from_both_sides() {
        let owners = table(&[("/bin", "/usr/bin"), ("/usr/sbin", "/usr/bin")], &["/bin/su", "/usr/sbin/ip", "/etc/a"]);
        assert_eq!([owners.of("/bin/su"), owners.of("/usr/bin/su")], [Some(0); 2]);
        assert_eq!([owners.of("/usr/sbin/ip"), owners.of("/usr/bin/ip")], [Some(1); 2]);
        assert_eq!([owners.of("/binary/su"), owners.of("/usr/bin/a"), owners.of("/etc")], [None; 3]);
    }

    #[test]
    fn folders_that_are_no_symlinks_stay_apart() {
        let owners = table(&[], &["/bin/su"]);
        assert_eq!([owners.of("/bin/su"), owners.of("/usr/bin/su")], [Some(0), None]);
    }

    #[test]
    fn the_first_owner_counts() {
        let owners = table(&[], &["/a/x", "/a/x", "a/y", "/z"]);
        assert_eq!([owners.of("/a/x"), owners.of("/a/y"), owners.of("/z")], [Some(0), Some(2), Some(3)]);
        assert_eq!(owners.files.len(), 3);
    }

    #[test]
    fn a_file_takes_twelve_bytes() {
        assert_eq!(size_of::<File>(), 12);
    }
}
