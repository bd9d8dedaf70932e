//! What control groups and setrlimit(2) bound: the level's defaults, and what was asked for with Docker's meaning.

use super::shown;
use crate::policy::profile::{Level, Limits, Rlimit, Said};
use crate::policy::widen::Gate;
use crate::policy::{Host, Wishes};

const MIB: u64 = 1 << 20;
/// Microseconds; the kernel's own default.
const PERIOD: u64 = 100_000;
/// Docker's least memory.
const LEAST_MEMORY: u64 = 6 * MIB;

/// The bounds of a level.
struct Defaults {
    memory: u64,
    pids: u64,
}

const STRICT: Defaults = Defaults { memory: 256 * MIB, pids: 128 };
const DEFAULT: Defaults = Defaults { memory: 1024 * MIB, pids: 512 };

/// What control groups bound.
pub(super) fn limits(wishes: &Wishes, level: Level, host: &Host, gate: &mut Gate<'_>) -> Limits {
    let defaults = match level {
        Level::Strict => Some(STRICT),
        Level::Default => Some(DEFAULT),
        Level::Docker => None,
    };
    let mut limits = Limits { memory: memory(wishes, defaults.as_ref(), host, gate), ..Limits::default() };
    limits.memory_and_swap = swap(wishes, &limits.memory, gate);
    cpu(&mut limits, wishes, level, host, gate);
    limits.pids = match (wishes.pids, &defaults) {
        (Some(Some(0) | None), _) => Said::new(None, "`--pids-limit` asks for no bound"),
        (Some(asked), _) => Said::new(asked, "`--pids-limit` asks for it"),
        (None, Some(defaults)) => {
            let why = "a server has tens of processes and threads, and hundreds under load; a fork bomb ends there";
            Said::new(Some(defaults.pids), why)
        }
        (None, None) => Said::new(None, "Docker sets none"),
    };
    let weight = wishes.blkio_weight.filter(|weight| *weight != 0);
    if weight.is_some_and(|weight| !(10..=1000).contains(&weight)) {
        gate.fault("--blkio-weight", "the weight is out of range", "give one from 10 to 1000");
    }
    limits.blkio_weight = asked(weight, "--blkio-weight", "all containers weigh the same");
    limits.device_read_bps = rates(&wishes.device_read_bps, "--device-read-bps", gate);
    limits.device_write_bps = rates(&wishes.device_write_bps, "--device-write-bps", gate);
    limits.device_read_iops = rates(&wishes.device_read_iops, "--device-read-iops", gate);
    limits.device_write_iops = rates(&wishes.device_write_iops, "--device-write-iops", gate);
    limits
}

fn memory(wishes: &Wishes, defaults: Option<&Defaults>, host: &Host, gate: &mut Gate<'_>) -> Said<Option<u64>> {
    match (wishes.memory, defaults) {
        (Some(0), _) => Said::new(None, "`-m 0` asks for no bound"),
        (Some(asked), _) => {
            if asked < LEAST_MEMORY {
                gate.fault("--memory", "it is less than a container needs to start", "give at least 6m");
            }
            Said::new(Some(asked), "`-m` asks for it")
        }
        (None, Some(defaults)) => {
            let half = (host.memory / 2).max(LEAST_MEMORY);
            if host.memory != 0 && half < defaults.memory {
                return Said::new(
                    Some(half & !4095),
                    "half of this machine's memory, so that the other half is the host's",
                );
            }
            let why =
                "web servers and small databases need less, with their files in memory counted in; `-m` gives more";
            Said::new(Some(defaults.memory), why)
        }
        (None, None) => Said::new(None, "Docker sets none"),
    }
}

