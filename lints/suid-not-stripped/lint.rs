//! A final stage that changes to a user without root's rights, while setuid programs that lead back to root stay.

use std::collections::HashSet;

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{CommandRef, Dockerfile, PrivilegeDrop, Stage, drops_privileges, is_root, strips_setid};
use crate::shell::Dialect;
use crate::shell::tools::{self, Tool};
use crate::syntax::ast::Keyword;
use crate::tables::Family;
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "The image changes to another user but keeps setuid programs",
    category: Category::Privilege,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    aliases: &["CIS-4.8", "CIS-DI-0008"],
    sources: &[
        "https://www.cisecurity.org/benchmark/docker",
        "https://man7.org/linux/man-pages/man2/execve.2.html",
        "https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let Some(stage) = dockerfile.target() else { return };
    // What of them is known by its content needs no family's table.
    let content = dockerfile.content_under(stage);
    let Some(image) = dockerfile.image_under(stage) else { return };
    let Some(family) = dockerfile.family_under(stage).or(content.map(|_| Family::Distroless)) else { return };
    let own = content.map(|content| content.setid.as_slice());
    let has_some = match own {
        Some(own) => !own.is_empty(),
        None => matches!(family, Family::Debian | Family::RedHat | Family::Suse | Family::Arch),
    };
    if own.is_none() && matches!(family, Family::Distroless | Family::Busybox | Family::Windows) {
        return;
    }
    let Some(change) = Change::of(dockerfile, stage) else { return };
    let kept = Kept::of(dockerfile, stage, family, has_some);
    if kept.brought.is_empty() && !kept.base {
        return;
    }
    let mut programs: Vec<String> = kept.brought.iter().map(|one| format!("`{}`", one.program)).collect();
    let known = own.filter(|_| kept.base).unwrap_or(&[]);
    programs.extend(known.iter().take(3).map(|path| format!("`{path}`")));
    if known.len() > 3 {
        programs.push("…".to_owned());
    }
    let list = if programs.is_empty() { "`su`, `mount`, …".to_owned() } else { programs.join(", ") };
    let message = format!("{} leaves setuid programs in the image: {list}", change.what);
    // Files are named where all of them are known: the base image's own, and no package brings others.
    let named = if kept.installs || !known.iter().all(|path| is_plain(path)) { &[] } else { known };
    let finding = findings.report(change.span, message);
    finding
        .because("a hole in one of them makes this user root in the container, unless it runs with no-new-privileges")
        .help(match change.user {
            Some(_) => format!("Add `RUN {STRIP}` in front of USER"),
            None => format!("Add `RUN {STRIP}` behind the last step"),
        })
        .aliases(LINT.aliases);
    // Every image of the family has these; who installs nothing has done nothing to bring them.
    if !kept.installs {
        finding.severity(Severity::Info);
    }
    for one in &kept.brought {
        finding.label(one.span, format!("this package brings `{}`", one.program));
    }
    if kept.base && own.is_some() {
        finding.label(image.span, format!("{} files of this image have one of the bits", known.len()));
    } else if kept.base {
        finding.label(image.span, "images made from this distribution come with some (`su`, `mount`, …)");
    }
    let fix = match change.user {
        Some(user) => stripped(dockerfile, stage, user, &kept, named),
        None => stripped_at_end(dockerfile, stage, named),
    };
    if let Some(fix) = fix {
        finding.fix(fix);
    }
}

/// What changes to a user without root's rights.
struct Change {
    span: Span,
    /// What it is, as the start of a sentence.
    what: String,
    /// The USER (index); `None` where what the container starts gives root up by itself.
    user: Option<usize>,
}

impl Change {
    fn of(dockerfile: &Dockerfile, stage: &Stage) -> Option<Self> {
        let user = stage.end.user.as_ref();
        if let Some(user) = user.filter(|user| user.value.known().is_some_and(is_plain_user)) {
            let what = format!("USER `{}`", user.value.text);
            return Some(Self { span: user.span, what, user: Some(user.instruction) });
        }
        if user.is_some_and(|user| !user.value.known().is_some_and(is_root)) {
            return None;
        }
        let start = stage.end.entrypoint.or(stage.end.cmd)?;
        let span = match drops_privileges(dockerfile, stage)? {
            PrivilegeDrop::Command(span) => span,
            PrivilegeDrop::Script(_) => dockerfile.instructions[start].ast.span,
            PrivilegeDrop::Base | PrivilegeDrop::Likely(_) => return None,
        };
        let keyword = dockerfile.instructions[start].ast.keyword.as_str();
        Some(Self { span, what: format!("what {keyword} starts gives root up, and"), user: None })
    }
}

