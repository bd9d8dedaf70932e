//! `[run]`: what `harden run` starts a project's containers with, in the words of its flags.

use toml::Spanned;
use toml::de::DeValue;

use super::read::{Reader, entries};
use super::{Error, Name};

/// What `[run]` says. Values are kept as the flags of the same name take them, with their places: what they mean is known
/// further up, and an error there can still say where one stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RunSettings {
    /// `level`: `strict`, `default`, `docker`.
    pub level: Option<Name>,
    /// `memory`: `512m`.
    pub memory: Option<Name>,
    /// `memory-swap`: memory and swap together, `1g`; `-1` for no bound.
    pub memory_swap: Option<Name>,
    /// `cpus`: `1.5`.
    pub cpus: Option<Name>,
    /// `pids`: processes and threads, as `--pids-limit`.
    pub pids: Option<Name>,
    /// `read-only`: whether the root can't be written to.
    pub read_only: Option<bool>,
    /// `tmpfs`: `/cache:size=64m`.
    pub tmpfs: Vec<Name>,
    /// `volumes`: `data:/var/lib/app`, as `-v`.
    pub volumes: Vec<Name>,
    /// `publish`: `8080:80`, as `-p`.
    pub publish: Vec<Name>,
    /// `egress`: `host:port`, or `all`.
    pub egress: Vec<Name>,
    /// `cap-add`.
    pub cap_add: Vec<Name>,
    /// `cap-drop`.
    pub cap_drop: Vec<Name>,
    /// `security-opt`.
    pub security_opt: Vec<Name>,
    /// `ulimits`: `nofile=1024:4096`.
    pub ulimits: Vec<Name>,
    /// `allow`: what may be widened, by name.
    pub allow: Vec<Name>,
    /// `user`: `app`, `1000:1000`.
    pub user: Option<Name>,
    /// `env`: `NAME=value`, as a list or as a table.
    pub env: Vec<Name>,
    /// `network`: `none`, `host`.
    pub network: Option<Name>,
}

const KEYS: [&str; 18] = [
    "level",
    "memory",
    "memory-swap",
    "cpus",
    "pids",
    "read-only",
    "tmpfs",
    "volumes",
    "publish",
    "egress",
    "cap-add",
    "cap-drop",
    "security-opt",
    "ulimits",
    "allow",
    "user",
    "env",
    "network",
];
/// `--level`.
const LEVELS: [(&str, ()); 3] = [("strict", ()), ("default", ()), ("docker", ())];
/// `--network`.
const NETWORKS: [(&str, ()); 2] = [("none", ()), ("host", ())];