/// `--memory-swap` as Docker means it: both together, twice the memory where `-m` stands alone. Without either, no swap is
/// given beyond the bound, since swapping slows down the host.
fn swap(wishes: &Wishes, memory: &Said<Option<u64>>, gate: &mut Gate<'_>) -> Said<Option<u64>> {
    match (wishes.memory_swap, wishes.memory, memory.value) {
        (Some(None), _, _) => Said::new(None, "`--memory-swap -1` asks for no bound"),
        (Some(Some(0)) | None, Some(asked), Some(_)) => {
            Said::new(Some(asked.saturating_mul(2)), "twice the memory, as Docker has it where only `-m` is given")
        }
        (Some(Some(0)) | None, _, Some(memory)) => {
            Said::new(Some(memory), "as much as memory, so that nothing is swapped out at the host's cost")
        }
        (Some(Some(0)) | None, _, None) => Said::new(None, "memory has no bound"),
        (Some(Some(_)), None | Some(0), _) => {
            let remedy = "add `-m`";
            gate.fault("--memory-swap", "it is memory and swap together, and memory isn't given", remedy);
            Said::default()
        }
        (Some(Some(both)), Some(memory), _) => {
            if both < memory {
                let problem = "it is memory and swap together, and less than memory alone";
                gate.fault("--memory-swap", problem, "give at least as much as `-m`");
            }
            Said::new(Some(both), "`--memory-swap` asks for it")
        }
    }
}

fn cpu(limits: &mut Limits, wishes: &Wishes, level: Level, host: &Host, gate: &mut Gate<'_>) {
    let period = wishes.cpu_period.filter(|period| *period != 0);
    let quota = wishes.cpu_quota.filter(|quota| *quota != 0);
    if wishes.milli_cpus.is_some_and(|cpus| cpus != 0) && (period.is_some() || quota.is_some()) {
        let problem = "`--cpus` and `--cpu-period` or `--cpu-quota` say the same in two ways";
        gate.fault("--cpus", problem, "give `--cpus` alone, or the other two");
    }
    if period.is_some_and(|period| !(1_000..=1_000_000).contains(&period)) {
        gate.fault("--cpu-period", "the period is out of the kernel's range", "give 1000 to 1000000 microseconds");
    }
    if quota.is_some_and(|quota| quota < 1_000) {
        gate.fault("--cpu-quota", "the quota is below the kernel's least", "give at least 1000 microseconds");
    }
    // Half of the machine at the most, so that its owner can still work on it; a whole processor at least.
    let share = match level {
        Level::Docker => None,
        Level::Strict => Some(1),
        Level::Default => Some(u64::from(host.cpus / 2).max(1)),
    };
    let default_why = match level {
        Level::Docker => "Docker sets none",
        Level::Strict => "one processor",
        Level::Default => "half of this machine's processors, at least one, so that the other half is the host's",
    };
    let unit = period.unwrap_or(PERIOD);
    let default_quota = share.map(|share| share.saturating_mul(unit));
    limits.cpu_quota = match (wishes.milli_cpus, quota) {
        (Some(0), None) => Said::new(None, "`--cpus 0` asks for no bound"),
        (Some(cpus), _) if cpus != 0 => {
            let most = u64::from(host.cpus) * 1000;
            if cpus < 10 || (host.cpus != 0 && cpus > most) {
                let end = if host.cpus == 0 { String::new() } else { format!(" to {}", host.cpus) };
                gate.fault(
                    "--cpus",
                    "this machine hasn't got so many, or too little is left",
                    &format!("give 0.01{end}"),
                );
            }
            Said::new(Some(cpus.saturating_mul(unit) / 1000), "`--cpus` asks for it")
        }
        (_, Some(quota)) => Said::new(Some(quota), "`--cpu-quota` asks for it"),
        _ if wishes.cpu_quota == Some(0) => Said::new(None, "`--cpu-quota` asks for no bound"),
        _ => Said::new(default_quota, default_why),
    };
    limits.cpu_period = match period {
        Some(period) => Said::new(Some(period), "`--cpu-period` asks for it"),
        None if limits.cpu_quota.value.is_some() => Said::new(Some(PERIOD), "the kernel's default"),
        None => Said::new(None, "processors have no bound"),
    };
    let shares = wishes.cpu_shares.filter(|shares| *shares != 0);
    if shares.is_some_and(|shares| !(2..=262_144).contains(&shares)) {
        gate.fault("--cpu-shares", "the weight is out of range", "give 2 to 262144, 1024 being usual");
    }
    limits.cpu_shares = asked(shares, "--cpu-shares", "all containers weigh the same");
    limits.cpuset_cpus = set(wishes.cpuset_cpus.as_deref(), "--cpuset-cpus", gate);
    limits.cpuset_mems = set(wishes.cpuset_mems.as_deref(), "--cpuset-mems", gate);
}

