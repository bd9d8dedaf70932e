//! What the machine doesn't have, or forbids. Each is taken away in namespaces of the test alone.

use super::*;
use crate::support::launch::{SUBIDS, USER};

/// Runs a shell's script as root in a mount namespace of its own, in which `$1` is `harden`.
fn apart(place: &Place, script: &str) -> Output {
    let mut command = std::process::Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_harden")]);
    for (name, folder) in [("XDG_DATA_HOME", "data"), ("XDG_CACHE_HOME", "cache"), ("TMPDIR", "tmp")] {
        command.env(name, place.path(folder));
    }
    command.env("HARDEN_TEST_MARK", &place.mark).stdin(std::process::Stdio::null()).output().expect("unshare")
}

/// Words of a shell that start a container of this place as root or as the ordinary user.
fn start(place: &Place, who: Who, flags: &str, program: &str) -> String {
    let user = match who {
        Who::Root => String::new(),
        Who::User => format!("setpriv --reuid={USER} --regid={USER} --clear-groups"),
    };
    format!("{user} \"$1\" run --name={} --env=HARDEN_TEST_MARK={} {flags} {program}", place.mark, place.mark)
}

/// A root file system in a place.
fn rootfs(place: &Place) -> Option<String> {
    let root = root()?;
    let copied = std::process::Command::new("cp").arg("-a").arg(root.path()).arg(place.path("root")).status();
    assert!(copied.is_ok_and(|status| status.success()));
    Some(format!("rootfs:{}", place.path("root").display()))
}

#[test]
fn without_newuidmap_there_is_one_id_which_is_said() {
    let place = Place::new(Who::User);
    let Some(image) = rootfs(&place) else { return };
    if !Path::new("/usr/bin/newuidmap").exists() {
        return crate::support::skip("newuidmap is not installed; install uidmap");
    }
    let inside = format!("{image} /bin/cat /proc/self/uid_map /proc/self/gid_map");
    let run = start(&place, Who::User, "--allow=partial-limits --proof=-", &inside);
    // Group 5 is one that the program is to have besides its own.
    let more = start(&place, Who::User, "--allow=partial-limits --group-add=5", &inside);
    let given = format!(
        "echo 'tester:x:{USER}:{USER}::/:/bin/sh' >$TMPDIR/passwd; echo {USER}:{SUBIDS}:65536 >$TMPDIR/ids
         mount --bind $TMPDIR/passwd /etc/passwd
         for file in subuid subgid; do touch /etc/$file; mount --bind $TMPDIR/ids /etc/$file; done"
    );
    let maps = |said: &str| {
        let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        said.lines().filter(|line| line.starts_with(' ')).map(line).collect::<Vec<_>>()
    };
    // The control: with both programs, all ids are mapped and nothing is said of ids.
    for run in [&run, &more] {
        let said = expect(&apart(&place, &format!("{given}; {run}")), 0);
        let two = [format!("0 {USER} 1"), format!("1 {SUBIDS} 65536")];
        assert_eq!(maps(&said), [&two[..], &two[..]].concat(), "{said}");
        assert!(!said.contains("can't be mapped"), "{said}");
    }
    for missing in ["newuidmap", "newgidmap"] {
        // A program without the right to map is as good as none.
        let hidden = format!("{given}; touch $TMPDIR/none; mount --bind $TMPDIR/none /usr/bin/{missing}");
        let said = expect(&apart(&place, &format!("{hidden}; {run}")), 0);
        let one = format!("65534 {USER} 1");
        assert_eq!(maps(&said), [one.clone(), one], "{said}");
        assert!(said.contains(&format!("65534→{USER} (1)")), "{said}");
        // What one id isn't enough for is refused.
        let said = expect(&apart(&place, &format!("{hidden}; {more}")), 125);
        assert!(said.contains("group 5 can't be mapped") && said.contains("install `uidmap`"), "{said}");
    }
    for name in ["passwd", "ids", "none"] {
        std::fs::remove_file(place.path("tmp").join(name)).expect("a file of the test");
    }
    place.nothing_is_left();
}

