//! The folders that an account needs to be able to write, as far as the file says: volumes, folders for state that a step
//! makes, what a step lets everybody write, the app's WORKDIR, and what the base image's server writes.

use crate::shell::tools::{self, Mode, Tool};
use crate::shell::{Nesting, Word};
use crate::syntax::ast::Keyword;
use crate::text::Edit;

use super::account::RunAs;
use crate::model::copies::join;
use crate::model::modes::is_below;
use crate::model::{CommandRef, Dockerfile, Instruction, Stage};

/// Folders that the account has to be able to write.
#[derive(Default)]
pub(super) struct Folders {
    pub(super) needed: Vec<Folder>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Folder {
    pub(super) path: String,
    /// How sure it is to exist.
    pub(super) kind: FolderKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FolderKind {
    /// A volume, which no step need have made.
    Volume,
    /// A folder that is there.
    Made,
    /// A file of the server that the base image is about, to be made.
    File,
    /// The WORKDIR that the container starts in, with what the file puts into it.
    App,
}

/// How many folders a fix gives away at most; who names more had better choose.
const MOST: usize = 8;

impl Folders {
    pub(super) fn of(dockerfile: &Dockerfile, stage: &Stage) -> Self {
        let mut folders = Self::default();
        for (_, instruction) in dockerfile.inherited(stage, Keyword::Volume) {
            for value in &instruction.values {
                let path = value.known().filter(|path| path.starts_with('/') && !value.overridable);
                folders.add(path.map(|path| join("/", path)), FolderKind::Volume);
            }
        }
        let mut given = Vec::new();
        let mut gone = Vec::new();
        let mut emptied = Vec::new();
        for command in run_commands(dockerfile, stage) {
            let name = command.command.base_name();
            if !matches!(name, "mkdir" | "chmod" | "chown" | "rm") {
                continue;
            }
            let moved = command.script.commands[..command.index].iter().any(|one| one.base_name() == "cd");
            let certain = command.command.nesting == Nesting::Plain;
            if name == "rm" {
                gone.extend(command.command.arguments.iter().filter_map(|word| path_of(&command, word, moved)));
                emptied.extend(command.command.arguments.iter().filter_map(|word| word.text.strip_suffix("/*")));
            }
            let Some(invocation) = tools::invocation(command.command) else { continue };
            let targets = invocation.targets().iter().filter_map(|word| path_of(&command, word, moved));
            match invocation.tool {
                Tool::Mkdir if certain => {
                    let state = targets.filter(|path| is_state(path)).collect::<Vec<_>>();
                    state.into_iter().for_each(|path| folders.add(Some(path), FolderKind::Made));
                }
                // What everybody may write, the program was meant to.
                Tool::Chmod if certain && invocation.mode().is_some_and(Mode::world_writable) => {
                    let open = targets.collect::<Vec<_>>();
                    open.into_iter().for_each(|path| folders.add(Some(path), FolderKind::Made));
                }
                Tool::Chown => given.extend(targets),
                _ => {}
            }
        }
        let covers = |folder: &String, path: &str| is_below(path, folder);
        folders.needed.retain(|one| {
            let volume = one.kind == FolderKind::Volume;
            !given.iter().any(|folder| covers(folder, &one.path))
                && (volume || !gone.iter().any(|folder| covers(folder, &one.path)))
        });
        if let Some(path) = bare_workdir(dockerfile, stage)
            && !given.iter().any(|folder| covers(folder, &path))
        {
            folders.add(Some(path), FolderKind::Made);
        }
        let is_gone = |path: &str| {
            let inside = |folder: &&str| folder.starts_with('/') && *folder != path && is_below(path, folder);
            gone.iter().any(|folder| covers(folder, path)) || emptied.iter().any(inside)
        };
        if let Some(path) = app_workdir(stage).filter(|path| !is_gone(path))
            && !given.iter().any(|folder| covers(folder, &path))
            && !folders.needed.iter().any(|other| is_below(&path, &other.path))
        {
            // What lies in it is still given whole.
            folders.needed.push(Folder { path, kind: FolderKind::App });
        }
        let server = server_paths(dockerfile, stage).iter();
        folders.needed.extend(server.map(|&(path, kind)| Folder { path: path.to_owned(), kind }));
        folders
    }

    fn add(&mut self, path: Option<String>, kind: FolderKind) {
        let Some(path) = path.filter(|path| is_own(path)) else { return };
        let covered = self.needed.iter().any(|other| is_below(&path, &other.path));
        if !covered && self.needed.len() < MOST {
            self.needed.retain(|other| !is_below(&other.path, &path));
            self.needed.push(Folder { path, kind });
        }
    }

    /// The script that gives those of some kinds to the account; `None` where there are none.
    pub(super) fn giving(&self, account: &RunAs, kinds: impl Fn(FolderKind) -> bool) -> Option<String> {
        let of = |wanted: &dyn Fn(FolderKind) -> bool| {
            let paths = self.needed.iter().filter(|folder| kinds(folder.kind) && wanted(folder.kind));
            paths.map(|folder| folder.path.as_str()).collect::<Vec<_>>().join(" ")
        };
        let owner = &account.owner;
        let steps = [
            (of(&|kind| kind == FolderKind::Volume), "mkdir -p".to_owned()),
            (of(&|kind| kind == FolderKind::File), "touch".to_owned()),
            (of(&|kind| kind != FolderKind::App), format!("chown -R {owner}")),
            // What is in it already stays root's: the program can add to it, and COPY --chown gives it what it is.
            (of(&|kind| kind == FolderKind::App), format!("chown {owner}")),
        ];
        let steps = steps.iter().filter(|(paths, _)| !paths.is_empty());
        let script = steps.map(|(paths, command)| format!("{command} {paths}")).collect::<Vec<_>>().join(" && ");
        (!script.is_empty()).then_some(script)
    }

    /// The first VOLUME of the stage that names one of them.
    pub(super) fn first_volume(&self, dockerfile: &Dockerfile, stage: &Stage) -> Option<usize> {
        let mut volumes = dockerfile.instructions_of(stage).filter(|(_, one)| one.ast.keyword == Keyword::Volume);
        let named = |instruction: &Instruction| {
            let mut paths = instruction.values.iter().map(|value| join("/", &value.text));
            paths.any(|path| self.needed.iter().any(|folder| folder.path == path))
        };
        volumes.find(|(_, instruction)| named(instruction)).map(|(index, _)| index)
    }

    /// `--chown` for what COPY and ADD put into those of some kinds.
    pub(super) fn copies(
        &self,
        dockerfile: &Dockerfile,
        range: std::ops::Range<usize>,
        account: &RunAs,
        kinds: impl Fn(FolderKind) -> bool,
    ) -> Vec<Edit> {
        let mut edits = Vec::new();
        for instruction in range.filter_map(|index| dockerfile.instructions.get(index)) {
            let copies = matches!(instruction.ast.keyword, Keyword::Copy | Keyword::Add);
            let holds = |path: &str| self.needed.iter().any(|it| kinds(it.kind) && is_below(path, &it.path));
            // A whole system is nobody's app.
            let whole = instruction.values.iter().rev().skip(1).any(|source| source.text == "/");
            if copies
                && !whole
                && instruction.flag("chown").is_none()
                && destination(instruction).is_some_and(|at| holds(&at))
            {
                edits.push(Edit::insert(instruction.ast.name.span.end, format!(" --chown={}", account.owner)));
            }
        }
        edits
    }
}

/// Every command of RUN in a stage and those it is built from.
fn run_commands<'a>(dockerfile: &'a Dockerfile, stage: &'a Stage) -> impl Iterator<Item = CommandRef<'a>> {
    dockerfile.inherited(stage, Keyword::Run).flat_map(|(index, instruction)| instruction.commands(index))
}

fn path_of(command: &CommandRef<'_>, word: &Word, moved: bool) -> Option<String> {
    let text = command.resolve(word).filter(|text| !text.is_empty() && !text.starts_with(['~', '-']))?;
    let workdir = command.instruction.before.workdir.as_ref().and_then(|workdir| workdir.value.known());
    match workdir {
        _ if text.starts_with('/') => Some(join("/", &text)),
        Some(workdir) if !moved => Some(join(workdir, &text)),
        _ => None,
    }
}

/// Where COPY or ADD puts things.
fn destination(instruction: &Instruction) -> Option<String> {
    let last = instruction.values.last()?.known()?;
    let workdir = instruction.before.workdir.as_ref().map_or(Some("/"), |workdir| workdir.value.known())?;
    Some(join(workdir, last))
}

/// Whether a folder can be an app's own: not one of the system's, with nothing in its name that a shell reads.
fn is_own(path: &str) -> bool {
    const SYSTEM: [&str; 13] =
        ["bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "root", "sbin", "sys", "tmp", "home"];
    const SHARED: [&str; 9] = ["home", "media", "mnt", "opt", "run", "srv", "usr", "var", ""];
    let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/'));
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let allowed = match parts[..] {
        [] => false,
        ["home", _, ..] => true,
        [only] => !SYSTEM.contains(&only) && !SHARED.contains(&only),
        ["usr", "bin" | "sbin" | "lib" | "lib64" | "libexec" | "include"] => false,
        ["usr", "local" | "share" | "src"] | ["usr", "local", "bin" | "sbin" | "lib" | "share" | "include"] => false,
        ["var", "lib" | "log" | "cache" | "run" | "tmp" | "spool" | "lock" | "www"] => false,
        ["run", "sshd", ..]
        | ["var", "run", "sshd", ..]
        | ["var", "tmp" | "lock", ..]
        | ["var", "lib" | "cache", "apt" | "dpkg" | "apk" | "dnf" | "yum" | "rpm", ..] => false,
        [first, ..] => !SYSTEM.contains(&first),
    };
    plain && allowed && !path.ends_with(".sock")
}

/// Whether a folder is for state, by its place or name.
fn is_state(path: &str) -> bool {
    const NAMES: [&str; 17] = [
        "data", "db", "database", "log", "logs", "cache", "tmp", "temp", "run", "upload", "uploads", "storage",
        "state", "sessions", "spool", "backup", "backups",
    ];
    const PLACES: [&str; 6] = ["/var/lib", "/var/log", "/var/cache", "/var/run", "/run", "/data"];
    let name = path.rsplit('/').next().unwrap_or("");
    NAMES.contains(&name) || PLACES.iter().any(|place| is_below(path, place))
}

/// The WORKDIR in force at the end, if it is the app's own.
fn app_workdir(stage: &Stage) -> Option<String> {
    let workdir = stage.end.workdir.as_ref().filter(|workdir| !workdir.value.overridable)?;
    let path = join("/", workdir.value.known()?);
    is_own(&path).then_some(path)
}

/// The WORKDIR in force at the end, where nothing is put into it: the app's work lands there, not its code.
fn bare_workdir(dockerfile: &Dockerfile, stage: &Stage) -> Option<String> {
    let workdir = stage.end.workdir.as_ref()?;
    let path = app_workdir(stage)?;
    let names = |command: &CommandRef<'_>, word: &Word| {
        let text = command.resolve(word).unwrap_or_else(|| word.text.clone());
        text.contains(&path) || text.starts_with("./")
    };
    let calls = |command: &CommandRef<'_>| {
        let words = std::iter::once(&command.command.name).chain(&command.command.arguments);
        words.into_iter().any(|word| names(command, word))
    };
    let set_here = |instruction: &Instruction| {
        instruction.before.workdir.as_ref().is_some_and(|now| now.instruction == workdir.instruction)
    };
    let ran = |command: CommandRef<'_>| !command.script.clean || set_here(command.instruction) || calls(&command);
    let copied = |keyword| {
        let mut copies = dockerfile.inherited(stage, keyword);
        copies.any(|(_, copy)| destination(copy).is_none_or(|into| is_below(&into, &path) || is_below(&path, &into)))
    };
    let starts = [stage.end.entrypoint, stage.end.cmd].into_iter().flatten();
    let code_is_there = starts
        .filter_map(|index| Some((index, dockerfile.instructions.get(index)?)))
        .any(|(at, it)| it.commands(at).any(|command| names(&command, &command.command.name)));
    let used = run_commands(dockerfile, stage).any(ran) || copied(Keyword::Copy) || copied(Keyword::Add);
    (!used && !code_is_there).then_some(path)
}

/// What the server that the base image is about writes, by its repository: read in the images' Dockerfiles and default
/// configurations (nginxinc/docker-nginx, docker-library/httpd, docker-library/tomcat).
fn server_paths(dockerfile: &Dockerfile, stage: &Stage) -> &'static [(&'static str, FolderKind)] {
    use FolderKind::{File, Made};
    let image = dockerfile.image_under(stage).filter(|_| dockerfile.row_under(stage).is_some());
    let templates = || {
        let mut copies = dockerfile.inherited(stage, Keyword::Copy);
        copies.any(|(_, copy)| destination(copy).is_some_and(|into| is_below(&into, "/etc/nginx/templates")))
    };
    match image.map_or("", |image| image.repository.as_str()) {
        "nginx" if templates() => {
            &[("/var/cache/nginx", Made), ("/etc/nginx/conf.d", Made), ("/var/run/nginx.pid", File)]
        }
        "nginx" => &[("/var/cache/nginx", Made), ("/var/run/nginx.pid", File)],
        "httpd" => &[("/usr/local/apache2/logs", Made)],
        "tomcat" => &[("/usr/local/tomcat/webapps", Made), ("/usr/local/tomcat/conf", Made)],
        _ => &[],
    }
}
