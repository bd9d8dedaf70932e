//! The program as people start it: a real process, with nothing of our environment.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support;

/// What a process came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program, to be started in `folder` with an empty environment.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harden"));
    command.current_dir(folder).env_clear().args(arguments).stdin(Stdio::null());
    command
}

/// Runs the program in `folder`.
pub(crate) fn harden(folder: &Path, arguments: &[&str]) -> Ran {
    ran(command(folder, arguments))
}

pub(crate) fn ran(mut command: Command) -> Ran {
    let output = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs the program in `folder` with `input` as its standard input.
fn harden_reading(folder: &Path, arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = command(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("a pipe").write_all(input).expect("the program reads its input");
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A folder with these files, that no configuration above it reaches.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join(".git")).expect("a writable folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a writable folder");
        fs::write(path, text).expect("a writable file");
    }
    folder
}

fn projects() -> PathBuf {
    support::root().join("testdata/projects")
}

/// A file that BuildKit refuses; the lint for that has no opinion on anything else.
const BROKEN: &str = "FROM scratch\nUSER 1\nRUNN x\n";
const FINE: &str = "FROM scratch\nUSER 1\n";

#[test]
fn findings_exit_with_1_and_none_with_0() {
    let folder = folder(&[("a/Dockerfile", FINE), ("b/Dockerfile", BROKEN)]);
    let ran = harden(folder.path(), &["lint"]);
    assert_eq!(
        ran.stdout,
        "high[syntax-error]: `RUNN` is no instruction
   ╭─[b/Dockerfile:3:1]
 2 │ USER 1
 3 │ RUNN x
   · ────
   ╰────
  help: Correct the word; a line that goes on from the one above needs an escape character there

1 finding (1 high) in 1 of 2 files; 0 suppressed, 0 fixable
"
    );
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));

    let ran = harden(folder.path(), &["lint", "a"]);
    assert_eq!(ran.stdout, "No findings in 1 file; 0 suppressed, 0 fixable\n");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn fail_on_and_exit_zero_change_the_code_and_nothing_else() {
    let text = "FROM scratch\nUSER 1\n# harden: ignore[syntax-error] long gone\nWORKDIR /\n";
    let folder = folder(&[("Dockerfile", text), ("harden.toml", "fail-on = \"medium\"\n")]);
    let plain = harden(folder.path(), &["lint", "--isolated"]);
    assert!(plain.stdout.starts_with("low[unused-ignore]: "), "{}", plain.stdout);
    let codes = [
        (&["lint", "--isolated"][..], 1),
        (&["lint", "--isolated", "--fail-on", "low"], 1),
        (&["lint", "--isolated", "--fail-on", "info"], 1),
        (&["lint", "--isolated", "--fail-on", "medium"], 0),
        (&["lint", "--isolated", "--fail-on", "never"], 0),
        (&["lint", "--isolated", "--exit-zero"], 0),
        (&["lint"], 0),
        (&["lint", "--fail-on", "low"], 1),
        (&["lint", "--format", "json", "--fail-on", "low"], 1),
    ];
    for (arguments, code) in codes {
        let ran = harden(folder.path(), arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stdout.contains("unused-ignore"), "{arguments:?}");
    }
}

#[test]
fn selection_is_exact_and_names_are_checked() {
    let folder = folder(&[("Dockerfile", BROKEN), ("harden.toml", "ignore = [\"syntax-error\"]\n")]);
    for (arguments, findings) in [
        (&["lint", "--isolated"][..], 1),
        (&["lint"], 0),
        (&["lint", "--select", "syntax-error"], 1),
        (&["lint", "--select", "DL1000"], 1),
        (&["lint", "--select", "unused-ignore,build"], 1),
        (&["lint", "--select", "unused-ignore"], 0),
        (&["lint", "--isolated", "--ignore", "dl1000"], 0),
        (&["lint", "--isolated", "--preset", "pedantic", "--ignore", "build"], 0),
    ] {
        let ran = harden(folder.path(), &[arguments, &["--format", "json"]].concat());
        let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(document["summary"]["findings"], findings, "{arguments:?}");
        assert_eq!(ran.code, Some(findings), "{arguments:?}");
    }
    let ran = harden(folder.path(), &["lint", "--select", "syntax-erorr"]);
    assert_eq!(ran.stderr, "error: --select: unknown lint `syntax-erorr`; did you mean `syntax-error`?\n");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    let ran = harden(folder.path(), &["lint", "--ignore", "xyzzy"]);
    assert_eq!(ran.stderr, "error: --ignore: unknown lint `xyzzy`; `harden lints` lists them all\n");
    assert_eq!(ran.code, Some(2));
}

