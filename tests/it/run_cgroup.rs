//! Limits that are in force, what is counted, what is proven, and that nothing is left behind: with real groups, as root.

use std::path::{Path, PathBuf};

use crate::support::launch::{USER, one_id, order, root, spec};
use crate::support::vm;
use harden::run::account::Account;
use harden::run::cgroup::{self, Cgroup, Host};
use harden::run::proof::{self, Extra};
use harden::run::{Error, MapWriter, Order, Tools, rlimits, sys};
use oci_spec::runtime::LinuxResources;
use rustix::process::{Gid, Uid, WaitOptions, waitpid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use serde_json::{Value, json};

/// What a launcher left: its code, what its container wrote, and what the launcher wrote down.
#[derive(Debug)]
struct Outcome {
    code: i32,
    out: String,
    said: String,
    proof: Value,
    account: Value,
}

/// Runs a container with groups, proof and account in a launcher of one thread, as root or as the ordinary user.
fn run(order: &Order) -> Outcome {
    run_in(order, None)
}

/// The same with the launcher in a group of its own, which belongs to the ordinary user.
fn run_in(order: &Order, delegated: Option<&Path>) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), open).expect("its mode");
    let file = |name: &str| folder.path().join(name);
    let Some(pid) = sys::fork().expect("a process") else {
        let (out, err) = (std::fs::File::create(file("out")), std::fs::File::create(file("err")));
        rustix::stdio::dup2_stdout(out.expect("a file")).expect("a descriptor");
        rustix::stdio::dup2_stderr(err.expect("a file")).expect("a descriptor");
        sys::close_all_but(&mut [0, 1, 2]).expect("closed");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        delegated.into_iter().for_each(delegate);
        sys::exit_now(launcher(order, &write).unwrap_or_else(|error| {
            write("said", &error.to_string());
            i32::from(error.code)
        }));
    };
    let (_, status) = waitpid(Some(pid), WaitOptions::empty()).expect("it is ours").expect("ended");
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap_or_default();
    let json = |name: &str| serde_json::from_str(&read(name)).unwrap_or_default();
    assert_eq!(left(&order.name), Vec::<PathBuf>::new());
    Outcome {
        code: status.exit_status().unwrap_or(-1),
        out: read("out") + &read("err"),
        said: read("said"),
        proof: json("proof"),
        account: json("account"),
    }
}

/// Makes a group as a manager of services does for a service that it delegates to a user, and moves this process in.
fn delegate(group: &Path) {
    std::fs::create_dir(group).expect("a group");
    for name in ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"] {
        std::os::unix::fs::chown(group.join(name), Some(USER), Some(USER)).expect("its owner");
    }
    std::fs::write(group.join("cgroup.procs"), "0").expect("moved");
}

fn launcher(order: &Order, write: &dyn Fn(&str, &str)) -> Result<i32, Error> {
    sys::reset_signals();
    if order.ids.writer != MapWriter::Root {
        let (uid, gid) = (Uid::from_raw(USER), Gid::from_raw(USER));
        set_thread_groups(&[]).expect("no groups");
        set_thread_res_gid(gid, gid, gid).expect("the group");
        set_thread_res_uid(uid, uid, uid).expect("the user");
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).expect("dumpable");
    }
    let linux = order.spec.linux().as_ref();
    let resources = linux.and_then(|linux| linux.resources().clone()).unwrap_or_default();
    let group = cgroup::prepare(&order.name, &resources, order.allow_partial, &Host::look_up())?;
    let asked = order.spec.process().as_ref().and_then(|process| process.rlimits().as_deref()).unwrap_or_default();
    let limits = group.rlimits(asked);
    let (sets, _) = rlimits::plan(&limits)?;
    let tools = Tools {
        cgroup: group.descriptor(),
        join: &|| group.join(),
        limit: &|| rlimits::apply(&sets),
        prove: &|started| {
            let extra = Extra { rlimits: Some(&limits), ..Extra::default() };
            let proof = proof::read(started.pid, order, Some(&group), &extra);
            write("proof", &proof.json());
            proof.check()
        },
        ..Tools::none()
    };
    let code = harden::run::launch(order, &tools)?;
    let account = Account::of(&group);
    write("account", &serde_json::to_string(&account).expect("JSON"));
    group.remove()?;
    Ok(i32::from(code))
}

