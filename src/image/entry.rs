//! What is known of one layer by itself: its entries in archive order, and what the walk collected of their content. Plain
//! data, which the cache stores.

use serde::{Deserialize, Serialize};

use super::layer::Irregularity;

/// What the walk of one layer's archive found.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LayerFacts {
    /// Digest of the uncompressed archive as computed, `sha256:…`.
    pub diff_id: String,
    /// Bytes of the uncompressed archive.
    pub size: u64,
    /// The entries, in archive order.
    pub entries: Entries,
    /// The files that [`super::Wanted::reads`] asked for, by entry.
    pub texts: Vec<Text>,
    /// What the content scan found, by entry.
    pub secrets: Vec<SecretHit>,
    /// Bytes of file content that the scan read.
    pub scanned_bytes: u64,
    /// Bytes of file content that it left out, since a NUL stands in the first 8 KiB.
    pub skipped_bytes: u64,
    /// What the archive says in two ways, or says to harm.
    pub irregularities: Vec<Irregularity>,
}

/// The entries of a layer. Names share one buffer, so that an image of a million files fits in memory.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Entries {
    names: String,
    rows: Vec<Row>,
    extras: Vec<(u32, Extra)>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Row {
    path: (u32, u32),
    link: (u32, u32),
    size: u64,
    modified: i64,
    uid: u32,
    gid: u32,
    mode: u16,
    kind: Kind,
    program: Program,
}

/// What an entry of a layer is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link; `link` is its target as written.
    Symlink,
    /// Another name of the file that `link` names, as an absolute path. Its mode and extended attributes land on the
    /// shared inode.
    HardLink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// Hides `path` of the layers below (OCI image-layer specification, whiteouts).
    Whiteout,
    /// Hides what lower layers have in the folder `path`.
    Opaque,
}

/// What kind of program the first bytes of a regular file show.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Program {
    /// None.
    #[default]
    No,
    /// A script; the interpreter line is in [`Extra::interpreter`].
    Script,
    /// A 32-bit ELF program or library.
    Elf32,
    /// A 64-bit ELF program or library with an interpreter or needed libraries.
    Elf64,
    /// A 64-bit ELF program that needs no library.
    Elf64Static,
}

/// One entry of a layer's archive.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Entry<'a> {
    /// Its index in archive order.
    pub index: u32,
    /// Absolute path as the archive has it: cleaned, with symlinked parents not yet resolved. Bytes that are no UTF-8 are
    /// mapped to U+F780 and above.
    pub path: &'a str,
    /// What it is.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky (octal 7777).
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of a regular file's content.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Target of a symbolic or hard link; empty for others.
    pub link: &'a str,
    /// What program it is.
    pub program: Program,
    /// What few entries have.
    pub extra: Option<&'a Extra>,
}

/// An entry under construction.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct EntryDraft<'a> {
    pub path: &'a str,
    pub kind: Kind,
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub modified: i64,
    pub link: &'a str,
    pub program: Program,
    pub extra: Extra,
}

/// What few entries have.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Extra {
    /// The value of `security.capability`, undecoded (see [`super::layer::capability`]).
    pub capability: Option<Vec<u8>>,
    /// Names of other extended attributes.
    pub attributes: Vec<String>,
    /// SHA-256 of the content: of files with setuid or setgid bits or capabilities, and of shells by name.
    pub digest: Option<[u8; 32]>,
    /// What follows `#!` on a script's first line, at most 255 bytes.
    pub interpreter: Option<String>,
    /// RPATH and RUNPATH of an ELF file.
    pub run_path: Option<String>,
    /// Major and minor number of a device.
    pub device: Option<(u32, u32)>,
}

/// Content of a file that was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Text {
    /// The entry.
    pub entry: u32,
    /// The bytes, cut where the file is longer than what is kept.
    pub bytes: Vec<u8>,
    /// Whether the file is longer.
    pub cut: bool,
}

