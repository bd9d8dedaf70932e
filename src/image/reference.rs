//! References: `docker://name[:tag][@digest]`, `oci:DIR[:tag]` and the other transports of containers-transports(5).

mod name;

use std::fmt;

use super::Error;

pub(in crate::image) use name::{is_digest, is_hex};

/// Where an image is, as a reference says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    /// Its transport.
    pub transport: Transport,
}

/// The transports of containers-transports(5) that harden reads, with what each names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Transport {
    /// `docker://` or a bare name: a registry.
    Registry {
        /// Host and port: `docker.io`, `localhost:5000`.
        registry: String,
        /// Repository, with `library/` in front where Docker Hub wants it.
        repository: String,
        /// Tag; `latest` where neither tag nor digest is given.
        tag: Option<String>,
        /// Digest.
        digest: Option<String>,
    },
    /// `oci:DIR[:tag]`.
    OciLayout {
        /// The folder.
        path: String,
        /// `org.opencontainers.image.ref.name`, or `@` and an index from 0.
        tag: Option<String>,
    },
    /// `oci-archive:FILE[:tag]`.
    OciArchive {
        /// The file; `-` for standard input.
        path: String,
        /// `org.opencontainers.image.ref.name`, or `@` and an index from 0.
        tag: Option<String>,
    },
    /// `docker-archive:FILE[:name:tag]`.
    DockerArchive {
        /// The file; `-` for standard input.
        path: String,
        /// One of its `RepoTags`, or `@` and an index from 0.
        tag: Option<String>,
    },
    /// `docker-daemon:NAME`.
    DockerDaemon {
        /// Name or id.
        name: String,
    },
    /// `rootfs:DIR`.
    RootFs {
        /// The folder.
        path: String,
    },
    /// `-`: an archive of either form on standard input.
    Stdin,
}

/// The forms there are, for errors.
const FORMS: &str = "write `docker://NAME[:TAG][@DIGEST]`, `oci:FOLDER[:TAG]`, `oci-archive:FILE[:TAG]`, \
    `docker-archive:FILE[:NAME:TAG]`, `docker-daemon:NAME`, `rootfs:FOLDER`, or `-` for an archive on standard input";

/// The words in front of the first colon that aren't names of images.
const TRANSPORTS: [&str; 5] = ["oci", "oci-archive", "docker-archive", "docker-daemon", "rootfs"];

/// Transports of other tools, which a bare name must not be mistaken for.
const STRANGERS: [&str; 6] = ["containers-storage", "dir", "ostree", "sif", "tarball", "atomic"];

impl Reference {
    /// Reads a reference. A bare name is a registry's; `-` is standard input. Only the text is looked at: nothing is
    /// opened.
    ///
    /// # Errors
    /// A text that no transport reads, with the forms that there are.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |problem: String| Error::new(text, problem, FORMS);
        if text == "-" {
            return Ok(Self { transport: Transport::Stdin });
        }
        if text.is_empty() || text.chars().any(|c| c.is_control() || c == ' ') {
            return Err(refuse("a reference is not empty and has no spaces or control characters".to_owned()));
        }
        if let Some(name) = text.strip_prefix("docker://") {
            return Ok(Self { transport: registry(text, name)? });
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(refuse(format!("`{scheme}://` is no transport of images")));
        }
        if let Some((word, rest)) = text.split_once(':') {
            if TRANSPORTS.contains(&word) {
                return Ok(Self { transport: transport(text, word, rest)? });
            }
            if STRANGERS.contains(&word) {
                return Err(refuse(format!("images are not read from `{word}:`")));
            }
            let near = |known: &&&str| word.len() > 4 && strsim::damerau_levenshtein(word, known) <= 2;
            if let Some(meant) = TRANSPORTS.iter().find(near) {
                return Err(refuse(format!("`{word}:` is no transport; `{meant}:` is near")));
            }
        }
        if text.starts_with(['/', '.', '~', '\\']) || drive(text) > 0 {
            return Err(refuse("it is a path, which does not say what is there".to_owned()));
        }
        Ok(Self { transport: registry(text, text)? })
    }

    /// A registry's image without tag and digest: `docker.io/library/debian`. `None` for other transports.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match &self.transport {
            Transport::Registry { registry, repository, .. } => Some(format!("{registry}/{repository}")),
            _ => None,
        }
    }

    /// As [`Reference::name`], in the short form that people write: `debian`, `grafana/grafana`, `ghcr.io/a/b`.
    #[must_use]
    pub fn familiar(&self) -> Option<String> {
        self.name().map(|name| name::familiar(&name).to_owned())
    }
}

impl Reference {
    /// What it names, without tag and digest: the same for the next build of the image.
    #[must_use]
    pub fn name_without_tag(&self) -> String {
        match &self.transport {
            Transport::Registry { registry, repository, .. } => format!("{registry}/{repository}"),
            Transport::OciLayout { path, .. }
            | Transport::OciArchive { path, .. }
            | Transport::DockerArchive { path, .. }
            | Transport::RootFs { path } => path.clone(),
            // An id stays whole; `sha256:` in front of one isn't a name with a tag.
            Transport::DockerDaemon { name } => match name::parse(name) {
                Ok(parsed) if !is_id(name) => {
                    name::familiar(&format!("{}/{}", parsed.registry, parsed.repository)).to_owned()
                }
                _ => name.clone(),
            },
            Transport::Stdin => "-".to_owned(),
        }
    }
}

