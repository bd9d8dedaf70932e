//! `harden image`, and `--image` of the commands on Dockerfiles, as scripts meet them: exit codes, errors, silence, the page.

use std::fs;

use serde_json::Value;

use crate::cli::{Ran, command, harden, ran};
use crate::support::root;

/// A small image with findings of all severities.
const SHOP: &str = "oci:testdata/images/shop";

fn run(arguments: &[&str]) -> Ran {
    harden(root(), arguments)
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr))
}

#[test]
fn exit_codes_follow_fail_on() {
    let image = |arguments: &[&str]| run(&[&["image", "--no-cache", "--isolated", SHOP], arguments].concat()).code;
    assert_eq!(image(&[]), Some(1));
    assert_eq!(image(&["--exit-zero"]), Some(0));
    assert_eq!(image(&["--fail-on", "never"]), Some(0));
    assert_eq!(image(&["--select", "tooling-in-image"]), Some(0), "info counts only when it is asked for");
    assert_eq!(image(&["--select", "tooling-in-image", "--fail-on", "info"]), Some(1));
    assert_eq!(image(&["--select", "base-end-of-life"]), Some(0));
}

#[test]
fn what_can_t_be_opened_is_an_error_with_a_remedy_and_the_others_are_linted() {
    let ran = run(&["image", "--no-cache", "--isolated", "--format", "json", "oci:testdata/nowhere", SHOP]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let report = json(&ran);
    assert_eq!(report["summary"]["images"], 1);
    assert_eq!(report["errors"].as_array().map(Vec::len), Some(1));
    assert!(ran.stderr.contains("testdata/nowhere"), "{}", ran.stderr);
    let ran = run(&["image", "--isolated", "dcoker://alpine"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("docker://"), "{}", ran.stderr);
}

#[test]
fn what_is_accepted_is_counted_and_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = "[[image-ignore]]\nlints = [\"suid-binary\"]\npaths = [\"/usr/local/bin/*\"]\nreason = \"known\"\n";
    fs::write(folder.path().join("harden.toml"), config).expect("written");
    let shop = format!("oci:{}", root().join("testdata/images/shop").display());
    let ran = harden(folder.path(), &["image", "--no-cache", "--format", "json", "--select", "suid-binary", &shop]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report = json(&ran);
    assert_eq!((&report["summary"]["findings"], &report["summary"]["suppressed"]), (&0.into(), &1.into()));
    // At the line that made it, it is accepted as well.
    fs::copy(root().join("testdata/images/shop.Dockerfile"), folder.path().join("Dockerfile")).expect("copied");
    let lint = ["lint", "--image", &shop, "--format", "json", "--select", "suid-binary", "Dockerfile"];
    let report = json(&harden(folder.path(), &lint));
    assert_eq!((&report["summary"]["findings"], &report["summary"]["suppressed"]), (&0.into(), &1.into()));
}

#[test]
fn every_finding_says_its_layer_and_no_format_shows_a_secret() {
    for format in ["text", "json", "jsonl", "sarif"] {
        let ran =
            run(&["image", "--no-cache", "--isolated", "--preset", "all", "--format", format, "--exit-zero", SHOP]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        // What `testdata/images/shop.py` makes from its seed.
        for secret in ["ujOeHw", "ihtYlK"] {
            assert!(!ran.stdout.contains(secret), "{format} shows {secret}");
        }
        assert!(ran.stdout.contains("as-root"), "{format}");
    }
    let report = json(&run(&["image", "--no-cache", "--isolated", "--format", "json", "--exit-zero", SHOP]));
    let findings = report["findings"].as_array().expect("findings");
    let layers = findings.iter().filter(|finding| finding["place"]["kind"] == "layer");
    assert!(layers.clone().count() >= 4);
    for finding in layers {
        assert!(finding["place"]["layer"].as_str().is_some_and(|layer| layer.starts_with("sha256:")), "{finding}");
        assert!(
            finding["place"]["image"] == SHOP && finding["fingerprint"].as_str().is_some_and(|print| print.len() == 32)
        );
    }
}

#[test]
fn the_second_run_says_what_it_did_not_hash_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let second = || {
        let mut command = command(root(), &["image", "--isolated", "--exit-zero", SHOP]);
        command.env("XDG_CACHE_HOME", folder.path());
        ran(command)
    };
    let (first, second) = (second(), second());
    assert_eq!(first.stdout, second.stdout);
    assert!(!first.stderr.contains("cache"), "{}", first.stderr);
    assert!(second.stderr.contains("4 layers were taken from the cache, not hashed again"), "{}", second.stderr);
}

#[test]
fn a_folder_has_no_layer_to_name() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("etc")).expect("a folder");
    fs::write(folder.path().join("etc/passwd"), "root::0:0::/root:/bin/sh\n").expect("written");
    let ran = run(&["image", "--isolated", &format!("rootfs:{}", folder.path().display())]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stdout.contains("empty-password") && !ran.stdout.contains("layer"), "{}", ran.stdout);
}

#[test]
fn the_page_appears_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("shop.html");
    let shown = page.display().to_string();
    let ran = run(&["image", "--no-cache", "--isolated", "--exit-zero", "--report", &shown, SHOP]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let text = fs::read_to_string(&page).expect("the page");
    assert!(text.starts_with("<!DOCTYPE html>") && text.ends_with("</html>\n") && text.contains("as-root"));
    let both = run(&["image", "--isolated", "--report", &shown, SHOP, SHOP]);
    assert_eq!(both.code, Some(2));
    assert!(both.stderr.contains("--report draws one image"), "{}", both.stderr);
}

#[test]
fn linting_with_an_image_opens_no_connection_unless_allowed() {
    let lint = |arguments: &[&str]| {
        run(&[&["lint", "--isolated", "--format", "json", "testdata/images/shop.Dockerfile"], arguments].concat())
    };
    let ran = lint(&["--image", "registry.invalid/shop:1"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("add `--online`"), "{}", ran.stderr);
    let ran = lint(&["--image", SHOP, "--exit-zero"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report = json(&ran);
    let line = |lint: &str| {
        let found = report["findings"].as_array().expect("findings").iter().find(|finding| finding["lint"] == lint);
        found.map(|finding| finding["place"]["start"]["line"].clone())
    };
    assert_eq!(line("secret-recoverable"), Some(3.into()));
    assert_eq!(line("suid-binary"), Some(4.into()));
}

#[test]
fn a_base_image_can_be_read_from_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "FROM debian:12\nCOPY server.js /srv/\nCMD [\"node\", \"/srv/server.js\"]\n";
    fs::write(folder.path().join("Dockerfile"), text).expect("written");
    let shop = format!("debian:12=oci-layout://{}", root().join("testdata/images/shop").display());
    let fix =
        |arguments: &[&str]| harden(folder.path(), &[&["fix", "--isolated", "--diff", "--unsafe"], arguments].concat());
    let ran = fix(&["--build-context", &shop, "--only", "missing-user,suid-not-stripped"]);
    assert!(ran.stdout.contains("+USER shop"), "the user that the base sets: {}{}", ran.stdout, ran.stderr);
    assert!(!ran.stdout.contains("find /"), "the base has no setuid file to strip: {}", ran.stdout);
    let ran = fix(&["--only", "missing-user"]);
    assert!(!ran.stdout.contains("shop"), "without the image, nothing is known of its user: {}", ran.stdout);
}
