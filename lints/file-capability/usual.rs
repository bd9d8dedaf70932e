//! Capabilities that distributions give to files on purpose.

use crate::image::layer::capability::FileCapabilities;

/// Whether a distribution ships the file with these capabilities, or with more of them.
pub(super) fn is_usual(path: &str, capabilities: &FileCapabilities) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let system = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/lib"];
    let is_system = system
        .iter()
        .any(|start| folder.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    let row = USUAL.iter().find(|(known, _)| *known == name);
    let fits = |(_, known): &(&str, &[&str])| {
        let all = capabilities.permitted.iter().chain(&capabilities.inheritable);
        all.into_iter().all(|name| known.contains(&name.as_str()))
    };
    is_system && row.is_some_and(fits)
}

/// By file name. From the packages of Debian 12 and 13, Fedora 40 to 42, UBI 8 to 10 and Alpine 3.20 to 3.22, November
/// 2026: `postinst` scripts with setcap, `%caps` of spec files.
const USUAL: &[(&str, &[&str])] = &[
    ("arping", &["cap_net_raw"]),
    ("clockdiff", &["cap_net_raw", "cap_sys_nice"]),
    ("dumpcap", &["cap_net_raw", "cap_net_admin"]),
    ("fping", &["cap_net_raw"]),
    ("gnome-keyring-daemon", &["cap_ipc_lock"]),
    ("gst-ptp-helper", &["cap_net_bind_service", "cap_net_admin", "cap_sys_nice"]),
    ("krb5_child", &["cap_dac_read_search", "cap_setuid", "cap_setgid", "cap_chown"]),
    ("ldap_child", &["cap_dac_read_search", "cap_setuid", "cap_setgid", "cap_chown"]),
    ("mtr-packet", &["cap_net_raw"]),
    ("newgidmap", &["cap_setgid"]),
    ("newuidmap", &["cap_setuid"]),
    ("ping", &["cap_net_raw", "cap_net_admin"]),
    ("ping6", &["cap_net_raw", "cap_net_admin"]),
    ("rcp", &["cap_net_bind_service"]),
    ("rlogin", &["cap_net_bind_service"]),
    ("rsh", &["cap_net_bind_service"]),
    ("selinux_child", &["cap_setuid", "cap_setgid", "cap_chown"]),
    ("sssd_pam", &["cap_dac_read_search"]),
    ("suexec", &["cap_setuid", "cap_setgid"]),
    ("systemd-detect-virt", &["cap_dac_override", "cap_sys_ptrace"]),
    ("traceroute6.iputils", &["cap_net_raw"]),
];
