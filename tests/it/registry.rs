//! Registries: logins, retries, broken and hostile answers from a server in this process, and Debian's own registry.

mod blobs;
mod debian;
mod hostile;
mod logins;
mod mirrors;
mod server;

use std::fmt::Write as _;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harden::image::Error;
use harden::image::registry::{Options, Patience, Progress, Registry};
use sha2::{Digest as _, Sha256};

use server::{Server, Step, answer};

/// Quick tries, so that failing is quick too.
fn options() -> Options {
    let patience = Patience {
        retries: 3,
        pause: Duration::from_millis(2),
        longest_wait: Duration::from_secs(2),
        connect: Duration::from_secs(5),
        read: Duration::from_millis(400),
        document: Duration::from_millis(1200),
    };
    Options { patience, ..Options::default() }
}

fn connect(host: &str) -> Registry {
    Registry::connect(host, "team/app", &options()).expect("a name")
}

fn digest_of(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("a string takes all");
    }
    text
}

/// Reads a blob, with what came before it failed.
fn read(registry: &Registry, digest: &str, size: u64) -> Result<Vec<u8>, (Vec<u8>, String)> {
    let mut bytes = Vec::new();
    let mut blob = registry.blob(digest, size).map_err(|error| (Vec::new(), error.to_string()))?;
    match blob.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err((bytes, error.to_string())),
    }
}

/// Bytes that don't repeat, so that a part in the wrong place is seen.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(step).collect()
}

/// Options that write down what goes on.
fn listening() -> (Options, Arc<Mutex<Vec<String>>>) {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let ear = Arc::clone(&heard);
    let listener = move |progress: Progress<'_>| {
        let line = match progress {
            Progress::Waiting { pause, why, .. } => format!("waiting {} s, {why}", pause.as_secs()),
            Progress::Mirror { why, .. } => format!("mirror, {why}"),
            Progress::Blob { done, size, .. } => format!("{done} of {size}"),
            other => format!("{other:?}"),
        };
        ear.lock().expect("no panic here").push(line);
    };
    (Options { progress: Some(Arc::new(listener)), ..options() }, heard)
}

fn says(error: &Error, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "`{word}` is missing: {text}");
    }
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

#[test]
fn a_manifest_is_given_with_the_digest_of_its_bytes() {
    let server = Server::start(|_, _| {
        // What the header says is a lie, which does no harm: it isn't read.
        let lie = format!("sha256:{}", "0".repeat(64));
        answer(
            200,
            &[
                ("Content-Type", "application/VND.oci.image.manifest.v1+json; charset=utf-8"),
                ("Docker-Content-Digest", &lie),
            ],
            "{}",
        )
    });
    let document = connect(&server.host).manifest("latest").expect("a manifest");
    assert_eq!(document.bytes, b"{}");
    assert_eq!(document.digest, digest_of(b"{}"));
    assert_eq!(document.media_type, MANIFEST);
    let asked = &server.asked_for("/v2/team/app/manifests/latest")[0];
    let accepted = asked.header("accept").expect("an Accept header");
    for media_type in [
        INDEX,
        MANIFEST,
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ] {
        assert!(accepted.contains(media_type), "{accepted}");
    }
    assert!(asked.header("authorization").is_none());
}

#[test]
fn a_digest_is_asked_for_with_head() {
    let digest = digest_of(b"{}");
    let said = digest.clone();
    let server = Server::start(move |request, _| match request.path.as_str() {
        "/v2/team/app/manifests/told" => answer(200, &[("Docker-Content-Digest", &said)], ""),
        "/v2/team/app/manifests/odd" if request.method == "HEAD" => {
            answer(200, &[("Docker-Content-Digest", "sha256:x")], "")
        }
        "/v2/team/app/manifests/none" if request.method == "HEAD" => answer(405, &[], ""),
        _ => answer(200, &[("Content-Type", MANIFEST)], "{}"),
    });
    let registry = connect(&server.host);
    for tag in ["told", "odd", "none"] {
        assert_eq!(registry.digest(tag).expect(tag), digest, "{tag}");
    }
    assert!(server.asked_for("told").iter().all(|request| request.method == "HEAD"));
    assert_eq!(server.asked_for("none").len(), 2);
}

