//! `run::runtimes`: the same order through runc, crun, podman and docker, seen from inside.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use harden::policy::export::{Source, Target, export};
use harden::policy::oci::{Place, spec};
use harden::policy::{Bind, Egress, Ids, Mount, MountKind, Network, Profile, Restart, Said};
use harden::run::runtimes::{Facts, Runtime, Version, lacks, launch};
use harden::run::{IdMaps, IdRange, MapWriter, Order, RootFs};
use oci_spec::runtime::{Capability, LinuxIdMappingBuilder};

use crate::export::sample;
use crate::support::{launch, skip};

const FIRST_ID: u32 = 0x6FFF_0000;

/// The profile of a server, with nothing that a low runtime lacks.
fn profile(script: &str) -> Profile {
    let mut profile = sample::server();
    profile.publish.clear();
    profile.restart = Said::new(Restart::No, "");
    profile.command.value = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    profile
}

fn order(profile: Profile, root: &Path) -> Order {
    let range = IdRange { inside: 0, outside: FIRST_ID, count: 65_536 };
    let map = LinuxIdMappingBuilder::default().container_id(0u32).host_id(FIRST_ID).size(65_536u32).build();
    let map = vec![map.expect("a map")];
    let place = Place {
        root,
        uid_mappings: map.clone(),
        gid_mappings: map,
        cgroups_path: None,
        volumes: Path::new("/nowhere"),
        device: &|_| None,
    };
    Order {
        spec: spec(&profile, &place),
        profile,
        root: RootFs { path: root.to_owned(), shifted: true, scratch: None },
        ids: IdMaps { uids: vec![range], gids: vec![range], writer: MapWriter::Root },
        name: own_name(),
        timeout: None,
        ..launch::order(root, &[])
    }
}

/// A root file system of busybox, owned as the store has it.
pub(crate) fn unpacked() -> Option<tempfile::TempDir> {
    if !rustix_is_root() {
        skip("only root maps ids and makes control groups");
        return None;
    }
    let Ok(busybox) = std::fs::read("/bin/busybox").or_else(|_| std::fs::read("/usr/bin/busybox")) else {
        skip("busybox-static is not installed");
        return None;
    };
    let root = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).expect("a mode");
    for folder in ["bin", "dev", "etc", "proc", "sys", "tmp", "out", "var/cache/nginx"] {
        std::fs::create_dir_all(root.path().join(folder)).expect("a folder");
    }
    let program = root.path().join("bin/busybox");
    std::fs::write(&program, busybox).expect("busybox");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("a mode");
    for name in
        ["sh", "cat", "grep", "sleep", "touch", "id", "head", "kill", "ls", "hostname", "ulimit", "readlink", "dd"]
    {
        symlink("busybox", root.path().join("bin").join(name)).expect("a link");
    }
    // runc before 1.2 gives a tmpfs the mode of the folder that it covers.
    std::fs::set_permissions(root.path().join("tmp"), PermissionsExt::from_mode(0o1777)).expect("a mode");
    std::fs::write(root.path().join("var/cache/nginx/seed"), "seed").expect("a file");
    give(root.path());
    Some(root)
}

fn rustix_is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// Gives a tree to user 0 inside.
fn give(path: &Path) {
    std::os::unix::fs::lchown(path, Some(FIRST_ID), Some(FIRST_ID)).expect("root may");
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).expect("a folder") {
            give(&entry.expect("an entry").path());
        }
    }
}

/// The launch happens in a process of its own, whose standard output is the container's: this test in that process.
/// Arguments come as `HARDEN_TEST_RUNTIME`, `…_ROOT`, `…_SCRIPT`, `…_TIMEOUT`, `…_IMAGE`.
#[test]
#[allow(clippy::exit, clippy::print_stderr)]
fn helper() {
    let get = |name: &str| std::env::var(format!("HARDEN_TEST_{name}")).ok();
    let (Some(runtime), Some(root), Some(script)) = (get("RUNTIME"), get("ROOT"), get("SCRIPT")) else { return };
    let runtime = Runtime::ALL.iter().find(|(name, _)| *name == runtime).expect("a runtime").1;
    let mut order = order(profile(&script), Path::new(&root));
    order.name = get("NAME").expect("a name");
    order.timeout = get("TIMEOUT").map(|seconds| seconds.parse().expect("a number"));
    order.profile.stop_timeout.value = 1;
    if let Some(program) = get("PROGRAM") {
        order.profile.command.value = vec![program];
        order.spec = crate::run_runtimes::order(order.profile.clone(), Path::new(&root)).spec;
    }
    let image = get("IMAGE").unwrap_or_default();
    let code = match launch(&order, runtime, &image, &|said| eprintln!("said: {said}")) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            error.code
        }
    };
    std::process::exit(code.into());
}

