//! Positions and edits in a text. This folder knows no language.
//!
//! Every offset inside harden is a byte offset in a file of at most 16 MiB; lines and columns are made at the edge, by
//! [`LineIndex`].

mod edit;
mod lines;
mod source;
mod span;

pub use edit::{Edit, EditConflict, apply};
pub use lines::{LineColumn, LineIndex};
pub use source::Source;
pub use span::Span;
