//! Many starts: at once, one after the other, and while the image changes.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use harden::image::source::Request;
use harden::image::{Limits, Reference, Wanted};
use harden::policy::{Protocol, Publish, Wishes};
use harden::run::{Job, Options, sys};
use rustix::process::WaitOptions;

use super::*;
use crate::support::launch::children;

/// How many starts go on at a time here; the machine may have two processors.
const AT_A_TIME: usize = 2;

#[test]
fn fifty_at_once_from_an_empty_store_all_start() {
    for who in BOTH {
        let place = Place::new(who);
        let Some((_, reference)) = archive(&place, "one") else { return };
        let words = [&reference, "/bin/sh", "-c", "cat /marker; sleep 0.2"];
        let all: Vec<_> = (0..50)
            .map(|_| place.run(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts"))
            .collect();
        for child in all {
            let output = child.wait_with_output().expect("it ends");
            assert_eq!(output.status.code(), Some(0), "{who:?}: {}", text_of(&output));
            assert_eq!(output.stdout, b"one", "{who:?}: {}", text_of(&output));
        }
        let images = std::fs::read_dir(place.path("data/harden/images")).expect("a folder").count();
        assert_eq!(images, 1, "it was unpacked once");
        place.nothing_is_left();
    }
}

#[test]
fn a_thousand_one_after_the_other_leave_nothing() {
    let place = Place::new(Who::Root);
    let Some(root) = root() else { return };
    let copied = std::process::Command::new("cp").arg("-a").arg(root.path()).arg(place.path("root")).status();
    assert!(copied.is_ok_and(|status| status.success()));
    let image = format!("rootfs:{}", place.path("root").display());
    let started = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while started.fetch_add(1, Ordering::Relaxed) < 1000 {
                    expect(&place.run(&[&image, "/bin/true"]).output().expect("it starts"), 0);
                }
            });
        }
    });
    place.nothing_is_left();
    for folder in ["images", "names", "locks", "volumes"] {
        let names = std::fs::read_dir(place.path("data/harden").join(folder)).expect("a folder");
        assert_eq!(names.count(), 0, "{folder}");
    }
    assert_eq!(std::fs::read_dir(place.path("cache")).expect("a folder").count(), 0);
}

#[test]
fn starts_of_one_process_keep_no_descriptor_and_no_child() {
    let place = Place::new(Who::Root);
    let Some((_, reference)) = archive(&place, "one") else { return };
    // The process that starts them has one thread, and its signals are blocked afterwards: none of this one's.
    let (answer, reply) = rustix::pipe::pipe().expect("a pipe");
    if let Some(pid) = sys::fork().expect("a process") {
        drop(reply);
        let mut said = String::new();
        std::io::Read::read_to_string(&mut std::fs::File::from(answer), &mut said).expect("text");
        rustix::process::waitpid(Some(pid), WaitOptions::empty()).expect("it is ours");
        let counts: Vec<Vec<usize>> = said
            .lines()
            .map(|line| line.split(' ').map(|word| word.parse().unwrap_or_else(|_| panic!("{said}"))).collect())
            .collect();
        assert_eq!(counts.len(), 2, "{said}");
        assert!(counts[0] == counts[1] && counts[0][0] >= 4, "descriptors and children, early and late: {said}");
        return place.nothing_is_left();
    }
    std::panic::set_hook(Box::new(|_| {}));
    let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| starts(&place, &reference)));
    let said = said.unwrap_or_else(|_| "it panics".to_owned());
    let _ = rustix::io::write(&reply, said.as_bytes());
    sys::exit_now(0);
}

/// Starts containers of every kind, and again, and counts each time what this process then has.
fn starts(place: &Place, reference: &str) -> String {
    let (parsed, wanted, limits) = (Reference::parse(reference).expect("text"), Wanted::default(), Limits::default());
    let published = Publish {
        address: Some(std::net::Ipv4Addr::LOCALHOST.into()),
        host_port: 0,
        port: 8080,
        protocol: Protocol::Tcp,
    };
    let mut lines = Vec::new();
    for _ in 0..2 {
        for number in 0..10 {
            let wishes = Wishes {
                command: vec![if number % 3 == 0 { "/bin/none" } else { "/bin/true" }.to_owned()],
                read_only: Some(number % 2 == 0),
                publish: vec![published.clone()],
                init: Some(number % 4 == 0),
                ..Wishes::default()
            };
            let request = Request::new(reference, &parsed, &wanted, &limits);
            let options = Options {
                data: place.path("data"),
                name: Some(place.mark.clone()),
                refusals: number % 5 == 0,
                account: true,
                ..Options::default()
            };
            let trust = |_: &str| Ok(());
            let job = Job { request: &request, wishes: &wishes, profile: None, options, trust: &trust, note: &|_| () };
            let code = harden::run::prepare(job).and_then(|ready| ready.start());
            match code {
                Ok(code) => assert_eq!(code, 0),
                Err(refused) => assert_eq!((refused.code(), number % 3), (127, 0), "{refused}"),
            }
        }
        let open = std::fs::read_dir("/proc/self/fd").expect("/proc").count();
        let own = rustix::process::getpid();
        lines.push(format!("{open} {}", children(own).len()));
    }
    lines.join("\n")
}

