//! The network, ports that are reachable, and the namespaces that are the container's own.

use super::shown;
use crate::policy::profile::{Egress, Namespaces, Network, Protocol, Publish, Said};
use crate::policy::widen::Gate;
use crate::policy::wishes::NetworkWish;
use crate::policy::{Needs, Wishes};

/// Ports that `-P` publishes at the most.
const MOST_PORTS: usize = 1024;

/// The network.
pub(super) fn network(wishes: &Wishes, gate: &mut Gate<'_>) -> Said<Network> {
    match (wishes.network, &wishes.egress) {
        (Some(NetworkWish::Host), egress) => {
            if egress.is_some() {
                gate.fault("--egress", "with `--network host` nothing keeps it", "leave one of them out");
            }
            gate.ask("host-network", "--network host");
            Said::new(Network::Host, "`--network host` asks for it; published ports are left out, as with Docker")
        }
        (Some(NetworkWish::None), Some(_)) => {
            gate.fault("--egress", "`--network none` forbids what it opens", "leave one of them out");
            Said::default()
        }
        (_, Some(egress)) if !can_be(egress) => {
            gate.fault("--egress", "a place has no host or no port", "write each as `HOST:PORT`");
            Said::default()
        }
        (_, Some(egress)) => Said::new(Network::Egress(egress.clone()), "`--egress` opens it"),
        (Some(NetworkWish::None), None) => Said::new(Network::None, "`--network none` asks for it"),
        (None, None) => {
            let why = "published ports are reachable without it; calling out needs `--egress`";
            Said::new(Network::None, why)
        }
    }
}

/// Whether every place of an allow-list has a host that can be looked up and a port that can be connected to.
pub(super) fn can_be(egress: &Egress) -> bool {
    let host = |host: &str| {
        let character = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]*%".contains(&byte);
        !host.is_empty() && host.len() <= 255 && host.bytes().all(character)
    };
    match egress {
        Egress::All => true,
        Egress::Only(places) => places.iter().all(|(name, port)| *port != 0 && host(name)),
    }
}

/// Published ports, each once.
pub(super) fn publish(needs: &Needs, wishes: &Wishes, network: &Network, gate: &mut Gate<'_>) -> Vec<Said<Publish>> {
    let mut found: Vec<Said<Publish>> = Vec::new();
    if *network == Network::Host {
        return found;
    }
    for one in &wishes.publish {
        if one.port == 0 {
            gate.fault("-p", "port 0 inside can't be connected to", "give a port from 1 to 65535");
        }
        let same = |known: &Said<Publish>| {
            let known = &known.value;
            one.host_port != 0
                && known.host_port == one.host_port
                && known.protocol == one.protocol
                && (known.address == one.address || known.address.is_none() || one.address.is_none())
        };
        match found.iter().find(|known| same(known)) {
            Some(known) if known.value == *one => {}
            Some(_) => {
                let place = format!("-p {}:{}", one.host_port, one.port);
                gate.fault(&place, "the port of the host is taken by another `-p`", "give another port");
            }
            None => found.push(Said::new(one.clone(), "`-p` asks for it")),
        }
    }
    if wishes.publish_all {
        for (port, protocol) in exposed(needs, gate) {
            if found.iter().all(|known| (known.value.port, known.value.protocol) != (port, protocol)) {
                let publish = Publish { address: None, host_port: 0, port, protocol };
                found.push(Said::new(publish, "the image exposes it, and `-P` publishes all it exposes"));
            }
        }
    }
    found
}

/// The ports that the image exposes. What can't be published is told only where it was asked for, by `-P`.
fn exposed(needs: &Needs, gate: &mut Gate<'_>) -> Vec<(u16, Protocol)> {
    let mut found = Vec::new();
    for text in &needs.exposed_ports {
        match ports(text) {
            Some((first, last, protocol)) if found.len() + usize::from(last - first) < MOST_PORTS => {
                found.extend((first..=last).map(|port| (port, protocol)));
            }
            _ => {
                let place = format!("config.ExposedPorts {}", shown(text));
                gate.fault(&place, "`-P` can't publish it", "publish the ports you need with `-p`");
            }
        }
    }
    found
}

/// `8080`, `8080/udp`, `8000-8010/tcp`: first, last, and protocol.
fn ports(text: &str) -> Option<(u16, u16, Protocol)> {
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "tcp" | "" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return None,
    };
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first > 0 && first <= last).then_some((first, last, protocol))
}

/// Settings of the container's own network namespace. Ports below 1024 may be listened at by anybody there, so that no
/// capability is needed for it.
pub(super) fn sysctls(needs: &Needs, publish: &[Said<Publish>], network: &Network) -> Vec<Said<(String, String)>> {
    let low = |port: u16| port < 1024;
    let shows = needs.exposed_ports.iter().filter_map(|text| ports(text)).find(|(first, ..)| low(*first));
    let published = publish.iter().find(|one| low(one.value.port));
    let why = match (shows, published) {
        _ if *network == Network::Host => return Vec::new(),
        (_, Some(one)) => format!("port {} is published", one.value.port),
        (Some((first, ..)), None) => format!("the image exposes port {first}"),
        (None, None) => return Vec::new(),
    };
    let why = format!("{why}, and in the container's own network anybody may listen at it, without a capability");
    vec![Said::new(("net.ipv4.ip_unprivileged_port_start".to_owned(), "0".to_owned()), why)]
}

/// The namespaces.
pub(super) fn namespaces(wishes: &Wishes, gate: &mut Gate<'_>) -> Said<Namespaces> {
    let mut own = Namespaces::PRIVATE;
    let mut shared = Vec::new();
    for word in &wishes.host_namespaces {
        let (flag, name, field) = match word.as_str() {
            "pid" => ("--pid host", "host-pid", &mut own.pid),
            "ipc" => ("--ipc host", "host-ipc", &mut own.ipc),
            "uts" => ("--uts host", "host-uts", &mut own.uts),
            "cgroup" | "cgroupns" => ("--cgroupns host", "host-cgroup", &mut own.cgroup),
            _ => {
                let problem = "there is no such namespace to share";
                gate.fault(
                    &format!("--{} host", shown(word)),
                    problem,
                    "use `--pid`, `--ipc`, `--uts` or `--cgroupns`",
                );
                continue;
            }
        };
        gate.ask(name, flag);
        *field = false;
        shared.push(flag);
    }
    let why = if shared.is_empty() {
        "nothing of the host is seen or reached".to_owned()
    } else {
        format!("own ones but for {}", shared.join(", "))
    };
    Said::new(own, why)
}
