//! From clauses to a graph of decisions on 32-bit words of `struct seccomp_data`: each word that matters is split into
//! the ranges in which all clauses agree, so that a call with many conditions costs a search and not a walk.

use std::collections::HashMap;

use super::rules::{Calls, Numbers};
use crate::run::Error;

/// What is done with a call when all its tests hold.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Clause {
    pub(super) tests: Vec<Test>,
    /// `SECCOMP_RET_…` with its data.
    pub(super) action: u32,
}

/// A test of an argument.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Test {
    /// Which, from 0.
    pub(super) argument: u8,
    /// Whether the upper half is still to be looked at; else mask and value are of the lower half alone.
    pub(super) high: bool,
    /// Whether it must not hold.
    pub(super) not: bool,
    pub(super) compare: Compare,
    /// Of [`Compare::Masked`].
    pub(super) mask: u64,
    pub(super) value: u64,
}

/// How an argument is compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Compare {
    /// Equal to the value under the mask.
    Masked,
    Greater,
    AtLeast,
}

/// The graph: nodes name others by their index, and the last one is the first that is asked.
pub(super) type Graph = Vec<Node>;

/// A decision.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Node {
    Return(u32),
    /// By the range that a word is in: where each starts, the first at 0, and what is decided there.
    Ranges(u8, Vec<(u32, usize)>),
    /// By whether a word has a value under a mask.
    Masked {
        word: u8,
        mask: u32,
        value: u32,
        yes: usize,
        no: usize,
    },
}

/// Offsets in `struct seccomp_data` (linux/seccomp.h).
const NUMBER: u8 = 0;
const ARCHITECTURE: u8 = 4;
const ARGUMENTS: u8 = 16;
/// More nodes than a filter has room for. Splitting all clauses at once may multiply them; then they are walked instead.
const MOST: usize = 4096;

/// The graph for all calls.
///
/// # Errors
/// When it has more nodes than a filter can hold.
pub(super) fn graph(calls: &Calls) -> Result<Graph, Error> {
    let build = |walk| {
        let mut builder = Builder { walk, ..Builder::default() };
        builder.calls(calls).map(|top| {
            builder.nodes.push(builder.nodes[top].clone());
            builder.nodes
        })
    };
    let problem = "more conditions on arguments than a filter of the kernel holds";
    build(false)
        .or_else(|| build(true))
        .ok_or_else(|| Error::new("seccomp", problem, "shorten the list of system calls, or merge its conditions"))
}

#[derive(Default)]
struct Builder {
    nodes: Graph,
    known: HashMap<Node, usize>,
    decided: HashMap<(Vec<Clause>, u32), usize>,
    /// Whether clauses are taken one after the other.
    walk: bool,
}

impl Builder {
    fn calls(&mut self, calls: &Calls) -> Option<usize> {
        let mut next = self.add(Node::Return(calls.other))?;
        for (architecture, numbers) in calls.architectures.iter().rev() {
            let yes = self.numbers(numbers)?;
            next =
                self.add(Node::Masked { word: ARCHITECTURE, mask: u32::MAX, value: *architecture, yes, no: next })?;
        }
        Some(next)
    }

    fn numbers(&mut self, numbers: &Numbers) -> Option<usize> {
        let default = self.add(Node::Return(numbers.default))?;
        let mut parts = vec![(0, default)];
        for (number, clauses) in &numbers.clauses {
            let decided = self.clauses(clauses, numbers.default)?;
            parts.push((*number, decided));
            if let Some(after) = number.checked_add(1) {
                parts.push((after, default));
            }
        }
        if let Some((from, action)) = numbers.end {
            let end = self.add(Node::Return(action))?;
            parts.retain(|(start, _)| *start < from);
            parts.push((from, end));
        }
        self.ranges(NUMBER, parts)
    }

    /// What the first of the clauses that matches decides.
    fn clauses(&mut self, clauses: &[Clause], default: u32) -> Option<usize> {
        let mut last = default;
        let mut clauses = clauses;
        if let Some(at) = clauses.iter().position(|clause| clause.tests.is_empty()) {
            last = clauses[at].action;
            clauses = &clauses[..at];
        }
        // What decides the same as what comes after needn't be asked.
        let needed = clauses.iter().rposition(|clause| clause.action != last).map_or(0, |at| at + 1);
        let clauses = &clauses[..needed];
        let Some(test) = clauses.first().and_then(|clause| clause.tests.first()).copied() else {
            return self.add(Node::Return(last));
        };
        let key = (clauses.to_vec(), last);
        if let Some(known) = self.decided.get(&key) {
            return Some(*known);
        }
        let node = if test.has_ranges() { self.split(clauses, last, test)? } else { self.ask(clauses, last, test)? };
        self.decided.insert(key, node);
        Some(node)
    }

    /// Splits the word of a test into ranges.
    fn split(&mut self, clauses: &[Clause], last: u32, test: Test) -> Option<usize> {
        let mut cuts: Vec<u32> = std::iter::once(0).chain(test.cuts()).collect();
        if !self.walk {
            let others = clauses.iter().flat_map(|clause| &clause.tests);
            cuts.extend(others.filter(|one| one.word() == test.word() && one.has_ranges()).flat_map(Test::cuts));
        }
        cuts.sort_unstable();
        cuts.dedup();
        let mut parts = Vec::with_capacity(cuts.len());
        for start in cuts {
            let decided = self.rest(clauses, last, test.word(), |one| {
                if one.has_ranges() { one.at(start) } else { Outcome::Then(*one) }
            })?;
            parts.push((start, decided));
        }
        self.ranges(test.word(), parts)
    }