/// The step behind the last one, where the stage ends as root.
fn stripped_at_end(dockerfile: &Dockerfile, stage: &Stage, named: &[String]) -> Option<Fix> {
    let last = stage.instructions.clone().next_back()?;
    if stage.end.shell.dialect != Dialect::Posix || !dockerfile.acts_as_root(last) {
        return None;
    }
    let edit = dockerfile.insert_behind_steps(stage, &strip(named, dockerfile))?;
    Some(strip_fix(edit, named))
}

/// The step in front of the last USER, as root. `None` where no shell would run it, or a step that brings more follows.
fn stripped(dockerfile: &Dockerfile, stage: &Stage, user: usize, kept: &Kept, named: &[String]) -> Option<Fix> {
    let instruction = dockerfile.instructions.get(user)?;
    let in_shell = instruction.before.shell.dialect == Dialect::Posix;
    let in_target = instruction.stage == Some(stage.index);
    let behind = kept.brought.iter().all(|one| one.span.end <= instruction.ast.span.start);
    if !in_shell || !behind || !in_target && kept.installs {
        return None;
    }
    let is_root = dockerfile.acts_as_root(user);
    let mut lines = strip(named, dockerfile);
    if !is_root {
        lines.insert(0, dockerfile.line(Keyword::User, "root"));
    }
    let fix = strip_fix(dockerfile.insert_above(user, &lines)?, named);
    Some(if is_root { fix } else { fix.adds("USER") })
}

fn strip_fix(edit: Edit, named: &[String]) -> Fix {
    let why = "the app may call one of the programs and need what its bit gives";
    let fix = if named.is_empty() {
        let title = "Take the setuid and setgid bits off all files";
        Fix::risky(title, why, vec![edit]).adds_command("find")
    } else {
        let title = format!("Take the setuid and setgid bits off the image's {} files that have one", named.len());
        Fix::risky(title, why, vec![edit])
    };
    fix.adds("RUN").adds_command("chmod")
}

/// What takes the bits off: `-xdev` keeps it on the image's own file system, `-type f` from following links, and find
/// hands chmod's failure on.
const STRIP: &str = "find / -xdev -perm /6000 -type f -exec chmod a-s {} +";

/// The lines of the step: the files by name where they are known, over several lines where there are many.
fn strip(named: &[String], dockerfile: &Dockerfile) -> Vec<String> {
    let one_line = dockerfile.line(Keyword::Run, &format!("chmod a-s {}", named.join(" ")));
    match named {
        [] => vec![dockerfile.line(Keyword::Run, STRIP)],
        _ if one_line.len() <= 100 => vec![one_line],
        _ => {
            let escape = dockerfile.escape;
            let mut lines = vec![dockerfile.line(Keyword::Run, &format!("chmod a-s {escape}"))];
            lines.extend(named.iter().map(|path| format!("    {path} {escape}")));
            if let Some(last) = lines.last_mut() {
                last.truncate(last.len() - 1 - escape.len_utf8());
            }
            lines
        }
    }
}

/// Whether a path is one that a shell reads as it is written.
fn is_plain(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'+'))
}

/// Whether USER gives up root. A build argument may say otherwise, but its default is what is built.
fn is_plain_user(user: &str) -> bool {
    !user.trim().is_empty() && !is_root(user) && !user.contains('\\')
}

/// What has the bits at the end of a stage.
struct Kept {
    /// Programs of packages that the stage and those it is built from install, with the word that installs each.
    brought: Vec<Brought>,
    /// Whether the base image's own have them too.
    base: bool,
    /// Whether packages are installed at all.
    installs: bool,
}

/// A program and where it comes from.
struct Brought {
    program: &'static str,
    /// The word that installs the package.
    span: Span,
    /// The package's name.
    package: String,
    /// The name of its group in `apk add --virtual`.
    group: Option<String>,
}

impl Kept {
    fn of(dockerfile: &Dockerfile, stage: &Stage, family: Family, base: bool) -> Self {
        let stages: HashSet<usize> = dockerfile.lineage(stage).map(|stage| stage.index).collect();
        let ours = |command: &CommandRef<'_>| command.instruction.stage.is_some_and(|stage| stages.contains(&stage));
        let mut kept = Self { brought: Vec::new(), base, installs: false };
        for command in dockerfile.run_commands().filter(|command| !command.instruction.is_trigger() && ours(command)) {
            if strips_setid(&command) || removes_setid_program(&command) {
                // Who takes the bit off one program has looked at them; which others were meant to stay, nobody can
                // tell.
                kept.brought.clear();
                kept.base = false;
            } else {
                kept.packages(&command, family);
            }
        }
        kept
    }

