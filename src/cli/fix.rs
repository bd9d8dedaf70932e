//! `harden fix`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::diagnostic::Safety;
use crate::fix::{self, Files, Fixed, unified};
use crate::model::Dockerfile;
use crate::text::Source;

use super::failure::Failure;
use super::fix_report::{FileReport, Report};
use super::input;
use super::output::{Console, Output};
use super::outside::Outside;
use super::parallel;
use super::plan::{Asked, Job, Plan, is_stdin, plan};
use super::replace::{Change, Refusal, replace};

/// What scripts rely on.
const EXIT_CODES: &str = "Exit codes: 0 no finding that counts is left, 1 findings at or above --fail-on are left (with \
    --check and --diff: something would change), 2 something could not be done, 3 nothing to fix";

#[derive(clap::Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) asked: Asked,

    /// Write no file; print the changes as a patch that `git apply` takes
    #[arg(long, conflicts_with = "check", help_heading = "Fixing")]
    diff: bool,

    /// Write no file; say what would change
    #[arg(long, help_heading = "Fixing")]
    check: bool,

    /// Apply unsafe fixes too, which may break a build or an app
    #[arg(long = "unsafe", help_heading = "Fixing")]
    risky: bool,

    /// Apply the fixes of exactly these lints: names, other tools' ids, categories
    #[arg(long, value_name = "LINT,…", value_delimiter = ',', conflicts_with = "select", help_heading = "Fixing")]
    only: Option<Vec<String>>,

    /// How to write what was done
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, conflicts_with = "diff", help_heading = "Output")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
}

/// What a job came to.
enum Done {
    /// The file can't be read, or a bug is in the way: what to say.
    Failed(String),
    /// The file is left out as a template.
    Template,
    Fixed(Box<Fixing>),
}

/// A file and what fixing it came to.
struct Fixing {
    before: Source,
    fixed: Fixed,
    /// Other files that fixes change, as they were.
    others: Files,
}

pub(super) fn run(arguments: &Arguments, console: &Console) -> Result<u8, Failure> {
    let mut asked = arguments.asked.clone();
    let common = &mut asked.common;
    common.select = arguments.only.clone().or_else(|| common.select.take());
    let Plan { jobs, mut problems, nothing, .. } = plan(&asked, console)?;
    let outside = Outside::new(&asked, console)?;
    problems.iter().for_each(|problem| console.error(&problem.message));
    let writes = !arguments.diff && !arguments.check;
    let stdin = jobs.iter().any(|job| is_stdin(&job.path));
    // What goes to standard output is either the text or the patch, or what was done.
    let aside = arguments.diff || stdin && writes;
    let mut report = Report::new(arguments.format, arguments.risky, writes, aside, console);
    let mut output = Output::stdout();
    let mut failing = false;
    let mut templates = 0;
    let work = |job: &Job| fix_one(job, &outside, arguments.allowed());
    parallel::ordered(&jobs, work, |job, done| {
        let fixing = match done {
            Done::Failed(message) => {
                report.problem(&job.shown, message);
                return Ok(());
            }
            Done::Template => {
                templates += 1;
                console.detail(&format_args!("`{}` is skipped: a template, by what is in it", job.shown));
                return Ok(());
            }
            Done::Fixed(fixing) => fixing,
        };
        let written = if arguments.diff {
            fixing.patches(job).iter().try_for_each(|patch| output.write(|out| out.write_all(patch)))?;
            Ok(())
        } else if !writes {
            Ok(())
        } else if is_stdin(&job.path) {
            output.write(|out| out.write_all(fixing.fixed.dockerfile.source.bytes()))?;
            fixing.write_others()
        } else {
            fixing.write(&job.path)
        };
        let done = match written {
            Ok(()) => Ok(fixing),
            // Another file of this run may have changed an ignore file that both share: once more, from what is there.
            // Standard input is not to be had again.
            Err(Refusal::Changed(_)) if !is_stdin(&job.path) => once_more(job, &outside, arguments.allowed()),
            Err(Refusal::Changed(message) | Refusal::Failed(message)) => Err(message),
        };
        let fixing = match done {
            Ok(fixing) => fixing,
            Err(message) => {
                report.problem(&job.shown, message);
                return Ok(());
            }
        };
        let left = &fixing.fixed.outcome.diagnostics;
        failing |= left.iter().any(|diagnostic| job.fail_on.includes(diagnostic.severity));
        report.file(&mut output, FileReport { path: &job.shown, changed: fixing.changes(), fixed: &fixing.fixed })
    })?;
    for problem in outside.problems() {
        report.problem(problem.path.as_deref().unwrap_or("-"), problem.message);
    }
    report.finish(&mut output, &mut problems)?;
    output.finish()?;
    if !problems.is_empty() {
        return Ok(2);
    }
    if jobs.len() == templates {
        console.error(&nothing);
        return Ok(3);
    }
    let counts = if writes { failing && !asked.common.exit_zero } else { report.changes() };
    Ok(u8::from(counts))
}

