//! What differs between systems, so that the rest of the house need not know: permissions of files, and folders whose
//! content nobody can redirect while it is read.

mod folder;

use std::fs::File;
use std::io;
use std::path::Path;

pub(crate) use folder::{FileType, Folder, Stat, attributes};

/// Makes a new file that only this user can read. One that is there is an error.
///
/// # Errors
/// As [`std::fs::OpenOptions::open`].
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a folder, and those above it, that only this user can look into. One that is there stays as it is.
///
/// # Errors
/// As [`std::fs::DirBuilder::create`].
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The bytes of a name, as the system has them.
#[cfg(unix)]
pub(crate) fn bytes_of(name: &std::ffi::OsStr) -> std::borrow::Cow<'_, [u8]> {
    std::os::unix::ffi::OsStrExt::as_bytes(name).into()
}

/// The bytes of a name; what is no Unicode is replaced.
#[cfg(not(unix))]
pub(crate) fn bytes_of(name: &std::ffi::OsStr) -> std::borrow::Cow<'_, [u8]> {
    name.to_string_lossy().into_owned().into_bytes().into()
}
