//! Tree → typed views.

use rowan::NodeOrToken;

use crate::text::Span;

use super::ast::{Arguments, Flag, Gap, GapKind, Heredoc, Instruction, Keyword, Pair, Word};
use super::kind::{Kind, Node};
use super::{heredoc, json, words};

/// The instructions of a file's tree, in order.
pub(super) fn instructions(file: &Node, escape: char) -> Vec<Instruction> {
    let mut instructions = Vec::new();
    let mut comments = Vec::new();
    for element in file.children_with_tokens() {
        match element {
            NodeOrToken::Node(node) if node.kind() == Kind::Instruction => {
                let mut instruction = instruction(&node, escape);
                instruction.comments = std::mem::take(&mut comments);
                instructions.push(instruction);
            }
            NodeOrToken::Token(token) if token.kind() == Kind::Comment => {
                if token.text().trim_start_matches('#').trim().is_empty() && token.text().starts_with('#') {
                    comments.clear();
                } else {
                    comments.push(span(token.text_range()));
                }
            }
            _ => {}
        }
    }
    instructions
}

fn instruction(node: &Node, escape: char) -> Instruction {
    let mut name = Word::default();
    let mut flags = Vec::new();
    let mut words = Vec::new();
    let mut pairs = Vec::new();
    let mut body = None;
    let mut bodies = Vec::new();
    for child in node.children() {
        match child.kind() {
            Kind::Keyword => name = word(&child),
            Kind::Flag => flags.push(flag(&child, escape)),
            Kind::Word => words.push(word(&child)),
            Kind::Pair => pairs.push(pair(&child)),
            Kind::Shell => body = Some(Arguments::Shell(word(&child))),
            Kind::Array => body = Some(Arguments::Exec(child.children().map(|child| string(&child)).collect())),
            Kind::Instruction => body = Some(Arguments::Onbuild(Box::new(instruction(&child, escape)))),
            Kind::Heredoc => bodies.push(child),
            _ => {}
        }
    }
    let keyword = Keyword::of(&name.text);
    let arguments = match (body, keyword) {
        (body, Keyword::Healthcheck) if !words.is_empty() => {
            Arguments::Health(words.swap_remove(0), Box::new(body.unwrap_or(Arguments::None)))
        }
        (Some(body), _) => body,
        (None, Keyword::Env | Keyword::Label) if !pairs.is_empty() => Arguments::Pairs(pairs),
        (None, _) if !words.is_empty() => Arguments::Words(words),
        (None, _) => Arguments::None,
    };
    let mut instruction = Instruction {
        keyword,
        name,
        span: span(node.text_range()),
        flags,
        arguments,
        heredocs: heredocs(node, &bodies),
        gaps: gaps(node),
        comments: Vec::new(),
    };
    if let Arguments::Onbuild(inner) = &mut instruction.arguments {
        inner.heredocs.clone_from(&instruction.heredocs);
    }
    instruction
}

fn word(node: &Node) -> Word {
    let mut text = String::new();
    for token in node.descendants_with_tokens().filter_map(NodeOrToken::into_token) {
        if matches!(token.kind(), Kind::Text | Kind::Space) {
            text.push_str(token.text());
        }
    }
    Word { text, span: span(node.text_range()) }
}

fn string(node: &Node) -> Word {
    let literal = word(node);
    Word { text: json::decode(&literal.text), span: literal.span }
}

fn flag(node: &Node, escape: char) -> Flag {
    let raw = word(node);
    let text = words::unquoted(&raw.text, escape);
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => {
            // The value's place starts behind the `=`, counted in the file; a flag broken by a continuation before its
            // `=` is too odd to place exactly, so the value then takes the whole flag's place.
            let start = raw.text.find('=').map_or(0, |at| at as u32 + 1);
            let exact = raw.text.len() as u32 == raw.span.len();
            let span = if exact { Span::new(raw.span.start + start, raw.span.end) } else { raw.span };
            (name, Some(Word { text: value.to_owned(), span }))
        }
        None => (text.as_str(), None),
    };
    Flag { name: name.trim_start_matches("--").to_owned(), value, span: raw.span }
}

fn pair(node: &Node) -> Pair {
    let mut name = Word::default();
    let mut value = None;
    let mut equals = false;
    for child in node.children_with_tokens() {
        match child {
            NodeOrToken::Node(child) if child.kind() == Kind::Name => name = word(&child),
            NodeOrToken::Node(child) if child.kind() == Kind::Value => value = Some(word(&child)),
            NodeOrToken::Token(token) if token.kind() == Kind::Text => equals |= token.text().contains('='),
            _ => {}
        }
    }
    let value = value.unwrap_or_else(|| Word { text: String::new(), span: Span::at(span(node.text_range()).end) });
    Pair { name, value, equals }
}

fn gaps(node: &Node) -> Vec<Gap> {
    let tokens = node.descendants_with_tokens().filter_map(NodeOrToken::into_token);
    tokens
        .filter_map(|token| {
            let kind = match token.kind() {
                Kind::Continuation => GapKind::Continuation,
                Kind::Comment => GapKind::Comment,
                Kind::Blank => GapKind::Blank,
                _ => return None,
            };
            Some(Gap { span: span(token.text_range()), kind })
        })
        .collect()
}

fn heredocs(node: &Node, bodies: &[Node]) -> Vec<Heredoc> {
    if bodies.is_empty() {
        return Vec::new();
    }
    let mut line = String::new();
    for element in node.descendants_with_tokens() {
        match element {
            NodeOrToken::Token(token) if matches!(token.kind(), Kind::Text | Kind::Space) => {
                line.push_str(token.text())
            }
            _ => {}
        }
    }
    let mut openers = heredoc::openers(&line).unwrap_or_default();
    // The parser has left out such openers where no body follows.
    if openers.len() > bodies.len() {
        openers.retain(|opener| !opener.apart);
    }
    let with_bodies = openers.into_iter().zip(bodies);
    with_bodies
        .map(|(opener, body)| {
            let whole = span(body.text_range());
            let token = |kind| {
                let found = body.children_with_tokens().find(|child| child.kind() == kind);
                found.map(|child| span(child.text_range()))
            };
            let content = token(Kind::Body).unwrap_or(Span::at(whole.start));
            Heredoc {
                name: opener.name,
                descriptor: opener.descriptor,
                expand: opener.expand,
                chomp: opener.chomp,
                content,
                terminator: token(Kind::Terminator).unwrap_or(Span::at(content.end)),
            }
        })
        .collect()
}

pub(super) fn span(range: rowan::TextRange) -> Span {
    Span::new(range.start().into(), range.end().into())
}
