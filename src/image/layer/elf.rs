//! What an ELF file says of itself (System V ABI, gABI chapters 4 and 5), from bytes that pass once.

use crate::image::Program;

/// Bytes kept from the start of a file.
const HEAD: usize = 256 << 10;

/// Bytes kept of the dynamic section.
const DYNAMIC: u64 = 64 << 10;

/// Watches an ELF file pass.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The first bytes of the file.
    head: Vec<u8>,
    /// The dynamic section, as far as it has passed.
    dynamic: Vec<u8>,
    /// Where that is in the file, once the head has told.
    at: Option<(u64, u64)>,
    passed: u64,
}

/// What was seen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Seen {
    pub(super) program: Program,
    /// RPATH and RUNPATH, joined with a colon; `None` also where the names stand too far behind in the file.
    pub(super) run_path: Option<String>,
}

impl Watch {
    /// Makes ready for another file; buffers are kept.
    pub(super) fn start(&mut self) {
        self.head.clear();
        self.dynamic.clear();
        self.at = None;
        self.passed = 0;
    }

    /// Takes the next bytes of the file.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        let start = self.passed;
        self.passed += bytes.len() as u64;
        if start < HEAD as u64 {
            let room = HEAD - self.head.len();
            self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if self.at.is_none() && self.head.len() >= 64 {
                self.at = Elf::read(&self.head).and_then(|elf| elf.segment(Elf::DYNAMIC));
            }
        }
        // What lies in the head is read from there.
        let Some((offset, length)) = self.at.filter(|(offset, _)| self.passed > *offset && *offset >= HEAD as u64)
        else {
            return;
        };
        let wanted = offset + self.dynamic.len() as u64;
        let end = offset.saturating_add(length.min(DYNAMIC));
        if wanted >= start && wanted < self.passed.min(end) {
            let range = (wanted - start) as usize..(self.passed.min(end) - start) as usize;
            self.dynamic.extend_from_slice(&bytes[range]);
        }
    }

    /// What the file is, when all of it has passed; or what `whole` is, which then holds the file from its start.
    pub(super) fn finish(&self, whole: Option<&[u8]>) -> Seen {
        let head = whole.unwrap_or(&self.head);
        let Some(elf) = Elf::read(head) else { return Seen::default() };
        let dynamic = match elf.segment(Elf::DYNAMIC) {
            Some((offset, length)) if offset < head.len() as u64 => {
                let end = offset.saturating_add(length.min(DYNAMIC)).min(head.len() as u64);
                &head[offset as usize..end as usize]
            }
            Some(_) => &self.dynamic,
            None => &[],
        };
        let needs = elf.segment(Elf::INTERPRETER).is_some() || elf.tags(dynamic).any(|(tag, _)| tag == Elf::NEEDED);
        let program = match (elf.wide, needs) {
            (false, _) => Program::Elf32,
            (true, true) => Program::Elf64,
            (true, false) => Program::Elf64Static,
        };
        Seen { program, run_path: elf.run_path(head, dynamic) }
    }
}

/// The header of an ELF file and what it points to.
struct Elf<'a> {
    head: &'a [u8],
    wide: bool,
    big: bool,
}

impl<'a> Elf<'a> {
    const LOAD: u32 = 1;
    const DYNAMIC: u32 = 2;
    const INTERPRETER: u32 = 3;
    const NEEDED: u64 = 1;
    const STRING_TABLE: u64 = 5;
    const RPATH: u64 = 15;
    const RUNPATH: u64 = 29;

    /// Reads the header of a program or library; objects and core dumps are none.
    fn read(head: &'a [u8]) -> Option<Self> {
        let rest = head.strip_prefix(b"\x7fELF")?;
        let elf = Self { head, wide: *rest.first()? == 2, big: *rest.get(1)? == 2 };
        matches!(elf.number(16, 2)?, 2 | 3).then_some(elf)
    }

    fn number(&self, at: usize, length: usize) -> Option<u64> {
        self.number_in(self.head, at, length)
    }

    fn number_in(&self, bytes: &[u8], at: usize, length: usize) -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(length)?)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }

    /// The program headers: type, offset, address, bytes in the file.
    fn segments(&self) -> impl Iterator<Item = (u32, u64, u64, u64)> + '_ {
        let (table, size, count) = if self.wide { ((32, 8), 54, 56) } else { ((28, 4), 42, 44) };
        let start = self.number(table.0, table.1).and_then(|start| usize::try_from(start).ok());
        let size = self.number(size, 2).unwrap_or(0) as usize;
        let count = self.number(count, 2).unwrap_or(0).min(256) as usize;
        (0..count).map_while(move |index| {
            let at = start?.checked_add(index * size)?;
            let kind = self.number(at, 4)? as u32;
            Some(if self.wide {
                (kind, self.number(at + 8, 8)?, self.number(at + 16, 8)?, self.number(at + 32, 8)?)
            } else {
                (kind, self.number(at + 4, 4)?, self.number(at + 8, 4)?, self.number(at + 16, 4)?)
            })
        })
    }

    /// Offset and length in the file of the first segment of a type.
    fn segment(&self, wanted: u32) -> Option<(u64, u64)> {
        self.segments().find(|(kind, ..)| *kind == wanted).map(|(_, offset, _, length)| (offset, length))
    }

    /// Tags and values of a dynamic section.
    fn tags<'b>(&'b self, dynamic: &'b [u8]) -> impl Iterator<Item = (u64, u64)> + 'b {
        let size = if self.wide { 8 } else { 4 };
        dynamic
            .chunks_exact(2 * size)
            .map_while(move |pair| Some((self.number_in(pair, 0, size)?, self.number_in(pair, size, size)?)))
            .take_while(|(tag, _)| *tag != 0)
    }

    fn run_path(&self, head: &[u8], dynamic: &[u8]) -> Option<String> {
        let (_, table) = self.tags(dynamic).find(|(tag, _)| *tag == Self::STRING_TABLE)?;
        let (_, offset, address, _) = self.segments().find(|(kind, _, address, length)| {
            *kind == Self::LOAD && (*address..address.saturating_add(*length)).contains(&table)
        })?;
        let table = offset.checked_add(table - address)?;
        let mut paths = Vec::new();
        for (_, name) in self.tags(dynamic).filter(|(tag, _)| matches!(*tag, Self::RPATH | Self::RUNPATH)).take(4) {
            let start = usize::try_from(table.checked_add(name)?).ok()?;
            let text = head.get(start..)?;
            let text = &text[..text.len().min(4096)];
            let end = memchr::memchr(0, text)?;
            paths.push(String::from_utf8_lossy(&text[..end]).into_owned());
        }
        (!paths.is_empty()).then(|| paths.join(":"))
    }
}
