//! JSON Lines: the objects of the JSON document, one a line, each with its `type`; the summary is the last line.

use std::io::{self, Write};

use serde::Serialize;

use crate::text::LineIndex;

use super::json::{FindingView, ProblemView, SummaryView, ToolView};
use super::{FileResult, Format, Problem, Summary, Tool};

/// Writes lines of `"type": "finding"`, then `"error"`, then one `"summary"`.
pub struct JsonLines {
    tool: Tool,
}

impl JsonLines {
    /// Lines of `tool`.
    #[must_use]
    pub fn new(tool: Tool) -> Self {
        Self { tool }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Finding(FindingView<'a>),
    Error(ProblemView<'a>),
    Summary {
        version: u32,
        tool: ToolView,
        #[serde(flatten)]
        summary: SummaryView,
    },
}

impl Format for JsonLines {
    fn start(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, out: &mut dyn Write, file: &FileResult) -> io::Result<()> {
        let lines = LineIndex::new(file.source.text());
        let mut findings = file.diagnostics.iter();
        findings.try_for_each(|diagnostic| write_line(out, &Line::Finding(FindingView::new(diagnostic, &lines))))
    }

    fn finish(&mut self, out: &mut dyn Write, summary: &Summary, problems: &[Problem]) -> io::Result<()> {
        for problem in problems {
            write_line(out, &Line::Error(ProblemView::new(problem)))?;
        }
        let (tool, summary) = (ToolView::new(&self.tool), SummaryView::new(summary));
        write_line(out, &Line::Summary { version: 1, tool, summary })
    }
}

fn write_line(out: &mut dyn Write, line: &Line<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
