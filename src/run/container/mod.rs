//! The container from inside: what the new process does, from its birth to the execution of the program. Runs in a copy
//! of the launcher, before any code of the image; what it reads of the image is hostile.

mod cgroups;
mod channel;
mod copy;
mod dev;
mod hide;
mod identity;
mod inside;
mod mounts;
mod options;
mod program;
mod root;
mod sources;

use std::ffi::{CStr, CString};
use std::fmt::Display;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use oci_spec::runtime::{Linux, LinuxNamespaceType, Process, Spec};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::process::{
    DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal, setsid, umask,
};
use rustix::thread::CapabilitySet;

pub(crate) use channel::{Channel, Message};
pub(crate) use sources::Sources;

use crate::run::launch::Tools;
use crate::run::{Error, Order, sys};

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
    channel: &'a Channel,
}

impl<'a> Plan<'a> {
    /// Reads the order.
    ///
    /// # Errors
    /// What the specification lacks, or asks for and can't be done.
    pub(crate) fn new(order: &'a Order, tools: &'a Tools<'a>, channel: &'a Channel) -> Result<Self, Error> {
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
            channel,
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
        // Where the launcher is gone, nobody is left to be told.
        let _ = self.channel.send(&Message::Note(text), None);
    }
}

/// Whether the specification gives the container a namespace of that kind of its own.
pub(crate) fn has(spec: &Spec, kind: LinuxNamespaceType) -> bool {
    let namespaces = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_ref());
    namespaces.into_iter().flatten().any(|namespace| namespace.typ() == kind && namespace.path().is_none())
}

/// Sets everything up, waits for leave, and executes the program. Comes back only with the reason why not.
pub(crate) fn enter(plan: &Plan<'_>, sources: Option<Sources>) -> Error {
    match prepare(plan, sources).and_then(|path| start(plan, &path)) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// No value.
enum Never {}

fn prepare(plan: &Plan<'_>, sources: Option<Sources>) -> Result<CString, Error> {
    // The launcher's death is the container's: with process 1 the kernel ends all of a process namespace.
    let on_linux = "start on Linux";
    set_parent_process_death_signal(Some(Signal::KILL)).at(|| "prctl".to_owned(), on_linux)?;
    sys::reset_signals();
    setsid().at(|| "setsid".to_owned(), on_linux)?;
    match sys::join_new_session_keyring() {
        // A kernel without keys has none to hide.
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {}
        other => other.at(|| "keyring".to_owned(), "raise kernel.keys.maxkeys")?,
    }
    let sources = match sources {
        Some(sources) => sources,
        None => Sources::open(plan.order)?,
    };
    go(plan)?;
    identity::become_builder(plan)?;
    umask(Mode::empty());
    if plan.has(LinuxNamespaceType::Cgroup) {
        cgroups::separate()?;
    }
    names(plan)?;
    let tree = mounts::build(plan, &sources)?;
    hide::apply(plan, &tree)?;
    mounts::finish(plan, &tree)?;
    drop(sources);
    root::enter(&tree)?;
    drop(tree);
    restrict(plan)
}

/// What gives privileges up for good, in an order in which each step still may be done.
fn restrict(plan: &Plan<'_>) -> Result<CString, Error> {
    standard_input(plan)?;
    (plan.tools.limit)()?;
    identity::become_user(plan)?;
    umask(Mode::from_raw_mode(plan.process.user().umask().unwrap_or(0o022) & 0o777));
    let privileged_filter = plan.process.no_new_privileges() != Some(true);
    if !privileged_filter {
        identity::refuse_new_privileges()?;
    }
    (plan.tools.confine)()?;
    let for_filter = if privileged_filter { CapabilitySet::SYS_ADMIN } else { CapabilitySet::empty() };
    identity::keep(plan, for_filter)?;
    working_directory(plan)?;
    let path = program::find(plan)?;
    sys::close_on_exec_from(3).at(|| "close_range".to_owned(), "start on Linux 5.11 or later")?;
    if !plan.tools.filter.is_empty() {
        sys::set_seccomp_filter(plan.tools.filter, 0)
            .at(|| "seccomp".to_owned(), "start on a kernel with seccomp filters (CONFIG_SECCOMP_FILTER)")?;
        if privileged_filter {
            identity::keep(plan, CapabilitySet::empty())?;
        }
    }
    Ok(path)
}

fn start(plan: &Plan<'_>, path: &CStr) -> Result<Never, Error> {
    plan.channel.send(&Message::Ready, None).at(|| "launcher".to_owned(), "start again: the launcher has gone away")?;
    go(plan)?;
    // From here on code of the image runs; what is left of the launcher in this process is for nobody to look at.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let arguments: Vec<&CStr> = plan.arguments.iter().map(CString::as_c_str).collect();
    let environment: Vec<&CStr> = plan.environment.iter().map(CString::as_c_str).collect();
    let error = sys::execute_path(path, &arguments, &environment);
    Err(program::failed(&path.to_string_lossy(), &error))
}

/// Waits for leave to go on. A launcher that is gone gives none: this is also how its death before
/// `set_parent_process_death_signal` is noticed.
fn go(plan: &Plan<'_>) -> Result<(), Error> {
    match plan.channel.receive() {
        Ok(Some((Message::Go, _))) => Ok(()),
        _ => Err(Error::new("launcher", "it has gone away", "start again")),
    }
}

fn names(plan: &Plan<'_>) -> Result<(), Error> {
    let spec = &plan.order.spec;
    if plan.has(LinuxNamespaceType::Uts) {
        if let Some(name) = spec.hostname() {
            rustix::system::sethostname(name.as_bytes())
                .at(|| format!("hostname {name}"), "choose a name of at most 64 bytes")?;
        }
        if let Some(name) = spec.domainname() {
            rustix::system::setdomainname(name.as_bytes())
                .at(|| format!("domain name {name}"), "choose a name of at most 64 bytes")?;
        }
    }
    if plan.has(LinuxNamespaceType::Network) {
        sys::loopback_up().at(|| "network lo".to_owned(), "start on a kernel with IPv4")?;
    }
    Ok(())
}

/// Standard input is the caller's only where that was asked for.
fn standard_input(plan: &Plan<'_>) -> Result<(), Error> {
    if plan.order.interactive || plan.terminal {
        return Ok(());
    }
    let null = sources::null().at(|| "/dev/null".to_owned(), "let the container have a /dev")?;
    rustix::stdio::dup2_stdin(&null).at(|| "standard input".to_owned(), "raise the limit of open files")
}

/// Enters the working directory as the program's user, never by a link of /proc's, which could lead to a folder of the
/// host's (CVE-2024-21626).
fn working_directory(plan: &Plan<'_>) -> Result<(), Error> {
    let place = || format!("working directory {}", plan.cwd.display());
    let remedy = "name a folder of the image that the container's user may enter, with `-w`";
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder: OwnedFd =
        openat2(CWD, &plan.cwd, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS).at(place, remedy)?;
    rustix::process::fchdir(folder).at(place, remedy)
}

/// Names where a call failed and what to do about it.
pub(crate) trait At<T> {
    /// The value, or an error that says where and what to do.
    fn at(self, place: impl FnOnce() -> String, remedy: &str) -> Result<T, Error>;
}

impl<T, E: Display> At<T> for Result<T, E> {
    fn at(self, place: impl FnOnce() -> String, remedy: &str) -> Result<T, Error> {
        self.map_err(|error| Error::new(place(), error.to_string(), remedy))
    }
}