#[test]
fn where_user_namespaces_are_forbidden_the_setting_is_named() {
    let place = Place::new(Who::User);
    let Some(image) = rootfs(&place) else { return };
    // The setting is each user namespace's own: the host's stays as it is.
    let setting = || std::fs::read_to_string("/proc/sys/user/max_user_namespaces").expect("Linux has it");
    let before = setting();
    let run = start(&place, Who::Root, "--allow=partial-limits", &format!("{image} /bin/true"));
    for flags in ["-U -r", "-U -r -m"] {
        let inside = |script: &str| {
            let mut command = place.command("unshare");
            command.args(flags.split(' ')).args(["sh", "-c", script, "sh", env!("CARGO_BIN_EXE_harden")]);
            command.output().expect("unshare")
        };
        expect(&inside(&run), 0);
        let said = expect(&inside(&format!("echo 0 >/proc/sys/user/max_user_namespaces; {run}")), 125);
        assert!(said.contains("`sysctl user.max_user_namespaces="), "{said}");
        // Another kind that there may be none of.
        let said = expect(&inside(&format!("echo 0 >/proc/sys/user/max_net_namespaces; {run}")), 125);
        assert!(said.contains("clone3"), "{said}");
    }
    assert_eq!(setting(), before);
    place.nothing_is_left();
}

#[test]
fn without_control_groups_limits_are_refused_or_taken_in_part() {
    let place = Place::new(Who::Root);
    let Some(image) = rootfs(&place) else { return };
    let program = format!("{image} /bin/sh -c 'grep -E \"Max (data|processes)\" /proc/self/limits'");
    let run = start(&place, Who::Root, "-m 64m --pids-limit 50", &program);
    let partly = start(&place, Who::Root, "-m 64m --pids-limit 50 --allow=partial-limits", &program);
    expect(&apart(&place, &run), 0);
    let hidden = [
        "mount -t tmpfs none /sys/fs/cgroup",
        "umount -R /sys/fs/cgroup",
        "for tree in /sys/fs/cgroup/*; do mount -o remount,bind,ro $tree; done; mount -o remount,bind,ro /sys/fs/cgroup",
    ];
    for hide in hidden {
        let said = expect(&apart(&place, &format!("{hide}; {run}")), 125);
        assert!(said.contains("no control group") && said.contains("--allow partial-limits"), "{hide}: {said}");
        let said = expect(&apart(&place, &format!("{hide}; {partly}")), 0);
        // What setrlimit(2) can hold is held, and what is less is said.
        let limits: Vec<&str> = said.lines().filter(|line| line.starts_with("Max ")).collect();
        assert!(limits.len() == 2 && limits[0].contains("67108864") && limits[1].contains(" 50 "), "{hide}: {said}");
        assert!(said.contains("memory: asked for 64 MiB") && said.contains("each process"), "{hide}: {said}");
        assert!(said.contains("CPU time: ") && said.contains("unbounded"), "{hide}: {said}");
    }
    place.nothing_is_left();
}

#[test]
fn too_few_descriptors_are_said_at_whatever_step() {
    let place = Place::new(Who::Root);
    let Some(image) = rootfs(&place) else { return };
    let run = start(&place, Who::Root, "-p 127.0.0.1:0:8080", &format!("{image} /bin/true"));
    let mut refused = 0;
    for most in (5..60).step_by(2) {
        let output = apart(&place, &format!("ulimit -n {most}; {run}"));
        if output.status.code() != Some(0) {
            let said = expect(&output, 125);
            // The kernel's words, or where a library has its own, the step.
            assert!(said.contains("Too many open files") || said.contains("error: "), "{most}: {said}");
            assert!(!said.contains("panicked"), "{most}: {said}");
            refused += 1;
        }
        assert!(place.left().groups.is_empty(), "{most}: {:#?}", place.left());
    }
    assert!((1..27).contains(&refused), "{refused} of 28 are refused, and the rest has enough");
    place.nothing_is_left();
}
