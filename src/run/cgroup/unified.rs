//! Where in the version 2 hierarchy a container's group can be: below a group that gives its controllers to groups in it,
//! which one with processes of its own never does (admin-guide/cgroup-v2.rst, No Internal Process Constraint).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::folder;
use super::host::{Hierarchy, Host};
use crate::run::procfs;

/// A group that a container's can be made in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Parent {
    /// Its folder.
    pub(super) path: PathBuf,
    /// The controllers that groups in it have.
    pub(super) controllers: BTreeSet<String>,
    /// The group that the launcher has moved itself into, out of this one.
    pub(super) moved: Option<PathBuf>,
}

/// The group that gives most of the controllers. The launcher's own comes first where the launcher is alone there, as in
/// a service or scope of systemd's with `Delegate=yes`: what bounds it bounds the container too. Root's next is the
/// hierarchy's root; then come the groups around the launcher's own.
pub(super) fn choose(host: &Host, wanted: &BTreeSet<&str>, label: &str) -> Option<Parent> {
    let hierarchy = host.unified.as_ref()?;
    if let Some(parent) = own(hierarchy, wanted, label) {
        return Some(parent);
    }
    let around = hierarchy.own.ancestors().skip(1).take_while(|path| path.starts_with(&hierarchy.mount));
    let mut best: Option<Parent> = None;
    for path in host.root.then_some(hierarchy.mount.as_path()).into_iter().chain(around) {
        let Some(controllers) = given(path, wanted) else { continue };
        if best.as_ref().is_none_or(|best| controllers.len() > best.controllers.len()) {
            best = Some(Parent { path: path.to_owned(), controllers, moved: None });
        }
        if best.as_ref().is_some_and(|best| best.controllers.len() == wanted.len()) {
            break;
        }
    }
    best
}

impl Parent {
    /// Moves the launcher back, so that its group is as it was. What can't be put back stays as it is: it holds nothing.
    pub(super) fn leave(&self) {
        let Some(moved) = &self.moved else { return };
        let off = self.controllers.iter().map(|name| format!("-{name}")).collect::<Vec<_>>().join(" ");
        let _ = folder::write(&self.path.join("cgroup.subtree_control"), &off);
        if folder::write(&self.path.join("cgroup.procs"), "0").is_ok() {
            let _ = std::fs::remove_dir(moved);
        }
    }
}

/// The wanted controllers that groups in this one have, after those that it could give were asked for; `None` where no
/// group can be made there.
fn given(path: &Path, wanted: &BTreeSet<&str>) -> Option<BTreeSet<String>> {
    let may = |name: &str| rustix::fs::access(path.join(name), Access::WRITE_OK).is_ok();
    if !may(".") || !may("cgroup.procs") {
        return None;
    }
    let control = path.join("cgroup.subtree_control");
    let has = |file: &Path| -> BTreeSet<String> {
        let words = procfs::read(file).unwrap_or_default();
        words.split_whitespace().filter(|word| wanted.contains(word)).map(str::to_owned).collect()
    };
    let on = has(&control);
    let missing: Vec<String> = has(&path.join("cgroup.controllers")).difference(&on).cloned().collect();
    if missing.is_empty() {
        return Some(on);
    }
    for name in &missing {
        // Refused where the group has processes, or its own group doesn't give it.
        let _ = folder::write(&control, &format!("+{name}"));
    }
    Some(has(&control))
}

/// The launcher's own group, after the launcher has made room: it moves into a group below.
fn own(hierarchy: &Hierarchy, wanted: &BTreeSet<&str>, label: &str) -> Option<Parent> {
    let path = &hierarchy.own;
    // Without controllers to give there is no reason to move; the root gives them with processes in it.
    let words = procfs::read(path.join("cgroup.controllers")).ok()?;
    let here: Vec<&str> = words.split_whitespace().filter(|word| wanted.contains(word)).collect();
    let alone = procfs::read(path.join("cgroup.procs")).ok()? == std::process::id().to_string();
    let may = |name: &str| rustix::fs::access(path.join(name), Access::WRITE_OK).is_ok();
    if here.is_empty() || !alone || *path == hierarchy.mount || !may("cgroup.procs") || !may("cgroup.subtree_control") {
        return None;
    }
    let moved = path.join(format!("{label}.launcher"));
    std::fs::create_dir(&moved).ok()?;
    if folder::write(&moved.join("cgroup.procs"), "0").is_err() {
        let _ = std::fs::remove_dir(&moved);
        return None;
    }
    let mut parent = Parent { path: path.clone(), controllers: BTreeSet::new(), moved: Some(moved) };
    match given(path, wanted).filter(|given| given.len() == wanted.len()) {
        Some(controllers) => {
            parent.controllers = controllers;
            Some(parent)
        }
        None => {
            parent.controllers = here.into_iter().map(str::to_owned).collect();
            parent.leave();
            None
        }
    }
}
