//! What a registry's answer means to whoever asked: one error for each way to say no, with what to do.

use oci_client::errors::OciEnvelope;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{StatusCode, Url};

use crate::image::Error;

/// An answer that was read whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Where it came from in the end.
    pub(super) url: Url,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The value of a header, where it is ASCII.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Content-Type` without parameters, in lower case.
    pub(super) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        shown(value.split(';').next().unwrap_or_default().trim()).to_ascii_lowercase()
    }

    /// What an answer says that is no success; `what` is what was asked of the registry `host`, such as
    /// ``the manifest `latest` ``. The answer may be another host's, after a redirect.
    pub(super) fn refusal(&self, what: &str, host: &str) -> Error {
        let said = self.said();
        let with_words = |problem: &str| match &said {
            Some(said) => format!("{problem} ({}: {said})", self.status.as_u16()),
            None => format!("{problem} ({})", self.status.as_u16()),
        };
        let (problem, remedy) = match self.status.as_u16() {
            401 => (
                format!("the registry wants a login to give {what}"),
                format!(
                    "log in with `docker login {host}` or `podman login {host}`, and check the name: some \
                         registries answer so for what doesn't exist"
                ),
            ),
            403 => (
                format!("the registry doesn't let you have {what}"),
                "log in as somebody who may pull it, or ask its owner for the right".to_owned(),
            ),
            404 => (
                format!("the registry doesn't have {what}"),
                "check the spelling of registry, repository, and tag or digest".to_owned(),
            ),
            429 => {
                let wait = self.header(RETRY_AFTER.as_str()).map(|wait| format!(", try again in {}", waiting(wait)));
                (
                    format!("the registry's rate limit is reached, and didn't pass while waiting for {what}"),
                    format!(
                        "log in for a higher limit, use a mirror{}",
                        wait.unwrap_or(", or try again later".to_owned())
                    ),
                )
            }
            300..=399 => (format!("the registry's redirect for {what} leads nowhere"), "tell its operator".to_owned()),
            500.. => (format!("the registry fails to give {what}"), "try again later, or tell its operator".to_owned()),
            _ => (
                format!("the registry doesn't give {what}"),
                "check that the address is a registry's, and that a proxy doesn't answer in its place".to_owned(),
            ),
        };
        Error::new(address(&self.url), with_words(&problem), remedy)
    }

    /// The registry's own words: the first error of its envelope (OCI distribution specification, error codes).
    fn said(&self) -> Option<String> {
        let envelope: OciEnvelope = serde_json::from_slice(&self.body).ok()?;
        let first = envelope.errors.first()?;
        let code = serde_json::to_value(&first.code).ok()?;
        let code = code.as_str().unwrap_or_default();
        let text = if first.message.is_empty() { code.to_owned() } else { format!("{code}, {}", first.message) };
        Some(shown(&text)).filter(|text| !text.is_empty())
    }

    /// Whether it is a web page, as portals and proxies put in place of an answer.
    pub(super) fn is_page(&self) -> bool {
        let start = self.body.trim_ascii_start().get(..1);
        self.media_type() == "text/html" || start == Some(b"<")
    }
}

/// A host's text, fit to be shown: no control characters, and at most 200 characters.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// An address without what may be secret in it: the user, the query of a signed address, the fragment.
pub(super) fn address(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), shown(url.path()))
}

fn waiting(header: &str) -> String {
    match header.trim().parse::<u64>() {
        Ok(seconds) => format!("{seconds} s"),
        Err(_) => format!("time (not before {})", shown(header)),
    }
}
