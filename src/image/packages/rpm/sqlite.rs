//! `rpmdb.sqlite`: just enough of SQLite's file format (sqlite.org/fileformat2.html) to walk the table `Packages(hnum
//! INTEGER PRIMARY KEY, blob BLOB)`. A write-ahead log beside it is not read: rpm empties it when it closes.

use std::borrow::Cow;

/// Hands each row's blob of the table `Packages` to `take`.
///
/// # Errors
///
/// What of the file is no SQLite database, or is damaged. What came before the damage was handed over.
pub fn blobs(bytes: &[u8], mut take: impl FnMut(&[u8])) -> Result<(), String> {
    let mut file = File::open(bytes)?;
    let mut root = None;
    file.walk(1, |row| {
        let mut columns = Columns::read(row);
        let mut next = || columns.as_mut().and_then(Iterator::next);
        if let (Some(b"table"), Some(b"Packages"), Some(_), Some(page)) = (next(), next(), next(), next()) {
            root = Some(page.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte)));
        }
    })?;
    let root = root.ok_or("it has no table `Packages`")?;
    let root = u32::try_from(root).map_err(|_| "its table `Packages` begins beyond the file")?;
    file.walk(root, |row| {
        if let Some(blob) = Columns::read(row).and_then(|columns| columns.last()) {
            take(blob);
        }
    })
}

struct File<'a> {
    bytes: &'a [u8],
    page_size: usize,
    /// Bytes of a page without what is reserved at its end.
    usable: usize,
    /// Pages seen already. No page belongs to two places, so a second visit is a loop or a lie.
    seen: Vec<bool>,
    /// Bytes of rows that may still be read. Rows that share bytes can't make a small file a long read.
    budget: usize,
}

/// How a page of a table's tree starts.
const INTERIOR: u8 = 5;
const LEAF: u8 = 13;
/// Bytes before the tree in the first page.
const FILE_HEADER: usize = 100;

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, String> {
        let header = bytes.first_chunk::<FILE_HEADER>().filter(|header| header.starts_with(b"SQLite format 3\0"));
        let header = header.ok_or("it is no SQLite database")?;
        let page_size = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            size => usize::from(size),
        };
        if !page_size.is_power_of_two() || page_size < 512 {
            return Err(format!("its page size is {page_size}"));
        }
        let usable = page_size - usize::from(header[20]);
        if usable < 480 {
            return Err(format!("only {usable} bytes of each page are usable"));
        }
        let pages = bytes.len().div_ceil(page_size);
        // The schema's rows are read besides those of the table; each is in the file once.
        Ok(Self { bytes, page_size, usable, seen: vec![false; pages], budget: bytes.len().saturating_mul(2) })
    }

    /// Hands over the rows of the table whose tree has its root in a page, in order.
    fn walk(&mut self, root: u32, mut row: impl FnMut(&[u8])) -> Result<(), String> {
        let mut left = vec![root];
        while let Some(number) = left.pop() {
            let page = self.visit(number)?;
            let start = if number == 1 { FILE_HEADER } else { 0 };
            let damaged = || format!("its page {number} is damaged");
            let header = page.get(start..start + 8).ok_or_else(damaged)?;
            let cells = usize::from(u16::from_be_bytes([header[3], header[4]]));
            let pointers = |from: usize| page.get(start + from..start + from + 2 * cells).ok_or_else(damaged);
            let cell = |pointer: &[u8]| page.get(usize::from(u16::from_be_bytes([pointer[0], pointer[1]]))..);
            match header[0] {
                INTERIOR => {
                    let last = page.get(start + 8..start + 12).ok_or_else(damaged)?;
                    left.push(be32(last));
                    for pointer in pointers(12)?.chunks_exact(2).rev() {
                        let child = cell(pointer).and_then(|cell| cell.get(..4)).ok_or_else(damaged)?;
                        left.push(be32(child));
                    }
                }
                LEAF => {
                    for pointer in pointers(8)?.chunks_exact(2) {
                        let payload = self.payload(cell(pointer).ok_or_else(damaged)?)?;
                        row(&payload.ok_or_else(damaged)?);
                    }
                }
                _ => return Err(damaged()),
            }
        }
        Ok(())
    }

    /// A page's bytes, once.
    fn visit(&mut self, number: u32) -> Result<&'a [u8], String> {
        let index = (number as usize).checked_sub(1);
        let seen = index.and_then(|index| self.seen.get_mut(index));
        let seen = seen.ok_or_else(|| format!("it names page {number}, which it doesn't have"))?;
        if std::mem::replace(seen, true) {
            return Err(format!("it names page {number} twice"));
        }
        let start = (number as usize - 1) * self.page_size;
        let page = &self.bytes[start..];
        Ok(&page[..page.len().min(self.usable)])
    }

    /// The payload of a leaf's cell, with what overflows into pages of its own; `None` where the cell is cut.
    fn payload(&mut self, cell: &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, String> {
        let Some((length, rest)) = varint(cell) else { return Ok(None) };
        let Some((_row, rest)) = varint(rest) else { return Ok(None) };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.budget = self.budget.checked_sub(length).ok_or("its rows are longer than the file")?;
        let local = self.local(length);
        let Some(held) = rest.get(..local) else { return Ok(None) };
        if local == length {
            return Ok(Some(Cow::Borrowed(held)));
        }
        let mut payload = Vec::with_capacity(length);
        payload.extend_from_slice(held);
        let mut next = rest.get(local..local + 4).map(be32);
        while payload.len() < length {
            let Some(number) = next.filter(|number| *number != 0) else { return Ok(None) };
            let page = self.visit(number)?;
            let Some((link, content)) = page.split_at_checked(4) else { return Ok(None) };
            payload.extend_from_slice(&content[..content.len().min(length - payload.len())]);
            next = Some(be32(link));
        }
        Ok(Some(Cow::Owned(payload)))
    }

    /// How much of a payload lies in the leaf ("B-tree Pages": U, P, X, M and K).
    fn local(&self, length: usize) -> usize {
        let usable = self.usable;
        let most = usable - 35;
        if length <= most {
            return length;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let fill = least + (length - least) % (usable - 4);
        if fill <= most { fill } else { least }
    }
}

/// The columns of a row ("Record Format"). An integer column is its bytes, big-endian.
struct Columns<'a> {
    kinds: &'a [u8],
    body: &'a [u8],
}

impl<'a> Columns<'a> {
    fn read(row: &'a [u8]) -> Option<Self> {
        let (length, rest) = varint(row)?;
        let kinds = usize::try_from(length).ok()?.checked_sub(row.len() - rest.len())?;
        let (kinds, body) = rest.split_at_checked(kinds)?;
        Some(Self { kinds, body })
    }
}

impl<'a> Iterator for Columns<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (kind, kinds) = varint(self.kinds)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => (kind - 12) / 2,
        };
        let (column, body) = self.body.split_at_checked(usize::try_from(length).ok()?)?;
        (self.kinds, self.body) = (kinds, body);
        Some(column)
    }
}

/// A number of one to nine bytes, and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(9).enumerate() {
        if index == 8 {
            return Some((value << 8 | u64::from(*byte), &bytes[9..]));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

fn be32(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |all, byte| all << 8 | u32::from(*byte))
}
