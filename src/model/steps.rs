//! Steps of an image's history, fit for a sentence.

use crate::image::{HistoryLine, Image, Step};
use crate::secret::{self, Secret};
use crate::shell::{Dialect, dialect_of, secrets};

/// Bytes looked at of a step.
const MOST_BYTES: usize = 4096;

/// Characters shown of a step.
const MOST_SHOWN: usize = 120;

/// What a line of history says that was done, cut so that it fits into a sentence; of a step that holds a secret, the
/// instruction alone. `None` where it says nothing.
#[must_use]
pub fn step_said(line: &HistoryLine) -> Option<String> {
    let step = line.step();
    let text = &step.text[..step.text.floor_char_boundary(MOST_BYTES)];
    let pairs = text.split_whitespace().filter_map(|word| word.split_once('='));
    let is_secret = pairs.into_iter().any(|(name, value)| secret::in_assignment(name, value).is_some())
        || !secrets_in_step(&step, text).is_empty();
    let text = if is_secret { "…" } else { text };
    let plain: String = text.chars().map(|c| if c.is_control() || c == '`' { ' ' } else { c }).collect();
    let words = step.keyword.into_iter().chain(plain.split_whitespace());
    let said = words.collect::<Vec<&str>>().join(" ");
    match said.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => Some(format!("{}…", &said[..end])),
        None => Some(said).filter(|said| !said.is_empty()),
    }
}

/// The step that made a layer, as [`step_said`] says it; `None` where history doesn't tell.
#[must_use]
pub fn maker_said(image: &Image, layer: usize) -> Option<String> {
    step_said(image.history.get(image.layers.get(layer)?.history?)?)
}

/// The secrets that a step's command gives away, each with its text, by the language of the shell that ran it. `text` is
/// [`Step::text`], or its start.
#[must_use]
pub fn secrets_in_step(step: &Step<'_>, text: &str) -> Vec<(String, Secret)> {
    if let Some(words) = words(step, text) {
        return match &words[..] {
            [kind, command] if kind == "CMD-SHELL" => secrets::in_commands(command, Dialect::Posix),
            [kind, command @ ..] if kind == "CMD" => secrets::in_words(command),
            words => secrets::in_words(words),
        };
    }
    let shell: Vec<String> = step.shell.split_whitespace().map(str::to_owned).collect();
    let dialect = if shell.is_empty() { Dialect::Posix } else { dialect_of(&shell) };
    let command = text.strip_prefix("CMD ").or_else(|| text.split_once(" CMD ").map(|(_, rest)| rest));
    secrets::in_commands(command.filter(|_| step.keyword == Some("HEALTHCHECK")).unwrap_or(text), dialect)
}

/// The words of a list: `["a","b"]`, `["a" "b"]` as Go prints them, and a health check's `{["CMD-SHELL" "a"] "30s" …}`.
fn words(step: &Step<'_>, text: &str) -> Option<Vec<String>> {
    let start = text.find("[\"")?;
    let is_list = start == 0 || step.keyword == Some("HEALTHCHECK");
    let inner = &text[start + 1..text.rfind(']').filter(|end| is_list && *end > start)?];
    Some(inner.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::step_said;
    use crate::image::HistoryLine;

    #[test]
    fn steps_are_said_without_their_secrets() {
        let said = |text: &str| {
            step_said(&HistoryLine { created_by: text.to_owned(), ..HistoryLine::default() }).unwrap_or_default()
        };
        assert_eq!(said("RUN /bin/sh -c apt-get   update # buildkit"), "RUN apt-get update");
        assert_eq!(said("RUN |1 TOKEN=hunter2hunter2 /bin/sh -c make # buildkit"), "RUN make");
        assert_eq!(said("RUN /bin/sh -c curl -u deploy:Xy7kPq29LmZw https://x # buildkit"), "RUN …");
        assert_eq!(
            said("RUN /bin/sh -c pip install https://deploy:Xy7kPq29LmZw4@host.example/a.zip # buildkit"),
            "RUN …"
        );
        assert_eq!(said("ENV API_TOKEN=Xy7kPq29LmZwXy7kPq29LmZw"), "ENV …");
        assert_eq!(said(""), "");
    }

    #[test]
    fn a_step_is_read_as_its_shell_reads_it() {
        let said = |text: &str| {
            step_said(&HistoryLine { created_by: text.to_owned(), ..HistoryLine::default() }).unwrap_or_default()
        };
        assert_eq!(said("RUN powershell -Command $env:DB_PASSWORD = 'Xy7kPq29LmZw' # buildkit"), "RUN …");
        assert_eq!(said("RUN cmd /S /C docker login -u ci --pass^word Xy7kPq29LmZw r.example # buildkit"), "RUN …");
        assert_eq!(said("RUN powershell -Command Write-Host built # buildkit"), "RUN Write-Host built");
    }
}
