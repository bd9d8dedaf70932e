//! Archives that were made to harm or to show different files to different readers: each a clear irregularity or an error,
//! in bounded time and memory. (Nothing is written by reading a layer: `src/image/layer` has no function that could.)

use std::io::Write;
use std::sync::atomic::AtomicU64;

use harden::image::IrregularityKind::{self, Ambiguous, Broken, Duplicate, Escape, Limit, Name};
use harden::image::layer::{LayerRequest, read};
use harden::image::{LayerFacts, Limits, Wanted};

use crate::layer::archive::{Tar, pax};
use crate::layer::{facts, gzip, sha256, try_read, usual, zstd};

type Case = (&'static str, Vec<u8>, IrregularityKind, &'static str);

/// Whether something of a kind was noted that says so.
fn says(facts: &LayerFacts, kind: IrregularityKind, words: &str) -> bool {
    facts.irregularities.iter().any(|odd| odd.kind == kind && odd.detail.contains(words))
}

fn tar(make: impl FnOnce(&mut Tar)) -> Vec<u8> {
    let mut tar = Tar::default();
    make(&mut tar);
    tar.end()
}

/// A pax header in front of a file.
fn with_pax(records: &[u8]) -> Vec<u8> {
    tar(|tar| {
        tar.pax(records);
        tar.file("etc/a", b"a");
    })
}

/// A file with a changed header.
fn changed(change: impl FnOnce(&mut [u8; 512])) -> Vec<u8> {
    tar(|tar| tar.with("etc/a", b"a", change))
}

fn names() -> Vec<Case> {
    let file = |name: &str| tar(|tar| tar.file(name, b"a"));
    let link = |flag, name: &str, target: &str| tar(|tar| tar.link(flag, name, target));
    vec![
        ("`..` at the start", file("../etc/passwd"), Escape, "leads out of the image"),
        ("`..` behind a folder", file("a/../../b"), Escape, "leads out of the image"),
        ("only `..`", tar(|tar| tar.folder("..", 0o755)), Escape, "leads out of the image"),
        ("`..` that stays inside", file("a/../b"), Ambiguous, "has `..` in it"),
        ("an absolute name", file("/etc/a"), Ambiguous, "is absolute"),
        ("a pax path out", with_pax(&pax(&[("path", b"../../etc/a")])), Escape, "leads out of the image"),
        ("an escape character", file("etc/\x1b[2Ja"), Name, "control characters"),
        ("a line break", file("etc/a\nb"), Name, "control characters"),
        ("a turned direction", file("etc/a\u{202e}txt.sh"), Name, "turn the direction"),
        ("bytes that are no UTF-8", with_pax(&pax(&[("path", b"etc/\xff\xfe")])), Name, "is no UTF-8"),
        ("a part that is too long", with_pax(&pax(&[("path", &[b'a'; 300])])), Name, "longer than the 255 bytes"),
        ("a name that is too long", with_pax(&pax(&[("path", &[b'a'; 5000])])), Limit, "longer than 4096 bytes"),
        ("a file with a slash", file("etc/a/"), Ambiguous, "ends in a slash"),
        ("a file that is the root", file("./"), Ambiguous, "names the root"),
        ("a hard link out", link(b'1', "a", "../../etc/passwd"), Escape, "hard link that leads out"),
        ("a hard link to itself", link(b'1', "a", "./a"), Ambiguous, "to itself"),
        ("a hard link to the root", link(b'1', "a", "/"), Ambiguous, "to the root"),
        ("a symbolic link to nothing", link(b'2', "a", ""), Ambiguous, "to nothing"),
        ("a symbolic link out", link(b'2', "etc/a", "../../b"), Escape, "climbs out of the root"),
        ("a whiteout of nothing", file("etc/.wh."), Escape, "whiteout of no name"),
        ("a whiteout of the parent", file("etc/.wh..."), Escape, "whiteout of no name"),
        ("a folder like a whiteout", file("etc/.wh.a/b"), Ambiguous, "as whiteouts are"),
    ]
}