impl fmt::Display for Reference {
    /// The reference in full, as [`Reference::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tagged = |f: &mut fmt::Formatter<'_>, word: &str, path: &str, tag: &Option<String>| match tag {
            Some(tag) => write!(f, "{word}:{path}:{tag}"),
            None => write!(f, "{word}:{path}"),
        };
        match &self.transport {
            Transport::Registry { registry, repository, tag, digest } => {
                write!(f, "docker://{registry}/{repository}")?;
                if let Some(tag) = tag {
                    write!(f, ":{tag}")?;
                }
                digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
            }
            Transport::OciLayout { path, tag } => tagged(f, "oci", path, tag),
            Transport::OciArchive { path, tag } => tagged(f, "oci-archive", path, tag),
            Transport::DockerArchive { path, tag } => tagged(f, "docker-archive", path, tag),
            Transport::DockerDaemon { name } => write!(f, "docker-daemon:{name}"),
            Transport::RootFs { path } => write!(f, "rootfs:{path}"),
            Transport::Stdin => f.write_str("-"),
        }
    }
}

/// Whether two names mean the same image, one tag given or not: `debian:12` and `docker.io/library/debian:12`.
pub(super) fn same_image(one: &str, other: &str) -> bool {
    one == other || matches!((name::parse(one), name::parse(other)), (Ok(one), Ok(other)) if one == other)
}

fn registry(text: &str, written: &str) -> Result<Transport, Error> {
    let name::Name { registry, repository, mut tag, digest } =
        name::parse(written).map_err(|(problem, remedy)| Error::new(text, problem, remedy))?;
    if tag.is_none() && digest.is_none() {
        tag = Some("latest".to_owned());
    }
    Ok(Transport::Registry { registry, repository, tag, digest })
}

fn transport(text: &str, word: &str, rest: &str) -> Result<Transport, Error> {
    let missing = |what: &str| Error::new(text, format!("{what} is missing behind `{word}:`"), FORMS);
    match word {
        "rootfs" if rest.is_empty() => return Err(missing("the folder")),
        "rootfs" => return Ok(Transport::RootFs { path: rest.to_owned() }),
        "docker-daemon" if rest.is_empty() => return Err(missing("a name or an id")),
        "docker-daemon" => {
            if !is_id(rest) {
                name::parse(rest).map_err(|(problem, remedy)| Error::new(text, problem, remedy))?;
            }
            return Ok(Transport::DockerDaemon { name: rest.to_owned() });
        }
        _ => {}
    }
    let (path, tag) = match rest[drive(rest)..].find(':') {
        Some(at) => (&rest[..drive(rest) + at], Some(&rest[drive(rest) + at + 1..])),
        None => (rest, None),
    };
    if path.is_empty() {
        return Err(missing(if word == "oci" { "the folder" } else { "the file" }));
    }
    if tag == Some("") {
        return Err(Error::new(
            text,
            "nothing stands behind the last colon",
            "write the tag there, or leave out the colon",
        ));
    }
    if let Some(index) = tag.and_then(|tag| tag.strip_prefix('@'))
        && index.parse::<u32>().is_err()
    {
        return Err(Error::new(text, format!("`@{index}` is no index"), "write `@0` for the first image"));
    }
    let (path, tag) = (path.to_owned(), tag.map(str::to_owned));
    Ok(match word {
        "oci" => Transport::OciLayout { path, tag },
        "oci-archive" => Transport::OciArchive { path, tag },
        _ => {
            if let Some(tag) = tag.as_deref().filter(|tag| !tag.starts_with('@')) {
                name::parse(tag).map_err(|(problem, remedy)| Error::new(text, problem, remedy))?;
            }
            Transport::DockerArchive { path, tag }
        }
    })
}

/// Whether a name is a daemon's id of an image, whole or its start, with `sha256:` in front or without.
fn is_id(name: &str) -> bool {
    name.len() <= 71 && name::is_hex(name.strip_prefix("sha256:").unwrap_or(name))
}

