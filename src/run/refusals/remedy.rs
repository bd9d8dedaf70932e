//! What allows a refused call or path: flags of `harden run`, as narrow as there are.

use oci_spec::runtime::Capability;

use super::By;
use super::calls::Operation;
use super::judge::Judged;
use crate::policy::Level;
use crate::policy::seccomp::rules;
use crate::run::seccomp::{Filter, compile, permits};

/// Capabilities that open calls, the least first.
const CAPABILITIES: [Capability; 16] = [
    Capability::SysNice,
    Capability::SysChroot,
    Capability::NetRaw,
    Capability::SysPacct,
    Capability::SysTtyConfig,
    Capability::Syslog,
    Capability::SysTime,
    Capability::Perfmon,
    Capability::DacReadSearch,
    Capability::NetAdmin,
    Capability::SysPtrace,
    Capability::Bpf,
    Capability::SysBoot,
    Capability::SysRawio,
    Capability::SysModule,
    Capability::SysAdmin,
];

/// Filters of other choices: what each lets pass, that choice allows.
#[derive(Debug)]
pub(super) struct Choices(Vec<(Choice, Filter)>);

#[derive(Clone, Copy, Debug)]
enum Choice {
    Default,
    Narrow,
    Granted(Capability),
    Docker,
}

impl Choices {
    /// Compiles them.
    pub(super) fn new() -> Self {
        let go = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let granted = CAPABILITIES.iter().map(|capability| Choice::Granted(*capability));
        let all = [Choice::Default, Choice::Narrow].into_iter().chain(granted).chain([Choice::Docker]);
        let compiled = all.filter_map(|choice| {
            let list = match choice {
                Choice::Default => rules(Level::Default, &[], go, false),
                Choice::Narrow => rules(Level::Default, &[], go, true),
                Choice::Granted(capability) => rules(Level::Default, &[capability], go, false),
                Choice::Docker => rules(Level::Docker, &[], go, true),
            };
            Some((choice, compile(&list, false).ok()?))
        });
        Self(compiled.collect())
    }

    /// What allows a call with these arguments.
    pub(super) fn of_call(&self, architecture: u32, number: u32, name: &str, arguments: &[u64; 6]) -> String {
        let line = format!(r#"{{"names": ["{name}"], "action": "SCMP_ACT_ALLOW"}}"#);
        let by_file = format!(
            "allowed by `--security-opt seccomp=FILE`, FILE as `harden export --to seccomp` writes it, and {line}"
        );
        let opens = |(_, filter): &&(Choice, Filter)| permits(filter.decide(architecture, number, arguments));
        match self.0.iter().find(opens).map(|(choice, _)| choice) {
            Some(Choice::Default) => "allowed by `--level default`".to_owned(),
            Some(Choice::Narrow) => {
                "allowed to an image with 32-bit programs, or by `--security-opt seccomp=FILE` with \
                                     their architecture in FILE"
                    .to_owned()
            }
            Some(Choice::Granted(capability)) => {
                let word = capability.to_string();
                let word = word.strip_prefix("CAP_").unwrap_or(&word);
                let allow = word.to_lowercase().replace('_', "-");
                format!("allowed by `--cap-add {word} --allow cap-{allow}`")
            }
            Some(Choice::Docker) => format!("allowed by `--level docker`; or {by_file}"),
            None => by_file,
        }
    }
}

/// What allows an operation on a path.
pub(super) fn of_path(operation: Operation, judged: &Judged) -> String {
    let Judged { folder, path, .. } = judged;
    match judged.by {
        By::ReadOnlyRoot if folder == "/" => {
            format!("let the program write elsewhere, or mount at {path}: `-v NAME:{path}`")
        }
        By::ReadOnlyRoot => format!("allowed by `--tmpfs {folder}` (lost at the end) or `-v NAME:{folder}` (kept)"),
        By::ReadOnlyMount if folder.starts_with("/sys") || folder.starts_with("/dev") => {
            "the kernel's files are for the host to change: let the program do without".to_owned()
        }
        By::ReadOnlyMount => format!("mount what lies at {folder} without `:ro`"),
        By::ReadOnlyPath => match path.strip_prefix("/proc/sys/") {
            Some(name) => format!("set it at the start: `--sysctl {}=VALUE`", name.replace('/', ".")),
            None => SYSTEM_PATHS.to_owned(),
        },
        By::MaskedPath => SYSTEM_PATHS.to_owned(),
        By::NoExec => format!("allowed by `--tmpfs {folder}:exec`, or by a program that lies in the image"),
        By::Permissions => of_permissions(operation, judged),
        By::Seccomp => String::new(),
    }
}

const SYSTEM_PATHS: &str =
    "allowed by `--security-opt systempaths=unconfined --allow system-paths`, which opens far more";

fn of_permissions(operation: Operation, judged: &Judged) -> String {
    let Judged { folder, path, .. } = judged;
    if ["/proc/", "/sys/", "/dev/"].iter().any(|start| path.starts_with(start)) {
        return "the kernel keeps it for the host's root: let the program do without".to_owned();
    }
    match (operation, judged.owner) {
        (Operation::Own, _) => {
            format!(
                "give {path} its owner in the image (`COPY --chown`), or allow it by `--cap-add CHOWN --allow cap-chown`"
            )
        }
        (Operation::Change, Some(owner)) if owner != 0 => format!("run as its owner: `-u {owner}`"),
        (Operation::Change, _) => format!("give {path} its mode in the image (`COPY --chmod`)"),
        (Operation::Read | Operation::Execute, Some(owner)) if owner != 0 => {
            format!("run as its owner: `-u {owner}`, or let others read {path} (`chmod` in the image)")
        }
        (Operation::Read | Operation::Execute, _) => {
            format!("let others read {path} (`COPY --chmod` or `chmod` in the image)")
        }
        (_, Some(owner)) if owner != 0 => format!("run as its owner: `-u {owner}`, or `--tmpfs {folder}`"),
        _ => format!("allowed by `--tmpfs {folder}`, or by another owner in the image (`COPY --chown`)"),
    }
}
