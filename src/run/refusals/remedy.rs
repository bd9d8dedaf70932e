//! What allows a refused call or path: flags of `harden run`, as narrow as there are.

use oci_spec::runtime::Capability;

use super::By;
use super::calls::Operation;
use super::judge::Judged;
use crate::policy::Level;
use crate::policy::seccomp::rules;
use crate::run::seccomp::{compile, permits};

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

/// What allows a call with these arguments.
pub(super) fn of_call(architecture: u32, number: u32, name: &str, arguments: &[u64; 6]) -> String {
    let go = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let opens = |level: Level, granted: &[Capability], narrow: bool| {
        let filter = compile(&rules(level, granted, go, narrow), false);
        filter.is_ok_and(|filter| permits(filter.decide(architecture, number, arguments)))
    };
    if opens(Level::Default, &[], false) {
        return "allowed by `--level default`".to_owned();
    }
    if opens(Level::Default, &[], true) {
        return "it is a call of a 32-bit program: add SCMP_ARCH_X86 or SCMP_ARCH_ARM to the filter's `architectures`"
            .to_owned();
    }
    if let Some(capability) = CAPABILITIES.iter().find(|one| opens(Level::Default, &[**one], false)) {
        let word = capability.to_string();
        let word = word.strip_prefix("CAP_").unwrap_or(&word).to_owned();
        let allow = word.to_lowercase().replace('_', "-");
        return format!("allowed by `--cap-add {word} --allow cap-{allow}`");
    }
    let line = format!(r#"{{"names": ["{name}"], "action": "SCMP_ACT_ALLOW"}}"#);
    let by_file = format!(
        "allowed by `--security-opt seccomp=FILE` with a rule {line} in what `harden export --to seccomp` writes"
    );
    if opens(Level::Docker, &[], true) { format!("allowed by `--level docker`, or {by_file}") } else { by_file }
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
