//! Debian's `docker-registry` on loopback, fed by skopeo: plain, with TLS, and with a login.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;
use crate::support::skip;

/// A registry that ends with the test.
struct Debian {
    process: Child,
    host: String,
    _folder: tempfile::TempDir,
}

impl Drop for Debian {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a registry is started with.
#[derive(Default)]
struct Setup {
    /// Certificate and key.
    tls: Option<(PathBuf, PathBuf)>,
    /// An htpasswd file.
    users: Option<PathBuf>,
}

/// Starts a registry; `None` after a skip.
fn debian(setup: &Setup) -> Option<Debian> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = format!(
        "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n",
        folder.path().display()
    );
    if let Some((certificate, key)) = &setup.tls {
        text += &format!("  tls:\n    certificate: {}\n    key: {}\n", certificate.display(), key.display());
    }
    if let Some(users) = &setup.users {
        text += &format!("auth:\n  htpasswd:\n    realm: here\n    path: {}\n", users.display());
    }
    let config = folder.path().join("config.yml");
    std::fs::write(&config, text).expect("written");
    let started =
        Command::new("docker-registry").arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut process = match started {
        Ok(process) => process,
        Err(error) => {
            skip(&format!("docker-registry: {error}"));
            return None;
        }
    };
    let mut log = BufReader::new(process.stderr.take().expect("a pipe"));
    let mut host = None;
    let mut line = String::new();
    while host.is_none() && log.read_line(&mut line).is_ok_and(|length| length > 0) {
        // The system chose the port; the log says which.
        host = line.split("listening on ").nth(1).map(|rest| {
            rest.split(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').next().expect("an address").to_owned()
        });
        line.clear();
    }
    // Whatever else it says must go somewhere, or it would stop.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    let host = host.map(|host| host.trim_end_matches(',').to_owned()).expect("the registry says where it listens");
    Some(Debian { process, host, _folder: folder })
}

/// An image of a few layers as an OCI layout: the manifest, and the digest and size of each layer.
struct Layout {
    folder: tempfile::TempDir,
    manifest: Vec<u8>,
    layers: Vec<Vec<u8>>,
}

fn layout() -> Layout {
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = folder.path().join("blobs/sha256");
    std::fs::create_dir_all(&blobs).expect("a folder");
    let put = |bytes: &[u8]| {
        let digest = digest_of(bytes);
        std::fs::write(blobs.join(&digest[7..]), bytes).expect("written");
        format!("\"digest\":\"{digest}\",\"size\":{}", bytes.len())
    };
    // An empty archive is 1,024 zeros; what follows those, nobody reads.
    let archives = [vec![0; 1024], [vec![0; 1024], noise(3_000_000)].concat(), [vec![0; 1024], noise(70_000)].concat()];
    let layers: Vec<Vec<u8>> = archives
        .iter()
        .map(|archive| {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(archive).expect("memory");
            writer.finish().expect("memory")
        })
        .collect();
    let diffs: Vec<String> = archives.iter().map(|archive| format!("\"{}\"", digest_of(archive))).collect();
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        diffs.join(",")
    );
    let config = put(config.as_bytes());
    let described: Vec<String> = layers
        .iter()
        .map(|layer| format!(r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",{}}}"#, put(layer)))
        .collect();
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json",{config}}},"layers":[{}]}}"#,
        described.join(",")
    );
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{MANIFEST}",{},"annotations":{{"org.opencontainers.image.ref.name":"v1"}}}}]}}"#,
        put(manifest.as_bytes())
    );
    std::fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("written");
    std::fs::write(folder.path().join("index.json"), index).expect("written");
    Layout { folder, manifest: manifest.into_bytes(), layers }
}

/// Copies the layout to a registry; `false` after a skip.
fn push(layout: &Layout, host: &str, tag: &str, more: &[&str]) -> bool {
    let from = format!("oci:{}:v1", layout.folder.path().display());
    let to = format!("docker://{host}/team/app:{tag}");
    run("skopeo", &[&["--insecure-policy", "copy", "-q"], more, &[&from, &to]].concat(), Path::new("."))
}

