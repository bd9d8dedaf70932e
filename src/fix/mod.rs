//! Rewrites a Dockerfile: chooses among the fixes that lints offer, applies them, checks that each did what it says and
//! nothing else, takes back the one at fault, and goes on until nothing is left to do. Knows no lint, reads and writes no
//! file.

mod check;
mod choose;
mod diff;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Fix, Safety};
use crate::lint::{self, Outcome, Settings};
use crate::model::Dockerfile;
use crate::text::{LineIndex, Source};

pub use check::{Deviation, check};
use choose::{Choice, choose};
pub use diff::unified;

/// How often a file is linted and mended before that is taken for a quarrel between fixes.
const MOST_PASSES: usize = 10;

/// How many groups of fixes may fail in one round before the rest of what fails is refused as a group. Only a lint with a
/// bug makes any fail.
const MOST_TRIALS: usize = 100;

/// A file that fixes have changed or made, and what is in it now.
pub type Files = BTreeMap<Arc<str>, String>;

/// Makes facts of a Dockerfile's bytes, with other files as fixes have left them. Its work is to parse and to fill in what
/// comes from outside: build context, images.
pub type Read<'a> = dyn Fn(Source, &Files) -> Dockerfile + 'a;

/// What fixing one file came to.
#[derive(Debug)]
pub struct Fixed {
    /// The facts of the file as it is now.
    pub dockerfile: Dockerfile,
    /// What linting it now finds.
    pub outcome: Outcome,
    /// Other files as they are now.
    pub files: Files,
    /// The fixes that were applied, in the order of passes and places.
    pub applied: Vec<Applied>,
    /// Fixes that were left out because another one changed the same place, and whose finding went with that.
    pub skipped: Vec<Skipped>,
    /// Fixes that would have done something else than they say: bugs of their lints.
    pub refused: Vec<Refused>,
}

/// A fix that was applied.
#[derive(Clone, PartialEq, Debug)]
pub struct Applied {
    /// The lint.
    pub lint: &'static str,
    /// What the fix did, as an imperative.
    pub title: String,
    /// Its safety.
    pub safety: Safety,
    /// Why it has this safety.
    pub why: String,
    /// Line of the finding, from 1, in the file as it was when the fix was applied.
    pub line: u32,
}

/// A fix that another one left no room for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Skipped {
    /// The lint.
    pub lint: &'static str,
    /// What the fix would have done.
    pub title: String,
    /// The lint whose fix won.
    pub winner: &'static str,
    /// Line of the finding, from 1.
    pub line: u32,
}

/// A fix that was not applied, because it would have done something else than it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// The lint.
    pub lint: &'static str,
    /// What the fix says that it does.
    pub title: String,
    /// What it would have done, as a clause.
    pub why: String,
    /// Line of the finding, from 1.
    pub line: u32,
}

/// Mends what the selected lints find in a file with fixes up to `allowed`, which is never taken as more than
/// [`Safety::Unsafe`].
#[must_use]
pub fn fix(source: &Source, settings: &Settings, allowed: Safety, read: &Read<'_>) -> Fixed {
    let mut run = Run { settings, allowed: allowed.min(Safety::Unsafe), read, banned: Banned::default() };
    loop {
        match run.run_to_the_end(source) {
            Ok(fixed) => return fixed,
            // Fixes that undo each other, or don't mend what they are for, would go on for ever. Without them, from the
            // start; every round bans a lint at least.
            Err(quarrel) => run.banned.lints.extend(quarrel),
        }
    }
}

/// What may not be applied any more.
#[derive(Default)]
struct Banned {
    lints: HashSet<&'static str>,
    /// Lint, title and fingerprint of the finding.
    fixes: HashSet<(&'static str, String, String)>,
}

impl Banned {
    fn has(&self, diagnostic: &Diagnostic, fix: &Fix) -> bool {
        self.lints.contains(diagnostic.lint) || !self.fixes.is_empty() && self.fixes.contains(&key(diagnostic, fix))
    }
}

fn key(diagnostic: &Diagnostic, fix: &Fix) -> (&'static str, String, String) {
    (diagnostic.lint, fix.title.clone(), diagnostic.fingerprint.clone())
}

/// Fixes that do what they say, and others with what they would do.
#[derive(Default)]
struct Sorted<'a> {
    good: Vec<(&'a Diagnostic, &'a Fix)>,
    bad: Vec<((&'a Diagnostic, &'a Fix), String)>,
    /// How many more groups may fail.
    budget: usize,
}

struct Run<'a> {
    settings: &'a Settings,
    allowed: Safety,
    read: &'a Read<'a>,
    banned: Banned,
}

