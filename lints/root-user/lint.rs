//! The last USER of the final stage is root, or an image's `config.User` is.

mod image;

use crate::diagnostic::{Category, Confidence, Fix, Safety, Severity};
use crate::lint::{Findings, Lint};
use crate::model::{
    self, Base, BaseUser, Dockerfile, PrivilegeDrop, Setting, Stage, drops_privileges, leave_root, run_as,
    starts_as_root,
};
use crate::syntax::ast::Keyword;
use crate::tables::is_supervisor;
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "The last USER is root, so the container runs as root",
    category: Category::Privilege,
    severity: Severity::Medium,
    aliases: &[
        "DL3002",
        "DS-0002",
        "CKV_DOCKER_8",
        "67fd0c4a",
        "last_user_is_root",
        "dockerfile.security.last-user-is-root.last-user-is-root",
        "CIS-4.1",
        "CIS-DI-0001",
    ],
    sources: &[
        "https://docs.docker.com/reference/dockerfile/#user",
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
    let Some(setting) = &stage.end.user else { return };
    if !setting.value.known().is_some_and(is_root) {
        return;
    }
    let starts_something = stage.end.entrypoint.or(stage.end.cmd).is_some();
    let from_nothing = dockerfile.lineage(stage).last().is_some_and(|root| root.base == Base::Scratch);
    // A stage of files on nothing is made to be copied or exported from; nothing in it runs.
    if from_nothing && !starts_something {
        return;
    }
    let unsure = match drops_privileges(dockerfile, stage) {
        Some(PrivilegeDrop::Command(_) | PrivilegeDrop::Script(_) | PrivilegeDrop::Base) => return,
        Some(PrivilegeDrop::Likely(span)) => Some(span),
        None => None,
    };
    let message = match &stage.name {
        Some(name) => format!("the final stage `{name}` ends as USER `{}`", setting.value.text),
        None => format!("the final stage ends as USER `{}`", setting.value.text),
    };
    let finding = findings.report(setting.span, message);
    finding
        .because("whatever ENTRYPOINT, CMD or `docker run` starts has root's rights in the container")
        .aliases(LINT.aliases);
    if setting.value.overridable {
        finding.confidence(Confidence::Medium);
        for &source in setting.value.sources.iter().take(1) {
            let place = dockerfile.instructions[source].ast.span;
            finding.label(place, "the default comes from here; a build argument can change it");
        }
    }
    if let Some(span) = unsure {
        finding.confidence(Confidence::Low).severity(Severity::Info);
        finding.label(span, "this may give root up at run time, in a script that is not in the build context");
    }
    if let Some(span) = supervisor(dockerfile, stage) {
        finding.confidence(Confidence::Medium).severity(Severity::Low);
        finding.label(span, "what starts here can give each service a user of its own");
    }
    let doubt = doubt(dockerfile, stage, setting, unsure.is_some());
    let Some((user, place)) = user_before(dockerfile, stage, setting) else {
        finding.help(
            "Create a user and end the stage with `USER 10001`, or drop root in the entrypoint with setpriv or gosu",
        );
        if let Some(fix) = run_as(dockerfile, stage).and_then(|account| leave_root(dockerfile, stage, &account)) {
            finding.fix(with_doubt(fix, doubt));
        }
        return;
    };
    if let Some(place) = place {
        finding.label(place, format!("`{user}` was in force before"));
    }
    finding.help(format!("Go back to `USER {user}` behind the steps that need root"));
    let why = "what the container starts may need root's rights, for a low port or for files that root owns";
    let fix = if is_last_step(dockerfile, stage, setting) {
        let title = format!("Leave `USER {user}` in force");
        Some(Fix::risky(title, why, vec![Edit::replace(setting.span, user)]))
    } else {
        let title = format!("Go back to `USER {user}` behind the last step");
        let edit = dockerfile.insert_behind_steps(stage, &[dockerfile.line(Keyword::User, &user)]);
        edit.map(|edit| Fix::risky(title, why, vec![edit]).adds("USER"))
    };
    if let Some(fix) = fix {
        finding.fix(with_doubt(fix, doubt));
    }
}

