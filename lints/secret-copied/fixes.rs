//! Ways to keep a file of secrets out of the image.

use crate::diagnostic::{FileEdit, Fix};
use crate::model::{Dockerfile, Instruction, Without};
use crate::shell::Dialect;
use crate::syntax::ast::{Arguments, Keyword, Word};
use crate::text::Edit;

/// Keeps a file out of the build context.
pub(super) fn ignore(dockerfile: &Dockerfile, name: &str) -> Option<Fix> {
    let file = dockerfile.context.ignore_file.as_ref()?;
    // In an ignore file, these are no letters.
    if name.contains(['*', '?', '[', '\\', '!', '#']) || name.starts_with(' ') || name.ends_with(' ') {
        return None;
    }
    let newline = if file.text.contains("\r\n") { "\r\n" } else { "\n" };
    let open = !file.text.is_empty() && !file.text.ends_with('\n');
    let text = format!("{}{name}{newline}", if open { newline } else { "" });
    let edit = FileEdit { path: file.path.clone(), at: file.text.len() as u32, text };
    let why = "the build or the app may need the file, which is to be mounted or handed over then";
    Some(Fix::risky(format!("Keep `{name}` out of the build context"), why, Vec::new()).with_file(edit))
}

/// Takes a file that COPY or ADD names out of it: with a mount for the steps that are known to read it, or without.
pub(super) fn of_named(dockerfile: &Dockerfile, index: usize, source: &Word, path: &str, target: &str) -> Vec<Fix> {
    let instruction = &dockerfile.instructions[index];
    if instruction.is_trigger() {
        return Vec::new();
    }
    let (edit, gone) = match dockerfile.without_word(index, source, 1) {
        Some(Without::Command(edit)) => (edit, None),
        Some(Without::Step(edit)) => (edit, Some(instruction.ast.keyword.as_str())),
        None => return Vec::new(),
    };
    let declared = |fix: Fix| gone.into_iter().fold(fix, Fix::removes);
    let mut fixes = Vec::new();
    if let Some((mounts, id)) = mounted(dockerfile, index, path, target) {
        let edits = std::iter::once(edit.clone()).chain(mounts).collect();
        let why =
            format!("builds have to pass `--secret id={id},src={path}`, and other steps or the app may read the file");
        let title = format!("Mount `{path}` where it is read instead of copying it");
        fixes.push(declared(Fix::suggestion(title, why, edits)));
    }
    let why = "whatever reads the file has to get it in another way: from a mount, or when the container starts";
    fixes.push(declared(Fix::suggestion(format!("Leave `{path}` out of the image"), why, vec![edit])));
    fixes
}

/// Mounts the file at its place in the RUNs of the stage that call a program which reads it.
fn mounted(dockerfile: &Dockerfile, index: usize, path: &str, target: &str) -> Option<(Vec<Edit>, String)> {
    let copy = &dockerfile.instructions[index];
    let name = path.trim_end_matches('/').rsplit('/').next()?;
    let readers: &[&str] = match name {
        ".npmrc" => &["npm", "yarn", "pnpm", "npx"],
        ".pypirc" => &["twine", "python", "python3"],
        ".netrc" => &["curl", "git", "go", "pip", "pip3"],
        ".git-credentials" => &["git", "go"],
        _ if name.starts_with("id_") => &["git", "ssh", "scp", "go", "pip", "pip3"],
        _ => return None,
    };
    let place = place(copy, path, name, target)?;
    let id = name.trim_start_matches('.');
    let mut edits = Vec::new();
    let stage = dockerfile.stages.get(copy.stage?)?;
    for (run, instruction) in dockerfile.instructions_of(stage).filter(|(run, _)| *run > index) {
        let ast = &instruction.ast;
        let calls = |reader: &&str| {
            let mut commands = instruction.scripts.iter().flat_map(|script| &script.commands);
            commands.any(|command| command.base_name() == *reader)
        };
        if ast.keyword != Keyword::Run || !readers.iter().any(calls) {
            continue;
        }
        let posix = instruction.before.shell.dialect == Dialect::Posix;
        // The mount can be read by root only.
        if !posix || instruction.is_trigger() || dockerfile.is_root_at(run) != Some(true) {
            return None;
        }
        edits.push(instruction.with_flag(&format!("--mount=type=secret,id={id},target={place}")));
    }
    (!edits.is_empty() && dockerfile.frontend_reads(1, 2)).then(|| (edits, id.to_owned()))
}

/// Where the file ends up, absolute.
fn place(copy: &Instruction, path: &str, name: &str, target: &str) -> Option<String> {
    let (Arguments::Words(words) | Arguments::Exec(words)) = &copy.ast.arguments else { return None };
    let is_plain = |text: &str| !text.contains([' ', ',', '"', '*', '?', '[', '$', '=']);
    if copy.flag("from").is_some() || path.ends_with('/') || !is_plain(target) || !is_plain(name) {
        return None;
    }
    let into_folder = words.len() > 2 || target.ends_with('/') || target.ends_with('.');
    let file = if into_folder { format!("{}/{name}", target.trim_end_matches(['/', '.'])) } else { target.to_owned() };
    if file.starts_with('/') && target.starts_with('/') {
        return Some(file);
    }
    let workdir = copy.before.workdir.as_ref()?.value.known()?;
    let relative = file.trim_start_matches("./").trim_start_matches('/');
    let is_inside = !relative.split('/').any(|part| part == "..") && is_plain(workdir);
    is_inside.then(|| format!("{}/{relative}", workdir.trim_end_matches('/')))
}
