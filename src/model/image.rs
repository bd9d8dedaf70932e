//! What is known of an image that a Dockerfile names: plain data, filled from outside. Lints ask here before they ask the
//! tables, which know images by their names only.

/// What is known of one image. An absent part is not known, which is not the same as empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImageFacts {
    /// The digest of its index, or of its manifest where it has no index: `sha256:…`.
    pub digest: Option<String>,
    /// What was read of its configuration and files.
    pub content: Option<ImageContent>,
}

/// What was read of an image's configuration and files.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImageContent {
    /// `config.User`; empty where the configuration names none, which means root.
    pub user: String,
    /// The accounts of `/etc/passwd`, in its order.
    pub accounts: Vec<Account>,
    /// Absolute paths of regular files with the setuid or setgid bit, ascending.
    pub setid: Vec<String>,
    /// Absolute paths of programs in the folders of the default PATH, ascending, where they were listed.
    pub programs: Vec<String>,
}

/// A line of `/etc/passwd`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Account {
    /// The name.
    pub name: String,
    /// The user's number.
    pub uid: u32,
    /// The number of the user's group.
    pub gid: u32,
    /// The home folder.
    pub home: String,
}

impl ImageContent {
    /// Whether a program of this name is in one of the folders listed.
    #[must_use]
    pub fn has_program(&self, name: &str) -> bool {
        self.programs.iter().any(|path| path.rsplit('/').next() == Some(name))
    }

    /// The account that `user` names, by name or number, a group behind it left out.
    #[must_use]
    pub fn account(&self, user: &str) -> Option<&Account> {
        let user = user.split(':').next().unwrap_or("");
        let number = user.parse().ok();
        self.accounts.iter().find(|account| account.name == user || Some(account.uid) == number)
    }
}
