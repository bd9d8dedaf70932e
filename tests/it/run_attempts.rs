//! What a hostile process in a hostile image tries, under `harden run`: each attempt of `testdata/attempts` is held, and
//! each is first seen to succeed where what should hold it is off. Attempts that could hurt the machine run in
//! `run_vm.rs`.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::attempts::{self, Attempt, Ending};
use crate::support::{figure, skip, vm};

/// Where an attempt has no positive control, so that being held proves nothing there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Without {
    /// On the machine that the tests run on; it is seen to succeed in the virtual machine.
    Here,
    /// In the virtual machine; it is seen to succeed here.
    #[allow(dead_code)]
    InVm,
    /// Nowhere.
    Anywhere,
}

/// Attempts that succeed in nobody's hands, each with where and why. Those that are only tried in the virtual machine have
/// their control there.
const NO_CONTROL: [(&str, Without, &str); 27] = [
    ("unmount-mask", Without::Here, "this kernel has no /proc/kcore"),
    ("iopl", Without::Here, "this kernel has no iopl"),
    ("modprobe-path", Without::Here, "this kernel has no modules"),
    ("binfmt-misc", Without::Here, "this kernel hasn't got it"),
    ("kcore", Without::Here, "this kernel has no /proc/kcore"),
    ("sched-debug", Without::Here, "debugfs is not mounted"),
    ("mknod-disk", Without::Here, "the machine's device rules forbid it"),
    ("open-mem", Without::Here, "this machine has no /dev/mem"),
    ("open-fuse", Without::Here, "this machine may have no /dev/fuse"),
    ("open-kvm", Without::Here, "this machine may have no /dev/kvm"),
    ("open-disk", Without::Here, "this machine may have no such disk"),
    ("open-tun", Without::Here, "this machine may have no tunnels"),
    ("raise-limit", Without::Here, "this machine's root may not"),
    ("oom-score", Without::Here, "this machine's root may not"),
    ("af-alg", Without::Here, "this kernel has no such family"),
    ("af-vsock", Without::Here, "this kernel may have no such family"),
    ("af-bluetooth", Without::Here, "this kernel has no such family"),
    ("af-can", Without::Here, "this kernel has no such family"),
    ("af-tipc", Without::Here, "this kernel has no such family"),
    ("door-32-af-alg", Without::Here, "this kernel has no such family"),
    ("door-32-socket", Without::Here, "this kernel has no such family"),
    ("door-x32", Without::Here, "this kernel has no such numbers"),
    ("door-x32-unshare", Without::Here, "this kernel has no such numbers"),
    ("sys-uevent", Without::Anywhere, "neither kernel has such a helper"),
    ("overwrite-launcher", Without::Anywhere, "no kernel lets a program be written to that runs, which it does here"),
    ("overwrite-launcher-by-path", Without::Anywhere, "the same by another way"),
    ("tioclinux", Without::Anywhere, "only consoles know it, and the attempt is made on a terminal of its own"),
];

/// Whether an attempt is known to have no control on this machine.
fn is_without(name: &str) -> bool {
    let elsewhere = if vm::inside() { Without::Here } else { Without::InVm };
    NO_CONTROL.iter().any(|(known, place, _)| *known == name && *place != elsewhere)
}

/// What is no attack inside a container, whoever does it: each with the reason.
const HARMLESS: [(&str, &str); 1] =
    [("ptrace-child", "a debugger's right; the filter is inherited, and tracing is off at the level strict")];

