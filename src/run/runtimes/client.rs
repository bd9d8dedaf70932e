//! podman and docker: the exported flags, run in the foreground; the container is removed at the end.

use std::process::{Command, Stdio};

use super::{Error, Folder, Runtime, child};
use crate::policy::Filter;
use crate::policy::export::docker::{Client, flags, tail};
use crate::policy::export::quote::label;
use crate::run::{IdRange, Order};

pub(super) fn run(order: &Order, runtime: Runtime, image: &str, say: &dyn Fn(&str)) -> Result<u8, Error> {
    let client = if runtime == Runtime::Podman { Client::Podman } else { Client::Docker };
    let folder = Folder::new(&label(&order.name))?;
    let list = match &order.profile.seccomp.value {
        Filter::Rules(rules) => {
            let text = serde_json::to_string(rules)
                .map_err(|error| Error::new("seccomp.json", format!("can't be written: {error}"), "report this"))?;
            Some(folder.write("seccomp.json", &text)?.display().to_string())
        }
        Filter::Unconfined => None,
    };
    let name = format!("harden-{}-{}", label(&order.name), std::process::id());
    let mut notes = Vec::new();
    let flags = flags(&order.profile, &name, client, list.as_deref(), &mut notes);
    for note in &notes {
        say(&format!("{}: {note}", runtime.name()));
    }
    let mut command = Command::new(runtime.name());
    command.arg("run").args(flags);
    if runtime == Runtime::Podman && super::is_root() {
        command.args(maps("--uidmap", &order.ids.uids)).args(maps("--gidmap", &order.ids.gids));
    }
    if order.interactive {
        command.arg("--interactive");
    }
    command.args(tail(&order.profile, image));
    command.stdin(if order.interactive { Stdio::inherit() } else { Stdio::null() });
    // Here too where it is removed by itself: what kills the client leaves the container.
    let _removed = Removed { runtime, name: &name };
    let end = |kill: bool| {
        let signal = if kill { "KILL" } else { &order.profile.stop_signal.value };
        quietly(runtime, &["kill", "--signal", signal, &name]);
    };
    child::run(&mut command, runtime, order.timeout, order.profile.stop_timeout.value, &end)
}

/// A container that is removed when this is dropped.
struct Removed<'a> {
    runtime: Runtime,
    name: &'a str,
}

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        quietly(self.runtime, &["rm", "--force", self.name]);
    }
}

fn quietly(runtime: Runtime, words: &[&str]) {
    let mut command = Command::new(runtime.name());
    let _ = command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

fn maps(flag: &str, ranges: &[IdRange]) -> Vec<String> {
    ranges.iter().map(|range| format!("{flag}={}:{}:{}", range.inside, range.outside, range.count)).collect()
}
