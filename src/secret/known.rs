//! Files whose name says their format, read by that format: what of them is a secret, and in which line.

mod formats;

use super::Secret;
use formats::Format;

/// A file whose name says how it is read.
#[derive(Clone, Copy, Debug)]
pub struct KnownFile {
    format: Format,
}

/// Globs over absolute paths of the files that [`known_file`] may know, as `image::Wanted::reads` takes them.
pub const KNOWN_FILES: &[&str] = &[
    "**/.netrc",
    "**/_netrc",
    "**/.npmrc",
    "**/.yarnrc.yml",
    "**/.pypirc",
    "**/pip.conf",
    "**/.docker/config.json",
    "**/.dockercfg",
    "**/.dockerconfigjson",
    "**/auth.json",
    "**/.kube/config",
    "**/kubeconfig",
    "/etc/kubernetes/*.conf",
    "**/.aws/credentials",
    "**/.azure/*.json",
    "**/application_default_credentials.json",
    "**/gcloud/credentials.db",
    "**/terraform.tfstate",
    "**/terraform.tfstate.backup",
    "**/.terraformrc",
    "**/credentials.tfrc.json",
    "**/.git-credentials",
    "**/.git/config",
    "**/.pgpass",
    "**/.my.cnf",
    "/etc/mysql/debian.cnf",
    "**/wp-config.php",
    "**/config/master.key",
    "**/.vault-token",
    "**/.s3cfg",
    "**/.boto",
    "**/rclone.conf",
    "**/.gem/credentials",
    "**/.cargo/credentials",
    "**/.cargo/credentials.toml",
    "**/.m2/settings.xml",
    "**/.gradle/gradle.properties",
    "**/gh/hosts.yml",
    "**/.htpasswd",
    "**/.env",
    "**/.env.*",
    "**/*.env",
    "**/.*_history",
    "**/id_rsa",
    "**/id_dsa",
    "**/id_ecdsa",
    "**/id_ed25519",
    "**/*.ppk",
    "**/*.jks",
    "**/*.keystore",
    "**/*.p12",
    "**/*.pfx",
    "**/*.kdbx",
    "**/secring.gpg",
    "**/private-keys-v1.d/*",
];

/// What the file at a path is by its name, where its format is known.
#[must_use]
pub fn known_file(path: &str) -> Option<KnownFile> {
    let mut parts = path.rsplit('/');
    let name = parts.next()?;
    let parent = parts.next().unwrap_or("");
    Some(KnownFile { format: formats::of(parent, name)? })
}

impl KnownFile {
    /// The secrets in the file, each with its line, from 1. `bytes` may be cut.
    #[must_use]
    pub fn secrets(&self, bytes: &[u8]) -> Vec<(u64, Secret)> {
        self.format.secrets(bytes)
    }
}
