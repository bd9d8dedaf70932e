//! A container's life: signals, the terminal, standard input, and that nothing outlives its launcher.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::launch::{
    AS_ROOT, Launcher, SUBIDS, USER, begin, begin_on, children, copy, helpers, one_id, order, root, run, run_with,
    spec, until,
};
use harden::run::{IdMaps, Order, Tools, sys};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use serde_json::json;

/// Orders as root and as an ordinary user, each without and with an init.
fn all(root: &Path, words: &[&str]) -> Vec<Order> {
    let mut orders = Vec::new();
    for ids in [None, Some(one_id(1000))] {
        for init in [false, true] {
            let mut order = order(root, words);
            order.profile.init.value = init;
            order.ids = ids.clone().unwrap_or(order.ids);
            orders.push(order);
        }
    }
    orders
}

fn started(order: &Order) -> Launcher {
    begin(order, &Tools::none(), None)
}

/// Numbers of all processes below the launcher.
fn family(launcher: &Launcher) -> Vec<i32> {
    let mut all = children(launcher.pid);
    let mut next = 0;
    while let Some(pid) = all.get(next).and_then(|pid| rustix::process::Pid::from_raw(*pid)) {
        all.extend(children(pid));
        next += 1;
    }
    all
}

#[test]
fn nothing_outlives_a_killed_launcher() {
    let Some(root) = root() else { return };
    for order in
        all(root.path(), &["sh", "-c", "setsid sleep 1000 & trap '' TERM HUP; echo up; sleep 1000; sleep 1000"])
    {
        let mut launcher = started(&order);
        launcher.wait_for("up");
        until("both sleep", || family(&launcher).len() >= if order.profile.init.value { 4 } else { 3 });
        let family = family(&launcher);
        launcher.signal(libc::SIGKILL);
        assert_eq!(launcher.wait(), 1000 + libc::SIGKILL);
        until("all are gone", || family.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()));
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_program_cant_take_back_that_it_ends_with_its_launcher() {
    use std::os::unix::fs::PermissionsExt;
    let Some(root) = root() else { return };
    // prctl(PR_SET_PDEATHSIG, 0), write(1, "up", 2), then pause() for ever.
    let code = b"\xb8\x9d\0\0\0\xbf\x01\0\0\0\x31\xf6\x0f\x05\xb8\x01\0\0\0\xbf\x01\0\0\0\x48\x8d\x35\x10\0\0\0\
        \xba\x02\0\0\0\x0f\x05\xb8\x22\0\0\0\x0f\x05\xeb\xf7up";
    let header = [
        &b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0"[..],
        &0x40_0078_u64.to_le_bytes(),
        &64_u64.to_le_bytes(),
        &[0; 12],
        b"\x40\0\x38\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x05\0\0\0",
        &[0; 8],
        &0x40_0000_u64.to_le_bytes(),
        &0x40_0000_u64.to_le_bytes(),
        &200_u64.to_le_bytes(),
        &200_u64.to_le_bytes(),
        &4096_u64.to_le_bytes(),
        code,
        &[0; 64],
    ];
    let program = root.path().join("bin/clinger");
    std::fs::write(&program, header.concat()).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    let allow = [sys::Instruction { code: 6, jt: 0, jf: 0, k: 0x7fff_0000 }];
    for order in all(root.path(), &["clinger"]) {
        // The control: without any filter, and without an init, it can.
        for filter in [&allow[..], &[]] {
            let mut launcher = begin(&order, &Tools { filter, ..Tools::none() }, None);
            launcher.wait_for("up");
            let family = family(&launcher);
            launcher.signal(libc::SIGKILL);
            launcher.wait();
            let alive = || family.iter().any(|pid| Path::new(&format!("/proc/{pid}")).exists());
            if filter.is_empty() && !order.profile.init.value {
                std::thread::sleep(std::time::Duration::from_millis(100));
                assert!(alive());
                sys::kill(rustix::process::Pid::from_raw(family[0]).expect("a number"), libc::SIGKILL).expect("killed");
            }
            until("it is gone", || !alive());
        }
    }
}

#[test]
fn a_killed_first_process_ends_everything() {
    let Some(root) = root() else { return };
    for order in all(root.path(), &["sh", "-c", "setsid sleep 1000 & echo up; sleep 1000; true"]) {
        let mut launcher = started(&order);
        launcher.wait_for("up");
        let family = family(&launcher);
        sys::kill(rustix::process::Pid::from_raw(family[0]).expect("a number"), libc::SIGKILL).expect("killed");
        assert_eq!(launcher.wait(), 137);
        assert!(family.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()));
    }
}

