//! Addresses without TLS in the words of commands that fetch code.

use crate::model::CommandRef;
use crate::shell::tools::{self, Tool};
use crate::shell::{Part, Word};
use crate::text::Span;

/// An address that is fetched in clear text.
pub(super) struct Address {
    pub(super) span: Span,
    /// As the message shows it: without query and password.
    pub(super) shown: String,
    /// Whether its name is that of data rather than code.
    pub(super) is_data: bool,
    /// Whether a variable takes part.
    pub(super) guessed: bool,
    /// `http`, `ftp` or `git`.
    pub(super) scheme: String,
    /// The server's name, its port with it.
    pub(super) host: String,
    /// The variable that the address starts with, where it does.
    pub(super) variable: Option<String>,
}

/// The addresses without TLS that a command fetches code from.
pub(super) fn of(command: CommandRef<'_>) -> Vec<Address> {
    words(command).into_iter().filter_map(|(word, text)| address(command, word, text)).collect()
}

/// A word, and the part of it that names what is fetched where that isn't the whole.
type Named<'a> = (&'a Word, Option<&'a str>);

fn whole(words: Vec<&Word>) -> Vec<Named<'_>> {
    words.into_iter().map(|word| (word, None)).collect()
}

/// The words that name what is fetched, with the part of the word that does.
fn words(command: CommandRef<'_>) -> Vec<Named<'_>> {
    let name = command.command.base_name();
    let all = command.command.arguments.iter();
    let Some(invocation) = tools::invocation(command.command) else {
        let by_name = match name.to_ascii_lowercase().as_str() {
            "aria2c" | "axel" | "fetch" | "http" | "https" | "xh" | "lwp-download" | "invoke-webrequest" | "iwr"
            | "invoke-restmethod" | "irm" | "start-bitstransfer" | "svn" | "hg" => all.collect(),
            "apt-key" | "apt-add-repository" => all.filter(|word| word.text.starts_with("http")).collect(),
            _ => Vec::new(),
        };
        return whole(by_name);
    };
    // What an option's value names, for the tools that take an index or registry there.
    let values = |names: &[&str]| -> Vec<Named<'_>> {
        let used = invocation.options.iter().filter(|used| names.contains(&used.name));
        used.filter_map(|used| used.value.map(|value| (value.word, Some(value.text)))).collect()
    };
    match invocation.tool {
        // A request with a body or of another method talks to a service.
        Tool::Curl
            if ["--data", "--data-binary", "--data-raw", "--head", "--request", "--form", "--upload-file"]
                .iter()
                .any(|option| invocation.has(option)) =>
        {
            Vec::new()
        }
        Tool::Wget if invocation.has("--spider") || invocation.has("--post-data") => Vec::new(),
        Tool::Curl | Tool::Wget => whole(invocation.urls()),
        Tool::Git if matches!(invocation.verb(), "clone" | "fetch" | "pull" | "submodule" | "remote") => {
            whole(invocation.urls())
        }
        Tool::Pip => {
            let mut found = values(&["--index-url", "--extra-index-url", "--find-links"]);
            found.extend(whole(invocation.urls()));
            found
        }
        Tool::Npm | Tool::Yarn | Tool::Pnpm => {
            let mut found = values(&["--registry"]);
            found.extend(whole(invocation.urls()));
            found
        }
        Tool::Gem => {
            let mut found = values(&["--source", "--add"]);
            found.extend(whole(invocation.urls()));
            found
        }
        Tool::Dnf | Tool::Zypper if invocation.is_install() => whole(invocation.urls()),
        Tool::Rpm => whole(invocation.urls()),
        _ => Vec::new(),
    }
}

fn address(command: CommandRef<'_>, word: &Word, text: Option<&str>) -> Option<Address> {
    let resolved = match text {
        Some(text) => text.to_owned(),
        None => command.resolve(word).unwrap_or_else(|| word.text.clone()),
    };
    let (scheme, rest) = resolved.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "ftp" | "git") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if is_private(host) {
        return None;
    }
    let path = resolved.split(['?', '#']).next().unwrap_or("");
    let tail = path.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or("");
    const DATA: [&str; 13] =
        [".txt", ".csv", ".json", ".html", ".htm", ".xml", ".pdf", ".png", ".jpg", ".svg", ".md", ".tsv", ".dat"];
    let lower = tail.to_ascii_lowercase();
    Some(Address {
        span: word.span,
        shown: format!("{scheme}://{host}{}", tail.split(['`', '(']).next().unwrap_or("")),
        is_data: DATA.iter().any(|suffix| lower.ends_with(suffix)),
        guessed: !word.parts.is_empty(),
        host: host.to_owned(),
        scheme,
        variable: match word.parts.first() {
            Some(Part::Variable(name)) => Some(name.clone()),
            _ => None,
        },
    })
}

/// A host of the build's own or of its network, or one that isn't known.
fn is_private(host: &str) -> bool {
    if host.starts_with('[') {
        return host.starts_with("[::1]") || host.starts_with("[f");
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if let Ok(address) = name.parse::<std::net::Ipv4Addr>() {
        return address.is_loopback() || address.is_private() || address.is_link_local() || address.is_unspecified();
    }
    const LOCAL: [&str; 9] = ["local", "localhost", "internal", "lan", "test", "svc", "corp", "home", "intranet"];
    let last = name.rsplit('.').next().unwrap_or("");
    name.is_empty() || !name.contains('.') || name.contains(['$', '`', '%', '{']) || LOCAL.contains(&last)
}
