//! Requests over HTTP: one hop at a time, so that credentials stay at their host and no redirect leads down to plain
//! HTTP; with bounded waits, sizes and tries.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, Response, StatusCode, Url};
use tokio::time::timeout;

use super::answer::{Answer, address};
use super::endpoint::is_loopback;
use super::options::{Options, Progress};
use super::wait;
use crate::image::Error;

/// One request.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: &'static str,
    /// Bytes that are there already.
    pub(super) from: u64,
    /// Shown to the host of `url` alone.
    pub(super) authorization: Option<HeaderValue>,
    /// Sent as `application/x-www-form-urlencoded`.
    pub(super) form: Option<String>,
}

impl Ask {
    pub(super) fn get(url: Url, accept: &'static str) -> Self {
        Self { method: Method::GET, url, accept, from: 0, authorization: None, form: None }
    }
}

/// Why there is no answer.
pub(super) struct Trouble {
    pub(super) error: Error,
    /// It may pass.
    pub(super) passing: bool,
    /// It isn't TLS at all that the other side speaks, or nobody is there.
    pub(super) no_tls: bool,
}

impl Trouble {
    pub(super) fn lasting(error: Error) -> Self {
        Self { error, passing: false, no_tls: false }
    }

    pub(super) fn passing(error: Error) -> Self {
        Self { error, passing: true, no_tls: false }
    }
}

/// The way out of this room.
pub(super) struct Transport {
    pub(super) options: Options,
    /// Hosts, each with its port, whose certificates aren't checked.
    pub(super) unchecked: Vec<String>,
    /// By host and port where a host is treated in its own way (its certificates, loopback), else under an empty name.
    clients: Mutex<HashMap<String, Client>>,
}

/// The tries of one request.
#[derive(Default)]
pub(super) struct Tries {
    made: u32,
}

/// How far redirects are followed.
const HOPS: usize = 10;

/// How much of an error's text is read.
const ERROR_BYTES: u64 = 64 << 10;

impl Transport {
    pub(super) fn new(options: Options, unchecked: Vec<String>) -> Self {
        // Once a process, as rustls wants it; whoever was first, the provider is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { options, unchecked, clients: Mutex::default() }
    }

