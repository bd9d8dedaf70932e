//! The same in an image's configuration, where builders have written the shell form out: `["/bin/sh", "-c", "…"]`.

use super::{HELP_SHELL, WHY_BEHIND, WHY_CMD, WHY_ENTRYPOINT};
use crate::diagnostic::{Confidence, Severity};
use crate::image::{Image, Spot};
use crate::lint::Findings;
use crate::shell::{self, Command, Dialect, Script, secrets};

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    let config = &image.config;
    // A shell that SHELL names was chosen on purpose.
    if config.os == "windows" || config.shell.is_some() {
        return;
    }
    let has_entrypoint = config.entrypoint.as_ref().is_some_and(|words| !words.is_empty());
    for (key, words) in [("Entrypoint", &config.entrypoint), ("Cmd", &config.cmd)] {
        let Some(text) = words.as_deref().and_then(shell_form) else { continue };
        let script = shell::text(text, Dialect::Posix);
        let plain = |command: &&Command| command.parent.is_none();
        let is_replaced = script.commands.iter().rfind(plain).is_none_or(|last| last.base_name() == "exec");
        if is_replaced {
            continue;
        }
        let is_entrypoint = key == "Entrypoint";
        let finding = findings.report(Spot::Config(format!("config.{key}")), format!("`{key}` is in shell form"));
        let because = match (is_entrypoint, has_entrypoint) {
            (true, _) => WHY_ENTRYPOINT,
            (false, true) => WHY_BEHIND,
            (false, false) => WHY_CMD,
        };
        finding.because(because).confidence(Confidence::Medium);
        let words = plain_words(&script);
        match &words {
            Some(words) if secrets::in_commands(text, Dialect::Posix).is_empty() => {
                finding.help(format!("Write it as `{}`", super::json(words)))
            }
            _ => finding.help(HELP_SHELL),
        };
        if !is_entrypoint || words.is_none() {
            finding.severity(Severity::Info);
        }
    }
}

/// The script of what builders make of the shell form; an author's own array has another shape mostly (`sh`, `bash`, more
/// words) and its own reasons.
fn shell_form(words: &[String]) -> Option<&str> {
    match words {
        [shell, option, text] if shell == "/bin/sh" && option == "-c" => Some(text),
        _ => None,
    }
}

/// The words of a command that needs no shell.
fn plain_words(script: &Script) -> Option<Vec<&str>> {
    let [command] = &script.commands[..] else { return None };
    let words = || std::iter::once(&command.name).chain(&command.arguments);
    let literal = script.clean
        && command.assignments.is_empty()
        && command.redirects.is_empty()
        && words().all(|word| word.literal().is_some());
    literal.then(|| words().map(|word| word.text.as_str()).collect())
}
