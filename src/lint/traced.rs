//! Findings of the image that a Dockerfile was built into, at the lines that put the evidence there.

use crate::diagnostic::Label;
use crate::image::{Image, Spot};
use crate::model::{Dockerfile, Trace};
use crate::text::Span;

use super::image::{Checked, check, place};
use super::{Draft, LintError, Settings};

/// What the lints for images found.
#[derive(Default)]
pub(super) struct Traced {
    pub(super) drafts: Vec<(usize, Draft)>,
    /// How many wanted ones the configuration silences.
    pub(super) suppressed: usize,
    pub(super) errors: Vec<LintError>,
}

/// Runs the selected lints for images on what `dockerfile` was built into. What a lint has found in the text of the same
/// instruction already (`found`) is not said twice.
pub(super) fn run(dockerfile: &Dockerfile, image: &Image, settings: &Settings, found: &[(usize, Draft)]) -> Traced {
    let Some(anchor) = anchor(dockerfile) else { return Traced::default() };
    let trace = dockerfile.trace(image);
    let Checked { drafts: in_image, suppressed, errors } = check(image, settings);
    let mut drafts = Vec::new();
    for (index, draft) in in_image {
        let instruction = trace.as_ref().and_then(|trace| trace.instruction(dockerfile, image, &draft.span));
        let instruction = instruction.map(|index| &dockerfile.instructions[index].ast);
        let (span, whole) = instruction.map_or((anchor, anchor), |one| (one.name.span, one.span));
        let mut in_text = found.iter().filter(|known| known.0 == index);
        // A lint that has read the text knows what the image says of its configuration as well.
        let is_said = match draft.span {
            Spot::Layer(..) => in_text.any(|(_, known)| whole.contains_offset(known.span.start)),
            Spot::Config(_) | Spot::Image => in_text.next().is_some(),
        };
        if !is_said {
            drafts.push((index, at_line(image, draft, span, trace.as_ref())));
        }
    }
    Traced { drafts, suppressed, errors }
}

/// Where the base image is named, which is where findings stand that no line of the file made.
fn anchor(dockerfile: &Dockerfile) -> Option<Span> {
    let root = dockerfile.lineage(dockerfile.target()?).last()?;
    let from = dockerfile.instructions.get(root.instructions.start)?;
    Some(from.ast.name.span)
}

fn at_line(image: &Image, draft: Draft<Spot>, span: Span, trace: Option<&Trace>) -> Draft {
    let whole = match &draft.span {
        Spot::Layer(layer, _) => {
            let of_base = trace.is_some_and(|trace| *layer < trace.base_layers);
            let whose = if of_base { "of the base image" } else { "of the image" };
            format!("here in layer {} of {} {whose}", layer + 1, image.layers.len())
        }
        Spot::Config(_) | Spot::Image => "in the image that was built".to_owned(),
    };
    let mut remarks = vec![Label { place: place(image, draft.span.clone()), message: whole }];
    let mut labels = Vec::new();
    for (spot, message) in draft.labels {
        if spot == draft.span {
            labels.push((span, message));
        } else {
            remarks.push(Label { place: place(image, spot), message });
        }
    }
    remarks.extend(draft.remarks);
    Draft {
        span,
        message: draft.message,
        help: draft.help,
        aliases: draft.aliases,
        severity: draft.severity,
        confidence: draft.confidence,
        labels,
        remarks,
        hidden: Vec::new(),
        fixes: Vec::new(),
    }
}