#[test]
fn signals_are_passed_on() {
    let Some(root) = root() else { return };
    for (script, signals, code) in [
        // Process 1 without a handler, which the kernel would let ignore them.
        ("echo up; exec sleep 1000", vec![libc::SIGTERM], 143),
        ("echo up; exec sleep 1000", vec![libc::SIGINT], 130),
        ("echo up; exec sleep 1000", vec![libc::SIGHUP], 129),
        ("trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done", vec![libc::SIGTERM], 5),
        ("trap 'exit 6' INT; echo up; while :; do sleep 0.1; done", vec![libc::SIGINT], 6),
        ("trap 'exit 7' USR1; echo up; while :; do sleep 0.1; done", vec![libc::SIGUSR1], 7),
        // Deaf ones end after the time to stop, or when they are told twice.
        ("trap '' TERM; echo up; while :; do sleep 0.1; done", vec![libc::SIGTERM], 137),
        ("trap '' INT; echo up; while :; do sleep 0.1; done", vec![libc::SIGINT; 3], 137),
    ] {
        for mut order in all(root.path(), &["sh", "-c", script]) {
            order.profile.stop_timeout.value = 1;
            let mut launcher = started(&order);
            launcher.wait_for("up");
            // What is executed instead of the shell must be there.
            if script.contains("exec") {
                until("sleep runs", || {
                    family(&launcher).iter().any(|pid| {
                        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n")
                    })
                });
            }
            for signal in signals.clone() {
                launcher.signal(signal);
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            let outcome = launcher.end();
            assert_eq!(outcome.code, code, "{script} {signals:?} {} {outcome:?}", order.profile.init.value);
        }
    }
    let mut order = order(root.path(), &["sh", "-c", "trap 'exit 8' QUIT; echo up; while :; do sleep 0.1; done"]);
    order.profile.stop_signal.value = "SIGQUIT".to_owned();
    let mut launcher = started(&order);
    launcher.wait_for("up");
    launcher.signal(libc::SIGTERM);
    launcher.end().expect(8);
}

#[test]
fn standard_input_is_passed_on_only_when_asked() {
    let Some(root) = root() else { return };
    for interactive in [true, false] {
        for mut order in all(root.path(), &["cat"]) {
            order.interactive = interactive;
            let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).expect("a pipe");
            let launcher = begin(&order, &Tools::none(), Some(reader));
            // Where nobody reads, nobody may be there any more either.
            let _ = File::from(writer).write_all(b"hello");
            let outcome = launcher.end().expect(0);
            assert_eq!(outcome.out, if interactive { "hello" } else { "" });
        }
    }
}

