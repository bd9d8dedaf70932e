//! What the specification asks for (OCI runtime specification, config-linux.md, Control groups), as files to write: by each
//! way that a kernel may have for it.

use oci_spec::runtime::{LinuxBlockIo, LinuxCpu, LinuxDeviceCgroup, LinuxDeviceType, LinuxMemory, LinuxResources};

use crate::run::Error;

/// One limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Want {
    /// What is bounded.
    pub(super) what: &'static str,
    /// How, in words.
    pub(super) asked: String,
    /// Name of the controller in version 2, and in version 1.
    pub(super) controller: (&'static str, &'static str),
    /// Files of version 2; the first way whose files all exist is taken.
    pub(super) v2: Vec<Way>,
    /// Files of version 1.
    pub(super) v1: Vec<Way>,
    /// What is left where there is no such controller.
    pub(super) instead: Instead,
}

/// Files that together are one limit. The last one is what is read back.
pub(super) type Way = Vec<Write>;

/// A file of a group's, and what is written into it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Write {
    pub(super) file: &'static str,
    pub(super) text: String,
    pub(super) check: Check,
}

/// What must be read where the limit is in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// A number of bytes, which the kernel rounds down to pages.
    Bytes(u64),
    /// The text itself, whatever the white space.
    Same,
    /// A set of CPUs or memory nodes.
    Set,
    /// Among the lines, one with all of these words.
    Line,
}

/// What is left without the controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Instead {
    /// Nothing.
    Nothing,
    /// `RLIMIT_DATA`, of each process alone.
    Data(u64),
    /// `RLIMIT_NPROC`, of the program's user alone.
    Nproc(u64),
    /// Nothing is needed where the machine has nothing to swap to.
    NoSwap,
}

/// Files that tell what came of others, and can't be written.
pub(super) const READ_ONLY: [&str; 3] = ["devices.list", "cpuset.cpus.effective", "cpuset.mems.effective"];
/// Files that can't be read.
pub(super) const WRITE_ONLY: [&str; 2] = ["devices.allow", "devices.deny"];

const MEMORY: (&str, &str) = ("memory", "memory");
const CPU: (&str, &str) = ("cpu", "cpu");
const CPUSET: (&str, &str) = ("cpuset", "cpuset");
const IO: (&str, &str) = ("io", "blkio");

/// Microseconds, where a quota is asked for without a period.
const PERIOD: u64 = 100_000;

/// All limits that are asked for.
///
/// # Errors
/// What this launcher doesn't do, and what contradicts itself.
pub(super) fn of(resources: &LinuxResources) -> Result<Vec<Want>, Error> {
    refuse_unknown(resources)?;
    let mut wants = Vec::new();
    let pids = resources.pids().as_ref().and_then(|pids| u64::try_from(pids.limit()).ok());
    if let Some(limit) = pids.filter(|limit| *limit > 0) {
        let way = || vec![vec![same("pids.max", limit.to_string())]];
        wants.push(want("processes", limit.to_string(), ("pids", "pids"), way(), way(), Instead::Nproc(limit)));
    }
    resources.memory().iter().try_for_each(|limits| memory(limits, &mut wants))?;
    resources.cpu().iter().for_each(|limits| cpu(limits, &mut wants));
    resources.block_io().iter().for_each(|limits| io(limits, &mut wants));
    devices(resources.devices().as_deref().unwrap_or_default(), &mut wants);
    Ok(wants)
}

fn refuse_unknown(resources: &LinuxResources) -> Result<(), Error> {
    let memory = resources.memory().as_ref();
    let cpu = resources.cpu().as_ref();
    let io = resources.block_io().as_ref();
    let asked = [
        ("hugepageLimits", resources.hugepage_limits().as_ref().is_some_and(|limits| !limits.is_empty())),
        ("network", resources.network().is_some()),
        ("rdma", resources.rdma().as_ref().is_some_and(|limits| !limits.is_empty())),
        ("unified", resources.unified().as_ref().is_some_and(|limits| !limits.is_empty())),
        ("memory.kernel", memory.is_some_and(|memory| memory.kernel().is_some() || memory.kernel_tcp().is_some())),
        ("memory.swappiness", memory.is_some_and(|memory| memory.swappiness().is_some())),
        ("memory.disableOOMKiller", memory.is_some_and(|memory| memory.disable_oom_killer() == Some(true))),
        ("cpu.realtime", cpu.is_some_and(|cpu| cpu.realtime_runtime().is_some() || cpu.realtime_period().is_some())),
        ("cpu.burst", cpu.is_some_and(|cpu| cpu.burst().is_some())),
        ("cpu.idle", cpu.is_some_and(|cpu| cpu.idle().is_some())),
        ("blockIO.leafWeight", io.is_some_and(|io| io.leaf_weight().is_some())),
        ("blockIO.weightDevice", io.is_some_and(|io| io.weight_device().as_ref().is_some_and(|list| !list.is_empty()))),
    ];
    match asked.iter().find(|(_, asked)| *asked) {
        Some((name, _)) => Err(Error::new(
            format!("linux.resources.{name}"),
            "this launcher doesn't do that",
            "leave it out of the configuration",
        )),
        None => Ok(()),
    }
}

