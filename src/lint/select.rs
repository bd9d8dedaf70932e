//! Which findings are wanted: presets, names, other tools' ids, categories.

use std::fmt;

use crate::diagnostic::{Confidence, Severity};

use super::registry::{Entry, find_in, registry, same_id, suggest_in};
use super::{Draft, Lint, Preset};

/// What the user asked for, by name; [`Selection::new`] looks the names up.
///
/// A selector is a lint's name, another tool's id (then only the findings that carry it are meant), a category, `all`,
/// `default` or `pedantic`.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The set to start from: `Security` for the default set, `Pedantic` for that and the pedantic lints.
    pub preset: Preset,
    /// If given, exactly these instead of the preset's.
    pub select: Option<Vec<String>>,
    /// These besides.
    pub extend_select: Vec<String>,
    /// None of these, whatever selects them.
    pub ignore: Vec<String>,
    /// Nothing less sure than this.
    pub min_confidence: Confidence,
    /// Severities the user gives to findings, by selector. An id beats a name, a name a category, and among equals the
    /// last one counts.
    pub severity: Vec<(String, Severity)>,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            preset: Preset::Security,
            select: None,
            extend_select: Vec::new(),
            ignore: Vec::new(),
            min_confidence: Confidence::Low,
            severity: Vec::new(),
        }
    }
}

/// A name that is no lint, no id of another tool that we know, no category and no preset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownLint {
    /// The name as given.
    pub name: String,
    /// The nearest known one.
    pub suggestion: Option<&'static str>,
}

impl fmt::Display for UnknownLint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown lint `{}`", self.name)?;
        match self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownLint {}

/// Which findings of which lints are wanted, and how severe they are to be.
#[derive(Clone)]
pub struct Selection {
    registry: &'static [Entry],
    rules: Vec<Rule>,
    min_confidence: Confidence,
}

/// What is wanted of one lint.
#[derive(Clone, Default)]
struct Rule {
    wanted: Cases,
    unwanted: Cases,
    /// By how narrow the selector was: category or preset, name, id.
    severities: Vec<(Narrowness, Cases, Severity)>,
}

/// A part of a lint's findings.
#[derive(Clone, Default)]
struct Cases {
    whole: bool,
    aliases: Vec<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Narrowness {
    Group,
    Name,
    Alias,
}

impl Default for Selection {
    /// The default set, with nothing asked for.
    fn default() -> Self {
        Self::from_preset(registry(), Preset::Security)
    }
}

impl Selection {
    /// Looks up what the user asked for among the lints of this build.
    ///
    /// # Errors
    /// When a name means nothing; the first one.
    pub fn new(choice: &Choice) -> Result<Self, UnknownLint> {
        Self::of(registry(), choice)
    }

    /// As [`Selection::new`], among other lints than those of this build.
    ///
    /// # Errors
    /// When a name means nothing; the first one.
    pub fn of(registry: &'static [Entry], choice: &Choice) -> Result<Self, UnknownLint> {
        let mut selection = match &choice.select {
            None => Self::from_preset(registry, choice.preset),
            Some(_) => Self::nothing(registry),
        };
        selection.min_confidence = choice.min_confidence;
        for selector in choice.select.iter().flatten().chain(&choice.extend_select) {
            selection.each(selector, |rule, _, cases| rule.wanted.add(cases))?;
        }
        for selector in &choice.ignore {
            selection.each(selector, |rule, _, cases| rule.unwanted.add(cases))?;
        }
        for (selector, severity) in &choice.severity {
            selection.each(selector, |rule, narrowness, cases| rule.severities.push((narrowness, cases, *severity)))?;
        }
        for rule in &mut selection.rules {
            // Stable, so among equals the one given last stays last.
            rule.severities.sort_by_key(|(narrowness, ..)| *narrowness);
        }
        Ok(selection)
    }

    fn nothing(registry: &'static [Entry]) -> Self {
        Self { registry, rules: vec![Rule::default(); registry.len()], min_confidence: Confidence::Low }
    }

