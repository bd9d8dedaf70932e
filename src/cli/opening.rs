//! Opening images: options, credentials, the cache, and what is shown while it takes time.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::image::registry::{self, Progress};
use crate::image::source::{self, Request};
use crate::image::{Cache, Image, Limits, Reference, Wanted, size_said};
use crate::{lint, platform};

use super::output::Console;
use super::plan::today;

/// How images are opened.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Opening {
    /// The platform to choose where an image has several, such as linux/arm64/v8 [default: this machine's]
    #[arg(long, value_name = "OS/ARCH", help_heading = "Image")]
    pub(super) platform: Option<String>,

    /// Use this file of registry credentials, as podman and docker write it
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Image")]
    pub(super) authfile: Option<PathBuf>,

    /// A registry that may speak plain HTTP or have any certificate
    #[arg(long, value_name = "HOST[:PORT]", help_heading = "Image")]
    pub(super) insecure_registry: Vec<String>,

    /// Keep and use nothing of earlier runs
    #[arg(long, help_heading = "Image")]
    pub(super) no_cache: bool,

    /// Bytes of a layer, uncompressed, before it counts as hostile
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().layer_bytes, help_heading = "Image")]
    pub(super) max_layer_bytes: u64,

    /// Files in all layers together, before the image counts as hostile
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().entries, help_heading = "Image")]
    pub(super) max_entries: u64,

    /// Bytes of a file's path, before the image counts as hostile
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().path_bytes, help_heading = "Image")]
    pub(super) max_path_bytes: usize,

    /// Layers of an image, before it counts as hostile
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().layers, help_heading = "Image")]
    pub(super) max_layers: usize,

    /// Uncompressed bytes for each compressed one, before a layer counts as hostile
    #[arg(long, value_name = "TIMES", default_value_t = Limits::default().ratio, help_heading = "Image")]
    pub(super) max_ratio: u64,
}

impl Default for Opening {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            platform: None,
            authfile: None,
            insecure_registry: Vec::new(),
            no_cache: false,
            max_layer_bytes: limits.layer_bytes,
            max_entries: limits.entries,
            max_path_bytes: limits.path_bytes,
            max_layers: limits.layers,
            max_ratio: limits.ratio,
        }
    }
}

/// What the readers of images need themselves, and no more.
static NOTHING: Wanted = Wanted { reads: Vec::new(), content: Vec::new() };

/// Opens images as the options say.
pub(super) struct Opener {
    platform: Option<String>,
    limits: Limits,
    cache: Option<Cache>,
    registry: registry::Options,
    engine: Option<String>,
    today: String,
}

impl Opener {
    pub(super) fn new(opening: &Opening, console: &Console) -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let folder = if opening.no_cache { None } else { Cache::usual_folder(variable) };
        let mut registry = registry::Options::from_environment();
        registry.helper = Some(platform::credential_helper);
        registry.insecure.extend(opening.insecure_registry.iter().cloned());
        if let Some(file) = &opening.authfile {
            registry.auth_files = vec![file.clone()];
            registry.auth_required = true;
        }
        registry.document_bytes = Some(Limits::default().document_bytes);
        let console = *console;
        let shown = AtomicU64::new(0);
        registry.progress = Some(Arc::new(move |progress| show(&console, &progress, &shown)));
        Self {
            platform: opening.platform.clone(),
            limits: Limits {
                entries: opening.max_entries,
                layer_bytes: opening.max_layer_bytes,
                path_bytes: opening.max_path_bytes,
                layers: opening.max_layers,
                ratio: opening.max_ratio,
                ..Limits::default()
            },
            cache: folder.as_deref().map(|folder: &Path| Cache::at(folder, Cache::MAX_BYTES)),
            registry,
            engine: std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty()),
            today: today(),
        }
    }

    /// Reads an image whole; the error is what to tell people.
    pub(super) fn open(&self, name: &str) -> Result<Image, String> {
        let reference = Reference::parse(name).map_err(|error| error.to_string())?;
        let wanted = lint::wanted();
        let request = Request { wanted: &wanted, ..self.request(name, &reference) };
        source::read(&request).map_err(|error| error.to_string())
    }

    /// What is asked of a source, with nothing wanted of the files but what everybody needs.
    pub(super) fn request<'a>(&'a self, name: &'a str, reference: &'a Reference) -> Request<'a> {
        Request {
            name,
            reference,
            platform: self.platform.as_deref(),
            wanted: &NOTHING,
            limits: &self.limits,
            today: Some(&self.today),
            cache: self.cache.as_ref(),
            registry: Some(&self.registry),
            engine: self.engine.as_deref(),
        }
    }
}

/// Bytes between two words on how far a download is.
const STEP: u64 = 4 << 20;

/// Says what takes time. How far a download is interests only who watches; `shown` is what was said last.
fn show(console: &Console, progress: &Progress<'_>, shown: &AtomicU64) {
    match progress {
        Progress::Waiting { host, pause, why } => {
            console.note(&format_args!("{host} is asked again in {:.1} s: {why}", pause.as_secs_f32()));
        }
        Progress::Mirror { host, why } => console.detail(&format_args!("mirror {host} is left out: {why}")),
        Progress::Blob { digest, done, size } if io::stderr().is_terminal() => {
            let step = done / STEP;
            if done == size {
                console.progress(&"");
            } else if shown.swap(step, Ordering::Relaxed) != step {
                console.progress(&format_args!("{digest:.19} {} of {}", size_said(*done), size_said(*size)));
            }
        }
        Progress::Blob { .. } => {}
    }
}
