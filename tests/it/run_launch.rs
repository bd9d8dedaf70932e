//! The launcher itself: what a container has, hasn't, and can't do, as root and as an ordinary user.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use crate::support::launch::{BASE, USER, helpers, one_id, order, root, run, run_with, spec};
use harden::policy::Restart;
use harden::run::{MapWriter, Order, Tools};
use serde_json::{Value, json};

/// Orders for the same words as root and as an ordinary user.
fn both(root: &Path, words: &[&str]) -> [Order; 2] {
    let as_root = order(root, words);
    let as_user = Order { ids: one_id(1000), ..as_root.clone() };
    [as_root, as_user]
}

/// The output of a shell's script in a container.
fn shell(root: &Path, script: &str) -> String {
    run(&order(root, &["sh", "-c", script])).expect(0).out
}

/// The same with other fields of the configuration.
fn shell_with(root: &Path, with: &Value, script: &str) -> crate::support::launch::Outcome {
    let words = ["sh", "-c", script];
    run(&Order { spec: spec(with, &words), ..order(root, &words) })
}

#[test]
fn a_program_runs_as_root_and_as_an_ordinary_user() {
    let Some(root) = root() else { return };
    for order in both(root.path(), &["sh", "-c", "echo $GREETING; id -u; id -g; hostname; pwd; umask; exit 7"]) {
        let outcome = run(&order).expect(7);
        assert_eq!(outcome.out, "hello\n1000\n1000\ninside\n/\n0022\n", "{outcome:?}");
        assert_eq!(outcome.err, "");
    }
}

#[test]
fn what_a_pipe_takes_can_be_opened_again() {
    let Some(root) = root() else { return };
    // The pipes here are root's; an ordinary user's own are theirs already.
    let outcome = run(&order(root.path(), &["sh", "-c", "echo out >/dev/stdout && echo err >/dev/stderr"])).expect(0);
    assert_eq!((outcome.out.as_str(), outcome.err.as_str()), ("out\n", "err\n"));
}

#[test]
fn codes_are_dockers() {
    let Some(root) = root() else { return };
    std::fs::write(root.path().join("bin/plain"), "echo").expect("written");
    std::fs::write(root.path().join("bin/strange"), "\x01\x02").expect("written");
    std::fs::write(root.path().join("bin/script"), "#!/bin/sh\nexit 9\n").expect("written");
    std::fs::write(root.path().join("bin/nowhere"), "#!/bin/absent\n").expect("written");
    for (name, mode) in [("plain", 0o644), ("strange", 0o755), ("script", 0o755), ("nowhere", 0o755)] {
        let path = root.path().join("bin").join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode");
    }
    for (words, code) in [
        (vec!["true"], 0),
        (vec!["false"], 1),
        (vec!["sh", "-c", "exit 255"], 255),
        (vec!["absent"], 127),
        (vec!["/bin/absent"], 127),
        (vec!["/bin/true/x"], 127),
        (vec!["nowhere"], 127),
        (vec!["plain"], 126),
        (vec!["/bin"], 126),
        (vec!["strange"], 126),
        (vec!["script"], 9),
        (vec![""], 127),
        (vec!["sh", "-c", "(sh -c 'kill -9 $$'; exit $?) 2>/dev/null"], 137),
    ] {
        for order in both(root.path(), &words) {
            let outcome = run(&order);
            assert_eq!(outcome.code, code, "{words:?}: {outcome:?}");
            assert_eq!(outcome.err.is_empty(), !matches!(code, 126 | 127), "{words:?}: {outcome:?}");
        }
    }
}

