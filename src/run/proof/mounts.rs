//! Rows about the container's tree: each mount that was asked for is there with its options, what is to be hidden is, what
//! may not be written to can't be, and nothing is mounted that nobody asked for.

use std::path::Path;

use oci_spec::runtime::{LinuxDeviceType, Mount};
use rustix::fs::FileType;

use super::facts::{Place, Seen, look_outside};
use super::{Extra, Row};
use crate::run::Order;
use crate::run::container::DEVICES;
use crate::run::mountinfo::{self, Line};

/// All rows about mounts. `look` tells what is at a path in the container.
pub(super) fn rows(order: &Order, mountinfo: &str, look: &dyn Fn(&str) -> Seen, extra: &Extra<'_>) -> Vec<Row> {
    let (lines, torn) = mountinfo::lines(mountinfo);
    let mut tree = Tree { order, lines, look, known: Vec::new() };
    let mut rows = vec![tree.root()];
    let mounts: Vec<&Mount> = order.spec.mounts().iter().flatten().collect();
    for (index, mount) in mounts.iter().enumerate() {
        rows.push(tree.mount(mount, mounts.get(index + 1..).unwrap_or_default()));
    }
    if mounts.iter().any(|mount| mount.destination() == Path::new("/dev")) {
        rows.push(tree.devices());
    }
    let linux = order.spec.linux().as_ref();
    let paths = |paths: Option<&Vec<String>>| paths.cloned().unwrap_or_default();
    let masked = paths(linux.and_then(|linux| linux.masked_paths().as_ref()));
    let read_only = paths(linux.and_then(|linux| linux.readonly_paths().as_ref()));
    rows.push(tree.closed("read-only paths", &read_only, &Tree::is_shut));
    rows.push(tree.closed("masked paths", &masked, &Tree::is_hidden));
    if !extra.files.is_empty() {
        let files: Vec<String> = extra.files.iter().map(|path| (*path).to_owned()).collect();
        rows.push(tree.closed("the launcher's files", &files, &Tree::is_shut));
    }
    rows.extend(torn.first().map(|line| Row::new("mountinfo", "lines of the kernel's", *line, "mountinfo", false)));
    rows.extend(tree.rest());
    rows
}

struct Tree<'a> {
    order: &'a Order,
    lines: Vec<Line>,
    look: &'a dyn Fn(&str) -> Seen,
    /// Paths that were asked for, and whether what is mounted below them came along.
    known: Vec<(String, bool)>,
}

