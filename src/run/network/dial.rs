//! Connecting on behalf of the relay: it names an entry of a list by its number, and gets a connected socket.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, connect, recv, recvmsg, send, sendmsg, socket_with,
};
use rustix::process::{Signal, WaitOptions, set_parent_process_death_signal, wait};

use super::names::{self, Allowed};
use crate::policy::{Protocol, Publish};
use crate::run::{Error, sys};

/// What the relay asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Request {
    /// Comes back with the answer.
    pub(super) token: u64,
    /// Number of the entry.
    pub(super) target: u16,
    /// 0 for the loopback interface's address of IPv4, 1 for that of IPv6.
    pub(super) attempt: u8,
}

/// A port of the container's loopback interface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    port: u16,
    protocol: Protocol,
}

/// Length of a request.
const REQUEST: usize = 11;
/// Length of an answer: the token; a socket comes along, or none where it failed.
const ANSWER: usize = 8;
/// Names that are resolved at a time.
const MAX_AT_ONCE: usize = 32;
/// Addresses of a name that are tried.
const MAX_ADDRESSES: usize = 4;
/// How long one address is tried.
const PATIENCE: Duration = Duration::from_secs(10);

impl Target {
    pub(super) fn inside(publish: &Publish) -> Self {
        Self { port: publish.port, protocol: publish.protocol }
    }
}

/// Asks; `EAGAIN` where the dialer has its hands full.
pub(super) fn ask(dialer: BorrowedFd<'_>, request: Request) -> Result<(), Errno> {
    let mut bytes = [0; REQUEST];
    bytes[..8].copy_from_slice(&request.token.to_ne_bytes());
    bytes[8..10].copy_from_slice(&request.target.to_ne_bytes());
    bytes[10] = request.attempt;
    send(dialer, &bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).map(drop)
}

/// Takes an answer: the token, and the socket where there is one. `EAGAIN` where none waits, `EPIPE` where the dialer is
/// gone.
pub(super) fn answer(dialer: BorrowedFd<'_>) -> Result<(u64, Option<OwnedFd>), Errno> {
    let mut bytes = [0; ANSWER];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(dialer, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)?;
    if received.bytes != ANSWER {
        return Err(Errno::PIPE);
    }
    let socket = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
        _ => None,
    });
    Ok((u64::from_ne_bytes(bytes), socket))
}

/// Connects to ports of the loopback interface of the network namespace that this process is in, until nobody can ask any
/// more. It never waits: who gets the socket sees whether the connection comes about.
pub(super) fn serve_inner(relay: BorrowedFd<'_>, targets: &[Target]) -> Result<(), Error> {
    while let Some(request) = next(relay)? {
        let socket = targets.get(usize::from(request.target)).and_then(|target| inside(*target, request.attempt).ok());
        reply(relay, request.token, socket.as_ref())?;
    }
    Ok(())
}

fn inside(target: Target, attempt: u8) -> Result<OwnedFd, Errno> {
    let (family, address) = match attempt {
        0 => (AddressFamily::INET, IpAddr::V4(Ipv4Addr::LOCALHOST)),
        _ => (AddressFamily::INET6, IpAddr::V6(Ipv6Addr::LOCALHOST)),
    };
    let kind = if target.protocol == Protocol::Udp { SocketType::DGRAM } else { SocketType::STREAM };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    match connect(&socket, &SocketAddr::new(address, target.port)) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error),
    }
}

/// Connects to allowed destinations until nobody can ask any more. Resolving a name can't be interrupted, so each request
/// has a process of its own, and no more than [`MAX_AT_ONCE`] at a time; the others wait in the socket.
pub(super) fn serve_outer(relay: BorrowedFd<'_>, all: &[Allowed]) -> Result<(), Error> {
    let mut children = 0;
    while let Some(request) = next(relay)? {
        loop {
            let options = if children < MAX_AT_ONCE { WaitOptions::NOHANG } else { WaitOptions::empty() };
            match wait(options) {
                Ok(Some(_)) => children -= 1,
                Err(Errno::INTR) => {}
                _ => break,
            }
        }
        match sys::clone3(0, None) {
            Ok(sys::Cloned::Parent(..)) => children += 1,
            Ok(sys::Cloned::Child) => {
                let _ = set_parent_process_death_signal(Some(Signal::KILL));
                let asked =
                    std::panic::catch_unwind(|| all.get(usize::from(request.target)).and_then(|one| outside(all, one)));
                let _ = reply(relay, request.token, asked.ok().flatten().as_ref());
                sys::exit_now(0);
            }
            Err(_) => reply(relay, request.token, None)?,
        }
    }
    Ok(())
}

/// Resolves anew each time, so that a service may move, and looks at the very addresses that it connects to.
fn outside(all: &[Allowed], allowed: &Allowed) -> Option<OwnedFd> {
    let addresses: Vec<SocketAddr> = match allowed.literal {
        Some(address) => vec![SocketAddr::new(address, allowed.port)],
        None => (allowed.name.as_str(), allowed.port)
            .to_socket_addrs()
            .ok()?
            .filter(|address| names::may_have(all, allowed.port, address.ip()))
            .take(MAX_ADDRESSES)
            .collect(),
    };
    let stream = addresses.iter().find_map(|address| TcpStream::connect_timeout(address, PATIENCE).ok())?;
    Some(stream.into())
}

fn next(relay: BorrowedFd<'_>) -> Result<Option<Request>, Error> {
    let mut bytes = [0; REQUEST];
    loop {
        match recv(relay, &mut bytes[..], RecvFlags::empty()) {
            Err(Errno::INTR) => {}
            Ok((_, 0)) => return Ok(None),
            Ok((_, REQUEST)) => {
                let (token, rest) = bytes.split_at(8);
                return Ok(Some(Request {
                    token: u64::from_ne_bytes(token.try_into().unwrap_or_default()),
                    target: u16::from_ne_bytes([rest[0], rest[1]]),
                    attempt: rest[2],
                }));
            }
            Ok(_) => return Err(Error::new("dialer", "the relay asks what can't be read", "report it")),
            Err(error) => return Err(Error::new("dialer", error.to_string(), "report it")),
        }
    }
}

fn reply(relay: BorrowedFd<'_>, token: u64, socket: Option<&OwnedFd>) -> Result<(), Error> {
    let bytes = token.to_ne_bytes();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    loop {
        let sockets: Vec<BorrowedFd<'_>> = socket.iter().map(|socket| socket.as_fd()).collect();
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !sockets.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&sockets));
        }
        match sendmsg(relay, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            // Too many sockets are on their way: without one the relay sees a failure.
            Err(Errno::TOOMANYREFS) if socket.is_some() => return reply(relay, token, None),
            Err(error) => return Err(Error::new("dialer", error.to_string(), "report it")),
        }
    }
}
