//! What files a command is about and what each is to be linted for: from paths, options and configuration to jobs.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use clap::ValueEnum;

use crate::config::{Config, FailOn, Finder, Rules};
use crate::diagnostic::{Confidence, Severity};
use crate::discover::{Discovery, Found, Why, discover};
use crate::lint::{Preset, Settings};
use crate::model::Dockerfile;
use crate::report::Problem;

use super::config_choice::ConfigChoice;
use super::failure::Failure;
use super::output::Console;
use super::selection::{self, Wanted};

/// What commands that lint files are asked for.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Asked {
    /// Files and folders; `-` for standard input. Folders are searched for Dockerfiles and Containerfiles, without what
    /// .gitignore names
    #[arg(value_name = "PATH", default_value = ".", value_hint = clap::ValueHint::AnyPath)]
    pub(super) paths: Vec<PathBuf>,

    /// The path to report for standard input, and to look for configuration from
    #[arg(long, value_name = "NAME")]
    pub(super) stdin_filename: Option<PathBuf>,

    #[command(flatten)]
    pub(super) common: Common,

    /// Take digests of images and downloads from this file: JSON with `images` and `downloads`, from names and addresses
    /// to `sha256:…`
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Configuration")]
    pub(super) lock: Option<PathBuf>,

    /// The image that the Dockerfile is built into: its users, programs and files take part, and what is found in it is
    /// shown at the line that put it there
    #[arg(long, value_name = "REF", help_heading = "Images")]
    pub(super) image: Option<String>,

    /// Read a base image from elsewhere than its registry: NAME=oci:FOLDER, NAME=docker-archive:FILE, …
    #[arg(long, value_name = "NAME=REF", value_parser = name_and_reference, help_heading = "Images")]
    pub(super) build_context: Vec<(String, String)>,

    /// Ask registries about base images
    #[arg(long, help_heading = "Images", conflicts_with = "offline")]
    pub(super) online: bool,

    /// Open no connection, whatever the configuration says
    #[arg(long, help_heading = "Images")]
    pub(super) offline: bool,
}

/// `NAME=REF`, also as docker writes it: `NAME=oci-layout://FOLDER`, `NAME=docker-image://NAME`.
fn name_and_reference(text: &str) -> Result<(String, String), String> {
    let (name, reference) = text.split_once('=').ok_or("write NAME=REF, as in `debian:12=oci:./debian`")?;
    let reference = match reference.split_once("://") {
        Some(("oci-layout", folder)) => format!("oci:{folder}"),
        Some(("docker-image", name)) => format!("docker://{name}"),
        _ => reference.to_owned(),
    };
    Ok((name.to_owned(), reference))
}

