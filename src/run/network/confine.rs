//! What is taken from the processes that serve a network, so that who breaks one has nothing: credentials(7),
//! capabilities(7), seccomp(2), landlock(7), getrlimit(2).
//!
//! No mount namespace of their own is made: with no call that takes a path, no capability and Landlock without a rule,
//! an empty root would take nothing more away, and unmounting a copy of the host's tree takes milliseconds.

use std::os::fd::BorrowedFd;

use landlock::{ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, Scope};
use oci_spec::runtime::LinuxSeccomp;
use rustix::process::{Gid, Resource, Rlimit, Signal, Uid, getrlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, ThreadNameSpaceType, clear_ambient_capability_set, move_into_thread_name_spaces,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};

use super::process::Report;
use super::rules;
use crate::run::{Error, seccomp, sys};

/// An id that few programs run as, so that the relay shares no limits with one in the container; where it isn't mapped,
/// the highest that is.
const UNLIKELY: u32 = 65_533;

/// Nobody, outside.
const NOBODY: u32 = 65_534;

/// Joins the user and the network namespace of `container`, with all capabilities in it and none elsewhere.
///
/// The user namespace comes first, as the kernel does it when both are named in one call: an ordinary user may join the
/// one that is the user's own, and gets the capability there that the network namespace asks for. Root, who may join
/// either first, loses with the user namespace what root may do outside.
pub(super) fn join(container: BorrowedFd<'_>) -> Result<(), Error> {
    // Groups of the caller's would stay; root may drop them only here, as they aren't mapped inside.
    let _ = set_thread_groups(&[]);
    move_into_thread_name_spaces(container, ThreadNameSpaceType::USER | ThreadNameSpaceType::NETWORK).map_err(|error| {
        Error::new(
            "setns",
            format!("the container's user and network namespaces can't be joined: {error}"),
            "start the container with a user namespace of its own, on Linux 5.8 or newer",
        )
    })
}

/// Confines the relay for good; gives how many connections it may hold.
pub(super) fn relay(report: &Report) -> Result<usize, Error> {
    let files = raise_files();
    become_unlikely()?;
    confine(report, &rules::relay(), Writes::AndReads, files)?;
    // A connection has two sockets; listeners, dialers and UDP's flows have some.
    let reserve = RESERVE.min(files / 2);
    Ok(usize::try_from((files - reserve) / 2).unwrap_or(usize::MAX).min(MAX_CONNECTIONS))
}

/// Descriptors that are not of connections (listeners, flows of UDP, dialers), where there are so many.
const RESERVE: u64 = 1024;

/// So many connections may be open at a time.
const MAX_CONNECTIONS: usize = 1024;

/// A user may have so many descriptors on their way between processes as a process may have (unix(7), `ETOOMANYREFS`).
const IN_FLIGHT: u64 = 2048;

/// Confines the inner dialer for good.
pub(super) fn inner_dialer(report: &Report) -> Result<(), Error> {
    become_unlikely()?;
    confine(report, &rules::inner_dialer(), Writes::AndReads, IN_FLIGHT)
}

/// Confines the outer dialer for good. Resolving names takes libraries and settings of the host, so it may read files;
/// it writes none and executes none.
pub(super) fn outer_dialer(report: &Report) -> Result<(), Error> {
    let _ = set_thread_groups(&[]);
    if rustix::process::geteuid().is_root() {
        become_ids(NOBODY, Some(NOBODY))?;
    }
    confine(report, &rules::outer_dialer(), Writes::Only, IN_FLIGHT)
}

/// What Landlock denies of files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writes {
    AndReads,
    Only,
}

fn confine(report: &Report, filter: &LinuxSeccomp, files: Writes, descriptors: u64) -> Result<(), Error> {
    let failed = |what: &str, error: std::io::Error| {
        Error::new(what, format!("a process of the network can't be confined: {error}"), "report it")
    };
    let filter = seccomp::compile_last(filter)?.instructions;
    empty_bounding_set();
    let _ = clear_ambient_capability_set();
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .map_err(|error| failed("capset", error.into()))?;
    set_no_new_privs(true).map_err(|error| failed("prctl", error.into()))?;
    for (resource, most) in
        [(Resource::Core, 0), (Resource::Fsize, 0), (Resource::Memlock, 0), (Resource::Nofile, descriptors)]
    {
        let most = Some(getrlimit(resource).maximum.map_or(most, |maximum| maximum.min(most)));
        setrlimit(resource, Rlimit { current: most, maximum: most })
            .map_err(|error| failed("setrlimit", error.into()))?;
    }
    restrict_files(files)?;
    // Changing ids clears it, so it comes after them.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| failed("prctl", error.into()))?;
    if report.parent_is_gone() {
        sys::exit_now(0);
    }
    sys::set_seccomp_filter(&filter, 0).map_err(|error| failed("seccomp", error))?;
    Ok(())
}

