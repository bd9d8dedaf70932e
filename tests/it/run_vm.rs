//! What this machine can't show or could be hurt by: in the virtual machine, by this same program.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{attempts, figure, vm};

/// The tests that run there too, each list a run of the test program. Control groups of version 2 have no rules for devices
/// in files, and Debian's kernel is older than Landlock's bounds for signals.
const RUNS: [&str; 2] = [
    "--test-threads=2 run_cgroup:: run_lsm:: --skip a_device_that_may_only --skip processes_outside_get_no_signals",
    "--test-threads=1 --nocapture run_attempts::every run_vm::",
];

#[test]
fn in_a_virtual_machine_all_of_it_holds() {
    if vm::inside() {
        return inside();
    }
    let Some(output) = vm::boot(&RUNS) else { return };
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    // A filter that matches nothing is no success.
    assert_eq!(text.matches("test result: ok. ").count(), RUNS.len(), "{text}");
    for name in ["every_attempt_is_held", "an_ordinary_user_bounds_a_container", "in_a_virtual_machine_all_of_it_holds"]
    {
        assert!(text.contains(name), "{name} didn't run:\n{text}");
    }
    text.lines()
        .filter(|line| line.starts_with("attempts "))
        .for_each(|line| figure(&format!("virtual machine: {line}")));
}

/// What is tried in the virtual machine only.
fn inside() {
    let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
    let program = attempts::program().expect("it is in the payload");
    let rootfs = attempts::rootfs(folder.path(), &program).expect("busybox is there");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("its mode");
    let at = Place { folder: folder.path().to_owned(), image: format!("rootfs:{}", rootfs.display()) };
    limits_of_version_2(&at);
    apparmor_by_name_and_file(&at);
    apparmor_as_exported(&at);
}

/// Where containers are started in the virtual machine.
struct Place {
    folder: PathBuf,
    image: String,
}

/// How a start ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
    proof: Value,
}

/// Who starts a container.
#[derive(Clone, Copy, Debug)]
enum Who {
    Root,
    /// The ordinary user, in a group that is theirs.
    User,
}

impl Place {
    /// `harden run` with these flags, for a shell's script.
    fn run(&self, who: Who, flags: &[&str], script: &str) -> Ended {
        let harden = env!("CARGO_BIN_EXE_harden");
        let proof = self.folder.join("proof");
        let _ = std::fs::remove_file(&proof);
        let mut command = match who {
            Who::Root => Command::new(harden),
            Who::User => {
                let mut command = Command::new("sh");
                command.args(["-c", &vm::in_delegated_group(""), "sh", harden]);
                command
            }
        };
        let home = self.folder.join(format!("{who:?}"));
        std::fs::create_dir_all(&home).expect("a folder");
        if matches!(who, Who::User) {
            std::os::unix::fs::chown(&home, Some(vm::USER), Some(vm::USER)).expect("its owner");
            // Theirs to write, and nobody else's.
            std::fs::write(&proof, "").expect("a file");
            std::os::unix::fs::chown(&proof, Some(vm::USER), Some(vm::USER)).expect("its owner");
        }
        command.args(["run", "--proof"]).arg(&proof).args(flags).arg(&self.image).args(["sh", "-c", script]);
        command.env("XDG_DATA_HOME", &home).env("XDG_CACHE_HOME", &home).current_dir("/");
        let output = command.output().expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let proof = std::fs::read_to_string(&proof).unwrap_or_default();
        Ended {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
            proof: serde_json::from_str(&proof).unwrap_or_default(),
        }
    }
}

impl Ended {
    /// What is in force, by which mechanism, of a row that holds.
    fn row(&self, what: &str) -> (&str, &str) {
        let rows = self.proof["rows"].as_array().unwrap_or_else(|| panic!("no proof: {self:?}"));
        let row = rows.iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("no row {what}: {self:?}"));
        assert_eq!(row["verdict"], "holds", "{row}");
        (row["in_force"].as_str().expect("text"), row["mechanism"].as_str().expect("text"))
    }
}

