//! sudo in build steps, and sudo (with rules that ask for no password) left in the final image.

use std::collections::HashSet;

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{CommandRef, Dockerfile, Instruction};
use crate::shell::tools::{self, Tool};
use crate::shell::{Command, Word};
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "A build step uses sudo, or the image keeps it",
    category: Category::Privilege,
    severity: Severity::Medium,
    aliases: &[
        "DL3004",
        "DS-0010",
        "CKV2_DOCKER_1",
        "8ada6e80",
        "run_using_sudo",
        "sudo_usage",
        "dockerfile.security.no-sudo-in-dockerfile.no-sudo-in-dockerfile",
    ],
    sources: &[
        "https://docs.docker.com/build/building/best-practices/#user",
        "https://www.sudo.ws/docs/man/sudoers.man/",
        "https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    used(dockerfile, findings);
    left(dockerfile, findings);
}

/// One finding an instruction that runs sudo.
fn used(dockerfile: &Dockerfile, findings: &mut Findings) {
    let mut uses: Vec<CommandRef<'_>> = dockerfile.run_commands().filter(runs_sudo).collect();
    uses.reverse();
    while let Some(first) = uses.pop() {
        let mut others = Vec::new();
        while let Some(next) = uses.pop_if(|next| next.instruction_index == first.instruction_index) {
            others.push(next);
        }
        let user = User::of(first.instruction);
        let as_user = other_user(first.command);
        let message = match &as_user {
            Some(user) => format!("this step changes to the user `{user}` with sudo"),
            None => "this step uses `sudo`".to_owned(),
        };
        let finding = findings.report(first.command.name.span, message);
        finding.severity(Severity::Low).aliases(LINT.aliases).because(user.why(as_user.is_some()));
        finding.help(user.help(as_user.as_deref()));
        if !first.script.clean {
            finding.confidence(Confidence::Medium);
        }
        for other in &others {
            finding.label(other.command.name.span, "and here");
        }
        let all: Vec<CommandRef<'_>> = std::iter::once(first).chain(others).collect();
        let edits: Option<Vec<Edit>> = all.iter().map(without_sudo).collect();
        if let (User::Root, Some(edits)) = (user, edits) {
            let title = "Run the commands without sudo, since the step runs as root".to_owned();
            let why =
                "sudo clears the environment and sets a PATH of its own, so a command may act differently without it";
            let fix = all.iter().fold(Fix::risky(title, why, edits), |fix, _| fix.removes_command("sudo"));
            finding.fix(fix);
        }
    }
}

fn runs_sudo(command: &CommandRef<'_>) -> bool {
    // `sudo --version` and its like only ask.
    let asks = |word: &Word| matches!(word.text.as_str(), "--version" | "-V" | "--help" | "-h");
    let arguments = &command.command.arguments;
    command.command.base_name() == "sudo" && !(arguments.len() == 1 && arguments.iter().all(asks))
}

/// The user given with `-u`, if it isn't root.
fn other_user(command: &Command) -> Option<String> {
    let invocation = tools::invocation(command)?;
    let user = invocation.option("--user")?.value?.text;
    (!matches!(user, "root" | "#0")).then(|| user.to_owned())
}

/// Takes `sudo ` out, where no option of it would be lost.
fn without_sudo(command: &CommandRef<'_>) -> Option<Edit> {
    let next = command.command.arguments.first()?;
    let plain = !next.text.starts_with('-') && command.script.clean && command.command.name.span.end < next.span.start;
    plain.then(|| Edit::delete(Span::new(command.command.name.span.start, next.span.start)))
}

/// Who runs a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum User {
    Root,
    Other,
    /// The base image decides.
    Unknown,
}

impl User {
    fn of(instruction: &Instruction) -> Self {
        let Some(setting) = &instruction.before.user else { return Self::Unknown };
        match setting.value.known().map(|user| user.split(':').next().unwrap_or("").trim()) {
            Some("root" | "0") => Self::Root,
            Some(user) if !user.is_empty() => Self::Other,
            _ => Self::Unknown,
        }
    }

    fn why(self, as_user: bool) -> &'static str {
        match self {
            _ if as_user => "sudo has to be in the image for it, with its setuid bit and its rules",
            Self::Root => "the step runs as root anyway; sudo only adds a setuid program to the image",
            Self::Other => "the user in force can become root without a password here, and so it can in the container",
            Self::Unknown => "build steps run as root unless a USER says otherwise, so sudo is mostly not needed",
        }
    }

    fn help(self, as_user: Option<&str>) -> String {
        match (self, as_user) {
            (_, Some(user)) => {
                format!("Use `USER {user}` in front of the step, or `setpriv --reuid={user} --init-groups`")
            }
            (Self::Other, None) => "Put the steps that need root between `USER root` and the USER of now".to_owned(),
            (_, None) => "Drop `sudo`; set `USER root` in front of the step if another user is in force".to_owned(),
        }
    }
}

