//! The proof by building: what `harden fix` makes of the projects of `testdata/projects` is built by real builders
//! beside what it was made of, and the images are compared and run.
//!
//! A project takes part where it has a `proof.toml`; `build/project.rs` tells what it says. The base images are made by
//! `tests/proof/bases.sh` and BuildKit is built from `tests/peers/go`; `tests/run` does both.

mod compare;
mod container;
mod image;
mod project;
mod tools;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cli::harden;
use crate::support;
use compare::Difference;
use container::Answer;
use image::Image;
use project::Project;
use tools::{Builder, Tools};

/// What a Dockerfile went through before it was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Before,
    Safe,
    Unsafe,
}

const LEVELS: [Level; 3] = [Level::Before, Level::Safe, Level::Unsafe];

impl Level {
    fn name(self) -> &'static str {
        ["before", "safe", "unsafe"][self as usize]
    }

    /// The arguments of the rewrite; every lint takes part, so that every fix does.
    fn fix(self) -> &'static [&'static str] {
        match self {
            Self::Before => &[],
            Self::Safe => &["fix", "--isolated", "--select", "all", "--exit-zero", "Dockerfile"],
            Self::Unsafe => &["fix", "--isolated", "--select", "all", "--exit-zero", "--unsafe", "Dockerfile"],
        }
    }
}

/// What one builder made of one project.
#[derive(Default)]
struct Outcome {
    builds: usize,
    took: Duration,
    differences: [BTreeSet<Difference>; 3],
    uids: [Option<u32>; 3],
    setuid: [usize; 3],
    wrong: Vec<String>,
}

