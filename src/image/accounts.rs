//! Users and groups of an image: passwd(5), group(5), shadow(5).

use super::Image;

/// The accounts of an image. Empty where the files are missing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Accounts {
    /// `/etc/passwd`, in its order.
    pub users: Vec<User>,
    /// `/etc/group`, in its order.
    pub groups: Vec<Group>,
    /// `/etc/shadow`, in its order; `None` where there is no such file.
    pub shadow: Option<Vec<Shadow>>,
}

/// A line of `/etc/passwd`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct User {
    pub name: String,
    /// The second field, as written: `x` where the hash is in shadow, empty where no password is needed.
    pub password: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
    pub shell: String,
}

/// A line of `/etc/group`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct Group {
    pub name: String,
    pub gid: u32,
    pub members: Vec<String>,
}

/// A line of `/etc/shadow`; the hash is not kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct Shadow {
    pub name: String,
    /// What the second field is.
    pub password: Password,
}

/// What a password field is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Password {
    /// Empty: no password is needed.
    Empty,
    /// `*`, `!`, `!!`, `!hash`: nobody can log in with one.
    #[default]
    Locked,
    /// A hash of a weak kind: DES, `$1$`.
    WeakHash,
    /// A hash.
    Hash,
}

impl Accounts {
    /// Reads the bytes of `/etc/passwd`, `/etc/group` and `/etc/shadow`.
    #[must_use]
    pub fn parse(_passwd: Option<&[u8]>, _group: Option<&[u8]>, _shadow: Option<&[u8]>) -> Self {
        Self::default()
    }

    /// Reads the accounts of an image's merged file system.
    #[must_use]
    pub fn read(_image: &Image) -> Self {
        Self::default()
    }

    /// The account that `config.User` or a USER word names, by name or number, a group behind it left out.
    #[must_use]
    pub fn user(&self, word: &str) -> Option<&User> {
        let word = word.split(':').next().unwrap_or("");
        let number = word.parse().ok();
        self.users.iter().find(|user| user.name == word || Some(user.uid) == number)
    }
}
