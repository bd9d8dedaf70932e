//! Which files a search takes, skips and complains about.

use std::fs;
use std::path::{Path, PathBuf};

use harden::discover::{Discovery, Error, Why, discover};

/// A folder with these files; a name that ends in `/` is a folder, the text is that of each file.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a writable folder");
        fs::write(path, text).expect("a writable file");
    }
    folder
}

fn files(found: &Discovery, root: &Path) -> Vec<String> {
    found.files.iter().map(|file| relative(&file.path, root)).collect()
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

#[test]
fn a_folder_gives_its_dockerfiles_sorted_and_counts_what_only_looks_like_one() {
    let folder = folder(&[
        ("web/Dockerfile", "FROM a"),
        ("web/Dockerfile.dev", "FROM a"),
        ("web/Dockerfile.dockerignore", "*"),
        ("web/.dockerignore", "*"),
        ("api/api.DOCKERFILE", "FROM a"),
        ("api/Dockerfile.j2", "FROM {{ a }}"),
        ("api/web.Dockerfile.tmpl", "FROM {{ .A }}"),
        ("Containerfile.el9", "FROM a"),
        (".devcontainer/dockerfile", "FROM a"),
        (".git/Dockerfile", "FROM a"),
        ("src/dockerfile.go", "package docker\n"),
        ("src/Dockerfile.go", "# build\n\nFROM golang\n"),
        ("ignored/Dockerfile", "FROM a"),
        (".gitignore", "ignored/\n"),
        ("README.md", "# Dockerfile"),
    ]);
    let root = folder.path();
    let found = discover(&[root.to_owned()]);
    assert_eq!(
        files(&found, root),
        [
            ".devcontainer/dockerfile",
            "Containerfile.el9",
            "api/api.DOCKERFILE",
            "src/Dockerfile.go",
            "web/Dockerfile",
            "web/Dockerfile.dev",
        ]
    );
    let skipped: Vec<(String, Why)> =
        found.skipped.iter().map(|skipped| (relative(&skipped.path, root), skipped.why)).collect();
    assert_eq!(
        skipped,
        [
            ("api/Dockerfile.j2".to_owned(), Why::Template),
            ("api/web.Dockerfile.tmpl".to_owned(), Why::Template),
            ("src/dockerfile.go".to_owned(), Why::OtherLanguage),
            ("web/Dockerfile.dockerignore".to_owned(), Why::IgnoreFile),
        ]
    );
    assert!(found.errors.is_empty(), "{:?}", found.errors);
    assert!(found.foreign.is_empty(), "{:?}", found.foreign);
}

#[test]
fn a_named_file_is_taken_whatever_it_is_called_and_once() {
    let folder = folder(&[("build.j2", "FROM a"), ("web/Dockerfile", "FROM a"), ("web/.gitignore", "Dockerfile\n")]);
    let root = folder.path();
    let named = [root.join("web/Dockerfile"), root.join("web"), root.join("build.j2"), root.join("web/./Dockerfile")];
    let found = discover(&named);
    assert_eq!(files(&found, root), ["web/Dockerfile", "build.j2"]);
    assert!(found.files.iter().all(|file| file.named));
}

#[test]
fn gitignore_of_the_folders_above_holds_inside_a_repository_and_outside() {
    let folder = folder(&[(".gitignore", "*.old\n"), ("a/Dockerfile.old", "FROM a"), ("a/Dockerfile", "FROM a")]);
    assert_eq!(files(&discover(&[folder.path().join("a")]), folder.path()), ["a/Dockerfile"]);
    fs::create_dir(folder.path().join(".git")).expect("a writable folder");
    assert_eq!(files(&discover(&[folder.path().join("a")]), folder.path()), ["a/Dockerfile"]);
}

#[test]
fn a_missing_path_is_an_error_that_names_the_nearest_one() {
    let folder = folder(&[("web/Dockerfile", "FROM a")]);
    let found = discover(&[folder.path().join("web/Dockerfil"), folder.path().join("elsewhere")]);
    let near = folder.path().join("web/Dockerfile");
    assert!(
        matches!(&found.errors[0], Error::Missing { similar: Some(path), .. } if *path == near),
        "{:?}",
        found.errors
    );
    assert!(matches!(&found.errors[1], Error::Missing { similar: None, .. }), "{:?}", found.errors);
    assert_eq!(found.errors.len(), 2);
    assert!(found.files.is_empty());
}

#[test]
fn the_configuration_of_other_linters_is_seen_beside_what_is_searched() {
    let folder = folder(&[(".hadolint.yaml", "ignored: []"), ("trivy.yaml", ""), ("Dockerfile", "FROM a")]);
    for named in [folder.path().to_owned(), folder.path().join("Dockerfile")] {
        let found = discover(&[named]);
        let names: Vec<String> = found.foreign.iter().map(|path| relative(path, folder.path())).collect();
        assert_eq!(names, [".hadolint.yaml", "trivy.yaml"]);
    }
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_is_followed_inside_the_folder_only_and_no_file_is_found_twice() {
        let outside = folder(&[("secrets", "TOKEN=1")]);
        let folder = folder(&[("Dockerfile", "FROM a"), ("docker/base", "FROM a")]);
        let root = folder.path();
        symlink("Dockerfile", root.join("Dockerfile.same")).expect("a link");
        symlink("docker/base", root.join("Dockerfile.base")).expect("a link");
        symlink(outside.path().join("secrets"), root.join("Dockerfile.out")).expect("a link");
        symlink(root, root.join("again")).expect("a link");
        let found = discover(&[root.to_owned()]);
        assert_eq!(files(&found, root), ["Dockerfile", "Dockerfile.base"]);
        let skipped: Vec<(String, Why)> =
            found.skipped.iter().map(|skipped| (relative(&skipped.path, root), skipped.why)).collect();
        assert_eq!(skipped, [("Dockerfile.out".to_owned(), Why::OutwardLink)]);
        assert!(found.errors.is_empty(), "{:?}", found.errors);
    }

    #[test]
    fn a_link_to_a_folder_is_searched_when_it_is_named() {
        let folder = folder(&[("real/Dockerfile", "FROM a"), ("real/x/Dockerfile", "FROM a")]);
        let root = folder.path();
        symlink("real", root.join("link")).expect("a link");
        assert_eq!(files(&discover(&[root.join("link")]), root), ["link/Dockerfile", "link/x/Dockerfile"]);
        assert_eq!(files(&discover(&[root.to_owned()]), root), ["real/Dockerfile", "real/x/Dockerfile"]);
    }

    #[test]
    fn links_in_a_circle_are_errors_and_cost_nothing_else() {
        let folder = folder(&[("a/Dockerfile", "FROM a")]);
        let root = folder.path();
        symlink("Dockerfile.two", root.join("Dockerfile.one")).expect("a link");
        symlink("Dockerfile.one", root.join("Dockerfile.two")).expect("a link");
        for named in [root.to_owned(), root.join("Dockerfile.one")] {
            let found = discover(&[named, root.join("a")]);
            assert_eq!(files(&found, root), ["a/Dockerfile"]);
            let broken: Vec<PathBuf> = found
                .errors
                .iter()
                .map(|error| match error {
                    Error::Link { path, .. } => path.clone(),
                    other => panic!("{other}"),
                })
                .collect();
            assert!(broken.contains(&root.join("Dockerfile.one")), "{broken:?}");
        }
    }
}
