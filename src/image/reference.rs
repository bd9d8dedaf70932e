//! References: `docker://name[:tag][@digest]`, `oci:DIR[:tag]` and the other transports.

use super::Error;

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
        /// `org.opencontainers.image.ref.name`.
        tag: Option<String>,
    },
    /// `oci-archive:FILE[:tag]`.
    OciArchive {
        /// The file; `-` for standard input.
        path: String,
        /// `org.opencontainers.image.ref.name`.
        tag: Option<String>,
    },
    /// `docker-archive:FILE[:name:tag]`.
    DockerArchive {
        /// The file; `-` for standard input.
        path: String,
        /// One of its `RepoTags`.
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

impl Reference {
    /// Reads a reference. A bare name is a registry's; `-` is standard input.
    ///
    /// # Errors
    /// A text that no transport reads, with the forms that there are.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "-" => Ok(Self { transport: Transport::Stdin }),
            _ => Err(Error::new(text, "it is no reference of an image", "write `docker://NAME` or `oci:FOLDER`")),
        }
    }

    /// What it names, without tag and digest: the same for the next build of the image.
    #[must_use]
    pub fn name_without_tag(&self) -> String {
        match &self.transport {
            Transport::Registry { registry, repository, .. } => format!("{registry}/{repository}"),
            Transport::OciLayout { path, .. }
            | Transport::OciArchive { path, .. }
            | Transport::DockerArchive { path, .. }
            | Transport::RootFs { path } => path.clone(),
            Transport::DockerDaemon { name } => {
                name.rsplit_once(':').map_or(name.as_str(), |(name, _)| name).to_owned()
            }
            Transport::Stdin => "-".to_owned(),
        }
    }
}