fn headers() -> Vec<Case> {
    let number =
        |at: usize, bytes: &'static [u8]| changed(move |header| header[at..at + bytes.len()].copy_from_slice(bytes));
    vec![
        (
            "a wrong checksum",
            changed(|header| header[148..155].copy_from_slice(b"0000001")),
            Broken,
            "checksum is wrong",
        ),
        ("a checksum of letters", changed(|header| header[148..155].copy_from_slice(b"abcdefg")), Broken, "checksum"),
        ("a mode of letters", number(100, b"rwxr-xr"), Ambiguous, "its mode is no number"),
        ("an owner with a 9", number(108, b"0000009"), Ambiguous, "its owner is no number"),
        ("a negative owner", number(108, b"\xff\xff\xff\xff\xff\xff\xff\xff"), Ambiguous, "its owner is no number"),
        ("a group beyond 32 bits", number(116, b"\x80\0\0\x01\0\0\0\0"), Ambiguous, "its group is no number"),
        ("a time of letters", number(136, b"yesterday  "), Ambiguous, "its time is no number"),
        (
            "a negative size",
            number(124, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
            Broken,
            "its size is no number",
        ),
        (
            "a size beyond 64 bits",
            number(124, b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
            Broken,
            "its size is no number",
        ),
        ("a size of exabytes", number(124, b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"), Limit, "says that it has"),
        ("a size of letters", number(124, b"0000000001a"), Broken, "its size is no number"),
        ("a lying size", number(124, b"00000100000"), Broken, "in the middle of a file"),
        ("a folder with content", tar(|tar| tar.typed(b'5', "etc/", b"content")), Ambiguous, "without content"),
        ("a hard link with content", tar(|tar| tar.typed(b'1', "etc", b"content")), Ambiguous, "without content"),
        ("an unknown type", tar(|tar| tar.typed(b'Z', "etc/a", b"content")), Ambiguous, "its type `Z`"),
        ("a contiguous file", tar(|tar| tar.typed(b'7', "etc/a", b"content")), Ambiguous, "its type `7`"),
        ("a volume label", tar(|tar| tar.typed(b'V', "label", b"")), Ambiguous, "its type `V`"),
        ("Solaris' pax header", tar(|tar| tar.typed(b'X', "x", &pax(&[("path", b"b")]))), Ambiguous, "Solaris"),
        (
            "a device of letters",
            tar(|tar| tar.header("dev/a", b'3', 0, |header| header[329..333].copy_from_slice(b"null"))),
            Ambiguous,
            "its device is no number",
        ),
        (
            "an old sparse file",
            tar(|tar| {
                tar.header("big", b'S', 0, |header| {
                    header[257..265].copy_from_slice(b"ustar  \0");
                    header[482] = 1;
                    header[483..494].copy_from_slice(b"77777777777");
                })
            }),
            Ambiguous,
            "sparse file",
        ),
        (
            "GNU's magic with a prefix",
            changed(|header| {
                header[257..265].copy_from_slice(b"ustar  \0");
                header[345..350].copy_from_slice(b"other");
            }),
            Ambiguous,
            "has ustar's prefix",
        ),
    ]
}

fn fronts() -> Vec<Case> {
    let twice = [pax(&[("path", b"etc/b")]), pax(&[("path", b"etc/c")])].concat();
    vec![
        ("a pax size that differs", with_pax(&pax(&[("size", b"512")])), Ambiguous, "its pax record says 512"),
        (
            "a pax size of all ones",
            with_pax(&pax(&[("size", b"18446744073709551615")])),
            Ambiguous,
            "no number that fits",
        ),
        ("a huge pax size", with_pax(&pax(&[("size", b"9223372036854775807")])), Limit, "says that it has"),
        ("a negative pax size", with_pax(&pax(&[("size", b"-1")])), Ambiguous, "no number that fits"),
        ("a pax owner of letters", with_pax(&pax(&[("uid", b"root")])), Ambiguous, "no number that fits"),
        ("a NUL in a pax path", with_pax(&pax(&[("path", b"etc/a\0.txt")])), Ambiguous, "a NUL stands"),
        ("a pax record twice", with_pax(&twice), Ambiguous, "is there twice"),
        ("a pax record of no length", with_pax(b"path=a\n"), Ambiguous, "is broken"),
        ("a pax record that is too long", with_pax(b"999 path=a\n"), Ambiguous, "is broken"),
        ("a pax record of length zero", with_pax(b"0 path=a\n"), Ambiguous, "is broken"),
        ("a pax record without a key", with_pax(b"6 =ab\n"), Ambiguous, "is broken"),
        (
            "a pax sparse file",
            with_pax(&pax(&[
                ("GNU.sparse.major", b"1"),
                ("GNU.sparse.realsize", b"99999999999999"),
                ("GNU.sparse.name", b"etc/big"),
            ])),
            Ambiguous,
            "sparse file",
        ),
        (
            "a pax header before a long name",
            tar(|tar| {
                tar.pax(&pax(&[("size", b"512")]));
                tar.gnu(b'L', "etc/hidden");
                tar.file("etc/a", &[b'a'; 512]);
            }),
            Ambiguous,
            "in front of a GNU long name",
        ),
        (
            "a pax path and a long name",
            tar(|tar| {
                tar.gnu(b'L', "etc/b");
                tar.pax(&pax(&[("path", b"etc/c")]));
                tar.file("etc/a", b"");
            }),
            Ambiguous,
            "a pax path and a GNU long name",
        ),
        (
            "two pax headers",
            tar(|tar| {
                tar.pax(&pax(&[("path", b"etc/b")]));
                tar.pax(&pax(&[("uid", b"1")]));
                tar.file("etc/a", b"");
            }),
            Ambiguous,
            "two headers of the same kind",
        ),
        (
            "two long names",
            tar(|tar| {
                tar.gnu(b'L', "etc/b");
                tar.gnu(b'L', "etc/c");
                tar.file("etc/a", b"");
            }),
            Ambiguous,
            "two headers of the same kind",
        ),
        (
            "a global path",
            tar(|tar| {
                tar.global(&pax(&[("path", b"etc/b")]));
                tar.file("etc/a", b"");
            }),
            Ambiguous,
            "a global pax header",
        ),
        (
            "a long name that a global header uses up",
            tar(|tar| {
                tar.gnu(b'L', "etc/b");
                tar.global(&pax(&[("comment", b"nothing")]));
                tar.file("etc/a", b"");
            }),
            Ambiguous,
            "stands between an entry and its long name",
        ),
        ("an endless pax header", tar(|tar| tar.header("x", b'x', 1 << 32, |_| {})), Limit, "longer than 1048576"),
        ("a pax header of no entry", tar(|tar| tar.pax(&pax(&[("path", b"b")]))), Broken, "belongs to an entry"),
    ]
}

fn orders() -> Vec<Case> {
    let pair = |first: fn(&mut Tar), second: fn(&mut Tar)| {
        tar(|tar| {
            first(tar);
            second(tar);
        })
    };
    let mut after_end = tar(|tar| tar.file("etc/a", b"a"));
    after_end.extend(tar(|tar| tar.file("etc/b", b"b")));
    let mut single = Tar::default();
    single.file("etc/a", b"a");
    single.0.extend([0; 512]);
    single.file("etc/b", b"b");
    let garbage = [usual().end(), b"#!/bin/sh\n".repeat(100)].concat();
    let half_end = [usual().0, vec![0; 512]].concat();
    vec![
        ("a file twice", pair(|tar| tar.file("a", b"1"), |tar| tar.file("a", b"2")), Duplicate, "twice, and readers"),
        (
            "a file twice by another name",
            pair(|tar| tar.file("b/a", b"1"), |tar| tar.file("./b//a", b"2")),
            Duplicate,
            "twice",
        ),
        (
            "a file and a link",
            pair(|tar| tar.file("a", b""), |tar| tar.link(b'2', "a", "b")),
            Duplicate,
            "different things",
        ),
        (
            "a link twice",
            pair(|tar| tar.link(b'2', "a", "b"), |tar| tar.link(b'2', "a", "c")),
            Duplicate,
            "different targets",
        ),
        (
            "a folder of two modes",
            pair(|tar| tar.folder("a", 0o755), |tar| tar.folder("a", 0o777)),
            Duplicate,
            "different modes",
        ),
        (
            "a whiteout behind its file",
            pair(|tar| tar.file("a", b""), |tar| tar.file(".wh.a", b"")),
            Ambiguous,
            "a whiteout stands behind",
        ),
        (
            "a hard link before its target",
            pair(|tar| tar.link(b'1', "a", "b"), |tar| tar.file("b", b"")),
            Ambiguous,
            "comes later",
        ),
        (
            "hard links in a circle",
            pair(|tar| tar.link(b'1', "a", "b"), |tar| tar.link(b'1', "b", "a")),
            Ambiguous,
            "comes later",
        ),
        ("an archive behind the end", after_end, Ambiguous, "follows the end of the archive"),
        ("a single zero block", single.end(), Ambiguous, "a single zero block"),
        ("text behind the end", garbage, Broken, "something follows the end"),
        ("no end", usual().0, Broken, "has no end mark"),
        ("half an end", half_end, Broken, "end mark is half there"),
        ("nothing at all", Vec::new(), Broken, "has no end mark"),
        ("no archive", b"not an archive, but longer than a block: ".repeat(20), Broken, "checksum is wrong"),
        ("text behind gzip", [gzip(&usual().end()), b"garbage".to_vec()].concat(), Broken, "no part of it"),
        ("text behind zstd", [zstd(&usual().end()), b"garbage".to_vec()].concat(), Broken, "no part of it"),
        (
            "an archive behind gzip",
            [gzip(&usual().end()), vec![0; 600], gzip(&usual().end())].concat(),
            Broken,
            "no part of it",
        ),
        ("half of gzip", gzip(&usual().end())[..100].to_vec(), Broken, "ends in the middle"),
        ("half of zstd", zstd(&usual().end())[..100].to_vec(), Broken, "ends in the middle"),
        ("a header of gzip", b"\x1f\x8b\x08\0".to_vec(), Broken, "ends in the middle"),
        (
            "broken gzip",
            {
                let mut blob = gzip(&usual().end());
                blob[40] ^= 0xff;
                blob[60] ^= 0xff;
                blob
            },
            Broken,
            "is broken",
        ),
        (
            "gzip with a wrong sum",
            {
                let mut blob = gzip(&usual().end());
                let end = blob.len();
                blob[end - 6] ^= 1;
                blob
            },
            Broken,
            "is broken",
        ),
        (
            "broken zstd",
            {
                let mut blob = zstd(&usual().end());
                blob[9] ^= 0xff;
                blob[4] ^= 0x0f;
                blob
            },
            Broken,
            "zstd stream",
        ),
    ]
}

#[test]
fn each_hostile_archive_is_told() {
    let cases: Vec<Case> = [names(), headers(), fronts(), orders()].into_iter().flatten().collect();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    for (name, archive, kind, words) in cases {
        let plain = facts(&archive);
        assert!(says(&plain, kind, words), "{name}: {:?}", plain.irregularities);
        for odd in &plain.irregularities {
            let text = format!("{}{}", odd.path, odd.detail);
            assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{name}: {odd:?}");
        }
        for entry in plain.entries.iter() {
            assert!(
                entry.path.starts_with('/') && !entry.path.split('/').any(|part| part == ".."),
                "{name}: {entry:?}"
            );
        }
        // The same inside gzip, where the plain archive has no compression of its own.
        if !archive.starts_with(b"\x1f\x8b") && !archive.starts_with(b"\x28\xb5") {
            let packed = facts(&gzip(&archive));
            assert_eq!((&packed.entries, &packed.irregularities), (&plain.entries, &plain.irregularities), "{name}");
        }
    }
}

#[test]
fn usual_repeats_are_no_irregularities() {
    let archive = tar(|tar| {
        tar.folder("a", 0o755);
        tar.folder("a/", 0o755);
        tar.link(b'2', "b", "c");
        tar.link(b'2', "b", "c");
        tar.file(".wh.d", b"");
        tar.file("d", b"made again");
        tar.file(".wh..wh.plnk", b"");
        tar.link(b'1', "e", "from/a/lower/layer");
        tar.link(b'2', "f", "/absolute");
        tar.link(b'2', "a/g", "../b");
    });
    assert_eq!(facts(&archive).irregularities, []);
}

#[test]
fn an_archive_cut_anywhere_is_told() {
    let whole = usual().end();
    let entries = facts(&whole).entries.len();
    let odd_places = (1..whole.len()).step_by(37);
    for cut in (0..whole.len()).step_by(512).chain(odd_places).filter(|cut| *cut + 512 < whole.len()) {
        let facts = facts(&whole[..cut]);
        assert!(facts.irregularities.iter().any(|odd| odd.kind == Broken), "{cut}: {:?}", facts.irregularities);
        assert!(facts.entries.len() <= entries);
    }
    for blob in [gzip(&whole), zstd(&whole)] {
        for cut in 0..blob.len() {
            let facts = facts(&blob[..cut]);
            assert!(cut < 4 || facts.diff_id.is_empty(), "{cut}: what is not whole has no digest");
            assert!(facts.irregularities.iter().any(|odd| odd.kind == Broken), "{cut}: {:?}", facts.irregularities);
        }
    }
}

#[test]
fn bombs_go_off_in_a_small_room() {
    let zeros = vec![0_u8; 48 << 20];
    let best = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    };
    let bomb = best(&zeros);
    let mut twice = Tar::default();
    twice.file("bomb.gz", &gzip(&bomb));
    // Inside a layer, a bomb is a file as any other.
    assert_eq!(facts(&twice.end()).irregularities, []);
    for (name, blob) in
        [("gzip", best(&[usual().0, zeros.clone()].concat())), ("zstd", zstd(&zeros)), ("members", bomb.repeat(20))]
    {
        let facts = try_read(&blob, Some(&sha256(&blob)), Some(blob.len() as u64), &Limits::default()).expect(name);
        assert!(says(&facts, Limit, "400 times its size"), "{name}: {:?}", facts.irregularities);
        assert!(facts.size < 34 << 20 && facts.diff_id.is_empty(), "{name}: {} bytes", facts.size);
    }
    let limits = Limits { layer_bytes: 1 << 20, ..Limits::default() };
    for blob in [bomb, zeros] {
        let facts = try_read(&blob, Some(&sha256(&blob)), Some(blob.len() as u64), &limits).expect("it is read");
        assert!(says(&facts, Limit, "more than 1048576 bytes"), "{:?}", facts.irregularities);
    }
}

#[test]
fn an_endless_blob_is_refused() {
    let (wanted, entries) = (Wanted::default(), AtomicU64::new(0));
    let limits = Limits { layer_bytes: 1 << 20, ..Limits::default() };
    for (byte, size) in [(0, None), (b'x', None), (0, Some(1 << 19))] {
        let request =
            LayerRequest { place: "layer", digest: None, size, wanted: &wanted, limits: &limits, entries: &entries };
        let error = read(std::io::repeat(byte), &request).expect_err("it never ends");
        assert!(error.problem.contains("longer than") || error.problem.contains("more than"), "{error}");
    }
}

#[test]
fn entries_are_counted_over_all_layers() {
    let mut tar = Tar::default();
    (0..200).for_each(|at| tar.file(&format!("f{at}"), b""));
    let archive = tar.end();
    let (wanted, entries) = (Wanted::default(), AtomicU64::new(0));
    let limits = Limits { entries: 300, ..Limits::default() };
    let request =
        LayerRequest { place: "layer", digest: None, size: None, wanted: &wanted, limits: &limits, entries: &entries };
    let first = read(&archive[..], &request).expect("it is read");
    assert_eq!((first.entries.len(), first.irregularities.len()), (200, 0));
    let second = read(&archive[..], &request).expect("it is read");
    assert_eq!(second.entries.len(), 100);
    assert!(says(&second, Limit, "more than 300 entries"));
    // What isn't walked is still hashed.
    assert_eq!(second.diff_id, first.diff_id);
}

#[test]
fn a_million_irregularities_are_summed_up() {
    let mut tar = Tar::default();
    (0..3000).for_each(|at| tar.file(&format!("/absolute/{at}"), b""));
    tar.file("../escape", b"");
    let facts = facts(&tar.end());
    assert!(facts.irregularities.len() <= 100);
    assert!(says(&facts, Ambiguous, "and 2986 more of this kind") && says(&facts, Escape, "leads out"));
    assert_eq!(facts.entries.len(), 3000);
}

#[test]
fn other_compressions_are_refused() {
    for (blob, name) in [(&b"\xfd7zXZ\0rest"[..], "xz"), (b"BZh91AY&SY", "bzip2")] {
        let error = try_read(blob, None, None, &Limits::default()).expect_err(name);
        assert!(error.problem.contains(name) && error.remedy.contains("gzip or zstd"), "{error}");
    }
}
