//! `harden parse`: how a Dockerfile is read, for who writes lints or wonders about a finding.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::syntax::ast::{Arguments as Ast, Flag, Heredoc, Instruction, Keyword, Word};
use crate::syntax::{self, Parse, Tree};
use crate::text::{LineIndex, Span};

use super::failure::Failure;
use super::input;
use super::output::{Console, Output};

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// The Dockerfile; `-` for standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,

    /// What to print
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    dump: Dump,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Dump {
    /// The lossless tree
    #[default]
    Tree,
    /// The tree's tokens put together again: the file, byte for byte
    Source,
    /// The s-expressions of BuildKit's own parser
    Buildkit,
    /// What each instruction says, as JSON
    Json,
}

/// Exit code 1 tells that BuildKit's parser refuses the file; what was read of it is printed all the same. What only its
/// next step refuses, a missing FROM for one, is told on standard error.
pub(super) fn run(arguments: &Arguments, console: &Console) -> Result<u8, Failure> {
    let source = input::read(&arguments.file).map_err(Failure::Read)?;
    let (parse, tree) = syntax::parse_tree(&source);
    let mut output = Output::stdout();
    output.write(|out| dump(out, arguments.dump, &tree, &parse))?;
    output.finish()?;
    let lines = LineIndex::new(source.text());
    for error in &parse.errors {
        let at = lines.byte_column(error.span.start);
        console.error(&format_args!("{}:{}:{}: {}", arguments.file.display(), at.line, at.column, error.message));
    }
    Ok(u8::from(parse.errors.iter().any(|error| error.step == syntax::Step::Parser)))
}

fn dump(out: &mut dyn Write, dump: Dump, tree: &Tree<'_>, parse: &Parse) -> io::Result<()> {
    match dump {
        Dump::Tree => out.write_all(tree.dump().as_bytes()),
        Dump::Source => out.write_all(&tree.bytes()),
        Dump::Buildkit => writeln!(out, "{}", parse.dump_buildkit()),
        Dump::Json => {
            serde_json::to_writer_pretty(&mut *out, &view(parse))?;
            writeln!(out)
        }
    }
}

fn view(parse: &Parse) -> Value {
    let directive = |directive: &syntax::Directive| {
        with_span(json!({ "name": directive.name, "value": directive.value }), directive.span)
    };
    let error =
        |error: &syntax::SyntaxError| with_span(json!({ "message": error.message, "help": error.help }), error.span);
    json!({
        "version": 1,
        "escape": parse.escape.to_string(),
        "directives": parse.directives.iter().map(directive).collect::<Vec<_>>(),
        "instructions": parse.instructions.iter().map(instruction).collect::<Vec<_>>(),
        "errors": parse.errors.iter().map(error).collect::<Vec<_>>(),
    })
}

fn instruction(instruction: &Instruction) -> Value {
    let known = instruction.keyword != Keyword::Unknown;
    let value = json!({
        "keyword": known.then(|| instruction.name.text.to_ascii_uppercase()),
        "name": word(&instruction.name),
        "flags": instruction.flags.iter().map(flag).collect::<Vec<_>>(),
        "arguments": arguments(&instruction.arguments),
        "heredocs": instruction.heredocs.iter().map(heredoc).collect::<Vec<_>>(),
    });
    with_span(value, instruction.span)
}

fn arguments(given: &Ast) -> Value {
    let words = |words: &[Word]| words.iter().map(word).collect::<Vec<_>>();
    match given {
        Ast::None => json!({ "kind": "none" }),
        Ast::Words(list) => json!({ "kind": "words", "words": words(list) }),
        Ast::Exec(list) => json!({ "kind": "exec", "words": words(list) }),
        Ast::Shell(text) => json!({ "kind": "shell", "text": word(text) }),
        Ast::Health(form, rest) => json!({ "kind": "health", "form": word(form), "test": arguments(rest) }),
        Ast::Pairs(pairs) => {
            let pairs = pairs.iter().map(|pair| json!({ "name": word(&pair.name), "value": word(&pair.value) }));
            json!({ "kind": "pairs", "pairs": pairs.collect::<Vec<_>>() })
        }
        Ast::Onbuild(inner) => json!({ "kind": "onbuild", "instruction": instruction(inner) }),
    }
}

fn flag(flag: &Flag) -> Value {
    with_span(json!({ "name": flag.name, "value": flag.value.as_ref().map(word) }), flag.span)
}

fn heredoc(heredoc: &Heredoc) -> Value {
    json!({
        "name": heredoc.name,
        "descriptor": heredoc.descriptor,
        "expand": heredoc.expand,
        "chomp": heredoc.chomp,
        "content": span(heredoc.content),
        "terminator": span(heredoc.terminator),
    })
}

fn word(word: &Word) -> Value {
    with_span(json!({ "text": word.text }), word.span)
}

/// Offsets in bytes.
fn span(span: Span) -> Value {
    json!({ "start": span.start, "end": span.end })
}

fn with_span(mut value: Value, at: Span) -> Value {
    value["start"] = json!(at.start);
    value["end"] = json!(at.end);
    value
}
