//! The engine: metadata, generated registry, selection, suppression, runner. Knows the lints only as data.

mod comments;
mod findings;
mod finish;
mod image;
mod meta;
mod registry;
mod run;
mod select;
mod suppress;
mod traced;
mod unused;

pub use crate::image::Spot;
pub use findings::{Draft, Findings};
pub use image::{run_image, wanted};
pub use meta::{Lint, Preset};
pub use registry::{Entry, find, registry, same_id, suggest};
pub use run::{LintError, Outcome, Settings, run};
pub use select::{Choice, Selection, UnknownLint};
