//! What switches the check on again: options taken out, settings turned round.

use super::{Evidence, told_off};
use crate::diagnostic::Fix;
use crate::model::{CommandRef, Dockerfile, Without};
use crate::shell::tools::Written;
use crate::text::{Edit, Span, apply};

/// What has to change for a switch to be gone.
pub(super) enum Removal {
    /// Nothing that is known to be right.
    Unknown,
    /// Words, each span for itself.
    Words(Vec<Span>),
    /// Settings in a text.
    Edits(Vec<Edit>),
    /// The whole command.
    Step,
}

impl Removal {
    /// Words, where it is known which.
    pub(super) fn words(spans: Option<Vec<Span>>) -> Self {
        spans.map_or(Self::Unknown, Self::Words)
    }
}

const TITLE: &str = "Have packages checked for their signatures";
const WHY: &str = "the build fails where a package or repository is not signed with a key that the image has";

/// Mends everything that was found.
pub(super) fn of(dockerfile: &Dockerfile, command: Option<CommandRef<'_>>, found: &[Evidence]) -> Option<Fix> {
    if let ([Evidence { removal: Removal::Step, .. }], Some(command)) = (found, command) {
        let (edit, is_step) = match dockerfile.without_step(&command)? {
            Without::Command(edit) => (edit, false),
            Without::Step(edit) => (edit, true),
        };
        let fix = Fix::risky(TITLE, WHY, vec![edit]);
        let fix = if is_step { fix.removes("RUN") } else { fix };
        return Some(command.names_within().into_iter().fold(fix, Fix::removes_command));
    }
    let mut edits: Vec<Edit> = Vec::new();
    for evidence in found {
        match (&evidence.removal, command) {
            (Removal::Words(spans), Some(command)) if !spans.is_empty() => {
                for span in spans {
                    edits.push(dockerfile.without_words(command.instruction_index, *span)?);
                }
            }
            (Removal::Edits(more), _) if !more.is_empty() => edits.extend(more.iter().cloned()),
            _ => return None,
        }
    }
    let is_file = |text: &str| text.ends_with(".apk") || text.ends_with(".rpm");
    if command.is_some_and(|command| command.command.arguments.iter().any(|word| is_file(&word.text))) {
        let why = "packages that come as a file are seldom signed with a key that the image has";
        return (!edits.is_empty()).then(|| Fix::suggestion(TITLE, why, edits));
    }
    (!edits.is_empty()).then(|| Fix::risky(TITLE, WHY, edits))
}

/// What a command writes to a file.
pub(super) fn of_written(dockerfile: &Dockerfile, command: CommandRef<'_>, written: &Written) -> Removal {
    let name = command.command.base_name();
    let is_echo = matches!(name, "echo" | "printf");
    let one_line = written.text.lines().filter(|line| !line.trim().is_empty()).count() == 1;
    let is_source = written.text.contains("deb ") || written.text.contains("://");
    // sed turned the setting round; a line that only switches checks off has no other use.
    if name == "sed" && command.command.arguments.iter().filter(|word| word.text.starts_with("s")).count() == 1
        || is_echo && one_line && !is_source && !command.command.redirects.is_empty()
    {
        return Removal::Step;
    }
    if name == "sed" {
        return Removal::Unknown;
    }
    let words = command.command.arguments.iter();
    let heredocs = command.command.redirects.iter().filter(|it| it.operator.contains("<<")).map(|it| it.target.span);
    let mut edits = Vec::new();
    for span in words.map(|word| word.span).chain(heredocs) {
        match turned(dockerfile.text(span), span.start) {
            Some(more) => edits.extend(more),
            None => return Removal::Unknown,
        }
    }
    Removal::Edits(edits)
}

/// One word with a setting in it.
pub(super) fn of_setting(dockerfile: &Dockerfile, word: Span) -> Removal {
    turned(dockerfile.text(word), word.start).map_or(Removal::Unknown, Removal::Edits)
}

/// A line of a configuration file, its newline with it.
pub(super) fn of_line(line: &str, span: Span) -> Removal {
    let key = line.trim().to_ascii_lowercase();
    if key.starts_with("trusted:") {
        return Removal::Edits(vec![Edit::delete(span)]);
    }
    turned(line, span.start).filter(|edits| !edits.is_empty()).map_or(Removal::Unknown, Removal::Edits)
}

/// Edits that turn every setting of a text round, which starts at `start` in the file; `None` where one would be left.
fn turned(text: &str, start: u32) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    for (at, _) in text.match_indices("trusted=yes") {
        edits.push(Edit::delete(trusted(text, at)?));
    }
    for (at, key) in text.match_indices("gpgcheck") {
        let before = &text[..at];
        if !before.ends_with("repo_") && !before.ends_with("localpkg_") {
            edits.extend(value(text, at + key.len(), &["0", "no", "false", "off"], "1"));
        }
    }
    for key in ["AllowUnauthenticated", "Force-Yes", "AllowInsecureRepositories", "AllowWeakRepositories"] {
        for (at, _) in text.match_indices(key) {
            edits.extend(value(text, at + key.len(), &["1", "true", "yes"], "false"));
        }
    }
    let mended = apply(text, &edits).ok()?;
    let is_left = mended.replace("\\n", "\n").lines().any(|line| told_off(line).is_some());
    let moved = |edit: Edit| Edit { span: Span::new(edit.span.start + start, edit.span.end + start), text: edit.text };
    (!is_left).then(|| edits.into_iter().map(moved).collect())
}

/// `trusted=yes` at `at` with the blank that parts it from the other options, or with its brackets.
fn trusted(text: &str, at: usize) -> Option<Span> {
    let end = at + "trusted=yes".len();
    let (before, behind) = (&text[..at], &text[end..]);
    let alone = before.ends_with('[') && behind.starts_with(']');
    let span = if alone {
        (at - 1, end + 1 + usize::from(behind[1..].starts_with(' ')))
    } else if before.ends_with(' ') {
        (at - 1, end)
    } else if behind.starts_with(' ') {
        (at, end + 1)
    } else {
        return None;
    };
    Some(Span::new(span.0 as u32, span.1 as u32))
}

/// Replaces the value behind a key that ends at `from`, if it is one of `old`: `=`, blanks and quotes may stand between.
fn value(text: &str, from: usize, old: &[&str], new: &str) -> Option<Edit> {
    let rest = &text[from..];
    let gap = rest.len() - rest.trim_start_matches([' ', '\t', '=', '"', '\'', '\\']).len();
    let at = from + gap;
    let end = at + text[at..].find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len() - at);
    let is_old = gap > 0 && old.iter().any(|word| word.eq_ignore_ascii_case(&text[at..end]));
    is_old.then(|| Edit::replace(Span::new(at as u32, end as u32), new))
}
