//! What differs is told, whatever the texts of the kernel are: captured ones, torn ones, and ones that an image could make.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::facts::{Facts, Place, Seen};
use super::*;
use crate::policy::{self, Needs, Wishes, oci};
use crate::run::{IdMaps, IdRange, MapWriter, RootFs};

/// The order of a default profile's container.
fn order() -> Order {
    let host = policy::Host { memory: 8 << 30, cpus: 2, architecture: "amd64".into(), kernel: (6, 12), home: None };
    let wishes = Wishes { command: vec!["/bin/true".to_owned()], ..Wishes::default() };
    let profile = policy::infer(&Needs::default(), &wishes, &host).expect("a profile");
    let volumes = Path::new("/v");
    let place = oci::Place {
        root: Path::new("/r"),
        uid_mappings: Vec::new(),
        gid_mappings: Vec::new(),
        cgroups_path: None,
        volumes,
        device: &|_| None,
    };
    let range = vec![IdRange { inside: 0, outside: 100_000, count: 65_536 }];
    Order {
        spec: oci::spec(&profile, &place),
        profile,
        root: RootFs { path: PathBuf::from("/r"), shifted: true, scratch: None },
        ids: IdMaps { uids: range.clone(), gids: range, writer: MapWriter::Root },
        name: "x".to_owned(),
        interactive: false,
        timeout: None,
        proof: None,
        refusals: false,
        allow_partial: false,
        account: false,
    }
}

/// What the kernel says of a process that is as asked.
fn facts(order: &Order) -> Facts {
    let user = &order.profile.user.value;
    let (uid, gid) = (user.uid + 100_000, user.gid + 100_000);
    let status = format!(
        "Name:\tharden\nUmask:\t0022\nState:\tS (sleeping)\nTracerPid:\t0\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n\
         Gid:\t{gid}\t{gid}\t{gid}\t{gid}\nGroups:\t \nNSpid:\t4711\t1\nThreads:\t1\nCapInh:\t0000000000000000\n\
         CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\n\
         NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n"
    );
    Facts {
        status,
        own_status: "Seccomp:\t0\nSeccomp_filters:\t0\nGroups:\t4 27 \n".to_owned(),
        uid_map: "         0     100000      65536".to_owned(),
        gid_map: "         0     100000      65536".to_owned(),
        oom_score_adj: order.profile.oom_score_adj.value.to_string(),
        devices: "Inter-|   Receive\n face |bytes\n    lo: 0 0\n  sit0: 0 0\n".to_owned(),
        routes: "Iface\tDestination\n".to_owned(),
        routes6: "0 80 0 lo\n".to_owned(),
        namespaces: facts::NAMESPACES.map(|kind| (kind, format!("{kind}:[2]"), format!("{kind}:[1]"))).to_vec(),
        descriptors: Some(vec![0, 1, 2]),
        ..Facts::default()
    }
}

fn differing(rows: &[Row]) -> Vec<&str> {
    rows.iter().filter(|row| row.verdict == Verdict::Differs).map(|row| row.what.as_str()).collect()
}

#[test]
fn a_process_as_asked_holds_and_each_change_differs() {
    let order = order();
    let extra = Extra::default();
    let rows = process::rows(&order, &facts(&order), &extra);
    assert_eq!(differing(&rows), Vec::<&str>::new(), "{rows:?}");
    let status = facts(&order).status;
    for (from, to, what) in [
        ("Umask:\t0022", "Umask:\t0000", "umask"),
        ("NoNewPrivs:\t1", "NoNewPrivs:\t0", "no new privileges"),
        ("Seccomp:\t2", "Seccomp:\t0", "system calls"),
        ("Seccomp_filters:\t1", "Seccomp_filters:\t0", "system calls"),
        ("CapBnd:\t0000000000000000", "CapBnd:\t0000000000000001", "capabilities CapBnd"),
        ("CapAmb:\t0000000000000000", "CapAmb:\t", "capabilities CapAmb"),
        ("Groups:\t \n", "Groups:\t27 \n", "groups"),
        ("Groups:\t \n", "", "groups"),
        ("NSpid:\t4711\t1", "NSpid:\t4711", "own namespaces"),
        ("Threads:\t1", "Threads:\t2", "threads"),
        ("Uid:\t", "Uid:\t0\t", "user"),
        ("Gid:\t", "Gid:\tx\t", "group"),
    ] {
        let changed = status.replace(from, to);
        assert_ne!(changed, status, "{from}");
        let rows = process::rows(&order, &Facts { status: changed, ..facts(&order) }, &extra);
        assert_eq!(differing(&rows), [what], "{from} → {to}");
    }
}

