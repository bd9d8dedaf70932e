//! Files with setuid or setgid bits, whatever their names, and the programs that they may be copies of.

use std::collections::HashMap;

use crate::image::{Image, Kind, NodeId, Program};
use crate::tables;

/// A file with setuid or setgid bits that take effect.
pub(super) struct SetId {
    pub(super) node: NodeId,
    /// The name that the finding is about: one that the layer which set the mode has made, if there is one.
    pub(super) path: String,
    /// Other names of the same file.
    pub(super) others: Vec<String>,
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) program: Program,
    /// Whether the content came without the bits, and another name of it brought them.
    pub(super) by_hard_link: bool,
    size: u64,
    digest: Option<[u8; 32]>,
}

/// Whose rights a program gives, in words.
pub(super) struct Rights {
    /// Root's, or those of a group by which one becomes root.
    pub(super) is_root: bool,
    /// `root's rights`, ``the rights of `app` ``, ``the rights of the group `shadow` ``.
    pub(super) text: String,
    /// The owner's name, or its number.
    pub(super) owner: String,
}

/// All of them, in the tree's order, each once.
pub(super) fn all(image: &Image) -> Vec<SetId> {
    let mut files: Vec<SetId> = Vec::new();
    let mut known: HashMap<(usize, u32), usize> = HashMap::new();
    for id in image.tree.iter() {
        let node = image.tree.node(id);
        // The bit of the owner needs some right to execute, that of the group the group's: without, it means locking.
        let takes_effect =
            node.mode & 0o4000 != 0 && node.mode & 0o111 != 0 || node.mode & 0o2000 != 0 && node.mode & 0o010 != 0;
        if node.kind != Kind::File || !takes_effect {
            continue;
        }
        let path = image.tree.path(id);
        if let Some(&at) = known.get(&(node.content_layer, node.content_entry)) {
            let file = &mut files[at];
            let first = image.tree.node(file.node);
            if first.layer != first.mode_layer && node.layer == node.mode_layer {
                file.others.push(std::mem::replace(&mut file.path, path));
                file.node = id;
            } else {
                file.others.push(path);
            }
            continue;
        }
        known.insert((node.content_layer, node.content_entry), files.len());
        let entry = image.facts(node.content_layer).map(|facts| facts.entries.get(node.content_entry));
        files.push(SetId {
            node: id,
            path,
            others: Vec::new(),
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            program: entry.map_or(Program::No, |entry| entry.program),
            by_hard_link: entry.is_some_and(|entry| entry.mode & 0o6000 == 0),
            size: node.size,
            digest: entry.and_then(|entry| entry.extra).and_then(|extra| extra.digest),
        });
    }
    files
}

impl SetId {
    pub(super) fn bits(&self) -> u16 {
        self.mode & 0o6000
    }

    /// `setuid`, with the owner where that isn't root.
    pub(super) fn kind(&self) -> &'static str {
        match self.bits() {
            0o4000 => "setuid",
            0o2000 => "setgid",
            _ => "setuid and setgid",
        }
    }

    pub(super) fn rights(&self, image: &Image) -> Rights {
        let user = image.accounts.users.iter().find(|user| user.uid == self.uid);
        let group = image.accounts.groups.iter().find(|group| group.gid == self.gid);
        let owner = user.map_or_else(|| format!("user {}", self.uid), |user| format!("`{}`", user.name));
        if self.mode & 0o4000 != 0 {
            let text = if self.uid == 0 { "root's rights".to_owned() } else { format!("the rights of {owner}") };
            return Rights { is_root: self.uid == 0, text, owner };
        }
        let strong = ["root", "shadow", "disk", "docker", "sudo", "wheel", "kmem", "adm"];
        let is_root = self.gid == 0 || group.is_some_and(|group| strong.contains(&group.name.as_str()));
        let group = group.map_or_else(|| self.gid.to_string(), |group| format!("`{}`", group.name));
        Rights { is_root, text: format!("the rights of the group {group}"), owner }
    }

    /// Whether it lies where packages put programs.
    pub(super) fn is_in_usual_folder(&self) -> bool {
        let path = self.path.strip_prefix("/usr").unwrap_or(&self.path);
        ["/bin/", "/sbin/", "/lib/", "/lib64/", "/lib32/", "/libexec/"].iter().any(|folder| path.starts_with(folder))
    }
}

/// Programs of the image that a file may be a copy of.
pub(super) struct Originals {
    /// Shells, by the digest of their content.
    shells: HashMap<[u8; 32], String>,
    /// Programs that hand out a shell or files, by their length, since digests of those are not taken; `None` where
    /// another program has the same.
    lengths: HashMap<u64, Option<NodeId>>,
}

/// Files below are too much alike for their length to say anything: linkers fill up to whole pages.
const TELLING: u64 = 128 << 10;

impl Originals {
    pub(super) fn of(image: &Image) -> Self {
        const SHELLS: [&str; 12] =
            ["bash", "dash", "busybox", "sh", "ash", "zsh", "ksh", "mksh", "csh", "tcsh", "fish", "toybox"];
        let mut originals = Self { shells: HashMap::new(), lengths: HashMap::new() };
        for folder in ["/bin", "/usr/bin", "/usr/local/bin"] {
            let Some(folder) = image.tree.resolve(folder) else { continue };
            for (name, id) in image.tree.children(folder) {
                let Some(id) = image.tree.resolve(&image.tree.path(id)) else { continue };
                let node = image.tree.node(id);
                // All empty files are alike, and a copy that has the bit itself is none to compare with.
                if node.kind != Kind::File || node.size == 0 || node.mode & 0o6000 != 0 {
                    continue;
                }
                if SHELLS.contains(&name) {
                    let entry = image.facts(node.content_layer).map(|facts| facts.entries.get(node.content_entry));
                    if let Some(digest) = entry.and_then(|entry| entry.extra?.digest) {
                        originals.shells.entry(digest).or_insert_with(|| image.tree.path(id));
                    }
                }
                if node.size >= TELLING {
                    let own = Some(id).filter(|_| tables::escape(image.tree.name(id)).is_some());
                    let known = originals.lengths.entry(node.size).or_insert(own);
                    *known = known.filter(|known| *known == id);
                }
            }
        }
        originals
    }

    /// The shell whose content a file has.
    pub(super) fn shell_copied_by(&self, file: &SetId) -> Option<&str> {
        self.shells.get(&file.digest?).map(String::as_str)
    }

    /// The only program that has the file's length to the byte.
    pub(super) fn of_same_length(&self, image: &Image, file: &SetId) -> Option<String> {
        Some(image.tree.path((*self.lengths.get(&file.size)?)?))
    }
}
