//! The report of refusals on containers that run into every kind of them, as root and as an ordinary user.

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use harden::policy::{Level, seccomp::rules};
use harden::run::Order;
use harden::run::Tools;
use harden::run::refusals::Refusals;
use harden::run::seccomp::compile;
use oci_spec::runtime::LinuxSeccomp;
use serde_json::{Value, json};

use crate::support::launch::{Outcome, one_id, order, root, root_ids, run_with, spec};

/// Runs a script under a list with the report on; gives how it ended, and what it says.
fn reported(root: &Path, as_root: bool, list: &LinuxSeccomp, script: &str, with: &Value) -> (Outcome, Vec<String>) {
    let words = ["sh", "-c", script];
    let mut order: Order = order(root, &words);
    order.spec = spec(with, &words);
    order.ids = if as_root { root_ids() } else { one_id(1000) };
    let filter = compile(list, true).expect("it compiles");
    let refusals = RefCell::new(Refusals::new(filter.clone(), &order.spec));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).expect("its mode");
    let file = folder.path().join("report");
    let serve = |listener: &OwnedFd| {
        let mut refusals = refusals.borrow_mut();
        refusals.handle(listener);
        let lines: Vec<String> = refusals.report().0.iter().map(ToString::to_string).collect();
        std::fs::write(&file, serde_json::to_vec(&lines).expect("JSON")).expect("written");
    };
    let tools =
        Tools { filter: &filter.instructions, filter_flags: filter.flags, refused: Some(&serve), ..Tools::none() };
    let outcome = run_with(&order, &tools);
    let lines = std::fs::read(&file).map(|bytes| serde_json::from_slice(&bytes).expect("JSON")).unwrap_or_default();
    (outcome, lines)
}

fn default() -> LinuxSeccomp {
    rules(Level::Default, &[], "amd64", false)
}

/// Whether a line says all of that.
fn says(lines: &[String], words: &[&str]) -> bool {
    lines.iter().any(|line| words.iter().all(|word| line.contains(word)))
}

#[test]
fn refused_calls_are_named_with_what_allows_them() {
    let Some(root) = root() else { return };
    let script = "mount -t tmpfs x /tmp; mount -t tmpfs x /tmp; chroot /; unshare -n true; ping -c1 127.0.0.1; echo on";
    for as_root in [true, false] {
        let (outcome, lines) = reported(root.path(), as_root, &default(), script, &json!({}));
        assert_eq!(outcome.expect(0).out.lines().last(), Some("on"));
        let mount = ["mount", "/bin/busybox", "EPERM", "2 times", "--cap-add SYS_ADMIN --allow cap-sys-admin"];
        assert!(says(&lines, &mount), "{lines:#?}");
        assert!(says(&lines, &["chroot", "--cap-add SYS_CHROOT"]), "{lines:#?}");
        assert!(says(&lines, &["unshare(0x40000000)", "SYS_ADMIN"]), "{lines:#?}");
        assert!(says(&lines, &["socket(0x2)", "--cap-add NET_RAW"]), "{lines:#?}");
    }
}

#[test]
fn what_the_program_gets_is_what_the_filter_would_have_given() {
    let Some(root) = root() else { return };
    let mut list = serde_json::to_value(default()).expect("JSON");
    let all = list["syscalls"].as_array_mut().expect("rules");
    all.push(json!({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97}));
    all.push(json!({"names": ["sethostname"], "action": "SCMP_ACT_KILL_PROCESS"}));
    let list: LinuxSeccomp = serde_json::from_value(list).expect("a list");
    let script = "mkdir /tmp/a; hostname new; echo on";
    for as_root in [true, false] {
        let (outcome, lines) = reported(root.path(), as_root, &list, script, &json!({}));
        let outcome = outcome.expect(0);
        assert!(outcome.err.contains("Address family not supported") && outcome.out == "on\n", "{outcome:?}");
        assert!(says(&lines, &["mkdir by", "EAFNOSUPPORT"]) && says(&lines, &["sethostname", "killed"]), "{lines:#?}");
    }
}

