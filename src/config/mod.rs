//! `harden.toml`: what a project wants linted, and how strictly.
//!
//! The nearest file wins and files are not merged. Names of lints are kept with their place in the file: which names
//! exist is known further up, and an error there can still say where the name stands.

mod find;
mod globs;
mod read;
mod run;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Confidence, Severity};

pub use find::{Finder, NAMES};
pub use globs::Globs;
pub use read::{Error, MAX_BYTES};
pub use run::RunSettings;

/// One configuration file.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file, as the user would name it.
    pub path: PathBuf,
    /// The folder that its globs are relative to: its own, or the one above `.config`.
    pub root: PathBuf,
    /// What to lint for.
    pub rules: Rules,
    /// `fail-on`: the least severity that makes the exit code 1.
    pub fail_on: Option<FailOn>,
    /// `min-confidence`: findings below it are not shown.
    pub min_confidence: Option<Confidence>,
    /// `require-reason`: an ignore comment without a reason is a finding.
    pub require_reason: bool,
    /// `online`: whether linting may ask registries.
    pub online: bool,
    /// `exclude`: files that a walk leaves out.
    pub exclude: Globs,
    /// `[[overrides]]`, in order; a later one is put on top of an earlier one.
    pub overrides: Vec<Override>,
    /// `[[image-ignore]]`: findings in images that are known and accepted.
    pub image_ignores: Vec<ImageIgnore>,
    /// `[run]`: what `harden run` starts containers with.
    pub run: RunSettings,
}

/// `[[image-ignore]]`: findings in images that are known and accepted. An image has no lines to put a comment on.
#[derive(Clone, Debug)]
pub struct ImageIgnore {
    /// `lints`: names or aliases.
    pub lints: Vec<Name>,
    /// `images`: globs over references without their transport; all images where absent.
    pub images: Option<Globs>,
    /// `paths`: globs over paths in the image; all findings of the lints, those without a path too, where absent.
    pub paths: Option<Globs>,
    /// `reason`: why, which has to be said.
    pub reason: String,
}

impl ImageIgnore {
    /// Whether it is about the image of this name, and about this path in it (`None` for the configuration or the whole).
    #[must_use]
    pub fn holds(&self, image: &str, path: Option<&str>) -> bool {
        let name = image.split_once("://").map_or(image, |(_, name)| name);
        let within = |globs: &Globs, text: &str| globs.matches(Path::new(text.trim_start_matches('/')));
        self.images.as_ref().is_none_or(|globs| within(globs, name))
            && self.paths.as_ref().is_none_or(|globs| path.is_some_and(|path| within(globs, path)))
    }
}

/// Which lints are on, and with what severity.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Rules {
    /// `preset`: the set to start from.
    pub preset: Option<PresetChoice>,
    /// `select`: exactly these, in place of a preset's.
    pub select: Option<Vec<Name>>,
    /// `extend-select`: these as well.
    pub extend_select: Vec<Name>,
    /// `ignore`: these not.
    pub ignore: Vec<Name>,
    /// `[lints.NAME]`.
    pub lints: Vec<LintSetting>,
    /// `image`: the image that the Dockerfile is built into, whose files say what its text can't.
    pub image: Option<String>,
}

/// `[[overrides]]`: rules for some paths.
#[derive(Clone, Debug)]
pub struct Override {
    /// `paths`.
    pub paths: Globs,
    /// What these add to the file's own rules; what they name replaces it.
    pub rules: Rules,
}

/// `[lints.NAME]`: what one lint is set to.
#[derive(Clone, PartialEq, Debug)]
pub struct LintSetting {
    /// The lint's name or an alias of it.
    pub name: Name,
    /// `severity`: replaces the finding's own.
    pub severity: Option<Severity>,
    /// `enabled`: on or off whatever the preset says.
    pub enabled: Option<bool>,
}

/// A name written in a configuration file, with its place there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// The name as written.
    pub text: String,
    /// Where it stands.
    pub at: At,
}

/// A place in a configuration file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct At {
    /// The file, as the user would name it.
    pub path: Arc<Path>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// A named set of lints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PresetChoice {
    /// What a security-minded reviewer would raise; the default.
    Security,
    /// That and what many teams choose against.
    Pedantic,
    /// Everything.
    All,
}

/// The least severity that makes the exit code 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailOn {
    /// Findings of this severity and above.
    Severity(Severity),
    /// No finding does.
    Never,
}

impl Config {
    /// Whether `exclude` leaves out the file at `path`, which must be absolute.
    #[must_use]
    pub fn excludes(&self, path: &Path) -> bool {
        self.relative(path).is_some_and(|path| self.exclude.matches(path))
    }

    /// The rules for the file at `path`, which must be absolute: the file's own, then those of every override that
    /// matches, in order.
    pub fn rules_for(&self, path: &Path) -> impl Iterator<Item = &Rules> {
        let path = self.relative(path).map(Path::to_owned);
        let matching =
            self.overrides.iter().filter(move |one| path.as_deref().is_some_and(|path| one.paths.matches(path)));
        std::iter::once(&self.rules).chain(matching.map(|one| &one.rules))
    }

    fn relative<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        path.strip_prefix(&self.root).ok()
    }
}

impl FailOn {
    /// Whether a finding of `severity` makes the exit code 1.
    #[must_use]
    pub fn includes(self, severity: Severity) -> bool {
        match self {
            Self::Severity(least) => severity >= least,
            Self::Never => false,
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}