/// Groups of a container that are still there.
fn left(name: &str) -> Vec<PathBuf> {
    let host = Host::look_up();
    let hierarchies = host.unified.iter().chain(host.v1.iter().map(|(_, hierarchy)| hierarchy));
    let parents = hierarchies.flat_map(|hierarchy| [hierarchy.own.clone(), hierarchy.mount.clone()]);
    let entries = parents.flat_map(|path| std::fs::read_dir(path).into_iter().flatten().flatten());
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&format!("harden.{name}.")));
    ours.map(|entry| entry.path()).collect()
}

/// A shell's script with these limits, under a name of its own.
fn limited(root: &Path, name: &str, resources: &Value, script: &str) -> Order {
    let words = ["sh", "-c", script];
    let with = json!({"linux": {"resources": resources}});
    Order { spec: spec(&with, &words), name: name.to_owned(), ..order(root, &words) }
}

/// Whether root can make groups with these controllers here, in either version; else a skip.
fn has(controllers: &[&str]) -> bool {
    let host = Host::look_up();
    let has = controllers.iter().all(|controller| host.v1(controller).is_some() || v2_has(&host, controller));
    if !has {
        crate::support::skip(&format!("needs control groups with {}", controllers.join(", ")));
    }
    has
}

fn v2_has(host: &Host, controller: &str) -> bool {
    let file = host.unified.as_ref().map(|hierarchy| hierarchy.mount.join("cgroup.controllers"));
    let words = file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    words.split_whitespace().any(|word| word == controller)
}

fn count(account: &Value, what: &str) -> u64 {
    account[what]["value"].as_u64().unwrap_or_default()
}

fn row<'a>(outcome: &'a Outcome, what: &str) -> &'a Value {
    let rows = outcome.proof["rows"].as_array().expect("rows");
    rows.iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("no row {what}: {outcome:?}"))
}

const MEMORY: u64 = 32 << 20;

#[test]
fn memory_is_bounded_with_swap_and_kills_are_counted() {
    let Some(root) = root() else { return };
    if !has(&["memory"]) {
        return;
    }
    let take = "dd if=/dev/zero of=/dev/null bs=100M count=1 2>/dev/null; echo $?";
    // The control: the same succeeds where nothing bounds it.
    let free = run(&limited(root.path(), "memory-free", &json!({}), take));
    assert_eq!((free.code, free.out.as_str()), (0, "0\n"), "{free:?}");
    let limits = json!({"memory": {"limit": MEMORY, "swap": MEMORY}});
    let bound = run(&limited(root.path(), "memory-bound", &limits, take));
    assert_eq!(bound.code, 0, "{bound:?}");
    assert!(bound.out.contains("137"), "{bound:?}");
    assert_eq!(count(&bound.account, "oom_kills"), 1, "{bound:?}");
    let peak = count(&bound.account, "peak_memory");
    assert!(peak > 1 << 20 && peak <= MEMORY, "{bound:?}");
    assert_eq!(row(&bound, "memory")["in_force"], "32 MiB");
    let file =
        if Host::look_up().v1("memory").is_some() { "v1 memory.memsw.limit_in_bytes" } else { "v2 memory.swap.max" };
    assert_eq!(row(&bound, "memory and swap")["mechanism"], format!("cgroup {file}"));
}

#[test]
fn processes_are_bounded() {
    let Some(root) = root() else { return };
    if !has(&["pids"]) {
        return;
    }
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 5 & done; echo all";
    let free = run(&limited(root.path(), "pids-free", &json!({"pids": {"limit": 64}}), script));
    assert_eq!((free.code, free.out.as_str()), (0, "all\n"), "{free:?}");
    assert_eq!(count(&free.account, "peak_processes"), 11, "{free:?}");
    let bound = run(&limited(root.path(), "pids-bound", &json!({"pids": {"limit": 6}}), script));
    assert!(bound.code == 2 && bound.out.contains("can't fork"), "{bound:?}");
    assert_eq!(count(&bound.account, "peak_processes"), 6, "{bound:?}");
}

