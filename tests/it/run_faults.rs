//! Faults: what is killed, missing, forbidden or changed in the middle, many starts at once and one after the other; and
//! that nothing is left of any of them. A full disk is in `run_store`.

mod forbidden;
mod killed;
mod many;

use std::path::Path;
use std::process::Output;

use crate::image_made::{Made, Member, gzip, made, tar};
use crate::support::launch::root;
use crate::support::left::{Place, Who, text_of};

const BOTH: [Who; 2] = [Who::Root, Who::User];

/// An image of busybox with a file of its own, as an archive in a place.
fn archive(place: &Place, marker: &str) -> Option<(std::path::PathBuf, String)> {
    // Busybox is there where a root can be made.
    root()?;
    let path = place.path("image.tar");
    write(&path, &image(marker));
    let reference = format!("docker-archive:{}", path.display());
    Some((path, reference))
}

fn image(marker: &str) -> Made {
    let busybox = std::fs::read("/bin/busybox").expect("busybox");
    let base: Vec<Member<'_>> = vec![
        ("bin/busybox", b'0', 0o755, &busybox),
        ("bin/sh", b'2', 0o777, b"busybox"),
        ("bin/cat", b'2', 0o777, b"busybox"),
        ("bin/sleep", b'2', 0o777, b"busybox"),
        ("bin/true", b'2', 0o777, b"busybox"),
        ("etc/passwd", b'0', 0o644, b"app:x:1000:1000::/:/bin/sh\n"),
        ("etc/group", b'0', 0o644, b"app:x:1000:\n"),
    ];
    made(vec![tar(&base), tar(&[("marker", b'0', 0o644, marker.as_bytes())])], gzip)
}

/// Writes an archive that everybody may read, in place of another as a whole.
fn write(path: &Path, image: &Made) {
    use std::os::unix::fs::PermissionsExt;
    let new = path.with_extension("new");
    std::fs::write(&new, image.saved("app:v1")).expect("written");
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o644)).expect("its mode");
    std::fs::rename(new, path).expect("renamed");
}

/// Fails unless it ended with that code; gives what it said.
fn expect(output: &Output, code: i32) -> String {
    let said = text_of(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}
