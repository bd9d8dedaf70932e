//! Build steps that let every user write a file or folder, and what an image holds of the kind.

mod image;

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{Dockerfile, ModeChange, Modes, Target, TargetKind, is_root};
use crate::shell::tools::{self, mode};
use crate::shell::{Command, Guard, Nesting};
use crate::syntax::ast::Keyword;
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "Files are writable for every user",
    category: Category::Filesystem,
    severity: Severity::Medium,
    sources: &[
        "https://man7.org/linux/man-pages/man1/chmod.1.html",
        "https://docs.docker.com/reference/dockerfile/#copy---chown---chmod",
        "https://cwe.mitre.org/data/definitions/732.html",
    ],
    dockerfile: Some(check),
    image: Some(image::check),
    ..Lint::BASE
};

/// What everybody may write.
const WORLD_WRITE: u16 = 0o002;

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let modes = Modes::of(dockerfile);
    let started = started(dockerfile);
    for (index, change) in modes.changes.iter().enumerate() {
        if change.mode.world_writable() && !is_sticky_folder(change) && modes.lasts(dockerfile, index, WORLD_WRITE) {
            report(dockerfile, change, &started, findings);
        }
    }
    for command in dockerfile.commands() {
        let Some(mask) = open_umask(command.command) else { continue };
        let message = format!("`umask {mask}` lets every user write what is made from here on");
        let finding = findings.report(command.command.span, message);
        finding
            .because("what this script makes stays writable for whoever gets into the container")
            .help("Use `umask 022`, or `umask 002` where a group shares the files")
            .severity(Severity::Low);
        if !command.script.clean {
            finding.confidence(Confidence::Medium);
        } else if let [word] = &command.command.arguments[..] {
            let why =
                "a process of another user than the owner can no longer write what is made, which the app may rely on";
            finding.fix(Fix::risky("Use `umask 022`", why, vec![Edit::replace(word.span, "022")]));
        }
    }
}

fn report(dockerfile: &Dockerfile, change: &ModeChange<'_>, started: &[String], findings: &mut Findings) {
    let what = match &change.targets[..] {
        [] => "files".to_owned(),
        [one] if change.recursive => format!("everything in `{}`", one.text),
        [first, rest @ ..] if change.recursive => format!("everything in `{}` and {} more", first.text, rest.len()),
        [one] => format!("`{}`", one.text),
        [first, rest @ ..] => format!("`{}` and {} more", first.text, rest.len()),
    };
    let weight = Weight::of(change, started);
    let finding = findings.report(change.span, format!("`{}` lets every user write {what}", change.text));
    finding.because(weight.why()).help(weight.help()).severity(weight.severity());
    if !change.is_certain() {
        finding.confidence(Confidence::Medium);
    }
    let stage = dockerfile.instructions[change.instruction].stage;
    let in_target = |stage: usize| {
        dockerfile.target().is_some_and(|target| dockerfile.lineage(target).any(|other| other.index == stage))
    };
    if !stage.is_some_and(in_target) {
        finding.severity(Severity::Low);
    }
    if let Some(fix) = narrower(dockerfile, change, weight) {
        finding.fix(fix);
    }
}

/// A folder that everybody may write, but in which only the owner of a file may rename or remove it: `/tmp`'s idiom.
fn is_sticky_folder(change: &ModeChange<'_>) -> bool {
    change.mode.sticky() && !(change.recursive && change.targets.iter().any(|target| target.kind == TargetKind::File))
}

/// The programs that ENTRYPOINT and CMD of the final stage start, as absolute paths.
fn started(dockerfile: &Dockerfile) -> Vec<String> {
    let Some(target) = dockerfile.target() else { return Vec::new() };
    let starts = [target.end.entrypoint, target.end.cmd].into_iter().flatten();
    let instructions = starts.filter_map(|index| dockerfile.instructions.get(index));
    let commands = instructions.flat_map(|instruction| &instruction.scripts).flat_map(|script| &script.commands);
    let words = commands.flat_map(|command| std::iter::once(&command.name).chain(command.arguments.iter().take(4)));
    words.map(|word| word.text.clone()).filter(|text| text.contains('/') || text.ends_with(".sh")).collect()
}

/// How much harm the mode does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// One place for temporary files, without the sticky bit.
    Shared,
    /// One file or folder.
    One,
    /// A whole tree.
    Tree,
    /// What the container starts.
    Started,
    /// Programs, their configuration, the accounts.
    System,
}

