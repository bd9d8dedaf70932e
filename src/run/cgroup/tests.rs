//! Groups in a faked tree of a temporary folder: where a group would be made, which way is taken, what is refused, what
//! counts as in force. What only a kernel does is tested with one (tests/it/run_cgroup.rs).

use super::*;

/// A tree of version 2: each group with the controllers that groups in it have, and processes.
fn tree(groups: &[(&str, &str, &str)]) -> (tempfile::TempDir, Hierarchy) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut own = folder.path().to_owned();
    for (path, controllers, processes) in groups {
        own = folder.path().join(path);
        std::fs::create_dir_all(&own).expect("a folder");
        for (file, text) in [
            ("cgroup.controllers", *controllers),
            ("cgroup.subtree_control", *controllers),
            ("cgroup.procs", *processes),
        ] {
            std::fs::write(own.join(file), text).expect("written");
        }
    }
    let hierarchy = Hierarchy { mount: folder.path().to_owned(), own };
    (folder, hierarchy)
}

fn resources(text: &str) -> LinuxResources {
    serde_json::from_str(text).expect("resources")
}

fn groups_in(path: &Path) -> Vec<PathBuf> {
    let made = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("harden."));
    folder::groups(path).into_iter().filter(made).collect()
}

#[test]
fn the_nearest_group_that_gives_all_is_taken() {
    let all = "cpu memory pids";
    let levels = [(".", all, ""), ("user", all, ""), ("user/manager", all, ""), ("user/manager/shell", "", "1\n2\n")];
    let (folder, hierarchy) = tree(&levels);
    let wanted = BTreeSet::from(["memory", "pids"]);
    let chosen = |root, hierarchy: &Hierarchy| {
        let host = Host { unified: Some(hierarchy.clone()), root, ..Host::default() };
        let parent = unified::choose(&host, &wanted, "harden.x").expect("a parent");
        (parent.path.strip_prefix(folder.path()).expect("in the tree").to_owned(), parent.controllers.len())
    };
    assert_eq!(chosen(false, &hierarchy), (PathBuf::from("user/manager"), 2));
    assert_eq!(chosen(true, &hierarchy), (PathBuf::from(""), 2));
    // One that gives less is taken only where none gives more.
    std::fs::write(folder.path().join("user/manager/cgroup.subtree_control"), "pids").expect("written");
    std::fs::write(folder.path().join("user/manager/cgroup.controllers"), "pids").expect("written");
    assert_eq!(chosen(false, &hierarchy), (PathBuf::from("user"), 2));
    for path in ["", "user"] {
        std::fs::write(folder.path().join(path).join("cgroup.subtree_control"), "").expect("written");
        std::fs::write(folder.path().join(path).join("cgroup.controllers"), "").expect("written");
    }
    assert_eq!(chosen(false, &hierarchy), (PathBuf::from("user/manager"), 1));
}

#[test]
fn without_a_way_every_limit_is_named_and_nothing_is_left() {
    let (folder, hierarchy) = tree(&[(".", "memory pids", ""), ("own", "", "1\n2\n")]);
    let host = Host { unified: Some(hierarchy), swap: true, ..Host::default() };
    let asked = resources(
        r#"{"memory": {"limit": 67108864, "swap": 67108864}, "pids": {"limit": 5}, "cpu": {"shares": 512, "cpus": "0"}}"#,
    );
    // The folder is made; no kernel puts files into it.
    let error = prepare("x", &asked, false, &host).expect_err("refused");
    for word in
        ["memory (64 MiB)", "memory and swap (64 MiB (0 B of swap))", "processes (5)", "CPU shares (512)", "CPUs (0)"]
    {
        assert!(error.problem.contains(word), "{error}");
    }
    assert!(error.remedy.contains("--allow partial-limits") && error.code == 125, "{error}");
    assert_eq!(groups_in(folder.path()), Vec::<PathBuf>::new());
    let group = prepare("x", &asked, true, &host).expect("partial");
    assert!(group.in_force().iter().all(|limit| limit.held == Held::Partly), "{group:?}");
    let limits: Vec<(PosixRlimitType, u64, u64)> =
        group.rlimits(&[]).iter().map(|limit| (limit.typ(), limit.soft(), limit.hard())).collect();
    assert_eq!(limits, [(PosixRlimitType::RlimitNproc, 5, 5), (PosixRlimitType::RlimitData, 67_108_864, 67_108_864)]);
    drop(group);
    assert_eq!(groups_in(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_machine_without_swap_needs_no_limit_of_it() {
    let asked = resources(r#"{"memory": {"limit": 67108864, "swap": 67108864}}"#);
    let group = prepare("x", &asked, true, &Host::default()).expect("partial");
    let limits = group.in_force();
    assert_eq!(
        (limits[1].what, limits[1].mechanism, limits[1].held),
        ("memory and swap", Mechanism::Emulated, Held::Fully)
    );
    let group = prepare("x", &asked, true, &Host { swap: true, ..Host::default() }).expect("partial");
    assert_eq!((group.in_force()[1].mechanism, group.in_force()[1].held), (Mechanism::Nothing, Held::Partly));
}

#[test]
fn a_stricter_limit_of_the_users_own_stays() {
    let group = prepare("x", &resources(r#"{"pids": {"limit": 9}}"#), true, &Host::default()).expect("partial");
    let own = |soft, hard| {
        PosixRlimitBuilder::default().typ(PosixRlimitType::RlimitNproc).soft(soft).hard(hard).build().expect("a limit")
    };
    let limit = |asked: PosixRlimit| {
        let limits = group.rlimits(&[asked]);
        (limits.len(), limits[0].soft(), limits[0].hard())
    };
    assert_eq!(limit(own(3_u64, 20_u64)), (1, 3, 9));
    assert_eq!(limit(own(20, 30)), (1, 9, 9));
}

#[test]
fn nothing_to_bound_and_no_groups_is_no_error() {
    let group = prepare("x", &LinuxResources::default(), false, &Host::default()).expect("nothing");
    assert!(group.descriptor().is_none() && group.in_force().is_empty() && group.folders().next().is_none());
    group.join().and_then(|()| group.remove()).expect("nothing to do");
}

#[test]
fn what_is_read_back_must_be_what_was_written() {
    let bytes = Check::Bytes(1 << 20);
    for (found, holds) in [("1048576", true), ("1044480", true), ("1048577", false), ("max", false), ("0", false)] {
        assert_eq!(bytes.holds("1048576", found), holds, "{found}");
    }
    assert!(!Check::Bytes(u64::MAX).holds("", "0") && Check::Bytes(5).holds("5", "0"));
    assert!(Check::Same.holds("5000 100000", "5000\t100000") && !Check::Same.holds("5", "max"));
    assert!(Check::Set.holds("0-2,4", "0,1-2,4") && !Check::Set.holds("0-2", "0-1") && !Check::Set.holds("0", ""));
    assert!(
        !Check::Set.holds("x", "x") && numbers("0-4294967295").is_none() && numbers("5-1").expect("none").is_empty()
    );
    let line = "8:0 rbps=max wbps=5 riops=max wiops=max\n8:16 rbps=7 wbps=max riops=max wiops=max";
    assert!(Check::Line.holds("8:16 rbps=7", line) && !Check::Line.holds("8:0 rbps=7", line));
    assert_eq!(Check::Line.shown("8:0 rbps=7", line), "nothing of it");
}
