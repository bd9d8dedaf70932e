//! Which control groups this machine has and where this process is in them: read from two texts, so that tests can have
//! any machine.

use std::path::{Path, PathBuf};

use crate::run::{mountinfo, procfs};

/// The control groups of a machine (cgroups(7)), as this process sees them. Unified, hybrid and version 1 layouts are all
/// the same here: a controller is in the version 2 hierarchy or in one of version 1, never in both.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Host {
    /// The hierarchy of version 2.
    pub unified: Option<Hierarchy>,
    /// Hierarchies of version 1 that have controllers.
    pub v1: Vec<(Vec<String>, Hierarchy)>,
    /// Whether the caller is root, who has groups of its own at the hierarchy's root.
    pub root: bool,
    /// Whether the machine has memory to swap to.
    pub swap: bool,
    /// The program that speaks to systemd, where a manager runs; `None` where there is none to be asked.
    pub systemd: Option<Manager>,
}

/// A mounted hierarchy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hierarchy {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// The folder of this process's own group; the mount itself where that can't be seen.
    pub own: PathBuf,
}

/// Who can give a group to this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manager {
    /// The system's systemd.
    System,
    /// The user's.
    User,
}

impl Host {
    /// Looks at this machine.
    #[must_use]
    pub fn look_up() -> Self {
        let read = |path: &str| procfs::read(path).unwrap_or_default();
        let root = rustix::process::geteuid().is_root();
        let mut host = Self::of(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"));
        host.root = root;
        // The first line names the columns.
        host.swap = read("/proc/swaps").lines().count() > 1;
        host.systemd = manager(root);
        host
    }

    /// Reads the texts of /proc/self/mountinfo and /proc/self/cgroup. What is cut off or makes no sense is left out.
    #[must_use]
    pub fn of(mountinfo: &str, cgroup: &str) -> Self {
        let mut host = Self::default();
        for line in mountinfo::lines(mountinfo).0 {
            let hierarchy = |own: Option<&str>| {
                let mount = PathBuf::from(&line.point);
                let own = own.and_then(|own| below(&mount, &line.root, own)).unwrap_or_else(|| mount.clone());
                Hierarchy { mount, own }
            };
            match line.kind.as_str() {
                "cgroup2" if host.unified.is_none() => {
                    host.unified = Some(hierarchy(own(cgroup, &|controllers| controllers.is_empty())));
                }
                "cgroup" => {
                    let known = |word: &&str| CONTROLLERS.contains(word);
                    let words = line.super_options.split(',');
                    let controllers: Vec<String> = words.filter(known).map(str::to_owned).collect();
                    let Some(first) = controllers.first() else { continue };
                    if host.v1(first).is_none() {
                        let own = own(cgroup, &|list| list.split(',').any(|one| one == first));
                        host.v1.push((controllers.clone(), hierarchy(own)));
                    }
                }
                _ => {}
            }
        }
        host
    }

    /// The hierarchy of version 1 that a controller is in.
    #[must_use]
    pub fn v1(&self, controller: &str) -> Option<&Hierarchy> {
        let found = self.v1.iter().find(|(controllers, _)| controllers.iter().any(|one| one == controller));
        found.map(|(_, hierarchy)| hierarchy)
    }
}

/// Those of version 1 that something is done with; in a mount's options there are other words too.
const CONTROLLERS: [&str; 7] = ["memory", "cpu", "cpuacct", "cpuset", "pids", "blkio", "devices"];

/// The path of the group in the line of the hierarchy that has these controllers: `4:memory:/user`.
fn own<'a>(cgroup: &'a str, is_it: &dyn Fn(&str) -> bool) -> Option<&'a str> {
    cgroup.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let controllers = fields.next()?;
        fields.next().filter(|_| is_it(controllers))
    })
}

/// The folder of the group `own` in a mount that shows what is below `root`. A group outside of it (`/../other`, as seen
/// from a control group namespace) has no folder there.
fn below(mount: &Path, root: &str, own: &str) -> Option<PathBuf> {
    let own = Path::new(own);
    let relative = own.strip_prefix(root).ok()?;
    let plain = relative.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let here = relative.as_os_str().is_empty();
    plain.then(|| if here { mount.to_owned() } else { mount.join(relative) })
}

/// Whether there is a systemd to ask, and the client to ask by.
fn manager(root: bool) -> Option<Manager> {
    let client = Path::new("/usr/bin/busctl").exists() || Path::new("/bin/busctl").exists();
    if !client || !Path::new("/run/systemd/system").exists() {
        return None;
    }
    if root {
        return Some(Manager::System);
    }
    let folder = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)?;
    folder.join("systemd").exists().then_some(Manager::User)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_of(hierarchy: Option<&Hierarchy>) -> (String, String) {
        let text = |path: &Path| path.display().to_string();
        hierarchy.map_or_else(Default::default, |found| (text(&found.mount), text(&found.own)))
    }

    #[test]
    fn a_unified_machine() {
        let mounts = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        let host = Host::of(mounts, "0::/user.slice/user-1000.slice/session-3.scope\n");
        let own = "/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope";
        assert_eq!(own_of(host.unified.as_ref()), ("/sys/fs/cgroup".to_owned(), own.to_owned()));
        assert!(host.v1.is_empty());
    }

    #[test]
    fn a_hybrid_machine_whose_controllers_are_mounted_together_and_apart() {
        let mounts = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
            32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n\
            35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
            40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd\n\
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let host = Host::of(mounts, "4:memory:/a b/c\n3:name=systemd:/\n1:cpu,cpuacct:/x\n0::/\n");
        assert_eq!(own_of(host.v1("memory")).1, "/sys/fs/cgroup/memory/a b/c");
        assert_eq!(own_of(host.v1("cpuacct")).1, "/sys/fs/cgroup/cpu,cpuacct/x");
        assert_eq!(host.v1("cpu"), host.v1("cpuacct"));
        assert_eq!(host.v1("pids"), None);
        assert_eq!(own_of(host.unified.as_ref()).1, "/sys/fs/cgroup/unified");
    }

    #[test]
    fn a_group_that_the_mount_does_not_show_is_the_mount() {
        // As in a container of Docker's: its group is the root of what is mounted.
        let mounts = "1 1 0:1 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup ro\n";
        for (text, own) in [
            ("0::/docker/abc\n", "/sys/fs/cgroup"),
            ("0::/docker/abc/d\n", "/sys/fs/cgroup/d"),
            ("0::/docker/abcd\n", "/sys/fs/cgroup"),
            ("0::/docker/abc/../../x\n", "/sys/fs/cgroup"),
            ("0::/../x\n", "/sys/fs/cgroup"),
            ("", "/sys/fs/cgroup"),
        ] {
            assert_eq!(own_of(Host::of(mounts, text).unified.as_ref()).1, own, "{text}");
        }
    }

    #[test]
    fn torn_texts_are_no_machine() {
        for text in ["", " - ", "1 2 3 - cgroup2", " - cgroup2 x y", "a\0b - cgroup\n- -", "1 2 3 4 5 6 - cgroup"] {
            let host = Host::of(text, "::::\n\n:\n0::");
            assert!(host.v1.is_empty(), "{text}");
        }
    }
}
