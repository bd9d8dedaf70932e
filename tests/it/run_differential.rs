//! One configuration under harden's own launcher, runc and crun, seen from inside. What differs is listed below, each with
//! its reason: a difference that isn't listed fails, and so does one that is listed and isn't there any more. The list is
//! of the versions that Debian 12 has, on a machine with control groups of version 1.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::image_made::{Member, gzip, made, tar};
use crate::support::left::{Place, Who, text_of};
use crate::support::skip;

/// What a container says of itself: a line for each fact, its name before the first `=`.
const PROBE: &str = r#"
grep -vE '^(Name|State|Tgid|Ngid|Pid|PPid|FDSize|Vm.*|Hugetlb.*|Rss.*|SigQ|NSpid|NStgid|NSpgid|.*_ctxt_switches|Threads|Mems_.*|x86_.*):' \
    /proc/self/status | sed 's/^\([^:]*\):[[:space:]]*/status \1=/'
sed 's/^\(Max [a-z ]*[a-z]\)   */limit \1=/' /proc/1/limits
while read id parent device root point flags rest; do
    echo "mount $point=$flags - ${rest#*- }"
done </proc/1/mountinfo
for kind in cgroup ipc mnt net pid time time_for_children user uts; do echo "namespace $kind=$(readlink /proc/1/ns/$kind)"; done
for file in oom_score_adj uid_map gid_map setgroups timens_offsets coredump_filter; do
    echo "file $file=$(tr -s ' \t\n' ' ' </proc/1/$file)"
done
for file in cwd exe root; do echo "link $file=$(readlink /proc/1/$file)"; done
echo "hostname=$(hostname)"
echo "umask=$(umask)"
echo "id=$(id)"
env | sed 's/^/variable /'
cd /dev && for name in * pts/*; do echo "device $name=$(stat -c '%F %t:%T %a %u:%g' $name) $(readlink $name)"; done
for tree in /sys/fs/cgroup /sys/fs/cgroup/*; do
    for file in memory.max memory.swap.max pids.max cpu.max memory.limit_in_bytes memory.memsw.limit_in_bytes \
        cpu.cfs_quota_us cpu.cfs_period_us cpu.shares; do
        [ -f $tree/$file ] && echo "group $file=$(cat $tree/$file)"
    done
done
for path in /proc/kcore /proc/keys /proc/timer_list /proc/kallsyms /proc/interrupts /proc/acpi /proc/scsi /sys/firmware; do
    echo "masked $path=$(ls -A $path/ 2>/dev/null | wc -l) names, $(head -c 1 $path 2>/dev/null | wc -c) bytes"
done
for path in /x /etc/x /dev/x /dev/shm/x /dev/mqueue/x /tmp/x /run/x /sys/fs/cgroup/x /sys/kernel/uevent_helper \
    /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/self/oom_score_adj; do
    (echo 500 >$path) 2>/dev/null && echo "write $path=yes" || echo "write $path=no"
done
echo "network devices=$(sed -n 's/:.*//p' /proc/net/dev | tr -d ' ' | sort | tr '\n' ' ')"
echo "network routes=$(tail -n +2 /proc/net/route | wc -l)"
for name in ip_unprivileged_port_start ping_group_range; do echo "sysctl $name=$(tr '\t' ' ' </proc/sys/net/ipv4/$name)"; done
for name in hosts hostname resolv.conf; do echo "text $name=$(tr '\n' '|' </etc/$name)"; done
for name in / /etc /tmp /bin /dev /dev/shm /proc /sys; do echo "owner $name=$(stat -c '%a %u:%g' $name)"; done
"#;

const RUNC: &[&str] = &["runc"];
const CRUN: &[&str] = &["crun"];
const OTHERS: &[&str] = &["runc", "crun"];

/// A difference from harden's own launcher: under which runtimes, of which facts (`*` at the end stands for anything), what
/// they have, and why.
type Listed = (&'static [&'static str], &'static str, &'static str, &'static str);

