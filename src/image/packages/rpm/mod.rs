//! rpm's databases: SQLite since rpm 4.16, ndb at SUSE. BerkeleyDB, which was before, is told apart and not read.

pub mod header;
pub mod ndb;
pub mod sqlite;

use super::database::Database;

/// Reads a database of whichever kind it is.
///
/// # Errors
///
/// Why it, or a part of it, can't be read; what was sound is in `database` all the same.
pub fn database(bytes: &[u8], database: &mut Database) -> Result<(), String> {
    let mut bad = 0_usize;
    let mut take = |blob: &[u8]| bad += usize::from(!header::package(blob, database));
    if bytes.starts_with(b"SQLite format 3\0") {
        sqlite::blobs(bytes, &mut take)?;
    } else if bytes.starts_with(b"RpmP") {
        ndb::blobs(bytes, &mut take)?;
    } else if is_berkeley(bytes) {
        return Err(
            "it is a BerkeleyDB database, which rpm 4.16 and later no longer write and harden doesn't read".into()
        );
    } else {
        return Err("it is no rpm database of a known kind".into());
    }
    if bad == 0 { Ok(()) } else { Err(format!("{bad} of its packages are damaged")) }
}

/// Whether the first page is that of a BerkeleyDB hash or B-tree, in either byte order.
fn is_berkeley(bytes: &[u8]) -> bool {
    let magic = bytes.get(12..16).and_then(|magic| <[u8; 4]>::try_from(magic).ok());
    magic.is_some_and(|magic| {
        [u32::from_le_bytes(magic), u32::from_be_bytes(magic)].iter().any(|one| matches!(one, 0x06_1561 | 0x05_3162))
    })
}