    /// Sends, follows redirects, and tries again what may pass. The answer may be any that doesn't ask to wait, and one
    /// that does where waiting has not helped.
    pub(super) async fn send(&self, ask: &Ask, tries: &mut Tries) -> Result<Response, Error> {
        loop {
            let why = match self.follow(ask).await {
                Ok(response) => {
                    let status = response.status();
                    // 501 and the like will not pass.
                    if !matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504) {
                        return Ok(response);
                    }
                    let asked = wait::retry_after(response.headers());
                    if !self.pause(tries, &host_of(&ask.url), asked, &format!("it answers {}", status.as_u16())).await {
                        return Ok(response);
                    }
                    continue;
                }
                // Where nobody listens, somebody may in a moment; longer than that, the address is wrong.
                Err(trouble) if !trouble.passing || trouble.no_tls && tries.made > 0 => return Err(trouble.error),
                Err(trouble) => trouble.error,
            };
            if !self.pause(tries, &host_of(&ask.url), None, &why.problem).await {
                return Err(why);
            }
        }
    }

    /// Sends, and reads the answer whole; one of more than `limit` bytes is an error.
    pub(super) async fn fetch(&self, ask: &Ask, limit: u64) -> Result<Answer, Error> {
        self.whole(&host_of(&ask.url), limit, async |tries| self.send(ask, tries).await).await
    }

    /// Reads the answer whole that `send` gives, and has it sent again where it breaks off.
    pub(super) async fn whole(
        &self,
        host: &str,
        limit: u64,
        send: impl AsyncFn(&mut Tries) -> Result<Response, Error>,
    ) -> Result<Answer, Error> {
        let mut tries = Tries::default();
        loop {
            let response = send(&mut tries).await?;
            match self.read(response, limit).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) if !trouble.passing => return Err(trouble.error),
                Err(trouble) => {
                    if !self.pause(&mut tries, host, None, &trouble.error.problem).await {
                        return Err(trouble.error);
                    }
                }
            }
        }
    }

    /// Reads an answer whole. Of one that is no success, only the start is wanted.
    pub(super) async fn read(&self, mut response: Response, limit: u64) -> Result<Answer, Trouble> {
        let (status, headers, url) = (response.status(), response.headers().clone(), response.url().clone());
        let bound = if status.is_success() { limit } else { ERROR_BYTES };
        let too_long = || {
            Trouble::lasting(Error::new(
                address(&url),
                format!("the answer is longer than {limit} bytes"),
                "raise the limit for documents if you trust this registry",
            ))
        };
        let mut body = Vec::new();
        let whole = async {
            while let Some(bytes) = self.piece(&mut response).await? {
                let room = usize::try_from(bound).unwrap_or(usize::MAX).saturating_sub(body.len());
                body.extend_from_slice(&bytes[..bytes.len().min(room)]);
                if bytes.len() > room {
                    return if status.is_success() { Err(too_long()) } else { Ok(()) };
                }
            }
            Ok(())
        };
        if status.is_success() && response_length(&headers).is_some_and(|length| length > limit) {
            return Err(too_long());
        }
        let patience = self.options.patience.document;
        timeout(patience, whole).await.unwrap_or_else(|_| Err(Trouble::passing(slow(&url, patience))))?;
        Ok(Answer { status, headers, url, body })
    }

    /// The next piece of an answer; `None` at its end.
    pub(super) async fn piece(&self, response: &mut Response) -> Result<Option<bytes::Bytes>, Trouble> {
        let patience = self.options.patience.read;
        match timeout(patience, response.chunk()).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => Err(Trouble::passing(Error::new(
                address(response.url()),
                format!("the connection broke: {}", root(&error)),
                "check the network, and try again",
            ))),
            Err(_) => Err(Trouble::passing(slow(response.url(), patience))),
        }
    }

    /// Waits before the next try; `false` where there is none left, or where the registry asks for more than our patience.
    pub(super) async fn pause(&self, tries: &mut Tries, host: &str, asked: Option<Duration>, why: &str) -> bool {
        let patience = &self.options.patience;
        let own = patience.pause.saturating_mul(1 << tries.made.min(16)).min(patience.longest_wait);
        let pause = asked.unwrap_or(own);
        if tries.made >= patience.retries || pause > patience.longest_wait {
            return false;
        }
        tries.made += 1;
        self.options.tell(Progress::Waiting { host, pause, why });
        tokio::time::sleep(pause).await;
        true
    }

    /// Sends once, and follows redirects.
    pub(super) async fn follow(&self, ask: &Ask) -> Result<Response, Trouble> {
        let mut url = ask.url.clone();
        let mut seen = HashSet::new();
        loop {
            let response = self.hop(ask, &url).await?;
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let moved = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            let Some(location) = location.filter(|_| moved && ask.form.is_none()) else { return Ok(response) };
            let next = url.join(location).map_err(|_| astray(&url, "it redirects to what is no address"))?;
            match (url.scheme(), next.scheme()) {
                ("https", "https") | ("http", "http" | "https") => {}
                ("https", "http") => {
                    return Err(astray(&url, "it redirects from https down to plain http, which is refused"));
                }
                _ => return Err(astray(&url, "it redirects to what is no web address")),
            }
            seen.insert(std::mem::replace(&mut url, next));
            if seen.contains(&url) {
                return Err(astray(&url, "it redirects in a circle"));
            }
            if seen.len() > HOPS {
                return Err(astray(&url, "it redirects too often"));
            }
        }
    }

    /// Sends to one address.
    async fn hop(&self, ask: &Ask, url: &Url) -> Result<Response, Trouble> {
        let client = self.client(url).map_err(Trouble::lasting)?;
        let mut request = client
            .request(ask.method.clone(), url.clone())
            .header(ACCEPT, ask.accept)
            // A blob is compressed already, and its digest is that of what is stored.
            .header(ACCEPT_ENCODING, "identity");
        // Credentials are for one origin. Wherever else it sends us, it goes without (CVE-2020-15157 was that).
        if let Some(authorization) = ask.authorization.clone().filter(|_| url.origin() == ask.url.origin()) {
            request = request.header(AUTHORIZATION, authorization);
        }
        if ask.from > 0 {
            request = request.header(RANGE, format!("bytes={}-", ask.from));
        }
        if let Some(form) = &ask.form {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.clone());
        }
        let patience = self.options.patience.read + self.options.patience.connect;
        match timeout(patience, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.no_answer(url, &error)),
            Err(_) => Err(Trouble::passing(slow(url, patience))),
        }
    }

    fn no_answer(&self, url: &Url, error: &reqwest::Error) -> Trouble {
        let cause = root(error);
        let certificate = cause.contains("certificate");
        if certificate {
            let host = host_of(url);
            return Trouble::lasting(Error::new(
                address(url),
                format!("its certificate isn't trusted: {cause}"),
                format!(
                    "put the certificate of its authority at `/etc/containers/certs.d/{host}/ca.crt`, or name it with \
                         SSL_CERT_FILE"
                ),
            ));
        }
        // Whoever sends an alert speaks TLS.
        let alert = cause.contains("fatal alert");
        let plain = cause.contains("corrupt message") || cause.contains("handshake eof");
        let (problem, remedy) = if error.is_connect() && plain {
            let remedy =
                "check the address; if it is meant to speak plain HTTP, say `insecure = true` of it in registries.conf";
            ("it doesn't speak TLS".to_owned(), remedy)
        } else if error.is_timeout() {
            ("there is no connection in time".to_owned(), "check the address and the network, and try again")
        } else if error.is_connect() {
            (
                format!("there is no connection: {cause}"),
                "check the address, the network and HTTPS_PROXY, and try again",
            )
        } else {
            (format!("there is no answer: {cause}"), "check that a registry is at this address, and try again")
        };
        Trouble {
            error: Error::new(address(url), problem, remedy),
            passing: true,
            no_tls: error.is_connect() && !alert,
        }
    }

    /// Whether a host, as [`host_of`] writes it, may have any certificate.
    pub(super) fn is_unchecked(&self, host: &str) -> bool {
        self.unchecked.iter().any(|named| named == host)
    }

    /// The client for a host: the certificates of one host are not trusted for another.
    fn client(&self, url: &Url) -> Result<Client, Error> {
        let host = host_of(url);
        let own: Vec<_> =
            self.options.certificate_folders.iter().flat_map(|folder| certificates_of(folder, &host)).collect();
        let unchecked = self.is_unchecked(&host);
        let local = is_loopback(url);
        let name = if own.is_empty() && !unchecked && !local { String::new() } else { host };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&name) {
            return Ok(client.clone());
        }
        let mut trusted = Vec::new();
        for path in own.iter().chain(&self.options.ca_files) {
            trusted.extend(trusted_of(path)?);
        }
        let patience = &self.options.patience;
        let builder = |trusted| {
            let builder = Client::builder()
                .user_agent(concat!("harden/", env!("CARGO_PKG_VERSION")))
                .redirect(Policy::none())
                .referer(false)
                .connect_timeout(patience.connect)
                .tls_danger_accept_invalid_certs(unchecked);
            // A proxy (HTTPS_PROXY) has another loopback than we have.
            (if local { builder.no_proxy() } else { builder }, trusted)
        };
        let (machine, certificates) = builder(trusted.clone());
        let client = machine.tls_certs_merge(certificates).build().or_else(|_| {
            // A machine without certificates, such as a bare container: plain HTTP and the named ones still work.
            let (bare, certificates) = builder(trusted);
            bare.tls_certs_only(certificates).build()
        });
        let client = client.map_err(|error| {
            Error::new(
                "TLS",
                format!("it can't be set up: {}", root(&error)),
                "install the machine's certificates (`ca-certificates`)",
            )
        })?;
        clients.insert(name, client.clone());
        Ok(client)
    }
}

