//! Package databases: those that real tools wrote, those written by hand from the formats' documentation, and damaged ones.

mod hostile;
mod merged;

use std::io::Read as _;
use std::process::Command;

use harden::image::packages::{Database, PackageManager, Packages, apk, dpkg, rpm};

use crate::support;

/// A gzipped file of `testdata/packages`.
fn fixture(name: &str) -> Vec<u8> {
    let path = support::root().join("testdata/packages").join(name);
    let file = std::fs::File::open(&path).expect("the fixture is there");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("the fixture is gzip");
    bytes
}

/// The three databases that rpm and sqlite3 wrote: pages of 4,096, 512 and 65,536 bytes.
fn rpm_fixtures() -> [Vec<u8>; 3] {
    ["rpmdb.sqlite.gz", "rpmdb-512.sqlite.gz", "rpmdb-65536.sqlite.gz"].map(fixture)
}

/// The headers of a database that rpm wrote.
fn headers() -> Vec<Vec<u8>> {
    let mut headers = Vec::new();
    rpm::sqlite::blobs(&fixture("rpmdb.sqlite.gz"), |blob| headers.push(blob.to_vec())).expect("it is sound");
    headers
}

/// What `testdata/packages/make` would write with an rpm that has ndb, which Debian's hasn't: slots, blobs, blocks.
fn ndb(headers: &[Vec<u8>]) -> Vec<u8> {
    let slots = (headers.len() + 2).div_ceil(256) * 4096;
    let mut table = Vec::new();
    let mut blobs = Vec::new();
    let words = |bytes: &mut Vec<u8>, numbers: &[u32]| {
        numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    };
    table.extend(b"RpmP");
    words(&mut table, &[0, 7, slots as u32 / 4096, headers.len() as u32 + 1, 0, 0, 0]);
    for (number, header) in (1..).zip(headers) {
        let start = (slots + blobs.len()) / 16;
        blobs.extend(b"BlbS");
        words(&mut blobs, &[number, 1_700_000_000, header.len() as u32]);
        blobs.extend(header);
        // The tail holds a checksum, the length and a magic, and ends with its block.
        let end = (blobs.len() + 12).next_multiple_of(16);
        blobs.resize(end - 12, 0);
        words(&mut blobs, &[0, header.len() as u32]);
        blobs.extend(b"BlbE");
        table.extend(b"Slot");
        words(&mut table, &[number, start as u32, ((slots + blobs.len()) / 16 - start) as u32]);
    }
    while table.len() < slots {
        table.extend(b"Slot");
        words(&mut table, &[0, 0, 0]);
    }
    table.extend(blobs);
    table
}

fn merged_usr() -> Database {
    let pairs = [("/bin", "/usr/bin"), ("/sbin", "/usr/sbin"), ("/lib", "/usr/lib"), ("/lib64", "/usr/lib64")];
    Database::new(pairs.map(|(from, to)| (from.to_owned(), to.to_owned())).to_vec())
}

fn shown(packages: &Packages) -> Vec<String> {
    let line = |package: &harden::image::Package| {
        format!("{} {} {}", package.name, package.version, package.architecture).trim_end().to_owned()
    };
    packages.installed.iter().map(line).collect()
}

fn read_rpm(bytes: &[u8]) -> Packages {
    let mut database = merged_usr();
    let unread = rpm::database(bytes, &mut database).err();
    Packages::of(PackageManager::Rpm, database, unread)
}

#[test]
fn dpkg_counts_what_is_installed_and_nothing_else() {
    let status =
        b"Package: bash\nEssential: yes\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2+b7\n\
        Description: shell\n Package: no field, since it continues one\n .\n Status: deinstall\n\n\n\
        Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nConffiles:\n /etc/gone 0123\n\n\
        Package: half\nStatus: install reinstreq half-installed\nVersion: 1\n\n\
        package: waits\r\nSTATUS: hold ok triggers-pending\r\nversion: 2:1~rc1\r\n\r\n\
        Status: install ok installed\nVersion: 1\n\n\
        Package: bad\x1b[31m\nStatus: install ok installed\nVersion: 1\n\n\
        Package: last\nStatus: install ok installed";
    let mut database = Database::default();
    dpkg::status(status, &mut database);
    let packages = Packages::of(PackageManager::Dpkg, database, None);
    assert_eq!(shown(&packages), ["bash 5.2.15-2+b7 amd64", "last", "waits 2:1~rc1"]);
    assert_eq!(packages.package("waits").map(|package| &*package.version), Some("2:1~rc1"));
    assert_eq!([packages.package("gone"), packages.package("")], [None; 2]);
    assert_eq!((packages.manager, &packages.unread), (Some(PackageManager::Dpkg), &None));
}

#[test]
fn dpkg_lists_say_who_owns_a_file() {
    let mut database = merged_usr();
    dpkg::status(
        b"Package: a\nStatus: install ok installed\n\nPackage: b\nStatus: install ok installed\n",
        &mut database,
    );
    dpkg::list(b"/.\n/bin\n/bin/su\n/usr\n/usr/lib\n/usr/lib/a b\n/var\n/var/empty\nrelative\n", 0, &mut database);
    dpkg::list(b"/.\n/usr\n/usr/bin\n/usr/bin/su\n/usr/bin/mount", 1, &mut database);
    let packages = Packages::of(PackageManager::Dpkg, database, None);
    let owners = ["/bin/su", "/usr/bin/su", "/lib/a b", "/bin/mount", "/var/empty"].map(|path| packages.owner(path));
    assert_eq!(owners, [Some("a"), Some("a"), Some("a"), Some("b"), Some("a")]);
    let nobodys = ["/usr", "/usr/bin", "/", "", "relative", "/su", "/usr/bin/s", "/usr/bin/su/", "/etc/passwd"];
    assert_eq!(nobodys.map(|path| packages.owner(path)), [None; 9]);
    assert_eq!(packages.setid_mode("/bin/su"), None);
}

