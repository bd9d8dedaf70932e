//! README.md tells the truth: its console blocks are run, its configuration is read, its files are linted.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use harden::config::Config;

use crate::support;

/// Commands that README promises and `.ci/run` runs.
const COMMANDS: [&str; 2] = ["cargo run --release --quiet -- lint --exit-zero testdata/projects", "bash tests/run"];

/// A fenced block: its language, and its text with a newline at the end of each line.
fn blocks(readme: &str) -> Vec<(&str, String)> {
    let mut blocks: Vec<(&str, String)> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(language), false) => {
                blocks.push((language, String::new()));
                inside = true;
            }
            (Some(_), true) => inside = false,
            (None, true) => {
                if let Some((_, text)) = blocks.last_mut() {
                    text.push_str(line);
                    text.push('\n');
                }
            }
            (None, false) => {}
        }
    }
    blocks
}

/// Runs the commands of a console block; the block as it has to be.
fn replay(block: &str) -> String {
    let mut code = 0;
    let mut actual = String::new();
    for line in block.lines() {
        let Some(command) = line.strip_prefix("$ ") else { continue };
        actual.push_str(line);
        actual.push('\n');
        if command == "echo $?" {
            actual.push_str(&format!("{code}\n"));
            continue;
        }
        let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
        assert!(command.starts_with("harden "), "README runs `{command}`, which this test doesn't know");
        let output = Command::new(env!("CARGO_BIN_EXE_harden"))
            .args(arguments)
            .current_dir(support::root())
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        code = output.status.code().unwrap_or(-1);
        for text in [output.stdout, output.stderr] {
            for line in String::from_utf8(text).expect("output is UTF-8").lines() {
                actual.push_str(line.trim_end());
                actual.push('\n');
            }
        }
    }
    actual
}

/// The parts of a block between its lines `…`, each of whole lines.
fn parts(written: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for line in written.split_inclusive('\n') {
        match parts.last_mut() {
            Some(part) if line != "…\n" => part.push_str(line),
            _ => parts.push(String::new()),
        }
    }
    parts
}

/// Whether `written` is `actual`, where a line `…` stands for any lines.
fn matches(written: &str, actual: &str) -> bool {
    let parts = parts(written);
    let mut rest = actual;
    for (index, part) in parts.iter().enumerate() {
        let found = if index == 0 { rest.starts_with(part.as_str()).then_some(0) } else { rest.find(part.as_str()) };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || written.ends_with("…\n")
}

#[test]
fn console_blocks_show_what_the_program_prints() {
    let path = support::root().join("README.md");
    let mut readme = fs::read_to_string(&path).expect("README.md is readable");
    let console: Vec<String> =
        blocks(&readme).into_iter().filter(|(language, _)| *language == "console").map(|(_, text)| text).collect();
    assert!(console.len() >= 8, "only {} blocks", console.len());
    let update = std::env::var_os("HARDEN_UPDATE").is_some_and(|value| value == "1");
    for written in console {
        let actual = replay(&written);
        if matches(&written, &actual) {
            continue;
        }
        assert!(
            update && parts(&written).len() == 1,
            "README.md shows\n{written}\nbut it is (HARDEN_UPDATE=1 writes it down)\n{actual}"
        );
        readme = readme.replace(&format!("```console\n{written}```\n"), &format!("```console\n{actual}```\n"));
    }
    if update {
        fs::write(path, readme).expect("README.md is writable");
    }
}

#[test]
fn configuration_is_read() {
    let readme = fs::read_to_string(support::root().join("README.md")).expect("README.md is readable");
    let mut seen = 0;
    for (_, text) in blocks(&readme).into_iter().filter(|(language, _)| *language == "toml") {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("harden.toml"), &text).expect("a writable folder");
        fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").expect("a writable folder");
        Config::read(Path::new("harden.toml"), &folder.path().join("harden.toml")).expect("well-formed");
        // The program also knows which names of lints there are.
        let output = Command::new(env!("CARGO_BIN_EXE_harden"))
            .args(["lint", "--fail-on", "never", "Dockerfile"])
            .current_dir(folder.path())
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn ignore_comments_silence() {
    let readme = fs::read_to_string(support::root().join("README.md")).expect("README.md is readable");
    let text = blocks(&readme).into_iter().find(|(language, _)| *language == "dockerfile").expect("an example").1;
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("Dockerfile"), &text).expect("a writable folder");
    let output = Command::new(env!("CARGO_BIN_EXE_harden"))
        .args(["lint", "--isolated", "--select", "unpinned-base,sudo-used,unused-ignore", "Dockerfile"])
        .current_dir(folder.path())
        .output()
        .expect("the program starts");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && shown.contains("2 suppressed"), "{shown}");
}

#[test]
fn ci_runs_the_two_commands() {
    let read = |path: &str| fs::read_to_string(support::root().join(path)).expect("the file is readable");
    let (readme, ci) = (read("README.md"), read(".ci/run"));
    for command in COMMANDS {
        assert!(readme.contains(command), "README.md has no `{command}`");
        assert!(ci.lines().any(|line| line == command), ".ci/run has no `{command}`");
    }
}
