//! sh, bash, ash, dash, ksh: our walk over shuck's tree. Only this file and its folder name shuck.

mod compound;
mod expansion;
mod split;
pub(super) mod word;

use std::panic::{AssertUnwindSafe, catch_unwind};

use shuck_ast::{
    AssignmentValue, BinaryOp, BuiltinCommand, Command as Node, DeclOperand, File, RedirectKind, RedirectTarget, Stmt,
    StmtSeq,
};
use shuck_parser::parser::{ParseStatus, Parser};
use shuck_parser::{ShellDialect, ShellProfile};

use super::list::{Context, List};
use super::nested::{self, Fed};
use super::source::Source;
use super::{Assignment, Command, Guard, Nesting, Redirect, Word};
use crate::text::Span;

/// How deep a script may nest when it is read on the caller's stack. Real bodies stay below 10.
const SHALLOW: usize = 12;

/// How deep a script may nest when it is read on a stack of its own; the parser's own maximum.
const DEEP: usize = 100;

/// How many brackets may be open at once, counted without regard to quotes. The parser's limit counts no `((` and the
/// like, but recurses for them; what it could read whole stays below this, two brackets a level.
const MAX_OPEN: usize = 2 * DEEP;

/// How many brackets may open in one stretch without a blank.
const MAX_STRETCH: usize = 1000;

/// How many pieces of a split script are parsed.
const MAX_PIECES: usize = 1 << 18;

/// The stack for a script that nests deeply, in bytes.
const DEEP_STACK: usize = 8 << 20;

/// Above this size in bytes a script is split before it is parsed, which bounds the memory that its tree takes.
const MAX_WHOLE: usize = 1 << 20;

/// Reads a script and adds its commands to the list. `known` has the offsets in the file of substitutions that are
/// listed already, in order.
pub(super) fn read(list: &mut List, source: &Source<'_>, context: Context, known: &[u32]) {
    if source.text.len() <= MAX_WHOLE && !is_bottomless(source.text) {
        if let Some(file) = parse(source.text, SHALLOW).filter(|parsed| parsed.1).map(|parsed| parsed.0) {
            return Walk { list, source, shift: 0, known, piped: None }.list(&file.body, context);
        }
        let deep = std::thread::scope(|scope| {
            let deep = || {
                let (file, clean) = parse(source.text, DEEP)?;
                clean.then(|| Walk { list: &mut *list, source, shift: 0, known, piped: None }.list(&file.body, context))
            };
            let thread = std::thread::Builder::new().stack_size(DEEP_STACK).spawn_scoped(scope, deep).ok()?;
            thread.join().ok().flatten()
        });
        if deep.is_some() {
            return;
        }
    }
    list.clean = false;
    let mut open = None;
    for piece in split::pieces(source.text).take(MAX_PIECES) {
        if list.is_full() {
            return;
        }
        let text = source.text.get(piece.start..piece.end).filter(|text| !is_bottomless(text));
        let Some((file, _)) = text.and_then(|text| parse(text, SHALLOW)) else { continue };
        let pipeline = match (piece.piped, open) {
            (true, Some((pipeline, position))) => (pipeline, position + 1),
            _ => list.pipeline(context),
        };
        open = Some(pipeline);
        let context = Context { pipeline: Some(pipeline), guard: piece.guard, ..context };
        Walk { list, source, shift: piece.start, known, piped: None }.list(&file.body, context);
    }
}

/// Whether a text opens more brackets than the parser's stack may bear, or has so many in one stretch without a blank
/// (`a(b)a(b)…`) that it would take the parser a square of time.
fn is_bottomless(text: &str) -> bool {
    let mut open = 0_usize;
    let mut stretch = 0_usize;
    text.len() > MAX_OPEN
        && text.bytes().any(|byte| {
            match byte {
                b' ' | b'\n' | b'\t' => stretch = 0,
                b'(' | b'{' | b'[' => (open, stretch) = (open + 1, stretch + 1),
                b')' | b'}' | b']' => open = open.saturating_sub(1),
                _ => {}
            }
            open > MAX_OPEN || stretch > MAX_STRETCH
        })
}

