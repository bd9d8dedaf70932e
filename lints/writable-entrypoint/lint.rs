//! What the container starts can be changed by somebody else than root.

use crate::diagnostic::{Category, Severity};
use crate::image::{Changer, Image, Kind, NodeId, StartStep};
use crate::lint::{Findings, Lint, Spot};

pub(super) static LINT: Lint = Lint {
    summary: "What the container starts can be overwritten from inside",
    category: Category::Filesystem,
    severity: Severity::High,
    sources: &[
        "https://docs.docker.com/reference/dockerfile/#copy---chown---chmod",
        "https://cwe.mitre.org/data/definitions/732.html",
        "https://doi.org/10.6028/NIST.SP.800-190",
    ],
    image: Some(check),
    ..Lint::BASE
};

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let user = image.runtime_user();
    // What can be changed by whom, and the steps of the start that it changes.
    let mut found: Vec<(Changer, Vec<&StartStep>)> = Vec::new();
    for step in &image.start.steps {
        let Some(changer) = image.changer(&step.path) else { continue };
        match found.iter_mut().find(|(known, _)| (known.at, known.everybody) == (changer.at, changer.everybody)) {
            Some((_, steps)) => steps.push(step),
            None => found.push((changer, vec![step])),
        }
    }
    for (changer, steps) in found {
        let Some(first) = steps.first() else { continue };
        let at = image.tree.path(changer.at);
        let path = image.tree.path(first.node);
        let who = changer.who();
        let message = if at == path {
            format!("{who} may change `{path}`, which the container starts")
        } else {
            format!("{who} may put another file in the place of `{path}`, which the container starts")
        };
        let place = image.mode_spot(first.node);
        let finding = findings.report(place.clone(), message);
        let runs_as_root = user.is_root();
        finding.because(match (runs_as_root, changer.everybody) {
            (true, _) => "the container starts it as root, so whoever changes it has root's rights at the next start",
            (false, true) => "whoever gets into the container decides what it runs from the next start on",
            (false, false) => "whoever takes the process over decides what the container runs from the next start on",
        });
        finding.severity(if runs_as_root && changer.everybody { Severity::High } else { Severity::Medium });
        if at == path {
            finding.label(place, state(image, changer.at));
        } else {
            finding.label(image.mode_spot(changer.at), format!("through `{at}`: {}", state(image, changer.at)));
        }
        finding.label(from(&first.from, image), format!("`{}` is started here", first.word));
        for step in &steps[1..] {
            let path = image.tree.path(step.node);
            finding.label(image.mode_spot(step.node), format!("so is `{path}`, which is started, too"));
        }
        finding.help(help(image, changer.at, &at));
    }
}

/// Where a step's word stands: a key of the configuration, or a script.
fn from(text: &str, image: &Image) -> Spot {
    if text.starts_with("config.") { Spot::Config(text.to_owned()) } else { image.content_spot(text) }
}

/// Owner and mode, in words.
fn state(image: &Image, id: NodeId) -> String {
    let node = image.tree.node(id);
    let what = match node.kind {
        Kind::Folder => "the folder",
        _ => "the file",
    };
    let account = image.accounts.users.iter().find(|user| user.uid == node.uid);
    let owner = account.map_or_else(|| format!("uid {}", node.uid), |user| format!("`{}`", user.name));
    format!("{what} belongs to {owner} and has mode {:04o}", node.mode)
}

fn help(image: &Image, id: NodeId, at: &str) -> String {
    let recursive = if image.tree.node(id).kind == Kind::Folder { "-R " } else { "" };
    format!(
        "Let root own what is started: `COPY --chown=root:root --chmod=755`, or `chown {recursive}root:root {at}` and `chmod go-w`"
    )
}
