//! A bounded run of the fuzz targets in `tests/fuzz`: real Dockerfiles, damaged, the same in every run.

#[path = "../fuzz/checks.rs"]
mod checks;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::{layer, support};

/// Text that decides how what is around it is read.
const MARKS: [&str; 40] = [
    "\\\n",
    "`\n",
    "\n",
    "\r\n",
    "\0",
    "\u{feff}",
    "é",
    "\u{2028}",
    " ",
    "\t",
    "#",
    "# escape=`\n",
    "FROM ",
    "\nRUN ",
    "\nONBUILD ",
    "\nCOPY <<A <<-B /\n",
    "\nA\n",
    "<<EOF",
    "\nEOF\n",
    "<<<",
    "[\"",
    "\"]",
    "\\u00",
    "--mount=",
    "=",
    "\"",
    "'",
    "$",
    "${",
    "}",
    "${a:-",
    "$(",
    ")",
    "`",
    "&&",
    "; do",
    "if [ ",
    "{ ",
    "| sh -c '",
    "sudo ",
];

#[derive(Clone, Debug)]
enum Damage {
    /// Puts text in.
    Insert(Index, &'static str),
    /// Puts bytes in that may be no text.
    Bytes(Index, Vec<u8>),
    /// Takes bytes out.
    Remove(Index, u8),
    /// Repeats a stretch elsewhere.
    Repeat(Index, Index, u8),
    /// Cuts the rest off.
    Cut(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        6 => (any::<Index>(), select(&MARKS[..])).prop_map(|(at, text)| Damage::Insert(at, text)),
        1 => (any::<Index>(), prop::collection::vec(any::<u8>(), 1..4)).prop_map(|(at, bytes)| Damage::Bytes(at, bytes)),
        3 => (any::<Index>(), 1..20_u8).prop_map(|(at, length)| Damage::Remove(at, length)),
        2 => (any::<Index>(), any::<Index>(), any::<u8>()).prop_map(|(from, to, length)| Damage::Repeat(from, to, length)),
        1 => any::<Index>().prop_map(Damage::Cut),
    ]
}

fn apply(mut bytes: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for one in damage {
        let end = bytes.len() + 1;
        match one {
            Damage::Insert(at, text) => drop(bytes.splice(at.index(end)..at.index(end), text.bytes())),
            Damage::Bytes(at, new) => drop(bytes.splice(at.index(end)..at.index(end), new.iter().copied())),
            Damage::Remove(at, length) => {
                let at = at.index(end);
                bytes.drain(at..(at + usize::from(*length)).min(end - 1));
            }
            Damage::Repeat(from, to, length) => {
                let from = from.index(end);
                let stretch = bytes[from..(from + usize::from(*length)).min(end - 1)].to_vec();
                bytes.splice(to.index(end)..to.index(end), stretch);
            }
            Damage::Cut(at) => bytes.truncate(at.index(end)),
        }
    }
    bytes
}

/// Runs `check` on so many damaged files of the corpus; without the corpus on damaged bits of text alone.
fn run(cases: u32, check: fn(&[u8])) {
    // Small files leave room for more cases, and what breaks a parser is seldom long.
    let mut files: Vec<String> = support::dockerfiles().into_iter().map(|(_, text)| text).collect();
    files.retain(|text| text.len() < 3_000);
    files.push(MARKS.concat());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let strategy = (any::<Index>(), prop::collection::vec(damage(), 1..6));
    let outcome = TestRunner::new_with_rng(config, random).run(&strategy, |(file, damage)| {
        check(&apply(files[file.index(files.len())].clone().into_bytes(), &damage));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn damaged_files_are_parsed() {
    run(4_000, checks::parse);
}

#[test]
fn damaged_files_are_read_as_scripts() {
    run(1_000, checks::shell);
}

#[test]
fn damaged_files_are_expanded() {
    run(4_000, checks::expand);
}

/// Archives with a byte changed, a block moved or the end cut: as the fuzzer would start.
#[test]
fn damaged_archives_are_read() {
    let plain = layer::rich();
    let packed = [layer::gzip(&plain), layer::zstd(&plain)];
    let config = Config { cases: 2_000, failure_persistence: None, ..Config::default() };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let change = (any::<Index>(), any::<Index>(), any::<u8>(), 0..6_u8);
    let strategy = (0..10_u8, prop::collection::vec(change, 1..6), any::<bool>());
    let outcome = TestRunner::new_with_rng(config, random).run(&strategy, |(form, changes, mend)| {
        let mut bytes = packed.get(usize::from(form)).unwrap_or(&plain).clone();
        for (at, other, byte, kind) in changes {
            let (from, to) = (at.index(bytes.len().max(1)), other.index(bytes.len().max(1)));
            let blocks = (from / 512 * 512, (from / 512 * 512 + 512).min(bytes.len()));
            match kind {
                0..3 if !bytes.is_empty() => bytes[from] = byte,
                3 => {
                    let block = bytes[blocks.0..blocks.1].to_vec();
                    bytes.splice(to / 512 * 512..to / 512 * 512, block);
                }
                4 => drop(bytes.drain(blocks.0..blocks.1)),
                _ => bytes.truncate(bytes.len() - usize::from(byte).min(bytes.len()) * 8 % (bytes.len() + 1)),
            }
        }
        if mend && form > 1 {
            layer::archive::mend(&mut bytes);
        }
        checks::layer(&bytes);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
