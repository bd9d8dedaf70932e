//! Writes the merged file system of an image into a fresh folder. What is written is what the tree says, never what an
//! archive says on its way: folders first, then files, what leads elsewhere last, each by the descriptor of the folder it
//! is in and through no symlink. Devices are not made, setuid and setgid bits of files not given, file capabilities and
//! other extended attributes not set: no container of ours could use them.

#![cfg(target_os = "linux")]

mod writer;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicU64;

use rustix::fs::{FileType, Mode};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::layer::{self, LayerRequest};
use super::source::{Blobs, Descriptor, Request};
use super::{Error, Image, Kind, NodeId, Tree, size_said};
use writer::{Open, Writer, unwritable};

/// What to do about a store that is full.
pub const FREE_SPACE: &str = "free some space, remove images by `harden run --gc`, or set XDG_DATA_HOME elsewhere";

/// Owners as they are written: user and group of the image to those of the host; `None` leaves both to the caller's.
pub type Owner<'a> = &'a dyn Fn(u32, u32) -> Option<(u32, u32)>;

/// What is unpacked, and to where.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// The image, whose layers have been read.
    pub image: &'a Image,
    /// The layers, lowest first.
    pub layers: &'a [Descriptor],
    /// Where their bytes are; they are read once more, and must be what they were.
    pub blobs: &'a dyn Blobs,
    /// As what the image was asked for.
    pub request: &'a Request<'a>,
    /// An empty folder.
    pub root: &'a OwnedFd,
    /// Whom files belong to.
    pub owner: Owner<'a>,
    /// Absolute paths of folders that will be mounted on; those that the image lacks are made where no link is on the way.
    pub points: &'a [String],
}

/// What was left out, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LeftOut {
    /// Device nodes.
    pub devices: u64,
    /// Files whose setuid and setgid bits were not given.
    pub setid: u64,
    /// Files whose capabilities were not given.
    pub capabilities: u64,
    /// Files whose other extended attributes were not given.
    pub attributes: u64,
    /// Symlinks to the empty path, which no file system has.
    pub links: u64,
}

/// Files, by the layer and the entry of their content: all their names.
type Files = HashMap<(usize, u32), Vec<NodeId>>;

/// Writes the file system of an image.
///
/// # Errors
/// A layer that is not what it was when the image was read; a folder that can't be written to, or is too small.
pub fn unpack(order: &Order<'_>) -> Result<LeftOut, Error> {
    let tree = &order.image.tree;
    let mut writer = Writer::new(order);
    let (mut files, mut others, mut folders) = (Files::new(), Vec::new(), vec![Tree::ROOT]);
    for id in tree.iter() {
        let node = tree.node(id);
        match node.kind {
            Kind::Folder => {
                writer.make_folder(id)?;
                folders.push(id);
            }
            Kind::File => files.entry((node.content_layer, node.content_entry)).or_default().push(id),
            Kind::Symlink | Kind::Fifo => others.push(id),
            _ => writer.left_out.devices += 1,
        }
    }
    check_room(order, &files)?;
    for (layer, descriptor) in order.layers.iter().enumerate() {
        if files.keys().any(|(of, _)| *of == layer) {
            read_layer(order, &mut writer, layer, descriptor, &mut files)?;
        }
    }
    // What is left has no bytes.
    for ids in files.into_values() {
        let open = writer.create(ids)?;
        writer.close(open)?;
    }
    let mut made = HashMap::new();
    for id in others {
        let node = tree.node(id);
        match made.get(&(node.content_layer, node.content_entry)) {
            Some(first) => writer.link(*first, id)?,
            None if writer.make_other(id)? => drop(made.insert((node.content_layer, node.content_entry), id)),
            None => {}
        }
    }
    order.points.iter().for_each(|path| writer.make_point(path));
    for id in folders.into_iter().rev() {
        writer.finish_folder(id)?;
    }
    Ok(writer.left_out)
}

impl LeftOut {
    /// What was left out, in words; nothing where nothing was.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        let files = |count: u64| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
        let nodes =
            if self.devices == 1 { "1 device node was" } else { &format!("{} device nodes were", self.devices) };
        let links = if self.links == 1 { "1 symlink" } else { &format!("{} symlinks", self.links) };
        [
            (self.devices, format!("{nodes} not made: a container has its own")),
            (self.setid, format!("{}: setuid and setgid bits were not given", files(self.setid))),
            (self.capabilities, format!("{}: capabilities were not given", files(self.capabilities))),
            (self.attributes, format!("{}: other extended attributes were not given", files(self.attributes))),
            (self.links, format!("{links} to nothing can't be made")),
        ]
        .into_iter()
        .filter_map(|(count, said)| (count > 0).then_some(said))
        .collect()
    }
}