#[test]
fn nothing_of_the_callers_privilege_is_left() {
    let Some(root) = root() else { return };
    let script = "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status; ls /proc/self/fd | wc -l";
    for order in both(root.path(), &["sh", "-c", script]) {
        let out = run(&order).expect(0).out;
        for line in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert!(out.contains(&format!("{line}:\t0000000000000000\n")), "{out}");
        }
        assert!(out.contains("NoNewPrivs:\t1\n") && out.contains("Uid:\t1000\t1000\t1000\t1000\n"), "{out}");
        // 0, 1, 2 and what ls reads with.
        assert!(out.ends_with("\n4\n"), "{out}");
    }
    let as_zero = json!({"process": {"user": {"uid": 0, "gid": 0, "additionalGids": [7]}}});
    let out = shell_with(root.path(), &as_zero, "id -u; id -G; grep CapEff /proc/self/status; chown 1 /tmp").expect(1);
    assert!(out.out.starts_with("0\n0 7\nCapEff:\t0000000000000000\n"), "{out:?}");
    // The control: capabilities that are asked for are there, and do what they do.
    let one = json!(["CAP_CHOWN"]);
    let sets = json!({"bounding": one, "permitted": one, "effective": one, "inheritable": one, "ambient": one});
    for uid in [0, 1000] {
        let with = json!({"process": {"user": {"uid": uid, "gid": 0}, "capabilities": sets}});
        let script = "grep CapEff /proc/self/status; touch /tmp/x; chown 5:5 /tmp/x && stat -c %u /tmp/x";
        let out = shell_with(root.path(), &with, script).expect(0).out;
        assert_eq!(out, "CapEff:\t0000000000000001\n5\n", "uid {uid}");
    }
}

#[test]
fn every_namespace_is_the_containers_own() {
    let Some(root) = root() else { return };
    let kinds = ["user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time"];
    let script =
        "for kind in user mnt pid net uts ipc cgroup time; do readlink /proc/self/ns/$kind; done; echo $$; ifconfig lo";
    for order in both(root.path(), &["sh", "-c", script]) {
        let out = run(&order).expect(0).out;
        let lines: Vec<&str> = out.lines().collect();
        for (kind, inside) in kinds.iter().zip(&lines) {
            let outside = std::fs::read_link(format!("/proc/self/ns/{kind}")).expect("a link");
            assert!(inside.starts_with(&format!("{kind}:[")) && *inside != outside.to_str().expect("text"), "{out}");
        }
        assert_eq!(lines[8], "1", "{out}");
        assert!(out.contains("UP LOOPBACK") && out.contains("127.0.0.1"), "{out}");
    }
}

#[test]
fn mounts_are_as_asked_and_nothing_else_is_there() {
    let Some(root) = root() else { return };
    for order in both(root.path(), &["cat", "/proc/self/mountinfo"]) {
        let out = run(&order).expect(0).out;
        let mounts: Vec<(&str, &str)> = out
            .lines()
            .map(|line| {
                let fields: Vec<&str> = line.split(' ').collect();
                (fields[4], fields[5])
            })
            .collect();
        for (path, options) in [
            ("/", vec!["ro", "nosuid", "nodev"]),
            ("/proc", vec!["nosuid", "nodev", "noexec"]),
            ("/proc/sys", vec!["ro", "nosuid", "nodev", "noexec"]),
            ("/proc/keys", vec!["ro"]),
            ("/sys", vec!["ro", "nosuid", "nodev", "noexec"]),
            ("/sys/firmware", vec!["ro"]),
            ("/sys/fs/cgroup", vec!["ro"]),
            ("/dev", vec!["nosuid"]),
            ("/dev/null", vec!["ro", "nosuid", "noexec"]),
            ("/dev/pts", vec!["nosuid", "noexec"]),
            ("/dev/shm", vec!["nosuid", "nodev", "noexec"]),
            ("/dev/mqueue", vec!["nosuid", "nodev", "noexec"]),
            ("/tmp", vec!["rw", "nosuid", "nodev", "noexec"]),
        ] {
            let found = mounts.iter().rev().find(|(mounted, _)| *mounted == path);
            let (_, has) = found.unwrap_or_else(|| panic!("{path} isn't mounted: {out}"));
            for option in options {
                assert!(has.split(',').any(|word| word == option), "{path} lacks {option}: {has}");
            }
        }
        assert!(mounts.iter().all(|(path, _)| !path.starts_with("/work") && *path != "/absent"), "{out}");
        assert_eq!(mounts.iter().filter(|(path, _)| *path == "/").count(), 1, "{out}");
    }
}

