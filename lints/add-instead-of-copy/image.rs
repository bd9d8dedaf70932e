//! The same in the history of an image.

use super::{HELP, Kind, MESSAGE, WHY, is_remote, of_path};
use crate::diagnostic::Confidence;
use crate::image::{Image, Spot};
use crate::lint::Findings;

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    for (index, line) in image.history.iter().enumerate() {
        let step = line.step();
        // What made the lowest layer is the base's own root file system.
        if step.keyword != Some("ADD") || line.layer.is_none_or(|layer| layer == 0) || kind(step.text) == Kind::Special
        {
            continue;
        }
        let finding = findings.report(Spot::Config(format!("history[{index}]")), MESSAGE);
        finding.because(WHY).help(HELP).aliases(&["CIS-DI-0009", "DS-0005", "CIS-4.9"]).confidence(Confidence::Medium);
    }
}

/// What ADD made of its sources, by the words that the builder wrote down.
fn kind(text: &str) -> Kind {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.iter().any(|word| ["--checksum", "--keep-git-dir", "--unpack"].iter().any(|flag| word.starts_with(flag))) {
        return Kind::Special;
    }
    let words: Vec<&str> = words.into_iter().filter(|word| !word.starts_with("--")).collect();
    match words[..] {
        // The classic builder writes digests: of a folder (`dir:…`), or of a file that may have been an archive.
        [source, "in", _] if source.contains(':') => {
            if source.starts_with("dir:") {
                Kind::Plain
            } else {
                Kind::Special
            }
        }
        [ref sources @ .., _] if !sources.is_empty() => {
            let kinds = sources.iter().map(|source| match is_remote(source) || source.contains('$') {
                true => Kind::Special,
                false if source.ends_with('/') => Kind::Plain,
                false => of_path(source),
            });
            kinds.max().unwrap_or(Kind::Special)
        }
        _ => Kind::Special,
    }
}
