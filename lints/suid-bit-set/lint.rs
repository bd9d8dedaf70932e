//! Build steps that set the setuid or setgid bit.

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{Dockerfile, ModeChange, Modes, Stage, Target, TargetKind, strips_setid};
use crate::shell::tools::mode;
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "A build step sets the setuid or setgid bit",
    category: Category::Privilege,
    severity: Severity::High,
    aliases: &["CIS-4.8", "CIS-DI-0008"],
    sources: &[
        "https://www.cisecurity.org/benchmark/docker",
        "https://man7.org/linux/man-pages/man1/chmod.1.html",
        "https://docs.docker.com/reference/dockerfile/#copy---chown---chmod",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

/// The setuid and setgid bits.
const SETUID: u16 = 0o4000;
const SETGID: u16 = 0o2000;

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let modes = Modes::of(dockerfile);
    let mut strips: Option<Vec<(usize, Span)>> = None;
    for (index, change) in modes.changes.iter().enumerate() {
        let setuid = change.mode.sets_setuid();
        if !setuid && !change.mode.sets_setgid() || change.targets.iter().any(is_shared_folder) {
            continue;
        }
        // setgid alone, on what may be a folder, is mostly the idiom that shares a folder among a group.
        let sure = setuid || change.targets.iter().any(is_program);
        if !sure && (change.recursive || change.mode.group_writable()) {
            continue;
        }
        let bits = if setuid { SETUID } else { SETGID };
        let stage = dockerfile.instructions[change.instruction].stage;
        let strips = strips.get_or_insert_with(|| all_strips(dockerfile));
        let stripped = strips.iter().any(|&(instruction, place)| {
            place.start > change.span.start && dockerfile.instructions[instruction].stage == stage
        });
        if stripped || !modes.lasts(dockerfile, index, bits) {
            continue;
        }
        let stage = stage.and_then(|stage| dockerfile.stages.get(stage));
        report(dockerfile, change, stage, sure, findings);
    }
}

fn report(
    dockerfile: &Dockerfile,
    change: &ModeChange<'_>,
    stage: Option<&Stage>,
    sure: bool,
    findings: &mut Findings,
) {
    let bit = match (change.mode.sets_setuid(), change.mode.sets_setgid()) {
        (true, true) => "setuid and setgid bits",
        (true, false) => "setuid bit",
        _ => "setgid bit",
    };
    let what = match &change.targets[..] {
        [] => "of files".to_owned(),
        [one] if change.recursive => format!("of what is in `{}`", one.text),
        [first, rest @ ..] if change.recursive => format!("of what is in `{}` and {} more", first.text, rest.len()),
        [one] => format!("of `{}`", one.text),
        [first, rest @ ..] => format!("of `{}` and {} more", first.text, rest.len()),
    };
    let risk = if sure { Risk::of(change) } else { Risk::Folder };
    let finding = findings.report(change.span, format!("`{}` sets the {bit} {what}", change.text));
    finding.aliases(LINT.aliases).because(risk.why()).help(risk.help()).severity(risk.severity());
    if risk == Risk::Folder {
        finding.confidence(Confidence::Low);
    } else if !change.is_certain() || change.targets.is_empty() {
        finding.confidence(Confidence::Medium);
    }
    let final_stage = |stage: &Stage| {
        dockerfile.target().is_some_and(|target| dockerfile.lineage(target).any(|other| other.index == stage.index))
    };
    if !stage.is_some_and(final_stage) {
        finding.severity(Severity::Low);
    }
    if let Some(fix) = unset(dockerfile, change) {
        finding.fix(fix);
    }
}

/// The mode without the bit, or the step left out where it does nothing else.
fn unset(dockerfile: &Dockerfile, change: &ModeChange<'_>) -> Option<Fix> {
    let why = "the program no longer gets the rights of its owner, which a caller may rely on";
    let place = dockerfile.place_of_mode(change).filter(|_| change.is_certain())?;
    let digits = change.text.bytes().all(|byte| byte.is_ascii_digit());
    let mode = match change.mode.bits() {
        Some(bits) if digits => format!("{:04o}", bits & 0o777),
        _ => mode::without_setid(&change.text)?,
    };
    if !mode.is_empty() {
        return Some(Fix::risky("Leave the bit unset", why, vec![Edit::replace(place, mode)]));
    }
    // `chmod u+s` does nothing else; install and mkdir take no empty mode.
    let Some(command) = change.command else {
        let edit = dockerfile.without_flag(&dockerfile.instructions[change.instruction], change.span)?;
        return Some(Fix::risky("Leave the bit unset", why, vec![edit]));
    };
    let command = Some(command).filter(|command| command.command.base_name() == "chmod")?;
    let (edit, whole) = dockerfile.without_step(&command)?.into_parts();
    let fix = Fix::risky("Leave the bit unset", why, vec![edit]).removes_command("chmod");
    Some(if whole { fix.removes("RUN") } else { fix })
}