fn memory(limits: &LinuxMemory, wants: &mut Vec<Want>) -> Result<(), Error> {
    let number = |limit: Option<i64>| limit.and_then(|limit| u64::try_from(limit).ok()).filter(|limit| *limit > 0);
    let most = number(limits.limit());
    if let Some(bytes) = most {
        let way = |file| vec![vec![at_most(file, bytes)]];
        let (v2, v1) = (way("memory.max"), way("memory.limit_in_bytes"));
        wants.push(want("memory", size(bytes), MEMORY, v2, v1, Instead::Data(bytes)));
    }
    if let Some(total) = number(limits.swap()) {
        // Version 2 counts swap by itself.
        let Some(swap) = most.and_then(|most| total.checked_sub(most)) else {
            let problem = "a limit of memory and swap together needs one of memory that isn't higher";
            return Err(Error::new(
                "memory-swap",
                problem,
                "ask for more with `--memory-swap`, or less with `--memory`",
            ));
        };
        let v2 = vec![vec![at_most("memory.swap.max", swap)]];
        let v1 = vec![vec![at_most("memory.memsw.limit_in_bytes", total)]];
        let asked = format!("{} ({} of swap)", size(total), size(swap));
        wants.push(want("memory and swap", asked, MEMORY, v2, v1, Instead::NoSwap));
    }
    if let Some(bytes) = number(limits.reservation()) {
        let way = |file| vec![vec![at_most(file, bytes)]];
        let (v2, v1) = (way("memory.low"), way("memory.soft_limit_in_bytes"));
        wants.push(want("memory kept", size(bytes), MEMORY, v2, v1, Instead::Nothing));
    }
    Ok(())
}

fn cpu(limits: &LinuxCpu, wants: &mut Vec<Want>) {
    if let Some(quota) = limits.quota().and_then(|quota| u64::try_from(quota).ok()).filter(|quota| *quota > 0) {
        let period = limits.period().filter(|period| *period > 0).unwrap_or(PERIOD);
        let v2 = vec![vec![same("cpu.max", format!("{quota} {period}"))]];
        let v1 = vec![vec![same("cpu.cfs_period_us", period.to_string()), same("cpu.cfs_quota_us", quota.to_string())]];
        wants.push(want("CPU time", format!("{quota} of {period} µs"), CPU, v2, v1, Instead::Nothing));
    }
    if let Some(shares) = limits.shares().filter(|shares| *shares > 0) {
        // Version 1 has this range, and changes what is outside of it.
        let shares = shares.clamp(2, 1 << 18);
        let v2 = vec![vec![same("cpu.weight", weight_of_shares(shares).to_string())]];
        let v1 = vec![vec![same("cpu.shares", shares.to_string())]];
        wants.push(want("CPU shares", shares.to_string(), CPU, v2, v1, Instead::Nothing));
    }
    // Version 2 takes a set that the group around hasn't got, and has another one in effect.
    let sets = [
        ("CPUs", limits.cpus(), "cpuset.cpus", "cpuset.cpus.effective"),
        ("memory nodes", limits.mems(), "cpuset.mems", "cpuset.mems.effective"),
    ];
    for (what, set, name, effective) in sets {
        if let Some(set) = set.as_ref().filter(|set| !set.is_empty()) {
            let file = |file| Write { file, text: set.clone(), check: Check::Set };
            let v1 = vec![vec![file(name)]];
            wants.push(want(what, set.clone(), CPUSET, vec![vec![file(name), file(effective)]], v1, Instead::Nothing));
        }
    }
}

