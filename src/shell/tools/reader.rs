//! Reads a command's words by a tool's table: one reader for every tool, with the few manners of reading that
//! [`Style`] names.

use super::table::{Grammar, Opt, Style, Subcommand, Takes};
use super::{Invocation, OptionUse, OptionValue, Tool};
use crate::shell::Word;

/// Reads `words`, the arguments of the tool that `grammar` describes.
pub(super) fn read<'a>(grammar: &'static Grammar, words: &'a [Word]) -> Invocation<'a> {
    let invocation = Invocation {
        tool: grammar.tool,
        subcommand: None,
        options: Vec::new(),
        operands: Vec::with_capacity(words.len()),
    };
    let mut reader = Reader { grammar, subcommand: None, words: words.iter(), invocation };
    match grammar.style {
        Style::Find => reader.find(),
        _ => reader.all(),
    }
    reader.invocation
}

struct Reader<'a> {
    grammar: &'static Grammar,
    /// The options of the subcommand, once it is known to have some.
    subcommand: Option<&'static Subcommand>,
    words: std::slice::Iter<'a, Word>,
    invocation: Invocation<'a>,
}

impl<'a> Reader<'a> {
    fn all(&mut self) {
        if self.grammar.style == Style::Tar {
            self.bundle();
        }
        while let Some(word) = self.words.next() {
            let text = word.text.as_str();
            if text == "--" {
                break;
            } else if text == "-" && self.grammar.tool == Tool::Su {
                // A lone dash asks su for a login shell; elsewhere it is an operand, mostly standard input.
                self.push("--login", word, None);
            } else if !text.starts_with('-') || text == "-" || self.is_mode(text) {
                self.operand(word);
                if self.grammar.style == Style::Prefix {
                    break;
                }
            } else if self.grammar.style == Style::Words {
                let (name, takes) =
                    self.known(text.strip_prefix('-').filter(|rest| rest.starts_with('-')).unwrap_or(text));
                let value = if takes == Takes::Value { self.next_value() } else { None };
                self.push(name, word, value);
            } else if text.starts_with("--") {
                self.long(word);
            } else {
                self.cluster(word);
            }
        }
        while let Some(word) = self.words.next() {
            self.operand(word);
        }
    }

    /// `--name`, `--name=value`, `--name value`.
    fn long(&mut self, word: &'a Word) {
        let (written, attached) = split_value(&word.text);
        let (name, takes) = self.known(written);
        let value = match attached {
            Some(text) => Some(OptionValue { text, word }),
            None if takes == Takes::Value => self.next_value(),
            None if self.grammar.style == Style::Nopt => self.next_boolean(),
            None => None,
        };
        self.push(name, word, value);
    }

    /// `-abc`, `-ofile`, `-o file`.
    fn cluster(&mut self, word: &'a Word) {
        let text = word.text.as_str();
        if self.grammar.style == Style::Perl && text.len() > 2 {
            let (written, attached) = split_value(text);
            if let Some(option) = self.find_option(|name| name.strip_prefix('-') == Some(written)) {
                let value = match attached {
                    Some(text) => Some(OptionValue { text, word }),
                    None if option.takes == Takes::Value => self.next_value(),
                    None => None,
                };
                self.push(option.names[0], word, value);
                return;
            }
        }
        let mut rest = text.get(1..).unwrap_or("");
        while let Some(letter) = rest.chars().next() {
            // What an expansion gives isn't known: the letters of `-$FLAGS` are no options.
            let Some(written) = short_name(letter).filter(|_| !matches!(letter, '$' | '`')) else {
                if rest.len() + 1 == text.len() {
                    self.push(text, word, None);
                }
                return;
            };
            let mut length = 1;
            let mut option = self.find_option(|name| name == written);
            if self.grammar.style == Style::Wget && letter == 'n' {
                length = rest.chars().nth(1).map_or(1, |second| 1 + second.len_utf8());
                option = self.find_option(|name| name.strip_prefix('-') == rest.get(..length));
            }
            let after = rest.get(length..).unwrap_or("");
            let (name, takes) = option.map_or((written, Takes::Nothing), |option| (option.names[0], option.takes));
            let value = match takes {
                Takes::Value if after.is_empty() => self.next_value(),
                Takes::Value if self.drops_equals() => {
                    Some(OptionValue { text: after.strip_prefix('=').unwrap_or(after), word })
                }
                Takes::Value => Some(OptionValue { text: after, word }),
                Takes::Attached if !after.is_empty() => Some(OptionValue { text: after, word }),
                _ => after.strip_prefix('=').map(|text| OptionValue { text, word }),
            };
            self.push(name, word, value);
            if value.is_some() || takes == Takes::Value {
                return;
            }
            rest = after;
        }
    }

