//! Instructions that an image runs in the builds of others.

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Spot};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "The image runs instructions in builds based on it",
    category: Category::SupplyChain,
    severity: Severity::Low,
    sources: &["https://docs.docker.com/reference/dockerfile/#onbuild"],
    image: Some(check),
    ..Lint::BASE
};

/// The first characters of a trigger that are shown. It may hold a secret, which `secret-in-command` looks for.
const SHOWN: usize = 12;

fn check(image: &Image, findings: &mut Findings<Spot>) {
    for (index, trigger) in image.config.on_build.iter().enumerate() {
        let keyword = trigger.split_whitespace().next().unwrap_or("").to_ascii_uppercase();
        let keyword: String = keyword.chars().filter(char::is_ascii_alphabetic).take(SHOWN).collect();
        let (what, why) = match keyword.as_str() {
            "RUN" => (
                "runs a command",
                "the command runs as part of their build, with their build arguments, secrets and network",
            ),
            "COPY" | "ADD" => {
                ("copies files", "what their build context holds gets into their image without a line that says so")
            }
            _ => ("changes their image", "a Dockerfile that starts `FROM` this image doesn't show it"),
        };
        let place = Spot::Config(format!("config.OnBuild[{index}]"));
        let message = if keyword.is_empty() {
            "a trigger runs in every build based on this image".to_owned()
        } else {
            format!("`ONBUILD {keyword}` {what} in every build based on this image")
        };
        let finding = findings.report(place, message);
        finding
            .because(why)
            .help("Leave `ONBUILD` out, and have those who build on the image write the line themselves");
        if !matches!(keyword.as_str(), "RUN" | "ADD") {
            finding.severity(Severity::Info);
        }
    }
}
