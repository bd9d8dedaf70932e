//! Files with secrets that a container sees.

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, Relief, SecretFile, Spot, Visibility};
use crate::lint::{Findings, Lint};
use crate::secret;

pub(super) static LINT: Lint = Lint {
    summary: "A file with a secret is in the image",
    category: Category::Secret,
    severity: Severity::High,
    aliases: &["CIS-DI-0010", "CIS-4.10"],
    sources: &[
        "https://docs.docker.com/build/building/secrets/",
        "https://doi.org/10.6028/NIST.SP.800-190",
        "CIS Docker Benchmark 1.6.0, 4.10",
    ],
    image: Some(check),
    reads: secret::KNOWN_FILES,
    content: secret::CONTENT,
    ..Lint::BASE
};

/// Further places of a file that are named.
const MOST: usize = 10;

fn check(image: &Image, findings: &mut Findings<Spot>) {
    for file in image.secret_files().iter().filter(|file| file.visibility == Visibility::Visible) {
        report(file, findings);
    }
}

fn report(file: &SecretFile, findings: &mut Findings<Spot>) {
    let spot = Spot::Layer(file.layer, file.path.clone());
    let Some(worst) = file.places.iter().rev().max_by_key(|place| place.confidence) else { return };
    let why = match file.relief {
        Relief::None => "everybody who can pull the image can read it, and so can every process in a container",
        Relief::Paired => {
            "its certificate lies beside it, so every container and everybody who can pull the image has the same pair"
        }
        Relief::Locked => "everybody who can pull the image can try passphrases for as long as they like",
        Relief::Test => "its path says that it is for tests or an example; if it is in use anywhere, it is no secret",
    };
    let draft = findings.report(spot.clone(), format!("`{}` holds {}", file.path, worst.told()));
    draft.because(why).confidence(worst.confidence).aliases(LINT.aliases);
    draft.help(
        "Leave it out of the image, replace it where it is in use, and mount it when the container starts, or in one RUN \
         with `--mount=type=secret`",
    );
    let others = file.places.iter().filter(|place| *place != worst);
    for place in others.clone().take(MOST) {
        draft.label(spot.clone(), format!("and {}", place.told()));
    }
    let more = others.count().saturating_sub(MOST);
    if more > 0 {
        draft.label(spot, format!("and {more} more"));
    }
    match file.relief {
        _ if worst.confidence == Confidence::Low => draft.severity(Severity::Low),
        Relief::None => draft,
        Relief::Paired | Relief::Locked => draft.severity(Severity::Medium),
        Relief::Test => draft.severity(Severity::Low).confidence(Confidence::Low),
    };
}
