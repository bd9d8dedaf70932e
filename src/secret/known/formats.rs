//! The formats of files that hold secrets, by the manuals of the programs that read them.

use crate::diagnostic::Confidence::{High, Low, Medium};
use crate::secret::{Secret, as_password, in_assignment, in_text};
use crate::secret::{file, is_placeholder};

/// How a file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    /// `name = value` or `name: value` a line, and names whose value is a secret besides those that say so.
    Lines(&'static [&'static str]),
    /// `"name": "value"` anywhere, and names as above.
    Json(&'static [&'static str]),
    /// `<password>value</password>`.
    Xml,
    /// npm's settings: `//registry/:_authToken=value`.
    Npm,
    /// netrc(5): `machine … login … password …`.
    Netrc,
    /// PostgreSQL's password file: `host:port:database:user:password`.
    Pgpass,
    /// `define('NAME', 'value');`.
    Php,
    /// Known forms and credentials in URLs only.
    Text,
    /// git's settings: URLs, and headers that carry a credential.
    Git,
    /// Commands, a line each.
    History,
    /// The whole text is the secret.
    Whole(&'static str),
    /// Names and password hashes.
    Htpasswd,
    /// Terraform's state, which has every attribute in clear.
    Terraform,
    /// A private key of OpenSSH, OpenSSL or PuTTY.
    Key,
    /// A Java key store or PKCS#12.
    Store,
    /// A password database of KeePass.
    Keepass,
    /// An OpenPGP secret key ring.
    SecretRing,
    /// A private key of GnuPG's agent.
    Agent,
    /// An SQLite database of credentials.
    Sqlite(&'static str),
}

/// The format by the names of a file and its folder.
pub(super) fn of(parent: &str, name: &str) -> Option<Format> {
    use Format::*;
    const AUTH: &[&str] = &["auth", "identitytoken", "registrytoken", "password"];
    Some(match (parent, name) {
        (_, ".netrc" | "_netrc") => Netrc,
        (_, ".npmrc") => Npm,
        (_, ".pypirc" | ".my.cnf" | "debian.cnf") => Lines(&["password"]),
        (_, "pip.conf" | ".git-credentials") => Text,
        (".docker", "config.json") | (_, ".dockercfg" | ".dockerconfigjson" | "auth.json") => Json(AUTH),
        (".kube", "config") | (_, "kubeconfig") => Lines(&["client-key-data", "password"]),
        ("kubernetes", conf) if conf.ends_with(".conf") => Lines(&["client-key-data"]),
        (".azure", json) if json.ends_with(".json") => Json(&["secret"]),
        ("gcloud", "credentials.db") => Sqlite("credentials for Google Cloud"),
        (_, "terraform.tfstate" | "terraform.tfstate.backup") => Terraform,
        (_, "application_default_credentials.json" | "credentials.tfrc.json") => Json(&[]),
        (".git", "config") => Git,
        (_, ".pgpass") => Pgpass,
        (_, "wp-config.php") => Php,
        ("config", "master.key") => Whole("master key of a Rails application"),
        (_, ".vault-token") => Whole("Vault token"),
        (_, "rclone.conf") => Lines(&["pass"]),
        (".m2", "settings.xml") => Xml,
        (".gradle", "gradle.properties") | ("gh", "hosts.yml") | (_, ".yarnrc.yml" | ".s3cfg" | ".boto") => Lines(&[]),
        (".aws" | ".gem", "credentials") | (".cargo", "credentials" | "credentials.toml") => Lines(&[]),
        (_, ".terraformrc") => Lines(&[]),
        (_, ".htpasswd") => Htpasswd,
        (_, "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519") => Key,
        (_, "secring.gpg") => SecretRing,
        ("private-keys-v1.d", key) if key.ends_with(".key") => Agent,
        (_, history) if history.starts_with('.') && history.ends_with("_history") => History,
        _ => return by_ending(name),
    })
}

fn by_ending(name: &str) -> Option<Format> {
    let is_env = name == ".env" || name.starts_with(".env.") || name.ends_with(".env");
    if is_env {
        // Those that are made to be filled in are told by their name.
        let written = name == ".env" || name.ends_with(".env") || file::in_path(name).is_some();
        return written.then_some(Format::Lines(&[]));
    }
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending {
        "ppk" => Format::Key,
        // A trust store holds no key, and Android's debug key is the same everywhere.
        "jks" | "keystore" | "p12" | "pfx" if file::in_path(name).is_some() => Format::Store,
        "kdbx" => Format::Keepass,
        _ => return None,
    })
}

