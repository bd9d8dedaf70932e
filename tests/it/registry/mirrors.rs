//! Mirrors are asked first, the origin answers for them, and nobody gets another host's password.

use super::*;

/// Options under which `origin.example/team` has one mirror and lies at a server.
fn mirrored(mirror: &str, origin: &str, more: &str) -> (Options, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("registries.conf");
    let text = format!(
        "[[registry]]\nprefix = \"origin.example\"\nlocation = \"{origin}\"\n[[registry.mirror]]\nlocation = \"{mirror}/cache\"\n{more}"
    );
    std::fs::write(&file, text).expect("written");
    (Options { registries_files: vec![file], ..options() }, folder)
}

fn serving(text: &'static str) -> Server {
    Server::start(move |_, _| answer(200, &[("Content-Type", MANIFEST)], text))
}

#[test]
fn a_mirror_is_asked_first() {
    let (mirror, origin) = (serving("{}"), serving("{ }"));
    let (options, _folder) = mirrored(&mirror.host, &origin.host, "");
    let registry = Registry::connect("origin.example", "team/app", &options).expect("a name");
    assert_eq!(registry.manifest("latest").expect("the mirror's").bytes, b"{}");
    assert_eq!(mirror.asked_for("/v2/cache/team/app/manifests/latest").len(), 1);
    assert!(origin.asked().is_empty());
    let blob = registry.blob(&digest_of(b"{}"), 2).map(|mut blob| std::io::read_to_string(&mut blob).expect("read"));
    assert_eq!(blob.expect("where the manifest was"), "{}");
    assert!(origin.asked().is_empty());
}

#[test]
fn the_origin_answers_for_a_mirror_that_fails() {
    let missing = Server::start(|_, _| answer(404, &[], ""));
    let other = serving("{  }");
    let page = Server::start(|_, _| answer(200, &[("Content-Type", "text/html")], "<p>"));
    for mirror in [&missing, &other, &page] {
        let origin = serving("{}");
        let (options, _folder) = mirrored(&mirror.host, &origin.host, "");
        let (listener, heard) = listening();
        let options = Options { progress: listener.progress, ..options };
        let registry = Registry::connect("origin.example", "team/app", &options).expect("a name");
        registry.manifest(&digest_of(b"{}")).expect("the origin's");
        assert_eq!(origin.asked_for("/v2/team/app/manifests/sha256").len(), 1);
        assert!(heard.lock().expect("no panic here")[0].starts_with("mirror, "));
        // Its blobs are at the origin, then: the mirror isn't asked again.
        let before = mirror.asked().len();
        assert!(registry.blob(&digest_of(b"{}"), 2).is_ok());
        assert_eq!(mirror.asked().len(), before);
    }
    let (options, _folder) = mirrored(&missing.host, &missing.host, "");
    let error =
        Registry::connect("origin.example", "team/app", &options).expect("a name").manifest("v1").expect_err("nowhere");
    says(&error, &["doesn't have the manifest `v1`", &format!("its mirror `{}`", missing.host)]);
}

#[test]
fn passwords_stay_with_their_host() {
    let wants = |body: &'static str| {
        Server::start(move |request, _| match request.header("authorization") {
            None => answer(401, &[("WWW-Authenticate", "Basic realm=\"here\"")], ""),
            Some(_) => answer(200, &[], body),
        })
    };
    let (mirror, origin) = (wants("{}"), wants("{ }"));
    let (options, _folder) = mirrored(&mirror.host, &origin.host, "");
    let login = Options { login: Some(("user".to_owned(), "pass".to_owned())), ..options };
    let registry = Registry::connect("origin.example", "team/app", &login).expect("a name");
    assert_eq!(registry.manifest("latest").expect("the origin's").bytes, b"{ }");
    assert!(mirror.asked().iter().all(|request| request.header("authorization").is_none()));
    assert_eq!(origin.asked().last().expect("asked").header("authorization"), Some("Basic dXNlcjpwYXNz"));
}

#[test]
fn a_mirror_of_digests_is_not_asked_for_tags() {
    let (mirror, origin) = (serving("{}"), serving("{}"));
    let (options, _folder) = mirrored(&mirror.host, &origin.host, "pull-from-mirror = \"digest-only\"\n");
    let registry = Registry::connect("origin.example", "team/app", &options).expect("a name");
    registry.manifest("latest").expect("the origin's");
    assert!(mirror.asked().is_empty());
    registry.manifest(&digest_of(b"{}")).expect("the mirror's");
    assert_eq!(mirror.asked_for("manifests").len(), 1);
}

#[test]
fn a_blocked_registry_is_not_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("registries.conf");
    std::fs::write(&file, "[[registry]]\nlocation = \"bad.example\"\nblocked = true\n").expect("written");
    let options = Options { registries_files: vec![file], ..options() };
    says(&Registry::connect("bad.example", "a", &options).expect_err("blocked"), &["blocked by", "registries.conf"]);
}
