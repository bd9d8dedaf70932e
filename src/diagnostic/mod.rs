//! What a finding is: one type for Dockerfiles and images. This folder knows no lint.

mod fingerprint;
mod fix;

use std::sync::Arc;

pub use fingerprint::fingerprint;
pub use fix::{Delta, FileEdit, Fix, Safety};

use crate::text::Span;

/// One finding, ready to be shown, fixed, silenced or compared with a baseline.
#[derive(Clone, PartialEq, Debug)]
pub struct Diagnostic {
    /// Name of the lint, in kebab-case.
    pub lint: &'static str,
    /// Other tools' ids for the case of the lint that this finding is.
    pub aliases: Vec<&'static str>,
    /// What the finding is about.
    pub category: Category,
    /// The harm if the finding is true.
    pub severity: Severity,
    /// How sure the evidence makes us.
    pub confidence: Confidence,
    /// What is wrong, in the present tense, without a full stop; things are in backticks.
    pub message: String,
    /// What to do about it, as an imperative.
    pub help: String,
    /// Where the evidence is.
    pub place: Place,
    /// Remarks on places. One on the diagnostic's own place says why it matters here; the others are further evidence.
    pub labels: Vec<Label>,
    /// Bytes of the file that no output may show, whatever it excerpts: the secret that the finding is about.
    pub hidden: Vec<Span>,
    /// Ways to mend it, the best first.
    pub fixes: Vec<Fix>,
    /// Stable identity, for baselines and code-scanning services; made by [`fingerprint`].
    pub fingerprint: String,
}

/// A remark on a place.
#[derive(Clone, PartialEq, Debug)]
pub struct Label {
    /// What the remark is on.
    pub place: Place,
    /// The remark, at most one idea, without a full stop.
    pub message: String,
}

/// Where evidence is found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Bytes of a file.
    File {
        /// The path as the user named or would name it, with `/`; `-` for standard input.
        path: Arc<str>,
        /// The bytes.
        span: Span,
    },
    /// A path in a layer of an image.
    Layer {
        /// The image's reference as the user gave it.
        image: Arc<str>,
        /// Digest of the layer, `sha256:…`.
        layer: String,
        /// Absolute path inside the image.
        path: String,
    },
    /// A key of the image's configuration, such as `config.User` or `history[1]`.
    Config {
        /// The image's reference as the user gave it.
        image: Arc<str>,
        /// The key.
        key: String,
    },
    /// The image as a whole.
    Image {
        /// The image's reference as the user gave it.
        image: Arc<str>,
        /// Digest of its manifest, when known.
        digest: Option<String>,
    },
}

/// The harm if a finding is true; ordered, `Info` least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Weakens a defence that others back up.
    Low,
    /// Helps an attacker who is already inside, or breaks a supply chain's promise.
    Medium,
    /// Gives away a secret, code execution or the host.
    High,
}

/// How sure the evidence makes us; ordered, `Low` least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Confidence {
    /// A guess by convention, such as a name.
    Low,
    /// Evidence with a known way to be wrong.
    Medium,
    /// The text itself proves it.
    High,
}

/// What a finding is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs)]
pub enum Category {
    Privilege,
    SupplyChain,
    Secret,
    Filesystem,
    Network,
    Runtime,
    Build,
}

impl Severity {
    /// The word used on the command line, in configuration and in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }
}

impl Confidence {
    /// The word used on the command line, in configuration and in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

impl Category {
    /// The word used in configuration and in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Privilege => "privilege",
            Self::SupplyChain => "supply-chain",
            Self::Secret => "secret",
            Self::Filesystem => "filesystem",
            Self::Network => "network",
            Self::Runtime => "runtime",
            Self::Build => "build",
        }
    }
}

impl Place {
    /// The span, where the place is in a file.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::File { span, .. } => Some(*span),
            _ => None,
        }
    }
}