#[test]
fn nothing_of_the_host_is_above_the_root() {
    let Some(root) = root() else { return };
    let files = [("/etc/hosts", String::new())];
    let plain = json!({});
    let script = "cd /; ls ..; ls ../../..; ls /proc/1/root/..; awk '$5 == \"/\"' /proc/self/mountinfo | wc -l";
    let expected = shell(root.path(), "for i in 1 2 3; do ls /; done; echo 1");
    for with in [&plain, &json!({"root": {"readonly": false}}), &json!({"process": {"cwd": "/new"}})] {
        for tools in [Tools::none(), Tools { files: &files, ..Tools::none() }] {
            let words = ["sh", "-c", script];
            for order in both(root.path(), &words) {
                let out = run_with(&Order { spec: spec(with, &words), ..order }, &tools).expect(0).out;
                assert_eq!(out.replace("new\n", ""), expected, "{with}");
            }
        }
    }
}

#[test]
fn what_is_written_goes_nowhere_but_where_it_may() {
    let Some(root) = root() else { return };
    let script = "for path in / /bin /etc /proc/sys/kernel/hostname /sys/x /sys/fs/cgroup/x /proc/sysrq-trigger; do
                      (echo x > $path/x || echo x > $path) 2>/dev/null && echo wrote $path; done; echo x > /tmp/x && echo done";
    for order in both(root.path(), &["sh", "-c", script]) {
        assert_eq!(run(&order).expect(0).out, "done\n");
    }
    // The control: where the root may be written to, it is, and the image stays as it was.
    let writable = json!({"root": {"readonly": false}, "process": {"user": {"uid": 0, "gid": 0}}});
    assert_eq!(shell_with(root.path(), &writable, "echo x > /etc/new && cat /etc/new").expect(0).out, "x\n");
    assert!(!root.path().join("etc/new").exists());
}

#[test]
fn what_is_written_into_the_root_is_kept_in_its_folder() {
    let Some(root) = root() else { return };
    let writable = json!({"root": {"readonly": false}, "process": {"user": {"uid": 0, "gid": 0}}});
    for (id, owner) in [(None, 0), (Some(one_id(0)), USER), (Some(helpers()), USER)] {
        let scratch = tempfile::tempdir().expect("a folder");
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(scratch.path(), open).expect("its mode");
        std::os::unix::fs::chown(scratch.path(), Some(owner), Some(owner)).expect("its owner");
        // More than fits where changes are kept in memory.
        if id.as_ref().is_some_and(|id| id.writer == MapWriter::Helpers) && !Path::new("/usr/bin/newuidmap").exists() {
            continue;
        }
        let script = "head -c 80000000 /dev/zero > /big && chmod 0 /big && mkdir -m 0 /shut && ls -l /big";
        let words = ["sh", "-c", script];
        let mut order = order(root.path(), &words);
        order.spec = spec(&writable, &words);
        order.ids = id.unwrap_or(order.ids);
        let kept = order.clone();
        order.root.scratch = Some(scratch.path().to_owned());
        let outcome = run(&order).expect(0);
        assert!(outcome.out.contains("80000000") && outcome.err.is_empty(), "{outcome:?}");
        let big = scratch.path().join("upper/big").symlink_metadata().expect("written");
        assert_eq!(big.len(), 80_000_000);
        assert!(!root.path().join("big").exists());
        run(&kept).expect(1);
    }
}

