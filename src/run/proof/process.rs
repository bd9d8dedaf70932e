//! Rows about the process: who it is, what it may do, which namespaces it has, what it holds open.

use oci_spec::runtime::{Capabilities, Capability, LinuxNamespaceType};

use super::facts::{Facts, field};
use super::{Extra, Row, Verdict, outside};
use crate::policy::{Egress, Network};
use crate::run::{IdRange, MapWriter, Order};

/// The name of that row, whoever tells it.
pub(super) const APPARMOR: &str = "AppArmor";

/// All rows about the process.
pub(super) fn rows(order: &Order, facts: &Facts, extra: &Extra<'_>) -> Vec<Row> {
    let mut rows = identity(order, facts);
    rows.extend(capabilities(order, facts));
    rows.extend(privileges(order, facts));
    rows.push(namespaces(order, facts));
    rows.extend(maps(order, facts));
    rows.extend(network(order, facts));
    rows.extend(modules(order, facts, extra));
    rows.extend(held(order, facts));
    rows
}

fn identity(order: &Order, facts: &Facts) -> Vec<Row> {
    let Some(process) = order.spec.process().as_ref() else { return Vec::new() };
    let user = process.user();
    let one = |what: &str, key: &str, inside: u32, is_user: bool| {
        let numbers = numbers(facts.status(key));
        let wanted = outside(&order.ids, is_user, &[inside]);
        let holds = numbers.len() == 4 && wanted.len() == 1 && numbers.iter().all(|number| wanted.contains(number));
        let shown = match wanted.first() {
            Some(wanted) => format!("{inside} ({wanted} outside)"),
            None => format!("{inside} (not mapped)"),
        };
        let all_four = numbers.first().filter(|first| numbers.len() == 4 && numbers.iter().all(|one| one == *first));
        let found = all_four.map_or_else(|| facts.status(key).replace('\t', " "), u32::to_string);
        Row::new(what, shown, format!("{found} outside"), format!("status {key}"), holds)
    };
    let mut rows = vec![one("user", "Uid", user.uid(), true), one("group", "Gid", user.gid(), false)];
    rows.push(groups(order, facts, user.additional_gids().as_deref().unwrap_or_default()));
    let umask = user.umask().unwrap_or(0o022) & 0o777;
    let found = facts.status("Umask");
    let holds = u32::from_str_radix(found, 8) == Ok(umask);
    rows.push(Row::new("umask", format!("{umask:04o}"), found, "status Umask", holds));
    rows
}

fn groups(order: &Order, facts: &Facts, asked: &[u32]) -> Row {
    let sorted = |mut groups: Vec<u32>| {
        groups.sort_unstable();
        groups.dedup();
        groups
    };
    let (wanted, found) = (sorted(outside(&order.ids, false, asked)), sorted(numbers(facts.status("Groups"))));
    let all_mapped = asked.iter().all(|group| order.ids.gid_outside(*group).is_some());
    let torn = !facts.status.contains("Groups:");
    let row = Row::new("groups", list(asked), format!("{} outside", list(&found)), "status Groups", false);
    if all_mapped && wanted == found && !torn {
        return Row { verdict: Verdict::Holds, ..row };
    }
    let own = sorted(numbers(field(&facts.own_status, "Groups")));
    if order.ids.writer == MapWriter::OneId && asked.is_empty() && own == found && !torn {
        // user_namespaces(7): who may map only one id may not leave groups.
        let in_force = format!("the caller's: {} outside", list(&found));
        return Row { in_force, mechanism: "status Groups: one id can't leave them".to_owned(), ..row }.partly();
    }
    row
}

fn capabilities(order: &Order, facts: &Facts) -> Vec<Row> {
    let sets = order.spec.process().as_ref().and_then(|process| process.capabilities().as_ref());
    let asked = [
        ("CapInh", sets.and_then(|sets| sets.inheritable().as_ref())),
        ("CapPrm", sets.and_then(|sets| sets.permitted().as_ref())),
        ("CapEff", sets.and_then(|sets| sets.effective().as_ref())),
        ("CapBnd", sets.and_then(|sets| sets.bounding().as_ref())),
        ("CapAmb", sets.and_then(|sets| sets.ambient().as_ref())),
    ];
    let found = asked.map(|(key, _)| (key, facts.status(key)));
    let wanted = asked.map(|(_, set)| set.map_or(0, mask));
    let holds = |(found, wanted): (&(&str, &str), &u64)| u64::from_str_radix(found.1, 16) == Ok(*wanted);
    let same = wanted.iter().all(|mask| *mask == wanted[0]) && found.iter().all(|(_, text)| *text == found[0].1);
    if same {
        let all = found.iter().zip(&wanted).all(holds);
        let mechanism = "capset, in all five sets";
        let asked = names(asked[0].1);
        return vec![Row::new("capabilities", asked, shown(found[0].1), mechanism, all)];
    }
    let rows = found.iter().zip(&wanted).zip(&asked).map(|((found, wanted), (key, set))| {
        Row::new(format!("capabilities {key}"), names(*set), shown(found.1), "capset", holds((found, wanted)))
    });
    rows.collect()
}