/// Secrets of one file that are looked for; a file with more is as bad.
const MOST: usize = 50;

impl Format {
    pub(super) fn secrets(self, bytes: &[u8]) -> Vec<(u64, Secret)> {
        let text = String::from_utf8_lossy(bytes);
        let lines = || (1..).zip(text.lines()).filter(|(_, line)| line.len() <= 16 << 10);
        let whole = |secret: Option<Secret>| secret.map(|secret| (1, secret)).into_iter().collect();
        let mut found: Vec<(u64, Secret)> = match self {
            Self::Lines(names) => {
                lines().flat_map(|(number, line)| in_line(line, names).map(move |secret| (number, secret))).collect()
            }
            Self::Json(names) => {
                quoted_pairs(&text).filter_map(|(at, name, value)| Some((at, named(name, value, names)?))).collect()
            }
            Self::Xml => between(&text, "<password>", "</password>"),
            Self::Npm => lines().filter_map(|(number, line)| Some((number, npm(line)?))).collect(),
            Self::Netrc => netrc(&text),
            Self::Pgpass => lines().filter_map(|(number, line)| Some((number, pgpass(line)?))).collect(),
            Self::Php => lines().filter_map(|(number, line)| Some((number, php(line)?))).collect(),
            Self::Text => in_lines(&text),
            Self::Git => {
                let headers = lines().filter_map(|(number, line)| Some((number, git_header(line)?)));
                in_lines(&text).into_iter().chain(headers).collect()
            }
            Self::History => {
                lines().flat_map(|(number, line)| in_command(line).map(move |secret| (number, secret))).collect()
            }
            Self::Whole(kind) => {
                let text = text.trim();
                let random = text.len() >= 16 && !text.contains(char::is_whitespace) && !is_placeholder(text);
                whole(random.then(|| Secret::hidden(kind, High, text)))
            }
            Self::Htpasswd => {
                let hash = |line: &str| {
                    let (name, hash) = line.split_once(':')?;
                    let hashed = !name.starts_with('#') && hash.len() >= 13;
                    hashed.then(|| Secret::hidden("password hash", Medium, hash))
                };
                lines().filter_map(|(number, line)| Some((number, hash(line)?))).collect()
            }
            Self::Terraform => terraform(&text),
            Self::Key => whole(private_key(&text)),
            Self::Store => whole(store(bytes)),
            Self::Keepass => {
                let is_one = bytes.starts_with(&[0x03, 0xD9, 0xA2, 0x9A]);
                whole(is_one.then(|| Secret::whole("encrypted password database", High)))
            }
            Self::SecretRing => {
                // Tag 5, a secret key packet, in the old or the new form (RFC 4880 §4.2, §5.5.1.3).
                let is_one = bytes.first().is_some_and(|byte| matches!(byte, 0x94..=0x97 | 0xC5));
                whole(is_one.then(|| Secret::whole("OpenPGP private key", High)))
            }
            Self::Agent => whole(agent_key(&text)),
            Self::Sqlite(kind) => {
                let is_one = bytes.starts_with(b"SQLite format 3\0") && bytes.len() > 8192;
                whole(is_one.then(|| Secret::whole(kind, Medium)))
            }
        };
        found.sort_by_key(|(line, _)| *line);
        found.dedup();
        found.truncate(MOST);
        found
    }
}

/// Known forms anywhere in the text, with their lines.
fn in_lines(text: &str) -> Vec<(u64, Secret)> {
    let found = in_text(text).into_iter().take(MOST);
    found.map(|(range, secret)| (line_of(text, range.start), secret)).collect()
}

