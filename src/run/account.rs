//! What a container has used, read from its control groups when it has ended, and by which file.

use std::path::Path;

use serde::Serialize;

use super::cgroup::{Cgroup, size};
use super::{procfs, sys};

/// What was used. Each part is absent where nothing counts it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Account {
    /// The most bytes of memory at one time.
    pub peak_memory: Option<Counted>,
    /// Microseconds of CPU in the program's code.
    pub cpu_user: Option<Counted>,
    /// Microseconds of CPU in the kernel's code.
    pub cpu_system: Option<Counted>,
    /// Periods in which the CPU quota was used up.
    pub throttled: Option<Counted>,
    /// Microseconds of waiting for the next period.
    pub throttled_time: Option<Counted>,
    /// The most processes and threads at one time.
    pub peak_processes: Option<Counted>,
    /// Bytes read from block devices.
    pub bytes_read: Option<Counted>,
    /// Bytes written to block devices.
    pub bytes_written: Option<Counted>,
    /// Processes that were killed because the memory was used up.
    pub oom_kills: Option<Counted>,
}

/// A number, and what counted it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Counted {
    /// The number.
    pub value: u64,
    /// The file or call.
    pub read_from: String,
}

impl Account {
    /// Reads what the groups have counted. Without one that counts CPU time, it is that of the launcher's children that
    /// have been waited for (getrusage(2)), and the memory is that of the largest of them.
    #[must_use]
    pub fn of(cgroup: &Cgroup) -> Self {
        let mut account = Self::default();
        for (controller, folder) in cgroup.folders() {
            match controller {
                "" => account.v2(folder),
                _ => account.v1(controller, folder),
            }
        }
        if let Some(usage) = sys::children_usage() {
            let from = |what: &str| format!("getrusage {what}");
            let or = |field: &mut Option<Counted>, value, what| {
                field.get_or_insert_with(|| Counted { value, read_from: from(what) });
            };
            or(&mut account.cpu_user, usage.user, "ru_utime");
            or(&mut account.cpu_system, usage.system, "ru_stime");
            or(&mut account.peak_memory, usage.largest, "ru_maxrss of the largest process");
        }
        account
    }

    /// One row for each number that is known: `what · value · read from`.
    #[must_use]
    pub fn rows(&self) -> Vec<[String; 3]> {
        type Shown = fn(u64) -> String;
        let time: Shown = |micros| format!("{}.{:03} s", micros / 1_000_000, micros / 1_000 % 1_000);
        let number: Shown = |number| number.to_string();
        let all = [
            ("peak memory", &self.peak_memory, size as Shown),
            ("CPU time in the program", &self.cpu_user, time),
            ("CPU time in the kernel", &self.cpu_system, time),
            ("times throttled", &self.throttled, number),
            ("time throttled", &self.throttled_time, time),
            ("peak processes", &self.peak_processes, number),
            ("bytes read", &self.bytes_read, size),
            ("bytes written", &self.bytes_written, size),
            ("killed for memory", &self.oom_kills, number),
        ];
        let known = all.into_iter().filter_map(|(what, counted, shown)| {
            let counted = counted.as_ref()?;
            Some([what.to_owned(), shown(counted.value), counted.read_from.clone()])
        });
        known.collect()
    }

    /// The rows as an aligned table, a line each.
    #[must_use]
    pub fn text(&self) -> String {
        super::proof::table(&self.rows())
    }

    fn v2(&mut self, folder: &Path) {
        let flat = |file: &'static str, key: &str| counted(folder, file, |text| keyed(text, key));
        self.peak_memory = counted(folder, "memory.peak", number);
        self.cpu_user = flat("cpu.stat", "user_usec");
        self.cpu_system = flat("cpu.stat", "system_usec");
        self.throttled = flat("cpu.stat", "nr_throttled");
        self.throttled_time = flat("cpu.stat", "throttled_usec");
        self.peak_processes = counted(folder, "pids.peak", number);
        self.bytes_read = counted(folder, "io.stat", |text| summed(text, "rbytes="));
        self.bytes_written = counted(folder, "io.stat", |text| summed(text, "wbytes="));
        self.oom_kills = flat("memory.events", "oom_kill");
    }

