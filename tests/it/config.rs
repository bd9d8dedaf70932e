//! What `harden.toml` may say, what it may not, and which one holds.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use harden::config::{Config, FailOn, Finder, PresetChoice};
use harden::diagnostic::{Confidence, Severity};

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("harden.toml"), Path::new("/project")).map_err(|error| error.to_string())
}

fn wrong(text: &str) -> String {
    parse(text).expect_err("an error")
}

#[test]
fn every_key_is_read() {
    let config = parse(
        r#"preset = "pedantic"
extend-select = ["missing-user"]
ignore = ["unpinned-base", "DL3006"]
fail-on = "medium"
min-confidence = "high"
require-reason = true
exclude = ["vendor/"]

[lints.root-user]
severity = "high"
enabled = true

[[overrides]]
paths = ["legacy/"]
select = ["secret"]

[[overrides]]
paths = ["*.dev.Dockerfile"]
ignore = ["root-user"]
lints.missing-user = { enabled = false }
"#,
    )
    .expect("a valid file");
    assert_eq!(config.rules.preset, Some(PresetChoice::Pedantic));
    assert_eq!(config.rules.select, None);
    assert_eq!(config.rules.extend_select[0].text, "missing-user");
    assert_eq!(config.rules.ignore[1].at.to_string(), "harden.toml:3:28");
    assert_eq!(config.fail_on, Some(FailOn::Severity(Severity::Medium)));
    assert_eq!(config.min_confidence, Some(Confidence::High));
    assert!(config.require_reason);
    assert!(config.excludes(Path::new("/project/a/vendor/Dockerfile")));
    assert!(!config.excludes(Path::new("/project/a/Dockerfile")));
    assert!(!config.excludes(Path::new("/elsewhere/vendor/Dockerfile")));
    let lint = &config.rules.lints[0];
    assert_eq!((lint.name.text.as_str(), lint.severity, lint.enabled), ("root-user", Some(Severity::High), Some(true)));

    let rules_of = |path: &str| config.rules_for(Path::new(path)).count();
    assert_eq!(rules_of("/project/Dockerfile"), 1);
    assert_eq!(rules_of("/project/legacy/Dockerfile"), 2);
    assert_eq!(rules_of("/project/legacy/web.dev.Dockerfile"), 3);
    let last = config.rules_for(Path::new("/project/web.dev.Dockerfile")).last().expect("an override");
    assert_eq!(last.lints[0].enabled, Some(false));
}

#[test]
fn unknown_keys_are_errors_with_place_and_suggestion() {
    assert_eq!(wrong("slect = []\n"), "harden.toml:1:1: unknown key `slect`; did you mean `select`?");
    assert_eq!(
        wrong("[lints.root-user]\nseverty = \"high\"\n"),
        "harden.toml:2:1: unknown key `severty` of a lint; did you mean `severity`?"
    );
    assert_eq!(
        wrong("[[overrides]]\npaths = [\"a\"]\nfail-on = \"low\"\n"),
        "harden.toml:3:1: unknown key `fail-on` of an override; the keys are `paths`, `preset`, `select`, `extend-select`, \
         `ignore`, `lints`, `image`"
    );
}

#[test]
fn findings_in_images_are_ignored_with_a_reason() {
    let text = "image = \"app:1\"\n[[image-ignore]]\nlints = [\"suid-binary\"]\nimages = [\"ghcr.io/acme/*\"]\n\
                paths = [\"/usr/bin/sudo\"]\nreason = \"developers' image\"\n";
    let config = Config::parse(text, Path::new("harden.toml"), Path::new("/project")).expect("well-formed");
    assert_eq!(config.rules.image.as_deref(), Some("app:1"));
    let ignore = &config.image_ignores[0];
    assert!(ignore.holds("ghcr.io/acme/app:1", Some("/usr/bin/sudo")));
    assert!(ignore.holds("docker://ghcr.io/acme/app:1", Some("/usr/bin/sudo")));
    for (image, path) in [
        ("ghcr.io/other/app", Some("/usr/bin/sudo")),
        ("ghcr.io/acme/app", Some("/usr/bin/su")),
        ("ghcr.io/acme/app", None),
    ] {
        assert!(!ignore.holds(image, path), "{image} {path:?}");
    }
    assert_eq!(
        wrong("[[image-ignore]]\nlints = [\"suid-binary\"]\n"),
        "harden.toml:1:1: this image-ignore says no reason; add `reason = \"…\"`"
    );
    assert_eq!(
        wrong("[[image-ignore]]\nreason = \"x\"\n"),
        "harden.toml:1:1: this image-ignore names no lints; add `lints = [\"…\"]`"
    );
}