/// A command for the helper; crun's in a mount namespace without the tree of version 2, which it refuses beside the first.
fn helping(runtime: &str, root: &Path, script: &str) -> Command {
    let test = std::env::current_exe().expect("this test");
    // The harness has threads of its own, which a signal would end: `harden` itself has one.
    let block = "exec env --block-signal=TERM \"$0\" \"$@\"";
    let hide = format!("umount /sys/fs/cgroup/unified; {block}");
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", if runtime == "crun" { &hide } else { block }]).arg(test);
    let name = format!("{}::helper", module_path!().split_once("::").map_or("", |(_, path)| path));
    command.args([&name, "--exact", "--nocapture", "--test-threads=1"]);
    command.env("HARDEN_TEST_RUNTIME", runtime).env("HARDEN_TEST_ROOT", root).env("HARDEN_TEST_SCRIPT", script);
    command.env("HARDEN_TEST_NAME", own_name());
    command.stdin(Stdio::null());
    command
}

fn through(runtime: &str, root: &Path, script: &str) -> (Option<i32>, String) {
    let output = helping(runtime, root, script).output().expect("it starts");
    (output.status.code(), text_of(&output))
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The runtimes that are here and take a bundle.
fn low() -> Vec<&'static str> {
    let there = |name: &&str| Command::new(name).arg("--version").stdout(Stdio::null()).status().is_ok();
    let found: Vec<&str> = ["runc", "crun", "youki"].into_iter().filter(there).collect();
    if found.is_empty() {
        skip("neither runc nor crun is installed");
    }
    found
}

/// A name for the containers of this test, which its thread is called after; in the helper it is said.
fn own_name() -> String {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let name: String = test.rsplit("::").next().unwrap_or_default().replace('_', "-").chars().take(30).collect();
    format!("test-{}", name.trim_matches('-'))
}

/// What is left of containers of this test: folders and control groups.
fn left_behind() -> Vec<String> {
    let own = format!("harden-{}", own_name());
    let mut found = Vec::new();
    let tmp = std::env::temp_dir();
    for folder in [tmp.as_path(), Path::new("/sys/fs/cgroup/pids"), Path::new("/sys/fs/cgroup/memory")] {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        found.extend(names.filter(|name| name.starts_with(&own)));
    }
    found
}

#[test]
fn the_profile_is_in_force_inside() {
    let Some(root) = unpacked() else { return };
    let script = "
        grep -E '^(Uid|Gid|Groups|Cap.*|NoNewPrivs|Seccomp):' /proc/self/status
        touch /etc/x 2>&1
        touch /tmp/x && echo tmp written
        cat /var/cache/nginx/seed; echo
        head -c 1 /proc/kcore | grep -c . ; echo kcore read
        cat /proc/self/oom_score_adj
        ulimit -n
        hostname
        cat /proc/self/uid_map
        ls /proc/self/ns
        readlink /proc/self/ns/time
        exit 42";
    for runtime in low() {
        let (code, said) = through(runtime, root.path(), script);
        assert_eq!(code, Some(42), "{runtime}: {said}");
        for expected in [
            "Uid:\t101\t101\t101\t101",
            "Gid:\t102\t102\t102\t102",
            "CapInh:\t0000000000000000",
            "CapPrm:\t0000000000000000",
            "CapEff:\t0000000000000000",
            "CapBnd:\t0000000000000000",
            "CapAmb:\t0000000000000000",
            "NoNewPrivs:\t1",
            "Seccomp:\t2",
            "Read-only file system",
            "tmp written",
            "\nseed\n",
            "\n0\nkcore read",
            "\n100\n",
            "\n1024\n",
            "\nweb\n",
            "1878982656",
        ] {
            assert!(said.contains(expected), "{runtime}: `{expected}` isn't in {said}");
        }
        let own = std::fs::read_link("/proc/self/ns/time").expect("a link").display().to_string();
        let lost = said.contains("knows no time namespace in this version");
        assert_eq!(said.contains(&own), lost, "{runtime}: what is lost is said, and nothing else: {said}");
    }
    assert_eq!(left_behind(), [""; 0]);
}

