//! What is kept of the files of a layer as they pass: entries, the texts that were asked for, what program a file is,
//! digests of dangerous ones, secrets. An archive's walk and a folder's walk both fill it.

use std::io::Read;

use sha2::{Digest, Sha256};

use super::notes::Notes;
use super::reads::Reads;
use super::scan::Scanner;
use super::{Irregularity, IrregularityKind, elf};
use crate::image::{Entries, EntryDraft, Extra, Kind, LayerFacts, Program, Text, Wanted};

/// Files whose content is known by digest whatever their mode: copies of them give a shell.
const SHELLS: [&str; 16] = [
    "sh",
    "bash",
    "rbash",
    "dash",
    "ash",
    "ksh",
    "ksh93",
    "mksh",
    "zsh",
    "csh",
    "tcsh",
    "fish",
    "busybox",
    "toybox",
    "busybox.static",
    "static-sh",
];

/// Bytes kept from the start of a file: `#!` and 255 of the line behind it.
const HEAD: usize = 257;

/// Bytes kept of the texts of one layer together.
const TEXTS: usize = 320 << 20;

/// Collects the facts of one layer or one folder.
pub struct Collector {
    facts: LayerFacts,
    reads: Reads,
    /// Whether of files that nobody asks for only the beginning is read.
    brief: bool,
    scanner: Scanner,
    file: File,
    notes: Notes,
    /// Bytes of the texts so far.
    texts: usize,
    /// Bytes of names so far: paths, targets, extended attributes.
    names: usize,
}

/// The regular file that passes now.
#[derive(Default)]
struct File {
    path: String,
    link: String,
    draft: Draft,
    seen: u64,
    /// How many bytes are kept of it.
    wanted: Option<usize>,
    text: Vec<u8>,
    digest: Option<Sha256>,
    kind: FileKind,
    /// The first bytes.
    head: Vec<u8>,
    elf: elf::Watch,
    /// What a file that came in one piece is.
    program: elf::Seen,
}

#[derive(Default)]
struct Draft {
    mode: u16,
    uid: u32,
    gid: u32,
    size: u64,
    modified: i64,
    extra: Extra,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum FileKind {
    #[default]
    Unknown,
    Script,
    Elf,
    Other,
}

impl Collector {
    /// Makes a collector for what is wanted.
    #[must_use]
    pub fn new(wanted: &Wanted) -> Self {
        Self::with(Reads::new(wanted), Scanner::new(&wanted.content), false)
    }

    /// Makes one that wants accounts, and of other files what kind of program each is. Of their content only the beginning
    /// is read, so that no digest is known, and no run path.
    #[must_use]
    pub fn brief() -> Self {
        Self::with(Reads::accounts(), Scanner::new(&[]), true)
    }

    fn with(reads: Reads, scanner: Scanner, brief: bool) -> Self {
        Self {
            facts: LayerFacts::default(),
            reads,
            brief,
            scanner,
            file: File::default(),
            notes: Notes::default(),
            texts: 0,
            names: 0,
        }
    }

    /// Adds an entry that has no content of its own: anything but a regular file. Returns its index; `None` where no more
    /// fit.
    pub fn add(&mut self, draft: EntryDraft<'_>) -> Option<u32> {
        self.names += names(&draft);
        self.facts.entries.push(draft)
    }

