//! The last step of a finding: what is the same for all of them, whether in a file or in an image.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Label, Place, Severity, fingerprint};

use super::{Draft, Entry};

/// Fingerprints of one subject's findings. Equal evidence is told apart by its order.
#[derive(Default)]
pub(super) struct Prints {
    /// How often each was wanted before.
    seen: HashMap<String, usize>,
}

impl Prints {
    /// The fingerprint of the next finding of `lint` in `subject` with this evidence.
    pub(super) fn next(&mut self, lint: &str, subject: &str, evidence: &str) -> String {
        let first = fingerprint(lint, subject, evidence, 0);
        let ordinal = self.seen.entry(first.clone()).and_modify(|ordinal| *ordinal += 1).or_insert(0);
        if *ordinal == 0 { first } else { fingerprint(lint, subject, evidence, *ordinal) }
    }
}

/// Makes a diagnostic of a draft; `place` says what its places are.
pub(super) fn diagnostic<P>(
    entry: &Entry,
    severity: Severity,
    mut draft: Draft<P>,
    fingerprint: String,
    place: impl Fn(P) -> Place,
) -> Diagnostic {
    draft.aliases.sort_unstable();
    draft.aliases.dedup();
    let labels = draft.labels.into_iter().map(|(at, message)| Label { place: place(at), message });
    Diagnostic {
        lint: entry.name,
        category: entry.lint.category,
        severity,
        confidence: draft.confidence,
        labels: labels.chain(draft.remarks).collect(),
        place: place(draft.span),
        aliases: draft.aliases,
        message: draft.message,
        help: draft.help,
        hidden: draft.hidden,
        fixes: draft.fixes,
        fingerprint,
    }
}
