//! The steps of the new process, in an order in which each can still be done: what shows the host is opened first, what
//! gives privileges up comes last, and the program is found before the launcher is told that all is ready.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use oci_spec::runtime::LinuxNamespaceType;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::process::{
    DumpableBehavior, Signal, getpid, set_dumpable_behavior, set_parent_process_death_signal, setpgid, setsid, umask,
};
use rustix::thread::CapabilitySet;

use super::channel::{Channel, Message};
use super::{At as _, Plan, cgroups, hide, identity, init, leash, mounts, pipes, program, root, seal, sources, tty};
use crate::run::{Error, MapWriter, sys};

/// Sets everything up, waits for leave, and executes the program or watches over it. Comes back only with a code to end
/// with; why the program didn't start has been said by then.
pub(crate) fn enter(plan: &Plan<'_>, channel: Channel, sources: Option<sources::Sources>) -> i32 {
    match prepare(plan, &channel, sources) {
        Ok(ready) => start(plan, channel, ready),
        Err(error) => refuse(&channel, error),
    }
}

/// What is left to do.
struct Ready {
    path: CString,
    /// The program that executes the other, where one is needed.
    seal: Option<OwnedFd>,
    /// What init reads signals from.
    signals: Option<OwnedFd>,
    /// The listener of the filter, which stays open until the launcher has taken it.
    listener: Option<OwnedFd>,
}

fn prepare(plan: &Plan<'_>, channel: &Channel, sources: Option<sources::Sources>) -> Result<Ready, Error> {
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
    if plan.init {
        init::forget_arguments()?;
    }
    (plan.tools.join)()?;
    let sources = match sources {
        Some(sources) => sources,
        None => sources::Sources::open(plan.order)?,
    };
    go(channel)?;
    identity::become_builder(plan)?;
    // With ranges of the caller's, only root inside may give its pipes away.
    if plan.order.ids.writer == MapWriter::Helpers {
        pipes::give(plan.process.user().uid(), plan.process.user().gid());
    }
    umask(Mode::empty());
    if plan.has(LinuxNamespaceType::Cgroup) {
        cgroups::separate()?;
    }
    names(plan)?;
    let tree = mounts::build(plan, &sources)?;
    let terminal = if plan.terminal { Some(tty::make(plan, &tree)?) } else { None };
    hide::apply(plan, &tree)?;
    mounts::finish(plan, &tree)?;
    drop(sources);
    root::enter(&tree)?;
    drop(tree);
    let ready = restrict(plan, channel, terminal.as_ref())?;
    for note in plan.notes.take() {
        channel.send(&Message::Note(note), None).map_err(|_| gone())?;
    }
    let master = terminal.as_ref().map(|terminal| terminal.master.as_fd());
    channel.send(&Message::Ready, master).map_err(|_| gone())?;
    Ok(ready)
}

/// What gives privileges up for good.
fn restrict(plan: &Plan<'_>, channel: &Channel, terminal: Option<&tty::Pair>) -> Result<Ready, Error> {
    match terminal {
        Some(terminal) => terminal.take()?,
        None => standard_input(plan)?,
    }
    (plan.tools.limit)()?;
    let signals = if plan.init { Some(init::signals()?) } else { None };
    let seal = if plan.seals { Some(seal::program()?) } else { None };
    identity::become_user(plan)?;
    // Its change of ids has hidden the process from the launcher, which has to look at what is in force. Nobody else can
    // look: who isn't in this user namespace or above it has no right to, and in it there is nobody.
    set_dumpable_behavior(DumpableBehavior::Dumpable).at(|| "prctl".to_owned(), "start on Linux")?;
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
    if plan.init {
        // Process 1 executes nothing, so what the launcher had open must be closed here: a listening socket of the host's.
        let pair = terminal.map(|terminal| [terminal.master.as_raw_fd(), terminal.slave.as_raw_fd()]);
        let mut keep = vec![0, 1, 2, channel.as_fd().as_raw_fd()];
        keep.extend(pair.into_iter().flatten());
        keep.extend(signals.iter().chain(&seal).map(AsRawFd::as_raw_fd));
        sys::close_all_but(&mut keep).at(|| "close_range".to_owned(), "start on Linux 5.11 or later")?;
    }
    let listener = filter(plan, channel)?;
    if privileged_filter {
        identity::keep(plan, CapabilitySet::empty())?;
    }
    Ok(Ready { path, seal, signals, listener })
}

