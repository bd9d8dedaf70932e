//! The store as `harden run` uses it: an image is unpacked once, however it is stored and called, is what its layers say,
//! and nothing is left of starts that failed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{root, skip};

fn images() -> Option<PathBuf> {
    let folder = root().join("target/tools/images");
    if folder.join("flawed/index.json").is_file() {
        return Some(folder);
    }
    skip("no test images; `bash testdata/images/build.sh target/tools/images` makes them, as root");
    None
}

/// Starts `true` of an image.
fn start(data: &Path, reference: &str, flags: &[&str], input: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harden"));
    command.args(["run", "--allow", "partial-limits", "--entrypoint", "/usr/bin/true"]).args(flags).arg(reference);
    command.env("XDG_DATA_HOME", data).env("XDG_CACHE_HOME", data.join("cache"));
    if let Some(file) = input {
        command.stdin(Stdio::from(std::fs::File::open(file).expect("an archive")));
    }
    command.output().expect("harden runs")
}

fn expect(output: &Output, code: i32) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    stderr
}

fn names(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
}

/// Paths, kinds, modes without setuid and setgid, sizes and targets of all that is no folder; and the bytes of files.
fn listing(folder: &Path) -> String {
    let script = "find . ! -type d ! -type b ! -type c -printf '%P %y %l ' -type f -printf '%s ' , ! -type d \
        ! -type b ! -type c -printf '\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum";
    let output = Command::new("sh").args(["-c", script]).current_dir(folder).output().expect("sh");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_form_of_an_image_is_one_image_of_the_store() {
    let Some(images) = images() else { return };
    let data = tempfile::tempdir().expect("a folder");
    let at = |name: &str| images.join(name).display().to_string();
    for reference in [
        format!("oci:{}", at("flawed")),
        format!("oci:{}", at("flawed-zstd")),
        format!("oci-archive:{}", at("flawed.oci.tar")),
        format!("docker-archive:{}", at("flawed.docker.tar")),
        format!("docker-archive:{}", at("flawed.docker-old.tar")),
        format!("docker-archive:{}", at("flawed.docker-25.tar")),
    ] {
        expect(&start(data.path(), &reference, &[], None), 0);
    }
    expect(&start(data.path(), "-", &[], Some(&images.join("flawed.docker.tar"))), 0);
    let store = data.path().join("harden");
    let unpacked = names(&store.join("images"));
    assert_eq!(unpacked.len(), 1, "{unpacked:?}");
    assert!(names(&store.join("tmp")).is_empty(), "something is left");

    // What is known by its name is not fetched again, and nothing is fetched that must not be.
    let known = format!("oci:{}", at("flawed"));
    expect(&start(data.path(), &known, &["--pull", "never"], None), 0);
    let unknown = format!("oci:{}", at("minbase"));
    assert!(expect(&start(data.path(), &unknown, &["--pull", "never"], None), 125).contains("--pull never"));

    // What doesn't hold together is unpacked anew.
    std::fs::write(unpacked[0].join("record"), "not what it was").expect("written");
    expect(&start(data.path(), &known, &[], None), 0);
    assert_eq!(names(&store.join("images")), unpacked);

    let mut gc = Command::new(env!("CARGO_BIN_EXE_harden"));
    expect(&gc.args(["run", "--gc"]).env("XDG_DATA_HOME", data.path()).output().expect("harden runs"), 0);
    assert!(names(&store.join("images")).is_empty() && names(&store.join("names")).is_empty());
}

#[test]
fn what_comes_on_standard_input_is_what_runs() {
    let Some(images) = images() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().join("other.tar");
    let words = [format!("oci:{}", images.join("clean").display()), format!("docker-archive:{}", other.display())];
    if !Command::new("skopeo").arg("copy").args(words).output().is_ok_and(|output| output.status.success()) {
        return skip("skopeo can't write an archive; install skopeo");
    }
    for archive in [&images.join("flawed.docker.tar"), &other] {
        expect(&start(folder.path(), "-", &[], Some(archive)), 0);
    }
    assert_eq!(names(&folder.path().join("harden/images")).len(), 2, "the second image is another one");
}

#[test]
fn an_image_is_unpacked_as_umoci_unpacks_it() {
    let Some(images) = images() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let index = std::fs::read_to_string(images.join("flawed/index.json")).expect("an index");
    let index: serde_json::Value = serde_json::from_str(&index).expect("JSON");
    let name = &index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"];
    // umoci wants a name, and a layout without one gets it from skopeo.
    let layout = match name.as_str() {
        Some(name) => format!("{}:{name}", images.join("flawed").display()),
        None => {
            let (from, to) = (images.join("flawed"), folder.path().join("layout"));
            let words = ["copy".to_owned(), format!("oci:{}", from.display()), format!("oci:{}:test", to.display())];
            match Command::new("skopeo").args(words).output() {
                Ok(output) if output.status.success() => format!("{}:test", to.display()),
                _ => return skip("skopeo can't name an image; install skopeo"),
            }
        }
    };
    let bundle = folder.path().join("bundle");
    let unpacked = Command::new("umoci").args(["unpack", "--image", &layout]).arg(&bundle).output();
    if !unpacked.is_ok_and(|output| output.status.success()) {
        return skip("umoci can't unpack; install umoci, and run as root");
    }
    expect(&start(folder.path(), &format!("oci:{}", images.join("flawed").display()), &[], None), 0);
    let ours = names(&folder.path().join("harden/images"))[0].join("rootfs");
    let (ours, theirs) = (listing(&ours), listing(&bundle.join("rootfs")));
    let different: Vec<(&str, &str)> = ours.lines().zip(theirs.lines()).filter(|(one, other)| one != other).collect();
    assert!(different.is_empty() && ours.lines().count() == theirs.lines().count(), "{:?}", different.first());
    assert!(ours.lines().count() > 1000, "it is a whole system");
}

#[test]
fn starts_at_the_same_time_share_one_image() {
    let Some(images) = images() else { return };
    let data = tempfile::tempdir().expect("a folder");
    let reference = format!("oci:{}", images.join("clean").display());
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let (data, reference) = (data.path().to_owned(), reference.clone());
            std::thread::spawn(move || start(&data, &reference, &[], None))
        })
        .collect();
    for started in starts {
        expect(&started.join().expect("a thread"), 0);
    }
    assert_eq!(names(&data.path().join("harden/images")).len(), 1);
    assert!(names(&data.path().join("harden/tmp")).is_empty(), "something is left");
}

