//! The engine: metadata, generated registry, selection, suppression, runner. Knows the lints only as data.

mod findings;
mod meta;

pub use findings::{Draft, Findings};
pub use meta::{Lint, Preset};