fn line_of(text: &str, at: usize) -> u64 {
    1 + text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The value of a name that asks for a secret, or is one of `names`.
fn named(name: &str, value: &str, names: &[&str]) -> Option<Secret> {
    if names.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return as_password(value);
    }
    in_assignment(name, value)
}

/// `name = value`, `export name=value`, `name: value`, `:name: value`.
fn in_line(line: &str, names: &[&str]) -> Option<Secret> {
    let line = line.trim().trim_start_matches("- ").trim_start_matches(':');
    let line = line.strip_prefix("export ").unwrap_or(line);
    if line.starts_with(['#', ';', '[', '<']) || line.starts_with("//") {
        return None;
    }
    let (name, value) = line.split_at(line.find(['=', ':'])?);
    let name = name.trim().trim_matches(['"', '\'']);
    let value = value[1..].trim().trim_end_matches(',');
    // Behind a value without quotes a comment may stand.
    let value = if value.starts_with(['"', '\'']) { value } else { value.split(" #").next().unwrap_or("").trim() };
    if name.is_empty() || name.contains(char::is_whitespace) { None } else { named(name, value, names) }
}

/// Every `"name": "value"` of a JSON text, with the line of the name.
fn quoted_pairs(text: &str) -> impl Iterator<Item = (u64, &str, &str)> {
    let bytes = text.as_bytes();
    let (mut at, mut line, mut counted) = (0, 1, 0);
    let string = move |start: usize| {
        let mut end = start;
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'"' => return Some(end),
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        None
    };
    let skip = move |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        at
    };
    std::iter::from_fn(move || {
        loop {
            let start = at + bytes.get(at..)?.iter().position(|byte| *byte == b'"')? + 1;
            let end = string(start)?;
            let colon = skip(end + 1);
            at = end + 1;
            if bytes.get(colon) != Some(&b':') {
                continue;
            }
            let quote = skip(colon + 1);
            if bytes.get(quote) != Some(&b'"') {
                continue;
            }
            let value_end = string(quote + 1)?;
            at = value_end + 1;
            line += bytes[counted..start].iter().filter(|byte| **byte == b'\n').count() as u64;
            counted = start;
            if let (Some(name), Some(value)) = (text.get(start..end), text.get(quote + 1..value_end)) {
                return Some((line, name, value));
            }
        }
    })
}

fn between(text: &str, open: &str, close: &str) -> Vec<(u64, Secret)> {
    let value = |(at, _): (usize, &str)| {
        let rest = &text[at + open.len()..];
        let secret = as_password(&rest[..rest.find(close)?])?;
        Some((line_of(text, at), secret))
    };
    text.match_indices(open).take(MOST).filter_map(value).collect()
}

fn npm(line: &str) -> Option<Secret> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let key = name.rsplit(':').next().unwrap_or(name).trim();
    let asked = matches!(key, "_authToken" | "_auth" | "_password") && !name.starts_with(['#', ';']);
    if asked { as_password(value.trim()) } else { None }
}

fn netrc(text: &str) -> Vec<(u64, Secret)> {
    let words =
        (1..).zip(text.lines()).flat_map(|(number, line)| line.split_whitespace().map(move |word| (number, word)));
    let mut found = Vec::new();
    let (mut before, mut user) = ("", "");
    for (number, word) in words {
        match before {
            "login" => user = word,
            // An anonymous login's password is an address.
            "password" if user != "anonymous" => found.extend(as_password(word).map(|secret| (number, secret))),
            _ => {}
        }
        before = word;
    }
    found
}

fn pgpass(line: &str) -> Option<Secret> {
    let fields: Vec<&str> = line.splitn(5, ':').collect();
    if line.starts_with('#') { None } else { as_password(fields.get(4)?) }
}

