//! What the words of a command mean to the tool it calls: subcommand, options with their values, operands.
//!
//! A lint asks `invocation.has("--insecure")` and need not know that curl also takes `-fsSLk`, nor that the `k` in
//! `-ok` is a file name. The knowledge is data: one table of options a tool (`packages.rs`, `languages.rs`,
//! `network.rs`, `files.rs`, `accounts.rs`), read by one reader (`reader.rs`). A table lists every option that takes a
//! value, because a value taken for an operand misleads every question; an option it doesn't list is a flag named as
//! written.

mod accounts;
mod checks;
mod files;
mod languages;
pub mod mode;
mod network;
mod packages;
mod reader;
mod table;
mod written;

pub use checks::verifies;
pub use mode::Mode;
pub use table::Tool;
pub use written::{Written, written};

use super::{Command, Word};
use crate::text::Span;

/// A command's words as its tool reads them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invocation<'a> {
    /// The tool that is called.
    pub tool: Tool,
    /// The subcommand (`install` of `apt-get install`), for the tools that have them.
    pub subcommand: Option<&'a Word>,
    /// Options in the order written, those in front of the subcommand too.
    pub options: Vec<OptionUse<'a>>,
    /// The words that are neither the subcommand, options nor their values. For find: the starting points alone.
    pub operands: Vec<&'a Word>,
}

/// One option of an invocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OptionUse<'a> {
    /// The name the tool's table leads with, the long one where there is one (`--insecure` for `-k`); for an option the
    /// table doesn't list, the name as written (`-x`, `--no-such`).
    pub name: &'a str,
    /// The word that holds the option; several options of a cluster share it.
    pub word: &'a Word,
    /// Its value, if it has one.
    pub value: Option<OptionValue<'a>>,
}

/// The value of an option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OptionValue<'a> {
    /// The value alone, expansions as written.
    pub text: &'a str,
    /// The word that holds it: the option's own (`-ofile`, `--output=file`) or the next.
    pub word: &'a Word,
}

/// Reads `command` as its tool would; `None` where no table knows the tool. `python -m pip` is read as pip.
#[must_use]
pub fn invocation(command: &Command) -> Option<Invocation<'_>> {
    let (grammar, arguments) = match table::grammar(command.base_name()) {
        Some(grammar) => (grammar, command.arguments.as_slice()),
        None => (&languages::PIP, languages::module_arguments(command, "pip")?),
    };
    Some(reader::read(grammar, arguments))
}

