//! One host that may have a repository: its address, its scheme, and who we are there.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, OnceLock, PoisonError};

use reqwest::header::HeaderValue;
use reqwest::{Method, Response, Url};

use super::answer::{Answer, address, shown};
use super::credentials::Identity;
use super::mirrors::Site;
use super::token::Challenge;
use super::transport::{Ask, Transport, Tries, host_of};
use crate::image::Error;

/// One host that may have a repository.
pub(super) struct Endpoint {
    pub(super) site: Site,
    identity: Identity,
    /// `https://host/v2/`, once the scheme is known.
    base: OnceLock<Url>,
    /// What the last challenge was met with.
    shown: Mutex<Option<HeaderValue>>,
}

/// What is asked of an endpoint.
#[derive(Clone)]
pub(super) struct Want<'a> {
    pub(super) method: Method,
    /// Behind `/v2/REPOSITORY/`, or the whole address of a next page, which must be of the same origin.
    pub(super) path: &'a str,
    pub(super) accept: &'static str,
    pub(super) from: u64,
}

impl Endpoint {
    /// # Errors
    /// A host that is none.
    pub(super) fn new(site: Site, identity: Identity) -> Result<Self, Error> {
        let endpoint = Self { site, identity, base: OnceLock::new(), shown: Mutex::new(None) };
        endpoint.address("https")?;
        Ok(endpoint)
    }

    /// Asks, and logs in where the answer wants it. Gives the answer whatever its status.
    pub(super) async fn open(
        &self,
        transport: &Transport,
        want: &Want<'_>,
        tries: &mut Tries,
    ) -> Result<Response, Error> {
        let base = self.base(transport).await?;
        let inner = format!("{}/{}", self.site.repository, want.path);
        let url = if want.path.contains("://") { Url::parse(want.path) } else { base.join(&inner) };
        let url = url.map_err(|_| wrong_host(&self.site.host))?;
        // What is asked here gets our credentials. The page that names the next one may itself be another host's, behind a
        // redirect, so what counts is where this endpoint is.
        if url.origin() != base.origin() {
            let problem = format!("its next page is elsewhere, at `{}`", address(&url));
            return Err(Error::new(address(&base), problem, "tell the registry's operator"));
        }
        let mut ask = Ask { method: want.method.clone(), from: want.from, ..Ask::get(url, want.accept) };
        ask.authorization = self.shown().clone();
        let response = transport.send(&ask, tries).await?;
        // The challenge of a foreign host, behind a redirect, isn't ours to meet.
        if response.status() != 401 || response.url().origin() != ask.url.origin() {
            return Ok(response);
        }
        let Some(challenge) = Challenge::of(response.headers()) else { return Ok(response) };
        let met = challenge.met(transport, &base, &self.site, &self.identity).await?;
        if met.is_none() {
            return Ok(response);
        }
        self.shown().clone_from(&met);
        ask.authorization = met;
        transport.send(&ask, tries).await
    }

    /// As [`Endpoint::open`], with the answer read whole.
    pub(super) async fn fetch(&self, transport: &Transport, want: &Want<'_>, limit: u64) -> Result<Answer, Error> {
        transport.whole(&self.site.host, limit, async |tries| self.open(transport, want, tries).await).await
    }

    /// `https://host/v2/`; `http://host/v2/` where that may be and TLS isn't spoken.
    pub(super) async fn base(&self, transport: &Transport) -> Result<Url, Error> {
        if let Some(base) = self.base.get() {
            return Ok(base.clone());
        }
        let mut base = self.address("https")?;
        if self.site.insecure || is_loopback(&base) {
            // Only a failed handshake leads to plain HTTP: a certificate that is wrong must be heard of.
            let probe = transport.follow(&Ask::get(base.clone(), "*/*")).await;
            if probe.is_err_and(|trouble| trouble.no_tls) {
                base = self.address("http")?;
            }
        }
        Ok(self.base.get_or_init(|| base).clone())
    }

    /// Host and port as [`host_of`] writes those of any address, whatever the site's spelling: `H:443` is `h`.
    pub(super) fn host(&self) -> Result<String, Error> {
        Ok(host_of(&self.address("https")?))
    }

    fn address(&self, scheme: &str) -> Result<Url, Error> {
        let host = &self.site.host;
        // Docker Hub's name isn't where its registry is.
        let server =
            if matches!(host.as_str(), "docker.io" | "index.docker.io") { "registry-1.docker.io" } else { host };
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]_".contains(c);
        let url = Url::parse(&format!("{scheme}://{server}/v2/"))
            .ok()
            .filter(|_| !server.is_empty() && server.chars().all(plain));
        url.ok_or_else(|| wrong_host(host))
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Option<HeaderValue>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wrong_host(host: &str) -> Error {
    Error::new(shown(host), "it is no name of a registry", "write `host` or `host:port`")
}

/// Whether an address is that of this machine alone.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || bare.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}
