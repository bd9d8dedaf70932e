//! What is unpacked is the image: whatever form it came in, whoever unpacks it.

use harden::image::{Kind, Tree};
use harden::run::ids::HOST_BASE;

use super::*;
use crate::image_made::{Made, archive, gzip, made, sample, tar, write, zstd};
use crate::support::launch::SUBIDS;
use crate::support::root as checkout;

/// All forms of an image, by what names them.
fn forms(folder: &Path, made: &Made) -> Vec<String> {
    write(&folder.join("layout"), &made.layout(Some("v1")));
    let layout = archive(&made.layout(Some("v1")), "");
    fs::write(folder.join("oci.tar"), &layout).expect("written");
    fs::write(folder.join("oci.tar.gz"), gzip(&layout)).expect("written");
    vec![
        format!("oci:{}", folder.join("layout").display()),
        format!("oci:{}:v1", folder.join("layout").display()),
        format!("oci-archive:{}", folder.join("oci.tar").display()),
        format!("oci-archive:{}", folder.join("oci.tar.gz").display()),
        saved(folder, "old.tar", &made.saved("app:v1")),
        saved(folder, "new.tar", &made.saved_anew("app:v1")),
        saved(folder, "new.tar.zst", &zstd(&made.saved_anew("app:v1"))),
    ]
}

/// Mount points that are made, and what changes with them.
fn without_points(mut found: BTreeMap<Vec<u8>, Seen>) -> BTreeMap<Vec<u8>, Seen> {
    for name in ["dev", "proc", "sys", "tmp", "run"] {
        found.remove(name.as_bytes());
    }
    found
}

#[test]
fn every_form_gives_the_same_tree_and_is_stored_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = sample();
    let common = folder.path().join("common");
    let mut trees = Vec::new();
    for (number, reference) in forms(folder.path(), &made).iter().enumerate() {
        let data = folder.path().join(format!("data{number}"));
        let stored = prepare(&store(&data, &one_id()), reference).expect(reference);
        assert!(stored.root.shifted && stored.root.path.starts_with(&data) && stored.digest.starts_with("sha256:"));
        assert_eq!(stored.needs.user, "app");
        trees.push(without_points(list(&stored.root.path)));
        assert_eq!(names(&data, "tmp"), [""; 0], "{reference}");
        prepare(&store(&common, &one_id()), reference).expect(reference);
    }
    assert!(trees.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!((names(&common, "images").len(), names(&common, "names").len()), (1, trees.len()));
    let tree = &trees[0];
    let file = &tree[&b"etc/passwd"[..]];
    assert_eq!((file.kind, file.mode, file.modified), ('f', 0o644, 1_700_000_000));
    assert_eq!(file.content, b"root:x:0:0:root:/root:/bin/sh\n");
    // The third layer brings the link back that the second took away.
    assert_eq!(tree[&b"bin/ash"[..]].content, b"sh");
    assert_eq!(tree[&b"bin/su"[..]].mode, 0o755, "without its setuid bit");
    let long = format!("opt/{}/file", "a".repeat(120));
    assert_eq!(tree[long.as_bytes()].content, b"content ".repeat(1000));
}

#[test]
fn real_images_are_unpacked_as_the_merged_tree_says() {
    let image = checkout().join("target/tools/images/flawed.docker-25.tar");
    if !is_root() || !image.exists() {
        return skip("needs images of tests/run");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let reference = format!("docker-archive:{}", image.display());
    let stored = prepare(&store(folder.path(), &root()), &reference).expect("unpacked");
    let found = list(&stored.root.path);
    let image = crate::image_made::read(&reference).expect("an image");
    let tree = &image.tree;
    let mut compared = 0;
    for id in std::iter::once(Tree::ROOT).chain(tree.iter()) {
        let (node, path) = (tree.node(id), tree.path(id));
        let seen = found.get(path.trim_start_matches('/').as_bytes());
        if matches!(node.kind, Kind::CharDevice | Kind::BlockDevice) {
            assert_eq!(seen, None, "{path}");
            continue;
        }
        let seen = seen.unwrap_or_else(|| panic!("{path} is missing"));
        let (kind, mode, content) = match node.kind {
            Kind::Folder => ('d', node.mode & 0o3777, 0),
            Kind::Symlink => ('l', 0o777, node.link.len()),
            Kind::File => ('f', node.mode & 0o777, node.size as usize),
            _ => ('o', node.mode & 0o777, 0),
        };
        let names = if kind == 'd' { 1 } else { u64::from(node.names) };
        let modified = node.modified;
        let owner = (HOST_BASE + node.uid, HOST_BASE + node.gid);
        let wanted = (kind, u32::from(mode), owner, names, modified, content);
        assert_eq!((seen.kind, seen.mode, seen.owner, seen.names, seen.modified, seen.content.len()), wanted, "{path}");
        compared += 1;
    }
    assert!(compared > 2000, "{compared}");
    assert!(stored.left_out.setid > 3 && !stored.left_out.said().is_empty(), "{:?}", stored.left_out);
    let more = found.len() - compared;
    assert!(more <= 5, "{more} more than mount points");
}

#[test]
fn umoci_unpacks_the_same_bytes() {
    let image = checkout().join("target/tools/images/clean");
    let umoci = std::process::Command::new("umoci").arg("--version").output();
    if !is_root() || !image.exists() || !umoci.is_ok_and(|output| output.status.success()) {
        return skip("needs umoci and images of tests/run");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(image.join("index.json")).expect("an index")).expect("JSON");
    let Some(tag) = index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"].as_str() else {
        return skip("the image has no name, which umoci wants");
    };
    let bundle = folder.path().join("bundle");
    let source = format!("{}:{tag}", image.display());
    let done =
        std::process::Command::new("umoci").args(["unpack", "--image", &source]).arg(&bundle).output().expect("umoci");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let theirs = list(&bundle.join("rootfs"));
    let stored = prepare(&store(folder.path(), &root()), &format!("oci:{source}")).expect("unpacked");
    let ours = list(&stored.root.path);
    assert!(theirs.len() > 100, "{}", theirs.len());
    for (path, theirs) in theirs.iter().filter(|(path, theirs)| !path.is_empty() && theirs.kind != 'o') {
        let path_shown = String::from_utf8_lossy(path);
        let ours = ours.get(path).unwrap_or_else(|| panic!("{path_shown} is missing"));
        let mask = if theirs.kind == 'd' { 0o3777 } else { 0o777 };
        let wanted = (theirs.kind, theirs.mode & mask, theirs.names, theirs.owner.0 + HOST_BASE);
        assert_eq!((ours.kind, ours.mode, ours.names, ours.owner.0), wanted, "{path_shown}");
        assert!(ours.content == theirs.content, "{path_shown}");
    }
}

