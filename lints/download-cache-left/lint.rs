//! What pip downloads and builds, kept in a layer that ships.

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{Cleanup, CommandRef, Dockerfile, empties};
use crate::shell::Command;
use crate::shell::tools::{self, Invocation, Tool};

pub(super) static LINT: Lint = Lint {
    summary: "pip's cache of downloads stays in the image",
    category: Category::Build,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &["DL3042", "f2f903fb", "dockerfile.best-practice.missing-pip-no-cache-dir.missing-pip-no-cache-dir"],
    sources: &[
        "https://pip.pypa.io/en/stable/topics/caching/",
        "https://docs.docker.com/build/cache/optimize/#use-cache-mounts",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let shipped = dockerfile.shipped();
    // Where the cache is switched off or moved for good; looked for once, where pip installs.
    let mut settled: Option<Vec<usize>> = None;
    for command in dockerfile.run_commands() {
        let ships = command.instruction.stage.is_some_and(|stage| shipped[stage]);
        if !ships || !matches!(command.command.base_name().as_bytes().first(), Some(b'p')) {
            continue;
        }
        let Some(tool) = tools::invocation(command.command).filter(keeps_downloads) else { continue };
        let Some(verb) = tool.subcommand else { continue };
        if is_kept_out(&command) || command.cleanup_behind(clears) == Cleanup::Done {
            continue;
        }
        let settled = settled.get_or_insert_with(|| dockerfile.saying(&SETTLED));
        if dockerfile.is_behind_any(command.instruction_index, settled) {
            continue;
        }
        let finding = findings.report(verb.span, "`pip install` keeps what it downloads and builds in the image");
        finding
            .because("nobody installs it a second time from there, and every copy of the image carries it")
            .help("Add `--no-cache-dir`, or mount a cache where pip keeps its own")
            .aliases(LINT.aliases);
        if !command.script.clean {
            finding.confidence(Confidence::Medium);
        }
        if let Some(edit) = dockerfile.insert_option(&command, verb, "--no-cache-dir") {
            let why = "the same packages are installed, and only the copies of their files are not kept";
            finding.fix(Fix::safe("Add `--no-cache-dir` to `pip install`", why, vec![edit]));
        }
    }
}

/// Names of settings and files that switch the cache off or move it, in lower case.
const SETTLED: [&str; 6] =
    ["pip_no_cache_dir", "pip_cache_dir", "xdg_cache_home", "pip.conf", "/etc/pip", "pip config"];

/// `pip install` that fetches something and keeps it.
fn keeps_downloads(tool: &Invocation<'_>) -> bool {
    let settled = ["--no-cache-dir", "--cache-dir", "--no-index", "--dry-run", "--help", "--version"];
    tool.tool == Tool::Pip && tool.verb() == "install" && !settled.iter().any(|option| tool.has(option))
}

/// Whether a mount covers the cache, a variable of the command switches it off, or one of its words may.
fn is_kept_out(command: &CommandRef<'_>) -> bool {
    let instruction = command.instruction;
    let mounted = ["pip", ".cache", "cache/"].iter().any(|part| instruction.mounts_something_like(part))
        || instruction.is_mounted("/root/.cache/pip");
    let words = std::iter::once(&command.command.name).chain(&command.command.arguments);
    let hidden = |word: &crate::shell::Word| match command.resolve(word) {
        Some(value) => {
            value.split_whitespace().any(|part| part.starts_with("--no-cache") || part.starts_with("--cache"))
        }
        None => {
            let upper = word.text.to_ascii_uppercase();
            ["OPT", "FLAG", "ARG", "PARAM", "CACHE", "$@", "$*"].iter().any(|part| upper.contains(part))
        }
    };
    mounted || words.filter(|word| word.text.contains('$')).any(hidden)
}

/// Commands that take the cache away.
fn clears(command: &Command) -> bool {
    let purges = || {
        let words: Vec<&str> = command.arguments.iter().map(|word| word.text.as_str()).collect();
        words.windows(2).any(|pair| pair == ["cache", "purge"])
    };
    empties(command, &[".cache", "/root/*", "cache/pip"]) || purges()
}
