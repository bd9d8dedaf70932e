//! What images say to the Dockerfiles that name them or are built into them. Each is read once a run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::image::{Image, Reference, Transport};
use crate::model::{Dockerfile, ImageContent, ImageFacts};
use crate::report::Problem;

use super::opening::{Opener, Opening};
use super::output::Console;
use super::plan::Job;

/// Images by their reference.
pub(super) struct Images {
    /// Where base images are read from instead of their registry, by name.
    contexts: HashMap<String, String>,
    console: Console,
    /// Made when the first image is opened: it looks for credentials and registries' settings in many places, and most runs
    /// open none.
    opener: OnceLock<Opener>,
    opened: Mutex<HashMap<String, Option<Opened>>>,
    problems: Mutex<Vec<Problem>>,
}

/// An image that was read, and what Dockerfiles on top of it ask.
#[derive(Clone)]
struct Opened {
    image: Arc<Image>,
    /// Made when a file names the image as its base.
    content: Arc<OnceLock<ImageContent>>,
}

impl Images {
    pub(super) fn new(contexts: &[(String, String)], console: &Console) -> Self {
        Self {
            contexts: contexts.iter().cloned().collect(),
            console: *console,
            opener: OnceLock::new(),
            opened: Mutex::default(),
            problems: Mutex::default(),
        }
    }

    /// What could not be read.
    pub(super) fn problems(&self) -> Vec<Problem> {
        std::mem::take(&mut self.problems.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds what images say to the facts of a file.
    pub(super) fn fill(&self, job: &Job, dockerfile: &mut Dockerfile) {
        if let Some(name) = &job.image {
            dockerfile.result = self.image(name, job).map(|opened| opened.image);
        }
        if let Some(image) = dockerfile.result.clone()
            && let Some((name, content)) = dockerfile.base_of(&image)
        {
            dockerfile.images.insert(name, ImageFacts { digest: None, content: Some(content) });
        }
        if self.contexts.is_empty() && !job.online {
            return;
        }
        for name in dockerfile.image_names() {
            let elsewhere = self.contexts.get(&name);
            let online = || job.online.then(|| format!("docker://{name}"));
            let Some(reference) = elsewhere.cloned().or_else(online) else { continue };
            let Some(Opened { image, content }) = self.image(&reference, job) else { continue };
            let content = content.get_or_init(|| ImageContent::of(&image)).clone();
            let digest = image.index_digest.clone().or_else(|| image.digest.clone());
            // What another place says of the digest is not what the registry says.
            let digest = digest.filter(|_| elsewhere.is_none());
            dockerfile.images.insert(name, ImageFacts { digest, content: Some(content) });
        }
    }

    fn image(&self, name: &str, job: &Job) -> Option<Opened> {
        // One at a time: reading an image uses all processors by itself, and many files share one.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = opened.get(name) {
            return known.clone();
        }
        let image = self.read(name, job).map_err(|message| {
            let problem = Problem { path: Some(job.shown.to_string()), message };
            self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
        });
        let image = image.ok().map(|image| Opened { image: Arc::new(image), content: Arc::default() });
        opened.insert(name.to_owned(), image.clone());
        image
    }

    fn read(&self, name: &str, job: &Job) -> Result<Image, String> {
        let reference = Reference::parse(name).map_err(|error| error.to_string())?;
        let remote = matches!(reference.transport, Transport::Registry { .. } | Transport::DockerDaemon { .. });
        if remote && !job.online {
            return Err(format!("`{name}` is not read, since linting opens no connection; add `--online` to allow it"));
        }
        self.opener.get_or_init(|| Opener::new(&Opening::default(), &self.console)).open(name)
    }
}
