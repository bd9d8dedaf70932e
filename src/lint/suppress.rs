//! Which findings comments silence: what each comment is attached to, and whether it silenced anything.

use std::ops::Range;

use crate::model::{Dockerfile, Instruction};
use crate::text::Span;

use super::comments::{self, Id, Pragma, Reach};
use super::registry::{Tool, same_id, tool_of};
use super::unused::UNUSED_IGNORE;
use super::{Draft, Settings};

/// The ignore comments of one file.
pub(super) struct Suppressions {
    /// Those that hold for an instruction or a line, by start of what they silence, and so by its end as well: scopes of
    /// one instruction end together, and no scope starts before the instruction above it ends.
    local: Vec<Suppression>,
    /// All others.
    wide: Vec<Suppression>,
    /// Whether any names `unused-ignore`.
    speak_of_themselves: bool,
}

/// An ignore comment in its place.
pub(super) struct Suppression {
    pub(super) pragma: Pragma,
    /// The comment line, without indentation and newline.
    pub(super) comment: Span,
    pub(super) effect: Effect,
    /// Whether each of the ids silenced something.
    pub(super) used: Vec<bool>,
}

/// What an ignore comment does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    /// It silences findings that start here. The comment itself is part of it, so that what is said about the comment can
    /// be silenced there too.
    Silences(Span),
    /// It has no reason, and the settings ask for one.
    NoReason,
    /// No instruction follows it directly.
    Unattached,
    /// It is for the whole file, but not at its top.
    NotAtTop,
}

/// How many ignore comments can hold for one finding; those nearest to it count. Nobody writes so many, but a file made
/// of nothing else must not take minutes.
const MAX_STACKED: usize = 1000;

impl Suppressions {
    /// Reads the comments of a file. Costs next to nothing where no comment is about ignoring.
    pub(super) fn read(dockerfile: &Dockerfile, settings: &Settings) -> Self {
        let mut reader = Reader { dockerfile, settings, items: Vec::new(), block: None };
        for directive in &dockerfile.directives {
            if directive.name == "check" {
                for pragma in comments::read(dockerfile.text(directive.span), directive.span.start) {
                    reader.add(Pragma { reach: Reach::File, ..pragma }, directive.span, Place::Above(None));
                }
            }
        }
        for (index, &span) in dockerfile.comments.iter().enumerate() {
            if dockerfile.directives.iter().any(|directive| directive.span.contains_offset(span.start)) {
                continue;
            }
            let comment = trimmed(dockerfile, span);
            for pragma in comments::read(dockerfile.text(comment), comment.start) {
                let place = match holder(dockerfile, comment.start) {
                    Some(instruction) => Place::Inside(instruction),
                    None => Place::Above(Some(index)),
                };
                reader.add(pragma, comment, place);
            }
        }
        reader.heredoc_comments();
        let (mut local, wide): (Vec<_>, Vec<_>) = reader
            .items
            .into_iter()
            .partition(|item| item.pragma.reach == Reach::Instruction && matches!(item.effect, Effect::Silences(_)));
        local.sort_by_key(|item| item.scope());
        let names_it = |id: &Id| id.text.eq_ignore_ascii_case(UNUSED_IGNORE);
        let speak_of_themselves = local.iter().chain(&wide).any(|item| item.pragma.ids.iter().any(names_it));
        Self { local, wide, speak_of_themselves }
    }

    /// All of them, those of one kind in order of the file.
    pub(super) fn all(&self) -> impl Iterator<Item = &Suppression> {
        self.wide.iter().chain(&self.local)
    }

    /// Whether a comment silences this finding of the lint `name`; every comment that does counts as used.
    pub(super) fn silence(&mut self, name: &str, draft: &Draft) -> bool {
        // What is said about ignore comments stands on them, so it meets all that are stacked; hardly any speaks of it.
        let pointless = name == UNUSED_IGNORE && !self.speak_of_themselves;
        if pointless || self.local.is_empty() && self.wide.is_empty() {
            return false;
        }
        let at = draft.span.start;
        let end = self.local.partition_point(|item| item.scope().is_some_and(|scope| scope.start <= at));
        let start = self.local[..end].partition_point(|item| item.scope().is_some_and(|scope| scope.end < at));
        let local = self.local[start.max(end.saturating_sub(MAX_STACKED))..end].iter_mut();
        let holds = |scope: Span| scope.start <= at && at <= scope.end;
        let wide = self.wide.iter_mut().take(MAX_STACKED).filter(|item| item.scope().is_some_and(holds));
        let mut silenced = false;
        for item in local.chain(wide) {
            for (id, used) in item.pragma.ids.iter().zip(&mut item.used) {
                if means(item.pragma.tool, id, name, draft) {
                    *used = true;
                    silenced = true;
                }
            }
        }
        silenced
    }
}

