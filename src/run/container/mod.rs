//! The container: what the new process does from its birth to the execution of the program (`process`), in a copy of the
//! launcher and before any code of the image, whose every name and byte is hostile; and what the launcher does beside it
//! until it ends (`wait`).

mod cgroups;
mod channel;
mod copy;
mod dev;
mod hide;
mod identity;
mod init;
mod inside;
mod leash;
mod mounts;
mod options;
pub(crate) mod pipes;
mod process;
mod program;
mod root;
mod seal;
mod sources;
mod tty;
mod wait;

use std::cell::RefCell;
use std::ffi::CString;
use std::fmt::Display;
use std::path::PathBuf;

use oci_spec::runtime::{Linux, LinuxNamespaceType, Process, Spec};

pub(crate) use channel::{Channel, Message};
pub(crate) use identity::bit;
pub(crate) use process::enter;
pub(crate) use sources::{DEVICES, Sources};
pub(crate) use tty::Served;
pub(crate) use wait::{Ended, SIGNALS, Watch, end, pause};

use crate::run::launch::Tools;
use crate::run::{Error, Order};

/// All that the new process needs, looked up before it is born.
pub(crate) struct Plan<'a> {
    /// What was ordered.
    pub(crate) order: &'a Order,
    /// What others of the launcher add.
    pub(crate) tools: &'a Tools<'a>,
    process: &'a Process,
    linux: Option<&'a Linux>,
    capabilities: identity::Sets,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    cwd: PathBuf,
    terminal: bool,
    init: bool,
    /// Whether the container could write to the launcher's own file, were it reachable.
    seals: bool,
    /// What is to be told when everything is set up.
    notes: RefCell<Vec<String>>,
}

impl<'a> Plan<'a> {
    /// Reads the order.
    ///
    /// # Errors
    /// What the specification lacks, or asks for and can't be done.
    pub(crate) fn new(order: &'a Order, tools: &'a Tools<'a>) -> Result<Self, Error> {
        let Some(process) = order.spec.process().as_ref() else {
            return Err(Error::new("process", "the configuration has no process", "name a command"));
        };
        let words = |words: &Option<Vec<String>>, place: &str| -> Result<Vec<CString>, Error> {
            let words = words.iter().flatten().map(|word| CString::new(word.as_str()));
            words.collect::<Result<_, _>>().at(|| place.to_owned(), "leave out what has a zero byte")
        };
        Ok(Self {
            order,
            tools,
            process,
            linux: order.spec.linux().as_ref(),
            capabilities: identity::Sets::of(process),
            arguments: words(process.args(), "command")?,
            environment: words(process.env(), "environment")?,
            cwd: process.cwd().clone(),
            terminal: process.terminal() == Some(true),
            init: order.profile.init.value,
            seals: seal::is_needed(&order.ids),
            notes: RefCell::default(),
        })
    }

    /// Whether the container has a namespace of that kind of its own.
    pub(crate) fn has(&self, kind: LinuxNamespaceType) -> bool {
        has(&self.order.spec, kind)
    }

    fn maps_group(&self, group: Option<&str>) -> bool {
        group.and_then(|group| group.parse().ok()).is_some_and(|group| self.order.ids.gid_outside(group).is_some())
    }

    /// Something to tell the user, by way of the launcher.
    fn note(&self, text: String) {
        self.notes.borrow_mut().push(text);
    }
}

/// Whether the specification gives the container a namespace of that kind of its own.
pub(crate) fn has(spec: &Spec, kind: LinuxNamespaceType) -> bool {
    let namespaces = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_ref());
    namespaces.into_iter().flatten().any(|namespace| namespace.typ() == kind && namespace.path().is_none())
}

/// Names where a call failed and what to do about it.
pub(crate) trait At<T> {
    /// The value, or an error that says where and what to do.
    fn at(self, place: impl FnOnce() -> String, remedy: &str) -> Result<T, Error>;
}

impl<T, E: Display> At<T> for Result<T, E> {
    fn at(self, place: impl FnOnce() -> String, remedy: &str) -> Result<T, Error> {
        self.map_err(|error| {
            let problem = error.to_string();
            // EMFILE and ENFILE have nothing to do with the step that meets them.
            let full = ["(os error 24)", "(os error 23)"].iter().any(|end| problem.ends_with(end));
            Error::new(place(), problem, if full { "raise the limit of open files (`ulimit -n`)" } else { remedy })
        })
    }
}
