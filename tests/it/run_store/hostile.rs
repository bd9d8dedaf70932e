//! Images that are made to harm: nothing outside the store's folder is written, and what can't be trusted isn't run.

use std::process::Command;

use harden::image::source;
use harden::image::unpack::{self, Order};

use super::*;
use crate::image_made::{Member, gzip, made, tar, write};

/// A folder that nobody may change, and another with a store, side by side as an attacker would know them.
struct Scene {
    folder: tempfile::TempDir,
    canary: PathBuf,
    before: BTreeMap<Vec<u8>, Seen>,
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().expect("a folder");
    let canary = folder.path().join("canary");
    fs::create_dir_all(canary.join("etc")).expect("made");
    fs::write(canary.join("etc/passwd"), "untouched").expect("written");
    fs::write(canary.join("file"), "untouched").expect("written");
    let before = list(&canary);
    Scene { folder, canary, before }
}

/// Archives, each with what it tries.
fn attempts(canary: &str) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let file = format!("{canary}/file");
    let new = format!("{canary}/new");
    let up = format!("{}{}/new", "../".repeat(20), canary.trim_start_matches('/'));
    let links = |target: &'static str| -> Vec<Member<'static>> { vec![("link", b'2', 0o777, target.as_bytes())] };
    let leaked: &'static str = Box::leak(canary.to_owned().into_boxed_str());
    let through: Vec<Member<'_>> = [&links(leaked)[..], &[("link/new", b'0', 0o644, b"x")]].concat();
    vec![
        ("an absolute name", vec![tar(&[(&new, b'0', 0o644, b"x")])]),
        ("a name that climbs", vec![tar(&[(&up, b'0', 0o644, b"x")])]),
        (
            "a name that climbs behind a folder",
            vec![tar(&[("a/", b'5', 0o755, b""), (&format!("a/../{up}"), b'0', 0o644, b"x")])],
        ),
        ("a symlinked parent", vec![tar(&through)]),
        ("a symlinked parent in a layer below", vec![tar(&links(leaked)), tar(&[("link/new", b'0', 0o644, b"x")])]),
        ("a file over a symlink", vec![tar(&[("link", b'2', 0o777, file.as_bytes()), ("link", b'0', 0o644, b"x")])]),
        ("a folder's mode through a symlink", vec![tar(&links(leaked)), tar(&[("link/", b'5', 0o777, b"")])]),
        (
            "a hard link to the outside",
            vec![tar(&[("hard", b'1', 0o644, file.as_bytes()), ("hard", b'0', 0o644, b"x")])],
        ),
        ("a hard link that climbs", vec![tar(&[("hard", b'1', 0o666, up.as_bytes())])]),
        (
            "a hard link through a symlink",
            vec![tar(&[&links(leaked)[..], &[("hard", b'1', 0o666, b"link/file")]].concat())],
        ),
        (
            "a hard link to a symlink",
            vec![tar(&[
                ("out", b'2', 0o777, file.as_bytes()),
                ("hard", b'1', 0o666, b"out"),
                ("hard", b'0', 0o644, b"x"),
            ])],
        ),
        ("a whiteout of the outside", vec![tar(&links(leaked)), tar(&[("link/.wh.file", b'0', 0o644, b"")])]),
        ("an opaque mark outside", vec![tar(&links(leaked)), tar(&[("link/.wh..wh..opq", b'0', 0o644, b"")])]),
        (
            "a whiteout that climbs",
            vec![tar(&[(&format!("{}/.wh.new", up.trim_end_matches("/new")), b'0', 0o644, b"")])],
        ),
        (
            "mount points that are links",
            vec![tar(&[
                ("proc", b'2', 0o777, leaked.as_bytes()),
                ("dev", b'2', 0o777, leaked.as_bytes()),
                ("tmp", b'2', 0o777, leaked.as_bytes()),
            ])],
        ),
        (
            "a folder between layers where a file was",
            vec![tar(&[("a", b'0', 0o644, b"x")]), tar(&[("a/", b'5', 0o755, b""), ("a/b", b'0', 0o644, b"y")])],
        ),
        (
            "a link between layers where a folder was",
            vec![
                tar(&[("a/", b'5', 0o755, b""), ("a/b", b'0', 0o644, b"x")]),
                tar(&[("a", b'2', 0o777, leaked.as_bytes()), ("a/new", b'0', 0o644, b"y")]),
            ],
        ),
        ("the root as a link", vec![tar(&[("./", b'2', 0o777, leaked.as_bytes()), ("new", b'0', 0o644, b"x")])]),
    ]
}

