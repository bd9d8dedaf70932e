//! From options and configuration to what is wanted of one file.

use crate::config::{Config, Name, PresetChoice, Rules};
use crate::diagnostic::Confidence;
use crate::lint::{Choice, Preset, Selection, Settings, UnknownLint};

use super::failure::Failure;

/// What the command line says about the choice of lints. It wins over configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) preset: Option<Preset>,
    /// Exactly these: nothing that configuration selects or ignores counts then.
    pub(super) select: Option<Vec<String>>,
    pub(super) ignore: Vec<String>,
    pub(super) min_confidence: Option<Confidence>,
}

/// What to lint a file for: the configuration's rules for it, from the general to the special, and the command line.
pub(super) fn settings<'r>(
    wanted: &Wanted,
    config: Option<&Config>,
    rules: impl IntoIterator<Item = &'r Rules>,
    today: &str,
) -> Result<Settings, Failure> {
    let mut choice = Choice::default();
    for rules in rules {
        add(&mut choice, rules);
    }
    if let Some(preset) = wanted.preset {
        choice.preset = preset;
        choice.select = None;
    }
    if let Some(select) = &wanted.select {
        choice.select = Some(select.clone());
        choice.extend_select.clear();
        choice.ignore.clear();
    }
    choice.ignore.extend(wanted.ignore.iter().cloned());
    let configured = config.and_then(|config| config.min_confidence);
    choice.min_confidence = wanted.min_confidence.or(configured).unwrap_or(Confidence::Low);
    // Names are checked where they come from, with their place; this is for the type.
    let selection = Selection::new(&choice)
        .map_err(|unknown| Failure::UnknownLint { at: "the choice of lints".to_owned(), unknown })?;
    let require_reason = config.is_some_and(|config| config.require_reason);
    let image_ignores = config.map(|config| config.image_ignores.clone()).unwrap_or_default();
    Ok(Settings { selection, require_reason, today: Some(today.to_owned()), image_ignores })
}

/// Puts rules on top of what was chosen so far. A name that they turn on is no longer ignored.
fn add(choice: &mut Choice, rules: &Rules) {
    if let Some(preset) = rules.preset {
        choice.preset = match preset {
            PresetChoice::Security => Preset::Security,
            PresetChoice::Pedantic | PresetChoice::All => Preset::Pedantic,
        };
        choice.select = None;
    }
    if let Some(select) = &rules.select {
        choice.select = Some(texts(select));
        choice.extend_select.clear();
        choice.ignore.clear();
    }
    let enabled = |on: bool| {
        let lints = rules.lints.iter().filter(move |lint| lint.enabled == Some(on));
        lints.map(|lint| lint.name.text.clone())
    };
    let turned_on: Vec<String> = texts(&rules.extend_select).into_iter().chain(enabled(true)).collect();
    choice.ignore.retain(|name| !turned_on.iter().any(|on| on.eq_ignore_ascii_case(name)));
    choice.extend_select.extend(turned_on);
    choice.ignore.extend(texts(&rules.ignore).into_iter().chain(enabled(false)));
    let severities = rules.lints.iter().filter_map(|lint| Some((lint.name.text.clone(), lint.severity?)));
    choice.severity.extend(severities);
}

fn texts(names: &[Name]) -> Vec<String> {
    names.iter().map(|name| name.text.clone()).collect()
}

/// Checks the names that came from the command line.
pub(super) fn check_options(wanted: &Wanted) -> Result<(), Failure> {
    let options = [("--select", wanted.select.as_deref().unwrap_or_default()), ("--ignore", &wanted.ignore)];
    for (option, names) in options {
        for name in names {
            known(name).map_err(|unknown| Failure::UnknownLint { at: option.to_owned(), unknown })?;
        }
    }
    Ok(())
}

/// Checks every name of a configuration file, those of overrides that match nothing too.
pub(super) fn check_config(config: &Config) -> Result<(), Failure> {
    let all = std::iter::once(&config.rules).chain(config.overrides.iter().map(|one| &one.rules));
    for rules in all {
        let names = rules.select.iter().flatten().chain(&rules.extend_select).chain(&rules.ignore);
        for name in names.chain(rules.lints.iter().map(|lint| &lint.name)) {
            known(&name.text).map_err(|unknown| Failure::UnknownLint { at: name.at.to_string(), unknown })?;
        }
    }
    for name in config.image_ignores.iter().flat_map(|ignore| &ignore.lints) {
        known(&name.text).map_err(|unknown| Failure::UnknownLint { at: name.at.to_string(), unknown })?;
    }
    Ok(())
}

fn known(name: &str) -> Result<(), UnknownLint> {
    let choice = Choice { select: Some(vec![name.to_owned()]), ..Choice::default() };
    Selection::new(&choice).map(|_| ())
}
