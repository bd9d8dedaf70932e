//! `harden fix` as people start it: what it writes, what it leaves alone, and what it says of input that nobody wishes for.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cli::{command, folder, harden};
use crate::support::skip;

/// A file with one safe fix (`suid-bit-set` has an unsafe one).
const BEFORE: &str = "FROM alpine:3.20\n# harden: ignore[root-user] gone\nUSER 1\nRUN chmod 4755 /x\n";
const SAFE: &str = "FROM alpine:3.20\nUSER 1\nRUN chmod 4755 /x\n";
const UNSAFE: &str = "FROM alpine:3.20\nUSER 1\nRUN chmod 0755 /x\n";
const ONLY: &str = "suid-bit-set,unused-ignore,root-user";

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).expect("the file is there")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[test]
fn safe_fixes_are_written_and_the_rest_is_named() {
    let folder = folder(&[("Dockerfile", BEFORE)]);
    let ran = harden(folder.path(), &["fix", "--only", ONLY]);
    assert_eq!(
        ran.stdout,
        "fixed Dockerfile: 1 fix
     2  unused-ignore: Remove the comment (safe: a comment changes nothing in the image)
1 fix applied in 1 of 1 file; 1 finding left, 1 with an unsafe fix (--unsafe applies it)
"
    );
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""), "a finding that counts is left");
    assert_eq!(read(folder.path(), "Dockerfile"), SAFE);
    let ran = harden(folder.path(), &["fix", "--only", ONLY, "--unsafe"]);
    assert!(ran.stdout.starts_with("fixed Dockerfile: 1 fix\n     3  suid-bit-set: "), "{}", ran.stdout);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "all fixed");
    assert_eq!(read(folder.path(), "Dockerfile"), UNSAFE);
    let ran = harden(folder.path(), &["fix", "--only", ONLY, "--unsafe"]);
    assert_eq!((ran.stdout.as_str(), ran.code), ("0 fixes applied in 0 of 1 file; 0 findings left\n", Some(0)));
    assert_eq!(names(folder.path()), [".git", "Dockerfile"], "nothing else is left behind");
}

#[test]
fn check_and_diff_write_nothing() {
    let folder = folder(&[("a b/Dockerfile", BEFORE)]);
    let ran = harden(folder.path(), &["fix", "--only", ONLY, "--check"]);
    assert!(ran.stdout.starts_with("would fix a b/Dockerfile: 1 fix\n"), "{}", ran.stdout);
    assert_eq!(ran.code, Some(1));
    let ran = harden(folder.path(), &["fix", "--only", ONLY, "--diff", "--unsafe"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("2 fixes would be applied"), "{}", ran.stderr);
    assert_eq!(read(folder.path(), "a b/Dockerfile"), BEFORE);

    // The patch does what fix does, from the folder that it was made in, which may lie in a repository.
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(folder.path()).args(arguments).stdin(Stdio::piped());
        let mut child = git.spawn().expect("git starts");
        child.stdin.take().expect("a pipe").write_all(ran.stdout.as_bytes()).expect("git reads");
        assert!(child.wait().expect("git ends").success(), "git {arguments:?} of\n{}", ran.stdout);
    };
    fs::remove_dir(folder.path().join(".git")).expect("an empty folder");
    git(&["init", "--quiet"]);
    git(&["apply", "-"]);
    assert_eq!(read(folder.path(), "a b/Dockerfile"), UNSAFE);
    let ran = harden(folder.path(), &["fix", "--only", ONLY, "--check", "--unsafe"]);
    assert_eq!(ran.code, Some(0), "nothing is left to do");
}

#[test]
fn patches_of_files_without_a_last_newline_and_with_crlf_apply() {
    let texts = [
        "FROM a\r\n# harden: ignore[root-user] gone\r\nUSER 1\r\n",
        "FROM a\n# harden: ignore[root-user] gone\nUSER 1",
        "FROM a\nRUN chmod 4755 /x",
    ];
    for text in texts {
        let folder = folder(&[("Dockerfile", text)]);
        fs::remove_dir(folder.path().join(".git")).expect("an empty folder");
        let patch = harden(folder.path(), &["fix", "--only", ONLY, "--unsafe", "--diff", "-q"]);
        fs::write(folder.path().join("p"), &patch.stdout).expect("a writable folder");
        let done = Command::new("git").current_dir(folder.path()).args(["apply", "p"]).status().expect("git starts");
        assert!(done.success(), "{}", patch.stdout);
        let patched = read(folder.path(), "Dockerfile");
        fs::write(folder.path().join("Dockerfile"), text).expect("a writable file");
        harden(folder.path(), &["fix", "--only", ONLY, "--unsafe"]);
        assert_eq!(patched, read(folder.path(), "Dockerfile"));
        assert_ne!(patched, text);
    }
}