#[test]
fn nothing_outside_is_written() {
    let scene = scene();
    let canary = scene.canary.to_str().expect("text").to_owned();
    let all = attempts(&canary);
    let (mut kept, mut refused) = (0, 0);
    for (number, (what, layers)) in all.iter().enumerate() {
        let reference = saved(scene.folder.path(), "image.tar", &made(layers.clone(), gzip).saved("app:v1"));
        let data = scene.folder.path().join(format!("data{number}"));
        match prepare(&store(&data, &one_id()), &reference) {
            Ok(stored) => {
                kept += 1;
                // What is a link inside stays a link, and leads there only for who follows it.
                assert!(!stored.root.path.join("new").exists() || *what == "the root as a link", "{what}");
            }
            Err(error) => {
                refused += 1;
                assert!(error.contains("; "), "{what}: {error}");
            }
        }
        assert_eq!(list(&scene.canary), scene.before, "{what}");
        assert_eq!(names(&data, "tmp"), [""; 0], "{what}");
    }
    assert!(kept >= 10, "{kept} of {} were unpacked, {refused} refused", all.len());
    let beside = fs::read_dir(scene.folder.path()).expect("a folder").count();
    assert_eq!(beside, all.len() + 2, "stores, the canary, and the last image");
}

/// That the archives would do harm: a reader that trusts them does it.
#[test]
fn a_reader_that_trusts_archives_writes_outside() {
    const TRUSTING: &str = "import sys, tarfile\nfor name in sys.argv[2:]:\n  with tarfile.open(name) as archive:\n    \
        for member in archive:\n      try: archive.extract(member, sys.argv[1], filter='fully_trusted')\n      \
        except TypeError: archive.extract(member, sys.argv[1])\n      except (OSError, KeyError): pass";
    let mut harmed = Vec::new();
    for number in 0..attempts("").len() {
        let scene = scene();
        let canary = scene.canary.to_str().expect("text").to_owned();
        let (what, layers) = attempts(&canary).swap_remove(number);
        let target = scene.folder.path().join("target");
        fs::create_dir(&target).expect("made");
        let mut python = Command::new("python3");
        python.args(["-c", TRUSTING]).arg(&target);
        for (index, layer) in layers.iter().enumerate() {
            let path = scene.folder.path().join(format!("{index}.tar"));
            fs::write(&path, layer).expect("written");
            python.arg(path);
        }
        match python.output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => panic!("{what}: {}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => return skip(&format!("python3: {error}")),
        }
        if list(&scene.canary) != scene.before {
            harmed.push(what);
        }
    }
    assert!(harmed.len() >= 6, "{harmed:?}");
}