#[test]
fn refused_paths_are_named_with_what_allows_them() {
    let Some(root) = root() else { return };
    let inside = |path: &str| root.path().join(path);
    for folder in ["var/cache/app", "data", "closed"] {
        std::fs::create_dir_all(inside(folder)).expect("a folder");
    }
    std::fs::write(inside("etc/secret"), "x").expect("written");
    std::fs::write(inside("closed/file"), "x").expect("written");
    let script = "echo 1 > /var/cache/app/new; mkdir /var/cache/app/folder; rm /etc/passwd; echo 2 > /etc/passwd
        cat /etc/secret; cat /closed/file; echo 3 > /data/x; echo 4 > /proc/sys/kernel/hostname; ls /sys/firmware
        cp /bin/busybox /tmp/true; chmod 755 /tmp/true; /tmp/true; chown 5 /tmp/true; cd /var; mv cache other
        ln -s /etc /tmp/link; echo 5 > /tmp/link/new; mkdir -p /etc; cat /absent; ls /tmp; echo fine > /tmp/fine; echo on";
    for as_root in [true, false] {
        let (secret, closed) = (inside("etc/secret"), inside("closed"));
        // Somebody else's, for whom nobody else is let in.
        for path in [&secret, &closed, &inside("data")] {
            let mode = if path == &secret { 0o600 } else { 0o700 };
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode");
            chown(path, Some(if as_root { 7 } else { 0 }), None).expect("its owner");
        }
        let with = json!({"mounts": spec(&json!({}), &[]).mounts().iter().flatten().map(|mount| json!(mount))
            .chain([json!({"destination": "/data", "type": "tmpfs", "source": "tmpfs",
                           "options": ["mode=0700", "uid=0"]})].into_iter().filter(|_| as_root))
            .collect::<Vec<Value>>()});
        let (outcome, lines) = reported(root.path(), as_root, &default(), script, &with);
        assert_eq!(outcome.expect(0).out.lines().last(), Some("on"));
        let expected: &[&[&str]] = &[
            &[
                "create",
                "/var/cache/app/folder",
                "root file system",
                "--tmpfs /var/cache/app",
                "-v NAME:/var/cache/app",
            ],
            &["write /var/cache/app/new by /bin/busybox", "root file system"],
            &["remove /etc/passwd", "root file system"],
            &["write /etc/passwd", "root file system"],
            &["write /proc/sys/kernel/hostname", "read-only", "--sysctl kernel.hostname=VALUE"],
            &["read /sys/firmware", "covered", "systempaths=unconfined"],
            &["execute /tmp/true", "nothing may be executed", "--tmpfs /tmp:exec"],
            &["change the owner of /tmp/true", "--cap-add CHOWN"],
            &["remove /var/cache by", "root file system"],
            &["write /etc/new", "root file system"],
        ];
        for words in expected {
            assert!(says(&lines, words), "{words:?} of {lines:#?}");
        }
        if as_root {
            assert!(says(&lines, &["read /etc/secret", "owner and mode", "-u 7"]), "{lines:#?}");
            assert!(says(&lines, &["read /closed/file", "owner and mode"]), "{lines:#?}");
            assert!(says(&lines, &["write /data/x", "owner and mode", "--tmpfs /data"]), "{lines:#?}");
        }
        for passes in ["/absent", "/tmp/fine", "create /etc ", "read /bin/", "/tmp/link "] {
            assert!(!says(&lines, &[passes]), "{passes} in {lines:#?}");
        }
    }
}

#[test]
fn nothing_is_reported_where_nothing_is_refused() {
    let Some(root) = root() else { return };
    let script = "ls -lR /bin /etc /tmp > /tmp/list; cat /etc/passwd; cp /tmp/list /tmp/copy; mv /tmp/copy /dev/shm/c; echo > /dev/null";
    for as_root in [true, false] {
        let (outcome, lines) = reported(root.path(), as_root, &default(), script, &json!({}));
        outcome.expect(0);
        assert!(lines.is_empty(), "{lines:#?}");
    }
}
