//! Names of groups: unique on the machine, and telling who made them, so that those whose launcher has crashed are found.

use std::path::{Path, PathBuf};

use super::folder;
use super::host::Host;
use crate::run::procfs;

/// What each begins with.
const PREFIX: &str = "harden";
/// Bytes of the container's name that are kept.
const LONGEST: usize = 64;

/// `harden.NAME.PID.START.NAMESPACE`: the launcher's number, when it began (proc_pid_stat(5), `starttime`), and in which
/// process namespace that number holds. What a container's name has that is no letter, digit, `_` or `-` is a `_`.
pub(super) fn label(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    let name: String = name.chars().map(plain).take(LONGEST).collect();
    let me = std::process::id();
    let start = started(me).unwrap_or(0);
    format!("{PREFIX}.{name}.{me}.{start}.{}", namespace().unwrap_or(0))
}

/// Removes groups of launchers that are gone, with what still runs in them, and gives how many there were. Groups whose
/// launcher is in another process namespace are left: whether it lives can't be told from here.
pub fn sweep(host: &Host) -> usize {
    let unified = host.unified.as_ref().into_iter();
    let mut parents: Vec<&Path> = Vec::new();
    for hierarchy in unified.chain(host.v1.iter().map(|(_, hierarchy)| hierarchy)) {
        parents.extend(hierarchy.own.ancestors().take_while(|path| path.starts_with(&hierarchy.mount)));
    }
    let left: Vec<PathBuf> = parents.into_iter().flat_map(leftovers).collect();
    // Another launcher may be at the same one.
    left.iter().filter(|path| folder::remove(path).is_ok()).count()
}

/// Sweeps everywhere where there is something to sweep in this group.
pub(super) fn tidy(host: &Host, parent: &Path) {
    if !leftovers(parent).is_empty() {
        sweep(host);
    }
}

/// Groups in this one whose launcher is gone.
fn leftovers(parent: &Path) -> Vec<PathBuf> {
    let Some(namespace) = namespace() else { return Vec::new() };
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let gone = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| is_gone(name, namespace)));
    gone.map(|entry| entry.path()).collect()
}

fn is_gone(folder: &str, own: u64) -> bool {
    let folder = folder.strip_suffix(".launcher").unwrap_or(folder);
    let mut parts = folder.split('.');
    let (Some(PREFIX), Some(_)) = (parts.next(), parts.next()) else { return false };
    let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok());
    let (Some(pid), Some(start), Some(namespace)) = (number(), number(), number()) else { return false };
    let Ok(pid) = u32::try_from(pid) else { return false };
    namespace == own && start != 0 && started(pid) != Some(start)
}

/// When a process began, in ticks since the machine did; `None` where there is none.
fn started(pid: u32) -> Option<u64> {
    let text = procfs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name before may have any bytes, brackets too. The 22nd field is the 20th behind it.
    text.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// The number of the own process namespace.
fn namespace() -> Option<u64> {
    let link = std::fs::read_link("/proc/self/ns/pid").ok()?;
    link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_folder_whatever_is_in_it() {
        let label = label("../a b.c\n");
        assert!(label.starts_with("harden.___a_b_c_."), "{label}");
        assert!(!is_gone(&label, namespace().expect("a namespace")), "{label}");
        assert!(!is_gone(&format!("{label}.launcher"), namespace().expect("a namespace")));
        assert!(super::label(&"x".repeat(500)).len() < 150);
    }

    #[test]
    fn only_what_a_dead_launcher_made_is_gone() {
        let own = namespace().expect("a namespace");
        let me = std::process::id();
        // No process has this number, and this one began at another time.
        assert!(is_gone(&format!("harden.a.4194304.5.{own}"), own));
        assert!(is_gone(&format!("harden.a.{me}.1.{own}.launcher"), own));
        for name in [
            &format!("harden.a.4194304.5.{}", own + 1),
            &format!("harden.a.4194304.0.{own}"),
            "harden.a",
            "harden",
            "other.a.4194304.5.1",
            "harden.a.99999999999999999999.5.1",
            "",
        ] {
            assert!(!is_gone(name, own), "{name}");
        }
    }
}
