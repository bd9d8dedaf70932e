//! Real files: all 6,884 Dockerfiles of `corpus/dockerfiles`.

use std::collections::BTreeMap;

use harden::syntax;
use harden::text::Source;

use crate::support;

/// Files that BuildKit's instruction step refuses, found by reading each; the parser itself refuses none of the corpus.
const REFUSED: usize = 12;

#[test]
fn every_file_round_trips_byte_for_byte() {
    for (name, text) in support::dockerfiles() {
        for variant in variants(&text) {
            let source = Source::new(variant);
            let (parse, tree) = syntax::parse_tree(&source);
            assert!(tree.bytes() == source.bytes(), "{name} changed");
            assert_eq!(parse.instructions, syntax::parse(&source).instructions, "{name}: the tree makes a difference");
            for instruction in &parse.instructions {
                assert!(source.text().get(instruction.span.range()).is_some(), "{name}: {:?}", instruction.span);
            }
        }
    }
}

/// The file as it is, with CRLF line ends, with a byte-order mark, without its last newline, and with bytes that are no
/// UTF-8.
fn variants(text: &str) -> [Vec<u8>; 5] {
    let mut broken = text.as_bytes().to_vec();
    let middle = broken.len() / 2;
    broken.splice(middle..middle, [0xff, 0x00, 0xe2, 0x82]);
    [
        text.as_bytes().to_vec(),
        text.replace('\n', "\r\n").into_bytes(),
        format!("\u{feff}{text}").into_bytes(),
        text.trim_end().as_bytes().to_vec(),
        broken,
    ]
}

#[test]
fn syntax_errors_are_exactly_what_buildkit_refuses() {
    let files = support::dockerfiles();
    if files.is_empty() {
        return;
    }
    let mut refused = BTreeMap::new();
    for (name, text) in files {
        let errors = syntax::parse(&Source::from(text.as_str())).errors;
        if !errors.is_empty() {
            let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            refused.insert(name, messages);
        }
    }
    assert_eq!(refused.len(), REFUSED, "{refused:#?}");
}
