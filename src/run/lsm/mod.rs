//! Linux security modules: what the launcher asks AppArmor, SELinux and Landlock for. All three come on top of what mounts,
//! ids, capabilities and the filter of system calls hold.

pub mod apparmor;
mod landlock;
mod selinux;

use std::io::Write;
use std::os::fd::OwnedFd;

use oci_spec::runtime::Spec;
use rustix::fs::{CWD, FsWord, Mode, OFlags, ResolveFlags, fstatfs, openat2};

use super::Error;
use super::proof::Row;
use crate::policy::Lsm;
use landlock::Landlock;

/// What a container's process does to itself before its program is executed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LsmPlan {
    /// What differs from what was asked for, or is weaker than it sounds: to be told.
    pub notes: Vec<String>,
    apparmor: Option<String>,
    selinux: Option<String>,
    landlock: Option<Landlock>,
}

/// What names no restriction at all, of AppArmor as of SELinux.
const UNCONFINED: &str = "unconfined";

/// In the launcher: loads the AppArmor profile of a file, where a file is named, and names the profile in its place.
///
/// # Errors
/// A kernel without AppArmor, a caller who isn't root, a file that AppArmor's parser doesn't take.
pub fn load(lsm: &mut Lsm) -> Result<(), Error> {
    let Some((path, complains)) = lsm.apparmor_file() else { return Ok(()) };
    let mode = if complains { apparmor::Mode::Complain } else { apparmor::Mode::Enforce };
    lsm.apparmor = Some(apparmor::load_file(path, mode)?);
    Ok(())
}

/// In the launcher: decides what is applied, by the specification (`process.apparmorProfile`, `process.selinuxLabel`,
/// `linux.mountLabel`, the mounts), and by whether Landlock is wanted, for which that has no word.
///
/// # Errors
/// A label or profile that the kernel can't apply. A kernel without Landlock is told in [`LsmPlan::notes`] only, since
/// nobody asks for it by name.
pub fn prepare(spec: &Spec, landlock: bool) -> Result<LsmPlan, Error> {
    let process = spec.process().as_ref();
    let asked = |label: Option<&String>| label.filter(|label| !label.is_empty() && *label != UNCONFINED).cloned();
    let mut plan = LsmPlan {
        apparmor: asked(process.and_then(|process| process.apparmor_profile().as_ref())),
        selinux: asked(process.and_then(|process| process.selinux_label().as_ref())),
        ..LsmPlan::default()
    };
    if let Some(profile) = &plan.apparmor {
        plan.notes.extend(apparmor::check(profile)?);
    }
    // The label of fresh mounts (`context="…"`) is given when they are made.
    let of_mounts = asked(spec.linux().as_ref().and_then(|linux| linux.mount_label().as_ref()));
    for label in plan.selinux.iter().chain(&of_mounts) {
        plan.notes.extend(selinux::check(label)?);
    }
    plan.notes.dedup();
    if landlock {
        plan.landlock = landlock::plan(spec);
        if plan.landlock.is_none() {
            plan.notes.push("this kernel has no Landlock (CONFIG_SECURITY_LANDLOCK, lsm=landlock,…)".to_owned());
        }
    }
    Ok(plan)
}

/// In the container's process: in its tree with all mounts made, as the program's user, after no-new-privileges and before
/// the filter of calls.
///
/// # Errors
/// Whatever of the plan can't be put in force.
pub fn apply(plan: &LsmPlan) -> Result<(), Error> {
    if let Some(profile) = &plan.apparmor {
        apparmor::apply(profile)?;
    }
    if let Some(label) = &plan.selinux {
        selinux::apply(label)?;
    }
    // The last, for it would deny the other two their files where /proc is read-only.
    if let Some(landlock) = &plan.landlock {
        landlock::apply(landlock)?;
    }
    Ok(())
}

impl LsmPlan {
    /// What will be in force when [`apply`] succeeds, as far as the kernel shows it to the process alone or to nobody:
    /// rows of the proof.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let row = |what: &str, asked: &str, in_force: String, mechanism: &str| {
            let mechanism =
                format!("{mechanism}, which the kernel doesn't show: its failure would have stopped the start");
            Row::new(what, asked, in_force, mechanism, true)
        };
        let apparmor =
            self.apparmor.iter().map(|name| row("AppArmor", name, format!("{name}, on execve"), "attr/exec"));
        let landlock = self.landlock.iter().map(|plan| {
            let version = landlock::version(plan);
            row("Landlock", "where the kernel has it", format!("ABI {version}"), "landlock_restrict_self")
        });
        apparmor.chain(landlock).collect()
    }
}

/// Writes to a file of this thread's in /proc, having made sure that it is the kernel's: inside a container, the tree is
/// the image's.
fn write_attribute(names: &[&str], text: &str) -> Result<(), Error> {
    let mut last = Error::new("/proc/thread-self/attr", "isn't there", "let the container have a /proc");
    for name in names {
        let place = format!("/proc/thread-self/attr/{name}");
        let failed = |error: &dyn std::fmt::Display| {
            Error::new(place.clone(), error.to_string(), "load the profile or policy first, or leave the label out")
        };
        let file = match open_attribute(&place) {
            Ok(file) => file,
            Err(error) => {
                last = failed(&error);
                continue;
            }
        };
        let on = fstatfs(&file).map_err(|error| failed(&error))?.f_type;
        if on != libc::PROC_SUPER_MAGIC as FsWord {
            return Err(failed(&"is not a file of the kernel's"));
        }
        return std::fs::File::from(file).write_all(text.as_bytes()).map_err(|error| failed(&error));
    }
    Err(last)
}

fn open_attribute(path: &str) -> rustix::io::Result<OwnedFd> {
    // `thread-self` is a link of text; none with magic is on the way.
    openat2(CWD, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::NO_MAGICLINKS)
}
