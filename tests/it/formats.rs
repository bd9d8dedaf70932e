//! What each format writes, to the byte where it is for people, to the field where it is for programs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use harden::diagnostic::{Category, Confidence, Diagnostic, Fix, Label, Place, Severity};
use harden::report::{FileResult, Format, Json, JsonLines, Problem, Sarif, Style, Subject, Summary, Text, Tool};
use harden::text::{Edit, Source, Span};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support;

const DOCKERFILE: &str = "FROM node:18\nENV TOKEN=hunter2 É=1\r\nRUN curl http://x | sh\nCMD [\"node\"]\n";

fn at(needle: &str) -> Span {
    let start = DOCKERFILE.find(needle).expect("a part of the file") as u32;
    Span::new(start, start + needle.len() as u32)
}

fn place(needle: &str) -> Place {
    Place::File { path: Arc::from("web app/Dockerfile"), span: at(needle) }
}

/// A file with two findings: one with a secret, one with everything a finding can have.
fn file() -> FileResult {
    let secret = Diagnostic {
        lint: "syntax-error",
        aliases: Vec::new(),
        category: Category::Secret,
        severity: Severity::High,
        confidence: Confidence::Medium,
        message: "`TOKEN` holds a secret".to_owned(),
        help: "Mount it with `RUN --mount=type=secret`".to_owned(),
        place: place("TOKEN"),
        labels: Vec::new(),
        hidden: vec![at("hunter2")],
        fixes: Vec::new(),
        fingerprint: "0123456789abcdef0123456789abcdef".to_owned(),
    };
    let piped = Diagnostic {
        lint: "syntax-error",
        aliases: vec!["DL4006", "DS-0001"],
        category: Category::SupplyChain,
        severity: Severity::Low,
        confidence: Confidence::High,
        message: "a script from `http://x` runs unseen".to_owned(),
        help: "Download it, check its digest, then run it".to_owned(),
        place: place("curl http://x | sh"),
        labels: vec![
            Label {
                place: place("curl http://x | sh"),
                message: "who controls the server controls the build".to_owned(),
            },
            Label { place: place("node:18"), message: "in an image based on this".to_owned() },
        ],
        hidden: Vec::new(),
        fixes: vec![Fix::risky("Use HTTPS", "the server may not offer it", vec![Edit::insert(at("://x").start, "s")])],
        fingerprint: "fedcba9876543210fedcba9876543210".to_owned(),
    };
    FileResult {
        subject: Subject::File,
        path: Arc::from("web app/Dockerfile"),
        source: Source::from(DOCKERFILE),
        diagnostics: vec![secret, piped],
        suppressed: 1,
    }
}

fn clean(path: &str) -> FileResult {
    FileResult {
        subject: Subject::File,
        path: Arc::from(path),
        source: Source::default(),
        diagnostics: Vec::new(),
        suppressed: 0,
    }
}

fn tool() -> Tool {
    Tool {
        name: "harden",
        version: "0.1.0",
        command: "lint",
        lints: harden::lint::registry(),
        root: PathBuf::from("/work"),
    }
}

fn write(mut format: impl Format, files: &[FileResult], problems: &[Problem]) -> String {
    let mut out = Vec::new();
    let mut summary = Summary::default();
    format.start(&mut out).expect("a vector takes everything");
    for file in files {
        summary.add(file);
        format.file(&mut out, file).expect("a vector takes everything");
    }
    format.finish(&mut out, &summary, problems).expect("a vector takes everything");
    String::from_utf8(out).expect("reports are UTF-8")
}

fn problem() -> Problem {
    Problem { path: Some("b/Dockerfile".to_owned()), message: "`b/Dockerfile` can't be read".to_owned() }
}

