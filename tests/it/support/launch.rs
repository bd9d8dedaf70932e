//! Containers for tests: a small root file system, an order for it, and a launcher in a process of its own.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use harden::policy::{Filter, Ids, Level, Limits, Lsm, Namespaces, Network, Profile, Restart, Said};
use harden::run::{IdMaps, IdRange, MapWriter, Order, RootFs, Tools, sys};
use oci_spec::runtime::Spec;
use rustix::process::{Gid, Pid, Uid, WaitOptions};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The first id outside that root's containers have.
pub(crate) const BASE: u32 = 0x6FFF_0000;
/// The ordinary user of tests.
pub(crate) const USER: u32 = 12345;

/// A root file system with busybox in it; `None` after a skip.
pub(crate) fn root() -> Option<TempDir> {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let busybox = Path::new("/bin/busybox");
    if !rustix::process::geteuid().is_root() || !busybox.exists() {
        super::skip("needs root and busybox-static");
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("its mode");
    for name in ["bin", "dev", "etc", "proc", "root", "sys", "tmp"] {
        std::fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    std::fs::copy(busybox, folder.path().join("bin/busybox")).expect("busybox");
    let list = std::process::Command::new(busybox).arg("--list").output().expect("busybox runs");
    for name in String::from_utf8(list.stdout).expect("UTF-8").lines().filter(|name| *name != "busybox") {
        symlink("busybox", folder.path().join("bin").join(name)).expect("a link");
    }
    std::fs::write(folder.path().join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").expect("written");
    Some(folder)
}

/// The order of a container with everything on that the launcher does itself, for `words` as uid 1000.
pub(crate) fn order(root: &Path, words: &[&str]) -> Order {
    Order {
        spec: spec(&json!({}), words),
        profile: profile(words),
        root: RootFs { path: root.to_owned(), shifted: false, scratch: None },
        ids: root_ids(),
        name: "harden-test".to_owned(),
        interactive: false,
        timeout: Some(30),
        proof: None,
        refusals: false,
        allow_partial: false,
        account: false,
    }
}

/// The usual configuration, with the fields of `with` in place of its own.
pub(crate) fn spec(with: &Value, words: &[&str]) -> Spec {
    let mut spec = json!({
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs", "readonly": true},
        "hostname": "inside",
        "process": {
            "terminal": false, "user": {"uid": 1000, "gid": 1000}, "args": words, "cwd": "/",
            "env": ["PATH=/bin", "GREETING=hello"], "noNewPrivileges": true
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=1m", "nr_inodes=64"]}
        ],
        "linux": {
            "namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"},
                           {"type": "cgroup"}, {"type": "time"}, {"type": "user"}],
            "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware", "/proc/absent"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
        }
    });
    merge(&mut spec, with);
    serde_json::from_value(spec).expect("a configuration")
}

fn merge(into: &mut Value, with: &Value) {
    match (into, with) {
        (Value::Object(into), Value::Object(with)) => {
            for (key, value) in with {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, with) => *into = with.clone(),
    }
}

/// Root's map: 65,536 ids from the base.
pub(crate) fn root_ids() -> IdMaps {
    let range = vec![IdRange { inside: 0, outside: BASE, count: 65536 }];
    IdMaps { uids: range.clone(), gids: range, writer: MapWriter::Root }
}

/// The ordinary user's map: one id.
pub(crate) fn one_id(inside: u32) -> IdMaps {
    let range = vec![IdRange { inside, outside: USER, count: 1 }];
    IdMaps { uids: range.clone(), gids: range, writer: MapWriter::OneId }
}

/// How a launcher ended and what it said.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    /// The container's standard error, then the launcher's notes and its error.
    pub(crate) err: String,
}

/// A launcher that runs.
pub(crate) struct Launcher {
    pub(crate) pid: Pid,
    pub(crate) out: std::fs::File,
    pub(crate) err: std::fs::File,
}

/// Runs a container to its end, as root or as the ordinary user, whichever its ids say.
pub(crate) fn run(order: &Order) -> Outcome {
    run_with(order, &Tools::none())
}

/// The same with tools.
pub(crate) fn run_with(order: &Order, tools: &Tools<'_>) -> Outcome {
    begin(order, tools, None).end()
}

/// Starts a launcher in a process of its own, which has one thread as the launcher needs it.
pub(crate) fn begin(order: &Order, tools: &Tools<'_>, input: Option<OwnedFd>) -> Launcher {
    let (out, out_end) = rustix::pipe::pipe().expect("a pipe");
    begin_on(order, tools, input, (out, out_end))
}

/// The same with another standard output, of which both ends are given.
pub(crate) fn begin_on(
    order: &Order,
    tools: &Tools<'_>,
    input: Option<OwnedFd>,
    (out, out_end): (OwnedFd, OwnedFd),
) -> Launcher {
    use std::os::fd::AsRawFd;
    let (err, err_end) = rustix::pipe::pipe().expect("a pipe");
    if let Some(pid) = sys::fork().expect("a process") {
        return Launcher { pid, out: std::fs::File::from(out), err: std::fs::File::from(err) };
    }
    let input = input.unwrap_or_else(|| std::fs::File::open("/dev/null").expect("it exists").into());
    rustix::stdio::dup2_stdin(input).expect("a descriptor");
    rustix::stdio::dup2_stdout(out_end).expect("a descriptor");
    rustix::stdio::dup2_stderr(err_end).expect("a descriptor");
    // Pipes of other tests must end when those tests' own processes do.
    let mut keep: Vec<i32> = (0..3).chain(tools.cgroup.map(AsRawFd::as_raw_fd)).collect();
    sys::close_all_but(&mut keep).expect("closed");
    std::mem::forget((out, err));
    sys::exit_now(launcher(order, tools))
}

/// What the launcher's process does; gives its exit code.
fn launcher(order: &Order, tools: &Tools<'_>) -> i32 {
    sys::reset_signals();
    if order.ids.writer == MapWriter::Helpers {
        pretend_accounts();
    }
    if order.ids.writer != MapWriter::Root && order.name != AS_ROOT {
        let (uid, gid) = (Uid::from_raw(USER), Gid::from_raw(USER));
        set_thread_groups(&[]).expect("no groups");
        set_thread_res_gid(gid, gid, gid).expect("the group");
        set_thread_res_uid(uid, uid, uid).expect("the user");
        // As after an execve, which a user's process has behind it.
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).expect("dumpable");
    }
    let say = |text: &str| {
        let _ = rustix::io::write(rustix::stdio::stderr(), format!("note: {text}\n").as_bytes());
    };
    let tools = Tools { note: &say, ..tools.clone() };
    match harden::run::launch(order, &tools) {
        Ok(code) => i32::from(code),
        Err(error) => {
            say(&error.to_string());
            i32::from(error.code)
        }
    }
}

