//! Which fixes go into one round: of two that want the same place, the safer wins, then the one for the graver finding,
//! then the earlier.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use crate::diagnostic::{Diagnostic, Fix, Safety};
use crate::model::Dockerfile;
use crate::text::{Edit, Span};

use super::Banned;

/// What goes into a round.
pub(super) struct Choice<'a> {
    /// Fixes that don't touch each other, with their findings, by place.
    pub(super) chosen: Vec<(&'a Diagnostic, &'a Fix)>,
    /// Fixes that others left no room for, and the lint whose fix won.
    pub(super) crowded_out: Vec<(&'a Diagnostic, &'a Fix, &'static str)>,
}

/// Chooses the first fix of each finding that is safe enough, as far as they leave each other room.
pub(super) fn choose<'a>(
    dockerfile: &Dockerfile,
    diagnostics: &'a [Diagnostic],
    allowed: Safety,
    banned: &Banned,
) -> Choice<'a> {
    let mut wanted: Vec<(usize, &Diagnostic, &Fix)> = Vec::new();
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        let usable = |fix: &&Fix| fix.safety <= allowed && !banned.has(diagnostic, fix) && fits(dockerfile, fix);
        wanted.extend(diagnostic.fixes.iter().find(usable).map(|fix| (index, diagnostic, fix)));
    }
    wanted.sort_by_key(|(index, diagnostic, fix)| (fix.safety, Reverse(diagnostic.severity), *index));
    let mut taken = Taken::default();
    let (mut chosen, mut crowded_out) = (Vec::new(), Vec::new());
    for (index, diagnostic, fix) in wanted {
        match taken.winner(fix) {
            // Two findings that one change mends.
            Some((_, true)) => {}
            Some((winner, false)) => crowded_out.push((diagnostic, fix, winner)),
            None => {
                taken.take(diagnostic.lint, fix);
                chosen.push((index, diagnostic, fix));
            }
        }
    }
    chosen.sort_by_key(|(index, ..)| *index);
    Choice { chosen: chosen.into_iter().map(|(_, diagnostic, fix)| (diagnostic, fix)).collect(), crowded_out }
}

/// Whether the fix has edits, and those of another file start from what that file is known to hold.
fn fits(dockerfile: &Dockerfile, fix: &Fix) -> bool {
    let ignore = dockerfile.context.ignore_file.as_ref();
    let known = |path: &str| ignore.filter(|file| *file.path == *path).map(|file| file.text.len() as u32);
    let others = fix.others.iter().all(|other| known(&other.path) == Some(other.at));
    others && !(fix.edits.is_empty() && fix.others.is_empty())
}

/// The places that chosen fixes change.
#[derive(Default)]
struct Taken<'a> {
    /// Start, and end with lint and edit.
    spans: BTreeMap<u32, (u32, &'static str, &'a Edit)>,
    files: HashMap<&'a str, &'static str>,
}

impl<'a> Taken<'a> {
    /// The lint whose fix is in the way, and whether it is the very same change.
    fn winner(&self, fix: &Fix) -> Option<(&'static str, bool)> {
        let mut winner = None;
        let mut same = !fix.edits.is_empty() && fix.others.is_empty();
        for edit in &fix.edits {
            let met = self.met(edit.span);
            same &= met.is_some_and(|(_, other)| other == edit);
            winner = winner.or(met.map(|(lint, _)| lint));
        }
        for other in &fix.others {
            winner = winner.or(self.files.get(&*other.path).copied());
        }
        winner.map(|lint| (lint, same))
    }

    /// The chosen edit that is in the way of one at `span`. What is put in where something else ends or starts is in its
    /// way too, since their order would mean something; two stretches may adjoin.
    fn met(&self, span: Span) -> Option<(&'static str, &'a Edit)> {
        // Chosen edits lie apart or adjoin, so the last one at most can hide another that is in the way.
        let mut meeting = self.spans.range(..=span.end).rev().take(2).filter(|(start, (end, ..))| {
            let inserts = span.is_empty() || *start == end;
            if inserts { **start <= span.end && span.start <= *end } else { **start < span.end && span.start < *end }
        });
        meeting.next().map(|(_, &(_, lint, edit))| (lint, edit))
    }

    fn take(&mut self, lint: &'static str, fix: &'a Fix) {
        for edit in &fix.edits {
            self.spans.insert(edit.span.start, (edit.span.end, lint, edit));
        }
        self.files.extend(fix.others.iter().map(|other| (&*other.path, lint)));
    }
}
