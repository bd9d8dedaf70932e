//! Where a lint puts what it finds.

use crate::diagnostic::{Confidence, Fix, Label, Severity};
use crate::text::Span;

use super::Lint;

/// Collects one lint's findings in one file or image.
///
/// `P` is how a place is said: the bytes of a Dockerfile, or a [`crate::image::Spot`].
pub struct Findings<P = Span> {
    severity: Severity,
    confidence: Confidence,
    drafts: Vec<Draft<P>>,
    /// Takes what comes when there are too many, and is dropped.
    spare: Option<Draft<P>>,
    left_out: usize,
}

/// Findings that one lint may have in one file or image: nobody reads more, and a file of a million lines, or an image of a
/// million bad files, must not fill the memory.
pub(super) const MOST: usize = 10_000;

/// A finding under construction; the engine adds what is the same for all findings of the lint and the file.
#[derive(Debug)]
pub struct Draft<P = Span> {
    pub(crate) span: P,
    pub(crate) message: String,
    pub(crate) help: String,
    pub(crate) aliases: Vec<&'static str>,
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) labels: Vec<(P, String)>,
    /// Remarks on places elsewhere, behind the labels.
    pub(crate) remarks: Vec<Label>,
    pub(crate) hidden: Vec<Span>,
    pub(crate) fixes: Vec<Fix>,
}

impl<P: Clone> Findings<P> {
    /// An empty collection for `lint`, whose severity and confidence its findings start from.
    #[must_use]
    pub fn new(lint: &Lint) -> Self {
        Self { severity: lint.severity, confidence: lint.confidence, drafts: Vec::new(), spare: None, left_out: 0 }
    }

    /// Starts a finding whose evidence is at `span`: what is wrong, in the present tense, things in backticks, without a
    /// full stop.
    pub fn report(&mut self, span: P, message: impl Into<String>) -> &mut Draft<P> {
        let draft = Draft {
            span,
            message: message.into(),
            help: String::new(),
            aliases: Vec::new(),
            severity: self.severity,
            confidence: self.confidence,
            labels: Vec::new(),
            remarks: Vec::new(),
            hidden: Vec::new(),
            fixes: Vec::new(),
        };
        if self.drafts.len() == MOST {
            self.left_out += 1;
            return self.spare.insert(draft);
        }
        self.drafts.push(draft);
        let last = self.drafts.len() - 1;
        &mut self.drafts[last]
    }

    /// The findings, in the order they were reported.
    #[must_use]
    pub fn into_drafts(mut self) -> Vec<Draft<P>> {
        if self.left_out > 0
            && let Some(last) = self.drafts.last_mut()
        {
            let further = self.left_out;
            last.because(format!(
                "this is one of {} of its kind; {further} further ones are not shown",
                MOST + further
            ));
        }
        self.drafts
    }
}

impl<P: Clone> Draft<P> {
    /// What to do, as an imperative, without a full stop.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = help.into();
        self
    }

    /// Why it matters here: a remark shown at the finding's own place.
    pub fn because(&mut self, why: impl Into<String>) -> &mut Self {
        self.labels.insert(0, (self.span.clone(), why.into()));
        self
    }

    /// Further evidence at another place.
    pub fn label(&mut self, span: P, message: impl Into<String>) -> &mut Self {
        self.labels.push((span, message.into()));
        self
    }

    /// Keeps the bytes of `span` out of every excerpt of the file: they are the secret itself.
    pub fn hide(&mut self, span: Span) -> &mut Self {
        self.hidden.push(span);
        self
    }

    /// Adds the ids other tools have for this case.
    pub fn aliases(&mut self, aliases: &[&'static str]) -> &mut Self {
        self.aliases.extend_from_slice(aliases);
        self
    }

    /// Lowers the severity; it never rises above the lint's.
    pub fn severity(&mut self, severity: Severity) -> &mut Self {
        self.severity = self.severity.min(severity);
        self
    }

    /// Lowers the confidence; it never rises above the lint's.
    pub fn confidence(&mut self, confidence: Confidence) -> &mut Self {
        self.confidence = self.confidence.min(confidence);
        self
    }

    /// Adds a way to mend it.
    pub fn fix(&mut self, fix: Fix) -> &mut Self {
        self.fixes.push(fix);
        self
    }
}
