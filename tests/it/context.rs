//! The build context: ignore files, what a Dockerfile names, where its scripts come from, and hostile folders.

use harden::model::dockerignore::{Dockerignore, clean, context_path, glob_matches};

/// The paths that a well-formed ignore file keeps out.
fn ignored<'p>(file: &str, paths: &[&'p str]) -> Vec<&'p str> {
    let file = Dockerignore::parse(file);
    assert_eq!(file.errors(), []);
    paths.iter().copied().filter(|path| file.ignores(path)).collect()
}

#[test]
fn ignore_lines_are_read_as_docker_reads_them() {
    let file = "\u{feff}# comment\n\n  padded  \r\n/rooted\nfolder/\n./here/../there\n #not-a-comment\n";
    let paths =
        ["# comment", "padded", "rooted", "a/rooted", "folder", "folder/x/y", "there", "here", "#not-a-comment"];
    assert_eq!(ignored(file, &paths), ["padded", "rooted", "folder", "folder/x/y", "there", "#not-a-comment"]);
}

#[test]
fn ignore_patterns_are_anchored_and_hold_below() {
    let paths = ["a.log", "x/a.log", "x/y/a.log", "x", "x/y", "ab", "a/b/c"];
    assert_eq!(ignored("*.log", &paths), ["a.log"]);
    assert_eq!(ignored("**/*.log", &paths), ["a.log", "x/a.log", "x/y/a.log"]);
    assert_eq!(ignored("*/*.log", &paths), ["x/a.log"]);
    assert_eq!(ignored("x/**", &paths), ["x/a.log", "x/y/a.log", "x/y"]);
    assert_eq!(ignored("x/**/a.log", &paths), ["x/a.log", "x/y/a.log"]);
    assert_eq!(ignored("**.log", &paths), ["a.log", "x/a.log", "x/y/a.log"]);
    assert_eq!(ignored("a?", &paths), ["ab"]);
    assert_eq!(ignored("a", &paths), ["a/b/c"]);
    assert_eq!(ignored("*", &paths), paths);
    assert_eq!(ignored("**", &paths), paths);
    assert_eq!(ignored("[w-y]", &paths), ["x/a.log", "x/y/a.log", "x", "x/y"]);
    assert_eq!(ignored(".", &paths), [""; 0]);
}

#[test]
fn ignore_classes_and_escapes() {
    let paths = ["a1", "ab", "a-", "a*", "a/", "[x]"];
    assert_eq!(ignored("a[0-9]", &paths), ["a1"]);
    assert_eq!(ignored("a[^0-9]", &paths), ["ab", "a-", "a*"]);
    assert_eq!(ignored(r"a[\-b]", &paths), ["ab", "a-"]);
    assert_eq!(ignored(r"a\*", &paths), ["a*"]);
    assert_eq!(ignored(r"\[x\]", &paths), ["[x]"]);
}

#[test]
fn the_last_ignore_pattern_decides() {
    let paths = ["src/main.rs", "src/gen/a.rs", "Cargo.toml", "docs/a.md", "README.md"];
    assert_eq!(ignored("*\n!src\n!Cargo.toml\nsrc/gen\n", &paths), ["src/gen/a.rs", "docs/a.md", "README.md"]);
    assert_eq!(ignored("docs\n!**/*.md\n", &paths), [""; 0]);
    assert_eq!(ignored("!README.md\n*.md\n", &paths), ["README.md"]);
    assert_eq!(ignored("*.md\n! README.md\n", &paths), [""; 0]);
    let file = Dockerignore::parse("*\n!src/gen/*.rs\n");
    assert!(file.ignores("src") && file.has_exception_below("src") && file.has_exception_below("src/gen"));
    assert!(!file.has_exception_below("docs"));
    assert!(Dockerignore::parse("*\n!**/*.rs\n").has_exception_below("docs"));
}

#[test]
fn malformed_ignore_lines_cost_themselves_only() {
    let file = Dockerignore::parse("a\n!\nb[\n[]c]\n[z-a]\n\\\nd\n");
    let errors: Vec<(u32, &str)> = file.errors().iter().map(|error| (error.line, error.message.as_str())).collect();
    let expected = [
        (2, "`!` names nothing to take back"),
        (3, "the pattern `b[` has a `[` that is not closed"),
        (4, "the pattern `[]c]` has `[…]` that Docker does not understand"),
        (5, "the pattern `[z-a]` has `[…]` that Docker does not understand"),
        (6, r"the pattern `\` ends with a `\` that escapes nothing"),
    ];
    assert_eq!(errors, expected);
    assert!(file.ignores("a") && file.ignores("d") && !file.ignores("b"));
}

#[test]
fn hostile_ignore_files_end() {
    let many = "*a".repeat(2000);
    let file = Dockerignore::parse(&format!("{many}b\n").repeat(60));
    assert!(!file.ignores(&"a".repeat(4000)));
    assert_eq!(Dockerignore::parse(&"*".repeat(5000)).errors().len(), 1);
}

#[test]
fn paths_are_cleaned_by_their_letters() {
    let cleaned = ["", ".", "a//b/./c/", "a/../..", "/..", "/a/../b", "../a", "a/.."].map(clean);
    assert_eq!(cleaned, [".", ".", "a/b/c", "..", "/", "/b", "../a", "."]);
    assert_eq!(["", "/", "../a", "./a/", "/a/b"].map(context_path), [".", ".", "a", "a", "a/b"]);
    assert!(glob_matches("*.sh", "run.sh") && !glob_matches("*.sh", "a/run.sh") && !glob_matches("[", "["));
}
