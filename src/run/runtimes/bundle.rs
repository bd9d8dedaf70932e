//! runc, crun and youki: a bundle with the order's configuration (OCI runtime specification, bundle.md), run in the
//! foreground and removed with all that the runtime keeps of it.

use std::io::IsTerminal as _;
use std::path::{Component, Path};
use std::process::{Command, Stdio};

use oci_spec::runtime::{LinuxNamespaceType, Spec};
use serde_json::Value;

use super::{Facts, Folder, Runtime, child, lacks};
use crate::policy::export::quote::label;
use crate::run::{Error, Order};

/// Bytes of a runtime's log that are read.
const LOG: usize = 64 << 10;

pub(super) fn run(order: &Order, runtime: Runtime, facts: &Facts, say: &dyn Fn(&str)) -> Result<u8, Error> {
    let mut spec = fitted(order, runtime, facts, say);
    check_root(&order.root.path, &spec)?;
    let name = label(&order.name);
    #[cfg_attr(not(target_os = "linux"), allow(unused_mut))]
    let mut folder = Folder::new(&name)?;
    #[cfg(target_os = "linux")]
    if super::is_root()
        && let Some(root) = spec.root_mut()
    {
        root.set_path(folder.show(&order.root.path)?);
    }
    let text = serde_json::to_string(&spec)
        .map_err(|error| Error::new("config.json", format!("can't be written: {error}"), "report this"))?;
    folder.write("config.json", &text)?;
    let id = format!("harden-{name}-{}", std::process::id());
    let container = Container { runtime, folder: &folder.path, id: &id };
    let mut command = container.command("run");
    command.arg("--bundle").arg(&folder.path).arg(&id);
    command.stdin(if order.interactive { Stdio::inherit() } else { Stdio::null() });
    #[cfg(target_os = "linux")]
    if super::is_root() {
        streams::keep_null(&mut command, order.interactive)?;
    }
    let stop = &order.profile.stop_signal.value;
    let end = |kill: bool| container.kill(if kill { "KILL" } else { stop });
    let code = child::run(&mut command, runtime, order.timeout, order.profile.stop_timeout.value, &end)?;
    match container.failure().filter(|_| code != 0) {
        Some(problem) => Err(failed(runtime, &problem)),
        None => Ok(code),
    }
}

/// A container of a runtime; what is left of it goes when this is dropped.
struct Container<'a> {
    runtime: Runtime,
    folder: &'a Path,
    id: &'a str,
}

impl Container<'_> {
    /// The runtime's program with the options for all of its commands. What it keeps lies in the bundle's folder.
    fn command(&self, command: &str) -> Command {
        let mut program = Command::new(self.runtime.name());
        program.arg("--root").arg(self.folder.join("state"));
        program.arg("--log").arg(self.folder.join("log"));
        program.args(["--log-format", "json"]).arg(command);
        program
    }

    fn quietly(&self, command: &mut Command) {
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }

    fn kill(&self, signal: &str) {
        self.quietly(self.command("kill").arg(self.id).arg(signal));
    }

    /// What the runtime says went wrong with itself: the program's own failure leaves nothing in its log.
    fn failure(&self) -> Option<String> {
        let log = std::fs::read(self.folder.join("log")).ok()?;
        let log = String::from_utf8_lossy(&log[log.len().saturating_sub(LOG)..]).into_owned();
        let field = |line: &Value, key: &str| line.get(key).and_then(Value::as_str).map(str::to_owned);
        log.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| {
                field(line, "level").is_some_and(|level| ["error", "fatal"].contains(&level.to_lowercase().as_str()))
            })
            .filter_map(|line| field(&line, "msg").or_else(|| field(line.get("fields")?, "message")))
            .next_back()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let state = self.folder.join("state").join(self.id);
        if state.exists() {
            self.quietly(self.command("delete").arg("--force").arg(self.id));
        }
    }
}

