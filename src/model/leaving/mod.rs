//! How the container of a stage leaves root: which account it can run as or needs, which folders that has to write, and
//! the lines that bring it about. Knows no lint.

mod account;
mod leave_root;
mod writable;

pub use account::{AccountSource, RunAs, run_as};
pub use leave_root::{leave_root, starts_as_root};