/// The weight of version 2 for shares of version 1: the curve through (2, 1), (1024, 100) and (262144, 10000) that
/// crun 1.23, runc 1.3 and later have, where the straight line of before made 39 of the usual 1024.
fn weight_of_shares(shares: u64) -> u64 {
    let log = (shares as f64).log2();
    let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
    (10_f64.powf(exponent).ceil() as u64).clamp(1, 10_000)
}

fn io(limits: &LinuxBlockIo, wants: &mut Vec<Want>) {
    if let Some(weight) = limits.weight().map(u64::from).filter(|weight| *weight > 0) {
        // io.weight goes from 1 to 10000 where version 1 went from 10 to 1000; BFQ's own file counts as that did.
        let scaled = 1 + (weight.clamp(10, 1000) - 10) * 9_999 / 990;
        let default = |file, weight: u64| vec![Write { file, text: format!("default {weight}"), check: Check::Line }];
        let v2 = vec![default("io.bfq.weight", weight), default("io.weight", scaled)];
        let v1 =
            vec![vec![same("blkio.weight", weight.to_string())], vec![same("blkio.bfq.weight", weight.to_string())]];
        wants.push(want("I/O weight", weight.to_string(), IO, v2, v1, Instead::Nothing));
    }
    let kinds = [
        ("bytes read", limits.throttle_read_bps_device(), "rbps", "blkio.throttle.read_bps_device"),
        ("bytes written", limits.throttle_write_bps_device(), "wbps", "blkio.throttle.write_bps_device"),
        ("reads", limits.throttle_read_iops_device(), "riops", "blkio.throttle.read_iops_device"),
        ("writes", limits.throttle_write_iops_device(), "wiops", "blkio.throttle.write_iops_device"),
    ];
    for (what, devices, key, file) in kinds {
        for device in devices.iter().flatten() {
            let (name, rate) = (format!("{}:{}", device.major(), device.minor()), device.rate());
            let line = |file, text| vec![vec![Write { file, text, check: Check::Line }]];
            let (v2, v1) = (line("io.max", format!("{name} {key}={rate}")), line(file, format!("{name} {rate}")));
            wants.push(want(what, format!("{rate} a second of {name}"), IO, v2, v1, Instead::Nothing));
        }
    }
}

/// Devices. That no device file can be made, and that none but those that are shown is one, the user namespace and the
/// mounts see to. What they can't: that a device that is shown may only be read from.
fn devices(rules: &[LinuxDeviceCgroup], wants: &mut Vec<Want>) {
    let access = |rule: &LinuxDeviceCgroup, letter| rule.access().as_ref().is_none_or(|access| access.contains(letter));
    let halves = |rule: &&LinuxDeviceCgroup| rule.allow() && (access(rule, 'r') != access(rule, 'w'));
    let asked: Vec<String> = rules.iter().filter(halves).map(rule_text).collect();
    if asked.is_empty() {
        return;
    }
    let ways = rules.iter().map(|rule| {
        let file = if rule.allow() { "devices.allow" } else { "devices.deny" };
        Write { file, text: rule_text(rule), check: Check::Same }
    });
    let mut way: Way = ways.collect();
    way.push(Write { file: "devices.list", text: asked.first().cloned().unwrap_or_default(), check: Check::Line });
    wants.push(want("devices", asked.join(", "), ("devices", "devices"), Vec::new(), vec![way], Instead::Nothing));
}

/// `c 1:3 rw`, as devices.allow takes it.
fn rule_text(rule: &LinuxDeviceCgroup) -> String {
    let kind = match rule.typ() {
        Some(LinuxDeviceType::B) => "b",
        Some(LinuxDeviceType::C | LinuxDeviceType::U) => "c",
        _ => return "a".to_owned(),
    };
    let number = |number: Option<i64>| number.filter(|one| *one >= 0).map_or("*".to_owned(), |one| one.to_string());
    let access = rule.access().as_deref().unwrap_or("rwm");
    format!("{kind} {}:{} {access}", number(rule.major()), number(rule.minor()))
}

fn want(
    what: &'static str,
    asked: String,
    controller: (&'static str, &'static str),
    v2: Vec<Way>,
    v1: Vec<Way>,
    instead: Instead,
) -> Want {
    Want { what, asked, controller, v2, v1, instead }
}

fn same(file: &'static str, text: String) -> Write {
    Write { file, text, check: Check::Same }
}

