//! The house rules that a program can check: which room may use which, where the outside world may be touched, and what
//! lies where (design: rooms, laws 8, 10 and 11).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{root, skip};

/// Layer 0: every room may use these (and among each other, those further left only).
const GROUND: [&str; 5] = ["platform", "text", "diagnostic", "tables", "secret"];

/// What else a room may use. A room that is not here may use nothing but layer 0 and itself.
const ARROWS: [(&str, &[&str]); 12] = [
    ("model", &["syntax", "shell", "manifest", "image"]),
    ("lint", &["model", "image", "config", "trust"]),
    ("lints", &["lint", "model", "image", "config", "trust", "syntax", "shell", "policy"]),
    ("policy", &["model", "image", "config"]),
    ("pin", &["syntax", "shell", "manifest", "model", "lint"]),
    ("fix", &["syntax", "shell", "manifest", "model", "lint"]),
    ("report", &["lint", "image"]),
    ("run", &["policy", "image", "config", "trust"]),
    ("lsp", BELOW_THE_EDGE),
    ("cli", BELOW_THE_EDGE),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// Layers 1 to 4, and the language server, which `harden lsp` starts.
const BELOW_THE_EDGE: &[&str] = &[
    "syntax", "shell", "manifest", "image", "model", "config", "discover", "trust", "lint", "policy", "pin", "fix",
    "report", "run", "lsp",
];

/// Words that only some files may say: the words, the files (by the start of their path), and why.
const RESERVED: [(&[&str], &[&str], &str); 11] = [
    (
        &[
            "std::os::unix",
            "std::os::windows",
            "std::os::linux",
            "rustix",
            "caps",
            "cfg(unix)",
            "cfg(windows)",
            "target_os",
        ],
        // The engine listens on a socket that only Unix has; elsewhere it is reached over TCP.
        &["src/run/", "src/image/daemon", "src/image/unpack", "src/platform/"],
        "harden builds on macOS and Windows too",
    ),
    (
        &[
            "ToSocketAddrs",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "UnixStream",
            "UnixListener",
            "oci_client",
            "tokio",
        ],
        // A container's ports are forwarded, and what it may reach is.
        &["src/image/registry", "src/image/daemon", "src/run/network"],
        "lint, fix and lsp open no socket",
    ),
    (
        &["std::fs", "std::env", "std::io", "std::time"],
        &[
            "src/cli/",
            "src/config/",
            "src/discover/",
            "src/image/",
            "src/lsp/",
            "src/main.rs",
            "src/platform/",
            "src/report/",
            "src/run/",
        ],
        "between the edges, facts come as data: parsing, lints and fixes read no file, clock or environment",
    ),
    (&["static mut", "thread_local!"], &[], "no global state"),
    (
        &["process::Command"],
        &["src/run/", "src/shell/shellcheck.rs", "src/platform/"],
        "processes start only there: what is launched, ShellCheck, credential helpers",
    ),
    (&["unsafe"], &["src/run/sys.rs"], "everything unsafe is in one file"),
    (&["print!", "println!", "eprint!", "eprintln!"], &["src/cli/", "src/main.rs"], "only the edges print"),
    (&["clap", "clap_complete", "clap_mangen"], &["src/cli/", "src/main.rs"], "only the command line knows clap"),
    (&["shuck_ast", "shuck_parser"], &["src/shell/posix"], "the shell's grammar sits behind one file"),
    (&["rowan"], &["src/syntax/"], "the tree sits behind syntax"),
    (&["miette"], &["src/report/"], "miette renders, and does nothing else"),
];

/// Files that may be longer than a file should be, each with the reason.
const LONG: [(&str, &str); 1] = [("src/syntax/expand.rs", "one state machine, which reads best in one piece")];

/// What may lie in the open at the top.
const TOP: [&str; 12] = [
    "Cargo.lock",
    "Cargo.toml",
    "Dockerfile",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "editors",
    "lints",
    "pyproject.toml",
    "src",
    "testdata",
    "tests",
];

#[test]
fn arrows_go_down_only() {
    let mut wrong = Vec::new();
    for file in rust_files() {
        for used in rooms_used(&file.code, if file.room == "main" { "harden" } else { "crate" }) {
            if !may_use(&file.room, &used) {
                wrong.push(format!("{}: `{}` may not use `{used}`", file.path, file.room));
            }
        }
        // A path that climbs two modules can leave its room unseen.
        if file.code.contains("super::super") {
            wrong.push(format!("{}: `super::super` hides which room is used; write `crate::`", file.path));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_arrow_test_sees_every_way_to_write_an_arrow() {
    let code = "use crate::{text::Span, lint::{Lint, meta}};\nfn f(x: crate::model::Dockerfile) { crate::cli::main() }";
    let used: Vec<String> = rooms_used(code, "crate").into_iter().collect();
    assert_eq!(used, ["cli", "lint", "model", "text"]);
    assert!(may_use("cli", "lint") && may_use("lints", "shell") && may_use("secret", "tables"));
    assert!(!may_use("lint", "syntax") && !may_use("syntax", "shell") && !may_use("text", "diagnostic"));
    assert!(!may_use("report", "model") && !may_use("lsp", "cli") && !may_use("model", "lint"));
}

#[test]
fn the_outside_world_is_touched_only_where_it_may_be() {
    let mut wrong = Vec::new();
    for file in rust_files() {
        for (words, places, why) in RESERVED {
            if places.iter().any(|place| file.path.starts_with(place)) {
                continue;
            }
            for word in words.iter().filter(|word| says(&file.code, word)) {
                let places = if places.is_empty() { "no file".to_owned() } else { places.join(", ") };
                wrong.push(format!("{}: `{word}` belongs in {places} ({why})", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn comments_and_strings_are_not_code() {
    let code = code_of(
        "let a = \"unsafe\"; // unsafe\n/* unsafe /* rowan */ */ let b = r#\"un\"safe\"#; let c = '\"'; fn d<'a>() {}",
    );
    assert!(!says(&code, "unsafe") && !says(&code, "rowan"), "{code}");
    assert!(says(&code, "let") && code.contains("fn d<'a>() {}"), "{code}");
    assert!(says("unsafe { x }", "unsafe") && !says("Unsafe, unsafely", "unsafe"));
    assert!(says("println!(\"a\")", "println!") && !says("eprintln!()", "println!"));
}

#[test]
fn the_top_of_the_house_is_tidy() {
    let entries = std::fs::read_dir(root()).expect("the checkout is readable");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    let strangers: Vec<String> =
        names.filter(|name| !name.starts_with('.') && name != "target" && !TOP.contains(&name.as_str())).collect();
    assert!(strangers.is_empty(), "these have no place at the top: {}", strangers.join(", "));
}

#[test]
fn every_lint_folder_is_complete() {
    for folder in folders(&root().join("lints")) {
        let mut names: Vec<String> = std::fs::read_dir(&folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        // A lint of more than one idea has modules beside lint.rs, and nothing else.
        names.retain(|name| name == "lint.rs" || !name.ends_with(".rs"));
        assert_eq!(names, ["README.md", "cases.md", "lint.rs"], "{}", folder.display());
    }
}

#[test]
fn every_room_says_what_it_is() {
    let rooms = folders(&root().join("src"));
    assert!(rooms.len() > 10, "src has its rooms");
    for room in rooms {
        let text = std::fs::read_to_string(room.join("mod.rs"))
            .unwrap_or_else(|error| panic!("{}: {error}", room.join("mod.rs").display()));
        assert!(text.starts_with("//! "), "{} starts without saying what the room is for", room.display());
    }
}

#[test]
fn no_file_is_longer_than_an_idea() {
    let mut wrong = Vec::new();
    for file in rust_files() {
        let lines = file.text.lines().count();
        let allowed = LONG.iter().any(|(path, _)| *path == file.path);
        if lines > 500 && !allowed {
            wrong.push(format!("{}: {lines} lines; part it, or say in LONG why not", file.path));
        }
        if lines <= 500 && allowed {
            wrong.push(format!("{}: short enough now; take it out of LONG", file.path));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn what_is_left_to_do_is_an_issue() {
    let markers = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut wrong = Vec::new();
    for folder in ["src", "lints", "tests"] {
        for path in files_under(&root().join(folder)) {
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            for (number, line) in text.lines().enumerate() {
                let marked = markers.iter().any(|marker| {
                    positions(line, marker)
                        .any(|at| !line[at + marker.len()..].trim_start_matches(['(', ' ']).starts_with('#'))
                });
                if marked {
                    wrong.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "these name no issue, as in `(#12)`:\n{}", wrong.join("\n"));
}

/// `cargo fmt` finds files through `mod`; those of the lints and the build script it does not see.
#[test]
fn lints_are_formatted() {
    let mut command = Command::new("rustfmt");
    command.args(["--check", "--edition", "2024"]).arg(root().join("lints/build.rs"));
    command.args(folders(&root().join("lints")).iter().map(|folder| folder.join("lint.rs")));
    match command.output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) => skip(&format!("rustfmt: {error}")),
    }
}

/// A file of the program or of a lint.
struct File {
    /// From the root, with `/`.
    path: String,
    room: String,
    text: String,
    /// The text without comments and the contents of strings.
    code: String,
}

fn rust_files() -> Vec<File> {
    let mut paths = files_under(&root().join("src"));
    paths.extend(folders(&root().join("lints")).iter().map(|folder| folder.join("lint.rs")));
    let files = paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let files: Vec<File> = files
        .map(|full| {
            let path = full.strip_prefix(root()).expect("under the root").to_string_lossy().replace('\\', "/");
            let mut parts = path.split('/');
            let room = match (parts.next(), parts.next()) {
                (Some("lints"), _) => "lints",
                (_, Some(name)) => name.trim_end_matches(".rs"),
                _ => unreachable!("two parts at least"),
            };
            let text = std::fs::read_to_string(&full).expect("source is UTF-8");
            File { room: room.to_owned(), code: code_of(&text), path, text }
        })
        .collect();
    assert!(files.len() > 30, "the source is there");
    files
}

fn may_use(room: &str, used: &str) -> bool {
    let ground = |room: &str| GROUND.iter().position(|name| *name == room);
    match (ground(room), ground(used)) {
        _ if room == used => true,
        (Some(room), Some(used)) => used < room,
        (Some(_), None) => false,
        (None, Some(_)) => room != "main",
        (None, None) => ARROWS.iter().any(|(name, uses)| *name == room && uses.contains(&used)),
    }
}

/// The rooms that `start::…` paths lead to, grouped imports included.
fn rooms_used(code: &str, start: &str) -> BTreeSet<String> {
    let marker = format!("{start}::");
    let mut rooms = BTreeSet::new();
    for at in positions(code, &marker) {
        let rest = code[at + marker.len()..].trim_start();
        match rest.strip_prefix('{') {
            None => rooms.extend(word(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut item = true;
                for (index, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => item = true,
                        c if item && !c.is_whitespace() => {
                            rooms.extend(word(&group[index..]));
                            item = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    rooms
}

fn word(text: &str) -> Option<String> {
    let end = text.find(|c: char| !is_word(c)).unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// Where `needle` stands in `text` as words of its own.
fn positions<'a>(text: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(needle).map(|(at, _)| at).filter(move |&at| {
        let open = |c: Option<char>, edge: Option<char>| !(c.is_some_and(is_word) && edge.is_some_and(is_word));
        open(text[..at].chars().next_back(), needle.chars().next())
            && open(text[at + needle.len()..].chars().next(), needle.chars().next_back())
    })
}

fn says(code: &str, needle: &str) -> bool {
    // A name of a crate counts where something of it is used, not where a function happens to be called so.
    let is_crate =
        !needle.contains([':', '!', '(', ' ']) && needle != "unsafe" && needle != "target_os" && needle != "let";
    positions(code, needle).any(|at| {
        let behind = code[at + needle.len()..].trim_start();
        let before = code[..at].trim_end();
        let part_of_path = before.ends_with("::") && !needle.contains("::") && !needle.starts_with(char::is_uppercase);
        let imported = before.ends_with("use") || needle.starts_with(char::is_uppercase);
        !is_crate || (behind.starts_with("::") && !part_of_path) || imported
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Rust source without comments and without what is in strings.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after_word = code.chars().next_back().is_some_and(is_word);
        let raw = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r').filter(|_| !after_word);
        let hashes = raw.map_or(0, |raw| raw.len() - raw.trim_start_matches('#').len());
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment_length(rest)
        } else if raw.is_some_and(|raw| raw[hashes..].starts_with('"')) {
            let open = rest.find('"').expect("just seen") + 1;
            let close = format!("\"{}", "#".repeat(hashes));
            code.push_str("\"\"");
            rest[open..].find(&close).map_or(rest.len(), |at| open + at + close.len())
        } else if c == '"' {
            code.push_str("\"\"");
            string_length(rest, '"')
        } else if c == '\'' && is_char_literal(rest) {
            code.push_str("' '");
            string_length(rest, '\'')
        } else {
            code.push(c);
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    code
}

fn comment_length(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn string_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_char_literal(text: &str) -> bool {
    let mut rest = text.chars().skip(1);
    match (rest.next(), rest.next()) {
        (Some('\\'), _) => true,
        (Some(_), Some(second)) => second == '\'',
        _ => false,
    }
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn files_under(path: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut waiting = vec![path.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            let built = path.file_name().is_some_and(|name| name == "target");
            if path.is_dir() && !built {
                waiting.push(path);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
