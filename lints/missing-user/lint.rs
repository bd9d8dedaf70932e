//! The final stage sets no USER, so the container runs as the base image's user, mostly root; or an image sets none.

mod image;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{
    AccountSource, Base, BaseUser, Dockerfile, ImageName, PrivilegeDrop, RunAs, Stage, drops_privileges, leave_root,
    run_as,
};
use crate::syntax::ast::Keyword;
use crate::tables::{self, BaseImage, Family, ImageUser};
use crate::text::Span;

pub(super) static LINT: Lint = Lint {
    summary: "The final stage sets no user, so the container runs as root",
    category: Category::Privilege,
    severity: Severity::Medium,
    confidence: Confidence::High,
    aliases: &[
        "DS-0002",
        "CKV_DOCKER_3",
        "fd54f200",
        "missing_user_instruction",
        "dockerfile.security.missing-user.missing-user",
        "dockerfile.security.missing-user-entrypoint.missing-user-entrypoint",
        "CIS-4.1",
        "CIS-DI-0001",
    ],
    sources: &[
        "https://docs.docker.com/build/building/best-practices/#user",
        "https://www.cisecurity.org/benchmark/docker",
        "https://doi.org/10.6028/NIST.SP.800-190",
    ],
    dockerfile: Some(check),
    image: Some(image::check),
    reads: image::READS,
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let Some(stage) = dockerfile.target() else { return };
    let starts_something = stage.end.entrypoint.or(stage.end.cmd).is_some();
    if stage.end.user.is_some() || stage.instructions.is_empty() {
        return;
    }
    let root = dockerfile.lineage(stage).last().unwrap_or(stage);
    // A stage of files on nothing is made to be copied or exported from; nothing in it runs.
    if root.base == Base::Scratch && !starts_something {
        return;
    }
    let drop = drops_privileges(dockerfile, stage);
    let unsure = match drop {
        Some(PrivilegeDrop::Command(_) | PrivilegeDrop::Script(_) | PrivilegeDrop::Base) => return,
        Some(PrivilegeDrop::Likely(span)) => Some(span),
        None => None,
    };
    let base = Knowledge::of(dockerfile, root);
    let account = run_as(dockerfile, stage);
    // The instruction's own words are the anchor: an ignore comment above FROM reaches them.
    let anchor = anchor(dockerfile, stage);
    let finding = findings.report(anchor, base.message(stage));
    finding.because(base.why()).help(help(account.as_ref(), starts_something)).aliases(&[
        "DS-0002",
        "CKV_DOCKER_3",
        "fd54f200",
        "missing_user_instruction",
        "CIS-4.1",
        "CIS-DI-0001",
    ]);
    if stage.end.entrypoint.is_some() {
        finding.aliases(&["dockerfile.security.missing-user-entrypoint.missing-user-entrypoint"]);
    } else {
        finding.aliases(&["dockerfile.security.missing-user.missing-user"]);
    }
    finding.confidence(base.confidence()).severity(base.severity());
    if let Some(span) = unsure {
        finding.confidence(Confidence::Low).severity(Severity::Info);
        finding.label(span, "this may give root up at run time, in a script that is not in the build context");
    }
    if root.index != stage.index {
        finding.label(self::anchor(dockerfile, root), "its base image is named here");
    }
    // A stage without FROM is no file to mend.
    let from = &dockerfile.instructions[stage.instructions.start].ast;
    if from.keyword == Keyword::From
        && let Some(fix) = account.and_then(|account| leave_root(dockerfile, stage, &account))
    {
        finding.fix(fix);
    }
    if let Some(elsewhere) = user_of_another_stage(dockerfile, stage) {
        finding.label(elsewhere, "this USER holds in its own stage only");
    }
}

fn anchor(dockerfile: &Dockerfile, stage: &Stage) -> Span {
    let instruction = &dockerfile.instructions[stage.instructions.start];
    if instruction.ast.keyword == Keyword::From { instruction.ast.span } else { instruction.ast.name.span }
}

/// The last USER of a stage that the final one isn't built from: what an author may have thought would hold.
fn user_of_another_stage(dockerfile: &Dockerfile, stage: &Stage) -> Option<Span> {
    let others = dockerfile.instructions.iter().rev().find(|instruction| {
        instruction.ast.keyword == Keyword::User && instruction.stage.is_some_and(|index| index != stage.index)
    })?;
    Some(others.ast.span)
}

