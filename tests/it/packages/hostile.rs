//! Damaged and malicious databases: an end, within bounds, and no panic; what is wrong is said.

#[path = "../../fuzz/packages.rs"]
mod checks;

use harden::image::packages::{Database, dpkg, rpm};
use proptest::prelude::*;
use proptest::sample::Index;

use super::{APK, fixture, headers, ndb, read_rpm, rpm_fixtures};

#[test]
fn a_database_cut_anywhere_is_an_error_and_never_a_wrong_package() {
    for whole in rpm_fixtures().into_iter().chain([ndb(&headers())]) {
        let all = read_rpm(&whole).installed;
        for part in 0..200 {
            let cut = read_rpm(&whole[..whole.len() * part / 200]);
            assert!(cut.installed.iter().all(|package| all.contains(package)));
            // The end of rpm's own file is an index of it, which isn't read.
            assert!(cut.unread.is_some() || cut.installed == all, "{part}");
        }
    }
}

#[test]
fn a_header_cut_anywhere_is_read_or_refused() {
    for header in headers() {
        let step = header.len().div_ceil(300);
        for end in (0..header.len()).step_by(step) {
            assert!(!rpm::header::package(&header[..end], &mut Database::default()));
        }
        assert!(rpm::header::package(&header, &mut Database::default()));
    }
}

/// A page of the table `Packages` in the database with pages of 512 bytes: its root, which has children.
fn root_of_packages(bytes: &[u8]) -> usize {
    let interior = bytes.chunks(512).position(|page| page[0] == 5).expect("a table of several pages");
    interior * 512
}

#[test]
fn pages_in_a_circle_are_seen() {
    let mut bytes = fixture("rpmdb-512.sqlite.gz");
    let root = root_of_packages(&bytes);
    let number = (root / 512 + 1) as u32;
    // The last child of a page is the page itself.
    bytes[root + 8..root + 12].copy_from_slice(&number.to_be_bytes());
    assert_eq!(read_rpm(&bytes).unread, Some(format!("it names page {number} twice")));
    for (child, said) in [(0_u32, "page 0"), (u32::MAX, "page 4294967295"), (0x8000_0000, "page 2147483648")] {
        bytes[root + 8..root + 12].copy_from_slice(&child.to_be_bytes());
        let why = read_rpm(&bytes).unread.expect("an error");
        assert!(why.contains(said) && why.contains("doesn't have"), "{why}");
    }
}

#[test]
fn a_page_that_overflows_into_itself_is_seen() {
    let mut bytes = fixture("rpmdb-512.sqlite.gz");
    // The longest chain belongs to the package of 400 files: every page of it points to its neighbour.
    let pages = bytes.len() / 512;
    let chain = (1..pages).find(|page| {
        let next = |page: usize| u32::from_be_bytes(bytes[page * 512..][..4].try_into().expect("four bytes")) as usize;
        next(*page) == page + 2 && next(page + 1) == page + 3
    });
    let chain = chain.expect("an overflow chain");
    bytes[chain * 512..][..4].copy_from_slice(&(chain as u32 + 1).to_be_bytes());
    assert_eq!(read_rpm(&bytes).unread, Some(format!("it names page {} twice", chain + 1)));
}

#[test]
fn rows_that_share_their_bytes_cannot_make_a_small_file_a_long_read() {
    let mut bytes = fixture("rpmdb-65536.sqlite.gz");
    // Of the leaves, that of `sqlite_sequence` has one row.
    let is_full = |page: &[u8]| page[0] == 13 && page[4] > 1;
    let leaf = bytes.chunks(65_536).skip(1).position(is_full).expect("a leaf") * 65_536 + 65_536;
    let first: [u8; 2] = bytes[leaf + 8..leaf + 10].try_into().expect("two bytes");
    bytes[leaf + 3..leaf + 5].copy_from_slice(&10_000_u16.to_be_bytes());
    bytes[leaf + 8..leaf + 20_008].chunks_exact_mut(2).for_each(|pointer| pointer.copy_from_slice(&first));
    let packages = read_rpm(&bytes);
    assert_eq!(packages.unread.as_deref(), Some("its rows are longer than the file"));
    assert!(packages.installed.len() < 1_000, "{}", packages.installed.len());
}

#[test]
fn ndb_slots_that_share_a_blob_are_refused() {
    let mut bytes = ndb(&headers());
    let first: [u8; 16] = bytes[32..48].try_into().expect("a slot");
    bytes[32..4096].chunks_exact_mut(16).for_each(|slot| slot.copy_from_slice(&first));
    let why = read_rpm(&bytes).unread.expect("an error");
    assert_eq!(why, "its packages share bytes");
}

#[test]
fn ndb_numbers_beyond_the_file_are_refused() {
    for (at, number) in [(12, u32::MAX), (12, 0x8000_0000), (32 + 8, u32::MAX), (32 + 8, 1), (32 + 12, u32::MAX)] {
        let mut bytes = ndb(&headers());
        bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        assert!(read_rpm(&bytes).unread.is_some(), "{at} {number}");
    }
}

#[test]
fn header_counts_and_offsets_that_lie_are_bounded() {
    let sample = headers().into_iter().max_by_key(Vec::len).expect("headers");
    let entries = u32::from_be_bytes(sample[..4].try_into().expect("four bytes")) as usize;
    for number in [u32::MAX, 0x8000_0000, 0x7fff_ffff, 0xffff] {
        for at in [0, 4] {
            let mut header = sample.clone();
            header[at..at + 4].copy_from_slice(&number.to_be_bytes());
            rpm::header::package(&header, &mut Database::default());
        }
        // Offset and count of each entry: negative, huge.
        for field in [8, 12] {
            let mut header = sample.clone();
            for entry in 0..entries {
                header[8 + entry * 16 + field..][..4].copy_from_slice(&number.to_be_bytes());
            }
            let mut database = Database::default();
            rpm::header::package(&header, &mut database);
            assert!(database.installed.len() <= 1);
        }
    }
}

#[test]
fn more_files_than_any_image_has_are_cut_and_said() {
    let mut database = Database::default();
    dpkg::part(b"Package: a\nVersion: 1\n", &mut database);
    let mut list = Vec::new();
    (0..1_000_010).for_each(|number| list.extend(format!("/x/{number}\n").bytes()));
    dpkg::list(&list, 0, &mut database);
    assert!(database.is_cut);
}

fn check(bytes: &[u8]) {
    for check in [checks::dpkg, checks::apk, checks::rpm_header, checks::rpm_sqlite, checks::rpm_ndb] {
        check(bytes);
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![fixture("rpmdb-512.sqlite.gz"), fixture("rpmdb-65536.sqlite.gz"), ndb(&headers())];
    seeds.extend(headers().into_iter().take(3));
    seeds.push(APK.as_bytes().to_vec());
    seeds.push(b"Package: a\nStatus: install ok installed\nVersion: 1\n\n/usr\n/usr/a\nabc  usr/b\n".to_vec());
    seeds
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bits_do_no_harm(
        seed in any::<Index>(),
        flips in prop::collection::vec((any::<Index>(), any::<u8>()), 1..20),
        head in prop::collection::vec((0_usize..600, any::<u8>()), 0..6),
        end in any::<Index>(),
        cut in any::<bool>(),
    ) {
        let seeds = seeds();
        let mut bytes = seeds[seed.index(seeds.len())].clone();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        // Most of what decides stands at the start.
        for (at, value) in head {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        check(&bytes);
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&bytes);
    }
}