#[test]
fn what_is_around_the_process_differs_too() {
    let order = order();
    let rows = |facts: Facts| process::rows(&order, &facts, &Extra::default());
    let plain = || facts(&order);
    assert_eq!(differing(&rows(Facts { uid_map: "0 0 4294967295".into(), ..plain() })), ["user ids"]);
    assert_eq!(differing(&rows(Facts { gid_map: "0 100000 65536\n0 0".into(), ..plain() })), ["group ids"]);
    assert_eq!(differing(&rows(Facts { oom_score_adj: "-1000".into(), ..plain() })), ["OOM score"]);
    assert_eq!(differing(&rows(Facts { descriptors: Some(vec![0, 1, 2, 7]), ..plain() })), ["open descriptors"]);
    assert_eq!(differing(&rows(Facts { descriptors: None, ..plain() })), ["open descriptors"]);
    let devices = format!("{}  eth0: 1 1\n", plain().devices);
    assert_eq!(differing(&rows(Facts { devices, ..plain() })), ["network"]);
    let routes = format!("{}lo\t0000007F\n", plain().routes);
    assert_eq!(differing(&rows(Facts { routes, ..plain() })), ["network"]);
    assert_eq!(differing(&rows(Facts { routes6: "0 0 0 eth0".into(), ..plain() })), ["network"]);
    let mut shared = plain();
    shared.namespaces[3].1 = shared.namespaces[3].2.clone();
    assert_eq!(differing(&rows(shared)), ["own namespaces"]);
    // Nothing at all, as of a process that is gone.
    let gone = rows(Facts::default());
    assert!(differing(&gone).len() >= 10, "{:?}", differing(&gone));
}

#[test]
fn who_has_one_id_keeps_groups_and_that_is_said() {
    let mut order = order();
    let user = order.profile.user.value.clone();
    let one = |inside| vec![IdRange { inside, outside: 100_000 + inside, count: 1 }];
    order.ids = IdMaps { uids: one(user.uid), gids: one(user.gid), writer: MapWriter::OneId };
    let map = |id: u32| format!("{id} {} 1", 100_000 + id);
    let plain = || Facts { uid_map: map(user.uid), gid_map: map(user.gid), ..facts(&order) };
    let status = plain().status.replace("Groups:\t \n", "Groups:\t27 4 \n");
    let rows = process::rows(&order, &Facts { status: status.clone(), ..plain() }, &Extra::default());
    let groups = rows.iter().find(|row| row.what == "groups").expect("a row");
    assert_eq!((groups.verdict, groups.in_force.as_str()), (Verdict::Partly, "the caller's: 4 27 outside"));
    let more = status.replace("27 4", "27 4 0");
    assert_eq!(differing(&process::rows(&order, &Facts { status: more, ..plain() }, &Extra::default())), ["groups"]);
}

#[test]
fn an_apparmor_profile_that_execve_enters_is_told_by_the_process() {
    let mut order = order();
    if let Some(process) = order.spec.process_mut() {
        process.set_apparmor_profile(Some("web".to_owned()));
    }
    let rows = |current: &str, told: &[Row]| {
        let facts = Facts { apparmor: current.to_owned(), ..facts(&order) };
        let rows = process::rows(&order, &facts, &Extra { told, ..Extra::default() });
        differing(&rows).len()
    };
    let told = |holds| [Row::new("AppArmor", "web", "web", "attr/apparmor/exec", holds)];
    assert_eq!((rows("web (enforce)", &[]), rows("unconfined", &[]), rows("", &[])), (0, 1, 1));
    assert_eq!((rows("unconfined", &told(true)), rows("unconfined", &told(false))), (0, 1));
}

/// A tree as asked: lines of mountinfo, and what is where.
struct Tree {
    lines: Vec<(String, String, String)>,
    files: HashMap<String, Place>,
}

const FOLDER: u32 = 0o040_755;
const CHARACTER: u32 = 0o020_666;