#[test]
fn bad_values_are_errors_with_place_and_remedy() {
    assert_eq!(
        wrong("# é\nfail-on = \"hihg\"\n"),
        "harden.toml:2:11: `fail-on` can't be \"hihg\"; did you mean \"high\"?"
    );
    assert_eq!(
        wrong("fail-on = \"x\"\n"),
        "harden.toml:1:11: `fail-on` can't be \"x\"; use one of \"high\", \"medium\", \"low\", \"info\", \"never\""
    );
    assert_eq!(
        wrong("select = \"missing-user\"\n"),
        "harden.toml:1:10: `select` must be a list of lint names, such as [\"missing-user\"], not a string"
    );
    assert_eq!(
        wrong("ignore = [\"é\", 1]\n"),
        "harden.toml:1:16: `ignore` must be a list of lint names, such as [\"missing-user\"], not an integer"
    );
    assert_eq!(
        wrong("require-reason = 1\n"),
        "harden.toml:1:18: `require-reason` must be `true` or `false`, not an integer"
    );
    assert_eq!(
        wrong("[[overrides]]\nignore = []\n"),
        "harden.toml:1:1: this override names no files; add `paths = [\"…\"]`"
    );
    assert!(wrong("exclude = [\"ok\", \"[z-a]\"]\n").starts_with("harden.toml:1:18: `exclude` holds a glob"));
    assert_eq!(wrong("select = [\n"), "harden.toml:1:11: unclosed array, expected `]`");
    assert!(wrong("ignore = []\nignore = []\n").starts_with("harden.toml:2:1: "));
}

#[test]
fn the_nearest_file_wins_up_to_the_root_of_the_repository() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().canonicalize().expect("a real path");
    let write = |name: &str, text: &str| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a writable folder");
        fs::write(path, text).expect("a writable file");
    };
    write("harden.toml", "fail-on = \"never\"");
    write("repo/.git/HEAD", "");
    write("repo/plain/Dockerfile", "FROM a");
    write("repo/service/.config/harden.toml", "fail-on = \"high\"");
    write("repo/service/deep/er/Dockerfile", "FROM a");
    write("repo/service/hidden/.harden.toml", "fail-on = \"low\"");
    write("repo/service/hidden/harden.toml", "fail-on = \"info\"");

    let mut finder = Finder::nearest(root.clone());
    let mut at = |folder: &str| finder.for_folder(&root.join(folder)).expect("valid files");
    assert_eq!(at("outside").expect("the file above").fail_on, Some(FailOn::Never));
    assert!(at("repo/plain").is_none(), "the file above the repository does not count");
    let service = at("repo/service/deep/er").expect("the file in .config");
    assert_eq!(service.fail_on, Some(FailOn::Severity(Severity::High)));
    assert_eq!(service.root, root.join("repo/service"));
    assert_eq!(service.path, Path::new("repo/service/.config/harden.toml"));
    assert!(Arc::ptr_eq(&service, &at("repo/service/deep").expect("the same file")), "a file is read once");
    assert_eq!(at("repo/service/hidden").expect("a file").fail_on, Some(FailOn::Severity(Severity::Info)));

    assert!(Finder::isolated().for_folder(&root).expect("nothing is read").is_none());
    let mut given = Finder::given(Path::new("repo/service/.config/harden.toml"), &root).expect("a valid file");
    let config = given.for_folder(&root.join("repo/plain")).expect("a valid file").expect("the file given");
    assert_eq!(config.fail_on, Some(FailOn::Severity(Severity::High)));
    let missing = Finder::given(Path::new("no.toml"), &root).expect_err("no file").to_string();
    assert!(missing.starts_with("`no.toml` can't be read ("), "{missing}");
}