impl Run<'_> {
    /// Lints and mends until nothing is left to do; or the lints whose fixes never come to an end.
    fn run_to_the_end(&mut self, source: &Source) -> Result<Fixed, Vec<&'static str>> {
        let files = Files::new();
        let dockerfile = (self.read)(source.clone(), &files);
        let outcome = lint::run(&dockerfile, self.settings);
        let (applied, skipped) = Default::default();
        let mut fixed = Fixed { dockerfile, outcome, files, applied, skipped, refused: self.never_ending() };
        let mut crowded: Vec<Crowded> = Vec::new();
        for _ in 0..MOST_PASSES {
            if !self.pass(&mut fixed, &mut crowded) {
                fixed.skipped = left_out(crowded, &fixed);
                return Ok(fixed);
            }
        }
        let last = choose(&fixed.dockerfile, &fixed.outcome.diagnostics, self.allowed, &self.banned);
        let lints: Vec<&'static str> = last.chosen.iter().map(|(diagnostic, _)| diagnostic.lint).collect();
        if lints.is_empty() { Ok(fixed) } else { Err(lints) }
    }

    /// One round: chooses, applies, checks, lints again. False where there was nothing to apply.
    fn pass(&mut self, fixed: &mut Fixed, crowded: &mut Vec<Crowded>) -> bool {
        let lines = LineIndex::new(fixed.dockerfile.source.text());
        let line = |diagnostic: &Diagnostic| diagnostic.place.span().map_or(0, |span| lines.line(span.start) + 1);
        let Choice { mut chosen, crowded_out } =
            choose(&fixed.dockerfile, &fixed.outcome.diagnostics, self.allowed, &self.banned);
        if chosen.is_empty() {
            return false;
        }
        let left_out = crowded_out.into_iter().map(|(diagnostic, fix, winner)| {
            let (lint, title, line) = (diagnostic.lint, fix.title.clone(), line(diagnostic));
            (Skipped { lint, title, winner, line }, diagnostic.fingerprint.clone())
        });
        let left_out: Vec<_> = left_out.collect();
        let mut candidate = self.candidate(fixed, &chosen);
        if candidate.is_err() {
            let mut sorted = Sorted { budget: MOST_TRIALS, ..Sorted::default() };
            self.sort_out(fixed, &chosen, &mut sorted);
            let Sorted { good, bad, .. } = sorted;
            chosen = good;
            let bad: Vec<_> = bad.into_iter().map(|((d, fix), why)| (key(d, fix), why, line(d))).collect();
            for (key, why, line) in bad {
                let (lint, title) = (key.0, key.1.clone());
                fixed.refused.push(Refused { lint, title, why, line });
                self.banned.fixes.insert(key);
            }
            if chosen.is_empty() {
                return true;
            }
            candidate = self.candidate(fixed, &chosen);
            if candidate.is_err() {
                chosen.truncate(1);
                candidate = self.candidate(fixed, &chosen);
            }
        }
        let Ok((dockerfile, files)) = candidate else { return false };
        fixed.applied.extend(chosen.iter().map(|(diagnostic, fix)| Applied {
            lint: diagnostic.lint,
            title: fix.title.clone(),
            safety: fix.safety,
            why: fix.why.clone(),
            line: line(diagnostic),
        }));
        let applied = fixed.applied.len();
        crowded.extend(left_out.into_iter().map(|(skipped, fingerprint)| Crowded { skipped, fingerprint, applied }));
        fixed.outcome = lint::run(&dockerfile, self.settings);
        (fixed.dockerfile, fixed.files) = (dockerfile, files);
        true
    }

    /// Parts fixes that do what they say from those that don't, by trying halves.
    fn sort_out<'a>(&self, fixed: &Fixed, fixes: &[(&'a Diagnostic, &'a Fix)], sorted: &mut Sorted<'a>) {
        let Err(deviation) = self.candidate(fixed, fixes) else {
            sorted.good.extend_from_slice(fixes);
            return;
        };
        sorted.budget = sorted.budget.saturating_sub(1);
        if fixes.len() > 1 && sorted.budget > 0 {
            let (first, second) = fixes.split_at(fixes.len() / 2);
            self.sort_out(fixed, first, sorted);
            self.sort_out(fixed, second, sorted);
        } else {
            sorted.bad.extend(fixes.iter().map(|&fix| (fix, deviation.to_string())));
        }
    }

    /// The file with some fixes applied, if they do what they say.
    fn candidate(&self, fixed: &Fixed, chosen: &[(&Diagnostic, &Fix)]) -> Result<(Dockerfile, Files), Deviation> {
        let fixes: Vec<&Fix> = chosen.iter().map(|(_, fix)| *fix).collect();
        let mut edits = Vec::new();
        let mut files = fixed.files.clone();
        for fix in &fixes {
            edits.extend(fix.edits.iter().cloned());
            for other in &fix.others {
                let known = match &fixed.dockerfile.context.ignore_file {
                    Some(ignore) if ignore.path == other.path => ignore.text.as_str(),
                    _ => "",
                };
                files.entry(Arc::clone(&other.path)).or_insert_with(|| known.to_owned()).push_str(&other.text);
            }
        }
        let source = fixed.dockerfile.source.edited(&edits).map_err(Deviation::Conflict)?;
        let dockerfile = (self.read)(source, &files);
        check(&fixed.dockerfile, &dockerfile, &fixes)?;
        Ok((dockerfile, files))
    }

    fn never_ending(&self) -> Vec<Refused> {
        let mut lints: Vec<&'static str> = self.banned.lints.iter().copied().collect();
        lints.sort_unstable();
        let refused = |lint| {
            let why = format!("its fixes come to no end within {MOST_PASSES} rounds");
            Refused { lint, title: "all fixes of this lint".to_owned(), why, line: 0 }
        };
        lints.into_iter().map(refused).collect()
    }
}

/// A fix that had to wait for a round, which may come.
struct Crowded {
    skipped: Skipped,
    fingerprint: String,
    /// How many fixes had been applied when the round was over.
    applied: usize,
}

/// Fixes that another one left no room for, and whose lint applied no fix later in their stead. A finding reads otherwise
/// when its place has changed, so a lint's fixes are counted.
fn left_out(crowded: Vec<Crowded>, fixed: &Fixed) -> Vec<Skipped> {
    let mut seen = HashSet::new();
    let mut later: HashMap<&str, usize> = HashMap::new();
    let mut left = Vec::new();
    for Crowded { skipped, fingerprint, applied } in crowded {
        if !seen.insert((skipped.lint, fingerprint)) {
            continue;
        }
        let count = || fixed.applied[applied..].iter().filter(|one| one.lint == skipped.lint).count();
        let later = later.entry(skipped.lint).or_insert_with(count);
        match later.checked_sub(1) {
            Some(rest) => *later = rest,
            None => left.push(skipped),
        }
    }
    left
}
