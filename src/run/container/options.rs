//! Mount options in words (OCI runtime specification, config.md, Linux mount options) and what they are to the kernel.

use oci_spec::runtime::Mount;

use super::At as _;
use crate::run::Error;

/// Attributes of a mount, and options of the file system.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Options {
    /// `MOUNT_ATTR_*` that are set (mount_setattr(2)).
    pub(crate) set: u64,
    /// Whether mounts below the source come along.
    pub(crate) recursive: bool,
    /// Whether the image's content is copied into the fresh file system (`tmpcopyup`).
    pub(crate) copy_up: bool,
    /// Whether this shows files of the host.
    pub(crate) bind: bool,
    /// Whether a bound device is kept from being one (`nodev`).
    pub(crate) no_device: bool,
    /// Whether mounts made later below the source appear (`rslave`).
    pub(crate) follows: bool,
    /// What the file system itself is told: `size=65536k`.
    pub(crate) rest: Vec<(String, Option<String>)>,
}

/// `MOUNT_ATTR_RDONLY`.
pub(crate) const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
/// What no mount of a container's lacks.
pub(crate) const NO_PRIVILEGE: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;

impl Options {
    /// The options of a mount. Set-user-id bits and devices never count: nothing in a container may gain by them.
    ///
    /// # Errors
    /// What would let mounts inside appear outside.
    pub(crate) fn of(mount: &Mount) -> Result<Self, Error> {
        let mut options = Self { set: NO_PRIVILEGE, bind: mount.typ().as_deref() == Some("bind"), ..Self::default() };
        for word in mount.options().iter().flatten() {
            options.add(word).at(
                || format!("mount {}", mount.destination().display()),
                "leave the option out: what is mounted inside must stay inside",
            )?;
        }
        Ok(options)
    }

    fn add(&mut self, word: &str) -> Result<(), String> {
        let mut set = |attribute| self.set |= attribute;
        match word {
            "ro" | "rro" => set(READ_ONLY),
            "noexec" => set(libc::MOUNT_ATTR_NOEXEC),
            "nosymfollow" => set(libc::MOUNT_ATTR_NOSYMFOLLOW),
            "noatime" => set(libc::MOUNT_ATTR_NOATIME),
            "nodiratime" => set(libc::MOUNT_ATTR_NODIRATIME),
            "rw" => self.set &= !READ_ONLY,
            "exec" => self.set &= !libc::MOUNT_ATTR_NOEXEC,
            "nodev" => self.no_device = true,
            "dev" => self.no_device = false,
            "nosuid" | "suid" | "relatime" | "strictatime" | "private" | "rprivate" | "defaults" | "async"
            | "norelatime" | "diratime" => {}
            "bind" => self.bind = true,
            "rbind" => (self.bind, self.recursive) = (true, true),
            "slave" | "rslave" => self.follows = true,
            "shared" | "rshared" | "unbindable" | "runbindable" => {
                return Err(format!("the option `{word}` is not supported"));
            }
            "tmpcopyup" => self.copy_up = true,
            _ => self.rest.push(match word.split_once('=') {
                Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
                None => (word.to_owned(), None),
            }),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Result<Options, Error> {
        let mut mount = Mount::default();
        mount.set_typ(Some("tmpfs".to_owned()));
        mount.set_options(Some(words.iter().map(|word| (*word).to_owned()).collect()));
        Options::of(&mount)
    }

    #[test]
    fn the_last_word_counts_and_privilege_never_comes_back() {
        let read = options(&["rw", "ro", "suid", "dev", "noexec", "size=1k", "newinstance"]).expect("accepted");
        assert_eq!(read.set, NO_PRIVILEGE | READ_ONLY | libc::MOUNT_ATTR_NOEXEC);
        assert_eq!(read.rest, [("size".to_owned(), Some("1k".to_owned())), ("newinstance".to_owned(), None)]);
        let read = options(&["ro", "rw"]).expect("accepted");
        assert_eq!(read.set, NO_PRIVILEGE);
        assert!(options(&["rshared"]).is_err());
    }
}
