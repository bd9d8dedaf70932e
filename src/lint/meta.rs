//! A lint as data.

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::Image;
use crate::model::Dockerfile;
use crate::secret::Content;

use super::{Findings, Spot};

/// What a lint is. Its name is that of its folder, so it stands only there; the build script registers both together.
///
/// Lints are written as `Lint { summary: …, ..Lint::BASE }`, so that a new field touches none of them.
pub struct Lint {
    /// One line: the problem, without a full stop.
    pub summary: &'static str,
    /// What findings are about.
    pub category: Category,
    /// The greatest harm a finding of this lint can do; a finding may say less, never more.
    pub severity: Severity,
    /// The greatest confidence a finding of this lint can have; a finding may say less, never more.
    pub confidence: Confidence,
    /// Whether the lint is on without being asked for.
    pub preset: Preset,
    /// Every id of other tools that some case of this lint answers to; each finding carries those that hold for it.
    pub aliases: &'static [&'static str],
    /// Addresses or names of the documents the lint rests on.
    pub sources: &'static [&'static str],
    /// The check on a Dockerfile: facts in, findings out. No I/O, no parsing, no printing.
    pub dockerfile: Option<fn(&Dockerfile, &mut Findings)>,
    /// The check on an image: facts in, findings out. No I/O, no parsing of layers, no printing.
    pub image: Option<fn(&Image, &mut Findings<Spot>)>,
    /// Globs of files in an image whose content the check on images asks [`Image::text`] for.
    pub reads: &'static [&'static str],
    /// What the check on images wants looked for in the content of files.
    pub content: &'static [Content],
}

/// The set a lint belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Preset {
    /// On by default: what a security-minded reviewer would raise.
    Security,
    /// Off by default: layout, taste, and what many teams choose against.
    Pedantic,
}

impl Lint {
    /// What a field is when a lint doesn't say.
    pub const BASE: Self = Self {
        summary: "",
        category: Category::Build,
        severity: Severity::Medium,
        confidence: Confidence::High,
        preset: Preset::Security,
        aliases: &[],
        sources: &[],
        dockerfile: None,
        image: None,
        reads: &[],
        content: &[],
    };
}
