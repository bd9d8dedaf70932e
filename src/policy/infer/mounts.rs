//! What is mounted: what was asked for, fresh file systems in memory where programs write, and devices.

use super::binds;
use super::shown;
use crate::policy::profile::{Ids, Level, Mount, MountKind, Said, Tmpfs};
use crate::policy::widen::Gate;
use crate::policy::{Folder, Host, Needs, Wishes};

const MIB: u64 = 1 << 20;
/// Bytes of a fresh file system, by how strict.
const SIZE: u64 = 64 * MIB;
const STRICT_SIZE: u64 = 16 * MIB;
/// Bytes of a place that the image declares for data.
const VOLUME_SIZE: u64 = 256 * MIB;
/// Bytes for which there may be one more file: 4,096 files in 64 MiB.
const BYTES_PER_FILE: u64 = 16 << 10;
/// Bytes and names of what is copied into a fresh file system; more would make the start slow.
const MOST_COPIED: u64 = 16 * MIB;
const MOST_COPIED_NAMES: u64 = 2_000;
/// Fresh file systems that are made for places that an image names.
const MOST_PLACES: usize = 64;

/// Folders that hold the system.
#[rustfmt::skip]
const SYSTEM: [&str; 24] = [
    "/bin", "/boot", "/etc", "/home", "/lib", "/lib32", "/lib64", "/opt", "/sbin", "/srv", "/usr", "/usr/bin", "/usr/lib",
    "/usr/lib64", "/usr/libexec", "/usr/local", "/usr/local/bin", "/usr/local/lib", "/usr/local/sbin", "/usr/sbin",
    "/usr/share", "/var", "/var/cache", "/var/lib",
];

/// All mounts beyond the usual ones, outer before inner.
pub(super) fn mounts(
    needs: &Needs,
    wishes: &Wishes,
    host: &Host,
    made: &Made<'_>,
    gate: &mut Gate<'_>,
) -> Vec<Said<Mount>> {
    let mut mounts = asked(wishes, host, made.ids, gate);
    let mut fresh = if made.level == Level::Docker { Vec::new() } else { fresh(needs, made) };
    // What was asked for takes the place of what would be made, and nothing is made inside it: that would hide files of the
    // user's.
    fresh.retain(|one| !mounts.iter().any(|asked| below(&one.value.destination, &asked.value.destination)));
    mounts.extend(fresh);
    mounts.sort_by_key(|one| one.value.destination.matches('/').count());
    mounts
}

/// What was found before mounts are.
pub(super) struct Made<'a> {
    pub(super) level: Level,
    pub(super) ids: &'a Ids,
    pub(super) home: &'a str,
    pub(super) cwd: &'a str,
    pub(super) read_only_root: bool,
}

fn asked(wishes: &Wishes, host: &Host, ids: &Ids, gate: &mut Gate<'_>) -> Vec<Said<Mount>> {
    let mut found: Vec<Said<Mount>> = Vec::new();
    let mounts = wishes.mounts.iter().map(|mount| (mount, false));
    for (mount, device) in mounts.chain(wishes.devices.iter().map(|mount| (mount, true))) {
        let place = flag(mount);
        let Some(destination) = clean(&mount.destination) else {
            let remedy = "give an absolute path other than `/`, without `..`";
            gate.fault(&place, "the place inside the container can't be mounted on", remedy);
            continue;
        };
        if ["/proc", "/sys"].iter().any(|kernel| below(&destination, kernel)) {
            gate.fault(
                &place,
                "nothing may be mounted in /proc and /sys, whose parts are masked",
                "choose another place",
            );
            continue;
        }
        if found.iter().any(|known| known.value.destination == destination) {
            gate.fault(&place, "two mounts have the same place", "leave one of them out");
            continue;
        }
        if let MountKind::Volume { name, .. } = &mount.kind
            && !is_volume_name(name)
        {
            gate.fault(
                &place,
                "it is no name of a volume",
                "use letters, digits, `_`, `.` and `-`, or a path from `/`",
            );
        }
        binds::check(mount, device, host, &place, gate);
        let why = match &mount.kind {
            MountKind::Tmpfs(_) => "`--tmpfs` or `--mount type=tmpfs` asks for it",
            MountKind::Bind(_) => "`-v` or `--mount type=bind` asks for it",
            MountKind::Device(_) => "`--device` asks for it",
            MountKind::Volume { .. } => "`-v` or `--mount type=volume` asks for it",
        };
        let mut kind = mount.kind.clone();
        if let MountKind::Tmpfs(tmpfs) = &mut kind
            && (tmpfs.uid, tmpfs.gid) == (0, 0)
        {
            // Root's is what nobody said anything about; the program couldn't write there.
            (tmpfs.uid, tmpfs.gid) = (ids.uid, ids.gid);
        }
        found.push(Said::new(Mount { destination, kind }, why));
    }
    found
}

/// The flag as a user may have written it.
fn flag(mount: &Mount) -> String {
    let to = shown(&mount.destination);
    match &mount.kind {
        MountKind::Tmpfs(_) => format!("--tmpfs {to}"),
        MountKind::Bind(bind) => format!("-v {}:{to}{}", shown(&bind.source), if bind.read_only { ":ro" } else { "" }),
        MountKind::Device(device) => format!("--device {}:{to}", shown(&device.source)),
        MountKind::Volume { name, .. } => format!("-v {}:{to}", shown(name)),
    }
}

