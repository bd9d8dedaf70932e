//! A broken line costs that line only: real files with one line broken keep every other instruction.

use harden::diagnostic::Diagnostic;
use harden::lint::{Settings, run};
use harden::model::Dockerfile;
use harden::syntax::ast::{Arguments, Instruction, Keyword};
use harden::syntax::{SyntaxError, parse, parse_tree};
use harden::text::{Source, Span};

use crate::support;

/// Breaks put in for each file.
const BREAKS_PER_FILE: usize = 2;

/// A line that is put in front of an instruction, and whether BuildKit refuses it.
const BROKEN_LINES: [(&str, bool); 14] = [
    ("FOO bar", true),
    ("apt-get install -y curl", true),
    ("RUN <<NEVER_CLOSED\nset -e\necho \"a", true),
    ("COPY <<'NEVER CLOSED' /a\ntext", true),
    ("CMD [\"a\", \"b\"", false),
    ("CMD [\"a\", 1]", true),
    ("ENTRYPOINT [", false),
    ("ENV X", true),
    ("LABEL a=\"b c", false),
    ("COPY a", true),
    ("RUN --mount=type=\"bind a", false),
    ("RUN echo \"$(cat '", false),
    ("\u{0}\u{1}", true),
    ("USER", true),
];

#[test]
fn a_line_put_in_costs_itself_only() {
    let mut random = Random(1);
    let mut broken = 0;
    for (name, text) in support::dockerfiles() {
        let whole = parse(&Source::from(text.as_str()));
        for _ in 0..BREAKS_PER_FILE {
            let index = random.below(whole.instructions.len());
            let (line, refused) = BROKEN_LINES[random.below(BROKEN_LINES.len())];
            let at = whole.instructions[index].span.start as usize;
            // A heredoc that is never closed ends where an instruction in capitals starts a line.
            if line.contains("<<") && !starts_line_in_capitals(&text, &whole.instructions[index]) {
                continue;
            }
            let changed = format!("{}{line}\n{}", &text[..at], &text[at..]);
            let after = parse(&Source::from(changed.as_str()));
            let context = format!("{name}: {line:?} in front of instruction {index}");
            let added = after.instructions.len() - whole.instructions.len();
            assert_eq!(added, 1, "{context}");
            let shift = line.len() as u32 + 1;
            same(&text, &whole.instructions[..index], &changed, &after.instructions[..index], 0, &context);
            same(&text, &whole.instructions[index..], &changed, &after.instructions[index + 1..], shift, &context);
            let inside = Span::new(at as u32, at as u32 + shift);
            // In front of the first FROM everything is refused.
            let behind_from = whole.instructions[..index].iter().any(|one| one.keyword == Keyword::From);
            if behind_from {
                let errors = after.errors.iter().any(|error| inside.contains(error.span));
                assert_eq!(errors, refused, "{context}");
            }
            others_stay(&whole.errors, &after.errors, inside, shift, &context);
            broken += 1;
        }
    }
    assert!(broken > 10_000 || support::shared("corpus").is_none(), "only {broken} breaks");
}

#[test]
fn a_line_put_in_loses_no_finding() {
    let mut random = Random(4);
    let mut kept = 0;
    for (name, text) in support::dockerfiles().iter().step_by(8) {
        let whole = parse(&Source::from(text.as_str()));
        let Some(from) = whole.instructions.iter().position(|instruction| instruction.keyword == Keyword::From) else {
            continue;
        };
        let index = from + 1 + random.below(whole.instructions.len() - from);
        let at = whole.instructions.get(index).map_or(text.len(), |instruction| instruction.span.start as usize);
        let line = if text[..at].ends_with('\n') { "FOO bar\n" } else { continue };
        let changed = format!("{}{line}{}", &text[..at], &text[at..]);
        let after = findings(&changed);
        for (lint, message, span) in findings(text) {
            let moved = |offset: u32| if offset as usize >= at { offset + line.len() as u32 } else { offset };
            let end = if span.is_empty() { moved(span.end) } else { moved(span.end - 1) + 1 };
            let wanted = (lint, message, Span::new(moved(span.start), end));
            assert!(after.contains(&wanted), "{name}: {line:?} at {at} loses {wanted:?}; left is {after:#?}");
            kept += 1;
        }
        let broken = Span::new(at as u32, (at + line.len()) as u32);
        assert!(after.iter().any(|(lint, _, span)| *lint == "syntax-error" && broken.contains(*span)), "{name}");
    }
    assert!(kept > 1_000 || support::shared("corpus").is_none(), "only {kept} findings");
}

/// Lint, message and place of every finding.
fn findings(text: &str) -> Vec<(&'static str, String, Span)> {
    let dockerfile = Dockerfile::new("Dockerfile", Source::from(text));
    let outcome = run(&dockerfile, &Settings::default());
    assert_eq!(outcome.errors, []);
    let place = |finding: &Diagnostic| finding.place.span().unwrap_or_default();
    outcome.diagnostics.iter().map(|finding| (finding.lint, finding.message.clone(), place(finding))).collect()
}

