//! When an image is fetched, and what a name means meanwhile.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::*;
use crate::image_made::{Made, OCI_MANIFEST, digest, gzip, made, tar};

/// A registry in this process: what it has by path, what was asked for, whether it answers.
#[derive(Clone, Default)]
struct Registry {
    has: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
    down: Arc<Mutex<bool>>,
}

impl Registry {
    /// Starts it, and gives its address.
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("an address").to_string();
        let registry = self.clone();
        // The thread ends with the process: a listener has no way to be told.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let registry = registry.clone();
                std::thread::spawn(move || registry.answer(stream));
            }
        });
        host
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut lines = BufReader::new(stream.try_clone().expect("a descriptor")).lines();
        let Some(Ok(first)) = lines.next() else { return };
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        if *self.down.lock().expect("no test panics here") {
            return;
        }
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let body = self.has.lock().expect("no test panics here").get(&path).cloned();
        self.asked.lock().expect("no test panics here").push(path.clone());
        let kind = if path.contains("/manifests/") { OCI_MANIFEST } else { "application/octet-stream" };
        let (status, body) = body.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    }

    /// Puts an image there under a tag.
    fn put(&self, tag: &str, made: &Made) {
        let mut has = self.has.lock().expect("no test panics here");
        has.insert(format!("/v2/team/app/manifests/{tag}"), made.manifest.clone());
        has.insert(format!("/v2/team/app/manifests/{}", digest(&made.manifest)), made.manifest.clone());
        for blob in made.packed.iter().chain([&made.config]) {
            has.insert(format!("/v2/team/app/blobs/{}", digest(blob)), blob.clone());
        }
    }

    /// What was asked for since it was last asked here: manifests and layers.
    fn asked(&self) -> (usize, usize) {
        let asked = std::mem::take(&mut *self.asked.lock().expect("no test panics here"));
        let count = |part: &str| asked.iter().filter(|path| path.contains(part)).count();
        (count("/manifests/"), count("/blobs/"))
    }
}

fn image(marker: &str) -> Made {
    let shared = tar(&[("base", b'0', 0o644, b"the same for all")]);
    made(vec![shared, tar(&[("marker", b'0', 0o644, marker.as_bytes())])], gzip)
}

fn marker(stored: &Stored) -> String {
    fs::read_to_string(stored.root.path.join("marker")).expect("a file of the image")
}

#[test]
fn a_name_means_what_was_pulled_until_it_is_pulled_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path(), &one_id());
    let registry = Registry::default();
    let host = registry.start();
    let reference = format!("docker://{host}/team/app:v1");
    let ask =
        |pull| prepare_with(&store, &reference, pull, |_| {}).map(|stored| (marker(&stored), stored.digest.clone()));
    let (old, new) = (image("old"), image("new"));
    registry.put("v1", &old);
    let wanted = |marker: &str, made: &Made| Ok((marker.to_owned(), digest(&made.manifest)));

    let never = ask(Pull::Never).expect_err("it isn't there");
    assert!(never.contains("the store doesn't have it") && registry.asked() == (0, 0), "{never}");
    assert_eq!(ask(Pull::Missing), wanted("old", &old));
    assert_eq!(registry.asked(), (1, 3), "each layer was asked for once, and the configuration");
    registry.put("v1", &new);
    assert_eq!((ask(Pull::Missing), ask(Pull::Never)), (wanted("old", &old), wanted("old", &old)));
    assert_eq!(registry.asked(), (0, 0));
    assert_eq!(ask(Pull::Always), wanted("new", &new));
    assert_eq!(registry.asked().0, 1);
    assert_eq!(ask(Pull::Always), wanted("new", &new));
    assert_eq!(registry.asked(), (1, 1), "its layers are there");
    assert_eq!(ask(Pull::Missing), wanted("new", &new));
    // What has a digest means the same for ever.
    let pinned = format!("docker://{host}/team/app@{}", digest(&old.manifest));
    for _ in 0..2 {
        let stored = prepare_with(&store, &pinned, Pull::Always, |_| {}).expect("by digest");
        assert_eq!(marker(&stored), "old");
    }
    assert_eq!(registry.asked(), (1, 1), "the second time nothing was asked");

    *registry.down.lock().expect("no test panics here") = true;
    assert_eq!(ask(Pull::Missing), wanted("new", &new));
    assert!(ask(Pull::Always).is_err(), "nobody says what it means now");
    assert_eq!(names(folder.path(), "images").len(), 2);
    assert_eq!(names(folder.path(), "tmp"), [""; 0]);
}

