//! The network of a container: ports that are published into an empty network namespace, and ways out of it.
//!
//! Nothing here gives the container an interface, except for `--egress` without a list. A published port and an allowed
//! destination are relayed by small processes of ours, each with only what its part needs (`confine`):
//!
//! - the **relay** has the sockets and moves bytes between them. It can't make a socket, nor connect one.
//! - the **inner dialer** is in the container's network namespace and connects to published ports of its loopback
//!   interface. It sees no byte that anybody sends.
//! - the **outer dialer** is in the host's, resolves the names of the allow-list and connects there. It is asked by the
//!   number of an entry, so nothing that the container says names a destination.
//!
//! Dialers hand connected sockets to the relay over a socket pair (unix(7), `SCM_RIGHTS`).

mod confine;
mod dial;
mod files;
mod flow;
mod lo;
mod names;
mod outward;
mod process;
mod relay;
mod rules;
mod socket;

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::process::Pid;

use super::Error;
use super::proof::Row;
use crate::policy::{Egress, Network, Protocol, Publish};

use dial::Target;
use names::Allowed;
use outward::Outward;
use process::Process;
use relay::{Door, Kind};

/// What [`prepare`] found and opened: ports are taken, programs are found, nothing runs.
#[derive(Debug)]
pub struct Prepared {
    inbound: Vec<Inbound>,
    allowed: Vec<Allowed>,
    outward: Option<Outward>,
    network: Network,
    /// The host's own files, where the container has the host's network.
    host: Vec<(&'static str, String)>,
}

/// The processes that serve a container's network; they end with this value, with the container, and with the process
/// that made it.
#[derive(Debug)]
pub struct Running {
    processes: Vec<Process>,
    published: Vec<(Publish, SocketAddr)>,
    hosts: Vec<String>,
    rows: Vec<Row>,
}

/// A published port and the host's socket that listens for it.
#[derive(Debug)]
struct Inbound {
    publish: Publish,
    listener: OwnedFd,
    address: SocketAddr,
}

/// Takes the host's ports and looks for what else the network needs, so that what can fail fails before anything runs.
/// Call it before the container is made, and keep one thread: [`Prepared::enter`] forks.
///
/// # Errors
/// A port is taken or may not be taken, the allow-list has an entry that can't be held, or a program is missing.
pub fn prepare(publish: &[Publish], network: &Network) -> Result<Prepared, Error> {
    let mut prepared = Prepared {
        inbound: Vec::new(),
        allowed: Vec::new(),
        outward: None,
        network: network.clone(),
        host: Vec::new(),
    };
    if *network == Network::Host {
        // As docker has it: with the host's network every port is the host's already, and its names are the host's.
        prepared.host = files::of_host();
        return Ok(prepared);
    }
    if publish.len() > MAX_PUBLISHED {
        return Err(Error::new(
            "-p",
            format!("{} ports are published", publish.len()),
            format!("publish at most {MAX_PUBLISHED}"),
        ));
    }
    match network {
        Network::Egress(Egress::Only(list)) => prepared.allowed = names::allowed(list)?,
        Network::Egress(Egress::All) => prepared.outward = Some(outward::find()?),
        Network::None | Network::Host => {}
    }
    names::check_collisions(&prepared.allowed, publish)?;
    for publish in publish {
        let (listener, address) = socket::listen_outside(publish)?;
        prepared.inbound.push(Inbound { publish: publish.clone(), listener, address });
    }
    Ok(prepared)
}

/// So many ports may be published by one container.
const MAX_PUBLISHED: usize = 256;

impl Prepared {
    /// Files that belong to the network, by absolute path, to be mounted read-only over those that the image has.
    /// With the host's network they are the host's.
    #[must_use]
    pub fn files(&self, hostname: &str) -> Vec<(&'static str, String)> {
        if self.network == Network::Host {
            return self.host.clone();
        }
        files::texts(hostname, &self.hosts_lines(), self.outward.as_ref().map(Outward::resolver))
    }

    /// Lines of `/etc/hosts` that lead the names of the allow-list to the relay.
    #[must_use]
    pub fn hosts_lines(&self) -> Vec<String> {
        names::hosts_lines(&self.allowed)
    }

    /// The host's ports in use, with the number that was chosen for port 0.
    #[must_use]
    pub fn published(&self) -> Vec<(Publish, SocketAddr)> {
        self.inbound.iter().map(|inbound| (inbound.publish.clone(), inbound.address)).collect()
    }

