//! What a container of the image starts: Entrypoint and Cmd resolved through PATH, symlinks and interpreter lines.

mod launch;

use std::collections::VecDeque;

use super::entry::{Kind, Program};
use super::tree::NodeId;
use super::{Extra, Image};
use launch::Next;

/// The start of a container.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Start {
    /// What is executed, first to last: the program, the interpreter of a script, and what `sh -c` or a launcher
    /// (`tini --`, `gosu user`) starts in turn, as far as that can be told.
    pub steps: Vec<StartStep>,
    /// Why it can't be told further: `a shell command with variables`, `` `app` is in no folder of PATH``.
    pub stopped: Option<String>,
}

/// One thing that is executed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartStep {
    /// The word as the configuration or the script has it.
    pub word: String,
    /// The absolute path it is found at, before symlinks are followed.
    pub path: String,
    /// What it is in the merged file system, symlinks followed.
    pub node: NodeId,
    /// Where the word stands: `config.Entrypoint[0]`, or the script's path.
    pub from: String,
}

/// PATH where the image sets none, as Docker has it.
pub(super) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Steps that are followed. The longest real chains (an init, a user switch, a shell, a script and its interpreter) have
/// half of them.
const MOST_STEPS: usize = 16;
/// Bytes of a shell command or an interpreter line that are looked at.
const MOST_BYTES: usize = 64 << 10;

/// A word of a command that is still to be started.
#[derive(Clone, Debug)]
struct Word {
    text: String,
    from: String,
    role: Role,
}

/// What a word is besides its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Plain,
    /// The script that an interpreter line is of, which is a step already.
    Script,
    /// A word of a shell command with variables or quotes; what it becomes isn't known, nor the words behind it.
    Unread,
}

impl Start {
    /// Resolves what a container of the image starts.
    #[must_use]
    pub fn resolve(image: &Image) -> Self {
        let config = &image.config;
        let words = |list: &Option<Vec<String>>, key: &str| -> Vec<Word> {
            let words = list.iter().flatten().enumerate();
            words.map(|(at, text)| Word::new(text, &format!("config.{key}[{at}]"))).collect()
        };
        let mut command = VecDeque::from(words(&config.entrypoint, "Entrypoint"));
        command.extend(words(&config.cmd, "Cmd"));
        let mut run = Run {
            image,
            path: config.variable("PATH").unwrap_or(DEFAULT_PATH).to_owned(),
            folder: config.working_dir.clone(),
            start: Self::default(),
        };
        run.start.stopped = if config.os == "windows" {
            Some("a Windows image's programs are not looked up".to_owned())
        } else if command.is_empty() {
            Some("the image has neither Entrypoint nor Cmd".to_owned())
        } else {
            run.follow(command)
        };
        run.start
    }
}

impl Word {
    fn new(text: &str, from: &str) -> Self {
        Self { text: text.to_owned(), from: from.to_owned(), role: Role::Plain }
    }
}

/// What programs are looked up with.
struct Run<'a> {
    image: &'a Image,
    path: String,
    folder: String,
    start: Start,
}

