//! Logins: what a registry asks for with `WWW-Authenticate` (RFC 9110, 11), and the tokens that stand for it (docker's
//! token authentication, with GET for a password and OAuth 2 POST for an identity token).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci_client::token_cache::RegistryToken;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use super::answer::{address, shown};
use super::credentials::Identity;
use super::mirrors::Site;
use super::transport::{Ask, Transport};
use crate::image::Error;

/// How a registry wants to be told who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

/// Tokens are a few kilobytes; this is what registries with many scopes may need at most.
const TOKEN_BYTES: u64 = 256 << 10;

impl Challenge {
    /// What an answer asks for; a token rather than a password where it takes both.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let all: Vec<Self> = values.flat_map(challenges).collect();
        all.iter().find(|one| matches!(one, Self::Bearer { .. })).or_else(|| all.first()).cloned()
    }

    /// What to show, for this challenge; `None` where we have nothing to show.
    pub(super) async fn met(
        &self,
        transport: &Transport,
        registry: &Url,
        site: &Site,
        identity: &Identity,
    ) -> Result<Option<HeaderValue>, Error> {
        let repository = &site.repository;
        match (self, identity) {
            (_, Identity::Bearer(token)) => header("Bearer ", token, registry).map(Some),
            (Self::Basic, Identity::Password(user, password)) => basic(user, password, registry).map(Some),
            (Self::Basic, _) => Ok(None),
            (Self::Bearer { realm, service }, _) => {
                let ask = token_request(realm, service.as_deref(), registry, repository, identity)?;
                let answer = transport.fetch(&ask, TOKEN_BYTES).await?;
                if !answer.status.is_success() {
                    let who =
                        if *identity == Identity::Anonymous { "without a login" } else { "for the login it was shown" };
                    return Err(answer.refusal(&format!("a token for `{repository}` {who}"), &site.host));
                }
                let token: RegistryToken = serde_json::from_slice(&answer.body).map_err(|_| {
                    // The text isn't quoted: it may hold half a token.
                    Error::new(
                        address(&answer.url),
                        "its answer holds no token",
                        "check that it is the registry's token server",
                    )
                })?;
                header("Bearer ", token.token(), &answer.url).map(Some)
            }
        }
    }
}

fn token_request(
    realm: &str,
    service: Option<&str>,
    registry: &Url,
    repository: &str,
    identity: &Identity,
) -> Result<Ask, Error> {
    let wrong = |problem: String| {
        Error::new(address(registry), problem, "check that the address is a registry's, and tell its operator")
    };
    let mut url =
        Url::parse(realm).map_err(|_| wrong(format!("it asks to log in at `{}`, no address", shown(realm))))?;
    match (registry.scheme(), url.scheme()) {
        (_, "https") | ("http", "http") => {}
        _ => return Err(wrong(format!("it asks to log in at `{}`, where a password isn't safe", address(&url)))),
    }
    let scope = format!("repository:{repository}:pull");
    if let Identity::Refresh(token) = identity {
        let mut form = url.clone();
        form.set_query(None);
        form.query_pairs_mut()
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", service.unwrap_or_default())
            .append_pair("client_id", "harden")
            .append_pair("scope", &scope)
            .append_pair("refresh_token", token);
        let body = form.query().unwrap_or_default().to_owned();
        return Ok(Ask { method: reqwest::Method::POST, form: Some(body), ..Ask::get(url, "application/json") });
    }
    if let Some(service) = service {
        url.query_pairs_mut().append_pair("service", service);
    }
    url.query_pairs_mut().append_pair("scope", &scope);
    let mut ask = Ask::get(url, "application/json");
    if let Identity::Password(user, password) = identity {
        ask.authorization = Some(basic(user, password, registry)?);
    }
    Ok(ask)
}

/// User and password as RFC 7617 has them.
fn basic(user: &str, password: &str, place: &Url) -> Result<HeaderValue, Error> {
    header("Basic ", &STANDARD.encode(format!("{user}:{password}")), place)
}

/// A header that is kept out of logs; a token with control characters in it is a lie.
fn header(scheme: &str, value: &str, place: &Url) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::from_str(&format!("{scheme}{value}")).map_err(|_| {
        Error::new(address(place), "the token has characters that no token has", "log in anew, or tell the operator")
    })?;
    header.set_sensitive(true);
    Ok(header)
}

/// The challenges of one header that are understood.
fn challenges(value: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut scheme = String::new();
    let mut realm = None;
    let mut service = None;
    let mut close = |scheme: &str, realm: &mut Option<String>, service: &mut Option<String>| {
        let (realm, service) = (realm.take(), service.take());
        match (scheme.to_ascii_lowercase().as_str(), realm) {
            ("bearer", Some(realm)) => found.push(Challenge::Bearer { realm, service }),
            ("basic", _) => found.push(Challenge::Basic),
            _ => {}
        }
    };
    let mut rest = value.trim();
    while !rest.is_empty() {
        let end = rest.find([' ', '=', ',']).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        if let Some(text) = behind.strip_prefix('=') {
            let (text, after) = parameter(text);
            match word.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(text),
                "service" => service = Some(text),
                _ => {}
            }
            rest = after;
        } else {
            if !word.is_empty() {
                close(&scheme, &mut realm, &mut service);
                scheme = word.to_owned();
            }
            rest = behind;
        }
        rest = rest.trim_start_matches([' ', ',', '\t']);
    }
    close(&scheme, &mut realm, &mut service);
    found
}

/// The value of a parameter, quoted or not, and what comes after it.
fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) }
    }

    #[test]
    fn challenges_are_read() {
        assert_eq!(
            challenges(r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="a:b:c,d""#),
            [bearer("https://auth.docker.io/token", Some("registry.docker.io"))]
        );
        assert_eq!(challenges(r#"Basic realm="a, \"b\"""#), [Challenge::Basic]);
        assert_eq!(challenges("basic"), [Challenge::Basic]);
        assert_eq!(
            challenges(r#"Basic realm="x", bearer  service=s , realm=r"#),
            [Challenge::Basic, bearer("r", Some("s"))]
        );
        for odd in ["", "Bearer", "=", "Negotiate", "Bearer service=\"x", ",,,", "Digest realm=\"y\""] {
            assert_eq!(challenges(odd), [], "{odd}");
        }
    }

    #[test]
    fn passwords_go_to_safe_realms_only() {
        let registry = Url::parse("https://r.example/v2/").expect("an address");
        let identity = Identity::Password("u".to_owned(), "p".to_owned());
        for realm in ["http://auth.example/token", "file:///etc/passwd", "token"] {
            assert!(token_request(realm, None, &registry, "a", &identity).is_err(), "{realm}");
        }
        let ask = token_request("https://auth.example/t?x=1", Some("s v"), &registry, "a/b", &identity).expect("safe");
        assert_eq!(ask.url.as_str(), "https://auth.example/t?x=1&service=s+v&scope=repository%3Aa%2Fb%3Apull");
        let identity = Identity::Refresh("a&b".to_owned());
        let ask = token_request("https://auth.example/t", Some("s"), &registry, "a", &identity).expect("safe");
        let body = ask.form.expect("a form");
        assert!(body.ends_with("&refresh_token=a%26b") && ask.authorization.is_none(), "{body}");
    }
}