    /// tar's oldest form: `tar xzf FILE`, letters first and then their values in turn.
    fn bundle(&mut self) {
        let Some(word) = self.words.as_slice().first() else { return };
        if !word.text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return;
        }
        self.words.next();
        for written in word.text.chars().filter_map(short_name) {
            let (name, takes) = self.known(written);
            let value = if takes == Takes::Value { self.next_value() } else { None };
            self.push(name, word, value);
        }
    }

    /// find: starting points, then tests and actions.
    fn find(&mut self) {
        let mut expression = false;
        while let Some(word) = self.words.next() {
            let text = word.text.as_str();
            if !text.starts_with('-') || text == "-" {
                expression |= matches!(text, "(" | "!");
                if !expression {
                    self.operand(word);
                }
                continue;
            }
            let (name, takes) = self.known(text);
            expression |= !matches!(name, "-H" | "-L" | "-P" | "-D") && !name.starts_with("-O");
            let value = match takes {
                Takes::Value => self.next_value(),
                Takes::Command => self.executed(),
                _ => None,
            };
            if name == "-fprintf" {
                self.words.next();
            }
            self.push(name, word, value);
        }
    }

    /// The words of `-exec` up to its end; the first is the value.
    fn executed(&mut self) -> Option<OptionValue<'a>> {
        let first = self.next_value()?;
        let mut last = first.text;
        for word in self.words.by_ref() {
            if word.text == ";" || word.text == "+" && last == "{}" {
                break;
            }
            last = &word.text;
        }
        Some(first)
    }

    fn operand(&mut self, word: &'a Word) {
        if self.grammar.has_subcommands && self.invocation.subcommand.is_none() {
            self.invocation.subcommand = Some(word);
            let verb = word.text.as_str();
            self.subcommand = self.grammar.subcommands.iter().find(|subcommand| subcommand.names.contains(&verb));
        } else {
            self.invocation.operands.push(word);
        }
    }

    fn push(&mut self, name: &'a str, word: &'a Word, value: Option<OptionValue<'a>>) {
        self.invocation.options.push(OptionUse { name, word, value });
    }

    fn next_value(&mut self) -> Option<OptionValue<'a>> {
        self.words.next().map(|word| OptionValue { text: &word.text, word })
    }

    /// nopt lets a flag be followed by the word that switches it.
    fn next_boolean(&mut self) -> Option<OptionValue<'a>> {
        let next = self.words.as_slice().first()?;
        matches!(next.text.as_str(), "true" | "false").then(|| self.next_value())?
    }

    /// The name and appetite of an option given by its full name or, where the tool allows, the beginning of it.
    fn known(&self, written: &'a str) -> (&'a str, Takes) {
        let option = self.find_option(|name| name == written).or_else(|| self.abbreviated(written));
        option.map_or((written, Takes::Nothing), |option| (option.names[0], option.takes))
    }

    fn abbreviated(&self, written: &str) -> Option<&'static Opt> {
        if matches!(self.grammar.style, Style::Getopt | Style::Words | Style::Find | Style::Nopt) || written.len() < 4 {
            return None;
        }
        let mut matching = self
            .options()
            .filter(|option| option.names.iter().any(|name| name.starts_with("--") && name.starts_with(written)));
        let first = matching.next()?;
        matching.all(|other| other.names[0] == first.names[0]).then_some(first)
    }

    fn find_option(&self, is_meant: impl Fn(&str) -> bool) -> Option<&'static Opt> {
        self.options().find(|option| option.names.iter().any(|name| is_meant(name)))
    }

    /// The options that hold where the reader stands, the subcommand's first.
    fn options(&self) -> impl Iterator<Item = &'static Opt> + use<> {
        let behind = self.invocation.subcommand.is_some();
        let own = if behind && self.grammar.globals_first { &[] } else { self.grammar.options };
        let subcommand = self.subcommand.map_or(&[] as &[Opt], |subcommand| subcommand.options);
        subcommand.iter().chain(own)
    }

    /// Whether the parser takes `-o=value` as `-o value`; getopt keeps the sign in the value.
    fn drops_equals(&self) -> bool {
        matches!(self.grammar.tool, Tool::Apt | Tool::Docker) || self.grammar.style == Style::Nopt
    }

    /// chmod takes `-x`, `-w` and `-7` for modes.
    fn is_mode(&self, text: &str) -> bool {
        self.grammar.style == Style::Chmod
            && text.get(1..).is_some_and(|rest| rest.starts_with(|letter| "rwxXstugoa,+=01234567".contains(letter)))
    }
}

fn split_value(text: &str) -> (&str, Option<&str>) {
    text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)))
}

/// The name of the one-letter option `letter`, without making a string.
fn short_name(letter: char) -> Option<&'static str> {
    let at = (u32::from(letter).checked_sub(33)? as usize).checked_mul(2)?;
    std::str::from_utf8(NAMES.get(at..at + 2)?).ok()
}

/// `-!-"-#…-~`.
static NAMES: [u8; 94 * 2] = {
    let mut names = [b'-'; 94 * 2];
    let mut letter = 0;
    while letter < 94 {
        names[letter * 2 + 1] = 33 + letter as u8;
        letter += 1;
    }
    names
};