/// What the harness offers to be attacked.
struct Bait {
    _listener: TcpListener,
    _abstract: UnixListener,
    victim: std::process::Child,
    variables: Vec<(&'static str, String)>,
}

impl Bait {
    fn new() -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let name = format!("harden-attempts-{}-{port}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let hidden = UnixListener::bind_addr(&address).expect("an abstract socket");
        let victim = Command::new("sleep").arg("300").stdout(Stdio::null()).spawn().expect("sleep");
        let variables = vec![
            ("ATTEMPT_HOST", format!("{}:{port}", address_of_host())),
            ("ATTEMPT_LOOPBACK", format!("127.0.0.1:{port}")),
            ("ATTEMPT_ABSTRACT", name),
            // In the virtual machine half of the memory is the usual limit, and all of it is little more than this; files in
            // memory have a limit of 64 MiB, and one of so many files as pages are in that.
            ("ATTEMPT_MEMORY", (800 << 20).to_string()),
            ("ATTEMPT_DISK", (128 << 20).to_string()),
            ("ATTEMPT_FILES", "40000".to_owned()),
            ("ATTEMPT_PATIENCE", if vm::inside() { "120" } else { "20" }.to_owned()),
        ];
        Self { _listener: listener, _abstract: hidden, victim, variables }
    }
}

impl Drop for Bait {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

/// An address of this machine that is not loopback's, or loopback's where it has no other.
fn address_of_host() -> String {
    if vm::inside() {
        return "192.0.2.2".to_owned();
    }
    let output = Command::new("hostname").arg("-I").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.split_whitespace().find(|address| address.contains('.')).unwrap_or("127.0.0.1").to_owned()
}

/// Whether the tests run as root.
pub(crate) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// How each attempt ends where nothing holds it: as root, in namespaces that are thrown away so that nothing of the machine
/// changes. Those that use up the machine come alone, after the others.
fn controls(rootfs: &Path, attempts: &[Attempt], bait: &Bait) -> BTreeMap<String, Ending> {
    let (alone, together): (Vec<&Attempt>, Vec<&Attempt>) = attempts.iter().partition(|attempt| attempt.vm_only);
    let (one, other) = together.split_at(together.len() / 2);
    let mut endings = std::thread::scope(|scope| {
        let beside = scope.spawn(|| controls_in_turn(rootfs, one, bait));
        let mut endings = controls_in_turn(rootfs, other, bait);
        endings.extend(beside.join().expect("it ends"));
        endings
    });
    endings.extend(controls_in_turn(rootfs, &alone, bait));
    endings
}

fn controls_in_turn(rootfs: &Path, attempts: &[&Attempt], bait: &Bait) -> BTreeMap<String, Ending> {
    let mut endings = BTreeMap::new();
    for attempt in attempts {
        // The network's own namespace would hide what is connected to.
        let network = match attempt.name.as_str() {
            "connect-out" | "connect-loopback" | "send-out" | "abstract-socket" => "",
            // The kernel has it in the first namespace alone.
            "af-bluetooth" => "",
            _ => "-n",
        };
        // Seeing and touching the host's processes needs the host's process namespace.
        let processes = match attempt.name.as_str() {
            "see-host" | "ptrace-other" | "process-vm-readv" | "proc-mem" | "proc-environ" | "signal-other"
            | "pidfd-getfd" | "nice-other" | "kcmp" => "",
            // Elsewhere it ends the namespace only.
            "reboot" => "",
            _ => "-p -f",
        };
        // The programs of the image are tried by somebody who isn't root.
        let start = match attempt.name.as_str() {
            "setuid-program" | "capable-program" => "su app -c",
            _ => "sh -c",
        };
        let proc = if processes.is_empty() { "mount --rbind /proc proc" } else { "mount -t proc proc proc" };
        let loopback = if network.is_empty() { "true" } else { "ip link set lo up" };
        // What is to be undone or used has to be there.
        let more = match attempt.name.as_str() {
            "unmount-mask" => "mount --bind dev/null proc/kcore",
            "unmount-proc-sys" => "mount -t tmpfs tmpfs proc/sys",
            "binfmt-misc" => "mount -t binfmt_misc binfmt proc/sys/fs/binfmt_misc",
            "release-agent" => {
                "mount -t tmpfs tmpfs sys/fs/cgroup && mkdir sys/fs/cgroup/rdma && \
                 mount -t cgroup -o none,name=attempts none sys/fs/cgroup/rdma"
            }
            // The first group of all has no limits.
            "cgroup-limit" if vm::inside() => {
                "mkdir -p sys/fs/cgroup/control && mount --bind sys/fs/cgroup/control sys/fs/cgroup"
            }
            _ => "true",
        };
        let script = format!(
            "exec 7</; exec unshare -m -i -u {network} {processes} sh -c '{loopback}; mount --bind {root} {root} && cd {root} && {proc} \
             && mount --rbind /dev dev && mount --rbind /sys sys && mount -t tmpfs -o mode=1777 tmpfs tmp && {{ {more} 2>/dev/null; \
             pivot_root . . && umount -l . && exec {start} \"exec /attempts/attempts {name}\"; }}'",
            root = rootfs.display(),
            name = attempt.name,
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]).envs(bait.variables.iter().cloned());
        command.env("ATTEMPT_PID", bait.victim.id().to_string());
        let output = command.output().expect("sh");
        endings.extend(attempts::endings(&String::from_utf8_lossy(&output.stdout)));
    }
    endings
}

/// One way to start them all.
struct Run<'a> {
    prefix: &'a [&'a str],
    flags: &'a [&'a str],
    home: &'a Path,
}