#[test]
fn what_fix_makes_builds_and_is_the_same_program() {
    let start = Instant::now();
    let only = std::env::var("HARDEN_PROOF_ONLY").unwrap_or_default();
    let projects: Vec<Project> = project::all()
        .into_iter()
        .filter(|project| only.is_empty() || only.split(',').any(|name| name == project.name))
        .collect();
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let mut wrong: Vec<String> = Vec::new();
    for project in &projects {
        rewrite(project, &scratch.path().join(&project.name), &mut wrong);
    }
    if let Some(tools) = Tools::find(&scratch.path().join("tools")) {
        let builds = prove_all(&projects, &tools, scratch.path(), &mut wrong);
        let seconds = start.elapsed().as_secs_f64();
        support::figure(&format!(
            "proof: {} projects, {builds} builds, {} wrong, {seconds:.0} seconds",
            projects.len(),
            wrong.len()
        ));
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Builds and compares all projects with both builders, and prints a line for each; the number of builds.
fn prove_all(projects: &[Project], tools: &Tools, scratch: &Path, wrong: &mut Vec<String>) -> usize {
    // One thread a builder: they share nothing but the projects, and two are what a small machine has cores for.
    let of = |builder: Builder| {
        let prove =
            move |project: &Project| project.builds_with(builder).then(|| prove(project, builder, tools, scratch));
        move || projects.iter().map(prove).collect::<Vec<_>>()
    };
    let (buildah, buildkit) = std::thread::scope(|scope| {
        let buildah = scope.spawn(of(Builder::Buildah));
        let buildkit = scope.spawn(of(Builder::BuildKit));
        (buildah.join().expect("no panic"), buildkit.join().expect("no panic"))
    });
    let mut builds = 0;
    for ((project, buildah), buildkit) in projects.iter().zip(&buildah).zip(&buildkit) {
        if project.proof.parse_only {
            support::figure(&format!("proof: {:<22} parsed only: {}", project.name, project.proof.why));
            continue;
        }
        let with = match (buildah, buildkit) {
            (Some(_), Some(_)) => "buildah+buildkit",
            (Some(_), None) => "buildah",
            _ => "buildkit",
        };
        let outcomes: Vec<&Outcome> = [buildah, buildkit].into_iter().flatten().collect();
        let mut seen: [BTreeSet<Difference>; 3] = Default::default();
        for outcome in &outcomes {
            builds += outcome.builds;
            wrong.extend(outcome.wrong.iter().cloned());
            for (all, some) in seen.iter_mut().zip(&outcome.differences) {
                all.extend(some.iter().cloned());
            }
        }
        // The two builders may find different things; what neither finds is no longer to be expected.
        if outcomes.iter().all(|outcome| outcome.wrong.is_empty()) {
            for text in project.stale(&seen) {
                wrong.push(format!("{}: the expected difference {text} is not there", project.name));
            }
        }
        let Some(first) = outcomes.first() else { continue };
        let uids = first.uids.map(|uid| uid.map_or_else(|| "?".to_owned(), |uid| uid.to_string())).join(">");
        let setuid = first.setuid.map(|count| count.to_string()).join(">");
        support::figure(&format!(
            "proof: {:<22} {with:<16} uid {uids:<14} setuid {setuid:<8} differences {}/{} {:.1} s{}",
            project.name,
            seen[Level::Safe as usize].len(),
            seen[Level::Unsafe as usize].len(),
            outcomes.iter().map(|outcome| outcome.took.as_secs_f64()).sum::<f64>(),
            if outcomes.iter().any(|outcome| !outcome.wrong.is_empty()) { " WRONG" } else { "" }
        ));
    }
    builds
}

/// Puts the project into a folder for each level and fixes it there; each must still be a Dockerfile, and a second
/// fix must find nothing to do.
fn rewrite(project: &Project, folder: &Path, wrong: &mut Vec<String>) {
    let read = |level: Level| fs::read(folder.join(level.name()).join("Dockerfile")).expect("a Dockerfile");
    for level in LEVELS {
        let copy = folder.join(level.name());
        project.copy_to(&copy);
        let mut complain = |what: String| wrong.push(format!("{}: {}: {what}", project.name, level.name()));
        if level != Level::Before {
            let ran = harden(&copy, level.fix());
            if ran.code != Some(0) {
                complain(format!("`harden fix` exits with {:?}: {}", ran.code, ran.stderr));
            }
            let once = read(level);
            harden(&copy, level.fix());
            if once != read(level) {
                complain("a second fix changes the file again".to_owned());
            }
            if project.proof.fine && once != read(Level::Before) {
                complain("a file that is fine was changed".to_owned());
            }
        }
        let ran = harden(&copy, &["parse", "--dump", "source", "Dockerfile"]);
        if ran.code != Some(0) {
            complain(format!("the file doesn't parse: {}", ran.stderr));
        }
    }
}

/// Builds one project at every level with one builder, compares the images and runs them.
fn prove(project: &Project, builder: Builder, tools: &Tools, scratch: &Path) -> Outcome {
    let start = Instant::now();
    let mut outcome = Outcome::default();
    let folder = scratch.join(&project.name);
    let texts = LEVELS.map(|level| fs::read(folder.join(level.name()).join("Dockerfile")).expect("a Dockerfile"));
    // What is the same text is the same image.
    let twin = LEVELS.map(|level| texts.iter().position(|text| *text == texts[level as usize]).unwrap_or(0));
    let complain = |level: Level, what: &str| {
        let file = String::from_utf8_lossy(&texts[level as usize]).replace('\n', "\n    | ");
        format!("{} ({}, {}): {what}\n    | {file}", project.name, builder.name(), level.name())
    };
    let mut images: [Option<Image>; 3] = Default::default();
    for level in LEVELS.into_iter().filter(|level| twin[*level as usize] == *level as usize) {
        outcome.builds += 1;
        let output = folder.join(format!("{}-{}", builder.name(), level.name()));
        let built = tools.build(builder, &folder.join(level.name()), &output);
        match built.and_then(|()| Image::mount(tools, &output)) {
            Ok(image) => images[level as usize] = Some(image),
            Err(why) => outcome.wrong.push(complain(level, &format!("doesn't build: {why}"))),
        }
    }
    // Programs write where they run: everything is compared before anything is started.
    for level in LEVELS {
        let (Some(before), Some(image)) = (&images[0], &images[twin[level as usize]]) else { continue };
        if twin[level as usize] != 0 {
            outcome.differences[level as usize] = compare::compare(before, image);
        }
        let strange: Vec<String> = outcome.differences[level as usize]
            .iter()
            .filter(|difference| !project.expects(level, difference))
            .map(ToString::to_string)
            .collect();
        if !strange.is_empty() {
            let list = strange.iter().take(40).cloned().collect::<Vec<_>>().join("\n    ");
            outcome.wrong.push(complain(level, &format!("{} unexpected differences:\n    {list}", strange.len())));
        }
        let setuid = compare::setuid_files(image);
        outcome.setuid[level as usize] = setuid.len();
        if level == Level::Unsafe && setuid.is_empty() != project.proof.setuid_stays.is_empty() {
            outcome.wrong.push(complain(level, &format!("setuid files are left: {setuid:?}")));
        }
    }
    for level in LEVELS {
        let Some(image) = &images[twin[level as usize]] else { continue };
        if twin[level as usize] == level as usize {
            let breaks = level == Level::Unsafe && !project.proof.unsafe_breaks.is_empty();
            match container::ask(project, image, &folder.join("container").join(builder.name())) {
                Ok(_) if breaks => outcome.wrong.push(complain(level, "answers, against what `unsafe-breaks` says")),
                Ok(Answer { uid }) => outcome.uids[level as usize] = Some(uid),
                Err(_) if breaks => {}
                Err(why) => outcome.wrong.push(complain(level, &format!("doesn't answer: {why}"))),
            }
        }
        outcome.uids[level as usize] = outcome.uids[twin[level as usize]];
        let expected = project.proof.uid[level as usize];
        if let Some(uid) = outcome.uids[level as usize].filter(|uid| *uid != expected) {
            outcome.wrong.push(complain(level, &format!("runs as {uid}, not as {expected}")));
        }
    }
    if (project.proof.uid[Level::Unsafe as usize] == 0) == project.proof.root_stays.is_empty() {
        outcome.wrong.push(complain(Level::Unsafe, "`root-stays` has to say why root stays, and only then"));
    }
    outcome.took = start.elapsed();
    outcome
}
