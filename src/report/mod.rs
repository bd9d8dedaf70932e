//! Findings as text and data: one file per format, and the only place that writes findings.
//!
//! Files are written as they come, so that no report is held in memory whole; errors and the summary come last.

mod excerpt;
pub mod html;
mod json;
mod jsonl;
mod patch;
mod sarif;
mod text;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Safety, Severity};
use crate::lint::Entry;
use crate::text::Source;

pub use json::Json;
pub use jsonl::JsonLines;
pub use sarif::Sarif;
pub use text::{Style, Text};

/// What came of one file or image.
#[derive(Debug)]
pub struct FileResult {
    /// What was linted.
    pub subject: Subject,
    /// The path as the user named or would name it, with `/`; `-` for standard input. Of an image, its reference.
    pub path: Arc<str>,
    /// The bytes. May be left empty where there is no finding.
    pub source: Source,
    /// The findings, in the order in which they are to be written.
    pub diagnostics: Vec<Diagnostic>,
    /// How many findings comments, or the configuration, silenced.
    pub suppressed: usize,
}

/// What was linted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// A Dockerfile.
    File,
    /// An image.
    Image,
}

/// Something that kept harden from doing its work, next to which findings may still be complete elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The file or folder it is about; `None` for the run as a whole.
    pub path: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

/// What a run came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Files linted.
    pub files: usize,
    /// Images linted.
    pub images: usize,
    /// Files and images with a finding.
    pub with_findings: usize,
    /// Findings of severity info, low, medium and high.
    pub by_severity: [usize; 4],
    /// Findings that comments, or the configuration, silenced.
    pub suppressed: usize,
    /// Findings with a fix that can be applied.
    pub fixable: usize,
}

/// The program that reports, for formats that name it.
#[derive(Clone)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The command that runs, so that code scanning keeps the results of each apart.
    pub command: &'static str,
    /// Its lints, all of them.
    pub lints: &'static [Entry],
    /// The absolute path of the folder that paths are relative to.
    pub root: PathBuf,
}

/// A format of reports: started once, then fed every file, then finished.
pub trait Format {
    /// Writes what stands before the first file.
    ///
    /// # Errors
    /// Those of `out`.
    fn start(&mut self, out: &mut dyn Write) -> io::Result<()>;

    /// Writes the findings of one file.
    ///
    /// # Errors
    /// Those of `out`.
    fn file(&mut self, out: &mut dyn Write, file: &FileResult) -> io::Result<()>;

    /// Writes what stands behind the last file.
    ///
    /// # Errors
    /// Those of `out`.
    fn finish(&mut self, out: &mut dyn Write, summary: &Summary, problems: &[Problem]) -> io::Result<()>;
}

impl Summary {
    /// Counts one file or image in.
    pub fn add(&mut self, file: &FileResult) {
        match file.subject {
            Subject::File => self.files += 1,
            Subject::Image => self.images += 1,
        }
        self.with_findings += usize::from(!file.diagnostics.is_empty());
        self.suppressed += file.suppressed;
        for diagnostic in &file.diagnostics {
            self.by_severity[diagnostic.severity as usize] += 1;
            self.fixable += usize::from(diagnostic.fixes.iter().any(|fix| fix.safety < Safety::Suggestion));
        }
    }

    /// Findings of all severities.
    #[must_use]
    pub fn findings(&self) -> usize {
        self.by_severity.iter().sum()
    }

    /// Findings of one severity.
    #[must_use]
    pub fn of(&self, severity: Severity) -> usize {
        self.by_severity[severity as usize]
    }
}
