//! Files and folders that root's programs, or every program, rely on: who may write there gets their rights.

/// What relies on a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TrustedPlace {
    /// Settings of the system.
    Settings,
    /// Libraries that programs load.
    Libraries,
    /// Programs.
    Programs,
    /// Files that root's services and root's shells execute or obey: cron, init, systemd, profiles.
    Root,
    /// What the loader of every program obeys.
    Loader,
    /// Accounts, and who may become whom.
    Accounts,
}

impl TrustedPlace {
    /// What relies on it, as a clause: `cron, init and the shells of root execute what is there`.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Self::Settings => "programs of root read their settings there",
            Self::Libraries => "programs load code from there, those of root among them",
            Self::Programs => "others execute what is there, root among them",
            Self::Root => "cron, init, package managers and shells of root execute or obey what is there",
            Self::Loader => "the loader puts what is named there into every program, setuid ones among them",
            Self::Accounts => "whoever changes it can become root",
        }
    }
}

/// What relies on the file or folder at an absolute path, if the system does.
#[must_use]
pub fn trusted_place(path: &str) -> Option<TrustedPlace> {
    PLACES.iter().find(|(place, _)| is_in(path, place)).map(|(_, what)| *what)
}

fn is_in(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The first that a path is in counts. Sources: hier(7), file-hierarchy(7), ld.so(8), sudoers(5), doas.conf(5), pam.d(5),
/// crontab(5), systemd.unit(5), Filesystem Hierarchy Standard 3.0; read November 2026.
const PLACES: &[(&str, TrustedPlace)] = &[
    ("/etc/passwd", TrustedPlace::Accounts),
    ("/etc/shadow", TrustedPlace::Accounts),
    ("/etc/group", TrustedPlace::Accounts),
    ("/etc/gshadow", TrustedPlace::Accounts),
    ("/etc/subuid", TrustedPlace::Accounts),
    ("/etc/subgid", TrustedPlace::Accounts),
    ("/etc/sudoers", TrustedPlace::Accounts),
    ("/etc/sudoers.d", TrustedPlace::Accounts),
    ("/etc/sudo.conf", TrustedPlace::Accounts),
    ("/etc/doas.conf", TrustedPlace::Accounts),
    ("/etc/doas.d", TrustedPlace::Accounts),
    ("/etc/pam.d", TrustedPlace::Accounts),
    ("/etc/pam.conf", TrustedPlace::Accounts),
    ("/etc/security", TrustedPlace::Accounts),
    ("/etc/nsswitch.conf", TrustedPlace::Accounts),
    ("/etc/polkit-1", TrustedPlace::Accounts),
    ("/usr/share/polkit-1", TrustedPlace::Accounts),
    ("/etc/ssh", TrustedPlace::Accounts),
    ("/root/.ssh", TrustedPlace::Accounts),
    ("/etc/ld.so.preload", TrustedPlace::Loader),
    ("/etc/ld.so.conf", TrustedPlace::Loader),
    ("/etc/ld.so.conf.d", TrustedPlace::Loader),
    ("/etc/ld.so.cache", TrustedPlace::Loader),
    ("/etc/ld-musl-x86_64.path", TrustedPlace::Loader),
    ("/etc/ld-musl-aarch64.path", TrustedPlace::Loader),
    ("/etc/crontab", TrustedPlace::Root),
    ("/etc/anacrontab", TrustedPlace::Root),
    ("/etc/cron.d", TrustedPlace::Root),
    ("/etc/cron.hourly", TrustedPlace::Root),
    ("/etc/cron.daily", TrustedPlace::Root),
    ("/etc/cron.weekly", TrustedPlace::Root),
    ("/etc/cron.monthly", TrustedPlace::Root),
    ("/etc/crontabs", TrustedPlace::Root),
    ("/etc/periodic", TrustedPlace::Root),
    ("/var/spool/cron", TrustedPlace::Root),
    ("/etc/init.d", TrustedPlace::Root),
    ("/etc/rc.d", TrustedPlace::Root),
    ("/etc/rc.local", TrustedPlace::Root),
    ("/etc/inittab", TrustedPlace::Root),
    ("/etc/systemd", TrustedPlace::Root),
    ("/usr/lib/systemd", TrustedPlace::Root),
    ("/lib/systemd", TrustedPlace::Root),
    ("/etc/udev", TrustedPlace::Root),
    ("/etc/s6-overlay", TrustedPlace::Root),
    ("/etc/services.d", TrustedPlace::Root),
    ("/etc/cont-init.d", TrustedPlace::Root),
    ("/etc/supervisor", TrustedPlace::Root),
    ("/etc/supervisord.conf", TrustedPlace::Root),
    ("/etc/supervisord.d", TrustedPlace::Root),
    ("/etc/profile", TrustedPlace::Root),
    ("/etc/profile.d", TrustedPlace::Root),
    ("/etc/bash.bashrc", TrustedPlace::Root),
    ("/etc/bashrc", TrustedPlace::Root),
    ("/etc/environment", TrustedPlace::Root),
    ("/etc/apt", TrustedPlace::Root),
    ("/etc/apk", TrustedPlace::Root),
    ("/etc/yum.repos.d", TrustedPlace::Root),
    ("/etc/logrotate.d", TrustedPlace::Root),
    ("/etc/ssl", TrustedPlace::Settings),
    ("/etc/pki", TrustedPlace::Settings),
    ("/root", TrustedPlace::Root),
    ("/bin", TrustedPlace::Programs),
    ("/sbin", TrustedPlace::Programs),
    ("/usr/bin", TrustedPlace::Programs),
    ("/usr/sbin", TrustedPlace::Programs),
    ("/usr/libexec", TrustedPlace::Programs),
    ("/usr/local/bin", TrustedPlace::Programs),
    ("/usr/local/sbin", TrustedPlace::Programs),
    ("/lib", TrustedPlace::Libraries),
    ("/lib32", TrustedPlace::Libraries),
    ("/lib64", TrustedPlace::Libraries),
    ("/usr/lib", TrustedPlace::Libraries),
    ("/usr/lib32", TrustedPlace::Libraries),
    ("/usr/lib64", TrustedPlace::Libraries),
    ("/usr/local/lib", TrustedPlace::Libraries),
    ("/usr/local/lib64", TrustedPlace::Libraries),
    ("/etc", TrustedPlace::Settings),
];

#[cfg(test)]
mod tests {
    use super::{TrustedPlace, trusted_place};

    #[test]
    fn the_nearest_place_counts_and_names_end_at_a_slash() {
        for (path, wanted) in [
            ("/etc/passwd", Some(TrustedPlace::Accounts)),
            ("/etc/passwd-backup", Some(TrustedPlace::Settings)),
            ("/etc/cron.d/job", Some(TrustedPlace::Root)),
            ("/usr/lib/systemd/system/a.service", Some(TrustedPlace::Root)),
            ("/usr/lib/x86_64-linux-gnu/libc.so.6", Some(TrustedPlace::Libraries)),
            ("/usr/bin", Some(TrustedPlace::Programs)),
            ("/usr/binary", None),
            ("/srv/app", None),
        ] {
            assert_eq!(trusted_place(path), wanted, "{path}");
        }
    }
}
