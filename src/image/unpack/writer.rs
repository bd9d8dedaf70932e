//! Makes what is in a file system, one name after the other.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid, chownat, fchmod, fchown, futimens, linkat,
    mkdirat, mknodat, openat, openat2, symlinkat, utimensat,
};
use rustix::io::Errno;

use super::{FREE_SPACE, LeftOut, Order, PRIVATE, bytes_of, file_type, plain_name};
use crate::image::{Error, Kind, Node, NodeId, Tree};

/// How folders are opened: there are no symlinks yet, and should there be one, it is not followed.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Zeros that are not written but left as a hole.
const HOLE: usize = 4096;

/// Makes what a tree has.
pub(super) struct Writer<'a> {
    order: &'a Order<'a>,
    pub(super) left_out: LeftOut,
    /// The folder that was opened last: what follows is most often in the same one.
    last: Option<(NodeId, Rc<OwnedFd>)>,
}

/// A file whose content passes, and its names.
pub(super) struct Open {
    file: File,
    ids: Vec<NodeId>,
    size: u64,
    written: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(order: &'a Order<'a>) -> Self {
        Self { order, left_out: LeftOut::default(), last: None }
    }

    fn tree(&self) -> &'a Tree {
        &self.order.image.tree
    }

    fn node(&self, id: NodeId) -> Node<'a> {
        self.order.image.tree.node(id)
    }

    fn failed(&self, id: NodeId, error: Errno) -> Error {
        unwritable(&self.tree().path(id), error)
    }

    /// Opens a folder that was made.
    fn folder(&mut self, id: NodeId) -> Result<Rc<OwnedFd>, Errno> {
        if let Some((of, folder)) = &self.last
            && *of == id
        {
            return Ok(Rc::clone(folder));
        }
        let path = self.tree().path(id);
        let path = if id == Tree::ROOT { "." } else { path.trim_start_matches('/') };
        let flags = FOLDER | OFlags::PATH;
        let folder = Rc::new(openat2(self.order.root, bytes_of(path), flags, Mode::empty(), BENEATH)?);
        self.last = Some((id, Rc::clone(&folder)));
        Ok(folder)
    }

    /// The folder that a name is in, and the name.
    fn place(&mut self, id: NodeId) -> Result<(Rc<OwnedFd>, Vec<u8>), Errno> {
        let name = plain_name(self.tree().name(id))?;
        Ok((self.folder(self.tree().parent(id))?, name))
    }

    pub(super) fn make_folder(&mut self, id: NodeId) -> Result<(), Error> {
        let made = self.place(id).and_then(|(folder, name)| mkdirat(&*folder, name, PRIVATE));
        made.map_err(|error| self.failed(id, error))
    }

    /// Starts a file under its first name.
    pub(super) fn create(&mut self, ids: Vec<NodeId>) -> Result<Open, Error> {
        let first = ids.first().copied().unwrap_or(Tree::ROOT);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = self.place(first).and_then(|(folder, name)| openat(&*folder, name, flags, PRIVATE));
        let file = File::from(made.map_err(|error| self.failed(first, error))?);
        Ok(Open { file, ids, size: self.node(first).size, written: 0 })
    }

    /// Writes the next bytes of a file. Runs of zeros become holes.
    pub(super) fn write(&self, open: &mut Open, bytes: &[u8]) -> Result<(), Error> {
        let done = if bytes.len() >= HOLE && bytes.iter().all(|byte| *byte == 0) {
            open.file.seek(SeekFrom::Current(i64::try_from(bytes.len()).unwrap_or(0))).map(drop)
        } else {
            open.file.write_all(bytes)
        };
        open.written += bytes.len() as u64;
        let first = open.ids.first().copied().unwrap_or(Tree::ROOT);
        done.map_err(|error| self.failed(first, Errno::from_io_error(&error).unwrap_or(Errno::IO)))
    }

    /// Ends a file: gives it its owner, its mode, its time and its other names.
    pub(super) fn close(&mut self, open: Open) -> Result<(), Error> {
        let Some((first, others)) = open.ids.split_first() else { return Ok(()) };
        let node = self.node(*first);
        if open.written != open.size {
            let problem = "it is stored as a sparse file or cut short, so that what it holds can't be told";
            return Err(Error::new(self.tree().path(*first), problem, "make the image again without sparse files"));
        }
        self.count(&node);
        // A hole at the end is there only when the file is as long.
        let length = open.file.set_len(open.size).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO));
        length.and_then(|()| self.finish(&open.file, &node, 0o777)).map_err(|error| self.failed(*first, error))?;
        others.iter().try_for_each(|other| self.link(*first, *other))
    }

    /// Gives what was made another name.
    pub(super) fn link(&mut self, made: NodeId, other: NodeId) -> Result<(), Error> {
        let mut link = || {
            let (from, name) = self.place(made)?;
            let (to, new) = self.place(other)?;
            linkat(&*from, name, &*to, new, AtFlags::empty())
        };
        link().map_err(|error| self.failed(other, error))
    }

    /// Makes a symlink or a pipe; `false` where no file system could have it.
    pub(super) fn make_other(&mut self, id: NodeId) -> Result<bool, Error> {
        let node = self.node(id);
        if node.kind == Kind::Symlink && node.link.is_empty() {
            self.left_out.links += 1;
            return Ok(false);
        }
        let made = self.place(id).and_then(|(folder, name)| match node.kind {
            Kind::Symlink => self.make_symlink(&folder, &name, &node),
            _ => self.make_pipe(&folder, &name, &node),
        });
        made.map(|()| true).map_err(|error| self.failed(id, error))
    }

    fn make_symlink(&self, folder: &OwnedFd, name: &[u8], node: &Node<'_>) -> Result<(), Errno> {
        symlinkat(bytes_of(node.link), folder, name)?;
        if let Some((uid, gid)) = (self.order.owner)(node.uid, node.gid) {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            chownat(folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        utimensat(folder, name, &times(node.modified), AtFlags::SYMLINK_NOFOLLOW)
    }

    fn make_pipe(&self, folder: &OwnedFd, name: &[u8], node: &Node<'_>) -> Result<(), Errno> {
        mknodat(folder, name, file_type(node.kind), PRIVATE, 0)?;
        // To read, without waiting for anybody to write.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.finish(&openat(folder, name, flags, Mode::empty())?, node, 0o777)
    }

    /// Gives a folder its owner, its mode and its time, when all that is in it is made.
    pub(super) fn finish_folder(&mut self, id: NodeId) -> Result<(), Error> {
        let node = self.node(id);
        let mut finish = || {
            let folder = self.folder(id)?;
            let flags = FOLDER | OFlags::RDONLY;
            // In a folder, the setgid bit says which group new files have, and gives no right.
            self.finish(&openat(&*folder, c".", flags, Mode::empty())?, &node, 0o3777)
        };
        finish().map_err(|error| self.failed(id, error))
    }

    /// Makes a folder that will be mounted on, where it isn't there and no link is on the way; where it can't be made, who
    /// mounts finds another way.
    pub(super) fn make_point(&mut self, path: &str) {
        let Ok(mut folder) = openat(self.order.root, c".", FOLDER | OFlags::PATH, Mode::empty()) else { return };
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let Ok(name) = plain_name(part) else { return };
            let made = mkdirat(&folder, &*name, PRIVATE);
            let Ok(inner) = openat(&folder, &*name, FOLDER | OFlags::RDONLY, Mode::empty()) else { return };
            if made.is_ok() {
                let mode = if path == "/tmp" { 0o1777 } else { 0o755 };
                let root = (self.order.owner)(0, 0);
                let owned = root
                    .map_or(Ok(()), |(uid, gid)| fchown(&inner, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))));
                if owned.and_then(|()| fchmod(&inner, Mode::from_raw_mode(mode))).is_err() {
                    return;
                }
            }
            folder = inner;
        }
    }

    fn finish(&self, file: impl AsFd, node: &Node<'_>, mask: u32) -> Result<(), Errno> {
        if let Some((uid, gid)) = (self.order.owner)(node.uid, node.gid) {
            fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        }
        fchmod(&file, Mode::from_raw_mode(u32::from(node.mode) & mask))?;
        futimens(&file, &times(node.modified))
    }

    /// Counts what a file isn't given.
    fn count(&mut self, node: &Node<'_>) {
        self.left_out.setid += u64::from(node.mode & 0o6000 != 0);
        self.left_out.capabilities += u64::from(node.capability.is_some());
        let facts = self.order.image.facts(node.content_layer);
        let entry = facts.filter(|facts| (node.content_entry as usize) < facts.entries.len());
        let extra = entry.and_then(|facts| facts.entries.get(node.content_entry).extra);
        self.left_out.attributes += u64::from(extra.is_some_and(|extra| !extra.attributes.is_empty()));
    }
}

/// The error of a name that can't be made.
pub(super) fn unwritable(path: &str, error: Errno) -> Error {
    let kind = io::Error::from(error).kind();
    let (problem, remedy) = match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ("the store is full".to_owned(), FREE_SPACE),
        _ => (format!("it can't be written to the store: {error}"), "set XDG_DATA_HOME to a folder of yours"),
    };
    Error::new(path.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>(), problem, remedy)
}

fn times(modified: i64) -> Timestamps {
    let time = Timespec { tv_sec: modified, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}
