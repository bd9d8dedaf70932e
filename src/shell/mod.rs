//! Bodies of RUN, CMD, ENTRYPOINT, HEALTHCHECK and heredocs → commands with spans: posix, cmd, powershell. Knows no
//! Dockerfile beyond the gaps that its reader already found.

mod cmd;
mod command;
mod dialect;
mod list;
mod mask;
mod nested;
mod posix;
mod powershell;
pub mod secrets;
mod source;
pub mod tools;

use crate::text::Span;
pub use command::{Assignment, Body, Command, Dialect, Gap, GapKind, Guard, Nesting, Part, Redirect, Script, Word};
pub use dialect::{dialect_of, dialect_of_shebang};
use list::{Context, List};
use source::{Place, Source};

/// The least stack, in bytes, of a thread that calls [`script`] or [`exec`]. Scripts that nest deeply are read on a
/// thread of their own.
pub const STACK_BYTES: usize = 1 << 20;

/// The commands of a body.
///
/// Total: any text has an answer, and [`Script::clean`] tells whether all of it was understood. A body in a language
/// that we do not read has no commands.
#[must_use]
pub fn script(body: &Body<'_>, dialect: Dialect) -> Script {
    let masked = mask::mask(body, dialect);
    let source = Source { text: &masked, place: Place::Shift(body.span.start), gaps: body.gaps, quoting: dialect };
    let mut list = List::new();
    match dialect {
        Dialect::Posix => posix::read(&mut list, &source, Context::TOP, &[]),
        Dialect::Cmd => cmd::read(&mut list, &source, Context::TOP),
        Dialect::PowerShell => powershell::read(&mut list, &source, Context::TOP),
        Dialect::Other => {}
    }
    list.finish()
}

/// The commands of a text that stands in no Dockerfile, such as a line of an image's history; spans are offsets in it.
#[must_use]
pub fn text(text: &str, dialect: Dialect) -> Script {
    let end = u32::try_from(text.len()).unwrap_or(0);
    script(&Body { file: text, span: Span::new(0, end), gaps: &[] }, dialect)
}

/// The command that the words of an exec form are, and those that it runs in turn.
///
/// A word is the decoded JSON string with its place in the file, quotes included.
#[must_use]
pub fn exec(words: &[(String, Span)]) -> Script {
    let mut list = List::new();
    let mut words = words.iter().map(|(text, span)| Word { span: *span, text: text.clone(), parts: Vec::new() });
    if let Some(name) = words.next() {
        let arguments: Vec<Word> = words.collect();
        let command = Command {
            span: arguments.last().map_or(name.span, |last| name.span.cover(last.span)),
            name,
            arguments,
            assignments: Vec::new(),
            redirects: Vec::new(),
            pipeline: list.pipeline(Context::TOP),
            guard: Guard::Always,
            nesting: Nesting::Plain,
            parent: None,
        };
        if let Some(index) = list.push(command) {
            nested::expand(&mut list, None, index, 0, None);
        }
    }
    list.finish()
}