impl Suppression {
    fn scope(&self) -> Option<Span> {
        match self.effect {
            Effect::Silences(scope) => Some(scope),
            _ => None,
        }
    }
}

/// Whether `id` in a comment of `tool` means this finding.
fn means(tool: Tool, id: &Id, name: &str, draft: &Draft) -> bool {
    let by_alias = || draft.aliases.iter().any(|alias| same_id(alias, &id.text));
    let all_of = |tools: &[Tool]| {
        matches!(id.text.as_str(), "all" | "*")
            && draft.aliases.iter().any(|alias| tool_of(alias).is_some_and(|tool| tools.contains(&tool)))
    };
    match tool {
        Tool::Harden => name.eq_ignore_ascii_case(&id.text) || by_alias(),
        Tool::Tally => by_alias() || all_of(&[Tool::Tally, Tool::Hadolint, Tool::BuildKit]),
        Tool::Semgrep => {
            let last = |id: &str| id.rsplit('.').next().unwrap_or(id).to_owned();
            let of_semgrep = |alias: &&&str| tool_of(alias) == Some(Tool::Semgrep);
            let own = || draft.aliases.iter().filter(of_semgrep).any(|alias| last(alias) == last(&id.text));
            by_alias() || own() || all_of(&[Tool::Semgrep])
        }
        Tool::Hadolint | Tool::BuildKit | Tool::Trivy | Tool::Checkov => by_alias() || all_of(&[tool]),
    }
}

/// Where a comment stands.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// Outside instructions; its index among the file's comments, where it is one of them.
    Above(Option<usize>),
    /// Inside this instruction.
    Inside(&'a Instruction),
}

struct Reader<'a> {
    dockerfile: &'a Dockerfile,
    settings: &'a Settings,
    items: Vec<Suppression>,
    /// The block of comments looked at last, as indices, and what stands below it: a block can be long, and each of its
    /// comments an ignore comment.
    block: Option<(Range<usize>, Option<Span>)>,
}

impl<'a> Reader<'a> {
    fn add(&mut self, pragma: Pragma, comment: Span, place: Place<'a>) {
        let today = self.settings.today.as_deref();
        if pragma.until.as_deref().zip(today).is_some_and(|(until, today)| until < today) {
            return;
        }
        let effect = self.effect(&pragma, comment, place);
        let used = vec![false; pragma.ids.len()];
        self.items.push(Suppression { pragma, comment, effect, used });
    }

    fn effect(&mut self, pragma: &Pragma, comment: Span, place: Place<'a>) -> Effect {
        let ours = pragma.tool == Tool::Harden;
        let whole_file = Span::new(0, u32::MAX);
        if ours && self.settings.require_reason && pragma.reason.is_empty() {
            return Effect::NoReason;
        }
        match (pragma.reach, place) {
            (Reach::File, _) => {
                let at_top = self.dockerfile.instructions.first().is_none_or(|i| comment.start < i.ast.span.start);
                if ours && !at_top { Effect::NotAtTop } else { Effect::Silences(whole_file) }
            }
            (Reach::Instruction, Place::Inside(instruction)) => {
                Effect::Silences(comment.cover(self.with_indentation(instruction)))
            }
            (Reach::Instruction, Place::Above(index)) => {
                let below = index.and_then(|index| self.below(index));
                let described = || self.described(comment).filter(|_| pragma.tool == Tool::BuildKit);
                match below.or_else(described) {
                    Some(target) => Effect::Silences(comment.cover(target)),
                    None => Effect::Unattached,
                }
            }
            (Reach::Stage, place) => {
                let at = match place {
                    Place::Above(Some(index)) => self.below(index).map_or(comment.start, |target| target.end),
                    _ => comment.start,
                };
                Effect::Silences(Span::new(comment.start, self.end_of_stage(at).unwrap_or(comment.end)))
            }
        }
    }

