//! Who we are at a registry: containers-auth.json(5), docker's `config.json`, and the credential helpers that both name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::options::Options;
use super::settings;
use crate::image::Error;

/// Who we are at one registry.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) enum Identity {
    /// Nobody.
    #[default]
    Anonymous,
    /// User and password.
    Password(String, String),
    /// An identity token, which is exchanged for others (OAuth 2 refresh token).
    Refresh(String),
    /// A token that is shown as it is.
    Bearer(String),
}

/// The identity that the files give for a repository; [`Identity::Anonymous`] where none does. The most specific key
/// holds: `host/namespace/name`, `host/namespace`, `host`; the first file that has one ends the search.
///
/// # Errors
/// A file that can't be read or understood, or a helper that fails.
pub(super) fn find(registry: &str, repository: &str, options: &Options) -> Result<Identity, Error> {
    for path in &options.auth_files {
        let Some(file) = read(path, options.auth_required)? else { continue };
        if let Some(identity) = in_file(path, &file, registry, repository, options)? {
            return Ok(identity);
        }
    }
    Ok(Identity::Anonymous)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct File {
    auths: BTreeMap<String, Entry>,
    #[serde(rename = "credsStore")]
    store: String,
    #[serde(rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn read(path: &Path, required: bool) -> Result<Option<File>, Error> {
    let wrong = |problem: String, remedy: &str| Error::new(path.display().to_string(), problem, remedy);
    let text = match settings::text_of(path)? {
        Some(text) if text.trim().is_empty() => return Ok(None),
        Some(text) => text,
        None if !required => return Ok(None),
        None => {
            return Err(wrong(
                "there is no such authentication file".to_owned(),
                "write it with `docker login` or `podman login`, or name another one with REGISTRY_AUTH_FILE",
            ));
        }
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        // serde_json may quote a value, and a value here may be a password: only the position is told.
        wrong(
            format!("the authentication file is malformed at line {}, column {}", error.line(), error.column()),
            "correct it, or write it anew with `docker login` or `podman login`",
        )
    })
}

fn in_file(
    path: &Path,
    file: &File,
    registry: &str,
    repository: &str,
    options: &Options,
) -> Result<Option<Identity>, Error> {
    let asked = |program: &str| ask(path, program, registry, options);
    for key in keys(registry, repository) {
        if let Some((_, program)) = file.helpers.iter().find(|(name, _)| normal(name) == key)
            && let Some(identity) = asked(program)?
        {
            return Ok(Some(identity));
        }
        let entry = file.auths.get(&key).map(|entry| (&key, entry));
        let entry = entry.or_else(|| file.auths.iter().find(|(name, _)| normal(name) == key));
        if let Some((name, entry)) = entry
            && let Some(identity) = entry.identity(path, name)?
        {
            return Ok(Some(identity));
        }
    }
    // With a store, docker leaves the entries empty; what is in them by hand was more specific.
    if file.store.is_empty() { Ok(None) } else { asked(&file.store) }
}

impl Entry {
    fn identity(&self, path: &Path, name: &str) -> Result<Option<Identity>, Error> {
        if !self.identitytoken.is_empty() {
            return Ok(Some(Identity::Refresh(self.identitytoken.clone())));
        }
        if !self.registrytoken.is_empty() {
            return Ok(Some(Identity::Bearer(self.registrytoken.clone())));
        }
        if self.auth.is_empty() {
            let given = !self.username.is_empty() && !self.password.is_empty();
            return Ok(given.then(|| Identity::Password(self.username.clone(), self.password.clone())));
        }
        let plain = BASE64.decode(self.auth.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        // Docker pads what it writes with NUL.
        let plain = plain.as_deref().map(|plain| plain.trim_end_matches('\0'));
        match plain.and_then(|plain| plain.split_once(':')) {
            Some((user, password)) => Ok(Some(Identity::Password(user.to_owned(), password.to_owned()))),
            None => Err(Error::new(
                path.display().to_string(),
                format!("`auth` of `{}` is no base64 of `user:password`", super::answer::shown(name)),
                "log in anew with `docker login` or `podman login`",
            )),
        }
    }
}

/// Asks a helper; `None` where it knows nothing, or where nobody may ask it.
fn ask(path: &Path, name: &str, registry: &str, options: &Options) -> Result<Option<Identity>, Error> {
    let Some(helper) = options.helper else { return Ok(None) };
    let wrong = |problem: String| {
        Error::new(path.display().to_string(), problem, "install or repair the helper, or take it out of the file")
    };
    // The name becomes part of a program's name, so it may not lead elsewhere.
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err(wrong(format!("`{}` is no name of a credential helper", super::answer::shown(name))));
    }
    let server = if registry == "docker.io" { "https://index.docker.io/v1/" } else { registry };
    match helper(&format!("docker-credential-{name}"), server) {
        Ok((user, token)) if user == "<token>" => Ok(Some(Identity::Refresh(token))),
        Ok((user, password)) => Ok(Some(Identity::Password(user, password))),
        // The words are part of the helpers' protocol.
        Err(why) if why.contains("credentials not found") => Ok(None),
        Err(why) => Err(wrong(format!("docker-credential-{name} failed: {}", super::answer::shown(&why)))),
    }
}

