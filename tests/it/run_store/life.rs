//! Many starts at once, and starts that end in the middle; what is broken, full, or not needed any more.

use std::time::Duration;

use super::*;
use crate::image_made::{Made, gzip, made, tar};

/// An image with so many bytes that don't compress.
fn image(marker: &str, bytes: usize) -> Made {
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..bytes)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect();
    made(vec![tar(&[("marker", b'0', 0o644, marker.as_bytes()), ("noise", b'0', 0o644, &noise)])], gzip)
}

fn marker(stored: &Stored) -> String {
    fs::read_to_string(stored.root.path.join("marker")).expect("a file of the image")
}

#[test]
fn of_many_at_once_one_unpacks() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = image("one", 300_000);
    let first = saved(folder.path(), "a.tar", &made.saved("app:v1"));
    let second = saved(folder.path(), "b.tar", &made.saved_anew("app:v1"));
    let data = folder.path().join("data");
    let work = |reference: &str| match prepare(&store(&data, &one_id()), reference) {
        Ok(stored) => format!("{} {:?}", marker(&stored), fs::metadata(&stored.root.path).expect("there").ino()),
        Err(error) => error,
    };
    let all: Vec<Apart> =
        (0..8).map(|number| begin(Who::Root, || work(if number % 2 == 0 { &first } else { &second }))).collect();
    let said: Vec<String> = all.into_iter().map(Apart::end).collect();
    assert!(said[0].starts_with("one ") && said.windows(2).all(|pair| pair[0] == pair[1]), "{said:?}");
    assert_eq!((names(&data, "images").len(), names(&data, "names").len()), (1, 2));
    assert_eq!(names(&data, "tmp"), [""; 0]);
}

#[test]
fn what_was_killed_in_the_middle_is_done_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let archive = image("one", 300_000).saved("app:v1");
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).expect("a pipe");
    let reference = format!("docker-archive:{}", pipe.display());
    let reader = begin(Who::Root, || {
        prepare(&store(&data, &one_id()), &reference).map_or_else(|error| error, |_| String::new())
    });
    // It gets the half of it, and waits for the rest until it is killed.
    let mut writer = fs::File::options().write(true).open(&pipe).expect("somebody reads");
    writer.write_all(&archive[..archive.len() / 2]).expect("it is read");
    let spools =
        || -> Vec<String> { names(&data, "tmp").into_iter().filter(|name| !name.ends_with(".lock")).collect() };
    crate::support::launch::until("the store is written to", || {
        spools().first().is_some_and(|name| {
            let spool = data.join("harden/tmp").join(name).join("spool");
            fs::metadata(spool).is_ok_and(|spool| spool.len() > 0)
        })
    });
    // As long as it lives, nobody takes its folder away.
    let other = saved(folder.path(), "other.tar", &image("two", 10).saved("app:v2"));
    prepare(&store(&data, &one_id()), &other).expect("another image");
    assert_eq!(spools().len(), 1);
    sys::kill(reader.pid, libc::SIGKILL).expect("it is ours");
    let (_, status) = rustix::process::waitpid(Some(reader.pid), WaitOptions::empty()).expect("ours").expect("ended");
    assert_eq!(status.terminating_signal(), Some(libc::SIGKILL));
    drop(writer);
    assert_eq!(spools().len(), 1, "what it left is there");
    let again = saved(folder.path(), "again.tar", &archive);
    let stored = prepare(&store(&data, &one_id()), &again).expect("the same image");
    assert_eq!(marker(&stored), "one");
    assert_eq!(names(&data, "tmp"), [""; 0], "and is gone");
    assert_eq!(names(&data, "images").len(), 2);
}