const LISTED: &[Listed] = &[
    (
        OTHERS,
        "mount /",
        "root ro",
        "We mount the root without setuid programs and devices, which the configuration's form has no word for.",
    ),
    (
        OTHERS,
        "mount /dev",
        "tmpfs mode=755 noexec nosuid ro size=65536k",
        "The configuration doesn't forbid devices there, where runtimes that aren't in a user namespace \
         make them; we bind them, so we do.",
    ),
    (
        RUNC,
        "mount /dev/*",
        "devtmpfs rw",
        "We bind each device so that nobody can change what it is to the host; it is written to all the same.",
    ),
    (CRUN, "mount /dev/*", "devtmpfs noexec nosuid rw", "As with runc."),
    (OTHERS, "mount /etc/*", "", "Names of a network that we make are ours to tell."),
    (OTHERS, "text hosts", "of the image|", "As above."),
    (OTHERS, "text hostname", "of the image|", "As above."),
    (OTHERS, "text resolv.conf", "of the image|", "As above."),
    (RUNC, "mount /proc/acpi", "tmpfs ro", "We mask folders by a file system without room."),
    (RUNC, "mount /sys/firmware", "tmpfs ro", "As above."),
    (CRUN, "mount /proc/acpi", "tmpfs ro size=0k", "As above."),
    (CRUN, "mount /sys/firmware", "tmpfs ro size=0k", "As above."),
    (RUNC, "mount /proc/*", "devtmpfs rw", "runc masks files by the host's /dev/null, which can be written to there."),
    (CRUN, "mount /proc/*", "devtmpfs ro", "We forbid programs and devices on what masks, too."),
    (CRUN, "mount /proc/*", "proc ro", "crun forgets the flags of /proc where it makes parts of it read-only."),
    (
        RUNC,
        "mount /sys/fs/cgroup",
        "tmpfs mode=755 nodev noexec nosuid rw",
        "The configuration says `ro`, and runc makes the groups below so, but not the folder that holds them.",
    ),
    (
        CRUN,
        "mount /sys/fs/cgroup",
        "tmpfs nodev noexec nosuid rw size=1024k",
        "As with runc, and anybody may write there.",
    ),
    (CRUN, "write /sys/fs/cgroup/x", "yes", "As above."),
    (
        OTHERS,
        "mount /sys/fs/cgroup/systemd",
        "cgroup nodev noexec nosuid ro",
        "We show groups that bound something; a named hierarchy is systemd's bookkeeping.",
    ),
    (RUNC, "namespace time*", "the host's", "runc before 1.2 knows no time namespace, which `--runtime` says."),
    (
        RUNC,
        "device mqueue",
        "directory 0:0 1777 0:65534",
        "The root of that file system is whoever's made its namespace: the container's root or, with us, \
         the launcher, who is nobody inside.",
    ),
    (CRUN, "device mqueue", "directory 0:0 1777 0:0", "As above."),
    (CRUN, "device core", "symbolic link 0:0 777 0:0 /proc/kcore", "A link to what is masked is of no use."),
];