#[test]
fn a_quote_taken_out_costs_its_instruction_only() {
    let mut random = Random(2);
    for (name, text) in support::dockerfiles() {
        let text = text.as_str();
        let whole = parse(&Source::from(text));
        let quotes: Vec<(usize, usize)> = whole
            .instructions
            .iter()
            .enumerate()
            // A quote around `<<` decides where the instruction ends.
            .filter(|(_, instruction)| !text[instruction.span.range()].contains("<<"))
            .flat_map(|(index, instruction)| {
                let start = instruction.span.start as usize;
                let quotes = text[instruction.span.range()].match_indices(['"', '\'']);
                // Without `"`, the backslash of `\"` could be one that continues the line.
                let plain = quotes.filter(move |(at, _)| !matches!(text.as_bytes()[start + at - 1], b'\\' | b'`'));
                // A line left blank behind a continuation lets the instruction go on.
                let alone = plain.map(move |(at, _)| start + at).filter(|&at| !is_alone(text, at));
                alone.map(move |at| (index, at))
            })
            .collect();
        if quotes.is_empty() {
            continue;
        }
        for _ in 0..BREAKS_PER_FILE {
            let (index, at) = quotes[random.below(quotes.len())];
            let changed = format!("{}{}", &text[..at], &text[at + 1..]);
            let after = parse(&Source::from(changed.as_str()));
            let context = format!("{name}: without the quote at {at}, in instruction {index}");
            assert_eq!(after.instructions.len(), whole.instructions.len(), "{context}");
            same(text, &whole.instructions[..index], &changed, &after.instructions[..index], 0, &context);
            let (before, behind) = (&whole.instructions[index + 1..], &after.instructions[index + 1..]);
            same(text, before, &changed, behind, u32::MAX, &context);
        }
    }
}

#[test]
fn bytes_that_are_no_text_cost_their_instruction_only() {
    let mut random = Random(3);
    for (name, text) in support::dockerfiles() {
        let whole = parse(&Source::from(text.as_str()));
        let index = random.below(whole.instructions.len());
        let at = whole.instructions[index].name.span.end as usize;
        let mut bytes = text.clone().into_bytes();
        bytes.splice(at..at, *b" \xff\xfe\0 ");
        let source = Source::new(bytes);
        let (after, tree) = parse_tree(&source);
        let context = format!("{name}: bytes in instruction {index}");
        assert_eq!(tree.bytes(), source.bytes(), "{context}");
        assert_eq!(after.instructions.len(), whole.instructions.len(), "{context}");
        same(&text, &whole.instructions[..index], source.text(), &after.instructions[..index], 0, &context);
        let (before, behind) = (&whole.instructions[index + 1..], &after.instructions[index + 1..]);
        same(&text, before, source.text(), behind, 5, &context);
    }
}

/// Every error of the whole file is still there, `shift` bytes on where it stands behind the break. The one about what
/// stands before the first FROM may go: the broken line can be that now.
fn others_stay(before: &[SyntaxError], after: &[SyntaxError], broken: Span, shift: u32, context: &str) {
    for error in before.iter().filter(|error| !error.message.contains("before any FROM")) {
        let moved = if error.span.start >= broken.start { shift } else { 0 };
        let wanted = Span::new(error.span.start + moved, error.span.end + moved);
        assert!(after.iter().any(|error| error.span == wanted), "{context}: {error:?} is lost in {after:?}");
    }
}

/// The instructions are the same, `shift` bytes on; `u32::MAX` is one byte back.
fn same(text: &str, before: &[Instruction], changed: &str, after: &[Instruction], shift: u32, context: &str) {
    assert_eq!(before.len(), after.len(), "{context}");
    for (one, other) in before.iter().zip(after) {
        assert_eq!(text[one.span.range()], changed[other.span.range()], "{context}");
        assert_eq!(one.span.start.wrapping_add(shift), other.span.start, "{context}");
        assert_eq!(shape(one), shape(other), "{context}");
    }
}

/// What an instruction says, without places.
fn shape(instruction: &Instruction) -> String {
    let flags = instruction.flags.iter().map(|flag| (&flag.name, flag.value.as_ref().map(|value| &value.text)));
    let heredocs = instruction.heredocs.iter().map(|heredoc| (&heredoc.name, heredoc.expand, heredoc.chomp));
    format!(
        "{} {:?} {} {:?} {}",
        instruction.name.text,
        flags.collect::<Vec<_>>(),
        words(&instruction.arguments),
        heredocs.collect::<Vec<_>>(),
        instruction.gaps.len(),
    )
}

fn words(arguments: &Arguments) -> String {
    match arguments {
        Arguments::None => String::new(),
        Arguments::Words(words) => format!("{:?}", words.iter().map(|word| &word.text).collect::<Vec<_>>()),
        Arguments::Exec(words) => format!("exec {:?}", words.iter().map(|word| &word.text).collect::<Vec<_>>()),
        Arguments::Shell(body) => format!("{:?}", body.text),
        Arguments::Health(kind, command) => format!("{} {}", kind.text, self::words(command)),
        Arguments::Pairs(pairs) => {
            format!("{:?}", pairs.iter().map(|pair| (&pair.name.text, &pair.value.text)).collect::<Vec<_>>())
        }
        Arguments::Onbuild(trigger) => shape(trigger),
    }
}

/// Whether the quote at `at` has its line for itself.
fn is_alone(text: &str, at: usize) -> bool {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    text[start..end].trim().len() == 1
}

fn starts_line_in_capitals(text: &str, instruction: &Instruction) -> bool {
    let at = instruction.span.start as usize;
    (at == 0 || text.as_bytes()[at - 1] == b'\n')
        && instruction.keyword != Keyword::Unknown
        && instruction.name.text.bytes().all(|byte| byte.is_ascii_uppercase())
        && instruction.span.len() > instruction.name.span.len()
}

/// Numbers that look random and are the same in every run (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}
