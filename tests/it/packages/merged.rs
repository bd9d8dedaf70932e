//! Databases found in the merged file system of an image: the last layer's, through its symlinks.

use harden::image::PackageManager;

use crate::support::image::image;

#[test]
fn the_last_layers_database_counts() {
    let image = image(
        "layer RUN base
symlink /bin -> usr/bin
file 4755 /usr/bin/su
file 0644 /var/lib/dpkg/status
  | Package: su
  | Status: install ok installed
  | Version: 1
  |
  | Package: gone
  | Status: install ok installed
file 0644 /var/lib/dpkg/info/su:amd64.list
  | /bin
  | /bin/su
file 0644 /var/lib/dpkg/info/gone.list
  | /usr/bin/gone
layer RUN apt-get remove
file 0644 /var/lib/dpkg/status
  | Package: su
  | Status: install ok installed
  | Version: 2
  | Architecture: amd64
whiteout /var/lib/dpkg/info/gone.list
",
    )
    .expect("an image");
    let packages = &image.packages;
    assert_eq!((packages.manager, packages.installed.len()), (Some(PackageManager::Dpkg), 1));
    assert_eq!(packages.package("su").map(|package| &*package.version), Some("2"));
    assert_eq!([packages.owner("/usr/bin/su"), packages.owner("/bin/su")], [Some("su"); 2]);
    assert_eq!([packages.owner("/usr/bin/gone"), packages.owner("/usr/bin/stray")], [None; 2]);
    assert_eq!(packages.unread, None);
}

#[test]
fn a_usr_that_is_not_merged_has_two_files_of_one_name() {
    let image = image(
        "layer RUN base
folder /bin
folder /usr/bin
file 4755 /usr/bin/bbsuid
file 0644 /lib/apk/db/installed
  | P:busybox-suid
  | V:1
  | F:bin
  | R:bbsuid
  | a:0:0:4111
",
    )
    .expect("an image");
    let packages = &image.packages;
    assert_eq!(packages.manager, Some(PackageManager::Apk));
    assert_eq!(packages.owner("/bin/bbsuid"), Some("busybox-suid"));
    assert_eq!([packages.owner("/usr/bin/bbsuid"), packages.owner("/sbin/bbsuid")], [None; 2]);
    assert_eq!(packages.setid_mode("/bin/bbsuid"), Some(0o4111));
}

#[test]
fn distroless_parts_are_read() {
    let image = image(
        "layer RUN base
file 0644 /var/lib/dpkg/status.d/tzdata
  | Package: tzdata
  | Version: 2026a
  | Architecture: all
file 0644 /var/lib/dpkg/status.d/tzdata.md5sums
  | 0123456789abcdef0123456789abcdef  usr/share/zoneinfo/UTC
",
    )
    .expect("an image");
    assert_eq!(image.packages.installed.len(), 1);
    assert_eq!(image.packages.owner("/usr/share/zoneinfo/UTC"), Some("tzdata"));
}

#[test]
fn a_database_that_is_not_read_is_named_and_an_empty_one_is_not() {
    let unread = image("layer x\nfile 0644 /var/lib/rpm/Packages size=5000\n").expect("an image").packages.unread;
    assert_eq!(unread.as_deref(), Some("`/var/lib/rpm/Packages`: it is no rpm database of a known kind"));
    let none = image("layer x\nfile 0644 /etc/passwd\n").expect("an image").packages;
    assert_eq!((none.manager, none.unread, none.installed.len()), (None, None, 0));
}
