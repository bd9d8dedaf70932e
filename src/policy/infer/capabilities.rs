//! Capabilities: none, what was added, or Docker's.

use std::str::FromStr;

use oci_spec::runtime::Capability;

use crate::policy::profile::{Level, Said};
use crate::policy::widen::{self, Gate};
use crate::policy::{Needs, Wishes};

/// What Docker grants (moby, daemon/pkg/oci/caps/defaults.go).
pub(super) const DOCKER: [Capability; 14] = [
    Capability::Chown,
    Capability::DacOverride,
    Capability::Fsetid,
    Capability::Fowner,
    Capability::Mknod,
    Capability::NetRaw,
    Capability::Setgid,
    Capability::Setuid,
    Capability::Setfcap,
    Capability::Setpcap,
    Capability::NetBindService,
    Capability::SysChroot,
    Capability::Kill,
    Capability::AuditWrite,
];

/// All that Linux has, by their numbers.
pub(super) const ALL: [Capability; 41] = [
    Capability::Chown,
    Capability::DacOverride,
    Capability::DacReadSearch,
    Capability::Fowner,
    Capability::Fsetid,
    Capability::Kill,
    Capability::Setgid,
    Capability::Setuid,
    Capability::Setpcap,
    Capability::LinuxImmutable,
    Capability::NetBindService,
    Capability::NetBroadcast,
    Capability::NetAdmin,
    Capability::NetRaw,
    Capability::IpcLock,
    Capability::IpcOwner,
    Capability::SysModule,
    Capability::SysRawio,
    Capability::SysChroot,
    Capability::SysPtrace,
    Capability::SysPacct,
    Capability::SysAdmin,
    Capability::SysBoot,
    Capability::SysNice,
    Capability::SysResource,
    Capability::SysTime,
    Capability::SysTtyConfig,
    Capability::Mknod,
    Capability::Lease,
    Capability::AuditWrite,
    Capability::AuditControl,
    Capability::Setfcap,
    Capability::MacOverride,
    Capability::MacAdmin,
    Capability::Syslog,
    Capability::WakeAlarm,
    Capability::BlockSuspend,
    Capability::AuditRead,
    Capability::Perfmon,
    Capability::Bpf,
    Capability::CheckpointRestore,
];

/// Which capabilities the program has, as Docker combines `--cap-add` and `--cap-drop`: dropped ones are taken off what
/// the level grants, or off `ALL`, and those added by name are put on top.
pub(super) fn capabilities(
    needs: &Needs,
    wishes: &Wishes,
    level: Level,
    uid: u32,
    gate: &mut Gate<'_>,
) -> Said<Vec<Capability>> {
    let (add_all, add) = names("--cap-add", &wishes.cap_add, gate);
    let (drop_all, drop) = names("--cap-drop", &wishes.cap_drop, gate);
    let privileged = wishes.privileged && gate.allows("privileged");
    let (base, mut why) = if privileged {
        (
            ALL.to_vec(),
            "`--privileged` grants all; those of the host itself have no effect in a user namespace".to_owned(),
        )
    } else if add_all {
        (ALL.to_vec(), "`--cap-add ALL` grants all".to_owned())
    } else if level == Level::Docker && uid == 0 {
        (DOCKER.to_vec(), "level `docker` grants what Docker does".to_owned())
    } else if level == Level::Docker {
        (Vec::new(), "Docker takes them from a user that isn't root".to_owned())
    } else {
        (Vec::new(), reason(needs))
    };
    if add_all && !privileged {
        gate.ask("cap-all", "--cap-add ALL");
    }
    let mut granted: Vec<Capability> = if drop_all {
        why = "`--cap-drop ALL` takes all".to_owned();
        Vec::new()
    } else {
        base.into_iter().filter(|one| !drop.contains(one)).collect()
    };
    if !drop.is_empty() {
        why.push_str(&format!("; without {} by `--cap-drop`", list(&drop)));
    }
    let added: Vec<Capability> = add.into_iter().filter(|one| !granted.contains(one)).collect();
    for one in &added {
        // What Docker grants anyway is no widening of the level of its name.
        let usual = level == Level::Docker && DOCKER.contains(one);
        if let Some(withheld) = widen::of_capability(*one).filter(|_| !usual && !gate.allows("cap-all")) {
            gate.ask(withheld.name, &format!("--cap-add {one}"));
        }
    }
    if !added.is_empty() {
        why.push_str(&format!("; and {} by `--cap-add`", list(&added)));
    }
    granted.extend(added);
    granted.sort_by_key(|one| ALL.iter().position(|other| other == one));
    Said::new(granted, why)
}

/// Why there are none; what the image has that would have used them is told.
fn reason(needs: &Needs) -> String {
    let base = "programs that don't administer a system need none";
    match (needs.setid.len(), needs.capable.len()) {
        (0, 0) => base.to_owned(),
        (setid, 0) => format!("{base}; the image's {setid} SUID and SGID programs stay without effect"),
        (0, capable) => format!("{base}; the image's {capable} programs with file capabilities stay without effect"),
        (setid, capable) => {
            format!(
                "{base}; the image's {setid} SUID and SGID programs and {capable} with file capabilities stay without effect"
            )
        }
    }
}

/// The capabilities that words name, each once, and whether `ALL` is among them.
fn names(flag: &str, words: &[String], gate: &mut Gate<'_>) -> (bool, Vec<Capability>) {
    let mut all = false;
    let mut found = Vec::new();
    for word in words {
        let upper = word.trim().to_ascii_uppercase();
        let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
        match Capability::from_str(name) {
            _ if name == "ALL" => all = true,
            Ok(one) if found.contains(&one) => {}
            Ok(one) => found.push(one),
            Err(_) => {
                let near = ALL
                    .iter()
                    .map(|one| (strsim::normalized_damerau_levenshtein(name, &one.to_string()), one))
                    .max_by(|(a, _), (b, _)| a.total_cmp(b))
                    .filter(|(score, _)| *score >= 0.5);
                let remedy = near.map_or_else(
                    || "capabilities(7) lists them".to_owned(),
                    |(_, near)| format!("did you mean `{near}`?"),
                );
                gate.fault(&format!("{flag} {}", super::shown(word)), "there is no such capability", &remedy);
            }
        }
    }
    (all, found)
}

fn list(capabilities: &[Capability]) -> String {
    capabilities.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
