//! Who the process is inside, and what it may do: ids, groups, capabilities, and what can't be got back.

use oci_spec::runtime::{Capabilities, Capability};
use rustix::io::Errno;
use rustix::process::{Gid, Signal, Uid, set_parent_process_death_signal};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
    set_capabilities_secure_bits, set_keep_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};

use super::{At as _, Plan};
use crate::run::{Error, MapWriter};

/// Ids that the tree is made with: root's inside where there is one, so that what is made belongs to no program.
///
/// # Errors
/// Those of setresuid(2).
pub(crate) fn become_builder(plan: &Plan<'_>) -> Result<(), Error> {
    let user = plan.process.user();
    let uid = if plan.order.ids.uid_outside(0).is_some() { 0 } else { user.uid() };
    let gid = if plan.order.ids.gid_outside(0).is_some() { 0 } else { user.gid() };
    drop_groups(plan, &[])?;
    change(uid, gid)
}

/// Ids and capabilities of the program. From here on the process may do what the program may, and no more.
///
/// # Errors
/// Those of the calls; all of them are refusals.
pub(crate) fn become_user(plan: &Plan<'_>) -> Result<(), Error> {
    let place = || "capabilities".to_owned();
    let remedy = "start on a kernel whose user namespaces have capabilities";
    let user = plan.process.user();
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if plan.capabilities.bounding.contains(capability) {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            // Numbers from here on are unknown to the kernel.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error).at(place, remedy),
        }
    }
    clear_ambient_capability_set().at(place, remedy)?;
    if plan.capabilities.none() {
        // No id, uid 0 included, means anything any more. Where capabilities were asked for, programs expect that they go
        // away when their user changes, so nothing is set.
        set_capabilities_secure_bits(locked()).at(place, remedy)?;
    } else {
        set_keep_capabilities(true).at(place, remedy)?;
    }
    drop_groups(plan, user.additional_gids().as_deref().unwrap_or_default())?;
    change(user.uid(), user.gid())?;
    // A change of ids forgets it.
    set_parent_process_death_signal(Some(Signal::KILL)).at(|| "prctl".to_owned(), "start on Linux")
}

/// Leaves the capabilities that the program has, and for loading the filter also that one where it is needed.
///
/// # Errors
/// Those of capset(2).
pub(crate) fn keep(plan: &Plan<'_>, more: CapabilitySet) -> Result<(), Error> {
    let place = || "capabilities".to_owned();
    let remedy = "ask for capabilities that this user namespace has";
    let asked = &plan.capabilities;
    let sets = CapabilitySets {
        effective: asked.effective | more,
        permitted: asked.permitted | more,
        inheritable: asked.inheritable,
    };
    set_capabilities(None, sets).at(place, remedy)?;
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if asked.ambient.contains(capability) {
            configure_capability_in_ambient_set(capability, true).at(place, remedy)?;
        }
    }
    Ok(())
}

/// `PR_SET_NO_NEW_PRIVS`.
///
/// # Errors
/// Those of prctl(2).
pub(crate) fn refuse_new_privileges() -> Result<(), Error> {
    set_no_new_privs(true).at(|| "no_new_privs".to_owned(), "start on Linux 3.5 or later")
}

/// The sets of the specification.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sets {
    bounding: CapabilitySet,
    effective: CapabilitySet,
    permitted: CapabilitySet,
    inheritable: CapabilitySet,
    ambient: CapabilitySet,
}

impl Sets {
    /// Those of a process; absent ones are empty.
    pub(crate) fn of(process: &oci_spec::runtime::Process) -> Self {
        let set = |set: Option<&Capabilities>| {
            set.into_iter().flatten().fold(CapabilitySet::empty(), |set, capability| set | bit(*capability))
        };
        let sets = process.capabilities().as_ref();
        Self {
            bounding: set(sets.and_then(|sets| sets.bounding().as_ref())),
            effective: set(sets.and_then(|sets| sets.effective().as_ref())),
            permitted: set(sets.and_then(|sets| sets.permitted().as_ref())),
            inheritable: set(sets.and_then(|sets| sets.inheritable().as_ref())),
            ambient: set(sets.and_then(|sets| sets.ambient().as_ref())),
        }
    }

    /// Whether there is no capability at all.
    pub(crate) fn none(&self) -> bool {
        (self.bounding | self.effective | self.permitted | self.inheritable | self.ambient).is_empty()
    }
}

