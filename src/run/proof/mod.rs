//! What is in force, read from the kernel, of a process that has nothing left to do but to execute the program: each thing
//! that was asked for, what the kernel says about it, and by which mechanism it is enforced.

mod facts;
mod limits;
mod mounts;
mod process;

use oci_spec::runtime::PosixRlimit;
use rustix::process::Pid;
use serde::Serialize;

use super::cgroup::{Cgroup, Held};
use super::{Error, IdMaps, Order};
use crate::policy::Profile;

/// All that was asked for, beside what is in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Proof {
    /// The container's name.
    pub container: String,
    /// How many rows differ.
    pub differences: usize,
    /// One thing each.
    pub rows: Vec<Row>,
}

/// One thing that was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Row {
    /// What it is about.
    pub what: String,
    /// What was asked for.
    pub asked: String,
    /// What the kernel says.
    pub in_force: String,
    /// What enforces it, and where that was read.
    pub mechanism: String,
    /// Whether that is as asked.
    pub verdict: Verdict,
}

/// How what is in force compares to what was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As asked, or stricter.
    Holds,
    /// Less, and that was known and accepted.
    Partly,
    /// Otherwise. The container isn't started.
    Differs,
}

/// What can't be read from the process.
#[derive(Clone, Debug, Default)]
pub struct Extra<'a> {
    /// Paths of files of the launcher's own that are shown in the container.
    pub files: &'a [&'a str],
    /// The limits of setrlimit(2) that it got, where they aren't those of the specification: [`Cgroup::rlimits`].
    pub rlimits: Option<&'a [PosixRlimit]>,
    /// What only the process itself, or who has set it up, can tell: Landlock, the keyring, an AppArmor profile that
    /// execve(2) will enter (`what` is `AppArmor` there).
    pub told: &'a [Row],
}

/// Reads what is in force. `pid` waits at the gate: no code of the image has run in it.
#[must_use]
pub fn read(pid: Pid, order: &Order, cgroup: Option<&Cgroup>, extra: &Extra<'_>) -> Proof {
    let facts = facts::Facts::of(pid, order);
    let mut rows = process::rows(order, &facts, extra);
    rows.extend(mounts::rows(order, &facts.mountinfo, &|path| facts.look(path), extra));
    rows.extend(limits::rows(order, &facts, cgroup, extra));
    rows.extend(extra.told.iter().filter(|row| row.what != process::APPARMOR).cloned());
    rows.extend(widened(&order.profile));
    let differences = rows.iter().filter(|row| row.verdict == Verdict::Differs).count();
    Proof { container: order.name.clone(), differences, rows }
}

impl Proof {
    /// Whether all is in force.
    ///
    /// # Errors
    /// The first thing that isn't, and how many more there are.
    pub fn check(&self) -> Result<(), Error> {
        let mut differing = self.rows.iter().filter(|row| row.verdict == Verdict::Differs);
        let Some(first) = differing.next() else { return Ok(()) };
        let more = match differing.count() {
            0 => String::new(),
            count => format!(", and {count} more differ"),
        };
        let problem = format!("asked for {}, in force is {}{more}", first.asked, first.in_force);
        Err(Error::new(first.what.clone(), problem, "see all with `--proof -`; the container wasn't started"))
    }

    /// Things that are less than was asked for, and were accepted.
    pub fn partial(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.verdict == Verdict::Partly)
    }

    /// The whole as a table, a line each, with a mark before what isn't as asked: `~` in part, `!` not at all.
    #[must_use]
    pub fn text(&self) -> String {
        let head = ["  what", "asked", "in force", "by"].map(str::to_owned);
        let row = |row: &Row| {
            let mark = match row.verdict {
                Verdict::Holds => ' ',
                Verdict::Partly => '~',
                Verdict::Differs => '!',
            };
            [format!("{mark} {}", row.what), row.asked.clone(), row.in_force.clone(), row.mechanism.clone()]
        };
        let rows: Vec<[String; 4]> = std::iter::once(head).chain(self.rows.iter().map(row)).collect();
        table(&rows)
    }

    /// The whole as JSON, with a line break at its end.
    #[must_use]
    pub fn json(&self) -> String {
        // Nothing in it can't be written as JSON: its keys are names and its values are texts.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

impl Row {
    /// A thing that is as asked where `holds`.
    #[must_use]
    pub fn new(
        what: impl Into<String>,
        asked: impl Into<String>,
        in_force: impl Into<String>,
        mechanism: impl Into<String>,
        holds: bool,
    ) -> Self {
        let verdict = if holds { Verdict::Holds } else { Verdict::Differs };
        Self { what: what.into(), asked: asked.into(), in_force: in_force.into(), mechanism: mechanism.into(), verdict }
    }

    /// The same, less than asked and accepted.
    #[must_use]
    pub fn partly(self) -> Self {
        Self { verdict: Verdict::Partly, ..self }
    }
}

impl From<Held> for Verdict {
    fn from(held: Held) -> Self {
        match held {
            Held::Fully => Self::Holds,
            Held::Partly => Self::Partly,
            Held::Not => Self::Differs,
        }
    }
}

/// Columns of the same width, ` · ` between them. What would break a line or colour a terminal is shown as it is written
/// in Rust: names in it may be an image's.
#[must_use]
pub fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let plain = |cell: &String| -> String {
        cell.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
    };
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(plain)).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join(" · ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn widened(profile: &Profile) -> impl Iterator<Item = Row> {
    profile.widened.iter().map(|widening| {
        let (allow, what) = (&widening.value.allow, &widening.value.what);
        Row::new("widened", format!("--allow {allow}"), what.clone(), "the profile", true)
    })
}

/// The ids outside of users or groups inside; those that aren't mapped are left out.
fn outside(ids: &IdMaps, user: bool, inside: &[u32]) -> Vec<u32> {
    let one = |id: &u32| if user { ids.uid_outside(*id) } else { ids.gid_outside(*id) };
    inside.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests;
