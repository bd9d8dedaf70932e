//! From a list of system calls in the form of the OCI runtime specification (config-linux.md, Seccomp) to a filter for the
//! kernel (seccomp(2)).

use std::ffi::c_uint;

use oci_spec::runtime::LinuxSeccomp;

use crate::run::{Error, sys};

/// What the container runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Machine {
    /// 64-bit PC; 32-bit programs are `SCMP_ARCH_X86`.
    X86_64,
    /// 64-bit ARM; 32-bit programs are `SCMP_ARCH_ARM`.
    Aarch64,
}

/// Whether refused calls are asked about before they are refused, so that they can be reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Notify {
    /// No: the kernel refuses by itself.
    #[default]
    Never,
    /// Refused calls, and those that name a path: the filter is set with a listener, which [`super::refusals`] serves.
    Refusals,
}

/// A compiled filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// The program, for [`sys::set_seccomp_filter`].
    pub instructions: Vec<sys::Instruction>,
    /// The flags to set it with.
    pub flags: c_uint,
    /// Names that no known architecture has a call of, in rules for which that opens nothing: to be told.
    pub unknown: Vec<String>,
}

/// Compiles a list.
///
/// # Errors
/// Whatever of the list would not be enforced.
pub fn compile(_rules: &LinuxSeccomp, _machine: Machine, _notify: Notify) -> Result<Filter, Error> {
    Err(Error::new("seccomp", "not compiled", "wait"))
}

impl Machine {
    /// The one this program runs on.
    ///
    /// # Errors
    /// Where its system calls aren't known.
    pub fn here() -> Result<Self, Error> {
        match std::env::consts::ARCH {
            "x86_64" => Ok(Self::X86_64),
            "aarch64" => Ok(Self::Aarch64),
            other => Err(Error::new("seccomp", format!("system calls of {other} are not known"), "run it on x86_64")),
        }
    }
}