/// Runs a tool that must succeed; `false` after a skip.
fn run(tool: &str, arguments: &[&str], folder: &Path) -> bool {
    match Command::new(tool).args(arguments).current_dir(folder).output() {
        Ok(output) => {
            assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
            true
        }
        Err(error) => {
            skip(&format!("{tool}: {error}"));
            false
        }
    }
}

/// Writes `ca.crt`, `server.crt` and `server.key` for loopback; `false` after a skip.
fn certificates(folder: &Path) -> bool {
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").expect("written");
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let authority = ["req", "-x509", "-subj", "/CN=harden test", "-days", "2", "-keyout", "ca.key", "-out", "ca.crt"];
    let request = ["req", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"];
    let sign =
        ["x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    run("openssl", &[&authority[..], &key].concat(), folder)
        && run("openssl", &[&request[..], &key].concat(), folder)
        && run("openssl", &[&sign[..], &["-extfile", "names", "-out", "server.crt"]].concat(), folder)
}

/// Reads everything there is, and compares.
fn check(registry: &Registry, tag: &str, layout: &Layout) {
    let document = registry.manifest(tag).expect("the manifest");
    assert_eq!(document.bytes, layout.manifest);
    assert_eq!((document.digest, document.media_type.as_str()), (digest_of(&layout.manifest), MANIFEST));
    assert_eq!(registry.digest(tag).expect("a digest"), digest_of(&layout.manifest));
    assert_eq!(registry.manifest(&digest_of(&layout.manifest)).expect("by digest").bytes, layout.manifest);
    for layer in &layout.layers {
        assert!(read(registry, &digest_of(layer), layer.len() as u64).as_ref() == Ok(layer));
    }
}

#[test]
fn a_plain_registry_is_read() {
    let Some(debian) = debian(&Setup::default()) else { return };
    let layout = layout();
    for tag in ["b", "a", "c"] {
        if !push(&layout, &debian.host, tag, &["--dest-tls-verify=false"]) {
            return;
        }
    }
    let registry = connect(&debian.host);
    check(&registry, "a", &layout);
    let mut tags = registry.tags().expect("tags");
    tags.sort();
    assert_eq!(tags, ["a", "b", "c"]);
    says(&registry.manifest("none").expect_err("missing"), &["doesn't have the manifest `none`", "MANIFEST_UNKNOWN"]);
    says(&registry.blob(&digest_of(b"none"), 1).err().expect("missing"), &["doesn't have the blob", "BLOB_UNKNOWN"]);
    assert!(registry.referrers(&digest_of(&layout.manifest)).expect("none").is_empty());
    let nobody = Registry::connect(&debian.host, "team/nobody", &options()).expect("a name");
    says(&nobody.tags().expect_err("missing"), &["doesn't have the list of tags", "NAME_UNKNOWN"]);
}

#[test]
fn threads_share_a_registry() {
    let Some(debian) = debian(&Setup::default()) else { return };
    let layout = layout();
    if !push(&layout, &debian.host, "v1", &["--dest-tls-verify=false"]) {
        return;
    }
    let registry = connect(&debian.host);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            for layer in &layout.layers {
                let registry = &registry;
                scope.spawn(move || {
                    assert!(read(registry, &digest_of(layer), layer.len() as u64).as_ref() == Ok(layer))
                });
            }
        }
    });
    // A blob that nobody reads to its end keeps nobody else waiting.
    let large = &layout.layers[1];
    let left = registry.blob(&digest_of(large), large.len() as u64).expect("the blob");
    check(&registry, "v1", &layout);
    drop(left);
}

