//! Text → marks over the text. From the same marks come the typed views, always, and the lossless tree, where someone asks
//! for it. Never fails: what BuildKit would refuse becomes an error.

use crate::text::{Source, Span};

use super::ast::{GapKind, Heredoc, Instruction, Keyword};
use super::directive::{Directives, Outcome};
use super::kind::Kind;
use super::logical::{Line, Logical};
use super::{Directive, Step, SyntaxError, heredoc, json, views, words};

/// What a file comes to.
pub(super) struct Parsed {
    pub(super) green: Option<rowan::GreenNode>,
    pub(super) instructions: Vec<Instruction>,
    /// Comment lines outside heredocs, without white space in front and newline.
    pub(super) comments: Vec<Span>,
    pub(super) escape: char,
    pub(super) directives: Vec<Directive>,
    pub(super) errors: Vec<SyntaxError>,
}

/// Parses a whole file; builds its tree only if that is wanted, since it takes longer than all the rest.
pub(super) fn parse(source: &Source, tree: bool) -> Parsed {
    let mut parser = Parser {
        file: source.text(),
        at: 0,
        escape: '\\',
        directives: Directives::default(),
        errors: Vec::new(),
        instructions: Vec::new(),
        comments: Vec::new(),
        above: Vec::new(),
        builder: tree.then(rowan::GreenNodeBuilder::new),
        emitted: 0,
    };
    parser.start(Kind::File);
    if parser.file.starts_with('\u{feff}') {
        parser.token(Kind::ByteOrderMark, 3);
        parser.at = 3;
    }
    while parser.at < parser.file.len() {
        parser.line();
    }
    parser.finish();
    if parser.instructions.is_empty() {
        parser.error(
            Span::new(0, parser.file.len() as u32),
            "the file has no instructions",
            "Start with a FROM instruction",
        );
    }
    Parsed {
        green: parser.builder.map(rowan::GreenNodeBuilder::finish),
        instructions: parser.instructions,
        comments: parser.comments,
        escape: parser.escape,
        directives: parser.directives.found,
        errors: parser.errors,
    }
}

struct Parser<'a> {
    file: &'a str,
    at: usize,
    escape: char,
    directives: Directives,
    errors: Vec<SyntaxError>,
    instructions: Vec<Instruction>,
    comments: Vec<Span>,
    /// Comment lines that describe the next instruction.
    above: Vec<Span>,
    /// Makes the tree, where it is wanted.
    builder: Option<rowan::GreenNodeBuilder<'static>>,
    /// Everything before this offset stands in the tree.
    emitted: usize,
}

/// A node over a range of the joined line, at a depth below the instruction. Marks stand in the order of the tree.
pub(super) struct Mark {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) depth: usize,
}

