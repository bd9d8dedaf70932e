//! Variables that programs load code by, and whose parts somebody else may fill.

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, NodeId, RuntimeUser, Spot, Tree};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "A variable has programs load code from where others may write",
    category: Category::Runtime,
    severity: Severity::Medium,
    sources: &[
        "https://man7.org/linux/man-pages/man8/ld.so.8.html",
        "https://docs.python.org/3/using/cmdline.html#environment-variables",
        "https://cwe.mitre.org/data/definitions/427.html",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// A variable that names code.
struct Variable {
    name: &'static str,
    /// What parts its value; empty where it is one file.
    separators: &'static [char],
    /// Whether an empty part means the working directory.
    empty_counts: bool,
    /// How much its code can do: that of the loader gets into every program, and runs before it.
    depth: Depth,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Every program loads it, whatever it is.
    Everything,
    /// Every program looks there first for its libraries.
    Libraries,
    /// One language's programs look there.
    Language,
}

const fn variable(name: &'static str, separators: &'static [char], empty_counts: bool, depth: Depth) -> Variable {
    Variable { name, separators, empty_counts, depth }
}

/// Sources: ld.so(8), the manuals of the languages.
const VARIABLES: [Variable; 13] = [
    variable("LD_PRELOAD", &[':', ' '], false, Depth::Everything),
    variable("LD_AUDIT", &[':'], false, Depth::Everything),
    variable("LD_LIBRARY_PATH", &[':', ';'], true, Depth::Libraries),
    variable("BASH_ENV", &[], false, Depth::Everything),
    variable("PYTHONPATH", &[':'], true, Depth::Language),
    variable("PYTHONSTARTUP", &[], false, Depth::Language),
    variable("PYTHONHOME", &[':'], false, Depth::Language),
    variable("NODE_PATH", &[':'], false, Depth::Language),
    variable("PERL5LIB", &[':'], false, Depth::Language),
    variable("RUBYLIB", &[':'], false, Depth::Language),
    variable("GEM_PATH", &[':'], false, Depth::Language),
    variable("GEM_HOME", &[], false, Depth::Language),
    variable("CLASSPATH", &[':'], true, Depth::Language),
];

/// Parts of a value that are looked at.
const MOST: usize = 64;

/// What is wrong with a part.
struct Flaw {
    severity: Severity,
    /// Behind the variable's name.
    says: String,
    because: &'static str,
    place: Option<Spot>,
}

fn check(image: &Image, findings: &mut Findings<Spot>) {
    if image.config.os == "windows" {
        return;
    }
    let judge = Judge::new(image);
    for (index, pair) in image.config.env.iter().enumerate() {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let Some(variable) = VARIABLES.iter().find(|variable| variable.name == name) else { continue };
        // Of several, the last is in force.
        if value.is_empty() || image.config.variable(name) != Some(value) {
            continue;
        }
        let parts: Vec<&str> = match variable.separators {
            [] => vec![value],
            separators => value.split(separators).take(MOST).collect(),
        };
        let mut flaws: Vec<Flaw> = parts.iter().filter_map(|part| judge.part(variable, part)).collect();
        flaws.sort_by_key(|flaw| std::cmp::Reverse(flaw.severity));
        flaws.dedup_by(|a, b| a.says == b.says);
        let Some(worst) = flaws.first() else { continue };
        let place = Spot::Config(format!("config.Env[{index}]"));
        let finding = findings.report(place.clone(), format!("`{name}` {}", worst.says));
        finding.because(worst.because).severity(worst.severity).help(help(variable));
        if worst.place.is_none() {
            // Whether the working directory stays the one of the configuration is for who starts it to say.
            finding.confidence(Confidence::Medium);
        }
        if let Some(place) = &worst.place {
            finding.label(place.clone(), "it is this one");
        }
        for flaw in &flaws[1..] {
            finding.label(flaw.place.clone().unwrap_or_else(|| place.clone()), format!("`{name}` also {}", flaw.says));
        }
    }
}

fn help(variable: &Variable) -> &'static str {
    match variable.depth {
        Depth::Everything => {
            "Leave the variable out, or name a file by its full path that only root may write, in folders of root's"
        }
        _ => {
            "Name folders by their full paths that only root may write to, and no empty part: `${VAR:+:$VAR}` adds none"
        }
    }
}

