//! apt's package lists, left in a layer that ships.

mod image;

use crate::diagnostic::{Category, Confidence, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{Cleanup, CommandRef, Dockerfile, Reliance, takes_apt_lists};
use crate::shell::Nesting;
use crate::shell::tools::{self, Tool};

pub(super) static LINT: Lint = Lint {
    summary: "apt's package lists stay in the image",
    category: Category::Build,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &[
        "DL3009",
        "df746b39",
        "dockerfile.best-practice.remove-package-lists.remove-package-lists",
        "dockerfile.best-practice.remove-package-cache.remove-package-cache",
        "apt-get_missing_rm",
        "DKL-DI-0005",
    ],
    sources: &[
        "https://docs.docker.com/build/building/best-practices/#apt-get",
        "https://manpages.debian.org/stable/apt/apt-get.8.en.html",
    ],
    dockerfile: Some(check),
    image: Some(image::check),
    ..Lint::BASE
};

/// The ids of checks on a Dockerfile.
const ALIASES: [&str; 5] = [
    "DL3009",
    "df746b39",
    "dockerfile.best-practice.remove-package-lists.remove-package-lists",
    "dockerfile.best-practice.remove-package-cache.remove-package-cache",
    "apt-get_missing_rm",
];

/// Where the lists lie.
const LISTS: &str = "/var/lib/apt/lists";

/// Why it matters.
const WHY: &str =
    "they are tens of megabytes, out of date within days, and a later step can't take them out of this layer";

/// What takes them away.
const REMOVAL: &str = "rm -rf /var/lib/apt/lists/*";

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let shipped = dockerfile.shipped();
    let mut updates: Vec<CommandRef<'_>> = Vec::new();
    for command in dockerfile.run_commands().filter(fetches_lists) {
        let ships = command.instruction.stage.is_some_and(|stage| shipped[stage]);
        // A trigger's layer is in images built from this one.
        if !ships || command.instruction.is_trigger() || command.instruction.is_mounted(LISTS) {
            continue;
        }
        // Of several in one step, the last one counts.
        match updates.last_mut() {
            Some(last) if last.instruction_index == command.instruction_index => *last = command,
            _ => updates.push(command),
        }
    }
    for update in &updates {
        if update.cleanup_behind(takes_apt_lists) == Cleanup::Missing {
            report(dockerfile, update, findings);
        }
    }
}

/// `apt-get update` for the image's own system.
fn fetches_lists(command: &CommandRef<'_>) -> bool {
    let name = command.command.base_name();
    if !matches!(name, "apt-get" | "apt")
        || matches!(command.command.nesting, Nesting::Function | Nesting::Substitution)
    {
        return false;
    }
    let Some(tool) = tools::invocation(command.command) else { return false };
    let elsewhere = tool.options_named("--option").any(|option| {
        option.value.is_some_and(|value| value.text.starts_with("Dir") || value.text.contains("RootDir"))
    });
    // What runs in another root, container or machine leaves nothing here.
    let outside = matches!(command.outermost().base_name(), "chroot" | "ssh" | "docker" | "nsenter" | "unshare");
    tool.tool == Tool::Apt && tool.verb() == "update" && !elsewhere && !outside && !tool.has("--print-uris")
}

fn report(dockerfile: &Dockerfile, update: &CommandRef<'_>, findings: &mut Findings) {
    let name = update.command.base_name();
    let message = format!("the package lists that `{name} update` fetches stay in the image");
    let finding = findings.report(update.command.span, message);
    finding.because(WHY).help(format!("End the step with `{REMOVAL}`")).aliases(&ALIASES);
    if !update.script.clean || update.command.nesting == Nesting::Conditional {
        finding.confidence(Confidence::Medium);
    }
    let reliance = dockerfile.reliance_on_index(update.instruction_index, Tool::Apt);
    if let Reliance::Used(span) = reliance {
        finding.label(span, "works with the lists, in another step");
    }
    let index = update.instruction_index;
    // As another user, through sudo, the removal would need sudo as well.
    let plain = update.command.parent.is_none() && dockerfile.is_root_at(index) != Some(false);
    let Some(edit) = plain.then(|| dockerfile.append_command(index, REMOVAL)).flatten() else { return };
    let title = "Remove the lists at the end of the step";
    let fix = match reliance {
        Reliance::Nothing => {
            Fix::safe(title, "nothing behind this step uses the lists without fetching them anew", vec![edit])
        }
        Reliance::Unclear(_) => {
            Fix::risky(title, "a script that runs later may install packages without fetching the lists", vec![edit])
        }
        Reliance::Used(_) => return,
    };
    finding.fix(fix.adds_command("rm"));
}
