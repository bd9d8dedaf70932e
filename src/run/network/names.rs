//! The allow-list of destinations: where each is inside, and which addresses its name may have outside.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::policy::{Protocol, Publish};
use crate::run::Error;

/// An allowed destination.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Allowed {
    /// The host name in small letters, or the address as it was written.
    pub(super) name: String,
    /// The address, where one was written.
    pub(super) literal: Option<IpAddr>,
    /// TCP port, inside and outside.
    pub(super) port: u16,
    /// The address of the loopback interface inside that stands for it.
    pub(super) inside: IpAddr,
}

/// So many destinations may be listed.
const MAX_ALLOWED: usize = 256;

/// Gives each destination its address inside: a literal one its very own, which `lo` is given, so that programs need no
/// other setting; a name one of 127.77.0.0/16, which `/etc/hosts` leads to.
///
/// # Errors
/// An entry is no host name nor address, or can't be a destination; the list is too long.
pub(super) fn allowed(list: &[(String, u16)]) -> Result<Vec<Allowed>, Error> {
    if list.len() > MAX_ALLOWED {
        return Err(Error::new(
            "--egress",
            format!("{} destinations are listed", list.len()),
            format!("list at most {MAX_ALLOWED}, or open all with `--egress all`"),
        ));
    }
    let mut inside: BTreeMap<String, Ipv4Addr> = BTreeMap::new();
    let mut all: Vec<Allowed> = Vec::new();
    for (host, port) in list {
        let wrong = |problem: &str, remedy: &str| Err(Error::new(format!("--egress {host}:{port}"), problem, remedy));
        if *port == 0 {
            return wrong("0 is no port to connect to", "name the port");
        }
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let one = if let Ok(address) = bare.parse::<IpAddr>() {
            if address.is_unspecified() || address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
                return wrong("the address is of no single host", "name the host");
            }
            Allowed { name: address.to_string(), literal: Some(address), port: *port, inside: address }
        } else {
            let name = bare.trim_end_matches('.').to_ascii_lowercase();
            if !is_host_name(&name) {
                return wrong("that is no host name nor address", "write `HOST:PORT`, without a pattern");
            }
            if name == "localhost" || name.ends_with(".localhost") {
                return wrong("inside, that name is the container itself", "name the host's service by its address");
            }
            let next = inside.len();
            let address = *inside.entry(name.clone()).or_insert_with(|| {
                // Neither the first nor the last of 256: some take those for a network's.
                Ipv4Addr::new(127, 77, (next / 254) as u8, (next % 254 + 1) as u8)
            });
            Allowed { name, literal: None, port: *port, inside: IpAddr::V4(address) }
        };
        if !all.contains(&one) {
            all.push(one);
        }
    }
    Ok(all)
}

