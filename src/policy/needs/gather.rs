//! What an image needs, gathered in one pass over its merged tree. An image is hostile input: each list is bounded, and
//! folders are counted with a budget.

use std::collections::{BTreeSet, HashSet};

use super::{Account, Folder, GroupLine, Needs, StartFile};
use crate::image::{Image, Kind, Node, NodeId, Program, Tree};

/// Entries of a list that are kept. Real images have far fewer of each.
const MOST: usize = 4096;
/// Folders whose content is counted, and names that are looked at for all of them together.
const MOST_FOLDERS: usize = 512;
const MOST_NAMES: u64 = 1 << 21;
/// Components of a volume's path.
const MOST_PARTS: usize = 64;

/// Where programs of the field write at run time: temporary files, sockets and pid files, logs, caches. Content at these
/// places is small, and a fresh copy does.
#[rustfmt::skip]
const RUN_TIME: &[&str] = &[
    "/tmp", "/var/tmp", "/run", "/var/run", "/var/lock", "/var/log", "/var/cache/nginx", "/var/lib/nginx",
    "/var/cache/apache2", "/var/lib/apache2", "/var/cache/httpd", "/usr/local/apache2/logs", "/var/cache/squid",
    "/var/lib/php", "/var/lib/haproxy", "/var/spool/cron", "/usr/local/tomcat/logs", "/usr/local/tomcat/temp",
    "/usr/local/tomcat/work", "/opt/bitnami/nginx/tmp", "/opt/bitnami/nginx/logs", "/usr/local/openresty/nginx/logs",
    "/usr/local/openresty/nginx/client_body_temp", "/usr/local/openresty/nginx/proxy_temp",
];

impl Needs {
    /// Gathers what decides which privileges a container of the image gets. A folder (`rootfs:`) is an image too, whose
    /// configuration is empty.
    #[must_use]
    pub fn of(image: &Image) -> Self {
        let config = &image.config;
        let mut needs = Self {
            architecture: config.architecture.clone(),
            os: config.os.clone(),
            user: config.user.clone(),
            env: some(&config.env),
            entrypoint: config.entrypoint.as_deref().map(some),
            cmd: config.cmd.as_deref().map(some),
            working_dir: config.working_dir.clone(),
            exposed_ports: some(&config.exposed_ports),
            stop_signal: config.stop_signal.clone(),
            accounts: image.accounts.users.iter().take(MOST).map(account).collect(),
            groups: image.accounts.groups.iter().take(MOST).map(group).collect(),
            ..Self::default()
        };
        let tree = &image.tree;
        needs.volumes = distinct(config.volumes.iter().filter_map(|path| place(tree, path)));
        needs.run_time = outermost(RUN_TIME.iter().filter_map(|path| folder_at(tree, path)));
        for step in image.start.steps.iter().take(MOST) {
            let node = tree.node(step.node);
            needs.start.push(StartFile { path: tree.path(step.node), uid: node.uid, gid: node.gid });
        }
        needs.owners = owners(image, &needs);
        walk(image, &mut needs);
        needs.folders = folders(tree, &needs);
        needs
    }
}

/// The pass over all names.
fn walk(image: &Image, needs: &mut Needs) {
    let tree = &image.tree;
    // Folders that are in one that others may write to.
    let mut covered: HashSet<NodeId> = HashSet::new();
    for id in std::iter::once(Tree::ROOT).chain(tree.iter()) {
        let node = tree.node(id);
        needs.highest_id = needs.highest_id.max(node.uid).max(node.gid);
        if node.kind == Kind::Folder {
            let inside = id != Tree::ROOT && covered.contains(&tree.parent(id));
            if inside || may_be_written(&node) {
                covered.insert(id);
            }
            if !inside && may_be_written(&node) {
                push(&mut needs.writable, || tree.path(id));
            }
        } else if node.kind == Kind::File {
            if node.mode & 0o6000 != 0 {
                push(&mut needs.setid, || tree.path(id));
            }
            if node.capability.is_some() {
                push(&mut needs.capable, || tree.path(id));
            }
            // Modules of boot loaders are 32-bit ELF files too, and no program.
            let runs = || node.mode & 0o111 != 0 || tree.name(id).contains(".so");
            needs.has_32_bit = needs.has_32_bit || (program(image, &node) == Program::Elf32 && runs());
        }
    }
}

/// Whether a user that isn't root may write to the folder, as owner, by its group or as anybody.
fn may_be_written(node: &Node<'_>) -> bool {
    node.uid != 0 || node.mode & 0o002 != 0 || (node.gid != 0 && node.mode & 0o020 != 0)
}

