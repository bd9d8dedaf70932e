//! Writes the merged file system of an image into a fresh folder. What is written is what the tree says, never what an
//! archive says on its way: folders first, then files, symlinks last, each from the folder's descriptor and through no
//! symlink. Devices are not made, setuid and setgid bits not given, file capabilities not set: no container of ours could
//! use them.

#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicU64;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::layer::{self, LayerRequest};
use super::source::{Blobs, Descriptor, Request};
use super::{Error, Image, Kind, NodeId};

/// Owners as they are written: user and group of the image to those of the host; `None` leaves both to the caller's.
pub type Owner<'a> = &'a dyn Fn(u32, u32) -> Option<(u32, u32)>;

/// What was left out, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LeftOut {
    /// Device nodes.
    pub devices: u64,
    /// Setuid and setgid bits.
    pub setid: u64,
    /// File capabilities.
    pub capabilities: u64,
}

/// Folders that every container mounts on, with their modes.
const PLACES: [(&str, u16); 5] = [("proc", 0o555), ("sys", 0o555), ("dev", 0o755), ("tmp", 0o1777), ("run", 0o755)];

/// Writes the file system of `image` into the empty folder `root`.
///
/// # Errors
/// A layer that is not what it was when the image was read; a folder that can't be written to, or is full.
pub fn unpack(
    image: &Image,
    layers: &[Descriptor],
    blobs: &dyn Blobs,
    request: &Request<'_>,
    root: &OwnedFd,
    owner: Owner<'_>,
) -> Result<LeftOut, Error> {
    let mut writer = Writer { image, root, owner, left_out: LeftOut::default() };
    let mut files: HashMap<(usize, u32), Vec<NodeId>> = HashMap::new();
    let mut folders = Vec::new();
    let mut links = Vec::new();
    for id in image.tree.iter() {
        let node = image.tree.node(id);
        match node.kind {
            Kind::Folder => {
                if id.0 != 0 {
                    writer.make_folder(&image.tree.path(id))?;
                }
                folders.push(id);
            }
            Kind::File => files.entry((node.content_layer, node.content_entry)).or_default().push(id),
            Kind::Symlink => links.push(id),
            Kind::Fifo => writer.make_pipe(id)?,
            _ => writer.left_out.devices += 1,
        }
    }
    for (layer, descriptor) in layers.iter().enumerate() {
        if files.keys().any(|(of, _)| *of == layer) {
            writer.layer(layer, descriptor, blobs, request, &mut files)?;
        }
    }
    // What is left has no bytes.
    for ((layer, entry), ids) in files {
        if ids.first().is_some_and(|id| image.tree.node(*id).size > 0) {
            return Err(changed(request.name, &format!("layer {} has no bytes for entry {entry}", layer + 1)));
        }
        let file = writer.create(&image.tree.path(ids[0]))?;
        writer.finish(&file, &ids)?;
    }
    for id in links {
        writer.make_symlink(id)?;
    }
    for (name, mode) in PLACES {
        match rustix::fs::mkdirat(root, name, Mode::from_raw_mode(mode.into())) {
            // The process's umask has no part in it.
            Ok(()) => rustix::fs::chmodat(root, name, Mode::from_raw_mode(mode.into()), AtFlags::empty())
                .and_then(|()| writer.give_to(name, 0, 0))
                .map_err(|error| unwritable(name, error))?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(unwritable(name, error)),
        }
    }
    for id in folders.into_iter().rev() {
        writer.finish_folder(id)?;
    }
    Ok(writer.left_out)
}

struct Writer<'a> {
    image: &'a Image,
    root: &'a OwnedFd,
    owner: Owner<'a>,
    left_out: LeftOut,
}

/// A file whose content passes.
struct Open {
    entry: u32,
    file: Option<(File, Vec<NodeId>)>,
    written: u64,
}

