//! `apt` in build steps, which is made for people at a terminal.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{CommandRef, Dockerfile};
use crate::shell::tools::{self, Invocation};
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "A build step uses `apt`, which is made for terminals",
    category: Category::Build,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &[
        "DL3027",
        "CKV_DOCKER_9",
        "b84a0b47",
        "run_using_apt",
        "dockerfile.best-practice.prefer-apt-get.prefer-apt-get",
    ],
    sources: &[
        "https://manpages.debian.org/bookworm/apt/apt.8.en.html#SCRIPT_USAGE_AND_DIFFERENCES_FROM_OTHER_APT_TOOLS",
        "https://manpages.debian.org/bookworm/apt/apt-get.8.en.html",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

/// Options that both programs know and read alike, by the name their table leads with or as written.
const SHARED: [&str; 30] = [
    "--yes",
    "--quiet",
    "-qq",
    "--no-install-recommends",
    "--install-recommends",
    "--no-install-suggests",
    "--install-suggests",
    "--fix-broken",
    "--fix-missing",
    "--allow-unauthenticated",
    "--allow-downgrades",
    "--allow-change-held-packages",
    "--allow-remove-essential",
    "--allow-releaseinfo-change",
    "--reinstall",
    "--purge",
    "--autoremove",
    "--only-upgrade",
    "--no-upgrade",
    "--option",
    "--target-release",
    "--download-only",
    "--simulate",
    "--force-yes",
    "--assume-no",
    "--allow-insecure-repositories",
    "--config-file",
    "-V",
    "--verbose-versions",
    "--no-remove",
];

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for command in dockerfile.run_commands().filter(|command| command.command.base_name() == "apt") {
        let Some(invocation) = tools::invocation(command.command) else { continue };
        if matches!(invocation.verb(), "") {
            continue;
        }
        let verb = invocation.verb();
        let help = match verb {
            "list" | "search" | "show" | "policy" => "Use `apt-cache`".to_owned(),
            _ => format!("Write `apt-get {}`", verb_of(verb)),
        };
        let finding =
            findings.report(command.command.name.span, format!("`apt {verb}` is made for people at a terminal"));
        finding
            .aliases(LINT.aliases)
            .because("its command line and output may change with any version, which apt-get's don't")
            .help(help);
        if let Some(edits) = as_apt_get(dockerfile, &command, &invocation) {
            let why = "both do this by the same code, with options that both read alike";
            let fix = Fix::safe("Use `apt-get`", why, edits);
            finding.fix(fix.removes_command("apt").adds_command("apt-get"));
        }
    }
}

/// A package without its version, which may be a pattern for both.
fn name_of(operand: &str) -> &str {
    operand.split('=').next().unwrap_or(operand)
}

/// What apt-get calls a verb.
fn verb_of(verb: &str) -> &str {
    match verb {
        "full-upgrade" => "dist-upgrade",
        "upgrade" => "upgrade --with-new-pkgs",
        verb => verb,
    }
}

fn as_apt_get(dockerfile: &Dockerfile, command: &CommandRef<'_>, invocation: &Invocation<'_>) -> Option<Vec<Edit>> {
    let name = &command.command.name;
    let written = dockerfile.text(name.span);
    let verb = invocation.subcommand?;
    let is_shared = matches!(
        invocation.verb(),
        "install"
            | "update"
            | "remove"
            | "purge"
            | "autoremove"
            | "clean"
            | "autoclean"
            | "upgrade"
            | "full-upgrade"
            | "dist-upgrade"
    );
    let shared = |name: &str| SHARED.contains(&name) || name.len() > 1 && name[1..].bytes().all(|byte| byte == b'q');
    let options = invocation.options.iter().all(|option| shared(option.name));
    // apt takes `*` and the like for no more than names, apt-get for patterns.
    let operands =
        invocation.operands.iter().all(|word| !name_of(&word.text).contains(['*', '?', '^', '~', '[', '|', '(']));
    let plain = (written == "apt" || written.ends_with("/apt")) && dockerfile.text(verb.span) == verb.text;
    if !is_shared || !options || !operands || !plain || !command.script.clean {
        return None;
    }
    let mut edits = vec![Edit::replace(Span::new(name.span.end - 3, name.span.end), "apt-get")];
    let renamed = verb_of(&verb.text);
    if renamed != verb.text {
        edits.push(Edit::replace(verb.span, renamed));
    }
    Some(edits)
}
