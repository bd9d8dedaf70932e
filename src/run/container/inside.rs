//! Paths inside the container's tree. Every name in it is the image's choice, so none is ever resolved but by
//! openat2(2) from the tree's own descriptor, and what is then used is the descriptor.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2};
use rustix::io::{Errno, Result};

/// What a mount point must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Folder,
    File,
}

/// Opens what `path` names without going through any symbolic link (`O_PATH`).
///
/// # Errors
/// `ELOOP` where a part of it is a link, others of openat2(2).
pub(crate) fn open(tree: impl AsFd, path: &str) -> Result<OwnedFd> {
    resolve(tree, path, OFlags::PATH, ResolveFlags::NO_SYMLINKS)
}

/// The same, through links that stay inside the tree.
///
/// # Errors
/// Those of openat2(2).
pub(crate) fn follow(tree: impl AsFd, path: &str) -> Result<OwnedFd> {
    resolve(tree, path, OFlags::PATH, ResolveFlags::empty())
}

/// Opens with other flags what is in a tree of the kernel's own.
///
/// # Errors
/// Those of openat2(2).
pub(crate) fn open_as(tree: impl AsFd, path: &str, flags: OFlags) -> Result<OwnedFd> {
    resolve(tree, path, flags, ResolveFlags::NO_SYMLINKS)
}

/// Makes what is missing on the way to `path`, and opens it.
///
/// # Errors
/// `ELOOP` where a part is a link, `EROFS`, others of mkdirat(2) and openat(2).
pub(crate) fn make(tree: impl AsFd, path: &str, kind: Kind) -> Result<OwnedFd> {
    let mut at = open(tree, "/")?;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    for (index, part) in parts.iter().enumerate() {
        if *part == ".." {
            return Err(Errno::INVAL);
        }
        at = match open(&at, part) {
            Err(Errno::NOENT) => {
                if index + 1 == parts.len() && kind == Kind::File {
                    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
                    drop(openat(&at, *part, flags, Mode::from_raw_mode(0o644))?);
                } else {
                    mkdirat(&at, *part, Mode::from_raw_mode(0o755))?;
                }
                open(&at, part)?
            }
            other => other?,
        };
    }
    Ok(at)
}

/// The same through links that stay inside the tree, those to nothing included.
///
/// # Errors
/// `ELOOP` where there are too many links, others of the calls.
pub(crate) fn make_through(tree: impl AsFd, path: &str, kind: Kind) -> Result<OwnedFd> {
    let names = way(&tree, path, true)?;
    make(tree, &names.join("/"), kind)
}

/// Makes in `upper`, a layer to come over `lower`, what is missing on the way to `path` in both. Folders that `lower` has
/// are made as they are there, since it is the upper one's mode and owner that will be seen. Nothing is asked of `lower`
/// but to be looked at: it may belong to somebody else.
///
/// # Errors
/// Those of [`make_through`]; `ELOOP` also for any link where none may lead there.
pub(crate) fn plant(upper: impl AsFd, lower: impl AsFd, path: &str, kind: Kind, through: bool) -> Result<()> {
    let names = way(&lower, path, through)?;
    let mut at = open(&upper, "/")?;
    let mut below = open(&lower, "/").ok();
    for (index, name) in names.iter().enumerate() {
        below = below.and_then(|below| openat(below, name.as_str(), STEP, Mode::empty()).ok());
        at = match open(&at, name) {
            Err(Errno::NOENT) if index + 1 == names.len() => return make(&at, name, kind).map(drop),
            Err(Errno::NOENT) => {
                let made = make(&at, name, Kind::Folder)?;
                if let Some(below) = &below {
                    same(&at, name, &rustix::fs::fstat(below)?)?;
                }
                made
            }
            other => other?,
        };
    }
    Ok(())
}

/// Gives a folder the mode and, where they have numbers inside, the owner and group of another.
fn same(at: &OwnedFd, name: &str, seen: &rustix::fs::Stat) -> Result<()> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(at, name, flags, Mode::empty())?;
    let (uid, gid) = (rustix::fs::Uid::from_raw(seen.st_uid), rustix::fs::Gid::from_raw(seen.st_gid));
    match rustix::fs::fchown(&folder, Some(uid), Some(gid)) {
        Ok(()) | Err(Errno::INVAL | Errno::PERM) => {}
        Err(error) => return Err(error),
    }
    rustix::fs::fchmod(&folder, Mode::from_raw_mode(seen.st_mode & 0o1777))
}

