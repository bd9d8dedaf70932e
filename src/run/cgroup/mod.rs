//! The container's control group: what it bounds is written, read back, and counted at the end. By version 2 where groups
//! can be made there, by a scope of systemd's, by version 1; what none of them can bound is refused, or with leave bounded
//! in part by setrlimit(2).

mod folder;
mod host;
mod name;
mod scope;
mod unified;
mod wanted;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use oci_spec::runtime::{LinuxResources, PosixRlimit, PosixRlimitBuilder, PosixRlimitType};
use rustix::process::Pid;
use serde::Serialize;

pub use host::{Hierarchy, Host, Manager};
pub use name::sweep;
pub(crate) use wanted::size;

use self::unified::Parent;
use self::wanted::{Check, Instead, Want, Way};
use super::{Error, procfs};

/// A container's groups. They are removed, with all that still runs in them, when this is dropped.
#[derive(Debug)]
pub struct Cgroup {
    v2: Option<Group>,
    /// Where the container's version 2 group is.
    parent: Option<Parent>,
    /// Whether systemd has given the group that this one is in.
    scope: bool,
    v1: Vec<Group>,
    limits: Vec<Limit>,
    /// Limits of setrlimit(2) in place of what no group bounds.
    rlimits: Vec<(PosixRlimitType, u64)>,
    /// The process that removes it: no copy of this in a child does.
    owner: u32,
}

/// One folder.
#[derive(Debug)]
struct Group {
    path: PathBuf,
    /// Version 1: its name of the controller that it was made for. Empty for version 2.
    controller: &'static str,
    /// Version 2: the folder. Version 1: the file by which a thread comes in.
    door: OwnedFd,
}

#[derive(Debug)]
struct Limit {
    want: Want,
    /// The files that are read, and what must be in them.
    read: Vec<(PathBuf, Check, String)>,
    mechanism: Mechanism,
}

/// By what a limit is enforced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// A control group of version 2.
    V2,
    /// The same, in a scope that systemd has delegated.
    SystemdScope,
    /// A control group of version 1.
    V1,
    /// setrlimit(2): of each process, or of one user, alone.
    Rlimit,
    /// Something else that comes to the same.
    Emulated,
    /// Nothing.
    Nothing,
}

/// How far a limit is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// As asked.
    Fully,
    /// In part, or not at all, and that was accepted.
    Partly,
    /// Not as asked.
    Not,
}

/// A limit as the kernel has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LimitInForce {
    /// What is bounded.
    pub what: &'static str,
    /// How, as asked.
    pub asked: String,
    /// What was read back.
    pub in_force: String,
    /// By what.
    pub mechanism: Mechanism,
    /// Where it was read: the name of a file, or a limit of setrlimit(2).
    pub read_from: String,
    /// Whether that is as asked.
    pub held: Held,
}

/// Makes the groups of a container and writes its limits. `name` is the container's; the groups' names are unique beyond
/// it. Where nothing is to be bounded and no group can be made, there is none.
///
/// # Errors
/// A limit that can't be enforced, or only in part, unless `allow_partial`; a limit that the kernel refuses.
pub fn prepare(name: &str, resources: &LinuxResources, allow_partial: bool, host: &Host) -> Result<Cgroup, Error> {
    let wants = wanted::of(resources)?;
    let label = name::label(name);
    let mut group = Cgroup {
        v2: None,
        parent: None,
        scope: false,
        v1: Vec::new(),
        limits: Vec::new(),
        rlimits: Vec::new(),
        owner: std::process::id(),
    };
    let left = group.by_v2(wants, host, &label)?;
    let left = group.by_v1(left, host, &label)?;
    group.otherwise(left, host, allow_partial)?;
    if let Some(wrong) = group.in_force().into_iter().find(|limit| limit.held == Held::Not) {
        let problem = format!("{} is {}, not {}", wrong.what, wrong.in_force, wrong.asked);
        return Err(Error::new(wrong.read_from, problem, "ask for what this machine can give, or leave the limit out"));
    }
    Ok(group)
}

impl Cgroup {
    /// The version 2 group's folder, for clone3(2) to bear the container in.
    #[must_use]
    pub fn descriptor(&self) -> Option<&OwnedFd> {
        self.v2.as_ref().map(|group| &group.door)
    }

