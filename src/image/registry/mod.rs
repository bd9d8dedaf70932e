//! Registries: manifests, blobs and tags over the OCI distribution protocol. All that is asynchronous stays in this room.
//!
//! `oci-client` gives the protocol's words: media types, error envelopes, tokens. Its requests can't be used here, and go
//! over its own transport, reqwest, instead: they read manifests, tags and tokens without a bound, hide `Retry-After` and
//! the answer's headers, follow redirects down to plain HTTP, send a password to any realm, panic at a token with a line
//! break in it, and know neither identity tokens nor `Link`. A registry is an attacker's input here (design, law 6).

mod answer;
mod blob;
mod credentials;
mod digest;
mod endpoint;
mod mirrors;
mod options;
mod settings;
mod token;
mod transport;
mod wait;

use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};

use oci_client::manifest::OCI_IMAGE_INDEX_MEDIA_TYPE;
use reqwest::{Method, Url};
use serde::Deserialize;
use tokio::runtime::Runtime;

use self::answer::{Answer, address, shown};
use self::credentials::Identity;
use self::digest::{Hasher, is_digest, sha256};
use self::endpoint::{Endpoint, Want};
use self::mirrors::Answers;
use self::transport::Transport;
use crate::image::Error;

pub use mirrors::unqualified;
pub use options::{Helper, Listener, Options, Patience, Progress};

/// One repository at a registry, with its mirrors. Threads may share it.
pub struct Registry {
    runtime: Runtime,
    transport: Transport,
    /// The mirrors in order, then the origin.
    endpoints: Vec<Endpoint>,
    /// The one that gave the last manifest, which is where its blobs are.
    current: AtomicUsize,
    /// `host/repository` as it was asked for.
    name: String,
}

/// A manifest or an index, as the registry has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// `Content-Type`, in lower case and without parameters; what the bytes say of themselves may differ.
    pub media_type: String,
    /// Its digest, computed from the bytes.
    pub digest: String,
}

/// Debian's registry answers 404 where one of these is missing, and what lists are for is to let the client choose.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// Pages of a list that are read before it counts as endless.
const PAGES: usize = 1000;

