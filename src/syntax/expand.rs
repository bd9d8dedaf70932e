//! Variables, quotes and escapes in the words of an instruction, as BuildKit reads them.
//!
//! Source: the Dockerfile reference, "Environment replacement", and moby/buildkit `frontend/dockerfile/shell`. It is not
//! what a shell does: single quotes hide everything, an escape outside quotes disappears in front of any character, and
//! inside double quotes only in front of `"`, `$` and itself.
//!
//! Two deviations, both for input that nobody writes by hand: `${…}` nests at most [`MAX_DEPTH`] deep, and what one
//! word costs is bounded by [`Lexer::limit`].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

mod error;
mod pattern;
mod split;

pub use error::{ExpandError, ExpandErrorKind};

use error::{bad_pattern, required, syntax, unclosed, unsupported};
use pattern::Pattern;
use split::Splitter;

/// How deep `${a:-${b:-…}}` may nest.
pub const MAX_DEPTH: usize = 100;

/// The default of [`Lexer::limit`].
pub const DEFAULT_LIMIT: usize = 1 << 20;

/// How words are read. `Lexer::new` gives what instructions other than heredocs need.
#[derive(Clone, Debug)]
pub struct Lexer {
    /// The escape character: `\`, or what the `escape` directive says.
    pub escape: char,
    /// Whether quotes stay in the result (their content is read as ever).
    pub raw_quotes: bool,
    /// Whether escape characters stay in the result (they still hide what follows).
    pub raw_escapes: bool,
    /// Whether a reference to an unset variable stays in the result as it is written.
    pub skip_unset: bool,
    /// Whether quotes are ordinary characters.
    pub skip_process_quotes: bool,
    /// Whether names are case-insensitive, as they are where BuildKit itself runs on Windows. [`Env::get`] is then asked
    /// for the name in upper case.
    pub windows: bool,
    /// How much work one call may do besides reading its input: bytes of values and operands, and steps of
    /// pattern matching. It bounds the length of the result to the input's plus the limit, so that `ENV A=$A$A` in a row of
    /// hundreds cannot exhaust memory.
    pub limit: usize,
}

/// The variables that are set.
pub trait Env {
    /// The value of a variable, `None` if it is unset.
    fn get(&self, name: &str) -> Option<Cow<'_, str>>;
}

/// A word after expansion.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expansion {
    /// The text.
    pub text: String,
    /// Variables asked for and set, each once, sorted. Also those whose value does not show in the text.
    pub matched: Vec<String>,
    /// Variables asked for and unset, each once, sorted.
    pub unmatched: Vec<String>,
    /// What it cost, in the unit of [`Lexer::limit`], for callers with a budget for many words.
    pub work: usize,
}

/// Words after expansion and splitting.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Words {
    /// The words.
    pub words: Vec<String>,
    /// As in [`Expansion`].
    pub matched: Vec<String>,
    /// As in [`Expansion`].
    pub unmatched: Vec<String>,
    /// As in [`Expansion`].
    pub work: usize,
}

impl Default for Lexer {
    fn default() -> Self {
        Self::new('\\')
    }
}

impl Lexer {
    /// A lexer with this escape character, that removes quotes and escapes and fills in nothing for unset variables.
    #[must_use]
    pub fn new(escape: char) -> Self {
        Self {
            escape,
            raw_quotes: false,
            raw_escapes: false,
            skip_unset: false,
            skip_process_quotes: false,
            windows: false,
            limit: DEFAULT_LIMIT,
        }
    }

    /// Expands a text to one text; white space stays as it is.
    ///
    /// # Errors
    /// Quotes or braces that are not closed, modifiers BuildKit does not know, a required variable without value, and
    /// exceeded limits.
    pub fn word(&self, input: &str, env: &impl Env) -> Result<Expansion, ExpandError> {
        let text = without_mark(input);
        if !self.is_special(text) {
            return Ok(Expansion { text: text.to_owned(), ..Expansion::default() });
        }
        let mut run = self.run(input, env, false);
        let text = run.until(None, self.raw_escapes, true)?;
        let (matched, unmatched, work) = run.finish();
        Ok(Expansion { text, matched, unmatched, work })
    }

    /// Expands a text and splits it at white space that is neither quoted nor escaped; white space in the value of an
    /// unquoted variable splits as well.
    ///
    /// # Errors
    /// As for [`Lexer::word`].
    pub fn words(&self, input: &str, env: &impl Env) -> Result<Words, ExpandError> {
        let text = without_mark(input);
        if !self.is_special(text) && !text.contains('<') {
            let words = text.split_whitespace().map(str::to_owned).collect();
            return Ok(Words { words, ..Words::default() });
        }
        let mut run = self.run(input, env, true);
        run.until(None, self.raw_escapes, true)?;
        let words = std::mem::take(&mut run.splitter).unwrap_or_default().finish();
        let (matched, unmatched, work) = run.finish();
        Ok(Words { words, matched, unmatched, work })
    }

