//! Archives that come in one piece, written to a file so that their layers can be read in any order, and again.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use super::{Opened, Request, archive, outer};
use crate::image::Error;

/// Writes a stream to a new file, decompressed, and opens it as an archive.
pub(super) fn open(request: &Request<'_>, stream: impl Read + Send, spool: &Path) -> Result<Opened, Error> {
    let place = request.name;
    let unreadable = |error: io::Error| Error::new(place, format!("it can't be read: {error}"), "save it again");
    let unwritable = |error: io::Error| {
        let problem = format!("it can't be kept while it is read: {error}");
        Error::new(spool.display().to_string(), problem, "free some space, or set XDG_DATA_HOME elsewhere")
    };
    let mut plain =
        outer::plain(BufReader::with_capacity(64 << 10, stream), request.limits.ratio).map_err(unreadable)?;
    let mut file = File::options().read(true).write(true).create_new(true).open(spool).map_err(unwritable)?;
    let mut buffer = vec![0; 128 << 10];
    let mut length = 0;
    loop {
        let read = match plain.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        length += read as u64;
        if length > request.limits.layer_bytes {
            let problem = format!("it has more than {} bytes", request.limits.layer_bytes);
            return Err(Error::new(place, problem, "raise the limit if you trust the image"));
        }
        file.write_all(&buffer[..read]).map_err(unwritable)?;
    }
    archive::open_file(request, file, place, length)
}
