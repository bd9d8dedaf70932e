//! Where a repository really is: containers-registries.conf(5), version 2, and the mirrors of docker's `daemon.json`.

use std::path::Path;

use serde::Deserialize;

use super::options::Options;
use super::settings;
use crate::image::Error;

/// A place that may have a repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Site {
    /// Host and port.
    pub(super) host: String,
    /// The repository there.
    pub(super) repository: String,
    /// It may speak plain HTTP, or have any certificate.
    pub(super) insecure: bool,
    /// What may be asked there.
    pub(super) answers: Answers,
}

/// What a mirror may be asked for (`pull-from-mirror`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answers {
    #[default]
    All,
    DigestOnly,
    TagOnly,
}

/// The places of a repository: its mirrors in order, its origin last.
///
/// # Errors
/// A file that can't be read or understood, or a registry that the files block.
pub(super) fn sites(registry: &str, repository: &str, options: &Options) -> Result<Vec<Site>, Error> {
    let name = format!("{registry}/{repository}");
    let mut rule: Option<(usize, Rule, &Path)> = None;
    for path in &options.registries_files {
        let Some(text) = text_of(path)? else { continue };
        let file: Registries = toml::from_str(&text).map_err(|error| malformed(path, error.message()))?;
        for found in file.registry {
            let length = found.matches(&name);
            // Of two files that speak of one prefix, the later one holds.
            if length.is_some_and(|length| rule.as_ref().is_none_or(|(longest, ..)| length >= *longest)) {
                rule = length.map(|length| (length, found, path.as_path()));
            }
        }
    }
    let daemon = match &options.daemon_file {
        Some(path) => match text_of(path)? {
            Some(text) => serde_json::from_str(&text).map_err(|error| malformed(path, &error.to_string()))?,
            None => Daemon::default(),
        },
        None => Daemon::default(),
    };
    let insecure = |host: &str| is_named(host, &options.insecure) || is_named(host, &daemon.insecure);

    let mut sites = Vec::new();
    let mut origin = Site {
        host: registry.to_owned(),
        repository: repository.to_owned(),
        insecure: insecure(registry),
        answers: Answers::All,
    };
    if let Some((length, rule, path)) = rule {
        if rule.blocked {
            return Err(Error::new(
                name,
                format!("the registry is blocked by `{}`", path.display()),
                "take the image from elsewhere, or take `blocked` out of that file",
            ));
        }
        let rest = &name[length..];
        for mirror in &rule.mirror {
            let digest_only = rule.mirror_by_digest_only && mirror.pull_from_mirror == Answers::All;
            let answers = if digest_only { Answers::DigestOnly } else { mirror.pull_from_mirror };
            let site = site(&format!("{}{rest}", mirror.location), answers, path)?;
            sites.push(Site { insecure: mirror.insecure || insecure(&site.host), ..site });
        }
        if !rule.location.is_empty() {
            origin = site(&format!("{}{rest}", rule.location), Answers::All, path)?;
        }
        origin.insecure = rule.insecure || insecure(&origin.host);
    }
    if registry == "docker.io" && sites.is_empty() {
        for mirror in &daemon.mirrors {
            let host = mirror.strip_prefix("https://").or_else(|| mirror.strip_prefix("http://")).unwrap_or(mirror);
            let path = options.daemon_file.as_deref().unwrap_or(Path::new(""));
            let site = site(&format!("{}/{repository}", host.trim_end_matches('/')), Answers::All, path)?;
            // Whoever writes `http://` has decided.
            let plain = mirror.starts_with("http://");
            sites.push(Site { insecure: plain || insecure(&site.host), ..site });
        }
    }
    sites.push(origin);
    Ok(sites)
}

/// The registries that names without one are looked for at (`unqualified-search-registries`); none where no file says.
///
/// # Errors
/// A file that can't be read or understood.
pub fn unqualified(options: &Options) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for path in &options.registries_files {
        let Some(text) = text_of(path)? else { continue };
        let file: Registries = toml::from_str(&text).map_err(|error| malformed(path, error.message()))?;
        found = file.unqualified.unwrap_or(found);
    }
    Ok(found)
}

