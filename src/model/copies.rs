//! Where a file of an image comes from: paths traced back through COPY and ADD to the build context.
//!
//! What a source is, a file or a folder, only the context can say, so a path may have several origins; the likeliest,
//! that of the last COPY, comes first.

use std::collections::HashSet;

use super::dockerignore::{clean, context_path, glob_matches};
use super::facts::{Base, Dockerfile, Instruction};
use crate::syntax::ast::{Arguments, Keyword};

/// How many pairs of a path and a COPY source one search looks at.
const MAX_STEPS: usize = 200_000;

/// How many COPY --from one path is followed through.
const MAX_HOPS: usize = 8;

/// How many origins one path gets.
const MAX_ORIGINS: usize = 8;

/// The COPY and ADD instructions of a Dockerfile, with a budget for questions.
pub(super) struct Search<'a> {
    dockerfile: &'a Dockerfile,
    copies: Vec<Copy>,
    steps: usize,
}

/// What one COPY or ADD takes and where it puts it.
struct Copy {
    instruction: usize,
    from: From,
    /// Local sources as the instruction gives them, cleaned.
    sources: Vec<String>,
    /// The destination, absolute and cleaned.
    destination: String,
    /// Whether the destination is a folder for sure.
    into_folder: bool,
    /// `--parents`: sources keep their folders.
    parents: bool,
}

enum From {
    Context,
    Stage(usize),
}

impl<'a> Search<'a> {
    pub(super) fn new(dockerfile: &'a Dockerfile) -> Self {
        let numbered = dockerfile.instructions.iter().enumerate();
        let copies = numbered.filter_map(|(index, instruction)| read(dockerfile, index, instruction)).collect();
        Self { dockerfile, copies, steps: MAX_STEPS }
    }

    /// Whether the budget is used up, or there is nothing to find; every answer is empty from then on.
    pub(super) fn is_spent(&self) -> bool {
        self.steps == 0 || self.copies.is_empty()
    }

    /// Whether some COPY may put a file of this name somewhere, as such and not inside of a copied folder.
    pub(super) fn may_put(&self, name: &str) -> bool {
        self.copies.iter().any(|copy| {
            let base = |path: &str| path.rsplit('/').next() == Some(name);
            copy.parents || base(&copy.destination) || copy.sources.iter().any(|source| is_glob(source) || base(source))
        })
    }

    /// The first paths of the context that COPY and ADD name without wildcards, each once.
    pub(super) fn named_sources(&self, most: usize) -> Vec<String> {
        let from_context = self.copies.iter().filter(|copy| matches!(copy.from, From::Context));
        let sources = from_context.flat_map(|copy| &copy.sources).filter(|source| !is_glob(source));
        let mut seen = HashSet::new();
        sources.filter(|source| seen.insert(source.as_str())).take(most).cloned().collect()
    }

    /// The paths of the context that a path of a stage's image can come from, as the stage is before the instruction
    /// `end`. With `folders`, also from inside of copied folders.
    pub(super) fn origins(&mut self, path: &str, stage: usize, end: usize, folders: bool) -> Vec<String> {
        let mut found = Vec::new();
        self.steps = self.steps.saturating_sub(1);
        self.trace(path, stage, end, folders, MAX_HOPS, &mut found);
        found
    }

    fn trace(&mut self, path: &str, stage: usize, end: usize, folders: bool, hops: usize, found: &mut Vec<String>) {
        let dockerfile = self.dockerfile;
        let Some(mut stage) = dockerfile.stages.get(stage) else { return };
        let mut end = end.min(stage.instructions.end);
        loop {
            let last = self.copies.partition_point(|copy| copy.instruction < end);
            let first = self.copies.partition_point(|copy| copy.instruction < stage.instructions.start);
            for index in (first..last.max(first)).rev() {
                for origin in self.origins_in(index, path, folders) {
                    match self.copies[index].from {
                        From::Context if found.len() < MAX_ORIGINS => {
                            let origin = context_path(&origin);
                            if !found.contains(&origin) {
                                found.push(origin);
                            }
                        }
                        From::Stage(from) if hops > 0 => {
                            self.trace(&join("/", &origin), from, usize::MAX, folders, hops - 1, found);
                        }
                        _ => {}
                    }
                }
            }
            // Stages build on earlier ones only, so this ends.
            match stage.base {
                Base::Stage(below) if below < stage.index => stage = &dockerfile.stages[below],
                _ => return,
            }
            end = stage.instructions.end;
        }
    }