/// The best tree of a text, and whether it was read whole.
fn parse(text: &str, depth: usize) -> Option<(File, bool)> {
    // The fuel is what the parser takes by itself for a text of this size.
    let fuel = text.len().max(100_000);
    let parser =
        || Parser::with_limits_and_profile(text, depth, fuel, ShellProfile::native(ShellDialect::Bash)).parse();
    // A panic in the parser costs the body its list, never the file its other findings.
    let result = catch_unwind(AssertUnwindSafe(parser)).ok()?;
    Some((result.file, result.status == ParseStatus::Clean))
}

struct Walk<'a> {
    list: &'a mut List,
    source: &'a Source<'a>,
    /// Where the parsed piece starts in the source's text.
    shift: usize,
    known: &'a [u32],
    /// What the link before in the pipeline writes, where that is a heredoc.
    piped: Option<Fed>,
}

impl Walk<'_> {
    fn list(&mut self, list: &StmtSeq, context: Context) {
        let mut context = context;
        for statement in list.as_slice() {
            if self.list.is_full() {
                return;
            }
            self.statement(statement, context);
            context = context.after(Guard::Always);
        }
    }

    fn statement(&mut self, statement: &Stmt, context: Context) {
        match &statement.command {
            Node::Simple(simple) => {
                self.command(statement, &simple.assignments, Some(&simple.name), &simple.args, context);
            }
            Node::Builtin(builtin) => self.builtin(statement, builtin, context),
            Node::Decl(declaration) => self.declaration(statement, declaration, context),
            Node::Binary(binary) => match binary.op {
                BinaryOp::And | BinaryOp::Or => self.chain(statement, context),
                BinaryOp::Pipe | BinaryOp::PipeAll => self.pipe(statement, context),
            },
            Node::Compound(compound) => {
                self.compound(compound, context);
                self.redirects_of_group(statement, context);
            }
            Node::Function(function) => {
                self.statement(&function.body, context.within(Nesting::Function, None));
                self.redirects_of_group(statement, context);
            }
            Node::AnonymousFunction(function) => self.statement(&function.body, context),
        }
    }

    /// `a && b || c`: a tree that leans to the left, as deep as the chain is long, so no recursion.
    fn chain(&mut self, statement: &Stmt, context: Context) {
        let mut links = Vec::new();
        let mut first = statement;
        while let Node::Binary(binary) = &first.command {
            let guard = match binary.op {
                BinaryOp::And => Guard::And,
                BinaryOp::Or => Guard::Or,
                BinaryOp::Pipe | BinaryOp::PipeAll => break,
            };
            links.push((guard, &*binary.right));
            first = &binary.left;
        }
        self.statement(first, context);
        for (guard, link) in links.into_iter().rev() {
            self.statement(link, context.after(guard));
        }
    }

    /// `a | b | c`. A pipeline in a group that is itself a link goes on counting where the group stands.
    fn pipe(&mut self, statement: &Stmt, context: Context) {
        let mut links = Vec::new();
        let mut first = statement;
        while let Node::Binary(binary) = &first.command {
            if matches!(binary.op, BinaryOp::And | BinaryOp::Or) {
                break;
            }
            links.push(&*binary.right);
            first = &binary.left;
        }
        links.push(first);
        let (pipeline, mut position) = self.list.pipeline(context);
        for link in links.into_iter().rev() {
            let start = self.list.commands.len();
            self.statement(link, Context { pipeline: Some((pipeline, position)), ..context });
            position = self.list.last_position(start, pipeline).unwrap_or(position) + 1;
            self.piped = self.writes(link, start);
        }
        self.piped = None;
    }

    /// The heredoc that a link hands on: `cat <<EOF |`.
    fn writes(&self, link: &Stmt, index: usize) -> Option<Fed> {
        let command = self.list.commands.get(index)?;
        let only_stdin = command.arguments.iter().all(|argument| argument.text == "-");
        (only_stdin && command.base_name() == "cat").then(|| self.stdin(link)).flatten()
    }

    /// What a statement gets on standard input from its own redirects.
    fn stdin(&self, statement: &Stmt) -> Option<Fed> {
        let redirect = statement.redirects.iter().rev().find(|redirect| {
            redirect.fd.unwrap_or(0) == 0 && {
                !matches!(redirect.kind, RedirectKind::Output | RedirectKind::Append | RedirectKind::Clobber)
            }
        })?;
        match &redirect.target {
            RedirectTarget::Heredoc(heredoc) => {
                let (start, end) = self.range(heredoc.body.span);
                Some(Fed { start, end, quoted: !heredoc.delimiter.expands_body, word: false })
            }
            RedirectTarget::Word(word) if redirect.kind == RedirectKind::HereString => {
                let (start, end) = self.range(word.span);
                Some(Fed { start, end, quoted: false, word: true })
            }
            RedirectTarget::Word(_) => None,
        }
    }

    fn builtin(&mut self, statement: &Stmt, builtin: &BuiltinCommand, context: Context) {
        let (name, span, operand, rest, assignments) = match builtin {
            BuiltinCommand::Break(it) => ("break", it.span, &it.depth, &it.extra_args, &it.assignments),
            BuiltinCommand::Continue(it) => ("continue", it.span, &it.depth, &it.extra_args, &it.assignments),
            BuiltinCommand::Return(it) => ("return", it.span, &it.code, &it.extra_args, &it.assignments),
            BuiltinCommand::Exit(it) => ("exit", it.span, &it.code, &it.extra_args, &it.assignments),
        };
        let start = assignments.last().map_or(span.start, |last| last.span.end).offset() + self.shift;
        let text = self.source.text.get(start..).unwrap_or("");
        let start = start + text.find(name).unwrap_or(0);
        let name = word::word(self.source, start, (start + name.len()).min(self.source.text.len()));
        let arguments = operand.iter().chain(rest).map(|argument| self.word(argument)).collect();
        let index = self.push(statement, assignments, name, arguments, context);
        self.substitutions(statement, assignments, operand.iter().chain(rest), index, context);
    }

    fn declaration(&mut self, statement: &Stmt, declaration: &shuck_ast::DeclClause, context: Context) {
        let (start, end) = self.range(declaration.variant_span);
        let name = word::word(self.source, start, end);
        let mut arguments = Vec::with_capacity(declaration.operands.len());
        let mut declared = Vec::new();
        for operand in &declaration.operands {
            let span = match operand {
                DeclOperand::Flag(word) | DeclOperand::Dynamic(word) => word.span,
                DeclOperand::Name(name) => name.span,
                DeclOperand::Assignment(assignment) => {
                    declared.push(self.assignment(assignment));
                    assignment.span
                }
            };
            let (start, end) = self.range(span);
            arguments.push(word::word(self.source, start, end));
        }
        let index = self.push(statement, &declaration.assignments, name, arguments, context);
        if let Some(command) = index.and_then(|index| self.list.commands.get_mut(index as usize)) {
            command.assignments.append(&mut declared);
        }
        let flags = declaration.operands.iter().filter_map(|operand| match operand {
            DeclOperand::Flag(word) | DeclOperand::Dynamic(word) => Some(word),
            _ => None,
        });
        self.substitutions(statement, &declaration.assignments, flags, index, context);
        for operand in &declaration.operands {
            if let DeclOperand::Assignment(assignment) = operand {
                self.value_of(assignment, index, context);
            }
        }
    }

    fn command(
        &mut self,
        statement: &Stmt,
        assignments: &[shuck_ast::Assignment],
        name: Option<&shuck_ast::Word>,
        arguments: &[shuck_ast::Word],
        context: Context,
    ) {
        let read = name.map(|name| self.word(name)).unwrap_or_default();
        if read.span.is_empty() && assignments.is_empty() && statement.redirects.is_empty() {
            return;
        }
        // A backslash at the very end of a body is no command.
        if read.text == "\\" && arguments.is_empty() {
            return;
        }
        let words = arguments.iter().map(|argument| self.word(argument)).collect();
        let index = self.push(statement, assignments, read, words, context);
        self.substitutions(statement, assignments, name.into_iter().chain(arguments), index, context);
    }

    /// Adds a command, with what it runs.
    fn push(
        &mut self,
        statement: &Stmt,
        assignments: &[shuck_ast::Assignment],
        name: Word,
        arguments: Vec<Word>,
        context: Context,
    ) -> Option<u32> {
        let mut span: Option<Span> = None;
        let mut cover = |part: Span| span = Some(span.map_or(part, |span| span.cover(part)));
        let assignments: Vec<Assignment> = assignments.iter().map(|assignment| self.assignment(assignment)).collect();
        let redirects: Vec<Redirect> =
            statement.redirects.iter().filter_map(|redirect| self.redirect(redirect, &mut cover)).collect();
        assignments.iter().for_each(|assignment| cover(assignment.span));
        if !name.span.is_empty() {
            cover(name.span);
        }
        if let Some(last) = arguments.last() {
            cover(last.span);
        }
        let pipeline = self.list.pipeline(context);
        let span = span.unwrap_or(name.span);
        let name = if name.span.is_empty() { Word { span: Span::at(span.start), ..Word::default() } } else { name };
        let index = self.list.push(Command {
            span,
            name,
            arguments,
            assignments,
            redirects,
            pipeline,
            guard: context.guard,
            nesting: context.nesting,
            parent: context.parent,
        })?;
        let fed = if statement.redirects.is_empty() { self.piped.take() } else { self.stdin(statement) };
        nested::expand(self.list, Some(self.source), index, context.level, fed);
        Some(index)
    }

    fn word(&self, word: &shuck_ast::Word) -> Word {
        let (start, end) = self.range(word.span);
        word::word(self.source, start, end)
    }

    /// A span of the parser as a range of the source's text.
    fn range(&self, span: shuck_ast::Span) -> (usize, usize) {
        (span.start.offset() + self.shift, span.end.offset() + self.shift)
    }

    fn assignment(&self, assignment: &shuck_ast::Assignment) -> Assignment {
        let (start, end) = self.range(assignment.span);
        let whole = word::word(self.source, start, end);
        let value = match &assignment.value {
            AssignmentValue::Scalar(value) => self.range(value.span),
            AssignmentValue::Compound(array) => self.range(array.span),
        };
        let value = if value.0 < start || value.1 > end || value.1 <= value.0 { (end, end) } else { value };
        Assignment {
            name: assignment.target.name.as_str().to_owned(),
            value: word::word(self.source, value.0, value.1),
            span: whole.span,
        }
    }

    fn redirect(&self, redirect: &shuck_ast::Redirect, cover: &mut impl FnMut(Span)) -> Option<Redirect> {
        let (mut start, end) = self.range(redirect.span);
        if let Some(name) = redirect.fd_var_span {
            start = start.min(self.range(name).0.saturating_sub(1));
        }
        let (target, target_start, end) = match &redirect.target {
            // `2>&1` has a made-up target, and the second half of `&>>` is made up as a whole.
            RedirectTarget::Word(word)
                if word.span.start.offset() < redirect.span.start.offset() || word.span.start == word.span.end =>
            {
                let target =
                    start + self.source.text.get(start..end)?.rfind('&').filter(|at| start + at + 1 < end)? + 1;
                self.source.text.get(target..end).filter(|text| !text.starts_with('>'))?;
                (word::word(self.source, target, end), target, end)
            }
            RedirectTarget::Word(word) => {
                let target = self.range(word.span);
                (word::word(self.source, target.0, target.1), target.0, target.1.max(end))
            }
            RedirectTarget::Heredoc(heredoc) => {
                let (delimiter, behind) = self.range(heredoc.delimiter.span);
                let (from, to) = self.range(heredoc.body.span);
                let mut body = Word { span: self.source.span(from, to), ..Word::default() };
                if heredoc.delimiter.expands_body {
                    let read = word::read_quoted(self.source, from, to);
                    (body.text, body.parts) = (read.text, read.parts);
                } else {
                    self.source.text.get(from..to).unwrap_or("").clone_into(&mut body.text);
                }
                (body, delimiter, behind)
            }
        };
        let operator = self.source.text.get(start..target_start)?;
        cover(word::word(self.source, start, end).span);
        Some(Redirect { operator: operator.trim_end_matches(['\\', '\n', ' ', '\t']).to_owned(), target })
    }
}