/// Commands that take the bits off whatever has them, with their instruction.
fn all_strips(dockerfile: &Dockerfile) -> Vec<(usize, Span)> {
    let strips = dockerfile.run_commands().filter(|command| strips_setid(command) && is_general(command.command));
    strips.map(|command| (command.instruction_index, command.command.span)).collect()
}

/// Whether a stripping command names no single file.
fn is_general(command: &crate::shell::Command) -> bool {
    let named = |text: &str| text.starts_with('/') && !matches!(text, "/" | "/usr" | "/bin" | "/sbin" | "/usr/bin");
    command.base_name() == "find" || !command.arguments.iter().any(|word| named(&word.text))
}

fn is_shared_folder(target: &Target) -> bool {
    // On Linux the setuid bit of a folder does nothing, and the setgid bit hands its group down.
    target.kind == TargetKind::Folder
}

/// Folders that hold programs.
const PROGRAMS: [&str; 9] =
    ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/libexec", "/usr/lib", "/lib"];

fn is_program(target: &Target) -> bool {
    target.kind == TargetKind::File
        || target.is_in(&PROGRAMS) && !PROGRAMS.contains(&target.path.as_deref().unwrap_or(""))
}

/// What an attacker can make of a file with the bit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Risk {
    /// It may be a folder, where the bit only hands a group down.
    Folder,
    /// The program is written for the bit.
    Written,
    /// A group's rights.
    Group,
    /// Nobody can tell from here.
    Program,
    /// The program runs whatever it is told: root for the asking.
    Anything,
}

/// Programs written to be setuid root, that do one guarded thing.
const WRITTEN: [&str; 24] = [
    "ping",
    "ping6",
    "traceroute",
    "traceroute6",
    "tracepath",
    "arping",
    "mtr",
    "mtr-packet",
    "fping",
    "newuidmap",
    "newgidmap",
    "fusermount",
    "fusermount3",
    "passwd",
    "chsh",
    "chfn",
    "gpasswd",
    "newgrp",
    "expiry",
    "chage",
    "unix_chkpwd",
    "chrome-sandbox",
    "chrome_sandbox",
    "ssh-keysign",
];

/// Programs that run or write what their caller says, and keep their rights while they do.
const ANYTHING: [&str; 51] = [
    "sh",
    "bash",
    "dash",
    "ash",
    "zsh",
    "ksh",
    "busybox",
    "toybox",
    "env",
    "find",
    "xargs",
    "vi",
    "vim",
    "nano",
    "less",
    "more",
    "awk",
    "gawk",
    "mawk",
    "sed",
    "cp",
    "mv",
    "dd",
    "tee",
    "cat",
    "install",
    "chmod",
    "chown",
    "tar",
    "rsync",
    "python",
    "python2",
    "python3",
    "perl",
    "ruby",
    "node",
    "php",
    "lua",
    "java",
    "gdb",
    "strace",
    "nmap",
    "docker",
    "nsenter",
    "unshare",
    "su-exec",
    "gosu",
    "curl",
    "wget",
    "openssl",
    "systemctl",
];

impl Risk {
    fn of(change: &ModeChange<'_>) -> Self {
        let of_target = |target: &Target| {
            let name = target.name();
            let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
            match name {
                _ if !change.mode.sets_setuid() => Self::Group,
                _ if WRITTEN.contains(&name) => Self::Written,
                _ if ANYTHING.contains(&name) || !change.recursive && ANYTHING.contains(&stem) => Self::Anything,
                _ => Self::Program,
            }
        };
        change.targets.iter().map(of_target).max().unwrap_or(Self::Program)
    }

    fn why(self) -> &'static str {
        match self {
            Self::Anything => {
                "it does whatever its caller says, so any user of the container becomes the file's owner, mostly root"
            }
            Self::Program => {
                "any user of the container runs it with its owner's rights, mostly root's; one hole in it is enough"
            }
            Self::Written => "it is written for this, and still one more way to root for who gets into the container",
            Self::Group => "any user of the container runs it with its group's rights",
            Self::Folder => "if it is a program, any user of the container runs it with its group's rights",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Written => {
                "Leave the bit unset if the container can do without the program, or grant one capability with `setcap`"
            }
            Self::Folder | Self::Group => "Leave the bit unset, or put the one user that needs it into the group",
            _ => {
                "Leave the bit unset; start as root and drop it with setpriv or gosu, or grant one capability with `setcap`"
            }
        }
    }

    fn severity(self) -> Severity {
        match self {
            Self::Anything => Severity::High,
            Self::Program => Severity::Medium,
            Self::Group | Self::Written | Self::Folder => Severity::Low,
        }
    }
}