#[test]
fn devices_bits_and_odd_names_are_what_they_should_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let layer = tar(&[
        ("null", b'3', 0o666, b""),
        ("disk", b'4', 0o666, b""),
        ("pipe", b'6', 0o622, b""),
        ("su", b'0', 0o6755, b"x"),
        ("mail/", b'5', 0o2775, b""),
        ("nothing", b'2', 0o777, b""),
        ("one", b'0', 0o640, b"same"),
        ("two", b'1', 0o640, b"one"),
        ("link", b'2', 0o777, b"one"),
        ("again", b'1', 0o777, b"link"),
        ("Case", b'0', 0o600, b"upper"),
        ("case", b'0', 0o600, b"lower"),
    ]);
    // A byte that is no UTF-8.
    let mut odd = tar(&[("cafE", b'0', 0o644, b"x"), ("to", b'2', 0o777, b"cafE")]);
    odd[3] = 0xe9;
    odd[1024 + 157 + 3] = 0xe9;
    for at in [0, 1024] {
        odd[at + 148..at + 156].fill(b' ');
        let sum: u32 = odd[at..at + 512].iter().map(|byte| u32::from(*byte)).sum();
        odd[at + 148..at + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    let holes = [vec![0; 3 << 20], b"end".to_vec(), vec![0; 1 << 20]].concat();
    let sparse = tar(&[("holes", b'0', 0o644, &holes)]);
    let reference = saved(folder.path(), "image.tar", &made(vec![layer, odd, sparse], gzip).saved("app:v1"));
    let stored = prepare(&store(folder.path(), &one_id()), &reference).expect("unpacked");
    let found = list(&stored.root.path);
    let left = stored.left_out;
    assert_eq!((left.devices, left.setid, left.links, left.capabilities), (2, 1, 1, 0), "{:?}", left.said());
    assert!(!found.contains_key(&b"null"[..]) && !found.contains_key(&b"nothing"[..]));
    let pipe = &found[&b"pipe"[..]];
    assert_eq!((pipe.kind, pipe.mode), ('o', 0o622));
    assert_eq!((found[&b"su"[..]].mode, found[&b"mail"[..]].mode), (0o755, 0o2775));
    assert_eq!((found[&b"one"[..]].names, &found[&b"two"[..]].content[..]), (2, &b"same"[..]));
    assert_eq!((found[&b"link"[..]].names, found[&b"again"[..]].kind), (2, 'l'));
    assert_eq!((&found[&b"Case"[..]].content[..], &found[&b"case"[..]].content[..]), (&b"upper"[..], &b"lower"[..]));
    assert_eq!(found[&b"caf\xe9"[..]].content, b"x");
    assert_eq!(found[&b"to"[..]].content, b"caf\xe9");
    assert!(found[&b"holes"[..]].content == holes);
    let blocks = fs::metadata(stored.root.path.join("holes")).expect("there").blocks();
    assert!(blocks * 512 < 1 << 20, "{blocks} blocks: zeros take no room");
}

#[test]
fn what_is_not_whole_is_not_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = tar(&[("etc/", b'5', 0o755, b""), ("etc/passwd", b'0', 0o644, b"root:x:0:0::/:/bin/sh\n")]);
    let other = tar(&[("evil", b'0', 0o644, b"x")]);
    // The configuration of one image with the layers of another: its key would be the other's.
    let mut swapped = made(vec![good.clone()], gzip);
    swapped.packed = vec![gzip(&other)];
    swapped.manifest = crate::image_made::manifest(&swapped.config, &swapped.packed);
    let mut cut = good.clone();
    cut.truncate(512 + 512 + 100);
    let mut claims = tar(&[("big", b'0', 0o644, b"x")]);
    claims[124..136].copy_from_slice(b"37777777777\0");
    claims[148..156].fill(b' ');
    let sum: u32 = claims[..512].iter().map(|byte| u32::from(*byte)).sum();
    claims[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut fewer = made(vec![good.clone(), other.clone()], gzip);
    fewer.packed.pop();
    fewer.manifest = crate::image_made::manifest(&fewer.config, &fewer.packed);
    for (what, image, words) in [
        ("swapped", swapped, "not the one that the configuration names"),
        ("cut", made(vec![cut], gzip), "was not read whole"),
        ("claims", made(vec![claims], gzip), "was not read whole"),
        ("fewer", fewer, "it has 1 layers, and its configuration names 2"),
    ] {
        let path = folder.path().join(what);
        write(&path, &image.layout(Some("v1")));
        let store = store(folder.path(), &one_id());
        let error = prepare(&store, &format!("oci:{}", path.display())).expect_err(what);
        assert!(error.contains(words), "{what}: {error}");
    }
    let path = folder.path().join("good");
    write(&path, &made(vec![good.clone()], gzip).layout(Some("v1")));
    let reference = format!("oci:{}", path.display());
    let limits = Limits { entries: 1, ..Limits::default() };
    let few = prepare_with(&store(folder.path(), &one_id()), &reference, Pull::Missing, |request| {
        request.limits = Box::leak(Box::new(limits));
    });
    assert!(few.expect_err("too many entries").contains("was not read whole"));
    assert_eq!((names(folder.path(), "images"), names(folder.path(), "tmp")), (Vec::new(), Vec::new()));
    prepare(&store(folder.path(), &one_id()), &reference).expect("the same without the bound");
}

#[test]
fn an_image_that_changes_meanwhile_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let layer = tar(&[("a", b'0', 0o644, &b"one".repeat(1000))]);
    let image = made(vec![layer.clone()], gzip);
    write(&folder.path().join("image"), &image.layout(Some("v1")));
    let reference = format!("oci:{}", folder.path().join("image").display());
    let (parsed, wanted, limits) = (Reference::parse(&reference).expect("one"), Wanted::default(), Limits::default());
    let request = Request::new(&reference, &parsed, &wanted, &limits);
    let opened = source::open(&request, Path::new("/nonexistent")).expect("opened");
    let read = source::read_opened(&request, &opened).expect("read");
    let unpack = |name: &str| {
        let root = folder.path().join(name);
        fs::create_dir(&root).expect("made");
        let root = fs::File::open(root).expect("a folder").into();
        unpack::unpack(&Order {
            image: &read,
            layers: &opened.layers,
            blobs: &*opened.blobs,
            request: &request,
            root: &root,
            owner: &|_, _| None,
            points: &[],
        })
    };
    unpack("unchanged").expect("it can be read again");
    let blob = folder.path().join("image").join(crate::image_made::blob(&image.packed[0]).0);
    let changed = gzip(&tar(&[("a", b'0', 0o644, &b"two".repeat(1000))]));
    for (name, bytes) in [("changed", &changed[..]), ("cut", &image.packed[0][..40]), ("empty", b"")] {
        fs::write(&blob, bytes).expect("written");
        let error = unpack(name).expect_err(name).to_string();
        assert!(error.contains("the image changed while it was unpacked"), "{name}: {error}");
    }
}
