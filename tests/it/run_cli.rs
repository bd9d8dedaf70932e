//! The command line of `harden run` and `harden export`: what is read as whose, and what is refused.

use std::path::Path;
use std::process::{Command, Output};

fn harden(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_harden")).args(words).output().expect("harden runs")
}

fn stdout(words: &[&str]) -> String {
    let output = harden(words);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A folder that is an image.
fn image() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("bin")).expect("a folder");
    std::fs::write(folder.path().join("bin/app"), "#!/bin/sh\n").expect("a file");
    let reference = format!("rootfs:{}", folder.path().display());
    (folder, reference)
}

fn json(words: &[&str]) -> serde_json::Value {
    serde_json::from_str(&stdout(words)).expect("JSON")
}

#[test]
fn words_behind_the_image_are_the_program_s() {
    let (_folder, image) = image();
    let profile = json(&["run", "--explain=json", "-m", "64m", &image, "/bin/app", "-m", "1g", "--explain", "-c", "x"]);
    assert_eq!(profile["command"]["value"], serde_json::json!(["/bin/app", "-m", "1g", "--explain", "-c", "x"]));
    assert_eq!(profile["limits"]["memory"]["value"], 64 << 20);
    let exported = stdout(&["export", "--to", "docker", &image, "/bin/app", "-c", "two words"]);
    assert!(exported.trim_end().ends_with("-c 'two words'"), "{exported}");
    let output = harden(&["run", "--no-such-flag", &image]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("--no-such-flag"));
    assert_eq!((output.status.code(), harden(&["run", "--help"]).status.code()), (Some(125), Some(0)), "as docker's");
}

#[test]
fn a_profile_that_was_printed_can_be_taken() {
    let (folder, image) = image();
    for (form, name) in [("json", "profile.json"), ("toml", "profile.toml")] {
        let printed = stdout(&["run", &format!("--explain={form}"), "--level", "strict", &image, "/bin/app"]);
        let file = folder.path().join(name);
        std::fs::write(&file, &printed).expect("a file");
        let taken = ["run", &format!("--explain={form}"), "--profile", &file.display().to_string(), &image];
        assert_eq!(stdout(&taken), printed);
    }
}

#[test]
fn what_can_t_be_done_is_refused_and_not_left_out() {
    let (folder, image) = image();
    let missing = folder.path().join("none").display().to_string();
    let refused: [(&[&str], &str); 4] = [
        (&["--privileged"], "--allow privileged"),
        (&["--network", "bridge"], "--egress all"),
        (&["--profile", &missing], "none"),
        (&["-v", "/:/host", "--allow", "partial-limits"], "--allow"),
    ];
    for (flags, said) in refused {
        let output = harden(&[&["run"], flags, &[&image, "/bin/app"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(125), "{flags:?}: {stderr}");
        assert!(stderr.contains(said), "{flags:?}: {stderr}");
    }
}

#[test]
fn a_project_s_settings_lie_under_the_flags() {
    let (folder, image) = image();
    let inside = |arguments: &[&str]| {
        let words = [arguments, &[&image, "/bin/app"]].concat();
        Command::new(env!("CARGO_BIN_EXE_harden")).args(words).current_dir(folder.path()).output().expect("harden runs")
    };
    let explain = |arguments: &[&str]| -> serde_json::Value {
        let output = inside(&[&["run", "--explain=json"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let write = |text: &str| std::fs::write(folder.path().join("harden.toml"), text).expect("a file");
    write("[run]\nmemory = \"64m\"\npids = 7\nvolumes = \"./data:/data\"\nenv = [\"A=1\", \"B=2\"]\n");
    let profile = explain(&["-m", "32m", "-e", "B=3"]);
    assert_eq!(profile["limits"]["memory"]["value"], 32 << 20);
    assert_eq!(profile["limits"]["pids"]["value"], 7);
    let text = profile.to_string();
    let data = folder.path().canonicalize().expect("a folder").join("data");
    assert!(
        text.contains(&data.display().to_string()) && text.contains("A=1") && text.contains("B=3"),
        "{}",
        profile["mounts"]
    );
    assert!(!explain(&["--isolated"]).to_string().contains("A=1"));

    // What widens is the caller's to allow.
    write("[run]\nuser = \"0\"\nallow = \"root\"\n");
    let refused = inside(&["run", "--explain"]);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(125) && stderr.contains("harden.toml:3:9"), "{stderr}");
    explain(&["--allow", "root"]);

    for (text, said) in [("memory = \"much\"", "harden.toml:2:10"), ("pids = \"few\"", "harden.toml:2:8")] {
        write(&format!("[run]\n{text}\n"));
        let refused = inside(&["run", "--explain"]);
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(125) && stderr.contains(said), "{stderr}");
    }
}

#[test]
fn exported_files_lie_beside_each_other() {
    let (folder, image) = image();
    let out = folder.path().join("out").display().to_string();
    stdout(&["export", "--to", "docker", "--output", &out, "--name", "web", &image, "/bin/app"]);
    let text = |name: &str| std::fs::read_to_string(Path::new(&out).join(name)).expect("a file");
    let names: Vec<_> =
        std::fs::read_dir(&out).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(text("web.seccomp.json").contains("SCMP_ACT_ERRNO"));
}