#[test]
fn a_private_authority_is_trusted_where_it_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    if !certificates(folder.path()) {
        return;
    }
    let file = |name: &str| folder.path().join(name);
    let Some(debian) = debian(&Setup { tls: Some((file("server.crt"), file("server.key"))), users: None }) else {
        return;
    };
    let layout = layout();
    if !push(&layout, &debian.host, "v1", &["--dest-tls-verify=false"]) {
        return;
    }
    let open = |options: Options| Registry::connect(&debian.host, "team/app", &options).expect("a name");
    let error = open(options()).manifest("v1").expect_err("a stranger's certificate, even on loopback");
    says(&error, &["its certificate isn't trusted", "certs.d", &debian.host, "SSL_CERT_FILE"]);
    check(&open(Options { ca_files: vec![file("ca.crt")], ..options() }), "v1", &layout);

    let own = folder.path().join("certs.d").join(&debian.host);
    std::fs::create_dir_all(&own).expect("a folder");
    std::fs::copy(file("ca.crt"), own.join("ca.crt")).expect("copied");
    check(&open(Options { certificate_folders: vec![folder.path().join("certs.d")], ..options() }), "v1", &layout);

    // A certificate of one host is not trusted at another.
    let other = debian.host.replace("127.0.0.1", "localhost");
    let named = Options { certificate_folders: vec![folder.path().join("certs.d")], ..options() };
    let elsewhere = Registry::connect(&other, "team/app", &named).expect("a name");
    says(&elsewhere.manifest("v1").expect_err("another host"), &["its certificate isn't trusted"]);

    check(&open(Options { insecure: vec![debian.host.clone()], ..options() }), "v1", &layout);

    std::fs::write(file("broken.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .expect("written");
    for name in ["broken.crt", "none.crt"] {
        let error = open(Options { ca_files: vec![file(name)], ..options() }).manifest("v1").expect_err(name);
        says(&error, &[name]);
    }
}

#[test]
fn a_registry_with_users_wants_one() {
    let folder = tempfile::tempdir().expect("a folder");
    if !run("htpasswd", &["-cBb", "users", "user", "pass:word"], folder.path()) {
        return;
    }
    let Some(debian) = debian(&Setup { tls: None, users: Some(folder.path().join("users")) }) else { return };
    let layout = layout();
    if !push(&layout, &debian.host, "v1", &["--dest-tls-verify=false", "--dest-creds", "user:pass:word"]) {
        return;
    }
    let login = |user: &str, password: &str| {
        let login = Some((user.to_owned(), password.to_owned()));
        Registry::connect(&debian.host, "team/app", &Options { login, ..options() }).expect("a name")
    };
    check(&login("user", "pass:word"), "v1", &layout);
    assert_eq!(login("user", "pass:word").tags().expect("tags"), ["v1"]);
    says(&login("user", "word").manifest("v1").expect_err("a wrong password"), &["wants a login", "docker login"]);
    says(&connect(&debian.host).manifest("v1").expect_err("nobody"), &["wants a login", "docker login"]);

    // The file that skopeo writes is read, too.
    let auth = folder.path().join("auth.json");
    let path = auth.display().to_string();
    let arguments = ["login", "--tls-verify=false", "--authfile", &path, "-u", "user", "-p", "pass:word", &debian.host];
    if run("skopeo", &arguments, folder.path()) {
        let options = Options { auth_files: vec![auth], ..options() };
        check(&Registry::connect(&debian.host, "team/app", &options).expect("a name"), "v1", &layout);
    }
}

#[test]
fn no_redirect_leads_down_to_plain_http() {
    let folder = tempfile::tempdir().expect("a folder");
    if !certificates(folder.path()) {
        return;
    }
    let plain = Server::start(|_, _| answer(200, &[], "x"));
    // `openssl s_server -HTTP` answers with a file that holds the whole answer, headers included.
    let path = folder.path().join("v2/team/app/manifests/v1");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&path, format!("HTTP/1.0 307 Moved\r\nLocation: http://{}/x\r\n\r\n", plain.host)).expect("written");
    let mut process = Command::new("openssl")
        .args(["s_server", "-HTTP", "-accept", "127.0.0.1:0", "-cert", "server.crt", "-key", "server.key"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl ran before");
    let mut said = BufReader::new(process.stdout.take().expect("a pipe")).lines();
    let accept = said.find_map(|line| line.expect("text").strip_prefix("ACCEPT ").map(str::to_owned));
    let options = Options { ca_files: vec![folder.path().join("ca.crt")], ..options() };
    let registry = Registry::connect(&accept.expect("it listens"), "team/app", &options).expect("a name");
    let error = registry.manifest("v1").expect_err("down to plain HTTP");
    let _ = process.kill();
    let _ = process.wait();
    says(&error, &["redirects from https down to plain http"]);
    assert!(plain.asked().is_empty());
}
