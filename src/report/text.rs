//! For people: what, where, why and what to do, one finding a screen at most; then one line that sums up.
//!
//! miette draws the excerpt; the heading, the difference that a fix makes and the summary are ours.

use std::fmt;
use std::io::{self, Write};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, ThemeCharacters, ThemeStyles};

use crate::diagnostic::{Diagnostic, Fix, Label, Place, Severity};
use crate::text::{LineIndex, Span};

use super::excerpt::{CONTEXT, Excerpt, clean};
use super::patch::{self, Hunk};
use super::{FileResult, Format, Problem, Summary};

/// Places shown with one finding; the rest is counted.
const MOST_PLACES: usize = 5;

/// Lines shown of what a fix changes.
const MOST_CHANGES: usize = 10;

/// Characters shown of a line that a fix changes.
const MOST_CHARACTERS: usize = 160;

/// Columns that help is wrapped to.
const WIDTH: usize = 110;

/// How a report for people looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Style {
    /// Colours, by escape sequences.
    pub color: bool,
    /// Confidence and other tools' ids too.
    pub verbose: bool,
    /// No summary.
    pub quiet: bool,
}

/// Writes findings for people.
#[derive(Debug)]
pub struct Text {
    style: Style,
    styles: ThemeStyles,
}

impl Text {
    /// A report that looks like `style`.
    #[must_use]
    pub fn new(style: Style) -> Self {
        let styles = if style.color { ThemeStyles::ansi() } else { ThemeStyles::none() };
        Self { style, styles }
    }

    fn finding(&self, out: &mut dyn Write, shown: &Shown<'_>, diagnostic: &Diagnostic) -> io::Result<()> {
        let Shown { file, lines, hidden } = shown;
        let accent = match diagnostic.severity {
            Severity::High => self.styles.error,
            Severity::Medium => self.styles.warning,
            Severity::Low | Severity::Info => self.styles.advice,
        };
        let name = format!("{}[{}]", diagnostic.severity.as_str(), diagnostic.lint);
        writeln!(out, "{}: {}", accent.style(name), clean(&diagnostic.message))?;
        match &diagnostic.place {
            Place::File { path, span } => {
                let (places, more) = places(diagnostic, path, *span);
                let spans: Vec<Span> = places.iter().map(|(span, _)| *span).collect();
                let (excerpt, spans) = Excerpt::new(path, file.source.text(), lines, &spans, hidden);
                let labels = places.into_iter().zip(spans).enumerate().map(|(index, ((_, message), span))| {
                    let span = (span.start as usize, span.len() as usize);
                    let message = (!message.is_empty()).then(|| clean(&message).into_owned());
                    if index == 0 {
                        LabeledSpan::new_primary_with_span(message, span)
                    } else {
                        LabeledSpan::new_with_span(message, span)
                    }
                });
                let drawing = Drawing { excerpt, labels: labels.collect(), help: clean(&diagnostic.help).into_owned() };
                // Miette colours labels in turn; one finding has one colour here.
                self.draw(out, &drawing, ThemeStyles { highlights: vec![accent], ..self.styles.clone() })?;
                if more > 0 {
                    writeln!(out, "  and at {more} other {}", plural(more, "place"))?;
                }
                let elsewhere = diagnostic.labels.iter().filter(|label| !matches!(label.place, Place::File { .. }));
                self.list(out, &elsewhere.collect::<Vec<_>>())?;
            }
            place => self.outside(out, diagnostic, place)?,
        }
        if let Some(fix) = diagnostic.fixes.first() {
            self.fix(out, shown, fix)?;
        }
        if self.style.verbose {
            let also = if diagnostic.aliases.is_empty() { "" } else { ", also known as " };
            let confidence = diagnostic.confidence.as_str();
            writeln!(out, "  note: {confidence} confidence{also}{}", diagnostic.aliases.join(", "))?;
        }
        writeln!(out)
    }

