//! Layers as real tools write them, and what is collected of their files.

pub(crate) mod archive;
mod content;
mod oracle;

use std::io::Write;
use std::sync::atomic::AtomicU64;

use harden::image::layer::{LayerRequest, read};
use harden::image::{Error, Kind, LayerFacts, Limits, Program, Wanted};

use archive::{Tar, pax};

/// Reads a blob with nothing checked and the usual bounds.
pub(crate) fn facts(blob: &[u8]) -> LayerFacts {
    try_read(blob, None, None, &Limits::default()).expect("the layer is read")
}

pub(crate) fn try_read(
    blob: &[u8],
    digest: Option<&str>,
    size: Option<u64>,
    limits: &Limits,
) -> Result<LayerFacts, Error> {
    let wanted = Wanted { reads: vec!["/etc/sudoers.d/*"], content: harden::secret::CONTENT.iter().collect() };
    let entries = AtomicU64::new(0);
    read(blob, &LayerRequest { place: "layer", digest, size, wanted: &wanted, limits, entries: &entries })
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(bytes);
    format!("sha256:{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// An archive with one of everything that is usual.
pub(crate) fn usual() -> Tar {
    let mut tar = Tar::default();
    tar.folder("./", 0o755);
    tar.folder("etc/", 0o755);
    tar.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n");
    tar.folder("usr/", 0o755);
    tar.folder("usr/bin/", 0o755);
    tar.with("usr/bin/su", b"#!/bin/sh -e\nexit 1\n", |header| header[100..107].copy_from_slice(b"0004755"));
    tar.link(b'2', "usr/bin/sh", "dash");
    tar.link(b'1', "usr/bin/su2", "usr/bin/su");
    tar.device(b'3', "dev/null", 1, 3);
    tar.device(b'6', "run/pipe", 0, 0);
    tar.file("var/.wh.cache", b"");
    tar.file("opt/.wh..wh..opq", b"");
    tar
}

/// An archive of most that archives can have, for damage.
pub(crate) fn rich() -> Vec<u8> {
    let mut tar = usual();
    tar.global(&pax(&[("comment", b"made by hand")]));
    tar.pax(&pax(&[
        ("path", b"etc/long/name.conf"),
        ("SCHILY.xattr.security.capability", &[1, 0, 0, 2]),
        ("mtime", b"1.5"),
    ]));
    tar.file("short", b"#!/bin/sh\nPASSWORD=1\n");
    tar.gnu(b'L', "etc/long/gnu.conf");
    tar.file("short", &[b'a'; 700]);
    tar.gnu(b'K', "etc/long/target");
    tar.link(b'2', "short", "target");
    tar.header("sparse", b'S', 0, |header| {
        header[257..265].copy_from_slice(b"ustar  \0");
        header[482] = 1;
    });
    tar.content(&[0; 511]);
    tar.file("usr/bin/elf", &[&b"\x7fELF\x02\x01\x01"[..], &[0; 200]].concat());
    tar.file("etc/key.conf", b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n");
    tar.end()
}

#[test]
fn a_usual_layer_is_read() {
    let plain = usual().end();
    let facts = facts(&plain);
    assert_eq!(facts.irregularities, []);
    assert_eq!((facts.diff_id.as_str(), facts.size), (sha256(&plain).as_str(), plain.len() as u64));
    let entries: Vec<_> = facts.entries.iter().map(|entry| (entry.path, entry.kind, entry.mode, entry.link)).collect();
    assert_eq!(
        entries,
        [
            ("/etc", Kind::Folder, 0o755, ""),
            ("/etc/passwd", Kind::File, 0o644, ""),
            ("/usr", Kind::Folder, 0o755, ""),
            ("/usr/bin", Kind::Folder, 0o755, ""),
            ("/usr/bin/su", Kind::File, 0o4755, ""),
            ("/usr/bin/sh", Kind::Symlink, 0o644, "dash"),
            ("/usr/bin/su2", Kind::HardLink, 0o644, "/usr/bin/su"),
            ("/dev/null", Kind::CharDevice, 0o644, ""),
            ("/run/pipe", Kind::Fifo, 0o644, ""),
            ("/var/cache", Kind::Whiteout, 0o644, ""),
            ("/opt", Kind::Opaque, 0o644, ""),
        ]
    );
    let su = facts.entries.get(4);
    let extra = su.extra.expect("an extra");
    assert_eq!((su.program, extra.interpreter.as_deref()), (Program::Script, Some("/bin/sh -e")));
    let digest = extra.digest.expect("a digest of a setuid file");
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(format!("sha256:{digest}"), sha256(b"#!/bin/sh -e\nexit 1\n"));
    assert_eq!(facts.entries.get(7).extra.and_then(|extra| extra.device), Some((1, 3)));
    assert_eq!(facts.text_of(1), Some(&b"root:x:0:0:root:/root:/bin/sh\n"[..]));
}

#[test]
fn every_compression_gives_the_same() {
    let plain = usual().end();
    let whole = facts(&plain);
    let (first, rest) = plain.split_at(plain.len() / 2 + 7);
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"data"].concat();
    let members: Vec<u8> = plain.chunks(512).flat_map(gzip).collect();
    for (name, blob) in [
        ("gzip", gzip(&plain)),
        ("gzip of two members", [gzip(first), gzip(rest)].concat()),
        ("gzip of many members", members),
        ("gzip with an empty member", [gzip(first), gzip(b""), gzip(rest)].concat()),
        ("gzip with zeros behind it", [gzip(&plain), vec![0; 70_000]].concat()),
        ("zstd", zstd(&plain)),
        ("zstd of two frames", [zstd(first), zstd(rest)].concat()),
        ("zstd with skippable frames", [skippable.clone(), zstd(&plain), skippable].concat()),
    ] {
        assert_eq!(facts(&blob), whole, "{name}");
        let digest = sha256(&blob);
        let checked = try_read(&blob, Some(&digest), Some(blob.len() as u64), &Limits::default());
        assert_eq!(checked, Ok(whole.clone()), "{name}");
    }
}

#[test]
fn a_stargz_layer_is_read_behind_its_first_member() {
    let mut tar = usual();
    tar.file(".no.prefetch.landmark", b"\x0f");
    tar.file("stargz.index.json", b"{\"version\":1,\"entries\":[]}");
    let plain = tar.end();
    let (contents, end) = plain.split_at(plain.len() - 1024);
    let mut blob: Vec<u8> = contents.chunks(1024).flat_map(gzip).collect();
    blob.extend(gzip(end));
    // The footer: an empty member whose extra field says where the table of contents is.
    blob.extend(
        b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x1a\0SG\x16\x00000000000000beefSTARGZ\x01\0\0\xff\xff\0\0\0\0\0\0\0\0",
    );
    let facts = facts(&blob);
    assert_eq!(facts.irregularities, []);
    assert!(facts.entries.iter().any(|entry| entry.path == "/stargz.index.json"));
    assert_eq!(facts.diff_id, sha256(&plain));
}

#[test]
fn size_and_digest_are_checked() {
    use sha2::Digest as _;
    for blob in [usual().end(), gzip(&usual().end()), zstd(&usual().end())] {
        let size = blob.len() as u64;
        let good = sha256(&blob);
        let long: String = sha2::Sha512::digest(&blob).iter().map(|byte| format!("{byte:02x}")).collect();
        let long = format!("sha512:{long}");
        let read = |digest: &str, size| try_read(&blob, Some(digest), Some(size), &Limits::default());
        assert!(read(&good, size).is_ok() && read(&long, size).is_ok());
        let other = sha256(b"another");
        for (digest, size, problem) in [
            (other.as_str(), size, "its digest is"),
            (&long.replace(&long[7..11], "beef"), size, "its digest is"),
            (&good, size - 1, "it has more than"),
            (&good, size + 1, "it has fewer than"),
            ("md5:d41d8cd98f00b204e9800998ecf8427e", size, "is no sha256 or sha512 digest"),
            ("sha256:../../etc/passwd", size, "is no sha256 or sha512 digest"),
            (&good.to_uppercase(), size, "is no sha256 or sha512 digest"),
        ] {
            let error = read(digest, size).expect_err(problem);
            assert!(error.problem.contains(problem), "{error}");
            assert!(!error.remedy.is_empty() && error.place == "layer");
        }
    }
}

#[test]
fn a_source_that_fails_is_an_error() {
    struct Failing(usize);
    impl std::io::Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.0 == 0 {
                return Err(std::io::Error::other("the cable is cut"));
            }
            let length = self.0.min(buffer.len()).min(1000);
            buffer[..length].fill(0);
            self.0 -= length;
            Ok(length)
        }
    }
    let (wanted, limits, entries) = (Wanted::default(), Limits::default(), AtomicU64::new(0));
    for length in [0, 3, 100_000] {
        let request = LayerRequest {
            place: "layer",
            digest: None,
            size: None,
            wanted: &wanted,
            limits: &limits,
            entries: &entries,
        };
        let error = read(Failing(length), &request).expect_err("it fails");
        assert!(error.problem.contains("the cable is cut"), "{error}");
    }
}