#[test]
fn cpu_is_throttled_kept_to_cpus_and_counted() {
    let Some(root) = root() else { return };
    if !has(&["cpu", "cpuset"]) {
        return;
    }
    // An emulated processor does less in its share of the time.
    let rounds = if vm::inside() { 5000 } else { 60000 };
    let script =
        format!("i=0; while [ $i -lt {rounds} ]; do i=$((i+1)); done; grep Cpus_allowed_list /proc/self/status");
    let limits = json!({"cpu": {"quota": 5000, "period": 50000, "shares": 512, "cpus": "0", "mems": "0"}});
    let bound = run(&limited(root.path(), "cpu", &limits, &script));
    assert_eq!((bound.code, bound.out.as_str()), (0, "Cpus_allowed_list:\t0\n"), "{bound:?}");
    assert!(count(&bound.account, "throttled") > 0, "{bound:?}");
    assert!(count(&bound.account, "cpu_user") > 0, "{bound:?}");
    let shown = |what: &str| row(&bound, what)["in_force"].as_str().unwrap_or_default().to_owned();
    let found = (bound.account["cpu_user"]["read_from"].as_str(), shown("CPU shares"), shown("CPU time"));
    let (file, shares, time) = match Host::look_up().v1("cpu") {
        Some(_) => ("cpuacct.usage_user", "512", "50000, 5000"),
        None => ("cpu.stat", "59", "5000 50000"),
    };
    assert_eq!(found, (Some(file), shares.to_owned(), time.to_owned()));
    let free = run(&limited(root.path(), "cpu-free", &json!({"cpu": {"shares": 512}}), &script));
    assert_eq!(count(&free.account, "throttled"), 0, "{free:?}");
}