/// The length of a Windows drive in front of a path, whose colon parts nothing: `C:\images`, `c:/images`.
fn drive(path: &str) -> usize {
    match path.as_bytes() {
        [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic() => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Reference, Transport, same_image};

    fn registry(text: &str) -> [String; 4] {
        let Ok(Reference { transport: Transport::Registry { registry, repository, tag, digest } }) =
            Reference::parse(text)
        else {
            panic!("`{text}` is a registry's: {:?}", Reference::parse(text))
        };
        [registry, repository, tag.unwrap_or_default(), digest.unwrap_or_default()]
    }

    #[test]
    fn names_are_normalised_as_docker_does() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(registry("debian"), ["docker.io", "library/debian", "latest", ""]);
        assert_eq!(registry("docker:dind"), ["docker.io", "library/docker", "dind", ""]);
        assert_eq!(registry("docker://index.docker.io/debian:12"), ["docker.io", "library/debian", "12", ""]);
        assert_eq!(registry("grafana/grafana"), ["docker.io", "grafana/grafana", "latest", ""]);
        assert_eq!(registry("localhost/a"), ["localhost", "a", "latest", ""]);
        assert_eq!(registry("localhost:5000/a:b"), ["localhost:5000", "a", "b", ""]);
        assert_eq!(registry("[::1]:5000/a"), ["[::1]:5000", "a", "latest", ""]);
        assert_eq!(registry("ghcr.io/a/b__c.d---e:V.1-_"), ["ghcr.io", "a/b__c.d---e", "V.1-_", ""]);
        assert_eq!(registry(&format!("a@{digest}")), ["docker.io", "library/a", "", &digest]);
        assert_eq!(registry(&format!("docker://a:1@{digest}")), ["docker.io", "library/a", "1", &digest]);
    }

    #[test]
    fn what_is_no_name_is_refused_and_says_why() {
        let hex = "a".repeat(64);
        for (text, word) in [
            ("", "empty"),
            ("a b", "spaces"),
            ("Debian", "lowercase"),
            ("ghcr.io/A/b", "lowercase"),
            ("a//b", "component"),
            ("a/-b", "component"),
            ("a:", "tag"),
            ("a:-b", "tag"),
            (&format!("a:{}", "b".repeat(129)), "tag"),
            ("a@sha256:abc", "digest"),
            (&format!("a@sha256:{}", "A".repeat(64)), "digest"),
            (&hex, "id"),
            ("https://ghcr.io/a", "https"),
            ("./a.tar", "path"),
            ("C:\\a.tar", "path"),
            ("dir:/a", "`dir:`"),
            ("oci-archve:a.tar", "`oci-archive:`"),
            ("docker-deamon:a", "`docker-daemon:`"),
            ("oci:", "folder"),
            ("oci:a:", "colon"),
            ("oci-archive::a", "file"),
            ("docker-archive:a:@x", "index"),
            ("docker-archive:a:B", "lowercase"),
            ("docker-daemon:../../x", "host"),
            ("docker://", "empty"),
            ("ghcr.io/", "component"),
            ("a..b.io:99999999/x", "host"),
        ] {
            let error = Reference::parse(text).expect_err(text).to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn a_drive_is_no_tag() {
        let layout = |path: &str, tag: Option<&str>| Reference {
            transport: Transport::OciLayout { path: path.to_owned(), tag: tag.map(str::to_owned) },
        };
        assert_eq!(Reference::parse("oci:C:\\a"), Ok(layout("C:\\a", None)));
        assert_eq!(Reference::parse("oci:c:/a:b"), Ok(layout("c:/a", Some("b"))));
        assert_eq!(Reference::parse("oci:a:b"), Ok(layout("a", Some("b"))));
        assert_eq!(Reference::parse("oci:a:localhost:5000/b:c"), Ok(layout("a", Some("localhost:5000/b:c"))));
    }

    #[test]
    fn a_name_without_its_tag_is_that_of_the_next_build() {
        let name = |text: &str| Reference::parse(text).expect(text).name_without_tag();
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(name("debian:12"), "docker.io/library/debian");
        assert_eq!(name("docker-daemon:debian:12"), "debian");
        assert_eq!(name("docker-daemon:localhost:5000/a"), "localhost:5000/a");
        assert_eq!(name("docker-daemon:localhost:5000/a:b"), "localhost:5000/a");
        assert_eq!(name("docker-daemon:localhost:5000/b"), "localhost:5000/b");
        assert_eq!(name(&format!("docker-daemon:a@{digest}")), "a");
        assert_eq!(name(&format!("docker-daemon:ghcr.io/a/b:1@{digest}")), "ghcr.io/a/b");
        for id in [digest.as_str(), &digest[7..], "sha256:abc123", "0123abc"] {
            assert_eq!(name(&format!("docker-daemon:{id}")), id);
        }
    }

    #[test]
    fn display_is_read_back() {
        for text in [
            "-",
            "a",
            "a:1",
            "ghcr.io/a/b",
            "oci:x",
            "oci:x:y",
            "oci-archive:/x.tar:y",
            "docker-archive:x.tar:a:b",
            "docker-archive:x.tar:@3",
            "docker-daemon:a:b",
            "docker-daemon:0123abc",
            "rootfs:/x:y",
        ] {
            let reference = Reference::parse(text).expect(text);
            assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
        }
        let reference = Reference::parse("debian:12").expect("a name");
        assert_eq!(reference.to_string(), "docker://docker.io/library/debian:12");
        assert_eq!(reference.name().as_deref(), Some("docker.io/library/debian"));
        assert_eq!(reference.familiar().as_deref(), Some("debian"));
        assert!(same_image("debian:12", "docker.io/library/debian:12") && !same_image("debian", "debian:12"));
    }
}
