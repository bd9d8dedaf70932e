//! Limits of setrlimit(2), as the container's first process sets them for itself and all that come from it.

use oci_spec::runtime::{PosixRlimit, PosixRlimitType};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Error;

/// One limit, as it is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Set {
    resource: Resource,
    soft: u64,
    hard: u64,
}

/// What is to be set, and in words what was asked for and can't be had: a limit above the hard one that the caller has
/// itself is lowered to that, which is stricter, and said.
///
/// # Errors
/// A limit that this system has no number for.
pub fn plan(asked: &[PosixRlimit]) -> Result<(Vec<Set>, Vec<String>), Error> {
    let (mut sets, mut said) = (Vec::new(), Vec::new());
    for one in asked {
        let resource = resource(one.typ())
            .ok_or_else(|| Error::new(one.typ().to_string(), "there is no such limit here", "leave it out"))?;
        // Unlimited is the absence of a number, above all numbers.
        let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let (soft, hard) = (one.soft().min(most), one.hard().min(most));
        if (soft, hard) != (one.soft(), one.hard()) {
            said.push(format!("{} is {soft}:{hard}, since the launcher's own hard limit is {most}", one.typ()));
        }
        sets.push(Set { resource, soft, hard });
    }
    Ok((sets, said))
}

/// A bound on processes and threads, as far as setrlimit(2) has one.
#[must_use]
pub fn processes(count: u64) -> Set {
    let most = getrlimit(Resource::Nproc).maximum.unwrap_or(u64::MAX);
    Set { resource: Resource::Nproc, soft: count.min(most), hard: count.min(most) }
}

/// Sets limits of this process.
///
/// # Errors
/// Those of setrlimit(2).
pub fn apply(sets: &[Set]) -> Result<(), Error> {
    let number = |value: u64| (value != u64::MAX).then_some(value);
    for set in sets {
        setrlimit(set.resource, Rlimit { current: number(set.soft), maximum: number(set.hard) }).map_err(|error| {
            let problem = format!("the limit {}:{} is refused ({error})", set.soft, set.hard);
            Error::new(format!("{:?}", set.resource), problem, "ask for less with `--ulimit`")
        })?;
    }
    Ok(())
}

fn resource(kind: PosixRlimitType) -> Option<Resource> {
    Some(match kind {
        PosixRlimitType::RlimitCpu => Resource::Cpu,
        PosixRlimitType::RlimitFsize => Resource::Fsize,
        PosixRlimitType::RlimitData => Resource::Data,
        PosixRlimitType::RlimitStack => Resource::Stack,
        PosixRlimitType::RlimitCore => Resource::Core,
        PosixRlimitType::RlimitRss => Resource::Rss,
        PosixRlimitType::RlimitNproc => Resource::Nproc,
        PosixRlimitType::RlimitNofile => Resource::Nofile,
        PosixRlimitType::RlimitMemlock => Resource::Memlock,
        PosixRlimitType::RlimitAs => Resource::As,
        PosixRlimitType::RlimitLocks => Resource::Locks,
        PosixRlimitType::RlimitSigpending => Resource::Sigpending,
        PosixRlimitType::RlimitMsgqueue => Resource::Msgqueue,
        PosixRlimitType::RlimitNice => Resource::Nice,
        PosixRlimitType::RlimitRtprio => Resource::Rtprio,
        PosixRlimitType::RlimitRttime => Resource::Rttime,
    })
}
