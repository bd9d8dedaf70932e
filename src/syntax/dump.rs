//! The tree as text.

use std::fmt::Write as _;

use super::ast::{Arguments, Instruction, Keyword, Word};
use super::kind::Node;

/// A line for each node and token, indented by depth.
pub(super) fn tree(file: &Node) -> String {
    let mut text = String::new();
    let mut depth = 0;
    for event in file.preorder_with_tokens() {
        match event {
            rowan::WalkEvent::Enter(element) => {
                let range = element.text_range();
                let range = format!("{}..{}", u32::from(range.start()), u32::from(range.end()));
                let _ = match element {
                    rowan::NodeOrToken::Node(node) => writeln!(text, "{:1$}{2:?} {range}", "", depth * 2, node.kind()),
                    rowan::NodeOrToken::Token(token) => {
                        writeln!(text, "{:1$}{2:?} {range} {3:?}", "", depth * 2, token.kind(), token.text())
                    }
                };
                depth += 1;
            }
            rowan::WalkEvent::Leave(_) => depth -= 1,
        }
    }
    text
}

/// The form that `corpus/conformance/README.md` and BuildKit's `parser.Node.Dump` describe.
pub(super) fn buildkit(instructions: &[Instruction]) -> String {
    let mut text = String::new();
    for instruction in instructions {
        text.push('(');
        push_instruction(&mut text, instruction);
        text.push_str(")\n");
    }
    text.truncate(text.trim_end().len());
    text
}

fn push_instruction(text: &mut String, instruction: &Instruction) {
    let start = text.len();
    text.push_str(&instruction.name.text.to_lowercase());
    if !instruction.flags.is_empty() {
        let quoted: Vec<String> = instruction
            .flags
            .iter()
            .map(|flag| match &flag.value {
                Some(value) => go_quote(&format!("--{}={}", flag.name, value.text)),
                None => go_quote(&format!("--{}", flag.name)),
            })
            .collect();
        let _ = write!(text, " [{}]", quoted.join(" "));
    }
    push_arguments(text, &instruction.arguments);
    if instruction.keyword == Keyword::Unknown {
        text.push_str(" \"\"");
    }
    // BuildKit trims each dump.
    let trimmed = text[start..].trim().to_owned();
    text.replace_range(start.., &trimmed);
}

fn push_arguments(text: &mut String, arguments: &Arguments) {
    let mut push = |word: &Word| {
        let _ = write!(text, " {}", go_quote(&word.text));
    };
    match arguments {
        Arguments::None => {}
        Arguments::Words(words) | Arguments::Exec(words) => words.iter().for_each(push),
        Arguments::Shell(body) => push(body),
        Arguments::Health(kind, command) => {
            push(kind);
            push_arguments(text, command);
        }
        Arguments::Pairs(pairs) => {
            for pair in pairs {
                push(&pair.name);
                push(&pair.value);
                push(&Word { text: if pair.equals { "=" } else { "" }.to_owned(), ..Word::default() });
            }
        }
        Arguments::Onbuild(trigger) => {
            text.push_str(" (");
            push_instruction(text, trigger);
            text.push(')');
        }
    }
}

/// Go's `strconv.Quote`.
fn go_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            ' '..='~' => quoted.push(c),
            _ if (c as u32) < 0x80 => {
                let _ = write!(quoted, "\\x{:02x}", c as u32);
            }
            _ if is_printable(c) => quoted.push(c),
            _ if (c as u32) < 0x1_0000 => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            _ => {
                let _ = write!(quoted, "\\U{:08x}", c as u32);
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a character outside ASCII is printed as it is. A combining mark is, so a letter goes in front of it.
fn is_printable(c: char) -> bool {
    !String::from_iter(['a', c]).escape_debug().any(|escaped| escaped == '\\')
}