#[test]
fn text_shows_what_where_why_and_what_to_do() {
    let text = write(Text::new(Style::default()), &[file(), clean("other/Dockerfile")], &[]);
    assert_eq!(
        text,
        r#"high[syntax-error]: `TOKEN` holds a secret
   ╭─[web app/Dockerfile:2:5]
 1 │ FROM node:18
 2 │ ENV TOKEN=*** É=1
   ·     ─────
 3 │ RUN curl http://x | sh
   ╰────
  help: Mount it with `RUN --mount=type=secret`

low[syntax-error]: a script from `http://x` runs unseen
   ╭─[web app/Dockerfile:3:5]
 1 │ FROM node:18
   ·      ───┬───
   ·         ╰── in an image based on this
 2 │ ENV TOKEN=*** É=1
 3 │ RUN curl http://x | sh
   ·     ─────────┬────────
   ·              ╰── who controls the server controls the build
 4 │ CMD ["node"]
   ╰────
  help: Download it, check its digest, then run it
  fix: Use HTTPS (unsafe: the server may not offer it)
     3 - RUN curl http://x | sh
     3 + RUN curl https://x | sh

2 findings (1 high, 1 low) in 1 of 2 files; 1 suppressed, 1 fixable
"#
    );
    let quiet = write(Text::new(Style { quiet: true, ..Style::default() }), &[clean("Dockerfile")], &[]);
    assert_eq!(quiet, "");
    let none = write(Text::new(Style::default()), &[clean("Dockerfile")], &[]);
    assert_eq!(none, "No findings in 1 file; 0 suppressed, 0 fixable\n");
    let verbose = write(Text::new(Style { verbose: true, ..Style::default() }), &[file()], &[]);
    assert!(verbose.contains("\n  note: high confidence, also known as DL4006, DS-0001\n"), "{verbose}");
}

#[test]
fn colours_are_escapes_only_when_wanted() {
    let plain = write(Text::new(Style::default()), &[file()], &[]);
    assert!(!plain.contains('\u{1b}'));
    let colored = write(Text::new(Style { color: true, ..Style::default() }), &[file()], &[]);
    assert!(colored.starts_with("\u{1b}[31mhigh[syntax-error]\u{1b}[0m: `TOKEN` holds a secret\n"), "{colored}");
    let mut stripped = String::new();
    let mut rest = colored.as_str();
    while let Some((before, escape)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = escape.split_once('m').expect("an SGR sequence").1;
    }
    assert_eq!(stripped + rest, plain);
}

