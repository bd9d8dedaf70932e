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
use crate::support::{figure, skip};

/// Attempts that succeed in nobody's hands on this kernel or in this harness, each with the reason why being held proves
/// nothing here; all but the last group are seen to succeed in the virtual machine.
const NO_CONTROL_HERE: [(&str, &str); 28] = [
    ("unmount-mask", "nothing is masked where nothing is on"),
    ("unmount-proc-sys", "nothing is masked where nothing is on"),
    ("iopl", "this kernel has no iopl"),
    ("modprobe-path", "this kernel has no modules"),
    ("binfmt-misc", "it is not mounted"),
    ("kcore", "this kernel has no /proc/kcore"),
    ("sched-debug", "debugfs is not mounted"),
    ("sys-uevent", "this kernel has no helper"),
    ("mknod-disk", "the machine's device rules forbid it"),
    ("open-mem", "this machine has no /dev/mem"),
    ("open-fuse", "this machine may have no /dev/fuse"),
    ("open-kvm", "this machine may have no /dev/kvm"),
    ("open-disk", "this machine may have no such disk"),
    ("open-tun", "this machine may have no tunnels"),
    ("overwrite-launcher", "the program itself is what runs"),
    ("overwrite-launcher-by-path", "the program itself is what runs"),
    ("tioclinux", "only consoles know it"),
    ("raise-limit", "this machine's root may not"),
    ("oom-score", "this machine's root may not"),
    ("af-alg", "this kernel has no such family"),
    ("af-vsock", "this kernel may have no such family"),
    ("af-bluetooth", "this kernel has no such family"),
    ("af-can", "this kernel has no such family"),
    ("af-tipc", "this kernel has no such family"),
    ("door-32-af-alg", "this kernel has no such family"),
    ("door-32-socket", "this kernel has no such family"),
    ("door-x32", "this kernel has no such numbers"),
    ("door-x32-unshare", "this kernel has no such numbers"),
];

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
/// changes.
fn controls(rootfs: &Path, attempts: &[Attempt], bait: &Bait) -> BTreeMap<String, Ending> {
    let mut endings = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| !attempt.vm_only) {
        // The network's own namespace would hide what is connected to.
        let network = match attempt.name.as_str() {
            "connect-out" | "connect-loopback" | "send-out" | "abstract-socket" => "",
            _ => "-n",
        };
        // Seeing and touching the host's processes needs the host's process namespace.
        let processes = match attempt.name.as_str() {
            "see-host" | "ptrace-other" | "process-vm-readv" | "proc-mem" | "proc-environ" | "signal-other"
            | "pidfd-getfd" | "nice-other" | "kcmp" => "",
            _ => "-p -f",
        };
        // The programs of the image are tried by somebody who isn't root.
        let start = match attempt.name.as_str() {
            "setuid-program" | "capable-program" => "su app -c",
            _ => "sh -c",
        };
        let proc = if processes.is_empty() { "mount --rbind /proc proc" } else { "mount -t proc proc proc" };
        let loopback = if network.is_empty() { "true" } else { "ip link set lo up" };
        let script = format!(
            "exec 7</; exec unshare -m -i -u {network} {processes} sh -c '{loopback}; mount --bind {root} {root} && cd {root} && {proc} \
             && mount --rbind /dev dev && mount --rbind /sys sys && mount -t tmpfs -o mode=1777 tmpfs tmp && \
             pivot_root . . && umount -l . && exec {start} \"exec /attempts/attempts {name}\"'",
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

/// How each attempt ends under `harden run`, started by `prefix` and with `flags`.
fn under_harden(prefix: &[&str], flags: &[&str], rootfs: &Path, home: &Path, bait: &Bait) -> BTreeMap<String, Ending> {
    let harden = env!("CARGO_BIN_EXE_harden");
    // A descriptor that the launcher is started with must not reach the program.
    let shell = ["sh", "-c", "exec 7</; exec \"$@\"", "sh"];
    let words = prefix.iter().copied().chain([harden, "run", "--allow", "partial-limits"]);
    let words: Vec<&str> = shell.into_iter().chain(words).chain(flags.iter().copied()).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("XDG_DATA_HOME", home).env("XDG_CACHE_HOME", home).current_dir("/");
    // A process of the host's, by the number that it has there.
    command.arg("-e").arg(format!("ATTEMPT_PID={}", bait.victim.id()));
    for (name, value) in &bait.variables {
        command.arg("-e").arg(format!("{name}={value}"));
    }
    command.arg(format!("rootfs:{}", rootfs.display())).args(["/attempts/attempts", "--all"]);
    let output = command.output().expect("harden runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let endings = attempts::endings(&stdout);
    assert!(endings.len() > 100, "{words:?}: {}\n{stdout}\n{stderr}", output.status);
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
    let all = attempts::list(&program);
    let bait = Bait::new();

    let controls = controls(&rootfs, &all, &bait);
    let succeeded = controls.values().filter(|ending| **ending == Ending::Succeeded).count();
    let without: Vec<String> = all
        .iter()
        .filter(|attempt| !attempt.vm_only)
        .filter(|attempt| controls.get(&attempt.name) != Some(&Ending::Succeeded))
        .filter(|attempt| NO_CONTROL_HERE.iter().all(|(name, _)| *name != attempt.name))
        .map(|attempt| format!("{}: {:?}", attempt.name, controls.get(&attempt.name)))
        .collect();
    assert!(without.is_empty(), "these prove nothing, since nothing lets them succeed:\n{}", without.join("\n"));

    let home = folder.path().join("home");
    std::fs::create_dir(&home).expect("a folder");
    let user_home = folder.path().join("user-home");
    std::fs::create_dir(&user_home).expect("a folder");
    std::os::unix::fs::chown(&user_home, Some(12345), Some(12345)).expect("a owner");
    let user = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"];
    let runs: [(&str, &[&str], &[&str], &Path); 4] = [
        ("as root", &[], &[], &home),
        ("as root, inside root", &[], &["-u", "0", "--allow", "root"], &home),
        ("as a user", &user, &[], &user_home),
        ("as a user, strict", &user, &["--level", "strict"], &user_home),
    ];
    let mut failed = Vec::new();
    for (how, prefix, flags, home) in runs {
        let endings = under_harden(prefix, flags, &rootfs, home, &bait);
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
