//! What EXPOSE's arguments come to. Source: the Dockerfile reference, EXPOSE; moby/buildkit takes Docker's whole port
//! syntax, `[[ip:]host:]container[-end][/protocol]`, and keeps the container's side.

use std::net::IpAddr;
use std::ops::RangeInclusive;

/// Ports of one argument of EXPOSE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ports {
    /// The container's ports.
    pub range: RangeInclusive<u16>,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

impl Ports {
    /// `port/protocol` for each port.
    pub fn each(&self) -> impl Iterator<Item = String> + '_ {
        self.range.clone().map(|port| format!("{port}/{}", self.protocol))
    }
}

/// Reads one argument, after variable expansion.
///
/// # Errors
/// When BuildKit would refuse it; the text says what is wrong.
pub fn parse(argument: &str) -> Result<Ports, String> {
    let (front, container) = argument.rsplit_once(':').unwrap_or(("", argument));
    let (address, host) = front.rsplit_once(':').unwrap_or(("", front));
    let (port, protocol) = container.split_once('/').unwrap_or((container, ""));
    if port.is_empty() {
        return Err(format!("`{argument}` names no port"));
    }
    let protocol = protocol.to_lowercase();
    if !matches!(protocol.as_str(), "" | "tcp" | "udp" | "sctp") {
        return Err(format!("`{protocol}` is no protocol of a port"));
    }
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    if !bare.is_empty() && bare.parse::<IpAddr>().is_err() {
        return Err(format!("`{address}` is no IP address"));
    }
    let range = port_range(port).ok_or_else(|| format!("`{port}` is no port"))?;
    if !host.is_empty() {
        let host_range = port_range(host).ok_or_else(|| format!("`{host}` is no port"))?;
        if range.len() > 1 && host_range.len() != range.len() {
            return Err(format!("the port ranges `{host}` and `{port}` differ in length"));
        }
    }
    Ok(Ports { range, protocol: if protocol.is_empty() { "tcp".to_owned() } else { protocol } })
}

fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (start, end) = text.split_once('-').unwrap_or((text, text));
    let (start, end) = (start.parse::<u16>().ok()?, end.parse::<u16>().ok()?);
    (start <= end).then_some(start..=end)
}