#[test]
fn what_a_file_holds_can_not_command_the_terminal() {
    let mut file = file();
    file.source = Source::new(b"FROM a\nRUN \x1b[2J\x07\xff\xe2\x80\xae x\n".to_vec());
    file.diagnostics.truncate(1);
    let diagnostic = &mut file.diagnostics[0];
    diagnostic.message = "`\u{1b}]0;x\u{7}` is odd".to_owned();
    diagnostic.place = Place::File { path: Arc::from("\u{1b}c/Dockerfile"), span: Span::new(11, 15) };
    diagnostic.hidden.clear();
    assert_eq!(
        write(Text::new(Style { quiet: true, ..Style::default() }), &[file], &[]),
        r"high[syntax-error]: `␛]0;x␇` is odd
   ╭─[␛c/Dockerfile:2:5]
 1 │ FROM a
 2 │ RUN ␛[2J␇�� x
   ·     ────
   ╰────
  help: Mount it with `RUN --mount=type=secret`

"
    );
}

#[test]
fn json_has_the_shape_of_version_1() {
    let text = write(Json::new(tool()), &[file(), clean("other/Dockerfile")], &[problem()]);
    assert!(!text.contains("hunter2"), "{text}");
    let document: Value = serde_json::from_str(&text).expect("one JSON document");
    assert_eq!(
        document,
        json!({
            "version": 1,
            "tool": { "name": "harden", "version": "0.1.0" },
            "findings": [
                {
                    "lint": "syntax-error", "aliases": [], "category": "secret", "severity": "high",
                    "confidence": "medium", "message": "`TOKEN` holds a secret",
                    "help": "Mount it with `RUN --mount=type=secret`",
                    "place": {
                        "kind": "file", "path": "web app/Dockerfile",
                        "start": { "line": 2, "column": 5, "offset": 17 },
                        "end": { "line": 2, "column": 10, "offset": 22 },
                    },
                    "labels": [], "fixes": [], "fingerprint": "0123456789abcdef0123456789abcdef",
                },
                {
                    "lint": "syntax-error", "aliases": ["DL4006", "DS-0001"], "category": "supply-chain",
                    "severity": "low", "confidence": "high", "message": "a script from `http://x` runs unseen",
                    "help": "Download it, check its digest, then run it",
                    "place": {
                        "kind": "file", "path": "web app/Dockerfile",
                        "start": { "line": 3, "column": 5, "offset": 41 },
                        "end": { "line": 3, "column": 23, "offset": 59 },
                    },
                    "labels": [
                        {
                            "place": {
                                "kind": "file", "path": "web app/Dockerfile",
                                "start": { "line": 3, "column": 5, "offset": 41 },
                                "end": { "line": 3, "column": 23, "offset": 59 },
                            },
                            "message": "who controls the server controls the build",
                        },
                        {
                            "place": {
                                "kind": "file", "path": "web app/Dockerfile",
                                "start": { "line": 1, "column": 6, "offset": 5 },
                                "end": { "line": 1, "column": 13, "offset": 12 },
                            },
                            "message": "in an image based on this",
                        },
                    ],
                    "fixes": [{
                        "title": "Use HTTPS", "safety": "unsafe", "why": "the server may not offer it",
                        "edits": [{ "path": "web app/Dockerfile", "start": 50, "end": 50, "text": "s" }],
                    }],
                    "fingerprint": "fedcba9876543210fedcba9876543210",
                },
            ],
            "errors": [{ "path": "b/Dockerfile", "message": "`b/Dockerfile` can't be read" }],
            "summary": { "files": 2, "images": 0, "findings": 2, "suppressed": 1, "fixable": 1 },
        })
    );
}

#[test]
fn an_empty_json_report_is_a_document_too() {
    let document: Value = serde_json::from_str(&write(Json::new(tool()), &[], &[])).expect("one JSON document");
    assert_eq!(document["findings"], json!([]));
    assert_eq!(document["summary"]["files"], 0);
}

#[test]
fn json_lines_are_the_same_objects_with_a_type() {
    let text = write(JsonLines::new(tool()), &[file()], &[problem()]);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect();
    let document: Value = serde_json::from_str(&write(Json::new(tool()), &[file()], &[problem()])).expect("JSON");
    let typed = |kind: &str, value: &Value| {
        let mut value = value.clone();
        value["type"] = json!(kind);
        value
    };
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0], typed("finding", &document["findings"][0]));
    assert_eq!(lines[1], typed("finding", &document["findings"][1]));
    assert_eq!(lines[2], typed("error", &document["errors"][0]));
    let mut summary = typed("summary", &document["summary"]);
    summary["version"] = json!(1);
    summary["tool"] = document["tool"].clone();
    assert_eq!(lines[3], summary);
}

