//! Windows PowerShell and pwsh: a tolerant reader that finds commands, not the whole language. Source: Microsoft's
//! `about_Parsing`, `about_Quoting_Rules`, `about_Operators` and `about_Language_Keywords`.

mod word;

use std::borrow::Cow;

use super::list::{Context, List};
use super::nested;
use super::source::Source;
use super::{Assignment, Command, Guard, Nesting, Part, Redirect, Word};
use word::Inner;

/// How deep blocks and brackets may nest; what is deeper is not read.
const MAX_DEPTH: u32 = 24;

/// How far to look for the end of a type or an index in front of `=`, in bytes.
const MAX_AHEAD: usize = 512;

/// Reads a script and adds its commands to the list.
pub(super) fn read(list: &mut List, source: &Source<'_>, context: Context) {
    let mut reader =
        Reader { source, bytes: source.text.as_bytes(), at: 0, end: source.text.len(), depth: 0, clean: true };
    reader.statements(list, context);
    list.clean &= reader.clean;
}

struct Reader<'a> {
    source: &'a Source<'a>,
    bytes: &'a [u8],
    at: usize,
    end: usize,
    depth: u32,
    clean: bool,
}

impl Reader<'_> {
    /// Reads statements up to the end of the piece.
    fn statements(&mut self, list: &mut List, context: Context) {
        let mut context = context;
        while !list.is_full() {
            self.blanks(true);
            match self.peek() {
                None => return,
                Some(b'}' | b')' | b']') => {
                    self.clean = false;
                    self.at += 1;
                }
                Some(b'{') => self.block(list, context),
                Some(_) => self.statement(list, context),
            }
            context = context.after(Guard::Always);
        }
    }

    fn statement(&mut self, list: &mut List, context: Context) {
        let start = self.at;
        let keyword = self.keyword();
        match keyword.as_ref() {
            "if" | "switch" | "while" | "until" | "for" | "foreach" | "elseif" => {
                self.at += keyword.len();
                // Options of switch.
                self.blanks(true);
                while self.peek() == Some(b'-') {
                    let mut inner = Vec::new();
                    self.word(&mut inner);
                    self.blanks(true);
                }
                if self.peek() == Some(b'(') {
                    self.head(list, if keyword == "elseif" { context.conditional() } else { context });
                    self.blanks(true);
                }
                if self.peek() == Some(b'{') {
                    self.block(list, context.conditional());
                }
            }
            "else" | "catch" | "trap" => {
                self.at += keyword.len();
                self.blanks(true);
                while self.peek() == Some(b'[') {
                    self.at = self.balanced(self.at);
                    self.blanks(true);
                }
                if self.peek() == Some(b'{') {
                    self.block(list, context.conditional());
                }
            }
            "try" | "finally" | "do" | "begin" | "process" | "end" => {
                self.at += keyword.len();
                self.blanks(true);
                if self.peek() == Some(b'{') {
                    self.block(list, context);
                }
            }
            "function" | "filter" => {
                self.at += keyword.len();
                while self.peek().is_some_and(|byte| byte != b'{') {
                    self.at = if self.peek() == Some(b'(') { self.balanced(self.at) } else { self.at + 1 };
                }
                if self.peek() == Some(b'{') {
                    self.block(list, context.within(Nesting::Function, None));
                }
            }
            "param" => {
                self.at += keyword.len();
                self.blanks(true);
                if self.peek() == Some(b'(') {
                    self.at = self.balanced(self.at);
                }
            }
            _ => self.pipelines(list, context),
        }
        if self.at == start {
            self.at += 1;
        }
    }

    /// The keyword that starts here, in lower case; empty where none does.
    fn keyword(&self) -> Cow<'static, str> {
        let rest = &self.bytes[self.at..self.end];
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let ends =
            rest.get(length).is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'(' | b'{' | b'['));
        let known = [
            "if", "switch", "while", "until", "for", "foreach", "elseif", "else", "catch", "trap", "try", "finally",
            "do", "begin", "process", "end", "function", "filter", "param",
        ];
        let word = if ends { &rest[..length] } else { &[] };
        known
            .into_iter()
            .find(|keyword| word.eq_ignore_ascii_case(keyword.as_bytes()))
            .map_or(Cow::Borrowed(""), Cow::Borrowed)
    }

    /// `(…)` behind a keyword: statements, in a loop behind `$x in`.
    fn head(&mut self, list: &mut List, context: Context) {
        let end = self.balanced(self.at);
        let mut start = self.at + 1;
        let inner = self.source.text.get(start..self.inside(start, end)).unwrap_or("");
        let trimmed = inner.trim_start();
        if let Some((name, rest)) = trimmed.split_once(char::is_whitespace)
            && name.starts_with('$')
            && let Some(rest) =
                rest.trim_start().strip_prefix("in").filter(|rest| rest.starts_with(char::is_whitespace))
        {
            start += inner.len() - rest.len();
        }
        self.within(list, start, self.inside(start, end), context);
        self.at = end;
    }

    /// `{…}` as statements.
    fn block(&mut self, list: &mut List, context: Context) {
        let end = self.balanced(self.at);
        self.within(list, self.at + 1, self.inside(self.at + 1, end), context);
        self.at = end;
    }

    fn within(&mut self, list: &mut List, start: usize, end: usize, context: Context) {
        if self.depth >= MAX_DEPTH {
            self.clean = false;
            return;
        }
        let mut inner = Reader { at: start, end: end.min(self.end), depth: self.depth + 1, clean: true, ..*self };
        inner.statements(list, context);
        self.clean &= inner.clean;
    }

    /// `$x = …` or `a | b && c`, up to the end of the statement.
    fn pipelines(&mut self, list: &mut List, context: Context) {
        if self.assignment(list, context) {
            return;
        }
        let mut context = context;
        let mut link = None;
        loop {
            self.blanks(false);
            let pipeline = link.unwrap_or_else(|| list.pipeline(context));
            self.element(list, Context { pipeline: Some(pipeline), ..context });
            self.blanks(false);
            match &self.bytes[self.at..self.end] {
                [b'|', b'|', ..] => (context, link, self.at) = (context.after(Guard::Or), None, self.at + 2),
                [b'&', b'&', ..] => (context, link, self.at) = (context.after(Guard::And), None, self.at + 2),
                [b'|', ..] => (link, self.at) = (Some((pipeline.0, pipeline.1 + 1)), self.at + 1),
                _ => return,
            }
            // A pipeline goes on behind a newline.
            self.blanks(true);
        }
    }

    /// `$name = statement`, `$env:NAME = …`, `[type]$x.y += …`; tells whether that stood here.
    fn assignment(&mut self, list: &mut List, context: Context) -> bool {
        let start = self.at;
        let mut at = start;
        while self.bytes.get(at) == Some(&b'[') && at < self.end.min(start + MAX_AHEAD) {
            at = self.ahead(at);
        }
        if self.bytes.get(at) != Some(&b'$') {
            return false;
        }
        let name_start = at + 1;
        let far = self.end.min(start + MAX_AHEAD);
        while at < far {
            at = match self.bytes[at] {
                b'[' | b'{' => self.ahead(at),
                b'$' | b':' | b'.' | b'_' | b'?' => at + 1,
                byte if byte.is_ascii_alphanumeric() => at + 1,
                _ => break,
            };
        }
        let name = self.source.text.get(name_start..at).unwrap_or("").trim_matches(['{', '}']).to_owned();
        let blank = self.bytes[at.min(self.end)..self.end].iter().take_while(|byte| is_blank(**byte)).count();
        let operator = match &self.bytes[(at + blank).min(self.end)..self.end] {
            [b'=', b'=', ..] => return false,
            [b'=', ..] => 1,
            [b'+' | b'-' | b'*' | b'/' | b'%', b'=', ..] => 2,
            _ => return false,
        };
        self.at = at + blank + operator;
        self.blanks(true);
        let value_start = self.at;
        let pipeline = list.pipeline(context);
        let Some(index) = list.push(Command {
            span: self.source.span(start, value_start),
            name: Word { span: self.source.span(start, start), ..Word::default() },
            arguments: Vec::new(),
            assignments: Vec::new(),
            redirects: Vec::new(),
            pipeline,
            guard: context.guard,
            nesting: context.nesting,
            parent: context.parent,
        }) else {
            self.at = self.end;
            return true;
        };
        let right = context.within(Nesting::Substitution, Some(index));
        // A single value is read as a word; anything else is a statement.
        let mut inner = Vec::new();
        let mut value = self.word(&mut inner);
        self.blanks(false);
        let alone = matches!(self.peek(), None | Some(b'\n' | b';' | b'}' | b')'));
        if alone && matches!(self.bytes.get(value_start), Some(b'\'' | b'"' | b'$' | b'@' | b'(' | b'[' | b'0'..=b'9'))
        {
            self.inner(list, &inner, index, right);
        } else {
            self.at = value_start;
            self.statement(list, right);
            let end = self.trimmed(value_start, self.at);
            let text = self.source.text.get(value_start..end).unwrap_or("").to_owned();
            value = Word { span: self.source.span(value_start, end), parts: vec![Part::Substitution], text };
        }
        let end = self.trimmed(start, self.at);
        let span = self.source.span(start, end);
        if let Some(command) = list.commands.get_mut(index as usize) {
            command.span = span;
            command.assignments.push(Assignment { name, value, span });
        }
        true
    }

    fn trimmed(&self, start: usize, end: usize) -> usize {
        self.source.text.get(start..end).map_or(start, |text| start + text.trim_end().len())
    }

    /// One link of a pipeline: a command or an expression.
    fn element(&mut self, list: &mut List, context: Context) {
        let start = self.at;
        match &self.bytes[self.at..self.end] {
            // `& 'program'`, `. script`.
            [b'&', next, ..] if *next != b'&' => self.at += 1,
            [b'.', next, ..] if is_blank(*next) => self.at += 1,
            _ => {}
        }
        self.blanks(false);
        let mut inner = Vec::new();
        let mut words: Vec<Word> = Vec::new();
        let mut redirects = Vec::new();
        let mut end = self.at;
        loop {
            self.blanks(false);
            match &self.bytes[self.at..self.end] {
                [] | [b'\n' | b';' | b'|' | b'}' | b')', ..] => break,
                [b'&', b'&', ..] => break,
                [b'&', rest @ ..]
                    if rest.iter().find(|byte| !is_blank(**byte)).is_none_or(|byte| matches!(byte, b'\n' | b';')) =>
                {
                    // The background operator.
                    self.at += 1;
                    break;
                }
                [b'>', ..] | [b'0'..=b'9' | b'*', b'>', ..] => {
                    let from = self.at;
                    while matches!(self.peek(), Some(b'>' | b'0'..=b'9' | b'*')) {
                        self.at += 1;
                    }
                    self.at += usize::from(self.peek() == Some(b'&'));
                    let operator = self.source.text.get(from..self.at).unwrap_or("").to_owned();
                    self.blanks(false);
                    redirects.push(Redirect { operator, target: self.word(&mut inner) });
                }
                _ => {
                    let from = self.at;
                    let word = self.word(&mut inner);
                    if self.at > from {
                        words.push(word);
                    } else {
                        self.at += 1;
                    }
                }
            }
            end = self.at;
        }
        if words.is_empty() && redirects.is_empty() {
            return;
        }
        // An expression (`'text' -f $x`, `(…).Method()`) runs no command of its own.
        let called = matches!(self.bytes.get(start), Some(b'&' | b'.'));
        let expression = matches!(
            self.bytes.get(start),
            Some(b'\'' | b'"' | b'$' | b'(' | b'[' | b'@' | b'{' | b'-' | b'!' | b'+' | b'0'..=b'9')
        );
        let name = if words.is_empty() || (expression && !called) {
            Word { span: self.source.span(start, start), ..Word::default() }
        } else {
            words.remove(0)
        };
        let command = Command {
            span: self.source.span(start, end),
            name,
            arguments: words,
            assignments: Vec::new(),
            redirects,
            pipeline: list.pipeline(context),
            guard: context.guard,
            nesting: context.nesting,
            parent: context.parent,
        };
        let Some(index) = list.push(command) else { return };
        self.started(list, index, context);
        nested::expand(list, Some(self.source), index, context.level, None);
        self.inner(list, &inner, index, context);
    }

    /// Reads the bracketed pieces of a command's words.
    fn inner(&mut self, list: &mut List, inner: &[Inner], index: u32, context: Context) {
        for piece in inner {
            let nested = match piece.nesting {
                Nesting::Argument => {
                    Context { nesting: Nesting::Argument, parent: Some(index), guard: Guard::Always, ..context }
                }
                nesting => context.within(nesting, Some(index)),
            };
            self.within(list, piece.start, piece.end, nested);
        }
    }

    /// `Start-Process program -ArgumentList a, b` runs a program; `Invoke-Expression 'text'` runs a text.
    fn started(&self, list: &mut List, index: u32, context: Context) {
        let command = &list.commands[index as usize];
        let is = |names: &[&str]| names.iter().any(|name| command.name.text.eq_ignore_ascii_case(name));
        let context = Context { nesting: Nesting::Argument, parent: Some(index), level: context.level + 1, ..context };
        if is(&["invoke-expression", "iex"]) {
            let script = command.arguments.iter().find(|word| !word.text.starts_with('-'));
            if let Some(script) = script.filter(|script| script.parts.is_empty()).cloned() {
                nested::powershell_text(list, self.source, &script, context);
            }
        } else if is(&["start-process", "saps", "start"]) {
            let mut program = None;
            let mut arguments = Vec::new();
            let mut option = String::new();
            for word in &command.arguments {
                if word.text.starts_with('-') && program.is_none_or(|_: &Word| option != "-argumentlist") {
                    option = word.text.to_ascii_lowercase();
                    if matches!(option.as_str(), "-wait" | "-nonewwindow" | "-passthru" | "-usenewenvironment") {
                        option.clear();
                    }
                    if matches!(option.as_str(), "-args" | "-arg" | "-argumentlist" | "-argumentlists") {
                        "-argumentlist".clone_into(&mut option);
                    }
                    continue;
                }
                match option.as_str() {
                    "-argumentlist" => {
                        // A list goes on behind a comma; then the next dash is an option again.
                        let mut argument = word.clone();
                        if argument.text.ends_with(',') {
                            argument.text.pop();
                            argument.span.end = argument.span.end.saturating_sub(1).max(argument.span.start);
                        } else {
                            option.clear();
                        }
                        arguments.push(argument);
                    }
                    "" | "-filepath" if program.is_none() => {
                        program = Some(word);
                        option.clear();
                    }
                    "" => arguments.push(word.clone()),
                    _ => option.clear(),
                }
            }
            let Some(program) = program.cloned() else { return };
            let nested = Command {
                span: arguments.iter().fold(program.span, |span, word| span.cover(word.span)),
                name: program,
                arguments,
                assignments: Vec::new(),
                redirects: Vec::new(),
                nesting: Nesting::Argument,
                parent: Some(index),
                ..*command
            };
            if let Some(nested) = list.push(nested) {
                nested::expand(list, Some(self.source), nested, context.level, None);
            }
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}