    /// Lets this thread join the groups of version 1, as the container's first step: the doors were opened by the launcher,
    /// whose right to use them it was (cgroup1 checks who has opened the file). One thread that moves itself needs none of
    /// the waiting for all CPUs that moving another process needs, which takes 6 to 15 ms.
    ///
    /// # Errors
    /// Those of write(2).
    pub fn join(&self) -> Result<(), Error> {
        self.v1.iter().try_for_each(|group| {
            let joined = rustix::io::write(&group.door, b"0").map(|_| ());
            joined.map_err(|error| failed(&group.path.join("tasks"), &error.into()))
        })
    }

    /// Moves a process into all groups: the slower way, for one that was born elsewhere and doesn't [`Cgroup::join`].
    ///
    /// # Errors
    /// Those of write(2).
    pub fn add(&self, pid: Pid) -> Result<(), Error> {
        self.folders().try_for_each(|(_, folder)| {
            let path = folder.join("cgroup.procs");
            folder::write(&path, &pid.as_raw_nonzero().to_string()).map_err(|error| failed(&path, &error))
        })
    }

    /// Folders of the groups: controller of version 1, or an empty text for version 2, and where.
    pub fn folders(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        self.v2.iter().chain(&self.v1).map(|group| (group.controller, group.path.as_path()))
    }

    /// What is in force by now, read from the kernel, of all that was asked for.
    #[must_use]
    pub fn in_force(&self) -> Vec<LimitInForce> {
        self.limits.iter().map(Limit::in_force).collect()
    }

    /// The limits of setrlimit(2) that a container gets: those that are asked for, and those in place of groups, where both
    /// are there the lower.
    #[must_use]
    pub fn rlimits(&self, asked: &[PosixRlimit]) -> Vec<PosixRlimit> {
        let mut limits = asked.to_vec();
        for (kind, most) in &self.rlimits {
            let (soft, hard) = match limits.iter().find(|limit| limit.typ() == *kind) {
                Some(limit) => (limit.soft().min(*most), limit.hard().min(*most)),
                None => (*most, *most),
            };
            limits.retain(|limit| limit.typ() != *kind);
            limits.extend(PosixRlimitBuilder::default().typ(*kind).soft(soft).hard(hard).build());
        }
        limits
    }

    /// Ends what is left in the groups and removes them. Takes two seconds at most for each.
    ///
    /// # Errors
    /// A folder that is still there.
    pub fn remove(mut self) -> Result<(), Error> {
        self.clear()
    }

    fn clear(&mut self) -> Result<(), Error> {
        if self.owner != std::process::id() {
            return Ok(());
        }
        // Where new processes can be forbidden that is done first.
        self.v1.sort_by_key(|group| group.controller != "pids");
        let mut result = Ok(());
        for group in self.v2.take().into_iter().chain(self.v1.drain(..)) {
            let done = folder::remove(&group.path).map_err(|error| failed(&group.path, &error));
            result = result.and(done);
        }
        if let Some(parent) = self.parent.take() {
            parent.leave();
        }
        result
    }

    fn by_v2(&mut self, wants: Vec<Want>, host: &Host, label: &str) -> Result<Vec<Want>, Error> {
        // On a hybrid machine what version 1 has isn't in version 2.
        let elsewhere = |want: &Want| host.v1(want.controller.1).is_some();
        let wanted: BTreeSet<&str> =
            wants.iter().filter(|want| !elsewhere(want)).map(|want| want.controller.0).collect();
        if wanted.is_empty() && !wants.is_empty() {
            return Ok(wants);
        }
        let mut parent = unified::choose(host, &wanted, label);
        let gets = |parent: &Option<Parent>| parent.as_ref().map_or(0, |parent| parent.controllers.len());
        let lacks = gets(&parent) < wanted.len();
        if let Some(host) = lacks.then(|| scope::enter(host, label)).flatten() {
            self.scope = true;
            parent = unified::choose(&host, &wanted, label);
        }
        let Some(parent) = parent else { return Ok(wants) };
        name::tidy(host, &parent.path);
        let (path, controllers) = (parent.path.join(label), parent.controllers.clone());
        self.parent = Some(parent);
        match std::fs::create_dir(&path).and_then(|()| open_folder(&path)) {
            Ok(door) => self.v2 = Some(Group { path: path.clone(), controller: "", door }),
            Err(_) => return Ok(wants),
        }
        let mechanism = if self.scope { Mechanism::SystemdScope } else { Mechanism::V2 };
        let (here, mut left): (Vec<_>, Vec<_>) =
            wants.into_iter().partition(|want| controllers.contains(want.controller.0));
        for want in here {
            let ways = want.v2.clone();
            left.extend(self.set(want, &ways, &path, mechanism)?);
        }
        Ok(left)
    }

