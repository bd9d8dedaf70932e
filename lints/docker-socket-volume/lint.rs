//! VOLUME over the engine's socket or over folders that belong to the system.

mod image;

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{Dockerfile, Instruction};
use crate::syntax::ast::{Arguments, Keyword, Word};

pub(super) static LINT: Lint = Lint {
    summary: "A volume lies over the engine's socket or a system folder",
    category: Category::Runtime,
    severity: Severity::High,
    confidence: Confidence::High,
    aliases: &["dockerfile.security.dockerd-socket-mount.dockerfile-dockerd-socket-mount", "DKL-DI-0002"],
    sources: &[
        "https://docs.docker.com/reference/dockerfile/#volume",
        "https://docs.docker.com/engine/security/#docker-daemon-attack-surface",
        "https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html",
    ],
    dockerfile: Some(check),
    image: Some(image::check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let Some(target) = dockerfile.target() else { return };
    // Volumes are configuration: those of stages that the final one only copies from are lost.
    let mut stages: Vec<_> = dockerfile.lineage(target).collect();
    stages.reverse();
    for stage in stages {
        for (index, instruction) in dockerfile.instructions_of(stage) {
            if instruction.effective().keyword == Keyword::Volume {
                volume(dockerfile, index, instruction, findings);
            }
        }
    }
}

fn volume(dockerfile: &Dockerfile, index: usize, instruction: &Instruction, findings: &mut Findings) {
    let words: &[Word] = match &instruction.effective().arguments {
        Arguments::Words(words) | Arguments::Exec(words) => words,
        _ => return,
    };
    for (word, value) in words.iter().zip(&instruction.values) {
        let Some(case) = value.known().and_then(Case::of) else { continue };
        let finding = findings.report(word.span, case.message(&value.text));
        finding.because(case.why()).help(case.help()).severity(case.severity());
        if matches!(case, Case::Socket) {
            // The line asks for the socket; whether a deployment hands it over is not in the file.
            finding.confidence(Confidence::Medium);
            if value.text == "/var/run/docker.sock" {
                finding.aliases(&["dockerfile.security.dockerd-socket-mount.dockerfile-dockerd-socket-mount"]);
            }
        } else if value.overridable {
            finding.confidence(Confidence::Medium);
        }
        let alone = words.len() == 1;
        let edit = if alone { dockerfile.without(index) } else { dockerfile.without_listed(instruction, word) };
        if let Some(edit) = edit {
            let fix = Fix::risky(format!("Leave `{}` out", word.text), case.risk(), vec![edit]);
            finding.fix(if alone { fix.removes(instruction.ast.keyword.as_str()) } else { fix });
        }
    }
}

enum Case {
    /// The socket of a container engine.
    Socket,
    /// The root folder.
    Root,
    /// File systems of the kernel.
    Kernel,
    /// Programs and their configuration.
    System,
    /// Root's own files: keys, shell start-up files.
    Home,
    /// Sockets and process numbers of running services.
    Runtime,
}

/// Sockets of container engines. Sources: the manuals of dockerd, containerd, podman, CRI-O, cri-dockerd, buildkitd.
const SOCKETS: [&str; 8] = [
    "docker.sock",
    "containerd.sock",
    "containerd.sock.ttrpc",
    "podman.sock",
    "crio.sock",
    "cri-dockerd.sock",
    "buildkitd.sock",
    "dockershim.sock",
];

impl Case {
    fn of(path: &str) -> Option<Self> {
        let plain = path.replace('\\', "/").to_lowercase();
        if plain.contains("pipe/docker_engine") || plain.contains("pipe/containerd-containerd") {
            return Some(Self::Socket);
        }
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if !path.starts_with('/') || parts.contains(&"..") {
            return None;
        }
        if parts.last().is_some_and(|last| SOCKETS.contains(last)) {
            return Some(Self::Socket);
        }
        match parts[..] {
            [] => Some(Self::Root),
            // A folder of its own below /dev, such as /dev/shm, is a place for data.
            ["proc" | "sys", ..] | ["dev"] => Some(Self::Kernel),
            ["etc" | "usr" | "bin" | "sbin" | "lib" | "lib32" | "lib64" | "libx32" | "boot"]
            | ["usr", "bin" | "sbin" | "lib" | "lib64" | "libexec"]
            | ["usr", "local"]
            | ["usr", "local", "bin" | "sbin" | "lib" | "libexec"]
            | ["var"]
            | ["var", "lib"] => Some(Self::System),
            ["root"] => Some(Self::Home),
            ["run"] | ["var", "run"] => Some(Self::Runtime),
            _ => None,
        }
    }

    fn message(&self, path: &str) -> String {
        match self {
            Self::Socket => format!("VOLUME asks for the container engine's socket `{path}`"),
            Self::Root => "VOLUME lies over the whole file system `/`".to_owned(),
            Self::Kernel => format!("VOLUME lies over the kernel's file system `{path}`"),
            Self::System => format!("VOLUME lies over the system folder `{path}`"),
            Self::Home | Self::Runtime => format!("VOLUME lies over `{path}`"),
        }
    }

    fn why(&self) -> &'static str {
        match self {
            Self::Socket => "whoever speaks to the engine can start a privileged container, and so is root on the host",
            Self::Root => "no runtime starts such a container as meant, and a read-only root file system is undone",
            Self::Kernel => "a volume hides or unmasks what the runtime guards there",
            Self::System => {
                "volumes stay writable under `--read-only`, and their old copy hides what a new image brings"
            }
            Self::Home | Self::Runtime => {
                "volumes stay writable under `--read-only`, and what is left in them outlives the container"
            }
        }
    }

    fn help(&self) -> &'static str {
        match self {
            Self::Socket => {
                "Drop the line; where the engine must be asked, put a filtering socket proxy in front of it, or use a \
                 rootless engine"
            }
            Self::Home | Self::Runtime => "Name the one folder below it that holds data, or use a tmpfs at run time",
            _ => "Drop the line, or name the one folder that holds data",
        }
    }

    fn risk(&self) -> &'static str {
        match self {
            Self::Socket => "a deployment that mounts what VOLUME names has to name the socket itself",
            _ => "what a container writes there goes with it, unless a volume is mounted at its start",
        }
    }

    fn severity(&self) -> Severity {
        match self {
            Self::Socket => Severity::High,
            Self::Root | Self::Kernel | Self::System => Severity::Medium,
            Self::Home => Severity::Low,
            Self::Runtime => Severity::Info,
        }
    }
}