/// Who may write where.
struct Judge<'a> {
    image: &'a Image,
    user: RuntimeUser,
    /// A user that is nobody in particular.
    stranger: RuntimeUser,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    Everybody,
    User,
}

impl<'a> Judge<'a> {
    fn new(image: &'a Image) -> Self {
        Self { image, user: image.runtime_user(), stranger: RuntimeUser::stranger() }
    }

    fn part(&self, variable: &Variable, part: &str) -> Option<Flaw> {
        if part.is_empty() {
            // musl's loader leaves empty parts out.
            let musl = self.image.os.as_ref().is_some_and(|os| os.id == "alpine");
            let counts = variable.empty_counts && !(musl && variable.depth == Depth::Libraries);
            return counts
                .then(|| self.in_working_dir("has an empty part, which means the working directory".to_owned()));
        }
        if !part.starts_with('/') {
            // A library's bare name is looked up in the loader's own folders.
            let is_name = variable.depth == Depth::Everything && !part.contains('/');
            return (!is_name)
                .then(|| self.in_working_dir(format!("names `{part}`, which depends on the working directory")));
        }
        let path = part.trim_end_matches('*');
        let (node, is_there) = self.nearest(path);
        let spot = Spot::Layer(self.image.tree.node(node).layer, self.image.tree.path(node));
        let missing = if is_there { "" } else { ", which is missing" };
        Some(match self.writer(node) {
            Some(Writer::Everybody) => Flaw {
                severity: Severity::Medium,
                says: format!("names `{part}`{missing}, where every user may write"),
                because: "any process in the container can have the others load its code",
                place: Some(spot),
            },
            Some(Writer::User) => Flaw {
                severity: match variable.depth {
                    Depth::Everything => Severity::Medium,
                    Depth::Libraries => Severity::Low,
                    Depth::Language => Severity::Info,
                },
                says: format!("names `{part}`{missing}, where the user that the container runs as may write"),
                because: "who takes over the program once can have every later start load its code, and that of `docker exec -u \
                          root`",
                place: Some(spot),
            },
            None if is_there && variable.depth != Depth::Language && self.image.tree.node(node).uid != 0 => Flaw {
                severity: Severity::Low,
                says: format!("names `{part}`, which belongs to the user id {}", self.image.tree.node(node).uid),
                because: "whoever runs as that user can have every program load its code, those of root among them",
                place: Some(spot),
            },
            None if !is_there && variable.depth == Depth::Everything => Flaw {
                severity: Severity::Info,
                says: format!("names `{part}`, which is missing"),
                because: "every program complains about it at its start",
                place: None,
            },
            None => return None,
        })
    }

    fn in_working_dir(&self, says: String) -> Flaw {
        let folder = if self.image.config.working_dir.is_empty() { "/" } else { &self.image.config.working_dir };
        let (node, _) = self.nearest(folder);
        let severity = match self.writer(node) {
            Some(Writer::Everybody) => Severity::Medium,
            Some(Writer::User) => Severity::Low,
            None => Severity::Info,
        };
        let because = "a program that is started where somebody else may write loads what lies there";
        Flaw { severity, says, because, place: None }
    }

    /// What a path leads to, or the folder in which its first missing part would be.
    fn nearest(&self, path: &str) -> (NodeId, bool) {
        let tree = &self.image.tree;
        if let Some(node) = tree.resolve(path) {
            return (node, true);
        }
        let ends = path.rmatch_indices('/').map(|(at, _)| &path[..at.max(1)]);
        let node = ends.into_iter().find_map(|front| tree.resolve(front));
        (node.unwrap_or(Tree::ROOT), false)
    }

    /// Who may change what is loaded from there. Root is who it would be done to.
    fn writer(&self, node: NodeId) -> Option<Writer> {
        let may = |user: &RuntimeUser| self.image.takeover(user, node).is_some();
        if may(&self.stranger) {
            return Some(Writer::Everybody);
        }
        (!self.user.is_root() && may(&self.user)).then_some(Writer::User)
    }
}
