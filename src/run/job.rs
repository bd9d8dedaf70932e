//! One run, from what people say to an exit code: the profile first, which can be looked at, then the start.

use std::fmt;
use std::path::PathBuf;

use oci_spec::runtime::Spec;

use crate::image::source;
use crate::policy::{self, Needs, Profile, Wishes};

use super::runtimes::Runtime;
use super::{Error, IdMaps, Order, RootFs};

/// What is to be run, as people say it.
pub struct Job<'a> {
    /// The image, and how it is opened.
    pub request: &'a source::Request<'a>,
    /// What is asked of the profile.
    pub wishes: &'a Wishes,
    /// A profile to take in place of an inferred one.
    pub profile: Option<Profile>,
    /// How it is run.
    pub options: Options,
    /// Whether the image with this digest (of its manifest) may be run: asked before anything of it is. A folder
    /// (`rootfs:`) has none.
    pub trust: &'a dyn Fn(&str) -> Result<(), Error>,
    /// Tells the user something.
    pub note: &'a dyn Fn(&str),
}

/// How a container is run, besides its profile.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder of the user's data: `XDG_DATA_HOME`, or `~/.local/share`.
    pub data: PathBuf,
    /// When an image is fetched.
    pub pull: Pull,
    /// Name of the container; one is made where absent.
    pub name: Option<String>,
    /// Whether standard input is passed on.
    pub interactive: bool,
    /// Seconds after which the container is ended.
    pub timeout: Option<u64>,
    /// Where the proof is written as JSON; `-` is standard error, as a table.
    pub proof: Option<PathBuf>,
    /// Whether refused calls and paths are reported.
    pub refusals: bool,
    /// Whether what was used is told at the end.
    pub account: bool,
    /// Another runtime that starts it.
    pub runtime: Option<Runtime>,
}

impl Job<'_> {
    /// The container's name: as asked, or of this process.
    pub(super) fn container_name(&self) -> String {
        self.options.name.clone().unwrap_or_else(|| format!("harden-{}", std::process::id()))
    }

    /// The profile: the one that was given, or one for what the image needs on this machine.
    pub(super) fn profile(&mut self, needs: &Needs, host: &policy::Host) -> Result<Profile, policy::Error> {
        match self.profile.take() {
            Some(profile) => policy::check(profile, &self.wishes.allow, host),
            None => policy::infer(needs, self.wishes, host),
        }
    }

    /// The order to run it with this profile, as `spec` says it, with this root and these ids.
    pub(super) fn order(&self, profile: Profile, spec: Spec, root: RootFs, ids: IdMaps) -> Order {
        Order {
            spec,
            profile,
            root,
            ids,
            name: self.container_name(),
            interactive: self.options.interactive,
            timeout: self.options.timeout,
            proof: self.options.proof.clone(),
            refusals: self.options.refusals,
            allow_partial: self.wishes.allow.iter().any(|allowed| allowed == "partial-limits"),
            account: self.options.account,
        }
    }

    /// The runtime that has images of its own, where one is to start it.
    pub(super) fn engine(&self) -> Option<Runtime> {
        self.options.runtime.filter(|runtime| !runtime.takes_bundle())
    }

    /// What only our own launcher can do is refused rather than left out where another one starts the container.
    ///
    /// # Errors
    /// The flag.
    pub(super) fn check_runtime(&self) -> Result<(), Error> {
        let Some(runtime) = self.options.runtime else { return Ok(()) };
        let options = &self.options;
        let ours =
            [("--proof", options.proof.is_some()), ("--refusals", options.refusals), ("--account", options.account)];
        match ours.iter().find(|(_, asked)| *asked) {
            Some((flag, _)) => Err(Error::new(
                *flag,
                format!("only harden's own launcher can do that, not {}", runtime.name()),
                "leave it or `--runtime` out",
            )),
            None => Ok(()),
        }
    }
}

/// When an image is fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pull {
    /// Where the store hasn't it.
    #[default]
    Missing,
    /// Where the name means something else by now, too.
    Always,
    /// Never.
    Never,
}

/// What was removed from the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Freed {
    /// Images.
    pub images: u64,
    /// Left-overs of starts that were ended.
    pub leftovers: u64,
    /// Bytes of both on disk.
    pub bytes: u64,
    /// Images that stay, since containers use them.
    pub used: u64,
}

/// Why nothing was run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The image can't be read.
    Image(crate::image::Error),
    /// No profile can be made.
    Profile(policy::Error),
    /// The container can't be started as asked.
    Start(Error),
}

impl Refused {
    /// The exit code, as docker has them.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Image(_) | Self::Profile(_) => 125,
            Self::Start(error) => error.code,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(error) => error.fmt(f),
            Self::Profile(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Refused {}

impl From<crate::image::Error> for Refused {
    fn from(error: crate::image::Error) -> Self {
        Self::Image(error)
    }
}

impl From<policy::Error> for Refused {
    fn from(error: policy::Error) -> Self {
        Self::Profile(error)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Start(error)
    }
}
