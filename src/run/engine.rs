//! A run by podman or docker (`--runtime podman|docker`), which have images, ids and folders of their own: the image is read
//! for its profile only.

use std::path::Path;

use crate::image::{Transport, source};
use crate::policy::{Needs, Profile, oci};

use super::runtimes::{self, Runtime};
use super::{Error, IdMaps, Job, Refused, RootFs};

/// What the image needs, by the name that the engine has it under as well.
///
/// # Errors
/// An image that the engine doesn't know by name, or that can't be read.
pub(super) fn needs(job: &Job<'_>, runtime: Runtime) -> Result<Needs, Refused> {
    image_name(job, runtime)?;
    Ok(Needs::of(&source::read(job.request)?))
}

/// Runs it, and gives the exit code of its program.
///
/// # Errors
/// Those of [`runtimes::launch`].
pub(super) fn run(job: &Job<'_>, profile: Profile, ids: IdMaps, runtime: Runtime) -> Result<u8, Refused> {
    let root = Path::new("/");
    let place = oci::Place {
        root,
        uid_mappings: Vec::new(),
        gid_mappings: Vec::new(),
        cgroups_path: None,
        volumes: root,
        device: &|_| None,
    };
    let spec = oci::spec(&profile, &place);
    let root = RootFs { path: root.to_owned(), shifted: false, scratch: None };
    let order = job.order(profile, spec, root, ids);
    Ok(runtimes::launch(&order, runtime, &image_name(job, runtime)?, job.note)?)
}

/// The name under which an engine has an image.
fn image_name(job: &Job<'_>, runtime: Runtime) -> Result<String, Error> {
    let name = job.request.name;
    match &job.request.reference.transport {
        Transport::Registry { .. } => Ok(name.trim_start_matches("docker://").to_owned()),
        Transport::DockerDaemon { name } if runtime == Runtime::Docker => Ok(name.clone()),
        Transport::DockerDaemon { .. }
        | Transport::OciLayout { .. }
        | Transport::OciArchive { .. }
        | Transport::DockerArchive { .. }
            if runtime == Runtime::Podman && !name.ends_with('-') =>
        {
            Ok(name.to_owned())
        }
        _ => {
            let problem = format!("{} knows no image by this name", runtime.name());
            Err(Error::new(name, problem, "load or push it there first, or leave `--runtime` out"))
        }
    }
}
