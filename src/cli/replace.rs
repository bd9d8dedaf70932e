//! Files that are replaced whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file under construction, beside the one whose place it will take. Dropped before that, it leaves nothing behind.
pub(super) struct Replacement {
    writer: BufWriter<File>,
    temporary: PathBuf,
    target: PathBuf,
    /// Whether the temporary file is there.
    pending: bool,
}

impl Replacement {
    /// Starts a file that will take the place of the one at `path`, with the mode of that one if it exists. A link stays
    /// a link: what it points to is replaced.
    pub(super) fn start(path: &Path) -> io::Result<Self> {
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
        let temporary = target.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        let replacement = Self { writer: BufWriter::new(file), temporary, target, pending: true };
        if let Ok(metadata) = fs::metadata(&replacement.target) {
            fs::set_permissions(&replacement.temporary, metadata.permissions())?;
        }
        Ok(replacement)
    }

    /// Where to write.
    pub(super) fn writer(&mut self) -> &mut dyn Write {
        &mut self.writer
    }

    /// Sees to it that all is on the disk, so that nothing but a rename is left to do.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()
    }

    /// Takes the place of the file.
    pub(super) fn commit(mut self) -> io::Result<()> {
        self.settle()?;
        fs::rename(&self.temporary, &self.target)?;
        self.pending = false;
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if self.pending {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// A file to be replaced: what it must still hold, `None` for a file that must not be there yet, and what it gets.
pub(super) struct Change<'a> {
    pub(super) path: &'a Path,
    pub(super) before: Option<&'a [u8]>,
    pub(super) after: &'a [u8],
}

/// Why files were not replaced. None of them was, unless it says so.
pub(super) enum Refusal {
    /// A file is not what it was when it was read.
    Changed(String),
    /// It can't be done: what and why, for people.
    Failed(String),
}

/// Replaces files that belong together. Everything is on the disk before the first one takes its place.
pub(super) fn replace(changes: &[Change<'_>]) -> Result<(), Refusal> {
    let mut replacements = Vec::new();
    for change in changes {
        let shown = format!("`{}`", change.path.display());
        let failed = |error: &io::Error| {
            Refusal::Failed(format!(
                "{shown} can't be written ({error}); it is as it was; check its folder and the space left"
            ))
        };
        unchanged(change, &shown)?;
        let mut replacement = Replacement::start(change.path).map_err(|error| failed(&error))?;
        replacement.writer().write_all(change.after).map_err(|error| failed(&error))?;
        replacement.settle().map_err(|error| failed(&error))?;
        replacements.push((replacement, change, shown));
    }
    // Writing took a moment, and an editor may have saved in it.
    for (_, change, shown) in &replacements {
        unchanged(change, shown)?;
    }
    for (index, (replacement, _, shown)) in replacements.into_iter().enumerate() {
        replacement.commit().map_err(|error| {
            let done = if index == 0 { "" } else { ", and a file that belongs to it is already changed" };
            Refusal::Failed(format!("{shown} can't be replaced ({error}){done}; check its folder"))
        })?;
    }
    Ok(())
}

fn unchanged(change: &Change<'_>, shown: &str) -> Result<(), Refusal> {
    // A pipe or a device can be read once, and not be replaced at all.
    if fs::metadata(change.path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Refusal::Failed(format!(
            "{shown} is no regular file; hand its text over as standard input, with `-`"
        )));
    }
    let now = match fs::read(change.path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Refusal::Failed(format!("{shown} can't be read ({error}); check its permissions"))),
    };
    if now.as_deref() != change.before {
        return Err(Refusal::Changed(format!("{shown} was changed by someone else meanwhile; run `harden fix` again")));
    }
    // A rename does not ask whether the file may be written.
    if fs::metadata(change.path).is_ok_and(|metadata| metadata.permissions().readonly()) {
        return Err(Refusal::Failed(format!("{shown} is read-only; make it writable, or use --diff for a patch")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with two files, and what is in it by name.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("one"), "1").expect("a writable folder");
        fs::write(folder.path().join("two"), "2").expect("a writable folder");
        folder
    }

    fn listing(folder: &Path) -> Vec<(String, String)> {
        let read = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.expect("an entry");
            (entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path()).expect("text"))
        };
        let mut listing: Vec<_> = fs::read_dir(folder).expect("a folder").map(read).collect();
        listing.sort();
        listing
    }

    fn both(folder: &Path, before: [&str; 2]) -> Result<(), Refusal> {
        let (one, two) = (folder.join("one"), folder.join("two"));
        replace(&[
            Change { path: &one, before: Some(before[0].as_bytes()), after: b"eins" },
            Change { path: &two, before: Some(before[1].as_bytes()), after: b"zwei" },
        ])
    }

    #[test]
    fn files_that_belong_together_are_replaced_together() {
        let folder = folder();
        assert!(both(folder.path(), ["1", "2"]).is_ok());
        let listing = listing(folder.path());
        assert_eq!(listing, [("one".to_owned(), "eins".to_owned()), ("two".to_owned(), "zwei".to_owned())]);
    }

    #[test]
    fn a_file_that_was_changed_meanwhile_keeps_all_as_they_are() {
        let folder = folder();
        let before = listing(folder.path());
        for known in [["1", "other"], ["other", "2"]] {
            let Err(Refusal::Changed(message)) = both(folder.path(), known) else { panic!("{known:?} is not so") };
            assert!(message.contains("was changed by someone else meanwhile; run `harden fix` again"), "{message}");
            assert_eq!(listing(folder.path()), before, "nothing is written, and nothing is left behind");
        }
        let there = folder.path().join("one");
        let appeared = Change { path: &there, before: None, after: b"x" };
        assert!(matches!(replace(&[appeared]), Err(Refusal::Changed(_))), "a new file must not be there yet");
        let gone = folder.path().join("gone");
        let gone = Change { path: &gone, before: Some(b"x"), after: b"y" };
        assert!(matches!(replace(&[gone]), Err(Refusal::Changed(_))));
        assert_eq!(listing(folder.path()), before);
    }

    #[test]
    fn a_new_file_is_made() {
        let folder = folder();
        let path = folder.path().join("three");
        assert!(replace(&[Change { path: &path, before: None, after: b"drei" }]).is_ok());
        assert_eq!(fs::read_to_string(path).expect("a file"), "drei");
    }
}
