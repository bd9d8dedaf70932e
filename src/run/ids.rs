//! How ids inside a container are ids outside: by what the caller is, and may give away (user_namespaces(7), subuid(5)).

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Pid;

use crate::policy::Ids;

use super::{Error, IdMaps, IdRange, MapWriter};

/// Where ids of root's containers begin outside, unless /etc/subuid gives root a range: the last 65,536 of those that
/// systemd sets aside for containers (systemd.io/UIDS-GIDS), so that no account has them.
pub const HOST_BASE: u32 = 0x6fff_0000;

/// Ids of a container.
const COUNT: u32 = 65_536;

/// Bytes of /etc/subuid that are read.
const MOST_BYTES: u64 = 4 << 20;

/// Ranges of /etc/subuid that are used; a map has at most 340 lines (user_namespaces(7)), and a command's arguments an end.
const MOST_RANGES: usize = 32;

/// The programs that map ranges for ordinary users (newuidmap(1), newgidmap(1)).
const HELPERS: [&str; 2] = ["newuidmap", "newgidmap"];

/// Who starts the container, and which ids are the caller's to give.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Caller {
    /// Effective user.
    pub uid: u32,
    /// Effective group.
    pub gid: u32,
    /// Ranges of /etc/subuid: first id and how many.
    pub subuids: Vec<(u32, u32)>,
    /// Ranges of /etc/subgid.
    pub subgids: Vec<(u32, u32)>,
    /// Whether newuidmap(1) and newgidmap(1) are there, with the privilege they need.
    pub helpers: bool,
    /// Whether every id of the machine is the caller's own, as root's outside of containers.
    pub all_ids: bool,
}

impl Caller {
    /// This process.
    #[must_use]
    pub fn look_up() -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let all = map.split_whitespace().collect::<Vec<_>>() == ["0", "0", "4294967295"];
        let name = account_name(uid);
        Self {
            uid,
            gid,
            subuids: ranges(Path::new("/etc/subuid"), &name, uid),
            subgids: ranges(Path::new("/etc/subgid"), &name, uid),
            // Root doesn't need them.
            helpers: !(uid == 0 && all) && HELPERS.iter().all(|name| helper(name).is_some()),
            all_ids: uid == 0 && all,
        }
    }

    /// Why an ordinary user has one id only to give, with what to do; `None` where there are more.
    #[must_use]
    pub fn why_one(&self) -> Option<&'static str> {
        if self.all_ids {
            None
        } else if !self.helpers {
            Some("newuidmap and newgidmap aren't there, or may not map ids: install `uidmap` (`shadow-utils`)")
        } else if self.subuids.is_empty() || self.subgids.is_empty() {
            Some(
                "/etc/subuid and /etc/subgid give this user no ids: `usermod --add-subuids 100000-165535 \
                --add-subgids 100000-165535 USER`",
            )
        } else {
            None
        }
    }
}

/// The maps for a container whose program runs as `ids` inside.
#[must_use]
pub fn plan(caller: &Caller, ids: &Ids) -> IdMaps {
    if caller.all_ids {
        let base = |ranges: &[(u32, u32)]| {
            ranges.iter().find(|(_, count)| *count >= COUNT).map_or(HOST_BASE, |(start, _)| *start)
        };
        let all = |outside| vec![IdRange { inside: 0, outside, count: COUNT }];
        return IdMaps { uids: all(base(&caller.subuids)), gids: all(base(&caller.subgids)), writer: MapWriter::Root };
    }
    if caller.helpers && !caller.subuids.is_empty() && !caller.subgids.is_empty() {
        let with_own = |own: u32, ranges: &[(u32, u32)]| {
            let mut maps: Vec<IdRange> = vec![IdRange { inside: 0, outside: own, count: 1 }];
            let mut inside = 1_u32;
            for (start, count) in ranges.iter().take(MOST_RANGES) {
                // The kernel takes no id twice.
                let ends = |first: u32, count: u32| u64::from(first) + u64::from(count);
                let is_new = |known: &IdRange| {
                    ends(*start, *count) <= u64::from(known.outside)
                        || ends(known.outside, known.count) <= u64::from(*start)
                };
                let Some(next) = inside.checked_add(*count) else { break };
                if maps.iter().all(is_new) {
                    maps.push(IdRange { inside, outside: *start, count: *count });
                    inside = next;
                }
            }
            maps
        };
        let (uids, gids) = (with_own(caller.uid, &caller.subuids), with_own(caller.gid, &caller.subgids));
        return IdMaps { uids, gids, writer: MapWriter::Helpers };
    }
    let one = |inside, outside| vec![IdRange { inside, outside, count: 1 }];
    IdMaps { uids: one(ids.uid, caller.uid), gids: one(ids.gid, caller.gid), writer: MapWriter::OneId }
}