impl Parser<'_> {
    /// Reads one comment, blank line or instruction.
    fn line(&mut self) {
        let line = Line::at(self.file, self.at);
        let text = line.text(self.file).trim_start();
        let start = line.text_end - text.len();
        let span = Span::new(start as u32, line.text_end as u32);
        let directive = self.directive(text, span);
        if text.is_empty() || text.starts_with('#') {
            self.space(start);
            if directive {
                self.start(Kind::Directive);
            }
            self.token(Kind::Comment, line.text_end);
            if directive {
                self.finish();
            }
            self.token(Kind::Newline, line.end);
            self.at = line.end;
            if !text.is_empty() {
                self.comment(text, start, directive);
            }
            return;
        }
        self.space(start);
        self.instruction(start);
    }

    fn comment(&mut self, text: &str, start: usize, directive: bool) {
        let span = Span::new(start as u32, (start + text.trim_end().len()) as u32);
        self.comments.push(span);
        if text[1..].trim().is_empty() {
            self.above.clear();
        } else if !directive {
            self.above.push(span);
        }
    }

    fn directive(&mut self, text: &str, span: Span) -> bool {
        match self.directives.line(text, span, "#") {
            Outcome::None => return false,
            Outcome::Repeated(name) => {
                self.error(span, format!("the parser directive `{name}` is repeated"), "Keep one of them");
                return false;
            }
            Outcome::Found => {}
        }
        let Some(Directive { name, value, .. }) = self.directives.found.last() else { return false };
        if name == "escape" {
            match value.as_str() {
                "`" => self.escape = '`',
                "\\" => self.escape = '\\',
                other => {
                    let message = format!("`{other}` can't be the escape character");
                    self.error(span, message, "Use a backslash or a backtick");
                }
            }
        }
        true
    }

    fn instruction(&mut self, start: usize) {
        let logical = Logical::read(self.file, start, self.escape as u8);
        for &span in &logical.overlong {
            let message = "this line is longer than the 65,535 bytes that BuildKit reads";
            self.error(span, message, "Break the line, or move the text into a file");
        }
        // Behind an escape character alone on its line, the keyword may be indented.
        let range = words::trimmed(&logical.text, 0);
        let mut marks = Vec::new();
        let openers = self.arguments(&logical, range.clone(), 0, &mut marks);
        let openers: Vec<_> = openers.into_iter().flatten().filter(|opener| self.opens(opener, &logical)).collect();
        self.start(Kind::Instruction);
        self.emit(&logical, &marks);
        self.at = logical.end;
        let heredocs: Vec<Heredoc> = if openers.is_empty() {
            self.finish();
            self.gaps_until(&logical, logical.newline.start as usize);
            Vec::new()
        } else {
            self.gaps_until(&logical, logical.end);
            let heredocs = openers.into_iter().map(|opener| self.heredoc(opener, &logical)).collect();
            self.finish();
            heredocs
        };
        if self.emitted < self.at {
            self.token(Kind::Newline, self.at);
        }
        self.comments.extend(logical.comments(self.file));
        let mut instruction = views::instruction(&logical, range, &marks, self.escape, heredocs);
        instruction.comments = std::mem::take(&mut self.above);
        self.instructions.push(instruction);
    }

    /// Whether an opener is one. `<<- NAME`, which BuildKit does not take, counts where a body follows: its lines are then
    /// not refused one by one, but the opener is, once.
    fn opens(&mut self, opener: &heredoc::Opener, logical: &Logical<'_>) -> bool {
        if !opener.apart {
            return true;
        }
        let closed = heredoc::is_closed(self.file, logical.end, opener);
        if closed {
            let span = logical.span(0, logical.text.trim_end().len());
            let message = format!("BuildKit sees no heredoc where blanks stand between `<<-` and `{}`", opener.name);
            self.error(span, message, format!("Write `<<-{}`", opener.name));
        }
        closed
    }

    fn heredoc(&mut self, opener: heredoc::Opener, logical: &Logical<'_>) -> Heredoc {
        let (heredoc, next) = heredoc::body(self.file, self.at, opener);
        if heredoc.terminator.is_empty() {
            let message = format!("the heredoc `{}` is never closed", heredoc.name);
            let help = format!("Put `{}` alone on a line behind it", heredoc.name);
            self.error(logical.span(0, logical.text.len()), message, help);
        }
        if self.emitted < heredoc.content.start as usize {
            self.token(Kind::Newline, heredoc.content.start as usize);
        }
        self.start(Kind::Heredoc);
        self.token(Kind::Body, heredoc.content.end as usize);
        self.token(Kind::Terminator, heredoc.terminator.end as usize);
        self.finish();
        self.at = next;
        heredoc
    }

    /// Splits the instruction at `range` of the joined line into marks; the heredocs it opens.
    fn arguments(
        &mut self,
        logical: &Logical<'_>,
        range: std::ops::Range<usize>,
        depth: usize,
        marks: &mut Vec<Mark>,
    ) -> Option<Vec<heredoc::Opener>> {
        let text = &logical.text[range.clone()];
        let (name, rest) = words::split_once(text).unwrap_or((0..text.len(), text.len()..text.len()));
        let keyword = Keyword::of(&text[name.clone()]);
        marks.push(Mark { kind: Kind::Keyword, start: range.start, end: range.start + name.end, depth });
        let rest_at = range.start + rest.start;
        let (flags, after) = words::flags(&text[rest.clone()], self.escape);
        for flag in flags {
            marks.push(Mark { kind: Kind::Flag, start: rest_at + flag.start, end: rest_at + flag.end, depth });
        }
        let arguments = words::trimmed(&text[rest.start + after..], rest_at + after);
        if arguments.is_empty() {
            return None;
        }
        let body = &logical.text[arguments.clone()];
        let mut add = |kind, range: std::ops::Range<usize>, depth| {
            let (start, end) = (arguments.start + range.start, arguments.start + range.end);
            marks.push(Mark { kind, start, end, depth });
        };
        let mut exec = false;
        match keyword {
            Keyword::Onbuild => {
                add(Kind::Instruction, 0..body.len(), depth);
                return self.arguments(logical, arguments, depth + 1, marks);
            }
            Keyword::Healthcheck => {
                let (kind, command) = match body.find(char::is_whitespace) {
                    Some(end) => (0..end, words::trimmed(&body[end..], end)),
                    None => (0..body.len(), body.len()..body.len()),
                };
                add(Kind::Word, kind, depth);
                self.shell_or_exec(logical, arguments.start, command, depth, marks);
            }
            Keyword::Run | Keyword::Cmd | Keyword::Entrypoint | Keyword::Shell => {
                exec = self.shell_or_exec(logical, arguments.start, 0..body.len(), depth, marks);
            }
            Keyword::Copy | Keyword::Add | Keyword::Volume => match json::array(body) {
                json::Array::No => {
                    words::blank_separated(body).into_iter().for_each(|word| add(Kind::Word, word, depth))
                }
                _ => exec = self.shell_or_exec(logical, arguments.start, 0..body.len(), depth, marks),
            },
            Keyword::From | Keyword::Expose => {
                words::blank_separated(body).into_iter().for_each(|word| add(Kind::Word, word, depth));
            }
            Keyword::Arg => {
                words::quoted(body, self.escape).into_iter().for_each(|word| add(Kind::Word, word, depth));
            }
            Keyword::Env | Keyword::Label => {
                let message = pairs(body, self.escape, keyword, |kind, range, below| add(kind, range, depth + below));
                if let Some((range, message)) = message {
                    let span = logical.span(arguments.start + range.start, arguments.start + range.end);
                    self.error(span, message, "Write `NAME=value`, with quotes around a value that has blanks");
                }
            }
            Keyword::User | Keyword::Workdir | Keyword::Stopsignal | Keyword::Maintainer => {
                add(Kind::Word, 0..body.len(), depth);
            }
            Keyword::Unknown => {}
        }
        let opens = matches!(keyword, Keyword::Run | Keyword::Copy | Keyword::Add) && !exec && text.contains("<<");
        if !opens {
            return None;
        }
        match heredoc::openers(&logical.text[range.clone()]) {
            Ok(openers) => (!openers.is_empty()).then_some(openers),
            Err(error) => {
                let message = format!("a heredoc's name can't be read: {}", error.message);
                self.error(logical.span(range.start, range.end), message, "Close the quote in the heredoc's name");
                None
            }
        }
    }

    /// Marks exec form or shell form; whether it is exec form.
    fn shell_or_exec(
        &mut self,
        logical: &Logical<'_>,
        at: usize,
        range: std::ops::Range<usize>,
        depth: usize,
        marks: &mut Vec<Mark>,
    ) -> bool {
        if range.is_empty() {
            return false;
        }
        let (start, end) = (at + range.start, at + range.end);
        match json::array(&logical.text[start..end]) {
            json::Array::Strings(strings) => {
                marks.push(Mark { kind: Kind::Array, start, end, depth });
                for string in strings {
                    let (start, end) = (start + string.start, start + string.end);
                    marks.push(Mark { kind: Kind::String, start, end, depth: depth + 1 });
                }
                true
            }
            json::Array::Mixed => {
                let message = "this JSON array holds something other than strings";
                self.error(logical.span(start, end), message, "Put every element in double quotes");
                marks.push(Mark { kind: Kind::Shell, start, end, depth });
                false
            }
            json::Array::No => {
                marks.push(Mark { kind: Kind::Shell, start, end, depth });
                false
            }
        }
    }

    /// Puts the instruction's bytes into the tree, up to the end of its last mark.
    fn emit(&mut self, logical: &Logical<'_>, marks: &[Mark]) {
        if self.builder.is_none() {
            self.emitted = logical.end(logical.text.trim_end().len()) as usize;
            return;
        }
        let mut open: Vec<(usize, bool)> = Vec::new();
        for mark in marks {
            while open.len() > mark.depth {
                self.close(logical, &mut open);
            }
            let span = logical.span(mark.start, mark.end);
            self.between(logical, span.start as usize, false);
            self.start(mark.kind);
            open.push((span.end as usize, !matches!(mark.kind, Kind::Instruction | Kind::Pair | Kind::Array)));
        }
        while !open.is_empty() {
            self.close(logical, &mut open);
        }
        let end = logical.end(logical.text.trim_end().len()) as usize;
        self.between(logical, end, false);
    }

    fn close(&mut self, logical: &Logical<'_>, open: &mut Vec<(usize, bool)>) {
        if let Some((end, text)) = open.pop() {
            self.between(logical, end, text);
            self.finish();
        }
    }

    fn gaps_until(&mut self, logical: &Logical<'_>, end: usize) {
        self.between(logical, end.min(logical.newline.start as usize), false);
    }

    /// Tokens from what stands in the tree to `end`: gaps by kind, the rest text or, between words, white space.
    fn between(&mut self, logical: &Logical<'_>, end: usize, text: bool) {
        let first = logical.gaps.partition_point(|gap| gap.span.end as usize <= self.emitted);
        for gap in &logical.gaps[first..] {
            if gap.span.start as usize >= end {
                break;
            }
            self.stretch(gap.span.start as usize, text);
            let kind = match gap.kind {
                GapKind::Continuation => Kind::Continuation,
                GapKind::Comment => Kind::Comment,
                GapKind::Blank => Kind::Blank,
            };
            self.token(kind, gap.span.end as usize);
        }
        self.stretch(end, text);
    }

    fn stretch(&mut self, end: usize, text: bool) {
        let blank = || self.file[self.emitted.min(end)..end].chars().all(char::is_whitespace);
        let kind = if !text && blank() { Kind::Space } else { Kind::Text };
        self.token(kind, end);
    }

    fn space(&mut self, end: usize) {
        self.token(Kind::Space, end);
    }

    fn start(&mut self, kind: Kind) {
        if let Some(builder) = &mut self.builder {
            builder.start_node(rowan::SyntaxKind(kind as u16));
        }
    }

    fn finish(&mut self) {
        if let Some(builder) = &mut self.builder {
            builder.finish_node();
        }
    }

    /// A token from what stands in the tree to `end`; none where that is empty.
    fn token(&mut self, kind: Kind, end: usize) {
        if self.emitted < end {
            if let Some(builder) = &mut self.builder {
                builder.token(rowan::SyntaxKind(kind as u16), &self.file[self.emitted..end]);
            }
            self.emitted = end;
        }
    }

    fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.errors.push(SyntaxError { step: Step::Parser, span, message: message.into(), help: help.into() });
    }
}

