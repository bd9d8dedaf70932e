//! How ids inside a container are ids outside: by what the caller is, and may give away (user_namespaces(7), subuid(5)).

use std::io::Read;
use std::path::Path;

use crate::policy::Ids;

use super::{IdMaps, IdRange, MapWriter};

/// Where ids of root's containers begin outside, unless /etc/subuid gives root a range: the last 65,536 of those that
/// systemd sets aside for containers (systemd.io/UIDS-GIDS), so that no account has them.
pub const HOST_BASE: u32 = 0x6fff_0000;

/// Ids of a container.
const COUNT: u32 = 65_536;

/// Bytes of /etc/subuid that are read.
const MOST_BYTES: u64 = 4 << 20;

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
    /// Whether newuidmap(1) and newgidmap(1) are there.
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
        let is_program = |name: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
        };
        let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let all = map.split_whitespace().collect::<Vec<_>>() == ["0", "0", "4294967295"];
        let name = account_name(uid);
        Self {
            uid,
            gid,
            subuids: ranges(Path::new("/etc/subuid"), &name, uid),
            subgids: ranges(Path::new("/etc/subgid"), &name, uid),
            helpers: is_program("newuidmap") && is_program("newgidmap"),
            all_ids: uid == 0 && all,
        }
    }

    /// How files of the store belong to, which is the same for all containers of this caller: a word for the store's keys.
    #[must_use]
    pub fn ownership(&self) -> String {
        match plan(self, &Ids::default()) {
            maps if maps.writer == MapWriter::OneId => "one".to_owned(),
            maps => {
                maps.uids.iter().map(|range| format!("{}-{}-{}", range.inside, range.outside, range.count)).collect()
            }
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
            let mut maps = vec![IdRange { inside: 0, outside: own, count: 1 }];
            let mut inside = 1_u32;
            for (start, count) in ranges {
                let Some(next) = inside.checked_add(*count) else { break };
                maps.push(IdRange { inside, outside: *start, count: *count });
                inside = next;
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
