//! Input that nobody wishes for: each says what is wrong and takes nothing else down.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

use crate::cli::{command, folder, harden};

const FINE: &str = "FROM scratch\nUSER 1\n";

fn findings(stdout: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(stdout).expect("JSON");
    document["findings"].as_array().expect("findings").clone()
}

#[test]
fn a_missing_path_is_named_and_the_rest_is_linted() {
    let folder = folder(&[("web/Dockerfile", "FROM scratch\nUSER 1\nRUNN x\n")]);
    let ran = harden(folder.path(), &["lint", "web/Dockerfil", "web", "--format", "json"]);
    assert_eq!(ran.stderr, "error: `web/Dockerfil` does not exist; did you mean `web/Dockerfile`?\n");
    assert_eq!(ran.code, Some(2));
    assert_eq!(findings(&ran.stdout).len(), 1);
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(document["errors"][0]["path"], "web/Dockerfil");
    let ran = harden(folder.path(), &["lint", "nowhere", "--exit-zero"]);
    assert_eq!(ran.stderr, "error: `nowhere` does not exist; check the path and the folder you are in\n");
    assert_eq!(ran.code, Some(2), "--exit-zero is about findings");
}

#[test]
fn a_folder_without_dockerfiles_is_nothing_to_check() {
    let folder = folder(&[("web/Dockerfile.j2", "FROM {{ x }}"), ("web/README.md", "hello")]);
    let ran = harden(folder.path(), &["lint", "web", "-q"]);
    assert_eq!(
        ran.stderr,
        "error: no Dockerfile under `web` (skipped 1 template); a file named on the command line is always linted\n"
    );
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""));
    let ran = harden(folder.path(), &["lint", "web", "--format", "json", "--exit-zero"]);
    assert_eq!(ran.code, Some(3));
    assert!(findings(&ran.stdout).is_empty());
}

#[test]
fn a_file_of_200_mb_is_refused_unread() {
    let folder = folder(&[("small/Dockerfile", FINE)]);
    let huge = fs::File::create(folder.path().join("Dockerfile")).expect("a writable folder");
    huge.set_len(200 << 20).expect("a sparse file");
    let ran = harden(folder.path(), &["lint"]);
    assert_eq!(
        ran.stderr,
        "error: `Dockerfile` is larger than 16 MiB, the limit for a Dockerfile; leave it out with `exclude` in harden.toml\n"
    );
    assert_eq!(ran.code, Some(2));
    assert_eq!(ran.stdout, "No findings in 1 file; 0 suppressed, 0 fixable\n");
}

#[test]
fn a_binary_file_is_findings_and_no_failure() {
    let folder = folder(&[]);
    let bytes: Vec<u8> = (0..=255).cycle().take(64 << 10).map(|byte: u8| byte.wrapping_mul(167)).collect();
    fs::write(folder.path().join("Dockerfile"), bytes).expect("a writable folder");
    let ran = harden(folder.path(), &["lint"]);
    assert!(ran.stdout.contains("high[syntax-error]: "), "{}", ran.stdout);
    assert!(ran.stdout.chars().all(|c| c == '\n' || !c.is_control()), "nothing acts on a terminal");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
}

#[test]
fn a_line_of_10_mb_is_cut_where_it_is_shown() {
    let text =
        format!("FROM scratch\nUSER 1\nRUNN {} end\nRUN echo {}\n", "x".repeat(5_000_000), "y ".repeat(2_500_000));
    let folder = folder(&[("Dockerfile", &text)]);
    let ran = harden(folder.path(), &["lint"]);
    let too_long = "high[syntax-error]: this line is longer than the 65,535 bytes that BuildKit reads\n";
    assert!(ran.stdout.starts_with(too_long), "{}", &ran.stdout[..200]);
    assert!(ran.stdout.len() < 10_000, "{} bytes", ran.stdout.len());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
}