fn privileges(order: &Order, facts: &Facts) -> Vec<Row> {
    let mut rows = Vec::new();
    let flag = |key: &str| facts.status(key).to_owned();
    if order.spec.process().as_ref().is_some_and(|process| process.no_new_privileges() == Some(true)) {
        rows.push(Row::new(
            "no new privileges",
            "1",
            flag("NoNewPrivs"),
            "status NoNewPrivs",
            flag("NoNewPrivs") == "1",
        ));
    }
    let list = order.spec.linux().as_ref().and_then(|linux| linux.seccomp().as_ref());
    let count = |text: &str| field(text, "Seccomp_filters").parse::<u32>().ok();
    let (own, found) = (count(&facts.own_status), count(&facts.status));
    // Kernels before 5.9 don't count.
    let added = own.zip(found).map(|(own, found)| found.saturating_sub(own));
    let in_force = match added {
        Some(added) => format!("mode {}, {added} of its own", flag("Seccomp")),
        None => format!("mode {}", flag("Seccomp")),
    };
    match list {
        Some(list) => {
            let names: usize = list.syscalls().iter().flatten().map(|rule| rule.names().len()).sum();
            let asked = format!("{} for all but {names} names", list.default_action());
            let holds = flag("Seccomp") == "2" && added.is_none_or(|added| added == 1);
            rows.push(Row::new("system calls", asked, in_force, "seccomp filter", holds));
        }
        None => {
            let holds = flag("Seccomp") == field(&facts.own_status, "Seccomp");
            rows.push(Row::new("system calls", "no filter", in_force, "status Seccomp", holds));
        }
    }
    rows
}

fn namespaces(order: &Order, facts: &Facts) -> Row {
    let asked = order.spec.linux().as_ref().and_then(|linux| linux.namespaces().as_ref());
    let mut wanted: Vec<&str> = asked.into_iter().flatten().map(|one| link_name(one.typ())).collect();
    // The root is changed and ids are mapped in any case.
    wanted.extend(["mnt", "user"]);
    wanted.sort_unstable();
    wanted.dedup();
    let own = facts.namespaces.iter().filter(|(_, inside, outside)| {
        let known = |link: &str| link.contains(":[");
        known(inside) && known(outside) && inside != outside
    });
    let own: Vec<&str> = own.map(|(kind, _, _)| *kind).collect();
    let mut holds = wanted.iter().all(|kind| own.contains(kind));
    let mut in_force = own.join(" ");
    if wanted.contains(&"pid") && facts.status("NSpid").split_whitespace().last() != Some("1") {
        holds = false;
        in_force = format!("{in_force}, but it isn't process 1 there");
    }
    Row::new("own namespaces", wanted.join(" "), in_force, "/proc/PID/ns", holds)
}

fn link_name(kind: LinuxNamespaceType) -> &'static str {
    match kind {
        LinuxNamespaceType::Mount => "mnt",
        LinuxNamespaceType::Cgroup => "cgroup",
        LinuxNamespaceType::Uts => "uts",
        LinuxNamespaceType::Ipc => "ipc",
        LinuxNamespaceType::User => "user",
        LinuxNamespaceType::Pid => "pid",
        LinuxNamespaceType::Network => "net",
        LinuxNamespaceType::Time => "time",
    }
}

