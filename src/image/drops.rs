//! Whether what a container starts as root gives root up by itself.

use super::{Image, Spot};
use crate::diagnostic::{Confidence, Severity};
use crate::tables::is_supervisor;

/// A container that starts as root: how much that weighs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RootStart {
    /// The greatest severity that a finding about it can have.
    pub severity: Severity,
    /// The greatest confidence that a finding about it can have.
    pub confidence: Confidence,
    /// What of the image may give root up, and how.
    pub remark: Option<(Spot, &'static str)>,
}

/// How sure it is that a container gives root up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum GivesUp {
    /// A supervisor starts, which can give each service a user of its own.
    MayBeServices,
    /// A script that is started has the name of a program that changes users.
    InScript,
    /// A program that changes users is among what is started.
    Itself,
}

/// Programs that go on as another user and leave no parent behind.
const CHANGE_USER: [&str; 9] =
    ["gosu", "su-exec", "setpriv", "s6-setuidgid", "chpst", "setuidgid", "runuser", "capsh", "su"];

/// Scripts that images are started with, by the names they mostly have.
pub const START_SCRIPTS: &[&str] = &[
    "/*.sh",
    "/*entrypoint*",
    "/init",
    "/app/*.sh",
    "/app/*entrypoint*",
    "/opt/*.sh",
    "/opt/*entrypoint*",
    "/scripts/*.sh",
    "/usr/bin/*entrypoint*",
    "/usr/local/bin/*.sh",
    "/usr/local/bin/*entrypoint*",
    "/usr/local/sbin/*.sh",
    "/usr/local/sbin/*entrypoint*",
];

impl Image {
    /// What starting as root means here; `None` where what is started gives root up by itself.
    #[must_use]
    pub fn root_start(&self) -> Option<RootStart> {
        let (severity, confidence, remark) = match self.gives_root_up() {
            Some((GivesUp::Itself, _)) => return None,
            Some((GivesUp::InScript, path)) => {
                (Severity::Info, Confidence::Low, Some((path, "this script seems to give root up at run time")))
            }
            Some((GivesUp::MayBeServices, path)) => {
                let remark = "what starts here can give each service a user of its own";
                (Severity::Low, Confidence::Medium, Some((path, remark)))
            }
            None => (Severity::High, Confidence::High, None),
        };
        // What starts nothing is a base for other images.
        let starts = [&self.config.entrypoint, &self.config.cmd].into_iter().flatten().any(|one| !one.is_empty());
        Some(RootStart {
            severity: if starts { severity } else { severity.min(Severity::Low) },
            confidence,
            remark: remark.map(|(path, remark)| (self.content_spot(&path), remark)),
        })
    }

    /// Whether what the container starts gives root up, as far as the programs' names and the scripts of
    /// [`START_SCRIPTS`] tell, and the path of what does. The surest answer counts.
    fn gives_root_up(&self) -> Option<(GivesUp, String)> {
        let name = |path: &str| path.rsplit('/').next().unwrap_or("").to_owned();
        let mut best: Option<(GivesUp, String)> = None;
        for step in &self.start.steps {
            let found = if CHANGE_USER.contains(&name(&step.path).as_str()) {
                Some(GivesUp::Itself)
            } else if self.text(&step.path).is_some_and(names_one) {
                Some(GivesUp::InScript)
            } else {
                is_supervisor(&name(&step.path)).then_some(GivesUp::MayBeServices)
            };
            if let Some(found) = found.filter(|found| best.as_ref().is_none_or(|(known, _)| found > known)) {
                best = Some((found, step.path.clone()));
            }
        }
        best
    }
}

/// Whether a script has the name of a program that changes users as a word, outside of comments.
fn names_one(script: &[u8]) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let lines = script.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.starts_with(b"#"));
    lines
        .flat_map(|line| line.split(move |byte| !is_word(byte)))
        .any(|word| CHANGE_USER.iter().any(|name| name.as_bytes() == word))
}
