//! cmd.exe: a tolerant reader of command lines. Source: Microsoft's reference of `cmd`, `if`, `for` and `set`.
//!
//! Quotes are read as programs read them (`\"` is a quote of the text), which is what authors mean.

use super::list::{Context, List};
use super::nested;
use super::source::Source;
use super::{Assignment, Command, Guard, Nesting, Part, Redirect, Word};

/// Reads a script and adds its commands to the list.
pub(super) fn read(list: &mut List, source: &Source<'_>, context: Context) {
    let mut reader =
        Reader { source, bytes: source.text.as_bytes(), at: 0, groups: Vec::new(), conditional: false, broken: false };
    reader.script(list, context);
    list.clean &= !reader.broken && reader.groups.is_empty();
}

struct Reader<'a> {
    source: &'a Source<'a>,
    bytes: &'a [u8],
    at: usize,
    /// For each open bracket, whether what is around it may be left out.
    groups: Vec<bool>,
    /// Whether the rest of the line depends on an `if` or `for`.
    conditional: bool,
    /// Whether something was left open or over.
    broken: bool,
}

impl Reader<'_> {
    fn script(&mut self, list: &mut List, context: Context) {
        let mut guard = context.guard;
        let mut link = context.pipeline;
        while let Some(&byte) = self.bytes.get(self.at) {
            if list.is_full() {
                return;
            }
            let rest = &self.bytes[self.at..];
            let last = list.commands.last().map(|command| (command.pipeline.0, command.pipeline.1 + 1));
            (guard, link, self.at) = match rest {
                [b'&', b'&', ..] => (Guard::And, context.pipeline, self.at + 2),
                [b'|', b'|', ..] => (Guard::Or, context.pipeline, self.at + 2),
                [b'|', ..] => (guard, last, self.at + 1),
                [b'&', ..] => (Guard::Always, context.pipeline, self.at + 1),
                [b'\n', ..] => {
                    self.conditional = false;
                    (Guard::Always, context.pipeline, self.at + 1)
                }
                [b'(', ..] => {
                    self.groups.push(self.conditional);
                    (guard, link, self.at + 1)
                }
                [b')', ..] => {
                    match self.groups.pop() {
                        Some(around) => self.conditional = around,
                        None => self.broken = true,
                    }
                    (Guard::Always, context.pipeline, self.at + 1)
                }
                _ if is_blank(byte) || matches!(byte, b'@' | b',' | b';' | b'=') => (guard, link, self.at + 1),
                _ => {
                    let nested = if self.conditional { context.conditional() } else { context };
                    if self.command(list, Context { guard, pipeline: link, ..nested }) {
                        (Guard::Always, context.pipeline, self.at)
                    } else {
                        (guard, link, self.at)
                    }
                }
            };
        }
    }

    /// Reads one command, or the head of an `if`, `for` or `else`; tells whether it was a command.
    fn command(&mut self, list: &mut List, context: Context) -> bool {
        let start = self.at;
        let name = self.word();
        match name.text.to_ascii_lowercase().as_str() {
            "rem" => {
                self.line();
                return true;
            }
            text if text.starts_with("::") => {
                self.line();
                return true;
            }
            "if" => {
                self.condition();
                self.conditional = true;
                return false;
            }
            "else" => {
                self.conditional = true;
                return false;
            }
            "for" => {
                self.head_of_loop();
                self.conditional = true;
                return false;
            }
            _ => {}
        }
        let mut command = Command {
            span: name.span,
            name,
            arguments: Vec::new(),
            assignments: Vec::new(),
            redirects: Vec::new(),
            pipeline: list.pipeline(context),
            guard: context.guard,
            nesting: context.nesting,
            parent: context.parent,
        };
        let mut end = self.at;
        loop {
            self.blanks();
            match self.bytes.get(self.at..).unwrap_or_default() {
                [] | [b'\n' | b'&' | b'|', ..] => break,
                [b')', ..] if !self.groups.is_empty() => break,
                [b'>' | b'<', ..] | [b'0'..=b'9', b'>' | b'<', ..] => {
                    let redirect = self.redirect();
                    command.redirects.push(redirect);
                }
                _ => {
                    let word = self.word();
                    command.arguments.push(word);
                }
            }
            end = self.at;
        }
        command.span = self.source.span(start, end);
        command.assignments.extend(self.assigned(&command));
        let level = context.level;
        let Some(index) = list.push(command) else { return true };
        self.wrapped(list, index);
        nested::expand(list, Some(self.source), index, level, None);
        true
    }

    /// `call` and `start` run the command behind them.
    fn wrapped(&self, list: &mut List, index: u32) {
        let command = &list.commands[index as usize];
        let from = if command.name.text.eq_ignore_ascii_case("call") {
            0
        } else if command.name.text.eq_ignore_ascii_case("start") {
            let is_title =
                |word: &Word| self.source.range(word.span).is_some_and(|at| self.source.text[at].starts_with('"'));
            let title = usize::from(command.arguments.first().is_some_and(is_title));
            let options = command.arguments.iter().skip(title).take_while(|word| word.text.starts_with('/')).count();
            title + options
        } else {
            return;
        };
        let Some([name, arguments @ ..]) = command.arguments.get(from..) else { return };
        let nested = Command {
            span: arguments.last().map_or(name.span, |last| name.span.cover(last.span)),
            name: name.clone(),
            arguments: arguments.to_vec(),
            assignments: Vec::new(),
            redirects: Vec::new(),
            nesting: Nesting::Argument,
            parent: Some(index),
            ..*command
        };
        if let Some(nested) = list.push(nested) {
            nested::expand(list, Some(self.source), nested, 1, None);
        }
    }

    /// What `set` and `setx` set.
    fn assigned(&self, command: &Command) -> Option<Assignment> {
        let persists = command.name.text.eq_ignore_ascii_case("setx");
        if !persists && !command.name.text.eq_ignore_ascii_case("set") {
            return None;
        }
        let mut words = command.arguments.iter().skip_while(|word| word.text.starts_with('/'));
        let first = words.next()?;
        if persists {
            let value = words.next()?.clone();
            return Some(Assignment { name: first.text.clone(), span: first.span.cover(value.span), value });
        }
        let (name, value) = first.text.split_once('=')?;
        let last = words.clone().last().unwrap_or(first);
        let span = first.span.cover(last.span);
        let text = words.fold(value.to_owned(), |text, word| text + " " + &word.text);
        let range = self.source.range(span)?;
        let raw = &self.source.text[range.clone()];
        let end = range.start + raw.trim_end_matches('"').len();
        let start = (range.start + raw.find('=')? + 1).min(end);
        let parts = first.parts.clone();
        Some(Assignment {
            name: name.to_owned(),
            value: Word { span: self.source.span(start, end), text, parts },
            span,
        })
    }

    /// `[/i] [not] exist x`, `defined x`, `errorlevel n`, `a==b`, `a == b`, `a equ b`.
    fn condition(&mut self) {
        loop {
            self.blanks();
            let word = self.word().text.to_ascii_lowercase();
            match word.as_str() {
                "/i" | "not" => {}
                "exist" | "defined" | "errorlevel" | "cmdextversion" => {
                    self.blanks();
                    self.word();
                    return;
                }
                compared if compared.contains("==") && !compared.ends_with("==") => return,
                compared => {
                    if !compared.ends_with("==") {
                        self.blanks();
                        let operator = self.word();
                        if operator.text.starts_with("==") && operator.text.len() > 2 {
                            return;
                        }
                    }
                    self.blanks();
                    self.word();
                    return;
                }
            }
        }
    }

    /// `%%i in (…) do`, the switches before it included.
    fn head_of_loop(&mut self) {
        while self.at < self.bytes.len() && self.bytes[self.at] != b'\n' {
            self.blanks();
            if self.bytes.get(self.at) == Some(&b'(') {
                self.at =
                    memchr::memchr(b')', &self.bytes[self.at..]).map_or(self.bytes.len(), |end| self.at + end + 1);
            } else if matches!(self.bytes.get(self.at), None | Some(b'&' | b'|'))
                || self.word().text.eq_ignore_ascii_case("do")
            {
                return;
            }
        }
    }

    fn redirect(&mut self) -> Redirect {
        let start = self.at;
        self.at += usize::from(self.bytes[self.at].is_ascii_digit());
        while matches!(self.bytes.get(self.at), Some(b'>' | b'<')) {
            self.at += 1;
        }
        self.at += usize::from(self.bytes.get(self.at) == Some(&b'&'));
        let operator = self.source.text.get(start..self.at).unwrap_or("").to_owned();
        self.blanks();
        Redirect { operator, target: self.word() }
    }

    /// Reads up to a blank or separator outside quotes.
    fn word(&mut self) -> Word {
        let start = self.at;
        let mut text = String::new();
        let mut parts = Vec::new();
        let mut literal = 0;
        let mut quoted = false;
        while let Some(&byte) = self.bytes.get(self.at) {
            let from = self.at;
            match byte {
                b'"' => {
                    quoted = !quoted;
                    self.at += 1;
                    continue;
                }
                b'\\' if self.bytes.get(self.at + 1) == Some(&b'"') => {
                    text.push('"');
                    self.at += 2;
                    continue;
                }
                b'^' if !quoted => {
                    self.at += 1;
                    if self.bytes.get(self.at) == Some(&b'\n') {
                        self.at += 1;
                        continue;
                    }
                    self.character();
                    text.push_str(self.source.text.get(from + 1..self.at).unwrap_or(""));
                    continue;
                }
                b'%' => {
                    if let Some(name) = self.variable().map(str::to_owned) {
                        if text.len() > literal {
                            parts.push(Part::Literal(text[literal..].to_owned()));
                        }
                        self.at += name.len() + 2;
                        text.push_str(&self.source.text[from..self.at]);
                        literal = text.len();
                        parts.push(match name.split_once(':') {
                            Some((name, _)) => Part::Modified(name.to_owned()),
                            None => Part::Variable(name.to_owned()),
                        });
                        continue;
                    }
                    self.at += 1;
                }
                b'\n' => break,
                _ if quoted => self.character(),
                b'&' | b'|' | b'>' | b'<' => break,
                b')' if !self.groups.is_empty() => break,
                _ if is_blank(byte) => break,
                _ => self.character(),
            }
            text.push_str(self.source.text.get(from..self.at).unwrap_or(""));
        }
        self.broken |= quoted;
        if self.at == start {
            self.character();
        }
        if !parts.is_empty() && text.len() > literal {
            parts.push(Part::Literal(text[literal..].to_owned()));
        }
        Word { span: self.source.span(start, self.at), text, parts }
    }

    /// The name between two percent signs, where that is what stands here.
    fn variable(&self) -> Option<&str> {
        let rest = self.source.text.get(self.at + 1..)?;
        let name = &rest[..rest.find(['%', ' ', '\t', '\n', '"', '&', '|'])?];
        (!name.is_empty() && rest.as_bytes().get(name.len()) == Some(&b'%')).then_some(name)
    }

    /// Passes one character.
    fn character(&mut self) {
        self.at += 1;
        while self.bytes.get(self.at).is_some_and(|byte| byte & 0xc0 == 0x80) {
            self.at += 1;
        }
        self.at = self.at.min(self.bytes.len());
    }

    fn blanks(&mut self) {
        loop {
            match self.bytes.get(self.at..).unwrap_or_default() {
                [byte, ..] if is_blank(*byte) => self.at += 1,
                [b'^', b'\n', ..] => self.at += 2,
                _ => return,
            }
        }
    }

    fn line(&mut self) {
        self.at = memchr::memchr(b'\n', &self.bytes[self.at..]).map_or(self.bytes.len(), |end| self.at + end);
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}