/// What is read of a registries.conf; what else is in it is for others.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Registries {
    registry: Vec<Rule>,
    #[serde(rename = "unqualified-search-registries")]
    unqualified: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Rule {
    prefix: String,
    location: String,
    insecure: bool,
    blocked: bool,
    mirror_by_digest_only: bool,
    mirror: Vec<Mirror>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Mirror {
    location: String,
    insecure: bool,
    pull_from_mirror: Answers,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Daemon {
    #[serde(rename = "registry-mirrors")]
    mirrors: Vec<String>,
    #[serde(rename = "insecure-registries")]
    insecure: Vec<String>,
}

impl Rule {
    /// How many bytes of a name the prefix stands for, where it holds.
    fn matches(&self, name: &str) -> Option<usize> {
        let prefix = if self.prefix.is_empty() { &self.location } else { &self.prefix };
        let host = name.split('/').next().unwrap_or(name);
        let length = match prefix.strip_prefix('*') {
            Some(end) if end.starts_with('.') && !end.contains('/') => {
                // `*.example.com` stands for the host without its port.
                let bare = host.split(':').next().unwrap_or(host);
                bare.ends_with(end).then_some(bare.len())
            }
            Some(_) => None,
            None => (!prefix.is_empty() && name.starts_with(prefix.as_str())).then_some(prefix.len()),
        }?;
        let boundary = name[length..].is_empty() || name[length..].starts_with(['/', ':']);
        boundary.then_some(length)
    }
}

fn site(place: &str, answers: Answers, path: &Path) -> Result<Site, Error> {
    match place.split_once('/') {
        Some((host, repository)) if !host.is_empty() && !repository.is_empty() => {
            Ok(Site { host: host.to_owned(), repository: repository.to_owned(), insecure: false, answers })
        }
        _ => Err(malformed(path, &format!("`{}` is no place of a repository", super::answer::shown(place)))),
    }
}

/// Whether a host is named, with its port or without.
fn is_named(host: &str, names: &[String]) -> bool {
    let bare = host.rsplit_once(':').map_or(host, |(bare, _)| bare);
    names.iter().any(|name| name == host || name == bare)
}

/// The text of a file with something in it: an empty one says nothing, and is no JSON.
fn text_of(path: &Path) -> Result<Option<String>, Error> {
    Ok(settings::text_of(path)?.filter(|text| !text.trim().is_empty()))
}

fn malformed(path: &Path, why: &str) -> Error {
    Error::new(path.display().to_string(), format!("the file is malformed: {why}"), "correct it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(conf: &str, daemon: &str, registry: &str, repository: &str) -> Result<Vec<String>, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let [registries, docker] = ["registries.conf", "daemon.json"].map(|name| folder.path().join(name));
        std::fs::write(&registries, conf).expect("written");
        std::fs::write(&docker, daemon).expect("written");
        let options = Options {
            registries_files: vec![folder.path().join("none"), registries],
            daemon_file: Some(docker),
            ..Options::default()
        };
        let sites = sites(registry, repository, &options)?;
        Ok(sites
            .into_iter()
            .map(|site| format!("{}/{}{}", site.host, site.repository, if site.insecure { " insecure" } else { "" }))
            .collect())
    }

    const CONF: &str = r#"
        unqualified-search-registries = ["docker.io"]
        [[registry]]
        prefix = "docker.io/library"
        location = "mirror.gcr.io/library"
        [[registry]]
        location = "docker.io"
        [[registry.mirror]]
        location = "one.example/hub"
        [[registry.mirror]]
        location = "two.example:5000"
        insecure = true
        [[registry]]
        prefix = "*.bad.example"
        blocked = true
        [[registry]]
        prefix = "*.good.example"
        location = "real.example/x"
        insecure = true
    "#;

    #[test]
    fn the_longest_prefix_holds() {
        let places = |registry, repository| places(CONF, "", registry, repository).expect("no error");
        assert_eq!(places("docker.io", "library/alpine"), ["mirror.gcr.io/library/alpine"]);
        assert_eq!(
            places("docker.io", "team/app"),
            ["one.example/hub/team/app", "two.example:5000/team/app insecure", "docker.io/team/app"]
        );
        assert_eq!(places("docker.io", "libraryx/app").len(), 3);
        assert_eq!(places("docker.io.evil.example", "team/app"), ["docker.io.evil.example/team/app"]);
        assert_eq!(places("a.good.example", "b"), ["real.example/x/b insecure"]);
        assert_eq!(places("good.example", "b"), ["good.example/b"]);
    }

    #[test]
    fn blocked_registries_are_refused() {
        let error = places(CONF, "", "a.bad.example", "b").expect_err("blocked");
        assert!(error.problem.contains("blocked by") && error.problem.contains("registries.conf"), "{error}");
    }

    #[test]
    fn docker_has_mirrors_of_its_hub_only() {
        let daemon = r#"{"registry-mirrors": ["https://m.example/", "http://p.example:81"], "insecure-registries": ["i.example:5000"]}"#;
        let of = |registry| places("", daemon, registry, "a/b").expect("no error");
        assert_eq!(of("docker.io"), ["m.example/a/b", "p.example:81/a/b insecure", "docker.io/a/b"]);
        assert_eq!(of("i.example:5000"), ["i.example:5000/a/b insecure"]);
        assert_eq!(of("i.example:5001"), ["i.example:5001/a/b"]);
    }

    #[test]
    fn malformed_files_are_named() {
        for conf in ["registry = 1", "[[registry]]\nlocation = \"h\"\n[[registry.mirror]]\n"] {
            let error = places(conf, "", "h", "a").expect_err(conf);
            assert!(error.place.ends_with("registries.conf"), "{error}");
        }
        let error = places("", "{", "h", "a").expect_err("half an object");
        assert!(error.place.ends_with("daemon.json"), "{error}");
    }

    #[test]
    fn the_machine_says_where_names_without_a_registry_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("registries.conf");
        std::fs::write(&file, CONF).expect("written");
        let options = Options { registries_files: vec![file], ..Options::default() };
        assert_eq!(unqualified(&options).expect("no error"), ["docker.io"]);
    }
}
