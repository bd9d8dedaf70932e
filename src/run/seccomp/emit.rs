//! From a graph of decisions to a program of classic BPF. It is written from its end to its start, so that each jump's
//! target is there already; jumps go forward only, and conditional ones at most 255 instructions far.

use std::collections::HashMap;

use super::decide::{Graph, Node};
use crate::run::Error;
use crate::run::sys::Instruction;

/// linux/bpf_common.h: `BPF_LD | BPF_W | BPF_ABS` and so on.
pub(super) const LOAD: u16 = 0x20;
pub(super) const AND: u16 = 0x54;
pub(super) const JUMP: u16 = 0x05;
pub(super) const JUMP_IF_EQUAL: u16 = 0x15;
pub(super) const JUMP_IF_AT_LEAST: u16 = 0x35;
pub(super) const RETURN: u16 = 0x06;

/// `BPF_MAXINSNS`.
const MOST: usize = 4096;

/// The program.
///
/// # Errors
/// When it has more instructions than the kernel takes.
pub(super) fn program(graph: &Graph) -> Result<Vec<Instruction>, Error> {
    let mut emitter = Emitter { graph, reversed: Vec::new(), places: HashMap::new() };
    emitter.node(graph.len().saturating_sub(1));
    let mut program = emitter.reversed;
    program.reverse();
    if program.len() > MOST {
        let problem = format!("the filter has {} instructions, and the kernel takes {MOST}", program.len());
        return Err(Error::new("seccomp", problem, "shorten the list of system calls, or merge its conditions"));
    }
    Ok(program)
}

struct Emitter<'a> {
    graph: &'a Graph,
    /// The program so far, its last instruction first.
    reversed: Vec<Instruction>,
    /// Where each node begins in it.
    places: HashMap<usize, usize>,
}

impl Emitter<'_> {
    /// Writes a node, unless it is there, and all that it leads to. Gives its place.
    fn node(&mut self, id: usize) -> usize {
        if let Some(place) = self.places.get(&id) {
            return *place;
        }
        let place = match &self.graph[id] {
            Node::Return(action) => self.put(RETURN, 0, 0, *action),
            Node::Ranges(word, parts) => {
                self.near(parts.iter().map(|(_, id)| *id));
                self.search(parts);
                self.put(LOAD, 0, 0, (*word).into())
            }
            Node::Masked { word, mask, value, yes, no } => {
                self.near([*no, *yes].into_iter());
                self.branch(JUMP_IF_EQUAL, *value, *yes, *no);
                if *mask != u32::MAX {
                    self.put(AND, 0, 0, *mask);
                }
                self.put(LOAD, 0, 0, (*word).into())
            }
        };
        self.places.insert(id, place);
        place
    }

    /// Writes what a node leads to; plain returns last, and anew, so that they are near.
    fn near(&mut self, ids: impl Iterator<Item = usize> + Clone) {
        let is_return = |id: &usize| matches!(self.graph[*id], Node::Return(_));
        let (returns, others): (Vec<usize>, Vec<usize>) = ids.partition(is_return);
        for id in others {
            self.node(id);
        }
        for id in returns {
            if self.places.get(&id).is_none_or(|place| self.distance(*place) > 64) {
                self.places.remove(&id);
                self.node(id);
            }
        }
    }

    /// Writes a search for the part that the loaded word is in. Gives its place.
    fn search(&mut self, parts: &[(u32, usize)]) -> usize {
        match parts {
            [(_, only)] => self.node(*only),
            // One value among others.
            [(_, below), (value, at), (after, above)] if below == above && value.checked_add(1) == Some(*after) => {
                self.branch(JUMP_IF_EQUAL, *value, *at, *below)
            }
            _ => {
                let (lower, upper) = parts.split_at(parts.len() / 2);
                let above = self.search(upper);
                let below = self.search(lower);
                let start = upper.first().map_or(0, |(start, _)| *start);
                self.jump(JUMP_IF_AT_LEAST, start, above, below)
            }
        }
    }

    fn branch(&mut self, code: u16, value: u32, yes: usize, no: usize) -> usize {
        let (yes, no) = (self.node(yes), self.node(no));
        self.jump(code, value, yes, no)
    }

    /// Writes a conditional jump. A target that is too far is reached by a copy of the return there, or another jump.
    fn jump(&mut self, code: u16, value: u32, mut yes: usize, mut no: usize) -> usize {
        // What is written for the second target puts the first further away by one.
        if self.distance(yes) > 254 {
            yes = self.nearer(yes);
        }
        if self.distance(no) > 255 {
            no = self.nearer(no);
        }
        let (jt, jf) = (self.distance(yes), self.distance(no));
        // Both are at most 255 now.
        self.put(code, u8::try_from(jt).unwrap_or(u8::MAX), u8::try_from(jf).unwrap_or(u8::MAX), value)
    }

    fn nearer(&mut self, place: usize) -> usize {
        let target = self.reversed[place];
        if target.code == RETURN {
            return self.put(RETURN, 0, 0, target.k);
        }
        let distance = u32::try_from(self.distance(place)).unwrap_or(u32::MAX);
        self.put(JUMP, 0, 0, distance)
    }

    /// How many instructions the next one would jump over.
    fn distance(&self, place: usize) -> usize {
        self.reversed.len() - 1 - place
    }

    fn put(&mut self, code: u16, jt: u8, jf: u8, k: u32) -> usize {
        self.reversed.push(Instruction { code, jt, jf, k });
        self.reversed.len() - 1
    }
}