/// What can be said of the user that the base image sets.
enum Knowledge<'a> {
    /// Nothing is there but what the file copies: user 0.
    Scratch,
    /// By its content or its name, an image known to run as root; whether on Windows.
    Root(&'a ImageName, bool),
    /// By its content, an image that sets a user.
    Sets(&'a ImageName, String),
    /// By its name, an image known to set a user.
    Other(&'a ImageName, &'static str),
    /// An image that no table knows.
    Stranger(&'a ImageName),
    /// The name isn't known either.
    Nameless,
}

impl<'a> Knowledge<'a> {
    fn of(dockerfile: &Dockerfile, root: &'a Stage) -> Self {
        let base = &root.base;
        let Base::Image(image) = base else {
            return if *base == Base::Scratch { Self::Scratch } else { Self::Nameless };
        };
        if image.value.known().is_none() {
            return Self::Nameless;
        }
        if dockerfile.content_under(root).is_some() {
            return match dockerfile.user_under(root) {
                BaseUser::Other(user) => Self::Sets(image, user),
                _ => Self::Root(image, false),
            };
        }
        let tag = image.tag.as_deref();
        // `nonroot` in a tag or name is the custom of distroless and its kin for images that set a user.
        let says_so = |text: &str| text.contains("nonroot") || text.contains("non-root") || text.contains("rootless");
        if tag.is_some_and(says_so) || says_so(&image.repository) || image.repository.contains("unprivileged") {
            return Self::Other(image, "another user than root");
        }
        match tables::base_image(image.registry.as_deref(), &image.repository, tag) {
            Some(BaseImage { user: ImageUser::Other(user), .. }) => Self::Other(image, user),
            Some(row) => Self::Root(image, row.family == Family::Windows),
            None => Self::Stranger(image),
        }
    }

    fn message(&self, stage: &Stage) -> String {
        let stage =
            stage.name.as_ref().map_or("the final stage".to_owned(), |name| format!("the final stage `{name}`"));
        format!("{stage} sets no USER")
    }

    fn why(&self) -> String {
        match self {
            Self::Scratch => "on `scratch`, the container's process runs as root (uid 0)".to_owned(),
            Self::Root(image, true) => {
                format!("containers of `{}` run as ContainerAdministrator", image.text)
            }
            Self::Root(image, _) => format!("containers of `{}` run as root (uid 0)", image.text),
            Self::Sets(image, user) => {
                format!("`{}` sets the user `{user}`, which nothing here makes sure of", image.text)
            }
            Self::Other(image, user) => {
                format!(
                    "`{}` is known by its name to set {}, which nothing here makes sure of",
                    image.text,
                    quoted(user)
                )
            }
            Self::Stranger(image) => format!("unless `{}` sets a user, the container runs as root (uid 0)", image.text),
            Self::Nameless => "unless the base image sets a user, the container runs as root (uid 0)".to_owned(),
        }
    }

    fn confidence(&self) -> Confidence {
        match self {
            Self::Scratch | Self::Root(..) | Self::Sets(..) => Confidence::High,
            Self::Stranger(_) => Confidence::Medium,
            Self::Other(..) | Self::Nameless => Confidence::Low,
        }
    }

    fn severity(&self) -> Severity {
        match self {
            // An administrator of a Windows container is contained by the same walls as any user of it, less some.
            Self::Root(_, true) => Severity::Low,
            Self::Sets(..) | Self::Other(..) => Severity::Info,
            _ => Severity::Medium,
        }
    }
}

fn help(account: Option<&RunAs>, starts_something: bool) -> String {
    let place = if starts_something { "before ENTRYPOINT or CMD" } else { "at the end of the stage" };
    let create = |script: &str| format!("Create a user, for example with `RUN {script}`, and add `USER 10001` {place}");
    let example = "useradd --system --no-create-home --uid 10001 app";
    let Some(account) = account else { return create(example) };
    let user = &account.user;
    let name = account.name.as_ref().unwrap_or(user);
    match account.source {
        AccountSource::BaseUser => format!("Say so with `USER {user}` {place}"),
        AccountSource::BaseUserByName => {
            format!("Say so with `USER {user}` {place}, or verify it with the image at hand")
        }
        AccountSource::Made => format!("Add `USER {user}` {place}: the file makes the account `{name}`"),
        AccountSource::MadeOneOf => format!("Add USER with one of the accounts that the file makes {place}"),
        AccountSource::Owner => format!("Add `USER {user}` {place}: the file gives files to `{name}`"),
        AccountSource::Base => format!("Add `USER {user}` {place}: the image already has the account `{name}`"),
        AccountSource::New => create(account.making.unwrap_or(example)),
        AccountSource::Number => format!("Add `USER {user}` {place}; a number needs no account"),
        AccountSource::Guess => create(example),
    }
}

fn quoted(user: &str) -> String {
    if user.contains(' ') { user.to_owned() } else { format!("the user `{user}`") }
}