    /// Starts what serves the network of the container behind `container` (its pidfd) and `pid` (its number, as this
    /// process sees it). Its user and network namespaces must be made and its id maps written; that its loopback
    /// interface is up is needed only when the first connection comes. Comes back when everything serves.
    ///
    /// # Errors
    /// The namespaces can't be joined, a process can't be confined, or the program of `--egress` fails. What was started
    /// until then is ended.
    pub fn enter(self, container: BorrowedFd<'_>, pid: Pid) -> Result<Running, Error> {
        let mut running =
            Running { processes: Vec::new(), published: self.published(), hosts: self.hosts_lines(), rows: Vec::new() };
        if !self.inbound.is_empty() || !self.allowed.is_empty() {
            self.start_relay(container, &mut running)?;
        }
        if let Some(outward) = &self.outward {
            running.processes.push(outward::start(outward, container, pid)?);
        }
        for process in &mut running.processes {
            process.wait_until_ready()?;
        }
        running.rows = self.rows(&running.processes)?;
        Ok(running)
    }

    fn start_relay(&self, container: BorrowedFd<'_>, running: &mut Running) -> Result<(), Error> {
        let (ask_inner, inner) = socket::pair()?;
        let (ask_outer, outer) = socket::pair()?;
        let mut keep: Vec<BorrowedFd<'_>> = self.inbound.iter().map(|inbound| inbound.listener.as_fd()).collect();
        keep.extend([container, ask_inner.as_fd(), ask_outer.as_fd()]);
        running.processes.push(Process::start("relay", &keep, |report| {
            confine::join(container)?;
            let mut doors = Vec::new();
            for (number, inbound) in self.inbound.iter().enumerate() {
                let kind = Kind::of(inbound.publish.protocol);
                doors.push(Door { listener: inbound.listener.as_fd(), kind, outward: false, target: number });
            }
            let inside = self.allowed.iter().map(socket::listen_inside).collect::<Result<Vec<_>, _>>()?;
            for (number, listener) in inside.iter().enumerate() {
                doors.push(Door { listener: listener.as_fd(), kind: Kind::Tcp, outward: true, target: number });
            }
            let room = confine::relay(report)?;
            report.ready();
            relay::run(&doors, [ask_inner.as_fd(), ask_outer.as_fd()], container, room)
        })?);
        if !self.inbound.is_empty() {
            let targets: Vec<Target> = self.inbound.iter().map(|inbound| Target::inside(&inbound.publish)).collect();
            running.processes.push(Process::start("inner dialer", &[container, inner.as_fd()], |report| {
                confine::join(container)?;
                confine::inner_dialer(report)?;
                report.ready();
                dial::serve_inner(inner.as_fd(), &targets)
            })?);
        }
        if !self.allowed.is_empty() {
            running.processes.push(Process::start("outer dialer", &[outer.as_fd()], |report| {
                confine::outer_dialer(report)?;
                report.ready();
                dial::serve_outer(outer.as_fd(), &self.allowed)
            })?);
        }
        Ok(())
    }

    fn rows(&self, processes: &[Process]) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        for inbound in &self.inbound {
            let Publish { host_port, port, protocol, .. } = &inbound.publish;
            let protocol = if *protocol == Protocol::Udp { "udp" } else { "tcp" };
            let asked = format!("{host_port}:{port}/{protocol}");
            let in_force = format!("{} to 127.0.0.1:{port} inside", inbound.address);
            rows.push(Row::new("publish", asked, in_force, "relay of harden", true));
        }
        for allowed in &self.allowed {
            let asked = format!("{}:{}", allowed.name, allowed.port);
            let in_force = format!("{}:{} inside", allowed.inside, allowed.port);
            rows.push(Row::new("egress", asked, in_force, "relay of harden, TCP only", true));
        }
        match (&self.network, &self.outward) {
            (Network::Host, _) => rows.push(Row::new("network", "host", "the host's network", "none", true)),
            (_, Some(outward)) => {
                rows.push(Row::new("egress", "all", outward.reaches(), outward.program(), true));
            }
            _ => {}
        }
        for process in processes {
            if let Some(said) = process.confinement()? {
                rows.push(Row::new(process.name(), "confined", said, "read from /proc/PID/status", true));
            }
        }
        Ok(rows)
    }
}

impl Running {
    /// The host's ports in use, with the number that was chosen for port 0.
    #[must_use]
    pub fn published(&self) -> &[(Publish, SocketAddr)] {
        &self.published
    }

    /// Lines of `/etc/hosts` that lead the names of the allow-list to the relay.
    #[must_use]
    pub fn hosts_lines(&self) -> &[String] {
        &self.hosts
    }

    /// What is in force, for the proof.
    #[must_use]
    pub fn in_force(&self) -> &[Row] {
        &self.rows
    }

    /// The processes that serve the network, by name and number.
    #[must_use]
    pub fn processes(&self) -> Vec<(&'static str, Pid)> {
        self.processes.iter().map(|process| (process.name(), process.pid())).collect()
    }

    /// Descriptors that become readable when one of the processes ends, which without an order of ours means that the
    /// network is broken.
    #[must_use]
    pub fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.processes.iter().map(Process::descriptor).collect()
    }
}
