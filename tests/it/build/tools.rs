//! The builders and the base images.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builder {
    /// Debian's buildah, which isolates by chroot.
    Buildah,
    /// BuildKit's own daemon, which isolates by runc.
    BuildKit,
}

impl Builder {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Buildah => "buildah",
            Self::BuildKit => "buildkit",
        }
    }
}

pub(crate) struct Tools {
    bases: PathBuf,
    buildctl: PathBuf,
    folder: PathBuf,
    /// The name and the digest of each base image.
    names: Vec<(String, String)>,
    daemon: Child,
}

impl Drop for Tools {
    fn drop(&mut self) {
        // The daemon is the first process of its namespace, and all its children die with it.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
        // What containers were counted in; a folder of control groups that is in use stays.
        for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            for name in ["harden-proof", "buildkit"] {
                let _ = fs::remove_dir(hierarchy.path().join(name));
            }
        }
    }
}

impl Tools {
    /// Finds the tools and starts BuildKit in namespaces of its own, or skips.
    pub(crate) fn find(folder: &Path) -> Option<Self> {
        let tools = support::root().join("target/tools");
        let (bases, buildkit) = (tools.join("bases"), tools.join("buildkit"));
        for needed in [bases.join("complete"), buildkit.join("buildkitd"), buildkit.join("buildctl")] {
            if !needed.exists() {
                support::skip(&format!("{} is not there; tests/run makes it", needed.display()));
                return None;
            }
        }
        for program in ["buildah", "runc", "setpriv", "unshare", "nsenter", "mount", "tar", "curl", "python3"] {
            let here = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
            if !here.is_ok_and(|output| output.status.success()) {
                support::skip(&format!("`{program}` is not installed"));
                return None;
            }
        }
        let id = Command::new("id").arg("-u").output().expect("id runs");
        if id.stdout != b"0\n" {
            support::skip("mounting and running containers takes root");
            return None;
        }
        fs::create_dir_all(folder).expect("a writable folder");
        fs::write(folder.join("registries.conf"), "unqualified-search-registries = [\"docker.io\"]\n").expect("a file");
        let index = fs::read(bases.join("layout/index.json")).expect("the layout's index");
        let index: Value = serde_json::from_slice(&index).expect("JSON");
        let names = index["manifests"].as_array().expect("manifests").iter().map(|manifest| {
            let text = |value: &Value| value.as_str().expect("a string").to_owned();
            (text(&manifest["annotations"]["org.opencontainers.image.ref.name"]), text(&manifest["digest"]))
        });
        let daemon = start(&buildkit.join("buildkitd"), folder);
        Some(Self {
            bases: bases.clone(),
            buildctl: buildkit.join("buildctl"),
            folder: folder.to_owned(),
            names: names.collect(),
            daemon,
        })
    }

    /// The unpacked layer of a base image, if it is one.
    pub(crate) fn root_of(&self, layer: &str) -> Option<PathBuf> {
        let root = self.bases.join("roots").join(layer.trim_start_matches("sha256:"));
        root.exists().then_some(root)
    }

    /// Builds the Dockerfile of `context` into the OCI layout `output`.
    pub(crate) fn build(&self, builder: Builder, context: &Path, output: &Path) -> Result<(), String> {
        let mut command = match builder {
            Builder::Buildah => self.buildah(context, output),
            Builder::BuildKit => self.buildkit(context, output),
        };
        let ran = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        if ran.status.success() { Ok(()) } else { Err(tail(&ran)) }
    }

    fn buildah(&self, context: &Path, output: &Path) -> Command {
        let mut command = Command::new("buildah");
        command
            .env("CONTAINERS_REGISTRIES_CONF", self.folder.join("registries.conf"))
            .arg("--root")
            .arg(self.bases.join("storage"))
            .arg("--runroot")
            .arg(self.folder.join("buildah"))
            .args(["--storage-driver", "overlay", "bud", "--isolation", "chroot", "--layers=false", "--pull-never"])
            .args(["--network", "host", "-t"])
            .arg(format!("oci:{}:built", output.display()))
            .arg("-f")
            .arg(context.join("Dockerfile"))
            .arg(context);
        command
    }

    fn buildkit(&self, context: &Path, output: &Path) -> Command {
        let mut command = Command::new(&self.buildctl);
        command
            .arg("--addr")
            .arg(format!("unix://{}", self.folder.join("buildkit.sock").display()))
            .args(["build", "--progress", "plain", "--frontend", "dockerfile.v0"])
            .arg(format!("--local=context={}", context.display()))
            .arg(format!("--local=dockerfile={}", context.display()))
            .arg(format!("--oci-layout=bases={}", self.bases.join("layout").display()))
            .arg(format!("--output=type=oci,tar=false,compression=uncompressed,dest={}", output.display()));
        for (name, digest) in &self.names {
            command.arg(format!("--opt=context:{name}=oci-layout://bases@{digest}"));
            if let Some(name) = name.strip_suffix(":latest") {
                command.arg(format!("--opt=context:{name}=oci-layout://bases@{digest}"));
            }
        }
        command
    }
}

/// Starts BuildKit's daemon where it reaches no network and leaves no mount and no process behind.
fn start(buildkitd: &Path, folder: &Path) -> Child {
    let log = fs::File::create(folder.join("buildkitd.log")).expect("a log");
    let socket = folder.join("buildkit.sock");
    // Should the tests be killed, the kernel ends the daemon too.
    let child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "unshare"])
        .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["sh", "-c", "ip link set lo up; exec \"$@\"", "sh"])
        .arg(buildkitd)
        .arg(format!("--root={}", folder.join("buildkit").display()))
        .arg(format!("--addr=unix://{}", socket.display()))
        .arg(format!("--otel-socket-path={}", folder.join("otel.sock").display()))
        .args(["--oci-worker=true", "--containerd-worker=false", "--oci-worker-net=host", "--oci-worker-gc=false"])
        .args(["--oci-worker-binary=runc"])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .spawn()
        .expect("setpriv starts");
    let start = Instant::now();
    while !socket.exists() && start.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(50));
    }
    child
}

/// The end of what a process said.
pub(crate) fn tail(ran: &Output) -> String {
    let text = [&ran.stdout[..], &ran.stderr[..]].map(String::from_utf8_lossy).concat();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}