/// Fresh file systems where programs write.
fn fresh(needs: &Needs, made: &Made<'_>) -> Vec<Said<Mount>> {
    let mut plan = Plan { needs, made, found: Vec::new() };
    plan.add("/tmp", 0o1777, "programs keep temporary files there; the root is read-only", Evidence::Usual);
    for place in &needs.run_time {
        let mode = if place == "/var/tmp" || place == "/tmp" { 0o1777 } else { 0o755 };
        plan.add(place, mode, "programs write there at run time; the root is read-only", Evidence::Usual);
    }
    if made.read_only_root {
        for place in &needs.volumes {
            let why = "the image declares it as a VOLUME; nothing in it is kept: `-v NAME:PLACE` keeps it";
            plan.add(place, 0o755, why, Evidence::Declared);
        }
        for place in &needs.writable {
            if needs.folders.iter().any(|folder| folder.path == *place && folder.uid == made.ids.uid) {
                let why = "it belongs to the user that the program runs as; the root is read-only";
                plan.add(place, 0o755, why, Evidence::Owned);
            }
        }
        if needs.folders.iter().any(|folder| folder.path == made.home && folder.uid == made.ids.uid) {
            plan.add(made.home, 0o700, "it is the user's home; the root is read-only", Evidence::Owned);
        }
    }
    plan.found
}

/// Why a place is one that is written to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// Programs of the field write there.
    Usual,
    /// The image says so.
    Declared,
    /// It belongs to the user. What is executed or worked in stays as the image has it.
    Owned,
}

struct Plan<'a> {
    needs: &'a Needs,
    made: &'a Made<'a>,
    found: Vec<Said<Mount>>,
}

impl Plan<'_> {
    fn add(&mut self, place: &str, mode: u32, why: &str, evidence: Evidence) {
        let Some(place) = clean(place) else { return };
        let covered = self.found.iter().any(|one| below(&place, &one.value.destination));
        let kernel = ["/proc", "/sys", "/dev"].iter().any(|kernel| below(&place, kernel));
        if covered || kernel || self.found.len() >= MOST_PLACES {
            return;
        }
        let folder = self.needs.folders.iter().find(|folder| folder.path == place);
        let large = folder.is_some_and(|one| one.bytes > MOST_COPIED || one.entries > MOST_COPIED_NAMES);
        let starts = self.needs.start.iter().any(|file| below(&file.path, &place));
        let filled = folder.is_some_and(|folder| folder.entries > 0);
        let works = below(self.made.cwd, &place) && (filled || place != self.made.cwd);
        let programs = folder.is_some_and(|folder| folder.programs);
        if evidence == Evidence::Owned && (large || starts || works || programs) {
            return;
        }
        // A place with more than can be copied stays as it is, unless data is declared to go there.
        if evidence == Evidence::Usual && (large || starts) {
            return;
        }
        // The system's own folders stay as they are, whatever the image declares: the user could change what is executed.
        if evidence == Evidence::Declared && SYSTEM.contains(&place.as_str()) {
            return;
        }
        if evidence == Evidence::Declared && (starts || folder.is_some_and(|one| one.bytes > VOLUME_SIZE / 2)) {
            return;
        }
        let (tmpfs, told) = self.tmpfs(folder, mode, evidence, filled);
        let copied = if filled { "; what the image has there is copied into it" } else { "" };
        let kind = MountKind::Tmpfs(tmpfs);
        self.found.push(Said::new(Mount { destination: place, kind }, format!("{why}{copied}{told}")));
    }

    fn tmpfs(&self, folder: Option<&Folder>, mode: u32, evidence: Evidence, copy_up: bool) -> (Tmpfs, &'static str) {
        let strict = self.made.level == Level::Strict;
        let size = match evidence {
            _ if strict => STRICT_SIZE.max(folder.map_or(0, |folder| folder.bytes.saturating_mul(2))),
            Evidence::Declared => VOLUME_SIZE,
            _ => SIZE,
        };
        let exec = evidence == Evidence::Declared && !strict && folder.is_some_and(|folder| folder.programs);
        let told = if exec { "; programs are among it, so that they may be executed" } else { "" };
        let tmpfs = Tmpfs {
            size: size.next_multiple_of(4096),
            inodes: Some((size / BYTES_PER_FILE).max(folder.map_or(0, |folder| folder.entries.saturating_mul(2)))),
            mode: folder.filter(|folder| folder.mode & 0o1000 != 0).map_or(mode, |_| 0o1777),
            uid: self.made.ids.uid,
            gid: self.made.ids.gid,
            exec,
            copy_up,
        };
        (tmpfs, told)
    }
}

/// A path without doubled slashes and dots; `None` where it is relative, climbs, or is the root.
pub(super) fn clean(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let fine = path.starts_with('/') && !parts.is_empty() && !parts.contains(&"..") && !path.contains('\0');
    fine.then(|| format!("/{}", parts.join("/")))
}

/// Docker's names of volumes, which become names of folders: a letter or digit, then those and `_.-`.
pub(super) fn is_volume_name(name: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric) && name.len() <= 255 && name.bytes().all(rest)
}

/// Whether a path is another one or inside it.
pub(super) fn below(path: &str, folder: &str) -> bool {
    folder == "/" || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
