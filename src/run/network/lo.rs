//! Addresses of the loopback interface, by rtnetlink(7): one message, one answer.

use std::io;
use std::net::IpAddr;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

/// `RTM_NEWADDR`, linux/rtnetlink.h.
const NEW_ADDRESS: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL`, linux/netlink.h.
const FLAGS: u16 = 0x1 | 0x4 | 0x400 | 0x200;
/// `IFA_F_NODAD`, linux/if_addr.h: nobody else can have it.
const NO_DUPLICATES: u8 = 0x02;
/// `RT_SCOPE_HOST`.
const SCOPE_HOST: u8 = 254;
/// `IFA_ADDRESS` and `IFA_LOCAL`.
const ATTRIBUTES: [u16; 2] = [1, 2];
/// The loopback interface is the first of every network namespace.
const LOOPBACK: u32 = 1;

/// Gives `lo` an address of its own, without a network around it. One that is there already is no error.
///
/// # Errors
/// Those of the kernel, `EPERM` without `CAP_NET_ADMIN` over the network namespace among them.
pub(super) fn add_address(address: IpAddr) -> io::Result<()> {
    // `NETLINK_ROUTE` is 0, and so what is meant where no protocol is named.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    sendto(&socket, &message(address), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answer = [0_u8; 256];
    let (_, length) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    // A header of 16 bytes, then the error, negative, or 0.
    let error = answer.get(16..20).filter(|_| length >= 20).and_then(|bytes| bytes.try_into().ok());
    match error.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(error) if -error == libc::EEXIST => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(-error)),
        None => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
    }
}

fn message(address: IpAddr) -> Vec<u8> {
    let (family, bytes): (u8, Vec<u8>) = match address {
        IpAddr::V4(address) => (libc::AF_INET as u8, address.octets().to_vec()),
        IpAddr::V6(address) => (libc::AF_INET6 as u8, address.octets().to_vec()),
    };
    let mut body = vec![family, (8 * bytes.len()) as u8, NO_DUPLICATES, SCOPE_HOST];
    body.extend(LOOPBACK.to_ne_bytes());
    for kind in ATTRIBUTES {
        body.extend((4 + bytes.len() as u16).to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(&bytes);
    }
    let mut message = (16 + body.len() as u32).to_ne_bytes().to_vec();
    message.extend(NEW_ADDRESS.to_ne_bytes());
    message.extend(FLAGS.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend(body);
    message
}