/// Looks whether all files fit, before one is written: an image that fills the disk would harm others before it fails.
fn check_room(order: &Order<'_>, files: &Files) -> Result<(), Error> {
    let sizes = files.values().filter_map(|ids| Some(order.image.tree.node(*ids.first()?).size));
    let wanted = sizes.fold(0, u64::saturating_add);
    let room = rustix::fs::fstatvfs(order.root).map_err(|error| unwritable("/", error))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if wanted <= free {
        return Ok(());
    }
    let problem = format!("unpacked it has {}, and {} are free in the store", size_said(wanted), size_said(free));
    Err(Error::new(order.request.name, problem, FREE_SPACE))
}

/// Reads a layer once more, and writes the files whose content it holds.
fn read_layer(
    order: &Order<'_>,
    writer: &mut Writer<'_>,
    layer: usize,
    blob: &Descriptor,
    files: &mut Files,
) -> Result<(), Error> {
    let request = order.request;
    let Some(before) = order.image.facts(layer) else {
        let problem = format!("layer {} was not read", layer + 1);
        return Err(Error::new(request.name, problem, "ask for an image whose layers are all there"));
    };
    let entries = AtomicU64::new(0);
    let place = format!("{}@{}", request.name, blob.digest);
    let asked = LayerRequest {
        place: &place,
        digest: Some(&blob.digest),
        size: Some(blob.size),
        wanted: request.wanted,
        limits: request.limits,
        entries: &entries,
    };
    let mut current: Option<(u32, Option<Open>)> = None;
    let mut failed = None;
    let mut sink = |entry: u32, bytes: &[u8]| {
        if failed.is_some() {
            return;
        }
        let mut take = || {
            if current.as_ref().is_none_or(|(of, _)| *of != entry) {
                if let Some((_, Some(open))) = current.take() {
                    writer.close(open)?;
                }
                current = Some((entry, files.remove(&(layer, entry)).map(|ids| writer.create(ids)).transpose()?));
            }
            match &mut current {
                Some((_, Some(open))) => writer.write(open, bytes),
                _ => Ok(()),
            }
        };
        failed = take().err();
    };
    let changed = |problem: String| {
        let problem = format!("the image changed while it was unpacked: {problem}");
        Err(Error::new(request.name, problem, "leave it alone meanwhile, and start again"))
    };
    let read = order.blobs.open(blob).and_then(|blob| layer::read_with(blob, &asked, Some(&mut sink)));
    if let Some(error) = failed {
        return Err(error);
    }
    // It was read whole a moment ago.
    let after = match read {
        Ok(after) => after,
        Err(error) => return changed(format!("layer {}: {}", layer + 1, error.problem)),
    };
    if let Some((_, Some(open))) = current {
        writer.close(open)?;
    }
    if after.diff_id != before.diff_id || after.entries != before.entries {
        return changed(format!("layer {} is another one than before", layer + 1));
    }
    Ok(())
}

/// A name or a link's target in the bytes that the archive had: bytes that are no UTF-8 were mapped to U+F780 and above.
fn bytes_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut buffer = [0; 4];
    for c in text.chars() {
        match u32::from(c) {
            mapped @ 0xf780..=0xf7ff => bytes.push((mapped - 0xf700) as u8),
            _ => bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
        }
    }
    bytes
}

/// A name that is one name in one folder. The tree has no others; this is the last look at what strangers wrote.
fn plain_name(name: &str) -> Result<Vec<u8>, Errno> {
    let bytes = bytes_of(name);
    let odd = matches!(bytes.as_slice(), b"" | b"." | b"..") || bytes.iter().any(|byte| matches!(byte, b'/' | 0));
    if odd { Err(Errno::INVAL) } else { Ok(bytes) }
}

/// Mode of what is not finished: only the caller's.
const PRIVATE: Mode = Mode::RWXU;

/// What is neither file nor folder, as it is made.
fn file_type(kind: Kind) -> FileType {
    if kind == Kind::Fifo { FileType::Fifo } else { FileType::Symlink }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_own_bytes_and_stay_in_their_folder() {
        assert_eq!(plain_name("caf\u{f7e9}"), Ok(b"caf\xe9".to_vec()));
        assert_eq!(plain_name("café"), Ok("café".as_bytes().to_vec()));
        for odd in ["", ".", "..", "a/b", "/", "a\0", "\u{f7ff}/"] {
            assert_eq!(plain_name(odd), Err(Errno::INVAL), "{odd:?}");
        }
    }

    #[test]
    fn only_what_was_left_out_is_said() {
        assert!(LeftOut::default().said().is_empty());
        let said = LeftOut { devices: 1, setid: 2, ..LeftOut::default() }.said();
        assert_eq!(said.len(), 2);
        assert!(said[0].starts_with("1 device node was not") && said[1].starts_with("2 files"), "{said:?}");
    }
}
