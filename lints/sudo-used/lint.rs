//! sudo in build steps, su and sudo at the start, and sudo (with rules that ask for no password) left in the final image.

mod image;

use std::collections::HashSet;

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{CommandRef, Dockerfile, Instruction, Stage, Without, script_of, switches_user};
use crate::shell::tools::{self, Tool};
use crate::shell::{Command, Word};
use crate::syntax::ast::{Arguments, Keyword};
use crate::tables::Family;
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "A build step or the start uses sudo, or the image keeps it",
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
    image: Some(image::check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    used(dockerfile, findings);
    left(dockerfile, findings);
    started(dockerfile, findings);
}

/// ENTRYPOINT or CMD that changes to another user with su or sudo.
fn started(dockerfile: &Dockerfile, findings: &mut Findings) {
    let Some(target) = dockerfile.target() else { return };
    for index in [target.end.entrypoint, target.end.cmd].into_iter().flatten() {
        let Some(instruction) = dockerfile.instructions.get(index) else { continue };
        for script in &instruction.scripts {
            let is_switch = |command: &&Command| {
                matches!(command.base_name(), "su" | "sudo") && command.parent.is_none() && switches_user(command)
            };
            let Some(command) = script.commands.iter().find(is_switch) else { continue };
            let name = command.base_name();
            let keyword = instruction.ast.keyword.as_str();
            let finding = findings.report(command.name.span, format!("`{keyword}` changes the user with `{name}`"));
            finding
                .severity(Severity::Low)
                .because("it stays the program's parent, need not pass signals on, and is one more program that leads to root")
                .help("Use `exec gosu app …`, or `exec setpriv --reuid=app --regid=app --init-groups …`");
            if !script.clean {
                finding.confidence(Confidence::Medium);
            } else if let Some(fix) = switched(dockerfile, target, instruction, command) {
                finding.fix(fix);
            }
        }
    }
}

/// The same start by gosu, where the file installs it, or by util-linux's setpriv: they go away as the program starts.
fn switched(dockerfile: &Dockerfile, target: &Stage, instruction: &Instruction, command: &Command) -> Option<Fix> {
    let invocation = tools::invocation(command)?;
    let is_sudo = invocation.tool == Tool::Sudo;
    let idle: &[&str] = if is_sudo {
        &["--user", "--set-home", "--preserve-env", "--non-interactive"]
    } else {
        &["--command", "--shell"]
    };
    // What else is said, a login say, the others don't do.
    if !invocation.options.iter().all(|option| idle.contains(&option.name)) {
        return None;
    }
    let (user, next) = if is_sudo {
        (invocation.option("--user")?.value?.text, invocation.operands.first()?.span)
    } else {
        let [user] = invocation.operands[..] else { return None };
        let script = invocation.option("--command")?.value?.word;
        (user.literal()?, command.arguments.last().filter(|last| last.span == script.span)?.span)
    };
    let name = user.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let between = Span::new(command.name.span.start, next.start);
    let torn = instruction.ast.gaps.iter().any(|gap| between.contains(gap.span));
    if !name || torn || user.starts_with('-') || is_sudo && command.arguments.iter().any(|word| word.text == "--") {
        return None;
    }
    let steps = dockerfile.inherited(target, Keyword::Run).flat_map(|(_, run)| &run.scripts);
    let has_gosu =
        steps.flat_map(|script| &script.commands).flat_map(|one| &one.arguments).any(|word| word.text == "gosu");
    let mut words = match has_gosu {
        true => vec!["gosu".to_owned(), user.to_owned()],
        false => {
            vec!["setpriv".to_owned(), format!("--reuid={user}"), format!("--regid={user}"), "--init-groups".to_owned()]
        }
    };
    let tool = if has_gosu { "gosu" } else { "setpriv" };
    if !is_sudo {
        words.extend(["sh".to_owned(), "-c".to_owned()]);
    }
    let is_exec = matches!(instruction.ast.arguments, Arguments::Exec(_));
    let text: String = if is_exec {
        words.iter().map(|word| format!("\"{word}\", ")).collect()
    } else {
        words.iter().map(|word| format!("{word} ")).collect()
    };
    let title = format!("Change the user with `{tool}`, which leaves no parent behind");
    let why = "the group of the user may have another name, and the environment stays as it is";
    let mut fix = Fix::suggestion(title, why, vec![Edit::replace(between, text)]);
    fix = fix.removes_command(command.base_name()).adds_command(tool);
    Some(if is_sudo { fix } else { fix.adds_command("sh") })
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
        let user = User::of(dockerfile, first.instruction_index);
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
        if let Some(fix) = dropped(dockerfile, &all, user) {
            finding.fix(fix);
        }
    }
}

