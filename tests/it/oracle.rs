//! The instruction sequence of every real file, side by side with BuildKit's own parser (the PyPI package `dockerfile`).

use std::process::Command;

use harden::syntax::ast::{Arguments, Flag, Instruction, Keyword};
use harden::syntax::parse;
use harden::text::{LineIndex, Source};
use serde_json::{Value, json};

use crate::support;

/// Files on which we differ on purpose, and why.
const DEVIATIONS: [(&str, &str); 1] = [(
    "GoogleContainerTools/kaniko/integration/dockerfiles/Dockerfile_test_cmd",
    "text behind a JSON array makes the line shell form since BuildKit's commit 80518e257 of July 2024; the package is a \
     build of an older parser, which dropped such text",
)];

#[test]
fn instructions_equal_those_of_buildkits_parser() {
    let Some(corpus) = support::shared("corpus/dockerfiles/dev.jsonl.gz") else { return };
    let python = support::root().join("target/tools/venv/bin/python");
    if !python.exists() {
        return support::skip("the PyPI package `dockerfile` is not in target/tools/venv: tests/run puts it there");
    }
    let script = support::root().join("tests/oracle/buildkit.py");
    let output = Command::new(python).arg(script).arg(corpus).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let oracle = String::from_utf8(output.stdout).expect("the oracle writes UTF-8");

    let files = support::dockerfiles();
    let answers: Vec<Value> = oracle.lines().map(|line| serde_json::from_str(line).expect("JSON Lines")).collect();
    assert_eq!(answers.len(), files.len());
    let refused: Vec<&Value> = answers.iter().filter(|answer| !answer["error"].is_null()).collect();
    assert!(refused.is_empty(), "BuildKit's parser takes every file of the corpus: {refused:#?}");

    let mut differences = Vec::new();
    for ((name, text), answer) in files.iter().zip(&answers) {
        assert_eq!(name, answer["name"].as_str().unwrap_or_default());
        let source = Source::from(text.as_str());
        let lines = LineIndex::new(text);
        let ours: Vec<Value> =
            parse(&source).instructions.iter().map(|instruction| command(text, &lines, instruction)).collect();
        let theirs = answer["commands"].as_array().expect("an array");
        if let Some(at) = (0..ours.len().max(theirs.len())).find(|&at| ours.get(at) != theirs.get(at)) {
            differences.push((name.as_str(), format!("\n  ours   {:?}\n  theirs {:?}", ours.get(at), theirs.get(at))));
        }
    }
    let names: Vec<&str> = differences.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, DEVIATIONS.map(|(name, _)| name), "{differences:#?}");
}

/// An instruction in the form that `tests/oracle/buildkit.py` writes.
fn command(text: &str, lines: &LineIndex, instruction: &Instruction) -> Value {
    // The package shows of an ONBUILD its trigger's name and values, and neither flags nor heredocs of the trigger.
    let (trigger, arguments) = match &instruction.arguments {
        Arguments::Onbuild(trigger) => (Some(&trigger.name.text), &trigger.arguments),
        arguments => (None, arguments),
    };
    let heredocs = instruction.heredocs.iter().filter(|_| trigger.is_none());
    let heredocs = heredocs.map(|heredoc| json!([heredoc.name, heredoc.descriptor, text[heredoc.content.range()]]));
    let flag = |flag: &Flag| match &flag.value {
        Some(value) => format!("--{}={}", flag.name, value.text),
        None => format!("--{}", flag.name),
    };
    let (json, mut values) = values(arguments);
    if instruction.keyword == Keyword::Unknown {
        // What is behind a word that is no instruction gets lost in BuildKit's parser.
        values = vec![""];
    }
    json!({
        "name": instruction.name.text,
        "trigger": trigger,
        "json": json,
        "flags": instruction.flags.iter().map(flag).collect::<Vec<_>>(),
        "values": values,
        "lines": [lines.line(instruction.span.start) + 1, lines.line(instruction.span.end.saturating_sub(1)) + 1],
        "heredocs": heredocs.collect::<Vec<_>>(),
    })
}

/// Whether the arguments are a JSON array, and the words they come to.
fn values(arguments: &Arguments) -> (bool, Vec<&str>) {
    match arguments {
        Arguments::None => (false, Vec::new()),
        Arguments::Words(words) => (false, words.iter().map(|word| word.text.as_str()).collect()),
        Arguments::Exec(words) => (true, words.iter().map(|word| word.text.as_str()).collect()),
        Arguments::Shell(body) => (false, vec![&body.text]),
        Arguments::Health(kind, command) => {
            let (json, mut words) = values(command);
            words.insert(0, &kind.text);
            (json, words)
        }
        // The package's parser is one that did not hand on the separators yet.
        Arguments::Pairs(pairs) => {
            (false, pairs.iter().flat_map(|pair| [pair.name.text.as_str(), pair.value.text.as_str()]).collect())
        }
        Arguments::Onbuild(trigger) => values(&trigger.arguments),
    }
}