#[test]
fn what_is_used_stays_and_the_rest_can_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path(), &one_id());
    let references: Vec<String> = ["one", "two", "three"]
        .iter()
        .map(|name| saved(folder.path(), &format!("{name}.tar"), &image(name, 50_000).saved("app:v1")))
        .collect();
    let mut stored: Vec<Stored> =
        references.iter().map(|reference| prepare(&store, reference).expect("unpacked")).collect();
    // An image that wasn't used for two hours.
    let old = stored.pop().expect("three").root.path;
    let lock = fs::File::options().append(true).open(old.parent().expect("its folder").join("lock")).expect("a lock");
    lock.set_modified(std::time::SystemTime::now() - Duration::from_secs(7200)).expect("its time");
    drop(lock);
    fs::create_dir(folder.path().join("harden/volumes/data")).expect("made");
    let freed = store.gc(Duration::from_secs(3600)).expect("collected");
    assert_eq!((freed.images, freed.used), (1, 2), "{freed:?}");
    assert!(!old.exists() && freed.bytes >= 50_000, "{freed:?}");
    drop(stored.pop());
    assert_eq!(store.gc(Duration::from_secs(3600)).expect("collected").images, 0, "it was used just now");
    let freed = store.gc(Duration::ZERO).expect("collected");
    assert_eq!((freed.images, freed.used), (1, 1), "{freed:?}");
    assert_eq!((marker(&stored[0]), names(folder.path(), "names").len()), ("one".to_owned(), 1));
    // A use is noted where the last note is old.
    let lock = stored[0].root.path.parent().expect("its folder").join("lock");
    let past = std::time::SystemTime::now() - Duration::from_secs(7200);
    fs::File::options().append(true).open(&lock).expect("a lock").set_modified(past).expect("its time");
    prepare(&store, &references[0]).expect("still there");
    assert!(fs::metadata(&lock).and_then(|lock| lock.modified()).expect("a time") > past);
    drop(stored);
    assert_eq!(store.gc(Duration::ZERO).expect("collected").images, 1);
    for name in ["images", "names", "tmp", "locks"] {
        assert_eq!(names(folder.path(), name), [""; 0], "{name}");
    }
    assert_eq!(names(folder.path(), "volumes"), ["data"]);
    assert_eq!(prepare(&store, &references[2]).map(|stored| marker(&stored)).expect("unpacked again"), "three");
}

#[test]
fn what_is_broken_or_foreign_is_unpacked_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path(), &one_id());
    let reference = saved(folder.path(), "image.tar", &image("one", 10).saved("app:v1"));
    prepare(&store, &reference).expect("unpacked");
    let home = only_root(folder.path()).parent().expect("its folder").to_owned();
    let name = folder.path().join("harden/names").join(&names(folder.path(), "names")[0]);
    let record = home.join("record");
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).expect("readable");
        let at = bytes.len() / 2;
        bytes[at] ^= 0x40;
        fs::write(path, bytes).expect("written");
    };
    let breaks: [(&str, &dyn Fn()); 8] = [
        ("a record with another byte", &|| flip(&record)),
        ("a name with another byte", &|| flip(&name)),
        ("an empty record", &|| fs::write(&record, "").expect("written")),
        ("no record", &|| fs::remove_file(&record).expect("removed")),
        ("no lock", &|| fs::remove_file(home.join("lock")).expect("removed")),
        ("no file system", &|| fs::remove_dir_all(home.join("rootfs")).expect("removed")),
        ("a link for a file system", &|| {
            fs::rename(home.join("rootfs"), home.join("moved")).expect("moved");
            std::os::unix::fs::symlink("/", home.join("rootfs")).expect("a link");
        }),
        ("a file for an image", &|| {
            fs::remove_dir_all(&home).expect("removed");
            fs::write(&home, "x").expect("written");
        }),
    ];
    for (what, damage) in breaks {
        damage();
        let stored = prepare(&store, &reference).expect(what);
        assert_eq!(marker(&stored), "one", "{what}");
        assert_eq!((names(folder.path(), "images").len(), names(folder.path(), "tmp").len()), (1, 0), "{what}");
    }
}

#[test]
fn an_image_that_does_not_fit_leaves_nothing() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    let big = saved(folder.path(), "big.tar", &image("big", 3 << 20).saved("app:v1"));
    let names_of_many: Vec<String> = (0..200).map(|number| format!("file{number}")).collect();
    let many: Vec<_> = names_of_many.iter().map(|name| (name.as_str(), b'0', 0o644, &b"x"[..])).collect();
    let many = saved(folder.path(), "many.tar", &made(vec![tar(&many)], gzip).saved("app:v1"));
    let small = saved(folder.path(), "small.tar", &image("small", 10).saved("app:v1"));
    let said = apart(Who::Root, || {
        sys::unshare(libc::CLONE_NEWNS).expect("a mount namespace");
        use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).expect("private");
        let options = c"size=2m,nr_inodes=100";
        mount("tmpfs", &data, "tmpfs", MountFlags::empty(), options).expect("a small file system");
        let store = store(&data, &one_id());
        let mut said = Vec::new();
        for reference in [&big, &many] {
            said.push(prepare(&store, reference).expect_err("it doesn't fit"));
            said.push(format!("{:?}{:?}", names(&data, "images"), names(&data, "tmp")));
        }
        said.push(prepare(&store, &small).map(|stored| marker(&stored)).expect("it fits"));
        said.join("\n")
    });
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].contains("are free in the store") && lines[0].contains("harden run --gc"), "{said}");
    assert!(lines[2].contains("the store is full") && lines[2].contains("harden run --gc"), "{said}");
    assert_eq!((lines[1], lines[3], lines[4]), ("[][]", "[][]", "small"), "{said}");
}