#[test]
fn a_device_that_may_only_be_read_from_cant_be_written_to() {
    let Some(root) = root() else { return };
    if Host::look_up().v1("devices").is_none() {
        crate::support::skip("needs the devices controller of version 1");
        return;
    }
    let script = "head -c 1 /dev/zero | wc -c; echo x >/dev/zero";
    let rules = |access: &str| {
        json!({"devices": [
            {"allow": false, "access": "rwm"},
            {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rw"},
            {"allow": true, "type": "c", "major": 1, "minor": 5, "access": access},
        ]})
    };
    let free = run(&limited(root.path(), "devices-free", &rules("rw"), script));
    assert_eq!((free.code, free.out.as_str()), (0, "1\n"), "{free:?}");
    let bound = run(&limited(root.path(), "devices-bound", &rules("r"), script));
    assert!(bound.code == 1 && bound.out.contains("1\n") && bound.out.contains("not permitted"), "{bound:?}");
    assert_eq!(row(&bound, "devices")["in_force"], "c 1:5 r");
}

#[test]
fn what_the_kernel_refuses_is_refused_and_leaves_nothing() {
    let Some(root) = root() else { return };
    if !has(&["cpuset", "pids"]) {
        return;
    }
    for (name, limits, word) in [
        ("no-cpu", json!({"pids": {"limit": 9}, "cpu": {"cpus": "4000"}}), "cpuset.cpus"),
        ("no-set", json!({"cpu": {"cpus": "a"}}), "cpuset.cpus"),
        ("no-device", json!({"blockIO": {"throttleReadBpsDevice": [{"major": 0, "minor": 0, "rate": 1024}]}}), "0:0"),
        ("no-such", json!({"unified": {"memory.high": "1"}}), "unified"),
    ] {
        let refused = run(&limited(root.path(), name, &limits, "echo ran"));
        assert_eq!((refused.code, refused.out.as_str()), (125, ""), "{refused:?}");
        assert!(refused.said.contains(word), "{refused:?}");
    }
}

#[test]
fn without_groups_limits_are_refused_or_with_leave_partial() {
    let Some(root) = root() else { return };
    let limits = json!({"pids": {"limit": 7}, "memory": {"limit": MEMORY}, "cpu": {"quota": 50000}});
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 3 & done; echo all";
    let as_user = Order { ids: one_id(1000), ..limited(root.path(), "partial", &limits, script) };
    let refused = run(&as_user);
    assert_eq!((refused.code, refused.out.as_str()), (125, ""), "{refused:?}");
    for word in ["processes (7)", "memory (32 MiB)", "CPU time (50000 of 100000", "--allow partial-limits"] {
        assert!(refused.said.contains(word), "{word}: {refused:?}");
    }
    let partial = run(&Order { allow_partial: true, ..as_user.clone() });
    assert!(partial.out.contains("can't fork"), "{partial:?}");
    assert_eq!(row(&partial, "processes")["verdict"], "partly");
    assert_eq!(row(&partial, "memory")["mechanism"], "setrlimit RLIMIT_DATA");
    assert_eq!(row(&partial, "CPU time")["in_force"], "unbounded");
    assert_eq!(row(&partial, "RLIMIT_NPROC")["in_force"], "7:7");
    assert!(count(&partial.account, "cpu_user") + count(&partial.account, "cpu_system") > 0, "{partial:?}");
    assert_eq!(partial.account["cpu_user"]["read_from"], "getrusage ru_utime");
    // The control: what is bounded in place of the group is bounded by that.
    let free = limited(root.path(), "partial-free", &json!({}), script);
    assert_eq!(run(&Order { ids: one_id(1000), ..free }).out, "all\n");
}

#[test]
fn a_container_is_born_in_its_group_of_version_2() {
    let Some(root) = root() else { return };
    if Host::look_up().unified.is_none() {
        crate::support::skip("needs the hierarchy of version 2");
        return;
    }
    // Nothing is bounded: the group is for ending and counting.
    let outcome = run(&limited(root.path(), "born", &json!({}), "cat /proc/self/cgroup; sleep 100 & echo done"));
    assert!(outcome.code == 0 && outcome.out.ends_with("done\n"), "{outcome:?}");
    assert_eq!(row(&outcome, "control group")["verdict"], "holds", "{outcome:?}");
    assert_eq!(outcome.account["cpu_user"]["read_from"], "cpu.stat");
}

#[test]
fn what_is_left_in_a_group_is_ended_and_the_groups_of_the_dead_are_swept() {
    if root().is_none() || !has(&["pids", "memory"]) {
        return;
    }
    let resources: LinuxResources =
        serde_json::from_value(json!({"pids": {"limit": 20}, "memory": {"limit": MEMORY}})).expect("resources");
    let Some(pid) = sys::fork().expect("a process") else {
        sys::close_all_but(&mut [0, 1, 2]).expect("closed");
        sys::exit_now(crash(&resources).unwrap_or(1));
    };
    let (_, status) = waitpid(Some(pid), WaitOptions::empty()).expect("it is ours").expect("ended");
    assert_eq!(status.exit_status(), Some(0));
    // Another test's start may have swept by now; what is sure is that the groups were there when the launcher ended.
    cgroup::sweep(&Host::look_up());
    assert_eq!(left("crashed"), Vec::<PathBuf>::new());
}

/// Makes groups with a process in them, and ends without removing them; gives 0 where they are there.
fn crash(resources: &LinuxResources) -> Result<i32, Error> {
    let group: Cgroup = cgroup::prepare("crashed", resources, false, &Host::look_up())?;
    let failed = |error: std::io::Error| Error::new("fork", error.to_string(), "-");
    match sys::fork().map_err(failed)? {
        Some(child) => group.add(child)?,
        None => loop {
            std::thread::sleep(std::time::Duration::from_secs(1));
        },
    }
    let there = group.folders().count() >= 1 && group.folders().all(|(_, path)| path.exists());
    std::mem::forget(group);
    Ok(i32::from(!there))
}

#[test]
fn the_proof_of_everything_holds_for_root_and_ordinary_users() {
    let Some(root) = root() else { return };
    let with = json!({
        "process": {
            "user": {"uid": 1000, "gid": 1000, "umask": 0o27}, "oomScoreAdj": 500,
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
        }
    });
    let words = ["true"];
    let root_order = Order { spec: spec(&with, &words), name: "proof".to_owned(), ..order(root.path(), &words) };
    for ids in [root_order.ids.clone(), one_id(1000)] {
        let outcome = run(&Order { ids, ..root_order.clone() });
        assert_eq!((outcome.code, outcome.said.as_str()), (0, ""), "{outcome:?}");
        assert_eq!(outcome.proof["differences"], 0, "{outcome:?}");
        assert_eq!(row(&outcome, "RLIMIT_NOFILE")["in_force"], "100:200");
        assert_eq!(row(&outcome, "own namespaces")["in_force"], "cgroup ipc mnt net pid time user uts");
        assert_eq!(row(&outcome, "capabilities")["in_force"], "none");
        assert_eq!(row(&outcome, "OOM score")["in_force"], "500");
        assert_eq!(row(&outcome, "open descriptors")["in_force"], "0 1 2");
        assert_eq!(row(&outcome, "network")["in_force"], "lo");
        assert_eq!(row(&outcome, "masked paths")["asked"], "7");
    }
}

#[test]
fn what_differs_is_found_and_stops_the_container() {
    let Some(root) = root() else { return };
    let words = ["echo", "ran"];
    let honest = Order { name: "differs".to_owned(), ..order(root.path(), &words) };
    // The launcher is given one order, and the proof another one: as if something had not been done.
    for (with, what) in [
        (json!({"process": {"user": {"uid": 1001, "gid": 1000}}}), "user"),
        (json!({"process": {"user": {"uid": 1000, "gid": 1000, "additionalGids": [5]}}}), "groups"),
        (json!({"process": {"oomScoreAdj": 7}}), "OOM score"),
        (json!({"process": {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 3, "hard": 9}]}}), "RLIMIT_NOFILE"),
        (json!({"linux": {"maskedPaths": ["/proc/version"]}}), "masked paths"),
        (json!({"linux": {"readonlyPaths": ["/tmp"]}}), "read-only paths"),
        (json!({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO"}}}), "system calls"),
        (json!({"process": {"capabilities": {"effective": ["CAP_CHOWN"]}}}), "capabilities CapEff"),
        (json!({"mounts": [{"destination": "/tmp", "type": "tmpfs", "options": ["ro"]}]}), "mount /tmp"),
        (json!({"mounts": [{"destination": "/bin", "type": "tmpfs", "options": ["ro"]}]}), "mount /bin"),
        (json!({"mounts": []}), "mount /proc"),
    ] {
        let asked = Order { spec: spec(&with, &words), ..honest.clone() };
        let rows = compare(&honest, &asked);
        let differing: Vec<&str> =
            rows.iter().filter(|row| row["verdict"] == "differs").filter_map(|row| row["what"].as_str()).collect();
        assert!(differing.contains(&what), "{what}: {differing:?}");
    }
    let same = compare(&honest, &honest);
    assert!(same.iter().all(|row| row["verdict"] == "holds"), "{same:?}");
}

/// Starts the one order, proves the other, and gives its rows. The container must not run where the proof says no.
fn compare(start: &Order, asked: &Order) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("proof");
    let Some(pid) = sys::fork().expect("a process") else {
        rustix::stdio::dup2_stdout(std::fs::File::create(folder.path().join("out")).expect("a file")).expect("taken");
        sys::close_all_but(&mut [0, 1, 2]).expect("closed");
        sys::reset_signals();
        let prove = |started: &harden::run::Started<'_>| {
            let proof = proof::read(started.pid, asked, None, &Extra::default());
            std::fs::write(&file, proof.json()).expect("written");
            proof.check()
        };
        let code = harden::run::launch(start, &Tools { prove: &prove, ..Tools::none() });
        sys::exit_now(code.map_or_else(|error| i32::from(error.code), i32::from));
    };
    let (_, status) = waitpid(Some(pid), WaitOptions::empty()).expect("it is ours").expect("ended");
    let proof: Value = serde_json::from_str(&std::fs::read_to_string(&file).expect("a proof")).expect("JSON");
    let out = std::fs::read_to_string(folder.path().join("out")).expect("output");
    let expected = if proof["differences"] == 0 { (Some(0), "ran\n") } else { (Some(125), "") };
    assert_eq!((status.exit_status(), out.as_str()), expected, "{proof}");
    proof["rows"].as_array().expect("rows").clone()
}

