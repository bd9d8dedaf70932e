//! `harden run`: from a [`Profile`] and a root file system to a running container, and the proof of what is in force.
//! Fails closed: each restriction is enforced, or emulated and said so, or the start is refused. Knows no command line.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod engine;
mod error;
mod job;
pub mod runtimes;

#[cfg(target_os = "linux")]
pub mod account;
#[cfg(target_os = "linux")]
pub mod cgroup;
#[cfg(target_os = "linux")]
mod container;
#[cfg(target_os = "linux")]
pub mod ids;
#[cfg(target_os = "linux")]
mod inside;
#[cfg(target_os = "linux")]
mod launch;
#[cfg(target_os = "linux")]
pub mod lsm;
#[cfg(target_os = "linux")]
mod mountinfo;
#[cfg(target_os = "linux")]
pub mod network;
#[cfg(target_os = "linux")]
mod procfs;
#[cfg(target_os = "linux")]
pub mod proof;
#[cfg(target_os = "linux")]
pub mod refusals;
#[cfg(target_os = "linux")]
mod remove;
#[cfg(target_os = "linux")]
pub mod rlimits;
#[cfg(target_os = "linux")]
pub mod seccomp;
#[cfg(target_os = "linux")]
mod start;
#[cfg(target_os = "linux")]
pub mod store;
#[cfg(target_os = "linux")]
pub mod sys;

use std::path::PathBuf;

use oci_spec::runtime::Spec;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Ready, collect, prepare};
pub use error::Error;
pub use job::{Freed, Job, Options, Pull, Refused};
#[cfg(target_os = "linux")]
pub use launch::{Started, Tools, launch};
#[cfg(target_os = "linux")]
pub use start::{Ready, collect, prepare};

use crate::policy::Profile;

/// What is to be run, and how.
#[derive(Clone, Debug)]
pub struct Order {
    /// What the container may do and have, in the form that every runtime reads (OCI runtime specification, config.md):
    /// the launcher enforces this and nothing else, so what it proves is what other runtimes are asked for.
    pub spec: Spec,
    /// What it was made from: the reasons, and what that form has no word for (ports, egress, terminal, init, restart).
    pub profile: Profile,
    /// Its root file system.
    pub root: RootFs,
    /// How ids inside are ids outside.
    pub ids: IdMaps,
    /// Name of the container: of its control group, of its folder in the run-time folder.
    pub name: String,
    /// Whether standard input is passed on.
    pub interactive: bool,
    /// Seconds after which the container is ended; `None` for never.
    pub timeout: Option<u64>,
    /// Where the proof is written as JSON; `-` is standard error, as text.
    pub proof: Option<PathBuf>,
    /// Whether refused calls and paths are reported.
    pub refusals: bool,
    /// Whether limits that can only be enforced in part are accepted (`--allow partial-limits`).
    pub allow_partial: bool,
    /// Whether what was used is told at the end.
    pub account: bool,
}

/// A root file system, ready to be mounted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RootFs {
    /// The folder.
    pub path: PathBuf,
    /// Whether files in it belong to ids as [`IdMaps`] has them outside (an unpacked image of the store), or to whom they
    /// belong on the host (`rootfs:`).
    pub shifted: bool,
    /// A folder for what the container writes into its root, where the root may be written to: overlayfs's upper folder
    /// and work folder are made in it, and removed at the end.
    pub scratch: Option<PathBuf>,
}

/// How ids inside the user namespace are ids outside (user_namespaces(7)).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IdMaps {
    /// Users.
    pub uids: Vec<IdRange>,
    /// Groups.
    pub gids: Vec<IdRange>,
    /// Who may write them.
    pub writer: MapWriter,
}

/// A range of ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdRange {
    /// First id inside.
    pub inside: u32,
    /// First id outside.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// Who may write the maps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MapWriter {
    /// We, being root, any maps.
    #[default]
    Root,
    /// newuidmap(1) and newgidmap(1), ranges of /etc/subuid and /etc/subgid.
    Helpers,
    /// We, one id only: the caller's own.
    OneId,
}

impl IdMaps {
    /// The id outside of a user inside; `None` where it isn't mapped.
    #[must_use]
    pub fn uid_outside(&self, inside: u32) -> Option<u32> {
        self.uids.iter().find_map(|range| range.outside_of(inside))
    }

    /// The id outside of a group inside; `None` where it isn't mapped.
    #[must_use]
    pub fn gid_outside(&self, inside: u32) -> Option<u32> {
        self.gids.iter().find_map(|range| range.outside_of(inside))
    }
}

impl IdRange {
    /// The id outside of one inside.
    #[must_use]
    pub fn outside_of(&self, inside: u32) -> Option<u32> {
        let offset = inside.checked_sub(self.inside).filter(|offset| *offset < self.count)?;
        self.outside.checked_add(offset)
    }

    /// The id inside of one outside.
    #[must_use]
    pub fn inside_of(&self, outside: u32) -> Option<u32> {
        let offset = outside.checked_sub(self.outside).filter(|offset| *offset < self.count)?;
        self.inside.checked_add(offset)
    }
}
