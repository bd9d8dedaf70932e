//! `harden completions`: completion scripts for shells.

use clap::CommandFactory;
use clap_complete::Shell;

use super::failure::Failure;
use super::output::Output;

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// The shell to complete in
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Cli::command(), "harden", &mut script);
    let mut output = Output::stdout();
    output.write(|out| out.write_all(&script))?;
    output.finish()?;
    Ok(0)
}
