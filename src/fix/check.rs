//! Whether a rewritten Dockerfile differs from what it was as its fixes say, and in nothing else.

use std::collections::HashMap;
use std::fmt;

use crate::diagnostic::{Delta, Fix};
use crate::model::{Dockerfile, Instruction};
use crate::shell::Command;
use crate::syntax::SyntaxError;
use crate::text::{Edit, EditConflict, Span};

/// What a rewritten file is that it should not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deviation {
    /// The edits contradict each other or the file.
    Conflict(EditConflict),
    /// The edits change nothing.
    Nothing,
    /// BuildKit refuses something that it did not refuse before.
    Syntax(String),
    /// The parser directives are others.
    Directives,
    /// An instruction that no edit touches is gone or changed: its first line.
    Untouched(String),
    /// Instructions come or go without the fix saying so, by keyword.
    Instructions(Delta),
    /// Commands come or go without the fix saying so, by name.
    Commands(Delta),
    /// A command that no edit touches is gone or changed: its words.
    Command(String),
}

/// Compares a file before and after some fixes, which were applied together.
///
/// # Errors
/// The first thing that is not as the fixes say.
pub fn check(before: &Dockerfile, after: &Dockerfile, fixes: &[&Fix]) -> Result<(), Deviation> {
    let mut edits: Vec<&Edit> = fixes.iter().flat_map(|fix| &fix.edits).collect();
    edits.sort_by_key(|edit| edit.span);
    let idle = |fix: &&Fix| fix.others.is_empty() && fix.edits.iter().all(|edit| before.text(edit.span) == edit.text);
    if fixes.iter().any(idle) {
        return Err(Deviation::Nothing);
    }
    let directives =
        |file: &Dockerfile| file.directives.iter().map(|one| (one.name.clone(), one.value.clone())).collect::<Vec<_>>();
    if before.escape != after.escape || names_of(&directives(before)) != names_of(&directives(after)) {
        return Err(Deviation::Directives);
    }
    let (touched, new) = changed(before, after, &edits)?;
    syntax(before, after, &touched, &new)?;
    let found = difference(touched.iter().map(|one| keyword(one)), new.iter().map(|one| keyword(one)));
    let said = sum(fixes.iter().map(|fix| &fix.instructions));
    if found != said {
        return Err(Deviation::Instructions(found));
    }
    commands(&touched, &new, &edits, fixes)
}

/// A directive's value may be mended (a digest for `# syntax=`), but which directives there are stays.
fn names_of(directives: &[(String, String)]) -> Vec<&str> {
    directives.iter().map(|(name, _)| name.as_str()).collect()
}

/// What is refused afterwards was refused before; in an instruction that edits touch, a refusal may read otherwise, since
/// it names what it is about.
fn syntax(
    before: &Dockerfile,
    after: &Dockerfile,
    touched: &[&Instruction],
    new: &[&Instruction],
) -> Result<(), Deviation> {
    let mut known: Vec<&SyntaxError> = before.errors.iter().collect();
    let mut others = Vec::new();
    for error in &after.errors {
        match known.iter().position(|before| before.message == error.message) {
            Some(at) => drop(known.swap_remove(at)),
            None => others.push(error),
        }
    }
    let within =
        |error: &SyntaxError, among: &[&Instruction]| among.iter().any(|one| one.ast.span.contains(error.span));
    let room = known.iter().filter(|error| within(error, touched)).count();
    match others.iter().enumerate().find(|(index, error)| *index >= room || !within(error, new)) {
        Some((_, error)) => Err(Deviation::Syntax(error.message.clone())),
        None => Ok(()),
    }
}

/// The instructions that edits touch, and those of the file afterwards that are in their place or new. All others are
/// the same, byte for byte, in the same order.
fn changed<'a>(
    before: &'a Dockerfile,
    after: &'a Dockerfile,
    edits: &[&Edit],
) -> Result<(Vec<&'a Instruction>, Vec<&'a Instruction>), Deviation> {
    let mut touched = Vec::new();
    let mut kept = vec![false; after.instructions.len()];
    let mut next = 0;
    let mut edit = 0;
    // How much further back the file afterwards is at the edit at hand.
    let mut shift: i64 = 0;
    for instruction in &before.instructions {
        let span = instruction.ast.span;
        while let Some(done) = edits.get(edit).filter(|done| done.span.end <= span.start) {
            shift += done.text.len() as i64 - i64::from(done.span.len());
            edit += 1;
        }
        if edits.get(edit).is_some_and(|edit| edit.span.start <= span.end) {
            touched.push(instruction);
            continue;
        }
        let start = i64::from(span.start) + shift;
        next += after.instructions[next..].partition_point(|other| i64::from(other.ast.span.start) < start);
        let same = after.instructions.get(next).is_some_and(|other| {
            i64::from(other.ast.span.start) == start
                && other.ast.keyword == instruction.ast.keyword
                && after.text(other.ast.span) == before.text(span)
        });
        if !same {
            return Err(Deviation::Untouched(first_line(before.text(span)).to_owned()));
        }
        kept[next] = true;
    }
    let new = after.instructions.iter().zip(kept).filter(|(_, kept)| !kept).map(|(instruction, _)| instruction);
    Ok((touched, new.collect()))
}

