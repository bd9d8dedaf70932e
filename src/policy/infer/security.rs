//! `--security-opt`, and what it changes: new privileges, the filter of system calls, security modules, hidden paths.

use oci_spec::runtime::{Capability, LinuxSeccompAction};

use super::shown;
use crate::policy::profile::{Filter, Level, Lsm, Said};
use crate::policy::widen::Gate;
use crate::policy::{Host, Needs, Wishes, seccomp};

/// Paths that Docker covers by itself, and podman too (moby, daemon/pkg/oci/defaults.go).
pub(in crate::policy) const MASKED: [&str; 12] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];
/// And what tells an attacker of the kernel, which no program needs.
const MASKED_DEFAULT: [&str; 2] = ["/proc/kallsyms", "/proc/modules"];
/// And what some programs read for their reports.
const MASKED_STRICT: [&str; 5] =
    ["/proc/cmdline", "/proc/config.gz", "/proc/iomem", "/proc/version_signature", "/sys/module"];
/// Paths that Docker makes read-only.
pub(super) const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What `--security-opt` said.
#[derive(Debug, Default)]
pub(super) struct Options {
    no_new_privileges: Option<bool>,
    seccomp: Option<Seccomp>,
    apparmor: Option<String>,
    label: Option<Label>,
    system_paths: bool,
}

#[derive(Debug)]
enum Seccomp {
    Unconfined,
    Builtin,
    File,
}

/// An SELinux label in parts, or none at all.
#[derive(Debug, Default)]
struct Label {
    off: bool,
    user: Option<String>,
    role: Option<String>,
    kind: Option<String>,
    level: Option<String>,
    file_kind: Option<String>,
}

impl Options {
    /// Reads the options. What isn't known is a fault: a restriction that isn't understood must not be dropped.
    pub(super) fn read(wishes: &Wishes, gate: &mut Gate<'_>) -> Self {
        let mut options = Self::default();
        for text in &wishes.security_opts {
            let (key, value) = match text.find(['=', ':']) {
                Some(at) => (&text[..at], Some(&text[at + 1..])),
                None => (text.as_str(), None),
            };
            let fine = match (key, value) {
                ("no-new-privileges", None | Some("true" | "1")) => {
                    options.no_new_privileges = Some(true);
                    true
                }
                ("no-new-privileges", Some("false" | "0")) => {
                    options.no_new_privileges = Some(false);
                    true
                }
                ("seccomp", Some("unconfined")) => options.set_seccomp(Seccomp::Unconfined),
                ("seccomp", Some("builtin")) => options.set_seccomp(Seccomp::Builtin),
                ("seccomp", Some(file)) if !file.is_empty() => options.set_seccomp(Seccomp::File),
                ("apparmor", Some(name)) if is_profile_name(name) => {
                    options.apparmor = Some(name.to_owned());
                    true
                }
                ("label", Some(part)) => options.label(part),
                ("systempaths", Some("unconfined")) => {
                    options.system_paths = true;
                    true
                }
                _ => false,
            };
            if !fine {
                let known = "use `no-new-privileges`, `seccomp=…`, `apparmor=…`, `label=…` or `systempaths=unconfined`";
                gate.fault(&format!("--security-opt {}", shown(text)), "it isn't known or says nothing", known);
            }
        }
        options
    }

    fn set_seccomp(&mut self, seccomp: Seccomp) -> bool {
        self.seccomp = Some(seccomp);
        true
    }

    fn label(&mut self, part: &str) -> bool {
        let label = self.label.get_or_insert_default();
        if part == "disable" {
            label.off = true;
            return true;
        }
        let Some((key, value)) = part.split_once(':') else { return false };
        let character = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:,".contains(&byte);
        let field = match key {
            "user" => &mut label.user,
            "role" => &mut label.role,
            "type" => &mut label.kind,
            "level" => &mut label.level,
            "filetype" => &mut label.file_kind,
            _ => return false,
        };
        *field = Some(value.to_owned());
        !value.is_empty() && value.len() <= 256 && value.bytes().all(character)
    }

    /// Whether `execve` can't give privileges.
    pub(super) fn no_new_privileges(&self, level: Level, gate: &mut Gate<'_>) -> Said<bool> {
        match (self.no_new_privileges, level) {
            (Some(true), _) => Said::new(true, "`--security-opt no-new-privileges` asks for it"),
            (Some(false), _) => {
                if level != Level::Docker {
                    gate.ask("no-new-privileges-off", "--security-opt no-new-privileges=false");
                }
                Said::new(false, "`--security-opt no-new-privileges=false` asks for it")
            }
            (None, Level::Docker) => Said::new(false, "Docker leaves it off"),
            (None, _) => Said::new(true, "SUID programs and file capabilities then give nothing"),
        }
    }