#[test]
fn a_terminal_is_served_and_restored() {
    let Some(root) = root() else { return };
    let script = "tty; test -t 0 && test -t 1 && test -t 2 && echo three; stty size; stat -c %u /dev/console;
                  trap 'stty size; exit 4' WINCH; read word; echo got $word; read last || echo end; while :; do sleep 0.1; done";
    for mut order in all(root.path(), &["sh", "-c", script]) {
        let words = ["sh", "-c", script];
        order.spec = spec(&json!({"process": {"terminal": true}}), &words);
        order.interactive = true;
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        unlockpt(&master).expect("unlocked");
        let name = ptsname(&master, Vec::new()).expect("its name");
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
        let slave = rustix::fs::open(&name, flags, rustix::fs::Mode::empty()).expect("its other end");
        let size = |rows, columns| {
            tcsetwinsize(&slave, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).expect("sized");
        };
        size(33, 99);
        let echoes = || tcgetattr(&slave).expect("modes").local_modes.contains(LocalModes::ECHO);
        assert!(echoes());
        let mut keyboard = File::from(copy(&master));
        let mut launcher = begin_on(&order, &Tools::none(), Some(copy(&slave)), (copy(&master), copy(&slave)));
        let seen = launcher.wait_for("1000\r\n");
        assert!(seen.contains("/dev/console") || seen.contains("/dev/pts/0"), "{seen}");
        assert!(seen.contains("three\r\n33 99\r\n"), "{seen}");
        assert!(!echoes(), "the user's own terminal is raw");
        keyboard.write_all(b"abc\n").expect("typed");
        launcher.wait_for("got abc\r\n");
        // Ctrl-D is the container's.
        keyboard.write_all(b"\x04").expect("typed");
        launcher.wait_for("end\r\n");
        size(44, 111);
        launcher.signal(libc::SIGWINCH);
        launcher.wait_for("44 111\r\n");
        assert_eq!(launcher.wait(), 4);
        assert!(echoes(), "the user's terminal is as it was");
    }
}

#[test]
fn keys_of_a_terminal_interrupt_the_program() {
    let Some(root) = root() else { return };
    let script = "trap 'echo caught; exit 3' INT; echo up; while :; do sleep 0.1; done";
    for mut order in all(root.path(), &["sh", "-c", script]) {
        order.spec = spec(&json!({"process": {"terminal": true}}), &["sh", "-c", script]);
        order.interactive = true;
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        unlockpt(&master).expect("unlocked");
        let name = ptsname(&master, Vec::new()).expect("its name");
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
        let slave = rustix::fs::open(&name, flags, rustix::fs::Mode::empty()).expect("its other end");
        let mut launcher = begin_on(&order, &Tools::none(), Some(copy(&slave)), (copy(&master), copy(&slave)));
        launcher.wait_for("up");
        File::from(copy(&master)).write_all(b"\x03").expect("typed");
        launcher.wait_for("caught");
        assert_eq!(launcher.wait(), 3);
    }
}

#[test]
fn refused_calls_can_be_asked_for_and_answered() {
    let Some(root) = root() else { return };
    // Every call waits for an answer, the launcher's own ones in the container too.
    let everything = [sys::Instruction { code: 6, jt: 0, jf: 0, k: 0x7fc0_0000 }];
    let answered = AtomicU32::new(0);
    let serve = |listener: &std::os::fd::OwnedFd| {
        let Ok(call) = sys::receive_notification(listener) else { return };
        answered.fetch_add(1, Ordering::Relaxed);
        let _ = sys::answer_notification(listener, sys::Answer { id: call.id, value: 0, error: 0, flags: 1 });
    };
    // How many there were is known to the launcher's process alone.
    let enough = |_: &harden::run::Started<'_>| match answered.load(Ordering::Relaxed) {
        0 => Err(harden::run::Error::new("calls", "none was asked for", "look")),
        _ => Ok(()),
    };
    for order in all(root.path(), &["sh", "-c", "echo a | cat; exit 3"]) {
        let tools = Tools { filter: &everything, refused: Some(&serve), prove: &enough, ..Tools::none() };
        assert_eq!(run_with(&order, &tools).expect(3).out, "a\n");
    }
}