/// Lines of `/etc/hosts`, one a name.
pub(super) fn hosts_lines(all: &[Allowed]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for allowed in all.iter().filter(|allowed| allowed.literal.is_none()) {
        let line = format!("{} {}", allowed.inside, allowed.name);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// The relay listens inside at the port of a destination, on one address; a server that listens at the same port of all
/// addresses would be refused it (ip(7), `EADDRINUSE`), which nobody could explain from inside.
pub(super) fn check_collisions(all: &[Allowed], publish: &[Publish]) -> Result<(), Error> {
    for publish in publish.iter().filter(|publish| publish.protocol == Protocol::Tcp) {
        if let Some(allowed) = all.iter().find(|allowed| allowed.port == publish.port) {
            return Err(Error::new(
                format!("--egress {}:{}", allowed.name, allowed.port),
                format!("the container's own server is to listen at port {} too", publish.port),
                "let the server listen at another port inside, and publish that one",
            ));
        }
    }
    Ok(())
}

/// Whether a name of the list may have this address. Who answers for a name could otherwise lead it to a service that only
/// the host reaches (DNS rebinding): its own, its neighbours', or the metadata of a cloud at 169.254.169.254. An address
/// that the list names itself, with the port, is what its author wanted.
pub(super) fn may_have(all: &[Allowed], port: u16, address: IpAddr) -> bool {
    let address = address.to_canonical();
    let listed = |allowed: &Allowed| {
        allowed.port == port && allowed.literal.is_some_and(|literal| literal.to_canonical() == address)
    };
    is_public(address) || all.iter().any(listed)
}

/// Whether an address is one of the Internet's: none of IANA's special-purpose registries for IPv4 and IPv6.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => {
            let segments = address.segments();
            let embedded = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
            match segments {
                // NAT64 and 6to4 carry an address of version 4, which counts.
                [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
                // Protocol assignments, Teredo and ORCHID among them; documentation.
                [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
                // All else that is global unicast, as far as it was ever given out.
                [first, ..] => first & 0xe000 == 0x2000 && address.to_ipv4_mapped().is_none(),
            }
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224.., ..)
    )
}

/// A host name (RFC 1123, and `_`, which services use): at most 253 letters, in labels of at most 63.
fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.len() <= 253
        && name.split('.').all(label)
        // What looks like an address written badly (`127.1`, `0x7f.1`) is one to some resolvers.
        && !name.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&str, u16)]) -> Result<Vec<Allowed>, Error> {
        let entries: Vec<(String, u16)> = entries.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect();
        allowed(&entries)
    }

    #[test]
    fn names_share_an_address_and_literals_keep_theirs() {
        let all = list(&[
            ("Api.Example.", 443),
            ("api.example", 80),
            ("b.example", 443),
            ("[2001:db8::1]", 5),
            ("10.0.0.7", 9),
        ])
        .expect("a list");
        let inside: Vec<String> = all.iter().map(|one| format!("{}:{}", one.inside, one.port)).collect();
        assert_eq!(inside, ["127.77.0.1:443", "127.77.0.1:80", "127.77.0.2:443", "2001:db8::1:5", "10.0.0.7:9"]);
        assert_eq!(hosts_lines(&all), ["127.77.0.1 api.example", "127.77.0.2 b.example"]);
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let long = "a".repeat(64);
        for host in [
            "",
            "*.example",
            "a b",
            "a\n1.2.3.4 b",
            "127.1",
            "0x7f.0.0.1",
            "localhost",
            "x.localhost",
            "-a",
            &long,
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "a..b",
        ] {
            assert!(list(&[(host, 80)]).is_err(), "{host:?}");
        }
        assert!(list(&[("a.example", 0)]).is_err());
        let many: Vec<(String, u16)> = (0..257).map(|number| (format!("h{number}.example"), 1)).collect();
        assert!(allowed(&many).is_err());
        assert_eq!(allowed(&many[..256]).expect("as many as may be")[255].inside.to_string(), "127.77.1.2");
    }

    #[test]
    fn names_have_public_addresses_or_listed_ones() {
        let all = list(&[("a.example", 80), ("10.0.0.7", 80), ("127.0.0.1", 443)]).expect("a list");
        let may = |address: &str, port| may_have(&all, port, address.parse().expect("an address"));
        for address in ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "10.0.0.7", "::ffff:10.0.0.7"] {
            assert!(may(address, 80), "{address}");
        }
        for address in [
            "127.0.0.1",
            "169.254.169.254",
            "10.0.0.8",
            "172.16.0.1",
            "192.168.1.1",
            "100.100.100.200",
            "0.0.0.0",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "224.0.0.1",
            "255.255.255.255",
            "2001:db8::1",
            "2001::1",
            "::127.0.0.1",
            "64:ff9b:1::a00:1",
        ] {
            assert!(!may(address, 80), "{address}");
        }
        assert!(may("127.0.0.1", 443) && !may("10.0.0.7", 443));
    }

    #[test]
    fn a_port_that_the_server_needs_is_refused() {
        let all = list(&[("a.example", 443)]).expect("a list");
        let publish = |port, protocol| Publish { address: None, host_port: 0, port, protocol };
        assert!(check_collisions(&all, &[publish(443, Protocol::Tcp)]).is_err());
        assert!(check_collisions(&all, &[publish(8443, Protocol::Tcp), publish(443, Protocol::Udp)]).is_ok());
    }
}