#[test]
fn an_image_that_changes_is_one_or_the_other() {
    for who in BOTH {
        let place = Place::new(who);
        let Some((path, reference)) = archive(&place, "one") else { return };
        // What runs keeps what it was started from, whatever happens to the archive and the store's name.
        let go = place.path("go");
        std::fs::create_dir(&go).expect("a folder");
        let volume = format!("--volume={}:/go:ro", go.display());
        let script = "echo up; until [ -e /go/on ]; do sleep 0.1; done; cat /marker";
        let mut running = place.begin(&[&volume, &reference, "/bin/sh", "-c", script]);
        write(&path, &image("two"));
        let words = [&reference, "/bin/cat", "/marker"];
        let output = place.run(&words).output().expect("it starts");
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"two"[..]), "{}", text_of(&output));
        let mut gc = place.command(env!("CARGO_BIN_EXE_harden"));
        expect(&gc.args(["run", "--gc"]).output().expect("it starts"), 0);
        let images = || std::fs::read_dir(place.path("data/harden/images")).expect("a folder").count();
        assert_eq!(images(), 1, "what runs stays, and what doesn't is gone");
        std::fs::write(go.join("on"), "").expect("written");
        let mut rest = String::new();
        std::io::Read::read_to_string(running.stdout.as_mut().expect("piped"), &mut rest).expect("text");
        assert_eq!((running.wait().expect("it ends").code(), &rest[..]), (Some(0), "one"));
        // While it is replaced again and again, as a whole or in place, every start has the one or the other, or says that
        // it has changed.
        let (one, two) = (image("one").saved("app:v1"), image("two").saved("app:v1"));
        let over = AtomicBool::new(false);
        let counts = std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0_u32.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let image = if number % 2 == 0 { &one } else { &two };
                    if number % 4 < 2 {
                        std::fs::write(&path, image).expect("written");
                    } else {
                        write(&path, &crate::run_faults::image(if number % 2 == 0 { "one" } else { "two" }));
                    }
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
            });
            let mut counts = [0; 3];
            for _ in 0..40 {
                let output = place.run(&words).output().expect("it starts");
                let which = match (output.status.code(), &output.stdout[..]) {
                    (Some(0), b"one") => 0,
                    (Some(0), b"two") => 1,
                    (Some(125), b"") => 2,
                    other => panic!("{other:?}: {}", text_of(&output)),
                };
                counts[which] += 1;
            }
            over.store(true, Ordering::Relaxed);
            counts
        });
        assert!(counts[0] > 0 && counts[1] > 0, "{counts:?}");
        place.nothing_is_left();
        // And what the store has of both is what they are.
        for marker in ["one", "two"] {
            write(&path, &image(marker));
            let output = place.run(&words).output().expect("it starts");
            assert_eq!(
                (output.status.code(), &output.stdout[..]),
                (Some(0), marker.as_bytes()),
                "{}",
                text_of(&output)
            );
        }
        assert_eq!(images(), 2);
    }
}

#[test]
fn what_is_collected_meanwhile_is_unpacked_again() {
    let place = Place::new(Who::Root);
    let Some((_, reference)) = archive(&place, "one") else { return };
    let over = AtomicBool::new(false);
    let freed = std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut freed = 0;
            while !over.load(Ordering::Relaxed) {
                let mut gc = place.command(env!("CARGO_BIN_EXE_harden"));
                let said = expect(&gc.args(["run", "--gc"]).output().expect("it starts"), 0);
                freed += usize::from(!said.contains("0 images"));
            }
            freed
        });
        for _ in 0..40 {
            let output = place.run(&[&reference, "/bin/cat", "/marker"]).output().expect("it starts");
            assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"one"[..]), "{}", text_of(&output));
        }
        over.store(true, Ordering::Relaxed);
        collector.join().expect("a thread")
    });
    assert!(freed > 0, "something was collected between two starts");
    place.nothing_is_left();
}