impl Tree {
    fn of(order: &Order) -> Self {
        let mut tree = Self { lines: Vec::new(), files: HashMap::new() };
        tree.add("/", "ro,nosuid,nodev", "overlay", "ro", FOLDER);
        for (path, options, kind, more) in [
            ("/proc", "rw,nosuid,nodev,noexec", "proc", "rw"),
            ("/dev", "ro,nosuid,nodev,noexec", "tmpfs", "rw,size=65536k,mode=755"),
            ("/dev/pts", "rw,nosuid,noexec", "devpts", "rw,gid=5"),
            ("/sys", "ro,nosuid,nodev,noexec", "sysfs", "rw"),
            ("/sys/fs/cgroup", "ro,nosuid,nodev,noexec", "cgroup2", "rw"),
            ("/dev/mqueue", "rw,nosuid,nodev,noexec", "mqueue", "rw"),
        ] {
            tree.add(path, options, kind, more, FOLDER);
        }
        let asked = order.spec.mounts().iter().flatten().filter(|mount| mount.typ().as_deref() == Some("tmpfs"));
        for mount in asked.filter(|mount| mount.destination() != Path::new("/dev")) {
            let words = mount.options().clone().unwrap_or_default().join(",");
            tree.add(&mount.destination().to_string_lossy(), &words, "tmpfs", &words, FOLDER);
        }
        for (name, major, minor) in
            [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)]
        {
            tree.add(&format!("/dev/{name}"), "ro,nosuid,noexec", "devtmpfs", "rw", CHARACTER);
            tree.place(&format!("/dev/{name}")).device = (major, minor);
        }
        tree.add("/proc/sys", "ro,nosuid,nodev,noexec", "proc", "rw", FOLDER);
        tree.add("/proc/kcore", "ro,nosuid,noexec", "devtmpfs", "rw", CHARACTER);
        tree.place("/proc/kcore").device = (1, 3);
        tree.add("/sys/firmware", "ro,nosuid,nodev,noexec", "tmpfs", "ro,size=4k", 0o040_000);
        tree
    }

    fn add(&mut self, path: &str, options: &str, kind: &str, more: &str, mode: u32) {
        let mount = 100 + self.lines.len() as u64;
        let head = format!("{mount} 1 0:5 / {} {options}", path.replace(' ', "\\040"));
        self.lines.push((path.to_owned(), head, format!(" - {kind} none {more}\n")));
        let file = (0, 5, mount);
        self.files.insert(path.to_owned(), Place { mount, is_mount: true, file, mode, device: (0, 0) });
    }

    fn place(&mut self, path: &str) -> &mut Place {
        self.files.entry(path.to_owned()).or_default()
    }

    fn text(&self) -> String {
        self.lines.iter().map(|(_, head, tail)| format!("{head}{tail}")).collect()
    }

    fn rows(&self, order: &Order) -> Vec<Row> {
        self.rows_of(order, &self.text())
    }

    fn rows_of(&self, order: &Order, text: &str) -> Vec<Row> {
        let look = |path: &str| self.files.get(path).map_or(Seen::Absent, |place| Seen::There(*place));
        mounts::rows(order, text, &look, &Extra::default())
    }
}

#[test]
fn mounts_as_asked_hold_and_each_change_differs() {
    let order = order();
    let tree = Tree::of(&order);
    let rows = tree.rows(&order);
    assert_eq!(differing(&rows), Vec::<&str>::new(), "{}\n{rows:#?}", tree.text());
    for (path, from, to, what) in [
        ("/", " ro,", " rw,", "root"),
        ("/proc", "noexec", "exec", "mount /proc"),
        ("/proc", "proc none", "tmpfs none", "mount /proc"),
        ("/sys", " ro,", " rw,", "mount /sys"),
        ("/dev", "size=65536k", "size=99999k", "mount /dev"),
        ("/dev", "size=65536k,", "", "mount /dev"),
        ("/proc/sys", " ro,", " rw,", "read-only paths"),
        ("/proc/kcore", " ro,", " rw,", "masked paths"),
        ("/sys/firmware", "tmpfs", "sysfs", "masked paths"),
    ] {
        let line = |(known, head, tail): &(String, String, String)| {
            let line = format!("{head}{tail}");
            if known == path { line.replace(from, to) } else { line }
        };
        let text: String = tree.lines.iter().map(line).collect();
        assert_ne!(text, tree.text(), "{path} {from}");
        let rows = tree.rows_of(&order, &text);
        assert!(differing(&rows).contains(&what), "{path} {from} → {to}: {:?}", differing(&rows));
    }
}