fn limits_of_version_2(at: &Place) {
    let script = "dd if=/dev/zero of=/dev/null bs=100M count=1 2>/dev/null; echo $?; \
                  for i in 1 2 3 4 5 6 7 8 9 10; do sleep 3 & done; echo all";
    for who in [Who::Root, Who::User] {
        let free = at.run(who, &["-m", "0", "--pids-limit", "-1"], script);
        assert_eq!((free.code, free.out.as_str()), (Some(0), "0\nall\n"), "{who:?}: {free:?}");
        let limits = ["-m", "32m", "--memory-swap", "32m", "--pids-limit", "8", "--cpus", "0.5", "--account"];
        let bound = at.run(who, &limits, script);
        assert!(bound.out.contains("137\n") && bound.err.contains("can't fork"), "{who:?}: {bound:?}");
        assert_eq!(bound.row("memory"), ("32 MiB", "cgroup v2 memory.max"), "{who:?}");
        assert_eq!(bound.row("processes"), ("8", "cgroup v2 pids.max"), "{who:?}");
        assert_eq!(bound.row("CPU time"), ("50000 100000", "cgroup v2 cpu.max"), "{who:?}");
        assert!(bound.err.contains("memory.peak") || bound.err.contains("memory.events"), "{who:?}: {bound:?}");
    }
    let groups = Command::new("/usr/bin/find").args(["/sys/fs/cgroup", "-name", "harden*"]).output().expect("find");
    assert_eq!(String::from_utf8_lossy(&groups.stdout), "", "groups are left");
}

const READ: &str = "cat /proc/self/attr/current; cat /etc/passwd >/dev/null && echo read";

fn apparmor_by_name_and_file(at: &Place) {
    // The program's files, and not /etc/passwd.
    let text = "#include <tunables/global>\nprofile web flags=(attach_disconnected,mediate_deleted) {\n  / r,\n  \
                /{bin,dev,proc,tmp}/** mrwlkix,\n  signal,\n  ptrace,\n  unix,\n  network,\n}\n";
    let file = at.folder.join("web.apparmor");
    std::fs::write(&file, text).expect("a file");
    let by = |how: &str| format!("apparmor={how}");
    let (by_name, by_file) = (by("web"), by(&file.display().to_string()));
    let (complaining, other) = (by(&format!("complain:{}", file.display())), by("./no-such-file"));

    // The control: nothing is denied where nothing is asked for.
    for who in [Who::Root, Who::User] {
        let free = at.run(who, &[], READ);
        assert_eq!((free.code, free.out.as_str()), (Some(0), "unconfined\nread\n"), "{who:?}: {free:?}");
    }
    // Nothing is started where what was asked for can't be in force.
    for (who, option, word) in [
        (Who::Root, &by_name, "no such profile is loaded"),
        (Who::Root, &other, "No such file"),
        (Who::User, &by_file, "root"),
    ] {
        let refused = at.run(who, &["--security-opt", option], READ);
        assert_eq!((refused.code, refused.out.as_str()), (Some(125), ""), "{who:?} {option}: {refused:?}");
        assert!(refused.err.contains(word), "{who:?} {option}: {refused:?}");
    }
    for (who, option) in [(Who::Root, &by_file), (Who::Root, &by_name), (Who::User, &by_name)] {
        let held = at.run(who, &["--security-opt", option], READ);
        assert_eq!(held.out, "web (enforce)\n", "{who:?} {option}: {held:?}");
        assert!(held.err.contains("Permission denied"), "{who:?} {option}: {held:?}");
        assert!(held.row("AppArmor").0.starts_with("web"), "{who:?} {option}: {held:?}");
    }
    let complains = at.run(Who::Root, &["--security-opt", &complaining], READ);
    assert_eq!(complains.out, "web (complain)\nread\n", "{complains:?}");
    assert!(complains.err.contains("refuses nothing"), "{complains:?}");
}

/// What `harden export` writes is loaded, and holds what it says where the mounts don't.
fn apparmor_as_exported(at: &Place) {
    let export = Command::new(env!("CARGO_BIN_EXE_harden"))
        .args(["export", "--to", "apparmor", "--name", "exported", "--output"])
        .args([&at.folder.display().to_string(), &at.image, "sh"])
        .output()
        .expect("it starts");
    assert!(export.status.success(), "{export:?}");
    let file = Path::new(&at.folder).join("exported.apparmor");
    let option = format!("apparmor={}", file.display());
    let script = "id -u >/tmp/a && cat /tmp/a && echo worked; echo x >/home/app/file && echo wrote; \
                  cp /bin/busybox /tmp/busybox && /tmp/busybox true && echo ran";
    let volume = format!("{}:/home/app", at.folder.join("data").display());
    let loose = ["-v", &volume, "--tmpfs", "/tmp:exec"];
    let free = at.run(Who::Root, &loose, script);
    assert!(free.out.ends_with("worked\nwrote\nran\n"), "{free:?}");
    let held = at.run(Who::Root, &[&loose[..], &["--security-opt", &option]].concat(), script);
    assert!(held.out.ends_with("worked\n") && held.err.contains("Permission denied"), "{held:?}");
    assert!(held.row("AppArmor").0.starts_with("exported"), "{held:?}");
}
