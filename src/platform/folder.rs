//! A folder of strangers' files: no symlink in it is followed, and nothing but regular files is opened.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FileType {
    File,
    Folder,
    Symlink,
    CharDevice,
    BlockDevice,
    Fifo,
    Other,
}

/// What a folder says of one of its files, stat(2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stat {
    pub(crate) kind: FileType,
    /// Permission bits with setuid, setgid and sticky.
    pub(crate) mode: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    /// Seconds since 1970.
    pub(crate) modified: i64,
    /// Device and inode.
    pub(crate) id: (u64, u64),
    /// How many names the inode has.
    pub(crate) names: u64,
    /// Major and minor number of a device.
    pub(crate) device: (u32, u32),
}

pub(crate) use system::{Folder, attributes};

#[cfg(unix)]
mod system {
    use super::{File, FileType, OsStr, OsString, Path, Stat, io};

    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    use rustix::fs::{AtFlags, Dir, Mode, OFlags};

    /// An open folder.
    pub(crate) struct Folder(OwnedFd);

    const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

    impl Folder {
        /// Opens a folder that the user named; symlinks to it are followed.
        pub(crate) fn open(path: &Path) -> io::Result<Self> {
            Ok(Self(rustix::fs::open(path, FOLDER, Mode::empty())?))
        }

        /// Opens a folder in this one; a symlink is an error.
        pub(crate) fn folder(&self, name: &OsStr) -> io::Result<Self> {
            Ok(Self(rustix::fs::openat(&self.0, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?))
        }

        /// The names in it, in byte order.
        pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
            let mut names = Vec::new();
            for entry in Dir::read_from(&self.0)? {
                let name = entry?.file_name().to_bytes().to_vec();
                if name != b"." && name != b".." {
                    names.push(OsString::from_vec(name));
                }
            }
            names.sort();
            Ok(names)
        }

        /// What one of its files is.
        #[allow(clippy::unnecessary_cast, clippy::cast_lossless)] // The types differ between systems.
        pub(crate) fn stat(&self, name: &OsStr) -> io::Result<Stat> {
            let stat = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let kind = match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
                rustix::fs::FileType::RegularFile => FileType::File,
                rustix::fs::FileType::Directory => FileType::Folder,
                rustix::fs::FileType::Symlink => FileType::Symlink,
                rustix::fs::FileType::CharacterDevice => FileType::CharDevice,
                rustix::fs::FileType::BlockDevice => FileType::BlockDevice,
                rustix::fs::FileType::Fifo => FileType::Fifo,
                _ => FileType::Other,
            };
            Ok(Stat {
                kind,
                mode: (stat.st_mode & 0o7777) as u16,
                uid: stat.st_uid,
                gid: stat.st_gid,
                size: u64::try_from(stat.st_size).unwrap_or(0),
                modified: stat.st_mtime as i64,
                id: (stat.st_dev as u64, stat.st_ino as u64),
                names: stat.st_nlink as u64,
                device: (rustix::fs::major(stat.st_rdev) as u32, rustix::fs::minor(stat.st_rdev) as u32),
            })
        }

        /// The target of a symlink, as written.
        pub(crate) fn link(&self, name: &OsStr) -> io::Result<OsString> {
            let target = rustix::fs::readlinkat(&self.0, name, Vec::new())?;
            Ok(OsStr::from_bytes(target.to_bytes()).to_owned())
        }

