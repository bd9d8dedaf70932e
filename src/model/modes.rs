//! Every place of a Dockerfile that sets the mode of files: chmod, install and mkdir in RUN, `--chmod` of COPY and ADD.

use std::collections::HashSet;

use crate::shell::tools::{self, Invocation, Mode, Tool};
use crate::shell::{Command, Word};
use crate::syntax::ast::Keyword;
use crate::syntax::mount::Mount;
use crate::text::Span;

use super::copies::join;
use super::{CommandRef, Dockerfile, Instruction};

/// The places that set a mode, in order, and what takes files away again.
#[derive(Debug, Default)]
pub struct Modes<'a> {
    /// The places that set a mode.
    pub changes: Vec<ModeChange<'a>>,
    removals: Vec<Removal>,
}

/// One place that sets a mode.
#[derive(Clone, Debug)]
pub struct ModeChange<'a> {
    /// The instruction (index).
    pub instruction: usize,
    /// The word or flag that holds the mode.
    pub span: Span,
    /// The mode as written, variables filled in.
    pub text: String,
    /// What it does.
    pub mode: Mode,
    /// Whether it holds for everything below the targets too.
    pub recursive: bool,
    /// What gets the mode; empty where that is not known (`xargs chmod`).
    pub targets: Vec<Target>,
    /// The command; `None` for COPY and ADD.
    pub command: Option<CommandRef<'a>>,
    /// Its place among all changes and removals.
    order: usize,
}

/// What gets a mode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// As written.
    pub text: String,
    /// The absolute path, where it is known.
    pub path: Option<String>,
    /// Whether it is a folder.
    pub kind: TargetKind,
}

/// Whether a target is a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum TargetKind {
    File,
    Folder,
    Unknown,
}

/// A file or folder that is taken away.
#[derive(Debug)]
struct Removal {
    stage: Option<usize>,
    order: usize,
    /// The path, or the word where it isn't known.
    path: String,
}

/// How many later events one question looks at, so that a file of nothing but chmod can't take quadratic time.
const LOOK_AHEAD: usize = 256;

impl<'a> Modes<'a> {
    /// Collects them. What happens to mounts of RUN, to `/dev`, `/proc` and `/sys` is left out: it never gets into the
    /// image.
    #[must_use]
    pub fn of(dockerfile: &'a Dockerfile) -> Self {
        let mut collector = Collector { modes: Self::default(), folders: HashSet::new(), order: 0 };
        let mut commands = dockerfile.run_commands().peekable();
        for (index, instruction) in dockerfile.instructions.iter().enumerate() {
            match instruction.effective().keyword {
                Keyword::Copy | Keyword::Add => collector.copied(index, instruction),
                Keyword::Workdir | Keyword::Volume => {
                    let paths = instruction.values.iter().map(|value| join("/", &value.text));
                    collector.folders.extend(paths.map(|path| (instruction.stage, path)));
                }
                Keyword::Run => {
                    let mounts = mount_targets(instruction);
                    let mut moved = false;
                    while let Some(command) = commands.next_if(|command| command.instruction_index == index) {
                        moved &= command.index != 0;
                        moved |= matches!(command.command.base_name(), "cd" | "pushd");
                        collector.command(command, moved, &mounts);
                    }
                }
                _ => {}
            }
        }
        collector.modes
    }

