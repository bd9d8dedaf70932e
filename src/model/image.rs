//! What is known of an image that a Dockerfile names: plain data, filled from outside. Lints ask here before they ask the
//! tables, which know images by their names only.

use crate::image::{Accounts, HistoryLine, Image, Kind, LayerFacts, Tree, User};

use super::Dockerfile;

/// The folders of the PATH that Docker sets where an image sets none.
const PATH_FOLDERS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

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
    /// What a whole image says.
    #[must_use]
    pub fn of(image: &Image) -> Self {
        Self::within(&image.tree, image.config.user.clone(), &image.accounts)
    }

    fn within(tree: &Tree, user: String, accounts: &Accounts) -> Self {
        let account =
            |user: &User| Account { name: user.name.clone(), uid: user.uid, gid: user.gid, home: user.home.clone() };
        let mut content = Self { user, accounts: accounts.users.iter().map(account).collect(), ..Self::default() };
        for id in tree.iter() {
            let node = tree.node(id);
            let is_program = |path: &str| {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                PATH_FOLDERS.contains(&folder)
            };
            if node.kind == Kind::File && node.mode & 0o6000 != 0 {
                content.setid.push(tree.path(id));
            }
            if matches!(node.kind, Kind::File | Kind::Symlink) && (node.kind == Kind::Symlink || node.mode & 0o111 != 0)
            {
                let path = tree.path(id);
                if is_program(&path) {
                    content.programs.push(path);
                }
            }
        }
        content.setid.sort_unstable();
        content.programs.sort_unstable();
        content
    }

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

impl Dockerfile {
    /// The name of the base image of the stage that a plain build makes, and what the image that it was built into tells of
    /// it: the layers below the file's own. `None` where the image's history doesn't match the file.
    #[must_use]
    pub fn base_of(&self, image: &Image) -> Option<(String, ImageContent)> {
        let base = self.image_under(self.target()?)?;
        let trace = self.trace(image)?;
        let layers: Vec<Option<&LayerFacts>> = (0..trace.base_layers).map(|layer| image.facts(layer)).collect();
        let tree = Tree::merge(&layers);
        let text = |path: &str| {
            let node = tree.node(tree.resolve(path)?);
            image.facts(node.content_layer)?.text_of(node.content_entry)
        };
        let (passwd, group) = (text("/etc/passwd").unwrap_or_default(), text("/etc/group").unwrap_or_default());
        let accounts = Accounts::parse(passwd, group, text("/etc/shadow"));
        let lines = &image.history[..trace.base_lines];
        let user = lines.iter().rev().map(HistoryLine::step).find(|step| step.keyword == Some("USER"));
        let user = user.map_or("", |step| step.text.trim()).to_owned();
        Some((base.text.clone(), ImageContent::within(&tree, user, &accounts)))
    }
}