/// Ids that the program wants and that no map has, in words for the proof.
#[must_use]
pub fn unmapped(maps: &IdMaps, ids: &Ids) -> Vec<String> {
    let mut missing = Vec::new();
    if maps.uid_outside(ids.uid).is_none() {
        missing.push(format!("user {}", ids.uid));
    }
    let groups = std::iter::once(&ids.gid).chain(&ids.groups);
    missing.extend(groups.filter(|id| maps.gid_outside(**id).is_none()).map(|id| format!("group {id}")));
    missing
}

/// Writes the maps of a process's user namespace (user_namespaces(7)).
///
/// # Errors
/// Those of the files of /proc, and of newuidmap(1).
pub fn write(pid: Pid, maps: &IdMaps) -> Result<(), Error> {
    let folder = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).map_err(|error| {
            let problem = format!("ids can't be mapped: {error}");
            Error::new(format!("/proc/PID/{name}"), problem, "start as root, or map your own id only")
        })
    };
    let lines = |ranges: &[IdRange]| -> String {
        ranges.iter().map(|range| format!("{} {} {}\n", range.inside, range.outside, range.count)).collect()
    };
    match maps.writer {
        MapWriter::OneId => {
            // Who could drop groups could reach what a group is kept from.
            write("setgroups", "deny")?;
            write("uid_map", &lines(&maps.uids))?;
            write("gid_map", &lines(&maps.gids))
        }
        MapWriter::Root => {
            write("uid_map", &lines(&maps.uids))?;
            write("gid_map", &lines(&maps.gids))
        }
        MapWriter::Helpers => {
            HELPERS.iter().zip([&maps.uids, &maps.gids]).try_for_each(|(name, ranges)| ask_helper(name, pid, ranges))
        }
    }
}

fn ask_helper(name: &str, pid: Pid, ranges: &[IdRange]) -> Result<(), Error> {
    let Some(program) = helper(name) else {
        return Err(Error::new(name, "it isn't there, or may not map ids", "install `uidmap` (`shadow-utils`)"));
    };
    let words = ranges.iter().flat_map(|range| [range.inside, range.outside, range.count]);
    let output = Command::new(program)
        .arg(pid.as_raw_nonzero().to_string())
        .args(words.map(|word| word.to_string()))
        .output()
        .map_err(|error| Error::new(name, format!("it can't be started: {error}"), "install `uidmap`"))?;
    if output.status.success() {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(500).collect();
    let problem = if said.is_empty() { output.status.to_string() } else { said };
    Err(Error::new(name, problem, "give the user ranges of their own in /etc/subuid and /etc/subgid"))
}

/// What to do where user namespaces can't be had, as far as the system's settings tell.
#[must_use]
pub fn unclonable() -> &'static str {
    let is = |path: &str, value: &str| std::fs::read_to_string(path).is_ok_and(|text| text.trim() == value);
    if is("/proc/sys/user/max_user_namespaces", "0") {
        return "allow user namespaces: `sysctl user.max_user_namespaces=10000`";
    }
    if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        return "allow user namespaces: `sysctl kernel.unprivileged_userns_clone=1`";
    }
    if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        return "allow harden user namespaces by an AppArmor profile with `userns,`, or set \
                kernel.apparmor_restrict_unprivileged_userns=0";
    }
    "start on a kernel with all namespaces (Linux 5.6 or later), from a process that may have more of them"
}

/// The program that maps ids, with setuid bit or capabilities: without them it could map what we can, and no more.
fn helper(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/bin", "/bin"].into_iter().map(PathBuf::from);
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .chain(usual)
        .map(|folder| folder.join(name))
        .find(|path| {
            let setuid =
                std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o4000 != 0);
            setuid || rustix::fs::getxattr(path, "security.capability", &mut [0; 64][..]).is_ok()
        })
}

