//! The setuid and setgid files that distributions ship themselves.

mod rows;

use rows::{ALPINE, DEBIAN, RED_HAT, SUSE};

/// A file that a distribution ships with setuid or setgid bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UsualSetid {
    /// The path, absolute, as releases with a merged `/usr` have it. A star stands for the architecture's folder.
    pub path: &'static str,
    /// The package that ships it.
    pub package: &'static str,
    /// The permission bits it is installed with.
    pub mode: u16,
    /// What it does with the rights, as the rest of a sentence that starts with its name: `changes passwords`.
    pub purpose: &'static str,
    /// Whether a service in a container works without these bits. Others may need it for what the image is for: sudo, a
    /// mail server, cron.
    pub can_be_dropped: bool,
}

/// The entry for a file of a distribution, by `ID` and `ID_LIKE` of os-release(5), nearest first, and its absolute
/// path. It makes no difference in which of `/bin`, `/sbin`, `/usr/bin`, `/usr/sbin` and of the `lib` folders the file
/// is, since releases moved them. What the image really has there may still be another program, with other bits.
#[must_use]
pub fn usual(id_like: &[&str], path: &str) -> Option<&'static UsualSetid> {
    let rows = id_like.iter().find_map(|id| family(id))?;
    let place = place(path)?;
    rows.iter().find(|row| self::place(row.path).is_some_and(|known| known == place))
}

fn family(id: &str) -> Option<&'static [UsualSetid]> {
    Some(match id {
        "debian" | "ubuntu" => DEBIAN,
        "alpine" | "wolfi" | "chainguard" => ALPINE,
        "rhel" | "fedora" | "centos" | "rocky" | "almalinux" | "ol" | "amzn" => RED_HAT,
        "suse" | "opensuse" | "opensuse-leap" | "opensuse-tumbleweed" | "sles" | "sled" => SUSE,
        _ => return None,
    })
}

/// A path without what releases and architectures differ in: the kind of folder, and what is in it.
fn place(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_prefix("usr/").unwrap_or(path);
    let (folder, rest) = path.split_once('/')?;
    match folder {
        "bin" | "sbin" => Some(("bin", rest)),
        "lib" | "lib64" | "lib32" | "libexec" => {
            let (first, inner) = rest.split_once('/').unwrap_or(("", rest));
            let is_architecture = first == "*" || first.contains("-linux-");
            Some(("lib", if is_architecture { inner } else { rest }))
        }
        _ => Some((folder, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_wherever_a_release_has_them() {
        let package = |ids: &[&str], path: &str| usual(ids, path).map(|row| row.package);
        for path in ["/bin/su", "/usr/bin/su"] {
            assert_eq!(package(&["debian"], path), Some("util-linux"), "{path}");
        }
        assert_eq!(package(&["ubuntu", "debian"], "/usr/sbin/unix_chkpwd"), Some("libpam-modules-bin"));
        assert_eq!(package(&["debian"], "/sbin/unix_chkpwd"), Some("libpam-modules-bin"));
        for architecture in ["x86_64-linux-gnu", "aarch64-linux-gnu", "arm-linux-gnueabihf"] {
            let path = format!("/usr/lib/{architecture}/utempter/utempter");
            assert_eq!(package(&["debian"], &path), Some("libutempter0"));
        }
        assert_eq!(package(&["alpine"], "/bin/bbsuid"), Some("busybox-suid"));
        assert_eq!(package(&["rocky", "rhel", "centos", "fedora"], "/usr/bin/sudo"), Some("sudo"));
        assert_eq!(package(&["something", "suse"], "/usr/bin/su"), Some("util-linux"));
        for path in ["/usr/local/bin/su", "/opt/su", "/su", "su", "/usr/bin/bash", "/bin/su/x", "/usr/bin/x/su", ""] {
            assert_eq!(usual(&["debian"], path), None, "{path}");
        }
        assert_eq!(usual(&["gentoo"], "/usr/bin/su"), None);
        assert_eq!(usual(&[], "/usr/bin/su"), None);
    }

    #[test]
    fn every_row_has_bits_and_stands_once() {
        for rows in [DEBIAN, ALPINE, RED_HAT, SUSE] {
            let mut places: Vec<_> = rows.iter().map(|row| place(row.path)).collect();
            places.sort_unstable();
            places.windows(2).for_each(|two| assert_ne!(two[0], two[1]));
            for row in rows {
                assert!(row.mode & 0o6000 != 0 && row.mode & !0o7777 == 0, "{row:?}");
                assert!(!row.purpose.is_empty() && !row.purpose.ends_with('.'), "{row:?}");
            }
        }
    }
}
