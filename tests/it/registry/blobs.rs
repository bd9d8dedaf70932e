//! Blobs whose connection breaks, that are not what they should be, or that lie elsewhere.

use super::*;
use server::head;

#[test]
fn a_broken_blob_is_resumed_where_it_broke() {
    let blob = noise(300_000);
    let digest = digest_of(&blob);
    let content = blob.clone();
    let server = Server::start(move |request, _| {
        let from: usize = request
            .header("range")
            .map_or(0, |range| range.trim_start_matches("bytes=").trim_end_matches('-').parse().expect("a number"));
        // A hundred thousand bytes at a time, then the line is cut.
        let part = &content[from..content.len().min(from + 100_000)];
        let length = (content.len() - from).to_string();
        let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
        let (status, range) = if from == 0 { (200, "") } else { (206, range.as_str()) };
        vec![head(status, &[("Content-Length", &length), ("Content-Range", range)]), Step::Bytes(part.to_vec())]
    });
    let (options, heard) = listening();
    let registry = Registry::connect(&server.host, "team/app", &options).expect("a name");
    assert!(read(&registry, &digest, 300_000) == Ok(blob));
    let ranges: Vec<_> = server.asked_for("blobs").iter().map(|one| one.header("range").map(str::to_owned)).collect();
    assert_eq!(ranges, [None, Some("bytes=100000-".to_owned()), Some("bytes=200000-".to_owned())]);
    let heard = heard.lock().expect("no panic here");
    assert_eq!(heard.iter().filter(|line| line.starts_with("waiting")).count(), 2);
    assert_eq!(heard.last().map(String::as_str), Some("300000 of 300000"));
}

#[test]
fn a_server_without_ranges_is_read_again_from_the_start() {
    let blob = noise(200_000);
    let digest = digest_of(&blob);
    let content = blob.clone();
    let server = Server::start(move |_, before| {
        // The second time it breaks before it is where it was.
        let end = [70_001, 60_000, 150_000].get(before).copied().unwrap_or(content.len());
        vec![head(200, &[("Content-Length", "200000")]), Step::Bytes(content[..end].to_vec())]
    });
    assert!(read(&connect(&server.host), &digest, 200_000) == Ok(blob));
    assert_eq!(server.asked_for("blobs").len(), 4);
}

#[test]
fn a_blob_that_breaks_for_ever_is_given_up() {
    let blob = noise(1000);
    let digest = digest_of(&blob);
    let server = Server::start(move |_, before| {
        vec![head(200, &[("Content-Length", "1000")]), Step::Bytes(blob[..before.min(3) * 10].to_vec())]
    });
    let (before, error) = read(&connect(&server.host), &digest, 1000).expect_err("never whole");
    assert!(before.len() < 1000 && error.contains("try again"), "{error}");
    assert!(server.asked_for("blobs").len() <= 5, "{}", server.asked_for("blobs").len());
}

#[test]
fn another_part_than_was_asked_for_is_refused() {
    let blob = noise(100_000);
    let digest = digest_of(&blob);
    let server = Server::start(move |_, before| match before {
        0 => vec![head(200, &[("Content-Length", "100000")]), Step::Bytes(blob[..70_000].to_vec())],
        _ => answer(206, &[("Content-Range", "bytes 60000-99999/100000")], &blob[60_000..]),
    });
    let (_, error) = read(&connect(&server.host), &digest, 100_000).expect_err("another part");
    assert!(error.contains("another part than was asked for"), "{error}");
}

#[test]
fn a_blob_with_another_digest_ends_in_an_error_before_its_last_bytes() {
    let server = Server::start(|_, _| answer(200, &[], noise(100_000)));
    let digest = digest_of(b"other");
    let (before, error) = read(&connect(&server.host), &digest, 100_000).expect_err("another digest");
    assert!(before.len() < 100_000, "all of it was handed out");
    assert!(error.contains("isn't what was asked for") && error.contains(&digest_of(&noise(100_000))), "{error}");
}