impl Run<'_> {
    /// Follows a command through all it starts. Gives why it can't be told further.
    fn follow(&mut self, mut command: VecDeque<Word>) -> Option<String> {
        let mut look_up = true;
        let mut more = None;
        for _ in 0..MOST_STEPS {
            let Some(word) = command.pop_front() else { return more };
            match word.role {
                Role::Plain => {}
                Role::Script => return Some(format!("what `{}` does is not read", shown(&word.text))),
                Role::Unread => return Some(format!("a shell command with `{}`", shown(&word.text))),
            }
            let (path, node) = match self.find(&word.text, look_up) {
                Ok(found) => found,
                Err(why) => return Some(why),
            };
            look_up = true;
            let program = self.program(node);
            self.start.steps.push(StartStep {
                word: word.text.clone(),
                path: path.clone(),
                node,
                from: word.from.clone(),
            });
            if let Some(interpreter) = program {
                // The kernel takes the interpreter from the root or the working directory, never from PATH, and gives it
                // the rest of the line as one argument, then the script.
                let line = interpreter.trim_matches([' ', '\t', '\r']);
                let (interpreter, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
                command.push_front(Word { text: path.clone(), from: path.clone(), role: Role::Script });
                if !argument.trim().is_empty() {
                    command.push_front(Word::new(argument.trim(), &path));
                }
                command.push_front(Word::new(interpreter, &path));
                look_up = false;
                continue;
            }
            match launch::next(&word.text, &mut command, &mut self.path) {
                Next::Program => {}
                Next::First(why) => more = Some(why),
                Next::Script(script) => return self.read_by_interpreter(script),
                Next::Done => return more,
                Next::Unknown(why) => return Some(why),
            }
        }
        Some(format!("it starts more than {MOST_STEPS} programs in turn"))
    }

    /// A script that stands behind its interpreter need not be executable.
    fn read_by_interpreter(&mut self, script: Word) -> Option<String> {
        if script.role == Role::Unread {
            return Some(format!("a shell command with `{}`", shown(&script.text)));
        }
        if script.role == Role::Plain {
            let path = self.absolute(&script.text);
            match self.image.tree.resolve(&path).filter(|node| self.image.tree.node(*node).kind == Kind::File) {
                Some(node) => {
                    let Word { text: word, from, .. } = script.clone();
                    self.start.steps.push(StartStep { word, path, node, from });
                }
                None => return Some(format!("`{}` is no file", shown(&script.text))),
            }
        }
        Some(format!("what `{}` does is not read", shown(&script.text)))
    }

    /// Finds a program as execvp(3) does: by its path where it has a slash, else in the folders of PATH.
    fn find(&self, word: &str, look_up: bool) -> Result<(String, NodeId), String> {
        let tree = &self.image.tree;
        if word.is_empty() {
            return Err("the program's name is empty".to_owned());
        }
        if word.contains('/') || !look_up {
            let path = self.absolute(word);
            let node = tree.resolve(&path).ok_or_else(|| format!("`{}` is not in the image", shown(&path)))?;
            return match self.executable(node) {
                true => Ok((path, node)),
                false => Err(format!("`{}` is no file that may be executed", shown(&path))),
            };
        }
        let found = self.path.split(':').find_map(|folder| {
            let path = self.absolute(&format!("{folder}/{word}"));
            let path = if folder.is_empty() { self.absolute(word) } else { path };
            let node = tree.resolve(&path).filter(|node| self.executable(*node))?;
            Some((path, node))
        });
        found.ok_or_else(|| format!("`{}` is in no folder of PATH", shown(word)))
    }

    fn executable(&self, node: NodeId) -> bool {
        let node = self.image.tree.node(node);
        node.kind == Kind::File && node.mode & 0o111 != 0
    }

    /// A path from the root, `.` and double slashes left out. `..` stays, since a symlink may stand before it.
    fn absolute(&self, path: &str) -> String {
        let folder = if path.starts_with('/') { "" } else { &self.folder };
        let parts = folder.split('/').chain(path.split('/')).filter(|part| !matches!(*part, "" | "."));
        let mut absolute = parts.fold(String::new(), |path, part| path + "/" + part);
        if absolute.is_empty() {
            absolute.push('/');
        }
        absolute
    }

    /// What stands behind `#!` in a script.
    fn program(&self, node: NodeId) -> Option<String> {
        let node = self.image.tree.node(node);
        let entry = self.image.facts(node.content_layer)?.entries.get(node.content_entry);
        let line = entry.extra.and_then(|Extra { interpreter, .. }| interpreter.clone());
        line.filter(|line| entry.program == Program::Script && line.len() <= MOST_BYTES && !line.trim().is_empty())
    }
}

/// A text of the image, fit for a sentence.
fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() || c == '`' { '\u{fffd}' } else { c };
    let mut shown: String = text.chars().take(200).map(clean).collect();
    if text.chars().nth(200).is_some() {
        shown.push('…');
    }
    shown
}
