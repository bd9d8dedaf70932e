//! What apk, dnf, yum and zypper keep of the repositories, left in a layer that ships.

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{Cleanup, CommandRef, Dockerfile, Reliance, empties};
use crate::shell::tools::{self, Invocation, Tool};
use crate::shell::{Command, Nesting};
use crate::text::Edit;

pub(super) static LINT: Lint = Lint {
    summary: "A package manager's cache stays in the image",
    category: Category::Build,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &[
        "DL3019",
        "DL3032",
        "DL3036",
        "DL3040",
        "DS-0015",
        "DS-0019",
        "DS-0020",
        "DS-0025",
        "DS-0027",
        "ae9c56a6",
        "00481784",
        "295acb63",
        "38300d1a",
        "dockerfile.best-practice.missing-apk-no-cache.missing-apk-no-cache",
        "dockerfile.best-practice.missing-dnf-clean-all.missing-dnf-clean-all",
        "dockerfile.best-practice.missing-zypper-clean.missing-zypper-clean",
        "apkadd-missing_nocache_or_updaterm",
    ],
    sources: &[
        "https://man.archlinux.org/man/apk.8",
        "https://dnf.readthedocs.io/en/latest/command_ref.html#clean-command",
        "https://en.opensuse.org/SDB:Zypper_manual",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let shipped = dockerfile.shipped();
    // Where the cache is moved or switched off for good; looked for once, where there is a cache.
    let mut elsewhere: Option<Vec<usize>> = None;
    let mut cache_only: Option<Option<usize>> = None;
    let mut commands = dockerfile.run_commands().peekable();
    while let Some(first) = commands.peek().copied() {
        let mut step = Step::default();
        while let Some(command) = commands.next_if(|next| next.instruction_index == first.instruction_index) {
            step.take(command);
        }
        let ships = first.instruction.stage.is_some_and(|stage| shipped[stage]);
        if !ships || step.is_empty() {
            continue;
        }
        let elsewhere = elsewhere.get_or_insert_with(|| dockerfile.saying(&["/etc/apk/cache", "setup-apkcache"]));
        if !dockerfile.is_behind_any(first.instruction_index, elsewhere) {
            step.apk(dockerfile, findings);
        }
        if !first.instruction.is_trigger() {
            let cache_only = *cache_only.get_or_insert_with(|| last_cache_only(dockerfile));
            step.repositories(dockerfile, cache_only, findings);
        }
    }
}

/// The commands of one RUN that fill a cache.
#[derive(Default)]
struct Step<'a> {
    /// `apk update`.
    updates: Vec<CommandRef<'a>>,
    /// `apk add` and `apk upgrade` that work with an index on disk.
    adds: Vec<CommandRef<'a>>,
    /// The last command of dnf and its like, and the last of zypper.
    dnf: Option<CommandRef<'a>>,
    zypper: Option<CommandRef<'a>>,
}