#[test]
fn an_ordinary_user_bounds_a_container_where_groups_are_delegated() {
    let Some(root) = root() else { return };
    let host = Host::look_up();
    // Where version 1 has the controllers, the virtual machine alone shows this (run_vm.rs).
    let Some(hierarchy) = host.unified.as_ref().filter(|_| v2_has(&host, "memory") && v2_has(&host, "pids")) else {
        assert!(!vm::inside(), "{host:?}");
        return;
    };
    let group = hierarchy.mount.join("harden-test-delegated");
    let limits = json!({"pids": {"limit": 6}, "memory": {"limit": MEMORY, "swap": MEMORY}});
    let script = "dd if=/dev/zero of=/dev/null bs=100M count=1 2>/dev/null; echo $?; \
                  for i in 1 2 3 4 5 6 7 8 9 10; do sleep 5 & done; echo all";
    let order = Order { ids: one_id(1000), ..limited(root.path(), "delegated", &limits, script) };
    let bound = run_in(&order, Some(&group));
    assert_eq!(std::fs::read_dir(&group).expect("it").flatten().filter(|entry| entry.path().is_dir()).count(), 0);
    std::fs::remove_dir(&group).expect("nothing is in it");
    assert!(bound.out.contains("137\n") && bound.out.contains("can't fork"), "{bound:?}");
    assert_eq!(count(&bound.account, "oom_kills"), 1, "{bound:?}");
    assert_eq!(row(&bound, "memory")["mechanism"], "cgroup v2 memory.max");
    // The control: the same user, where no group is theirs.
    assert_eq!(run(&order).code, 125);
}
