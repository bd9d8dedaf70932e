//! The list of system calls in the form of the OCI runtime specification (config-linux.md, Seccomp), which Docker, Podman,
//! CRI-O and containerd read as `seccomp=FILE` and as Kubernetes' localhost profile.

use super::{Exported, Source};
use crate::policy::profile::{Filter, Profile};

pub(super) fn export(profile: &Profile, source: &Source) -> Exported {
    match file(profile, source) {
        Some(file) => Exported {
            files: vec![file],
            notes: vec![
                "only system calls: users, capabilities, mounts, limits and the network have no word in this form"
                    .to_owned(),
            ],
        },
        None => Exported {
            files: Vec::new(),
            notes: vec!["the profile doesn't filter system calls, so there is nothing to write".to_owned()],
        },
    }
}

/// Name and text of the file; `None` where system calls aren't filtered.
pub(super) fn file(profile: &Profile, source: &Source) -> Option<(String, String)> {
    let Filter::Rules(rules) = &profile.seccomp.value else { return None };
    let text = serde_json::to_string_pretty(rules).ok()?;
    Some((format!("{}.seccomp.json", source.name), text + "\n"))
}
