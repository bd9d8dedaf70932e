//! The build context: which of the files that a Dockerfile names exist, and the few that lints read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::copies::Search;
use super::dockerignore::{Dockerignore, context_path};
use super::facts::{CommandRef, Dockerfile, Stage};
use crate::secret;
use crate::syntax::ast::Keyword;

/// Something that has to be fetched from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Known<T> {
    /// Fetched.
    Known(T),
    /// Not fetched, with the reason, as a half sentence ("standard input has no build context").
    Unknown(String),
}

/// A file of the build context that the Dockerfile names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ContextFile {
    /// It does not exist, or the ignore file keeps it out.
    Absent,
    /// A folder.
    Folder,
    /// A file that was not read (too big, not readable, not of interest).
    Present,
    /// A file with its text, at most 256 KiB.
    Text(String),
}

/// What is known of the build context, keyed by path as the Dockerfile names it, cleaned, relative to the context.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Context {
    /// Files asked for, or why there is no context.
    pub files: Known<BTreeMap<String, ContextFile>>,
    /// The ignore file in force; `None` where there is none, or no context.
    pub ignore: Option<Dockerignore>,
    /// Where the ignore file in force is, or where one would be made; `None` where that is not known.
    pub ignore_file: Option<IgnoreFile>,
}

/// Where an ignore file is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IgnoreFile {
    /// The path as the user named or would name it, with `/`.
    pub path: Arc<str>,
    /// Its text; empty where there is no file yet.
    pub text: String,
}

/// A path of the build context that the Dockerfile names, relative to the context's root, cleaned.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Wanted {
    /// The path.
    pub path: String,
    /// Whether its text is of interest: it is a script that the Dockerfile runs, or named like a file of secrets.
    pub read: bool,
    /// Whether COPY or ADD names it. Otherwise it is only one of the places that a script may come from.
    pub named: bool,
}

/// A script of the context that a container of a stage starts with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContextScript<'a> {
    /// Its path in the context.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Its path in the image.
    pub image_path: String,
    /// The ENTRYPOINT or CMD (index) that starts it.
    pub instruction: usize,
}

/// How many paths are asked for at most.
const MAX_WANTED: usize = 200;

/// Programs whose first argument without a dash may be a script.
const INTERPRETERS: &[&str] = &["sh", "bash", "dash", "ash", "ksh", "zsh", "source", ".", "exec"];

/// Where programs without a `/` are looked for when nothing sets PATH: the default of Linux images.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Default for Context {
    fn default() -> Self {
        let files = Known::Unknown("no build context was given".to_owned());
        Self { files, ignore: None, ignore_file: None }
    }
}

impl Context {
    /// A file by the path a Dockerfile gives it; `None` where it is not known.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&ContextFile> {
        match &self.files {
            Known::Known(files) => files.get(&context_path(path)),
            Known::Unknown(_) => None,
        }
    }
}

/// What of the context the Dockerfile names, and nothing more, at most 200 paths: the local sources of COPY and ADD
/// without wildcards, and the scripts that ENTRYPOINT, CMD, HEALTHCHECK and RUN call, traced from their place in the
/// image back to where COPY takes them from. Each path once; COPY's come first, then what containers start with.
#[must_use]
pub fn wanted(dockerfile: &Dockerfile) -> Vec<Wanted> {
    let mut search = Search::new(dockerfile);
    let mut list: Vec<Wanted> = Vec::new();
    let mut ask = |path: String, read: bool, named: bool| {
        if let Some(wanted) = list.iter_mut().find(|wanted| wanted.path == path) {
            wanted.read |= read;
            wanted.named |= named;
        } else if list.len() < MAX_WANTED {
            list.push(Wanted { path, read, named });
        }
    };
    for path in search.named_sources(MAX_WANTED) {
        // Whether a file that is named like a secret holds one, its text tells.
        let read = secret::in_path(&path).is_some();
        ask(path, read, true);
    }
    let is_run = |command: &CommandRef<'_>| command.instruction.effective().keyword == Keyword::Run;
    for first in [true, false] {
        let commands = dockerfile.commands().filter(|command| !command.instruction.is_trigger());
        for command in commands.filter(|command| is_run(command) != first) {
            if search.is_spent() {
                break;
            }
            for (path, _) in script_candidates(&mut search, command) {
                ask(path, true, false);
            }
        }
    }
    list
}