    fn v1(&mut self, controller: &str, folder: &Path) {
        let flat = |file: &'static str, key: &str| counted(folder, file, |text| keyed(text, key));
        match controller {
            "memory" => {
                self.peak_memory = counted(folder, "memory.max_usage_in_bytes", number);
                self.oom_kills = flat("memory.oom_control", "oom_kill");
            }
            "cpu" => {
                self.throttled = flat("cpu.stat", "nr_throttled");
                self.throttled_time = flat("cpu.stat", "throttled_time").map(microseconds);
            }
            "cpuacct" => {}
            "pids" => self.peak_processes = counted(folder, "pids.peak", number),
            "blkio" => {
                let file = "blkio.throttle.io_service_bytes_recursive";
                self.bytes_read = counted(folder, file, |text| third(text, "Read"));
                self.bytes_written = counted(folder, file, |text| third(text, "Write"));
            }
            _ => {}
        }
        // Often in one hierarchy with cpu.
        if matches!(controller, "cpu" | "cpuacct") && self.cpu_user.is_none() {
            self.cpu_user = counted(folder, "cpuacct.usage_user", number).map(microseconds);
            self.cpu_system = counted(folder, "cpuacct.usage_sys", number).map(microseconds);
        }
    }
}

fn counted(folder: &Path, file: &str, value: impl Fn(&str) -> Option<u64>) -> Option<Counted> {
    let value = value(&procfs::read(folder.join(file)).ok()?)?;
    Some(Counted { value, read_from: file.to_owned() })
}

/// Version 1 counts nanoseconds.
fn microseconds(counted: Counted) -> Counted {
    Counted { value: counted.value / 1_000, ..counted }
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// The number behind a word, in lines `word number`.
fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.parse().ok())
}

/// The sum of what stands behind `key` in all lines, of all devices: `8:0 rbytes=1 wbytes=2`.
fn summed(text: &str, key: &str) -> Option<u64> {
    let numbers = text.split_whitespace().filter_map(|word| word.strip_prefix(key)?.parse::<u64>().ok());
    Some(numbers.fold(0, u64::saturating_add))
}

/// The sum of the numbers in lines `8:0 Read 123`.
fn third(text: &str, word: &str) -> Option<u64> {
    let numbers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        (words.next()? == word).then(|| words.next()?.parse::<u64>().ok()).flatten()
    });
    Some(numbers.fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_2_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        for (file, text) in [
            ("memory.peak", "1048576\n"),
            ("cpu.stat", "usage_usec 9\nuser_usec 5000000\nsystem_usec 4\nnr_throttled 3\nthrottled_usec 1500\n"),
            ("pids.peak", "7\n"),
            ("io.stat", "8:0 rbytes=10 wbytes=2 rios=1\n8:16 rbytes=5 wbytes=1\n"),
            ("memory.events", "low 0\noom 2\noom_kill 1\noom_group_kill 0\n"),
        ] {
            std::fs::write(folder.path().join(file), text).expect("written");
        }
        let mut account = Account::default();
        account.v2(folder.path());
        assert_eq!(
            account.text(),
            "peak memory             · 1 MiB   · memory.peak\n\
             CPU time in the program · 5.000 s · cpu.stat\n\
             CPU time in the kernel  · 0.000 s · cpu.stat\n\
             times throttled         · 3       · cpu.stat\n\
             time throttled          · 0.001 s · cpu.stat\n\
             peak processes          · 7       · pids.peak\n\
             bytes read              · 15 B    · io.stat\n\
             bytes written           · 3 B     · io.stat\n\
             killed for memory       · 1       · memory.events\n"
        );
    }

    #[test]
    fn version_1_is_read_and_torn_files_count_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        for (file, text) in [
            ("memory.max_usage_in_bytes", "5"),
            ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"),
            ("cpu.stat", "nr_periods 1\nnr_throttled x\nthrottled_time 9000\n"),
            ("cpuacct.usage_user", "7000\n"),
            ("blkio.throttle.io_service_bytes_recursive", "8:0 Read 4096\n8:0 Write 1\n8:0\n8:1 Read\nTotal 5\n"),
        ] {
            std::fs::write(folder.path().join(file), text).expect("written");
        }
        let mut account = Account::default();
        for controller in ["memory", "cpu", "pids", "blkio", "strange"] {
            account.v1(controller, folder.path());
        }
        let value = |counted: &Option<Counted>| counted.as_ref().map(|counted| counted.value);
        assert_eq!((value(&account.peak_memory), value(&account.oom_kills)), (Some(5), Some(4)));
        assert_eq!((value(&account.throttled), value(&account.throttled_time)), (None, Some(9)));
        assert_eq!((value(&account.cpu_user), value(&account.cpu_system)), (Some(7), None));
        assert_eq!((value(&account.bytes_read), value(&account.peak_processes)), (Some(4096), None));
    }
}