#[test]
fn exit_codes_are_the_programs_or_dockers() {
    let Some(root) = unpacked() else { return };
    for runtime in low() {
        for (script, expected) in [("exit 0", 0), ("exit 1", 1), ("sh -c 'kill -9 $$'; exit $?", 137)] {
            let (code, said) = through(runtime, root.path(), script);
            assert_eq!(code, Some(expected), "{runtime}: {script}: {said}");
        }
        for (program, expected) in [("/bin/none", 127), ("/var/cache/nginx/seed", 126)] {
            let output =
                helping(runtime, root.path(), "").env("HARDEN_TEST_PROGRAM", program).output().expect("it starts");
            assert_eq!(output.status.code(), Some(expected), "{runtime}: {program}: {}", text_of(&output));
        }
    }
    assert_eq!(left_behind(), [""; 0]);
}

#[test]
fn signals_and_time_limits_end_the_program() {
    let Some(root) = unpacked() else { return };
    for runtime in low() {
        let out = tempfile::tempdir().expect("a folder");
        let log = out.path().join("log");
        let script = "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
        let mut child = helping(runtime, root.path(), script)
            .stdout(std::fs::File::create(&log).expect("a file"))
            .spawn()
            .expect("it starts");
        while !std::fs::read_to_string(&log).expect("the log").contains("ready") {
            assert!(child.try_wait().expect("a child").is_none(), "{runtime} ended");
            std::thread::sleep(Duration::from_millis(20));
        }
        let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill");
        assert!(kill.success());
        assert_eq!(child.wait().expect("it ends").code(), Some(7), "{runtime}");
        assert!(std::fs::read_to_string(&log).expect("the log").contains("asked"), "{runtime}");
        // One that does as it is told, and one that doesn't listen.
        for (script, expected) in [(script, 7), ("trap '' TERM; while :; do sleep 0.05; done", 137)] {
            let output =
                helping(runtime, root.path(), script).env("HARDEN_TEST_TIMEOUT", "1").output().expect("it starts");
            assert_eq!(output.status.code(), Some(expected), "{runtime}: {}", text_of(&output));
        }
    }
    assert_eq!(left_behind(), [""; 0]);
}

#[test]
fn a_root_with_a_symlink_for_a_mounts_place_is_refused() {
    let Some(root) = unpacked() else { return };
    let outside = tempfile::tempdir().expect("a folder");
    chown(outside.path(), Some(FIRST_ID), Some(FIRST_ID)).expect("root may");
    for place in ["dev", "proc", "sys", "tmp", "var"] {
        let path = root.path().join(place);
        let kept = root.path().join(format!("{place}.kept"));
        std::fs::rename(&path, &kept).expect("a move");
        symlink(outside.path(), &path).expect("a link");
        for runtime in low() {
            let (code, said) = through(runtime, root.path(), "exit 0");
            assert_eq!(code, Some(125), "{runtime}: {place}: {said}");
            assert!(said.contains("symlink"), "{said}");
        }
        std::fs::remove_file(&path).expect("the link");
        std::fs::rename(&kept, &path).expect("a move");
    }
    assert_eq!(std::fs::read_dir(outside.path()).expect("a folder").count(), 0, "nothing was made outside");
    for runtime in low() {
        assert_eq!(through(runtime, root.path(), "exit 0").0, Some(0), "{runtime} starts it else");
    }
}

