//! `harden.toml` into a [`Config`]: every key and value checked, and errors that say where.

use std::error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Confidence, Severity};
use crate::text::LineIndex;

use super::{At, Config, FailOn, Globs, ImageIgnore, LintSetting, Name, Override, PresetChoice, Rules, RunSettings};

/// The greatest size of a configuration file, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;

const SEVERITIES: [(&str, Severity); 4] =
    [("high", Severity::High), ("medium", Severity::Medium), ("low", Severity::Low), ("info", Severity::Info)];
const CONFIDENCES: [(&str, Confidence); 3] =
    [("high", Confidence::High), ("medium", Confidence::Medium), ("low", Confidence::Low)];
const PRESETS: [(&str, PresetChoice); 3] =
    [("security", PresetChoice::Security), ("pedantic", PresetChoice::Pedantic), ("all", PresetChoice::All)];
const FAIL_ON: [(&str, FailOn); 5] = [
    ("high", FailOn::Severity(Severity::High)),
    ("medium", FailOn::Severity(Severity::Medium)),
    ("low", FailOn::Severity(Severity::Low)),
    ("info", FailOn::Severity(Severity::Info)),
    ("never", FailOn::Never),
];

/// Keys that set rules, at the top and in an override.
const RULE_KEYS: [&str; 6] = ["preset", "select", "extend-select", "ignore", "lints", "image"];
const TOP_KEYS: [&str; 14] = [
    "preset",
    "select",
    "extend-select",
    "ignore",
    "lints",
    "image",
    "fail-on",
    "min-confidence",
    "require-reason",
    "online",
    "exclude",
    "overrides",
    "image-ignore",
    "run",
];

/// What is wrong with a configuration file.
#[derive(Debug)]
pub enum Error {
    /// The file can't be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file says something wrong.
    Wrong {
        /// Where.
        at: At,
        /// What is wrong and what to do.
        message: String,
    },
}

impl Config {
    /// Reads the file at `absolute`, called `shown` in errors.
    ///
    /// # Errors
    /// When the file can't be read, is no TOML, or holds a key or value that harden doesn't know.
    pub fn read(shown: &Path, absolute: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable { path: shown.to_owned(), source };
        let mut text = String::new();
        let file = File::open(absolute).map_err(unreadable)?;
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(unreadable(io::Error::other("it is larger than 1 MiB, harden's limit for configuration")));
        }
        let folder = absolute.parent().unwrap_or(absolute);
        let in_dot_config = folder.file_name().is_some_and(|name| name == ".config");
        let root = if in_dot_config { folder.parent().unwrap_or(folder) } else { folder };
        Self::parse(&text, shown, root)
    }

    /// Reads the text of the file called `shown`, whose globs are relative to `root`.
    ///
    /// # Errors
    /// When it is no TOML, or holds a key or value that harden doesn't know.
    pub fn parse(text: &str, shown: &Path, root: &Path) -> Result<Self, Error> {
        let reader = Reader { text, path: Arc::from(shown) };
        let document = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            reader.error(at, error.message().lines().collect::<Vec<_>>().join("; "))
        })?;
        reader.config(document.get_ref(), root)
    }
}

pub(super) struct Reader<'t> {
    text: &'t str,
    path: Arc<Path>,
}

