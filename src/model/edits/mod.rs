//! Edits of a Dockerfile that change one thing and leave all others as they are: lines, words and commands that come and
//! go, in the style of the file. They answer `None` where that can't be done well. Knows no lint, and not why anything is
//! edited.

mod casing;
mod commands;
mod exec_form;
mod join;
mod lines;
mod mentions;
mod narrow;
mod pairs;
mod removal;
mod words;

pub use casing::Case;
pub(super) use commands::stops_at_errors;
pub use exec_form::{AlmostExec, Flaw, Mended};
pub use mentions::Mentions;
pub use words::Without;
