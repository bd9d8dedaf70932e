//! The same order through another runtime (`--runtime runc|crun|youki|podman|docker`): the low ones get the same
//! configuration as our own launcher, podman and docker the exported flags. What one can't do is said, or refused.

mod bundle;
mod child;
mod client;
mod lacks;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Error, Order};

pub use lacks::{Facts, Lack, Version, lacks};

/// Another runtime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Runtime {
    Runc,
    Crun,
    Youki,
    Podman,
    Docker,
}

impl Runtime {
    /// All of them, by the names that `--runtime` takes.
    pub const ALL: [(&'static str, Self); 5] = [
        ("runc", Self::Runc),
        ("crun", Self::Crun),
        ("youki", Self::Youki),
        ("podman", Self::Podman),
        ("docker", Self::Docker),
    ];

    /// Its name, which is that of its program.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, own)| *own == self).map_or("", |(name, _)| name)
    }

    /// Whether it takes a bundle, so that it runs what is unpacked; the others have images of their own.
    #[must_use]
    pub fn takes_bundle(self) -> bool {
        matches!(self, Self::Runc | Self::Crun | Self::Youki)
    }
}

/// Runs an order through a runtime, and gives the exit code of the program in it. `image` is the reference that podman and
/// docker have the image by; `say` gets what is lost, a sentence each, before the start.
///
/// # Errors
/// Where the runtime is not there, lacks something that may not be lost, or fails itself.
pub fn launch(order: &Order, runtime: Runtime, image: &str, say: &dyn Fn(&str)) -> Result<u8, Error> {
    let facts = facts(runtime)?;
    let lacks = lacks(runtime, &facts, order);
    if let Some(lack) = lacks.iter().find(|lack| lack.refused) {
        return Err(Error::new(runtime.name(), lack.what.clone(), lack.remedy()));
    }
    for lack in &lacks {
        say(&format!("{}: {}", runtime.name(), lack.what));
    }
    if runtime.takes_bundle() {
        bundle::run(order, runtime, &facts, say)
    } else {
        client::run(order, runtime, image, say)
    }
}

/// What is known of a runtime and of this machine.
fn facts(runtime: Runtime) -> Result<Facts, Error> {
    let output = Command::new(runtime.name())
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| not_there(runtime, &error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let Some(version) = Version::read(&text) else {
        return Err(Error::new(runtime.name(), "doesn't tell its version", "install it anew"));
    };
    // A tree of the second version beside the first; on a machine with the second only it is the root itself.
    let second = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    Ok(Facts {
        version,
        hybrid: !second && Path::new("/sys/fs/cgroup/unified/cgroup.controllers").exists(),
        limits: second || is_root(),
        root: is_root(),
        user_namespace: match runtime {
            Runtime::Docker => docker_has_user_namespaces(),
            _ => true,
        },
    })
}

fn not_there(runtime: Runtime, error: &std::io::Error) -> Error {
    Error::new(runtime.name(), format!("can't be started: {error}"), "install it, or leave `--runtime` out")
}

/// Whether Docker's daemon gives containers a user namespace: it is remapped, or rootless.
fn docker_has_user_namespaces() -> bool {
    let output =
        Command::new("docker").args(["info", "--format", "{{.SecurityOptions}}"]).stdin(Stdio::null()).output();
    output.is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stdout);
        text.contains("name=userns") || text.contains("name=rootless")
    })
}

#[cfg(target_os = "linux")]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Elsewhere containers are in a virtual machine, where it makes no difference.
#[cfg(not(target_os = "linux"))]
fn is_root() -> bool {
    false
}

/// A folder that only we can look into, removed with what is in it when it is dropped.
struct Folder {
    path: PathBuf,
    /// Whether a file system of this process's own lies over it, and goes first.
    covered: bool,
}

impl Folder {
    /// Makes one below the run-time folder of this user, where it has one.
    fn new(name: &str) -> Result<Self, Error> {
        let above = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
        // Ids of a container of root's come through no folder that is root's alone.
        let above = above.filter(|path| path.is_dir() && !is_root()).unwrap_or_else(std::env::temp_dir);
        for attempt in 0..1000 {
            let path = above.join(format!("harden-{name}-{}-{attempt}", std::process::id()));
            let mut builder = std::fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            match builder.create(&path) {
                Ok(()) => return Ok(Self { path, covered: false }),
                // One that a stranger made isn't ours to write into.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot_write(&path, &error)),
            }
        }
        Err(Error::new(above.display().to_string(), "is full of folders of ours", "remove `harden-*` there"))
    }

    /// Shows a root file system in it, and gives its place there: the store's folders are root's alone, and a container
    /// that root starts has other ids. Only this process and those that it starts see that.
    #[cfg(target_os = "linux")]
    fn show(&mut self, root: &Path) -> Result<PathBuf, Error> {
        use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};
        let shown = self.path.join("rootfs");
        let failed = |error: &dyn std::fmt::Display| {
            let problem = format!("the image can't be shown to the runtime: {error}");
            Error::new(self.path.display().to_string(), problem, "leave `--runtime` out")
        };
        super::sys::unshare(libc::CLONE_NEWNS).map_err(|error| failed(&error))?;
        let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
        mount_change("/", slave).map_err(|error| failed(&error))?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("harden", &self.path, "tmpfs", flags, c"mode=0711").map_err(|error| failed(&error))?;
        let done = std::fs::create_dir(&shown).map_err(|error| failed(&error));
        let done = done.and_then(|()| mount_bind(root, &shown).map_err(|error| failed(&error)));
        self.covered = true;
        done.map(|()| shown)
    }

    /// Writes a file into it.
    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        std::fs::write(&path, text).map_err(|error| cannot_write(&path, &error))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        if self.covered {
            // An image is shown in it, which must not be emptied with it.
            let _ = rustix::mount::unmount(&self.path, rustix::mount::UnmountFlags::DETACH)
                .and_then(|()| rustix::fs::rmdir(&self.path));
            return;
        }
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Error {
    Error::new(path.display().to_string(), format!("can't be written: {error}"), "make room, or set XDG_RUNTIME_DIR")
}
