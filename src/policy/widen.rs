//! What widens a profile beyond its level, each by a name that `--allow` takes: one table, which documentation, completion
//! and the error texts share.

use oci_spec::runtime::Capability;

use super::profile::{Said, Widening};
use super::{Error, Fault};

/// Something that is withheld unless it is allowed by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Withheld {
    /// The name that `--allow` takes.
    pub name: &'static str,
    /// What it opens, after `it`: `lets the container control the engine`.
    pub opens: &'static str,
}

const fn withheld(name: &'static str, opens: &'static str) -> Withheld {
    Withheld { name, opens }
}

/// All of them.
#[rustfmt::skip]
pub const WITHHELD: &[Withheld] = &[
    withheld("root", "runs the program as uid 0 of its user namespace, which owns the image's system files"),
    withheld("privileged", "grants all capabilities, every system call and all of /proc and /sys"),
    withheld("no-new-privileges-off", "lets SUID programs and file capabilities give privileges back"),
    withheld("seccomp-unconfined", "leaves every system call of the kernel open to attack"),
    withheld("apparmor-unconfined", "takes away the second line of defence that AppArmor is"),
    withheld("selinux-unconfined", "takes away the second line of defence that SELinux is"),
    withheld("system-paths", "shows parts of /proc and /sys that tell of the host and change its settings"),
    withheld("host-network", "shares the host's network: its local services, abstract sockets and interfaces"),
    withheld("host-pid", "shows the container all processes of the host"),
    withheld("host-ipc", "shares the host's shared memory and message queues"),
    withheld("host-uts", "shares the host's name"),
    withheld("host-cgroup", "shows the container the host's tree of control groups"),
    withheld("host-files", "shows the container files that the host runs on or keeps its users' data in"),
    withheld("host-secrets", "shows the container keys and credentials"),
    withheld("docker-socket", "lets the container control the container engine, and so the host"),
    withheld("engine-storage", "shows the container the files of all other containers"),
    withheld("host-proc", "shows the container processes and settings of the host's kernel"),
    withheld("host-sys", "shows the container devices and settings of the host's kernel"),
    withheld("host-devices", "shows the container all devices of the host"),
    withheld("device", "gives the container a device of the host, and so its driver to attack"),
    withheld("oom-protection", "makes the kernel end the host's own processes first when memory runs out"),
    withheld("real-time", "lets the container take the processor from the host's own processes"),
    withheld("partial-limits", "starts although a limit can only be enforced in part on this machine"),
    withheld("cap-all", "grants all capabilities"),
    withheld("cap-sys-admin", "allows mounts inside: masked paths can be uncovered, and most holes of the kernel are behind it"),
    withheld("cap-net-admin", "opens packet filters and traffic control, where holes of the kernel are found every year"),
    withheld("cap-net-raw", "allows raw and packet sockets: forged packets, and code of the kernel with a history of holes"),
    withheld("cap-sys-ptrace", "allows reading and changing every process of the container, whoever runs it"),
    withheld("cap-sys-module", "is for loading kernel modules; in a user namespace the kernel refuses, so nothing needs it"),
    withheld("cap-dac-read-search", "allows reading every file, and opening files past the folders that lead to them"),
    withheld("cap-bpf", "opens programs inside the kernel, whose checker has a history of holes"),
    withheld("cap-perfmon", "opens tracing, which sees past the container"),
    withheld("cap-sys-rawio", "is for ports and memory of the machine; in a user namespace the kernel refuses"),
    withheld("cap-sys-boot", "allows ending the container's processes by reboot(2), and is for kexec"),
    withheld("cap-sys-time", "is for the host's clock; in a user namespace the kernel refuses"),
    withheld("cap-syslog", "is for the kernel's log and addresses, which help an attack"),
    withheld("cap-mac-admin", "is for changing the rules of security modules"),
    withheld("cap-mac-override", "is for getting round the rules of security modules"),
    withheld("cap-audit-control", "is for turning the host's audit off"),
    withheld("cap-audit-read", "is for reading the host's audit"),
    withheld("cap-sys-resource", "allows going beyond limits"),
    withheld("cap-checkpoint-restore", "allows reading what other processes of the container have mapped"),
    withheld("cap-setfcap", "allows giving files capabilities that later programs start with"),
];