type Entry<'a, 'i> = (&'a str, usize, &'a Spanned<DeValue<'i>>);

impl Reader<'_> {
    fn config(&self, table: &DeTable<'_>, root: &Path) -> Result<Config, Error> {
        let mut config = Config {
            path: self.path.to_path_buf(),
            root: root.to_owned(),
            rules: Rules::default(),
            fail_on: None,
            min_confidence: None,
            require_reason: false,
            online: false,
            exclude: Globs::default(),
            overrides: Vec::new(),
            image_ignores: Vec::new(),
            run: RunSettings::default(),
        };
        for (key, at, value) in entries(table) {
            match key {
                "fail-on" => config.fail_on = Some(self.choice(key, value, &FAIL_ON)?),
                "min-confidence" => config.min_confidence = Some(self.choice(key, value, &CONFIDENCES)?),
                "require-reason" => config.require_reason = self.boolean(key, value)?,
                "online" => config.online = self.boolean(key, value)?,
                "exclude" => config.exclude = self.globs(key, value)?,
                "overrides" => config.overrides = self.overrides(value)?,
                "image-ignore" => config.image_ignores = self.image_ignores(value)?,
                "run" => config.run = self.run(value)?,
                _ if RULE_KEYS.contains(&key) => self.rule(&mut config.rules, key, value)?,
                _ => return Err(self.unknown(key, at, "", &TOP_KEYS)),
            }
        }
        Ok(config)
    }

    fn rule(&self, rules: &mut Rules, key: &str, value: &Spanned<DeValue<'_>>) -> Result<(), Error> {
        match key {
            "preset" => rules.preset = Some(self.choice(key, value, &PRESETS)?),
            "select" => rules.select = Some(self.names(key, value)?),
            "extend-select" => rules.extend_select = self.names(key, value)?,
            "ignore" => rules.ignore = self.names(key, value)?,
            "image" => {
                rules.image = Some(self.text(key, value, "a reference, such as \"registry.example/app:dev\"")?)
            }
            _ => rules.lints = self.lints(value)?,
        }
        Ok(())
    }

    fn lints(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<LintSetting>, Error> {
        let mut settings = Vec::new();
        for (name, at, value) in entries(self.table("lints", value, "`[lints.NAME]`")?) {
            let name = Name { text: name.to_owned(), at: self.at(at) };
            let mut setting = LintSetting { name, severity: None, enabled: None };
            for (key, at, value) in
                entries(self.table(&setting.name.text, value, "a table such as `{ enabled = true }`")?)
            {
                match key {
                    "severity" => setting.severity = Some(self.choice(key, value, &SEVERITIES)?),
                    "enabled" => setting.enabled = Some(self.boolean(key, value)?),
                    _ => return Err(self.unknown(key, at, " of a lint", &["severity", "enabled"])),
                }
            }
            settings.push(setting);
        }
        settings.sort_by_key(|setting| (setting.name.at.line, setting.name.at.column));
        Ok(settings)
    }

    fn overrides(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<Override>, Error> {
        let what = "tables, each written `[[overrides]]`";
        let array = value.get_ref().as_array().ok_or_else(|| self.mistyped("overrides", value, what))?;
        let mut overrides = Vec::new();
        for item in array {
            let mut paths = None;
            let mut rules = Rules::default();
            for (key, at, value) in entries(self.table("overrides", item, what)?) {
                match key {
                    "paths" => paths = Some(self.globs(key, value)?),
                    _ if RULE_KEYS.contains(&key) => self.rule(&mut rules, key, value)?,
                    _ => {
                        let known = ["paths"].into_iter().chain(RULE_KEYS).collect::<Vec<_>>();
                        return Err(self.unknown(key, at, " of an override", &known));
                    }
                }
            }
            let Some(paths) = paths else {
                let message = "this override names no files; add `paths = [\"…\"]`";
                return Err(self.error(item.span().start, message.to_owned()));
            };
            overrides.push(Override { paths, rules });
        }
        Ok(overrides)
    }

    fn image_ignores(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<ImageIgnore>, Error> {
        const KEYS: [&str; 4] = ["lints", "images", "paths", "reason"];
        let what = "tables, each written `[[image-ignore]]`";
        let array = value.get_ref().as_array().ok_or_else(|| self.mistyped("image-ignore", value, what))?;
        let mut ignores = Vec::new();
        for item in array {
            let mut ignore = ImageIgnore { lints: Vec::new(), images: None, paths: None, reason: String::new() };
            for (key, at, value) in entries(self.table("image-ignore", item, what)?) {
                match key {
                    "lints" => ignore.lints = self.names(key, value)?,
                    "images" => ignore.images = Some(self.globs(key, value)?),
                    "paths" => ignore.paths = Some(self.globs(key, value)?),
                    "reason" => ignore.reason = self.text(key, value, "a text that says why")?,
                    _ => return Err(self.unknown(key, at, " of an image-ignore", &KEYS)),
                }
            }
            let missing = match () {
                () if ignore.lints.is_empty() => "names no lints; add `lints = [\"…\"]`",
                () if ignore.reason.trim().is_empty() => "says no reason; add `reason = \"…\"`",
                () => {
                    ignores.push(ignore);
                    continue;
                }
            };
            return Err(self.error(item.span().start, format!("this image-ignore {missing}")));
        }
        Ok(ignores)
    }

    pub(super) fn text(&self, key: &str, value: &Spanned<DeValue<'_>>, what: &str) -> Result<String, Error> {
        value.get_ref().as_str().map(str::to_owned).ok_or_else(|| self.mistyped(key, value, what))
    }

    pub(super) fn choice<T: Copy>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        choices: &[(&str, T)],
    ) -> Result<T, Error> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let list = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        let Some(text) = value.get_ref().as_str() else {
            return Err(self.mistyped(key, value, &format!("one of {list}")));
        };
        choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice).ok_or_else(|| {
            let meant = nearest(text, words).map(|word| format!("; did you mean \"{word}\"?"));
            let message =
                format!("`{key}` can't be \"{text}\"{}", meant.unwrap_or_else(|| format!("; use one of {list}")));
            self.error(value.span().start, message)
        })
    }

    pub(super) fn boolean(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<bool, Error> {
        value.get_ref().as_bool().ok_or_else(|| self.mistyped(key, value, "`true` or `false`"))
    }

    pub(super) fn names(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<Name>, Error> {
        let strings = self.strings(key, value, "a list of lint names, such as [\"missing-user\"]")?;
        Ok(strings.into_iter().map(|(text, at)| Name { text: text.to_owned(), at: self.at(at) }).collect())
    }

    fn globs(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<Globs, Error> {
        let strings = self.strings(key, value, "a list of globs, such as [\"vendor/\"]")?;
        Globs::new(strings.iter().map(|(text, _)| *text)).map_err(|(index, why)| {
            let at = strings.get(index).map_or_else(|| value.span().start, |(_, at)| *at);
            self.error(at, format!("`{key}` holds a glob that can't be read: {why}"))
        })
    }

    pub(super) fn strings<'a>(
        &self,
        key: &str,
        value: &'a Spanned<DeValue<'_>>,
        what: &str,
    ) -> Result<Vec<(&'a str, usize)>, Error> {
        let array = value.get_ref().as_array().ok_or_else(|| self.mistyped(key, value, what))?;
        let string = |item: &'a Spanned<DeValue<'_>>| {
            item.get_ref().as_str().map(|text| (text, item.span().start)).ok_or_else(|| self.mistyped(key, item, what))
        };
        array.iter().map(string).collect()
    }

    pub(super) fn table<'a, 'i>(
        &self,
        key: &str,
        value: &'a Spanned<DeValue<'i>>,
        what: &str,
    ) -> Result<&'a DeTable<'i>, Error> {
        value.get_ref().as_table().ok_or_else(|| self.mistyped(key, value, what))
    }

    pub(super) fn unknown(&self, key: &str, at: usize, whose: &str, known: &[&str]) -> Error {
        let hint = match nearest(key, known.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => {
                format!("the keys are {}", known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "))
            }
        };
        self.error(at, format!("unknown key `{key}`{whose}; {hint}"))
    }

    pub(super) fn mistyped(&self, key: &str, value: &Spanned<DeValue<'_>>, what: &str) -> Error {
        let found = value.get_ref().type_str();
        let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
        self.error(value.span().start, format!("`{key}` must be {what}, not {article} {found}"))
    }

    pub(super) fn error(&self, offset: usize, message: String) -> Error {
        Error::Wrong { at: self.at(offset), message }
    }

    pub(super) fn at(&self, offset: usize) -> At {
        let place = LineIndex::new(self.text).byte_column(offset as u32);
        let line_start = offset.min(self.text.len()) + 1 - place.column as usize;
        let column = self.text.get(line_start..offset).map_or(0, |before| before.chars().count()) as u32 + 1;
        At { path: Arc::clone(&self.path), line: place.line, column }
    }
}

/// The word nearest to one that isn't known, if it is near enough to be what was meant.
fn nearest<'w>(unknown: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let scored = words.into_iter().map(|word| (strsim::normalized_damerau_levenshtein(unknown, word), word));
    let (score, word) = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (score >= 0.6).then_some(word)
}

/// The entries of a table in the order of the file, each with the offset of its key.
pub(super) fn entries<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Entry<'a, 'i>> {
    let mut entries: Vec<Entry<'a, 'i>> =
        table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span().start, value)).collect();
    entries.sort_by_key(|(_, at, _)| *at);
    entries
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => {
                write!(f, "`{}` can't be read ({source}); it has to be a readable UTF-8 file", path.display())
            }
            Self::Wrong { at, message } => write!(f, "{at}: {message}"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            Self::Wrong { .. } => None,
        }
    }
}