/// Host and port as references write them: without the port that goes without saying.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The bytes that an answer announces.
pub(super) fn response_length(headers: &reqwest::header::HeaderMap) -> Option<u64> {
    headers.get("content-length")?.to_str().ok()?.parse().ok()
}

/// Whether an answer is the rest that was asked for.
pub(super) fn starts_at(response: &Response, offset: u64) -> bool {
    let range = response.headers().get("content-range").and_then(|value| value.to_str().ok());
    let start = range.and_then(|range| range.trim().strip_prefix("bytes ")?.split('-').next()?.parse::<u64>().ok());
    response.status() == StatusCode::PARTIAL_CONTENT && start == Some(offset)
}

/// The certificates of a PEM file. Only a client tells whether they are any, so one is made of them alone.
fn trusted_of(path: &Path) -> Result<Vec<Certificate>, Error> {
    let wrong = |problem: String| {
        Error::new(path.display().to_string(), problem, "put certificates in PEM there, or take the file away")
    };
    let pem = std::fs::read(path).map_err(|error| wrong(format!("the certificates can't be read: {error}")))?;
    let read = Certificate::from_pem_bundle(&pem)
        .and_then(|read| Client::builder().tls_certs_only(read.clone()).build().map(|_| read));
    match read {
        Ok(read) if !read.is_empty() => Ok(read),
        Ok(_) => Err(wrong("it holds no certificate".to_owned())),
        Err(error) => Err(wrong(format!("it holds no certificates: {}", root(&error)))),
    }
}

fn certificates_of(folder: &Path, host: &str) -> Vec<std::path::PathBuf> {
    // A redirect chooses the host, and `..` may pass for one.
    if host.starts_with('.') {
        return Vec::new();
    }
    let entries = std::fs::read_dir(folder.join(host)).into_iter().flatten().flatten();
    let mut paths: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "crt")).collect();
    paths.sort();
    paths
}

fn astray(url: &Url, problem: &str) -> Trouble {
    Trouble::lasting(Error::new(address(url), problem, "tell the registry's operator, or use another mirror"))
}

fn slow(url: &Url, patience: Duration) -> Error {
    Error::new(
        address(url),
        format!("nothing came for {patience:?}"),
        "check the network, and try again, or use a mirror",
    )
}

/// The innermost cause of an error, which names what is wrong, and never an address with a signature in it.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    super::answer::shown(text.split(" for url (").next().unwrap_or_default())
}
