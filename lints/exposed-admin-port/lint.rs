//! EXPOSE of ports that services of remote control listen on.

mod image;

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Draft, Findings, Lint};
use crate::model::{Base, Dockerfile, Instruction, Stage, Value};
use crate::syntax::ast::{Arguments, Keyword, Word};
use crate::syntax::ports;
use crate::tables::{AdminPort, admin_port};

pub(super) static LINT: Lint = Lint {
    summary: "A port of remote administration is exposed",
    category: Category::Network,
    severity: Severity::Medium,
    aliases: &["DS-0004", "CKV_DOCKER_1", "5907595b"],
    sources: &[
        "https://docs.docker.com/reference/dockerfile/#expose",
        "https://csrc.nist.gov/pubs/sp/800/190/final",
        "https://docs.docker.com/engine/security/protect-access/",
    ],
    dockerfile: Some(check),
    image: Some(image::check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let shipped: Vec<usize> = match dockerfile.target() {
        Some(target) => dockerfile.lineage(target).map(|stage| stage.index).collect(),
        None => Vec::new(),
    };
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        let ast = instruction.effective();
        let (Keyword::Expose, Arguments::Words(words)) = (ast.keyword, &ast.arguments) else { continue };
        let stage = instruction.stage.and_then(|stage| dockerfile.stages.get(stage));
        let is_shipped = stage.is_none_or(|stage| shipped.contains(&stage.index));
        for (word, value) in words.iter().zip(&instruction.values) {
            let found = services(value);
            let Some((service, others)) = found.split_first() else { continue };
            let purpose = stage.is_some_and(|stage| is_purpose(dockerfile, stage, service));
            let finding = report(word, value, (service, others), purpose, is_shipped, findings);
            // A range may be of another service's ports, too.
            if others.is_empty()
                && !value.text.contains('-')
                && let Some(fix) = without(dockerfile, index, instruction, word, purpose)
            {
                finding.fix(fix);
            }
        }
    }
}

/// The port left out, with the instruction where it names no other.
fn without(
    dockerfile: &Dockerfile,
    index: usize,
    instruction: &Instruction,
    word: &Word,
    purpose: bool,
) -> Option<Fix> {
    let alone = matches!(&instruction.effective().arguments, Arguments::Words(words) if words.len() == 1);
    let edit = if alone { dockerfile.without(index) } else { dockerfile.without_listed(instruction, word) }?;
    let title = format!("Don't expose `{}`", word.text);
    let fix = if purpose {
        Fix::suggestion(title, "the service seems to be what the image is for", vec![edit])
    } else {
        let why = "who publishes all ports (`-P`) or reads them from the configuration misses this one";
        Fix::risky(title, why, vec![edit])
    };
    Some(if alone { fix.removes(instruction.ast.keyword.as_str()) } else { fix })
}

fn report<'f>(
    word: &Word,
    value: &Value,
    (service, others): (&AdminPort, &[&'static AdminPort]),
    purpose: bool,
    is_shipped: bool,
    findings: &'f mut Findings,
) -> &'f mut Draft {
    let all = || std::iter::once(service).chain(others.iter().copied());
    let message = if others.is_empty() {
        format!("`EXPOSE` offers port {}, {}", service.port, service.service)
    } else {
        let list: Vec<String> = all().map(|port| format!("{} ({})", port.port, port.service)).collect();
        format!("`EXPOSE {}` takes in ports of remote administration: {}", value.text, list.join(", "))
    };
    let because = match (is_shipped, purpose) {
        (false, _) => format!(
            "the image built by default doesn't have this; built as a target of its own, the port gives {}",
            service.gives
        ),
        (true, purpose) => why(service, purpose),
    };
    let finding = findings.report(word.span, message);
    finding.because(because).help(help(service));
    if purpose || !is_shipped {
        finding.severity(Severity::Low);
    }
    // A range may be of another service's ports.
    if value.overridable {
        finding.confidence(Confidence::Medium);
    }
    if !others.is_empty() || value.text.contains('-') {
        finding.confidence(Confidence::Low).severity(Severity::Low);
    }
    if all().any(|port| port.port == 22) {
        finding.aliases(&["DS-0004", "CKV_DOCKER_1", "5907595b"]);
    }
    finding
}

fn why(service: &AdminPort, purpose: bool) -> String {
    let gives = service.gives;
    if purpose {
        format!("this seems to be what the image is for; still, whoever reaches the port is a login away from {gives}")
    } else {
        format!("whoever reaches the port is a login, or less, away from {gives}")
    }
}

fn help(service: &AdminPort) -> &'static str {
    if service.service == "SSH" {
        "Leave the SSH server out: `docker exec` and `kubectl exec` give a shell with the platform's own access control and log"
    } else {
        "Leave the service out of the image, or bind it to the loopback address and reach it through a tunnel"
    }
}

/// The administration services on the TCP ports of one argument.
fn services(value: &Value) -> Vec<&'static AdminPort> {
    let Some(ports) = value.known().and_then(|text| ports::parse(text).ok()) else { return Vec::new() };
    if ports.protocol != "tcp" {
        return Vec::new();
    }
    ports.range.filter_map(admin_port).collect()
}

/// Whether the base image's name or the program that starts says that the service is what the image is for.
fn is_purpose(dockerfile: &Dockerfile, stage: &Stage, port: &AdminPort) -> bool {
    let (names, programs) = purpose(port);
    let bases = dockerfile.lineage(stage).filter_map(|stage| match &stage.base {
        Base::Image(image) => Some(image.repository.to_ascii_lowercase()),
        _ => None,
    });
    let mut bases = bases.collect::<Vec<_>>().into_iter();
    let started = [stage.end.entrypoint, stage.end.cmd].into_iter().flatten();
    let mut started = started.filter_map(|index| dockerfile.instructions.get(index));
    bases.any(|base| names.iter().any(|name| base.contains(name)))
        || started.any(|instruction| {
            let commands = instruction.scripts.iter().flat_map(|script| &script.commands);
            commands.into_iter().any(|command| programs.contains(&command.base_name()))
        })
}

/// What images that are there for a service are called, and what they start.
fn purpose(port: &AdminPort) -> (&'static [&'static str], &'static [&'static str]) {
    match port.service {
        "SSH" => (&["ssh", "sftp", "bastion", "gitlab", "gitea", "gerrit"], &["sshd", "dropbear"]),
        "Telnet" => (&["telnet"], &["telnetd", "in.telnetd"]),
        "RDP" => (&["rdp", "guacamole", "desktop"], &["xrdp", "xrdp-sesman"]),
        "VNC" => (&["vnc", "desktop", "selenium"], &["Xvnc", "vncserver", "x11vnc", "tigervncserver"]),
        "etcd" => (&["etcd"], &["etcd"]),
        "SMB" | "NetBIOS session service" => (&["samba", "smb"], &["smbd", "nmbd", "samba"]),
        "kubelet API" | "kubelet read-only API" => (&["kube", "k3s", "rke"], &["kubelet", "k3s"]),
        service if service.starts_with("Docker API") => (&["docker", "dind"], &["dockerd", "dockerd-entrypoint.sh"]),
        _ => (&[], &[]),
    }
}