/// What every command that lints is asked for.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Common {
    /// The least severity that makes the exit code 1 [default: low]
    #[arg(long, value_name = "SEVERITY", value_enum, help_heading = "Exit code")]
    pub(super) fail_on: Option<FailOnWord>,

    /// Exit with 0 when there are findings
    #[arg(long, help_heading = "Exit code")]
    pub(super) exit_zero: bool,

    /// The set of lints to start from [default: security]
    #[arg(long, value_name = "PRESET", value_enum, help_heading = "Choice of lints")]
    pub(super) preset: Option<PresetWord>,

    /// Exactly these lints: names, other tools' ids, categories
    #[arg(long, value_name = "LINT,…", value_delimiter = ',', help_heading = "Choice of lints")]
    pub(super) select: Option<Vec<String>>,

    /// Not these lints: names, other tools' ids, categories
    #[arg(long, value_name = "LINT,…", value_delimiter = ',', help_heading = "Choice of lints")]
    pub(super) ignore: Vec<String>,

    /// Only findings that are at least this sure [default: low]
    #[arg(long, value_name = "CONFIDENCE", value_enum, help_heading = "Choice of lints")]
    pub(super) min_confidence: Option<ConfidenceWord>,

    #[command(flatten)]
    pub(super) config: ConfigChoice,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum FailOnWord {
    High,
    Medium,
    Low,
    Info,
    Never,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum PresetWord {
    /// What a security-minded reviewer would raise
    Security,
    /// That and what many teams choose against
    Pedantic,
    /// Everything
    All,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum ConfidenceWord {
    High,
    Medium,
    Low,
}

/// A file and what to lint it for.
pub(super) struct Job {
    pub(super) path: PathBuf,
    /// The path to report, with `/`.
    pub(super) shown: Arc<str>,
    /// Whether the caller named the file, so that it is linted whatever it looks like.
    pub(super) named: bool,
    pub(super) settings: Arc<Settings>,
    pub(super) fail_on: FailOn,
    /// The image that the file is built into, where the command line or the configuration says so.
    pub(super) image: Option<String>,
    /// Whether registries may be asked.
    pub(super) online: bool,
}

/// The files a command is about.
pub(super) struct Plan {
    /// The files, in the order in which they are to be reported: standard input first.
    pub(super) jobs: Vec<Job>,
    /// The folder that paths are relative to.
    pub(super) folder: PathBuf,
    /// What could not be searched.
    pub(super) problems: Vec<Problem>,
    /// What to say if nothing of it is linted.
    pub(super) nothing: String,
}

/// Finds the files that are asked for, and says what was left out.
pub(super) fn plan(asked: &Asked, console: &Console) -> Result<Plan, Failure> {
    let mut planner = Planner::new(&asked.common)?;
    planner.image.clone_from(&asked.image);
    planner.online = if asked.online { Some(true) } else { asked.offline.then_some(false) };
    let paths: Vec<PathBuf> = asked.paths.iter().filter(|path| !is_stdin(path)).cloned().collect();
    let discovery = discover(&paths);
    let jobs = planner.jobs(asked, &discovery)?;
    notes(&discovery, planner.excluded, console);
    let problems = discovery.errors.iter().map(problem_of_search).collect();
    let nothing = nothing(asked, &discovery, planner.excluded);
    Ok(Plan { jobs, folder: planner.folder, problems, nothing })
}

/// What to lint images for.
pub(super) struct ImagePlan {
    pub(super) settings: Arc<Settings>,
    pub(super) fail_on: FailOn,
    /// The current folder.
    pub(super) folder: PathBuf,
}

/// Finds out what to lint images for.
pub(super) fn plan_images(asked: &Common) -> Result<ImagePlan, Failure> {
    Planner::new(asked)?.image()
}

/// Finds out what to lint each file for.
struct Planner {
    folder: PathBuf,
    finder: Finder,
    wanted: Wanted,
    fail_on: Option<FailOn>,
    image: Option<String>,
    /// Whether registries may be asked; `None` where the command line doesn't say.
    online: Option<bool>,
    today: String,
    /// Files that configuration leaves out.
    excluded: usize,
    /// Settings by the rules they come from, which many files share. The addresses are of rules that `finder` keeps.
    settings: HashMap<Vec<*const Rules>, Arc<Settings>>,
}

impl Planner {
    fn new(arguments: &Common) -> Result<Self, Failure> {
        let folder = env::current_dir().map_err(|error| {
            Failure::Read(format!("the current folder can't be found ({error}); change to another"))
        })?;
        let finder = arguments.config.finder(&folder)?;
        let wanted = Wanted {
            preset: arguments.preset.map(PresetWord::preset),
            select: arguments.select.clone(),
            ignore: arguments.ignore.clone(),
            min_confidence: arguments.min_confidence.map(ConfidenceWord::confidence),
        };
        selection::check_options(&wanted)?;
        let fail_on = arguments.fail_on.map(FailOnWord::fail_on);
        let today = today();
        let settings = HashMap::new();
        Ok(Self { folder, finder, wanted, fail_on, image: None, online: None, today, excluded: 0, settings })
    }

    /// The files in the order in which they are to be reported: standard input first.
    fn jobs(&mut self, arguments: &Asked, discovery: &Discovery) -> Result<Vec<Job>, Failure> {
        let mut jobs = Vec::new();
        if arguments.paths.iter().any(|path| is_stdin(path)) {
            let shown = arguments.stdin_filename.as_deref().unwrap_or(Path::new("-"));
            let found = Found { path: shown.to_owned(), named: true };
            let job = self.job(&found)?;
            jobs.extend(job.map(|job| Job { path: PathBuf::from("-"), ..job }));
        }
        for found in &discovery.files {
            jobs.extend(self.job(found)?);
        }
        Ok(jobs)
    }

    fn job(&mut self, found: &Found) -> Result<Option<Job>, Failure> {
        let path = self.folder.join(&found.path);
        let config = match path.parent() {
            Some(folder) => self.finder.for_folder(folder)?,
            None => None,
        };
        if !found.named && config.as_ref().is_some_and(|config| config.excludes(&path)) {
            self.excluded += 1;
            return Ok(None);
        }
        let configured = config.as_ref().and_then(|config| config.fail_on);
        Ok(Some(Job {
            path: found.path.clone(),
            named: found.named,
            shown: found.path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/").into(),
            settings: self.settings(config.as_deref(), &path)?,
            fail_on: self.fail_on.or(configured).unwrap_or(FailOn::Severity(Severity::Low)),
            image: self.image.clone().or_else(|| image_of(config.as_deref()?, &path)),
            online: self.online.unwrap_or_else(|| config.as_ref().is_some_and(|config| config.online)),
        }))
    }

    /// What to lint images for: the configuration of the current folder, which has no path in the project.
    fn image(&mut self) -> Result<ImagePlan, Failure> {
        let folder = self.folder.clone();
        let config = self.finder.for_folder(&folder)?;
        let configured = config.as_ref().and_then(|config| config.fail_on);
        Ok(ImagePlan {
            settings: self.settings(config.as_deref(), &folder)?,
            fail_on: self.fail_on.or(configured).unwrap_or(FailOn::Severity(Severity::Low)),
            folder,
        })
    }

    fn settings(&mut self, config: Option<&Config>, path: &Path) -> Result<Arc<Settings>, Failure> {
        let rules: Vec<&Rules> = config.map(|config| config.rules_for(path).collect()).unwrap_or_default();
        let key: Vec<*const Rules> = rules.iter().map(|&rules| std::ptr::from_ref(rules)).collect();
        if let Some(known) = self.settings.get(&key) {
            return Ok(Arc::clone(known));
        }
        if let Some(config) = config {
            selection::check_config(config)?;
        }
        let settings = Arc::new(selection::settings(&self.wanted, config, rules, &self.today)?);
        self.settings.insert(key, Arc::clone(&settings));
        Ok(settings)
    }
}

/// The image that the configuration says a file is built into; that of a later override wins.
fn image_of(config: &Config, path: &Path) -> Option<String> {
    config.rules_for(path).filter_map(|rules| rules.image.clone()).last()
}

/// Whether a file becomes a Dockerfile only when a template engine has been over it: a line that BuildKit refuses has that
/// engine's marks. What is valid Dockerfile is linted, marks or not.
pub(super) fn is_template(dockerfile: &Dockerfile) -> bool {
    let text = dockerfile.source.text();
    dockerfile.errors.iter().any(|error| {
        let start = text[..error.span.start as usize].rfind('\n').map_or(0, |at| at + 1);
        let line = text[start..].lines().next().unwrap_or("");
        ["{{", "{%", "<%"].iter().any(|mark| line.contains(mark))
    })
}

fn notes(discovery: &Discovery, excluded: usize, console: &Console) {
    for skipped in &discovery.skipped {
        let why = match skipped.why {
            Why::Template => "a template",
            Why::IgnoreFile => "an ignore file",
            Why::OtherLanguage => "no Dockerfile by its ending and its first line",
            Why::OutwardLink => "a link out of the folder searched",
            Why::Special => "not a regular file",
        };
        console.detail(&format_args!("`{}` is skipped: {why}", skipped.path.display()));
    }
    if let Some(left_out) = left_out(discovery, excluded) {
        console.note(&left_out);
    }
    if !discovery.foreign.is_empty() {
        let names: Vec<String> = discovery.foreign.iter().map(|path| format!("`{}`", path.display())).collect();
        let verb = if names.len() == 1 { "is" } else { "are" };
        console
            .note(&format_args!("{} {verb} not read; harden's own configuration is `harden.toml`", names.join(", ")));
    }
}

/// What looked like a Dockerfile and was left out, or `None`.
fn left_out(discovery: &Discovery, excluded: usize) -> Option<String> {
    let count = |why: &[Why]| discovery.skipped.iter().filter(|skipped| why.contains(&skipped.why)).count();
    let counts = [
        (count(&[Why::Template]), "template"),
        (count(&[Why::IgnoreFile]), "ignore file"),
        (count(&[Why::OtherLanguage, Why::OutwardLink, Why::Special]), "other file"),
        (excluded, "excluded file"),
    ];
    let parts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
        .collect();
    (!parts.is_empty()).then(|| format!("skipped {}", parts.join(", ")))
}

fn nothing(arguments: &Asked, discovery: &Discovery, excluded: usize) -> String {
    let paths: Vec<String> = arguments.paths.iter().map(|path| format!("`{}`", path.display())).collect();
    let left_out = left_out(discovery, excluded).map(|left_out| format!(" ({left_out})")).unwrap_or_default();
    format!("no Dockerfile under {}{left_out}; a file named on the command line is always linted", paths.join(", "))
}

fn problem_of_search(error: &crate::discover::Error) -> Problem {
    Problem { path: Some(error.path().display().to_string()), message: error.to_string() }
}

pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Today's date in UTC as `YYYY-MM-DD`, by Howard Hinnant's `civil_from_days`.
pub(super) fn today() -> String {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

impl FailOnWord {
    fn fail_on(self) -> FailOn {
        match self {
            Self::High => FailOn::Severity(Severity::High),
            Self::Medium => FailOn::Severity(Severity::Medium),
            Self::Low => FailOn::Severity(Severity::Low),
            Self::Info => FailOn::Severity(Severity::Info),
            Self::Never => FailOn::Never,
        }
    }
}

impl PresetWord {
    fn preset(self) -> Preset {
        match self {
            Self::Security => Preset::Security,
            Self::Pedantic | Self::All => Preset::Pedantic,
        }
    }
}

impl ConfidenceWord {
    fn confidence(self) -> Confidence {
        match self {
            Self::High => Confidence::High,
            Self::Medium => Confidence::Medium,
            Self::Low => Confidence::Low,
        }
    }
}