#[test]
fn pax_and_gnu_names_are_read() {
    let long = format!("usr/{}file", "folder/".repeat(40));
    let prefixed = format!("{}/name", "p".repeat(100));
    let mut tar = Tar::default();
    tar.pax(&pax(&[("path", long.as_bytes()), ("mtime", b"1700000000.75"), ("uid", b"3000000")]));
    tar.file("short", b"1");
    tar.gnu(b'L', &long.replace("file", "gnu"));
    tar.file("short", b"2");
    tar.gnu(b'K', &long);
    tar.link(b'2', "link", "short");
    tar.with("name", b"3", |header| header[345..445].copy_from_slice(&[b'p'; 100]));
    tar.global(&pax(&[("comment", b"0123456789abcdef0123456789abcdef01234567")]));
    tar.with("big", b"4", |header| header[108..116].copy_from_slice(b"\x80\0\0\0\x80\0\0\0"));
    let facts = facts(&tar.end());
    assert_eq!(facts.irregularities, []);
    let paths: Vec<_> = facts.entries.iter().map(|entry| entry.path).collect();
    let clean = format!("/{long}");
    assert_eq!(paths, [&clean, &clean.replace("file", "gnu"), "/link", &format!("/{prefixed}"), "/big"]);
    let first = facts.entries.get(0);
    assert_eq!((first.modified, first.uid), (1_700_000_000, 3_000_000));
    assert_eq!(facts.entries.get(2).link, long);
    assert_eq!(facts.entries.get(4).uid, 1 << 31);
}

#[test]
fn names_in_front_count_as_in_go() {
    let mut tar = Tar::default();
    tar.gnu(b'L', "");
    tar.file("etc/a", b"");
    // To Go a global header is an entry, which uses up what stands in front of it.
    tar.gnu(b'L', "harmless");
    tar.global(&pax(&[("comment", b"nothing")]));
    tar.file("etc/b", b"");
    tar.pax(&pax(&[("path", b"other")]));
    tar.gnu(b'L', "etc/c");
    tar.file("etc/x", b"");
    let facts = facts(&tar.end());
    let paths: Vec<&str> = facts.entries.iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["/etc/a", "/etc/b", "/etc/c"]);
}