/// What makes the choice of another user a human's.
fn doubt(dockerfile: &Dockerfile, stage: &Stage, setting: &Setting, unsure: bool) -> Option<String> {
    if setting.value.overridable {
        return Some("the user is an argument of the build, and its default may be what should change".to_owned());
    }
    if unsure {
        return Some("what starts here may have to start as root to give it up itself".to_owned());
    }
    starts_as_root(dockerfile, stage).map(|name| format!("`{name}`, which starts here, is made to start as root"))
}

fn with_doubt(mut fix: Fix, doubt: Option<String>) -> Fix {
    if let (Some(doubt), true) = (doubt, fix.safety != Safety::Suggestion) {
        (fix.safety, fix.why) = (Safety::Suggestion, doubt);
    }
    fix
}

/// Whether no step of the stage follows the USER, so that nothing needs it as it is; and it is written out.
fn is_last_step(dockerfile: &Dockerfile, stage: &Stage, setting: &Setting) -> bool {
    let behind = setting.instruction + 1..stage.instructions.end;
    let is_step = |keyword| {
        use Keyword::{Add, Copy, Onbuild, Run, Unknown, Volume, Workdir};
        matches!(keyword, Add | Copy | Onbuild | Run | Unknown | Volume | Workdir)
    };
    stage.instructions.contains(&setting.instruction)
        && setting.value.sources.is_empty()
        && !behind.into_iter().any(|index| is_step(dockerfile.instructions[index].ast.keyword))
}

/// Whether a value of USER means root: by name or number, with or without a group; Windows' administrators too.
fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or("").trim();
    let windows =
        ["ContainerAdministrator", "Administrator", "NT AUTHORITY\\SYSTEM", "User Manager\\ContainerAdministrator"];
    model::is_root(user)
        || name == "Root"
        || name == "ROOT"
        || windows.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Where ENTRYPOINT or CMD starts one of them.
fn supervisor(dockerfile: &Dockerfile, stage: &Stage) -> Option<Span> {
    let starts = [stage.end.entrypoint, stage.end.cmd].into_iter().flatten();
    let instructions = starts.filter_map(|index| dockerfile.instructions.get(index));
    let commands = instructions.flat_map(|instruction| &instruction.scripts).flat_map(|script| &script.commands);
    commands.filter(|command| is_supervisor(command.base_name())).map(|command| command.name.span).next()
}

/// The user that was in force before root: by an earlier USER, or the base image's own, known by its name.
fn user_before(dockerfile: &Dockerfile, stage: &Stage, last: &Setting) -> Option<(String, Option<Span>)> {
    let users = dockerfile.inherited(stage, Keyword::User);
    let earlier = users.filter(|(index, _)| *index < last.instruction).filter_map(|(index, instruction)| {
        let value = instruction.values.first()?;
        let user = value.known().filter(|user| !user.trim().is_empty() && !is_root(user))?;
        // A variable of the stage is still in force; of another stage, its value has to do.
        let written = instruction.stage == Some(stage.index) && !value.sources.is_empty();
        let setting = dockerfile.instructions.get(index + 1).and_then(|next| next.before.user.as_ref());
        let place = setting.filter(|setting| written && setting.instruction == index).map(|setting| setting.span);
        let user = place.map_or(user, |place| dockerfile.text(place));
        Some((index, user.to_owned(), instruction.ast.span))
    });
    if let Some((_, user, span)) = earlier.max_by_key(|(index, ..)| *index) {
        return Some((user, Some(span)));
    }
    match dockerfile.user_under(stage) {
        BaseUser::Other(user) if !is_root(&user) => Some((user, dockerfile.image_under(stage).map(|image| image.span))),
        _ => None,
    }
}
