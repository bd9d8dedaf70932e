//! The image's configuration (OCI image configuration, and Docker's additions), read leniently: an odd value is left out
//! and said, never a reason not to read the rest.

use std::collections::BTreeMap;

use super::{HistoryLine, Irregularity};

/// What the configuration says of how a container starts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImageConfig {
    /// `architecture`, such as `amd64`.
    pub architecture: String,
    /// `os`, such as `linux`.
    pub os: String,
    /// `variant`, such as `v8`.
    pub variant: Option<String>,
    /// `created`, as written (RFC 3339).
    pub created: Option<String>,
    /// `config.User`, as written; empty means root.
    pub user: String,
    /// `config.Env`, each as written: `NAME=value`.
    pub env: Vec<String>,
    /// `config.Entrypoint`; `None` where absent.
    pub entrypoint: Option<Vec<String>>,
    /// `config.Cmd`; `None` where absent.
    pub cmd: Option<Vec<String>>,
    /// `config.WorkingDir`; empty means `/`.
    pub working_dir: String,
    /// Keys of `config.ExposedPorts`, as written: `22/tcp`.
    pub exposed_ports: Vec<String>,
    /// Keys of `config.Volumes`.
    pub volumes: Vec<String>,
    /// `config.Labels`.
    pub labels: BTreeMap<String, String>,
    /// `config.Healthcheck`.
    pub healthcheck: Option<Healthcheck>,
    /// `config.StopSignal`.
    pub stop_signal: Option<String>,
    /// `config.Shell`.
    pub shell: Option<Vec<String>>,
    /// `config.OnBuild`.
    pub on_build: Vec<String>,
    /// `rootfs.diff_ids`.
    pub diff_ids: Vec<String>,
}

/// `config.Healthcheck`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Healthcheck {
    /// `Test`: `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", …]`.
    pub test: Vec<String>,
}

impl ImageConfig {
    /// Reads a configuration and its history for an image of `layers` layers.
    #[must_use]
    pub fn read(_bytes: &[u8], _layers: usize, _irregularities: &mut Vec<Irregularity>) -> (Self, Vec<HistoryLine>) {
        (Self::default(), Vec::new())
    }
}