/// Standard streams of a runtime that root starts.
#[cfg(target_os = "linux")]
mod streams {
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};
    use std::process::{Command, Stdio};

    use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, major, minor, open};
    use rustix::mount::{OpenTreeFlags, open_tree};

    use crate::run::{Error, sys};

    /// Keeps the machine's `/dev/null` as it is: crun (seen with 1.8.1) gives the streams of a container to its user, who
    /// could then close that device to everybody. One that is reached over a read-only mount can't be given away, and is
    /// written to all the same.
    pub(super) fn keep_null(command: &mut Command, interactive: bool) -> Result<(), Error> {
        if !interactive || is_null(rustix::stdio::stdin()) {
            command.stdin(null()?);
        }
        if is_null(rustix::stdio::stdout()) {
            command.stdout(null()?);
        }
        if is_null(rustix::stdio::stderr()) {
            command.stderr(null()?);
        }
        Ok(())
    }

    fn is_null(stream: impl AsFd) -> bool {
        fstat(stream).is_ok_and(|stat| {
            let is_device = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
            is_device && (major(stat.st_rdev), minor(stat.st_rdev)) == (1, 3)
        })
    }

    fn null() -> Result<Stdio, Error> {
        let open_null = || -> std::io::Result<OwnedFd> {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
            let mount = open_tree(CWD, "/dev/null", flags)?;
            sys::set_mount_attributes(&mount, libc::MOUNT_ATTR_RDONLY, 0, 0, false, None)?;
            let path = format!("/proc/self/fd/{}", mount.as_raw_fd());
            Ok(open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
        };
        open_null().map(Stdio::from).map_err(|error| {
            let problem = format!("can't be shown to the runtime read-only: {error}");
            Error::new("/dev/null", problem, "leave `--runtime` out")
        })
    }
}

/// The codes of docker: 127 where the program isn't there, 126 where it can't be executed.
fn failed(runtime: Runtime, problem: &str) -> Error {
    let mut error = Error::new(runtime.name(), format!("fails: {}", problem.trim()), "see `harden run --explain`");
    if problem.contains("no such file or directory") || problem.contains("not found") {
        error.code = 127;
    } else if problem.contains("exec") && problem.to_lowercase().contains("permission denied") {
        error.code = 126;
    }
    error
}

/// The configuration with what this runtime doesn't take left out, which is said.
fn fitted(order: &Order, runtime: Runtime, facts: &Facts, say: &dyn Fn(&str)) -> Spec {
    let mut spec = order.spec.clone();
    if lacks::drops_time(runtime, facts, &order.profile)
        && let Some(namespaces) = spec.linux_mut().as_mut().and_then(|linux| linux.namespaces_mut().as_mut())
    {
        namespaces.retain(|namespace| namespace.typ() != LinuxNamespaceType::Time);
    }
    let terminal = order.interactive && std::io::stdin().is_terminal();
    if order.profile.tty.value && !terminal {
        say("there is no terminal to give the container, so it has none");
        if let Some(process) = spec.process_mut() {
            process.set_terminal(Some(false));
        }
    }
    spec
}

/// Refuses a root file system in which a mount's place is reached over a symlink. Older runtimes follow it, out of the
/// container where it is absolute or climbs: CVE-2026-41579 (runc before 1.3.6), CVE-2026-47766 (crun before 1.28).
fn check_root(root: &Path, spec: &Spec) -> Result<(), Error> {
    for mount in spec.mounts().iter().flatten() {
        let mut path = root.to_owned();
        for part in mount.destination().components() {
            match part {
                Component::Normal(name) => path.push(name),
                Component::RootDir | Component::CurDir => continue,
                Component::ParentDir | Component::Prefix(_) => {
                    return Err(wrong_place(mount.destination(), "isn't a plain path", "write it without `..`"));
                }
            }
            if path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
                let remedy = "leave `--runtime` out: `harden run` resolves it inside the container";
                return Err(wrong_place(mount.destination(), "is reached over a symlink of the image", remedy));
            }
        }
    }
    Ok(())
}

fn wrong_place(place: &Path, problem: &str, remedy: &str) -> Error {
    Error::new(place.display().to_string(), problem, remedy)
}
