//! Runs the selected lints on one image, and says what they want from its files.

use crate::diagnostic::{Diagnostic, Label, Place};
use crate::image::{Image, Wanted};
use crate::model::maker_said;

use super::finish::{Prints, diagnostic};
use super::run::drafts;
use super::{Draft, LintError, Outcome, Settings, Spot, registry, same_id};

/// What all lints want from the files of an image: those of this build, chosen or not, so that what is cached of a layer
/// serves every choice.
#[must_use]
pub fn wanted() -> Wanted {
    let mut wanted = Wanted::default();
    for entry in registry() {
        wanted.reads.extend(entry.lint.reads);
        wanted.content.extend(entry.lint.content);
    }
    wanted.reads.sort_unstable();
    wanted.reads.dedup();
    wanted.content.sort_unstable_by_key(|content| content.name);
    wanted.content.dedup_by_key(|content| content.name);
    wanted
}

/// Runs the selected lints on one image; the worst findings first. A panicking lint becomes an error in the outcome.
#[must_use]
pub fn run_image(image: &Image, settings: &Settings) -> Outcome {
    let Checked { drafts, suppressed, errors } = check(image, settings);
    let found = drafts.into_iter().filter(|(index, draft)| settings.selection.wants(*index, draft)).collect();
    Outcome { diagnostics: diagnostics(image, settings, found), suppressed, errors }
}

/// What the selected lints find in an image.
pub(super) struct Checked {
    /// The findings that the configuration doesn't silence, wanted or not, each with its lint's index in the registry.
    pub(super) drafts: Vec<(usize, Draft<Spot>)>,
    /// How many wanted ones it silences.
    pub(super) suppressed: usize,
    pub(super) errors: Vec<LintError>,
}

/// Runs the selected lints for images.
pub(super) fn check(image: &Image, settings: &Settings) -> Checked {
    let selection = &settings.selection;
    let mut checked = Checked { drafts: Vec::new(), suppressed: 0, errors: Vec::new() };
    for (index, entry) in selection.registry().iter().enumerate() {
        let (true, Some(check)) = (selection.runs(index), entry.lint.image) else { continue };
        match drafts(entry, &image.name, |findings| check(image, findings)) {
            Ok(drafts) => {
                for draft in drafts {
                    if is_silenced(image, entry.name, &draft, settings) {
                        checked.suppressed += usize::from(selection.wants(index, &draft));
                    } else {
                        checked.drafts.push((index, draft));
                    }
                }
            }
            Err(error) => checked.errors.push(error),
        }
    }
    checked
}

fn is_silenced(image: &Image, name: &str, draft: &Draft<Spot>, settings: &Settings) -> bool {
    settings.image_ignores.iter().any(|ignore| {
        let means = |id: &str| name.eq_ignore_ascii_case(id) || draft.aliases.iter().any(|alias| same_id(alias, id));
        let path = match &draft.span {
            Spot::Layer(_, path) => Some(path.as_str()),
            Spot::Config(_) | Spot::Image => None,
        };
        ignore.lints.iter().any(|lint| means(&lint.text)) && ignore.holds(&image.name, path)
    })
}

fn diagnostics(image: &Image, settings: &Settings, mut found: Vec<(usize, Draft<Spot>)>) -> Vec<Diagnostic> {
    let selection = &settings.selection;
    let registry = selection.registry();
    found.sort_by(|(a_index, a), (b_index, b)| {
        let severity = selection.severity(*b_index, b).cmp(&selection.severity(*a_index, a));
        let rest = (registry[*a_index].name, &a.span, &a.message).cmp(&(registry[*b_index].name, &b.span, &b.message));
        severity.then(rest)
    });
    found.dedup_by(|(a_index, a), (b_index, b)| (*a_index, &a.span, &a.message) == (*b_index, &b.span, &b.message));
    let mut prints = Prints::default();
    let subject = image.reference.name_without_tag();
    let steps: Vec<Option<Label>> = (0..image.layers.len()).map(|layer| made_by(image, layer)).collect();
    let finish = |(index, mut draft): (usize, Draft<Spot>)| {
        let entry = &registry[index];
        // Digests take no part: a finding keeps its identity when the image is built again.
        let evidence = match &draft.span {
            Spot::Image => "",
            Spot::Config(key) => key,
            Spot::Layer(_, path) => path,
        };
        let print = prints.next(entry.name, &subject, evidence);
        if let Spot::Layer(layer, _) = &draft.span {
            draft.remarks.extend(steps.get(*layer).cloned().flatten());
        }
        diagnostic(entry, selection.severity(index, &draft), draft, print, |spot| place(image, spot))
    };
    found.into_iter().map(finish).collect()
}

/// Which step made a layer.
fn made_by(image: &Image, layer: usize) -> Option<Label> {
    let line = image.layers[layer].history?;
    let message = format!("made layer {} of {}: `{}`", layer + 1, image.layers.len(), maker_said(image, layer)?);
    Some(Label { place: place(image, Spot::Config(format!("history[{line}]"))), message })
}

pub(super) fn place(image: &Image, spot: Spot) -> Place {
    let name = image.name.clone();
    match spot {
        Spot::Image => Place::Image { image: name, digest: image.digest.clone() },
        Spot::Config(key) => Place::Config { image: name, key },
        Spot::Layer(layer, path) => {
            let layer = image.layers.get(layer).map(|layer| layer.digest.clone()).unwrap_or_default();
            Place::Layer { image: name, layer, path }
        }
    }
}
