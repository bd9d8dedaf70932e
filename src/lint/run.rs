//! Runs the selected lints on one Dockerfile and turns what they found into diagnostics.

use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::config::ImageIgnore;
use crate::diagnostic::{Diagnostic, Place};
use crate::model::Dockerfile;
use crate::text::Span;

use super::finish::{Prints, diagnostic};
use super::suppress::Suppressions;
use super::unused::{self, UNUSED_IGNORE};
use super::{Draft, Entry, Findings, Selection, traced};

/// How to lint.
#[derive(Clone, Default)]
pub struct Settings {
    /// Which findings are wanted.
    pub selection: Selection,
    /// Whether our own ignore comments need a reason to silence anything.
    pub require_reason: bool,
    /// Today as `YYYY-MM-DD`, for comments of other tools that expire; `None` keeps them all in force.
    pub today: Option<String>,
    /// Findings in images that the configuration silences, each with its reason.
    pub image_ignores: Vec<ImageIgnore>,
}

/// What linting one file or image came to.
#[derive(Clone, Default, Debug)]
pub struct Outcome {
    /// The findings, by place, then by lint.
    pub diagnostics: Vec<Diagnostic>,
    /// How many wanted findings comments, or the configuration, silenced.
    pub suppressed: usize,
    /// Lints that could not do their work.
    pub errors: Vec<LintError>,
}

/// A lint that panicked: a bug in it, which takes no other lint's findings down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LintError {
    /// The lint's name.
    pub lint: &'static str,
    /// The file or image it was looking at.
    pub path: Arc<str>,
    /// What the panic said.
    pub message: String,
}

/// Runs the selected lints on one Dockerfile.
///
/// A panicking lint becomes an error in the outcome. The process's panic hook still sees the panic, so a program that
/// wants nothing printed about it sets a silent one.
#[must_use]
pub fn run(dockerfile: &Dockerfile, settings: &Settings) -> Outcome {
    let selection = &settings.selection;
    let suppressions = Suppressions::read(dockerfile, settings);
    let mut sieve = Sieve { selection, suppressions, suppressed: 0, found: Vec::new() };
    let mut errors = Vec::new();
    for (index, entry) in selection.registry().iter().enumerate() {
        let (true, Some(check)) = (selection.runs(index), entry.lint.dockerfile) else { continue };
        match drafts(entry, &dockerfile.path, |findings| check(dockerfile, findings)) {
            Ok(drafts) => drafts.into_iter().for_each(|draft| sieve.take(index, draft)),
            Err(error) => errors.push(error),
        }
    }
    if let Some(image) = &dockerfile.result {
        let traced = traced::run(dockerfile, image, settings, &sieve.found);
        sieve.suppressed += traced.suppressed;
        errors.extend(traced.errors);
        traced.drafts.into_iter().for_each(|(index, draft)| sieve.take(index, draft));
    }
    if let Some(index) = selection.position(UNUSED_IGNORE).filter(|&index| selection.runs(index)) {
        let failed: Vec<&str> = errors.iter().map(|error| error.lint).collect();
        let drafts = unused::report(dockerfile, settings, &sieve.suppressions, &failed);
        drafts.into_iter().for_each(|draft| sieve.take(index, draft));
    }
    let diagnostics = diagnostics(dockerfile, selection, sieve.found);
    Outcome { diagnostics, suppressed: sieve.suppressed, errors }
}

/// Parts findings that are wanted from those that are not, or that comments silence.
struct Sieve<'a> {
    selection: &'a Selection,
    suppressions: Suppressions,
    suppressed: usize,
    found: Vec<(usize, Draft)>,
}

impl Sieve<'_> {
    /// Takes a finding of the lint at `index` of the registry.
    fn take(&mut self, index: usize, draft: Draft) {
        // Asked first and always: a comment that silences a finding below the wanted confidence is not stale.
        let silenced = self.suppressions.silence(self.selection.registry()[index].name, &draft);
        match (self.selection.wants(index, &draft), silenced) {
            (true, true) => self.suppressed += 1,
            (true, false) => self.found.push((index, draft)),
            (false, _) => {}
        }
    }
}