#[test]
fn the_launchers_file_is_out_of_reach() {
    let Some(root) = root() else { return };
    use std::os::unix::fs::PermissionsExt;
    // A script that only the kernel can read, so that it is not refused by its interpreter.
    let script = root.path().join("bin/evil");
    std::fs::write(&script, "#!/proc/self/exe\n").expect("written");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o111)).expect("its mode");
    let mut mine = order(root.path(), &["evil"]);
    let launcher = started(&mine);
    // The control: where no id inside owns the file, the kernel executes it, and it finds none of its libraries.
    launcher.end().expect(127);
    // Here the program's user is outside the one who owns the file.
    let range = vec![harden::run::IdRange { inside: 1000, outside: 0, count: 1 }];
    mine.ids = IdMaps { uids: range.clone(), gids: range, writer: harden::run::MapWriter::OneId };
    mine.name = AS_ROOT.to_owned();
    mine.timeout = Some(2);
    let launcher = started(&mine);
    let exe = |pid: &i32| std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let own = std::env::current_exe().expect("a path");
    until("something else runs", || {
        children(launcher.pid).iter().any(|pid| exe(pid) == Path::new("/memfd:exec (deleted)"))
    });
    for _ in 0..100 {
        assert!(children(launcher.pid).iter().all(|pid| exe(pid) != own));
    }
    launcher.end().expect(124);
    // And a plain program runs that way too.
    mine.spec = spec(&json!({}), &["sh", "-c", "echo $0 $1; exit 4", "a", "b"]);
    assert_eq!(run(&mine).expect(4).out, "a b\n");
}

#[test]
fn an_ordinary_user_with_ranges_has_many_ids() {
    let Some(root) = root() else { return };
    if !Path::new("/usr/bin/newuidmap").exists() {
        crate::support::skip("newuidmap isn't there");
        return;
    }
    let script = "id -u; id -G; cat /proc/self/uid_map; grep CapEff /proc/self/status";
    let mut order = order(root.path(), &["sh", "-c", script]);
    order.spec = spec(&json!({"process": {"user": {"additionalGids": [5, 7]}}}), &["sh", "-c", script]);
    order.ids = helpers();
    let look = |started: &harden::run::Started<'_>| {
        let path = format!("/proc/{}/ns/user", started.pid.as_raw_nonzero());
        std::fs::read_link(&path).map(drop).map_err(|error| harden::run::Error::new(path, error.to_string(), "look"))
    };
    let outcome = run_with(&order, &Tools { prove: &look, ..Tools::none() }).expect(0);
    let words: Vec<&str> = outcome.out.split_whitespace().collect();
    let (user, ids) = (USER.to_string(), SUBIDS.to_string());
    let expected = ["1000", "1000", "5", "7", "0", &user, "1", "1", &ids, "65535", "CapEff:", "0000000000000000"];
    assert_eq!(words, expected, "{outcome:?}");
}

#[test]
fn settings_and_the_killers_choice_are_set() {
    let Some(root) = root() else { return };
    let script = "cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_default_ttl";
    let with = json!({"process": {"oomScoreAdj": 500}, "linux": {"sysctl": {"net.ipv4.ip_default_ttl": "99"}}});
    for order in all(root.path(), &["sh", "-c", script]) {
        let order = Order { spec: spec(&with, &["sh", "-c", script]), ..order };
        assert_eq!(run(&order).expect(0).out, "500\n99\n");
    }
    let with = json!({"linux": {"sysctl": {"kernel.core_pattern": "x"}}});
    let order = Order { spec: spec(&with, &["true"]), ..order(root.path(), &["true"]) };
    let outcome = run(&order).expect(125);
    assert!(outcome.err.contains("kernel.core_pattern"), "{outcome:?}");
    let host = std::fs::read_to_string("/proc/sys/net/ipv4/ip_default_ttl").expect("readable");
    assert_ne!(host.trim(), "99");
}

#[test]
fn a_caller_with_threads_is_refused() {
    let Some(root) = root() else { return };
    // This process has the test harness's threads.
    let error = harden::run::launch(&order(root.path(), &["true"]), &Tools::none()).expect_err("refused");
    assert_eq!((error.code, error.place.as_str()), (125, "clone3"));
}