/// The commands of one instruction without sudo in front.
fn dropped(dockerfile: &Dockerfile, uses: &[CommandRef<'_>], user: User) -> Option<Fix> {
    let first = uses.first()?;
    let family = dockerfile.stages.get(first.instruction.stage?).and_then(|stage| dockerfile.family_under(stage));
    // Debian and Fedora have util-linux's runuser, which needs no setuid bit to change from root to another user.
    let has_runuser = matches!(family, Some(Family::Debian | Family::RedHat | Family::Suse | Family::Arch));
    let mut edits = Vec::new();
    let mut changes = 0;
    for command in uses {
        let (edit, changes_user) = without_sudo(command)?;
        edits.push(edit);
        changes += usize::from(changes_user);
    }
    if changes > 0 && (user != User::Root || !has_runuser) {
        return None;
    }
    let clears = "sudo clears the environment and sets a PATH of its own, so a command may act differently without it";
    let mut fix = match user {
        User::Root if changes > 0 => {
            let why =
                "runuser keeps the environment, HOME with it, which sudo sets anew, so a command may act differently";
            Fix::risky("Change the user with runuser, since the step runs as root", why, edits)
        }
        User::Root => Fix::risky("Run the commands without sudo, since the step runs as root", clears, edits),
        User::Unknown => {
            let why = "the base image may set a user that needs sudo for the step";
            Fix::suggestion(
                "Run the commands without sudo, as root runs a step unless it is told otherwise",
                why,
                edits,
            )
        }
        User::Other => {
            let instruction = first.instruction;
            let setting = instruction.before.user.as_ref()?;
            let back = dockerfile.line(Keyword::User, dockerfile.text(setting.span));
            if instruction.is_trigger()
                || setting.value.known().is_none()
                || instruction.stage != stage_of(dockerfile, setting.instruction)
            {
                return None;
            }
            edits.push(dockerfile.insert_above(first.instruction_index, &[dockerfile.line(Keyword::User, "root")])?);
            edits.push(dockerfile.insert_below(first.instruction_index, &[back])?);
            let why = "what the step makes belongs to root then, and commands without sudo in it run as root too";
            Fix::suggestion("Run the step as root, between two USER", why, edits).adds("USER").adds("USER")
        }
    };
    for _ in uses {
        fix = fix.removes_command("sudo");
    }
    for _ in 0..changes {
        fix = fix.adds_command("runuser");
    }
    Some(fix)
}

fn stage_of(dockerfile: &Dockerfile, instruction: usize) -> Option<usize> {
    dockerfile.instructions.get(instruction)?.stage
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

/// Takes sudo and its options out, where they say nothing but what is so without it, or puts runuser in its place for
/// another user; whether it does the latter is said. `None` where other options would be lost.
fn without_sudo(command: &CommandRef<'_>) -> Option<(Edit, bool)> {
    let own = command.command;
    let invocation = tools::invocation(own)?;
    let next = invocation.operands.first()?;
    let idle = ["--preserve-env", "--set-home", "--non-interactive", "--stdin", "--user"];
    let known = invocation.options.iter().all(|option| idle.contains(&option.name));
    // A word that is a shell's own or an assignment isn't what sudo would have run.
    let plain = known && command.script.clean && own.name.span.end < next.span.start && next.literal().is_some();
    let gap = command
        .instruction
        .effective()
        .gaps
        .iter()
        .any(|gap| own.name.span.start <= gap.span.start && gap.span.end <= next.span.start);
    if !plain || gap || own.base_name() != own.name.text && own.name.literal().is_none() {
        return None;
    }
    let span = Span::new(own.name.span.start, next.span.start);
    match invocation.option("--user").and_then(|option| option.value) {
        Some(value) if !matches!(value.text, "root" | "#0" | "0") => {
            let name = value.text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
            let assigns = next.text.contains('=');
            (name && !assigns).then(|| (Edit::replace(span, format!("runuser -u {} -- ", value.text)), true))
        }
        _ => Some((Edit::delete(span), false)),
    }
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
    fn of(dockerfile: &Dockerfile, index: usize) -> Self {
        match dockerfile.is_root_at(index) {
            Some(true) => Self::Root,
            Some(false) => Self::Other,
            None => Self::Unknown,
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
    let mut installed: Option<(CommandRef<'_>, &Word)> = None;
    let mut is_used = false;
    let mut ruled: Option<Rule<'_>> = None;
    for command in dockerfile.run_commands().filter(|command| stays(command.instruction)) {
        if let Some(word) = package(command.command) {
            installed.get_or_insert((command, word));
        }
        is_used |= command.command.base_name() == "sudo";
        if removes_sudo(command.command) {
            installed = None;
            ruled = None;
        }
        if let Some(span) = rule_in(&command) {
            let of = Some(command).filter(|_| rule_alone(&command));
            ruled.get_or_insert(Rule { span, clean: command.script.clean, of });
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
        if let Some((_, word)) = installed {
            finding.label(word.span, "sudo is installed here");
        }
        if let Some((edit, whole)) =
            rule.of.filter(|_| rule.clean).and_then(|of| dockerfile.without_step(&of)).map(Without::into_parts)
        {
            let why = "what the user does with sudo fails without the rule";
            let fix = Fix::risky("Leave the rule out", why, vec![edit]);
            let name = rule.of.map_or("", |of| of.command.base_name());
            let fix = fix.removes_command(name);
            finding.fix(if whole { fix.removes("RUN") } else { fix });
        }
    } else if let Some((command, word)) = installed {
        let finding = findings.report(word.span, "`sudo` stays in the final image");
        finding
            .severity(Severity::Low)
            .because("a setuid program with a history of holes, of use only to who wants to become root")
            .help("Leave it out; build steps can run as root, and an entrypoint drops root with setpriv or gosu");
        if !command.script.clean {
            finding.confidence(Confidence::Medium);
        } else if !is_used && !starts_with_sudo(dockerfile, target) {
            package_left_out(dockerfile, &command, word).into_iter().for_each(|fix| {
                finding.fix(fix);
            });
        }
    }
}

/// The package left out, with its command where it is the only one.
fn package_left_out(dockerfile: &Dockerfile, command: &CommandRef<'_>, word: &Word) -> Option<Fix> {
    let invocation = tools::invocation(command.command)?;
    let why = "a script that is not seen here, or who works in the container, may call sudo";
    let title = "Don't install sudo, which no step of the file calls";
    if invocation.packages().len() > 1 {
        return Some(Fix::risky(title, why, vec![dockerfile.without_operand(command, word.span)?]));
    }
    let (edit, whole) = dockerfile.without_step(command)?.into_parts();
    let fix = Fix::risky(title, why, vec![edit]).removes_command(command.command.base_name());
    Some(if whole { fix.removes("RUN") } else { fix })
}

/// Whether what a container starts names sudo.
fn starts_with_sudo(dockerfile: &Dockerfile, target: &Stage) -> bool {
    let starts = [target.end.entrypoint, target.end.cmd, target.end.healthcheck].into_iter().flatten();
    let scripts = starts.filter_map(|index| dockerfile.instructions.get(index)).flat_map(|one| &one.scripts);
    scripts.flat_map(|script| &script.commands).any(|command| command.base_name() == "sudo")
        || script_of(dockerfile, target).is_some_and(|script| script.text.contains("sudo"))
}

struct Rule<'a> {
    span: Span,
    clean: bool,
    /// The command that writes it and nothing else.
    of: Option<CommandRef<'a>>,
}

/// Whether a command does nothing but write the rule to a file of sudo's.
fn rule_alone(command: &CommandRef<'_>) -> bool {
    let own = command.command;
    let to_sudoers = own.redirects.iter().any(|redirect| redirect.target.text.contains("sudoers"));
    matches!(own.base_name(), "echo" | "printf") && own.redirects.len() == 1 && to_sudoers
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
fn copied_rule<'a>(dockerfile: &'a Dockerfile, stays: &dyn Fn(&Instruction) -> bool) -> Option<Rule<'a>> {
    let mut kept =
        dockerfile.instructions.iter().filter(|instruction| !instruction.ast.heredocs.is_empty() && stays(instruction));
    kept.find_map(|instruction| {
        let destination = instruction.values.last()?;
        let content = instruction.ast.heredocs.first()?.content;
        let rule = destination.text.contains("sudoers") && grants(dockerfile.text(content));
        rule.then_some(Rule { span: instruction.ast.span, clean: true, of: None })
    })
}