/// The keys that hold for a repository, the most specific first.
fn keys(registry: &str, repository: &str) -> impl Iterator<Item = String> {
    let mut rest = Some(format!("{registry}/{repository}"));
    std::iter::from_fn(move || {
        let key = rest.take()?;
        rest = key.rsplit_once('/').map(|(shorter, _)| shorter.to_owned());
        Some(key)
    })
}

/// A key as it is compared: without scheme and API version, with one name for Docker Hub.
fn normal(key: &str) -> String {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key).trim_end_matches('/');
    let key = key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key);
    match key.split_once('/').unwrap_or((key, "")) {
        ("index.docker.io" | "registry-1.docker.io", "") => "docker.io".to_owned(),
        ("index.docker.io" | "registry-1.docker.io", path) => format!("docker.io/{path}"),
        _ => key.to_owned(),
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Passwords and tokens stay out of every log.
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Password(..) => "Password",
            Self::Refresh(_) => "Refresh",
            Self::Bearer(_) => "Bearer",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::registry::Helper;

    fn found(json: &str, registry: &str, repository: &str) -> Result<Identity, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("auth.json");
        std::fs::write(&file, json).expect("written");
        let helper: Helper = |program, server| match (program, server) {
            ("docker-credential-one", _) => Ok(("one".to_owned(), server.to_owned())),
            ("docker-credential-two", _) => Ok(("<token>".to_owned(), "t".to_owned())),
            ("docker-credential-none", _) => Err("credentials not found in native keychain".to_owned()),
            _ => Err("no such program".to_owned()),
        };
        let options =
            Options { auth_files: vec![folder.path().join("none"), file], helper: Some(helper), ..Options::default() };
        find(registry, repository, &options)
    }

    fn user(json: &str, registry: &str, repository: &str) -> String {
        match found(json, registry, repository).expect("no error") {
            Identity::Password(user, password) => format!("{user}:{password}"),
            Identity::Refresh(token) => format!("refresh {token}"),
            Identity::Bearer(token) => format!("bearer {token}"),
            Identity::Anonymous => "anonymous".to_owned(),
        }
    }

    #[test]
    fn the_most_specific_key_holds() {
        // `a:1`, `b:2` and `c:3`.
        let json = r#"{"auths": {"r.example": {"auth": "YToxCg=="}, "r.example/team": {"auth": "Yjoy"},
            "r.example/team/app": {"auth": "Yzoz"}}}"#;
        assert_eq!(user(json, "r.example", "team/app"), "c:3");
        assert_eq!(user(json, "r.example", "team/other"), "b:2");
        assert_eq!(user(json, "r.example", "teamwork/app"), "a:1\n");
        assert_eq!(user(json, "r.example.org", "team/app"), "anonymous");
        assert_eq!(user(json, "r.example:5000", "team/app"), "anonymous");
    }

    #[test]
    fn keys_of_docker_are_understood() {
        let json = r#"{"auths": {"https://index.docker.io/v1/": {"auth": "Yjoy"}, "https://r.example/v2/": {"identitytoken": "i"}}}"#;
        assert_eq!(user(json, "docker.io", "library/alpine"), "b:2");
        assert_eq!(user(json, "r.example", "x"), "refresh i");
        assert_eq!(user(r#"{"auths": {"h": {"username": "u", "password": "p:q"}}}"#, "h", "x"), "u:p:q");
        assert_eq!(user(r#"{"auths": {"h": {}}, "other": 1}"#, "h", "x"), "anonymous");
        assert_eq!(user("  \n", "h", "x"), "anonymous");
    }

    #[test]
    fn helpers_are_asked() {
        let json = r#"{"credsStore": "two", "credHelpers": {"r.example": "one", "n.example": "none"}}"#;
        assert_eq!(user(json, "r.example", "x"), "one:r.example");
        assert_eq!(user(json, "n.example", "x"), "refresh t");
        assert_eq!(user(r#"{"credsStore": "one"}"#, "docker.io", "x"), "one:https://index.docker.io/v1/");
        assert_eq!(user(r#"{"credsStore": "none"}"#, "docker.io", "x"), "anonymous");
        let error = found(r#"{"credsStore": "broken"}"#, "h", "x").expect_err("a helper that fails");
        assert!(error.to_string().contains("docker-credential-broken failed: no such program"), "{error}");
        let error = found(r#"{"credsStore": "../sh"}"#, "h", "x").expect_err("a name that leads elsewhere");
        assert!(error.to_string().contains("no name of a credential helper"), "{error}");
    }

    #[test]
    fn malformed_files_are_named_and_not_quoted() {
        for json in [
            "{",
            "7",
            r#"{"auths": {"h": {"auth": 12}}}"#,
            r#"{"auths": {"h": {"auth": "s3cret!"}}}"#,
            r#"{"auths": "s3cret"}"#,
        ] {
            let error = found(json, "h", "x").expect_err(json).to_string();
            assert!(error.contains("auth.json") && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let options =
            Options { auth_files: vec!["/nowhere/auth.json".into()], auth_required: true, ..Options::default() };
        let error = find("h", "x", &options).expect_err("a missing file");
        assert!(error.to_string().contains("/nowhere/auth.json"), "{error}");
    }
}
