//! Files with capabilities.

mod usual;

use std::collections::HashSet;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::layer::capability::{FileCapabilities, decode};
use crate::image::{Image, NodeId};
use crate::lint::{Findings, Lint, Spot};
use crate::tables::{self, Escape};

pub(super) static LINT: Lint = Lint {
    summary: "A program's file gives it capabilities",
    category: Category::Privilege,
    severity: Severity::High,
    aliases: &["CIS-4.8"],
    sources: &[
        "https://man7.org/linux/man-pages/man7/capabilities.7.html",
        "https://www.cisecurity.org/benchmark/docker",
        "https://docs.kernel.org/userspace-api/no_new_privs.html",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Capabilities with which a process becomes root, reads or writes any file, or takes the kernel over.
const ROOT: [&str; 17] = [
    "cap_bpf",
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_mac_admin",
    "cap_mac_override",
    "cap_mknod",
    "cap_setfcap",
    "cap_setgid",
    "cap_setpcap",
    "cap_setuid",
    "cap_sys_admin",
    "cap_sys_module",
    "cap_sys_ptrace",
    "cap_sys_rawio",
    "cap_sys_boot",
];

/// Capabilities that a service may well need for its network.
const NETWORK: [&str; 2] = ["cap_net_bind_service", "cap_net_raw"];

/// A file with capabilities.
struct Capable {
    node: NodeId,
    path: String,
    capabilities: FileCapabilities,
}

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let mut seen = HashSet::new();
    let mut usual = Vec::new();
    for id in image.tree.iter() {
        let node = image.tree.node(id);
        let Some(capabilities) = node.capability.and_then(decode) else { continue };
        // Several names are one file, and empty sets give nothing.
        let empty = capabilities.permitted.is_empty() && capabilities.inheritable.is_empty();
        if empty || !seen.insert((node.content_layer, node.content_entry)) {
            continue;
        }
        let file = Capable { node: id, path: image.tree.path(id), capabilities };
        let owner = image.packages.owner(&file.path);
        let has_database = image.packages.manager.is_some() && image.packages.unread.is_none();
        let by_package = owner.is_some() || !has_database;
        if by_package && usual::is_usual(&file.path, &file.capabilities) {
            usual.push(file);
        } else {
            report(image, &file, owner, findings);
        }
    }
    let Some(first) = usual.first() else { return };
    let message = match usual.len() {
        1 => format!("`{}` has `{}`, as its distribution ships it", first.path, text(&first.capabilities)),
        count => format!("{count} programs have capabilities, as their distribution ships them"),
    };
    let finding = findings.report(image.mode_spot(first.node), message);
    finding
        .severity(Severity::Info)
        .because("they work for every user of the container, as far as the container has the capability itself")
        .help("Start containers with `--security-opt no-new-privileges`, or take them away with `setcap -r`")
        .aliases(LINT.aliases);
    if usual.len() > 1 {
        for file in &usual {
            finding.label(image.mode_spot(file.node), format!("`{}`: `{}`", file.path, text(&file.capabilities)));
        }
    }
}

fn report(image: &Image, file: &Capable, owner: Option<&str>, findings: &mut Findings<Spot>) {
    let capabilities = &file.capabilities;
    let place = image.mode_spot(file.node);
    let message = format!("`{}` has the capabilities `{}`", file.path, text(capabilities));
    let finding = findings.report(place.clone(), message);
    finding
        .help(format!("Take them away with `setcap -r {}`, or give the container the capability it needs", file.path))
        .aliases(LINT.aliases);
    let name = file.path.rsplit('/').next().unwrap_or("");
    let escape = tables::escape(name);
    let worst = capabilities.permitted.iter().find(|name| ROOT.contains(&name.as_str()));
    match worst {
        _ if capabilities.permitted.is_empty() => {
            finding
                .because("they are only inheritable: a program gets them from one that already has them")
                .severity(Severity::Low);
        }
        Some(worst) if escape.is_some() => {
            let what = match escape {
                Some(Escape::Shell) => "runs whatever it is told",
                Some(Escape::WritesFiles) => "writes whatever file it is told",
                _ => "reads whatever file it is told",
            };
            finding.because(format!("`{name}` {what}, and with `{worst}` whoever starts it has root's rights"));
        }
        Some(worst) => {
            finding.because(format!("{}, and every user of the container may start it", meaning(worst)));
            if !capabilities.effective {
                // A program that knows nothing of capabilities doesn't raise them.
                finding.severity(Severity::Medium).confidence(Confidence::Medium);
            }
        }
        None if capabilities.permitted.iter().all(|name| name == "cap_net_bind_service") => {
            finding.because("it lets the program listen on ports below 1024, and no more").severity(Severity::Info);
        }
        None if capabilities.permitted.iter().all(|name| NETWORK.contains(&name.as_str())) => {
            finding
                .because("whoever starts it can send any packet and listen to others', as far as the program does it")
                .severity(if escape.is_some() { Severity::Medium } else { Severity::Low });
        }
        None => {
            finding.because("every user of the container may start it with them").severity(Severity::Medium);
        }
    }
    if let Some(root_id) = capabilities.root_id.filter(|id| *id != 0) {
        finding.severity(Severity::Low);
        finding.label(place.clone(), format!("they hold only in the user namespace whose root is uid {root_id}"));
    }
    if let Some(package) = owner {
        finding.label(place, format!("the file comes from the package `{package}`"));
    }
}

/// What a capability lets a process do, as a clause (capabilities(7)).
fn meaning(name: &str) -> &'static str {
    match name {
        "cap_setuid" => "with `cap_setuid` a process becomes root",
        "cap_setgid" => "with `cap_setgid` a process takes any group, `shadow` and `docker` among them",
        "cap_setfcap" => "with `cap_setfcap` a process gives any program any capability",
        "cap_setpcap" => "with `cap_setpcap` a process hands its capabilities on",
        "cap_chown" | "cap_fowner" => "a process can make any file its own or change its mode",
        "cap_dac_override" => "with `cap_dac_override` a process writes any file",
        "cap_dac_read_search" => {
            "with `cap_dac_read_search` a process reads any file, on some hosts outside the container"
        }
        "cap_sys_admin" => "`cap_sys_admin` is most of what root may",
        "cap_sys_ptrace" => "with `cap_sys_ptrace` a process takes any other one over",
        "cap_sys_module" => "with `cap_sys_module` a process puts code into the kernel",
        "cap_sys_rawio" | "cap_mknod" => "a process reaches devices, and so the machine's disks",
        "cap_sys_boot" => "with `cap_sys_boot` a process starts another kernel",
        "cap_bpf" => "with `cap_bpf` a process puts programs into the kernel",
        _ => "with them a process passes by the system's access control",
    }
}