        /// Opens a regular file. Anything else is an error, and what waits for another end, such as a pipe, is not waited
        /// for.
        pub(crate) fn file(&self, name: &OsStr) -> io::Result<File> {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            // It was seen to be a regular file. Opening a device that took its place could do something, so that what can
            // be opened without doing anything is looked at first, where the system knows how.
            #[cfg(target_os = "linux")]
            {
                let seen = rustix::fs::openat(
                    &self.0,
                    name,
                    OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                    Mode::empty(),
                )?;
                let mode = rustix::fs::fstat(&seen)?.st_mode;
                if rustix::fs::FileType::from_raw_mode(mode) != rustix::fs::FileType::RegularFile {
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
                }
            }
            let file = File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty())?);
            if file.metadata()?.is_file() {
                Ok(file)
            } else {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
            }
        }
    }

    /// The value of `security.capability` and the names of other extended attributes of a file, xattr(7). Empty where the
    /// system or the file system has none.
    #[cfg(target_os = "linux")]
    pub(crate) fn attributes(file: &File) -> (Option<Vec<u8>>, Vec<String>) {
        // Most files have none, or few.
        let mut names = vec![0; 256];
        let mut length = rustix::fs::flistxattr(file, &mut names[..]);
        if length == Err(rustix::io::Errno::RANGE) {
            names = vec![0; 64 << 10];
            length = rustix::fs::flistxattr(file, &mut names[..]);
        }
        let length = length.unwrap_or(0);
        let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let mut others = Vec::new();
        let mut capability = None;
        for name in names.take(256) {
            if name == b"security.capability" {
                let mut value = [0; 64];
                let length = rustix::fs::fgetxattr(file, name, &mut value[..]).unwrap_or(0);
                capability = Some(value[..length].to_vec());
            } else {
                others.push(String::from_utf8_lossy(name).into_owned());
            }
        }
        (capability, others)
    }

    /// None: only Linux has capabilities in files.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn attributes(_: &File) -> (Option<Vec<u8>>, Vec<String>) {
        (None, Vec::new())
    }
}

#[cfg(not(unix))]
mod system {
    use super::{File, FileType, OsStr, OsString, Path, Stat, io};

    use std::path::PathBuf;
    use std::time::UNIX_EPOCH;

    /// A folder. Here a file system keeps neither owners nor modes, so that what is read says little; and there is no way
    /// to open a file relative to an open folder.
    pub(crate) struct Folder(PathBuf);

    impl Folder {
        /// Opens a folder that the user named.
        pub(crate) fn open(path: &Path) -> io::Result<Self> {
            let path = path.canonicalize()?;
            if path.is_dir() { Ok(Self(path)) } else { Err(io::ErrorKind::NotADirectory.into()) }
        }

        /// Opens a folder in this one; a symlink is an error.
        pub(crate) fn folder(&self, name: &OsStr) -> io::Result<Self> {
            let path = self.0.join(name);
            if path.symlink_metadata()?.is_dir() { Ok(Self(path)) } else { Err(io::ErrorKind::NotADirectory.into()) }
        }

        /// The names in it.
        pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
            let names: io::Result<Vec<OsString>> = self.0.read_dir()?.map(|entry| Ok(entry?.file_name())).collect();
            let mut names = names?;
            names.sort();
            Ok(names)
        }

        /// What one of its files is.
        pub(crate) fn stat(&self, name: &OsStr) -> io::Result<Stat> {
            let metadata = self.0.join(name).symlink_metadata()?;
            let kind = match metadata.file_type() {
                kind if kind.is_file() => FileType::File,
                kind if kind.is_dir() => FileType::Folder,
                kind if kind.is_symlink() => FileType::Symlink,
                _ => FileType::Other,
            };
            let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            Ok(Stat {
                kind,
                mode: if kind == FileType::File { 0o644 } else { 0o755 },
                uid: 0,
                gid: 0,
                size: metadata.len(),
                modified: modified.map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(0)),
                id: (0, 0),
                names: 1,
                device: (0, 0),
            })
        }

        /// The target of a symlink, as written.
        pub(crate) fn link(&self, name: &OsStr) -> io::Result<OsString> {
            Ok(self.0.join(name).read_link()?.into_os_string())
        }

        /// Opens a regular file; a symlink is an error.
        pub(crate) fn file(&self, name: &OsStr) -> io::Result<File> {
            let path = self.0.join(name);
            if path.symlink_metadata()?.is_file() { File::open(path) } else { Err(io::ErrorKind::InvalidInput.into()) }
        }
    }

    /// None: only Linux has capabilities in files.
    pub(crate) fn attributes(_: &File) -> (Option<Vec<u8>>, Vec<String>) {
        (None, Vec::new())
    }
}