#[test]
fn standard_input_goes_to_standard_output() {
    let folder = folder(&[]);
    let run = |arguments: &[&str]| {
        let mut child = command(folder.path(), arguments);
        let mut child =
            child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("a pipe").write_all(BEFORE.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        (
            String::from_utf8(output.stdout).expect("UTF-8"),
            String::from_utf8(output.stderr).expect("UTF-8"),
            output.status.code(),
        )
    };
    let (stdout, stderr, code) = run(&["fix", "--only", ONLY, "-"]);
    assert_eq!((stdout.as_str(), code), (SAFE, Some(1)));
    assert!(stderr.contains("fixed -: 1 fix"), "{stderr}");
    let (stdout, _, code) = run(&["fix", "--only", "root-user", "-", "-q"]);
    assert_eq!((stdout.as_str(), code), (BEFORE, Some(0)), "unchanged text comes out too");
    let (stdout, _, code) = run(&["fix", "--only", ONLY, "--diff", "-", "--stdin-filename", "web/Dockerfile"]);
    assert!(stdout.starts_with("--- a/web/Dockerfile\n+++ b/web/Dockerfile\n"), "{stdout}");
    assert_eq!(code, Some(1));
}

#[test]
fn json_tells_what_was_done() {
    let folder = folder(&[("Dockerfile", BEFORE), ("web/Dockerfile", "FROM scratch\n")]);
    let ran = harden(folder.path(), &["fix", "--only", ONLY, "--format", "json", "--exit-zero"]);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout));
    assert_eq!(document["version"], 1);
    assert_eq!(document["files"][0]["path"], "Dockerfile");
    assert_eq!(document["files"][0]["applied"][0]["lint"], "unused-ignore");
    assert_eq!(document["files"][0]["applied"][0]["safety"], "safe");
    assert_eq!(document["files"][0]["left"], 1);
    assert_eq!(document["files"][1]["changed"], false);
    assert_eq!(document["summary"]["fixes"], 1);
    assert_eq!(ran.code, Some(0));
    let empty = tempfile::tempdir().expect("a folder");
    let ran = harden(empty.path(), &["fix", "--format", "json"]);
    assert!(serde_json::from_str::<Value>(&ran.stdout).is_ok(), "{}", ran.stdout);
    assert_eq!(ran.code, Some(3));
}

#[test]
fn a_lock_file_gives_digests() {
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let lock = format!("{{\"images\": {{\"alpine:3.20\": \"{digest}\"}}}}");
    let folder =
        folder(&[("Dockerfile", "FROM alpine:3.20\nUSER 1\n"), ("lock.json", &lock), ("bad.json", "{\"x\": 1}")]);
    let ran = harden(folder.path(), &["fix", "--only", "unpinned-base", "--lock", "lock.json"]);
    assert_eq!(ran.code, Some(0), "{} {}", ran.stdout, ran.stderr);
    assert_eq!(read(folder.path(), "Dockerfile"), format!("FROM alpine:3.20@{digest}\nUSER 1\n"));
    for (file, says) in [("bad.json", "no lock file"), ("none.json", "can't be read")] {
        let ran = harden(folder.path(), &["fix", "--lock", file]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains(file) && ran.stderr.contains(says), "{}", ran.stderr);
    }
    fs::write(folder.path().join("lock.json"), lock.replace("sha256:0", "sha256:x")).expect("a writable file");
    let ran = harden(folder.path(), &["fix", "--lock", "lock.json"]);
    assert!(ran.stderr.contains("64 hexadecimal digits"), "{}", ran.stderr);
}

#[test]
fn a_read_only_file_is_left_and_named() {
    let folder = folder(&[("a/Dockerfile", BEFORE), ("b/Dockerfile", BEFORE)]);
    let path = folder.path().join("a/Dockerfile");
    let mut permissions = fs::metadata(&path).expect("the file is there").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).expect("our own file");
    let ran = harden(folder.path(), &["fix", "--only", ONLY]);
    assert_eq!(ran.stderr, "error: `a/Dockerfile` is read-only; make it writable, or use --diff for a patch\n");
    assert_eq!(ran.code, Some(2));
    assert_eq!(
        (read(folder.path(), "a/Dockerfile").as_str(), read(folder.path(), "b/Dockerfile").as_str()),
        (BEFORE, SAFE)
    );
    assert_eq!(names(&folder.path().join("a")), ["Dockerfile"]);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_replaced() {
    let folder = folder(&[]);
    let pipe = folder.path().join("Dockerfile");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts").success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, BEFORE).expect("somebody reads")
    });
    let ran = harden(folder.path(), &["fix", "--only", ONLY, "Dockerfile"]);
    writer.join().expect("the writer ends");
    assert_eq!(ran.stderr, "error: `Dockerfile` is no regular file; hand its text over as standard input, with `-`\n");
    assert_eq!(ran.code, Some(2));
    assert_eq!(names(folder.path()), [".git", "Dockerfile"]);
}