/// Name of an order whose launcher stays root whatever its map says.
pub(crate) const AS_ROOT: &str = "harden-test-as-root";

/// Gives the ordinary user a name and ranges of ids, which newuidmap(1) wants, in this process's own view of /etc.
pub(crate) fn pretend_accounts() {
    use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
    sys::unshare(libc::CLONE_NEWNS).expect("a mount namespace");
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).expect("private");
    let folder = tempfile::tempdir().expect("a folder");
    let range = format!("{USER}:{SUBIDS}:65536\n");
    for (name, text) in [
        ("passwd", format!("root:x:0:0::/root:/bin/sh\ntester:x:{USER}:{USER}::/:/bin/sh\n")),
        ("subuid", range.clone()),
        ("subgid", range),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("written");
        mount_bind(&file, format!("/etc/{name}")).expect("bound");
    }
}

/// The first of the ordinary user's ranges.
pub(crate) const SUBIDS: u32 = 500_000;

/// The ordinary user's map by newuidmap(1).
pub(crate) fn helpers() -> IdMaps {
    let ranges =
        vec![IdRange { inside: 0, outside: USER, count: 1 }, IdRange { inside: 1, outside: SUBIDS, count: 65535 }];
    IdMaps { uids: ranges.clone(), gids: ranges, writer: MapWriter::Helpers }
}

/// Processes that a process has started, by its number.
pub(crate) fn children(pid: Pid) -> Vec<i32> {
    let pid = pid.as_raw_nonzero();
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// Waits for `what` to hold; fails where it never does.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("never: {what}");
}

impl Launcher {
    /// Waits until `text` has been written, and gives all that was.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        while !String::from_utf8_lossy(&seen).contains(text) {
            match self.out.read(&mut piece) {
                Ok(0) | Err(_) => panic!("`{text}` was never written: {:?}", String::from_utf8_lossy(&seen)),
                Ok(count) => seen.extend_from_slice(&piece[..count]),
            }
        }
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: i32) {
        sys::kill(self.pid, signal).expect("it is ours");
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Outcome {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        // What is written here is small: neither pipe can be full while the other is read.
        self.out.read_to_end(&mut out).expect("readable");
        self.err.read_to_end(&mut err).expect("readable");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Outcome { code: self.wait(), out: text(out), err: text(err) }
    }

    /// Waits for its end and gives its code; 1000 and the number of the signal that ended it.
    pub(crate) fn wait(&self) -> i32 {
        let (_, status) =
            rustix::process::waitpid(Some(self.pid), WaitOptions::empty()).expect("it is ours").expect("ended");
        status.exit_status().unwrap_or_else(|| 1000 + status.terminating_signal().unwrap_or(0))
    }
}

impl Outcome {
    /// Fails with everything it said where the code is another one.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// A profile that says little: the launcher reads only what the configuration has no word for.
fn profile(words: &[&str]) -> Profile {
    fn said<T>(value: T) -> Said<T> {
        Said::new(value, "a test")
    }
    Profile {
        shm_size: Said::default(),
        sysctls: Vec::new(),
        level: Level::Default,
        command: said(words.iter().map(|word| (*word).to_owned()).collect()),
        env: said(Vec::new()),
        cwd: said("/".to_owned()),
        hostname: said("inside".to_owned()),
        user: said(Ids { uid: 1000, gid: 1000, groups: Vec::new() }),
        capabilities: said(Vec::new()),
        no_new_privileges: said(true),
        seccomp: said(Filter::Unconfined),
        lsm: said(Lsm::default()),
        read_only_root: said(true),
        mounts: Vec::new(),
        masked_paths: said(Vec::new()),
        read_only_paths: said(Vec::new()),
        namespaces: said(Namespaces::PRIVATE),
        limits: Limits::default(),
        rlimits: Vec::new(),
        network: said(Network::None),
        publish: Vec::new(),
        oom_score_adj: said(0),
        init: said(false),
        tty: said(false),
        restart: said(Restart::No),
        stop_signal: said("SIGTERM".to_owned()),
        stop_timeout: said(2),
        widened: Vec::new(),
    }
}

/// A path that tests share.
pub(crate) fn path(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

/// Keeps a descriptor for another process.
pub(crate) fn copy(fd: impl AsFd) -> OwnedFd {
    fd.as_fd().try_clone_to_owned().expect("a descriptor")
}
