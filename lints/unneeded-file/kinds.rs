//! What kinds of files nobody needs in a container, and where they are nobody's fault.

use crate::diagnostic::Severity;
use crate::image::{Image, Kind, Node, NodeId, Program, Tree};

/// A kind of file or folder that only the making of an app needs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Junk {
    /// A repository of git, Mercurial, Subversion, Bazaar.
    Repository,
    /// What a crashed process had in its memory.
    CoreDump,
    /// Commands that somebody typed.
    History,
    /// What says how the image is built and started.
    Recipe,
    /// What editors leave beside files, and their settings.
    Editor,
    /// What file managers leave in folders.
    Desktop,
    /// Caches of tools that test and build.
    Cache,
}

impl Junk {
    /// What one and what many are, why that matters, and what to do.
    pub(super) fn told(self) -> ((&'static str, &'static str), &'static str, &'static str) {
        match self {
            Self::Repository => {
                (("a repository", "repositories"), "it holds every version of every file", "Leave it out")
            }
            Self::CoreDump => (
                ("the memory of a crashed process", "memories of crashed processes"),
                "a core dump holds what the process knew, keys and passwords too",
                "Remove it in the step in which the process crashed, and see why it did",
            ),
            Self::History => (
                ("a history of commands", "histories of commands"),
                "they tell how the image was made, and often what was typed behind `-p`",
                "Don't build images by `docker commit`, and leave home folders out of the build context",
            ),
            Self::Recipe => (
                ("a recipe of the build", "recipes of the build"),
                "it tells an attacker which bases, versions, names and ports to look at",
                "Write it into `.dockerignore`, or copy only what the app needs",
            ),
            Self::Editor => (
                ("left by an editor", "left by an editor"),
                "settings and copies of files tell more of who made it than of the app",
                "Write them into `.dockerignore`",
            ),
            Self::Desktop => (
                ("left by a file manager", "left by a file manager"),
                "it lists the names of files in a folder, those that were not shipped too",
                "Write `**/.DS_Store` and its like into `.dockerignore`",
            ),
            Self::Cache => (
                ("a cache of a build tool", "caches of build tools"),
                "it is downloaded with every pull and never read",
                "Write it into `.dockerignore`, or put it on a cache mount in the step that fills it",
            ),
        }
    }

    pub(super) fn severity(self) -> Severity {
        match self {
            Self::Repository | Self::CoreDump | Self::History => Severity::Low,
            _ => Severity::Info,
        }
    }
}

/// What a name in a folder is, if it is one of these.
pub(super) fn of(image: &Image, name: &str, id: NodeId, node: &Node<'_>) -> Option<Junk> {
    match node.kind {
        Kind::Folder => folder_kind(&image.tree, name, id),
        Kind::File => file_kind(image, name, node),
        _ => None,
    }
}

fn folder_kind(tree: &Tree, name: &str, id: NodeId) -> Option<Junk> {
    let has = |wanted: &str| tree.children(id).any(|(child, _)| child == wanted);
    Some(match name {
        ".git" if has("HEAD") && has("objects") => Junk::Repository,
        ".svn" if has("wc.db") || has("entries") => Junk::Repository,
        ".hg" if has("store") => Junk::Repository,
        ".bzr" if has("branch") => Junk::Repository,
        ".vscode" | ".idea" | ".fleet" if tree.parent(id) != Tree::ROOT => Junk::Editor,
        ".cache" if tree.name(tree.parent(id)) == "node_modules" => Junk::Cache,
        ".pytest_cache" | ".mypy_cache" | ".ruff_cache" | ".tox" | ".nox" | ".nyc_output" | ".parcel-cache"
        | ".turbo" => Junk::Cache,
        _ => return None,
    })
}

fn file_kind(image: &Image, name: &str, node: &Node<'_>) -> Option<Junk> {
    if matches!(name, ".DS_Store" | "Thumbs.db" | "desktop.ini" | "ehthumbs.db") {
        return Some(Junk::Desktop);
    }
    if is_history(name) {
        return (node.size > 0).then_some(Junk::History);
    }
    let number = name
        .strip_prefix("core.")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    // A core dump is an ELF file that nobody may execute (core(5), elf(5)).
    if (name == "core" || number) && node.mode & 0o111 == 0 && is_elf(image, node) {
        return Some(Junk::CoreDump);
    }
    let swap = name.starts_with('.') && [".swp", ".swo", ".swn"].iter().any(|ending| name.ends_with(ending));
    let backup = name.len() > 1 && name.ends_with('~');
    if swap || backup || name.ends_with(".sublime-workspace") {
        return Some(Junk::Editor);
    }
    is_recipe(name).then_some(Junk::Recipe)
}

fn is_elf(image: &Image, node: &Node<'_>) -> bool {
    let entry = image.facts(node.content_layer).map(|facts| facts.entries.get(node.content_entry));
    entry.is_some_and(|entry| matches!(entry.program, Program::Elf32 | Program::Elf64 | Program::Elf64Static))
}

fn is_history(name: &str) -> bool {
    let shells = [".bash_history", ".ash_history", ".sh_history", ".zsh_history", ".histfile", ".fish_history"];
    let tools = [".python_history", ".mysql_history", ".psql_history", ".sqlite_history", ".node_repl_history"];
    shells.contains(&name) || tools.contains(&name) || matches!(name, ".rediscli_history" | ".viminfo" | ".irb_history")
}

fn is_recipe(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let compose = |name: &str| {
        let stem = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml"));
        stem.is_some_and(|stem| {
            ["docker-compose", "compose"].iter().any(|word| stem == *word || stem.starts_with(&format!("{word}.")))
        })
    };
    matches!(
        lower.as_str(),
        "dockerfile" | "containerfile" | ".dockerignore" | ".containerignore" | ".gitlab-ci.yml" | "jenkinsfile"
    ) || lower.starts_with("dockerfile.") && !lower.ends_with(".md")
        || lower.ends_with(".dockerfile")
        || compose(&lower)
}

/// The names that dockle asks for.
pub(super) fn is_dockles(name: &str) -> bool {
    matches!(name, "Dockerfile" | "docker-compose.yml" | ".DS_Store" | ".vscode" | ".idea")
}

/// Folders that a package manager fills, of a distribution or a language: what is in them, those who published it put
/// there. Go's module cache and cargo's checkouts hold repositories on purpose.
pub(super) fn is_packaged(tree: &Tree, id: NodeId) -> bool {
    let (name, parent) = (tree.name(id), tree.parent(id));
    if parent == Tree::ROOT {
        return matches!(
            name,
            "bin" | "boot" | "dev" | "etc" | "lib" | "lib32" | "lib64" | "proc" | "sbin" | "sys" | "nix"
        );
    }
    // The folder's path by its last two names; the first one is empty where there is only one.
    let above = tree.parent(parent);
    let is_high = above == Tree::ROOT || tree.parent(above) == Tree::ROOT;
    match (tree.name(above), tree.name(parent), name) {
        (_, "node_modules", _) | (_, "pkg", "mod") => true,
        (_, "usr", "local" | "src") if above == Tree::ROOT => false,
        (_, "usr", _) | (_, "var", "cache") if above == Tree::ROOT => true,
        ("usr", "local", "share" | "include" | "go" | "rustup" | "cargo") | ("var", "lib", _) if is_high => true,
        _ => matches!(
            name,
            "site-packages"
                | "dist-packages"
                | "bower_components"
                | "gems"
                | ".cargo"
                | ".rustup"
                | ".m2"
                | ".nvm"
                | ".pyenv"
                | ".rbenv"
                | ".oh-my-zsh"
                | "testdata"
        ),
    }
}
