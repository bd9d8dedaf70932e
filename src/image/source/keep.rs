//! Bytes that come once, written to a new file so that they can be read again.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::image::Error;

/// A file that is being written, and what it is called in errors: `it`, `a layer`.
pub(super) struct Keep<'a> {
    file: File,
    path: &'a Path,
    what: &'static str,
}

impl<'a> Keep<'a> {
    /// Makes the file, which must not be there yet.
    pub(super) fn new(path: &'a Path, what: &'static str) -> Result<Self, Error> {
        let made = File::options().read(true).write(true).create_new(true).open(path);
        made.map(|file| Self { file, path, what }).map_err(|error| unkept(path, what, &error))
    }

    /// Writes all that comes, as long as `goes_on` takes the bytes so far. Gives the file, to be read.
    pub(super) fn all(
        mut self,
        from: &mut dyn Read,
        unreadable: impl Fn(io::Error) -> Error,
        goes_on: impl Fn(u64) -> Result<(), Error>,
    ) -> Result<(File, u64), Error> {
        let mut buffer = vec![0; 128 << 10];
        let mut length = 0;
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => return Ok((self.file, length)),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(error)),
            };
            length += read as u64;
            goes_on(length)?;
            let written = self.file.write_all(&buffer[..read]);
            written.map_err(|error| unkept(self.path, self.what, &error))?;
        }
    }
}

fn unkept(path: &Path, what: &str, error: &io::Error) -> Error {
    let problem = format!("{what} can't be kept while it is read: {error}");
    Error::new(path.display().to_string(), problem, "free some space, or set XDG_DATA_HOME elsewhere")
}
