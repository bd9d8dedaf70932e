//! Systems that have no launcher of ours: there, a container is a virtual machine's business, and other runtimes start it.

use crate::policy::Profile;

use super::{Error, Freed, Job, Refused};

/// A run whose profile is known.
pub struct Ready;

impl Ready {
    /// The profile.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        unreachable!("nothing is ever ready here")
    }

    /// Starts it.
    ///
    /// # Errors
    /// Always.
    pub fn start(self) -> Result<u8, Refused> {
        Err(nothing())
    }
}

/// Makes the profile of a run.
///
/// # Errors
/// Always: there is no launcher here.
pub fn prepare(_job: Job<'_>) -> Result<Ready, Refused> {
    Err(nothing())
}

/// Removes what the store doesn't need.
///
/// # Errors
/// Always: there is no store here.
pub fn collect(_data: &std::path::Path) -> Result<Freed, Error> {
    Err(Error::new("harden run", "this system keeps no images for harden", "use your engine's own command"))
}

fn nothing() -> Refused {
    Error::new("harden run", "this system has no namespaces", "take `--runtime docker` or `--runtime podman`").into()
}
