//! `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` of a container: hosts(5), hostname(5), resolv.conf(5).

use std::io::Read;

/// Bytes of a file of the host's that are read.
const MAX_HOST_FILE: u64 = 64 * 1024;

/// Those of the host, as far as it has them.
pub(super) fn of_host() -> Vec<(&'static str, String)> {
    let read = |path: &'static str| {
        let mut bytes = Vec::new();
        std::fs::File::open(path).ok()?.take(MAX_HOST_FILE).read_to_end(&mut bytes).ok()?;
        Some((path, String::from_utf8_lossy(&bytes).into_owned()))
    };
    ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"].into_iter().filter_map(read).collect()
}

/// The texts by path. A host name that is no word isn't written, lest a line of it become one of the file's.
pub(super) fn texts(hostname: &str, hosts: &[String], resolver: Option<String>) -> Vec<(&'static str, String)> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let hostname = if hostname.bytes().all(plain) { hostname } else { "" };
    let mut texts = vec![("/etc/hostname", format!("{hostname}\n"))];
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
        let texts = |name: &str| texts(name, &["127.77.0.1 a.example".into()], None);
        let files = texts("web");
        assert_eq!(files[0], ("/etc/hostname", "web\n".to_owned()));
        assert!(files[1].1.contains("127.0.0.1 web\n127.77.0.1 a.example\n"), "{}", files[1].1);
        assert!(!files[2].1.contains("nameserver"), "{}", files[2].1);
        assert!(!texts("web\n6.6.6.6 a.example")[1].1.contains("6.6.6.6"));
    }
}
