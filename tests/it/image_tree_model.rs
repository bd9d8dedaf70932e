//! Any layers, merged and by a naive model: a map from paths to inodes, changed as a folder on a disk would be.

use std::collections::{BTreeMap, BTreeSet};

use harden::image::{Entry, Kind, LayerFacts, Tree, Visibility};
use proptest::prelude::*;

use crate::image_tree::layer;

/// A file system as a map.
#[derive(Default)]
struct Model {
    /// Each path below the root, and the entry that made it.
    names: BTreeMap<String, (usize, Option<(usize, u32)>)>,
    inodes: Vec<Inode>,
    /// What the layer at work wrote.
    written: BTreeSet<String>,
    fates: BTreeMap<(usize, u32), Visibility>,
}

#[derive(Clone, PartialEq, Debug)]
struct Inode {
    kind: Kind,
    mode: u16,
    uid: u32,
    link: String,
    content: (usize, u32),
}

impl Model {
    fn kind(&self, path: &str) -> Option<Kind> {
        if path.is_empty() {
            Some(Kind::Folder)
        } else {
            self.names.get(path).map(|(inode, _)| self.inodes[*inode].kind)
        }
    }

    /// The real path of a folder, with no slash at the end.
    fn folder(&mut self, path: &str, make: Option<(usize, u32)>) -> Option<String> {
        let mut real = String::new();
        let mut todo: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut links = 0;
        while let Some(word) = todo.pop() {
            match word.as_str() {
                "" | "." => continue,
                ".." => {
                    real.truncate(real.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let next = format!("{real}/{word}");
            match self.kind(&next) {
                Some(Kind::Folder) => real = next,
                Some(Kind::Symlink) => {
                    links += 1;
                    // Two links that lead to each other go on forever, so any bound gives the same answer.
                    if links > 40 {
                        return None;
                    }
                    let target = self.inodes[self.names[&next].0].link.clone();
                    todo.extend(target.split('/').rev().map(str::to_owned));
                    if target.starts_with('/') {
                        real.clear();
                    }
                }
                Some(_) => return None,
                None => {
                    let content = make?;
                    let inode = Inode { kind: Kind::Folder, mode: 0o755, uid: 0, link: String::new(), content };
                    self.put(&next, inode, None);
                    real = next;
                }
            }
        }
        Some(real)
    }

    fn put(&mut self, path: &str, inode: Inode, by: Option<(usize, u32)>) {
        self.inodes.push(inode);
        self.name(path, self.inodes.len() - 1, by);
    }

    fn name(&mut self, path: &str, inode: usize, by: Option<(usize, u32)>) {
        self.names.insert(path.to_owned(), (inode, by));
        self.write(path);
    }

    fn write(&mut self, path: &str) {
        let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0).chain([path.len()]);
        self.written.extend(ends.map(|end| path[..end].to_owned()));
    }

    fn hide(&mut self, by: Option<(usize, u32)>, layer: usize) {
        if let Some((made, entry)) = by {
            let fate = if made == layer { Visibility::Replaced } else { Visibility::Hidden { by: layer } };
            self.fates.insert((made, entry), fate);
        }
    }

    fn remove(&mut self, path: &str, layer: usize) {
        let below = format!("{path}/");
        let gone: Vec<String> =
            self.names.keys().filter(|name| *name == path || name.starts_with(&below)).cloned().collect();
        for name in gone {
            let (_, by) = self.names.remove(&name).expect("it is there");
            self.hide(by, layer);
        }
    }

    fn apply(&mut self, layer: usize, entry: &Entry<'_>) {
        let id = (layer, entry.index);
        self.fates.insert(id, Visibility::Replaced);
        let (parent, name) = entry.path.rsplit_once('/').expect("paths are absolute");
        let Some(parent) = self.folder(parent, Some(id)) else { return };
        let path = format!("{parent}/{name}");
        let made = Inode {
            kind: entry.kind,
            mode: if entry.kind == Kind::Symlink { 0o777 } else { entry.mode },
            uid: entry.uid,
            link: if entry.kind == Kind::Symlink { entry.link.to_owned() } else { String::new() },
            content: id,
        };
        match entry.kind {
            Kind::Whiteout => self.remove(&path, layer),
            Kind::Opaque => {
                let Some(folder) = self.folder(entry.path, Some(id)) else { return };
                let below = format!("{folder}/");
                let lower = |name: &&String| name.starts_with(&below) && !self.written.contains(*name);
                for name in self.names.keys().filter(lower).cloned().collect::<Vec<_>>() {
                    self.remove(&name, layer);
                }
            }
            Kind::HardLink => {
                self.remove(&path, layer);
                let (link_parent, link_name) = entry.link.rsplit_once('/').expect("links are absolute");
                let Some(target) = self.folder(link_parent, None) else { return };
                let Some((inode, _)) = self.names.get(&format!("{target}/{link_name}")).cloned() else { return };
                let shared = &mut self.inodes[inode];
                if shared.kind == Kind::Folder {
                    return;
                }
                shared.uid = entry.uid;
                shared.mode = if shared.kind == Kind::Symlink { 0o777 } else { entry.mode };
                self.name(&path, inode, Some(id));
            }
            Kind::Folder if self.kind(&path) == Some(Kind::Folder) => {
                let (inode, by) = self.names[&path];
                self.hide(by, layer);
                self.inodes[inode] = made;
                self.name(&path, inode, Some(id));
            }
            _ => {
                self.remove(&path, layer);
                self.put(&path, made, Some(id));
            }
        }
        if matches!(entry.kind, Kind::Whiteout | Kind::Opaque) {
            self.fates.insert(id, Visibility::Visible);
        }
    }

    fn finish(&mut self) {
        for (inode, by) in self.names.values() {
            for seen in by.iter().chain(by.is_some().then_some(&self.inodes[*inode].content)) {
                self.fates.insert(*seen, Visibility::Visible);
            }
        }
    }
}

/// Paths of few names, so that layers meet often.
fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4)
        .prop_map(|words| "/".to_owned() + &words.join("/"))
}