    fn by_v1(&mut self, wants: Vec<Want>, host: &Host, label: &str) -> Result<Vec<Want>, Error> {
        let mut left = Vec::new();
        for want in wants {
            let controller = want.controller.1;
            let made = match host.v1(controller) {
                Some(hierarchy) => self.v1_group(controller, host, hierarchy, label)?,
                None => None,
            };
            match made {
                Some(path) => {
                    let ways = want.v1.clone();
                    left.extend(self.set(want, &ways, &path, Mechanism::V1)?);
                }
                None => left.push(want),
            }
        }
        // Nothing is bounded by it; it counts.
        if let Some(hierarchy) = host.v1("cpuacct").filter(|_| !self.v1.is_empty()) {
            self.v1_group("cpuacct", host, hierarchy, label)?;
        }
        Ok(left)
    }

    /// The folder of a hierarchy of version 1, made where it isn't yet; `None` where it can't be.
    fn v1_group(
        &mut self,
        controller: &'static str,
        host: &Host,
        hierarchy: &Hierarchy,
        label: &str,
    ) -> Result<Option<PathBuf>, Error> {
        let path = hierarchy.own.join(label);
        if self.v1.iter().any(|group| group.path == path) {
            return Ok(Some(path));
        }
        if self.v1.is_empty() {
            name::tidy(host, &hierarchy.own);
        }
        if std::fs::create_dir(&path).is_err() {
            return Ok(None);
        }
        let door = std::fs::OpenOptions::new().write(true).open(path.join("tasks"));
        let door = door.map_err(|error| {
            // It is empty, and nobody could come in.
            let _ = std::fs::remove_dir(&path);
            failed(&path.join("tasks"), &error)
        })?;
        self.v1.push(Group { path: path.clone(), controller, door: door.into() });
        if controller == "cpuset" {
            for file in ["cpuset.cpus", "cpuset.mems"] {
                let inherited = procfs::read(hierarchy.own.join(file));
                let done = inherited.and_then(|text| folder::write(&path.join(file), &text));
                done.map_err(|error| failed(&path.join(file), &error))?;
            }
        }
        Ok(Some(path))
    }

    /// Writes a limit by the first way whose files are there. Gives it back where there is none.
    fn set(&mut self, want: Want, ways: &[Way], path: &Path, mechanism: Mechanism) -> Result<Option<Want>, Error> {
        let there = |way: &&Way| way.iter().all(|write| path.join(write.file).exists());
        let Some(way) = ways.iter().find(there) else { return Ok(Some(want)) };
        for write in way.iter().filter(|write| !wanted::READ_ONLY.contains(&write.file)) {
            let file = path.join(write.file);
            folder::write(&file, &write.text).map_err(|error| {
                let problem = format!("`{}` is refused ({error})", write.text);
                Error::new(file.display().to_string(), problem, "ask for what this machine can give")
            })?;
        }
        let readable = way.iter().filter(|write| !wanted::WRITE_ONLY.contains(&write.file));
        let read = readable.map(|write| (path.join(write.file), write.check.clone(), write.text.clone())).collect();
        self.limits.push(Limit { want, read, mechanism });
        Ok(None)
    }

    /// What no group bounds.
    fn otherwise(&mut self, wants: Vec<Want>, host: &Host, allow_partial: bool) -> Result<(), Error> {
        let mut lost = Vec::new();
        for want in wants {
            let (mechanism, left) = match want.instead {
                Instead::NoSwap if !host.swap => (Mechanism::Emulated, None),
                Instead::Data(bytes) => {
                    self.rlimits.push((PosixRlimitType::RlimitData, bytes));
                    (Mechanism::Rlimit, Some("each process alone could be bounded"))
                }
                Instead::Nproc(most) => {
                    self.rlimits.push((PosixRlimitType::RlimitNproc, most));
                    (Mechanism::Rlimit, Some("those of the program's user alone could be bounded"))
                }
                Instead::Nothing | Instead::NoSwap => (Mechanism::Nothing, Some("nothing could bound it")),
            };
            if let Some(left) = left {
                lost.push(format!("{} ({}): {left}", want.what, want.asked));
            }
            self.limits.push(Limit { want, read: Vec::new(), mechanism });
        }
        if lost.is_empty() || allow_partial {
            return Ok(());
        }
        let problem = format!("there is no control group to enforce {}", lost.join("; "));
        let remedy = "start as root, or where control groups are delegated (`systemd-run --user --scope -p Delegate=yes \
                      harden run …` on a machine with version 2), or take what there is with `--allow partial-limits`";
        Err(Error::new("control group", problem, remedy))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Who wants to know calls `remove`; what is left behind is swept by the next start.
        let _ = self.clear();
    }
}

