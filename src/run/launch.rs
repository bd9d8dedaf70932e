//! From an order to an exit code: the container is born into its namespaces, set up, proven, let go, waited for.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use oci_spec::runtime::{LinuxNamespaceType, Spec};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::OpenTreeFlags;
use rustix::process::{Pid, PidfdGetfdFlags, Signal, pidfd_getfd, pidfd_send_signal};

use super::container::{self, At as _, Channel, Ended, Message, Plan, Served, Sources, Watch};
use super::{Error, IdMaps, MapWriter, Order, ids, sys};
use crate::policy::Restart;

/// What other parts of the launcher do for a start. [`Tools::none`] does nothing but map ids.
#[derive(Clone)]
pub struct Tools<'a> {
    /// The compiled filter of system calls; empty for none.
    pub filter: &'a [sys::Instruction],
    /// The flags that it is loaded with (`SECCOMP_FILTER_FLAG_…`); whether it has a listener says `refused`.
    pub filter_flags: u32,
    /// The folder of a version 2 control group that the container is born in.
    pub cgroup: Option<&'a OwnedFd>,
    /// Outside, as soon as the process exists.
    pub born: &'a dyn Fn(&Started<'_>) -> Result<(), Error>,
    /// Inside, first of all: joins control groups of version 1, which a process does quickly only by itself.
    pub join: &'a dyn Fn() -> Result<(), Error>,
    /// Outside: writes the id maps.
    pub map: &'a dyn Fn(Pid, &IdMaps) -> Result<(), Error>,
    /// Inside, in the container's tree, with all capabilities of its user namespace: sets limits of the process.
    pub limit: &'a dyn Fn() -> Result<(), Error>,
    /// Inside, as the program's user, before the filter: applies Linux security modules.
    pub confine: &'a dyn Fn() -> Result<(), Error>,
    /// Outside, when nothing but the execution of the program is left: proves what is in force, opens ports.
    pub prove: &'a dyn Fn(&Started<'_>) -> Result<(), Error>,
    /// Files of the launcher's own that are shown read-only at these paths in the container: `/etc/hosts` and its text.
    pub files: &'a [(&'static str, String)],
    /// Outside, whenever a system call that the filter reports waits for an answer: takes it from the listener
    /// (seccomp_unotify(2)) and answers it. `None` where the filter reports nothing.
    pub refused: Option<&'a dyn Fn(&OwnedFd)>,
    /// Tells the user something.
    pub note: &'a dyn Fn(&str),
}

/// A container's first process, as seen from outside.
#[derive(Clone, Copy, Debug)]
pub struct Started<'a> {
    /// Its number.
    pub pid: Pid,
    /// A descriptor of it (pidfd_open(2)).
    pub pidfd: &'a OwnedFd,
}

impl Tools<'_> {
    /// Nothing but the id maps.
    #[must_use]
    pub fn none() -> Self {
        Self {
            filter: &[],
            filter_flags: 0,
            cgroup: None,
            born: &|_| Ok(()),
            join: &|| Ok(()),
            map: &ids::write,
            limit: &|| Ok(()),
            confine: &|| Ok(()),
            prove: &|_| Ok(()),
            files: &[],
            refused: None,
            note: &|_| (),
        }
    }
}

/// Runs a container to its end, again where its profile says so, and gives its exit code as docker does: 128 and the
/// number of the signal that ended it; 124 where its time was over.
///
/// Signals that come meanwhile are the container's; they stay blocked afterwards. The caller must have one thread, whose
/// death is the container's too.
///
/// # Errors
/// Why it wasn't started: 127 where its program is not found, 126 where it can't be executed, 125 else.
pub fn launch(order: &Order, tools: &Tools<'_>) -> Result<u8, Error> {
    let signals = sys::signal_descriptor(&container::SIGNALS).at(|| "signalfd".to_owned(), "start on Linux")?;
    refuse_unknown(&order.spec)?;
    run(order, tools, &signals)
}