/// What a container says, by the name of each fact; `None` where the runtime isn't there.
fn facts(place: &Place, runtime: &str, image: &str) -> Option<BTreeMap<String, String>> {
    let mut command = Command::new("unshare");
    // crun refuses version 2 beside version 1; nobody sees it here, so that all have the same.
    let script = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$@\"";
    command.args(["-m", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_harden"), "run"]).args(place.flags());
    if runtime != "harden" {
        if Command::new(runtime).arg("--version").stdout(Stdio::null()).status().is_err() {
            skip(&format!("{runtime} is not installed"));
            return None;
        }
        command.args(["--runtime", runtime]);
    }
    command.args(["--memory=64m", "--memory-swap=64m", "--pids-limit=50", "--cpus=0.5", "--ulimit=nofile=512:1024"]);
    command.args([
        "--oom-score-adj=300",
        "--hostname=inside",
        "-w",
        "/bin",
        "-e",
        "GREETING=hello",
        "--tmpfs=/run:size=1m",
    ]);
    command.args([image, "/bin/sh", "-c", PROBE]);
    command.env("XDG_DATA_HOME", place.path("data")).env("XDG_CACHE_HOME", place.path("cache"));
    command.env("TMPDIR", place.path("tmp")).env("XDG_RUNTIME_DIR", place.path("tmp"));
    let output = command.env("HARDEN_TEST_MARK", &place.mark).stdin(Stdio::null()).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{runtime}: {}", text_of(&output));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut facts = BTreeMap::new();
    for (name, value) in said.lines().filter_map(|line| line.split_once('=')) {
        let value = match name.split(' ').next() {
            Some("mount") if name == "mount /" => mount(value).replacen(type_of(value), "root", 1),
            Some("mount") => mount(value),
            Some("limit") => value.split_whitespace().take(2).collect::<Vec<_>>().join(":"),
            Some("namespace") => namespace(name, value),
            Some("status") if name.ends_with("SigIgn") => signals(value),
            _ => value.trim().to_owned(),
        };
        // A point that is covered twice has both.
        let known: &mut String = facts.entry(name.to_owned()).or_default();
        *known = if known.is_empty() { value } else { format!("{known}, {value}") };
    }
    Some(facts)
}

/// Type and flags of a mount, and those of its file system that bound it: `tmpfs noexec nosuid size=64k`.
fn mount(text: &str) -> String {
    let (flags, rest) = text.split_once(" - ").expect("mountinfo has it");
    let words: Vec<&str> = rest.split(' ').collect();
    let bounds = ["size=", "mode=", "nr_inodes=", "ptmxmode="];
    let of_device = words[0] == "devtmpfs";
    let options = words.last().into_iter().flat_map(|options| options.split(','));
    let options = options.filter(|option| !of_device && bounds.iter().any(|bound| option.starts_with(bound)));
    let mut flags: BTreeSet<&str> = flags.split(',').filter(|flag| *flag != "relatime").collect();
    flags.extend(options);
    std::iter::once(words[0]).chain(flags).collect::<Vec<_>>().join(" ")
}

/// The type of a mount's file system: that of the root is the machine's.
fn type_of(text: &str) -> &str {
    text.split_once(" - ").and_then(|(_, rest)| rest.split(' ').next()).expect("mountinfo has it")
}

/// Ignored signals without the two that the C library keeps for itself: they are as whoever started the test has them.
fn signals(text: &str) -> String {
    let set = u64::from_str_radix(text.trim(), 16).expect("a set of signals");
    format!("{:016x}", set & !0x1_8000_0000)
}

/// Whether a namespace is the host's: its number is another one each time.
fn namespace(name: &str, link: &str) -> String {
    let kind = name.trim_start_matches("namespace ");
    let host = std::fs::read_link(format!("/proc/self/ns/{kind}")).expect("Linux has it");
    if host == Path::new(link) { "the host's".to_owned() } else { "its own".to_owned() }
}

fn image(place: &Place) -> Option<String> {
    if !rustix::process::geteuid().is_root() || !Path::new("/bin/busybox").exists() {
        skip("needs root, whose containers have control groups and ids, and busybox-static");
        return None;
    }
    let busybox = std::fs::read("/bin/busybox").expect("busybox");
    let links: Vec<String> = "sh cat grep sed tr ls head wc tail readlink stat hostname id env sort"
        .split(' ')
        .map(|name| format!("bin/{name}"))
        .collect();
    let mut members: Vec<Member<'_>> = Vec::new();
    for folder in ["bin/", "etc/", "dev/", "proc/", "sys/", "run/"] {
        members.push((folder, b'5', 0o755, b""));
    }
    members.push(("tmp/", b'5', 0o1777, b""));
    for name in ["etc/hosts", "etc/hostname", "etc/resolv.conf"] {
        members.push((name, b'0', 0o644, b"of the image\n"));
    }
    members.push(("etc/passwd", b'0', 0o644, b"app:x:1000:1000::/:/bin/sh\n"));
    members.push(("etc/group", b'0', 0o644, b"app:x:1000:\n"));
    members.push(("bin/busybox", b'0', 0o755, &busybox));
    members.extend(links.iter().map(|name| -> Member<'_> { (name, b'2', 0o777, b"busybox") }));
    let path = place.path("image.tar");
    std::fs::write(&path, made(vec![tar(&members)], gzip).saved("app:v1")).expect("written");
    Some(format!("docker-archive:{}", path.display()))
}

/// Whether a fact is one that an entry of the list is about.
fn is_about(listed: &str, fact: &str) -> bool {
    match listed.strip_suffix('*') {
        Some(start) => fact.starts_with(start),
        None => fact == listed,
    }
}

#[test]
fn what_differs_under_runc_and_crun_is_what_is_listed() {
    let place = Place::new(Who::Root);
    let Some(image) = image(&place) else { return };
    let own = facts(&place, "harden", &image).expect("it is there");
    assert!(own.len() > 120, "all that was asked was said: {own:#?}");
    assert_eq!(own.get("id").map(String::as_str), Some("uid=1000(app) gid=1000(app)"), "{own:#?}");
    let null = || {
        let found = std::fs::metadata("/dev/null").expect("Linux has it");
        (found.uid(), found.gid(), found.mode())
    };
    let before = null();
    let mut unlisted = Vec::new();
    let mut seen = vec![BTreeSet::new(); LISTED.len()];
    for runtime in OTHERS {
        let Some(other) = facts(&place, runtime, &image) else { return };
        let names: BTreeSet<&String> = own.keys().chain(other.keys()).collect();
        for name in names {
            let [ours, theirs] = [&own, &other].map(|facts| facts.get(name).map_or("", String::as_str));
            if ours == theirs {
                continue;
            }
            let entry = LISTED.iter().position(|(runtimes, fact, value, _)| {
                runtimes.contains(runtime) && is_about(fact, name) && *value == theirs
            });
            match entry {
                Some(entry) => drop(seen[entry].insert(*runtime)),
                None => unlisted.push(format!("{runtime}: {name}: `{theirs}`, and ours is `{ours}`")),
            }
        }
    }
    assert!(unlisted.is_empty(), "differences that aren't listed:\n{}", unlisted.join("\n"));
    for ((runtimes, fact, value, why), seen) in LISTED.iter().zip(&seen) {
        let gone: Vec<&&str> = runtimes.iter().filter(|runtime| !seen.contains(*runtime)).collect();
        assert!(gone.is_empty(), "{gone:?}: {fact} isn't `{value}` any more, or ours is the same: {why}");
        assert!(why.ends_with('.'), "{fact}: a reason");
    }
    // crun gives a container's standard input to its user, whoever else uses it.
    assert_eq!(null(), before, "the host's /dev/null is as it was");
    // What crun keeps between its containers: filters that it has compiled.
    let _ = std::fs::remove_dir_all(place.path("tmp/crun"));
    place.nothing_is_left();
}
