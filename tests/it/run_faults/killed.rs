//! What is killed from outside.

use super::*;
use crate::support::launch::until;

/// A program with children, one of them in a session of its own.
const FAMILY: &str = "setsid sleep 1000 & sleep 1000 & trap '' TERM HUP; echo up; wait; sleep 1000";

/// Sends a signal that can't be refused.
fn kill(number: u32) {
    harden::run::sys::kill(rustix::process::Pid::from_raw(number as i32).expect("a number"), libc::SIGKILL)
        .expect("it is ours");
}

#[test]
fn a_container_that_runs_is_found_and_one_that_ended_is_not() {
    let Some(root) = root() else { return };
    for who in BOTH {
        let place = Place::new(who);
        let base = format!("rootfs:{}", place.path("root").display());
        assert!(std::process::Command::new("cp").arg("-a").arg(root.path()).arg(place.path("root")).status().is_ok());
        for writable in [true, false] {
            let flag = format!("--read-only={}", !writable);
            // An overlay doesn't tell where its layers are; a mount of a folder does.
            let volume = format!("--volume={}:/mnt:ro", place.path("root").display());
            let words = ["-p", "127.0.0.1:0:8080", &flag, &volume, &base, "/bin/sh", "-c", FAMILY];
            let mut child = place.begin(&words);
            let left = place.left();
            // The launcher, what relays the port, the shell, its two children.
            assert!(left.processes.len() >= 5, "{left:#?}");
            assert!(!left.mounts.is_empty(), "{left:#?}");
            assert_eq!(left.files.len(), if writable { 2 } else { 0 }, "{left:#?}");
            assert_eq!(left.groups.is_empty(), who == Who::User, "{left:#?}");
            harden::run::sys::kill(rustix::process::Pid::from_child(&child), libc::SIGINT).expect("it is ours");
            assert_eq!(child.wait().expect("it ends").code(), Some(130));
            place.nothing_is_left();
        }
    }
}

#[test]
fn a_killed_launcher_takes_everything_with_it_or_leaves_it_to_the_next() {
    for who in BOTH {
        for init in [&["--read-only=false"][..], &["--init", "--read-only=false"]] {
            let place = Place::new(who);
            let Some((_, reference)) = archive(&place, "one") else { return };
            let words = [init, &["-p", "127.0.0.1:0:8080", &reference, "/bin/sh", "-c", FAMILY]].concat();
            let mut child = place.begin(&words);
            kill(child.id());
            child.wait().expect("it ends");
            until("no process is left", || place.left().processes.is_empty());
            let left = place.left();
            assert!(left.mounts.is_empty(), "{left:#?}");
            // The control groups are empty: nobody is left to remove them but the next launcher, of whatever image.
            assert_eq!(left.groups.is_empty(), who == Who::User, "{left:#?}");
            assert_eq!(left.files.len(), 2, "{left:#?}");
            expect(&place.run(&[&reference, "/bin/true"]).output().expect("it starts"), 0);
            assert_eq!(place.left().groups.len(), 0);
            let mut gc = place.command(env!("CARGO_BIN_EXE_harden"));
            expect(&gc.args(["run", "--gc"]).output().expect("it starts"), 0);
            place.nothing_is_left();
            for folder in ["images", "names", "locks"] {
                let names = std::fs::read_dir(place.path("data/harden").join(folder)).expect("a folder");
                assert_eq!(names.count(), 0, "{folder}");
            }
        }
    }
}

#[test]
fn a_launcher_killed_at_any_step_leaves_nothing_that_lasts() {
    for who in BOTH {
        let place = Place::new(who);
        let Some((_, reference)) = archive(&place, "one") else { return };
        expect(&place.run(&[&reference, "/bin/true"]).output().expect("it starts"), 0);
        let mut ended = 0;
        for step in 0..60_u64 {
            let words = ["-p", "127.0.0.1:0:8080", "--read-only=false", &reference, "/bin/sleep", "1000"];
            let mut child = place.run(&words).stderr(std::process::Stdio::null()).spawn().expect("it starts");
            std::thread::sleep(std::time::Duration::from_millis(step));
            if step >= 50 {
                until("there is a container", || place.left().processes.len() > 1);
            }
            ended += usize::from(place.left().processes.len() > 1);
            kill(child.id());
            child.wait().expect("it ends");
        }
        assert!(ended >= 10, "some were killed with a container of theirs: {ended}");
        until("no process is left", || place.left().processes.is_empty());
        expect(&place.run(&[&reference, "/bin/true"]).output().expect("it starts"), 0);
        let mut gc = place.command(env!("CARGO_BIN_EXE_harden"));
        expect(&gc.args(["run", "--gc"]).output().expect("it starts"), 0);
        place.nothing_is_left();
    }
}

#[test]
fn a_killed_process_1_ends_the_container_and_the_launcher() {
    for who in BOTH {
        for init in ["--init", "--oom-score-adj=500"] {
            let place = Place::new(who);
            let Some((_, reference)) = archive(&place, "one") else { return };
            let child = place.begin(&[init, "-p", "127.0.0.1:0:8080", &reference, "/bin/sh", "-c", FAMILY]);
            let children = crate::support::launch::children(rustix::process::Pid::from_child(&child));
            let first = children.into_iter().find(|pid| {
                // Process 1 of a namespace of its own: all others are outside it.
                let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
                status.lines().any(|line| line.starts_with("NSpid:") && line.ends_with("\t1"))
            });
            kill(first.expect("process 1 is the launcher's child").unsigned_abs());
            let output = child.wait_with_output().expect("it ends");
            assert_eq!(output.status.code(), Some(137), "{who:?} {init}: {}", text_of(&output));
            place.nothing_is_left();
        }
    }
}

#[test]
fn killed_relays_take_the_port_and_not_the_container() {
    for who in BOTH {
        let place = Place::new(who);
        let Some((_, reference)) = archive(&place, "one") else { return };
        let child = place.begin(&["-p", "127.0.0.1:0:8080", &reference, "/bin/sh", "-c", "echo up; exec sleep 1000"]);
        let launcher = rustix::process::Pid::from_child(&child);
        let relays = || {
            let children = crate::support::launch::children(launcher);
            let is_ours = |pid: &i32| {
                let link = std::fs::read_link(format!("/proc/{pid}/exe"));
                link.is_ok_and(|link| link == Path::new(env!("CARGO_BIN_EXE_harden")))
            };
            children.into_iter().filter(is_ours).collect::<Vec<_>>()
        };
        assert!(relays().len() >= 2, "a relay and a dialer serve: {:?}", relays());
        for relay in relays() {
            kill(relay.unsigned_abs());
        }
        harden::run::sys::kill(launcher, libc::SIGTERM).expect("it is ours");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(143), "{who:?}: {}", text_of(&output));
        place.nothing_is_left();
    }
}
