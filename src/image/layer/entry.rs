//! What one header of an archive means, with what stands in front of it: an entry, a whiteout, or nothing that an engine
//! would take. The engines are moby's go-archive and containerd's `pkg/archive`.

use std::sync::atomic::Ordering::Relaxed;

use super::IrregularityKind::{Ambiguous, Broken, Duplicate, Escape, Limit, Name};
use super::front::Front;
use super::names::{self, Cleaned};
use super::pax::Pax;
use super::tar::{Header, Odd};
use super::walk::{State, Walk, padding, skip};
use crate::image::{EntryDraft, Extra, Kind, Program};

/// Bytes that the names of one layer may fill: a hundred for each entry that the bounds allow.
const NAMES: usize = 512 << 20;

/// Hard links that are remembered until their target comes.
const EARLY: usize = 10_000;

/// What an entry's header says besides its names.
struct Facts {
    kind: Kind,
    mode: u16,
    uid: u32,
    gid: u32,
    modified: i64,
    /// Bytes as the file system will have them.
    size: u64,
    /// Bytes in the archive.
    stored: u64,
    extra: Extra,
    /// Whether more blocks of a sparse file's map follow; `None` where the file isn't sparse.
    sparse: Option<bool>,
}

impl Walk<'_> {
    /// Reads a header that is an entry's, and sets what comes next.
    pub(super) fn entry(&mut self, header: Header<'_>) {
        let used = self.request.entries.fetch_add(1, Relaxed);
        if used >= self.request.limits.entries {
            let detail = format!("the image has more than {} entries", self.request.limits.entries);
            return self.limit(detail);
        }
        if self.collector.name_bytes() > NAMES {
            return self.limit(format!("its names fill more than {NAMES} bytes"));
        }
        let mut front = std::mem::take(&mut self.front);
        self.note_names(header, &front);
        let (name, target) = (front.name(header), front.link(header));
        let longest = self.request.limits.path_bytes;
        if name.len() > longest || target.len() > longest {
            return self.limit(format!("a name is longer than {longest} bytes"));
        }
        let mut path = std::mem::take(&mut self.path);
        let cleaned = names::clean(&name, &mut path);
        let target = target.into_owned();
        let pax = front.pax.take().unwrap_or_default();
        let mut link = std::mem::take(&mut self.link);
        link.clear();
        self.take(header, pax, &path, cleaned, &target, &mut link);
        self.path = path;
        self.link = link;
    }

    fn take(&mut self, header: Header<'_>, pax: Pax, path: &str, cleaned: Cleaned, target: &[u8], link: &mut String) {
        let Some(facts) = self.facts(header, pax, path, cleaned) else { return };
        let content = facts.stored.saturating_add(padding(facts.stored));
        self.expect(match facts.sparse {
            Some(true) => State::SparseMap { content },
            _ => skip(content),
        });
        self.note_name(path, cleaned, facts.kind);
        if cleaned.escapes {
            return self.collector.note(
                Escape,
                path,
                "its name leads out of the image, so that engines refuse the layer",
            );
        }
        if path.is_empty() {
            if facts.kind != Kind::Folder {
                self.collector.note(Ambiguous, "/", "an entry that is no folder names the root");
            }
            return;
        }
        if path.contains("/.wh.") && self.is_mark(path, &facts) {
            return;
        }
        if !self.link_of(facts.kind, path, target, link) {
            return;
        }
        self.compare_with_earlier(path, &facts, link);
        self.keep(path, link, facts);
    }

    /// Notes where readers take different names for an entry.
    fn note_names(&mut self, header: Header<'_>, front: &Front) {
        if header.has_prefix_under_gnu_magic() {
            self.collector.note(Ambiguous, "", "a GNU header has ustar's prefix, which only some readers put in front");
        }
        let Some(pax) = &front.pax else { return };
        if front.name.is_some() && (pax.path.is_some() || pax.sparse_name.is_some()) {
            self.collector.note(Ambiguous, "", "an entry has a pax path and a GNU long name");
        }
        if front.link.is_some() && pax.link.is_some() {
            self.collector.note(Ambiguous, "", "a link has a pax target and a GNU long target");
        }
    }

    /// What the header and the pax records say; `None` where the entry is left out, with what comes next set.
    fn facts(&mut self, header: Header<'_>, pax: Pax, path: &str, cleaned: Cleaned) -> Option<Facts> {
        let flag = header.flag();
        let stored = self.stored(header, &pax, path)?;
        let kind = match flag {
            0 if cleaned.slash => Kind::Folder,
            0 | b'0' | b'7' | b'S' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'3' => Kind::CharDevice,
            b'4' => Kind::BlockDevice,
            b'5' => Kind::Folder,
            b'6' => Kind::Fifo,
            flag => {
                let flag = char::from(flag).escape_default();
                let detail = format!("its type `{flag}` is one that readers skip, refuse or take for a file");
                self.collector.note(Ambiguous, path, detail);
                self.expect(skip(stored.saturating_add(padding(stored))));
                return None;
            }
        };
        if flag == b'7' {
            self.collector.note(Ambiguous, path, "its type `7` is a file for some readers and refused by others");
        }
        let has_content = kind == Kind::File;
        if stored > 0 && !has_content {
            let detail = "it has a size but is of a type without content, which readers skip or don't";
            self.collector.note(Ambiguous, path, detail);
        }
        let mut sparse = None;
        let mut size = if has_content { stored } else { 0 };
        if flag == b'S' || pax.sparse {
            self.collector.note(Ambiguous, path, "it is a sparse file, which engines refuse or read differently");
            let (real, more) = header.old_sparse();
            let real = if flag == b'S' { real.ok().and_then(|real| u64::try_from(real).ok()) } else { None };
            size = pax.sparse_size.or(real).unwrap_or(size);
            sparse = Some(flag == b'S' && more);
        }
        let owner = |said: Option<u64>, field: Result<i64, Odd>| {
            said.map_or(field, |said| i64::try_from(said).map_err(|_| Odd))
                .and_then(|id| u32::try_from(id).map_err(|_| Odd))
        };
        let device = matches!(kind, Kind::CharDevice | Kind::BlockDevice).then(|| header.device());
        let small = |(major, minor)| Some((u32::try_from(major).ok()?, u32::try_from(minor).ok()?));
        let device = device.map(|device| device.and_then(|device| small(device).ok_or(Odd)));
        Some(Facts {
            kind,
            mode: (self.number("mode", path, header.mode()) & 0o7777) as u16,
            uid: self.number("owner", path, owner(pax.uid, header.uid())),
            gid: self.number("group", path, owner(pax.gid, header.gid())),
            modified: pax.modified.unwrap_or_else(|| self.number("time", path, header.modified())),
            size,
            stored: if has_content { stored } else { 0 },
            extra: Extra {
                capability: pax.capability,
                attributes: pax.attributes,
                device: device.map(|device| self.number("device", path, device)),
                ..Extra::default()
            },
            sparse,
        })
    }

    /// A field's number, or zero with a note.
    fn number<T: Default>(&mut self, what: &str, path: &str, number: Result<T, Odd>) -> T {
        number.unwrap_or_else(|Odd| {
            let detail = format!("its {what} is no number that fits, so that readers refuse it or guess");
            self.collector.note(Ambiguous, path, detail);
            T::default()
        })
    }

    /// Bytes of content in the archive. `None` where nobody can tell, which ends the walk.
    fn stored(&mut self, header: Header<'_>, pax: &Pax, path: &str) -> Option<u64> {
        let field = header.size().ok().and_then(|size| u64::try_from(size).ok());
        let Some(size) = pax.size.or(field) else {
            self.collector.note(Broken, path, "its size is no number, so that nobody can tell where it ends");
            self.stop();
            return None;
        };
        // A size that doesn't fit in the field leaves it empty.
        let for_size = field == Some(0) && size >= 1 << 33;
        if pax.size.is_some() && field != Some(size) && !for_size && !pax.sparse {
            // CVE-2026-33055: readers that take the other size see other files.
            let detail = format!("its pax record says {size} bytes and its header {}", field.unwrap_or_default());
            self.collector.note(Ambiguous, path, detail);
        }
        if size > self.request.limits.layer_bytes {
            self.limit(format!("an entry says that it has {size} bytes"));
            return None;
        }
        Some(size)
    }

    fn note_name(&mut self, path: &str, cleaned: Cleaned, kind: Kind) {
        let mut note = |condition, kind, detail: &str| {
            if condition {
                self.collector.note(kind, path, detail);
            }
        };
        note(cleaned.deceives, Name, "its name has control characters or such that turn the direction of text");
        note(cleaned.invalid, Name, "its name is no UTF-8");
        note(cleaned.long_part, Name, "a part of its name is longer than the 255 bytes that Linux allows");
        note(cleaned.absolute, Ambiguous, "its name is absolute, which readers refuse or take the slash from");
        note(cleaned.climbs && !cleaned.escapes, Ambiguous, "its name has `..` in it, which readers refuse or resolve");
        let slash = cleaned.slash && kind != Kind::Folder;
        note(slash, Ambiguous, "its name ends in a slash, so that it is a folder for some readers");
    }

    /// Takes whiteouts and AUFS's own files, which are no entries of the file system.
    fn is_mark(&mut self, path: &str, facts: &Facts) -> bool {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder_or_root = if folder.is_empty() { "/" } else { folder };
        if name == ".wh..wh..opq" {
            self.push(folder_or_root, Kind::Opaque, facts);
            return true;
        }
        if path.starts_with("/.wh..wh.") {
            return true;
        }
        let Some(hidden) = name.strip_prefix(".wh.") else {
            self.collector.note(Ambiguous, path, "a folder of its name is written as whiteouts are");
            return false;
        };
        if matches!(hidden, "" | "." | "..") {
            self.collector.note(Escape, path, "it is a whiteout of no name, which leads to the folder it is in");
            return true;
        }
        let hidden = format!("{folder}/{hidden}");
        if self.seen.get(&hidden, self.collector.entries()).is_some() {
            let detail = "a whiteout stands behind the entry of its layer that it hides, or not, as readers see it";
            self.collector.note(Ambiguous, &hidden, detail);
        }
        self.push(&hidden, Kind::Whiteout, facts);
        true
    }

    fn push(&mut self, path: &str, kind: Kind, facts: &Facts) {
        self.collector.add(EntryDraft {
            path,
            kind,
            mode: facts.mode,
            uid: facts.uid,
            gid: facts.gid,
            size: 0,
            modified: facts.modified,
            link: "",
            program: Program::No,
            extra: Extra::default(),
        });
    }

    /// Writes the target of a link. Whether the entry is kept.
    fn link_of(&mut self, kind: Kind, path: &str, target: &[u8], link: &mut String) -> bool {
        match kind {
            Kind::Symlink => {
                let mut cleaned = Cleaned::default();
                names::push(target, link, &mut cleaned);
                if cleaned.deceives || cleaned.invalid {
                    self.collector.note(Name, path, "its target has control characters or is no UTF-8");
                }
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                let whole = [folder.as_bytes(), b"/", target].concat();
                if target.is_empty() {
                    self.collector.note(Ambiguous, path, "it is a symbolic link to nothing");
                } else if target[0] != b'/' && names::clean(&whole, &mut String::new()).escapes {
                    // Moby refuses it, containerd and the kernel stop at the root.
                    self.collector.note(Escape, path, "its target climbs out of the root, so that Docker refuses it");
                }
                true
            }
            Kind::HardLink => {
                let cleaned = names::clean(target, link);
                if cleaned.escapes {
                    self.collector.note(Escape, path, "it is a hard link that leads out of the image");
                } else if link.is_empty() || link == path {
                    self.collector.note(Ambiguous, path, "it is a hard link to itself or to the root");
                }
                !cleaned.escapes && !link.is_empty() && link != path
            }
            _ => true,
        }
    }

    /// Notes an entry whose path was there before with something else.
    fn compare_with_earlier(&mut self, path: &str, facts: &Facts, link: &str) {
        let entries = self.collector.entries();
        let Some(earlier) = self.seen.get(path, entries).map(|earlier| entries.get(earlier)) else { return };
        let same_owner = (earlier.mode, earlier.uid, earlier.gid) == (facts.mode, facts.uid, facts.gid);
        let detail = if earlier.kind != facts.kind {
            "it is in the layer twice, as different things"
        } else if facts.kind == Kind::File {
            "it is in the layer twice, and readers that stop at the first see another file"
        } else if !same_owner {
            "it is in the layer twice, with different modes or owners"
        } else if earlier.link != link {
            "it is in the layer twice, with different targets"
        } else {
            return;
        };
        self.collector.note(Duplicate, path, detail);
    }

    /// Gives the entry to the collector, and lets its content follow.
    fn keep(&mut self, path: &str, link: &str, facts: Facts) {
        let sparse = facts.sparse.is_some();
        let draft = EntryDraft {
            path,
            kind: facts.kind,
            mode: facts.mode,
            uid: facts.uid,
            gid: facts.gid,
            size: facts.size,
            modified: facts.modified,
            link,
            program: Program::No,
            extra: facts.extra,
        };
        if facts.kind == Kind::File && !sparse {
            self.collector.begin(draft);
            if facts.stored == 0 {
                self.end_file();
            } else {
                self.expect(State::Content { left: facts.stored, padding: padding(facts.stored) });
            }
            return;
        }
        let early = facts.kind == Kind::HardLink && self.seen.get(link, self.collector.entries()).is_none();
        match self.collector.add(draft) {
            Some(entry) => {
                self.seen.set(entry, self.collector.entries());
                if early && self.early.len() < EARLY {
                    self.early.push((entry, link.to_owned()));
                }
            }
            None => self.limit("its names fill four gigabytes".to_owned()),
        }
    }

    /// Ends the regular file whose content has passed.
    pub(super) fn end_file(&mut self) {
        match self.collector.end() {
            Some(entry) => self.seen.set(entry, self.collector.entries()),
            None => self.limit("its names fill four gigabytes".to_owned()),
        }
    }

    /// Notes hard links that stand in front of their targets, which some readers can't make.
    pub(super) fn judge_early(&mut self) {
        for (entry, target) in std::mem::take(&mut self.early) {
            let entries = self.collector.entries();
            if self.seen.get(&target, entries).is_some_and(|later| later > entry) {
                let path = entries.get(entry).path.to_owned();
                self.collector.note(Ambiguous, &path, "it is a hard link whose target comes later in the layer");
            }
        }
    }

    fn limit(&mut self, detail: String) {
        self.collector.note(Limit, "", detail);
        self.stop();
    }
}