/// As setcap(8) writes them: `cap_net_raw,cap_setuid+ep`, several clauses parted by blanks.
fn text(capabilities: &FileCapabilities) -> String {
    let effective = if capabilities.effective { "e" } else { "" };
    let both: Vec<&str> = names(&capabilities.permitted, |name| capabilities.inheritable.contains(name));
    let permitted: Vec<&str> = names(&capabilities.permitted, |name| !capabilities.inheritable.contains(name));
    let inheritable: Vec<&str> = names(&capabilities.inheritable, |name| !capabilities.permitted.contains(name));
    let clauses =
        [(both, format!("{effective}ip")), (permitted, format!("{effective}p")), (inheritable, "i".to_owned())];
    let filled = clauses.iter().filter(|(names, _)| !names.is_empty());
    filled.map(|(names, flags)| format!("{}+{flags}", list(names))).collect::<Vec<_>>().join(" ")
}

fn names(list: &[String], wanted: impl Fn(&String) -> bool) -> Vec<&str> {
    list.iter().filter(|name| wanted(name)).map(String::as_str).collect()
}

/// Names in setcap's form, cut where there are more than a line takes.
fn list(names: &[&str]) -> String {
    const MOST: usize = 6;
    match names.len() {
        0..=MOST => names.join(","),
        count => format!("{},…{} more", names[..MOST].join(","), count - MOST),
    }
}