#[test]
fn configuration_sets_rules_by_path() {
    let config = "ignore = [\"syntax-error\"]
exclude = [\"vendor/\"]

[lints.syntax-error]
severity = \"info\"

[[overrides]]
paths = [\"strict/\"]
extend-select = [\"syntax-error\"]
";
    let folder = folder(&[
        ("harden.toml", config),
        ("loose/Dockerfile", BROKEN),
        ("strict/Dockerfile", BROKEN),
        ("vendor/Dockerfile", BROKEN),
        ("own/harden.toml", "select = [\"all\"]"),
        ("own/Dockerfile", BROKEN),
    ]);
    let ran = harden(folder.path(), &["lint", "--format", "jsonl"]);
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let found: Vec<(&str, &str)> = lines
        .iter()
        .filter(|line| line["type"] == "finding" && line["lint"] == "syntax-error")
        .map(|line| (line["place"]["path"].as_str().unwrap_or(""), line["severity"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(found, [("own/Dockerfile", "high"), ("strict/Dockerfile", "info")]);
    assert_eq!(ran.stderr, "note: skipped 1 excluded file\n");
    let named = harden(folder.path(), &["lint", "vendor/Dockerfile", "--select", "syntax-error", "-q"]);
    assert!(named.stdout.starts_with("info[syntax-error]"), "a named file is linted: {}", named.stdout);
    let given = harden(folder.path(), &["lint", "loose", "--config", "own/harden.toml", "--format", "json"]);
    assert!(given.stdout.contains("\"severity\":\"high\""), "{}", given.stdout);
}

#[test]
fn standard_input_has_the_name_it_is_given() {
    let folder = folder(&[("sub/harden.toml", "ignore = [\"syntax-error\"]")]);
    let ran = harden_reading(folder.path(), &["lint", "-", "-q"], BROKEN.as_bytes());
    assert!(ran.stdout.contains("[-:3:1]"), "{}", ran.stdout);
    assert_eq!(ran.code, Some(1));
    let ran =
        harden_reading(folder.path(), &["lint", "-q", "-", "--stdin-filename", "x/Dockerfile"], BROKEN.as_bytes());
    assert!(ran.stdout.contains("[x/Dockerfile:3:1]"), "{}", ran.stdout);
    let ran = harden_reading(folder.path(), &["lint", "-", "--stdin-filename", "sub/Dockerfile"], BROKEN.as_bytes());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn standard_input_has_the_build_context_of_its_name() {
    let folder = folder(&[("app/start.sh", "#!/bin/sh\nexec gosu app server\n")]);
    let text = b"FROM debian:12\nCOPY start.sh /\nENTRYPOINT [\"/start.sh\"]\n";
    let select = ["lint", "-", "--select", "missing-user", "--format", "json", "--exit-zero"];
    let count = |arguments: &[&str]| {
        let ran = harden_reading(folder.path(), &[&select, arguments].concat(), text);
        serde_json::from_str::<Value>(&ran.stdout).expect("JSON")["summary"]["findings"].clone()
    };
    assert_eq!(count(&[]), 1, "without a name there is no telling what the script does");
    assert_eq!(count(&["--stdin-filename", "app/Dockerfile"]), 0, "the script drops privileges");
}

#[test]
fn an_output_file_is_replaced_whole() {
    let folder = folder(&[("Dockerfile", BROKEN), ("out.json", "old")]);
    let ran = harden(folder.path(), &["lint", "--format", "json", "--output", "out.json"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(1), "", ""));
    let text = fs::read_to_string(folder.path().join("out.json")).expect("the output");
    assert_eq!(text, harden(folder.path(), &["lint", "--format", "json"]).stdout);
    let ran = harden(folder.path(), &["lint", "--output", "no/such/folder/out"]);
    assert!(ran.stderr.starts_with("error: `no/such/folder/out` can't be written ("), "{}", ran.stderr);
    assert_eq!(ran.code, Some(2));
    let names: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
    assert_eq!(names.len(), 3, "no temporary file is left: {names:?}");
}

#[test]
fn what_is_left_out_is_counted_and_foreign_configuration_named() {
    let folder = folder(&[
        ("Dockerfile", FINE),
        ("Dockerfile.j2", "FROM {{ x }}"),
        ("Dockerfile.dockerignore", "*"),
        (".hadolint.yaml", "ignored: [DL3006]"),
    ]);
    let ran = harden(folder.path(), &["lint"]);
    assert_eq!(
        ran.stderr,
        "note: skipped 1 template, 1 ignore file\n\
         note: `.hadolint.yaml` is not read; harden's own configuration is `harden.toml`\n"
    );
    assert_eq!(harden(folder.path(), &["lint", "-q"]).stderr, "");
    let verbose = harden(folder.path(), &["lint", "-v"]);
    assert!(verbose.stderr.contains("note: `Dockerfile.j2` is skipped: a template\n"), "{}", verbose.stderr);
}

#[test]
fn many_files_come_in_a_stable_order() {
    let names: Vec<String> = (0..200).map(|number| format!("{number:03}/Dockerfile")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), BROKEN)).collect();
    let folder = folder(&files);
    let ran = harden(folder.path(), &["lint", "--format", "jsonl", "--select", "syntax-error"]);
    let paths: Vec<String> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter_map(|line| line["place"]["path"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(paths, names);
}

#[test]
fn explain_and_lints_know_every_lint() {
    let folder = folder(&[]);
    let table = harden(folder.path(), &["lints"]);
    assert!(table.stdout.starts_with("lint "), "{}", table.stdout);
    for entry in harden::lint::registry() {
        let line = table.stdout.lines().find(|line| line.split(' ').next() == Some(entry.name)).expect(entry.name);
        assert!(line.ends_with(entry.lint.summary), "{line}");
        let page = harden(folder.path(), &["explain", entry.name]);
        assert!(page.stdout.starts_with(entry.readme.trim_end()), "{}", entry.name);
        assert_eq!(page.code, Some(0));
    }
    let document: Value =
        serde_json::from_str(&harden(folder.path(), &["lints", "--format", "json"]).stdout).expect("JSON");
    assert_eq!(document["lints"].as_array().map(Vec::len), Some(harden::lint::registry().len()));

    let page = harden(folder.path(), &["explain", "dl1000"]);
    assert!(page.stdout.starts_with("dl1000 is a case of `syntax-error`.\n\n# "), "{}", page.stdout);
    let unknown = harden(folder.path(), &["explain", "syntax-eror"]);
    assert_eq!(unknown.stderr, "error: harden explain: unknown lint `syntax-eror`; did you mean `syntax-error`?\n");
    assert_eq!(unknown.code, Some(2));
}

#[test]
fn parse_shows_the_source_the_tree_and_what_buildkit_dumps() {
    let text = "FROM a\nRUN b \\\n # c\n  d\n";
    let folder = folder(&[("Dockerfile", text)]);
    let dump = |what: &str| harden(folder.path(), &["parse", "Dockerfile", "--dump", what]);
    assert_eq!(dump("source").stdout, text);
    assert_eq!(dump("buildkit").stdout, "(from \"a\")\n(run \"b   d\")\n");
    assert!(dump("tree").stdout.contains("Comment"), "{}", dump("tree").stdout);
    let document: Value = serde_json::from_str(&dump("json").stdout).expect("JSON");
    assert_eq!(document["instructions"][1]["keyword"], "RUN");
    assert_eq!(document["instructions"][1]["arguments"]["text"]["start"], 11);
    assert_eq!(dump("json").code, Some(0));
    let broken = harden_reading(folder.path(), &["parse", "-", "--dump", "source"], BROKEN.as_bytes());
    assert_eq!((broken.code, broken.stdout.as_str()), (Some(0), BROKEN));
    assert_eq!(broken.stderr, "error: -:3:1: `RUNN` is no instruction\n");
    let refused = harden_reading(folder.path(), &["parse", "-", "--dump", "source"], b"FROM a\nENV X\n");
    assert_eq!((refused.code, refused.stderr.as_str()), (Some(1), "error: -:2:5: ENV `X` has no value\n"));
}

#[test]
fn completions_are_made_for_every_shell() {
    let folder = folder(&[]);
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = harden(folder.path(), &["completions", shell]);
        assert!(ran.stdout.contains("min-confidence"), "{shell}");
        assert_eq!(ran.code, Some(0));
    }
}

#[test]
fn usage_errors_exit_with_2_and_help_with_0() {
    let folder = folder(&[]);
    for arguments in [&[][..], &["lnt"], &["lint", "--fail-on", "often"], &["lint", "--config", "a", "--isolated"]] {
        let ran = harden(folder.path(), arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ran.stderr.contains("--help"), "{arguments:?}: {}", ran.stderr);
    }
    for arguments in [&["--help"][..], &["lint", "-h"], &["--version"]] {
        let ran = harden(folder.path(), arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn colours_go_to_who_asks_for_them() {
    let folder = folder(&[("Dockerfile", BROKEN)]);
    assert!(!harden(folder.path(), &["lint"]).stdout.contains('\u{1b}'), "none into a pipe");
    assert!(harden(folder.path(), &["lint", "--color", "always"]).stdout.contains('\u{1b}'));
    let forced = |name: &str| {
        let mut command = command(folder.path(), &["lint"]);
        command.env(name, "1");
        ran(command).stdout.contains('\u{1b}')
    };
    assert!(forced("CLICOLOR_FORCE"));
    assert!(!forced("NO_COLOR"));
}

/// The projects that README shows; the others are there to be built, which `build.rs` does.
const SHOWN: [&str; 5] = [".devcontainer", "api", "legacy", "web", "worker"];

/// Where a lint's words change on purpose: `cd testdata/projects && harden lint .devcontainer api legacy web worker
/// >expected.txt`, and read the difference.
#[test]
fn the_example_projects_give_what_the_readme_shows() {
    let expected = fs::read_to_string(projects().join("expected.txt")).expect("the expected output");
    let ran = harden(&projects(), &[&["lint"][..], &SHOWN].concat());
    for (number, (line, expected)) in ran.stdout.lines().zip(expected.lines()).enumerate() {
        assert_eq!(line, expected, "line {} of expected.txt", number + 1);
    }
    assert_eq!(ran.stdout.lines().count(), expected.lines().count(), "{}", ran.stdout);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), "note: skipped 1 template\n"));
}

#[test]
fn templates_are_told_by_their_text_and_linted_when_named() {
    let template = "FROM debian\n{{if windows}}\nRUN dir\n{{end}}\n";
    let folder = folder(&[("Dockerfile", template)]);
    let found = harden(folder.path(), &["lint"]);
    assert_eq!((found.code, found.stdout.as_str()), (Some(3), ""));
    assert!(found.stderr.contains("skipped 1 template"), "{}", found.stderr);
    let named = harden(folder.path(), &["lint", "--select", "syntax-error", "Dockerfile"]);
    assert_eq!(named.code, Some(1));
    assert!(named.stdout.contains("`{{if` is no instruction"), "{}", named.stdout);
}
