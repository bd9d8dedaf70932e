//! Digests as the OCI content descriptor has them: `sha256:…` and `sha512:…`, computed, never believed.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256, Sha512};

use crate::image::Error;

/// Computes a digest piece by piece.
pub(super) enum Hasher {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hasher {
    /// A hasher of the algorithm that a digest names.
    ///
    /// # Errors
    /// A text that is no digest, or one of an algorithm that harden doesn't compute. Only what passes here is put into
    /// an address.
    pub(super) fn of(digest: &str) -> Result<Self, Error> {
        let hex = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        match digest.split_once(':') {
            Some(("sha256", text)) if hex(text, 64) => Ok(Self::Sha256(Sha256::new())),
            Some(("sha512", text)) if hex(text, 128) => Ok(Self::Sha512(Box::default())),
            _ => Err(Error::new(
                super::answer::shown(digest),
                "it is no digest that harden can check",
                "use `sha256:` and 64, or `sha512:` and 128 lower-case hexadecimal digits",
            )),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of what was given so far.
    pub(super) fn finish(self) -> String {
        match self {
            Self::Sha256(hasher) => written("sha256:", &hasher.finalize()),
            Self::Sha512(hasher) => written("sha512:", &hasher.finalize()),
        }
    }
}

/// The SHA-256 digest of a document.
pub(super) fn sha256(bytes: &[u8]) -> String {
    written("sha256:", &Sha256::digest(bytes))
}

/// Whether a text is a digest rather than a tag; a tag has no colon.
pub(super) fn is_digest(reference: &str) -> bool {
    reference.contains(':')
}

fn written(algorithm: &str, bytes: &[u8]) -> String {
    let mut text = algorithm.to_owned();
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
