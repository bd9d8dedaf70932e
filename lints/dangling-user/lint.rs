//! `config.User` names somebody who isn't in the image.

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, KnownUser};
use crate::lint::{Findings, Lint, Spot};

pub(super) static LINT: Lint = Lint {
    summary: "The image's user or group is not in the image",
    category: Category::Privilege,
    severity: Severity::Medium,
    sources: &[
        "https://github.com/opencontainers/image-spec/blob/main/config.md#properties",
        "https://github.com/moby/sys/tree/main/user",
        "https://docs.docker.com/reference/dockerfile/#user",
    ],
    image: Some(check),
    ..Lint::BASE
};

fn check(image: &Image, findings: &mut Findings<Spot>) {
    // Windows keeps accounts elsewhere, and what wasn't read can't be missed.
    if image.config.os == "windows" || image.layers.iter().any(|layer| layer.facts.is_err()) {
        return;
    }
    let text = &image.config.user;
    let (name, group) = text.split_once(':').unwrap_or((text, ""));
    let user = image.runtime_user();
    let place = Spot::Config("config.User".to_owned());
    match user.known {
        KnownUser::Account => {}
        KnownUser::Missing => {
            findings
                .report(place, format!("the user `{name}` has no account in the image"))
                .because("the container doesn't start, unless the start names another user: mostly that is root")
                .help("Make the account in a build step, or set USER to a number");
        }
        KnownUser::MissingGroup => {
            findings
                .report(place, format!("the group `{group}` of `{text}` is not in the image"))
                .because("the container doesn't start, unless the start names another user: mostly that is root")
                .help("Make the group in a build step, or set USER with the group's number");
        }
        KnownUser::Number if group.is_empty() && !image.accounts.users.is_empty() => {
            findings
                .report(place, format!("the user `{name}` is a number without an account, so its group is 0"))
                .because("it may do what files allow to root's group, and programs that ask for its name or home fail")
                .help(format!("Name a group as well, `USER {name}:{name}`, or make an account with that number"))
                .severity(Severity::Info);
        }
        KnownUser::Number => {}
    }
}