fn asked<T>(value: Option<T>, flag: &str, default: &str) -> Said<Option<T>> {
    let why = if value.is_some() { format!("`{flag}` asks for it") } else { default.to_owned() };
    Said::new(value, why)
}

/// A list of numbers and ranges, as cpuset(7) has them.
fn set(text: Option<&str>, flag: &str, gate: &mut Gate<'_>) -> Said<Option<String>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Said::new(None, "all may be used") };
    let number =
        |word: &str| word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse::<u16>().ok()).flatten();
    let fine = text.len() <= 1024
        && text.split(',').all(|part| match part.split_once('-') {
            Some((first, last)) => number(first).zip(number(last)).is_some_and(|(first, last)| first <= last),
            None => number(part).is_some(),
        });
    if !fine {
        gate.fault(&format!("{flag} {}", shown(text)), "it is no list of numbers and ranges", "write it as `0-2,7`");
    }
    Said::new(Some(text.to_owned()), format!("`{flag}` asks for it"))
}

fn rates(asked: &[(String, u64)], flag: &str, gate: &mut Gate<'_>) -> Said<Vec<(String, u64)>> {
    for (device, rate) in asked {
        if !device.starts_with("/dev/") || device.contains("..") {
            gate.fault(&format!("{flag} {}", shown(device)), "it is no path of a device", "write it as `/dev/sda:1mb`");
        }
        if *rate == 0 {
            gate.fault(&format!("{flag} {}", shown(device)), "a rate of 0 would never end", "give at least 1");
        }
    }
    let why = if asked.is_empty() { "no device was named".to_owned() } else { format!("`{flag}` asks for it") };
    Said::new(asked.to_vec(), why)
}

/// Names that `--ulimit` takes (setrlimit(2), in lower case and without `RLIMIT_`).
pub const RLIMITS: [&str; 16] = [
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// What setrlimit(2) bounds. The last of several of a name counts, as with Docker.
pub(super) fn rlimits(wishes: &Wishes, level: Level, gate: &mut Gate<'_>) -> Vec<Said<Rlimit>> {
    let made = |name: &str, soft, hard, why: &str| Said::new(Rlimit { name: name.to_owned(), soft, hard }, why);
    let mut found = match level {
        Level::Docker => Vec::new(),
        Level::Strict | Level::Default => {
            let strict = level == Level::Strict;
            let (soft, hard) = if strict { (256, 1024) } else { (1024, 16_384) };
            let files = "what most programs expect; servers raise it up to the hard bound by themselves";
            vec![
                made("core", 0, 0, "memory with secrets in it isn't written to files"),
                made("nofile", soft, hard, files),
            ]
        }
    };
    for one in &wishes.rlimits {
        let place = format!("--ulimit {}", shown(&one.name));
        if !RLIMITS.contains(&one.name.as_str()) {
            gate.fault(&place, "there is no such limit", &format!("use one of {}", RLIMITS.join(", ")));
            continue;
        }
        if one.soft > one.hard {
            gate.fault(&place, "the soft limit is above the hard one", "write it as `NAME=SOFT:HARD`");
        }
        if matches!(one.name.as_str(), "rtprio" | "nice") && one.hard > 0 {
            gate.ask("real-time", &place);
        }
        found.retain(|known| known.value.name != one.name);
        found.push(Said::new(one.clone(), "`--ulimit` asks for it"));
    }
    found.sort_by(|a, b| a.value.name.cmp(&b.value.name));
    found
}