#[test]
fn an_empty_blob_is_a_blob() {
    let server = Server::start(|_, _| answer(200, &[], ""));
    assert_eq!(read(&connect(&server.host), &digest_of(b""), 0), Ok(Vec::new()));
    let (_, error) = read(&connect(&server.host), &digest_of(b"x"), 0).expect_err("another digest");
    assert!(error.contains("isn't what was asked for"), "{error}");
}

#[test]
fn sha512_is_checked_too() {
    let digest = "sha512:9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043";
    let server = Server::start(|_, _| answer(200, &[], "hello"));
    assert_eq!(read(&connect(&server.host), digest, 5), Ok(b"hello".to_vec()));
    let wrong = digest.replace("9b71", "0b71");
    assert!(read(&connect(&server.host), &wrong, 5).is_err());
}

#[test]
fn a_blob_elsewhere_is_fetched_without_credentials() {
    let blob = noise(5000);
    let digest = digest_of(&blob);
    let storage = Server::start(move |_, _| answer(200, &[], blob.clone()));
    // The same address by another name is another host, and so is another port.
    for host in [storage.host.clone(), storage.named("localhost")] {
        let target = format!("http://{host}/store/blob?signature=s3cret");
        let server = Server::start(move |request, _| match request.header("authorization") {
            Some("Basic dXNlcjpwYXNz") => answer(307, &[("Location", &target)], ""),
            _ => answer(401, &[("WWW-Authenticate", "Basic realm=\"here\"")], ""),
        });
        let login = Options { login: Some(("user".to_owned(), "pass".to_owned())), ..options() };
        let registry = Registry::connect(&server.host, "team/app", &login).expect("a name");
        assert_eq!(read(&registry, &digest, 5000).map(|bytes| bytes.len()), Ok(5000));
        let (_, error) = read(&registry, &digest, 4000).expect_err("longer than the manifest says");
        assert!(!error.contains("s3cret"), "a signed address is a secret: {error}");
    }
    let asked = storage.asked_for("/store/blob");
    assert_eq!(asked.len(), 4);
    for request in asked {
        assert!(request.header("authorization").is_none() && request.header("cookie").is_none(), "{request:?}");
        assert!(request.header("referer").is_none(), "{request:?}");
    }
}

#[test]
fn the_challenge_of_a_foreign_host_is_not_met() {
    // If it were, our password would go to whatever realm that host names.
    let storage = Server::start(|request, _| {
        let challenge = format!("Bearer realm=\"http://{}/token\"", request.header("host").expect("a host"));
        answer(401, &[("WWW-Authenticate", &challenge)], "")
    });
    let target = format!("http://{}/x", storage.host);
    let server = Server::start(move |_, _| answer(302, &[("Location", &target)], ""));
    let login = Options { login: Some(("user".to_owned(), "pass".to_owned())), ..options() };
    let registry = Registry::connect(&server.host, "team/app", &login).expect("a name");
    assert!(registry.blob(&digest_of(b"x"), 1).is_err());
    assert!(storage.asked().iter().all(|request| request.header("authorization").is_none()));
    assert!(storage.asked_for("/token").is_empty() && !storage.asked_for("/x").is_empty());
}

#[test]
fn redirects_end() {
    let digest = digest_of(b"x");
    let circle = Server::start(|request, _| {
        let next = if request.path.ends_with("/a") { "/b" } else { "/a" };
        answer(302, &[("Location", next)], "")
    });
    says(&connect(&circle.host).blob(&digest, 1).err().expect("a circle"), &["redirects in a circle"]);
    let long = Server::start(|request, _| answer(302, &[("Location", &format!("{}x", request.path))], ""));
    says(&connect(&long.host).blob(&digest, 1).err().expect("no end"), &["redirects too often"]);
    assert!(long.asked().len() < 30);
    for target in ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://", "https://"] {
        let server = Server::start(move |_, _| answer(302, &[("Location", target)], ""));
        says(&connect(&server.host).blob(&digest, 1).err().expect(target), &["redirects to what is no"]);
    }
    let nowhere = Server::start(|_, _| answer(302, &[], ""));
    says(&connect(&nowhere.host).blob(&digest, 1).err().expect("nowhere"), &["leads nowhere"]);
}
