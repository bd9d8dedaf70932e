//! Secrets in the image's history: build arguments and commands, kept word for word.

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{HistoryLine, Image, Spot, Step};
use crate::lint::{Findings, Lint};
use crate::model::secrets_in_step;
use crate::secret::{self, Secret};

pub(super) static LINT: Lint = Lint {
    summary: "A secret is kept in the image's history",
    category: Category::Secret,
    severity: Severity::High,
    aliases: &["CIS-DI-0010", "CIS-4.10"],
    sources: &[
        "https://github.com/opencontainers/image-spec/blob/main/config.md#properties",
        "https://docs.docker.com/build/building/variables/#arg-usage-example",
        "https://docs.docker.com/build/building/secrets/",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Lines longer than this (bytes) are looked through up to here.
const LONG_LINE: usize = 64 << 10;

/// Secrets of an image that are told apart; what has more is told once.
const MOST: usize = 100;

/// Secrets that are looked for among those that were found and in the configuration.
const MOST_QUESTIONS: usize = 5000;

/// A secret in a line of history.
struct Found {
    key: String,
    /// Where it stands once more.
    again: Vec<String>,
    /// What stands in front of it: `the build argument TOKEN`, `RUN`.
    holder: String,
    /// The secret itself, to know it again; never shown.
    text: String,
    secret: Secret,
}

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let elsewhere = in_configuration(image);
    let mut found: Vec<Found> = Vec::new();
    let history = image.history.iter().enumerate().map(|(index, line)| (format!("history[{index}]"), in_line(line)));
    let triggers = image.config.on_build.iter().enumerate();
    let triggers = triggers.map(|(index, text)| (format!("config.OnBuild[{index}]"), in_text("ONBUILD ", text)));
    let mut questions = 0;
    for (key, secrets) in history.chain(triggers) {
        for (holder, text, secret) in secrets {
            questions += 1;
            if questions > MOST_QUESTIONS {
                break;
            }
            if elsewhere.iter().any(|value| value.contains(&text)) {
                continue;
            }
            // Every RUN behind an ARG has its value in front.
            if let Some(first) = found.iter_mut().find(|other| other.text == text) {
                if first.key != key && !first.again.contains(&key) {
                    first.again.push(key.clone());
                }
            } else if found.len() < MOST {
                found.push(Found { key: key.clone(), again: Vec::new(), holder, text, secret });
            }
        }
    }
    found.iter().for_each(|found| report(found, findings));
}

fn report(found: &Found, findings: &mut Findings<Spot>) {
    let Found { key, again, holder, secret, .. } = found;
    let message = format!("the history keeps a secret of {holder} ({}): {}", secret.kind, secret.shown);
    let draft = findings.report(Spot::Config(key.clone()), message);
    draft.because("everybody who can pull the image reads it there, whatever later steps delete");
    draft.help("Replace it where it is in use, and hand it to the one RUN that needs it with `--mount=type=secret`");
    draft.confidence(secret.confidence).aliases(LINT.aliases);
    for key in again.iter().take(20) {
        draft.label(Spot::Config(key.clone()), "the same once more");
    }
    if secret.confidence == Confidence::Low {
        draft.severity(Severity::Medium);
    }
}

/// What the configuration says in so many words: other lints look there.
fn in_configuration(image: &Image) -> Vec<&str> {
    let config = &image.config;
    let lists = [&config.entrypoint, &config.cmd].into_iter().flatten().flatten();
    let test = config.healthcheck.iter().flat_map(|check| &check.test);
    lists.chain(test).chain(&config.env).chain(config.labels.values()).map(String::as_str).collect()
}

fn in_line(line: &HistoryLine) -> Vec<(String, String, Secret)> {
    let mut found = Vec::new();
    let step = line.step();
    for (name, value) in &step.build_args {
        if let Some(secret) = secret::in_assignment(name, value) {
            found.push((format!("the build argument `{}`", name.escape_default()), (*value).to_owned(), secret));
        }
    }
    let text = cut(step.text);
    match step.keyword {
        Some("ENV" | "ARG" | "LABEL") => in_pairs(&step, text, &mut found),
        Some("ONBUILD") => {
            found.extend(in_text("ONBUILD ", text));
        }
        Some(keyword @ ("RUN" | "CMD" | "ENTRYPOINT" | "HEALTHCHECK")) => {
            let holder = |(text, secret)| (keyword.to_owned(), text, secret);
            found.extend(secrets_in_step(&step, text).into_iter().map(holder));
        }
        _ => {
            let holder = step.keyword.unwrap_or("a line").to_owned();
            found.extend(forms(text).map(|(text, secret)| (holder.clone(), text, secret)));
        }
    }
    found.extend(forms(cut(&line.comment)).map(|(text, secret)| ("a comment".to_owned(), text, secret)));
    found
}

/// Secrets in an instruction by itself, with a word in front of what is said to hold each.
fn in_text(front: &str, text: &str) -> Vec<(String, String, Secret)> {
    let line = HistoryLine { created_by: text.to_owned(), ..HistoryLine::default() };
    // A trigger can't have one of its own, so this goes one deep.
    let is_trigger = line.step().keyword == Some("ONBUILD");
    let found = if is_trigger { Vec::new() } else { in_line(&line) };
    found.into_iter().map(|(holder, text, secret)| (format!("{front}{holder}"), text, secret)).collect()
}

/// `NAME=value NAME="value"`, and `NAME value` of old.
fn in_pairs(step: &Step<'_>, text: &str, found: &mut Vec<(String, String, Secret)>) {
    let keyword = step.keyword.unwrap_or("");
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for word in text.split(' ') {
        match word.split_once('=') {
            Some((name, value)) if is_name(name) => pairs.push((name, value)),
            _ => {
                // Builders write values without the quotes that stood around them, so blanks may belong to one.
                if let Some((_, value)) = pairs.last_mut() {
                    let start = value.as_ptr() as usize - text.as_ptr() as usize;
                    let end = word.as_ptr() as usize - text.as_ptr() as usize + word.len();
                    *value = &text[start..end];
                }
            }
        }
    }
    for (name, value) in pairs {
        let value = value.trim_matches(['"', '\'']);
        if let Some(secret) = secret::in_assignment(name, value) {
            found.push((format!("{keyword} `{name}`"), value.to_owned(), secret));
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

fn forms(text: &str) -> impl Iterator<Item = (String, Secret)> {
    secret::in_text(text).into_iter().map(|(range, secret)| (text[range].to_owned(), secret))
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONG_LINE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