    /// Packages that the command installs or removes.
    fn packages(&mut self, command: &CommandRef<'_>, family: Family) {
        let Some(invocation) = tools::invocation(command.command) else { return };
        if !matches!(invocation.tool, Tool::Apt | Tool::Apk | Tool::Dnf | Tool::Zypper) {
            return;
        }
        self.installs |= invocation.is_install();
        if matches!(invocation.verb(), "remove" | "purge" | "del" | "erase" | "rm") {
            let names: Vec<&str> = invocation.operands.iter().map(|word| name_of(&word.text)).collect();
            let gone = |name: &str| names.contains(&name);
            self.brought.retain(|one| !gone(&one.package) && !one.group.as_deref().is_some_and(gone));
        }
        let group = invocation.option("--virtual").and_then(|option| option.value).map(|value| value.text.to_owned());
        for word in invocation.packages() {
            let package = name_of(&word.text);
            if let Some(program) = program_of(package, family)
                && !self.brought.iter().any(|other| other.program == program)
            {
                let (package, group) = (package.to_owned(), group.clone());
                self.brought.push(Brought { program, span: word.span, package, group });
            }
        }
    }
}

/// A package's name without version, repository and architecture.
fn name_of(word: &str) -> &str {
    word.trim_matches(['"', '\'']).split(['=', '<', '>', '~', ':', '@', '/']).next().unwrap_or("")
}

/// `rm /usr/bin/su`: a hand-made strip.
fn removes_setid_program(command: &CommandRef<'_>) -> bool {
    const FROM_THE_BASE: [&str; 8] = ["su", "mount", "umount", "passwd", "chsh", "chfn", "newgrp", "gpasswd"];
    let name = |text: &str| text.rsplit_once("bin/").map(|(_, name)| name.to_owned());
    command.command.base_name() == "rm"
        && command
            .command
            .arguments
            .iter()
            .any(|word| name(&word.text).is_some_and(|name| FROM_THE_BASE.contains(&name.as_str())))
}

/// The setuid or setgid program that a package of Debian, Alpine, Fedora and RHEL, or openSUSE brings. What a base image
/// of the family has anyway isn't here, nor what gets file capabilities instead (ping).
fn program_of(package: &str, family: Family) -> Option<&'static str> {
    Some(match (package, family) {
        ("sudo" | "sudo-ldap", _) => "sudo",
        ("doas" | "opendoas", _) => "doas",
        ("fuse", _) => "fusermount",
        ("fuse3", _) => "fusermount3",
        ("polkit" | "policykit-1" | "pkexec", _) => "pkexec",
        ("postfix", _) => "postdrop",
        ("exim4" | "exim4-daemon-light" | "exim4-daemon-heavy" | "exim", _) => "exim",
        ("at", Family::Debian | Family::RedHat | Family::Suse) => "at",
        ("cifs-utils", Family::Debian | Family::Suse) => "mount.cifs",
        ("nfs-common" | "nfs-utils" | "nfs-client", _) => "mount.nfs",
        ("firejail", _) => "firejail",
        ("ppp", Family::Debian) => "pppd",
        ("chromium" | "chromium-sandbox" | "google-chrome-stable", Family::Debian) => "chrome-sandbox",
        ("openssh-client" | "openssh-server" | "ssh", Family::Debian) => "ssh-keysign",
        ("cron", Family::Debian) => "crontab",
        ("dbus" | "dbus-x11" | "dbus-user-session", Family::Debian) => "dbus-daemon-launch-helper",
        ("uidmap", Family::Debian) => "newuidmap",
        ("shadow", Family::Alpine) => "passwd",
        ("shadow-uidmap", Family::Alpine) => "newuidmap",
        ("mount" | "util-linux", Family::Alpine) => "mount",
        ("dbus", Family::Alpine) => "dbus-daemon-launch-helper",
        ("busybox-suid", Family::Alpine) => "bbsuid",
        ("openssh" | "openssh-keysign", Family::Alpine) => "ssh-keysign",
        ("passwd", Family::RedHat) => "passwd",
        ("cronie", Family::RedHat | Family::Suse) => "crontab",
        ("openssh" | "openssh-clients" | "openssh-server", Family::RedHat | Family::Suse) => "ssh-keysign",
        ("usermode", Family::RedHat) => "userhelper",
        ("krb5-workstation", Family::RedHat) => "ksu",
        ("dbus-daemon" | "dbus", Family::RedHat) => "dbus-daemon-launch-helper",
        _ => return None,
    })
}