/// What one lint's check of `subject` finds. The findings of a lint that panics half-way are dropped with it, so no broken
/// state is seen afterwards.
pub(super) fn drafts<P: Clone>(
    entry: &Entry,
    subject: &Arc<str>,
    check: impl FnOnce(&mut Findings<P>),
) -> Result<Vec<Draft<P>>, LintError> {
    let mut findings = Findings::new(entry.lint);
    match catch_unwind(AssertUnwindSafe(|| check(&mut findings))) {
        Ok(()) => Ok(findings.into_drafts()),
        Err(panic) => {
            let message = said(panic.as_ref());
            Err(LintError { lint: entry.name, path: Arc::clone(subject), message })
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("panic without a message").to_owned()
}

fn diagnostics(dockerfile: &Dockerfile, selection: &Selection, mut found: Vec<(usize, Draft)>) -> Vec<Diagnostic> {
    let registry = selection.registry();
    found.sort_by(|(a_index, a), (b_index, b)| {
        (a.span.start, registry[*a_index].name, a.span.end, &a.message).cmp(&(
            b.span.start,
            registry[*b_index].name,
            b.span.end,
            &b.message,
        ))
    });
    found.dedup_by(|(a_index, a), (b_index, b)| {
        (*a_index, a.span, a.message.as_str()) == (*b_index, b.span, b.message.as_str())
    });
    let mut prints = Prints::default();
    let finish = |(index, draft): (usize, Draft)| {
        let entry = &registry[index];
        let evidence = evidence(dockerfile.source.text(), draft.span, &draft.hidden);
        let print = prints.next(entry.name, &dockerfile.path, &evidence);
        let file = |span: Span| Place::File { path: Arc::clone(&dockerfile.path), span };
        diagnostic(entry, selection.severity(index, &draft), draft, print, file)
    };
    found.into_iter().map(finish).collect()
}

/// How many bytes of a line in front of a finding and behind it take part in its fingerprint.
const NEAR: usize = 4096;

/// The lines that `span` touches, without the white space around them: what a finding is recognised by when its file
/// changes elsewhere. What no output may show takes no part: a short secret could be guessed from its fingerprint.
fn evidence<'a>(text: &'a str, span: Span, hidden: &[Span]) -> Cow<'a, str> {
    let bytes = text.as_bytes();
    let start = (span.start as usize).min(bytes.len());
    let end = (span.end as usize).clamp(start, bytes.len());
    let from = memchr::memrchr(b'\n', &bytes[..start]).map_or(0, |at| at + 1);
    let to = memchr::memchr(b'\n', &bytes[end..]).map_or(bytes.len(), |at| end + at);
    // Of a line of megabytes, what is near: a thousand findings on it must not read all of it a thousand times.
    let from = text.ceil_char_boundary(from.max(start.saturating_sub(NEAR)));
    let to = text.floor_char_boundary(to.min(end.saturating_add(NEAR)));
    if hidden.is_empty() {
        return Cow::Borrowed(text.get(from..to).unwrap_or("").trim());
    }
    let is_hidden = |at: usize| hidden.iter().any(|span| span.contains_offset(at as u32));
    let lines = text.get(from..to).unwrap_or("").char_indices();
    Cow::Owned(lines.filter(|(at, _)| !is_hidden(from + at)).map(|(_, c)| c).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_whole_lines() {
        let text = "FROM a\n  USER root  \nRUN x";
        assert_eq!(evidence(text, Span::new(14, 18), &[]), "USER root");
        assert_eq!(evidence(text, Span::at(0), &[]), "FROM a");
        assert_eq!(evidence(text, Span::new(22, 99), &[]), "RUN x");
        assert_eq!(evidence(text, Span::new(3, 10), &[]), "FROM a\n  USER root");
        assert_eq!(evidence(text, Span::at(0), &[Span::new(1, 3), Span::new(4, 5)]), "FMa");
    }
}
