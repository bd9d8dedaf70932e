//! Images of a container engine that runs: `GET /images/NAME/get` of Docker's and podman's API over its socket, which
//! answers with the archive that `docker save` writes.

mod http;

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Error;

/// How long the engine may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// How long the engine may say nothing: before the first byte it prepares the whole archive.
const SILENCE: Duration = Duration::from_secs(600);

/// Where an engine listens.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Endpoint {
    Unix(PathBuf),
    Tcp(String),
}

/// A connection to an engine.
trait Connection: Read + Write + Send {}

impl<T: Read + Write + Send> Connection for T {}

/// Asks the engine for an image and returns its archive as it arrives. `engine` is written as in `DOCKER_HOST`, which
/// counts where it is `None`, and then the usual sockets of Docker and podman.
///
/// # Errors
/// No engine that answers, or none that has the image.
pub(super) fn save(name: &str, engine: Option<&str>) -> Result<Box<dyn Read + Send>, Error> {
    ask(name, engine, "get")
}

/// The id that the engine gives an image (`GET /images/NAME/json`). With `engine` as with [`save`].
///
/// # Errors
/// As [`save`], and an answer without one.
pub(super) fn id(name: &str, engine: Option<&str>) -> Result<String, Error> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        id: String,
    }
    // What an engine tells of one image: its configuration and its layers.
    const ANSWER_BYTES: u64 = 4 << 20;

    let failed = |problem: String| Error::new(format!("docker-daemon:{name}"), problem, "look into the engine's log");
    let mut bytes = Vec::new();
    let read = ask(name, engine, "json")?.take(ANSWER_BYTES).read_to_end(&mut bytes);
    read.map_err(|error| failed(format!("the engine's answer can't be read: {error}")))?;
    let answer: Result<Answer, _> = serde_json::from_slice(&bytes);
    answer.map(|answer| answer.id).map_err(|error| failed(format!("the engine's answer can't be read: {error}")))
}

fn ask(name: &str, engine: Option<&str>, what: &str) -> Result<Box<dyn Read + Send>, Error> {
    let place = format!("docker-daemon:{name}");
    let said = engine.map(str::to_owned).or_else(|| std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty()));
    let endpoints = match &said {
        Some(host) => vec![endpoint(host)?],
        None => usual(|name| std::env::var(name).ok()),
    };
    let mut tried = Vec::new();
    for endpoint in &endpoints {
        match connect(endpoint) {
            Ok(connection) => return http::get(connection, &path_of(name, what), &place),
            Err(error) => tried.push(format!("`{endpoint}`: {error}")),
        }
    }
    let problem = format!("no container engine answers ({})", tried.join("; "));
    let remedy = "start Docker or `podman system service`, or set DOCKER_HOST, or save the image and name it with \
        `docker-archive:`";
    Err(Error::new(place, problem, remedy))
}

/// Reads what `DOCKER_HOST` may be.
fn endpoint(host: &str) -> Result<Endpoint, Error> {
    let refuse = |problem: &str, remedy: &str| Err(Error::new(host, problem, remedy));
    match host.split_once("://") {
        Some(("unix", path)) if path.starts_with('/') => Ok(Endpoint::Unix(path.into())),
        Some(("tcp" | "http", address)) => {
            let address = address.trim_end_matches('/');
            if address.is_empty() || address.contains('/') {
                return refuse("it is no address of an engine", "write `tcp://HOST:PORT`");
            }
            let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            Ok(Endpoint::Tcp(if has_port { address.to_owned() } else { format!("{address}:2375") }))
        }
        Some(("https" | "ssh" | "npipe" | "fd", _)) => refuse(
            "engines are reached over `unix://` and `tcp://` only",
            "save the image there and name it with `docker-archive:` or `-`: `ssh HOST docker save NAME | harden image -`",
        ),
        _ => refuse("it is no address of an engine", "write `unix:///PATH` or `tcp://HOST:PORT`"),
    }
}

/// Where engines listen when nobody says otherwise: Docker, rootless Docker, Docker Desktop, podman.
fn usual(variable: impl Fn(&str) -> Option<String>) -> Vec<Endpoint> {
    let below = |name: &str, path: &str| {
        let folder = variable(name).filter(|folder| folder.starts_with('/'))?;
        Some(Path::new(&folder).join(path))
    };
    let places = [
        Some("/var/run/docker.sock".into()),
        below("XDG_RUNTIME_DIR", "docker.sock"),
        below("HOME", ".docker/run/docker.sock"),
        below("XDG_RUNTIME_DIR", "podman/podman.sock"),
        Some("/run/podman/podman.sock".into()),
    ];
    places.into_iter().flatten().map(Endpoint::Unix).collect()
}

fn connect(endpoint: &Endpoint) -> io::Result<Box<dyn Connection>> {
    match endpoint {
        Endpoint::Unix(path) => local(path),
        Endpoint::Tcp(address) => {
            let mut last = io::ErrorKind::NotFound.into();
            for address in address.to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, CONNECT) {
                    Ok(stream) => {
                        stream.set_read_timeout(Some(SILENCE))?;
                        stream.set_write_timeout(Some(CONNECT))?;
                        return Ok(Box::new(stream));
                    }
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
    }
}

#[cfg(unix)]
fn local(path: &Path) -> io::Result<Box<dyn Connection>> {
    let stream = std::os::unix::net::UnixStream::connect(path)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(CONNECT))?;
    Ok(Box::new(stream))
}

#[cfg(not(unix))]
fn local(_: &Path) -> io::Result<Box<dyn Connection>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no sockets of this kind; use `tcp://HOST:PORT`"))
}

/// The request's path. A name that parses as a reference has few characters that a path must not have.
fn path_of(name: &str, what: &str) -> String {
    let mut path = "/images/".to_owned();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' | b':' | b'@' => path.push(byte.into()),
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path + "/" + what
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, endpoint, path_of, usual};

    #[test]
    fn engines_are_named_as_docker_names_them() {
        assert_eq!(endpoint("unix:///run/d.sock"), Ok(Endpoint::Unix("/run/d.sock".into())));
        assert_eq!(endpoint("tcp://localhost:1234/"), Ok(Endpoint::Tcp("localhost:1234".to_owned())));
        assert_eq!(endpoint("tcp://10.0.0.1"), Ok(Endpoint::Tcp("10.0.0.1:2375".to_owned())));
        for refused in ["ssh://a", "unix://a", "a", "tcp://", "tcp://a/b", "npipe:////./pipe/docker_engine"] {
            assert!(endpoint(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn podman_is_looked_for_where_it_listens() {
        let places = usual(|name| (name == "XDG_RUNTIME_DIR").then(|| "/run/user/7".to_owned()));
        assert!(places.contains(&Endpoint::Unix("/run/user/7/podman/podman.sock".into())), "{places:?}");
    }

    #[test]
    fn a_name_stays_in_its_place() {
        assert_eq!(path_of("a/b:c", "get"), "/images/a/b:c/get");
        assert_eq!(path_of("a b\r\n?#", "get"), "/images/a%20b%0D%0A%3F%23/get");
    }
}
