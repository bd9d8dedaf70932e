//! Stable identity of a finding across edits of the rest of the file.

use sha2::{Digest, Sha256};

/// 32 hex digits made of the lint, the file's path, the evidence with white space folded, and `ordinal`, which tells
/// equal evidence in one file apart (0 for the first). Lines and columns take no part, so a finding keeps its identity
/// when lines are added above it or its line is re-indented.
#[must_use]
pub fn fingerprint(lint: &str, path: &str, evidence: &str, ordinal: usize) -> String {
    let mut hash = Sha256::new();
    for part in [lint, path] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    for word in evidence.split_whitespace() {
        hash.update(word.as_bytes());
        hash.update(b" ");
    }
    hash.update((ordinal as u64).to_le_bytes());
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn white_space_does_not_matter_and_everything_else_does() {
        let one = fingerprint("root-user", "Dockerfile", "USER  root", 0);
        assert_eq!(one, fingerprint("root-user", "Dockerfile", "USER\troot ", 0));
        assert_ne!(one, fingerprint("root-user", "Dockerfile", "USER root", 1));
        assert_ne!(one, fingerprint("root-user", "other", "USER root", 0));
        assert_eq!(one.len(), 32);
    }
}