impl Tree<'_> {
    /// The mount whose root is at a path: by its number, or where that can't be told by its name, the last of them.
    fn at(&self, path: &str) -> Option<(&Line, Option<Place>)> {
        match (self.look)(path) {
            Seen::There(place) => {
                let line = self.lines.iter().find(|line| line.id == place.mount && place.is_mount)?;
                Some((line, Some(place)))
            }
            Seen::Unknown => self.lines.iter().rfind(|line| line.point == path).map(|line| (line, None)),
            Seen::Absent => None,
        }
    }

    fn root(&mut self) -> Row {
        let read_only = self.order.spec.root().as_ref().is_some_and(|root| root.readonly() == Some(true));
        let asked = if read_only { "ro nosuid nodev" } else { "nosuid nodev" };
        self.known.push(("/".to_owned(), false));
        let Some((line, place)) = self.at("/") else {
            return Row::new("root", asked, "not mounted", "mountinfo", false);
        };
        let mut wrong = lacking(line, asked.split(' '));
        // A root over which missing mount points were laid is a file system of its own.
        let same =
            |outside: Option<Place>| outside.zip(place).is_some_and(|(outside, inside)| outside.file == inside.file);
        if line.kind != "overlay" && !same(look_outside(&self.order.root.path)) {
            wrong.push("another folder".to_owned());
        }
        if same(look_outside(Path::new("/"))) {
            wrong.push("the host's root".to_owned());
        }
        Row::new("root", asked, told(line, &wrong), "mount", wrong.is_empty())
    }

    fn mount(&mut self, mount: &Mount, later: &[&Mount]) -> Row {
        let path = mount.destination().to_string_lossy().into_owned();
        let words: Vec<&str> = mount.options().iter().flatten().map(String::as_str).collect();
        let kind = if words.iter().any(|word| matches!(*word, "bind" | "rbind")) {
            "bind"
        } else {
            mount.typ().as_deref().unwrap_or("none")
        };
        let wanted = Wanted::of(&words);
        let asked = format!("{kind} {}", wanted.text());
        let what = format!("mount {path}");
        let found = self.at(&path).map(|(line, place)| (line.clone(), place));
        let below = words.contains(&"rbind") || kind.starts_with("cgroup");
        self.known.push((path.clone(), below));
        if let Some(over) = later.iter().find(|later| mount.destination().starts_with(later.destination())) {
            return Row::new(what, asked, format!("covered by {}", over.destination().display()), "mount", true);
        }
        let Some((line, place)) = found else {
            return Row::new(what, asked, "not mounted", "mountinfo", false);
        };
        // By a link of the image's it may be at another place.
        self.known.push((line.point.clone(), below));
        let is_device = place.is_some_and(|place| is_device(place.mode));
        let flags = wanted.flags.iter().copied().filter(|flag| *flag != "nodev" || !is_device);
        let mut wrong = lacking(&line, flags.chain(["nosuid"]));
        wrong.extend(wrong_kind(kind, &line));
        wrong.extend(wanted.wrong_size(&line));
        if kind == "bind" {
            wrong.extend(another_file(mount, place));
        }
        if below {
            let part = |inner: &&Line| inner.id != line.id && is_below(&inner.point, &line.point);
            let loose = self.lines.iter().filter(part).find(|inner| {
                let closed = wanted.flags.contains(&"ro") && !inner.has("ro");
                closed || !inner.has("nosuid")
            });
            wrong.extend(loose.map(|inner| format!("{} below it is {}", inner.point, inner.options)));
        }
        let sizes = wanted.shown(&line);
        Row::new(what, asked, told(&line, &wrong) + &sizes, "mount", wrong.is_empty())
    }

    fn devices(&mut self) -> Row {
        let asked = self.order.spec.linux().as_ref().and_then(|linux| linux.devices().as_ref());
        let mut wanted: Vec<(String, FileType, u32, u32)> = Vec::new();
        wanted.extend(
            DEVICES.map(|(name, major, minor)| (format!("/dev/{name}"), FileType::CharacterDevice, major, minor)),
        );
        for device in asked.into_iter().flatten() {
            let kind =
                if device.typ() == LinuxDeviceType::B { FileType::BlockDevice } else { FileType::CharacterDevice };
            let number = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
            let path = device.path().to_string_lossy().into_owned();
            if !wanted.iter().any(|(known, ..)| *known == path) {
                wanted.push((path, kind, number(device.major()), number(device.minor())));
            }
        }
        let mut wrong = Vec::new();
        for (path, kind, major, minor) in &wanted {
            let is_it = |place: &Place| {
                place.is_mount && FileType::from_raw_mode(place.mode) == *kind && place.device == (*major, *minor)
            };
            match (self.look)(path) {
                Seen::There(place) if is_it(&place) => {}
                _ => wrong.push(format!("{path} isn't {major}:{minor}")),
            }
        }
        self.known.extend(wanted.iter().map(|(path, ..)| (path.clone(), false)));
        let terminal = self.order.spec.process().as_ref().is_some_and(|process| process.terminal() == Some(true));
        if terminal {
            self.known.push(("/dev/console".to_owned(), false));
        }
        let names = wanted.iter().map(|(path, ..)| path.strip_prefix("/dev/").unwrap_or(path));
        let names = names.collect::<Vec<_>>().join(" ");
        let in_force = if wrong.is_empty() { names.clone() } else { wrong.join(", ") };
        Row::new("devices shown", names, in_force, "mount", wrong.is_empty())
    }

    /// Paths that are all closed in the same way; those that aren't there need not be.
    fn closed(&mut self, what: &str, paths: &[String], is_closed: &dyn Fn(&Self, &str) -> bool) -> Row {
        let (mut closed, mut absent, mut open) = (0, 0, Vec::new());
        for path in paths {
            match (self.look)(path) {
                Seen::Absent => absent += 1,
                _ if is_closed(self, path) => closed += 1,
                _ => open.push(path.as_str()),
            }
        }
        self.known.extend(paths.iter().map(|path| (path.clone(), true)));
        let asked = paths.len().to_string();
        let mut in_force = format!("{closed}");
        if absent > 0 {
            in_force += &format!(", {absent} aren't there");
        }
        if !open.is_empty() {
            in_force += &format!(", open: {}", open.join(" "));
        }
        Row::new(what, asked, in_force, "mount", open.is_empty())
    }

    fn is_shut(&self, path: &str) -> bool {
        self.at(path).is_some_and(|(line, _)| line.has("ro"))
    }

    /// Whether nothing can be read at a path: it is the null device, or an empty file system.
    fn is_hidden(&self, path: &str) -> bool {
        self.at(path).is_some_and(|(line, place)| match place {
            Some(place) if FileType::from_raw_mode(place.mode) == FileType::CharacterDevice => {
                line.has("ro") && place.device == (1, 3)
            }
            Some(place) => {
                let empty = place.mode & 0o777 == 0 && FileType::from_raw_mode(place.mode) == FileType::Directory;
                line.has("ro") && line.kind == "tmpfs" && empty
            }
            None => line.has("ro") && (line.kind == "tmpfs" || line.root.ends_with("/null")),
        })
    }

    /// What is mounted and wasn't asked for, and what is seen outside.
    fn rest(&self) -> Vec<Row> {
        let known = |line: &&Line| {
            self.known.iter().any(|(path, below)| line.point == *path || (*below && is_below(&line.point, path)))
        };
        let extra = self.lines.iter().filter(|line| !known(line));
        let extra =
            extra.map(|line| Row::new(format!("mount {}", line.point), "nothing", told(line, &[]), "mountinfo", false));
        let follows = |path: &str| {
            let mounts = self.order.spec.mounts().iter().flatten();
            mounts
                .filter(|mount| is_below(path, &mount.destination().to_string_lossy()))
                .any(|mount| mount.options().iter().flatten().any(|word| matches!(word.as_str(), "slave" | "rslave")))
        };
        let spreads = self.lines.iter().filter(|line| {
            let word = |prefix: &str| line.propagation.split(' ').any(|word| word.starts_with(prefix));
            word("shared:") || (word("master:") && !follows(&line.point))
        });
        let spreads = spreads.map(|line| {
            Row::new(format!("mount {}", line.point), "private", line.propagation.clone(), "mountinfo", false)
        });
        let loose = self.lines.iter().filter(|line| !line.has("nosuid"));
        let loose = loose
            .map(|line| Row::new(format!("mount {}", line.point), "nosuid", line.options.clone(), "mountinfo", false));
        extra.chain(spreads).chain(loose).collect()
    }
}