fn program(image: &Image, node: &Node<'_>) -> Program {
    let facts = image.facts(node.content_layer);
    let entry = facts.filter(|facts| (node.content_entry as usize) < facts.entries.len());
    entry.map_or(Program::No, |facts| facts.entries.get(node.content_entry).program)
}

/// Whom the folders belong to that the program lies in and works in: the program's own, the working directory, the
/// volumes.
fn owners(image: &Image, needs: &Needs) -> Vec<(String, u32, u32)> {
    let tree = &image.tree;
    let programs = image.start.steps.iter().map(|step| tree.parent(step.node));
    let working = tree.resolve(&format!("/{}", needs.working_dir));
    let volumes = needs.volumes.iter().filter_map(|path| tree.resolve(path));
    let mut found: Vec<(String, u32, u32)> = Vec::new();
    for id in programs.chain(working).chain(volumes).take(MOST) {
        let (node, path) = (tree.node(id), tree.path(id));
        if node.kind == Kind::Folder && !found.iter().any(|(known, ..)| *known == path) {
            found.push((path, node.uid, node.gid));
        }
    }
    found
}

/// What is known of the folders that a container may want to write in.
fn folders(tree: &Tree, needs: &Needs) -> Vec<Folder> {
    let homes = needs.accounts.iter().filter_map(|account| folder_at(tree, &account.home));
    let places = needs.volumes.iter().chain(&needs.run_time).chain(&needs.writable).cloned().chain(homes);
    let mut budget = MOST_NAMES;
    let mut folders: Vec<Folder> = Vec::new();
    let mut seen = HashSet::new();
    for path in places.filter(|path| path != "/") {
        let Some(id) = tree.resolve(&path).filter(|id| tree.node(*id).kind == Kind::Folder) else { continue };
        if folders.len() >= MOST_FOLDERS || !seen.insert(id) {
            continue;
        }
        folders.push(count(tree, id, path, &mut budget));
    }
    folders
}

/// Counts what is in a folder. What the budget doesn't reach is as much as can be.
fn count(tree: &Tree, id: NodeId, path: String, budget: &mut u64) -> Folder {
    let node = tree.node(id);
    let mut folder = Folder { path, uid: node.uid, gid: node.gid, mode: node.mode, ..Folder::default() };
    let mut pending = vec![id];
    while let Some(at) = pending.pop() {
        for (_, child) in tree.children(at) {
            if *budget == 0 {
                return Folder { bytes: u64::MAX, entries: u64::MAX, programs: true, ..folder };
            }
            *budget -= 1;
            let node = tree.node(child);
            folder.entries += 1;
            match node.kind {
                Kind::Folder => pending.push(child),
                Kind::File => {
                    folder.bytes = folder.bytes.saturating_add(node.size);
                    folder.programs |= node.mode & 0o111 != 0;
                }
                _ => {}
            }
        }
    }
    folder
}

/// The path of a folder that is there, symlinks followed.
fn folder_at(tree: &Tree, path: &str) -> Option<String> {
    let id = tree.resolve(path).filter(|id| path.starts_with('/') && tree.node(*id).kind == Kind::Folder)?;
    Some(tree.path(id))
}

/// The place of a volume, the folders above it resolved as far as they are there. One that climbs is left out, and one of
/// the root folder too.
fn place(tree: &Tree, path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.is_empty() || parts.len() > MOST_PARTS || parts.contains(&"..") || path.contains('\0') {
        return None;
    }
    let (there, found) = (0..=parts.len()).rev().find_map(|there| {
        let found = folder_at(tree, &format!("/{}", parts[..there].join("/")))?;
        Some((there, found))
    })?;
    let mut place = if found == "/" { String::new() } else { found };
    for part in &parts[there..] {
        place.push('/');
        place.push_str(part);
    }
    (!place.is_empty()).then_some(place)
}

fn distinct(paths: impl Iterator<Item = String>) -> Vec<String> {
    paths.take(MOST).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Each path once, without those inside another one.
fn outermost(paths: impl Iterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for path in distinct(paths.filter(|path| path != "/")) {
        if !found.iter().any(|outer| path.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with('/'))) {
            found.push(path);
        }
    }
    found
}

fn some(list: &[String]) -> Vec<String> {
    list.iter().take(MOST).cloned().collect()
}

fn push(list: &mut Vec<String>, path: impl FnOnce() -> String) {
    if list.len() < MOST {
        list.push(path());
    }
}

fn account(user: &crate::image::User) -> Account {
    Account { name: user.name.clone(), uid: user.uid, gid: user.gid, home: user.home.clone() }
}

fn group(group: &crate::image::Group) -> GroupLine {
    GroupLine { name: group.name.clone(), gid: group.gid, members: some(&group.members) }
}
