//! The `harden` program: everything is in the library.

use std::process::ExitCode;

/// A quarter of the time of linting goes into allocation, and the C library's own is slow at it, musl's most of all.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    harden::cli::main()
}