/// Folders of programs, configuration and accounts; writing there is as good as being root.
const SYSTEM: [&str; 12] = [
    "/etc",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/libexec",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/root",
];

/// Folders whose whole contents are the system.
const WHOLE: [&str; 4] = ["/", "/usr", "/usr/local", "/var/run/docker.sock"];

/// Folders made for files of every user.
const TEMPORARY: [&str; 6] = ["/tmp", "/var/tmp", "/run/lock", "/var/lock", "/run/screen", "/var/run/screen"];

impl Weight {
    fn of(change: &ModeChange<'_>, started: &[String]) -> Self {
        let of_target = |target: &Target| {
            let path = target.path.as_deref().unwrap_or("");
            let name = target.name();
            let is_started =
                |start: &String| start == path || start.rsplit('/').next() == Some(name) && !name.is_empty();
            if target.is_in(&SYSTEM) || WHOLE.contains(&path) {
                Self::System
            } else if started.iter().any(is_started) {
                Self::Started
            } else if change.recursive {
                Self::Tree
            } else if TEMPORARY.contains(&path) {
                Self::Shared
            } else {
                Self::One
            }
        };
        let least = if change.recursive { Self::Tree } else { Self::One };
        change.targets.iter().map(of_target).max().unwrap_or(least)
    }

    fn why(self) -> &'static str {
        match self {
            Self::System => {
                "whoever gets into the container can change programs, configuration or accounts that root relies on"
            }
            Self::Started => "whoever gets into the container can change what it starts next time",
            Self::Tree => "whoever gets into the container can change every program, library and setting in it",
            Self::One => "whoever gets into the container can change it, whichever user they are",
            Self::Shared => "without the sticky bit every user can rename and replace the files of others",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Shared => "Use mode 1777",
            Self::One => {
                "Give it to the user that writes it (`chown`, `COPY --chown`) and use mode 644, or 755 for folders and programs"
            }
            _ => "Give only what has to be written to the user that writes it (`chown`), and leave the rest 644 or 755",
        }
    }

    fn severity(self) -> Severity {
        match self {
            Self::System | Self::Started | Self::Tree => Severity::Medium,
            Self::One | Self::Shared => Severity::Low,
        }
    }
}

/// The mode without the right to write for others (for the group neither, where it is octal), or with the sticky bit; the
/// step left out where it does nothing else.
fn narrower(dockerfile: &Dockerfile, change: &ModeChange<'_>, weight: Weight) -> Option<Fix> {
    let why = "a process of another user than the owner can no longer write there, which the app may rely on";
    let place = dockerfile.place_of_mode(change).filter(|_| change.is_certain())?;
    let digits = change.text.bytes().all(|byte| byte.is_ascii_digit());
    let mode = match (change.mode.bits().filter(|_| digits), weight) {
        (Some(bits), Weight::Shared) => format!("{:0width$o}", bits | 0o1000, width = change.text.len()),
        (Some(bits), _) => format!("{:0width$o}", bits & !0o022, width = change.text.len()),
        (None, Weight::Shared) => format!("{},+t", change.text),
        (None, _) => mode::without_world_write(&change.text)?,
    };
    if weight == Weight::Shared {
        let why = "a process can no longer rename or remove files of another user there, which the app may rely on";
        return Some(Fix::risky("Set the sticky bit", why, vec![Edit::replace(place, mode)]));
    }
    if let Some(fix) = given(dockerfile, change, place, &mode) {
        return Some(fix);
    }
    if !mode.is_empty() {
        let title = format!("Use `{mode}`, with which others can't write");
        return Some(Fix::risky(title, why, vec![Edit::replace(place, mode)]));
    }
    // `chmod o+w` does nothing else; install and mkdir take no empty mode.
    let Some(command) = change.command else {
        let edit = dockerfile.without_flag(&dockerfile.instructions[change.instruction], change.span)?;
        return Some(Fix::risky("Leave the mode as it is", why, vec![edit]));
    };
    let command = Some(command).filter(|command| command.command.base_name() == "chmod")?;
    let (edit, whole) = dockerfile.without_step(&command)?.into_parts();
    let fix = Fix::risky("Leave the mode as it is", why, vec![edit]).removes_command("chmod");
    Some(if whole { fix.removes("RUN") } else { fix })
}