    fn run<'a, E: Env>(&'a self, input: &'a str, env: &'a E, split: bool) -> Run<'a, E> {
        Run {
            lexer: self,
            env,
            input,
            at: input.len() - without_mark(input).len(),
            raw_escapes: self.raw_escapes,
            splitter: split.then(Splitter::default),
            matched: BTreeSet::new(),
            unmatched: BTreeSet::new(),
            depth: 0,
            work: 0,
        }
    }

    fn is_special(&self, text: &str) -> bool {
        text.contains(['$', '\'', '"', self.escape])
    }
}

/// BuildKit's scanner swallows a byte order mark in front.
fn without_mark(input: &str) -> &str {
    input.strip_prefix('\u{feff}').unwrap_or(input)
}

/// One pass over one input.
struct Run<'a, E: Env> {
    lexer: &'a Lexer,
    env: &'a E,
    input: &'a str,
    at: usize,
    raw_escapes: bool,
    splitter: Option<Splitter>,
    matched: BTreeSet<String>,
    unmatched: BTreeSet<String>,
    depth: usize,
    work: usize,
}

impl<E: Env> Run<'_, E> {
    /// Reads up to `stop` (and takes it), or to the end of the input where `stop` is `None`. Only the outermost call
    /// splits words.
    fn until(&mut self, stop: Option<char>, raw_escapes: bool, outermost: bool) -> Result<String, ExpandError> {
        let saved = std::mem::replace(&mut self.raw_escapes, raw_escapes);
        let result = self.until_inner(stop, outermost);
        self.raw_escapes = saved;
        result
    }

    fn until_inner(&mut self, stop: Option<char>, outermost: bool) -> Result<String, ExpandError> {
        let start = self.at;
        let mut text = String::new();
        while let Some(c) = self.peek() {
            if Some(c) == stop {
                self.next();
                return Ok(text);
            }
            match c {
                '$' => {
                    let value = self.dollar()?;
                    text.push_str(&value);
                    self.split(outermost, |splitter| splitter.add(&value));
                }
                '\'' | '"' if !self.lexer.skip_process_quotes => {
                    let from = text.len();
                    if c == '"' {
                        self.double_quoted(&mut text)?
                    } else {
                        self.single_quoted(&mut text)?
                    }
                    self.split(outermost, |splitter| splitter.add_raw(&text[from..]));
                }
                '<' => {
                    // `<<` and blanks behind it stay one word with the heredoc's name.
                    let from = self.at;
                    self.next();
                    if self.take('<') {
                        while self.peek().is_some_and(|c| matches!(c, '\t' | '\r' | ' ')) {
                            self.next();
                        }
                    }
                    let opening = &self.input[from..self.at];
                    text.push_str(opening);
                    self.split(outermost, |splitter| splitter.add_raw(opening));
                }
                c if c == self.lexer.escape => {
                    self.next();
                    if self.raw_escapes {
                        text.push(c);
                        self.split(outermost, |splitter| splitter.add_raw(c.encode_utf8(&mut [0; 4])));
                    }
                    let Some(hidden) = self.next() else { break };
                    text.push(hidden);
                    self.split(outermost, |splitter| splitter.add_raw(hidden.encode_utf8(&mut [0; 4])));
                }
                c => {
                    self.next();
                    text.push(c);
                    self.split(outermost, |splitter| splitter.add_char(c));
                }
            }
        }
        match stop {
            None => Ok(text),
            Some(stop) => Err(syntax(start, format!("the text ends before a closing `{stop}`"))),
        }
    }

    fn single_quoted(&mut self, text: &mut String) -> Result<(), ExpandError> {
        let start = self.at;
        self.next();
        let Some(length) = self.input[self.at..].find('\'') else {
            self.at = self.input.len();
            return Err(syntax(start, "a single quote `'` is not closed"));
        };
        let raw = self.lexer.raw_quotes;
        let (from, to) = (self.at, self.at + length);
        text.push_str(if raw { &self.input[from - 1..=to] } else { &self.input[from..to] });
        self.at = to + 1;
        Ok(())
    }

    fn double_quoted(&mut self, text: &mut String) -> Result<(), ExpandError> {
        let start = self.at;
        self.next();
        let raw = self.lexer.raw_quotes;
        if raw {
            text.push('"');
        }
        while let Some(c) = self.peek() {
            if c == '"' {
                self.next();
                if raw {
                    text.push('"');
                }
                return Ok(());
            }
            if c == '$' {
                let value = self.dollar()?;
                text.push_str(&value);
                continue;
            }
            self.next();
            let mut plain = c;
            if c == self.lexer.escape {
                if self.raw_escapes {
                    text.push(c);
                }
                match self.peek() {
                    None => break,
                    Some(hidden) if hidden == '"' || hidden == '$' || hidden == self.lexer.escape => {
                        self.next();
                        plain = hidden;
                    }
                    // The escape character stays here; with raw escapes BuildKit doubles it.
                    Some(_) => {}
                }
            }
            text.push(plain);
        }
        Err(syntax(start, "a double quote `\"` is not closed"))
    }

    /// `$name`, `${name}`, `${name<modifier>…}`.
    fn dollar(&mut self) -> Result<String, ExpandError> {
        let start = self.at;
        self.next();
        if !self.take('{') {
            let name = self.name();
            if name.is_empty() {
                return Ok("$".to_owned());
            }
            return match self.get(&name) {
                None if self.lexer.skip_unset => Ok(format!("${name}")),
                value => self.filled(start, value.unwrap_or_default()),
            };
        }
        match self.peek() {
            None => return Err(unclosed(start)),
            Some(c @ ('{' | '}' | ':')) => {
                return Err(syntax(start, format!("`${{` is followed by `{c}` where a variable's name has to stand")));
            }
            Some(_) => {}
        }
        let name = self.name();
        match self.next() {
            None => Err(unclosed(start)),
            Some('}') => match self.get(&name) {
                None if self.lexer.skip_unset => Ok(format!("${{{name}}}")),
                value => self.filled(start, value.unwrap_or_default()),
            },
            Some('/') => self.replacement(start, &name),
            Some(':') => match self.next() {
                Some(operator) => self.modified(start, &name, true, operator),
                None => Err(unclosed(start)),
            },
            Some(operator @ ('+' | '-' | '?' | '#' | '%')) => self.modified(start, &name, false, operator),
            Some(c) => Err(unsupported(start, &c.to_string())),
        }
    }

    /// `${name:-word}` and its like, read up to the operator. The word is expanded whether it is used or not.
    fn modified(&mut self, start: usize, name: &str, colon: bool, operator: char) -> Result<String, ExpandError> {
        let trims = matches!(operator, '#' | '%');
        let shown = if colon { format!(":{operator}") } else { operator.to_string() };
        if colon && trims {
            return Err(unsupported(start, &shown));
        }
        let word = self.operand(start, '}', trims)?;
        let value = self.get(name);
        let Some(value) = value else {
            if self.lexer.skip_unset {
                return Ok(format!("${{{name}{shown}{word}}}"));
            }
            return match operator {
                '-' => Ok(word),
                '+' => Ok(String::new()),
                '?' => Err(required(start, name, &word, "unset")),
                '#' | '%' => self.trimmed(start, "", &word, operator),
                _ => Err(unsupported(start, &shown)),
            };
        };
        let null = colon && value.is_empty();
        match operator {
            '-' if null => Ok(word),
            '+' if null => Ok(String::new()),
            '+' => Ok(word),
            '?' if null => Err(required(start, name, &word, "empty")),
            '-' | '?' => self.filled(start, value),
            '#' | '%' => self.trimmed(start, &value, &word, operator),
            _ => Err(unsupported(start, &shown)),
        }
    }

    /// `#`, `##`, `%`, `%%`: the operator is doubled by the word's first character.
    fn trimmed(&mut self, start: usize, value: &str, word: &str, operator: char) -> Result<String, ExpandError> {
        let (longest, word) = word.strip_prefix(operator).map_or((false, word), |rest| (true, rest));
        let pattern = Pattern::parse(word).map_err(|message| bad_pattern(start, word, &message))?;
        self.charge(start, (value.len() + 1).saturating_mul(pattern.len() + 1))?;
        let kept = if operator == '#' {
            &value[pattern.prefix(value, longest)..]
        } else {
            &value[..value.len() - pattern.suffix(value, longest)]
        };
        Ok(kept.to_owned())
    }

    /// `${name/pattern/text}` and `${name//pattern/text}`, read up to the first `/`.
    fn replacement(&mut self, start: usize, name: &str) -> Result<String, ExpandError> {
        let all = self.take('/');
        let word = self.operand(start, '/', true)?;
        let by = self.operand(start, '}', true)?;
        let value = match self.get(name) {
            None if self.lexer.skip_unset => return Ok(format!("${{{name}/{word}/{by}}}")),
            value => value.unwrap_or_default(),
        };
        let pattern = Pattern::parse(&word).map_err(|message| bad_pattern(start, &word, &message))?;
        let mut text = String::new();
        let mut copied = 0;
        let mut from = 0;
        while from <= value.len() {
            let room = (self.lexer.limit - self.work) / (pattern.len() + 1);
            let (found, looked) = pattern.find(&value, from, room);
            self.charge(start, (looked + 1).saturating_mul(pattern.len() + 1))?;
            let Some(found) = found else { break };
            text.push_str(&value[copied..found.start]);
            // As in Go's regexp: an empty match right behind another match does not count.
            if found.end > copied || found.start == 0 {
                let old = text.len();
                if all {
                    pattern::fill(&by, &value[found.clone()], &mut text)
                } else {
                    text.push_str(&by)
                }
                self.charge(start, text.len() - old)?;
            }
            copied = found.end;
            let step = value[from..].chars().next().map_or(1, char::len_utf8);
            from = (from + step).max(found.end);
            if !all {
                break;
            }
        }
        text.push_str(&value[copied..]);
        self.charge(start, value.len())?;
        Ok(text)
    }

    /// The part of `${…}` up to `stop`.
    fn operand(&mut self, start: usize, stop: char, raw_escapes: bool) -> Result<String, ExpandError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ExpandError {
                message: format!("`${{…}}` nests more than {MAX_DEPTH} deep"),
                offset: start,
                kind: ExpandErrorKind::Limit,
            });
        }
        // BuildKit's calls share one buffer for the word at hand, and a nested one clears it: of `80${x:-81}` only what
        // comes from the last braces on is left when it splits words. EXPOSE shows that.
        self.split(true, |splitter| splitter.buffer.clear());
        let result = self.until(Some(stop), raw_escapes, false);
        self.depth -= 1;
        let word = match result {
            Err(error) if error.kind == ExpandErrorKind::Syntax && self.peek().is_none() && stop == '/' => {
                return Err(syntax(start, "`${…/` has no second `/` that ends the pattern"));
            }
            Err(error) if error.kind == ExpandErrorKind::Syntax && self.peek().is_none() => {
                return Err(ExpandError { offset: error.offset.min(start), ..unclosed(start) });
            }
            result => result?,
        };
        self.charge(start, word.len())?;
        Ok(word)
    }

    /// A variable's name: a number, one special parameter, or letters, digits and `_`; empty where none stands here.
    fn name(&mut self) -> String {
        let rest = &self.input[self.at..];
        let length = match rest.chars().next() {
            Some(c) if c.is_ascii_digit() => rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()),
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => 1,
            // Go's letters and digits differ from Rust's alphabetic characters in a few scripts' vowel signs and digits.
            _ => rest.find(|c: char| !(c.is_alphabetic() || c.is_ascii_digit() || c == '_')).unwrap_or(rest.len()),
        };
        self.at += length;
        rest[..length].to_owned()
    }

    fn get(&mut self, name: &str) -> Option<String> {
        let key = if self.lexer.windows { Cow::Owned(name.to_uppercase()) } else { Cow::Borrowed(name) };
        let value = self.env.get(&key);
        let seen = if value.is_some() { &mut self.matched } else { &mut self.unmatched };
        if !seen.contains(name) {
            seen.insert(name.to_owned());
        }
        value.map(Cow::into_owned)
    }

    fn filled(&mut self, start: usize, value: String) -> Result<String, ExpandError> {
        self.charge(start, value.len())?;
        Ok(value)
    }

    fn charge(&mut self, start: usize, work: usize) -> Result<(), ExpandError> {
        self.work = self.work.saturating_add(work);
        if self.work <= self.lexer.limit {
            return Ok(());
        }
        Err(ExpandError {
            message: "the variables here expand to more than harden follows".to_owned(),
            offset: start,
            kind: ExpandErrorKind::Limit,
        })
    }

    fn split(&mut self, outermost: bool, act: impl FnOnce(&mut Splitter)) {
        if outermost && let Some(splitter) = &mut self.splitter {
            act(splitter);
        }
    }

    fn peek(&self) -> Option<char> {
        self.input[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take(&mut self, c: char) -> bool {
        let here = self.peek() == Some(c);
        if here {
            self.next();
        }
        here
    }

    fn finish(self) -> (Vec<String>, Vec<String>, usize) {
        (self.matched.into_iter().collect(), self.unmatched.into_iter().collect(), self.work)
    }
}

impl Env for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).map(|value| Cow::Borrowed(value.as_str()))
    }
}

/// No variable is set.
impl Env for () {
    fn get(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}
