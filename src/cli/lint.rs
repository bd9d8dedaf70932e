//! `harden lint`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::lint;
use crate::report::{FileResult, Problem, Subject, Summary};
use crate::text::Source;

use super::failure::Failure;
use super::input;
use super::output::Console;
use super::outside::Outside;
use super::parallel;
use super::plan::{Asked, Job, Plan, plan};
use super::written::Written;

/// What scripts rely on.
const EXIT_CODES: &str = "Exit codes: 0 no finding counts, 1 findings at or above --fail-on, 2 something could not be \
    done, 3 nothing to check";

#[derive(clap::Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(flatten)]
    asked: Asked,

    #[command(flatten)]
    written: Written,

    /// Print how long each step took
    #[arg(long, help_heading = "Output")]
    timings: bool,
}

/// What a job came to.
struct Done {
    result: Option<FileResult>,
    problems: Vec<Problem>,
    /// Whether the file is left out as a template.
    template: bool,
}

pub(super) fn run(arguments: &Arguments, console: &Console) -> Result<u8, Failure> {
    let start = Instant::now();
    let Plan { jobs, folder, mut problems, nothing } = plan(&arguments.asked, console)?;
    let outside = Outside::new(&arguments.asked, console)?;
    let discovered = start.elapsed();
    problems.iter().for_each(|problem| console.error(&problem.message));
    let mut summary = Summary::default();
    let mut failing = false;
    let mut templates = 0;
    let mut written = Duration::ZERO;
    let mut output = arguments.written.open()?;
    let mut format = arguments.written.format("lint", console, folder);
    output.write(|out| format.start(out))?;
    parallel::ordered(
        &jobs,
        |job| lint_one(job, &outside),
        |job, done| {
            let start = Instant::now();
            done.problems.iter().for_each(|problem| console.error(&problem.message));
            problems.extend(done.problems);
            if done.template {
                templates += 1;
                console.detail(&format_args!("`{}` is skipped: a template, by what is in it", job.shown));
            }
            if let Some(file) = done.result {
                summary.add(&file);
                failing |= file.diagnostics.iter().any(|diagnostic| job.fail_on.includes(diagnostic.severity));
                output.write(|out| format.file(out, &file))?;
            }
            written += start.elapsed();
            Ok(())
        },
    )?;
    let of_images = outside.problems();
    of_images.iter().for_each(|problem| console.error(&problem.message));
    problems.extend(of_images);
    output.write(|out| format.finish(out, &summary, &problems))?;
    output.finish()?;
    if arguments.timings {
        let total = start.elapsed();
        let linted = total.saturating_sub(discovered + written);
        console.timing(&format_args!(
            "{} files: search {discovered:.1?}, read and lint {linted:.1?}, write {written:.1?}, total {total:.1?}",
            jobs.len()
        ));
    }
    if templates > 0 {
        let plural = if templates == 1 { "" } else { "s" };
        console.note(&format_args!("skipped {templates} template{plural}, told by their text; name one to lint it"));
    }
    if !problems.is_empty() {
        return Ok(2);
    }
    if jobs.len() == templates {
        console.error(&nothing);
        return Ok(3);
    }
    Ok(u8::from(failing && !arguments.asked.common.exit_zero))
}

/// Reads and lints one file. A panic in here is a bug, and costs this file only.
fn lint_one(job: &Job, outside: &Outside) -> Done {
    catch_unwind(AssertUnwindSafe(|| read_and_lint(job, outside))).unwrap_or_else(|_| {
        let message = format!("`{}` can't be linted because of a bug in harden; please report it", job.shown);
        Done { result: None, problems: vec![Problem { path: Some(job.shown.to_string()), message }], template: false }
    })
}

fn read_and_lint(job: &Job, outside: &Outside) -> Done {
    let problem = |message| Problem { path: Some(job.shown.to_string()), message };
    let source = match input::read(&job.path) {
        Ok(source) => source,
        Err(message) => return Done { result: None, problems: vec![problem(message)], template: false },
    };
    let Some(dockerfile) = outside.read(job, source) else {
        return Done { result: None, problems: Vec::new(), template: true };
    };
    let outcome = lint::run(&dockerfile, &job.settings);
    let failed = outcome.errors.iter().map(|error| {
        problem(format!("`{}` failed on `{}` ({}); please report this bug", error.lint, error.path, error.message))
    });
    let problems = failed.collect();
    // The text is needed to show findings, and for nothing else.
    let source = if outcome.diagnostics.is_empty() { Source::default() } else { dockerfile.source };
    let (diagnostics, suppressed) = (outcome.diagnostics, outcome.suppressed);
    let result = FileResult { subject: Subject::File, path: Arc::clone(&job.shown), source, diagnostics, suppressed };
    Done { result: Some(result), problems, template: false }
}
