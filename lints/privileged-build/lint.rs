//! RUN flags that take a build step out of its sandbox: `--security=insecure`, `--network=host`, `--device`.

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{Dockerfile, Value};
use crate::syntax::ast::{Flag, Keyword};
use crate::syntax::mount::Device;

pub(super) static LINT: Lint = Lint {
    summary: "A build step runs outside of its sandbox",
    category: Category::Build,
    severity: Severity::High,
    aliases: &["dockerfile.security.run-security-insecure.run-security-insecure"],
    sources: &[
        "https://docs.docker.com/reference/dockerfile/#run---security",
        "https://docs.docker.com/reference/dockerfile/#run---network",
        "https://docs.docker.com/reference/dockerfile/#run---device",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for instruction in dockerfile.instructions.iter().filter(|one| one.effective().keyword == Keyword::Run) {
        let reached =
            instruction.stage.and_then(|stage| dockerfile.stages.get(stage)).is_some_and(|stage| stage.reached);
        for (flag, value) in instruction.flags() {
            let Some(case) = Case::of(flag, value) else { continue };
            let finding = findings.report(flag.span, case.message());
            finding.because(case.why()).help(case.help()).severity(case.severity());
            if matches!(case, Case::Insecure) {
                finding.aliases(&["dockerfile.security.run-security-insecure.run-security-insecure"]);
            }
            if value.overridable {
                finding.confidence(Confidence::Medium);
            }
            if !reached {
                finding.severity(Severity::Low);
            }
            if let Some(edit) = dockerfile.without_flag(instruction, flag.span) {
                let title = format!("Run the step without `--{}`", flag.name);
                finding.fix(Fix::risky(title, case.risk(), vec![edit]));
            }
        }
    }
}

enum Case {
    Insecure,
    HostNetwork,
    Device(String),
}

impl Case {
    fn of(flag: &Flag, value: &Value) -> Option<Self> {
        match (flag.name.as_str(), value.known()?) {
            ("security", "insecure") => Some(Self::Insecure),
            ("network", "host") => Some(Self::HostNetwork),
            ("device", text) => Some(Self::Device(Device::parse(text).ok()?.name)),
            _ => None,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Insecure => "`--security=insecure` runs this step as a privileged container".to_owned(),
            Self::HostNetwork => "`--network=host` runs this step in the network of the build host".to_owned(),
            Self::Device(name) => format!("`--device` gives this step the host's device `{name}`"),
        }
    }

    fn why(&self) -> &'static str {
        match self {
            Self::Insecure => {
                "with all capabilities, all devices and no seccomp filter, whatever the step runs can take over the host"
            }
            Self::HostNetwork => {
                "whatever the step runs reaches services that listen on the host's localhost, and cloud metadata"
            }
            Self::Device(_) => "whatever the step runs talks to the host's driver",
        }
    }

    fn help(&self) -> &'static str {
        match self {
            Self::Insecure => "Drop the flag; do what needs privileges at run time, or in a builder of its own",
            Self::HostNetwork => "Drop the flag, or use `--network=none` where the step needs no network",
            Self::Device(_) => "Drop the flag, or make sure that only trusted code runs in this step",
        }
    }

    fn risk(&self) -> &'static str {
        match self {
            Self::Insecure => "the step fails if it needs the privileges",
            Self::HostNetwork => "the step fails if it needs what only the host's network reaches",
            Self::Device(_) => "the step fails if it needs the device",
        }
    }

    fn severity(&self) -> Severity {
        match self {
            Self::Insecure => Severity::High,
            Self::HostNetwork => Severity::Medium,
            Self::Device(_) => Severity::Low,
        }
    }
}