#[test]
fn a_tree_of_shifted_owners_is_used_as_it_is() {
    let Some(root) = root() else { return };
    let mut paths = vec![root.path().to_owned()];
    while let Some(path) = paths.pop() {
        let found = path.symlink_metadata().expect("there");
        std::os::unix::fs::lchown(&path, Some(BASE + found.uid()), Some(BASE + found.gid())).expect("its owner");
        if found.is_dir() {
            paths.extend(std::fs::read_dir(&path).expect("readable").flatten().map(|entry| entry.path()));
        }
    }
    let mut order = order(root.path(), &["stat", "-c", "%u", "/", "/bin/busybox"]);
    order.root.shifted = true;
    assert_eq!(run(&order).expect(0).out, "0\n0\n");
    // The control: the same tree taken for what it isn't shows strangers.
    order.root.shifted = false;
    assert_ne!(run(&order).out, "0\n0\n");
}

#[test]
fn privilege_can_be_gained_only_where_that_was_asked_for() {
    let Some(root) = root() else { return };
    let busybox = root.path().join("bin/setuid");
    std::fs::copy("/bin/busybox", &busybox).expect("copied");
    std::fs::set_permissions(&busybox, std::fs::Permissions::from_mode(0o4755)).expect("its mode");
    let allow = [harden::run::sys::Instruction { code: 6, jt: 0, jf: 0, k: 0x7fff_0000 }];
    for gains in [true, false] {
        let words = ["sh", "-c", "grep -E '^(NoNewPrivs|Seccomp|CapEff):' /proc/self/status; setuid id -u"];
        let with = json!({"process": {"noNewPrivileges": !gains}});
        let order = Order { spec: spec(&with, &words), ..order(root.path(), &words) };
        let outcome = run_with(&order, &Tools { filter: &allow, ..Tools::none() });
        let first = format!("CapEff:\t0000000000000000\nNoNewPrivs:\t{}\nSeccomp:\t2\n", u8::from(!gains));
        // Even so, set-user-id bits count on no mount of a container's.
        assert_eq!(outcome.out.trim_end_matches("1000\n"), first, "{outcome:?}");
        assert!(outcome.out.ends_with("1000\n") || outcome.code != 0, "{outcome:?}");
    }
}

#[test]
fn covered_paths_show_nothing() {
    let Some(root) = root() else { return };
    std::fs::create_dir(root.path().join("secret")).expect("made");
    std::fs::write(root.path().join("secret/key"), "k").expect("written");
    std::fs::write(root.path().join("etc/key"), "k").expect("written");
    let script =
        "cat /proc/timer_list /etc/key | wc -c; ls -A /secret 2>&1; ls -A /sys/firmware 2>&1; echo x > /etc/key";
    let shown = shell(root.path(), "cat /etc/key /secret/key | wc -c");
    assert_eq!(shown, "2\n");
    let with =
        json!({"linux": {"maskedPaths": ["/proc/timer_list", "/sys/firmware", "/secret", "/etc/key", "/absent"]}});
    let out = shell_with(root.path(), &with, script);
    assert!(out.out.starts_with("0\n") && !out.out.contains("key"), "{out:?}");
}

#[test]
fn dev_has_the_harmless_devices_only() {
    let Some(root) = root() else { return };
    let script = "ls /dev; stat -L -c '%n %t %T' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty;
                  echo x > /dev/null; head -c 3 /dev/zero | wc -c; echo a | cat /dev/stdin; ls /dev/pts;
                  mknod /dev/shm/x c 1 3 2>/dev/null || echo no";
    for order in both(root.path(), &["sh", "-c", script]) {
        let out = run(&order).expect(0).out;
        let names = "fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n";
        let numbers = "/dev/null 1 3\n/dev/zero 1 5\n/dev/full 1 7\n/dev/random 1 8\n/dev/urandom 1 9\n/dev/tty 5 0\n";
        assert_eq!(out, format!("{names}{numbers}3\na\nptmx\nno\n"));
    }
}

#[test]
fn temporary_folders_have_their_bounds() {
    let Some(root) = root() else { return };
    let script = "head -c 2000000 /dev/zero > /tmp/big || echo full; rm /tmp/big; i=0;
                  while [ $i -lt 100 ] && touch /tmp/$i; do i=$((i+1)); done 2>/dev/null; echo $i;
                  cp /bin/busybox /dev/shm/b; chmod +x /dev/shm/b; /dev/shm/b true || echo noexec";
    let out = shell(root.path(), &format!("({script}) 2>/dev/null"));
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0] == "full" && lines[1].parse::<u32>().is_ok_and(|made| made < 64), "{out}");
    assert_eq!(lines[2], "noexec");
}

