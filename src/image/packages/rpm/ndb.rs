//! `Packages.db`, the database of openSUSE, SLE and some others ("ndb", rpm's `lib/backend/ndb`): little-endian; a
//! header of 32 bytes, pages of slots of 16 bytes, and blobs that slots point to in blocks of 16 bytes.

const BLOCK: usize = 16;
const HEADER: usize = 32;
const PAGE: usize = 4096;
/// Magic, package number, time, length.
const BLOB_HEAD: usize = 16;

/// Hands each blob to `take`.
///
/// # Errors
///
/// What of the file is no database of this kind, or is damaged. What is sound was handed over.
pub fn blobs(bytes: &[u8], mut take: impl FnMut(&[u8])) -> Result<(), String> {
    if !bytes.starts_with(b"RpmP") {
        return Err("it is no ndb database".into());
    }
    let number = |at: usize| bytes.get(at..at + 4).map(le32);
    if number(4) != Some(0) {
        return Err("it is of a version that is not known".into());
    }
    let slots = (number(12).unwrap_or_default() as usize).saturating_mul(PAGE);
    let table = bytes.get(HEADER..slots).ok_or("its slots go beyond its end")?;
    let mut damage = None;
    // Slots that share bytes can't make a small file a long read.
    let mut budget = bytes.len();
    for slot in table.chunks_exact(BLOCK) {
        let (package, start, blocks) = (le32(&slot[4..8]), le32(&slot[8..12]) as usize, le32(&slot[12..]) as usize);
        if slot.starts_with(b"Slot") && start == 0 {
            continue;
        }
        let from = start.saturating_mul(BLOCK);
        let place = from..from.saturating_add(blocks.saturating_mul(BLOCK));
        let held = bytes.get(place).filter(|_| slot.starts_with(b"Slot") && from >= slots);
        match held.and_then(|held| blob(held, package)) {
            Some(blob) => {
                budget = budget.checked_sub(blob.len()).ok_or("its packages share bytes")?;
                take(blob);
            }
            None => damage = Some(format!("its entry {package} is damaged")),
        }
    }
    damage.map_or(Ok(()), Err)
}

/// The content of a blob that belongs to a package number.
fn blob(held: &[u8], package: u32) -> Option<&[u8]> {
    let (head, content) = held.split_at_checked(BLOB_HEAD)?;
    let is_blob = head.starts_with(b"BlbS") && le32(&head[4..8]) == package;
    content.get(..le32(&head[12..]) as usize).filter(|_| is_blob)
}

fn le32(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |all, byte| all << 8 | u32::from(*byte))
}