    /// Adds a regular file with its content, and returns its index. `program`, the digest, the interpreter and the run path
    /// of the draft are found here.
    ///
    /// # Errors
    /// What the reader fails with; the file is added with what was read.
    pub fn file(&mut self, draft: EntryDraft<'_>, mut content: impl Read) -> std::io::Result<Option<u32>> {
        let whole = draft.size;
        self.begin(draft);
        let size = if self.brief && self.file.wanted.is_none() { whole.min(HEAD as u64) } else { whole };
        let mut buffer = vec![0; size.min(64 << 10) as usize];
        let mut result = Ok(());
        let mut seen = 0;
        // A file that grows while it is read is taken as long as it was.
        while seen < size {
            let room = (size - seen).min(buffer.len() as u64) as usize;
            match content.read(&mut buffer[..room]) {
                Ok(0) => break,
                Ok(length) => {
                    self.content(&buffer[..length]);
                    seen += length as u64;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        let entry = self.end();
        result.map(|()| entry)
    }

    /// Starts a regular file; its content follows, then [`Collector::end`].
    pub(super) fn begin(&mut self, draft: EntryDraft<'_>) {
        self.names += names(&draft);
        let file = &mut self.file;
        file.path.clear();
        file.path.push_str(draft.path);
        file.link.clear();
        file.link.push_str(draft.link);
        let name = draft.path.rsplit('/').next().unwrap_or("");
        let digest = draft.mode & 0o6000 != 0 || draft.extra.capability.is_some() || SHELLS.contains(&name);
        file.digest = (digest && !self.brief).then(Sha256::new);
        file.wanted = self.reads.bytes(draft.path).map(|bytes| bytes.min(TEXTS - self.texts));
        file.text =
            Vec::with_capacity(file.wanted.map_or(0, |wanted| draft.size.min(wanted as u64).min(1 << 20) as usize));
        file.seen = 0;
        file.kind = FileKind::Unknown;
        file.head.clear();
        file.draft = Draft {
            mode: draft.mode,
            uid: draft.uid,
            gid: draft.gid,
            size: draft.size,
            modified: draft.modified,
            extra: draft.extra,
        };
        self.scanner.start();
    }

    /// Takes the next bytes of the file.
    pub(super) fn content(&mut self, bytes: &[u8]) {
        let file = &mut self.file;
        let first = file.seen == 0;
        file.seen += bytes.len() as u64;
        let last = file.seen >= file.draft.size;
        if let Some(wanted) = file.wanted {
            let room = wanted - file.text.len();
            file.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        if let Some(digest) = &mut file.digest {
            digest.update(bytes);
        }
        if file.kind != FileKind::Other {
            file.look(bytes, first && last);
        }
        self.scanner.pass(bytes, last, &file.path);
    }

    /// Ends the file, and returns its index; `None` where no more fit.
    pub(super) fn end(&mut self) -> Option<u32> {
        if self.file.seen < self.file.draft.size {
            // It was cut short: what is held back is judged now.
            self.scanner.pass(&[], true, &self.file.path);
        }
        let file = &mut self.file;
        let (program, interpreter) = file.finish();
        let draft = std::mem::take(&mut file.draft);
        let mut extra = draft.extra;
        extra.digest = file.digest.take().map(|digest| digest.finalize().into());
        extra.interpreter = interpreter;
        extra.run_path = program.run_path;
        let entry = self.facts.entries.push(EntryDraft {
            path: &file.path,
            kind: Kind::File,
            mode: draft.mode,
            uid: draft.uid,
            gid: draft.gid,
            size: draft.size,
            modified: draft.modified,
            link: &file.link,
            program: program.program,
            extra,
        })?;
        if let Some(wanted) = file.wanted.take() {
            let cut = file.seen > wanted as u64;
            self.texts += file.text.len();
            if cut && self.texts == TEXTS {
                self.notes.add(IrregularityKind::Limit, &file.path, format!("files of settings fill {TEXTS} bytes"));
            }
            self.facts.texts.push(Text { entry, bytes: std::mem::take(&mut file.text), cut });
        }
        self.scanner.finish_file(entry);
        Some(entry)
    }

    /// The entries so far.
    #[must_use]
    pub fn entries(&self) -> &Entries {
        &self.facts.entries
    }

    /// Index of the entry that a regular file which passes now becomes.
    pub(super) fn next_entry(&self) -> u32 {
        // More entries than that are no image's: the bounds end the walk before.
        u32::try_from(self.facts.entries.len()).unwrap_or(u32::MAX)
    }

    /// Bytes of names so far, which stay in memory.
    pub(super) fn name_bytes(&self) -> usize {
        self.names
    }

    /// Notes what contradicts itself, about the entry at `path`, which may be empty.
    pub fn note(&mut self, kind: IrregularityKind, path: &str, detail: impl Into<String>) {
        self.notes.add(kind, path, detail);
    }

    /// What was collected. `diff_id` and `size` are for the caller to fill.
    #[must_use]
    pub fn finish(mut self) -> LayerFacts {
        if self.scanner.gave_up {
            let detail = "keywords of secrets are so dense that some text was not looked through";
            self.note(IrregularityKind::Limit, "", detail);
        }
        let mut facts = self.facts;
        facts.secrets = self.scanner.take_found();
        facts.scanned_bytes = self.scanner.scanned;
        facts.skipped_bytes = self.scanner.skipped;
        let notes: Vec<Irregularity> = self.notes.finish();
        facts.irregularities.extend(notes);
        facts
    }
}

fn names(draft: &EntryDraft<'_>) -> usize {
    draft.path.len() + draft.link.len() + draft.extra.attributes.iter().map(String::len).sum::<usize>()
}

impl File {
    /// Looks at bytes for what program the file is; `whole` where they are all of it.
    fn look(&mut self, bytes: &[u8], whole: bool) {
        let before = self.head.len();
        let room = HEAD - before;
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if self.kind == FileKind::Unknown {
            self.kind = match &self.head[..] {
                [b'#', b'!', ..] => FileKind::Script,
                [0x7f, b'E', b'L', b'F', ..] => FileKind::Elf,
                // The first four bytes may come in pieces.
                [] | [b'#'] | [0x7f] | [0x7f, b'E'] | [0x7f, b'E', b'L'] => FileKind::Unknown,
                _ => FileKind::Other,
            };
            if self.kind == FileKind::Elf && whole {
                self.program = elf::Watch::default().finish(Some(bytes));
                self.kind = FileKind::Other;
            } else if self.kind == FileKind::Elf {
                self.elf.start();
                self.elf.pass(&self.head[..before]);
            }
        }
        match self.kind {
            FileKind::Elf => self.elf.pass(bytes),
            FileKind::Unknown | FileKind::Script | FileKind::Other => {}
        }
    }

    /// What program the file was, and a script's interpreter line.
    fn finish(&mut self) -> (elf::Seen, Option<String>) {
        let seen = std::mem::take(&mut self.program);
        match self.kind {
            FileKind::Elf => (self.elf.finish(None), None),
            FileKind::Script => {
                let line = self.head[2..].split(|byte| *byte == b'\n').next().unwrap_or_default();
                let line = String::from_utf8_lossy(line).trim().to_owned();
                (elf::Seen { program: Program::Script, run_path: None }, Some(line))
            }
            FileKind::Unknown | FileKind::Other => (seen, None),
        }
    }
}