/// A place where the content scan found a secret, without its text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SecretHit {
    /// The entry.
    pub entry: u32,
    /// [`crate::secret::Content::name`] of what found it.
    pub content: String,
    /// Byte offset in the file.
    pub offset: u64,
    /// Line, from 1.
    pub line: u64,
    /// What it is, fit for a sentence.
    pub kind: String,
    /// How sure the form or the context makes us: 0 low, 1 medium, 2 high.
    pub confidence: u8,
    /// What may be shown of it.
    pub shown: String,
}

impl LayerFacts {
    /// The kept bytes of an entry.
    #[must_use]
    pub fn text_of(&self, entry: u32) -> Option<&[u8]> {
        let at = self.texts.binary_search_by_key(&entry, |text| text.entry).ok()?;
        Some(&self.texts[at].bytes)
    }

    /// Whether every index and range in it leads somewhere, so that facts from a file can be asked without a panic.
    pub(super) fn is_sound(&self) -> bool {
        let count = self.entries.rows.len() as u64;
        let in_names = |(start, length): (u32, u32)| {
            let start = start as usize;
            start.checked_add(length as usize).is_some_and(|end| self.entries.names.get(start..end).is_some())
        };
        self.entries.rows.iter().all(|row| in_names(row.path) && in_names(row.link))
            && self.entries.extras.is_sorted_by_key(|(entry, _)| *entry)
            && self.entries.extras.iter().all(|(entry, _)| u64::from(*entry) < count)
            && self.texts.is_sorted_by_key(|text| text.entry)
            && self.texts.iter().all(|text| u64::from(text.entry) < count)
            && self.secrets.iter().all(|hit| u64::from(hit.entry) < count)
    }
}

impl LayerFacts {
    /// Gives back the memory that growing took in advance: of a large layer, as much as the facts themselves.
    pub(super) fn shrink(&mut self) {
        self.entries.names.shrink_to_fit();
        self.entries.rows.shrink_to_fit();
        self.entries.extras.shrink_to_fit();
        self.texts.shrink_to_fit();
        self.secrets.shrink_to_fit();
        for text in &mut self.texts {
            text.bytes.shrink_to_fit();
        }
    }
}

impl Entries {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The entry of an index below [`Entries::len`].
    #[must_use]
    pub fn get(&self, index: u32) -> Entry<'_> {
        let row = &self.rows[index as usize];
        let name = |(start, length): (u32, u32)| &self.names[start as usize..][..length as usize];
        let extra = self.extras.binary_search_by_key(&index, |(entry, _)| *entry).ok();
        Entry {
            index,
            path: name(row.path),
            kind: row.kind,
            mode: row.mode,
            uid: row.uid,
            gid: row.gid,
            size: row.size,
            modified: row.modified,
            link: name(row.link),
            program: row.program,
            extra: extra.map(|at| &self.extras[at].1),
        }
    }

    /// All entries, in archive order.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.rows.len()).map(|index| self.get(index as u32))
    }

    /// Adds an entry and returns its index. `None` when names fill four gigabytes or there are four billion entries,
    /// which limits keep from happening.
    pub fn push(&mut self, draft: EntryDraft<'_>) -> Option<u32> {
        let index = u32::try_from(self.rows.len()).ok()?;
        let mut add = |text: &str| {
            let start = u32::try_from(self.names.len()).ok()?;
            let length = u32::try_from(text.len()).ok()?;
            start.checked_add(length)?;
            self.names.push_str(text);
            Some((start, length))
        };
        let (path, link) = (add(draft.path)?, add(draft.link)?);
        self.rows.push(Row {
            path,
            link,
            size: draft.size,
            modified: draft.modified,
            uid: draft.uid,
            gid: draft.gid,
            mode: draft.mode,
            kind: draft.kind,
            program: draft.program,
        });
        if draft.extra != Extra::default() {
            self.extras.push((index, draft.extra));
        }
        Some(index)
    }
}
