//! From what an image needs and what people ask for to the profile, each field with its reason.

use super::{Error, Needs, Profile, Wishes};

/// What of the host bounds the defaults: plain data, which the caller looks up.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Host {
    /// CPUs that may be used; 0 where it isn't known.
    pub cpus: u32,
    /// Bytes of memory; 0 where it isn't known.
    pub memory: u64,
    /// Architecture, Go's name: `amd64`, `arm64`.
    pub architecture: String,
    /// Version of the kernel, major and minor; (0, 0) where it isn't known.
    pub kernel: (u32, u32),
    /// Home of who starts the container, absolute: keys and credentials lie below it.
    pub home: Option<String>,
}

/// Makes the profile.
///
/// # Errors
/// What was asked for contradicts itself, names what the image doesn't have, or widens the profile without `--allow`.
pub fn infer(_needs: &Needs, _wishes: &Wishes, _host: &Host) -> Result<Profile, Error> {
    Err(Error::new("harden run", "profiles can't be made yet", "wait for the next commit"))
}
