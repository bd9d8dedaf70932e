//! `harden image`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::lint;
use crate::model::maker_said;
use crate::report::{self, FileResult, Problem, Subject, Summary};
use crate::text::Source;

use super::failure::Failure;
use super::opening::{Opener, Opening};
use super::output::{Console, Output};
use super::plan::{Common, ImagePlan, plan_images};
use super::written::{Written, tool};

/// What scripts rely on.
const EXIT_CODES: &str = "Exit codes: 0 no finding counts, 1 findings at or above --fail-on, 2 something could not be \
    done";

/// What a reference looks like.
const REFERENCES: &str = "An image is named as other tools name it: NAME[:TAG][@DIGEST] or docker://… in a registry, \
    oci:FOLDER[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME:TAG], docker-daemon:NAME, rootfs:FOLDER, or - for \
    an archive on standard input";

#[derive(clap::Args, Debug)]
#[command(after_help = EXIT_CODES, after_long_help = format!("{REFERENCES}.\n\n{EXIT_CODES}"))]
pub(super) struct Arguments {
    /// Images: a name in a registry, or oci:, oci-archive:, docker-archive:, docker-daemon:, rootfs: and where it is
    #[arg(value_name = "REF", required = true)]
    references: Vec<String>,

    #[command(flatten)]
    opening: Opening,

    #[command(flatten)]
    common: Common,

    #[command(flatten)]
    written: Written,

    /// Write a page with a picture of the image: layers, findings, the dangerous files, what a shorter image saves
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Output")]
    report: Option<PathBuf>,

    /// Print how long each step took
    #[arg(long, help_heading = "Output")]
    timings: bool,
}

pub(super) fn run(arguments: &Arguments, console: &Console) -> Result<u8, Failure> {
    let start = Instant::now();
    let ImagePlan { settings, fail_on, folder } = plan_images(&arguments.common)?;
    if arguments.report.is_some() && arguments.references.len() > 1 {
        let message = "--report draws one image; name one, or run once for each";
        return Err(Failure::Usage(message.to_owned()));
    }
    let opener = Opener::new(&arguments.opening, console);
    let mut summary = Summary::default();
    let mut problems = Vec::new();
    let mut failing = false;
    let mut output = arguments.written.open()?;
    let mut format = arguments.written.format("image", console, folder.clone());
    output.write(|out| format.start(out))?;
    for name in &arguments.references {
        let problem = |message: String| Problem { path: Some(name.clone()), message };
        let image = match opener.open(name) {
            Ok(image) => image,
            Err(message) => {
                console.error(&message);
                problems.push(problem(message));
                continue;
            }
        };
        if image.unhashed > 0 {
            let layers = if image.unhashed == 1 { "layer was" } else { "layers were" };
            console.note(&format_args!("`{name}`: {} {layers} taken from the cache, not hashed again", image.unhashed));
        }
        let outcome = lint::run_image(&image, &settings);
        for error in &outcome.errors {
            let said = format!("`{}` failed on `{name}` ({}); please report this bug", error.lint, error.message);
            console.error(&said);
            problems.push(problem(said));
        }
        if let Some(path) = &arguments.report {
            let mut page = Output::to(Some(path))?;
            let steps: Vec<_> = (0..image.layers.len()).map(|layer| maker_said(&image, layer)).collect();
            let tool = tool("image", folder.clone());
            page.write(|out| report::html::write(out, &tool, &image, &steps, &outcome.diagnostics))?;
            page.finish()?;
        }
        failing |= outcome.diagnostics.iter().any(|diagnostic| fail_on.includes(diagnostic.severity));
        let result = FileResult {
            subject: Subject::Image,
            path: Arc::clone(&image.name),
            source: Source::default(),
            diagnostics: outcome.diagnostics,
            suppressed: outcome.suppressed,
        };
        summary.add(&result);
        output.write(|out| format.file(out, &result))?;
    }
    output.write(|out| format.finish(out, &summary, &problems))?;
    output.finish()?;
    if arguments.timings {
        console.timing(&format_args!("{} images: total {:.1?}", arguments.references.len(), start.elapsed()));
    }
    if !problems.is_empty() {
        return Ok(2);
    }
    Ok(u8::from(failing && !arguments.common.exit_zero))
}
