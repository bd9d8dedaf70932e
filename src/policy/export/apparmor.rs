//! An AppArmor profile (apparmor.d(5)): the paths that the profile lets be written and executed, and nothing else; no
//! mounts, no tracing, no raw sockets.

use super::{Exported, Source, common};
use crate::policy::profile::{MountKind, Profile};

/// What an AppArmor profile is made of: from a [`Profile`], or from bane's TOML. Paths are patterns of apparmor.d(5).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct Rules {
    pub name: String,
    /// Whether what isn't said may be written.
    pub open: bool,
    pub read_only: Vec<String>,
    /// Each write is logged.
    pub log_on_write: Vec<String>,
    pub writable: Vec<String>,
    /// Only these may be executed; empty for all.
    pub allow_exec: Vec<String>,
    pub deny_exec: Vec<String>,
    /// Can be neither read nor written.
    pub hidden: Vec<String>,
    /// In lower case, without `cap_`.
    pub capabilities: Vec<String>,
    pub raw: bool,
    pub packet: bool,
    /// `tcp`, `udp`, `icmp`; empty for TCP and UDP.
    pub protocols: Vec<String>,
}

pub(super) fn export(profile: &Profile, source: &Source) -> Exported {
    let mut notes = vec![
        format!("load it with `apparmor_parser -r {0}.apparmor`, then add --security-opt apparmor={0}", source.name),
        "limits, users, system calls and namespaces have no word in this form".to_owned(),
    ];
    let rules = rules(profile, source, &mut notes);
    Exported { files: vec![(format!("{}.apparmor", source.name), text(&rules))], notes }
}

fn rules(profile: &Profile, source: &Source, notes: &mut Vec<String>) -> Rules {
    let mut rules = Rules { name: source.name.clone(), open: !profile.read_only_root.value, ..Rules::default() };
    let mut below = |path: &str, into: &mut dyn FnMut(String)| match literal(path) {
        Some(path) => into(format!("{}{{,/**}}", path.trim_end_matches('/'))),
        None => notes.push(common::cannot_carry(path)),
    };
    for mount in &profile.mounts {
        let (read_only, exec) = match &mount.value.kind {
            MountKind::Tmpfs(tmpfs) => (false, tmpfs.exec),
            MountKind::Bind(bind) => (bind.read_only, true),
            MountKind::Volume { read_only, .. } => (*read_only, true),
            MountKind::Device(device) => (device.read_only, false),
        };
        below(&mount.value.destination, &mut |path| {
            if !exec {
                rules.deny_exec.push(path.clone());
            }
            let list = if read_only { &mut rules.read_only } else { &mut rules.writable };
            list.push(path);
        });
    }
    for path in &profile.masked_paths.value {
        below(path, &mut |path| rules.hidden.push(path));
    }
    for path in &profile.read_only_paths.value {
        below(path, &mut |path| rules.read_only.push(path));
    }
    rules.capabilities = common::capabilities(profile).iter().map(|name| name.to_ascii_lowercase()).collect();
    rules.raw = rules.capabilities.iter().any(|name| name == "net_raw");
    rules.packet = rules.raw;
    rules
}

/// A path as a pattern that matches it only; `None` where the form can't carry it.
fn literal(path: &str) -> Option<String> {
    if path.chars().any(|c| c.is_control()) {
        return None;
    }
    let mut out = String::new();
    for c in path.chars() {
        if "\\\"*?[]{}^,@$#".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    Some(out)
}

/// The text of a profile.
#[must_use]
pub fn text(rules: &Rules) -> String {
    let has = |name: &str| rules.capabilities.iter().any(|own| own == name);
    let mut lines = Vec::new();
    network(rules, &mut lines);
    lines.push(String::new());
    lines.extend(rules.capabilities.iter().map(|name| format!("capability {name},")));
    lines.push("signal (receive) peer=unconfined,".to_owned());
    lines.push("signal (receive) peer={runc,crun,podman,harden},".to_owned());
    lines.push("signal (send, receive) peer=@{profile_name},".to_owned());
    lines.push("ptrace (read, readby) peer=@{profile_name},".to_owned());
    if has("sys_ptrace") {
        lines.push("ptrace (trace, tracedby) peer=@{profile_name},".to_owned());
    } else {
        lines.push("deny ptrace (trace, tracedby),".to_owned());
    }
    if !has("sys_admin") {
        lines.extend(["mount", "remount", "umount", "pivot_root"].map(|what| format!("deny {what},")));
    }
    lines.push(String::new());
    files(rules, &mut lines);
    let body: String =
        lines.iter().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect();
    format!(
        "#include <tunables/global>\n\nprofile \"{}\" flags=(attach_disconnected,mediate_deleted) {{\n{body}}}\n",
        rules.name
    )
}

fn network(rules: &Rules, lines: &mut Vec<String>) {
    let named =
        |name: &str| rules.protocols.is_empty() && name != "icmp" || rules.protocols.iter().any(|own| own == name);
    for (protocol, kind) in [("tcp", "stream"), ("udp", "dgram")] {
        if named(protocol) {
            lines.extend(["inet", "inet6"].map(|family| format!("network {family} {kind},")));
        }
    }
    lines.push("network unix,".to_owned());
    lines.push("unix,".to_owned());
    lines.push("network netlink,".to_owned());
    // ICMP without raw sockets is a datagram socket (icmp(7)).
    if named("icmp") && !named("udp") {
        lines.extend(["inet", "inet6"].map(|family| format!("network {family} dgram,")));
    }
    if rules.raw {
        lines.extend(["inet", "inet6"].map(|family| format!("network {family} raw,")));
    } else {
        lines.extend(["inet", "inet6"].map(|family| format!("deny network {family} raw,")));
    }
    lines.push(if rules.packet { "network packet," } else { "deny network packet," }.to_owned());
}

fn files(rules: &Rules, lines: &mut Vec<String>) {
    let rest = if rules.open { "rwkl" } else { "r" };
    if rules.allow_exec.is_empty() {
        lines.push(format!("/ {rest},"));
        lines.push(format!("/** {rest}mix,"));
    } else {
        lines.push(format!("/ {rest},"));
        lines.push(format!("/** {rest}m,"));
        lines.extend(rules.allow_exec.iter().map(|path| format!("\"{path}\" rmix,")));
    }
    // A process sets things of its own there; the kernel's owner check stays.
    lines.push("owner @{PROC}/[0-9]*/** rw,".to_owned());
    lines.push("/dev/{null,zero,full,random,urandom,tty,console,ptmx} rw,".to_owned());
    lines.push("/dev/pts/* rw,".to_owned());
    lines.push("/dev/{shm,mqueue}/** rwkl,".to_owned());
    lines.extend(rules.writable.iter().map(|path| format!("\"{path}\" rwkl,")));
    lines.extend(rules.log_on_write.iter().map(|path| format!("audit \"{path}\" w,")));
    lines.extend(rules.read_only.iter().map(|path| format!("deny \"{path}\" wl,")));
    lines.extend(rules.deny_exec.iter().map(|path| format!("deny \"{path}\" mx,")));
    lines.extend(rules.hidden.iter().map(|path| format!("deny \"{path}\" rwklmx,")));
}