/// Marks the pairs of ENV and LABEL; what BuildKit refuses, with the words it refuses.
fn pairs(
    body: &str,
    escape: char,
    keyword: Keyword,
    mut add: impl FnMut(Kind, std::ops::Range<usize>, usize),
) -> Option<(std::ops::Range<usize>, String)> {
    let words = words::quoted(body, escape);
    let first = words.first()?;
    if !body[first.clone()].contains('=') {
        let Some((name, value)) = words::split_once(body) else {
            add(Kind::Pair, 0..body.len(), 0);
            add(Kind::Name, 0..body.len(), 1);
            let keyword = if keyword == Keyword::Env { "ENV" } else { "LABEL" };
            return Some((0..body.len(), format!("{keyword} `{body}` has no value")));
        };
        add(Kind::Pair, 0..body.len(), 0);
        add(Kind::Name, name, 1);
        add(Kind::Value, value, 1);
        return None;
    }
    let mut refused = None;
    for word in words {
        add(Kind::Pair, word.clone(), 0);
        match body[word.clone()].find('=') {
            Some(equals) => {
                add(Kind::Name, word.start..word.start + equals, 1);
                add(Kind::Value, word.start + equals + 1..word.end, 1);
            }
            None => {
                add(Kind::Name, word.clone(), 1);
                let message = format!("`{}` is no `NAME=value` pair", &body[word.clone()]);
                refused.get_or_insert((word, message));
            }
        }
    }
    refused
}
