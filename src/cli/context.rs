//! Reads what lints need of a build context: whether the files that a Dockerfile names exist, and the scripts it runs.
//!
//! The folder may belong to a stranger: reads are bounded, only regular files are opened, and no symbolic link leads out
//! of the context.

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::fix::Files;
use crate::model::dockerignore::Dockerignore;
use crate::model::{Context, ContextFile, Dockerfile, IgnoreFile, Known, Wanted, secrets_beside, wanted};

/// The most that is read of one file, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// How many folders above the Dockerfile's are looked at for the context.
const MAX_ANCESTORS: usize = 8;

/// Finds the build context of a Dockerfile at `file` and fills in the facts; says in [`Context::files`] why where it
/// can't. `changed` files are taken as they are given there.
pub fn gather(dockerfile: &mut Dockerfile, file: &Path, repositories: &Repositories, changed: &Files) {
    let wanted = wanted(dockerfile);
    if wanted.is_empty() {
        dockerfile.context = Context { files: Known::Known(BTreeMap::new()), ..Context::default() };
        return;
    }
    match folder_of(dockerfile, file, &wanted, repositories) {
        Known::Known(folder) => fill_with(dockerfile, file, &folder, wanted, changed),
        Known::Unknown(why) => dockerfile.context = Context { files: Known::Unknown(why), ..Context::default() },
    }
}

/// Guesses the folder that the Dockerfile at `file` is built with, since that is said on a command line we do not see.
///
/// It is the Dockerfile's own folder if every source that COPY and ADD name exists there (where they name none but `.`:
/// a script that it runs). Otherwise it is the folder between there and the root of the repository in which the most of
/// them exist, the nearest of equals. Where none has any of them, there is no telling.
#[must_use]
pub fn find(dockerfile: &Dockerfile, file: &Path) -> Known<PathBuf> {
    folder_of(dockerfile, file, &wanted(dockerfile), &Repositories::default())
}

/// Which folders are roots of repositories, asked once a folder: files of one run have most of theirs above in common.
#[derive(Default)]
pub struct Repositories(Mutex<HashMap<PathBuf, bool>>);

impl Repositories {
    fn is_root(&self, folder: &Path) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(folder) {
            Some(is_root) => *is_root,
            None => *known.entry(folder.to_owned()).or_insert_with(|| folder.join(".git").exists()),
        }
    }
}

fn folder_of(dockerfile: &Dockerfile, file: &Path, wanted: &[Wanted], repositories: &Repositories) -> Known<PathBuf> {
    if dockerfile.path.as_ref() == "-" {
        return Known::Unknown("standard input has no build context".to_owned());
    }
    let Ok(file) = std::path::absolute(file) else {
        return Known::Unknown("the Dockerfile's folder is not accessible".to_owned());
    };
    let Some(own) = file.parent().map(Path::to_path_buf) else {
        return Known::Unknown("the Dockerfile has no folder".to_owned());
    };
    let is_telling = |wanted: &&Wanted| wanted.named && wanted.path != ".";
    let mut telling: Vec<&Wanted> = wanted.iter().filter(is_telling).collect();
    let named = !telling.is_empty();
    if !named {
        telling = wanted.iter().filter(|wanted| wanted.path != ".").collect();
    }
    let count = |folder: &Path| telling.iter().filter(|wanted| exists(folder, &wanted.path)).count();
    let mut best = (count(&own), own.clone());
    let enough = if named { telling.len() } else { 1 };
    if best.0 < enough {
        for folder in within_repository(&own, repositories) {
            let found = count(&folder);
            if found > best.0 {
                best = (found, folder);
            }
        }
    }
    match best {
        (0, _) if named => {
            Known::Unknown("nothing that COPY names is beside the Dockerfile or in a folder above it".to_owned())
        }
        (_, folder) => Known::Known(folder),
    }
}

/// Fills in the facts about the context in `folder` for the Dockerfile at `file`.
pub fn fill(dockerfile: &mut Dockerfile, file: &Path, folder: &Path) {
    let wanted = wanted(dockerfile);
    fill_with(dockerfile, file, folder, wanted, &Files::new());
}

