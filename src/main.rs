//! The `harden` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    harden::cli::main()
}
