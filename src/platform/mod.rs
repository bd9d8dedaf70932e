//! What the operating system does for us, in one place: permissions of files, folders whose content nobody can redirect
//! while it is read, programs that know a password.

mod folder;

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

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

/// Runs a credential helper for a server, and gives the user and the password it knows (docker-credential-helpers'
/// protocol: `PROGRAM get`, the server on standard input, JSON on standard output). What it says on standard error is for
/// the user.
///
/// # Errors
/// A program that can't be started, that fails, in its own words, or whose answer can't be understood.
pub fn credential_helper(program: &str, server: &str) -> Result<(String, String), String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    // An answer is one user and one password or token.
    const ANSWER_BYTES: u64 = 1 << 20;

    let started = Command::new(program).arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut process = started.map_err(|error| error.to_string())?;
    if let Some(mut input) = process.stdin.take() {
        // One that doesn't read what it is asked has its own way to know; that its answer is good shows below.
        let _ = input.write_all(server.as_bytes());
    }
    let mut text = String::new();
    let read = match process.stdout.take() {
        Some(output) => output.take(ANSWER_BYTES).read_to_string(&mut text).map(drop),
        None => Ok(()),
    };
    let ended = process.wait().map_err(|error| error.to_string())?;
    read.map_err(|error| error.to_string())?;
    if !ended.success() {
        let said = text.trim();
        return Err(if said.is_empty() { ended.to_string() } else { said.to_owned() });
    }
    // serde_json may quote what it read, and that may be the password.
    let answer: Answer = serde_json::from_str(&text).map_err(|_| "its answer can't be understood".to_owned())?;
    Ok((answer.username, answer.secret))
}
