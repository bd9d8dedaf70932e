//! What a caller may say about registries, and what the machine's own files say where the caller says nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Runs a credential helper, `docker-credential-X get`, for a server, and gives the user and the password it knows. The
/// user `<token>` means that the password is an identity token. Processes start outside of this room.
pub type Helper = fn(program: &str, server: &str) -> Result<(String, String), String>;

/// Is told what goes on.
pub type Listener = dyn Fn(Progress<'_>) + Send + Sync;

/// How registries are reached. [`Options::default`] knows no file of the machine; [`Options::from_environment`] does.
#[derive(Clone, Default)]
pub struct Options {
    /// Authentication files, containers-auth.json(5) or docker's `config.json`, the first one first.
    pub auth_files: Vec<PathBuf>,
    /// The user named the authentication file, so a missing one is an error.
    pub auth_required: bool,
    /// User and password for the registry that is asked for, in place of what the files say. Mirrors don't get them.
    pub login: Option<(String, String)>,
    /// Runs credential helpers; without it they are not asked.
    pub helper: Option<Helper>,
    /// Hosts (`host`, or `host:port`) that may speak plain HTTP or have any certificate. Loopback may speak plain HTTP
    /// anyway.
    pub insecure: Vec<String>,
    /// Files of PEM certificates that are trusted besides the machine's, such as that of `SSL_CERT_FILE`.
    pub ca_files: Vec<PathBuf>,
    /// Folders that hold certificates by host, `HOST[:PORT]/*.crt` (containers-certs.d(5)).
    pub certificate_folders: Vec<PathBuf>,
    /// registries.conf files, version 2 (containers-registries.conf(5)); what a later one says of a prefix holds.
    pub registries_files: Vec<PathBuf>,
    /// Docker's `daemon.json`, for its `registry-mirrors` and `insecure-registries`.
    pub daemon_file: Option<PathBuf>,
    /// How long and how often is tried.
    pub patience: Patience,
    /// Bytes of a manifest, an index or a list of tags: [`crate::image::Limits::document_bytes`], 4 MiB where `None`.
    pub document_bytes: Option<u64>,
    /// Is told what goes on. It may be called from any thread that reads.
    pub progress: Option<Arc<Listener>>,
}

/// How long and how often is tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patience {
    /// How often a request is made again after a failure that may pass.
    pub retries: u32,
    /// The pause before the second try; each later one is twice as long.
    pub pause: Duration,
    /// The longest single wait, whatever `Retry-After` asks for; a registry that asks for more ends the try.
    pub longest_wait: Duration,
    /// How long a connection may take, TLS included.
    pub connect: Duration,
    /// How long the first bytes of an answer, and each next piece of it, may take.
    pub read: Duration,
    /// How long a whole document may take; and for how long a blob may come with fewer than 64 KiB.
    pub document: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            retries: 4,
            pause: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
            connect: Duration::from_secs(15),
            read: Duration::from_secs(30),
            document: Duration::from_secs(60),
        }
    }
}

/// What goes on, for whom it may concern.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// A request is made again after a pause.
    Waiting {
        /// Host and port that is waited for.
        host: &'a str,
        /// How long.
        pause: Duration,
        /// What was wrong.
        why: &'a str,
    },
    /// A mirror failed, and the next host is asked.
    Mirror {
        /// Host and port of the mirror.
        host: &'a str,
        /// What was wrong.
        why: &'a str,
    },
    /// More of a blob is there.
    Blob {
        /// Its digest.
        digest: &'a str,
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        size: u64,
    },
}

impl Options {
    /// Everything as docker, podman and skopeo have it by default: their authentication files, certificates and mirrors,
    /// by the environment variables `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG`, `XDG_RUNTIME_DIR`, `XDG_CONFIG_HOME`, `HOME`
    /// (`USERPROFILE`), `CONTAINERS_REGISTRIES_CONF` and `SSL_CERT_FILE`.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::from_variables(&|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
    }

    /// As [`Options::from_environment`], with variables that a function knows.
    #[must_use]
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<PathBuf>) -> Self {
        let home = variable("HOME").or_else(|| variable("USERPROFILE"));
        let in_home = |path: &str| home.as_ref().map(|home| home.join(path));
        let config = variable("XDG_CONFIG_HOME").or_else(|| in_home(".config"));
        let in_config = |path: &str| config.as_ref().map(|config| config.join(path));
        let etc = Path::new("/etc");

        let named = variable("REGISTRY_AUTH_FILE");
        let auth_required = named.is_some();
        let auth_files = match named {
            // Whoever names a file wants that one and no other.
            Some(file) => vec![file],
            None => {
                let runtime = variable("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json"));
                let docker = variable("DOCKER_CONFIG").or_else(|| in_home(".docker"));
                [runtime, in_config("containers/auth.json"), docker.map(|folder| folder.join("config.json"))]
                    .into_iter()
                    .flatten()
                    .collect()
            }
        };
        let registries_files = match variable("CONTAINERS_REGISTRIES_CONF") {
            Some(file) => vec![file],
            None => {
                // The user's file takes the place of the machine's; what lies in the folders is added to either.
                let own = in_config("containers/registries.conf").filter(|file| file.is_file());
                let mut files = vec![own.unwrap_or_else(|| etc.join("containers/registries.conf"))];
                files.extend(parts_in(&etc.join("containers/registries.conf.d")));
                files.extend(in_config("containers/registries.conf.d").iter().flat_map(|folder| parts_in(folder)));
                files
            }
        };
        let certificates = [
            in_config("containers/certs.d"),
            Some(etc.join("containers/certs.d")),
            in_config("docker/certs.d"),
            Some(etc.join("docker/certs.d")),
        ];
        Self {
            auth_files,
            auth_required,
            ca_files: variable("SSL_CERT_FILE").into_iter().collect(),
            certificate_folders: certificates.into_iter().flatten().collect(),
            registries_files,
            daemon_file: Some(etc.join("docker/daemon.json")),
            ..Self::default()
        }
    }

    pub(super) fn document_bytes(&self) -> u64 {
        self.document_bytes.unwrap_or_else(|| crate::image::Limits::default().document_bytes)
    }

    pub(super) fn tell(&self, progress: Progress<'_>) {
        if let Some(listener) = &self.progress {
            listener(progress);
        }
    }
}

/// The `*.conf` files of a folder, by name.
fn parts_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "conf")).collect();
    files.sort();
    files
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The password stays out of every log.
        f.debug_struct("Options")
            .field("auth_files", &self.auth_files)
            .field("login", &self.login.as_ref().map(|(user, _)| user))
            .field("insecure", &self.insecure)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