/// Landlock, as far as the kernel has it: system calls that open files aren't in the relay's filter anyway.
fn restrict_files(files: Writes) -> Result<(), Error> {
    let failed = |error: landlock::RulesetError| Error::new("landlock", error.to_string(), "report it");
    let abi = ABI::V6;
    let access: BitFlags<AccessFs> = match files {
        Writes::AndReads => AccessFs::from_all(abi),
        Writes::Only => AccessFs::from_write(abi) | AccessFs::Execute,
    };
    let mut rules = Ruleset::default().handle_access(access).map_err(failed)?;
    rules = rules.scope(BitFlags::from(Scope::Signal)).map_err(failed)?;
    if files == Writes::AndReads {
        rules = rules.scope(BitFlags::from(Scope::AbstractUnixSocket)).map_err(failed)?;
        rules = rules.handle_access(BitFlags::from(AccessNet::BindTcp)).map_err(failed)?;
    }
    rules.create().and_then(|rules| rules.restrict_self()).map_err(failed)?;
    Ok(())
}

fn become_unlikely() -> Result<(), Error> {
    let uid = unlikely("/proc/self/uid_map")?
        .ok_or_else(|| Error::new("uid_map", "no id is mapped", "write the maps before the network is entered"))?;
    let gid = unlikely("/proc/self/gid_map")?;
    // Groups can't be dropped where a map of one id forbids it (user_namespaces(7)); they give the caller's own rights.
    let _ = set_thread_groups(&[]);
    become_ids(uid, gid)
}

fn unlikely(map: &str) -> Result<Option<u32>, Error> {
    let text = std::fs::read_to_string(map)
        .map_err(|error| Error::new(map, format!("can't be read: {error}"), "mount /proc"))?;
    let mapped = ranges(&text).any(|(first, count)| UNLIKELY.checked_sub(first).is_some_and(|offset| offset < count));
    let highest = ranges(&text).filter_map(|(first, count)| first.checked_add(count.checked_sub(1)?)).max();
    Ok(if mapped { Some(UNLIKELY) } else { highest })
}

/// First id inside and count of each line of a map (user_namespaces(7)).
fn ranges(map: &str) -> impl Iterator<Item = (u32, u32)> {
    map.lines().filter_map(|line| {
        let mut words = line.split_whitespace().map(str::parse);
        match (words.next(), words.nth(1)) {
            (Some(Ok(first)), Some(Ok(count))) => Some((first, count)),
            _ => None,
        }
    })
}

fn become_ids(uid: u32, gid: Option<u32>) -> Result<(), Error> {
    // With the id goes the capability to drop these (capabilities(7), `CAP_SETPCAP`).
    empty_bounding_set();
    let failed = |error: rustix::io::Errno| {
        Error::new("setresuid", format!("a process of the network can't become {uid}: {error}"), "report it")
    };
    if let Some(gid) = gid.map(Gid::from_raw) {
        set_thread_res_gid(gid, gid, gid).map_err(failed)?;
    }
    let uid = Uid::from_raw(uid);
    set_thread_res_uid(uid, uid, uid).map_err(failed)
}

fn empty_bounding_set() {
    for number in 0..64 {
        // Beyond the last capability the kernel says EINVAL; without CAP_SETPCAP the set can't grow anyway.
        let Some(one) = CapabilitySet::from_bits(1 << number) else { continue };
        if remove_capability_from_bounding_set(one).is_err() {
            break;
        }
    }
}

/// Raises the bound of open files to what the relay can use; gives the bound.
fn raise_files() -> u64 {
    let wanted = RESERVE + 2 * MAX_CONNECTIONS as u64;
    let bound = getrlimit(Resource::Nofile);
    let most = bound.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: bound.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(wanted).min(wanted)
}