/// An image with files of several users.
fn owned() -> Made {
    let mut layer = tar(&[
        ("srv/", b'5', 0o700, b""),
        ("srv/secret", b'0', 0o400, b"x"),
        ("srv/shut/", b'5', 0o500, b""),
        ("srv/shut/file", b'0', 0o600, b"y"),
        ("strange", b'0', 0o600, b"z"),
    ]);
    for (at, owner) in [(0, b"0000145"), (1, b"0000145"), (3, b"0000145"), (4, b"0000145"), (6, b"0000145")] {
        // Headers of files with content have a block behind them.
        let header = &mut layer[at * 512..][..512];
        header[108..115].copy_from_slice(owner);
        header[116..123].copy_from_slice(b"0000146");
        checksum(header);
    }
    let strange = layer.len() - 1024 - 1024;
    let header = &mut layer[strange..][..512];
    header[108..115].copy_from_slice(b"7777777");
    checksum(header);
    made(vec![layer], gzip)
}

fn checksum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

#[test]
fn files_belong_to_whom_the_container_sees() {
    if !is_root() {
        return;
    }
    let folder = user_folder();
    let reference = saved(folder.path(), "image.tar", &owned().saved("app:v1"));
    for (who, owner, nobody) in [
        (Who::Root, (HOST_BASE + 101, HOST_BASE + 102), HOST_BASE + 65_534),
        (Who::User, (USER, USER), USER),
        (Who::Given, (SUBIDS + 100, SUBIDS + 101), SUBIDS + 65_533),
    ] {
        let data = folder.path().join(format!("{who:?}"));
        let said = apart(who, || match prepare(&store(&data, &Caller::look_up()), &reference) {
            Ok(stored) => format!("{:?}", stored.root.path.exists()),
            Err(error) => error,
        });
        assert_eq!(said, "true", "{who:?}");
        let found = list(&only_root(&data));
        assert_eq!(found[&b"srv/secret"[..]].owner, owner, "{who:?}");
        assert_eq!(found[&b"srv/secret"[..]].mode, 0o400);
        assert_eq!((found[&b"srv/shut"[..]].owner, found[&b"srv/shut"[..]].mode), (owner, 0o500), "{who:?}");
        assert_eq!(found[&b"srv/shut/file"[..]].content, b"y");
        assert_eq!(found[&b"strange"[..]].owner.0, nobody, "{who:?}: an id that no map has");
        let container_root = if who == Who::Root { HOST_BASE } else { USER };
        assert_eq!(found[&b""[..]].owner, (container_root, container_root), "{who:?}: the root itself");
        assert_eq!(found[&b""[..]].mode, 0o755);
        // Who unpacked them can remove them, whomever they were given to.
        let freed = apart(who, || {
            let freed = store(&data, &Caller::look_up()).gc(std::time::Duration::ZERO).expect("collected");
            format!("{} {} {}", freed.images, freed.used, freed.bytes > 0)
        });
        assert_eq!(freed, "1 0 true", "{who:?}");
        assert_eq!(names(&data, "images"), [""; 0]);
        assert_eq!(names(&data, "tmp"), [""; 0], "{who:?}");
    }
}

#[test]
fn volumes_belong_to_the_user_and_stay_in_their_folder() {
    if !is_root() {
        return;
    }
    let folder = user_folder();
    let user = harden::policy::Ids { uid: 101, gid: 102, groups: Vec::new() };
    for (who, owner) in [
        (Who::Root, (HOST_BASE + 101, HOST_BASE + 102)),
        (Who::User, (USER, USER)),
        (Who::Given, (SUBIDS + 100, SUBIDS + 101)),
    ] {
        let data = folder.path().join(format!("{who:?}"));
        apart(who, || {
            let caller = Caller::look_up();
            let (store, maps) = (store(&data, &caller), harden::run::ids::plan(&caller, &user));
            for name in ["data", "../../out", "/abs", "..", ".hidden", "a/b", ""] {
                let made = store.volume(name, &user, &maps).expect("made");
                assert_eq!(made.parent(), Some(store.volumes().as_path()), "{name}");
                assert_eq!(store.volume(name, &user, &maps), Ok(made), "and is there again");
            }
            std::os::unix::fs::symlink("/", store.volumes().join("link")).expect("a link");
            assert!(store.volume("link", &user, &maps).is_err());
            String::new()
        });
        let volume = fs::metadata(data.join("harden/volumes/data")).expect("made");
        assert_eq!((volume.uid(), volume.gid()), owner, "{who:?}");
        assert_eq!(names(&data, "volumes").len(), 8);
        assert_eq!(names(&data, "tmp"), [""; 0]);
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 3, "nothing beside the stores");
}