/// What the options of a mount ask for, in their order.
#[derive(Default)]
struct Wanted<'a> {
    /// `ro`, `noexec`, `nodev`, `nosuid`, those that hold at last.
    flags: Vec<&'static str>,
    /// `size=1m`, `nr_inodes=64`, `mode=1777`.
    rest: Vec<(&'a str, &'a str)>,
}

impl<'a> Wanted<'a> {
    fn of(words: &[&'a str]) -> Self {
        let mut wanted = Self::default();
        for word in words {
            let (flag, on) = match *word {
                "ro" | "rro" => ("ro", true),
                "rw" => ("ro", false),
                "noexec" => ("noexec", true),
                "exec" => ("noexec", false),
                "nodev" => ("nodev", true),
                "dev" => ("nodev", false),
                "nosuid" => ("nosuid", true),
                word => {
                    let known = word.split_once('=').filter(|(key, _)| ["size", "nr_inodes", "mode"].contains(key));
                    wanted.rest.extend(known);
                    continue;
                }
            };
            wanted.flags.retain(|known| *known != flag);
            if on {
                wanted.flags.push(flag);
            }
        }
        wanted
    }

    fn text(&self) -> String {
        let rest = self.rest.iter().map(|(key, value)| format!("{key}={value}"));
        self.flags.iter().map(|flag| (*flag).to_owned()).chain(rest).collect::<Vec<_>>().join(" ")
    }

    /// The file system's own options that were asked for, as they are.
    fn shown(&self, line: &Line) -> String {
        let asked = |word: &&str| self.rest.iter().any(|(key, _)| word.split('=').next() == Some(key));
        let words = line.super_options.split(',').filter(asked).map(|word| format!(" {word}"));
        if line.kind == "tmpfs" { words.collect() } else { String::new() }
    }

    /// What of the file system's own options isn't so. Only tmpfs(5) tells them in full.
    fn wrong_size(&self, line: &Line) -> Vec<String> {
        if line.kind != "tmpfs" {
            return Vec::new();
        }
        let found =
            |key: &str| line.super_options.split(',').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        let mut wrong = Vec::new();
        for (key, value) in &self.rest {
            let shown = found(key);
            let holds = match *key {
                // This mode is the file system's own, and not told.
                "mode" => octal(shown.unwrap_or("1777")) == octal(value),
                // The kernel counts whole pages.
                "size" => {
                    bytes(value).zip(shown.and_then(bytes)).is_some_and(|(asked, found)| found.abs_diff(asked) < PAGE)
                }
                _ => bytes(value).zip(shown.and_then(bytes)).is_some_and(|(asked, found)| found <= asked),
            };
            if !holds {
                wrong.push(format!("{key}={}", shown.unwrap_or("unbounded")));
            }
        }
        wrong
    }
}

/// More than a page has on any machine.
const PAGE: u64 = 64 << 10;

fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok()
}

