//! The build context: ignore files, what a Dockerfile names, where its scripts come from, and hostile folders.

use std::fs;
use std::path::Path;

use harden::cli::context::{Repositories, fill, find, gather};
use harden::fix::Files;
use harden::model::dockerignore::{Dockerignore, clean, context_path, glob_matches};
use harden::model::{ContextFile, Dockerfile, Known, script_of, wanted};
use harden::text::Source;
use tempfile::TempDir;

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

fn model(text: &str) -> Dockerfile {
    Dockerfile::new("Dockerfile", Source::new(text.as_bytes().to_vec()))
}

/// What is asked for; `+` marks paths that COPY names, `!` those to read.
fn asks(text: &str) -> Vec<String> {
    let mark = |is: bool, mark: &'static str| if is { mark } else { "" };
    let show = |w: &harden::model::Wanted| format!("{}{}{}", mark(w.named, "+"), mark(w.read, "!"), w.path);
    wanted(&model(text)).iter().map(show).collect()
}

#[test]
fn sources_of_copy_and_add_are_wanted() {
    let text = "FROM golang AS build\nARG DIR=src\nARG WHO\nCOPY go.mod ./go.sum /\nCOPY $DIR/ ../up *.txt d?/x /src/\n\
        ADD https://example.com/x git@example.com:a/b.git local.tar /\nCOPY [\"a b\", \"/c\", \"/\"]\n\
        COPY <<EOF here /etc/\nx\nEOF\nCOPY $WHO /\nONBUILD COPY later /\n\
        FROM scratch\nCOPY --from=build /bin/app /app\nCOPY --from=nginx /etc /etc\nCOPY . .\n";
    assert_eq!(asks(text), ["+go.mod", "+go.sum", "+src", "+up", "+local.tar", "+a b", "+c", "+here", "+."]);
}

#[test]
fn scripts_are_traced_back_to_the_context() {
    // `COPY a /b` with /b/a in use: `a` may be the file or a folder with an `a` in it.
    let asks_with = |rest: &str| asks(&format!("FROM debian\n{rest}"));
    let entrypoint = "\nENTRYPOINT [\"docker-entrypoint.sh\"]\n";
    assert_eq!(
        asks_with(&format!("COPY docker-entrypoint.sh /usr/local/bin/{entrypoint}")),
        ["+!docker-entrypoint.sh", "!docker-entrypoint.sh/docker-entrypoint.sh"]
    );
    assert_eq!(
        asks_with(&format!("COPY d/docker-entrypoint.sh /usr/local/bin{entrypoint}")),
        ["+!d/docker-entrypoint.sh", "!d/docker-entrypoint.sh/docker-entrypoint.sh",]
    );
    assert_eq!(asks_with("COPY e.sh /entry\nCMD /entry run\n"), ["+!e.sh"]);
    assert_eq!(asks_with("WORKDIR /srv/app\nCOPY . .\nCMD [\"./bin/start\", \"--x\"]\n"), ["+.", "!bin/start"]);
    assert_eq!(
        asks_with("WORKDIR /srv\nCOPY ops/ app/\nCMD [\"tini\", \"--\", \"/srv/app/run.sh\"]\n"),
        ["+ops", "!ops/run.sh",]
    );
    assert_eq!(asks_with("COPY scripts/*.sh /opt/\nENTRYPOINT [\"sh\", \"/opt/go.sh\"]\n"), ["!scripts/go.sh"]);
    assert_eq!(asks_with("ENV PATH=/app/bin:$PATH\nCOPY . /app\nCMD [\"serve\"]\n"), ["+.", "!bin/serve"]);
    assert_eq!(asks_with("COPY . /app\nRUN apt-get update && /app/setup.sh\n"), ["+.", "!setup.sh"]);
    assert_eq!(asks_with("COPY i.sh /tmp/\nRUN bash /tmp/i.sh && sh -c '/tmp/i.sh'\n"), ["+!i.sh", "!i.sh/i.sh"]);
    // What is copied later is not there yet for RUN, but is for ENTRYPOINT.
    assert_eq!(asks_with("RUN /a.sh\nCOPY a.sh /a.sh\n"), ["+a.sh"]);
    assert_eq!(asks_with("ENTRYPOINT [\"/a.sh\"]\nCOPY a.sh /a.sh\n"), ["+!a.sh"]);
    assert_eq!(asks_with("COPY --parents x/y.sh /z/\nCMD [\"/z/x/y.sh\"]\n"), ["+!x/y.sh"]);
}