#[cfg(unix)]
#[test]
fn mode_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder(&[("real/Dockerfile.base", BEFORE)]);
    let real = folder.path().join("real/Dockerfile.base");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("our own file");
    symlink("real/Dockerfile.base", folder.path().join("Dockerfile")).expect("a link");
    let ran = harden(folder.path(), &["fix", "--only", ONLY, "Dockerfile"]);
    assert!(ran.stdout.starts_with("fixed Dockerfile: 1 fix"), "{}", ran.stdout);
    assert!(fs::symlink_metadata(folder.path().join("Dockerfile")).expect("the link").is_symlink());
    assert_eq!(read(folder.path(), "real/Dockerfile.base"), SAFE);
    assert_eq!(fs::metadata(&real).expect("the file").permissions().mode() & 0o7777, 0o640);
    assert_eq!(names(&folder.path().join("real")), ["Dockerfile.base"]);
}

#[test]
fn files_that_share_an_ignore_file_are_fixed_one_after_the_other() {
    // Both add a line of their own; whoever is second reads again what the first has left.
    let files = [
        ("a.Dockerfile", "FROM scratch\nCOPY . /\nUSER 1\n"),
        ("b.Dockerfile", "FROM scratch\nCOPY . /\nUSER 1\n"),
        (".env", "API_TOKEN=ghp_0123456789abcdefghijklmnopqrstuvwxyz\n"),
    ];
    let folder = folder(&files);
    let ran = harden(folder.path(), &["fix", "--only", "secret-copied", "--unsafe"]);
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    assert_eq!(read(folder.path(), ".dockerignore"), ".env\n", "one line serves both");
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.contains("        and .dockerignore\n"), "{}", ran.stdout);
}

#[test]
fn a_patch_of_two_files_makes_the_second() {
    let files = [
        ("Dockerfile", "FROM scratch\nCOPY . /\nUSER 1\n"),
        (".env", "API_TOKEN=ghp_0123456789abcdefghijklmnopqrstuvwxyz\n"),
    ];
    let folder = folder(&files);
    fs::remove_dir(folder.path().join(".git")).expect("an empty folder");
    let patch = harden(folder.path(), &["fix", "--only", "secret-copied", "--unsafe", "--diff", "-q"]);
    assert_eq!(patch.stdout, "--- /dev/null\n+++ b/.dockerignore\n@@ -0,0 +1 @@\n+.env\n");
    fs::write(folder.path().join("p"), &patch.stdout).expect("a writable folder");
    let done = Command::new("git").current_dir(folder.path()).args(["apply", "p"]).status().expect("git starts");
    assert!(done.success());
    assert_eq!(read(folder.path(), ".dockerignore"), ".env\n");
}

#[test]
fn a_full_disk_costs_nothing() {
    let folder = folder(&[]);
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("a writable folder");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&disk).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return skip("a tmpfs can't be mounted: that takes root");
    }
    let _unmount = Unmount(&disk);
    let text = format!(
        "{BEFORE}{}",
        "RUN true # some text to fill a page or more with, so that a copy does not fit\n".repeat(600)
    );
    fs::write(disk.join("Dockerfile"), &text).expect("it fits once");
    let ran = harden(folder.path(), &["fix", "--only", ONLY, "disk"]);
    assert_eq!(ran.code, Some(2), "{} {}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("`disk/Dockerfile` can't be written (No space left"), "{}", ran.stderr);
    assert_eq!(read(&disk, "Dockerfile"), text, "the file is as it was");
    assert_eq!(names(&disk), ["Dockerfile"]);
}

/// Unmounts a folder, so that it can be removed.
struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn the_fuller_the_wish_the_clearer_the_answer() {
    let folder = folder(&[("Dockerfile", BEFORE)]);
    for (arguments, says) in [
        (&["fix", "--only", "no-such-lint"][..], "unknown lint `no-such-lint`"),
        (&["fix", "--diff", "--check"], "cannot be used with"),
        (&["fix", "--only", "root-user", "--select", "all"], "cannot be used with"),
        (&["fix", "missing/Dockerfile"], "does not exist"),
    ] {
        let ran = harden(folder.path(), arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}");
        assert!(ran.stderr.contains(says), "{arguments:?}: {}", ran.stderr);
    }
    assert_eq!(read(folder.path(), "Dockerfile"), BEFORE);
}