fn commands(touched: &[&Instruction], new: &[&Instruction], edits: &[&Edit], fixes: &[&Fix]) -> Result<(), Deviation> {
    let found = difference(all(touched).map(name), all(new).map(name));
    let said = sum(fixes.iter().map(|fix| &fix.commands));
    if found != said {
        return Err(Deviation::Commands(found));
    }
    // What the edits leave alone must still be there, word for word; a command around it may be gone.
    let mut left: HashMap<String, i64> = HashMap::new();
    for command in all(new) {
        *left.entry(words(command)).or_default() += 1;
    }
    let is_touched = |span: Span| {
        let first = edits.partition_point(|edit| edit.span.end < span.start);
        edits.get(first).is_some_and(|edit| edit.span.start <= span.end)
    };
    for command in all(touched).filter(|command| !is_touched(command.span)) {
        let words = words(command);
        match left.get_mut(&words) {
            Some(count) if *count > 0 => *count -= 1,
            _ => return Err(Deviation::Command(first_line(&words).to_owned())),
        }
    }
    Ok(())
}

fn all<'a>(instructions: &'a [&'a Instruction]) -> impl Iterator<Item = &'a Command> {
    instructions.iter().flat_map(|instruction| &instruction.scripts).flat_map(|script| &script.commands)
}

/// The name of a command without its folder; what has none (`A=b` alone) counts as one of its own.
fn name(command: &Command) -> &str {
    command.base_name()
}

fn words(command: &Command) -> String {
    let words = std::iter::once(&command.name).chain(&command.arguments);
    words.map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn keyword(instruction: &Instruction) -> &str {
    instruction.ast.keyword.as_str()
}

/// What there is more and less of in the second, sorted.
fn difference<'a>(before: impl Iterator<Item = &'a str>, after: impl Iterator<Item = &'a str>) -> Delta {
    let mut counts: HashMap<&str, i64> = HashMap::new();
    before.for_each(|one| *counts.entry(one).or_default() -= 1);
    after.for_each(|one| *counts.entry(one).or_default() += 1);
    delta(counts)
}

/// What fixes say together: what one adds and another removes is no change.
fn sum<'a>(deltas: impl Iterator<Item = &'a Delta>) -> Delta {
    let mut counts: HashMap<&str, i64> = HashMap::new();
    for Delta { added, removed } in deltas {
        added.iter().for_each(|one| *counts.entry(one).or_default() += 1);
        removed.iter().for_each(|one| *counts.entry(one).or_default() -= 1);
    }
    delta(counts)
}

fn delta(counts: HashMap<&str, i64>) -> Delta {
    let mut delta = Delta::default();
    for (one, count) in counts {
        let list = if count > 0 { &mut delta.added } else { &mut delta.removed };
        list.extend((0..count.unsigned_abs()).map(|_| one.to_owned()));
    }
    delta.added.sort_unstable();
    delta.removed.sort_unstable();
    delta
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let both = |delta: &Delta| match (&delta.added[..], &delta.removed[..]) {
            ([], []) => "not come or go as the fix says".to_owned(),
            (added, []) => format!("come: {}", list(added)),
            ([], removed) => format!("go: {}", list(removed)),
            (added, removed) => format!("come: {}, and go: {}", list(added), list(removed)),
        };
        match self {
            Self::Conflict(conflict) => {
                write!(f, "its edits contradict each other or the file at bytes {:?}", conflict.span)
            }
            Self::Nothing => f.write_str("it would change nothing"),
            Self::Syntax(message) => write!(f, "the file would no longer parse: {message}"),
            Self::Directives => f.write_str("it would change which parser directives there are"),
            Self::Untouched(line) => write!(f, "it would change an instruction that it doesn't touch: `{line}`"),
            Self::Instructions(delta) => write!(f, "instructions would {}", both(delta)),
            Self::Commands(delta) => write!(f, "commands would {}", both(delta)),
            Self::Command(words) => write!(f, "it would change a command that it doesn't touch: `{words}`"),
        }
    }
}
