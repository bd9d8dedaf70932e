//! Who a container of the image runs as, and what that user may change in the merged file system.

use super::accounts::{User, id};
use super::entry::Kind;
use super::tree::{NodeId, Tree};
use super::{Image, Node};

/// The user that a container of the image runs as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuntimeUser {
    /// Its uid; that of nobody, 65534, where `known` says that it is missing.
    pub uid: u32,
    /// Its first group.
    pub gid: u32,
    /// All its groups, the first one among them.
    pub groups: Vec<u32>,
    /// The account's name, where there is an account.
    pub name: Option<String>,
    /// The account's home; empty where there is no account.
    pub home: String,
    /// How it was found.
    pub known: KnownUser,
}

/// How the user of `config.User` was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KnownUser {
    /// An account has its name or number, or `config.User` is empty and so means root.
    Account,
    /// A number that no account has. It runs with group 0 where none is given.
    Number,
    /// A name that no account has, or a number out of range: the container doesn't start.
    Missing,
    /// The user may be there, but the group behind the colon is none: the container doesn't start.
    MissingGroup,
}

impl RuntimeUser {
    /// Whether it is root by any spelling: `root`, `0`, `+0`, `00:0`, a name whose uid is 0, or nothing at all.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }
}

impl Image {
    /// Who `config.User` says the container runs as, as engines find it out (`GetExecUser` of moby/sys): a first line of
    /// passwd with that name or number; a group behind a colon takes the place of the account's groups; a number without
    /// an account runs with group 0.
    #[must_use]
    pub fn runtime_user(&self) -> RuntimeUser {
        self.user_of(&self.config.user)
    }

    /// As [`Image::runtime_user`], for another text of the form `USER[:GROUP]`.
    #[must_use]
    pub fn user_of(&self, text: &str) -> RuntimeUser {
        let mut parts = text.split(':');
        let (user_word, group_word) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let accounts = &self.accounts;
        let malformed = || accounts.malformed_users.iter().find(|user| !user_word.is_empty() && user.name == user_word);
        let account: Option<&User> = accounts.user(user_word).or_else(malformed);
        let number = if user_word.is_empty() { Some(0) } else { id(user_word).filter(|uid| *uid <= i32::MAX as u32) };
        let mut user = RuntimeUser {
            uid: account.map(|account| account.uid).or(number).unwrap_or(65534),
            gid: account.map_or(0, |account| account.gid),
            groups: Vec::new(),
            name: account.map(|account| account.name.clone()),
            home: account.map(|account| account.home.clone()).unwrap_or_default(),
            known: match (account, number) {
                (Some(_), _) => KnownUser::Account,
                (None, Some(_)) if user_word.is_empty() => KnownUser::Account,
                (None, Some(_)) => KnownUser::Number,
                (None, None) => KnownUser::Missing,
            },
        };
        if group_word.is_empty() {
            user.groups = account.map_or_else(|| vec![user.gid], |account| accounts.gids_of(account));
            return user;
        }
        match accounts.gid_of(group_word) {
            Some(gid) => user.gid = gid,
            None if user.known != KnownUser::Missing => user.known = KnownUser::MissingGroup,
            None => {}
        }
        user.groups = vec![user.gid];
        user
    }

    /// Whether the user may write a file or a folder as it is: POSIX permission bits of the inode, and the right to search
    /// every folder above it. Root may always. A symlink can't be written (ask for where it leads), and access control
    /// lists are not looked at. An owner may give itself the bit: see [`Image::owns`].
    #[must_use]
    pub fn can_write(&self, user: &RuntimeUser, node: NodeId) -> bool {
        may(user, &self.tree.node(node), 0o2) && self.can_reach(user, node)
    }

    /// Whether the user owns it, and so may change its mode. Root owns everything in this sense.
    #[must_use]
    pub fn owns(&self, user: &RuntimeUser, node: NodeId) -> bool {
        starts(user) && (user.uid == 0 || self.tree.node(node).uid == user.uid)
    }

    /// Whether the user may search every folder above the node.
    #[must_use]
    pub fn can_reach(&self, user: &RuntimeUser, node: NodeId) -> bool {
        let mut at = node;
        while at != Tree::ROOT {
            at = self.tree.parent(at);
            if !may(user, &self.tree.node(at), 0o1) {
                return false;
            }
        }
        true
    }

    /// Whether the user may put something else under the node's name: the folder it is in can be written and searched, and
    /// isn't sticky, or the user owns the folder or the node (unlink(2), rename(2)). The root folder can't be replaced.
    #[must_use]
    pub fn can_replace(&self, user: &RuntimeUser, node: NodeId) -> bool {
        let folder = self.tree.parent(node);
        let sticky = self.tree.node(folder).mode & 0o1000 != 0;
        node != Tree::ROOT
            && self.can_reach(user, node)
            && may(user, &self.tree.node(folder), 0o2)
            && (!sticky || self.owns(user, node) || self.owns(user, folder))
    }

    /// Where the user may change what a path leads to: the node itself where it can be written, or the nearest name on the
    /// way to it that can be replaced. Owners count, for they may give themselves the bit.
    #[must_use]
    pub fn takeover(&self, user: &RuntimeUser, node: NodeId) -> Option<NodeId> {
        if self.can_write(user, node) || (self.owns(user, node) && self.can_reach(user, node)) {
            return Some(node);
        }
        let mut at = node;
        while at != Tree::ROOT {
            let folder = self.tree.parent(at);
            if self.can_replace(user, at) || (self.owns(user, folder) && self.can_reach(user, folder)) {
                return Some(at);
            }
            at = folder;
        }
        None
    }
}

/// Whether a container runs as the user at all.
fn starts(user: &RuntimeUser) -> bool {
    matches!(user.known, KnownUser::Account | KnownUser::Number)
}

/// Whether the class that the user is in (owner, else group, else others) has a right. Root has those to read and write
/// and to search folders.
fn may(user: &RuntimeUser, node: &Node<'_>, right: u16) -> bool {
    if !starts(user) || node.kind == Kind::Symlink {
        return false;
    }
    let shift = match node {
        _ if user.uid == 0 => return right != 0o1 || node.kind == Kind::Folder || node.mode & 0o111 != 0,
        _ if node.uid == user.uid => 6,
        _ if user.groups.contains(&node.gid) => 3,
        _ => 0,
    };
    node.mode >> shift & right != 0
}
