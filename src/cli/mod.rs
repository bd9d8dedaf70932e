//! The command line: the only place that knows clap. One file per subcommand.

mod completions;
mod config_choice;
pub mod context;
mod explain;
mod export;
mod failure;
mod fix;
mod fix_report;
mod image;
mod images;
mod input;
mod lint;
mod lints;
mod opening;
mod output;
mod outside;
mod parallel;
mod parse;
mod plan;
mod replace;
mod run;
mod selection;
mod written;

use std::ffi::OsString;
use std::panic;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use output::Console;

/// Runs the program with the process's own arguments.
#[must_use]
pub fn main() -> ExitCode {
    panic::set_hook(Box::new(|information| Console::default().bug(information)));
    ExitCode::from(run(std::env::args_os()))
}

/// Runs the program with `arguments`, the first of which is its name, and returns its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed standard output or error is nobody's loss here.
            let _ = error.print();
            let command = arguments.iter().skip(1).find(|word| !word.as_encoded_bytes().starts_with(b"-"));
            return match u8::try_from(error.exit_code()).unwrap_or(2) {
                // There, the other codes are the program's.
                1.. if command.is_some_and(|word| word == "run") => run::OWN_FAILURE,
                code => code,
            };
        }
    };
    let console = Console { color: cli.color, quiet: cli.quiet, verbose: cli.verbose };
    let done = match &cli.command {
        Command::Lint(arguments) => lint::run(arguments, &console),
        Command::Image(arguments) => image::run(arguments, &console),
        Command::Fix(arguments) => fix::run(arguments, &console),
        Command::Export(arguments) => export::run(arguments, &console),
        Command::Run(arguments) => Ok(run::run(arguments, &console)),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Lints(arguments) => lints::run(arguments),
        Command::Parse(arguments) => parse::run(arguments, &console),
        Command::Completions(arguments) => completions::run(arguments),
    };
    done.unwrap_or_else(|failure| {
        if !failure.is_broken_pipe() {
            console.error(&failure);
        }
        failure.exit_code()
    })
}

/// Dockerfile and image hardening: finds what weakens an image before and after it is built
#[derive(Parser, Debug)]
#[command(name = "harden", version, disable_help_subcommand = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t, help_heading = "Global options")]
    color: Color,

    /// Say less: no summary, no notes
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    quiet: bool,

    /// Say more: confidence, other tools' names, skipped files
    #[arg(short, long, global = true, help_heading = "Global options")]
    verbose: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Lint Dockerfiles and Containerfiles
    Lint(lint::Arguments),
    /// Lint images, without unpacking them
    Image(image::Arguments),
    /// Rewrite Dockerfiles: apply the fixes of what lint finds
    Fix(fix::Arguments),
    /// Run an image with the least privilege it needs
    Run(Box<run::Arguments>),
    /// Write the profile of an image for docker, compose, kubernetes and others
    Export(Box<export::Arguments>),
    /// Explain a lint: what, why, when it is fine, how to fix it
    Explain(explain::Arguments),
    /// List all lints
    Lints(lints::Arguments),
    /// Show how a Dockerfile is read
    Parse(parse::Arguments),
    /// Print shell completions
    Completions(completions::Arguments),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
