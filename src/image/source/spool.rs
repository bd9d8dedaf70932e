//! Archives that come in one piece, written to a file so that their layers can be read in any order, and again.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::{Opened, Request, archive, outer};
use crate::image::Error;

/// Writes a stream to a new file, decompressed, and opens it as an archive.
pub(super) fn open(request: &Request<'_>, stream: impl Read + Send, spool: &Path) -> Result<Opened, Error> {
    let place = request.name;
    let unreadable = |error: io::Error| Error::new(place, format!("it can't be read: {error}"), "save it again");
    let unwritable = |error: io::Error| {
        let problem = format!("it can't be kept for a moment: {error}");
        Error::new(spool.display().to_string(), problem, "check the folder and the space left")
    };
    let plain = outer::plain(BufReader::with_capacity(64 << 10, stream), request.limits.ratio).map_err(unreadable)?;
    let mut file = File::options().read(true).write(true).create_new(true).open(spool).map_err(unwritable)?;
    let most = request.limits.layer_bytes;
    let length = io::copy(&mut plain.take(most.saturating_add(1)), &mut file).map_err(unwritable)?;
    if length > most {
        let problem = format!("it has more than {most} bytes");
        return Err(Error::new(place, problem, "raise --max-layer-bytes if that is right"));
    }
    archive::open_file(request, file, place, length)
}
