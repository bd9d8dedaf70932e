//! The program that tries what a hostile process would, and images that it lies in.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{root, skip};

/// One thing that `testdata/attempts` tries.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) name: String,
    /// Whether it is only tried in a virtual machine.
    pub(crate) vm_only: bool,
}

/// How an attempt ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Succeeded,
    /// With the error.
    Held(String),
    CantTell,
}

/// Builds the program; `None`, with a word about it, where there is no C compiler.
pub(crate) fn program() -> Option<PathBuf> {
    if super::vm::inside() {
        return Some(PathBuf::from(super::vm::ATTEMPTS));
    }
    let folder = root().join("target/tools/attempts");
    let sources = sources(&root().join("testdata/attempts"));
    let program = folder.join("attempts");
    let modified = |path: &Path| std::fs::metadata(path).and_then(|of| of.modified()).ok();
    let newest = sources.iter().filter_map(|path| modified(path)).max();
    if modified(&program) < newest || modified(&program).is_none() {
        std::fs::create_dir_all(&folder).expect("a folder for tools");
        // Tests run side by side; each builds for itself, and the last one's is as good as the first one's.
        let made = tempfile::Builder::new().tempfile_in(&folder).expect("a file").into_temp_path();
        let sources = sources.iter().filter(|path| path.extension().is_some_and(|extension| extension == "c"));
        let mut command = Command::new("cc");
        command.args(["-O1", "-static", "-Wall", "-Werror", "-o"]).arg(&made).args(sources).arg("-lutil");
        match command.output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => {
                skip(&format!("no C compiler ({error}); install build-essential"));
                return None;
            }
        }
        std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        made.persist(&program).expect("the program is in its place");
    }
    Some(program)
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("testdata/attempts");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// All attempts.
pub(crate) fn list(program: &Path) -> Vec<Attempt> {
    let output = Command::new(program).arg("--list").output().expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let attempt = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        Attempt { name: fields[0].to_owned(), vm_only: fields[2] == "vm" }
    };
    text.lines().map(attempt).collect()
}

/// What the program said, by attempt.
pub(crate) fn endings(output: &str) -> BTreeMap<String, Ending> {
    let ending = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let ending = match fields[..] {
            [_, "SUCCEEDED"] => Ending::Succeeded,
            [_, "HELD", why] => Ending::Held(why.to_owned()),
            [_, "CANT_TELL"] => Ending::CantTell,
            _ => return None,
        };
        Some((fields[0].to_owned(), ending))
    };
    output.lines().filter_map(ending).collect()
}

/// A folder with busybox, the program, and programs with the setuid bit and with a file capability where we are root: an
/// image of its own.
pub(crate) fn rootfs(folder: &Path, program: &Path) -> Option<PathBuf> {
    let root = folder.join("rootfs");
    for name in ["bin", "proc", "sys", "dev", "tmp", "run", "etc", "attempts", "var/tmp", "home/app"] {
        std::fs::create_dir_all(root.join(name)).expect("a folder");
    }
    std::fs::set_permissions(root.join("tmp"), std::fs::Permissions::from_mode(0o1777)).expect("a mode");
    if std::fs::copy("/bin/busybox", root.join("bin/busybox")).is_err() {
        skip("no busybox; install busybox-static");
        return None;
    }
    for applet in [
        "sh", "cat", "true", "id", "ls", "sleep", "echo", "mkdir", "touch", "wget", "httpd", "grep", "kill", "su",
        "umount",
    ] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).expect("a link");
    }
    for name in ["attempts", "setuid", "capable"] {
        std::fs::copy(program, root.join("attempts").join(name)).expect("a copy");
    }
    std::fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n")
        .expect("a file");
    std::fs::write(root.join("etc/group"), "root:x:0:\napp:x:1000:\n").expect("a file");
    let setuid = root.join("attempts/setuid");
    std::fs::set_permissions(&setuid, std::fs::Permissions::from_mode(0o4755)).expect("a mode");
    let _ = Command::new("setcap").arg("cap_net_raw+ep").arg(root.join("attempts/capable")).output();
    // What lies in the image is anybody's to read, whoever runs it.
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    Some(root)
}

/// A sum over all names, kinds, modes, sizes and bytes below a folder.
pub(crate) fn checksum(folder: &Path) -> String {
    let script = "/usr/bin/find . -printf '%p %y %m %s %l\\n' | sort; /usr/bin/find . -type f -print0 | sort -z | xargs -0 -r sha256sum";
    let output = Command::new("sh").args(["-c", script]).current_dir(folder).output().expect("sh");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
