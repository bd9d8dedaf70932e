//! The same in an image's configuration, and the ports that it exposes for debuggers.

use super::debuggers::{self, Debugger};
use super::{HELP, weigh};
use crate::diagnostic::{Confidence, Severity};
use crate::image::{Image, Spot};
use crate::lint::Findings;
use crate::shell::{self, Dialect};
use crate::text::Span;

/// The inspector of Node.js is the only debugger whose port nothing else is known to use.
const INSPECTOR: u16 = 9229;

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    let config = &image.config;
    let mut listening: Vec<(u16, String)> = Vec::new();
    let mut report = |place: String, who: &str, found: &Debugger| {
        listening.extend(found.port.map(|port| (port, place.clone())));
        weigh(findings.report(Spot::Config(place), format!("`{who}` {}", found.says())), found);
    };
    for (index, variable) in config.env.iter().enumerate() {
        let Some((name, value)) = variable.split_once('=') else { continue };
        if let Some(found) = debuggers::of_variable(name, value) {
            report(format!("config.Env[{index}]"), name, &found);
        }
    }
    for (key, words) in [("Entrypoint", &config.entrypoint), ("Cmd", &config.cmd)] {
        let commands = words.as_deref().map(commands).unwrap_or_default();
        if let Some(found) = commands.iter().find_map(|words| debuggers::of_command(words)) {
            report(format!("config.{key}"), key, &found);
        }
    }
    for exposed in &config.exposed_ports {
        let (port, protocol) = exposed.split_once('/').unwrap_or((exposed, "tcp"));
        let Some(port) = port.parse::<u16>().ok().filter(|_| protocol == "tcp") else { continue };
        let place = Spot::Config(format!("config.ExposedPorts.{exposed}"));
        match listening.iter().find(|(listens, _)| *listens == port) {
            Some((_, key)) => {
                let finding = findings.report(place, format!("the debugger's port {port} is exposed"));
                finding.because("`docker run -P` and charts made from the image publish it");
                finding.label(Spot::Config(key.clone()), "starts the debugger").help(HELP).severity(Severity::Medium);
            }
            None if port == INSPECTOR => {
                let finding = findings.report(place, format!("port {port}, that of Node.js's inspector, is exposed"));
                finding.because("it says that the inspector is there at times, and whoever reaches it runs code");
                finding.help("Take the port out of `EXPOSE`").severity(Severity::Low).confidence(Confidence::Low);
            }
            None => {}
        }
    }
}

/// The commands that the words of Entrypoint or Cmd are, those of a shell's text among them.
fn commands(words: &[String]) -> Vec<Vec<String>> {
    let spanned: Vec<(String, Span)> = words.iter().map(|word| (word.clone(), Span::new(0, 0))).collect();
    let mut commands = shell::exec(&spanned).commands;
    if let [_, option, text, ..] = words
        && option.starts_with('-')
        && option.ends_with('c')
    {
        commands.extend(shell::text(text, Dialect::Posix).commands);
    }
    let words = |command: &shell::Command| {
        std::iter::once(&command.name).chain(&command.arguments).map(|word| word.text.clone()).collect()
    };
    commands.iter().map(words).collect()
}
