//! Answers that are slow, endless, or no registry's at all; and rate limits.

use super::*;
use server::head;

#[test]
fn a_rate_limit_is_obeyed_and_said() {
    for status in [429, 503] {
        let server = Server::start(move |request, before| match before {
            0 if request.path.contains("manifests") => answer(status, &[("Retry-After", "1")], ""),
            _ => answer(200, &[], "{}"),
        });
        let (options, heard) = listening();
        let registry = Registry::connect(&server.host, "team/app", &options).expect("a name");
        assert!(registry.manifest("latest").is_ok());
        assert_eq!(*heard.lock().expect("no panic here"), [format!("waiting 1 s, it answers {status}")]);
    }
}

#[test]
fn a_rate_limit_that_stays_is_an_error() {
    let limit = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your limit"}]}"#;
    let server = Server::start(move |_, _| answer(429, &[("Retry-After", "0")], limit));
    let error = connect(&server.host).manifest("latest").expect_err("for ever");
    says(&error, &["rate limit is reached", "You have reached your limit", "log in for a higher limit"]);
    assert_eq!(server.asked_for("manifests").len(), 4);

    // An hour is longer than our patience, so it isn't waited for at all.
    let server = Server::start(move |_, _| answer(429, &[("Retry-After", "3600")], ""));
    let error = connect(&server.host).manifest("latest").expect_err("for an hour");
    says(&error, &["rate limit is reached", "try again in 3600 s"]);
    assert_eq!(server.asked_for("manifests").len(), 1);
    says(&connect(&server.host).digest("latest").expect_err("HEAD, too"), &["rate limit is reached"]);
    says(&connect(&server.host).blob(&digest_of(b"x"), 1).err().expect("a blob, too"), &["rate limit is reached"]);
}

#[test]
fn a_manifest_that_is_another_one_is_refused() {
    let server = Server::start(|_, _| answer(200, &[("Content-Type", MANIFEST)], "{}"));
    let error = connect(&server.host).manifest(&digest_of(b"{ }")).expect_err("another one");
    says(&error, &["isn't what was asked for", &digest_of(b"{}"), &digest_of(b"{ }")]);
    assert!(connect(&server.host).manifest(&digest_of(b"{}")).is_ok());
}

#[test]
fn a_web_page_is_no_manifest() {
    for (kind, body) in [("text/html; charset=utf-8", "{}"), (MANIFEST, "\n <!doctype html><p>Log in</p>")] {
        let server = Server::start(move |_, _| answer(200, &[("Content-Type", kind)], body));
        says(&connect(&server.host).manifest("latest").expect_err(kind), &["a web page, not a manifest", "login page"]);
    }
}

#[test]
fn endless_documents_are_cut() {
    let announced =
        Server::start(|_, _| vec![head(200, &[("Content-Length", "99999999999")]), Step::Endless(vec![b' '; 4096])]);
    let silent = Server::start(|_, _| vec![head(200, &[]), Step::Endless(vec![b' '; 4096])]);
    for server in [announced, silent] {
        says(
            &connect(&server.host).manifest("latest").expect_err("endless"),
            &["longer than 4194304 bytes", "raise the limit"],
        );
        assert!(connect(&server.host).tags().is_err());
        assert_eq!(server.asked_for("latest").len(), 1, "it isn't asked for again");
    }
    // Of a refusal, the start is enough.
    let refusal = Server::start(|_, _| vec![head(404, &[]), Step::Endless(vec![b' '; 4096])]);
    says(&connect(&refusal.host).manifest("latest").expect_err("missing"), &["doesn't have the manifest"]);
    let headers =
        Server::start(|_, _| vec![Step::Bytes(b"HTTP/1.1 200 OK\r\n".to_vec()), Step::Endless(b"A: b\r\n".to_vec())]);
    assert!(connect(&headers.host).manifest("latest").is_err());
}

#[test]
fn endless_blobs_are_cut() {
    let digest = digest_of(&noise(50_000));
    let announced =
        Server::start(|_, _| vec![head(200, &[("Content-Length", "99999999")]), Step::Endless(noise(50_000))]);
    let silent = Server::start(|_, _| vec![head(200, &[]), Step::Endless(noise(49_999))]);
    for server in [announced, silent] {
        let (before, error) = read(&connect(&server.host), &digest, 50_000).expect_err("endless");
        assert!(before.len() <= 50_000, "{}", before.len());
        assert!(error.contains("longer than the 50000 bytes") || error.contains("isn't what was asked for"), "{error}");
    }
    // More behind what is right is wrong, too.
    let chunked = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let more = Server::start(move |_, _| {
        let body = [chunked(&noise(50_000)), chunked(b"more"), chunked(b"")].concat();
        vec![head(200, &[("Transfer-Encoding", "chunked")]), Step::Bytes(body)]
    });
    let (_, error) = read(&connect(&more.host), &digest, 50_000).expect_err("more");
    assert!(error.contains("longer than the 50000 bytes"), "{error}");
}

#[test]
fn slow_answers_are_given_up() {
    let silent = Server::start(|_, _| vec![Step::Sleep(Duration::from_secs(20))]);
    let quick = |host: &str| {
        let mut options = options();
        options.patience.connect = Duration::from_millis(100);
        options.patience.retries = 1;
        Registry::connect(host, "team/app", &options).expect("a name")
    };
    says(&quick(&silent.host).manifest("latest").expect_err("silence"), &["nothing came for", "check the network"]);
    // A byte at a time is never silent, and never done.
    let drip = || Step::Drip(vec![b' '; 1000], Duration::from_millis(50));
    let slow = Server::start(move |_, _| vec![head(200, &[("Content-Length", "1000")]), drip()]);
    says(&quick(&slow.host).manifest("latest").expect_err("dripping"), &["nothing came for", "try again"]);
    let (_, error) = read(&quick(&slow.host), &digest_of(&[b' '; 1000]), 1000).expect_err("dripping");
    assert!(error.contains("too slowly"), "{error}");
    let half = Server::start(|_, _| {
        vec![head(200, &[("Content-Length", "10")]), Step::Bytes(vec![b' '; 5]), Step::Sleep(Duration::from_secs(20))]
    });
    let (before, error) = read(&quick(&half.host), &digest_of(&[b' '; 10]), 10).expect_err("half");
    assert!(before.len() <= 5 && error.contains("nothing came for"), "{error}");
}

#[test]
fn what_is_no_http_is_said_so() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"\0\0\0\0",
        b"HTTP/1.1 999999 x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    ] {
        let server = Server::start(move |_, _| vec![Step::Bytes(bytes.to_vec())]);
        says(
            &connect(&server.host).manifest("latest").expect_err("no HTTP"),
            &["check that a registry is at this address"],
        );
    }
}