#[test]
fn what_nobody_asked_for_and_what_spreads_differs() {
    let order = order();
    let mut tree = Tree::of(&order);
    tree.add("/etc/a b", "ro,nosuid,nodev", "ext4", "rw", FOLDER);
    assert_eq!(differing(&tree.rows(&order)), ["mount /etc/a b"]);
    let spread =
        Tree::of(&order).text().replace("/proc rw,nosuid,nodev,noexec", "/proc rw,nosuid,nodev,noexec shared:7");
    assert_eq!(differing(&Tree::of(&order).rows_of(&order, &spread)), ["mount /proc"]);
    let torn = format!("{}12 what is this\n", Tree::of(&order).text());
    assert_eq!(differing(&Tree::of(&order).rows_of(&order, &torn)), ["mountinfo"]);
}

#[test]
fn what_is_at_a_place_counts_not_its_name() {
    let order = order();
    let changed = |change: &dyn Fn(&mut Tree)| {
        let mut tree = Tree::of(&order);
        change(&mut tree);
        let rows = tree.rows(&order);
        differing(&rows).iter().map(|what| (*what).to_owned()).collect::<Vec<_>>()
    };
    // A null device that isn't one, a mask with something in it, a folder of another mount in place of the mount.
    assert_eq!(changed(&|tree| tree.place("/dev/null").device = (1, 1)), ["devices shown"]);
    assert_eq!(changed(&|tree| tree.place("/dev/zero").mode = 0o100_644), ["devices shown"]);
    assert_eq!(changed(&|tree| tree.place("/proc/kcore").device = (1, 1)), ["masked paths"]);
    assert_eq!(changed(&|tree| tree.place("/sys/firmware").mode = FOLDER), ["masked paths"]);
    assert_eq!(changed(&|tree| tree.place("/proc").is_mount = false), ["mount /proc"]);
    assert_eq!(changed(&|tree| assert!(tree.files.remove("/dev/pts").is_some())), ["mount /dev/pts"]);
    // Nothing at all.
    let empty = Tree { lines: Vec::new(), files: HashMap::new() };
    assert!(differing(&empty.rows(&order)).len() > 6);
}

#[test]
fn limits_are_read_from_their_lines() {
    let limit = |kind, soft: u64, hard: u64| {
        oci_spec::runtime::PosixRlimitBuilder::default().typ(kind).soft(soft).hard(hard).build().expect("a limit")
    };
    use oci_spec::runtime::PosixRlimitType::{RlimitCore, RlimitNofile};
    let text = "Limit   Soft Limit   Hard Limit   Units\nMax core file size   0   unlimited   bytes\n\
                Max open files            1024                 4096                 files\n";
    let rows = |limits: &[PosixRlimit], text: &str| {
        let facts = Facts { limits: text.to_owned(), ..Facts::default() };
        let extra = Extra { rlimits: Some(limits), ..Extra::default() };
        let rows = limits::rows(&order(), &facts, None, &extra);
        rows.into_iter().map(|row| (row.verdict, row.in_force)).collect::<Vec<_>>()
    };
    let asked = [limit(RlimitCore, 0, u64::MAX), limit(RlimitNofile, 1024, 4096)];
    let shown = |text: &str| text.to_owned();
    assert_eq!(rows(&asked, text), [(Verdict::Holds, shown("0:unlimited")), (Verdict::Holds, shown("1024:4096"))]);
    assert_eq!(rows(&[limit(RlimitNofile, 1024, 5000)], text)[0].0, Verdict::Partly);
    assert_eq!(rows(&[limit(RlimitNofile, 1000, 4096)], text)[0].0, Verdict::Differs);
    for torn in ["", "Max open files", "Max open files x y z", "Max open files 5"] {
        assert_eq!(rows(&asked[1..], torn), [(Verdict::Differs, shown("can't be read"))], "{torn}");
    }
}

#[test]
fn a_table_is_aligned_and_no_name_breaks_it() {
    let rows = [Row::new("a", "x\ny", "\u{1b}[31mé", "m", true), Row::new("long", "z", "é", "m", false).partly()];
    let proof = Proof { container: "c".to_owned(), differences: 0, rows: rows.to_vec() };
    assert_eq!(
        proof.text(),
        "  what · asked · in force    · by\n  a    · x\\ny  · \\u{1b}[31mé · m\n~ long · z     · é           · m\n"
    );
    assert!(proof.check().is_ok() && proof.partial().count() == 1);
    let wrong = Row::new("b", "1", "2", "m", false);
    let proof = Proof { rows: vec![wrong.clone(), wrong.clone(), wrong], differences: 3, ..proof };
    let error = proof.check().expect_err("differs");
    assert_eq!(
        error.to_string(),
        "`b`: asked for 1, in force is 2, and 2 more differ; see all with `--proof -`; the container wasn't started"
    );
    assert!(proof.json().contains("\"verdict\": \"differs\""));
}
