//! A folder with an unpacked root file system, as one layer.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use super::layout::unreadable;
use super::{Request, Whole};
use crate::image::layer::Collector;
use crate::image::{EntryDraft, Error, Extra, IrregularityKind, Kind, LayerPart, Program};
use crate::platform::{self, FileType, Folder, Stat};

/// Walks a folder. Symlinks aren't followed, pipes and devices aren't opened, other file systems aren't entered. Each
/// folder is opened from the root name by name, so that nobody who changes it meanwhile can lead the walk out of it.
pub(super) fn read(request: &Request<'_>, path: &str, collector: Collector) -> Result<Whole, Error> {
    let root = Folder::open(Path::new(path)).map_err(|error| unreadable(path, &error))?;
    let home = root.stat(".".as_ref()).map_err(|error| unreadable(path, &error))?;
    let mut walk = Walk { request, collector, inodes: HashMap::new(), bytes: 0, full: false, device: home.id.0 };
    let mut pending: Vec<(Vec<OsString>, String)> = vec![(Vec::new(), String::new())];
    while let Some((parts, shown)) = pending.pop() {
        match descend(&root, &parts).and_then(|folder| walk.folder(&folder, &shown)) {
            Ok(inside) => {
                // The last one pushed is the next one read: names are walked in their order.
                for name in inside.into_iter().rev() {
                    let shown = format!("{shown}/{}", text_of(&name));
                    pending.push(([&parts[..], &[name]].concat(), shown));
                }
            }
            Err(error) if shown.is_empty() => return Err(unreadable(path, &error)),
            Err(error) => walk.unread(&shown, &error),
        }
        if walk.full {
            break;
        }
    }
    let mut facts = walk.collector.finish();
    facts.size = walk.bytes;
    let layer = LayerPart { digest: String::new(), size: walk.bytes, facts: Ok(facts) };
    Ok(Whole {
        digest: None,
        index_digest: None,
        config: b"{}".to_vec(),
        layers: vec![layer],
        siblings: Vec::new(),
        unhashed: 0,
        irregularities: Vec::new(),
    })
}

struct Walk<'a> {
    request: &'a Request<'a>,
    collector: Collector,
    /// The first name of each inode that has several.
    inodes: HashMap<(u64, u64), String>,
    /// Bytes of content so far.
    bytes: u64,
    /// Whether a bound was met.
    full: bool,
    /// That of the root.
    device: u64,
}

impl Walk<'_> {
    /// Adds what is in a folder, and returns the folders in it that are to be walked.
    fn folder(&mut self, folder: &Folder, shown: &str) -> io::Result<Vec<OsString>> {
        let mut inside = Vec::new();
        for name in folder.names()? {
            let path = format!("{shown}/{}", text_of(&name));
            let limits = self.request.limits;
            if self.collector.entries().len() as u64 >= limits.entries {
                let detail = format!("the folder has more than {} entries, the limit", limits.entries);
                self.collector.note(IrregularityKind::Limit, "", detail);
                self.full = true;
                break;
            }
            if path.len() > limits.path_bytes {
                let detail = format!("its path has more than {} bytes, the limit; it was not read", limits.path_bytes);
                self.collector.note(IrregularityKind::Limit, &path, detail);
                continue;
            }
            let stat = match folder.stat(&name) {
                Ok(stat) => stat,
                Err(error) => {
                    self.unread(&path, &error);
                    continue;
                }
            };
            match stat.kind {
                FileType::Folder => {
                    self.add(&path, Kind::Folder, &stat, "");
                    if stat.id.0 == self.device {
                        inside.push(name);
                    } else {
                        let detail = "another file system is mounted there, which was not read";
                        self.collector.note(IrregularityKind::Limit, &path, detail);
                    }
                }
                FileType::Symlink => {
                    let target = folder.link(&name).map(|target| text_of(&target));
                    self.add(&path, Kind::Symlink, &stat, &target.unwrap_or_default());
                }
                FileType::CharDevice => self.add(&path, Kind::CharDevice, &stat, ""),
                FileType::BlockDevice => self.add(&path, Kind::BlockDevice, &stat, ""),
                FileType::Fifo => self.add(&path, Kind::Fifo, &stat, ""),
                FileType::File => self.file(folder, &name, path, &stat),
                // Archives have no sockets.
                FileType::Other => {}
            }
        }
        Ok(inside)
    }

    fn file(&mut self, folder: &Folder, name: &OsString, path: String, stat: &Stat) {
        if stat.names > 1 {
            if let Some(first) = self.inodes.get(&stat.id) {
                let first = first.clone();
                return self.add(&path, Kind::HardLink, stat, &first);
            }
            self.inodes.insert(stat.id, path.clone());
        }
        let mut draft = draft(&path, Kind::File, stat, "");
        let limit = self.request.limits.layer_bytes;
        if stat.size > limit.saturating_sub(self.bytes) {
            let detail = format!("the folder has more than {limit} bytes, the limit; its content was not read");
            self.collector.note(IrregularityKind::Limit, &path, detail);
            // That it is there is still known.
            let _ = self.collector.file(draft, io::empty());
            return;
        }
        let read = match folder.file(name) {
            Ok(file) => {
                (draft.extra.capability, draft.extra.attributes) = platform::attributes(&file);
                self.bytes += stat.size;
                self.collector.file(draft, file).map(|_| ())
            }
            Err(error) => {
                let _ = self.collector.file(draft, io::empty());
                Err(error)
            }
        };
        if let Err(error) = read {
            self.unread(&path, &error);
        }
    }

    fn add(&mut self, path: &str, kind: Kind, stat: &Stat, link: &str) {
        let mut draft = draft(path, kind, stat, link);
        if matches!(kind, Kind::CharDevice | Kind::BlockDevice) {
            draft.extra.device = Some(stat.device);
        }
        self.collector.add(draft);
    }

    fn unread(&mut self, path: &str, error: &io::Error) {
        self.collector.note(IrregularityKind::Broken, path, format!("it can't be read: {error}"));
    }
}

fn draft<'a>(path: &'a str, kind: Kind, stat: &Stat, link: &'a str) -> EntryDraft<'a> {
    EntryDraft {
        path,
        kind,
        mode: stat.mode,
        uid: stat.uid,
        gid: stat.gid,
        size: if kind == Kind::File { stat.size } else { 0 },
        modified: stat.modified,
        link,
        program: Program::No,
        extra: Extra::default(),
    }
}

fn descend(root: &Folder, parts: &[OsString]) -> io::Result<Folder> {
    let mut folder = root.folder(".".as_ref())?;
    for part in parts {
        folder = folder.folder(part)?;
    }
    Ok(folder)
}

/// A name as text: bytes that are no UTF-8 become U+F780 and above.
fn text_of(name: &OsString) -> String {
    let bytes = platform::bytes_of(name);
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(0xf700 + u32::from(*byte))));
    }
    text
}