    /// Whether what the change at `index` does to `bits` is still so at the end of its stage, as far as can be seen: no
    /// later command removes the targets or clears the bits.
    #[must_use]
    pub fn lasts(&self, dockerfile: &Dockerfile, index: usize, bits: u16) -> bool {
        let Some(change) = self.changes.get(index) else { return false };
        let stage = dockerfile.instructions.get(change.instruction).and_then(|instruction| instruction.stage);
        let same_stage = |other: &&ModeChange<'_>| {
            dockerfile.instructions.get(other.instruction).and_then(|instruction| instruction.stage) == stage
        };
        let first_removal = self.removals.partition_point(|removal| removal.order < change.order);
        let removals = self.removals[first_removal..].iter().take(LOOK_AHEAD).take_while(|other| other.stage == stage);
        let removals: Vec<&Removal> = removals.collect();
        let later = self.changes[index + 1..].iter().take(LOOK_AHEAD).take_while(same_stage);
        let later: Vec<&ModeChange<'_>> = later.filter(|later| later.mode.clears(bits)).collect();
        let undone = |target: &Target| {
            let path = target.key();
            removals.iter().any(|removal| is_below(path, &removal.path))
                || later.iter().any(|later| later.targets.iter().any(|other| later.reaches(other, path)))
        };
        change.targets.is_empty() || !change.targets.iter().all(undone)
    }
}

impl ModeChange<'_> {
    /// Whether the change of `target` holds for the path too.
    fn reaches(&self, target: &Target, path: &str) -> bool {
        target.key() == path || self.recursive && is_below(path, target.key())
    }

    /// Whether the text was read whole, so that the change happens as it was read.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.command.is_none_or(|command| command.script.clean)
    }
}

impl Target {
    fn key(&self) -> &str {
        self.path.as_deref().unwrap_or(&self.text)
    }

    /// Whether the target is one of `folders` or lies in it.
    #[must_use]
    pub fn is_in(&self, folders: &[&str]) -> bool {
        self.path.as_ref().is_some_and(|path| folders.iter().any(|folder| is_below(path, folder)))
    }

    /// The last part of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        let path = self.key().trim_end_matches('/');
        path.rsplit('/').next().unwrap_or(path)
    }
}

/// Whether the command takes setuid or setgid bits off files it doesn't name one by one (`find / -perm /6000 … -exec
/// chmod a-s`, `chmod -R a-s /usr`, a loop), or off a file it does name.
#[must_use]
pub fn strips_setid(command: &CommandRef<'_>) -> bool {
    match command.command.base_name() {
        "chmod" => {
            let Some(invocation) = tools::invocation(command.command) else { return false };
            let symbolic = invocation.mode_word().is_some_and(|word| {
                let minus =
                    word.text.split(',').any(|clause| clause.split_once('-').is_some_and(|(_, s)| s.contains('s')));
                minus && !word.text.contains('+')
            });
            symbolic || parent(command, "find").and_then(tools::invocation).is_some_and(|find| asks_for_setid(&find))
        }
        "find" => tools::invocation(command.command)
            .is_some_and(|find| asks_for_setid(&find) && (find.has("-delete") || runs(&find, "rm"))),
        "dpkg-statoverride" => {
            command.command.arguments.iter().any(|word| word.text == "--add" || word.text == "--update")
        }
        _ => false,
    }
}

/// Whether `find` runs `program` for what it finds.
fn runs(find: &Invocation<'_>, program: &str) -> bool {
    find.options.iter().any(|option| option.value.is_some_and(|value| value.text.rsplit('/').next() == Some(program)))
}

/// `-perm` with the setuid or setgid bit.
fn asks_for_setid(find: &Invocation<'_>) -> bool {
    find.options_named("-perm").filter_map(|option| option.value).any(|value| {
        let mode = value.text.trim_start_matches(['/', '-', '+']);
        Mode::parse(mode).is_some_and(|mode| mode.sets_setuid() || mode.sets_setgid())
    })
}

/// The command that runs this one, if it is `name`.
fn parent<'a>(command: &CommandRef<'a>, name: &str) -> Option<&'a Command> {
    command.parent().filter(|parent| parent.base_name() == name)
}

/// The last `find` that feeds this command through a pipe.
fn feeding_find<'a>(command: &CommandRef<'a>) -> Option<&'a Command> {
    let pipeline = command.command.pipeline;
    let before = command.script.commands[..command.index].iter().rev().take(16);
    let mut same = before.take_while(|other| other.pipeline.0 == pipeline.0);
    same.find(|other| other.base_name() == "find")
}

