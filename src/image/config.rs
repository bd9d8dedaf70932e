//! The image's configuration (OCI image configuration, and Docker's additions), read leniently: an odd value is left out
//! and said, never a reason not to read the rest.

use std::collections::BTreeMap;

use super::json::{Json, Reader};
use super::{HistoryLine, Irregularity, IrregularityKind};

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

/// Bytes of a configuration that is read. Sources bound it far below.
const MOST_BYTES: usize = 64 << 20;

impl ImageConfig {
    /// Reads a configuration and its history for an image of `layers` layers. Keys match in any case and the last of
    /// several counts, as with the engines' readers; several are said.
    #[must_use]
    pub fn read(bytes: &[u8], layers: usize, irregularities: &mut Vec<Irregularity>) -> (Self, Vec<HistoryLine>) {
        let mut reader = Reader::default();
        let mut read = (Self::default(), Vec::new());
        let document = if bytes.len() > MOST_BYTES {
            Err(format!("it has {} bytes, more than {MOST_BYTES}", bytes.len()))
        } else {
            Json::read(bytes)
        };
        match document {
            Ok(Json::Map(keys)) if keys.is_empty() => {}
            Ok(document @ Json::Map(_)) => read = reader.document(&document, layers),
            Ok(other) => reader.say(IrregularityKind::Broken, format!("the configuration is {}, no map", other.what())),
            Err(error) => reader.say(IrregularityKind::Broken, format!("the configuration can't be read: {error}")),
        }
        irregularities.append(&mut reader.said);
        read
    }

    /// The `rootfs.diff_ids` of a configuration whose oddities are said elsewhere.
    pub(super) fn diff_ids_of(bytes: &[u8]) -> Vec<String> {
        Self::read(bytes, 0, &mut Vec::new()).0.diff_ids
    }

    /// The value of a variable in `config.Env`; of several, the last, as engines set them in order.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().rev().find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

impl Reader {
    fn document(&mut self, document: &Json, layers: usize) -> (ImageConfig, Vec<HistoryLine>) {
        let none = Json::Map(Vec::new());
        let config = self.one(document, "config", "config").unwrap_or(&none);
        let config = self.map(config, "config");
        let text = |reader: &mut Self, key: &str| reader.text(config, key, &format!("config.{key}"));
        let texts = |reader: &mut Self, key: &str| reader.texts(config, key, &format!("config.{key}"));
        let keys = |reader: &mut Self, key: &str| reader.keys(config, key, &format!("config.{key}"));
        let read = ImageConfig {
            architecture: self.text(document, "architecture", "architecture").unwrap_or_default(),
            os: self.text(document, "os", "os").unwrap_or_default(),
            variant: self.text(document, "variant", "variant"),
            created: self.text(document, "created", "created"),
            user: text(self, "User").unwrap_or_default(),
            env: texts(self, "Env").unwrap_or_default(),
            entrypoint: texts(self, "Entrypoint"),
            cmd: texts(self, "Cmd"),
            working_dir: text(self, "WorkingDir").unwrap_or_default(),
            exposed_ports: keys(self, "ExposedPorts"),
            volumes: keys(self, "Volumes"),
            labels: self.labels(config),
            healthcheck: self.one(config, "Healthcheck", "config.Healthcheck").map(|check| Healthcheck {
                test: self.texts(check, "Test", "config.Healthcheck.Test").unwrap_or_default(),
            }),
            stop_signal: text(self, "StopSignal"),
            shell: texts(self, "Shell"),
            on_build: texts(self, "OnBuild").unwrap_or_default(),
            diff_ids: self
                .one(document, "rootfs", "rootfs")
                .and_then(|rootfs| self.texts(rootfs, "diff_ids", "rootfs.diff_ids"))
                .unwrap_or_default(),
        };
        if read.diff_ids.len() != layers {
            let detail = format!("`rootfs.diff_ids` names {} layers, but the image has {layers}", read.diff_ids.len());
            self.say(IrregularityKind::Mismatch, detail);
        }
        (read, self.history(document, layers))
    }

    fn history(&mut self, document: &Json, layers: usize) -> Vec<HistoryLine> {
        let mut lines = Vec::new();
        for (index, line) in self.list(document, "history", "history").iter().enumerate() {
            let text = |reader: &mut Self, key: &str| reader.text(line, key, &format!("history[{index}].{key}"));
            lines.push(HistoryLine {
                created_by: text(self, "created_by").unwrap_or_default(),
                comment: text(self, "comment").unwrap_or_default(),
                created: text(self, "created"),
                empty_layer: self.truth(line, "empty_layer", &format!("history[{index}].empty_layer")),
                layer: None,
            });
        }
        let made = lines.iter().filter(|line| !line.empty_layer).count();
        if made == layers {
            let making = lines.iter_mut().filter(|line| !line.empty_layer);
            making.enumerate().for_each(|(layer, line)| line.layer = Some(layer));
        } else if !lines.is_empty() {
            let detail = format!(
                "{made} lines of `history` made a layer, but the image has {layers}, so no line can be told to have made one"
            );
            self.say(IrregularityKind::Mismatch, detail);
        }
        lines
    }

    /// The keys of a map whose values say nothing; a list of texts in some builders' images.
    fn keys(&mut self, of: &Json, key: &str, place: &str) -> Vec<String> {
        match self.one(of, key, place) {
            None => Vec::new(),
            Some(Json::Map(map)) => map.iter().map(|(key, _)| key.clone()).collect(),
            Some(found @ Json::List(_)) => {
                self.wrong::<()>(found, "a map", place);
                self.texts(of, key, place).unwrap_or_default()
            }
            Some(other) => self.wrong(other, "a map", place).unwrap_or_default(),
        }
    }

    fn labels(&mut self, config: &Json) -> BTreeMap<String, String> {
        let place = "config.Labels";
        let mut labels = BTreeMap::new();
        match self.one(config, "Labels", place) {
            None => {}
            Some(Json::Map(map)) => {
                for (key, value) in map {
                    match value {
                        Json::Text(text) => drop(labels.insert(key.clone(), text.clone())),
                        Json::Null => {}
                        other => self.wrong(other, "a text", place).unwrap_or_default(),
                    }
                }
            }
            Some(other) => self.wrong(other, "a map", place).unwrap_or_default(),
        }
        labels
    }
}