    /// The filter of system calls.
    pub(super) fn seccomp(
        &self,
        needs: &Needs,
        wishes: &Wishes,
        (level, granted, host): (Level, &[Capability], &Host),
        gate: &mut Gate<'_>,
    ) -> Said<Filter> {
        let arch = if host.architecture.is_empty() { &needs.architecture } else { &host.architecture };
        let door = match needs.has_32_bit {
            true => "the image has 32-bit programs, so that the 32-bit calls are open",
            false => "the image has no 32-bit program, so that the 32-bit calls are closed",
        };
        match &self.seccomp {
            Some(Seccomp::Unconfined) => {
                gate.ask("seccomp-unconfined", "--security-opt seccomp=unconfined");
                return Said::new(Filter::Unconfined, "`--security-opt seccomp=unconfined` asks for it");
            }
            Some(Seccomp::File) => {
                let text = wishes.seccomp.as_deref().unwrap_or("");
                match seccomp::read(text, granted, arch, host.kernel, needs.has_32_bit) {
                    Ok(list) => {
                        if refuses_nothing(list.default_action()) {
                            gate.ask("seccomp-unconfined", "--security-opt seccomp=FILE");
                        }
                        let why = format!("`--security-opt seccomp=FILE` asks for it; {door}");
                        return Said::new(Filter::Rules(Box::new(list)), why);
                    }
                    Err(error) => gate.take(error),
                }
            }
            None if wishes.privileged && gate.allows("privileged") => {
                return Said::new(Filter::Unconfined, "`--privileged` takes the filter away");
            }
            None | Some(Seccomp::Builtin) => {}
        }
        let why = match level {
            Level::Docker => "what Docker allows; x32 is closed".to_owned(),
            Level::Strict => format!("only what most programs call; new calls answer ENOSYS; {door}"),
            Level::Default => format!("what programs of the field call; new calls answer ENOSYS; {door}"),
        };
        let list = seccomp::rules(level, granted, arch, needs.has_32_bit);
        Said::new(Filter::Rules(Box::new(list)), why)
    }

    /// What security modules do.
    pub(super) fn lsm(&self, wishes: &Wishes, level: Level, gate: &mut Gate<'_>) -> Said<Lsm> {
        let mut lsm = Lsm { landlock: level != Level::Docker, ..Lsm::default() };
        let mut why = match level {
            Level::Docker => "what the machine has".to_owned(),
            _ => "Landlock where no other module is; the machine's own where one is".to_owned(),
        };
        if let Some(name) = &self.apparmor {
            if name == "unconfined" {
                gate.ask("apparmor-unconfined", "--security-opt apparmor=unconfined");
            }
            lsm.apparmor = Some(name.clone());
            why = format!("`--security-opt apparmor={name}` asks for it");
        }
        if let Some(label) = &self.label {
            if label.off {
                gate.ask("selinux-unconfined", "--security-opt label=disable");
                lsm.selinux = Some("unconfined".to_owned());
            } else {
                (lsm.selinux, lsm.selinux_mount) = label.labels();
            }
            why.push_str("; `--security-opt label` sets SELinux's");
        }
        if wishes.privileged && gate.allows("privileged") {
            lsm = Lsm { apparmor: Some("unconfined".to_owned()), ..Lsm::default() };
            why = "`--privileged` takes them away".to_owned();
        }
        Said::new(lsm, why)
    }

    /// Covered paths, and paths that are read-only.
    pub(super) fn paths(
        &self,
        wishes: &Wishes,
        level: Level,
        gate: &mut Gate<'_>,
    ) -> (Said<Vec<String>>, Said<Vec<String>>) {
        if self.system_paths {
            gate.ask("system-paths", "--security-opt systempaths=unconfined");
            let why = "`--security-opt systempaths=unconfined` uncovers them";
            return (Said::new(Vec::new(), why), Said::new(Vec::new(), why));
        }
        if wishes.privileged && gate.allows("privileged") {
            let why = "`--privileged` uncovers them";
            return (Said::new(Vec::new(), why), Said::new(Vec::new(), why));
        }
        let more: &[&[&str]] = match level {
            Level::Docker => &[],
            Level::Default => &[&MASKED_DEFAULT],
            Level::Strict => &[&MASKED_DEFAULT, &MASKED_STRICT],
        };
        let masked = MASKED.iter().chain(more.iter().copied().flatten()).map(|path| (*path).to_owned()).collect();
        let read_only = READ_ONLY.iter().map(|path| (*path).to_owned()).collect();
        let why = match level {
            Level::Docker => "what Docker covers",
            Level::Default => "what Docker covers, and the kernel's addresses and modules",
            Level::Strict => "what Docker covers, and what else tells of the kernel and the host",
        };
        (Said::new(masked, why), Said::new(read_only, "settings of the kernel, which Docker protects too"))
    }
}

impl Label {
    /// The labels of the process and of its files, with the usual parts where none is said.
    fn labels(&self) -> (Option<String>, Option<String>) {
        let part = |own: &Option<String>, usual: &str| own.clone().unwrap_or_else(|| usual.to_owned());
        let (user, level) = (part(&self.user, "system_u"), part(&self.level, "s0"));
        let (role, kind) = (part(&self.role, "system_r"), part(&self.kind, "container_t"));
        let file = part(&self.file_kind, "container_file_t");
        (Some(format!("{user}:{role}:{kind}:{level}")), Some(format!("{user}:object_r:{file}:{level}")))
    }
}

/// Whether calls that no rule names go through, so that the list names what is refused, which a new kernel makes incomplete.
fn refuses_nothing(action: LinuxSeccompAction) -> bool {
    matches!(action, LinuxSeccompAction::ScmpActAllow | LinuxSeccompAction::ScmpActLog)
}

/// AppArmor's names hold no space, no control characters, and are looked up in a file of lines; a file's path may.
fn is_profile_name(name: &str) -> bool {
    let character = |c: char| !c.is_control() && (!c.is_whitespace() || name.contains('/'));
    !name.is_empty() && name.len() <= 4096 && name.chars().all(character)
}
