//! What `harden fix` says it has done: for people, or as JSON.

use std::io::Write;

use serde::Serialize;

use crate::diagnostic::Safety;
use crate::fix::{Applied, Fixed, Refused, Skipped};
use crate::report::Problem;

use super::failure::Failure;
use super::fix::Format;
use super::output::{Console, Output, clean};

/// How the JSON document starts; the version is that of its shape, to which fields are added, never changed.
const START: &str = "{\"version\":1,\"files\":[";

/// One file, fixed.
pub(super) struct FileReport<'a> {
    pub(super) path: &'a str,
    pub(super) changed: bool,
    pub(super) fixed: &'a Fixed,
}

/// Collects what was done and writes it.
pub(super) struct Report<'a> {
    format: Format,
    console: &'a Console,
    /// Whether unsafe fixes were allowed.
    risky: bool,
    /// Whether files are written.
    writes: bool,
    /// Whether standard output is for something else.
    aside: bool,
    problems: Vec<Problem>,
    summary: Summary,
    any: bool,
}

#[derive(Default, Serialize)]
struct Summary {
    files: usize,
    changed: usize,
    fixes: usize,
    left: usize,
    /// Findings that are left and have an unsafe fix as their best, or a suggestion.
    left_unsafe: usize,
    left_suggestion: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(format: Format, risky: bool, writes: bool, aside: bool, console: &'a Console) -> Self {
        let (problems, summary) = Default::default();
        Self { format, console, risky, writes, aside, problems, summary, any: false }
    }

    /// Whether a file was changed, or would be.
    pub(super) fn changes(&self) -> bool {
        self.summary.changed > 0
    }

    pub(super) fn problem(&mut self, path: &str, message: String) {
        self.console.error(&message);
        self.problems.push(Problem { path: Some(path.to_owned()), message });
    }

    /// Writes what was done to one file.
    pub(super) fn file(&mut self, output: &mut Output, file: FileReport<'_>) -> Result<(), Failure> {
        let fixed = file.fixed;
        for refused in &fixed.refused {
            let Refused { lint, title, why, line } = refused;
            let message = format!(
                "`{}`, line {line}: the fix `{title}` of `{lint}` is refused, since {why}; please report this bug of the lint",
                file.path
            );
            self.problem(file.path, message);
        }
        for error in &fixed.outcome.errors {
            let message =
                format!("`{}` failed on `{}` ({}); please report this bug", error.lint, error.path, error.message);
            self.problem(file.path, message);
        }
        self.summary.add(&file);
        match self.format {
            Format::Text => self.text(output, &file),
            Format::Json => self.json(output, &file),
        }
    }

    fn text(&self, output: &mut Output, file: &FileReport<'_>) -> Result<(), Failure> {
        if self.console.quiet || !file.changed && file.fixed.skipped.is_empty() {
            return Ok(());
        }
        let applied = &file.fixed.applied;
        let verb = if self.writes { "fixed" } else { "would fix" };
        let mut lines = vec![format!("{verb} {}: {}", clean(file.path), count(applied.len(), "fix", "fixes"))];
        for Applied { lint, title, safety, why, line } in applied {
            lines.push(format!("  {line:>4}  {lint}: {} ({}: {})", clean(title), safety.as_str(), clean(why)));
        }
        for Skipped { lint, title, winner, line } in &file.fixed.skipped {
            let title = clean(title);
            lines.push(format!("  {line:>4}  {lint}: left out: {title} (a fix of {winner} changes the same place)"));
        }
        for path in file.fixed.files.keys() {
            lines.push(format!("        and {}", clean(path)));
        }
        self.lines(output, &lines)
    }

    fn json(&mut self, output: &mut Output, file: &FileReport<'_>) -> Result<(), Failure> {
        let view = FileView {
            path: file.path,
            changed: file.changed,
            also: file.fixed.files.keys().map(|path| &**path).collect(),
            applied: file.fixed.applied.iter().map(AppliedView::new).collect(),
            skipped: file.fixed.skipped.iter().map(SkippedView::new).collect(),
            refused: file.fixed.refused.iter().map(RefusedView::new).collect(),
            left: file.fixed.outcome.diagnostics.len(),
        };
        let start = if self.any { ",\n".to_owned() } else { format!("{START}\n") };
        self.any = true;
        let json = serde_json::to_string(&view).unwrap_or_default();
        self.write(output, &format!("{start}{json}"))
    }