/// The script of the context that a container of the stage starts with: what ENTRYPOINT, else CMD, names, where the
/// context holds its text. Wrappers such as `tini --` in front of it do not matter.
#[must_use]
pub fn script_of<'a>(dockerfile: &'a Dockerfile, stage: &Stage) -> Option<ContextScript<'a>> {
    let Known::Known(files) = &dockerfile.context.files else { return None };
    let mut search = Search::new(dockerfile);
    for instruction_index in [stage.end.entrypoint, stage.end.cmd].into_iter().flatten() {
        let instruction = dockerfile.instructions.get(instruction_index)?;
        for command in instruction.commands(instruction_index) {
            // COPYs behind ENTRYPOINT count too: a container starts from the finished stage.
            for (path, image_path) in candidates(&mut search, command, stage.index, stage.instructions.end) {
                if let Some((path, ContextFile::Text(text))) = files.get_key_value(&path) {
                    return Some(ContextScript { path, text, image_path, instruction: instruction_index });
                }
            }
        }
    }
    None
}

/// Where in the context the scripts that a command calls may come from, with their paths in the image.
fn script_candidates(search: &mut Search<'_>, command: CommandRef<'_>) -> Vec<(String, String)> {
    let Some(stage) = command.instruction.stage else { return Vec::new() };
    let keyword = command.instruction.effective().keyword;
    let end = if keyword == Keyword::Run { command.instruction_index } else { usize::MAX };
    candidates(search, command, stage, end)
}

fn candidates(search: &mut Search<'_>, command: CommandRef<'_>, stage: usize, end: usize) -> Vec<(String, String)> {
    let run = command.instruction.effective().keyword == Keyword::Run;
    let state = &command.instruction.before;
    let workdir = state.workdir.as_ref().map_or("/", |workdir| workdir.value.text.as_str());
    let mut found = Vec::new();
    for name in called(command) {
        // A RUN mostly calls programs of the base image; looking for each of them in every folder takes time.
        if run && !name.contains('/') && !search.may_put(&name) {
            continue;
        }
        let places = if name.contains('/') {
            vec![super::copies::join(workdir, &name)]
        } else {
            let set = state.variables.get("PATH").and_then(|binding| binding.value.as_ref());
            let set = set.map_or("", |value| value.text.as_str());
            let path = set.split(':').chain(DEFAULT_PATH.split(':')).filter(|folder| folder.starts_with('/'));
            path.take(32).map(|folder| super::copies::join(folder, &name)).collect()
        };
        // A RUN mostly calls programs of the base image; to look for each of them in every folder that is copied to
        // `/usr` would ask for files nobody thinks of.
        let folders = name.contains('/') || !run;
        for place in places {
            let origins = search.origins(&place, stage, end, folders);
            found.extend(origins.into_iter().map(|origin| (origin, place.clone())));
        }
    }
    found
}

/// The words of a command that may name a script: its name, the argument of a shell, and behind ENTRYPOINT and CMD any
/// argument that looks like a path, since what starts first is often a wrapper.
fn called(command: CommandRef<'_>) -> Vec<String> {
    let run = command.instruction.effective().keyword == Keyword::Run;
    let mut names: Vec<String> = command.resolve(&command.command.name).into_iter().collect();
    let interpreter = names.first().is_some_and(|name| INTERPRETERS.contains(&name.rsplit('/').next().unwrap_or(name)));
    let is_operand = |word: &String| !word.is_empty() && !word.starts_with('-');
    // The script of `sh -c` is read by the shell module.
    let inline = command.command.arguments.iter().any(|word| word.text.starts_with('-') && word.text.ends_with('c'));
    let arguments = command.command.arguments.iter().filter_map(|word| command.resolve(word)).filter(is_operand);
    if interpreter && inline {
        return names;
    }
    if interpreter {
        // A shell looks for its script in the working directory first.
        names.extend(arguments.take(1).map(|word| if word.contains('/') { word } else { format!("./{word}") }));
    } else if !run {
        names.extend(arguments.filter(|word| word.contains('/') || word.ends_with(".sh")).take(8));
    }
    names.retain(|name| !name.is_empty() && name.len() < 4096 && !name.contains('\0'));
    names
}