impl Writer<'_> {
    /// Reads a layer once more, and writes the files whose content it holds.
    fn layer(
        &mut self,
        layer: usize,
        blob: &Descriptor,
        blobs: &dyn Blobs,
        request: &Request<'_>,
        files: &mut HashMap<(usize, u32), Vec<NodeId>>,
    ) -> Result<(), Error> {
        let Some(before) = self.image.facts(layer) else {
            return Err(changed(request.name, &format!("layer {} was not read", layer + 1)));
        };
        let entries = AtomicU64::new(0);
        let place = format!("{}@{}", request.name, blob.digest);
        let asked = LayerRequest {
            place: &place,
            digest: Some(&blob.digest).filter(|digest| !digest.is_empty()).map(String::as_str),
            size: None,
            wanted: request.wanted,
            limits: request.limits,
            entries: &entries,
        };
        let mut open = Open { entry: u32::MAX, file: None, written: 0 };
        let mut failed = None;
        let mut sink = |entry: u32, bytes: &[u8]| {
            if failed.is_none() {
                failed = self.take(layer, entry, bytes, &mut open, files).err();
            }
        };
        let after = layer::read_with(blobs.open(blob)?, &asked, Some(&mut sink))?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.close(&mut open)?;
        if after.diff_id != before.diff_id || after.entries != before.entries {
            return Err(changed(request.name, &format!("layer {} is another one than before", layer + 1)));
        }
        Ok(())
    }

    fn take(
        &mut self,
        layer: usize,
        entry: u32,
        bytes: &[u8],
        open: &mut Open,
        files: &mut HashMap<(usize, u32), Vec<NodeId>>,
    ) -> Result<(), Error> {
        if open.entry != entry {
            self.close(open)?;
            open.entry = entry;
            open.written = 0;
            if let Some(ids) = files.remove(&(layer, entry)) {
                open.file = Some((self.create(&self.image.tree.path(ids[0]))?, ids));
            }
        }
        if let Some((file, ids)) = &mut open.file {
            file.write_all(bytes).map_err(|error| {
                unwritable(&self.image.tree.path(ids[0]), Errno::from_io_error(&error).unwrap_or(Errno::IO))
            })?;
            open.written += bytes.len() as u64;
        }
        Ok(())
    }

    fn close(&mut self, open: &mut Open) -> Result<(), Error> {
        let Some((file, ids)) = open.file.take() else { return Ok(()) };
        if open.written != self.image.tree.node(ids[0]).size {
            let path = self.image.tree.path(ids[0]);
            let problem = "it is stored with holes or cut short, so its bytes are not those of the file";
            return Err(Error::new(path, problem, "store the image again without sparse files"));
        }
        self.finish(&file, &ids)
    }

    fn create(&self, path: &str) -> Result<File, Error> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat2(self.root, inside(path), flags, Mode::RUSR | Mode::WUSR, BENEATH);
        made.map(File::from).map_err(|error| unwritable(path, error))
    }

    /// Gives a written file its other names, its owner, its mode and its time.
    fn finish(&mut self, file: &File, ids: &[NodeId]) -> Result<(), Error> {
        let Some(first) = ids.first() else { return Ok(()) };
        let (node, path) = (self.image.tree.node(*first), self.image.tree.path(*first));
        let failed = |error| unwritable(&path, error);
        self.left_out.setid += u64::from(node.mode & 0o6000 != 0);
        self.left_out.capabilities += u64::from(node.capability.is_some());
        if let Some((uid, gid)) = (self.owner)(node.uid, node.gid) {
            rustix::fs::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(failed)?;
        }
        rustix::fs::fchmod(file, Mode::from_raw_mode(u32::from(node.mode) & 0o777)).map_err(failed)?;
        rustix::fs::futimens(file, &times(node.modified)).map_err(failed)?;
        for other in &ids[1..] {
            let name = self.image.tree.path(*other);
            rustix::fs::linkat(self.root, inside(&path), self.root, inside(&name), AtFlags::empty())
                .map_err(|error| unwritable(&name, error))?;
        }
        Ok(())
    }

    fn make_folder(&self, path: &str) -> Result<(), Error> {
        let (parent, name) = self.parent(path)?;
        rustix::fs::mkdirat(&parent, name, Mode::RWXU).map_err(|error| unwritable(path, error))
    }

    fn finish_folder(&self, id: NodeId) -> Result<(), Error> {
        let (node, path) = (self.image.tree.node(id), self.image.tree.path(id));
        let failed = |error| unwritable(&path, error);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat2(self.root, inside(&path), flags, Mode::empty(), BENEATH).map_err(failed)?;
        if let Some((uid, gid)) = (self.owner)(node.uid, node.gid) {
            rustix::fs::fchown(&folder, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(failed)?;
        }
        rustix::fs::fchmod(&folder, Mode::from_raw_mode(u32::from(node.mode) & 0o1777)).map_err(failed)?;
        rustix::fs::futimens(&folder, &times(node.modified)).map_err(failed)
    }

    fn make_pipe(&self, id: NodeId) -> Result<(), Error> {
        let (node, path) = (self.image.tree.node(id), self.image.tree.path(id));
        let (parent, name) = self.parent(&path)?;
        let mode = Mode::from_raw_mode(u32::from(node.mode) & 0o777);
        rustix::fs::mknodat(&parent, name, FileType::Fifo, mode, 0)
            .and_then(|()| self.give(&parent, name, node.uid, node.gid))
            .map_err(|error| unwritable(&path, error))
    }

    fn make_symlink(&self, id: NodeId) -> Result<(), Error> {
        let (node, path) = (self.image.tree.node(id), self.image.tree.path(id));
        let (parent, name) = self.parent(&path)?;
        rustix::fs::symlinkat(node.link, &parent, name)
            .and_then(|()| self.give(&parent, name, node.uid, node.gid))
            .map_err(|error| unwritable(&path, error))
    }

    /// The open folder of a path, and the name in it.
    fn parent<'p>(&self, path: &'p str) -> Result<(OwnedFd, &'p str), Error> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::openat2(self.root, inside(folder), flags, Mode::empty(), BENEATH);
        opened.map(|folder| (folder, name)).map_err(|error| unwritable(path, error))
    }

    fn give_to(&self, name: &str, uid: u32, gid: u32) -> rustix::io::Result<()> {
        self.give(self.root, name, uid, gid)
    }

    fn give(&self, folder: &OwnedFd, name: &str, uid: u32, gid: u32) -> rustix::io::Result<()> {
        let Some((uid, gid)) = (self.owner)(uid, gid) else { return Ok(()) };
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        rustix::fs::chownat(folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
    }
}

/// How paths are resolved: there are no symlinks yet, and should there be one, it is not followed.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

fn inside(path: &str) -> &str {
    match path.trim_start_matches('/') {
        "" => ".",
        path => path,
    }
}

fn times(modified: i64) -> Timestamps {
    let time = Timespec { tv_sec: modified.max(0), tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}

fn changed(name: &str, problem: &str) -> Error {
    Error::new(name, format!("the image changed while it was read: {problem}"), "run it again")
}

fn unwritable(path: &str, error: Errno) -> Error {
    let remedy = match io::Error::from(error).kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or remove images: `harden run --gc`"
        }
        _ => "check the folder of images",
    };
    Error::new(path, format!("it can't be written to the store: {error}"), remedy)
}