#[test]
fn podman_runs_the_same_order_from_its_own_store() {
    let Some(root) = unpacked() else { return };
    if Command::new("podman").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skip("podman is not installed");
    }
    // In a mount namespace of its own, with storage of its own: nothing of this machine's podman is touched.
    let scratch = tempfile::tempdir().expect("a folder");
    let configuration = format!(
        "[storage]\ndriver = \"vfs\"\ngraphroot = \"{0}/storage\"\nrunroot = \"{0}/run\"\n",
        scratch.path().display()
    );
    std::fs::write(scratch.path().join("storage.conf"), configuration).expect("a file");
    std::fs::write(scratch.path().join("containers.conf"), "[engine]\nruntime = \"runc\"\n").expect("a file");
    let podman = |command: &mut Command| {
        command.env("CONTAINERS_STORAGE_CONF", scratch.path().join("storage.conf"));
        command.env("CONTAINERS_CONF", scratch.path().join("containers.conf"));
    };
    // Podman maps ids itself, so its image has them as they are inside.
    let image = tempfile::tempdir().expect("a folder");
    let copied = Command::new("cp").arg("-a").arg(format!("{}/.", root.path().display())).arg(image.path()).status();
    assert!(copied.expect("cp").success());
    let tar = "tar -C \"$0\" --owner 0 --group 0 -c . | podman import -q - localhost/app:1";
    let mut import = Command::new("sh");
    podman(import.args(["-c", tar]).arg(image.path()));
    let output = import.output().expect("it starts");
    assert!(output.status.success(), "{}", text_of(&output));
    let script =
        "grep -E '^(Uid|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; touch /etc/x; cat /proc/self/uid_map; exit 43";
    let mut run = helping("podman", root.path(), script);
    podman(run.env("HARDEN_TEST_IMAGE", "localhost/app:1"));
    let output = run.output().expect("it starts");
    let said = text_of(&output);
    assert_eq!(output.status.code(), Some(43), "{said}");
    for expected in
        ["Uid:\t101", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "Read-only file", "1878982656"]
    {
        assert!(said.contains(expected), "`{expected}` isn't in {said}");
    }
    // What the exported command asks of podman, as podman understood it: hostile strings are what they were.
    let strings = sample::strings();
    let exported = sample::with_strings(profile("exit"), &strings);
    let source = Source { image: "localhost/app:1".to_owned(), name: "app".to_owned() };
    for (name, text) in export(&exported, &source, Target::Podman).files {
        std::fs::write(scratch.path().join(name), text).expect("a file");
    }
    let create = "podman() { shift; command podman create \"$@\"; }; . ./app.podman.sh; command podman inspect app; \
        command podman rm app >/dev/null";
    let mut script = Command::new("sh");
    podman(script.args(["-c", create]).current_dir(scratch.path()));
    let output = script.output().expect("it starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let list = printed.find("[\n").map(|at| &printed[at..]).unwrap_or_else(|| panic!("{}", text_of(&output)));
    let inspected: serde_json::Value = serde_json::from_str(list).expect("JSON");
    assert_eq!(inspected[0]["Args"], serde_json::json!(strings));
    let env = inspected[0]["Config"]["Env"].as_array().expect("a list");
    for variable in &exported.env.value {
        // Podman itself loses the carriage return, which the notes say.
        let set = variable.replace("\r\n", "\n");
        assert!(env.iter().any(|own| *own == set), "{variable:?}");
    }
    let mut list = Command::new("podman");
    podman(list.args(["ps", "--all", "--quiet"]));
    assert_eq!(text_of(&list.output().expect("it starts")).trim(), "", "no container is left");
    // Podman keeps the control group above those of its containers; one that others use isn't empty and stays.
    for controller in std::fs::read_dir("/sys/fs/cgroup").expect("control groups").flatten() {
        let kept = controller.path().join("libpod_parent");
        let _ = std::fs::remove_dir(kept.join("conmon"));
        let _ = std::fs::remove_dir(kept);
    }
}

fn facts() -> Facts {
    Facts { version: Version(9, 0, 0), hybrid: false, limits: true, root: true, user_namespace: true }
}

#[test]
fn what_a_runtime_lacks_is_refused_or_said() {
    let root = Path::new("/r");
    let refused = |runtime, facts: &Facts, order: &Order| -> Vec<String> {
        lacks(runtime, facts, order).into_iter().filter(|lack| lack.refused).map(|lack| lack.what).collect()
    };
    let plain = order(profile("exit"), root);
    for (_, runtime) in Runtime::ALL {
        assert_eq!(refused(runtime, &facts(), &plain), [""; 0], "{runtime:?}");
    }
    let mut proof = plain.clone();
    proof.proof = Some("-".into());
    let mut refusals = plain.clone();
    refusals.refusals = true;
    let mut ports = plain.clone();
    ports.profile.publish = sample::server().publish;
    let mut only = plain.clone();
    only.profile.network.value = Network::Egress(Egress::Only(Vec::new()));
    for order in [&proof, &refusals, &ports, &only] {
        for (_, runtime) in Runtime::ALL {
            assert!(!refused(runtime, &facts(), order).is_empty(), "{runtime:?}");
        }
    }
    let mut writable = plain.clone();
    writable.profile.read_only_root.value = false;
    assert!(!refused(Runtime::Runc, &facts(), &writable).is_empty());
    assert!(refused(Runtime::Docker, &facts(), &writable).is_empty());
    let mut user = plain.clone();
    user.profile.user.value = Ids::default();
    let shared = Facts { user_namespace: false, ..facts() };
    assert!(!refused(Runtime::Docker, &shared, &user).is_empty());
    assert!(refused(Runtime::Docker, &shared, &plain).is_empty());
    let hybrid = Facts { hybrid: true, ..facts() };
    assert!(!refused(Runtime::Crun, &hybrid, &plain).is_empty() && refused(Runtime::Runc, &hybrid, &plain).is_empty());
    let unlimited = Facts { limits: false, ..facts() };
    let mut partial = plain.clone();
    partial.allow_partial = true;
    assert!(!refused(Runtime::Podman, &unlimited, &plain).is_empty());
    assert!(refused(Runtime::Podman, &unlimited, &partial).is_empty());
    let time = |version| {
        let facts = Facts { version, ..facts() };
        lacks(Runtime::Runc, &facts, &plain).iter().any(|lack| lack.what.contains("time namespace"))
    };
    assert!(time(Version(1, 1, 5)) && !time(Version(1, 2, 0)));
}

#[test]
fn versions_are_read_as_each_runtime_tells_them() {
    for (text, expected) in [
        ("runc version 1.1.5+ds1\ncommit: x", Version(1, 1, 5)),
        ("crun version 1.8.1\ncommit: f8a", Version(1, 8, 1)),
        ("youki version: 0.7.0\ncommit", Version(0, 7, 0)),
        ("podman version 4.3.1", Version(4, 3, 1)),
        ("Docker version 28.2.2, build e6534b4", Version(28, 2, 2)),
        ("crun version 1.20", Version(1, 20, 0)),
    ] {
        assert_eq!(Version::read(text), Some(expected), "{text}");
    }
    assert_eq!(Version::read("none"), None);
}

#[test]
fn an_exported_bundle_starts() {
    let Some(root) = unpacked() else { return };
    let exported =
        export(&profile("id -u; exit 44"), &Source { image: String::new(), name: "app".to_owned() }, Target::Oci);
    let mut configuration: serde_json::Value = serde_json::from_str(&exported.files[0].1).expect("JSON");
    if !low().contains(&"runc") {
        return;
    }
    // What its note says of this version.
    let namespaces = configuration.pointer_mut("/linux/namespaces").and_then(serde_json::Value::as_array_mut);
    namespaces.expect("a list").retain(|namespace| namespace["type"] != "time");
    let bundle = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(bundle.path(), PermissionsExt::from_mode(0o755)).expect("a mode");
    let copied = Command::new("cp").arg("-a").arg(root.path()).arg(bundle.path().join("rootfs")).status();
    assert!(copied.expect("cp").success());
    std::fs::write(bundle.path().join("config.json"), configuration.to_string()).expect("a file");
    let id = format!("harden-{}-{}", own_name(), std::process::id());
    let mut runc = Command::new("runc");
    runc.arg("--root").arg(bundle.path().join("state")).args(["run", &id]).current_dir(bundle.path());
    let output = runc.stdin(Stdio::null()).output().expect("it starts");
    assert_eq!((output.status.code(), text_of(&output).trim()), (Some(44), "101"));
    assert_eq!(left_behind(), [""; 0]);
}

#[test]
fn sets_of_an_order_reach_the_runtime() {
    let Some(root) = unpacked() else { return };
    // The control: the same with a capability shows that the look from inside sees one.
    let mut profile = profile("grep CapEff /proc/self/status; exit 5");
    profile.capabilities.value = vec![Capability::NetBindService];
    let out = tempfile::tempdir().expect("a folder");
    chown(out.path(), Some(FIRST_ID + 101), Some(FIRST_ID + 102)).expect("root may");
    std::fs::set_permissions(out.path(), PermissionsExt::from_mode(0o755)).expect("a mode");
    let bind = Bind { source: out.path().display().to_string(), read_only: false, recursive: false, create: false };
    profile.mounts.push(Said::new(Mount { destination: "/out".to_owned(), kind: MountKind::Bind(bind) }, ""));
    profile.command.value = ["/bin/sh", "-c", "cat /proc/self/status >/out/status"].map(str::to_owned).to_vec();
    let order = order(profile, root.path());
    if low().contains(&"runc") {
        let code = launch(&order, Runtime::Runc, "", &|_| {}).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(code, 0);
        let status = std::fs::read_to_string(out.path().join("status")).expect("what was written");
        assert!(
            status.contains("CapEff:\t0000000000000400") && status.contains("CapBnd:\t0000000000000400"),
            "{status}"
        );
    }
}