fn fill_with(dockerfile: &mut Dockerfile, file: &Path, folder: &Path, wanted: Vec<Wanted>, changed: &Files) {
    let Ok(root) = fs::canonicalize(folder) else {
        let why = "the folder of the build context is not accessible".to_owned();
        dockerfile.context = Context { files: Known::Unknown(why), ..Context::default() };
        return;
    };
    let mut ignore_file = ignore_file(file, folder, &root);
    if let Some(ignore) = &mut ignore_file
        && let Some(text) = changed.get(&ignore.path)
    {
        ignore.text.clone_from(text);
    }
    // A file that isn't there yet is as one that is empty.
    let written = ignore_file.as_ref().filter(|file| !file.text.is_empty());
    let ignore = written.map(|file| Dockerignore::parse(&file.text));
    let mut files = BTreeMap::new();
    // What a COPY of a whole folder takes along unseen is looked for by name, and plays no part in finding the folder.
    let unseen = secrets_beside(dockerfile);
    for Wanted { path, read, .. } in wanted.into_iter().chain(unseen) {
        let found = look(&root, &path, read);
        let ignored = ignore.as_ref().is_some_and(|ignore| match found {
            ContextFile::Folder => ignore.ignores(&path) && !ignore.has_exception_below(&path),
            _ => ignore.ignores(&path),
        });
        files.insert(path, if ignored { ContextFile::Absent } else { found });
    }
    dockerfile.context = Context { files: Known::Known(files), ignore, ignore_file };
}

/// The ignore file in force: `<Dockerfile's name>.dockerignore` beside the Dockerfile, else `.dockerignore` at the root
/// of the context, where one would be made if there is none. The first is all there is when it exists, even empty.
/// `root` is `folder` made canonical.
fn ignore_file(file: &Path, folder: &Path, root: &Path) -> Option<IgnoreFile> {
    let within = |folder: &Path, path: &Path| {
        let real = fs::canonicalize(path).ok()?;
        if real.starts_with(folder) { read_text(&real) } else { None }
    };
    let exists = |path: &Path| fs::symlink_metadata(path).is_ok();
    let mut name = file.file_name()?.to_owned();
    name.push(".dockerignore");
    let beside = file.with_file_name(&name);
    if exists(&beside) {
        let folder = fs::canonicalize(std::path::absolute(file).ok()?.parent()?).ok()?;
        return Some(IgnoreFile { text: within(&folder, &beside)?, path: shown(&beside) });
    }
    let path = folder.join(".dockerignore");
    let text = if exists(&path) { within(root, &path)? } else { String::new() };
    Some(IgnoreFile { text, path: shown(&path) })
}

/// A path as people in the current folder would name it, with `/`.
fn shown(path: &Path) -> Arc<str> {
    let current = env::current_dir().ok();
    let path = current.as_ref().and_then(|folder| path.strip_prefix(folder).ok()).unwrap_or(path);
    path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/").into()
}

/// What stands at a path of the context. `root` is canonical.
fn look(root: &Path, path: &str, read: bool) -> ContextFile {
    let Some(joined) = join(root, path) else { return ContextFile::Absent };
    let Ok(real) = fs::canonicalize(&joined) else {
        // A link that leads nowhere from here may lead somewhere inside the context, where Docker resolves it.
        let is_link = fs::symlink_metadata(&joined).is_ok_and(|metadata| metadata.is_symlink());
        return if is_link { ContextFile::Present } else { ContextFile::Absent };
    };
    if !real.starts_with(root) {
        return ContextFile::Present;
    }
    match fs::metadata(&real) {
        Ok(metadata) if metadata.is_dir() => ContextFile::Folder,
        Ok(_) if read => read_text(&real).map_or(ContextFile::Present, ContextFile::Text),
        Ok(_) => ContextFile::Present,
        Err(_) => ContextFile::Absent,
    }
}

/// The text of a regular file of at most [`MAX_FILE`] bytes, `None` for anything else and for what holds NUL bytes.
/// Asks before it opens, since opening a FIFO would wait for somebody to write.
fn read_text(path: &Path) -> Option<String> {
    let is_readable = |metadata: Metadata| metadata.is_file() && metadata.len() <= MAX_FILE;
    if !fs::metadata(path).is_ok_and(is_readable) {
        return None;
    }
    let file = File::open(path).ok()?;
    if !file.metadata().is_ok_and(is_readable) {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > MAX_FILE || bytes.contains(&0) {
        return None;
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn exists(folder: &Path, path: &str) -> bool {
    join(folder, path).is_some_and(|path| fs::symlink_metadata(path).is_ok())
}

/// The path below a folder; `None` where its parts are not plain names (a drive letter on Windows, say).
fn join(folder: &Path, path: &str) -> Option<PathBuf> {
    if path == "." {
        return Some(folder.to_path_buf());
    }
    let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    is_plain.then(|| folder.join(path))
}

/// The folders above one, nearest first, up to the root of the repository it is in; none outside of a repository.
fn within_repository(folder: &Path, repositories: &Repositories) -> Vec<PathBuf> {
    let chain = || folder.ancestors().take(MAX_ANCESTORS);
    match chain().position(|folder| repositories.is_root(folder)) {
        Some(last) => chain().take(last + 1).skip(1).map(Path::to_path_buf).collect(),
        None => Vec::new(),
    }
}