    /// The sources of one COPY that may put a file at a path.
    fn origins_in(&mut self, index: usize, path: &str, folders: bool) -> Vec<String> {
        let copy = &self.copies[index];
        self.steps = self.steps.saturating_sub(copy.sources.len());
        let Some(below) = below(path, &copy.destination) else { return Vec::new() };
        if self.steps == 0 {
            return Vec::new();
        }
        let mut origins = Vec::new();
        for source in &copy.sources {
            let base = source.rsplit('/').next().unwrap_or(source);
            if copy.parents {
                if below == source || folders && below.starts_with(&format!("{source}/")) {
                    origins.push(below.to_owned());
                }
            } else if is_glob(source) {
                let folder = &source[..source.len() - base.len()];
                if !below.contains('/') && !is_glob(folder) && glob_matches(base, below) {
                    origins.push(format!("{folder}{below}"));
                }
            } else if (below.is_empty() && !copy.into_folder) || below == base {
                origins.push(source.clone());
            }
            // As a folder, the source's content lands in the destination.
            if folders && !copy.parents && !is_glob(source) && !below.is_empty() {
                origins.push(format!("{source}/{below}"));
            }
        }
        origins
    }
}

/// The path joined to a folder, cleaned; a relative folder stands at the root.
pub(super) fn join(folder: &str, path: &str) -> String {
    match (path.starts_with('/'), folder.trim_end_matches('/')) {
        (true, _) => clean(path),
        (false, folder) if folder.is_empty() || folder.starts_with('/') => clean(&[folder, "/", path].concat()),
        (false, folder) => clean(&["/", folder, "/", path].concat()),
    }
}

/// What of a path lies below a folder: empty for the folder itself, `None` outside of it.
fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    if folder == "/" {
        return Some(path.trim_start_matches('/'));
    }
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '[', '\\'])
}

fn is_remote(source: &str) -> bool {
    source.contains("://") || source.starts_with("git@")
}

fn read(dockerfile: &Dockerfile, index: usize, instruction: &Instruction) -> Option<Copy> {
    if !matches!(instruction.ast.keyword, Keyword::Copy | Keyword::Add) {
        return None;
    }
    let stage = instruction.stage?;
    let from = match instruction.flag("from") {
        None => From::Context,
        Some((_, value)) => From::Stage(dockerfile.stage_named(value.known()?, stage)?.index),
    };
    let (Arguments::Words(words) | Arguments::Exec(words)) = &instruction.ast.arguments else { return None };
    let (destination, values) = instruction.values.split_last()?;
    let destination = destination.known()?;
    let sources: Vec<String> = words
        .iter()
        .zip(values)
        .filter(|(word, _)| instruction.ast.heredocs.is_empty() || !word.text.starts_with("<<"))
        .filter_map(|(_, value)| value.known())
        .filter(|source| !source.is_empty() && source.len() < 4096 && !source.contains('\0') && !is_remote(source))
        .map(context_path)
        .collect();
    let workdir = instruction.before.workdir.as_ref().map_or("/", |workdir| workdir.value.text.as_str());
    let into_folder = destination.ends_with('/') || matches!(destination, "." | "..") || values.len() > 1;
    let parents = instruction.flags().any(|(flag, value)| flag.name == "parents" && value.text != "false");
    Some(Copy { instruction: index, from, sources, destination: join(workdir, destination), into_folder, parents })
}
