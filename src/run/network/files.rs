//! `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` of a container: hosts(5), hostname(5), resolv.conf(5).

use crate::policy::Network;

/// The texts by path. A host name that is no word isn't written, lest a line of it become one of the file's.
pub(super) fn texts(
    hostname: &str,
    network: &Network,
    hosts: &[String],
    resolver: Option<String>,
) -> Vec<(&'static str, String)> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let hostname = if hostname.bytes().all(plain) { hostname } else { "" };
    let mut texts = vec![("/etc/hostname", format!("{hostname}\n"))];
    if *network == Network::Host {
        return texts;
    }
    let mut text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n".to_owned();
    if !hostname.is_empty() && hostname != "localhost" {
        text += &format!("127.0.0.1 {hostname}\n");
    }
    for line in hosts {
        text += &format!("{line}\n");
    }
    texts.push(("/etc/hosts", text));
    let silent = "# No name server can be reached from here; /etc/hosts has the names that may be connected to.\n";
    texts.push(("/etc/resolv.conf", resolver.unwrap_or_else(|| silent.to_owned())));
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_no_line() {
        let texts = |name: &str, network: &Network| texts(name, network, &["127.77.0.1 a.example".into()], None);
        let files = texts("web", &Network::None);
        assert_eq!(files[0], ("/etc/hostname", "web\n".to_owned()));
        assert!(files[1].1.contains("127.0.0.1 web\n127.77.0.1 a.example\n"), "{}", files[1].1);
        assert!(!files[2].1.contains("nameserver"), "{}", files[2].1);
        assert!(!texts("web\n6.6.6.6 a.example", &Network::None)[1].1.contains("6.6.6.6"));
        assert_eq!(texts("web", &Network::Host).len(), 1);
    }
}