#[test]
fn a_link_in_place_of_a_folder_is_refused_and_leads_nowhere() {
    let canary = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(canary.path(), std::fs::Permissions::from_mode(0o777)).expect("its mode");
    std::fs::write(canary.path().join("bird"), "alive").expect("written");
    for name in ["proc", "sys", "dev", "tmp"] {
        let Some(root) = root() else { return };
        std::fs::remove_dir(root.path().join(name)).expect("removed");
        symlink(canary.path(), root.path().join(name)).expect("a link");
        for order in both(root.path(), &["true"]) {
            let outcome = run(&order).expect(125);
            assert!(outcome.err.contains(&format!("/{name}")) && outcome.err.contains("link"), "{outcome:?}");
        }
        // The same where the link leads to a folder of the image's, and where what is mounted on lies behind one.
        std::fs::remove_file(root.path().join(name)).expect("removed");
        symlink("etc", root.path().join(name)).expect("a link");
        run(&order(root.path(), &["true"])).expect(125);
    }
    let names: Vec<_> =
        std::fs::read_dir(canary.path()).expect("readable").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["bird"]);
}

#[test]
fn an_image_without_folders_runs() {
    let Some(root) = root() else { return };
    for name in ["dev", "etc/passwd", "etc", "proc", "root", "sys", "tmp"] {
        let path = root.path().join(name);
        if path.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) }.expect("removed");
    }
    let with = json!({"process": {"cwd": "/new/work"}});
    let words = ["sh", "-c", "pwd; ls /; echo x > /new/x || echo x > /tmp/x && cat /proc/sys/kernel/hostname"];
    for order in both(root.path(), &words) {
        let outcome = run(&Order { spec: spec(&with, &words), ..order }).expect(0);
        assert_eq!(outcome.out, "/new/work\nbin\ndev\nnew\nproc\nsys\ntmp\ninside\n", "{outcome:?}");
    }
    assert_eq!(std::fs::read_dir(root.path()).expect("readable").count(), 1);
}

#[test]
fn folders_of_the_host_are_bound_as_asked() {
    let Some(root) = root() else { return };
    let host = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(host.path(), std::fs::Permissions::from_mode(0o777)).expect("its mode");
    std::fs::write(host.path().join("file"), "f").expect("written");
    let bound = |options: &[&str]| {
        let mut mounts = serde_json::to_value(spec(&json!({}), &["x"])).expect("JSON")["mounts"].clone();
        let list = mounts.as_array_mut().expect("a list");
        let source = host.path().to_str().expect("UTF-8");
        list.push(json!({"destination": "/mnt/data", "type": "bind", "source": source, "options": options}));
        let file = format!("{source}/file");
        list.push(json!({"destination": "/mnt/file", "type": "bind", "source": file, "options": ["rbind", "ro"]}));
        json!({ "mounts": mounts })
    };
    let script = "cat /mnt/data/file /mnt/file; echo x > /mnt/data/new && stat -c %u /mnt/data/new";
    let out = shell_with(root.path(), &bound(&["rbind", "ro"]), script).expect(1);
    assert!(out.out == "ff" && out.err.contains("Read-only"), "{out:?}");
    let out = shell_with(root.path(), &bound(&["rbind", "rw"]), script).expect(0);
    assert_eq!(out.out, "ff1000\n", "{out:?}");
    // As root inside and outside mean the same user, and never root's own id outside by the namespace's.
    assert_eq!(std::fs::metadata(host.path().join("new")).expect("made").uid(), 1000);
    std::fs::remove_file(host.path().join("new")).expect("removed");
    let words = ["sh", "-c", script];
    let user = Order { ids: one_id(1000), spec: spec(&bound(&["rbind"]), &words), ..order(root.path(), &words) };
    assert_eq!(run(&user).expect(0).out, "ff1000\n");
    assert_eq!(std::fs::metadata(host.path().join("new")).expect("made").uid(), USER);
    let missing = json!({"mounts": [{"destination": "/mnt", "type": "bind", "source": "/absent/folder"}]});
    let outcome = shell_with(root.path(), &missing, "true").expect(125);
    assert!(outcome.err.contains("/absent/folder"), "{outcome:?}");
}

