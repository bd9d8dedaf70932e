//! Rows about limits: of the control group, and that the process is in it; of setrlimit(2).

use oci_spec::runtime::{PosixRlimit, PosixRlimitType};

use super::facts::Facts;
use super::{Extra, Row, Verdict};
use crate::run::Order;
use crate::run::cgroup::Cgroup;

/// All rows about limits.
pub(super) fn rows(order: &Order, facts: &Facts, cgroup: Option<&Cgroup>, extra: &Extra<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(cgroup) = cgroup {
        rows.extend(member(facts, cgroup));
        rows.extend(cgroup.in_force().into_iter().map(|limit| {
            let mechanism = format!("{} {}", limit.mechanism, limit.read_from).trim_end().to_owned();
            let row = Row::new(limit.what, limit.asked, limit.in_force, mechanism, true);
            Row { verdict: limit.held.into(), ..row }
        }));
    }
    let asked = order.spec.process().as_ref().and_then(|process| process.rlimits().as_deref()).unwrap_or_default();
    rows.extend(extra.rlimits.unwrap_or(asked).iter().map(|limit| rlimit(&facts.limits, limit)));
    rows
}

/// Whether the process is in each of the groups, by the name of their folder, which is unique.
fn member(facts: &Facts, cgroup: &Cgroup) -> Option<Row> {
    let mut missing = Vec::new();
    let mut name = String::new();
    for (controller, folder) in cgroup.folders() {
        name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_in = facts.cgroup.lines().any(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let controllers = fields.next().unwrap_or_default();
            let path = fields.next().unwrap_or_default();
            controllers.split(',').any(|one| one == controller) && path.rsplit('/').next() == Some(name.as_str())
        });
        if !is_in {
            missing.push(if controller.is_empty() { "version 2" } else { controller });
        }
    }
    if name.is_empty() {
        return None;
    }
    let in_force = if missing.is_empty() { name.clone() } else { format!("not in {}", missing.join(", ")) };
    Some(Row::new("control group", name, in_force, "/proc/PID/cgroup", missing.is_empty()))
}

fn rlimit(limits: &str, asked: &PosixRlimit) -> Row {
    let shown = |soft: u64, hard: u64| format!("{}:{}", number(soft), number(hard));
    let wanted = shown(asked.soft(), asked.hard());
    let what = asked.typ().to_string();
    let Some((soft, hard)) = in_force(limits, asked.typ()) else {
        return Row::new(what, wanted, "can't be read", "/proc/PID/limits", false);
    };
    let row = Row::new(what, wanted, shown(soft, hard), "setrlimit", (soft, hard) == (asked.soft(), asked.hard()));
    // What is above the launcher's own hard limit can't be had (getrlimit(2)): less is in force, which is stricter.
    let stricter = soft <= asked.soft() && hard <= asked.hard();
    if row.verdict == Verdict::Differs && stricter {
        return Row { mechanism: "setrlimit, the launcher's own hard limit".to_owned(), ..row }.partly();
    }
    row
}

fn in_force(limits: &str, kind: PosixRlimitType) -> Option<(u64, u64)> {
    let name = name(kind);
    let rest = limits.lines().find_map(|line| line.strip_prefix(name))?;
    let mut numbers = rest.split_whitespace().map(|word| match word {
        "unlimited" => Some(u64::MAX),
        word => word.parse().ok(),
    });
    Some((numbers.next()??, numbers.next()??))
}

fn number(number: u64) -> String {
    if number == u64::MAX { "unlimited".to_owned() } else { number.to_string() }
}

/// Its line in /proc/PID/limits.
fn name(kind: PosixRlimitType) -> &'static str {
    match kind {
        PosixRlimitType::RlimitCpu => "Max cpu time",
        PosixRlimitType::RlimitFsize => "Max file size",
        PosixRlimitType::RlimitData => "Max data size",
        PosixRlimitType::RlimitStack => "Max stack size",
        PosixRlimitType::RlimitCore => "Max core file size",
        PosixRlimitType::RlimitRss => "Max resident set",
        PosixRlimitType::RlimitNproc => "Max processes",
        PosixRlimitType::RlimitNofile => "Max open files",
        PosixRlimitType::RlimitMemlock => "Max locked memory",
        PosixRlimitType::RlimitAs => "Max address space",
        PosixRlimitType::RlimitLocks => "Max file locks",
        PosixRlimitType::RlimitSigpending => "Max pending signals",
        PosixRlimitType::RlimitMsgqueue => "Max msgqueue size",
        PosixRlimitType::RlimitNice => "Max nice priority",
        PosixRlimitType::RlimitRtprio => "Max realtime priority",
        PosixRlimitType::RlimitRttime => "Max realtime timeout",
    }
}
