//! Instructions of classic BPF (Documentation/networking/filter.rst). A call is looked up by halving ranges of numbers, so a
//! list of hundreds costs some nine comparisons.

use std::collections::BTreeMap;

use oci_spec::runtime::{LinuxSeccompArg, LinuxSeccompOperator};

use crate::run::sys::Instruction;

use super::{Rules, Verdict};

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IF_ABOVE: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
const IF_NOT_BELOW: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// Farthest that a conditional jump goes.
const FARTHEST: usize = 255;

/// The whole program: the machine is looked at first, and one that has no part is `closed`.
pub(super) fn program(machines: &[(u32, Option<u32>, Vec<Instruction>)], closed: Verdict) -> Vec<Instruction> {
    let mut program = vec![load(ARCHITECTURE)];
    for (audit, highest, calls) in machines {
        let mut part = vec![load(NUMBER)];
        if let Some(highest) = highest {
            part.extend([jump(IF_NOT_BELOW, *highest, 0, 1), end(closed)]);
        }
        part.extend_from_slice(calls);
        // The parts are far apart, so the way to the next one is an unconditional jump.
        program.extend([jump(IF_EQUAL, *audit, 1, 0), far(part.len())]);
        program.extend(part);
    }
    program.push(end(closed));
    program
}

/// The part of one machine: from the number, which is loaded, to the verdict.
pub(super) fn calls(rules: &BTreeMap<u32, Rules>, default: Verdict) -> Vec<Instruction> {
    // Each range of numbers from its first one on, up to the next range's.
    let mut ranges: Vec<(u32, Vec<Instruction>)> = vec![(0, vec![end(default)])];
    let mut add = |first: u32, code: Vec<Instruction>| match ranges.last_mut() {
        Some((_, last)) if *last == code => {}
        Some((start, last)) if *start == first => *last = code,
        _ => ranges.push((first, code)),
    };
    for (number, of) in rules {
        add(*number, leaf(of, default));
        if !rules.contains_key(&(number + 1)) {
            add(number + 1, vec![end(default)]);
        }
    }
    // A range that took over its neighbour's start may now equal the one before it.
    ranges.dedup_by(|later, earlier| later.1 == earlier.1);
    search(&ranges)
}

fn search(ranges: &[(u32, Vec<Instruction>)]) -> Vec<Instruction> {
    match ranges {
        [] => Vec::new(),
        [(_, code)] => code.clone(),
        _ => {
            let (below, above) = ranges.split_at(ranges.len() / 2);
            let start = above.first().map_or(0, |(start, _)| *start);
            let (below, above) = (search(below), search(above));
            let mut code = match u8::try_from(below.len()) {
                Ok(skip) => vec![jump(IF_NOT_BELOW, start, skip, 0)],
                Err(_) => vec![jump(IF_NOT_BELOW, start, 0, 1), far(below.len())],
            };
            code.extend(below);
            code.extend(above);
            code
        }
    }
}

/// The verdict on one call, over its arguments where rules ask for them.
fn leaf(of: &Rules, default: Verdict) -> Vec<Instruction> {
    let plain = of.plain.unwrap_or(default);
    let mut code = Vec::new();
    // The last ones that say what holds anyway needn't be asked.
    let asked = of.conditional.iter().rposition(|(_, verdict)| *verdict != plain).map_or(0, |last| last + 1);
    for (conditions, verdict) in of.conditional.iter().take(asked) {
        code.extend(rule(conditions, *verdict));
    }
    code.push(end(plain));
    code
}

/// One rule: all conditions hold and the verdict is its, or what comes after it is looked at.
fn rule(conditions: &[LinuxSeccompArg], verdict: Verdict) -> Vec<Instruction> {
    // Backwards, so that each knows how far the end is.
    let mut code = vec![end(verdict)];
    for condition in conditions.iter().rev() {
        let mut one = test(condition, code.len());
        one.append(&mut code);
        code = one;
    }
    code
}

/// Where a jump of a test goes.
#[derive(Clone, Copy)]
enum To {
    /// The next instruction.
    Next,
    /// The test holds: behind it.
    Holds,
    /// It doesn't: behind the rule, whose rest has so many instructions.
    Fails,
}

