//! Who of those in a container that aren't root may change what it relies on.

use super::{Image, Kind, KnownUser, NodeId, RuntimeUser, Tree};

/// Somebody other than root who may change what a path leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changer {
    /// Who it is.
    pub user: RuntimeUser,
    /// Whether every user may, `user` standing for one that owns nothing and is in no group of the image.
    pub everybody: bool,
    /// What can be changed: the file or folder itself, or a folder on the way to it, in which a name can be given to
    /// something else or what is missing can be made.
    pub at: NodeId,
}

impl Changer {
    /// Who it is, fit for a sentence: `` every user``, `` `app` ``, `user 1000`.
    #[must_use]
    pub fn who(&self) -> String {
        match &self.user.name {
            _ if self.everybody => "every user".to_owned(),
            Some(name) => format!("`{name}`"),
            None => format!("user {}", self.user.uid),
        }
    }
}

impl RuntimeUser {
    /// A user that owns nothing and is in no group of any image: what such a user may, everybody may. Its number is the
    /// last but one, which no system gives to anybody (user_namespaces(7) and systemd keep the last one).
    #[must_use]
    pub fn stranger() -> Self {
        const ID: u32 = u32::MAX - 1;
        Self { uid: ID, gid: ID, groups: vec![ID], name: None, home: String::new(), known: KnownUser::Number }
    }
}

impl Image {
    /// Who may change what an absolute path leads to, or make it where it is missing: everybody; or else the user that the
    /// container runs as; or else, where that is root, an account that owns a part of the way.
    #[must_use]
    pub fn changer(&self, path: &str) -> Option<Changer> {
        let found = |user: RuntimeUser, everybody: bool| {
            let at = self.lever(&user, path)?;
            Some(Changer { user, everybody, at })
        };
        if let Some(changer) = found(RuntimeUser::stranger(), true) {
            return Some(changer);
        }
        let user = self.runtime_user();
        if !user.is_root() {
            return found(user, false);
        }
        let mut owners = Vec::new();
        let mut at = self.tree.resolve(path)?;
        loop {
            let uid = self.tree.node(at).uid;
            if uid != 0 && !owners.contains(&uid) {
                owners.push(uid);
            }
            if at == Tree::ROOT {
                break;
            }
            at = self.tree.parent(at);
        }
        // Nobody runs as a number that no account has, such as one that a copy brought along from the build's machine.
        let accounts = owners.into_iter().map(|uid| self.user_of(&uid.to_string()));
        accounts.filter(|user| user.known == KnownUser::Account).find_map(|user| found(user, false))
    }

    /// What a user may change so that the path leads to something of its own.
    fn lever(&self, user: &RuntimeUser, path: &str) -> Option<NodeId> {
        match self.tree.resolve(path) {
            Some(node) => {
                if let Some(at) = self.takeover(user, node) {
                    // A name is replaced in the folder that it is in.
                    let itself = self.can_write(user, at) || self.owns(user, at) && self.can_reach(user, at);
                    return Some(if itself { at } else { self.tree.parent(at) });
                }
            }
            None => {
                let folder = parents(path).find_map(|parent| self.tree.resolve(parent))?;
                let is_folder = self.tree.node(folder).kind == Kind::Folder;
                let may = self.can_write(user, folder) || self.owns(user, folder) && self.can_reach(user, folder);
                if is_folder && may {
                    return Some(folder);
                }
            }
        }
        // A symlink on the way can't be written, but its name may be given to something else.
        let links = std::iter::once(path).chain(parents(path)).filter_map(|name| self.tree.lookup(name));
        let mut links = links.filter(|node| self.tree.node(*node).kind == Kind::Symlink);
        links.find_map(|link| {
            let folder = self.tree.parent(link);
            let owner = self.owns(user, folder) && self.can_reach(user, folder);
            (self.can_replace(user, link) || owner).then_some(folder)
        })
    }
}

/// The folders above an absolute path, the nearest first.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    let path = path.trim_end_matches('/');
    path.rmatch_indices('/').map(|(at, _)| if at == 0 { "/" } else { &path[..at] })
}