#[test]
fn a_layer_that_is_not_what_it_says_leaves_nothing() {
    let Some(images) = images() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let layout = folder.path().join("layout");
    let copied = Command::new("cp").arg("-r").arg(images.join("clean")).arg(&layout).status();
    assert!(copied.is_ok_and(|status| status.success()));
    let blobs = names(&layout.join("blobs/sha256"));
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |of| of.len());
    let largest = blobs.iter().max_by_key(|path| size(path)).expect("a layer");
    let mut bytes = std::fs::read(largest).expect("a blob");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(largest, bytes).expect("written");
    let stderr = expect(&start(folder.path(), &format!("oci:{}", layout.display()), &[], None), 125);
    assert!(stderr.contains("sha256"), "{stderr}");
    let store = folder.path().join("harden");
    assert!(names(&store.join("images")).is_empty() && names(&store.join("tmp")).is_empty(), "something is left");
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    let Some(images) = images() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let script = "mount -t tmpfs -o size=8m full \"$1\" && XDG_DATA_HOME=$1 XDG_CACHE_HOME=$1/cache \"$2\" run --allow \
        partial-limits \"$3\" /bin/true; code=$?; ls \"$1/harden/images\" \"$1/harden/tmp\"; exit $code";
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", script, "sh"])
        .arg(folder.path())
        .arg(env!("CARGO_BIN_EXE_harden"))
        .arg(format!("oci:{}", images.join("clean").display()))
        .output();
    let output = output.expect("unshare");
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("unshare failed") {
        return skip("only root can fill a disk of its own");
    }
    assert_eq!(output.status.code(), Some(125), "{stderr}");
    assert!(stderr.contains("--gc"), "{stderr}");
    let listed = String::from_utf8_lossy(&output.stdout);
    let left = listed.lines().filter(|line| !line.is_empty() && !line.ends_with(':')).count();
    assert_eq!(left, 0, "{listed}");
}

#[test]
fn a_volume_is_kept_for_its_user_by_whatever_runtime() {
    let Some(images) = images() else { return };
    if !super::is_root() {
        return;
    }
    let data = tempfile::tempdir().expect("a folder");
    let reference = format!("oci:{}", images.join("clean").display());
    let run = |flags: &[&str], script: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harden"));
        command.args(["run", "--entrypoint", "/bin/sh", "-v", "kept:/data"]).args(flags).arg(&reference);
        command.args(["-c", script]).env("XDG_DATA_HOME", data.path()).env("XDG_CACHE_HOME", data.path().join("cache"));
        let output = command.output().expect("harden runs");
        expect(&output, 0);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    run(&[], "echo first > /data/file");
    let found = run(&["--runtime", "runc"], "cat /data/file; stat -c %u /data/file; id -u; echo more >> /data/file");
    assert_eq!(found, "first\n10001\n10001\n");
    assert_eq!(run(&[], "cat /data/file"), "first\nmore\n");
    let groups = Command::new("find").args(["/sys/fs/cgroup", "-maxdepth", "2", "-name", "harden"]).output();
    assert_eq!(String::from_utf8_lossy(&groups.expect("find").stdout), "", "groups are left");
    // The image is seen, and is no less for it.
    assert!(names(&data.path().join("harden/images"))[0].join("rootfs/bin/sh").exists());
}

#[test]
fn what_is_written_into_the_root_is_gone_with_the_container() {
    let Some(images) = images() else { return };
    let data = tempfile::tempdir().expect("a folder");
    let reference = format!("oci:{}", images.join("clean").display());
    let script = "head -c 80000000 /dev/zero > /var/tmp/../big && chmod 0 /var/big && ls -l /var/big";
    let mut command = Command::new(env!("CARGO_BIN_EXE_harden"));
    command.args(["run", "--allow", "partial-limits,root", "-u", "0", "--read-only=false", "--entrypoint", "/bin/sh"]);
    command.arg(&reference).args(["-c", script]);
    let output = command.env("XDG_DATA_HOME", data.path()).env("XDG_CACHE_HOME", data.path().join("cache")).output();
    let output = output.expect("harden runs");
    expect(&output, 0);
    assert!(String::from_utf8_lossy(&output.stdout).contains("80000000"), "more than is kept in memory");
    assert!(names(&data.path().join("harden/tmp")).is_empty(), "something is left");
    assert!(!names(&data.path().join("harden/images"))[0].join("rootfs/var/big").exists());
}