#[test]
fn a_layer_that_is_another_one_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::default();
    let host = registry.start();
    let (good, evil) = (image("good"), image("evil"));
    registry.put("v1", &good);
    let path = format!("/v2/team/app/blobs/{}", digest(&good.packed[1]));
    registry.has.lock().expect("no test panics here").insert(path, evil.packed[1].clone());
    let error =
        prepare(&store(folder.path(), &one_id()), &format!("docker://{host}/team/app:v1")).expect_err("refused");
    assert!(error.contains("digest") || error.contains("bytes"), "{error}");
    assert_eq!((names(folder.path(), "images"), names(folder.path(), "tmp")), (Vec::new(), Vec::new()));
}

#[test]
fn a_file_that_changed_means_another_image() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path(), &one_id());
    let mut seen = Vec::new();
    for name in ["one", "two", "two", "one"] {
        let reference = saved(folder.path(), "image.tar", &image(name).saved("app:v1"));
        for pull in [Pull::Missing, Pull::Never, Pull::Always] {
            seen.push(marker(&prepare_with(&store, &reference, pull, |_| {}).expect("an image")));
        }
    }
    assert_eq!(seen, ["one", "one", "one", "two", "two", "two", "two", "two", "two", "one", "one", "one"]);
    assert_eq!((names(folder.path(), "images").len(), names(folder.path(), "names").len()), (2, 1));
}

#[test]
fn an_engine_is_asked_what_a_name_means_and_for_the_image_only_where_it_is_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path(), &one_id());
    let engine = Registry::default();
    let address = format!("tcp://{}", engine.start());
    let tell = |id: &str, marker: &str| {
        let mut has = engine.has.lock().expect("no test panics here");
        has.insert("/images/app:v1/json".to_owned(), format!(r#"{{"Id":"{id}","Size":1}}"#).into_bytes());
        has.insert("/images/app:v1/get".to_owned(), image(marker).saved("app:v1"));
    };
    let ask = |pull| {
        let change = |request: &mut Request<'_>| request.engine = Some(Box::leak(address.clone().into_boxed_str()));
        prepare_with(&store, "docker-daemon:app:v1", pull, change).map(|stored| marker(&stored))
    };
    let asked = || std::mem::take(&mut *engine.asked.lock().expect("no test panics here"));
    tell("sha256:1", "old");
    assert_eq!(ask(Pull::Never).map_err(|error| error.contains("the store doesn't have it")), Err(true));
    assert_eq!((ask(Pull::Missing), asked().len()), (Ok("old".to_owned()), 2));
    assert_eq!((ask(Pull::Always), asked()), (Ok("old".to_owned()), vec!["/images/app:v1/json".to_owned()]));
    tell("sha256:2", "new");
    assert_eq!((ask(Pull::Never), asked().len()), (Ok("old".to_owned()), 0), "what was built since isn't fetched");
    assert_eq!((ask(Pull::Missing), asked().len()), (Ok("new".to_owned()), 2));
    assert_eq!(ask(Pull::Never), Ok("new".to_owned()));
    engine.has.lock().expect("no test panics here").clear();
    assert!(ask(Pull::Missing).expect_err("gone").contains("the engine has no such image"));
}