fn line() -> impl Strategy<Value = String> {
    let mode = prop::sample::select(vec!["644", "755", "4755", "1777"]);
    let target = prop_oneof![
        path(),
        prop::sample::select(vec!["a", "b", "../b", "../../c/a", ".", "/", "./c//b"]).prop_map(str::to_owned)
    ];
    prop_oneof![
        3 => (path(), mode.clone(), 0..3u32).prop_map(|(path, mode, uid)| format!("f {path} {mode} {uid}")),
        3 => (path(), mode.clone(), 0..3u32).prop_map(|(path, mode, uid)| format!("d {path} {mode} {uid}")),
        2 => (path(), target).prop_map(|(path, target)| format!("l {path} {target}")),
        2 => (path(), path(), mode, 0..3u32).prop_map(|(path, to, mode, uid)| format!("h {path} {to} {mode} {uid}")),
        2 => path().prop_map(|path| format!("w {path}")),
        1 => path().prop_map(|path| format!("o {path}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_layers_merge_as_the_naive_model_does(texts in prop::collection::vec(prop::collection::vec(line(), 0..10), 1..5)) {
        let layers: Vec<LayerFacts> = texts.iter().map(|lines| layer(&lines.join("\n"))).collect();
        let tree = Tree::merge(&layers.iter().map(Some).collect::<Vec<_>>());
        let mut model = Model::default();
        for (index, facts) in layers.iter().enumerate() {
            model.written.clear();
            facts.entries.iter().for_each(|entry| model.apply(index, &entry));
        }
        model.finish();
        let merged: Vec<String> = tree.iter().map(|id| tree.path(id)).collect();
        let mut sorted = merged.clone();
        sorted.sort();
        prop_assert_eq!(&sorted, &model.names.keys().cloned().collect::<Vec<_>>());
        for (id, path) in tree.iter().zip(&merged) {
            let (inode, by) = &model.names[path];
            let node = tree.node(id);
            let names = model.names.values().filter(|(other, _)| other == inode).count();
            let same = Inode {
                kind: node.kind,
                mode: node.mode,
                uid: node.uid,
                link: node.link.to_owned(),
                content: (node.content_layer, node.content_entry),
            };
            prop_assert_eq!(&same, &model.inodes[*inode], "{}", path);
            prop_assert_eq!(node.names as usize, names, "{}", path);
            prop_assert_eq!(*by, (!node.implicit).then_some((node.layer, node.entry)), "{}", path);
            prop_assert_eq!(tree.lookup(path), Some(id));
            prop_assert_eq!(tree.children(tree.parent(id)).find(|(_, child)| *child == id).is_some(), true);
        }
        for ((layer, entry), fate) in &model.fates {
            prop_assert_eq!(tree.visibility(*layer, *entry), *fate, "layer {}, entry {}", layer, entry);
            if let Some(at) = tree.seen_at(*layer, *entry) {
                let node = tree.node(at);
                prop_assert!((node.layer, node.entry) == (*layer, *entry)
                    || (node.content_layer, node.content_entry) == (*layer, *entry));
            }
        }
    }
}
