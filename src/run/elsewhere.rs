//! Systems that have no launcher of ours: there, containers live in a virtual machine of podman's or docker's, who start
//! them.

use crate::policy::{self, Profile};

use super::runtimes::Runtime;
use super::{Error, Freed, IdMaps, Job, Refused, engine};

/// A run whose profile is known.
pub struct Ready<'a> {
    job: Job<'a>,
    runtime: Runtime,
    profile: Profile,
}

/// Makes the profile of a run.
///
/// # Errors
/// A runtime that isn't there on this system, an image that can't be read, a profile that can't be made.
pub fn prepare(mut job: Job<'_>) -> Result<Ready<'_>, Refused> {
    job.check_runtime()?;
    let Some(runtime) = job.engine() else {
        let remedy = "let an engine do it: `--runtime docker` or `--runtime podman`";
        return Err(Error::new("harden run", "this system has no namespaces", remedy).into());
    };
    // Where it will run is a virtual machine, so this one bounds nothing.
    let needs = engine::needs(&job, runtime)?;
    let profile = job.profile(&needs, &policy::Host::default())?;
    Ok(Ready { job, runtime, profile })
}

impl Ready<'_> {
    /// The profile.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Runs it.
    ///
    /// # Errors
    /// What the runtime can't do or says.
    pub fn start(self) -> Result<u8, Refused> {
        engine::run(&self.job, self.profile, IdMaps::default(), self.runtime)
    }
}

/// Removes what the store doesn't need.
///
/// # Errors
/// Always: there is no store here.
pub fn collect(_data: &std::path::Path) -> Result<Freed, Error> {
    Err(Error::new("harden run", "this system keeps no images for harden", "use your engine's own command"))
}