/// Loads the filter. From here on every call is under it, this code's too.
fn filter(plan: &Plan<'_>, channel: &Channel) -> Result<Option<OwnedFd>, Error> {
    let place = || "seccomp".to_owned();
    let remedy = "start on a kernel with seccomp filters (CONFIG_SECCOMP_FILTER)";
    if plan.tools.filter.is_empty() {
        return Ok(None);
    }
    let held;
    let filter = if plan.init {
        plan.tools.filter
    } else {
        held = leash::held(plan.tools.filter);
        &held
    };
    let listens = u32::try_from(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER).unwrap_or(0);
    let flags = plan.tools.filter_flags & !listens;
    if plan.tools.refused.is_none() {
        return sys::set_seccomp_filter(filter, flags).at(place, remedy);
    }
    // The launcher takes the listener by its number, which has to be said before: afterwards a call may already wait for
    // the launcher's answer. A new descriptor gets the lowest number that is free.
    let free = rustix::stdio::stdin().try_clone_to_owned().at(place, remedy)?;
    let number = free.as_raw_fd();
    drop(free);
    channel.send(&Message::Listener(number), None).map_err(|_| gone())?;
    match sys::set_seccomp_filter(filter, flags | listens).at(place, remedy)? {
        Some(listener) if listener.as_raw_fd() == number => Ok(Some(listener)),
        _ => Err(Error::new(place(), "the listener has another number than was said", "start again")),
    }
}

fn start(plan: &Plan<'_>, channel: Channel, mut ready: Ready) -> i32 {
    if let Err(error) = go(&channel) {
        return refuse(&channel, error);
    }
    // An init keeps its descriptors, and nobody in the container is to answer calls.
    ready.listener = None;
    let ready = &ready;
    // From here on code of the image runs; what is left of the launcher in this process is for nobody to look at. A filter
    // that forbids this call leaves process 1 of an init to what a process without capabilities may see.
    let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let Some(signals) = &ready.signals else { return execute(plan, &channel, ready) };
    let child = hidden.map_err(std::io::Error::from).and_then(|()| sys::fork());
    match child.at(|| "init".to_owned(), "leave `--init` out, or let the filter pass prctl and clone") {
        Err(error) => refuse(&channel, error),
        Ok(Some(program)) => {
            drop(channel);
            init::watch(signals, program)
        }
        Ok(None) => {
            let group = getpid();
            // Keys that make signals reach the program's group alone, not also init, which would pass them on once more.
            if plan.terminal && setpgid(None, None).is_ok() {
                let _ = rustix::termios::tcsetpgrp(rustix::stdio::stdin(), group);
            }
            sys::reset_signals();
            execute(plan, &channel, ready)
        }
    }
}

fn execute(plan: &Plan<'_>, channel: &Channel, ready: &Ready) -> i32 {
    let arguments: Vec<&CStr> = plan.arguments.iter().map(CString::as_c_str).collect();
    let environment: Vec<&CStr> = plan.environment.iter().map(CString::as_c_str).collect();
    let error = match &ready.seal {
        Some(seal) => seal::execute(seal, &ready.path, &arguments, &environment),
        None => sys::execute_path(&ready.path, &arguments, &environment),
    };
    refuse(channel, program::failed(&ready.path.to_string_lossy(), &error))
}

/// Says why not.
fn refuse(channel: &Channel, error: Error) -> i32 {
    let code = i32::from(error.code);
    // Where the launcher is gone, nobody is left to be told.
    let _ = channel.send(&Message::Refused(error), None);
    code
}

/// Waits for leave to go on. A launcher that is gone gives none: this is also how its death before
/// `set_parent_process_death_signal` is noticed.
fn go(channel: &Channel) -> Result<(), Error> {
    match channel.receive() {
        Ok(Some((Message::Go, _))) => Ok(()),
        _ => Err(gone()),
    }
}

fn gone() -> Error {
    Error::new("launcher", "it has gone away", "start again")
}

fn names(plan: &Plan<'_>) -> Result<(), Error> {
    let spec = &plan.order.spec;
    let remedy = "choose a name of at most 64 bytes";
    if plan.has(LinuxNamespaceType::Uts) {
        if let Some(name) = spec.hostname() {
            rustix::system::sethostname(name.as_bytes()).at(|| format!("hostname {name}"), remedy)?;
        }
        if let Some(name) = spec.domainname() {
            rustix::system::setdomainname(name.as_bytes()).at(|| format!("domain name {name}"), remedy)?;
        }
    }
    if plan.has(LinuxNamespaceType::Network) {
        sys::loopback_up().at(|| "network lo".to_owned(), "start on a kernel with IPv4")?;
    }
    Ok(())
}

/// Standard input is the caller's only where that was asked for.
fn standard_input(plan: &Plan<'_>) -> Result<(), Error> {
    let remedy = "raise the limit of open files";
    if plan.order.interactive {
        return Ok(());
    }
    let null = sources::null().at(|| "/dev/null".to_owned(), "let the container have a /dev")?;
    rustix::stdio::dup2_stdin(&null).at(|| "standard input".to_owned(), remedy)
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
