//! Lists of SSH keys that may log in.

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Spot};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "The image lets the holders of certain SSH keys log in",
    category: Category::Privilege,
    severity: Severity::Medium,
    aliases: &[],
    sources: &["https://man.openbsd.org/sshd.8#AUTHORIZED_KEYS_FILE_FORMAT", "https://doi.org/10.6028/NIST.SP.800-190"],
    image: Some(check),
    reads: &["**/authorized_keys", "**/authorized_keys2", "/etc/ssh/authorized_keys/*", "/etc/ssh/authorized_keys.d/*"],
    ..Lint::BASE
};

/// Lists that are looked at; an image with more is made to be tiring.
const MOST: usize = 200;

/// Where servers of SSH are installed.
const SERVERS: [&str; 4] = ["/usr/sbin/sshd", "/usr/sbin/dropbear", "/usr/bin/dropbear", "/usr/local/sbin/sshd"];

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let server = SERVERS.iter().find(|path| image.tree.resolve(path).is_some());
    for (path, bytes) in image.texts().filter(|(path, _)| is_list(path)).take(MOST) {
        let keys = String::from_utf8_lossy(bytes).lines().filter(|line| is_key(line)).count();
        if keys == 0 {
            continue;
        }
        let Some(node) = image.tree.lookup(path) else { continue };
        let (keys, holders) =
            if keys == 1 { ("a key".to_owned(), "holder") } else { (format!("{keys} keys"), "holders") };
        let account = account(image, path);
        let message = format!("`{path}` lets the {holders} of {keys} log in as {}", account.told());
        let draft = findings.report(Spot::Layer(image.tree.node(node).layer, path.to_owned()), message);
        draft.because(match server {
            Some(_) => "a server of SSH is in the image, and the key opens every container made from it",
            None => "the key opens every container in which a server of SSH is started",
        });
        draft.help(
            "Leave it out, and mount the list when a container needs it; to look inside, `docker exec` needs no key",
        );
        if let Some(server) = server {
            let layer = image.tree.resolve(server).map(|id| image.tree.node(id).layer).unwrap_or_default();
            draft.label(Spot::Layer(layer, (*server).to_owned()), "the server");
        }
        if server.is_none() || account != Account::Root {
            draft.severity(Severity::Low);
        }
    }
}

#[derive(PartialEq, Eq)]
enum Account {
    Root,
    User(String),
    Unknown,
}

impl Account {
    fn told(&self) -> String {
        match self {
            Self::Root => "root".to_owned(),
            Self::User(name) => format!("`{name}`"),
            Self::Unknown => "a user of the container".to_owned(),
        }
    }
}

/// Whose list it is: that of the account with this home, or of this name below `/etc/ssh`.
fn account(image: &Image, path: &str) -> Account {
    let home = path.split_once("/.ssh/").map(|(home, _)| home).filter(|home| !home.is_empty());
    let name = path.strip_prefix("/etc/ssh/").and_then(|rest| rest.rsplit('/').next());
    let mut users = image.accounts.users.iter();
    let user = users.find(|user| match home {
        Some(home) => user.home.trim_end_matches('/') == home,
        None => Some(user.name.as_str()) == name,
    });
    match user {
        Some(user) if user.uid == 0 => Account::Root,
        Some(user) => Account::User(user.name.clone()),
        None if home == Some("/root") => Account::Root,
        None => Account::Unknown,
    }
}

fn is_list(path: &str) -> bool {
    let third_party = ["/usr/share/", "/node_modules/", "/site-packages/", "/testdata/", "/tests/", "/test/"];
    let named = path.ends_with("/authorized_keys") || path.ends_with("/authorized_keys2");
    let is_one = named || path.starts_with("/etc/ssh/authorized_keys");
    is_one && !third_party.iter().any(|folder| path.contains(folder))
}

/// A line with a key: options may stand in front of its kind.
fn is_key(line: &str) -> bool {
    let kinds =
        ["ssh-rsa ", "ssh-ed25519 ", "ssh-dss ", "ecdsa-sha2-", "sk-ssh-ed25519", "sk-ecdsa-sha2-", "cert-authority "];
    !line.trim_start().starts_with('#') && kinds.iter().any(|kind| line.contains(kind))
}