fn locked() -> CapabilitiesSecureBits {
    use CapabilitiesSecureBits as Bits;
    Bits::NO_ROOT
        | Bits::NO_ROOT_LOCKED
        | Bits::NO_SETUID_FIXUP
        | Bits::NO_SETUID_FIXUP_LOCKED
        | Bits::KEEP_CAPS_LOCKED
        | Bits::NO_CAP_AMBIENT_RAISE
        | Bits::NO_CAP_AMBIENT_RAISE_LOCKED
}

/// Leaves the caller's supplementary groups for `groups`. With one id only the kernel forbids that: the caller's stay, as
/// `nogroup` inside, and that is told.
fn drop_groups(plan: &Plan<'_>, groups: &[u32]) -> Result<(), Error> {
    let place = || "setgroups".to_owned();
    if plan.order.ids.writer == MapWriter::OneId {
        return match groups {
            [] => Ok(()),
            _ => Err(Error::new(
                place(),
                "supplementary groups can't be set where only one id is mapped",
                "install newuidmap and newgidmap with ranges in /etc/subuid and /etc/subgid, or ask for no groups",
            )),
        };
    }
    let groups: Vec<Gid> = groups.iter().map(|group| Gid::from_raw(*group)).collect();
    set_thread_groups(&groups).at(place, "ask for groups that are mapped")
}

fn change(uid: u32, gid: u32) -> Result<(), Error> {
    let remedy = "ask for a user and a group that are mapped into the container";
    let group = Gid::from_raw(gid);
    set_thread_res_gid(group, group, group).at(|| format!("group {gid}"), remedy)?;
    let user = Uid::from_raw(uid);
    set_thread_res_uid(user, user, user).at(|| format!("user {uid}"), remedy)
}

/// Its bit (linux/capability.h).
pub(crate) fn bit(capability: Capability) -> CapabilitySet {
    use CapabilitySet as Set;
    match capability {
        Capability::AuditControl => Set::AUDIT_CONTROL,
        Capability::AuditRead => Set::AUDIT_READ,
        Capability::AuditWrite => Set::AUDIT_WRITE,
        Capability::BlockSuspend => Set::BLOCK_SUSPEND,
        Capability::Bpf => Set::BPF,
        Capability::CheckpointRestore => Set::CHECKPOINT_RESTORE,
        Capability::Chown => Set::CHOWN,
        Capability::DacOverride => Set::DAC_OVERRIDE,
        Capability::DacReadSearch => Set::DAC_READ_SEARCH,
        Capability::Fowner => Set::FOWNER,
        Capability::Fsetid => Set::FSETID,
        Capability::IpcLock => Set::IPC_LOCK,
        Capability::IpcOwner => Set::IPC_OWNER,
        Capability::Kill => Set::KILL,
        Capability::Lease => Set::LEASE,
        Capability::LinuxImmutable => Set::LINUX_IMMUTABLE,
        Capability::MacAdmin => Set::MAC_ADMIN,
        Capability::MacOverride => Set::MAC_OVERRIDE,
        Capability::Mknod => Set::MKNOD,
        Capability::NetAdmin => Set::NET_ADMIN,
        Capability::NetBindService => Set::NET_BIND_SERVICE,
        Capability::NetBroadcast => Set::NET_BROADCAST,
        Capability::NetRaw => Set::NET_RAW,
        Capability::Perfmon => Set::PERFMON,
        Capability::Setfcap => Set::SETFCAP,
        Capability::Setgid => Set::SETGID,
        Capability::Setpcap => Set::SETPCAP,
        Capability::Setuid => Set::SETUID,
        Capability::SysAdmin => Set::SYS_ADMIN,
        Capability::SysBoot => Set::SYS_BOOT,
        Capability::SysChroot => Set::SYS_CHROOT,
        Capability::SysModule => Set::SYS_MODULE,
        Capability::SysNice => Set::SYS_NICE,
        Capability::SysPacct => Set::SYS_PACCT,
        Capability::SysPtrace => Set::SYS_PTRACE,
        Capability::SysRawio => Set::SYS_RAWIO,
        Capability::SysResource => Set::SYS_RESOURCE,
        Capability::SysTime => Set::SYS_TIME,
        Capability::SysTtyConfig => Set::SYS_TTY_CONFIG,
        Capability::Syslog => Set::SYSLOG,
        Capability::WakeAlarm => Set::WAKE_ALARM,
    }
}