impl Limit {
    fn in_force(&self) -> LimitInForce {
        let (what, asked, mechanism) = (self.want.what, self.want.asked.clone(), self.mechanism);
        let (in_force, read_from, held) = match self.want.instead {
            _ if !self.read.is_empty() => self.read_back(),
            Instead::Data(bytes) => (format!("{} each process", size(bytes)), "RLIMIT_DATA".into(), Held::Partly),
            Instead::Nproc(most) => (format!("{most} of one user"), "RLIMIT_NPROC".into(), Held::Partly),
            Instead::NoSwap if mechanism == Mechanism::Emulated => {
                ("nothing to swap to".to_owned(), "/proc/swaps".to_owned(), Held::Fully)
            }
            Instead::Nothing | Instead::NoSwap => ("unbounded".to_owned(), String::new(), Held::Partly),
        };
        LimitInForce { what, asked, in_force, mechanism, read_from, held }
    }
}

impl Limit {
    /// What the files say, where it stands, and whether all of them say what was written.
    fn read_back(&self) -> (String, String, Held) {
        let (mut found, mut name, mut held) = (Vec::new(), String::new(), Held::Fully);
        for (file, check, text) in &self.read {
            name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            match procfs::read(file) {
                Ok(content) if check.holds(text, &content) => found.push(check.shown(text, &content)),
                Ok(content) => (held, found) = (Held::Not, vec![check.shown(text, &content)]),
                Err(error) => (held, found) = (Held::Not, vec![error.to_string()]),
            }
            if held == Held::Not {
                break;
            }
        }
        (found.join(", "), name, held)
    }
}

/// More than a page has on any machine.
const PAGE: u64 = 64 << 10;

impl Check {
    fn holds(&self, asked: &str, found: &str) -> bool {
        match self {
            // A limit of less than a page is none at all.
            Self::Bytes(bytes) => found.parse().is_ok_and(|found: u64| found <= *bytes && bytes - found < PAGE),
            Self::Same => found.split_whitespace().eq(asked.split_whitespace()),
            Self::Set => matches!((numbers(asked), numbers(found)), (Some(asked), Some(found)) if asked == found),
            Self::Line => found.lines().any(|line| {
                let has: Vec<&str> = line.split_whitespace().collect();
                asked.split_whitespace().all(|word| has.contains(&word))
            }),
        }
    }

    /// What was found, in words; of many lines the one in question.
    fn shown(&self, asked: &str, found: &str) -> String {
        match self {
            Self::Bytes(_) => found.parse().map_or_else(|_| found.to_owned(), size),
            Self::Line => {
                let line = found.lines().find(|line| self.holds(asked, line));
                line.unwrap_or("nothing of it").to_owned()
            }
            Self::Same | Self::Set => found.to_owned(),
        }
    }
}

/// The numbers of a list such as `0-2,7` (cpuset(7), List Format); `None` where it is none, or has absurdly many.
fn numbers(list: &str) -> Option<BTreeSet<u32>> {
    let mut set = BTreeSet::new();
    for part in list.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if last.saturating_sub(first) > 1 << 16 {
            return None;
        }
        set.extend(first..=last);
    }
    Some(set)
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    std::fs::File::open(path).map(OwnedFd::from)
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::new(path.display().to_string(), error.to_string(), "look at this machine's control groups")
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V2 => "cgroup v2",
            Self::SystemdScope => "cgroup v2 (systemd scope)",
            Self::V1 => "cgroup v1",
            Self::Rlimit => "setrlimit",
            Self::Emulated => "emulated",
            Self::Nothing => "nothing",
        })
    }
}

#[cfg(test)]
mod tests;
