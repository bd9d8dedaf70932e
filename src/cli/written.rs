//! How findings are written: the format, and where to.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::lint;
use crate::report::{self, Json, JsonLines, Sarif, Style, Text, Tool};

use super::failure::Failure;
use super::output::{Console, Output};

/// What every command that writes findings is asked for.
#[derive(clap::Args, Debug)]
pub(super) struct Written {
    /// How to write findings
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    format: Format,

    /// Write findings to a file, which appears whole or not at all
    #[arg(long, short, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Output")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
    /// A JSON object a line
    Jsonl,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// This program, running `command`, for reports that name it.
pub(super) fn tool(command: &'static str, root: PathBuf) -> Tool {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    Tool { name, version, command, lints: lint::registry(), root }
}

impl Written {
    /// Opens what to write to.
    pub(super) fn open(&self) -> Result<Output, Failure> {
        Output::to(self.output.as_deref())
    }

    /// The writer of the format, for results of `command`, with paths relative to `root`.
    pub(super) fn format(&self, command: &'static str, console: &Console, root: PathBuf) -> Box<dyn report::Format> {
        let tool = tool(command, root);
        match self.format {
            Format::Text => {
                let color = if self.output.is_some() { console.forces_color() } else { console.color_on_stdout() };
                Box::new(Text::new(Style { color, verbose: console.verbose, quiet: console.quiet }))
            }
            Format::Json => Box::new(Json::new(tool)),
            Format::Jsonl => Box::new(JsonLines::new(tool)),
            Format::Sarif => Box::new(Sarif::new(tool)),
        }
    }
}
