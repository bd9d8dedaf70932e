//! Names of images in registries, by the grammar of distribution's `reference` package.

/// A name, normalised as Docker does.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Name {
    pub(super) registry: String,
    pub(super) repository: String,
    pub(super) tag: Option<String>,
    pub(super) digest: Option<String>,
}

/// What is wrong and what to do.
type Refusal = (String, String);

/// Reads `[host[:port]/]path[:tag][@digest]`.
pub(super) fn parse(text: &str) -> Result<Name, Refusal> {
    let refuse = |problem: String, remedy: &str| Err((problem, remedy.to_owned()));
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    if let Some(digest) = digest.filter(|digest| !is_digest(digest)) {
        return refuse(format!("`{digest}` is no digest"), "write `sha256:` and 64 hexadecimal digits in lowercase");
    }
    // A colon behind the last slash starts the tag; one before it, a port.
    let last = rest.rfind('/').map_or(0, |at| at + 1);
    let (path, tag) = match rest[last..].find(':') {
        Some(at) => (&rest[..last + at], Some(&rest[last + at + 1..])),
        None => (rest, None),
    };
    if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
        return refuse(
            format!("`{tag}` is no tag"),
            "a tag has 1 to 128 letters, digits, `_`, `.` or `-`, and starts with none of the last two",
        );
    }
    if path.is_empty() {
        return refuse("the name is empty".to_owned(), "write a name such as `debian` or `ghcr.io/owner/image`");
    }
    let (host, path) = match path.split_once('/') {
        Some((host, path)) if is_host_like(host) => (host, path.to_owned()),
        _ => ("docker.io", path.to_owned()),
    };
    if !is_host(host) {
        return refuse(
            format!("`{host}` is no host"),
            "write a host name or address, with `:PORT` behind it if it needs one",
        );
    }
    let registry = if host == "index.docker.io" { "docker.io" } else { host };
    if registry == "docker.io" && path.len() == 64 && is_hex(&path) {
        return refuse("it is the id of an image, not a name".to_owned(), "write `docker-daemon:` in front of it");
    }
    if path.chars().any(|c| c.is_ascii_uppercase()) {
        let lower = text.replace(&path, &path.to_ascii_lowercase());
        return refuse("names of repositories are lowercase".to_owned(), &format!("write `{lower}`"));
    }
    if let Some(bad) = path.split('/').find(|component| !is_component(component)) {
        return refuse(
            format!("`{bad}` is no component of a name"),
            "between slashes stand lowercase letters and digits, parted by `.`, `_`, `__` or dashes",
        );
    }
    let repository = if registry == "docker.io" && !path.contains('/') { format!("library/{path}") } else { path };
    if registry.len() + repository.len() > 254 {
        return refuse("the name is longer than 255 bytes".to_owned(), "write a shorter name");
    }
    Ok(Name {
        registry: registry.to_owned(),
        repository,
        tag: tag.map(str::to_owned),
        digest: digest.map(str::to_owned),
    })
}

/// The short form of a full name without tag.
pub(super) fn familiar(name: &str) -> &str {
    let short = name.strip_prefix("docker.io/").unwrap_or(name);
    match short.strip_prefix("library/") {
        Some(shorter) if short.len() < name.len() => shorter,
        _ => short,
    }
}

/// Whether a text is a digest: `sha256:` and 64, or `sha512:` and 128 hexadecimal digits in lowercase. No other algorithm
/// is registered (OCI image specification, descriptor).
pub(in crate::image) fn is_digest(text: &str) -> bool {
    match text.split_once(':') {
        Some(("sha256", hex)) => hex.len() == 64 && is_hex(hex),
        Some(("sha512", hex)) => hex.len() == 128 && is_hex(hex),
        _ => false,
    }
}

/// Whether a text is made of lowercase hexadecimal digits.
pub(in crate::image) fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// Whether what stands before the first slash is a host and not a part of the path.
fn is_host_like(text: &str) -> bool {
    text == "localhost" || text.contains(['.', ':']) || text.chars().any(|c| c.is_ascii_uppercase())
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('+')) {
        return false;
    }
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    host.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = text.split(is_letter).filter(|part| !part.is_empty());
    text.starts_with(is_letter)
        && text.ends_with(is_letter)
        && separators.into_iter().all(|part| matches!(part, "." | "_" | "__") || part.bytes().all(|byte| byte == b'-'))
}