#[test]
fn sarif_places_are_relative_encoded_and_in_utf16() {
    let log: Value = serde_json::from_str(&write(Sarif::new(tool()), &[file()], &[problem()])).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "utf16CodeUnits");
    assert_eq!(run["automationDetails"]["id"], "harden/lint/");
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), harden::lint::registry().len());
    for rule in rules {
        for field in ["shortDescription", "fullDescription", "help"] {
            assert!(rule[field]["text"].as_str().is_some_and(|text| text.len() > 10), "{rule}");
        }
        assert!(rule["help"]["markdown"].is_string() && rule["properties"]["security-severity"].is_string(), "{rule}");
    }
    let result = &run["results"][1];
    let rule = result["ruleIndex"].as_u64().expect("an index") as usize;
    assert_eq!((&rules[rule]["id"], &result["level"]), (&result["ruleId"], &json!("note")));
    assert_eq!(
        result["locations"],
        json!([{ "physicalLocation": {
            "artifactLocation": { "uri": "web%20app/Dockerfile" },
            "region": { "startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 23 },
        } }])
    );
    assert_eq!(result["partialFingerprints"]["primaryLocationLineHash"], "fedcba9876543210fedcba9876543210");
    assert_eq!(
        result["fixes"][0]["artifactChanges"][0]["replacements"],
        json!([{
            "deletedRegion": { "startLine": 3, "startColumn": 14, "endLine": 3, "endColumn": 14 },
            "insertedContent": { "text": "s" },
        }])
    );
    let invocation = &run["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let notification = &invocation["toolExecutionNotifications"][0];
    assert_eq!(notification["message"]["text"], "`b/Dockerfile` can't be read.");
}

#[test]
fn sarif_has_no_error_and_no_warning_under_the_validator_that_github_names() {
    let Some(validator) = sarif_multitool() else {
        return support::skip("npm's @microsoft/sarif-multitool is not there; tests/run installs it");
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, problems) in [("with-error.sarif", vec![problem()]), ("plain.sarif", Vec::new())] {
        let path = folder.path().join(name);
        std::fs::write(&path, write(Sarif::new(tool()), &[file(), clean("a")], &problems)).expect("a writable file");
        let output = Command::new(&validator)
            .args(["validate", "--rule-kind", "Sarif;Ghas"])
            .arg(&path)
            .env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
            .output()
            .expect("the validator starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("Analysis completed successfully"), "{said}");
        for line in said.lines() {
            assert!(!line.contains(": error ") && !line.contains(": warning "), "{line}");
        }
    }
}

/// The validator's program: where `HARDEN_SARIF_MULTITOOL` says, or where `tests/run` puts it.
fn sarif_multitool() -> Option<PathBuf> {
    let installed = "target/tools/npm/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool";
    let path =
        std::env::var_os("HARDEN_SARIF_MULTITOOL").map_or_else(|| support::root().join(installed), PathBuf::from);
    Path::new(&path).is_file().then_some(path)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    /// Whatever a file holds and wherever a finding points, inside a character or past the end, every format writes it,
    /// and the text keeps to its screen.
    #[test]
    fn any_finding_on_any_text_is_written(
        text in "(?s)[a-c \\t\\n\\r\u{e9}\u{1b}\u{1a}\u{202e}\u{4e16}]{0,60}(x{300})?[a\\n ]{0,10}",
        spans in prop::collection::vec((0_u32..400, 0_u32..40), 1..12),
        hidden in prop::collection::vec((0_u32..400, 0_u32..20), 0..3),
        edits in prop::collection::vec((0_u32..60, 0_u32..20, "[a\\n\u{1b}]{0,4}"), 0..3),
        color in any::<bool>(),
    ) {
        let span = |(start, length): (u32, u32)| Span::new(start, start + length);
        let place = |at| Place::File { path: Arc::from("Dockerfile"), span: span(at) };
        let mut file = file();
        file.source = Source::from(text.as_str());
        file.diagnostics.truncate(1);
        let diagnostic = &mut file.diagnostics[0];
        diagnostic.place = place(spans[0]);
        diagnostic.labels =
            spans.iter().enumerate().map(|(index, at)| Label { place: place(*at), message: format!("l{index}") }).collect();
        diagnostic.hidden = hidden.into_iter().map(span).collect();
        let edits = edits.into_iter().map(|(start, length, text)| Edit::replace(span((start, length)), text)).collect();
        diagnostic.fixes = vec![Fix::safe("t", "w", edits)];
        let shown = write(Text::new(Style { color, ..Style::default() }), std::slice::from_ref(&file), &[]);
        prop_assert!(color || !shown.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')), "{shown:?}");
        prop_assert!(shown.lines().count() < 80, "{shown}");
        for written in [write(Json::new(tool()), std::slice::from_ref(&file), &[]), write(Sarif::new(tool()), &[file], &[])] {
            prop_assert!(serde_json::from_str::<Value>(&written).is_ok());
        }
    }
}
