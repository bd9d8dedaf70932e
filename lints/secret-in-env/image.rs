//! The same in an image's configuration.

use super::{BY_FORM, BY_NAME, HELP, MOST, article, weigh, why};
use crate::image::{Image, Spot};
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
    }
}
