//! What readers of package databases fill.

use super::Package;
use super::owners::{Folder, Owners};

/// What a package database says, as far as it was read.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// What is installed, in the database's order until [`Database::finish`], then by name.
    pub installed: Vec<Package>,
    /// Who owns which file.
    pub owners: Owners,
    /// Whether it says more than is kept.
    pub is_cut: bool,
}

impl Database {
    /// Packages that are kept. A full distribution on one machine has some ten thousand.
    pub const PACKAGES: usize = 200_000;

    /// An empty one whose owners see through symlinked folders (see `Owners::new`).
    #[must_use]
    pub fn new(aliases: Vec<(String, String)>) -> Self {
        Self { owners: Owners::new(aliases), ..Self::default() }
    }

    /// Adds a package and tells its index; `None` where there are too many.
    pub fn package(&mut self, package: Package) -> Option<u32> {
        if self.installed.len() >= Self::PACKAGES {
            self.is_cut = true;
            return None;
        }
        self.installed.push(package);
        Some(self.installed.len() as u32 - 1)
    }

    /// Says that a package owns a file.
    pub fn owns(&mut self, package: u32, folder: Folder, name: &[u8], mode: u16) {
        self.is_cut |= !self.owners.add(package, folder, name, mode);
    }

    /// Says that a package owns the files at these paths, absolute or from the root.
    pub fn owns_paths<'a>(&mut self, package: u32, paths: impl Iterator<Item = &'a [u8]>) {
        // Neighbours mostly share their folder.
        let mut last: &[u8] = b"";
        let mut prepared = self.owners.folder(last);
        for path in paths {
            let (folder, name) =
                memchr::memrchr(b'/', path).map_or((&b""[..], path), |at| (&path[..at], &path[at + 1..]));
            if folder != last {
                prepared = self.owners.folder(folder);
                last = folder;
            }
            if let Some(folder) = prepared {
                self.owns(package, folder, name, 0);
            }
        }
    }

    /// Puts the packages in order of their names and makes the owners ready to be asked.
    pub fn finish(&mut self) {
        let mut order: Vec<u32> = (0..self.installed.len() as u32).collect();
        let installed = &self.installed;
        order.sort_by(|&a, &b| installed[a as usize].name.cmp(&installed[b as usize].name));
        let mut place = vec![0; order.len()];
        for (new, old) in (0..).zip(&order) {
            place[*old as usize] = new;
        }
        self.installed = order.iter().map(|old| std::mem::take(&mut self.installed[*old as usize])).collect();
        self.owners.finish(&place);
    }
}

/// A name or version: printable ASCII without blanks, of a sane length. Anything else is nobody's.
pub(super) fn word(bytes: &[u8]) -> Option<String> {
    let is_word = (1..=256).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    is_word.then(|| String::from_utf8_lossy(bytes).into_owned())
}
