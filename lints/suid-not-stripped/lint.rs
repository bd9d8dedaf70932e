//! A final stage that changes to a user without root's rights, while setuid programs that lead back to root stay.

use std::collections::HashSet;

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{Base, CommandRef, Dockerfile, ImageName, Stage, strips_setid};
use crate::shell::tools::{self, Tool};
use crate::tables::{self, Family, ImageUser};
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
    let Some(user) = &stage.end.user else { return };
    if !user.value.known().is_some_and(is_plain_user) {
        return;
    }
    let Some((image, family)) = base_of(dockerfile, stage) else { return };
    let kept = Kept::of(dockerfile, stage, family);
    if kept.brought.is_empty() && !kept.base {
        return;
    }
    let programs: Vec<String> = kept.brought.iter().map(|one| format!("`{}`", one.program)).collect();
    let list = if programs.is_empty() { "`su`, `mount`, …".to_owned() } else { programs.join(", ") };
    let message = format!("USER `{}` leaves setuid programs in the image: {list}", user.value.text);
    let finding = findings.report(user.span, message);
    finding
        .because("a hole in one of them makes this user root in the container, unless it runs with no-new-privileges")
        .help(format!("Add `{STRIP}` in front of USER"))
        .aliases(LINT.aliases);
    // Every image of the family has these; who installs nothing has done nothing to bring them.
    if !kept.installs {
        finding.severity(Severity::Info);
    }
    for one in &kept.brought {
        finding.label(one.span, format!("this package brings `{}`", one.program));
    }
    if kept.base {
        finding.label(image.span, "images made from this distribution come with some (`su`, `mount`, …)");
    }
    if let Some(edit) = strip_before(dockerfile, user.instruction) {
        let title = "Take the setuid and setgid bits off all files".to_owned();
        let why = "the app may call one of the programs and need what its bit gives";
        finding.fix(Fix::risky(title, why, vec![edit]).adds("RUN").adds_command("find").adds_command("chmod"));
    }
}

/// What takes the bits off, on the image's own file system alone.
const STRIP: &str = "RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +";

/// The step in front of USER and its comments, where it would run as root.
fn strip_before(dockerfile: &Dockerfile, user: usize) -> Option<Edit> {
    let instruction = dockerfile.instructions.get(user)?;
    let as_root = match &instruction.before.user {
        None => !base_sets_user(dockerfile, instruction.stage?),
        Some(before) => !before.value.known().is_none_or(is_plain_user),
    };
    let first = instruction.ast.comments.first().map_or(instruction.ast.span.start, |comment| comment.start);
    let newline = if dockerfile.source.text().contains("\r\n") { "\r\n" } else { "\n" };
    as_root.then(|| Edit::insert(first, format!("{STRIP}{newline}")))
}

fn base_sets_user(dockerfile: &Dockerfile, stage: usize) -> bool {
    let stage = dockerfile.stages.get(stage);
    let image = stage.and_then(|stage| Some(&dockerfile.lineage(stage).last()?.base));
    let Some(Base::Image(image)) = image else { return true };
    let row = tables::base_image(image.registry.as_deref(), &image.repository, image.tag.as_deref());
    row.is_none_or(|row| row.user != ImageUser::Root)
}

/// Whether USER gives up root. A build argument may say otherwise, but its default is what is built.
fn is_plain_user(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or("").trim();
    !name.is_empty() && name != "root" && !name.bytes().all(|byte| byte == b'0') && !name.contains('\\')
}

/// The image under the final stage, where its family is known and has files with the bit or a package manager that
/// brings them.
fn base_of<'a>(dockerfile: &'a Dockerfile, stage: &'a Stage) -> Option<(&'a ImageName, Family)> {
    let Base::Image(image) = &dockerfile.lineage(stage).last()?.base else { return None };
    image.value.known()?;
    let family = tables::family(image.registry.as_deref(), &image.repository, image.tag.as_deref())?;
    let has_them = !matches!(family, Family::Distroless | Family::Busybox | Family::Windows);
    has_them.then_some((image, family))
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
    fn of(dockerfile: &Dockerfile, stage: &Stage, family: Family) -> Self {
        let stages: HashSet<usize> = dockerfile.lineage(stage).map(|stage| stage.index).collect();
        let ours = |command: &CommandRef<'_>| command.instruction.stage.is_some_and(|stage| stages.contains(&stage));
        let has_some = matches!(family, Family::Debian | Family::RedHat | Family::Suse | Family::Arch);
        let mut kept = Self { brought: Vec::new(), base: has_some, installs: false };
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
