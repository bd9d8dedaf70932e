//! A module of SELinux in CIL, as udica (github.com/containers/udica) makes them: a block that inherits from its templates
//! of containers, and what this container may do beyond them.

use super::{Exported, Source, common};
use crate::policy::profile::{Egress, MountKind, Network, Profile, Publish};

/// Capabilities of the class `capability2` (linux/security/selinux/include/classmap.h): those from 32 on.
const SECOND: [&str; 9] = [
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// Types of ports in the reference policy (policy/modules/kernel/corenetwork.te.in), those that images use.
const PORTS: [(&str, &[u16]); 12] = [
    ("dns_port_t", &[53]),
    ("http_port_t", &[80, 81, 443, 488, 8008, 8009, 8443, 9000]),
    ("http_cache_port_t", &[8080, 8118, 8123, 10001, 10002]),
    ("postgresql_port_t", &[5432]),
    ("mysqld_port_t", &[1186, 3306]),
    ("redis_port_t", &[6379, 16379, 26379]),
    ("mongod_port_t", &[27017, 27018, 27019]),
    ("memcache_port_t", &[11211]),
    ("amqp_port_t", &[5671, 5672]),
    ("smtp_port_t", &[25, 465, 587]),
    ("ssh_port_t", &[22]),
    ("ldap_port_t", &[389, 636]),
];

/// Folders of the host that udica has a template for: the folder, the template to read, the template to write.
const TEMPLATES: [(&str, &str, &str); 4] = [
    ("/home", "home_container", "home_rw_container"),
    ("/var/log", "log_container", "log_rw_container"),
    ("/tmp", "tmp_container", "tmp_rw_container"),
    ("/etc", "config_container", "config_rw_container"),
];

pub(super) fn export(profile: &Profile, source: &Source) -> Exported {
    // udica's own names have no dash.
    let name = source.name.replace('-', "_");
    let mut notes = Vec::new();
    let mut templates = vec!["container"];
    match profile.network.value {
        Network::None if profile.publish.is_empty() => {}
        Network::None | Network::Egress(Egress::Only(_)) => templates.push("restricted_net_container"),
        Network::Egress(Egress::All) | Network::Host => templates.push("net_container"),
    }
    if profile.tty.value {
        templates.push("tty_container");
    }
    templates.extend(mounts(profile, &mut notes));
    let mut lines: Vec<String> = templates.iter().map(|template| format!("(blockinherit {template})")).collect();
    lines.extend(capabilities(profile));
    lines.extend(profile.publish.iter().map(|publish| bind(&publish.value)));
    let ports = common::egress_list(profile).unwrap_or_default().iter().map(|(_, port)| kind(*port));
    lines.extend(ports.map(|kind| format!("(allow process {kind} (tcp_socket (name_connect)))")));
    let body: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    let mut files: Vec<String> = templates.iter().map(|template| file(template)).collect();
    files.dedup();
    notes.insert(
        0,
        format!(
            "load it with `semodule -i {name}.cil /usr/share/udica/templates/{{{}}}`, then add \
             --security-opt label=type:{name}.process",
            files.join(",")
        ),
    );
    notes.push("limits, users, system calls, tmpfs and namespaces have no word in this form".to_owned());
    Exported { files: vec![(format!("{name}.cil"), format!("(block {name}\n{body})\n"))], notes }
}

/// The file of udica's that a template is in.
fn file(template: &str) -> String {
    let stem = template.replace("_rw_container", "_container").replace("restricted_", "");
    if stem == "container" { "base_container.cil".to_owned() } else { format!("{stem}.cil") }
}

fn mounts(profile: &Profile, notes: &mut Vec<String>) -> Vec<&'static str> {
    let mut templates = Vec::new();
    for mount in &profile.mounts {
        let MountKind::Bind(bind) = &mount.value.kind else { continue };
        let below = |folder: &str| {
            bind.source.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match TEMPLATES.iter().find(|(folder, _, _)| below(folder)) {
            Some((_, read, write)) => templates.push(if bind.read_only { *read } else { *write }),
            None => notes.push(format!(
                "what label {} has on the host isn't known: give it one with `chcon -Rt container_file_t`",
                bind.source.escape_debug()
            )),
        }
    }
    templates.sort_unstable();
    templates.dedup();
    templates
}

/// Capabilities, in the classes of the first user namespace and of all others.
fn capabilities(profile: &Profile) -> Vec<String> {
    let names = common::capabilities(profile).into_iter().map(|name| name.to_ascii_lowercase());
    let (second, first): (Vec<String>, Vec<String>) = names.partition(|name| SECOND.contains(&name.as_str()));
    let rule = |class: &str, names: &[String]| {
        (!names.is_empty()).then(|| format!("(allow process process ({class} ({})))", names.join(" ")))
    };
    [rule("capability", &first), rule("cap_userns", &first), rule("capability2", &second), rule("cap2_userns", &second)]
        .into_iter()
        .flatten()
        .collect()
}

fn bind(publish: &Publish) -> String {
    format!("(allow process {} ({}_socket (name_bind)))", kind(publish.port), common::protocol(publish))
}

/// The type of a port.
fn kind(port: u16) -> &'static str {
    let known = PORTS.iter().find(|(_, ports)| ports.contains(&port)).map(|(kind, _)| *kind);
    known.unwrap_or(match port {
        0..=511 => "reserved_port_t",
        512..=1023 => "hi_reserved_port_t",
        1024..=32767 | 61000.. => "unreserved_port_t",
        32768..=60999 => "ephemeral_port_t",
    })
}
