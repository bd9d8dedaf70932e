//! Archives that come in one piece, written to a file so that their layers can be read in any order, and again.

use std::io::{self, BufReader, Read};
use std::path::Path;

use super::keep::Keep;
use super::{Opened, Request, archive, outer};
use crate::image::Error;

/// Writes a stream to a new file, decompressed, and opens it as an archive.
pub(super) fn open(request: &Request<'_>, stream: impl Read + Send, spool: &Path) -> Result<Opened, Error> {
    let place = request.name;
    let unreadable = |error: io::Error| Error::new(place, format!("it can't be read: {error}"), "save it again");
    let mut plain =
        outer::plain(BufReader::with_capacity(64 << 10, stream), request.limits.ratio).map_err(unreadable)?;
    let (file, length) = Keep::new(spool, "it")?.all(&mut plain, unreadable, |length| {
        if length <= request.limits.layer_bytes {
            return Ok(());
        }
        let problem = format!("it has more than {} bytes", request.limits.layer_bytes);
        Err(Error::new(place, problem, "raise the limit if you trust the image"))
    })?;
    archive::open_file(request, file, place, length)
}