#[test]
fn a_heredoc_never_closed_is_one_finding_and_hides_no_other() {
    let folder = folder(&[("Dockerfile", "FROM scratch\nUSER 1\nRUNN x\nRUN <<EOT\necho hello\n")]);
    let ran = harden(folder.path(), &["lint", "--format", "json", "--select", "syntax-error"]);
    let messages: Vec<String> =
        findings(&ran.stdout).iter().map(|finding| finding["message"].as_str().unwrap_or("").to_owned()).collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(messages[1].contains("EOT"), "{messages:?}");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
}

#[test]
fn a_reader_that_leaves_is_not_an_error() {
    let broken = "RUNN x\n".repeat(5000);
    let folder = folder(&[("Dockerfile", &format!("FROM scratch\nUSER 1\n{broken}"))]);
    for format in ["text", "json", "jsonl", "sarif"] {
        let mut child = command(folder.path(), &["lint", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut one = [0];
        let mut stdout = child.stdout.take().expect("a pipe");
        stdout.read_exact(&mut one).expect("some output");
        drop(stdout);
        let output = child.wait_with_output().expect("the program ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.as_ref()), (Some(0), ""), "{format}");
    }
}

#[test]
fn names_of_lints_are_checked_wherever_they_stand() {
    let folder =
        folder(&[("Dockerfile", FINE), ("harden.toml", "fail-on = \"low\"\n\n[lints.syntax-erorr]\nenabled = true\n")]);
    let ran = harden(folder.path(), &["lint"]);
    assert_eq!(ran.stderr, "error: harden.toml:3:8: unknown lint `syntax-erorr`; did you mean `syntax-error`?\n");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    let overridden = "[[overrides]]\npaths = [\"nothing/\"]\nignore = [\"syntax-error\", \"unused-ignor\"]\n";
    fs::write(folder.path().join("harden.toml"), overridden).expect("a writable folder");
    let ran = harden(folder.path(), &["lint"]);
    assert_eq!(ran.stderr, "error: harden.toml:3:27: unknown lint `unused-ignor`; did you mean `unused-ignore`?\n");
}

#[test]
fn a_bad_key_in_configuration_is_named_with_its_place() {
    let folder = folder(&[("sub/Dockerfile", FINE), ("sub/harden.toml", "preset = \"security\"\nslect = []\n")]);
    let ran = harden(folder.path(), &["lint"]);
    assert_eq!(ran.stderr, "error: sub/harden.toml:2:1: unknown key `slect`; did you mean `select`?\n");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    let ran = harden(folder.path(), &["lint", "--isolated"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let ran = harden(folder.path(), &["lint", "--config", "nothing.toml"]);
    assert!(ran.stderr.starts_with("error: `nothing.toml` can't be read ("), "{}", ran.stderr);
    assert_eq!(ran.code, Some(2));
}

#[test]
fn a_folder_named_as_a_file_of_configuration_or_input_is_an_error() {
    let folder = folder(&[("Dockerfile/inner.txt", "x"), ("Dockerfile.sub/Dockerfile", FINE)]);
    let ran = harden(folder.path(), &["lint"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "folders called Dockerfile are only folders");
    let ran = harden(folder.path(), &["parse", "Dockerfile"]);
    assert_eq!(ran.stderr, "error: `Dockerfile` is a folder; name a file in it\n");
    assert_eq!(ran.code, Some(2));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::cli::ran;
    use crate::support;

    #[test]
    fn links_in_a_circle_are_named_and_the_rest_is_linted() {
        let folder = folder(&[("a/Dockerfile", FINE)]);
        symlink("Dockerfile.b", folder.path().join("Dockerfile.a")).expect("a link");
        symlink("Dockerfile.a", folder.path().join("Dockerfile.b")).expect("a link");
        symlink("..", folder.path().join("a/up")).expect("a link");
        let ran = harden(folder.path(), &["lint"]);
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert_eq!(lines.len(), 2, "{}", ran.stderr);
        assert!(
            lines[0].starts_with("error: `Dockerfile.a` is a symbolic link that can't be followed ("),
            "{}",
            lines[0]
        );
        assert_eq!(ran.stdout, "No findings in 1 file; 0 suppressed, 0 fixable\n");
        assert_eq!(ran.code, Some(2));
    }

    #[test]
    fn an_unreadable_file_or_folder_is_named_and_the_rest_is_linted() {
        let folder = folder(&[("a/Dockerfile", FINE), ("b/Dockerfile", FINE), ("c/Dockerfile", FINE)]);
        let mode = |path: &str, mode: u32| {
            fs::set_permissions(folder.path().join(path), fs::Permissions::from_mode(mode)).expect("our own file");
        };
        mode("", 0o755);
        mode("b/Dockerfile", 0);
        mode("c", 0);
        let Some(command) = as_nobody(folder.path(), &["lint"]) else {
            mode("c", 0o755);
            return support::skip("we are root, to whom nothing is unreadable, and there is no setpriv");
        };
        let ran = ran(command);
        mode("c", 0o755);
        let denied = "Permission denied (os error 13)";
        assert_eq!(
            ran.stderr,
            format!(
                "error: `c` can't be read ({denied}); check its permissions\n\
                 error: `b/Dockerfile` can't be read ({denied}); check that it is a file and its permissions\n"
            )
        );
        assert_eq!(ran.stdout, "No findings in 1 file; 0 suppressed, 0 fixable\n");
        assert_eq!(ran.code, Some(2));
    }

    /// The program run by a user who is not root: ourselves, or nobody.
    fn as_nobody(folder: &Path, arguments: &[&str]) -> Option<Command> {
        let root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        if !root {
            return Some(command(folder, arguments));
        }
        // The checkout may lie where nobody can't go.
        let program = folder.join("program");
        fs::copy(env!("CARGO_BIN_EXE_harden"), &program).expect("a copy of the program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("our own file");
        let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].into_iter().find(|path| Path::new(path).exists())?;
        let mut command = Command::new(setpriv);
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(program).args(arguments);
        command.current_dir(folder).env_clear();
        Some(command)
    }

    #[test]
    fn what_can_not_be_read_to_its_end_is_refused() {
        let folder = folder(&[]);
        let ran = harden(folder.path(), &["lint", "/dev/zero"]);
        assert!(ran.stderr.starts_with("error: `/dev/zero` is larger than 16 MiB"), "{}", ran.stderr);
        assert_eq!(ran.code, Some(2));
        let ran = harden(folder.path(), &["lint", "/dev/null", "--select", "syntax-error"]);
        assert!(ran.stdout.contains("syntax-error"), "an empty file is none: {}", ran.stdout);
        assert_eq!(ran.code, Some(1));
    }

    #[test]
    fn a_pipe_in_a_folder_is_left_alone() {
        let folder = folder(&[("Dockerfile", FINE)]);
        let made = Command::new("mkfifo").arg(folder.path().join("Dockerfile.pipe")).status();
        if !made.is_ok_and(|status| status.success()) {
            return support::skip("there is no mkfifo");
        }
        let ran = harden(folder.path(), &["lint"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), "note: skipped 1 other file\n"));
    }

    #[test]
    fn a_hundred_thousand_stages_fit_in_a_gigabyte() {
        let stages: String = (0..100_000).map(|stage| format!("FROM alpine AS s{stage}\nRUN echo {stage}\n")).collect();
        let folder = folder(&[("Dockerfile", &stages)]);
        let limited = format!("ulimit -v 1048576 && exec '{}' lint --format json", env!("CARGO_BIN_EXE_harden"));
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &limited]).current_dir(folder.path()).env_clear();
        let ran = ran(command);
        assert_eq!(ran.stderr, "");
        let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(document["summary"]["files"], 1);
        assert_eq!(document["errors"], serde_json::json!([]));
        assert!(matches!(ran.code, Some(0 | 1)), "{:?}", ran.code);
    }
}
