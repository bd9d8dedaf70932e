//! What holds for any input whatever: shared by the fuzz targets and by the bounded run in `tests/it/fuzz.rs`.

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::atomic::AtomicU64;

use harden::image::layer::{LayerRequest, capability, read};
use harden::image::{Limits, Wanted};
use harden::shell::{self, Body, Command, Dialect, Script};
use harden::syntax::ast::{Arguments, GapKind, Instruction, Word};
use harden::syntax::expand::{Env, Lexer};
use harden::syntax::{parse as parse_views, parse_tree};
use harden::text::{Source, Span};

/// Lexer and parser: tokens are the file again, places lie in their parents and on character boundaries, the tree makes
/// no difference, and all dumps end.
pub(crate) fn parse(bytes: &[u8]) {
    let source = Source::new(bytes.to_vec());
    let text = source.text();
    assert_eq!(text.len(), bytes.len());
    let (parse, tree) = parse_tree(&source);
    assert_eq!(tree.bytes(), bytes);
    assert_eq!(parse.instructions, parse_views(&source).instructions);
    black_box((tree.dump(), parse.dump_buildkit()));
    let file = Span::new(0, text.len() as u32);
    let mut end = 0;
    for instruction in &parse.instructions {
        assert!(end <= instruction.span.start, "instructions follow each other");
        end = instruction.span.end;
        instruction_places(text, instruction, file);
    }
    for span in parse.errors.iter().map(|error| error.span).chain(parse.comments.iter().copied()) {
        place(text, span, file);
    }
}

fn instruction_places(text: &str, instruction: &Instruction, parent: Span) {
    let span = instruction.span;
    place(text, span, parent);
    place(text, instruction.name.span, span);
    for flag in &instruction.flags {
        place(text, flag.span, span);
        if let Some(value) = &flag.value {
            place(text, value.span, flag.span);
        }
    }
    argument_places(text, &instruction.arguments, span);
    for heredoc in &instruction.heredocs {
        place(text, heredoc.content, parent);
        place(text, heredoc.terminator, parent);
    }
    for gap in &instruction.gaps {
        place(text, gap.span, parent);
    }
}

fn argument_places(text: &str, arguments: &Arguments, parent: Span) {
    match arguments {
        Arguments::None => {}
        Arguments::Words(words) | Arguments::Exec(words) => {
            words.iter().for_each(|word| place(text, word.span, parent));
        }
        Arguments::Shell(word) => place(text, word.span, parent),
        Arguments::Health(kind, command) => {
            place(text, kind.span, parent);
            argument_places(text, command, parent);
        }
        Arguments::Pairs(pairs) => {
            for word in pairs.iter().flat_map(|pair| [&pair.name, &pair.value]) {
                place(text, word.span, parent);
            }
        }
        Arguments::Onbuild(trigger) => instruction_places(text, trigger, parent),
    }
}

fn place(text: &str, span: Span, parent: Span) {
    assert!(text.get(span.range()).is_some(), "{span:?} is no slice of the text");
    assert!(
        parent.contains(span),
        "{span:?} is not within {parent:?}: {:?}",
        &text[span.start.saturating_sub(120) as usize..(span.end + 130) as usize]
    );
}

/// Shell bodies in every dialect, alone and as the RUN instructions that the text holds: places are within the body,
/// commands are in order, and parents come first.
pub(crate) fn shell(bytes: &[u8]) {
    let source = Source::new(bytes.to_vec());
    let text = source.text();
    let whole = Span::new(0, text.len() as u32);
    for dialect in [Dialect::Posix, Dialect::Cmd, Dialect::PowerShell, Dialect::Other] {
        script_places(text, whole, &shell::script(&Body { file: text, span: whole, gaps: &[] }, dialect));
    }
    for instruction in parse_views(&source).instructions {
        if let Arguments::Shell(Word { span, .. }) = instruction.arguments {
            let kind = |kind| match kind {
                GapKind::Continuation => shell::GapKind::Continuation,
                GapKind::Comment | GapKind::Blank => shell::GapKind::Line,
            };
            let gaps = instruction.gaps.iter().filter(|gap| span.contains(gap.span));
            let gaps: Vec<_> = gaps.map(|gap| shell::Gap { span: gap.span, kind: kind(gap.kind) }).collect();
            for dialect in [Dialect::Posix, Dialect::Cmd, Dialect::PowerShell] {
                script_places(text, span, &shell::script(&Body { file: text, span, gaps: &gaps }, dialect));
            }
        }
    }
}