    fn from_preset(registry: &'static [Entry], preset: Preset) -> Self {
        let mut selection = Self::nothing(registry);
        for (entry, rule) in registry.iter().zip(&mut selection.rules) {
            rule.wanted.whole = entry.lint.preset == Preset::Security || preset == Preset::Pedantic;
        }
        selection
    }

    /// Calls `take` for every lint that `selector` means, with the part of its findings that is meant.
    fn each(&mut self, selector: &str, mut take: impl FnMut(&mut Rule, Narrowness, Cases)) -> Result<(), UnknownLint> {
        let is = |word: &str| selector.eq_ignore_ascii_case(word);
        let in_group = |lint: &Lint| {
            is("all")
                || is("default") && lint.preset == Preset::Security
                || is("pedantic") && lint.preset == Preset::Pedantic
                || is(lint.category.as_str())
        };
        let is_group = GROUPS.into_iter().any(is);
        let named = if is_group { Vec::new() } else { find_in(self.registry, selector) };
        if named.is_empty() && !is_group {
            let suggestion = suggest_in(self.registry, selector, &GROUPS);
            return Err(UnknownLint { name: selector.to_owned(), suggestion });
        }
        for (entry, rule) in self.registry.iter().zip(&mut self.rules) {
            let whole = Cases { whole: true, aliases: Vec::new() };
            if is_group {
                if in_group(entry.lint) {
                    take(rule, Narrowness::Group, whole);
                }
            } else if entry.name.eq_ignore_ascii_case(selector) {
                take(rule, Narrowness::Name, whole);
            } else if named.iter().any(|named| std::ptr::eq(*named, entry)) {
                let aliases = entry.lint.aliases.iter().copied().filter(|alias| same_id(alias, selector)).collect();
                take(rule, Narrowness::Alias, Cases { whole: false, aliases });
            }
        }
        Ok(())
    }

    /// Whether any finding of this lint can be wanted.
    #[must_use]
    pub fn includes(&self, name: &str) -> bool {
        self.position(name).is_some_and(|index| self.runs(index))
    }

    pub(super) fn registry(&self) -> &'static [Entry] {
        self.registry
    }

    /// Whether the lint at `index` of the registry has to be run.
    pub(super) fn runs(&self, index: usize) -> bool {
        let rule = &self.rules[index];
        (rule.wanted.whole || !rule.wanted.aliases.is_empty()) && !rule.unwanted.whole
    }

    /// Whether every finding of the lint at `index` that carries `alias` is wanted (all of its findings for `None`), so
    /// that the lack of one means something.
    pub(super) fn runs_all(&self, index: usize, alias: Option<&str>) -> bool {
        let rule = &self.rules[index];
        let selected = rule.wanted.whole || alias.is_some_and(|alias| rule.wanted.aliases.contains(&alias));
        selected && !rule.unwanted.whole && rule.unwanted.aliases.is_empty()
    }

    /// Whether a finding of the lint at `index` is wanted.
    pub(super) fn wants<P>(&self, index: usize, draft: &Draft<P>) -> bool {
        let rule = &self.rules[index];
        rule.wanted.hold(draft) && !rule.unwanted.hold(draft) && draft.confidence >= self.min_confidence
    }

    /// The severity a finding of the lint at `index` is shown with.
    pub(super) fn severity<P>(&self, index: usize, draft: &Draft<P>) -> Severity {
        let chosen = self.rules[index].severities.iter().rev().find(|(_, cases, _)| cases.hold(draft));
        chosen.map_or(draft.severity, |(.., severity)| *severity)
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.registry.iter().position(|entry| entry.name == name)
    }
}

/// Selectors that mean more than one lint by what the lints are.
const GROUPS: [&str; 10] =
    ["all", "default", "pedantic", "privilege", "supply-chain", "secret", "filesystem", "network", "runtime", "build"];

impl Cases {
    fn add(&mut self, other: Self) {
        self.whole |= other.whole;
        self.aliases.extend(other.aliases);
    }

    fn hold<P>(&self, draft: &Draft<P>) -> bool {
        self.whole || draft.aliases.iter().any(|alias| self.aliases.contains(alias))
    }
}
