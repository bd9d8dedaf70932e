//! What holds for any package database whatever: shared by the fuzz targets and by the bounded run in
//! `tests/it/packages/hostile.rs`. Each reader ends, keeps its bounds, and finds no more than there are bytes for.

use std::hint::black_box;

use harden::image::packages::{Database, PackageManager, Packages, apk, dpkg, rpm};

pub(crate) fn dpkg(bytes: &[u8]) {
    check(bytes, PackageManager::Dpkg, |database| {
        dpkg::status(bytes, database);
        if let Some(package) = dpkg::part(bytes, database) {
            dpkg::list(bytes, package, database);
            dpkg::md5sums(bytes, package, database);
        }
        Ok(())
    });
}

pub(crate) fn apk(bytes: &[u8]) {
    check(bytes, PackageManager::Apk, |database| {
        apk::installed(bytes, database);
        Ok(())
    });
}

pub(crate) fn rpm_header(bytes: &[u8]) {
    check(bytes, PackageManager::Rpm, |database| {
        rpm::header::package(bytes, database);
        Ok(())
    });
}

pub(crate) fn rpm_sqlite(bytes: &[u8]) {
    let mut read = 0;
    let outcome = rpm::sqlite::blobs(bytes, |blob| read += blob.len());
    assert!(read <= 2 * bytes.len(), "rows are no longer than the file");
    check(bytes, PackageManager::Rpm, |database| outcome.and_then(|()| rpm::database(bytes, database)));
}

pub(crate) fn rpm_ndb(bytes: &[u8]) {
    let mut read = 0;
    let outcome = rpm::ndb::blobs(bytes, |blob| read += blob.len());
    assert!(read <= bytes.len(), "blobs are no longer than the file");
    check(bytes, PackageManager::Rpm, |database| outcome.and_then(|()| rpm::database(bytes, database)));
}

fn check(bytes: &[u8], manager: PackageManager, read: impl FnOnce(&mut Database) -> Result<(), String>) {
    let aliases = vec![("/bin".to_owned(), "/usr/bin".to_owned()), ("/x".to_owned(), "/".to_owned())];
    let mut database = Database::new(aliases);
    let unread = read(&mut database).err();
    let packages = Packages::of(manager, database, unread);
    assert!(packages.installed.len() <= 2 * bytes.len(), "a package takes bytes");
    assert!(packages.installed.is_sorted_by(|a, b| a.name <= b.name));
    for package in packages.installed.iter().take(100) {
        assert!(package.name.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(packages.package(&package.name).map(|found| &found.name), Some(&package.name));
    }
    black_box((packages.owner("/usr/bin/su"), packages.setid_mode("/bin/su"), packages.owner("")));
}