    /// A finding that has no lines to show: in a layer or the configuration of an image.
    fn outside(&self, out: &mut dyn Write, diagnostic: &Diagnostic, place: &Place) -> io::Result<()> {
        writeln!(out, "   at {}", clean(&outside(place)))?;
        let (own, others): (Vec<&Label>, Vec<&Label>) =
            diagnostic.labels.iter().partition(|label| label.place == *place);
        for label in own {
            writeln!(out, "      {}", clean(&label.message))?;
        }
        self.list(out, &others)?;
        if !diagnostic.help.is_empty() {
            writeln!(out, " {} {}", self.styles.help.style("help:"), clean(&diagnostic.help))?;
        }
        Ok(())
    }

    /// Remarks on places that have no lines to show.
    fn list(&self, out: &mut dyn Write, labels: &[&Label]) -> io::Result<()> {
        for label in labels.iter().take(MOST_PLACES) {
            writeln!(out, "    - {}: {}", clean(&within(&label.place)), clean(&label.message))?;
        }
        match labels.len().saturating_sub(MOST_PLACES) {
            0 => Ok(()),
            more => writeln!(out, "    - and at {more} other {}", plural(more, "place")),
        }
    }

    fn draw(&self, out: &mut dyn Write, drawing: &Drawing, styles: ThemeStyles) -> io::Result<()> {
        let mut characters = ThemeCharacters::unicode();
        for icon in [&mut characters.error, &mut characters.warning, &mut characters.advice] {
            icon.clear();
        }
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme { characters, styles })
            .with_links(false)
            .with_context_lines(CONTEXT)
            .with_width(WIDTH)
            .with_break_words(false)
            .tab_width(4);
        let mut drawn = String::new();
        handler.render_report(&mut drawn, drawing).map_err(io::Error::other)?;
        // The first line is miette's own heading, which is empty here.
        let (_, rest) = drawn.split_once('\n').unwrap_or(("", &drawn));
        rest.lines().try_for_each(|line| writeln!(out, "{}", line.trim_end()))
    }

    fn fix(&self, out: &mut dyn Write, shown: &Shown<'_>, fix: &Fix) -> io::Result<()> {
        let safety = fix.safety.as_str();
        writeln!(out, "  {} {} ({safety}: {})", self.styles.help.style("fix:"), clean(&fix.title), clean(&fix.why))?;
        let text = shown.file.source.text();
        let Some(hunks) = patch::hunks(text, &shown.lines, &fix.edits, &shown.hidden) else { return Ok(()) };
        let added_color = *self.styles.highlights.last().unwrap_or(&self.styles.help);
        let mut left = MOST_CHANGES;
        for Hunk { line, removed, added } in &hunks {
            let from = if removed.len() == added.len() { common_prefix(removed, added) } else { 0 };
            let marked = removed.iter().map(|text| ('-', text)).chain(added.iter().map(|text| ('+', text)));
            for (index, (mark, text)) in marked.enumerate() {
                if left == 0 {
                    return writeln!(out, "       …");
                }
                left -= 1;
                let number = line + if mark == '-' { index } else { index - removed.len() } as u32;
                let color = if mark == '-' { self.styles.error } else { added_color };
                writeln!(out, "  {number:>4} {}", color.style(format!("{mark} {}", clean(&cut(text, from)))))?;
            }
        }
        Ok(())
    }
}

impl Format for Text {
    fn start(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, out: &mut dyn Write, file: &FileResult) -> io::Result<()> {
        if file.diagnostics.is_empty() {
            return Ok(());
        }
        // What one finding hides, the excerpt of its neighbour may not show either.
        let hidden = file.diagnostics.iter().flat_map(|diagnostic| diagnostic.hidden.iter().copied()).collect();
        let shown = Shown { file, lines: LineIndex::new(file.source.text()), hidden };
        file.diagnostics.iter().try_for_each(|diagnostic| self.finding(out, &shown, diagnostic))
    }