fn at_most(file: &'static str, bytes: u64) -> Write {
    Write { file, text: bytes.to_string(), check: Check::Bytes(bytes) }
}

/// Bytes in words: `64 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let fits = |power: &usize| bytes != 0 && bytes.is_multiple_of(1 << (10 * power));
    let power = (0..units.len()).rev().find(fits).unwrap_or(0);
    format!("{} {}", bytes >> (10 * power), units.get(power).unwrap_or(&"B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(text: &str) -> Result<Vec<Want>, Error> {
        of(&serde_json::from_str(text).expect("resources"))
    }

    fn written(ways: &[Way]) -> Vec<(&str, &str)> {
        ways.iter().flatten().map(|write| (write.file, write.text.as_str())).collect()
    }

    #[test]
    fn memory_and_swap_are_counted_as_each_version_counts() {
        let asked = wants(r#"{"memory": {"limit": 67108864, "swap": 100663296}}"#).expect("wants");
        assert_eq!(written(&asked[0].v2), [("memory.max", "67108864")]);
        assert_eq!(written(&asked[1].v2), [("memory.swap.max", "33554432")]);
        assert_eq!(written(&asked[1].v1), [("memory.memsw.limit_in_bytes", "100663296")]);
        assert_eq!((asked[0].asked.as_str(), asked[1].asked.as_str()), ("64 MiB", "96 MiB (32 MiB of swap)"));
        assert!(wants(r#"{"memory": {"limit": -1, "swap": -1}}"#).expect("wants").is_empty());
        assert!(wants(r#"{"memory": {"swap": 5}}"#).is_err());
        assert!(wants(r#"{"memory": {"limit": 6, "swap": 5}}"#).is_err());
    }

    #[test]
    fn shares_become_weights_as_todays_runtimes_make_them() {
        for (shares, weight) in [(2, 1), (1024, 100), (262_144, 10_000), (512, 59), (4, 2)] {
            assert_eq!(weight_of_shares(shares), weight, "{shares}");
        }
        let asked = wants(r#"{"cpu": {"shares": 1, "quota": 50000}}"#).expect("wants");
        assert_eq!(written(&asked[0].v2), [("cpu.max", "50000 100000")]);
        assert_eq!(written(&asked[0].v1), [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "50000")]);
        assert_eq!(
            (written(&asked[1].v2), written(&asked[1].v1)),
            (vec![("cpu.weight", "1")], vec![("cpu.shares", "2")])
        );
    }

    #[test]
    fn devices_are_throttled_by_their_numbers() {
        let device = r#"[{"major": 8, "minor": 16, "rate": 1024}]"#;
        let asked = wants(&format!(
            r#"{{"blockIO": {{"weight": 1000, "throttleReadBpsDevice": {device}, "throttleWriteIOPSDevice": {device}}}}}"#
        ));
        let asked = asked.expect("wants");
        assert_eq!(written(&asked[0].v2), [("io.bfq.weight", "default 1000"), ("io.weight", "default 10000")]);
        assert_eq!(written(&asked[1].v2), [("io.max", "8:16 rbps=1024")]);
        assert_eq!(written(&asked[2].v1), [("blkio.throttle.write_iops_device", "8:16 1024")]);
    }

    #[test]
    fn devices_need_a_controller_only_where_one_may_be_read_from_alone() {
        let all = r#"{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 136, "access": "rw"}"#;
        assert!(wants(&format!(r#"{{"devices": [{all}]}}"#)).expect("wants").is_empty());
        let one = r#"{"allow": true, "type": "c", "major": 1, "minor": 9, "access": "r"}"#;
        let asked = wants(&format!(r#"{{"devices": [{all}, {one}]}}"#)).expect("wants");
        let files = [("devices.deny", "a"), ("devices.allow", "c 136:* rw"), ("devices.allow", "c 1:9 r")];
        assert_eq!(written(&asked[0].v1)[..3], files);
        assert_eq!(asked[0].asked, "c 1:9 r");
    }

    #[test]
    fn what_isnt_done_is_refused() {
        for text in [
            r#"{"unified": {"memory.high": "1"}}"#,
            r#"{"memory": {"disableOOMKiller": true}}"#,
            r#"{"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}"#,
        ] {
            assert!(wants(text).is_err(), "{text}");
        }
        assert!(wants(r#"{"pids": {"limit": -1}, "cpu": {"quota": -1, "cpus": ""}}"#).expect("wants").is_empty());
    }
}