#[test]
fn tags_come_page_by_page() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/v2/team/app/tags/list?n=1000" => {
            answer(200, &[("Link", "</v2/team/app/tags/list?n=1000&last=b>; rel=\"next\"")], r#"{"tags":["a","b"]}"#)
        }
        "/v2/team/app/tags/list?n=1000&last=b" => {
            answer(200, &[("Link", "<list?n=1000&last=c>; rel=next")], r#"{"name":"x","tags":["c"]}"#)
        }
        _ => answer(200, &[("Link", "<list>; rel=\"first\"")], r#"{"tags":null}"#),
    });
    assert_eq!(connect(&server.host).tags().expect("tags"), ["a", "b", "c"]);
}

#[test]
fn a_list_without_end_ends() {
    let server = Server::start(|request, before| match request.path.as_str() {
        path if path.contains("round") => answer(200, &[], "{}"),
        "/v2/team/app/tags/list?n=1000" => {
            answer(200, &[("Link", "</v2/team/app/tags/list?n=1000>; rel=\"next\"")], r#"{"tags":["a"]}"#)
        }
        _ => panic!("{before}"),
    });
    says(&connect(&server.host).tags().expect_err("a circle"), &["the list of tags has no end"]);

    let server = Server::start(|request, _| {
        let number: u32 = request.path.rsplit('=').next().and_then(|text| text.parse().ok()).unwrap_or(0);
        let link = format!("<list?n={}>; rel=\"next\"", number + 1);
        answer(200, &[("Link", &link)], format!("{{\"tags\":[\"{}\"]}}", "x".repeat(10_000)))
    });
    let bounded = Options { document_bytes: Some(100_000), ..options() };
    let registry = Registry::connect(&server.host, "team/app", &bounded).expect("a name");
    says(&registry.tags().expect_err("endless"), &["the list of tags has no end"]);
    assert!(server.asked().len() < 15);
}

#[test]
fn the_next_page_is_of_the_same_host() {
    let other = Server::start(|_, _| answer(200, &[], r#"{"tags":["stolen"]}"#));
    let link = format!("<http://{}/v2/team/app/tags/list>; rel=\"next\"", other.host);
    let server = Server::start(move |_, _| answer(200, &[("Link", &link)], r#"{"tags":["a"]}"#));
    says(&connect(&server.host).tags().expect_err("elsewhere"), &["its next page is elsewhere"]);
    assert!(other.asked().is_empty());
}

#[test]
fn a_redirect_makes_no_other_host_the_one_whose_pages_are_read() {
    let other = Server::start(|request, _| match request.path.as_str() {
        "/list" => answer(200, &[("Link", "</more>; rel=\"next\"")], r#"{"tags":["a"]}"#),
        _ => answer(200, &[], r#"{"tags":["stolen"]}"#),
    });
    let away = format!("http://{}/list", other.host);
    let server = Server::start(move |request, _| match request.header("authorization") {
        Some(_) => answer(307, &[("Location", &away)], ""),
        None => answer(401, &[("WWW-Authenticate", "Basic realm=\"here\"")], ""),
    });
    let login = Options { login: Some(("user".to_owned(), "pass".to_owned())), ..options() };
    let registry = Registry::connect(&server.host, "team/app", &login).expect("a name");
    says(&registry.tags().expect_err("elsewhere"), &["next page is elsewhere", &format!("http://{}/more", other.host)]);
    assert_eq!(other.asked_for("/list").len(), 1, "the redirect itself is followed, with nothing shown");
    assert!(other.asked().iter().all(|request| request.header("authorization").is_none()));
    assert!(other.asked_for("/more").is_empty());
}

#[test]
fn referrers_are_listed_or_stand_under_a_tag() {
    let digest = digest_of(b"subject");
    let tag = digest.replace(':', "-");
    let native = Server::start(|request, _| match request.path.ends_with("page=2") {
        false => answer(200, &[("Content-Type", INDEX), ("Link", "<?page=2>; rel=\"next\"")], r#"{"manifests":[1]}"#),
        true => answer(200, &[("Content-Type", INDEX)], r#"{"manifests":[2]}"#),
    });
    let found = connect(&native.host).referrers(&digest).expect("two pages");
    assert_eq!(
        found.iter().map(|page| &page.bytes[..]).collect::<Vec<_>>(),
        [br#"{"manifests":[1]}"#, br#"{"manifests":[2]}"#]
    );

    let fallback = Server::start(move |request, _| {
        let found = request.path.ends_with(&format!("/manifests/{tag}"));
        if found { answer(200, &[("Content-Type", INDEX)], "{}") } else { answer(404, &[], "404 page not found") }
    });
    assert_eq!(connect(&fallback.host).referrers(&digest).expect("a tag").len(), 1);

    let none = Server::start(|_, _| answer(404, &[], ""));
    assert!(connect(&none.host).referrers(&digest).expect("none").is_empty());
}

#[test]
fn each_refusal_says_what_to_do() {
    let envelope = |code: &str| format!(r#"{{"errors":[{{"code":"{code}","message":"so\u001b[31m it is"}}]}}"#);
    for (status, code, words) in [
        (401, "UNAUTHORIZED", ["wants a login to give the manifest `latest`", "docker login 127.0.0.1:"]),
        (403, "DENIED", ["doesn't let you have the manifest", "log in as somebody who may pull it"]),
        (404, "MANIFEST_UNKNOWN", ["doesn't have the manifest `latest`", "check the spelling"]),
        (418, "TEAPOT", ["doesn't give the manifest", "that a proxy doesn't answer"]),
        (500, "UNKNOWN", ["fails to give the manifest", "try again later"]),
        (501, "UNSUPPORTED", ["fails to give the manifest", "try again later"]),
    ] {
        let body = envelope(code);
        let server = Server::start(move |_, _| answer(status, &[], body.clone()));
        let error = connect(&server.host).manifest("latest").expect_err("a refusal");
        says(&error, &words);
        says(
            &error,
            &[
                &format!("({status}: {code}, so[31m it is)"),
                &format!("http://{}/v2/team/app/manifests/latest", server.host),
            ],
        );
    }
}

#[test]
fn names_are_checked_before_they_are_asked_for() {
    for (host, repository) in [("a/b", "c"), ("user@host", "c"), ("h", "C"), ("h", "../c"), ("", "c"), ("h:x", "c")] {
        assert!(Registry::connect(host, repository, &options()).is_err(), "{host}/{repository}");
    }
    let registry = connect("127.0.0.1:1");
    for reference in ["../../x", "a?b", "sha256:12", "sha256:../..", ""] {
        says(&registry.manifest(reference).expect_err(reference), &["it is no"]);
    }
    assert!(registry.blob("sha256:12", 1).is_err());
}

#[test]
fn nobody_there_is_said_so() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let error = connect(&format!("127.0.0.1:{port}")).manifest("latest").expect_err("nobody listens");
    says(&error, &["there is no connection", "check the address"]);
}

#[test]
fn plain_http_is_for_loopback_and_named_hosts() {
    let server = Server::start(|_, _| answer(200, &[], "{}"));
    // This address reaches this machine too, but it isn't one that says so.
    let host = server.named("0.0.0.0");
    if !cfg!(target_os = "linux") {
        return;
    }
    let error = connect(&host).manifest("latest").expect_err("plain HTTP isn't for everyone");
    says(&error, &["it doesn't speak TLS", "insecure = true"]);
    assert!(server.asked().is_empty(), "not a word was said in the clear");
    let named = Options { insecure: vec![host.clone()], ..options() };
    assert!(Registry::connect(&host, "team/app", &named).expect("a name").manifest("latest").is_ok());
    assert!(connect(&server.named("localhost")).manifest("latest").is_ok());
}

#[test]
fn documents_that_break_are_asked_for_again() {
    let (options, heard) = listening();
    let server = Server::start(|request, before| match (request.path.as_str(), before) {
        (path, 0) if path.ends_with("latest") => {
            vec![server::head(200, &[("Content-Length", "2")]), Step::Bytes(vec![b'{'])]
        }
        (path, 1) if path.ends_with("latest") => Vec::new(),
        (path, 2) if path.ends_with("latest") => answer(502, &[], ""),
        _ => answer(200, &[], "{}"),
    });
    let registry = Registry::connect(&server.host, "team/app", &options).expect("a name");
    assert_eq!(registry.manifest("latest").expect("the fourth time").bytes, b"{}");
    let heard = heard.lock().expect("no panic here");
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(heard[0].contains("the connection broke") && heard[2].contains("502"), "{heard:?}");
}
