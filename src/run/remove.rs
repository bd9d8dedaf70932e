//! Removes what containers and images have left. A stranger chose how deep they go and who may enter which folder.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, fchmod, openat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::{Error, IdMaps, MapWriter, inside};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Removes a file or a folder with all that is in it, whose files belong to ids of containers with these maps. Gives the
/// bytes that it had on disk. Nothing there is fine.
///
/// The caller must have one thread where its user maps ids by newuidmap(1).
///
/// # Errors
/// What can't be removed.
pub(crate) fn all(path: &Path, maps: &IdMaps) -> Result<u64, Error> {
    let remedy = "remove it as root";
    let failed = |error: Errno| Error::new(path.display().to_string(), format!("it can't be removed: {error}"), remedy);
    let denied = match tree(path) {
        Ok(bytes) => return Ok(bytes),
        Err(error @ (Errno::ACCESS | Errno::PERM)) if maps.writer == MapWriter::Helpers => error,
        Err(error) => return Err(failed(error)),
    };
    // Files that were given to others, only root of the namespace may remove.
    let said = |error: Errno| (path.display().to_string(), error.to_string(), remedy.to_owned());
    inside::run(maps, || tree(path).map_err(said)).map_err(|error| match error.place.as_str() {
        "clone3" => failed(denied),
        _ => error,
    })
}

/// Removes what is at a path. Folders within folders are moved up before they are looked into, so that neither stack nor
/// descriptors are needed for the way down.
fn tree(path: &Path) -> rustix::io::Result<u64> {
    let name = CString::new(crate::platform::bytes_of(path.as_os_str()).into_owned()).map_err(|_| Errno::INVAL)?;
    let mut bytes = 0;
    match is_folder(CWD, &name) {
        Err(Errno::NOENT) => return Ok(0),
        Ok(false) => {
            unlink(CWD, &name, &mut bytes)?;
            return Ok(bytes);
        }
        other => other?,
    };
    let top = enter(CWD, &name)?;
    let mut moved = 0_u64;
    loop {
        let folders = files_away(&top, &mut bytes)?;
        if folders.is_empty() {
            break;
        }
        for name in folders {
            let folder = enter(&top, &name)?;
            for inner in files_away(&folder, &mut bytes)? {
                // A folder that is moved gets another parent, for which it must be open to writing.
                enter(&folder, &inner)?;
                loop {
                    moved += 1;
                    match renameat_with(&folder, &inner, &top, moved.to_string(), RenameFlags::NOREPLACE) {
                        Err(Errno::EXIST) => {}
                        done => break done?,
                    }
                }
            }
            unlinkat(&top, &name, AtFlags::REMOVEDIR)?;
        }
    }
    unlinkat(CWD, &name, AtFlags::REMOVEDIR)?;
    Ok(bytes)
}

/// Opens a folder and makes it the caller's to change.
fn enter(at: impl std::os::fd::AsFd, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let at = at.as_fd();
    let folder = match openat(at, name, FOLDER, Mode::empty()) {
        Err(Errno::ACCESS) => {
            // It is a folder and no link: nobody else changes what is being removed.
            rustix::fs::chmodat(at, name, Mode::RWXU, AtFlags::empty())?;
            openat(at, name, FOLDER, Mode::empty())?
        }
        other => other?,
    };
    fchmod(&folder, Mode::RWXU)?;
    Ok(folder)
}

/// Removes the files of a folder, and gives the folders in it.
fn files_away(folder: &OwnedFd, bytes: &mut u64) -> rustix::io::Result<Vec<CString>> {
    let mut folders = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if is_folder(folder, name)? {
            folders.push(name.to_owned());
        } else {
            unlink(folder, name, bytes)?;
        }
    }
    Ok(folders)
}

fn unlink(at: impl std::os::fd::AsFd, name: &CStr, bytes: &mut u64) -> rustix::io::Result<()> {
    let stat = statat(&at, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if stat.st_nlink == 1 {
        *bytes += u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512);
    }
    unlinkat(at, name, AtFlags::empty())
}

fn is_folder(at: impl std::os::fd::AsFd, name: &CStr) -> rustix::io::Result<bool> {
    let stat = statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn all_is_removed_however_deep_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("kept"), "x").expect("written");
        let top = folder.path().join("top");
        fs::create_dir_all(top.join("a/".repeat(1500))).expect("made");
        fs::create_dir_all(top.join("1/2/3")).expect("made");
        fs::write(top.join("1/2/file"), vec![1; 9000]).expect("written");
        fs::hard_link(top.join("1/2/file"), top.join("1/2/again")).expect("linked");
        symlink(folder.path(), top.join("1/out")).expect("a link");
        for path in ["1/2/3", "1/2", "1"] {
            fs::set_permissions(top.join(path), fs::Permissions::from_mode(0o000)).expect("its mode");
        }
        let bytes = tree(&top).expect("removed");
        assert!((9000..40_000).contains(&bytes), "{bytes}: an inode counts once");
        assert!(!top.exists() && folder.path().join("kept").exists());
        assert_eq!(tree(&top), Ok(0));
        assert!(tree(&folder.path().join("kept")).is_ok() && !folder.path().join("kept").exists());
    }
}
