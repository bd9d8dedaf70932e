//! What lies in the container's own /dev: the host's harmless devices bound one by one, and the usual links.

use std::os::fd::OwnedFd;

use rustix::fs::symlinkat;
use rustix::io::Errno;

use super::inside::{self, Kind};
use super::root::attach_at;
use super::{At as _, Plan};
use crate::run::Error;

/// Name and target, as every runtime makes them (OCI runtime specification, config-linux.md, Dev symbolic links).
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Fills the fresh /dev.
///
/// # Errors
/// A device that can't be bound.
pub(crate) fn fill(plan: &Plan<'_>, tree: &OwnedFd, devices: &[(String, OwnedFd)]) -> Result<(), Error> {
    let remedy = "let the root file system have a plain folder /dev";
    for (path, device) in devices {
        let node = inside::make(tree, path, Kind::File).at(|| path.clone(), remedy)?;
        attach_at(device, &node).at(|| path.clone(), remedy)?;
    }
    let dev = inside::open(tree, "/dev").at(|| "/dev".to_owned(), remedy)?;
    for (name, target) in LINKS {
        match symlinkat(target, &dev, name) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error).at(|| format!("/dev/{name}"), remedy),
        }
    }
    if plan.terminal {
        inside::make(tree, "/dev/console", Kind::File).at(|| "/dev/console".to_owned(), remedy)?;
    }
    Ok(())
}