    /// What stands directly below the block of comments that the comment of this index is in: an instruction, or a line
    /// that is none. `None` for a blank line or the end of the file.
    fn below(&mut self, index: usize) -> Option<Span> {
        if let Some((_, below)) = self.block.as_ref().filter(|(block, _)| block.contains(&index)) {
            return *below;
        }
        let text = self.dockerfile.source.text();
        let mut last = index;
        let mut start = next_line(text, self.dockerfile.comments[index].end);
        while let (Some(line), Some(comment)) = (start, self.dockerfile.comments.get(last + 1)) {
            if !self.line(line).contains_offset(comment.start) {
                break;
            }
            last += 1;
            start = next_line(text, comment.end);
        }
        let below = start.and_then(|start| self.starting_on(self.line(start)));
        self.block = Some((index..last + 1, below));
        below
    }

    /// The instruction that starts on this line, or else the line; `None` where it is blank.
    fn starting_on(&self, line: Span) -> Option<Span> {
        if self.dockerfile.text(line).trim().is_empty() {
            return None;
        }
        let instructions = &self.dockerfile.instructions;
        let next = instructions.partition_point(|instruction| instruction.ast.span.start < line.start);
        match instructions.get(next).filter(|instruction| line.contains_offset(instruction.ast.span.start)) {
            Some(instruction) => Some(self.with_indentation(instruction)),
            None => Some(line),
        }
    }

    /// The instruction that BuildKit takes `comment` as describing: the next one, blank lines between or not.
    fn described(&self, comment: Span) -> Option<Span> {
        let instructions = &self.dockerfile.instructions;
        let next = instructions.partition_point(|instruction| instruction.ast.span.start <= comment.start);
        let instruction = instructions.get(next)?;
        let describes = instruction.ast.comments.iter().any(|own| own.contains_offset(comment.start));
        describes.then(|| self.with_indentation(instruction))
    }

    fn line(&self, start: u32) -> Span {
        let rest = &self.dockerfile.source.text().as_bytes()[start as usize..];
        Span::new(start, start + memchr::memchr(b'\n', rest).unwrap_or(rest.len()) as u32)
    }

    fn with_indentation(&self, instruction: &Instruction) -> Span {
        Span::new(line_start(self.dockerfile, instruction.ast.span.start), instruction.ast.span.end)
    }

    fn end_of_stage(&self, offset: u32) -> Option<u32> {
        let instructions = &self.dockerfile.instructions;
        let starts_before = |at: usize| instructions.get(at).is_some_and(|i| i.ast.span.start <= offset);
        let stage = self.dockerfile.stages.iter().rev().find(|stage| starts_before(stage.instructions.start))?;
        Some(instructions.get(stage.instructions.end.checked_sub(1)?)?.ast.span.end)
    }

    /// Comments of scripts in heredocs are the shell's, not Dockerfile's, so the parser doesn't list them; whoever writes
    /// a script there still wants to say it where it matters.
    fn heredoc_comments(&mut self) {
        let dockerfile = self.dockerfile;
        for instruction in dockerfile.instructions.iter().filter(|instruction| !instruction.scripts.is_empty()) {
            for heredoc in &instruction.effective().heredocs {
                let mut start = heredoc.content.start;
                for line in dockerfile.text(heredoc.content).split_inclusive('\n') {
                    let span = Span::new(start, start + line.len() as u32);
                    start = span.end;
                    if line.trim_start().starts_with('#') {
                        let comment = trimmed(dockerfile, span);
                        for pragma in comments::read(dockerfile.text(comment), comment.start) {
                            self.add(pragma, comment, Place::Inside(instruction));
                        }
                    }
                }
            }
        }
    }
}

/// The instruction that `offset` is in.
fn holder(dockerfile: &Dockerfile, offset: u32) -> Option<&Instruction> {
    let after = dockerfile.instructions.partition_point(|instruction| instruction.ast.span.start <= offset);
    let instruction = &dockerfile.instructions[after.checked_sub(1)?];
    instruction.ast.span.contains_offset(offset).then_some(instruction)
}

fn trimmed(dockerfile: &Dockerfile, span: Span) -> Span {
    let text = dockerfile.text(span);
    let start = span.start + (text.len() - text.trim_start().len()) as u32;
    Span::new(start, start + text.trim().len() as u32)
}

fn line_start(dockerfile: &Dockerfile, offset: u32) -> u32 {
    let before = &dockerfile.source.text().as_bytes()[..offset as usize];
    memchr::memrchr(b'\n', before).map_or(0, |at| at as u32 + 1)
}

fn next_line(text: &str, offset: u32) -> Option<u32> {
    let rest = text.as_bytes().get(offset as usize..)?;
    memchr::memchr(b'\n', rest).map(|at| offset + at as u32 + 1)
}
