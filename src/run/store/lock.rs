//! Locks by files (flock(2)): they end with who holds them, however that ends.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Waits for a lock that one has at a time. Its file is made, and may be removed by who holds it.
pub(super) fn hold(path: &Path) -> io::Result<File> {
    loop {
        let file = make(path)?;
        match flock(&file, FlockOperation::LockExclusive) {
            Err(Errno::INTR) => continue,
            done => done?,
        }
        // Whoever had it before may have removed the file, and another may hold one of that name.
        if is_at(&file, path) {
            return Ok(file);
        }
    }
}

/// As [`hold`], but only where nobody has it.
pub(super) fn make_and_try(path: &Path) -> Option<File> {
    make(path).ok()?;
    try_hold(path)
}

fn make(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).read(true).write(true).open(path)
}

/// A lock that one has at a time, where nobody has it. Its file must be there.
pub(super) fn try_hold(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    is_at(&file, path).then_some(file)
}

/// Shares the lock of an image in the folder `image`, so that it stays there.
pub(super) fn share(image: &Path) -> Option<File> {
    let path = image.join("lock");
    let file = File::open(&path).ok()?;
    flock(&file, FlockOperation::NonBlockingLockShared).ok()?;
    // It may have been moved away after it was opened.
    is_at(&file, &path).then_some(file)
}

/// A new name in a folder, which is held as long as the lock beside it is.
pub(super) fn new_name(folder: &Path) -> io::Result<(PathBuf, File)> {
    for attempt in 0..1000_u32 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanoseconds = now.map_or(0, |now| now.subsec_nanos());
        let path = folder.join(format!("{}-{nanoseconds}-{attempt}", std::process::id()));
        let lock = path.with_extension("lock");
        let file = match File::options().write(true).create_new(true).open(&lock) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            other => other?,
        };
        // Who looks for leftovers may have been faster.
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() && is_at(&file, &lock) {
            return Ok((path, file));
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = |(a, b): (fs::Metadata, fs::Metadata)| (a.dev(), a.ino()) == (b.dev(), b.ino());
    file.metadata().and_then(|held| Ok((held, fs::symlink_metadata(path)?))).is_ok_and(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_had_once_and_one_that_was_moved_away_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let held = hold(&path).expect("held");
        assert!(try_hold(&path).is_none());
        drop(held);
        assert!(try_hold(&path).is_some());

        let image = folder.path().join("image");
        fs::create_dir(&image).expect("made");
        assert!(share(&image).is_none(), "there is no lock");
        fs::write(image.join("lock"), "").expect("written");
        let (one, two) = (share(&image), share(&image));
        assert!(one.is_some() && two.is_some() && try_hold(&image.join("lock")).is_none());
        drop((one, two));
        assert!(try_hold(&image.join("lock")).is_some());

        let (first, lock) = new_name(folder.path()).expect("a name");
        let (second, _other) = new_name(folder.path()).expect("a name");
        assert_ne!(first, second);
        assert!(try_hold(&first.with_extension("lock")).is_none());
        drop(lock);
        assert!(try_hold(&first.with_extension("lock")).is_some());
    }
}
