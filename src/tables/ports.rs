//! Ports whose service gives whoever reaches it a shell, a desktop, an engine or a cluster.

/// A port of remote administration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AdminPort {
    /// TCP port.
    pub port: u16,
    /// The service's name as people know it.
    pub service: &'static str,
    /// What someone who reaches the port can do.
    pub gives: &'static str,
}

/// The administration service that listens on a TCP port by convention, if there is one.
///
/// Only remote control is listed: not databases, dashboards or metrics, which are what an image is for.
#[must_use]
pub fn admin_port(port: u16) -> Option<&'static AdminPort> {
    ADMIN_PORTS.binary_search_by_key(&port, |entry| entry.port).ok().map(|index| &ADMIN_PORTS[index])
}

/// Ordered by port. Sources: IANA Service Name and Transport Protocol Port Number Registry; for Docker, Kubernetes and
/// etcd the projects' own documentation ("Protect the Docker daemon socket", "Ports and Protocols"), read November 2026.
const ADMIN_PORTS: &[AdminPort] = &[
    AdminPort { port: 22, service: "SSH", gives: "a remote shell" },
    AdminPort { port: 23, service: "Telnet", gives: "a remote shell without encryption" },
    AdminPort { port: 135, service: "Windows RPC", gives: "remote management of Windows" },
    AdminPort { port: 139, service: "NetBIOS session service", gives: "Windows file shares and remote management" },
    AdminPort { port: 445, service: "SMB", gives: "Windows file shares and remote management" },
    AdminPort { port: 512, service: "rexec", gives: "remote commands without encryption" },
    AdminPort { port: 513, service: "rlogin", gives: "a remote shell without encryption" },
    AdminPort { port: 514, service: "rsh", gives: "remote commands without encryption" },
    // 514 is syslog on UDP only; an EXPOSE of `514/udp` is for the caller to leave out.
    AdminPort { port: 2375, service: "Docker API without TLS", gives: "control of the engine and so of its host" },
    AdminPort { port: 2376, service: "Docker API", gives: "control of the engine and so of its host" },
    AdminPort { port: 2379, service: "etcd", gives: "a cluster's whole state, secrets included" },
    AdminPort { port: 3389, service: "RDP", gives: "a remote desktop" },
    AdminPort { port: 5900, service: "VNC", gives: "a remote desktop" },
    AdminPort { port: 5901, service: "VNC", gives: "a remote desktop" },
    AdminPort { port: 5985, service: "WinRM over HTTP", gives: "remote PowerShell without TLS" },
    AdminPort { port: 5986, service: "WinRM", gives: "remote PowerShell" },
    AdminPort { port: 10250, service: "kubelet API", gives: "commands in every container of a node" },
    AdminPort { port: 10255, service: "kubelet read-only API", gives: "a view of every container of a node" },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_found() {
        assert!(ADMIN_PORTS.is_sorted_by_key(|entry| entry.port));
        assert_eq!(admin_port(2375).map(|entry| entry.service), Some("Docker API without TLS"));
        assert_eq!(admin_port(8080), None);
    }
}
