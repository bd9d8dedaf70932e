//! What the facts of a Dockerfile get from outside of it: the build context, and digests of images and downloads.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::fix::Files;
use crate::model::Dockerfile;
use crate::report::Problem;
use crate::text::Source;

use super::context::{self, Repositories};
use super::failure::Failure;
use super::images::Images;
use super::output::Console;
use super::plan::{Asked, Job, is_stdin, is_template};

/// Tells what names mean today.
trait Resolver: Sync {
    /// The digest of an image's index, `sha256:…`, by the name as the builder gets it.
    fn image(&self, name: &str) -> Option<String>;

    /// The digest of what is at an address, `sha256:…`.
    fn download(&self, address: &str) -> Option<String>;
}

/// Digests that a team keeps in a file.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct LockFile {
    #[serde(default)]
    images: HashMap<String, String>,
    #[serde(default)]
    downloads: HashMap<String, String>,
}

impl Resolver for LockFile {
    fn image(&self, name: &str) -> Option<String> {
        self.images.get(name).cloned()
    }

    fn download(&self, address: &str) -> Option<String> {
        self.downloads.get(address).cloned()
    }
}

impl LockFile {
    fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::Read(format!("`{shown}` can't be read ({error}); check the path given to --lock"))
        })?;
        let lock: Self = serde_json::from_str(&text).map_err(|error| {
            Failure::Usage(format!(
                "`{shown}` is no lock file ({error}); it is JSON with `images` and `downloads`, from names to `sha256:…`"
            ))
        })?;
        let digests = lock.images.iter().chain(&lock.downloads);
        if let Some((name, digest)) = digests.into_iter().find(|(_, digest)| !is_digest(digest)) {
            return Err(Failure::Usage(format!(
                "`{shown}`: `{digest}`, the digest of `{name}`, is not `sha256:` and 64 hexadecimal digits; correct it"
            )));
        }
        Ok(lock)
    }
}

fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or("");
    digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Everything outside of the files themselves.
pub(super) struct Outside {
    repositories: Repositories,
    resolver: Option<Box<dyn Resolver>>,
    images: Images,
}

impl Outside {
    pub(super) fn new(asked: &Asked, console: &Console) -> Result<Self, Failure> {
        let lock = asked.lock.as_deref().map(LockFile::read).transpose()?;
        let resolver = lock.map(|lock| Box::new(lock) as Box<dyn Resolver>);
        Ok(Self { repositories: Repositories::default(), resolver, images: Images::new(&asked.build_context, console) })
    }

    /// The facts of a file; `None` for a template that was not asked for by name.
    pub(super) fn read(&self, job: &Job, source: Source) -> Option<Dockerfile> {
        let mut dockerfile = Dockerfile::new(&job.shown, source);
        if !job.named && is_template(&dockerfile) {
            return None;
        }
        self.fill(job, &mut dockerfile, &Files::new());
        Some(dockerfile)
    }

    /// What kept images from being read, so far.
    pub(super) fn problems(&self) -> Vec<Problem> {
        self.images.problems()
    }

    /// The facts of a file that fixes have changed, with other files as they have left them.
    pub(super) fn reread(&self, job: &Job, source: Source, files: &Files) -> Dockerfile {
        let mut dockerfile = Dockerfile::new(&job.shown, source);
        self.fill(job, &mut dockerfile, files);
        dockerfile
    }

    fn fill(&self, job: &Job, dockerfile: &mut Dockerfile, files: &Files) {
        // Standard input has the build context of the file whose name it is given.
        let location = if is_stdin(&job.path) { Path::new(job.shown.as_ref()) } else { &job.path };
        context::gather(dockerfile, location, &self.repositories, files);
        self.images.fill(job, dockerfile);
        let Some(resolver) = &self.resolver else { return };
        for address in dockerfile.addresses() {
            if let Some(digest) = resolver.download(&address) {
                dockerfile.downloads.insert(address, digest);
            }
        }
        for name in dockerfile.image_names() {
            let digest = resolver.image(&name);
            if digest.is_some() {
                dockerfile.images.entry(name).or_default().digest = digest;
            }
        }
    }
}
