//! The same in what an image's configuration starts.

use super::{LINT, MOST};
use crate::diagnostic::{Confidence, Severity};
use crate::image::{Image, Spot};
use crate::lint::Findings;
use crate::shell::{Dialect, secrets};

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    let config = &image.config;
    let entrypoint = config.entrypoint.as_deref().unwrap_or_default();
    let test = config.healthcheck.as_ref().map_or(&[][..], |check| &check.test);
    // What Entrypoint starts gets Cmd behind its own words.
    let started: Vec<String> = entrypoint.iter().chain(config.cmd.iter().flatten()).cloned().collect();
    command("Entrypoint", entrypoint, &started, findings);
    command("Cmd", config.cmd.as_deref().unwrap_or_default(), &started, findings);
    match test {
        [kind, words @ ..] if kind == "CMD" => command("Healthcheck.Test", test, words, findings),
        _ => command("Healthcheck.Test", test, &[], findings),
    }
}

/// Reports what is in the words of `key`, which are a part of `started` or of a shell's command line.
fn command(key: &str, words: &[String], started: &[String], findings: &mut Findings<Spot>) {
    let mut found = if started.is_empty() { Vec::new() } else { secrets::in_words(started) };
    if key == "Healthcheck.Test" && words.first().is_some_and(|kind| kind == "CMD-SHELL") {
        found.extend(words.iter().skip(1).flat_map(|text| secrets::in_commands(text, Dialect::Posix)));
    }
    for (text, secret) in found.into_iter().take(MOST) {
        let Some(index) = words.iter().position(|word| word.contains(&text)) else { continue };
        let (kind, shown) = (secret.kind, &secret.shown);
        let spot = Spot::Config(format!("config.{key}[{index}]"));
        let draft = findings.report(spot, format!("`{key}` holds a secret ({kind}): {shown}"));
        draft.because("the command is kept in the image's configuration and shown in every list of processes");
        draft.help(
            "Take it out, replace it where it is in use, and let the program read it from a file or a variable that is \
             given when the container starts",
        );
        draft.confidence(secret.confidence).aliases(LINT.aliases);
        if secret.confidence == Confidence::Low {
            draft.severity(Severity::Medium);
        }
    }
}