impl<'a> Invocation<'a> {
    /// Whether the option `name` (as the table leads with) is given at all, whatever its value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.option(name).is_some()
    }

    /// The last use of the option `name`, which is the one that counts for most tools.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&OptionUse<'a>> {
        self.options.iter().rfind(|option| option.name == name)
    }

    /// Every use of the option `name`, in the order written.
    pub fn options_named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s OptionUse<'a>> {
        self.options.iter().filter(move |option| option.name == name)
    }

    /// What the last of `--name`, `--no-name` and `--name=value` says about the switch `name` (given with its `--`):
    /// `None` where it isn't mentioned. `false`, `no`, `off`, `0` and the like are off; any other value is on.
    #[must_use]
    pub fn switch(&self, name: &str) -> Option<bool> {
        let bare = name.trim_start_matches('-');
        self.options.iter().rev().find_map(|option| {
            let negated = option.name.strip_prefix("--no-").is_some_and(|rest| rest == bare);
            (negated || option.name == name).then(|| option.is_on() != negated)
        })
    }

    /// The value that the last `option` of the form `key=value` gives to `key`: `-o Acquire::Check-Date=false` of apt,
    /// `--setopt=gpgcheck=0` of dnf, `-c http.sslVerify=false` of git (all read keys without regard to case).
    #[must_use]
    pub fn setting(&self, option: &str, key: &str) -> Option<OptionValue<'a>> {
        self.options.iter().rev().filter(|used| used.name == option).find_map(|used| {
            let value = used.value?;
            let (name, text) = value.text.split_once('=')?;
            name.trim().eq_ignore_ascii_case(key).then_some(OptionValue { text: text.trim(), word: value.word })
        })
    }

    /// The subcommand's text, empty where there is none.
    #[must_use]
    pub fn verb(&self) -> &'a str {
        self.subcommand.map_or("", |word| word.text.as_str())
    }

    /// Whether the command installs packages.
    #[must_use]
    pub fn is_install(&self) -> bool {
        match self.tool {
            Tool::Rpm => !self.has("--query") && INSTALLING.iter().any(|name| self.has(name)),
            Tool::Dpkg => self.has("--install"),
            // Bare `yarn` is `yarn install`; `yarn global add` has the verb that counts behind it.
            Tool::Yarn => match self.verb() {
                "" => !self.has("--version") && !self.has("--help") && !self.has("-v") && !self.has("-h"),
                "global" => self.operand_is("add"),
                verb => matches!(verb, "add" | "install"),
            },
            Tool::Dnf if matches!(self.verb(), "group" | "groups" | "module") => self.operand_is("install"),
            tool => tool.install_verbs().contains(&self.verb()),
        }
    }

    /// Whether the first operand is `text`.
    fn operand_is(&self, text: &str) -> bool {
        self.operands.first().is_some_and(|word| word.text == text)
    }

    /// The packages the command installs, as written (with version, URL or path); none where it installs what a
    /// manifest lists, or nothing.
    #[must_use]
    pub fn packages(&self) -> &[&'a Word] {
        match self.tool {
            _ if !self.is_install() => &[],
            // The operand that says so is no package.
            Tool::Yarn | Tool::Dnf if matches!(self.verb(), "global" | "group" | "groups" | "module") => {
                self.operands.get(1..).unwrap_or(&[])
            }
            _ => &self.operands,
        }
    }

    /// The words that hold addresses the command fetches from or names: every operand of curl and wget and the values
    /// of curl's `--url`; of other tools the operands of the form `scheme://…` or `user@host:path`.
    #[must_use]
    pub fn urls(&self) -> Vec<&'a Word> {
        match self.tool {
            Tool::Curl => {
                let named = self.options_named("--url").filter_map(|option| Some(option.value?.word));
                self.operands.iter().copied().chain(named).collect()
            }
            Tool::Wget => self.operands.clone(),
            _ => self.operands.iter().copied().filter(|word| is_address(&word.text)).collect(),
        }
    }

    /// The word that holds the mode: chmod's first operand, the value of `-m` of install and mkdir.
    #[must_use]
    pub fn mode_word(&self) -> Option<&'a Word> {
        match self.tool {
            Tool::Chmod if self.has("--reference") => None,
            Tool::Chmod => self.operands.first().copied(),
            Tool::Install | Tool::Mkdir => Some(self.option("--mode")?.value?.word),
            _ => None,
        }
    }

    /// The mode that chmod, install or mkdir gives; `None` where there is none or it isn't literal.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        let word = self.mode_word()?;
        word.literal()?;
        match self.tool {
            Tool::Chmod => Mode::parse(&word.text),
            _ => Mode::parse(self.option("--mode")?.value?.text),
        }
    }

    /// The operands behind the mode of chmod, the owner of chown, the group of chgrp; of other tools all operands.
    #[must_use]
    pub fn targets(&self) -> &[&'a Word] {
        let leading = matches!(self.tool, Tool::Chmod | Tool::Chown | Tool::Chgrp) && !self.has("--reference");
        self.operands.get(usize::from(leading)..).unwrap_or(&[])
    }
}

impl OptionUse<'_> {
    /// Where it stands, its value included; `None` where it shares a word with other options (`-fsk`).
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        let attached = self.value.filter(|value| value.word.span == self.word.span).map_or(0, |value| value.text.len());
        let letters = self.word.text.len().saturating_sub(attached);
        let alone = self.word.text.starts_with("--") || letters <= 2;
        alone.then(|| self.value.map_or(self.word.span, |value| self.word.span.cover(value.word.span)))
    }

    /// Whether the option is on: it has no value, or one that doesn't mean no.
    #[must_use]
    pub fn is_on(&self) -> bool {
        let off = ["false", "no", "off", "0", "never", "disable", "without", "n", "f"];
        !self.value.is_some_and(|value| off.iter().any(|word| word.eq_ignore_ascii_case(value.text)))
    }
}

/// rpm's options that install.
const INSTALLING: [&str; 4] = ["--install", "--upgrade", "--freshen", "--reinstall"];

/// `scheme://…`, or git's `user@host:path`.
fn is_address(text: &str) -> bool {
    let scp =
        || text.split_once('@').is_some_and(|(_, rest)| rest.split_once(':').is_some_and(|(host, _)| is_host(host)));
    text.contains("://") || scp()
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests;