fn php(line: &str) -> Option<Secret> {
    let rest = line.trim().strip_prefix("define")?.trim_start().strip_prefix('(')?.trim_start();
    let quoted = |text: &'_ str| {
        let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let end = text[1..].find(quote)? + 1;
        Some((text[1..end].to_owned(), end + 1))
    };
    let (name, end) = quoted(rest)?;
    let (value, _) = quoted(rest[end..].trim_start().strip_prefix(',')?.trim_start())?;
    // WordPress' own stand-in.
    (value != "password_here").then(|| in_assignment(&name, &value)).flatten()
}

fn git_header(line: &str) -> Option<Secret> {
    let (name, value) = line.trim().split_once('=')?;
    let (header, value) = value.trim().split_once(':')?;
    let carries =
        name.trim().eq_ignore_ascii_case("extraheader") && header.trim().eq_ignore_ascii_case("authorization");
    let value = value.trim().rsplit(' ').next().unwrap_or("");
    if carries { as_password(value) } else { None }
}

/// Secrets in a line of a shell's history: known forms, assignments, and the usual options.
fn in_command(line: &str) -> impl Iterator<Item = Secret> {
    let words: Vec<&str> = line.split_whitespace().take(200).collect();
    let mut found: Vec<Secret> = in_text(line).into_iter().map(|(_, secret)| secret).collect();
    let runs = |program: &str| words.iter().any(|word| word.rsplit('/').next() == Some(program));
    let (curl, mysql) = (runs("curl"), runs("mysql") || runs("mysqldump"));
    let login = runs("sshpass") || runs("login");
    if found.is_empty() {
        for (index, word) in words.iter().enumerate() {
            let next = words.get(index + 1).copied().unwrap_or("");
            let value = match *word {
                "-u" | "--user" if curl => next.split_once(':').map_or("", |(_, password)| password),
                "-p" if login => next,
                "--password" | "--http-password" => next,
                _ if mysql => word.strip_prefix("-p").unwrap_or(""),
                _ => "",
            };
            if !value.is_empty() && !value.starts_with('-') {
                found.extend(as_password(value));
            }
            if let Some((name, value)) = word.split_once('=') {
                found.extend(in_assignment(name.trim_start_matches('-'), value).filter(|it| it.confidence > Low));
            }
        }
    }
    found.into_iter()
}

fn terraform(text: &str) -> Vec<(u64, Secret)> {
    let pairs = quoted_pairs(text).filter_map(|(line, name, value)| Some((line, in_assignment(name, value)?)));
    let mut found: Vec<(u64, Secret)> = pairs.filter(|(_, secret)| secret.confidence > Low).collect();
    let has_resource = || text.contains("\"resources\"") && text.contains("\"attributes\"");
    if found.is_empty() && has_resource() {
        found.push((1, Secret::whole("state of Terraform with every attribute in clear", Low)));
    }
    found
}

/// The first line of the key that every Vagrant box accepts, which its makers published.
const VAGRANT: &str = "MIIEogIBAAKCAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzI";

fn private_key(text: &str) -> Option<Secret> {
    let putty = text.starts_with("PuTTY-User-Key-File-");
    if !putty && !text.contains(" PRIVATE KEY-----") || text.contains(VAGRANT) {
        return None;
    }
    // `openssh-key-v1`, and behind it the cipher: `none` (OpenSSH PROTOCOL.key).
    let openssh = text.contains("BEGIN OPENSSH") && !text.contains("b3BlbnNzaC1rZXktdjEAAAAABG5vbmU");
    let legacy = text.contains("Proc-Type: 4,ENCRYPTED") || text.contains("BEGIN ENCRYPTED");
    let locked = openssh || legacy || (putty && !text.contains("Encryption: none"));
    Some(Secret::whole(if locked { "encrypted private key" } else { "private SSH key" }, High))
}

