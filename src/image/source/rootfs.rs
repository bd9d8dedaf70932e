//! A folder with an unpacked root file system.

use super::{Request, Whole};
use crate::image::Error;

/// Walks a folder.
pub(super) fn read(request: &Request<'_>, _path: &str) -> Result<Whole, Error> {
    Err(Error::new(request.name, "folders are not read yet", "wait"))
}