/// Capabilities whose name is in the table, after `cap-`.
pub(super) fn of_capability(capability: Capability) -> Option<&'static Withheld> {
    let name = format!("cap-{}", capability.to_string().to_ascii_lowercase().replace('_', "-"));
    find(&name)
}

/// The row of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Withheld> {
    WITHHELD.iter().find(|one| one.name == name)
}

/// Keeps what was widened, and what was asked for without being allowed.
#[derive(Debug)]
pub(super) struct Gate<'a> {
    allow: &'a [String],
    widened: Vec<Said<Widening>>,
    faults: Vec<Fault>,
}

impl<'a> Gate<'a> {
    /// A gate that lets through what is named. A name that doesn't exist is a fault, since a typing error in it would
    /// otherwise show much later.
    pub(super) fn new(allow: &'a [String]) -> Self {
        let mut gate = Self { allow, widened: Vec::new(), faults: Vec::new() };
        for name in allow.iter().filter(|name| find(name).is_none()) {
            let near = WITHHELD
                .iter()
                .map(|one| (strsim::normalized_damerau_levenshtein(name, one.name), one.name))
                .max_by(|(a, _), (b, _)| a.total_cmp(b))
                .filter(|(score, _)| *score >= 0.5);
            let remedy = match near {
                Some((_, near)) => format!("did you mean `{near}`?"),
                None => format!("use one of {}", WITHHELD.map_names()),
            };
            gate.fault(&format!("--allow {name}"), "nothing has this name", &remedy);
        }
        gate
    }

    /// Asks for something withheld; `place` is the flag that asks, as the user wrote it. Whether it may be had.
    pub(super) fn ask(&mut self, name: &'static str, place: &str) -> bool {
        let opens = find(name).map_or("widens the profile", |one| one.opens);
        if self.allow.iter().any(|allowed| allowed == name) {
            let what = format!("`{place}` {opens}");
            if !self.widened.iter().any(|one| one.value.allow == name && one.value.what == what) {
                let why = format!("`--allow {name}` was given");
                self.widened.push(Said::new(Widening { allow: name.to_owned(), what }, why));
            }
            return true;
        }
        self.fault(place, &format!("it {opens}, so it is withheld"), &format!("add `--allow {name}` if that is meant"));
        false
    }

    /// Takes note of something wrong, once.
    pub(super) fn fault(&mut self, place: &str, problem: &str, remedy: &str) {
        let fault = Fault { place: place.to_owned(), problem: problem.to_owned(), remedy: remedy.to_owned() };
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Takes note of errors.
    pub(super) fn take(&mut self, error: Error) {
        self.faults.extend(error.faults);
    }

    /// Whether a name is allowed.
    pub(super) fn allows(&self, name: &str) -> bool {
        self.allow.iter().any(|allowed| allowed == name)
    }

    /// What was widened, or all that is wrong.
    pub(super) fn finish(mut self) -> Result<Vec<Said<Widening>>, Error> {
        if self.allows("partial-limits") {
            let what = "limits that this machine can enforce only in part don't stop the start".to_owned();
            let why = "`--allow partial-limits` was given";
            self.widened.push(Said::new(Widening { allow: "partial-limits".to_owned(), what }, why));
        }
        if self.faults.is_empty() { Ok(self.widened) } else { Err(Error { faults: self.faults }) }
    }
}

trait Names {
    fn map_names(&self) -> String;
}

impl Names for [Withheld] {
    fn map_names(&self) -> String {
        self.iter().map(|one| format!("`{}`", one.name)).collect::<Vec<_>>().join(", ")
    }
}