    /// Asks for the bits of a test.
    fn ask(&mut self, clauses: &[Clause], last: u32, test: Test) -> Option<usize> {
        let (mask, value) = test.masked();
        let yes = self.rest(clauses, last, test.word(), |one| one.given(mask, value))?;
        let no = self.rest(clauses, last, test.word(), |one| {
            let same = one.compare == Compare::Masked && one.masked() == (mask, value);
            if same { one.outcome(false) } else { Outcome::Then(*one) }
        })?;
        if yes == no { Some(yes) } else { self.add(Node::Masked { word: test.word(), mask, value, yes, no }) }
    }

    /// What is decided when something is known of a word. When clauses are walked, only the first one is told.
    fn rest(&mut self, clauses: &[Clause], last: u32, word: u8, told: impl Fn(&Test) -> Outcome) -> Option<usize> {
        let mut rest = Vec::new();
        for (at, clause) in clauses.iter().enumerate() {
            if self.walk && at > 0 {
                rest.push(clause.clone());
                continue;
            }
            let outcomes =
                clause.tests.iter().map(|one| if one.word() == word { told(one) } else { Outcome::Then(*one) });
            let mut tests = Vec::new();
            let holds = outcomes.into_iter().all(|outcome| match outcome {
                Outcome::Holds => true,
                Outcome::Fails => false,
                Outcome::Then(test) => {
                    tests.push(test);
                    true
                }
            });
            if holds {
                let decided = tests.is_empty();
                rest.push(Clause { tests, action: clause.action });
                if decided {
                    break;
                }
            }
        }
        self.clauses(&rest, last)
    }

    /// Of two parts that start at the same place the later counts.
    fn ranges(&mut self, word: u8, parts: Vec<(u32, usize)>) -> Option<usize> {
        let mut merged: Vec<(u32, usize)> = Vec::with_capacity(parts.len());
        for (start, decided) in parts {
            if merged.last().is_some_and(|(last, _)| *last == start) {
                merged.pop();
            }
            if merged.last().is_none_or(|(_, last)| *last != decided) {
                merged.push((start, decided));
            }
        }
        match merged[..] {
            [(_, decided)] => Some(decided),
            _ => self.add(Node::Ranges(word, merged)),
        }
    }

    fn add(&mut self, node: Node) -> Option<usize> {
        if let Some(known) = self.known.get(&node) {
            return Some(*known);
        }
        if self.nodes.len() >= MOST {
            return None;
        }
        self.nodes.push(node.clone());
        self.known.insert(node, self.nodes.len() - 1);
        Some(self.nodes.len() - 1)
    }
}

/// What becomes of a test when something is known.
enum Outcome {
    Holds,
    Fails,
    Then(Test),
}

impl Test {
    /// The word that is to be looked at next: its offset in `struct seccomp_data` on a little-endian machine.
    fn word(&self) -> u8 {
        ARGUMENTS + 8 * self.argument + if self.high { 4 } else { 0 }
    }

    fn half(&self, whole: u64) -> u32 {
        (if self.high { whole >> 32 } else { whole & 0xffff_ffff }) as u32
    }

    /// Mask and value for the word.
    fn masked(&self) -> (u32, u32) {
        (self.half(self.mask), self.half(self.value))
    }

    /// Whether the word's outcome is the same in each of a few ranges.
    fn has_ranges(&self) -> bool {
        let free = !self.half(self.mask);
        self.compare != Compare::Masked || free & free.wrapping_add(1) == 0
    }

    /// Where those ranges start, but for the first.
    fn cuts(&self) -> impl Iterator<Item = u32> + use<> {
        let value = self.half(self.value);
        let last = if self.compare == Compare::Masked { value | !self.half(self.mask) } else { value };
        std::iter::once(value).chain(last.checked_add(1))
    }

    fn outcome(&self, holds: bool) -> Outcome {
        if holds == self.not { Outcome::Fails } else { Outcome::Holds }
    }

    /// The same test of the lower half, where the upper one leaves it open.
    fn lower(&self) -> Outcome {
        if self.high {
            let low = 0xffff_ffff;
            Outcome::Then(Self { high: false, mask: self.mask & low, value: self.value & low, ..*self })
        } else {
            self.outcome(self.compare != Compare::Greater)
        }
    }

    /// When the word is that.
    fn at(&self, word: u32) -> Outcome {
        let value = self.half(self.value);
        match self.compare {
            Compare::Masked if word & self.half(self.mask) == value => self.lower(),
            Compare::Masked => self.outcome(false),
            _ if word == value => self.lower(),
            _ => self.outcome(word > value),
        }
    }

    /// When the word has that value under that mask.
    fn given(&self, mask: u32, value: u32) -> Outcome {
        let (own, wanted) = self.masked();
        if self.compare != Compare::Masked {
            return Outcome::Then(*self);
        }
        if wanted & mask != value & own {
            self.outcome(false)
        } else if own & mask == own {
            self.lower()
        } else {
            Outcome::Then(*self)
        }
    }
}