fn script_places(text: &str, body: Span, script: &Script) {
    let mut start = 0;
    for (index, command) in script.commands.iter().enumerate() {
        assert!(start <= command.span.start, "commands are in order");
        start = command.span.start;
        place(text, command.span, body);
        assert!(command.parent.is_none_or(|parent| (parent as usize) < index), "a parent comes first");
        command_places(text, body, command);
    }
}

fn command_places(text: &str, body: Span, command: &Command) {
    let words = std::iter::once(&command.name).chain(&command.arguments);
    let words = words.chain(command.assignments.iter().map(|assignment| &assignment.value));
    for word in words.chain(command.redirects.iter().map(|redirect| &redirect.target)) {
        place(text, word.span, body);
    }
    if let Some(invocation) = shell::tools::invocation(command) {
        black_box((invocation.packages(), invocation.urls(), invocation.mode(), invocation.targets()));
    }
}

/// Layers: any bytes are an archive of some entries or an error; names stay inside, what is kept is bounded, and the same
/// bytes say the same again.
pub(crate) fn layer(bytes: &[u8]) {
    let wanted = Wanted { reads: vec!["**/*.conf", "/etc/*"], content: harden::secret::CONTENT.iter().collect() };
    let limits = Limits { layer_bytes: 8 << 20, ..Limits::default() };
    let read_once = || {
        let entries = AtomicU64::new(0);
        let request = LayerRequest {
            place: "fuzz",
            digest: None,
            size: None,
            wanted: &wanted,
            limits: &limits,
            entries: &entries,
        };
        read(bytes, &request)
    };
    let Ok(facts) = read_once() else { return };
    assert_eq!(read_once().as_ref(), Ok(&facts));
    assert!(facts.irregularities.len() <= 105, "irregularities are summed up");
    assert!(facts.entries.len() <= 1 + (facts.size / 512) as usize, "an entry has a header");
    for entry in facts.entries.iter() {
        assert!(entry.path.starts_with('/') && !entry.path.split('/').any(|part| part == ".."), "{entry:?}");
        black_box(entry.extra.and_then(|extra| capability::decode(extra.capability.as_ref()?)));
    }
    assert!(facts.secrets.iter().all(|hit| (hit.entry as usize) < facts.entries.len() && hit.line > 0));
    assert!(facts.texts.windows(2).all(|pair| pair[0].entry < pair[1].entry), "texts are in order");
}

/// Variables: expansion ends, within its limit.
pub(crate) fn expand(bytes: &[u8]) {
    let [options, text @ ..] = bytes else { return };
    let text = String::from_utf8_lossy(text);
    let option = |bit: u8| options & (1 << bit) != 0;
    let lexer = Lexer {
        raw_quotes: option(0),
        raw_escapes: option(1),
        skip_unset: option(2),
        skip_process_quotes: option(3),
        windows: option(4),
        limit: 1 << 12,
        ..Lexer::new(if option(5) { '`' } else { '\\' })
    };
    if let Ok(expansion) = lexer.word(&text, &Variables) {
        assert!(expansion.text.len() <= text.len() + lexer.limit, "the result is bounded");
    }
    if let Ok(expansion) = lexer.words(&text, &Variables) {
        assert!(expansion.words.iter().map(String::len).sum::<usize>() <= text.len() + lexer.limit);
    }
    for error in [lexer.word(&text, &Variables).err(), lexer.words(&text, &Variables).err()].into_iter().flatten() {
        assert!(error.offset <= text.len(), "{error:?} is in the text");
    }
}

/// A few variables, among them an empty one and one that holds what could be taken for syntax.
struct Variables;

impl Env for Variables {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "a" | "A" => Some("value of a".into()),
            "b" | "B" => Some("".into()),
            "c" | "C" => Some("*/$a ${b:-\"x'\\".into()),
            "PATH" => Some("/usr/local/bin:/usr/bin:/bin".into()),
            _ => None,
        }
    }
}