impl Registry {
    /// Prepares for a repository: looks for its mirrors and for who we are there. Opens no connection.
    ///
    /// # Errors
    /// A name that is none, a file of the options that can't be read or understood, or a registry that is blocked.
    pub fn connect(registry: &str, repository: &str, options: &Options) -> Result<Self, Error> {
        let name = format!("{registry}/{repository}");
        if !is_repository(repository) {
            return Err(Error::new(
                shown(&name),
                "it is no name of a repository",
                "write lower-case letters, digits, and `.`, `_` or `-` between them, with `/` between parts",
            ));
        }
        let sites = mirrors::sites(registry, repository, options)?;
        let last = sites.len() - 1;
        let mut endpoints = Vec::new();
        for (index, site) in sites.into_iter().enumerate() {
            let identity = match &options.login {
                Some((user, password)) if index == last => Identity::Password(user.clone(), password.clone()),
                _ => credentials::find(&site.host, &site.repository, options)?,
            };
            endpoints.push(Endpoint::new(site, identity)?);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
            Error::new(&name, format!("no connection can be prepared: {error}"), "raise the limit of open files")
        })?;
        let insecure = endpoints.iter().filter(|endpoint| endpoint.site.insecure);
        let unchecked = insecure.map(Endpoint::host).collect::<Result<_, _>>()?;
        let transport = Transport::new(options.clone(), unchecked);
        Ok(Self { runtime, transport, endpoints, current: AtomicUsize::new(0), name })
    }

    /// The manifest or index of a tag or a digest.
    ///
    /// # Errors
    /// One that is missing or may not be had, that is longer than the limit or no JSON, or that isn't what its digest says.
    pub fn manifest(&self, reference: &str) -> Result<Document, Error> {
        check_reference(reference)?;
        let path = format!("manifests/{reference}");
        let (index, document) = self.first(is_digest(reference), 0, |endpoint| {
            let want = Want { method: Method::GET, path: &path, accept: MANIFESTS, from: 0 };
            let answer = self.fetch(endpoint, &want)?;
            if !answer.status.is_success() {
                return Err(answer.refusal(&format!("the manifest `{reference}`"), &endpoint.site.host));
            }
            document(answer, reference)
        })?;
        self.current.store(index, Ordering::Relaxed);
        Ok(document)
    }

    /// The digest of a tag, without its manifest where the registry tells it so: such questions don't count towards Docker
    /// Hub's limit. It is what the registry says; [`Registry::manifest`] checks it.
    ///
    /// # Errors
    /// As [`Registry::manifest`].
    pub fn digest(&self, tag: &str) -> Result<String, Error> {
        check_reference(tag)?;
        let path = format!("manifests/{tag}");
        let (_, said) = self.first(is_digest(tag), 0, |endpoint| {
            let want = Want { method: Method::HEAD, path: &path, accept: MANIFESTS, from: 0 };
            let answer = self.fetch(endpoint, &want)?;
            if matches!(answer.status.as_u16(), 401 | 403 | 429) {
                return Err(answer.refusal(&format!("the manifest `{tag}`"), &endpoint.site.host));
            }
            // Whatever else is wrong, the answer to a GET tells in words.
            let said = answer.header("docker-content-digest").filter(|_| answer.status.is_success());
            Ok(said.filter(|digest| Hasher::of(digest).is_ok()).map(str::to_owned))
        })?;
        said.map_or_else(|| Ok(self.manifest(tag)?.digest), Ok)
    }

    /// A blob, from its start. The stream gives at most `size` bytes, and ends in an error, before the last of them, where
    /// the digest is another one.
    ///
    /// # Errors
    /// One that is missing or may not be had.
    pub fn blob(&self, digest: &str, size: u64) -> Result<Box<dyn Read + Send + '_>, Error> {
        Hasher::of(digest)?;
        let current = self.current.load(Ordering::Relaxed);
        let (_, blob) = self.first(true, current, |endpoint| {
            blob::Blob::open(&self.runtime, &self.transport, endpoint, digest, size)
        })?;
        Ok(Box::new(blob))
    }

    /// All tags, in the registry's order. Mirrors aren't asked: they know only some.
    ///
    /// # Errors
    /// A list that may not be had, that has no end, or that is none.
    pub fn tags(&self) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Page {
            // Some registries say `null` where there is none.
            tags: Option<Vec<String>>,
        }
        let mut tags = Vec::new();
        for answer in self.pages("tags/list?n=1000", "application/json", "the list of tags")?.into_iter().flatten() {
            let page: Page = serde_json::from_slice(&answer.body).map_err(|error| {
                Error::new(
                    address(&answer.url),
                    format!("it is no list of tags: {error}"),
                    "tell the registry's operator",
                )
            })?;
            tags.extend(page.tags.unwrap_or_default());
        }
        Ok(tags)
    }

    /// The indexes that list what refers to a manifest: those of the registry's own list, page by page, or that of the tag
    /// that stands in for it (OCI distribution specification, referrers tag schema). None where nothing refers to it.
    ///
    /// # Errors
    /// A list that may not be had, or that has no end.
    pub fn referrers(&self, digest: &str) -> Result<Vec<Document>, Error> {
        Hasher::of(digest)?;
        let what = format!("the referrers of `{digest}`");
        if let Some(pages) = self.pages(&format!("referrers/{digest}"), OCI_IMAGE_INDEX_MEDIA_TYPE, &what)? {
            return pages.into_iter().map(|answer| document(answer, "")).collect();
        }
        let path = format!("manifests/{}", digest.replacen(':', "-", 1));
        let want = Want { method: Method::GET, path: &path, accept: OCI_IMAGE_INDEX_MEDIA_TYPE, from: 0 };
        let origin = self.origin()?;
        let answer = self.fetch(origin, &want)?;
        match answer.status.as_u16() {
            404 => Ok(Vec::new()),
            200..=299 => Ok(vec![document(answer, "")?]),
            _ => Err(answer.refusal(&what, &origin.site.host)),
        }
    }

    /// The pages of a list of the origin; `None` where it has no such list.
    fn pages(&self, path: &str, accept: &'static str, what: &str) -> Result<Option<Vec<Answer>>, Error> {
        let endpoint = self.origin()?;
        let mut path = path.to_owned();
        let (mut pages, mut seen, mut left) = (Vec::new(), HashSet::new(), self.transport.options.document_bytes());
        loop {
            let want = Want { method: Method::GET, path: &path, accept, from: 0 };
            let answer = self.fetch(endpoint, &want)?;
            if answer.status == 404 && pages.is_empty() && path.starts_with("referrers/") {
                return Ok(None);
            }
            if !answer.status.is_success() {
                return Err(answer.refusal(what, &endpoint.site.host));
            }
            let endless = |problem: &str| Error::new(address(&answer.url), problem, "tell the registry's operator");
            let next = next_page(&answer)?;
            let length = answer.body.len() as u64;
            if length > left || pages.len() >= PAGES || !seen.insert(answer.url.clone()) {
                return Err(endless(&format!("{what} has no end")));
            }
            left -= length;
            pages.push(answer);
            match next {
                Some(next) => path = next.into(),
                None => return Ok(Some(pages)),
            }
        }
    }

    fn fetch(&self, endpoint: &Endpoint, want: &Want<'_>) -> Result<Answer, Error> {
        let limit = self.transport.options.document_bytes();
        self.runtime.block_on(endpoint.fetch(&self.transport, want, limit))
    }

    fn origin(&self) -> Result<&Endpoint, Error> {
        self.endpoints.last().ok_or_else(|| Error::new(&self.name, "it is nowhere", "name a registry"))
    }

    /// The first endpoint's answer, from `start` on, then from those before it; the origin's error where all fail.
    fn first<'a, T>(
        &'a self,
        by_digest: bool,
        start: usize,
        get: impl Fn(&'a Endpoint) -> Result<T, Error>,
    ) -> Result<(usize, T), Error> {
        let refused = if by_digest { Answers::TagOnly } else { Answers::DigestOnly };
        let mut failed = String::new();
        let mut last = None;
        for index in (start..self.endpoints.len()).chain(0..start) {
            let endpoint = &self.endpoints[index];
            // The blobs of a manifest are where it was, whatever the mirror is for.
            if endpoint.site.answers == refused && !(index == start && start > 0) {
                continue;
            }
            let is_origin = index + 1 == self.endpoints.len();
            match get(endpoint) {
                Ok(found) => return Ok((index, found)),
                Err(error) if is_origin => last = Some(error),
                Err(error) => {
                    self.transport.options.tell(Progress::Mirror { host: &endpoint.site.host, why: &error.problem });
                    failed.push_str(&format!("; its mirror `{}`: {}", endpoint.site.host, error.problem));
                }
            }
        }
        let error = last.unwrap_or_else(|| Error::new(&self.name, "it is nowhere", "name a registry"));
        Err(Error { problem: error.problem + &failed, ..error })
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What an answer holds, checked against the digest that was asked for.
fn document(answer: Answer, reference: &str) -> Result<Document, Error> {
    let wrong = |problem: String, remedy: &str| Error::new(address(&answer.url), problem, remedy);
    if answer.is_page() {
        return Err(wrong(
            "the answer is a web page, not a manifest".to_owned(),
            "check that the address is a registry's, and that no proxy or login page answers in its place",
        ));
    }
    let mut digest = sha256(&answer.body);
    if is_digest(reference) {
        let mut hasher = Hasher::of(reference)?;
        hasher.update(&answer.body);
        digest = hasher.finish();
        if digest != reference {
            return Err(wrong(
                format!("the manifest isn't what was asked for: its digest is `{digest}`, not `{reference}`"),
                "try again; if it stays so, the registry or something on the way to it is broken",
            ));
        }
    }
    Ok(Document { media_type: answer.media_type(), digest, bytes: answer.body })
}

/// Where the next page is (`Link`, RFC 8288, with `rel="next"`).
fn next_page(answer: &Answer) -> Result<Option<Url>, Error> {
    let Some(link) = answer.header("link") else { return Ok(None) };
    let target = link.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    let Some((target, _)) = target.filter(|(_, rest)| rest.replace(['"', ' '], "").contains("rel=next")) else {
        return Ok(None);
    };
    answer.url.join(target).map(Some).map_err(|_| {
        let problem = format!("its next page is at `{}`, which is no address", shown(target));
        Error::new(address(&answer.url), problem, "tell the registry's operator")
    })
}

/// Whether a text is a repository's name (OCI distribution specification, pulling manifests).
fn is_repository(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !name.is_empty()
        && name.len() <= 255
        && name.split('/').all(|part| {
            part.starts_with(inner) && part.ends_with(inner) && part.chars().all(|c| inner(c) || "._-".contains(c))
        })
}

/// What isn't a digest must be a tag, so that it leads nowhere else in an address.
fn check_reference(reference: &str) -> Result<(), Error> {
    if is_digest(reference) {
        return Hasher::of(reference).map(drop);
    }
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let good = reference.starts_with(inner) && reference.chars().all(|c| inner(c) || ".-".contains(c));
    if good && reference.len() <= 128 {
        return Ok(());
    }
    Err(Error::new(
        shown(reference),
        "it is no tag",
        "write at most 128 letters, digits, and `_`, `.` or `-` after the first",
    ))
}

#[cfg(test)]
mod tests {
    use oci_client::manifest::{IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};

    use super::*;

    #[test]
    fn all_four_types_are_accepted() {
        for media_type in [
            IMAGE_MANIFEST_LIST_MEDIA_TYPE,
            IMAGE_MANIFEST_MEDIA_TYPE,
            OCI_IMAGE_INDEX_MEDIA_TYPE,
            OCI_IMAGE_MEDIA_TYPE,
        ] {
            assert!(MANIFESTS.split(", ").any(|one| one == media_type), "{media_type}");
        }
    }

    #[test]
    fn a_host_with_its_usual_port_is_the_host_that_was_named() {
        for named in ["r.example:443", "r.example", "r.example:5000"] {
            let options = Options { insecure: vec![named.to_owned()], ..Options::default() };
            let registry = Registry::connect(named, "a", &options).expect("a name");
            let asked = Url::parse(&format!("https://{named}/v2/a/manifests/latest")).expect("an address");
            assert!(registry.transport.is_unchecked(&transport::host_of(&asked)), "{named}");
            assert!(!registry.transport.is_unchecked("r.example:81"), "{named}");
        }
        let registry = Registry::connect("r.example:443", "a", &Options::default()).expect("a name");
        assert!(!registry.transport.is_unchecked("r.example"));
    }

    #[test]
    fn names_lead_nowhere_else() {
        for good in ["a", "library/alpine", "a.b_c--d/e"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in ["", "A", "a//b", "../a", "a/..", "a?b", "a/%2e", ".a", "a-", "/a", "a\n"] {
            assert!(!is_repository(bad), "{bad}");
        }
        for bad in ["", ".", "..", "a/b", "a?b", "-a", "sha256:1", "md5:d41d8cd98f00b204e9800998ecf8427e", "a\r\nb"] {
            assert!(check_reference(bad).is_err(), "{bad}");
        }
        assert!(check_reference("v1.0-_x").is_ok());
    }
}