impl<'a> Step<'a> {
    fn take(&mut self, command: CommandRef<'a>) {
        let name = command.command.base_name();
        if !matches!(name, "apk" | "dnf" | "dnf5" | "yum" | "microdnf" | "tdnf" | "zypper") {
            return;
        }
        let outside = matches!(command.outermost().base_name(), "chroot" | "ssh" | "docker" | "nsenter" | "unshare");
        let unseen = matches!(command.command.nesting, Nesting::Function | Nesting::Substitution | Nesting::Process);
        let Some(tool) = tools::invocation(command.command).filter(|_| !outside && !unseen) else { return };
        match tool.tool {
            Tool::Apk if tool.verb() == "update" && !in_another_root(&tool) => self.updates.push(command),
            Tool::Apk if works_with_index(&tool) => self.adds.push(command),
            Tool::Dnf if fills_dnf(&tool) => self.dnf = Some(command),
            Tool::Zypper if fills_zypper(&tool) => self.zypper = Some(command),
            _ => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.updates.is_empty() && self.adds.is_empty() && self.dnf.is_none() && self.zypper.is_none()
    }

    /// One finding an `apk add`; where all have `--no-cache`, one for the update that nobody needs then.
    fn apk(&self, dockerfile: &Dockerfile, findings: &mut Findings) {
        let last = self.adds.iter().chain(&self.updates).max_by_key(|command| command.index);
        let Some(last) = last else { return };
        let cleaned = last.cleanup_behind(|command| empties(command, &["/var/cache", "apk/*"])) == Cleanup::Done;
        if cleaned || last.instruction.is_mounted("/var/cache/apk") || last.instruction.is_mounted("/etc/apk/cache") {
            return;
        }
        let mut goes = false;
        for (at, add) in self.adds.iter().enumerate() {
            let Some(tool) = tools::invocation(add.command) else { continue };
            let Some(verb) = tool.subcommand else { continue };
            let message = format!("`apk {}` without `--no-cache` leaves the package index in the image", verb.text);
            let finding = findings.report(verb.span, message);
            finding.because(INDEX).help("Add `--no-cache`, which fetches the index anew and keeps nothing");
            if tool.is_install() {
                finding.aliases(&[
                    "DL3019",
                    "DS-0025",
                    "ae9c56a6",
                    "dockerfile.best-practice.missing-apk-no-cache.missing-apk-no-cache",
                    "apkadd-missing_nocache_or_updaterm",
                ]);
            }
            if !add.script.clean {
                finding.confidence(Confidence::Medium);
            }
            // The first takes the update out too, with which the others need the option at once.
            let whole = if at == 0 { self.without_update(dockerfile) } else { None };
            let own = || dockerfile.insert_option(add, verb, "--no-cache");
            let title = format!("Add `--no-cache` to `apk {}`", verb.text);
            let why = "the same packages come from the same repositories, and only the index isn't kept";
            match whole {
                Some(fix) => {
                    goes = true;
                    finding.fix(fix)
                }
                None => match own() {
                    Some(edit) => finding.fix(Fix::safe(title, why, vec![edit])),
                    None => continue,
                },
            };
        }
        // Where the update has to stay, the option of the others doesn't mend it.
        if let Some(update) = self.updates.last().filter(|_| self.adds.is_empty() || !goes) {
            let finding = findings.report(update.command.span, "`apk update` leaves the package index in the image");
            finding.because(INDEX).help("Leave it out, and install with `apk add --no-cache`");
            let only = self.adds.is_empty();
            let fix = only.then(|| self.without_update(dockerfile)).flatten();
            if let Some(fix) = fix.or_else(|| emptied(dockerfile, update)) {
                finding.fix(fix);
            }
        }
    }

    /// Every `apk add` with `--no-cache`, and the one `apk update` in front of them away.
    fn without_update(&self, dockerfile: &Dockerfile) -> Option<Fix> {
        let [update] = &self.updates[..] else { return None };
        let later = dockerfile.reliance_on_index(update.instruction_index, Tool::Apk);
        let rest = update.script.commands.get(update.index + 1..)?;
        let is_known = |command: &Command| self.adds.iter().any(|add| std::ptr::eq(add.command, command));
        let unknown = rest.iter().any(|other| !is_known(other) && crate::model::may_use_index(other, Tool::Apk));
        // The option says less than the update where that has options of its own.
        let plain =
            update.command.arguments.iter().all(|word| matches!(word.text.as_str(), "update" | "-q" | "--quiet"));
        let follows = self.adds.iter().all(|add| add.index > update.index);
        if later != Reliance::Nothing || unknown || !plain || !follows || !update.command.redirects.is_empty() {
            return None;
        }
        let mut edits: Vec<Edit> = vec![dockerfile.without_command(update)?];
        for add in &self.adds {
            let tool = tools::invocation(add.command)?;
            edits.push(dockerfile.insert_option(add, tool.subcommand?, "--no-cache")?);
        }
        let (title, why) = if self.adds.is_empty() {
            ("Leave `apk update` out", "nothing behind it works with the index that it fetches")
        } else {
            (
                "Fetch the index with `--no-cache` instead of `apk update`",
                "the same packages come from the same repositories, and only the index isn't kept",
            )
        };
        Some(Fix::safe(title, why, edits).removes_command("apk"))
    }

    /// One finding for dnf and its like, one for zypper.
    fn repositories(&self, dockerfile: &Dockerfile, cache_only: Option<usize>, findings: &mut Findings) {
        for command in [self.dnf, self.zypper].into_iter().flatten() {
            let Some(tool) = tools::invocation(command.command) else { continue };
            let folders =
                ["/var/cache/dnf", "/var/cache/yum", "/var/cache/libdnf5", "/var/cache/tdnf", "/var/cache/zypp"];
            let named = ["/var/cache", "dnf/", "yum/", "zypp/"];
            let cleans = |other: &Command| {
                let invocation = tools::invocation(other).filter(|other| other.tool == tool.tool);
                invocation.is_some_and(|other| matches!(other.verb(), "clean" | "cc")) || empties(other, &named)
            };
            let instruction = command.instruction;
            if command.cleanup_behind(cleans) == Cleanup::Done
                || folders.iter().any(|folder| instruction.is_mounted(folder))
            {
                continue;
            }
            report_repositories(dockerfile, &command, &tool, cache_only, findings);
        }
    }
}

/// The step without what `apk update` leaves, where nothing works with that later: the step away, or its end emptying the
/// folder.
fn emptied(dockerfile: &Dockerfile, update: &CommandRef<'_>) -> Option<Fix> {
    let index = update.instruction_index;
    let instruction = update.instruction;
    let nobody = dockerfile.reliance_on_index(index, Tool::Apk) == Reliance::Nothing;
    if !nobody || update.command.parent.is_some() || dockerfile.is_root_at(index) == Some(false) {
        return None;
    }
    let why = "nothing behind it works with the index that it fetches";
    let alone = update.script.commands.len() == 1 && update.script.clean && update.command.redirects.is_empty();
    let commented = !instruction.ast.comments.is_empty() || !instruction.ast.gaps.is_empty();
    if alone && !commented && !instruction.is_trigger() && instruction.ast.heredocs.is_empty() {
        let edit = dockerfile.without(index)?;
        return Some(Fix::safe("Leave the step out", why, vec![edit]).removes("RUN").removes_command("apk"));
    }
    let edit = dockerfile.append_command(index, "rm -rf /var/cache/apk/*")?;
    Some(Fix::safe("Remove the index at the end of the step", why, vec![edit]).adds_command("rm"))
}

const INDEX: &str = "every copy of the image carries it, and it is out of date within days";

/// `apk add` and `apk upgrade` that keep or use an index on disk. Packages that are all files need none.
fn works_with_index(tool: &Invocation<'_>) -> bool {
    let is_file = |text: &str| text.ends_with(".apk") || text.starts_with(['/', '.']);
    let files = !tool.operands.is_empty() && tool.operands.iter().all(|word| is_file(&word.text));
    let settled = ["--no-cache", "--no-network", "--cache-dir", "--simulate", "--help"];
    matches!(tool.verb(), "add" | "upgrade")
        && !settled.iter().any(|option| tool.has(option))
        && !files
        && !in_another_root(tool)
}

fn in_another_root(tool: &Invocation<'_>) -> bool {
    tool.has("--root") || tool.has("--initdb")
}

fn fills_dnf(tool: &Invocation<'_>) -> bool {
    const VERBS: [&str; 16] = [
        "install",
        "in",
        "localinstall",
        "reinstall",
        "groupinstall",
        "update",
        "upgrade",
        "up",
        "upgrade-minimal",
        "distro-sync",
        "dsync",
        "swap",
        "makecache",
        "builddep",
        "check-update",
        "downgrade",
    ];
    let nested = matches!(tool.verb(), "group" | "groups" | "module") && !tool.packages().is_empty();
    (VERBS.contains(&tool.verb()) || nested)
        && !["--installroot", "--assumeno", "--help", "--cacheonly"].iter().any(|option| tool.has(option))
        && tool.setting("--setopt", "cachedir").is_none()
}

fn fills_zypper(tool: &Invocation<'_>) -> bool {
    const VERBS: [&str; 13] = [
        "install",
        "in",
        "update",
        "up",
        "dist-upgrade",
        "dup",
        "patch",
        "refresh",
        "ref",
        "source-install",
        "si",
        "verify",
        "ve",
    ];
    let elsewhere = ["--installroot", "--root", "--dry-run", "--help", "--cache-dir", "--pkg-cache-dir"];
    VERBS.contains(&tool.verb()) && !elsewhere.iter().any(|option| tool.has(option))
}

fn report_repositories(
    dockerfile: &Dockerfile,
    command: &CommandRef<'_>,
    tool: &Invocation<'_>,
    cache_only: Option<usize>,
    findings: &mut Findings,
) {
    let name = command.command.base_name();
    let clean = if tool.tool == Tool::Zypper { format!("{name} clean --all") } else { format!("{name} clean all") };
    let verb = tool.verb();
    let finding = findings.report(command.command.span, format!("what `{name} {verb}` keeps stays in the image"));
    finding
        .because("repository data and packages of many megabytes, which a later step can't take out of this layer")
        .help(format!("End the step with `{clean}`"));
    finding.aliases(match (name, tool.is_install()) {
        (_, false) => &[],
        ("yum", _) => &["DL3032", "DS-0015", "00481784"],
        ("dnf", _) => {
            &["DL3040", "DS-0019", "295acb63", "dockerfile.best-practice.missing-dnf-clean-all.missing-dnf-clean-all"]
        }
        ("microdnf", _) => &["DS-0027", "DL3040"],
        ("zypper", _) => {
            &["DL3036", "DS-0020", "38300d1a", "dockerfile.best-practice.missing-zypper-clean.missing-zypper-clean"]
        }
        _ => &[],
    });
    if !command.script.clean || command.command.nesting == Nesting::Conditional {
        finding.confidence(Confidence::Medium);
    }
    let index = command.instruction_index;
    // As another user, through sudo, the clean-up would need sudo as well. A package manager that a branch only may have
    // isn't called outside of it, and one that is taken away can't be called any more.
    let plain = command.command.parent.is_none()
        && command.command.nesting == Nesting::Plain
        && dockerfile.is_root_at(index) != Some(false)
        && !command.command.name.text.contains('$')
        && !takes_itself_away(command, name);
    let Some(edit) = plain.then(|| dockerfile.append_command(index, &clean)).flatten() else { return };
    let title = format!("End the step with `{clean}`");
    let fix = if cache_only > Some(index) {
        Fix::risky(title, "a later step works with the cache alone, and would find it empty", vec![edit])
    } else {
        Fix::safe(title, "the package manager fetches anew whatever it needs later", vec![edit])
    };
    finding.fix(fix.adds_command(name));
}

/// Whether the step removes the package manager.
fn takes_itself_away(command: &CommandRef<'_>, name: &str) -> bool {
    let removes = |other: &Command| {
        let words = || other.arguments.iter().map(|word| word.text.as_str());
        words().any(|word| matches!(word, "remove" | "erase" | "rm" | "autoremove" | "-e" | "--erase" | "-ev"))
            && words().any(|word| word == name || word == "python3-dnf" || word == "libzypp")
    };
    command.script.commands.iter().any(removes)
}

/// The last instruction that asks for no more than the cache has.
fn last_cache_only(dockerfile: &Dockerfile) -> Option<usize> {
    let asks = |command: &CommandRef<'_>| {
        matches!(command.command.base_name(), "dnf" | "yum" | "dnf5" | "zypper")
            && command
                .command
                .arguments
                .iter()
                .any(|word| matches!(word.text.as_str(), "-C" | "--cacheonly" | "--no-refresh"))
    };
    dockerfile.commands().filter(asks).map(|command| command.instruction_index).last()
}