    /// Writes what stands at the end.
    pub(super) fn finish(&mut self, output: &mut Output, problems: &mut Vec<Problem>) -> Result<(), Failure> {
        problems.append(&mut self.problems);
        if self.format == Format::Json {
            let start = if self.any { "" } else { START };
            let errors: Vec<ProblemView<'_>> = problems.iter().map(ProblemView::new).collect();
            let errors = serde_json::to_string(&errors).unwrap_or_default();
            let summary = serde_json::to_string(&self.summary).unwrap_or_default();
            return self.write(output, &format!("{start}\n],\"errors\":{errors},\"summary\":{summary}}}\n"));
        }
        if self.console.quiet || self.summary.files == 0 {
            return Ok(());
        }
        let Summary { files, changed, fixes, left, left_unsafe, left_suggestion } = self.summary;
        let verb = if self.writes { "applied" } else { "would be applied" };
        let mut line =
            format!("{} {verb} in {changed} of {}", count(fixes, "fix", "fixes"), count(files, "file", "files"));
        line.push_str(&format!("; {} left", count(left, "finding", "findings")));
        let hint = if self.risky { "" } else { " (--unsafe applies it)" };
        if left_unsafe > 0 {
            line.push_str(&format!(", {left_unsafe} with an unsafe fix{hint}"));
        }
        if left_suggestion > 0 {
            line.push_str(&format!(", {left_suggestion} with a suggestion (`harden lint` shows it)"));
        }
        self.lines(output, &[line])
    }

    fn lines(&self, output: &mut Output, lines: &[String]) -> Result<(), Failure> {
        if self.aside {
            lines.iter().for_each(|line| self.console.plain(line));
            return Ok(());
        }
        self.write(output, &(lines.join("\n") + "\n"))
    }

    fn write(&self, output: &mut Output, text: &str) -> Result<(), Failure> {
        if self.aside {
            self.console.plain(&text.trim_end());
            return Ok(());
        }
        output.write(|out: &mut dyn Write| out.write_all(text.as_bytes()))
    }
}

impl Summary {
    fn add(&mut self, file: &FileReport<'_>) {
        self.files += 1;
        self.changed += usize::from(file.changed);
        self.fixes += file.fixed.applied.len();
        for diagnostic in &file.fixed.outcome.diagnostics {
            self.left += 1;
            match diagnostic.fixes.iter().map(|fix| fix.safety).min() {
                Some(Safety::Suggestion) => self.left_suggestion += 1,
                Some(_) => self.left_unsafe += 1,
                None => {}
            }
        }
    }
}

#[derive(Serialize)]
struct FileView<'a> {
    path: &'a str,
    changed: bool,
    /// Other files that were changed with it.
    also: Vec<&'a str>,
    applied: Vec<AppliedView<'a>>,
    skipped: Vec<SkippedView<'a>>,
    refused: Vec<RefusedView<'a>>,
    /// How many findings are left.
    left: usize,
}

#[derive(Serialize)]
struct AppliedView<'a> {
    lint: &'a str,
    title: &'a str,
    safety: &'a str,
    why: &'a str,
    line: u32,
}

#[derive(Serialize)]
struct SkippedView<'a> {
    lint: &'a str,
    title: &'a str,
    winner: &'a str,
    line: u32,
}

#[derive(Serialize)]
struct RefusedView<'a> {
    lint: &'a str,
    title: &'a str,
    why: &'a str,
    line: u32,
}

#[derive(Serialize)]
struct ProblemView<'a> {
    path: Option<&'a str>,
    message: &'a str,
}

impl<'a> AppliedView<'a> {
    fn new(applied: &'a Applied) -> Self {
        let Applied { lint, title, safety, why, line } = applied;
        Self { lint, title, safety: safety.as_str(), why, line: *line }
    }
}

impl<'a> SkippedView<'a> {
    fn new(skipped: &'a Skipped) -> Self {
        let Skipped { lint, title, winner, line } = skipped;
        Self { lint, title, winner, line: *line }
    }
}

impl<'a> RefusedView<'a> {
    fn new(refused: &'a Refused) -> Self {
        let Refused { lint, title, why, line } = refused;
        Self { lint, title, why, line: *line }
    }
}

impl<'a> ProblemView<'a> {
    fn new(problem: &'a Problem) -> Self {
        Self { path: problem.path.as_deref(), message: &problem.message }
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