/// The same for the user that the image ends as: it gets what everybody could write before. `None` where root stays in
/// force, the user need not be there yet, or the step isn't plain.
fn given(dockerfile: &Dockerfile, change: &ModeChange<'_>, place: Span, mode: &str) -> Option<Fix> {
    let user = last_user(dockerfile, change)?;
    let title = format!("Give it to `{user}`, and let others write no more");
    let why = "a process of another user than that can no longer write there, and every file of a tree is stored anew";
    let instruction = &dockerfile.instructions[change.instruction];
    let Some(command) = change.command else {
        if instruction.flag("chown").is_some() || mode.is_empty() {
            return None;
        }
        let owner = Edit::insert(change.span.start, format!("--chown={user} "));
        return Some(Fix::risky(title, why, vec![owner, Edit::replace(place, mode)]));
    };
    let own = command.command;
    let is_plain = own.nesting == Nesting::Plain && own.guard != Guard::Or && own.redirects.is_empty();
    let targets = tools::invocation(own).filter(|_| is_plain && own.name.text == "chmod")?;
    let torn = instruction.ast.gaps.iter().any(|gap| own.span.contains(gap.span));
    if torn || targets.targets().is_empty() || change.targets.iter().any(|target| target.path.is_none()) {
        return None;
    }
    if mode.is_empty() {
        // The options of the two are the same.
        let edits = vec![Edit::replace(own.name.span, "chown"), Edit::replace(change.span, user)];
        return Some(Fix::risky(title, why, edits).removes_command("chmod").adds_command("chown"));
    }
    let words: Vec<&str> = targets.targets().iter().map(|word| dockerfile.text(word.span)).collect();
    let recursive = if change.recursive { "-R " } else { "" };
    // `set -e` doesn't heed what fails in front of `&&`.
    let first = command.script.commands.first().is_some_and(|first| first.base_name() == "set");
    let joint = if first { ";" } else { " &&" };
    let owner = Edit::insert(own.span.start, format!("chown {recursive}{user} {}{joint} ", words.join(" ")));
    Some(Fix::risky(title, why, vec![owner, Edit::replace(place, mode)]).adds_command("chown"))
}

/// The user that the final image ends as, without its group, if the change is made by root in it and the user is there by
/// then: as a number, in the base image, or made by an earlier step.
fn last_user(dockerfile: &Dockerfile, change: &ModeChange<'_>) -> Option<String> {
    let target = dockerfile.target()?;
    let stage = dockerfile.instructions.get(change.instruction)?.stage?;
    let setting = target.end.user.as_ref().filter(|user| user.value.sources.is_empty())?;
    let user = setting.value.known()?.split(':').next()?;
    let plain = user.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let shipped = dockerfile.lineage(target).any(|other| other.index == stage);
    if is_root(user) || !plain || user.is_empty() || !shipped || !dockerfile.acts_as_root(change.instruction) {
        return None;
    }
    let number = user.bytes().all(|byte| byte.is_ascii_digit());
    let in_base = match dockerfile.content_under(target) {
        Some(content) => content.account(user).is_some(),
        None => dockerfile.row_under(target).is_some_and(|row| row.accounts.iter().any(|(name, _)| *name == user)),
    };
    let makes = |command: &Command| {
        matches!(command.base_name(), "useradd" | "adduser")
            && command.nesting == Nesting::Plain
            && command.arguments.iter().any(|word| word.text == user)
    };
    let earlier = || {
        let runs = dockerfile.inherited(target, Keyword::Run).flat_map(|(_, run)| &run.scripts);
        let mut commands = runs.flat_map(|script| &script.commands);
        commands.any(|command| command.span.end <= change.span.start && makes(command))
    };
    (number || in_base || earlier()).then(|| user.to_owned())
}

/// The mask of `umask 000` and its like.
fn open_umask(command: &Command) -> Option<&str> {
    let [mask] = &command.arguments[..] else { return None };
    let text = mask.literal().filter(|_| command.base_name() == "umask")?;
    let octal = (1..=4).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    // Whether the mask holds back the right of others to write.
    let open = octal && !matches!(text.as_bytes().last(), Some(b'2' | b'3' | b'6' | b'7'));
    let symbolic = matches!(text, "u=rwx,g=rwx,o=rwx" | "a=rwx" | "ugo=rwx" | "a+rwx" | "a+w" | "o+w");
    (open || symbolic).then_some(text)
}