#[test]
fn a_temporary_folder_starts_with_what_the_image_has() {
    let Some(root) = root() else { return };
    std::fs::create_dir_all(root.path().join("seed/deep")).expect("made");
    std::fs::write(root.path().join("seed/deep/file"), "seeded").expect("written");
    symlink("deep/file", root.path().join("seed/link")).expect("a link");
    let mounts = |options: &[&str]| {
        let mut mounts = serde_json::to_value(spec(&json!({}), &["x"])).expect("JSON")["mounts"].clone();
        mounts
            .as_array_mut()
            .expect("a list")
            .push(json!({"destination": "/seed", "type": "tmpfs", "options": options}));
        json!({ "mounts": mounts })
    };
    let out = shell_with(
        root.path(),
        &mounts(&["mode=1777", "size=1m", "tmpcopyup"]),
        "cat /seed/link; echo x > /seed/new; ls /seed",
    );
    assert_eq!(out.expect(0).out, "seededdeep\nlink\nnew\n");
    let out = shell_with(root.path(), &mounts(&["mode=1777", "size=1m"]), "ls /seed").expect(0);
    assert_eq!(out.out, "");
    let outcome = shell_with(root.path(), &mounts(&["size=4k", "nr_inodes=2", "tmpcopyup"]), "true").expect(125);
    assert!(outcome.err.contains("/seed"), "{outcome:?}");
}

#[test]
fn programs_that_lead_through_proc_are_refused() {
    let Some(root) = root() else { return };
    let script = root.path().join("bin/evil");
    for (text, words) in [
        ("#!/proc/self/exe\n", vec!["evil"]),
        ("#! /proc/1/exe x\n", vec!["evil"]),
        ("#!/bin/evil\n", vec!["evil"]),
        ("", vec!["/proc/self/exe"]),
        ("", vec!["/proc/self/fd/0"]),
        ("", vec!["/etc/exe"]),
    ] {
        std::fs::write(&script, text).expect("written");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        let link = root.path().join("etc/exe");
        if !link.is_symlink() {
            symlink("/proc/self/exe", &link).expect("a link");
        }
        for order in both(root.path(), &words) {
            run(&order).expect(126);
        }
    }
}

#[test]
fn init_reaps_passes_signals_on_and_hides_the_launcher() {
    let Some(root) = root() else { return };
    let script = "echo $$; cat /proc/1/comm; tr '\\0' x < /proc/1/cmdline | sed 's/x//g' | wc -c;
                  readlink /proc/1/exe || echo hidden; (sleep 0 & exec sh -c 'exit 0'); grep CapEff /proc/1/status; exit 5";
    for mut order in both(root.path(), &["sh", "-c", &format!("({script}) 2>/dev/null; exit 5")]) {
        order.profile.init.value = true;
        let outcome = run(&order).expect(5);
        assert_eq!(outcome.out, "2\ninit\n0\nhidden\nCapEff:\t0000000000000000\n", "{outcome:?}");
    }
    // What is left behind is reaped by init; the control: a program that isn't made for that leaves it lying.
    let script = "setsid sh -c 'setsid true &'; sleep 0.3; grep -h State /proc/[0-9]*/status | grep -c zombie";
    for (init, left) in [(true, "0\n"), (false, "1\n")] {
        let words = ["sh", "-c", script];
        let mut order = order(root.path(), &if init { words.to_vec() } else { vec!["/bin/sleeper"] });
        if !init {
            let text = format!("#!/bin/awk -f\nBEGIN {{ system(\"{script}\") }}\n");
            std::fs::write(root.path().join("bin/sleeper"), text).expect("written");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(root.path().join("bin/sleeper"), mode).expect("its mode");
        }
        order.profile.init.value = init;
        assert_eq!(run(&order).out, left, "{init}");
    }
    let mut killed = order(root.path(), &["sh", "-c", "kill -9 $$"]);
    killed.profile.init.value = true;
    run(&killed).expect(137);
}