    fn finish(&mut self, out: &mut dyn Write, summary: &Summary, _problems: &[Problem]) -> io::Result<()> {
        if self.style.quiet || summary.files + summary.images == 0 {
            return Ok(());
        }
        let findings = summary.findings();
        let subjects = subjects(summary);
        let count = match findings {
            0 => format!("No findings in {subjects}"),
            _ => {
                let severities = [Severity::High, Severity::Medium, Severity::Low, Severity::Info];
                let counts = severities.iter().filter(|severity| summary.of(**severity) > 0);
                let counts: Vec<String> =
                    counts.map(|severity| format!("{} {}", summary.of(*severity), severity.as_str())).collect();
                let found = plural(findings, "finding");
                let one = summary.files + summary.images == 1;
                let part = if one { "" } else { &format!("{} of ", summary.with_findings) };
                format!("{findings} {found} ({}) in {part}{subjects}", counts.join(", "))
            }
        };
        writeln!(out, "{count}; {} suppressed, {} fixable", summary.suppressed, summary.fixable)
    }
}

/// What was linted, counted.
fn subjects(summary: &Summary) -> String {
    let counted = [(summary.files, "file"), (summary.images, "image")];
    let parts: Vec<String> = counted
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {}", plural(count, word)))
        .collect();
    parts.join(" and ")
}

/// A file as it is shown.
struct Shown<'a> {
    file: &'a FileResult,
    lines: LineIndex,
    hidden: Vec<Span>,
}

/// The places of a finding with what is said about each, the primary one first, and how many are left out.
fn places(diagnostic: &Diagnostic, path: &str, primary: Span) -> (Vec<(Span, String)>, usize) {
    let mut places = vec![(primary, String::new())];
    let mut more = 0;
    for label in &diagnostic.labels {
        match &label.place {
            Place::File { path: other, span } if **other == *path => {
                if let Some((_, message)) = places.iter_mut().find(|(known, _)| known == span) {
                    if !message.is_empty() {
                        message.push_str("; ");
                    }
                    message.push_str(&label.message);
                } else if places.len() < MOST_PLACES {
                    places.push((*span, label.message.clone()));
                } else {
                    more += 1;
                }
            }
            Place::File { .. } => more += 1,
            Place::Layer { .. } | Place::Config { .. } | Place::Image { .. } => {}
        }
    }
    (places, more)
}

fn outside(place: &Place) -> String {
    match place {
        Place::File { path, .. } => path.to_string(),
        // A folder has no digest.
        Place::Layer { image, layer, .. } if layer.is_empty() => format!("{} of {image}", within(place)),
        Place::Layer { image, layer, .. } => format!("{} of {image}, layer {}", within(place), short(layer)),
        Place::Config { image, .. } => format!("{} of {image}", within(place)),
        Place::Image { image, digest: Some(digest) } => format!("{image} ({digest})"),
        Place::Image { image, digest: None } => image.to_string(),
    }
}

/// A place, to somebody who knows the image.
fn within(place: &Place) -> String {
    match place {
        Place::Layer { path, .. } => path.clone(),
        Place::Config { key, .. } => key.clone(),
        Place::File { .. } | Place::Image { .. } => outside(place),
    }
}

/// As much of a digest as people compare.
fn short(digest: &str) -> &str {
    digest.get(.."sha256:".len() + 12).unwrap_or(digest)
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

/// Bytes that the first removed and the first added line have in common.
fn common_prefix(removed: &[String], added: &[String]) -> usize {
    let (Some(removed), Some(added)) = (removed.first(), added.first()) else { return 0 };
    removed.char_indices().zip(added.chars()).take_while(|((_, a), b)| a == b).last().map_or(0, |((at, _), _)| at)
}

/// A line, cut to a readable length around the byte at `from`.
fn cut(line: &str, from: usize) -> String {
    if line.chars().count() <= MOST_CHARACTERS {
        return line.to_owned();
    }
    let before = line.get(..from).unwrap_or("").chars().count().saturating_sub(MOST_CHARACTERS / 3);
    let start = if before > 0 { "…" } else { "" };
    let shown: String = line.chars().skip(before).take(MOST_CHARACTERS).collect();
    let end = if line.chars().count() > before + MOST_CHARACTERS { "…" } else { "" };
    format!("{start}{shown}{end}")
}

/// What miette is given: an excerpt with labels and help. It never leaves this file.
#[derive(Debug)]
struct Drawing {
    excerpt: Excerpt,
    labels: Vec<LabeledSpan>,
    help: String,
}

impl fmt::Display for Drawing {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Drawing {}

impl miette::Diagnostic for Drawing {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
