//! Which image a reference means. A registry's name means what it meant when it was pulled; that of a file means another
//! image when the file is another one; that of an engine when the engine says so.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{LAYOUT, Store, digest_of};
use crate::image::source::{self, Request};
use crate::image::{Error, Transport};
use crate::run::Pull;

/// What a name means.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Meaning {
    /// The image's key.
    pub(super) key: String,
    /// Its digest, as [`super::Stored::digest`].
    pub(super) digest: String,
    /// What was seen of where it came from.
    pub(super) seen: Seen,
}

/// What is seen, without reading an image, of whether a name still means it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Seen {
    /// Nothing, and nothing is needed.
    Any,
    /// Device, inode, size, and times of a file.
    File(u64, u64, u64, (i64, i64), (i64, i64)),
    /// The id that an engine gave.
    Id(String),
}

impl Seen {
    /// Whether what was seen earlier still holds.
    pub(super) fn allows(&self, earlier: &Self) -> bool {
        *self == Self::Any || self == earlier
    }
}

/// Whether the name may mean another image by now that can't be seen from here. What has a digest never does.
pub(super) fn may_move(request: &Request<'_>) -> bool {
    match &request.reference.transport {
        Transport::Registry { digest, .. } => digest.is_none(),
        Transport::DockerDaemon { .. } => false,
        _ => true,
    }
}

/// What can be seen now; `None` where the name says nothing: of a stream.
pub(super) fn witness(request: &Request<'_>, pull: Pull) -> Result<Option<Seen>, Error> {
    Ok(match &request.reference.transport {
        Transport::Registry { .. } => Some(Seen::Any),
        Transport::DockerDaemon { .. } if pull == Pull::Never => Some(Seen::Any),
        Transport::DockerDaemon { name } => Some(Seen::Id(source::engine_id(name, request.engine)?)),
        _ => file(request).and_then(|path| {
            let stat = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
            let times = ((stat.mtime(), stat.mtime_nsec()), (stat.ctime(), stat.ctime_nsec()));
            Some(Seen::File(stat.dev(), stat.ino(), stat.size(), times.0, times.1))
        }),
    })
}

/// The file that changes when the image does: an archive, or the index of a layout, whose blobs have their names from
/// their content.
fn file(request: &Request<'_>) -> Option<PathBuf> {
    match &request.reference.transport {
        Transport::OciLayout { path, .. } => Some(Path::new(path).join("index.json")),
        Transport::OciArchive { path, .. } | Transport::DockerArchive { path, .. } if path != "-" => Some(path.into()),
        _ => None,
    }
}

impl Store {
    /// The name of what the store notes of a reference; `None` where it notes nothing.
    pub(super) fn name(&self, request: &Request<'_>) -> Option<String> {
        let path = match &request.reference.transport {
            Transport::Registry { .. } | Transport::DockerDaemon { .. } => PathBuf::new(),
            _ => fs::canonicalize(file(request)?).ok()?,
        };
        let reference = format!("{:?}", request.reference.transport);
        let engine = request.engine.unwrap_or_default();
        let platform = request.platform.unwrap_or_default();
        let texts = [LAYOUT, &self.ownership(), &reference, platform, engine, &format!("{path:?}")];
        Some(digest_of(texts))
    }

    /// Whom files belong to in the store, which is the same for all containers of its caller.
    pub(super) fn ownership(&self) -> String {
        match self.maps.writer {
            crate::run::MapWriter::OneId => "own".to_owned(),
            writer => format!("{writer:?} {:?} {:?}", self.maps.uids, self.maps.gids),
        }
    }
}
