//! What control groups bound: memory, CPU, processes, block devices, and which devices there are.

use oci_spec::runtime::{
    LinuxBlockIo, LinuxCpu, LinuxDeviceCgroup, LinuxDeviceType, LinuxMemory, LinuxPids, LinuxResources,
    LinuxThrottleDevice, LinuxThrottleDeviceBuilder,
};

use super::{Place, mounts};
use crate::policy::profile::{Limits, MountKind, Profile};

/// The devices that every container has: null, zero, full, random, urandom, tty, console, ptmx and the terminals of
/// devpts (linux/Documentation/admin-guide/devices.txt). `None` is any minor number.
const DEVICES: [(i64, Option<i64>); 9] = [
    (1, Some(3)),
    (1, Some(5)),
    (1, Some(7)),
    (1, Some(8)),
    (1, Some(9)),
    (5, Some(0)),
    (5, Some(1)),
    (5, Some(2)),
    (136, None),
];

pub(super) fn all(profile: &Profile, place: &Place<'_>) -> LinuxResources {
    let limits = &profile.limits;
    let mut resources = LinuxResources::default();
    resources
        .set_devices(Some(devices(profile, place)))
        .set_memory(memory(limits))
        .set_cpu(cpu(limits))
        .set_block_io(block_io(limits, place))
        .set_pids(limits.pids.value.map(|pids| {
            let mut bound = LinuxPids::default();
            bound.set_limit(signed(pids));
            bound
        }));
    resources
}

fn devices(profile: &Profile, place: &Place<'_>) -> Vec<LinuxDeviceCgroup> {
    use LinuxDeviceType::{A, B, C};
    let mut rules = vec![rule(false, A, None, None, "rwm")];
    rules.extend(DEVICES.iter().map(|(major, minor)| rule(true, C, Some(*major), *minor, "rw")));
    for mount in &profile.mounts {
        let MountKind::Bind(bind) = &mount.value.kind else { continue };
        let Some((major, minor)) = mounts::is_device(&bind.source).then(|| (place.device)(&bind.source)).flatten()
        else {
            continue;
        };
        // The numbers don't say whether it is a block device; no node of the other kind can be made inside.
        let access = if bind.read_only { "r" } else { "rw" };
        rules.extend([B, C].map(|kind| rule(true, kind, Some(major), Some(minor), access)));
    }
    rules
}

fn rule(allow: bool, kind: LinuxDeviceType, major: Option<i64>, minor: Option<i64>, access: &str) -> LinuxDeviceCgroup {
    let mut rule = LinuxDeviceCgroup::default();
    rule.set_allow(allow).set_typ(Some(kind)).set_major(major).set_minor(minor).set_access(Some(access.to_owned()));
    rule
}

fn memory(limits: &Limits) -> Option<LinuxMemory> {
    if limits.memory.value.is_none() && limits.memory_and_swap.value.is_none() {
        return None;
    }
    let mut memory = LinuxMemory::default();
    memory
        .set_limit(limits.memory.value.map(signed))
        // The specification counts as Docker does: memory and swap together.
        .set_swap(limits.memory_and_swap.value.map(signed));
    Some(memory)
}

fn cpu(limits: &Limits) -> Option<LinuxCpu> {
    let mut cpu = LinuxCpu::default();
    cpu.set_shares(limits.cpu_shares.value)
        .set_quota(limits.cpu_quota.value.map(signed))
        .set_period(limits.cpu_period.value)
        .set_cpus(limits.cpuset_cpus.value.clone())
        .set_mems(limits.cpuset_mems.value.clone());
    (cpu != LinuxCpu::default()).then_some(cpu)
}

fn block_io(limits: &Limits, place: &Place<'_>) -> Option<LinuxBlockIo> {
    let bounds = |bounds: &[(String, u64)]| {
        let devices: Vec<LinuxThrottleDevice> =
            bounds.iter().map(|(path, rate)| throttle(path, *rate, place)).collect();
        (!devices.is_empty()).then_some(devices)
    };
    let mut io = LinuxBlockIo::default();
    io.set_weight(limits.blkio_weight.value)
        .set_throttle_read_bps_device(bounds(&limits.device_read_bps.value))
        .set_throttle_write_bps_device(bounds(&limits.device_write_bps.value))
        .set_throttle_read_iops_device(bounds(&limits.device_read_iops.value))
        .set_throttle_write_iops_device(bounds(&limits.device_write_iops.value));
    (io != LinuxBlockIo::default()).then_some(io)
}

fn throttle(path: &str, rate: u64, place: &Place<'_>) -> LinuxThrottleDevice {
    // Left out, the bound would be lost in silence; no device has the numbers 0:0, so the kernel refuses it.
    let (major, minor) = (place.device)(path).unwrap_or_default();
    LinuxThrottleDeviceBuilder::default().major(major).minor(minor).rate(rate).build().unwrap_or_default()
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