/// The ranges that a file gives to an account, by name or number (subuid(5)).
fn ranges(path: &Path, name: &str, uid: u32) -> Vec<(u32, u32)> {
    let number = uid.to_string();
    let range = |line: &str| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        if owner != number && (name.is_empty() || owner != name) {
            return None;
        }
        let (start, count): (u32, u32) = (fields.next()?.trim().parse().ok()?, fields.next()?.trim().parse().ok()?);
        (count > 0 && start.checked_add(count).is_some()).then_some((start, count))
    };
    bounded(path).lines().filter_map(range).collect()
}

fn account_name(uid: u32) -> String {
    let text = bounded(Path::new("/etc/passwd"));
    let line = text.lines().find(|line| line.split(':').nth(2).is_some_and(|id| id.parse() == Ok(uid)));
    line.and_then(|line| line.split(':').next()).unwrap_or_default().to_owned()
}

fn bounded(path: &Path) -> String {
    let mut bytes = Vec::new();
    // What isn't there gives nothing.
    let _ = std::fs::File::open(path).map(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_follow_what_the_caller_may_give() {
        let ids = Ids { uid: 101, gid: 102, groups: vec![5] };
        let root = Caller { all_ids: true, ..Caller::default() };
        let maps = plan(&root, &ids);
        assert_eq!((maps.writer, maps.uid_outside(101)), (MapWriter::Root, Some(HOST_BASE + 101)));
        assert!(unmapped(&maps, &ids).is_empty());

        let user = Caller { uid: 1000, gid: 1001, ..Caller::default() };
        let maps = plan(&user, &ids);
        assert_eq!(
            (maps.writer, maps.uid_outside(101), maps.gid_outside(102)),
            (MapWriter::OneId, Some(1000), Some(1001))
        );
        assert_eq!(unmapped(&maps, &ids), ["group 5"]);

        let subids = vec![(100_000, 60), (200_000, 65_536)];
        let user = Caller { subuids: subids.clone(), subgids: subids, helpers: true, ..user };
        let maps = plan(&user, &ids);
        assert_eq!((maps.writer, maps.uid_outside(0)), (MapWriter::Helpers, Some(1000)));
        assert_eq!((maps.uid_outside(60), maps.uid_outside(61)), (Some(100_059), Some(200_000)));
    }

    #[test]
    fn no_id_is_mapped_twice_and_what_lacks_is_said() {
        let ids = vec![(1000, 1), (100_000, 10), (100_005, 10), (999, 2), (100_010, 3), (u32::MAX - 5, 5)];
        let user =
            Caller { uid: 1000, gid: 5, subuids: ids.clone(), subgids: vec![(7, 1)], helpers: true, all_ids: false };
        let maps = plan(&user, &Ids::default());
        let outside: Vec<(u32, u32, u32)> =
            maps.uids.iter().map(|range| (range.inside, range.outside, range.count)).collect();
        assert_eq!(outside, [(0, 1000, 1), (1, 100_000, 10), (11, 100_010, 3), (14, u32::MAX - 5, 5)]);
        assert_eq!((maps.gid_outside(0), maps.gid_outside(1), maps.gid_outside(2)), (Some(5), Some(7), None));
        assert_eq!(user.why_one(), None);
        let said = Caller { subgids: Vec::new(), ..user.clone() }.why_one().expect("a reason");
        assert!(said.contains("/etc/subgid"), "{said}");
        let said = Caller { helpers: false, ..user }.why_one().expect("a reason");
        assert!(said.contains("newuidmap"), "{said}");
    }

    #[test]
    fn ranges_are_read_whatever_else_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("subuid");
        std::fs::write(&path, b"# words\nme:100:5\n1000:200:6\nyou:300:7\nme:x:1\nme:4294967295:5\nme:1\n\xff\n")
            .expect("written");
        assert_eq!(ranges(&path, "me", 1000), [(100, 5), (200, 6)]);
        assert_eq!(ranges(&path, "", 7), []);
        assert_eq!(ranges(&folder.path().join("none"), "me", 1000), []);
    }
}