impl Arguments {
    fn allowed(&self) -> Safety {
        if self.risky { Safety::Unsafe } else { Safety::Safe }
    }
}

/// Reads and fixes one file. A panic in here is a bug, and costs this file only.
fn fix_one(job: &Job, outside: &Outside, allowed: Safety) -> Done {
    catch_unwind(AssertUnwindSafe(|| read_and_fix(job, outside, allowed))).unwrap_or_else(|_| {
        Done::Failed(format!("`{}` can't be fixed because of a bug in harden; please report it", job.shown))
    })
}

fn read_and_fix(job: &Job, outside: &Outside, allowed: Safety) -> Done {
    let before = match input::read(&job.path) {
        Ok(source) => source,
        Err(message) => return Done::Failed(message),
    };
    let Some(first) = outside.read(job, before.clone()) else { return Done::Template };
    let ignore_file = first.context.ignore_file.clone();
    // The facts at hand serve for the first round.
    let first = std::cell::Cell::new(Some(first));
    let read = |source: Source, files: &Files| -> Dockerfile {
        first.take().unwrap_or_else(|| outside.reread(job, source, files))
    };
    let fixed = fix::fix(&before, &job.settings, allowed, &read);
    let of = |path: &str| ignore_file.as_ref().filter(|file| *file.path == *path).map(|file| file.text.clone());
    let others = fixed.files.keys().map(|path| (path.clone(), of(path).unwrap_or_default())).collect();
    Done::Fixed(Box::new(Fixing { before, fixed, others }))
}

/// Fixes a file again, since something changed after it was read, and writes it.
fn once_more(job: &Job, outside: &Outside, allowed: Safety) -> Result<Box<Fixing>, String> {
    match fix_one(job, outside, allowed) {
        Done::Failed(message) => Err(message),
        Done::Template => Err(format!("`{}` was changed by someone else meanwhile; run `harden fix` again", job.shown)),
        Done::Fixed(fixing) => match fixing.write(&job.path) {
            Ok(()) => Ok(fixing),
            Err(Refusal::Changed(message) | Refusal::Failed(message)) => Err(message),
        },
    }
}

impl Fixing {
    /// Whether anything is other than before.
    fn changes(&self) -> bool {
        !self.fixed.files.is_empty() || self.before.bytes() != self.fixed.dockerfile.source.bytes()
    }

    fn write(&self, path: &Path) -> Result<(), Refusal> {
        let after = self.fixed.dockerfile.source.bytes();
        let own = (self.before.bytes() != after).then(|| Change { path, before: Some(self.before.bytes()), after });
        replace(&own.into_iter().chain(self.changes_of_others()).collect::<Vec<_>>())
    }

    fn write_others(&self) -> Result<(), Refusal> {
        replace(&self.changes_of_others().collect::<Vec<_>>())
    }

    fn changes_of_others(&self) -> impl Iterator<Item = Change<'_>> {
        self.fixed.files.iter().map(|(path, text)| {
            let before = self.others.get(path).map(String::as_bytes).filter(|text| !text.is_empty());
            let path = Path::new(path.as_ref());
            // A file that is there and empty is not one that is to be made.
            let before = before.or_else(|| path.exists().then_some(&[][..]));
            Change { path, before, after: text.as_bytes() }
        })
    }

    /// What changes, as patches.
    fn patches(&self, job: &Job) -> Vec<Vec<u8>> {
        let own = unified(&job.shown, Some(self.before.bytes()), self.fixed.dockerfile.source.bytes());
        let others = self
            .changes_of_others()
            .map(|change| unified(&PathBuf::from(change.path).to_string_lossy(), change.before, change.after));
        std::iter::once(own).chain(others).collect()
    }
}
