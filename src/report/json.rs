//! One JSON document, version 1. The shape is a contract: fields are added, never changed.

use std::io::{self, Write};

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Fix, Label, Place};
use crate::text::{LineColumn, LineIndex};

use super::{FileResult, Format, Problem, Summary, Tool};

/// The version of the shape.
const VERSION: u32 = 1;

/// Writes `{"version", "tool", "findings", "errors", "summary"}`, one finding a line.
pub struct Json {
    tool: Tool,
    any: bool,
}

impl Json {
    /// A document of `tool`.
    #[must_use]
    pub fn new(tool: Tool) -> Self {
        Self { tool, any: false }
    }
}

impl Format for Json {
    fn start(&mut self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{{\"version\":{VERSION},\"tool\":")?;
        serde_json::to_writer(&mut *out, &ToolView::new(&self.tool))?;
        write!(out, ",\"findings\":[")
    }

    fn file(&mut self, out: &mut dyn Write, file: &FileResult) -> io::Result<()> {
        let lines = LineIndex::new(file.source.text());
        for diagnostic in &file.diagnostics {
            out.write_all(if self.any { b",\n" } else { b"\n" })?;
            self.any = true;
            serde_json::to_writer(&mut *out, &FindingView::new(diagnostic, &lines))?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write, summary: &Summary, problems: &[Problem]) -> io::Result<()> {
        write!(out, "\n],\"errors\":")?;
        serde_json::to_writer(&mut *out, &problems.iter().map(ProblemView::new).collect::<Vec<_>>())?;
        write!(out, ",\"summary\":")?;
        serde_json::to_writer(&mut *out, &SummaryView::new(summary))?;
        writeln!(out, "}}")
    }
}

#[derive(Serialize)]
pub(super) struct ToolView {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
pub(super) struct FindingView<'a> {
    lint: &'a str,
    aliases: &'a [&'static str],
    category: &'a str,
    severity: &'a str,
    confidence: &'a str,
    message: &'a str,
    help: &'a str,
    place: PlaceView<'a>,
    labels: Vec<LabelView<'a>>,
    fixes: Vec<FixView<'a>>,
    fingerprint: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum PlaceView<'a> {
    File {
        path: &'a str,
        start: PositionView,
        end: PositionView,
    },
    Layer {
        image: &'a str,
        layer: &'a str,
        path: &'a str,
    },
    Config {
        image: &'a str,
        key: &'a str,
    },
    Image {
        image: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<&'a str>,
    },
}

/// Line and column from 1, the column and the offset in bytes.
#[derive(Serialize)]
struct PositionView {
    line: u32,
    column: u32,
    offset: u32,
}

#[derive(Serialize)]
struct LabelView<'a> {
    place: PlaceView<'a>,
    message: &'a str,
}

#[derive(Serialize)]
struct FixView<'a> {
    title: &'a str,
    safety: &'a str,
    why: &'a str,
    edits: Vec<EditView<'a>>,
}

#[derive(Serialize)]
struct EditView<'a> {
    path: &'a str,
    start: u32,
    end: u32,
    text: &'a str,
}

#[derive(Serialize)]
pub(super) struct ProblemView<'a> {
    path: Option<&'a str>,
    message: &'a str,
}

#[derive(Serialize)]
pub(super) struct SummaryView {
    files: usize,
    images: usize,
    findings: usize,
    suppressed: usize,
    fixable: usize,
}

impl ToolView {
    pub(super) fn new(tool: &Tool) -> Self {
        Self { name: tool.name, version: tool.version }
    }
}

impl<'a> FindingView<'a> {
    pub(super) fn new(diagnostic: &'a Diagnostic, lines: &LineIndex) -> Self {
        let path = match &diagnostic.place {
            Place::File { path, .. } => path,
            _ => "",
        };
        Self {
            lint: diagnostic.lint,
            aliases: &diagnostic.aliases,
            category: diagnostic.category.as_str(),
            severity: diagnostic.severity.as_str(),
            confidence: diagnostic.confidence.as_str(),
            message: &diagnostic.message,
            help: &diagnostic.help,
            place: PlaceView::new(&diagnostic.place, lines),
            labels: diagnostic.labels.iter().map(|label| LabelView::new(label, lines)).collect(),
            fixes: diagnostic.fixes.iter().map(|fix| FixView::new(fix, path)).collect(),
            fingerprint: &diagnostic.fingerprint,
        }
    }
}

impl<'a> PlaceView<'a> {
    fn new(place: &'a Place, lines: &LineIndex) -> Self {
        let position = |offset| {
            let LineColumn { line, column } = lines.byte_column(offset);
            PositionView { line, column, offset }
        };
        match place {
            Place::File { path, span } => Self::File { path, start: position(span.start), end: position(span.end) },
            Place::Layer { image, layer, path } => Self::Layer { image, layer, path },
            Place::Config { image, key } => Self::Config { image, key },
            Place::Image { image, digest } => Self::Image { image, digest: digest.as_deref() },
        }
    }
}

impl<'a> LabelView<'a> {
    fn new(label: &'a Label, lines: &LineIndex) -> Self {
        Self { place: PlaceView::new(&label.place, lines), message: &label.message }
    }
}

impl<'a> FixView<'a> {
    fn new(fix: &'a Fix, path: &'a str) -> Self {
        let own = fix.edits.iter().map(|edit| EditView {
            path,
            start: edit.span.start,
            end: edit.span.end,
            text: &edit.text,
        });
        let others =
            fix.others.iter().map(|edit| EditView { path: &edit.path, start: edit.at, end: edit.at, text: &edit.text });
        let (title, safety, why) = (&fix.title, fix.safety.as_str(), &fix.why);
        Self { title, safety, why, edits: own.chain(others).collect() }
    }
}

impl<'a> ProblemView<'a> {
    pub(super) fn new(problem: &'a Problem) -> Self {
        Self { path: problem.path.as_deref(), message: &problem.message }
    }
}

impl SummaryView {
    pub(super) fn new(summary: &Summary) -> Self {
        Self {
            files: summary.files,
            images: summary.images,
            findings: summary.findings(),
            suppressed: summary.suppressed,
            fixable: summary.fixable,
        }
    }
}