/// Starts and waits, as often as the profile says.
fn run(order: &Order, tools: &Tools<'_>, signals: &OwnedFd) -> Result<u8, Error> {
    let mut attempts = 0_u32;
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        let ended = start(order, tools, signals)?;
        let again = match order.profile.restart.value {
            _ if ended.asked => false,
            Restart::No => false,
            Restart::OnFailure(most) => ended.code != 0 && most.is_none_or(|most| attempts < most),
            Restart::Always => true,
        };
        if begun.elapsed() > LONG_RUN {
            (attempts, pause) = (0, FIRST_PAUSE);
        }
        if !again || !container::pause(signals, pause) {
            return Ok(ended.code);
        }
        attempts = attempts.saturating_add(1);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What the configuration's form can say and this launcher doesn't do.
fn refuse_unknown(spec: &Spec) -> Result<(), Error> {
    let linux = spec.linux().as_ref();
    let process = spec.process().as_ref();
    let private = |word: &String| matches!(word.as_str(), "private" | "rprivate");
    let asked = [
        ("hooks", spec.hooks().is_some()),
        ("linux.intelRdt", linux.is_some_and(|linux| linux.intel_rdt().is_some())),
        ("linux.memoryPolicy", linux.is_some_and(|linux| linux.memory_policy().is_some())),
        ("linux.netDevices", linux.is_some_and(|linux| linux.net_devices().is_some())),
        ("linux.personality", linux.is_some_and(|linux| linux.personality().is_some())),
        ("linux.timeOffsets", linux.is_some_and(|linux| linux.time_offsets().is_some())),
        (
            "linux.rootfsPropagation",
            linux.and_then(|linux| linux.rootfs_propagation().as_ref()).is_some_and(|word| !private(word)),
        ),
        ("process.scheduler", process.is_some_and(|process| process.scheduler().is_some())),
        ("process.ioPriority", process.is_some_and(|process| process.io_priority().is_some())),
        ("process.execCPUAffinity", process.is_some_and(|process| process.exec_cpu_affinity().is_some())),
        ("mounts.uidMappings", spec.mounts().iter().flatten().any(|mount| mount.uid_mappings().is_some())),
    ];
    match asked.iter().find(|(_, asked)| *asked) {
        Some((name, _)) => Err(Error::new(*name, "this launcher doesn't do that", "leave it out of the configuration")),
        None => Ok(()),
    }
}

/// Before a container is started again, as docker waits: doubled each time, from the beginning after a run that was long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const LONG_RUN: Duration = Duration::from_secs(10);

/// Namespaces that clone3(2) makes. That of control groups is made later, when the process is in its own group.
const NAMESPACES: [(LinuxNamespaceType, i32); 6] = [
    (LinuxNamespaceType::Mount, libc::CLONE_NEWNS),
    (LinuxNamespaceType::Pid, libc::CLONE_NEWPID),
    (LinuxNamespaceType::Network, libc::CLONE_NEWNET),
    (LinuxNamespaceType::Ipc, libc::CLONE_NEWIPC),
    (LinuxNamespaceType::Uts, libc::CLONE_NEWUTS),
    (LinuxNamespaceType::Time, libc::CLONE_NEWTIME),
];

fn start(order: &Order, tools: &Tools<'_>, signals: &OwnedFd) -> Result<Ended, Error> {
    let flags = namespaces(&order.spec)?;
    let (outside, inside) = Channel::pair().at(|| "socketpair".to_owned(), "raise the limit of open files")?;
    let plan = Plan::new(order, tools)?;
    let sources = if may_mount(order) { Some(Sources::open(order)?) } else { None };
    if order.ids.writer == MapWriter::Root
        && let Some(user) = order.spec.process().as_ref().map(|process| process.user())
        && let (Some(uid), Some(gid)) = (order.ids.uid_outside(user.uid()), order.ids.gid_outside(user.gid()))
    {
        container::pipes::give(uid, gid);
    }
    let cloned = sys::clone3(flags, tools.cgroup).at(|| "clone3".to_owned(), ids::unclonable())?;
    let (pid, pidfd) = match cloned {
        sys::Cloned::Parent(pid, pidfd) => (pid, pidfd),
        sys::Cloned::Child => {
            drop(outside);
            sys::exit_now(container::enter(&plan, inside, sources))
        }
    };
    drop((plan, inside));
    let started = Started { pid, pidfd: &pidfd };
    let up = match bring_up(order, tools, &outside, &started, sources) {
        Ok(up) => up,
        Err(error) => {
            // Where it has ended by itself there is nothing to end.
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
            container::end(&pidfd)?;
            return Err(error);
        }
    };
    let watch = Watch {
        order,
        pid,
        pidfd: &pidfd,
        signals,
        terminal: up.terminal,
        listener: up.listener.as_ref().zip(tools.refused),
        is_first: container::has(&order.spec, LinuxNamespaceType::Pid) && !order.profile.init.value,
    };
    watch.run(outside)
}

/// What came out of bringing a container up.
struct Up {
    terminal: Option<Served>,
    listener: Option<OwnedFd>,
}

fn bring_up(
    order: &Order,
    tools: &Tools<'_>,
    channel: &Channel,
    started: &Started<'_>,
    sources: Option<Sources>,
) -> Result<Up, Error> {
    (tools.born)(started)?;
    (tools.map)(started.pid, &order.ids)?;
    if let Some(adjustment) = order.spec.process().as_ref().and_then(|process| process.oom_score_adj()) {
        let path = format!("/proc/{}/oom_score_adj", started.pid.as_raw_nonzero());
        std::fs::write(path, adjustment.to_string()).at(
            || format!("oom_score_adj {adjustment}"),
            "ask for a number that isn't lower than the launcher's own",
        )?;
    }
    if let Some(sources) = sources {
        map_mounts(order, tools, started.pid, &sources)?;
    }
    let gone = |_| Error::new("container", "it ended before it was set up", "start again");
    channel.send(&Message::Go, None).map_err(gone)?;
    let mut listener = None;
    let master = loop {
        if let (Some(listener), Some(serve)) = (&listener, tools.refused) {
            serve_until_heard(channel, listener, serve)?;
        }
        match channel.receive().at(|| "container".to_owned(), "start again")? {
            Some((Message::Ready, master)) => break master,
            Some((Message::Note(text), _)) => (tools.note)(&text),
            Some((Message::Listener(number), _)) => listener = Some(take_listener(started, number)?),
            Some((Message::Refused(error), _)) => return Err(error),
            Some((Message::Go, _)) | None => return Err(gone(Errno::PIPE)),
        }
    };
    (tools.prove)(started)?;
    let terminal = master.map(|master| Served::new(master, order.interactive)).transpose()?;
    channel.send(&Message::Go, None).map_err(gone)?;
    Ok(Up { terminal, listener })
}

/// Takes the listener of the filter that the process is about to load: it is there as soon as the number means something.
fn take_listener(started: &Started<'_>, number: i32) -> Result<OwnedFd, Error> {
    let begun = Instant::now();
    loop {
        match pidfd_getfd(started.pidfd, number, PidfdGetfdFlags::empty()) {
            Err(Errno::BADF) if begun.elapsed() < Duration::from_secs(5) => {
                std::thread::sleep(Duration::from_micros(50));
            }
            other => {
                return other.at(|| "seccomp".to_owned(), "leave `--refusals` out: this process may not ask for them");
            }
        }
    }
}

/// Answers refused calls of the process until it says something: what it says may be a call that waits for an answer.
fn serve_until_heard(channel: &Channel, listener: &OwnedFd, serve: &dyn Fn(&OwnedFd)) -> Result<(), Error> {
    loop {
        let mut fds = [PollFd::new(channel, PollFlags::IN), PollFd::new(listener, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).at(|| "poll".to_owned(), "start again"),
        }
        let [said, asked] = fds.map(|fd| fd.revents());
        if asked.contains(PollFlags::IN) {
            serve(listener);
        }
        if !said.is_empty() {
            return Ok(());
        }
    }
}

fn map_mounts(order: &Order, tools: &Tools<'_>, pid: Pid, sources: &Sources) -> Result<(), Error> {
    let bound = sources.binds.iter().any(Option::is_some);
    if order.root.shifted && !bound {
        return Ok(());
    }
    let path = format!("/proc/{}/ns/user", pid.as_raw_nonzero());
    let userns: OwnedFd = std::fs::File::open(&path).at(|| path.clone(), "mount /proc on the host")?.into();
    for text in sources.map_ids(order, &userns) {
        (tools.note)(&text);
    }
    Ok(())
}

/// Whether this process may clone mounts where it is: root may; an ordinary user only in namespaces of their own. Who is
/// root of a user namespace alone may not where the mounts are of one above it (unshare -U without -m).
fn may_mount(order: &Order) -> bool {
    let is_root = rustix::thread::capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(rustix::thread::CapabilitySet::SYS_ADMIN));
    let clones =
        || rustix::mount::open_tree(CWD, "/", OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC);
    is_root && (order.ids.writer == MapWriter::Root || clones().is_ok())
}

fn namespaces(spec: &Spec) -> Result<u64, Error> {
    let asked = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_ref());
    if let Some(joined) = asked.into_iter().flatten().find(|namespace| namespace.path().is_some()) {
        let place = joined.path().as_ref().map_or_else(String::new, |path| path.display().to_string());
        return Err(Error::new(place, "joining a namespace is not supported", "let the container have its own"));
    }
    let own = NAMESPACES.iter().filter(|(kind, _)| container::has(spec, *kind)).map(|(_, flag)| *flag);
    // The root is changed, so the mounts are the container's own in any case, and so are its ids.
    Ok(own.fold((libc::CLONE_NEWUSER | libc::CLONE_NEWNS) as u64, |flags, flag| flags | flag as u64))
}