fn maps(order: &Order, facts: &Facts) -> Vec<Row> {
    let shown = |ranges: &[(u32, u32, u32)]| {
        let one = |(inside, outside, count): &(u32, u32, u32)| format!("{inside}→{outside} ({count})");
        ranges.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let row = |what: &str, file: &str, ranges: &[IdRange], text: &str| {
        let sorted = |mut ranges: Vec<(u32, u32, u32)>| {
            ranges.sort_unstable();
            ranges
        };
        let wanted = sorted(ranges.iter().map(|range| (range.inside, range.outside, range.count)).collect());
        let found = text.lines().map(|line| {
            let numbers = numbers(line);
            (numbers.len() == 3).then(|| (numbers[0], numbers[1], numbers[2]))
        });
        let found = sorted(found.collect::<Option<Vec<_>>>().unwrap_or_default());
        let holds = !found.is_empty() && wanted == found;
        Row::new(what, shown(&wanted), shown(&found), file, holds)
    };
    let mut rows = vec![
        row("user ids", "uid_map", &order.ids.uids, &facts.uid_map),
        row("group ids", "gid_map", &order.ids.gids, &facts.gid_map),
    ];
    let unmapped = crate::run::ids::unmapped(&order.ids, &order.profile.user.value);
    rows.extend(unmapped.into_iter().map(|id| Row::new("id", id, "not mapped", "user namespace", false).partly()));
    rows
}

/// Interfaces that the kernel itself puts into each new network when a module is loaded; they are down.
const FALLBACKS: [&str; 12] = [
    "sit0",
    "tunl0",
    "gre0",
    "gretap0",
    "erspan0",
    "ip_vti0",
    "ip6_vti0",
    "ip6tnl0",
    "ip6gre0",
    "ip6gretap0",
    "ip6erspan0",
    "tunl6",
];

fn network(order: &Order, facts: &Facts) -> Option<Row> {
    let names = facts.devices.lines().skip(2).filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim());
    let names: Vec<&str> = names.filter(|name| !FALLBACKS.contains(name)).collect();
    let mut in_force = names.join(" ");
    match &order.profile.network.value {
        Network::None => {
            let routes = facts.routes.lines().skip(1).filter(|line| !line.trim().is_empty()).count();
            let away = |line: &&str| line.split_whitespace().last() != Some("lo");
            let routes = routes + facts.routes6.lines().filter(away).count();
            if routes > 0 {
                in_force = format!("{in_force}, {routes} routes");
            }
            let holds = names == ["lo"] && routes == 0;
            Some(Row::new("network", "lo alone, no route", in_force, "network namespace", holds))
        }
        Network::Egress(egress) => {
            let holds = names.contains(&"lo");
            let asked = match egress {
                Egress::All => "a way out".to_owned(),
                Egress::Only(places) => {
                    let places = places.iter().map(|(host, port)| format!("{host}:{port}"));
                    format!("a way out to {}", places.collect::<Vec<_>>().join(" "))
                }
            };
            Some(Row::new("network", asked, in_force, "network namespace", holds))
        }
        Network::Host => None,
    }
}

fn modules(order: &Order, facts: &Facts, extra: &Extra<'_>) -> Vec<Row> {
    let Some(process) = order.spec.process().as_ref() else { return Vec::new() };
    let mut rows = Vec::new();
    if let Some(wanted) = process.apparmor_profile().as_ref().filter(|name| *name != "unconfined") {
        // The mode comes behind the name: `docker-default (enforce)`.
        let current = facts.apparmor.trim_end_matches('\0');
        let name = current.rsplit_once(" (").map_or(current, |(name, _)| name);
        let told = extra.told.iter().find(|row| row.what == APPARMOR);
        rows.push(match told.filter(|_| name != wanted) {
            // What execve(2) will enter is shown to the process itself alone.
            Some(told) => told.clone(),
            None => Row::new(APPARMOR, wanted.clone(), current, "attr/apparmor/current", name == wanted),
        });
    }
    if let Some(wanted) = process.selinux_label() {
        let found = facts.selinux.trim_end_matches('\0');
        rows.push(Row::new("SELinux", wanted.clone(), found, "attr/exec", found == wanted));
    }
    rows
}

fn held(order: &Order, facts: &Facts) -> Vec<Row> {
    let mut rows = Vec::new();
    let shown = facts.descriptors.as_ref().map_or_else(|| "can't be read".to_owned(), |open| list(open));
    let holds = facts.descriptors.as_deref() == Some(&[0, 1, 2]);
    let row = Row::new("open descriptors", "0 1 2", shown, "close_range", holds);
    // Before Linux 5.14 the process's own user alone may look, who isn't the caller then. That they were closed is known
    // from close_range(2), whose failure would have stopped the start.
    let hidden = facts.descriptors.is_none() && order.ids.writer == MapWriter::Helpers;
    rows.push(if hidden { row.partly() } else { row });
    let threads = facts.status("Threads");
    if threads != "1" {
        rows.push(Row::new("threads", "1", threads, "status Threads", false));
    }
    let tracer = facts.status("TracerPid");
    if tracer != "0" {
        // Who may trace it from outside could do so at any time; that it is so is said.
        rows.push(Row::new("tracer", "none", tracer, "status TracerPid", false).partly());
    }
    if let Some(wanted) = order.spec.process().as_ref().and_then(|process| process.oom_score_adj()) {
        let holds = facts.oom_score_adj.trim().parse() == Ok(wanted);
        let found = facts.oom_score_adj.trim();
        rows.push(Row::new("OOM score", wanted.to_string(), found, "oom_score_adj", holds));
    }
    rows
}

/// All numbers of a text; none at all where a word is no number.
fn numbers(text: &str) -> Vec<u32> {
    text.split_whitespace().map(str::parse).collect::<Result<_, _>>().unwrap_or_default()
}

fn list(numbers: &[u32]) -> String {
    match numbers {
        [] => "none".to_owned(),
        _ => numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" "),
    }
}

fn names(set: Option<&Capabilities>) -> String {
    let mut names: Vec<String> = set.into_iter().flatten().map(Capability::to_string).collect();
    names.sort_unstable();
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

fn shown(mask: &str) -> String {
    match u64::from_str_radix(mask, 16) {
        Ok(0) => "none".to_owned(),
        _ => mask.to_owned(),
    }
}

fn mask(set: &Capabilities) -> u64 {
    set.iter().fold(0, |mask, capability| mask | crate::run::container::bit(*capability).bits())
}
