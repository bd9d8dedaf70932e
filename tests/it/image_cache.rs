//! Facts of layers between runs: used when they are whole, never a reason to fail.

use std::fs;
use std::path::{Path, PathBuf};

use harden::image::{Cache, Image, Limits, Wanted};

use crate::image_made::{Made, blob, content, gzip, made, read_with, sample, tar, write};

/// A layout of the sample in a folder, with a cache beside it.
struct Bench {
    folder: tempfile::TempDir,
    reference: String,
    made: Made,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = sample();
        write(&folder.path().join("layout"), &made.layout(None));
        let reference = format!("oci:{}", folder.path().join("layout").display());
        Self { folder, reference, made }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache/harden/layers")
    }

    fn read(&self, max_bytes: u64) -> Image {
        let cache = Cache::at(self.cache(), max_bytes);
        read_with(&self.reference, |request| request.cache = Some(Box::leak(Box::new(cache)))).expect("an image")
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn the_second_run_reads_no_layer() {
    let bench = Bench::new();
    let first = bench.read(1 << 20);
    assert_eq!((first.unhashed, files(&bench.cache()).len()), (0, 2), "equal layers are one");
    let second = bench.read(1 << 20);
    assert_eq!(second.unhashed, 2);
    assert_eq!(content(&second), content(&first));
    // That no blob is opened shows when there is none.
    for layer in &bench.made.packed {
        let _ = fs::remove_file(bench.folder.path().join("layout").join(blob(layer).0));
    }
    assert_eq!(content(&bench.read(1 << 20)), content(&first));
}

#[test]
fn other_wishes_and_bounds_are_other_facts() {
    let bench = Bench::new();
    bench.read(1 << 20);
    let cache = Cache::at(bench.cache(), 1 << 20);
    let read = |wanted: &Wanted, limits: &Limits| {
        let parsed = harden::image::Reference::parse(&bench.reference).expect("a reference");
        let mut request = harden::image::source::Request::new(&bench.reference, &parsed, wanted, limits);
        request.cache = Some(&cache);
        request.platform = Some("linux/amd64");
        harden::image::source::read(&request).expect("an image").unhashed
    };
    let more = Wanted { reads: vec!["/etc/shadow"], content: Vec::new() };
    let tight = Limits { ratio: 399, ..Limits::default() };
    let usual = crate::image_made::wanted();
    assert_eq!((read(&more, &Limits::default()), read(&more, &Limits::default())), (0, 2));
    assert_eq!((read(&usual, &tight), read(&usual, &tight)), (0, 2));
    // What was cut at a bound is not kept.
    let cut = Limits { entries: 3, ..Limits::default() };
    assert_eq!((read(&usual, &cut), read(&usual, &cut)), (0, 0));
}

#[test]
fn what_is_broken_is_read_anew_and_replaced() {
    let bench = Bench::new();
    let first = bench.read(1 << 20);
    let paths = files(&bench.cache());
    let good: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).expect("a file")).collect();
    let flipped = |at: usize| {
        let mut bytes = good[0].clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut broken = vec![Vec::new(), b"something else".to_vec(), good[0][..good[0].len() - 1].to_vec()];
    broken.extend([0, 7, 8, 39, 40, 47, 48, good[0].len() - 1].map(flipped));
    broken.push([&good[0][..], b"more"].concat());
    for bytes in broken {
        fs::write(&paths[0], &bytes).expect("a file");
        let image = bench.read(1 << 20);
        assert_eq!(image.unhashed, 1, "one of two is broken");
        assert_eq!(content(&image), content(&first));
        assert_eq!(fs::read(&paths[0]).expect("a file"), good[0], "it is replaced");
    }
    // A folder in a file's place is left alone.
    fs::remove_file(&paths[0]).expect("removed");
    fs::create_dir(&paths[0]).expect("a folder");
    assert_eq!(content(&bench.read(1 << 20)), content(&first));
}

#[test]
fn a_folder_that_cannot_be_written_fails_nothing() {
    let bench = Bench::new();
    fs::write(bench.folder.path().join("cache"), "a file in the way").expect("a file");
    let first = bench.read(1 << 20);
    assert_eq!((first.unhashed, bench.read(1 << 20).unhashed), (0, 0));
}

#[test]
fn it_stays_as_large_as_it_may_be() {
    let bench = Bench::new();
    bench.read(1 << 20);
    let kept = files(&bench.cache());
    let size: u64 = kept.iter().map(|path| fs::metadata(path).expect("a file").len()).sum();
    // A stranger's file is neither counted nor removed, a leftover goes.
    let stranger = bench.cache().join("README");
    fs::write(&stranger, vec![b'x'; 4096]).expect("a file");
    let leftover = bench.cache().join(format!("{}.1-ThreadId(1).tmp", "a".repeat(64)));
    let old = bench.cache().join("f".repeat(64));
    for path in [&leftover, &old] {
        let file = fs::File::create(path).expect("a file");
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(86_400);
        file.set_modified(long_ago).expect("a time");
    }
    fs::remove_file(&kept[0]).expect("removed");
    bench.read(size);
    let left = files(&bench.cache());
    assert!(left.contains(&stranger) && !left.contains(&leftover) && left.contains(&old), "{left:?}");
    // One file less fits now: the one that wasn't used for longest goes.
    fs::write(&old, vec![0; 100]).expect("a file");
    let file = fs::File::options().write(true).open(&old).expect("a file");
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("a time");
    let first = left.iter().find(|path| **path != stranger && **path != old).expect("a file");
    fs::write(first, "broken").expect("a file");
    bench.read(size);
    let left = files(&bench.cache());
    assert!(!left.contains(&old) && left.len() == 3, "{left:?}");
    assert_eq!(bench.read(10).unhashed, 2, "reading removes nothing");
    let tiny = made(vec![tar(&[("new", b'0', 0o644, b"")])], gzip);
    write(&bench.folder.path().join("layout"), &tiny.layout(None));
    bench.read(10);
    assert_eq!(files(&bench.cache()).len(), 1, "what does not fit at all is not kept, and the rest goes");
}

#[test]
fn many_may_use_it_at_once() {
    let bench = Bench::new();
    let expected = content(&bench.read(1 << 20));
    fs::remove_dir_all(bench.cache()).expect("removed");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(content(&bench.read(1 << 20)), expected);
                    if let Some(path) = files(&bench.cache()).first() {
                        let _ = fs::remove_file(path);
                    }
                }
            });
        }
    });
    bench.read(1 << 20);
    let left = files(&bench.cache());
    assert!(left.len() == 2 && left.iter().all(|path| path.extension().is_none()), "{left:?}");
}

#[cfg(unix)]
#[test]
fn nobody_else_can_look_into_it() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    bench.read(1 << 20);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o077;
    assert_eq!(mode(&bench.cache()), 0);
    assert!(files(&bench.cache()).iter().all(|path| mode(path) == 0));
}

#[test]
fn the_usual_folder_is_the_users() {
    let with = |pairs: &'static [(&str, &str)]| {
        Cache::usual_folder(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into()))
    };
    if cfg!(unix) {
        assert_eq!(with(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]), Some("/x/harden/layers".into()));
        assert_eq!(with(&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")]), Some("/h/.cache/harden/layers".into()));
    }
    assert_eq!(with(&[]), None);
}