/// A number with a unit as tmpfs(5) takes it: `64m`.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text.get(digits.len()..)? {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn lacking<'a>(line: &Line, wanted: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut lacking: Vec<String> = wanted.filter(|word| !line.has(word)).map(|word| format!("not {word}")).collect();
    lacking.dedup();
    lacking
}

fn wrong_kind(wanted: &str, line: &Line) -> Option<String> {
    let right = match wanted {
        "bind" => true,
        "cgroup" | "cgroup2" => ["cgroup", "cgroup2", "tmpfs"].contains(&line.kind.as_str()),
        kind => line.kind == kind,
    };
    (!right).then(|| format!("a {}", line.kind))
}

/// Whether what is bound is what its source is.
fn another_file(mount: &Mount, place: Option<Place>) -> Option<String> {
    let source = mount.source().as_deref().and_then(look_outside);
    // What can't be looked at from outside is believed to its name and options.
    let place = place?;
    match source {
        Some(source) if source.file == place.file => None,
        _ => Some("another file".to_owned()),
    }
}

fn told(line: &Line, wrong: &[String]) -> String {
    let mut text = format!("{} {}", line.kind, line.options.replace(',', " "));
    for one in wrong {
        text += ", ";
        text += one;
    }
    text
}

fn is_below(path: &str, folder: &str) -> bool {
    Path::new(path).starts_with(folder)
}

fn is_device(mode: u32) -> bool {
    matches!(FileType::from_raw_mode(mode), FileType::CharacterDevice | FileType::BlockDevice)
}