/// Whether a path is a folder or lies in it.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(super) fn mount_targets(instruction: &Instruction) -> Vec<String> {
    let mounts = instruction.flags().filter(|(flag, _)| flag.name == "mount");
    let mounts = mounts.filter_map(|(_, value)| Mount::parse(&value.text).ok());
    mounts.filter_map(|mount| Some(join("/", mount.target()?))).collect()
}

struct Collector<'a> {
    modes: Modes<'a>,
    /// Paths known to be folders, by stage.
    folders: HashSet<(Option<usize>, String)>,
    order: usize,
}

impl<'a> Collector<'a> {
    fn command(&mut self, command: CommandRef<'a>, moved: bool, mounts: &[String]) {
        let tool = match command.command.base_name() {
            "chmod" | "install" | "mkdir" => match tools::invocation(command.command) {
                Some(invocation) => invocation,
                None => return,
            },
            "rm" | "unlink" | "rmdir" => return self.removal(command, moved),
            _ => return,
        };
        let stage = command.instruction.stage;
        let (mut targets, mut recursive) = (Vec::new(), tool.has("--recursive"));
        let makes_folders = tool.tool == Tool::Mkdir || tool.tool == Tool::Install && tool.has("--directory");
        for word in targets_of(&tool, makes_folders) {
            let mut target = target(&command, word, moved);
            if makes_folders {
                target.kind = TargetKind::Folder;
                self.folders.extend(target.path.iter().map(|path| (stage, path.clone())));
            } else if tool.tool == Tool::Install {
                target.kind = TargetKind::File;
            } else if target.path.as_ref().is_some_and(|path| self.folders.contains(&(stage, path.clone()))) {
                target.kind = TargetKind::Folder;
            }
            targets.push(target);
        }
        let found = parent(&command, "find").filter(|_| targets.iter().all(|target| target.text.contains("{}")));
        let fed = || parent(&command, "xargs").and_then(|_| feeding_find(&command));
        if let Some(find) = found.or_else(fed) {
            recursive = true;
            targets = found_targets(find, &command, moved);
        }
        let Some((word, text)) = mode_of(&tool, &command) else { return };
        let Some(mode) = Mode::parse(&text) else { return };
        let outside = ["/dev", "/proc", "/sys"];
        let elsewhere = |target: &Target| {
            target.is_in(&outside) || mounts.iter().any(|mount| target.is_in(&[mount.as_str()]) && mount != "/")
        };
        if !targets.is_empty() && targets.iter().all(elsewhere) {
            return;
        }
        let instruction = command.instruction_index;
        let span = word.span;
        let order = self.next();
        let command = Some(command);
        self.modes.changes.push(ModeChange { instruction, span, text, mode, recursive, targets, command, order });
    }

    fn removal(&mut self, command: CommandRef<'a>, moved: bool) {
        let stage = command.instruction.stage;
        for word in command.command.arguments.iter().filter(|word| !word.text.starts_with('-')) {
            let target = target(&command, word, moved);
            // `rm -rf /tmp/*` takes away everything in the folder.
            let path = target.key().strip_suffix("/*").unwrap_or(target.key()).to_owned();
            let order = self.next();
            self.modes.removals.push(Removal { stage, order, path });
        }
    }