/// sudo itself, and rules without a password, in the final image.
fn left(dockerfile: &Dockerfile, findings: &mut Findings) {
    let Some(target) = dockerfile.target() else { return };
    let stages: HashSet<usize> = dockerfile.lineage(target).map(|stage| stage.index).collect();
    let stays = |instruction: &Instruction| instruction.stage.is_some_and(|stage| stages.contains(&stage));
    let mut installed: Option<(Span, bool)> = None;
    let mut ruled: Option<Rule> = None;
    for command in dockerfile.run_commands().filter(|command| stays(command.instruction)) {
        if let Some(word) = package(command.command) {
            installed.get_or_insert((word.span, command.script.clean));
        }
        if removes_sudo(command.command) {
            installed = None;
            ruled = None;
        }
        if let Some(span) = rule_in(&command) {
            ruled.get_or_insert(Rule { span, clean: command.script.clean });
        }
    }
    if ruled.is_none() {
        ruled = copied_rule(dockerfile, &stays);
    }
    if let Some(rule) = &ruled {
        let finding = findings.report(rule.span, "a sudoers rule with `NOPASSWD` stays in the image");
        finding
            .because("every process of that user can become root, which undoes what USER is for")
            .help("Drop the rule and do what needs root in build steps, in front of USER");
        if !rule.clean {
            finding.confidence(Confidence::Medium);
        }
        if let Some((span, _)) = installed {
            finding.label(span, "sudo is installed here");
        }
    } else if let Some((span, clean)) = installed {
        let finding = findings.report(span, "`sudo` stays in the final image");
        finding
            .severity(Severity::Low)
            .because("a setuid program with a history of holes, of use only to who wants to become root")
            .help("Leave it out; build steps can run as root, and an entrypoint drops root with setpriv or gosu");
        if !clean {
            finding.confidence(Confidence::Medium);
        }
    }
}

struct Rule {
    span: Span,
    clean: bool,
}

/// The word of a command that installs sudo's package.
fn package(command: &Command) -> Option<&Word> {
    let invocation = tools::invocation(command)?;
    let system = matches!(invocation.tool, Tool::Apt | Tool::Apk | Tool::Dnf | Tool::Zypper);
    let packages = if system { invocation.packages() } else { &[] };
    packages.iter().copied().find(|word| is_sudo(&word.text))
}

fn is_sudo(word: &str) -> bool {
    let name = word.split(['=', '<', '>', '~', ':']).next().unwrap_or("");
    matches!(name, "sudo" | "sudo-ldap" | "sudo-rs")
}

/// `apt-get purge sudo`, `apk del sudo`, `dnf remove sudo`, `rm /usr/bin/sudo`.
fn removes_sudo(command: &Command) -> bool {
    let names = |wanted: &dyn Fn(&str) -> bool| command.arguments.iter().any(|word| wanted(&word.text));
    match command.base_name() {
        "rm" => names(&|word| word.ends_with("bin/sudo")),
        "apt-get" | "apt" | "apk" | "dnf" | "yum" | "microdnf" | "tdnf" | "zypper" | "rpm" | "dpkg" => {
            let verbs = ["remove", "purge", "del", "autoremove", "erase", "rm", "-e", "--erase", "--purge", "-r", "-P"];
            names(&|word| verbs.contains(&word)) && names(&is_sudo)
        }
        _ => false,
    }
}

/// Where a command writes a rule: in an argument, a here-string or a heredoc of a command that writes to sudoers, or
/// edits it.
fn rule_in(command: &CommandRef<'_>) -> Option<Span> {
    let name = command.command.base_name();
    // Only the commands that write text; `grep NOPASSWD /etc/sudoers` asks.
    if !matches!(name, "echo" | "printf" | "cat" | "tee" | "sed" | "perl" | "install") {
        return None;
    }
    let redirects = command.command.redirects.iter().map(|redirect| &redirect.target);
    let word = command.command.arguments.iter().chain(redirects).find(|word| grants(&word.text))?;
    let here = command.command.span;
    let script = &command.script.commands;
    let same = script.iter().filter(|other| other.pipeline.0 == command.command.pipeline.0 || other.span == here);
    let to_sudoers = |text: &str| text.contains("sudoers");
    let mut words = same.flat_map(|other| other.arguments.iter().chain(other.redirects.iter().map(|one| &one.target)));
    // A group of commands may be redirected as a whole, which the flat list doesn't show: then the rule's form is proof
    // enough.
    (words.any(|word| to_sudoers(&word.text)) || word.text.contains("=(")).then_some(word.span)
}

/// A line that lets someone run anything without a password.
fn grants(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        let rule = line.split_once("NOPASSWD").map_or("", |(_, rest)| rest);
        !line.starts_with('#') && rule.trim_start_matches([' ', '\t']).starts_with(':')
    })
}

/// A rule in a heredoc of COPY or ADD.
fn copied_rule(dockerfile: &Dockerfile, stays: &dyn Fn(&Instruction) -> bool) -> Option<Rule> {
    let mut kept =
        dockerfile.instructions.iter().filter(|instruction| !instruction.ast.heredocs.is_empty() && stays(instruction));
    kept.find_map(|instruction| {
        let destination = instruction.values.last()?;
        let content = instruction.ast.heredocs.first()?.content;
        let rule = destination.text.contains("sudoers") && grants(dockerfile.text(content));
        rule.then_some(Rule { span: instruction.ast.span, clean: true })
    })
}