impl Reader<'_> {
    /// The table `[run]`.
    pub(super) fn run(&self, value: &Spanned<DeValue<'_>>) -> Result<RunSettings, Error> {
        let mut run = RunSettings::default();
        for (key, at, value) in entries(self.table("run", value, "a table, written `[run]`")?) {
            match key {
                "level" => {
                    self.choice(key, value, &LEVELS)?;
                    run.level = Some(self.word(key, value, "a level")?);
                }
                "network" => {
                    self.choice(key, value, &NETWORKS)?;
                    run.network = Some(self.word(key, value, "a network")?);
                }
                "memory" => run.memory = Some(self.word(key, value, "an amount, such as \"512m\"")?),
                "memory-swap" => run.memory_swap = Some(self.word(key, value, "an amount, such as \"1g\"")?),
                "cpus" => run.cpus = Some(self.word(key, value, "a number, such as 1.5")?),
                "pids" => run.pids = Some(self.word(key, value, "a number, such as 128")?),
                "user" => run.user = Some(self.word(key, value, "a user, such as \"app\" or \"1000:1000\"")?),
                "read-only" => run.read_only = Some(self.boolean(key, value)?),
                "tmpfs" => run.tmpfs = self.words(key, value, "[\"/cache:size=64m\"]")?,
                "volumes" => run.volumes = self.words(key, value, "[\"data:/var/lib/app\"]")?,
                "publish" => run.publish = self.words(key, value, "[\"8080:80\"]")?,
                "egress" => run.egress = self.words(key, value, "[\"db.example:5432\"]")?,
                "cap-add" => run.cap_add = self.words(key, value, "[\"NET_BIND_SERVICE\"]")?,
                "cap-drop" => run.cap_drop = self.words(key, value, "[\"ALL\"]")?,
                "security-opt" => run.security_opt = self.words(key, value, "[\"apparmor=web\"]")?,
                "ulimits" => run.ulimits = self.words(key, value, "[\"nofile=1024:4096\"]")?,
                "allow" => run.allow = self.words(key, value, "[\"root\"]")?,
                "env" => run.env = self.variables(value)?,
                _ => return Err(self.unknown(key, at, " of `[run]`", &KEYS)),
            }
        }
        Ok(run)
    }

    /// A text, or a number as a text: `cpus = 1.5` reads better than a text with a number in it.
    fn word(&self, key: &str, value: &Spanned<DeValue<'_>>, what: &str) -> Result<Name, Error> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.as_ref().to_owned(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            _ => return Err(self.mistyped(key, value, what)),
        };
        Ok(Name { text, at: self.at(value.span().start) })
    }

    /// A list of texts, each as the flag takes it; one alone may stand for a list of one.
    fn words(&self, key: &str, value: &Spanned<DeValue<'_>>, example: &str) -> Result<Vec<Name>, Error> {
        let what = format!("a list of texts, such as {example}");
        if value.get_ref().as_str().is_some() {
            return Ok(vec![self.word(key, value, &what)?]);
        }
        let strings = self.strings(key, value, &what)?;
        Ok(strings.into_iter().map(|(text, at)| Name { text: text.to_owned(), at: self.at(at) }).collect())
    }

    /// `env = ["A=1"]`, or `[run.env]` with `A = "1"`.
    fn variables(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<Name>, Error> {
        let Some(table) = value.get_ref().as_table() else { return self.words("env", value, "[\"NAME=value\"]") };
        let mut found = Vec::new();
        for (name, at, value) in entries(table) {
            let text = self.word(name, value, "a text or a number")?.text;
            found.push(Name { text: format!("{name}={text}"), at: self.at(at) });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Config, Name};

    fn read(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("harden.toml"), Path::new("/")).map_err(|error| error.to_string())
    }

    #[test]
    fn run_is_read_as_its_flags_take_it_with_places() {
        let text = "[run]\nlevel = \"strict\"\nmemory = \"64m\"\ncpus = 1.5\npids = 32\nread-only = true\n\
                    tmpfs = [\"/a\", \"/b:size=1m\"]\npublish = \"80:8080\"\nuser = 1000\nnetwork = \"none\"\n\
                    allow = [\"root\"]\n[run.env]\nA = \"1\"\nB = 2\n";
        let run = read(text).expect("a configuration").run;
        let word = |name: &Option<Name>| name.as_ref().map(|name| name.text.clone());
        let words = |names: &[Name]| names.iter().map(|name| name.text.clone()).collect::<Vec<_>>();
        assert_eq!(word(&run.level).as_deref(), Some("strict"));
        assert_eq!(word(&run.cpus).as_deref(), Some("1.5"));
        assert_eq!(word(&run.pids).as_deref(), Some("32"));
        assert_eq!(word(&run.user).as_deref(), Some("1000"));
        assert_eq!(words(&run.tmpfs), ["/a", "/b:size=1m"]);
        assert_eq!(words(&run.publish), ["80:8080"]);
        assert_eq!(words(&run.env), ["A=1", "B=2"]);
        assert_eq!((run.read_only, run.tmpfs[1].at.line, run.tmpfs[1].at.column), (Some(true), 7, 16));
        assert_eq!(words(&read("[run]\nenv = [\"A=1\"]").expect("a configuration").run.env), ["A=1"]);
    }

    #[test]
    fn wrong_settings_say_where_and_what() {
        for (text, parts) in [
            ("[run]\nmemry = \"1g\"", ["harden.toml:2:1", "did you mean `memory`?"]),
            ("[run]\nlevel = \"strickt\"", ["harden.toml:2:9", "did you mean \"strict\"?"]),
            ("[run]\nnetwork = \"bridge\"", ["harden.toml:2:11", "\"none\", \"host\""]),
            ("[run]\nread-only = 1", ["harden.toml:2:13", "`true` or `false`"]),
            ("[run]\ntmpfs = [1]", ["harden.toml:2:10", "a list of texts"]),
            ("[run]\nmemory = true", ["harden.toml:2:10", "an amount"]),
            ("run = 1", ["harden.toml:1:7", "`[run]`"]),
        ] {
            let error = read(text).expect_err(text);
            for part in parts {
                assert!(error.contains(part), "{text}: {error}");
            }
        }
    }
}
