//! Files that hold secrets, told by their names.

use crate::diagnostic::Confidence;

/// What a file is by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileGuess {
    /// What it is, fit for a sentence: `a private SSH key`.
    pub what: &'static str,
    /// How sure the name makes us.
    pub confidence: Confidence,
}

/// What a file or folder is by its path, if it is one that holds secrets: `.env`, `id_rsa`, `.aws/credentials`.
#[must_use]
pub fn in_path(path: &str) -> Option<FileGuess> {
    let lower = path.to_lowercase().replace('\\', "/");
    if is_public_file(&lower) {
        return None;
    }
    let parts: Vec<&str> = lower.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    let name = *parts.last()?;
    let parent = parts.len().checked_sub(2).map_or("", |index| parts[index]);
    let mut guess = known_name(name, parent).or_else(|| by_ending(name))?;
    // Files for trying out are mostly made to be known.
    let for_show =
        ["example", "sample", "template", "test", "tests", "testdata", "fixtures", "dummy", "mock", "snakeoil"];
    if lower.split(['/', '.', '-', '_']).any(|word| for_show.contains(&word)) {
        if name.starts_with(".env") || name.ends_with(".env") {
            return None;
        }
        guess.confidence = Confidence::Low;
    }
    Some(guess)
}

/// Whether a file is made to be given away, whatever folder it is in: a public key, a list of hosts.
#[must_use]
pub fn is_public_file(path: &str) -> bool {
    path.ends_with(".pub") || path.ends_with("authorized_keys") || path.ends_with("known_hosts")
}

fn known_name(name: &str, parent: &str) -> Option<FileGuess> {
    let high = |what| Some(FileGuess { what, confidence: Confidence::High });
    let medium = |what| Some(FileGuess { what, confidence: Confidence::Medium });
    let low = |what| Some(FileGuess { what, confidence: Confidence::Low });
    match (parent, name) {
        (_, ".aws") | (".aws", "credentials") => high("a folder or file of AWS credentials"),
        (_, ".ssh") => high("a folder of SSH keys"),
        (_, ".gnupg") | (_, "secring.gpg") => high("OpenPGP private keys"),
        (_, ".kube") | (".kube", "config") | (_, "kubeconfig") => high("credentials for a Kubernetes cluster"),
        (".docker", "config.json") | (_, ".dockercfg" | ".dockerconfigjson") => {
            high("credentials for image registries")
        }
        (_, ".azure" | ".gcloud") | (".config", "gcloud") => high("credentials for a cloud"),
        (_, ".netrc" | "_netrc" | ".git-credentials" | ".pgpass" | ".my.cnf" | ".s3cfg" | ".boto") => {
            high("a file of passwords")
        }
        (_, ".pypirc") | (".cargo", "credentials" | "credentials.toml") | (".gem", "credentials") => {
            high("a token for publishing packages")
        }
        (_, ".npmrc") => low("npm's settings, which may hold registry tokens"),
        (_, ".vault-token") => high("a Vault token"),
        (_, ".htpasswd") => medium("a file of password hashes"),
        ("etc", "shadow") | ("etc", "gshadow") => high("a file of password hashes"),
        (_, "shadow") => medium("a file of password hashes"),
        (_, "application_default_credentials.json") => high("credentials for Google Cloud"),
        ("config", "master.key") => high("the master key of a Rails application"),
        (_, "terraform.tfstate" | "terraform.tfstate.backup") => {
            high("Terraform's state, which holds secrets in clear")
        }
        (_, "terraform.tfvars") => medium("Terraform's variables"),
        (_, ".env") => high("an environment file"),
        (_, "credentials.json" | "client_secret.json" | "keyfile.json" | "serviceaccount.json") => {
            medium("credentials")
        }
        (_, "secrets.yml" | "secrets.yaml" | "secrets.json" | "secrets.toml" | "secrets.env") => {
            medium("a file of secrets")
        }
        _ => None,
    }
}

fn by_ending(name: &str) -> Option<FileGuess> {
    let guess = |what, confidence| Some(FileGuess { what, confidence });
    if let Some(stem) = name.strip_suffix(".env") {
        // Anything may be called `name.env`; these words say what is in it.
        const REAL: [&str; 11] = [
            "prod",
            "production",
            "staging",
            "live",
            "local",
            "private",
            "secret",
            "secrets",
            "creds",
            "credentials",
            "passwords",
        ];
        let real = stem.split(['.', '-', '_']).any(|word| REAL.contains(&word));
        return if real { guess("an environment file", Confidence::Medium) } else { None };
    }
    if let Some(variant) = name.strip_prefix(".env.") {
        let harmless =
            ["example", "sample", "template", "dist", "defaults", "default", "schema", "tpl", "tmpl", "vault"];
        let real = !variant.split(['.', '-', '_']).any(|word| harmless.contains(&word));
        return if real { guess("an environment file", Confidence::Medium) } else { None };
    }
    if ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"].iter().any(|key| name.starts_with(key)) {
        return guess("a private SSH key", Confidence::High);
    }
    if name.starts_with("ssh_host_") && name.contains("_key") {
        return guess("an SSH server's private key", Confidence::High);
    }
    if name.ends_with(".json")
        && [
            "service-account",
            "service_account",
            "serviceaccount",
            "firebase-adminsdk",
            "client_secret",
            "gcp-key",
            "gcloud-key",
        ]
        .iter()
        .any(|part| name.contains(part))
    {
        return guess("a service account's key", Confidence::Medium);
    }
    let (stem, ending) = name.rsplit_once('.')?;
    match ending {
        "p12" | "pfx" | "jks" | "keystore" => {
            // A trust store holds other people's certificates, and Android's debug key is the same everywhere.
            let known = ["trust", "cacerts", "debug"].iter().any(|part| stem.contains(part));
            if known { None } else { guess("a key store", Confidence::Medium) }
        }
        "kdbx" => guess("a password database", Confidence::High),
        "ppk" => guess("a private SSH key", Confidence::High),
        "ovpn" => guess("a VPN profile, which holds a key", Confidence::Medium),
        "tfvars" => guess("Terraform's variables", Confidence::Low),
        "pem" | "key" => guess("a private key", private_key(stem, ending)?),
        _ => None,
    }
}

/// How surely `stem.pem` or `stem.key` is a private key; `None` where the name says certificate or public key, as
/// package repositories call theirs.
fn private_key(stem: &str, ending: &str) -> Option<Confidence> {
    const PUBLIC: [&str; 18] = [
        "ca",
        "dh",
        "root",
        "rootca",
        "gpg",
        "pgp",
        "apt",
        "repo",
        "repository",
        "archive",
        "release",
        "signing",
        "keyring",
        "rpm",
        "yum",
        "deb",
        "rootfs",
        "rds",
    ];
    const PRIVATE: [&str; 12] =
        ["server", "tls", "ssl", "client", "host", "domain", "nginx", "apache", "localhost", "rsa", "ec", "jwt"];
    let has = |list: &[&str]| stem.split(['.', '-', '_', '*']).any(|word| list.contains(&word));
    let contains = |parts: &[&str]| parts.iter().any(|part| stem.contains(part));
    if contains(&["pub"]) {
        return None;
    }
    if contains(&["priv"]) || ending == "pem" && contains(&["key"]) {
        return Some(Confidence::Medium);
    }
    if contains(&["cert", "crt", "chain", "bundle", "dhparam", "trust"]) || has(&PUBLIC) {
        return None;
    }
    Some(if has(&PRIVATE) { Confidence::Medium } else { Confidence::Low })
}