#[test]
fn scripts_are_traced_through_stages() {
    let text = "FROM alpine AS files\nWORKDIR /out\nCOPY run.sh .\nFROM debian AS base\nCOPY --from=files /out/ /srv/\n\
        FROM base\nENTRYPOINT [\"/srv/run.sh\"]\n";
    assert_eq!(asks(text), ["+!run.sh", "!run.sh/run.sh"]);
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

/// The model of `Dockerfile` in a folder, with its context.
fn gathered(folder: &Path, path: &str) -> Dockerfile {
    let file = folder.join(path);
    let mut dockerfile = Dockerfile::new(path, Source::new(fs::read(&file).expect("a Dockerfile")));
    gather(&mut dockerfile, &file, &Repositories::default(), &Files::new());
    dockerfile
}

fn text(text: &str) -> Option<ContextFile> {
    Some(ContextFile::Text(text.to_owned()))
}

const WITH_SCRIPT: &str =
    "FROM debian\nCOPY run.sh conf data /\nCOPY absent /\nENTRYPOINT [\"tini\", \"--\", \"/run.sh\"]\nCMD [\"x\"]\n";

#[test]
fn the_context_is_filled_in() {
    let folder = folder(&[("Dockerfile", WITH_SCRIPT), ("run.sh", "exec gosu x\n"), ("conf/a", ""), ("data", "b")]);
    let dockerfile = gathered(folder.path(), "Dockerfile");
    let file = |path: &str| dockerfile.context.file(path).cloned();
    assert_eq!(file("./run.sh"), text("exec gosu x\n"));
    assert_eq!(file("/conf/"), Some(ContextFile::Folder));
    assert_eq!(file("data"), Some(ContextFile::Present));
    assert_eq!(file("absent"), Some(ContextFile::Absent));
    assert_eq!(file("Dockerfile"), None);
    let script = script_of(&dockerfile, &dockerfile.stages[0]).expect("the script");
    assert_eq!((script.path, script.text, script.image_path.as_str()), ("run.sh", "exec gosu x\n", "/run.sh"));
    assert_eq!(script.instruction, 3);
}

#[test]
fn the_ignore_file_beside_the_dockerfile_goes_first() {
    let folder = folder(&[("Dockerfile", WITH_SCRIPT), ("run.sh", "x"), ("conf/a", ""), ("data", "")]);
    write(folder.path(), ".dockerignore", "*\n!data\n!conf/a\n");
    let dockerfile = gathered(folder.path(), "Dockerfile");
    let file = |dockerfile: &Dockerfile, path: &str| dockerfile.context.file(path).cloned();
    assert_eq!(file(&dockerfile, "run.sh"), Some(ContextFile::Absent));
    assert_eq!(file(&dockerfile, "data"), Some(ContextFile::Present));
    assert_eq!(file(&dockerfile, "conf"), Some(ContextFile::Folder));
    assert!(dockerfile.context.ignore.is_some_and(|ignore| ignore.ignores("b")));
    write(folder.path(), "Dockerfile.dockerignore", "data\n");
    let dockerfile = gathered(folder.path(), "Dockerfile");
    assert_eq!(file(&dockerfile, "run.sh"), text("x"));
    assert_eq!(file(&dockerfile, "data"), Some(ContextFile::Absent));
    write(folder.path(), "Dockerfile.dockerignore", "");
    assert_eq!(file(&gathered(folder.path(), "Dockerfile"), "data"), Some(ContextFile::Present));
}

#[test]
fn the_context_may_be_a_folder_above() {
    let folder = folder(&[(".git/HEAD", ""), ("docker/web/Dockerfile", WITH_SCRIPT), ("run.sh", "up"), ("data", "")]);
    write(folder.path(), "docker/conf", "");
    let dockerfile = gathered(folder.path(), "docker/web/Dockerfile");
    assert_eq!(dockerfile.context.file("run.sh").cloned(), text("up"));
    assert_eq!(dockerfile.context.file("conf").cloned(), Some(ContextFile::Absent));
    // Not above the repository.
    fs::create_dir(folder.path().join("docker/.git")).expect("a folder");
    let dockerfile = gathered(folder.path(), "docker/web/Dockerfile");
    assert_eq!(dockerfile.context.file("conf").cloned(), Some(ContextFile::Present));
    fs::remove_file(folder.path().join("docker/conf")).expect("removed");
    let why = "nothing that COPY names is beside the Dockerfile or in a folder above it";
    let dockerfile = gathered(folder.path(), "docker/web/Dockerfile");
    assert_eq!(dockerfile.context.files, Known::Unknown(why.to_owned()));
    // `COPY . .` alone says nothing; then a script does.
    let text = "FROM debian\nWORKDIR /app\nCOPY . .\nCMD [\"./run.sh\"]\n";
    let dockerfile = Dockerfile::new("d", Source::new(text.into()));
    let own = folder.path().join("docker/web");
    assert_eq!(find(&dockerfile, &own.join("Dockerfile")), Known::Known(own.clone()));
    write(folder.path(), "docker/run.sh", "");
    assert_eq!(find(&dockerfile, &own.join("Dockerfile")), Known::Known(folder.path().join("docker")));
}

#[test]
fn standard_input_has_no_context() {
    let mut dockerfile = Dockerfile::new("-", Source::new(WITH_SCRIPT.into()));
    gather(&mut dockerfile, Path::new("-"), &Repositories::default(), &Files::new());
    assert_eq!(dockerfile.context.files, Known::Unknown("standard input has no build context".to_owned()));
    assert_eq!(script_of(&dockerfile, &dockerfile.stages[0]), None);
}

#[test]
fn only_short_text_is_read() {
    let folder =
        folder(&[("Dockerfile", WITH_SCRIPT), ("run.sh", &"a".repeat(256 * 1024)), ("conf", ""), ("data", "")]);
    let file = |folder: &TempDir| gathered(folder.path(), "Dockerfile").context.file("run.sh").cloned();
    assert_eq!(file(&folder), text(&"a".repeat(256 * 1024)));
    write(folder.path(), "run.sh", &"a".repeat(256 * 1024 + 1));
    assert_eq!(file(&folder), Some(ContextFile::Present));
    write(folder.path(), "run.sh", "\u{7f}ELF\0");
    assert_eq!(file(&folder), Some(ContextFile::Present));
    fs::write(folder.path().join("run.sh"), b"# caf\xe9\n").expect("a file");
    assert_eq!(file(&folder), text("# caf\u{fffd}\n"));
}

#[test]
fn no_more_than_200_paths_are_looked_at() {
    let copies: String = (0..1000).map(|number| format!("COPY f{number} /\n")).collect();
    assert_eq!(wanted(&model(&format!("FROM x\n{copies}"))).len(), 200);
    let calls: String = (0..3000).map(|number| format!("COPY d{number} /d\nRUN /d/x{number}.sh\n")).collect();
    assert_eq!(wanted(&model(&format!("FROM x\n{calls}"))).len(), 200);
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out_of_the_context() {
    use std::os::unix::fs::symlink;
    let outside = folder(&[("secret", "top"), ("dir/run.sh", "top")]);
    let folder = folder(&[("Dockerfile", WITH_SCRIPT), ("real.sh", "inside"), ("data", "")]);
    let run = folder.path().join("run.sh");
    let file = |path: &str| gathered(folder.path(), "Dockerfile").context.file(path).cloned();
    symlink("real.sh", &run).expect("a link");
    assert_eq!(file("run.sh"), text("inside"));
    for target in [outside.path().join("secret"), outside.path().join("missing"), "run.sh".into(), "/dev/zero".into()] {
        fs::remove_file(&run).expect("removed");
        symlink(&target, &run).expect("a link");
        assert_eq!(file("run.sh"), Some(ContextFile::Present), "{}", target.display());
    }
    symlink(outside.path().join("dir"), folder.path().join("conf")).expect("a link");
    assert_eq!(file("conf"), Some(ContextFile::Present));
    // Nor is an ignore file read from there.
    write(outside.path(), "ignore", "*\n");
    symlink(outside.path().join("ignore"), folder.path().join(".dockerignore")).expect("a link");
    assert_eq!(file("data"), Some(ContextFile::Present));
}

#[cfg(unix)]
#[test]
fn a_fifo_does_not_block() {
    let folder = folder(&[("Dockerfile", WITH_SCRIPT), ("data", "")]);
    for name in ["run.sh", ".dockerignore"] {
        let made = std::process::Command::new("mkfifo").arg(folder.path().join(name)).status();
        assert!(made.is_ok_and(|status| status.success()));
    }
    let dockerfile = gathered(folder.path(), "Dockerfile");
    assert_eq!(dockerfile.context.file("run.sh").cloned(), Some(ContextFile::Present));
    assert_eq!(dockerfile.context.ignore, None);
}

#[test]
fn a_context_may_be_given() {
    let folder = folder(&[("docker/Dockerfile", WITH_SCRIPT), ("ctx/run.sh", "given")]);
    let mut dockerfile = Dockerfile::new("docker/Dockerfile", Source::new(WITH_SCRIPT.into()));
    fill(&mut dockerfile, &folder.path().join("docker/Dockerfile"), &folder.path().join("ctx"));
    assert_eq!(dockerfile.context.file("run.sh").cloned(), text("given"));
    fill(&mut dockerfile, &folder.path().join("docker/Dockerfile"), &folder.path().join("nowhere"));
    let why = "the folder of the build context is not accessible";
    assert_eq!(dockerfile.context.files, Known::Unknown(why.to_owned()));
}
