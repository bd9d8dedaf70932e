//! Sockets that listen, outside for published ports and inside for the allow-list, and pairs between processes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, getsockname, listen, socket_with, socketpair, sockopt,
};

use super::lo;
use super::names::Allowed;
use crate::policy::{Protocol, Publish};
use crate::run::Error;

/// Connections that wait to be taken, while the relay has its hands full.
const BACKLOG: i32 = 512;

/// A pair of sockets that keep messages apart (unix(7), `SOCK_SEQPACKET`).
pub(super) fn pair() -> Result<(OwnedFd, OwnedFd), Error> {
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).map_err(|error| {
        Error::new("socketpair", error.to_string(), "close what holds many files, or raise `ulimit -n`")
    })
}

/// Listens at a port of the host; gives the socket and its address, whose port the kernel chose where 0 was asked for.
/// Without an address one socket takes all of both families, where the host has IPv6.
///
/// # Errors
/// The port is taken, is for root, or the address isn't the host's.
pub(super) fn listen_outside(publish: &Publish) -> Result<(OwnedFd, SocketAddr), Error> {
    let all = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let made = match publish.address {
        Some(address) => open(SocketAddr::new(address, publish.host_port), publish.protocol),
        None => match open(SocketAddr::new(all, publish.host_port), publish.protocol) {
            Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL) => {
                open(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), publish.host_port), publish.protocol)
            }
            made => made,
        },
    };
    made.map_err(|error| {
        let address = publish.address.map_or_else(|| "*".to_owned(), |address| address.to_string());
        let place = format!("-p {address}:{}:{}", publish.host_port, publish.port);
        match error {
            Errno::ADDRINUSE => Error::new(
                place,
                format!("port {} of the host is in use", publish.host_port),
                "end what listens there, or publish another port (0 takes a free one)",
            ),
            Errno::ACCESS | Errno::PERM => Error::new(
                place,
                format!("port {} of the host may not be taken by this user", publish.host_port),
                "publish a port from 1024 on, or lower the setting net.ipv4.ip_unprivileged_port_start",
            ),
            Errno::ADDRNOTAVAIL => {
                Error::new(place, format!("{address} is no address of the host"), "name one that `ip address` shows")
            }
            error => Error::new(place, format!("the port can't be listened at: {error}"), "publish another port"),
        }
    })
}

/// Listens inside for connections to an allowed destination. The calling process is in the container's network namespace.
pub(super) fn listen_inside(allowed: &Allowed) -> Result<OwnedFd, Error> {
    let place = format!("--egress {}:{}", allowed.name, allowed.port);
    if !allowed.inside.is_loopback() {
        lo::add_address(allowed.inside).map_err(|error| {
            Error::new(
                &place,
                format!("{} can't be made an address of the container's loopback interface: {error}", allowed.inside),
                "name the destination by a host name",
            )
        })?;
    }
    let made = open(SocketAddr::new(allowed.inside, allowed.port), Protocol::Tcp);
    made.map(|(socket, _)| socket)
        .map_err(|error| Error::new(place, format!("the relay can't listen inside: {error}"), "report it"))
}

fn open(address: SocketAddr, protocol: Protocol) -> Result<(OwnedFd, SocketAddr), Errno> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let kind = if protocol == Protocol::Udp { SocketType::DGRAM } else { SocketType::STREAM };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    if address.is_ipv6() {
        // Whatever the host's default is: all addresses are those of both families.
        sockopt::set_ipv6_v6only(&socket, !address.ip().is_unspecified())?;
    }
    if protocol == Protocol::Tcp {
        // Connections of the last run that linger in TIME_WAIT don't keep the port; a listener does.
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    bind(&socket, &address)?;
    if protocol == Protocol::Tcp {
        listen(&socket, BACKLOG)?;
    }
    let address = SocketAddr::try_from(getsockname(&socket)?)?;
    Ok((socket, address))
}