#[test]
fn a_program_that_fails_is_started_again_as_often_as_asked() {
    let Some(root) = root() else { return };
    for (restart, script, times) in [
        (Restart::OnFailure(Some(2)), "echo x; exit 3", 3),
        (Restart::OnFailure(Some(2)), "echo x; exit 0", 1),
        (Restart::No, "echo x; exit 3", 1),
    ] {
        let mut order = order(root.path(), &["sh", "-c", script]);
        order.profile.restart.value = restart;
        assert_eq!(run(&order).out.lines().count(), times, "{restart:?} {script}");
    }
}

#[test]
fn a_container_ends_when_its_time_is_over() {
    let Some(root) = root() else { return };
    for mut order in both(root.path(), &["sleep", "1000"]) {
        order.timeout = Some(1);
        run(&order).expect(124);
    }
}

#[test]
fn what_is_proven_is_what_runs() {
    let Some(root) = root() else { return };
    let look = |started: &harden::run::Started<'_>| {
        let folder = format!("/proc/{}", started.pid.as_raw_nonzero());
        let status = std::fs::read_to_string(format!("{folder}/status")).expect("readable");
        let exe = std::fs::read_link(format!("{folder}/ns/pid")).expect("readable");
        std::fs::read_to_string(format!("{folder}/mountinfo")).expect("readable");
        let seen = status.contains("CapEff:\t0000000000000000") && status.contains("NoNewPrivs:\t1");
        assert!(exe != std::fs::read_link("/proc/self/ns/pid").expect("readable"));
        if seen { Ok(()) } else { Err(harden::run::Error::new("proof", status, "look")) }
    };
    let refuse = |_: &harden::run::Started<'_>| Err(harden::run::Error::new("proof", "differs", "look"));
    for order in both(root.path(), &["echo", "ran"]) {
        assert_eq!(run_with(&order, &Tools { prove: &look, ..Tools::none() }).expect(0).out, "ran\n");
        let outcome = run_with(&order, &Tools { prove: &refuse, ..Tools::none() }).expect(125);
        assert!(outcome.out.is_empty() && outcome.err.contains("differs"), "{outcome:?}");
    }
}

#[test]
fn files_of_the_launchers_own_are_shown() {
    let Some(root) = root() else { return };
    symlink("../run/nowhere/resolv.conf", root.path().join("etc/resolv.conf")).expect("a link");
    let files = [("/etc/hosts", "127.0.0.1 localhost\n".to_owned()), ("/etc/resolv.conf", "# none\n".to_owned())];
    let script = "cat /etc/hosts /etc/resolv.conf; echo x > /etc/hosts";
    for order in both(root.path(), &["sh", "-c", script]) {
        let outcome = run_with(&order, &Tools { files: &files, ..Tools::none() }).expect(1);
        assert_eq!(outcome.out, "127.0.0.1 localhost\n# none\n", "{outcome:?}");
    }
    assert!(!root.path().join("etc/hosts").exists());
}

#[test]
fn ids_outside_are_those_of_the_map() {
    let Some(root) = root() else { return };
    let look = |started: &harden::run::Started<'_>| {
        let owner = std::fs::metadata(format!("/proc/{}/task", started.pid.as_raw_nonzero())).expect("there").uid();
        if [BASE + 1000, USER].contains(&owner) {
            Ok(())
        } else {
            Err(harden::run::Error::new("uid", owner.to_string(), ""))
        }
    };
    for order in both(root.path(), &["true"]) {
        run_with(&order, &Tools { prove: &look, ..Tools::none() }).expect(0);
    }
}
