//! Marks over a joined line → typed views.

use crate::text::Span;

use super::ast::{Arguments, Flag, Gap, Heredoc, Instruction, Keyword, Pair, Word};
use super::kind::Kind;
use super::logical::Logical;
use super::parser::Mark;
use super::{json, words};

/// The view of the instruction that `marks` take apart; `range` is where it stands in the joined line.
pub(super) fn instruction(
    logical: &Logical<'_>,
    range: std::ops::Range<usize>,
    marks: &[Mark],
    escape: char,
    heredocs: Vec<Heredoc>,
) -> Instruction {
    let view = View { logical, escape };
    let mut instruction = view.instruction(range.start, range.end, 0, marks);
    if let Some(last) = heredocs.last() {
        instruction.span.end = if last.terminator.is_empty() { last.content.end } else { last.terminator.end };
    }
    instruction.gaps.clone_from(&logical.gaps);
    if let Arguments::Onbuild(trigger) = &mut instruction.arguments {
        trigger.span.end = instruction.span.end;
        trigger.heredocs.clone_from(&heredocs);
        trigger.gaps = gaps_in(logical, trigger.span);
    }
    instruction.heredocs = heredocs;
    instruction
}

fn gaps_in(logical: &Logical<'_>, span: Span) -> Vec<Gap> {
    logical.gaps.iter().filter(|gap| span.contains(gap.span)).copied().collect()
}

struct View<'a> {
    logical: &'a Logical<'a>,
    escape: char,
}

impl View<'_> {
    fn instruction(&self, start: usize, end: usize, depth: usize, marks: &[Mark]) -> Instruction {
        let mut name = Word::default();
        let mut flags = Vec::new();
        let mut words = Vec::new();
        let mut pairs: Vec<Pair> = Vec::new();
        let mut body = None;
        for (index, mark) in marks.iter().enumerate() {
            if mark.depth == depth + 1 {
                self.part(mark, &mut pairs, &mut body);
                continue;
            }
            match mark.kind {
                Kind::Keyword => name = self.word(mark),
                Kind::Flag => flags.push(self.flag(mark)),
                Kind::Word => words.push(self.word(mark)),
                Kind::Pair => pairs.push(Pair { name: Word::default(), value: self.empty(mark.end), equals: false }),
                Kind::Shell => body = Some(Arguments::Shell(self.word(mark))),
                Kind::Array => body = Some(Arguments::Exec(Vec::new())),
                Kind::Instruction => {
                    let trigger = self.instruction(mark.start, mark.end, depth + 1, &marks[index + 1..]);
                    body = Some(Arguments::Onbuild(Box::new(trigger)));
                    break;
                }
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
        let span = self.logical.span(start, end);
        let (heredocs, gaps, comments) = Default::default();
        Instruction { keyword, name, span, flags, arguments, heredocs, gaps, comments }
    }

    /// A part of the array or pair that was marked last.
    fn part(&self, mark: &Mark, pairs: &mut [Pair], body: &mut Option<Arguments>) {
        match (mark.kind, body, pairs) {
            (Kind::String, Some(Arguments::Exec(strings)), _) => {
                let literal = self.word(mark);
                strings.push(Word { text: json::decode(&literal.text), span: literal.span });
            }
            (Kind::Name, _, [.., pair]) => {
                pair.name = self.word(mark);
                pair.equals = self.logical.text[mark.end..].starts_with('=');
            }
            (Kind::Value, _, [.., pair]) => pair.value = self.word(mark),
            _ => {}
        }
    }

    fn word(&self, mark: &Mark) -> Word {
        let text = self.logical.text[mark.start..mark.end].to_owned();
        Word { text, span: self.logical.span(mark.start, mark.end) }
    }

    fn empty(&self, at: usize) -> Word {
        Word { text: String::new(), span: self.logical.span(at, at) }
    }

    fn flag(&self, mark: &Mark) -> Flag {
        let raw = &self.logical.text[mark.start..mark.end];
        let text = words::unquoted(raw, self.escape);
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => {
                let start = mark.start + raw.find('=').map_or(0, |at| at + 1);
                (name, Some(Word { text: value.to_owned(), span: self.logical.span(start, mark.end) }))
            }
            None => (text.as_str(), None),
        };
        let name = name.strip_prefix("--").unwrap_or(name).to_owned();
        Flag { name, value, span: self.logical.span(mark.start, mark.end) }
    }
}
