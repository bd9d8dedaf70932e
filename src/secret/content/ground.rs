//! What a file's place says of the secrets in it. Packages ship keys and tokens by the hundred in tests, examples and
//! documentation; they are public, so they are no secrets.

use crate::diagnostic::Confidence;
use crate::secret::Secret;

/// What kind of place a file is in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Ground {
    /// Made to be read or tried out, or installed by the thousand: nothing in it is anybody's secret.
    Public,
    /// Code of packages: what is in it is mostly public.
    Packaged,
    /// Somebody's own tests and examples: what is in it is mostly made to be known.
    Trial,
    /// Somebody's own.
    Own,
}

/// Folders of what distributions install, in front of the path.
const SYSTEM: [&str; 12] = [
    "/usr/share/",
    "/usr/lib/",
    "/usr/lib32/",
    "/usr/lib64/",
    "/usr/libexec/",
    "/usr/include/",
    "/usr/src/",
    "/usr/bin/",
    "/usr/sbin/",
    "/lib/",
    "/bin/",
    "/sbin/",
];

/// Folders of installed packages, anywhere in the path.
const PACKAGES: [&str; 17] = [
    "/node_modules/",
    "/site-packages/",
    "/dist-packages/",
    "/go/pkg/mod/",
    "/usr/local/go/",
    "/.cargo/registry/",
    "/cargo/registry/",
    "/gems/",
    "/.m2/repository/",
    "/lib/python",
    "/lib/ruby/",
    "/vendor/",
    "/.rustup/",
    "/rustup/",
    "/.npm/_cacache/",
    "/.nuget/packages/",
    "/nix/store/",
];

/// Folders below those of packages and distributions where everything is for reading or trying out.
const SHOWN: [&str; 17] = [
    "doc", "docs", "man", "info", "locale", "i18n", "help", "gtk-doc", "test", "tests", "testing", "testdata",
    "example", "examples", "fixtures", "spec", "mock",
];

/// What kind of place a path is.
pub(super) fn of(path: &str) -> Ground {
    let system = SYSTEM.iter().any(|folder| path.starts_with(folder));
    let packaged = system || PACKAGES.iter().any(|folder| path.contains(folder));
    let name = path.rsplit('/').next().unwrap_or("");
    let shown =
        path.split('/').any(|part| SHOWN.contains(&part) || part.ends_with("_test") || part.ends_with("-tests"));
    let shown = shown
        || name.contains("_test.")
        || name.contains(".test.")
        || name.contains(".spec.")
        || name.starts_with("test_")
        || name.contains("example")
        || name.contains("sample");
    let written = [".md", ".rst", ".html", ".pod", ".adoc", ".1", ".3", ".5", ".7", ".8", ".map", ".min.js", ".pyc"];
    let documents = written.iter().any(|ending| name.ends_with(ending));
    match (packaged, shown) {
        _ if path.contains("snakeoil") || packaged && (shown || documents) => Ground::Public,
        (true, _) => Ground::Packaged,
        (false, true) => Ground::Trial,
        (false, false) => Ground::Own,
    }
}

/// A secret found in a file at `path`, as far as its place leaves it one.
pub(super) fn weigh(path: &str, mut secret: Secret) -> Option<Secret> {
    match of(path) {
        Ground::Public => return None,
        // Code has patterns of tokens and made-up values by the thousand; only what proves itself is left.
        Ground::Packaged if secret.confidence < Confidence::High => return None,
        Ground::Packaged => secret.confidence = Confidence::Medium,
        Ground::Trial => secret.confidence = Confidence::Low,
        Ground::Own => {}
    }
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::{Ground, of};

    #[test]
    fn places_are_told_apart() {
        for (path, ground) in [
            ("/usr/share/doc/openssl/README", Ground::Public),
            ("/usr/lib/python3.11/test/keycert.pem", Ground::Public),
            ("/usr/share/go-1.19/src/crypto/tls/tls_test.go", Ground::Public),
            ("/app/node_modules/jose/test/keys.js", Ground::Public),
            ("/etc/ssl/private/ssl-cert-snakeoil.key", Ground::Public),
            ("/usr/lib/python3/dist-packages/x.py", Ground::Packaged),
            ("/app/node_modules/x/index.js", Ground::Packaged),
            ("/opt/conda/lib/python3.11/test/keycert.pem", Ground::Public),
            ("/app/tests/key.pem", Ground::Trial),
            ("/etc/ssh/ssh_host_rsa_key", Ground::Own),
            ("/root/.npmrc", Ground::Own),
            ("/app/latest/config", Ground::Own),
        ] {
            assert_eq!(of(path), ground, "{path}");
        }
    }
}