/// One name at a time, never through a link.
const STEP: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The names that lead to `path` when all links on the way are followed inside the tree, as far as it exists.
fn way(tree: impl AsFd, path: &str, through: bool) -> Result<Vec<String>> {
    let mut way = vec![open(tree, "/")?];
    let mut names: Vec<String> = Vec::new();
    let mut parts = split(path.as_bytes());
    let mut links = 0;
    while let Some(part) = parts.pop() {
        let name = String::from_utf8(part).map_err(|_| Errno::ILSEQ)?;
        if name == ".." {
            // What doesn't exist has no descriptor.
            if names.pop().is_some() && way.len() > names.len() + 1 {
                way.pop();
            }
            continue;
        }
        let known = way.last().filter(|_| way.len() == names.len() + 1);
        let found = match known.map(|at| openat(at, name.as_str(), STEP, Mode::empty())) {
            None | Some(Err(Errno::NOENT)) => {
                names.push(name);
                continue;
            }
            Some(other) => other?,
        };
        if FileType::from_raw_mode(rustix::fs::fstat(&found)?.st_mode) != FileType::Symlink {
            names.push(name);
            way.push(found);
            continue;
        }
        links += 1;
        if !through || links > LINKS {
            return Err(Errno::LOOP);
        }
        let target = rustix::fs::readlinkat(&found, c"", Vec::new())?.into_bytes();
        if target.starts_with(b"/") {
            names.clear();
            way.truncate(1);
        }
        parts.extend(split(&target));
        if parts.len() > LINKS * 64 {
            return Err(Errno::NAMETOOLONG);
        }
    }
    Ok(names)
}

/// As many links as the kernel follows (path_resolution(7)).
const LINKS: usize = 40;

/// The names of a path, last first.
fn split(path: &[u8]) -> Vec<Vec<u8>> {
    let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    parts.rev().map(<[u8]>::to_vec).collect()
}

/// Opens a path of the host's that nothing of an image's has a part in.
///
/// # Errors
/// Those of open(2).
pub(crate) fn host(path: &std::ffi::CStr) -> Result<OwnedFd> {
    rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
}

/// Whether `fd` is a folder or a file.
///
/// # Errors
/// Those of fstat(2).
pub(crate) fn kind(fd: impl AsFd) -> Result<Kind> {
    let folder = FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode) == FileType::Directory;
    Ok(if folder { Kind::Folder } else { Kind::File })
}

fn resolve(tree: impl AsFd, path: &str, flags: OFlags, more: ResolveFlags) -> Result<OwnedFd> {
    let path = path.trim_start_matches('/');
    let path = if path.is_empty() { "." } else { path };
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | more;
    // A rename elsewhere in the tree can make a walk that meets `..` start again.
    for _ in 0..64 {
        match openat2(tree.as_fd(), path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_not_followed_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("real")).expect("made");
        std::os::unix::fs::symlink("/etc", at("out")).expect("made");
        std::os::unix::fs::symlink("real", at("in")).expect("made");
        let tree = std::fs::File::open(folder.path()).expect("open");
        assert!(open(&tree, "/real").is_ok() && follow(&tree, "/in").is_ok());
        assert_eq!(open(&tree, "/in").expect_err("a link"), Errno::LOOP);
        assert_eq!(open(&tree, "/out/passwd").expect_err("a link"), Errno::LOOP);
        assert_eq!(follow(&tree, "/out/passwd").expect_err("nothing there"), Errno::NOENT);
        assert_eq!(make(&tree, "/out/x", Kind::Folder).expect_err("a link"), Errno::LOOP);
        std::os::unix::fs::symlink("/nowhere/file", at("dangling")).expect("made");
        std::os::unix::fs::symlink("loop", at("loop")).expect("made");
        assert!(make_through(&tree, "/dangling", Kind::File).is_ok() && at("nowhere/file").is_file());
        assert!(make_through(&tree, "/out/../../real/new", Kind::Folder).is_ok() && at("real/new").is_dir());
        let upper = tempfile::tempdir().expect("a folder");
        let layer = std::fs::File::open(upper.path()).expect("open");
        assert!(plant(&layer, &tree, "/in/x", Kind::Folder, true).is_ok() && upper.path().join("real/x").is_dir());
        assert!(
            plant(&layer, &tree, "/out/new/y", Kind::File, true).is_ok() && upper.path().join("etc/new/y").is_file()
        );
        assert_eq!(plant(&layer, &tree, "/in/x", Kind::Folder, false).expect_err("a link"), Errno::LOOP);
        assert_eq!(make_through(&tree, "/loop/x", Kind::File).expect_err("a loop"), Errno::LOOP);
        assert!(make(&tree, "/a/b/c", Kind::File).is_ok() && at("a/b/c").is_file());
        assert_eq!(make(&tree, "/../x", Kind::Folder).expect_err("climbs"), Errno::INVAL);
    }
}
