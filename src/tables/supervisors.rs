//! Programs that start as root by design and start the real services as users of their own.

/// Sources: the manuals of each, read November 2026.
const SUPERVISORS: [&str; 16] = [
    "init",
    "systemd",
    "s6-svscan",
    "s6-overlay-init",
    "supervisord",
    "runsvdir",
    "runit",
    "runit-init",
    "my_init",
    "openrc-init",
    "sshd",
    "cron",
    "crond",
    "dockerd",
    "dockerd-entrypoint.sh",
    "kubelet",
];

/// Whether a program of this name is made to start as root, and to give each service a user of its own.
#[must_use]
pub fn is_supervisor(name: &str) -> bool {
    SUPERVISORS.contains(&name)
}
