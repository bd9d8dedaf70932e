//! A group from systemd, where none can be made without it: the launcher asks to be put into a transient scope that is
//! delegated to it (systemd.resource-control(5) `Delegate=`), and makes the container's group there.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::host::{Host, Manager};
use crate::run::procfs;

/// How long the manager may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Moves this process into a scope of its own, and looks at the machine again. `None` where there is no manager, or it
/// refuses.
pub(super) fn enter(host: &Host, label: &str) -> Option<Host> {
    let manager = host.systemd?;
    let before = host.unified.as_ref()?.own.clone();
    let mut client = Command::new("busctl");
    client.args(arguments(manager, label, std::process::id()));
    client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if !client.status().ok()?.success() {
        return None;
    }
    // The answer says that the work has begun.
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let text = procfs::read("/proc/self/mountinfo").ok()?;
        let groups = procfs::read("/proc/self/cgroup").ok()?;
        let now = Host { systemd: None, root: host.root, swap: host.swap, ..Host::of(&text, &groups) };
        if now.unified.as_ref().is_some_and(|unified| unified.own != before) {
            return Some(now);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}

/// `StartTransientUnit(name, mode, properties, aux)` of org.freedesktop.systemd1(5), as busctl(1) takes it.
fn arguments(manager: Manager, label: &str, pid: u32) -> Vec<String> {
    let at = match manager {
        Manager::System => "--system",
        Manager::User => "--user",
    };
    let unit = format!("{label}.scope");
    let pid = pid.to_string();
    [
        at,
        "--quiet",
        "--timeout=2",
        "call",
        "org.freedesktop.systemd1",
        "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager",
        "StartTransientUnit",
        "ssa(sv)a(sa(sv))",
        &unit,
        "fail",
        "4",
        "Description",
        "s",
        "Container of harden run",
        "PIDs",
        "au",
        "1",
        &pid,
        "Delegate",
        "b",
        "true",
        "CollectMode",
        "s",
        "inactive-or-failed",
        "0",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_has_its_signatures_arguments() {
        let words = arguments(Manager::User, "harden.a", 7);
        assert_eq!(words[0], "--user");
        let start = words.iter().position(|word| word == "ssa(sv)a(sa(sv))").expect("the signature");
        // Four properties, each a name, the type of its value and the value; an array's value begins with its length.
        assert_eq!(words[start + 1..start + 4], ["harden.a.scope", "fail", "4"]);
        assert_eq!(words.len() - start - 4, 3 + 4 + 3 + 3 + 1);
        assert!(words.contains(&"7".to_owned()));
    }
}
