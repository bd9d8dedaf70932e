//! Private keys of SSH servers, the same in every container.

use std::collections::HashSet;

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Kind, Spot, Visibility};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "An SSH server's private key is in the image",
    category: Category::Secret,
    severity: Severity::Medium,
    aliases: &[],
    sources: &["https://man.openbsd.org/sshd.8#FILES", "https://man.openbsd.org/ssh-keygen.1#A"],
    image: Some(check),
    ..Lint::BASE
};

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let (mut seen, mut hidden): (Vec<Spot>, Vec<Spot>) = (Vec::new(), Vec::new());
    for (layer, one) in image.layers.iter().enumerate() {
        let Ok(facts) = &one.facts else { continue };
        for entry in facts.entries.iter().filter(|entry| entry.kind == Kind::File && is_host_key(entry.path)) {
            // A key takes more bytes than that; an empty file is there to be filled when the container starts.
            if entry.size < 100 {
                continue;
            }
            let spot = Spot::Layer(layer, entry.path.to_owned());
            match image.tree.visibility(layer, entry.index) {
                Visibility::Visible => seen.push(spot),
                Visibility::Hidden { .. } | Visibility::Replaced => hidden.push(spot),
            }
        }
    }
    // What was copied up to change its mode is the same key; what is replaced by another key is not in use.
    let names: HashSet<&str> = seen.iter().map(path).collect();
    hidden.retain(|old| !names.contains(path(old)));
    report(&seen, true, findings);
    report(&hidden, false, findings);
}

fn report(keys: &[Spot], seen: bool, findings: &mut Findings<Spot>) {
    let Some((first, others)) = keys.split_first() else { return };
    let what = match others.len() {
        0 => "a host key of an SSH server".to_owned(),
        more => format!("{} host keys of an SSH server", more + 1),
    };
    let draft = if seen {
        let draft = findings.report(first.clone(), format!("the image holds {what}"));
        draft.because("every container has the same one, and whoever can pull the image can pose as any of them");
        draft
    } else {
        let draft = findings.report(first.clone(), format!("a layer ships {what}, which a later one removes"));
        draft.because(
            "whoever can pull the image can still read it; it matters where a server was ever started with it",
        );
        draft.severity(Severity::Low);
        draft
    };
    draft.help(
        "Remove it in the step that installs the server, and let `ssh-keygen -A` make one when the container starts",
    );
    for spot in others.iter().take(20) {
        draft.label(spot.clone(), "and this one");
    }
}

fn path(spot: &Spot) -> &str {
    match spot {
        Spot::Layer(_, path) => path,
        Spot::Config(_) | Spot::Image => "",
    }
}

/// `/etc/ssh/ssh_host_rsa_key`, `/etc/dropbear/dropbear_rsa_host_key`.
fn is_host_key(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/etc/") else { return false };
    let openssh = rest.strip_prefix("ssh/ssh_host_").is_some_and(|name| name.ends_with("_key"));
    openssh || rest.strip_prefix("dropbear/dropbear_").is_some_and(|name| name.ends_with("_host_key"))
}
