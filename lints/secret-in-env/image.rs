//! The same in an image's configuration.

use super::{BY_FORM, BY_NAME, HELP, MOST, article, weigh, why};
use crate::image::{HistoryLine, Image, Spot};
use crate::lint::Findings;
use crate::secret;

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    for (index, variable) in image.config.env.iter().enumerate().take(MOST) {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        let Some(secret) = secret::in_assignment(name, value) else { continue };
        let spot = Spot::Config(format!("config.Env[{index}]"));
        let draft = findings.report(spot, format!("`{name}` holds {}: {}", article(secret.kind), secret.shown));
        draft.because(why(true)).help(HELP).confidence(secret.confidence);
        draft.aliases(if secret::is_secret_name(name) { &BY_NAME } else { &BY_FORM });
        weigh(draft, secret.confidence, true);
        // A step set it, and the history keeps that too: emptying the variable in a later step doesn't help.
        for (line, _) in image.history.iter().enumerate().filter(|(_, line)| sets(line, variable)).take(5) {
            draft.label(Spot::Config(format!("history[{line}]")), "the history has it too");
        }
    }
}

/// Whether a line of history sets a variable to what it is now.
fn sets(line: &HistoryLine, variable: &str) -> bool {
    let step = line.step();
    step.keyword == Some("ENV") && step.text.contains(variable)
}