#[test]
fn distroless_has_its_database_in_parts() {
    let mut database = Database::default();
    let part = b"Package: libssl3\nVersion: 3.0.15-1\nArchitecture: arm64\nDescription: x\n y\n";
    let package = dpkg::part(part, &mut database).expect("a package");
    dpkg::md5sums(b"0123456789abcdef0123456789abcdef  usr/lib/libssl.so.3\nbad\n", package, &mut database);
    assert_eq!(dpkg::part(b"nothing\n\n", &mut database), None);
    let packages = Packages::of(PackageManager::Dpkg, database, None);
    assert_eq!(shown(&packages), ["libssl3 3.0.15-1 arm64"]);
    assert_eq!(packages.owner("/usr/lib/libssl.so.3"), Some("libssl3"));
}

#[test]
fn this_machines_packages_are_as_dpkg_says() {
    let query = Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status}\t${Package} ${Version} ${Architecture}\n"])
        .output();
    let Some(query) = query.ok().filter(|query| query.status.success()) else {
        return support::skip("dpkg-query doesn't run here");
    };
    let text = String::from_utf8(query.stdout).expect("UTF-8");
    let mut expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("installed\t")).collect();
    expected.sort_unstable();
    let mut database = Database::default();
    dpkg::status(&std::fs::read("/var/lib/dpkg/status").expect("it is readable"), &mut database);
    let packages = Packages::of(PackageManager::Dpkg, database, None);
    let mut found = shown(&packages);
    found.sort_unstable();
    assert!(found.len() > 50 && found == expected, "{found:?}");
}

const APK: &str = "C:Q1aB=
P:musl
V:1.2.5-r9
A:x86_64
S:383152
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1x=

C:Q1c=
P:busybox-suid
V:1.37.0-r12
A:x86_64
F:
M:0:0:755
F:bin
M:0:0:755
R:bbsuid
a:0:0:4111
Z:Q1y=
R:plain
Z:Q1z=
F:var/spool/cron
R:crontab
a:0:16:2755:Q1attributes=

P:.virtual
V:1
A:noarch

V:no name
F:bin
R:nobodys
";

#[test]
fn apk_says_who_owns_a_file_and_its_mode() {
    let mut database = merged_usr();
    apk::installed(APK.as_bytes(), &mut database);
    let packages = Packages::of(PackageManager::Apk, database, None);
    assert_eq!(shown(&packages), [".virtual 1 noarch", "busybox-suid 1.37.0-r12 x86_64", "musl 1.2.5-r9 x86_64"]);
    let paths = ["/lib/ld-musl-x86_64.so.1", "/bin/bbsuid", "/usr/bin/plain", "/var/spool/cron/crontab"];
    let suid = Some("busybox-suid");
    assert_eq!(paths.map(|path| packages.owner(path)), [Some("musl"), suid, suid, suid]);
    assert_eq!(paths.map(|path| packages.setid_mode(path)), [None, Some(0o4111), None, Some(0o2755)]);
    assert_eq!(["/bin", "/bin/nobodys", "/lib/bbsuid"].map(|path| packages.owner(path)), [None; 3]);
}

#[test]
fn rpm_databases_of_every_page_size_are_as_rpm_says() {
    let path = support::root().join("testdata/packages/rpm.txt");
    let expected = std::fs::read_to_string(path).expect("the fixture is there");
    let expected: Vec<&str> = expected.lines().collect();
    assert_eq!(expected.len(), 42);
    let mut all = rpm_fixtures().to_vec();
    all.push(ndb(&headers()));
    for bytes in &all {
        let packages = read_rpm(bytes);
        assert_eq!(packages.unread, None);
        assert_eq!(shown(&packages), expected);
        assert_eq!(packages.owner("/bin/sample"), Some("harden-sample"));
        assert_eq!(packages.owner("/etc/sample/a.conf"), Some("harden-sample"));
        for number in 1..=400 {
            let path = format!("/usr/share/large/a-file-with-a-rather-long-name-{number}");
            assert_eq!(packages.owner(&path), Some("harden-large"), "{path}");
        }
        let nobodys = ["/etc/sample", "/usr/share/large", "/usr/share/large/a-file-with-a-rather-long-name-401"];
        assert_eq!(nobodys.map(|path| packages.owner(path)), [None; 3]);
        let modes = ["/usr/bin/raise", "/usr/bin/sample"].map(|path| packages.setid_mode(path));
        assert_eq!(modes, [Some(0o4755), None]);
    }
}

#[test]
fn what_is_not_read_is_said() {
    let mut berkeley = vec![0; 4096];
    berkeley[12..16].copy_from_slice(&0x06_1561_u32.to_le_bytes());
    for (bytes, word) in [(&berkeley[..], "BerkeleyDB"), (b"", "no rpm database"), (b"SQLite format 3\0", "SQLite")] {
        let packages = read_rpm(bytes);
        assert!(packages.installed.is_empty());
        assert!(packages.unread.as_ref().is_some_and(|why| why.contains(word)), "{:?}", packages.unread);
    }
}