    fn copied(&mut self, index: usize, instruction: &'a Instruction) {
        let Some((flag, value)) = instruction.flag("chmod") else { return };
        let Some((text, mode)) = value.known().and_then(|text| Some((text.to_owned(), Mode::parse(text)?))) else {
            return;
        };
        let Some((last, sources)) = instruction.values.split_last() else { return };
        let workdir = instruction.before.workdir.as_ref();
        let path = |name: &str| {
            let into_folder = last.text.ends_with('/') || sources.len() > 1;
            let below = if into_folder { format!("{}/{name}", last.text) } else { last.text.clone() };
            match workdir.and_then(|workdir| workdir.value.known()) {
                Some(workdir) => Some(join(workdir, &below)),
                None => last.text.starts_with('/').then(|| join("/", &below)),
            }
        };
        let folder = |text: &str| matches!(text, "." | "./" | "/" | "*") || text.ends_with('/') || text.ends_with("/.");
        let recursive = sources.iter().any(|source| folder(&source.text));
        let mut targets: Vec<Target> = Vec::new();
        for source in sources {
            let name = source.text.trim_end_matches('/').rsplit('/').next().unwrap_or("");
            let kind = if folder(&source.text) { TargetKind::Folder } else { TargetKind::Unknown };
            let name = if kind == TargetKind::Folder { "" } else { name };
            targets.push(Target { text: last.text.clone(), path: path(name).filter(|_| last.known().is_some()), kind });
        }
        if targets.is_empty() {
            targets.push(Target { text: last.text.clone(), path: path(""), kind: TargetKind::File });
        }
        let order = self.next();
        let span = flag.span;
        let command = None;
        let change = ModeChange { instruction: index, span, text, mode, recursive, targets, command, order };
        self.modes.changes.push(change);
    }

    fn next(&mut self) -> usize {
        self.order += 1;
        self.order
    }
}

/// The words that name what gets the mode.
fn targets_of<'a>(tool: &Invocation<'a>, makes_folders: bool) -> Vec<&'a Word> {
    match tool.tool {
        Tool::Install if !makes_folders => {
            let folder = tool.option("--target-directory").and_then(|option| option.value).map(|value| value.word);
            folder.or(tool.operands.last().copied()).into_iter().collect()
        }
        _ => tool.targets().to_vec(),
    }
}

fn target(command: &CommandRef<'_>, word: &Word, moved: bool) -> Target {
    let resolved = command.resolve(word);
    let kind = if word.text.ends_with('/') { TargetKind::Folder } else { TargetKind::Unknown };
    let workdir = command.instruction.before.workdir.as_ref().and_then(|workdir| workdir.value.known());
    let path = resolved.filter(|text| !text.is_empty() && !text.starts_with('~')).and_then(|text| match workdir {
        _ if text.starts_with('/') => Some(join("/", &text)),
        Some(workdir) if !moved => Some(join(workdir, &text)),
        _ => None,
    });
    let kind = if path.as_deref().is_some_and(|path| STANDARD.contains(&path)) { TargetKind::Folder } else { kind };
    Target { text: word.text.clone(), path, kind }
}

/// Folders of the Filesystem Hierarchy Standard 3.0.
const STANDARD: [&str; 28] = [
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/share",
    "/usr/src",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/tmp",
];

/// Where `find` starts, with what `-type` says of what it finds.
fn found_targets(find: &Command, command: &CommandRef<'_>, moved: bool) -> Vec<Target> {
    let Some(invocation) = tools::invocation(find) else { return Vec::new() };
    let negated = |word: &Word| {
        let mut pairs = find.arguments.windows(2);
        pairs.any(|pair| pair[1].span == word.span && matches!(pair[0].text.as_str(), "!" | "-not"))
    };
    let types = invocation.options_named("-type").filter_map(|option| Some((option.word, option.value?.text)));
    let kinds: Vec<TargetKind> = types
        .map(|(word, kind)| match kind {
            "d" if !negated(word) => TargetKind::Folder,
            "f" if !negated(word) => TargetKind::File,
            _ => TargetKind::Unknown,
        })
        .collect();
    let kind = if let [kind] = kinds[..] { kind } else { TargetKind::Unknown };
    invocation.operands.iter().map(|word| Target { kind, ..target(command, word, moved) }).collect()
}

/// The mode with the word that holds it.
fn mode_of<'a>(tool: &Invocation<'a>, command: &CommandRef<'_>) -> Option<(&'a Word, String)> {
    let word = tool.mode_word()?;
    if tool.tool == Tool::Chmod {
        return Some((word, command.resolve(word)?));
    }
    let value = tool.option("--mode")?.value?;
    let text = if value.text == word.text { command.resolve(word)? } else { value.text.to_owned() };
    Some((word, text))
}
