//! Where output goes: results to standard output or a file, everything else to standard error.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::panic::PanicHookInfo;
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use clap::builder::styling::{AnsiColor, Style};

use super::Color;
use super::failure::Failure;
use super::replace::Replacement;

/// Where to report a bug.
const BUGS: &str = concat!(env!("CARGO_PKG_NAME"), "'s issue tracker");

/// How much is said to people on standard error, and how.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Console {
    pub(super) color: Color,
    pub(super) quiet: bool,
    pub(super) verbose: bool,
}

impl Console {
    /// Says why something could not be done. Never left out.
    pub(super) fn error(&self, message: &dyn Display) {
        self.say("error", AnsiColor::Red.on_default().bold(), message);
    }

    /// Says something that is good to know.
    pub(super) fn note(&self, message: &dyn Display) {
        if !self.quiet {
            self.say("note", AnsiColor::Cyan.on_default().bold(), message);
        }
    }

    /// Says something that only who asks for more wants to know.
    pub(super) fn detail(&self, message: &dyn Display) {
        if self.verbose {
            self.note(message);
        }
    }

    /// Says what the results would say, where they give way to something else.
    pub(super) fn plain(&self, line: &dyn Display) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Shows how far something is, on a line that the next one replaces.
    pub(super) fn progress(&self, message: &dyn Display) {
        if !self.quiet {
            let _ = write!(io::stderr().lock(), "\r\x1b[2K{}\r", clean(&message.to_string()));
        }
    }

    /// Says how long something took, which was asked for.
    pub(super) fn timing(&self, message: &dyn Display) {
        self.say("time", AnsiColor::Cyan.on_default().bold(), message);
    }

    /// Says that the program is wrong, and asks for a report.
    pub(super) fn bug(&self, information: &PanicHookInfo<'_>) {
        let place = information.location().map_or_else(|| "?".to_owned(), ToString::to_string);
        let payload = information.payload();
        let said =
            payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let said = said.unwrap_or("no message");
        let version = env!("CARGO_PKG_VERSION");
        self.error(&format_args!(
            "this is a bug in harden {version}, at {place}: {said}; please report it with the file that shows it on {BUGS}"
        ));
    }

    /// Whether what goes to standard output has colours.
    pub(super) fn color_on_stdout(&self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
        }
    }

    /// Whether colours were asked for wherever output goes.
    pub(super) fn forces_color(&self) -> bool {
        self.color == Color::Always
    }

    fn say(&self, word: &str, style: Style, message: &dyn Display) {
        let choice = match self.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        let mut stream = AutoStream::new(io::stderr().lock(), choice);
        let message = clean(&message.to_string());
        // There is nowhere left to tell that standard error is closed.
        let _ = writeln!(stream, "{style}{word}{style:#}: {message}");
    }
}

/// Text that may come from a file, fit for a terminal: no control character gets there.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Standard output, or a file that appears whole or not at all.
pub(super) struct Output {
    name: String,
    sink: Sink,
}

enum Sink {
    Stdout(BufWriter<io::StdoutLock<'static>>),
    /// Something that can't be replaced, such as `/dev/stderr` or a pipe.
    Direct(BufWriter<File>),
    /// Takes the place of a file.
    Replacing(Replacement),
}

impl Output {
    pub(super) fn stdout() -> Self {
        let writer = BufWriter::with_capacity(64 << 10, io::stdout().lock());
        Self { name: "standard output".to_owned(), sink: Sink::Stdout(writer) }
    }

    /// Writes to `path`, or to standard output.
    pub(super) fn to(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::stdout()) };
        let name = format!("`{}`", path.display());
        match sink(path) {
            Ok(sink) => Ok(Self { name, sink }),
            Err(source) => Err(Failure::Write { to: name, source }),
        }
    }

    /// Hands the writer to `write`.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        let writer: &mut dyn Write = match &mut self.sink {
            Sink::Stdout(writer) => writer,
            Sink::Direct(writer) => writer,
            Sink::Replacing(replacement) => replacement.writer(),
        };
        write(writer).map_err(|source| Failure::Write { to: self.name.clone(), source })
    }

    /// Writes out what is left and puts the file in its place.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.write(|writer| writer.flush())?;
        match self.sink {
            Sink::Replacing(replacement) => {
                replacement.commit().map_err(|source| Failure::Write { to: self.name, source })
            }
            _ => Ok(()),
        }
    }
}

fn sink(path: &Path) -> io::Result<Sink> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if !metadata.is_file() => {
            return Ok(Sink::Direct(BufWriter::new(OpenOptions::new().write(true).open(path)?)));
        }
        _ => {}
    }
    Ok(Sink::Replacing(Replacement::start(path)?))
}