/// How each attempt ends under `harden run`, started by `prefix` and with `flags`.
fn under_harden(run: &Run<'_>, rootfs: &Path, count: usize, bait: &Bait) -> BTreeMap<String, Ending> {
    let Run { prefix, flags, home } = run;
    let harden = env!("CARGO_BIN_EXE_harden");
    // A descriptor that the launcher is started with must not reach the program.
    let shell = ["sh", "-c", "exec 7</; exec \"$@\"", "sh"];
    let words = prefix.iter().copied().chain([harden, "run"]);
    let words: Vec<&str> = shell.into_iter().chain(words).chain(flags.iter().copied()).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("XDG_DATA_HOME", home).env("XDG_CACHE_HOME", home).current_dir("/");
    // A process of the host's, by the number that it has there.
    command.arg("-e").arg(format!("ATTEMPT_PID={}", bait.victim.id()));
    for (name, value) in &bait.variables {
        command.arg("-e").arg(format!("{name}={value}"));
    }
    command
        .arg(format!("rootfs:{}", rootfs.display()))
        .args(["/attempts/attempts", if vm::inside() { "--all-vm" } else { "--all" }]);
    let output = command.output().expect("harden runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let endings = attempts::endings(&stdout);
    assert_eq!(endings.len(), count, "{words:?}: {}\n{stdout}\n{stderr}", output.status);
    endings
}

#[test]
fn every_attempt_is_held() {
    if !is_root() {
        return skip("attempts need root for their positive controls");
    }
    let Some(program) = attempts::program() else { return };
    let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
    let Some(rootfs) = attempts::rootfs(folder.path(), &program) else { return };
    let canary = folder.path().join("canary");
    std::fs::create_dir_all(canary.join("below")).expect("a folder");
    std::fs::write(canary.join("below/file"), "as it was").expect("a file");
    let before = attempts::checksum(folder.path());
    let mut all = attempts::list(&program);
    all.retain(|attempt| vm::inside() || !attempt.vm_only);
    let bait = Bait::new();

    let controls = controls(&rootfs, &all, &bait);
    let succeeded = controls.values().filter(|ending| **ending == Ending::Succeeded).count();
    let without: Vec<String> = all
        .iter()
        .filter(|attempt| controls.get(&attempt.name) != Some(&Ending::Succeeded) && !is_without(&attempt.name))
        .map(|attempt| format!("{}: {:?}", attempt.name, controls.get(&attempt.name)))
        .collect();
    assert!(without.is_empty(), "these prove nothing, since nothing lets them succeed:\n{}", without.join("\n"));

    let home = folder.path().join("home");
    std::fs::create_dir(&home).expect("a folder");
    let user_home = folder.path().join("user-home");
    std::fs::create_dir(&user_home).expect("a folder");
    let user = if vm::inside() { vm::USER } else { 12345 };
    std::os::unix::fs::chown(&user_home, Some(user), Some(user)).expect("a owner");
    // Here the user has one id and no control group; in the virtual machine many, and a group that is theirs.
    let poor = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"];
    let delegated = vm::in_delegated_group("");
    let rich = ["sh", "-c", delegated.as_str(), "sh"];
    let (prefix, leave): (&[&str], &[&str]) =
        if vm::inside() { (&rich, &[]) } else { (&poor, &["--allow", "partial-limits"]) };
    let runs = [
        ("as root", &[] as &[&str], [].as_slice(), &home),
        ("as root, inside root", &[], &["-u", "0", "--allow", "root"], &home),
        ("as root, strict", &[], &["--level", "strict"], &home),
        ("as a user", prefix, &[], &user_home),
        ("as a user, strict", prefix, &["--level", "strict"], &user_home),
    ];
    let mut failed = Vec::new();
    for (how, prefix, flags, home) in runs {
        let flags = &[leave, flags].concat();
        let endings = under_harden(&Run { prefix, flags, home }, &rootfs, all.len(), &bait);
        for (name, ending) in &endings {
            let harmless = HARMLESS.iter().any(|(harmless, _)| harmless == name) && !flags.contains(&"strict");
            // Being uid 0 of the namespace was asked for, and becoming what one is gives nothing; a setuid file of its own
            // lies where no such bit counts.
            let as_root = ["is-root", "become-root", "setuid-program", "make-setuid"];
            let asked = flags.contains(&"root") && as_root.contains(&name.as_str());
            if *ending == Ending::Succeeded && !harmless && !asked {
                failed.push(format!("{how}: {name} succeeded"));
            }
        }
        let held = endings.values().filter(|ending| matches!(ending, Ending::Held(_))).count();
        figure(&format!("attempts {how}: {held} of {} held, {succeeded} succeed where nothing is on", endings.len()));
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
    std::fs::remove_dir_all(&home).expect("the store is ours");
    std::fs::remove_dir_all(&user_home).expect("the store is ours");
    assert_eq!(before, attempts::checksum(folder.path()), "something outside the container changed");
}

#[test]
fn a_hostile_image_leads_no_mount_elsewhere() {
    if !is_root() {
        return skip("hostile images are tried as root, who could write anywhere");
    }
    let Some(program) = attempts::program() else { return };
    let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
    let canary = folder.path().join("canary");
    std::fs::create_dir(&canary).expect("a folder");
    std::fs::write(canary.join("file"), "as it was").expect("a file");
    for place in ["proc", "dev", "sys", "tmp", "run", "etc", "var", "home"] {
        let image = tempfile::tempdir_in(folder.path()).expect("a folder");
        let Some(rootfs) = attempts::rootfs(image.path(), &program) else { return };
        let at = rootfs.join(place);
        let _ = std::fs::remove_dir_all(&at);
        std::os::unix::fs::symlink(&canary, &at).expect("a link");
        let before = attempts::checksum(&canary);
        let mut command = Command::new(env!("CARGO_BIN_EXE_harden"));
        command.args([
            "run",
            "--allow",
            "partial-limits",
            "--tmpfs",
            &format!("/{place}"),
            &format!("rootfs:{}", rootfs.display()),
            "/bin/true",
        ]);
        let output = command.env("XDG_DATA_HOME", image.path().join("home")).output().expect("harden runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        // Where images of good repute have links, they are followed, but never out of the image.
        if !matches!(place, "var" | "home") {
            assert_eq!(output.status.code(), Some(125), "/{place}: {stderr}");
            assert!(stderr.contains(&format!("/{place}")), "/{place}: {stderr}");
        }
        assert_eq!(before, attempts::checksum(&canary), "/{place}: something was written");
    }
}
