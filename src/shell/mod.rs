//! Bodies of RUN, CMD, ENTRYPOINT, HEALTHCHECK and heredocs → commands with spans: posix, cmd, powershell. Knows no
//! Dockerfile beyond the gaps that its reader already found.

mod command;
pub mod tools;

pub use command::{Assignment, Body, Command, Dialect, Gap, GapKind, Guard, Nesting, Part, Redirect, Script, Word};