/// A condition on an argument of 64 bits, which is loaded in halves of 32.
fn test(argument: &LinuxSeccompArg, rest: usize) -> Vec<Instruction> {
    use LinuxSeccompOperator::{ScmpCmpEq, ScmpCmpGe, ScmpCmpGt, ScmpCmpLe, ScmpCmpLt, ScmpCmpMaskedEq, ScmpCmpNe};
    use To::{Fails, Holds, Next};
    let at = ARGUMENTS + 8 * argument.index() as u32;
    // Both machines of ours are little-endian.
    let (low, high) = (load(at), load(at + 4));
    let value = argument.value();
    let (value_low, value_high) = (value as u32, (value >> 32) as u32);
    let steps: Vec<Step> = match argument.op() {
        ScmpCmpEq => vec![
            Step::Do(high),
            Step::If(IF_EQUAL, value_high, Next, Fails),
            Step::Do(low),
            Step::If(IF_EQUAL, value_low, Holds, Fails),
        ],
        ScmpCmpNe => vec![
            Step::Do(high),
            Step::If(IF_EQUAL, value_high, Next, Holds),
            Step::Do(low),
            Step::If(IF_EQUAL, value_low, Fails, Holds),
        ],
        ScmpCmpGt | ScmpCmpGe => {
            let last = if argument.op() == ScmpCmpGt { IF_ABOVE } else { IF_NOT_BELOW };
            vec![
                Step::Do(high),
                Step::If(IF_ABOVE, value_high, Holds, Next),
                Step::If(IF_EQUAL, value_high, Next, Fails),
                Step::Do(low),
                Step::If(last, value_low, Holds, Fails),
            ]
        }
        ScmpCmpLt | ScmpCmpLe => {
            let last = if argument.op() == ScmpCmpLt { IF_NOT_BELOW } else { IF_ABOVE };
            vec![
                Step::Do(high),
                Step::If(IF_ABOVE, value_high, Fails, Next),
                Step::If(IF_EQUAL, value_high, Next, Holds),
                Step::Do(low),
                Step::If(last, value_low, Fails, Holds),
            ]
        }
        ScmpCmpMaskedEq => {
            let wanted = argument.value_two().unwrap_or(0);
            vec![
                Step::Do(high),
                Step::Do(and(value_high)),
                Step::If(IF_EQUAL, (wanted >> 32) as u32, Next, Fails),
                Step::Do(low),
                Step::Do(and(value_low)),
                Step::If(IF_EQUAL, wanted as u32, Holds, Fails),
            ]
        }
    };
    let count = steps.len();
    let place = |(index, step): (usize, Step)| match step {
        Step::Do(instruction) => instruction,
        Step::If(code, value, yes, no) => {
            let behind = count - index - 1;
            // A rule has six conditions of six instructions at most, so this never goes too far.
            let distance = |to: To| match to {
                Next => 0,
                Holds => behind,
                Fails => behind + rest,
            };
            let near = |to: To| u8::try_from(distance(to).min(FARTHEST)).unwrap_or(u8::MAX);
            jump(code, value, near(yes), near(no))
        }
    };
    steps.into_iter().enumerate().map(place).collect()
}

enum Step {
    Do(Instruction),
    If(u16, u32, To, To),
}

fn load(offset: u32) -> Instruction {
    Instruction { code: LOAD, jt: 0, jf: 0, k: offset }
}

fn and(mask: u32) -> Instruction {
    Instruction { code: AND, jt: 0, jf: 0, k: mask }
}

fn jump(code: u16, value: u32, yes: u8, no: u8) -> Instruction {
    Instruction { code, jt: yes, jf: no, k: value }
}

fn far(distance: usize) -> Instruction {
    Instruction { code: JUMP, jt: 0, jf: 0, k: u32::try_from(distance).unwrap_or(u32::MAX) }
}

fn end(verdict: Verdict) -> Instruction {
    Instruction { code: RETURN, jt: 0, jf: 0, k: verdict }
}

/// What a program says of a call, as the kernel would run it: for the proof of what a filter refuses, and for tests. `None`
/// where the program is none that ends.
#[must_use]
pub fn interpret(program: &[Instruction], architecture: u32, number: u32, arguments: [u64; 6]) -> Option<Verdict> {
    let word = |offset: u32| match offset {
        NUMBER => Some(number),
        ARCHITECTURE => Some(architecture),
        offset if offset >= ARGUMENTS && offset % 4 == 0 => {
            let half = (offset - ARGUMENTS) / 4;
            let argument = arguments.get(half as usize / 2)?;
            Some(if half.is_multiple_of(2) { *argument as u32 } else { (argument >> 32) as u32 })
        }
        _ => None,
    };
    let (mut at, mut accumulator) = (0_usize, 0_u32);
    loop {
        let Instruction { code, jt, jf, k } = *program.get(at)?;
        at += 1;
        let mut branch = |holds: bool| at += usize::from(if holds { jt } else { jf });
        match code {
            LOAD => accumulator = word(k)?,
            AND => accumulator &= k,
            JUMP => at = at.checked_add(k as usize)?,
            IF_EQUAL => branch(accumulator == k),
            IF_ABOVE => branch(accumulator > k),
            IF_NOT_BELOW => branch(accumulator >= k),
            RETURN => return Some(k),
            _ => return None,
        }
    }
}