/// JKS and JCEKS by their magic numbers, PKCS#12 by its outermost SEQUENCE (RFC 7292 §4).
fn store(bytes: &[u8]) -> Option<Secret> {
    if bytes.starts_with(&[0xFE, 0xED, 0xFE, 0xED]) || bytes.starts_with(&[0xCE; 4]) {
        // Behind version and count the kind of the first entry: 1 for a private key, 2 for somebody's certificate.
        let is_key = bytes.get(12..16) == Some(&[0, 0, 0, 1]);
        return is_key.then(|| Secret::whole("encrypted private key in a key store", High));
    }
    // The object identifiers of a PKCS#8 key, shrouded or plain, which stand in clear around it.
    const KEY_BAG: [u8; 10] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x0A, 0x01];
    let is_pkcs12 = matches!(bytes, [0x30, 0x80..=0x84, ..]);
    let mut bags = bytes.windows(11).filter(|window| window.starts_with(&KEY_BAG));
    let has_key = is_pkcs12 && bags.any(|window| matches!(window[10], 1 | 2));
    has_key.then(|| Secret::whole("encrypted private key in a key store", High))
}

fn agent_key(text: &str) -> Option<Secret> {
    // A shadowed key is on a card; only its number is here.
    if text.contains("shadowed-private-key") || !text.contains("private-key") {
        return None;
    }
    let locked = text.contains("protected-private-key");
    Some(Secret::whole(if locked { "encrypted private key" } else { "OpenPGP private key" }, High))
}

impl Secret {
    /// A file that is the secret as a whole.
    fn whole(kind: &'static str, confidence: crate::diagnostic::Confidence) -> Self {
        Self { kind, confidence, shown: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use crate::secret::known_file;

    const NONE: [u64; 0] = [];

    fn lines(path: &str, text: &str) -> Vec<u64> {
        let known = known_file(path).map(|file| file.secrets(text.as_bytes()));
        known.unwrap_or_default().into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn formats_are_read_as_their_programs_do() {
        assert_eq!(lines("/root/.netrc", "machine a.example\n login ci\n password hunter2xy\n"), [3]);
        assert_eq!(lines("/root/.netrc", "machine a login anonymous password me@b.example\n"), NONE);
        assert_eq!(lines("/app/.npmrc", "//r.example/:_authToken=abc123def456\n"), [1]);
        assert_eq!(lines("/app/.npmrc", "//r.example/:_authToken=${NPM_TOKEN}\n"), NONE);
        assert_eq!(lines("/root/.docker/config.json", r#"{"auths":{"r.example":{"auth":"Y2k6aHVudGVyMg=="}}}"#), [1]);
        assert_eq!(lines("/root/.docker/config.json", r#"{"credsStore":"pass","auths":{"r":{}}}"#), NONE);
        assert_eq!(lines("/root/.pgpass", "# comment\ndb:5432:*:app:hunter2xy\n"), [2]);
        assert_eq!(lines("/w/wp-config.php", "define( 'DB_PASSWORD', 'hunter2xy' );\ndefine('A', 'b');\n"), [1]);
        assert_eq!(lines("/w/wp-config.php", "define('DB_PASSWORD', getenv('X'));\n"), NONE);
        assert_eq!(lines("/a/.env", "DEBUG=1\nDB_PASSWORD=hunter2xy\nTOKEN=changeme\n"), [2]);
        assert_eq!(lines("/a/.env.example", "DB_PASSWORD=hunter2xy\n"), NONE);
        assert_eq!(lines("/a/config/master.key", "0123456789abcdef0123456789abcdea"), [1]);
        assert_eq!(lines("/r/.git/config", "[remote \"o\"]\n url = https://ci:hunter2xy@g.example/a\n"), [2]);
        assert_eq!(
            lines("/root/.kube/config", "users:\n- name: a\n  user:\n    client-key-data: LS0tLS1CRUdJTg==\n"),
            [4]
        );
        assert_eq!(lines("/root/.bash_history", "ls\ncurl -u ci:hunter2xy https://a.example\n"), [2]);
    }

    #[test]
    fn key_stores_of_certificates_alone_are_none() {
        let store = |tag: u8| [0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, tag, 0, 0];
        let secrets = |tag| known_file("/a/b.jks").map(|file| file.secrets(&store(tag)).len());
        assert_eq!((secrets(1), secrets(2)), (Some(1), Some(0)));
    }
}
