//! `config.json` of a bundle (OCI runtime specification, bundle.md), as `runc run` and `crun run` take it.

use std::path::Path;

use oci_spec::runtime::{LinuxIdMapping, LinuxIdMappingBuilder};
use serde_json::Value;

use super::docker::devices;
use super::{Exported, common};
use crate::policy::oci::{Place, spec, unsayable};
use crate::policy::profile::{Profile, Restart};

/// The last 65,536 ids of the range that systemd keeps for containers.
const FIRST_ID: u32 = 0x6FFF_0000;

pub(super) fn export(profile: &Profile) -> Exported {
    let map = |id| LinuxIdMappingBuilder::default().container_id(0u32).host_id(id).size(65_536u32).build();
    let maps: Vec<LinuxIdMapping> = map(FIRST_ID).into_iter().collect();
    let place = Place {
        root: Path::new("rootfs"),
        uid_mappings: maps.clone(),
        gid_mappings: maps,
        cgroups_path: None,
        volumes: Path::new("/var/lib/volumes"),
        // Which machine it is for isn't known.
        device: &|_| Some((0, 0)),
    };
    let mut notes = vec![format!(
        "ids inside are ids from {FIRST_ID} on outside: unpack the image into `rootfs` and give each file's owner that \
         offset, or set linux.uidMappings and gidMappings to your own"
    )];
    notes.extend(unsayable(profile, &place));
    for (path, _) in devices(&profile.limits).into_iter().flat_map(|(_, bounds)| bounds) {
        notes.push(format!("the bound on {} stands as `0:0`: put its numbers there", path.escape_debug()));
    }
    if profile.namespaces.value.time {
        notes.push("runc before 1.2 knows no `time` namespace: remove it there".to_owned());
    }
    if !profile.publish.is_empty() || !common::is_closed(profile) {
        notes.push("ports and ways out have no word in this form: the network namespace is empty".to_owned());
    }
    if profile.restart.value != Restart::No {
        notes.push("restarting has no word in this form".to_owned());
    }
    if profile.init.value {
        notes.push("an init has no word in this form: the program is process 1".to_owned());
    }
    common::landlock(profile, &mut notes);
    let text = serde_json::to_value(spec(profile, &place)).map(sorted).map(|value| format!("{value:#}\n"));
    Exported { files: text.map(|text| ("config.json".to_owned(), text)).into_iter().collect(), notes }
}

/// The document with its sets of capabilities in order, so that one profile always gives one text.
fn sorted(mut value: Value) -> Value {
    let sets = value.pointer_mut("/process/capabilities").and_then(Value::as_object_mut);
    for set in sets.into_iter().flat_map(|sets| sets.values_mut()) {
        if let Value::Array(set) = set {
            set.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        }
    }
    value
}
