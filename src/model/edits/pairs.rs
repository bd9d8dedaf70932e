//! Old-style `ENV name value` and `LABEL name value`, written as `name=value` with the same value.

use std::borrow::Cow;

use crate::syntax::ast::{self, Arguments, GapKind, Pair};
use crate::syntax::expand::{Env, Lexer};
use crate::syntax::parse;
use crate::text::{Edit, Source, Span, apply};

use crate::model::{Dockerfile, Instruction};

impl Dockerfile {
    /// The pair of an old-style ENV or LABEL.
    #[must_use]
    pub fn old_pair<'a>(&self, instruction: &'a Instruction) -> Option<&'a Pair> {
        match &instruction.effective().arguments {
            Arguments::Pairs(pairs) => match &pairs[..] {
                [pair] if !pair.equals && !pair.value.text.is_empty() => Some(pair),
                _ => None,
            },
            _ => None,
        }
    }

    /// Edits that join an old-style pair by `=`, with quotes where the value needs them; `None` where the value would not
    /// provably stay as it is, whatever the variables in it are.
    #[must_use]
    pub fn as_equals(&self, instruction: &Instruction) -> Option<Vec<Edit>> {
        let pair = self.old_pair(instruction)?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/');
        if !pair.name.text.bytes().all(is_name) || !self.is_plain(&pair.name) {
            return None;
        }
        let between = Span::new(pair.name.span.end, pair.value.span.start);
        let ast = &instruction.ast;
        let comment = |gap: &&ast::Gap| gap.kind == GapKind::Comment && between.contains(gap.span);
        if ast.gaps.iter().find(comment).is_some() {
            return None;
        }
        let candidates = [self.joined_as_is(pair, between), self.joined_in_quotes(pair, between, instruction)];
        candidates.into_iter().flatten().find(|edits| self.keeps_value(instruction, pair, edits))
    }

    fn joined_as_is(&self, pair: &Pair, between: Span) -> Option<Vec<Edit>> {
        // Blanks inside quotes are fine; whether these are, the comparison of values shows.
        let bare = !pair.value.text.contains(char::is_whitespace) || pair.value.text.contains(['"', '\'', self.escape]);
        bare.then(|| vec![Edit::replace(between, "=")])
    }

    /// Double quotes around all, and those inside go. Where they hid a variable or were escaped, the value changes, which
    /// the comparison shows.
    fn joined_in_quotes(&self, pair: &Pair, between: Span, instruction: &Instruction) -> Option<Vec<Edit>> {
        let value = &pair.value;
        let mut edits = vec![Edit::replace(between, "=\"")];
        let gaps = &instruction.ast.gaps;
        let inside = |at: u32| {
            let next = gaps.partition_point(|gap| gap.span.end <= at);
            gaps.get(next).is_some_and(|gap| gap.span.contains_offset(at))
        };
        for (offset, c) in self.text(value.span).char_indices() {
            let at = value.span.start + offset as u32;
            if matches!(c, '"' | '\'') && !inside(at) {
                // Quotes at the start and the end take the new ones' place.
                edits.push(Edit::delete(Span::new(at, at + 1)));
            }
        }
        edits.push(Edit::insert(value.span.end, "\""));
        Some(edits)
    }

    /// Whether the instruction is still one pair afterwards, of the same name, and its value comes to the same.
    fn keeps_value(&self, instruction: &Instruction, pair: &Pair, edits: &[Edit]) -> bool {
        let span = instruction.ast.span;
        let directive = if self.escape == '`' { "# escape=`\n" } else { "" };
        let at = |offset: u32| offset - span.start + directive.len() as u32;
        let moved: Vec<Edit> = edits
            .iter()
            .map(|edit| Edit::replace(Span::new(at(edit.span.start), at(edit.span.end)), edit.text.clone()))
            .collect();
        let Ok(text) = apply(&[directive, self.text(span)].concat(), &moved) else { return false };
        let parsed = parse(&Source::from(text.as_str()));
        let [after] = &parsed.instructions[..] else { return false };
        let arguments = match &after.arguments {
            Arguments::Onbuild(trigger) => &trigger.arguments,
            arguments => arguments,
        };
        let Arguments::Pairs(pairs) = arguments else { return false };
        let [new] = &pairs[..] else { return false };
        // A lone instruction stands before any FROM, which is refused; anything else in it must not be.
        let in_pair = |span: Span| new.name.span.cover(new.value.span).contains(span) && !span.is_empty();
        let fine = !parsed.errors.iter().any(|error| in_pair(error.span));
        fine && new.equals && new.name.text == pair.name.text && self.same_value(&pair.value.text, &new.value.text)
    }

    /// Whether two values come to the same, with variables unset and set to texts with blanks and quotes in them.
    fn same_value(&self, one: &str, other: &str) -> bool {
        let lexer = Lexer::new(self.escape);
        [Given::None, Given::Name].iter().all(|env| match (lexer.word(one, env), lexer.word(other, env)) {
            (Ok(one), Ok(other)) => {
                (one.text, one.matched, one.unmatched) == (other.text, other.matched, other.unmatched)
            }
            _ => false,
        })
    }
}

/// Variables to try a value with: none set, or each to a text that tells its name.
enum Given {
    None,
    Name,
}

impl Env for Given {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        matches!(self, Self::Name).then(|| format!(" <{name}> \"it's\" \\x ").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(text: &str) -> Option<String> {
        let file = Dockerfile::new("-", Source::from(text));
        apply(text, &file.as_equals(file.instructions.last()?)?).ok()
    }

    #[test]
    fn pairs_are_joined_where_the_value_stays() {
        for (before, after) in [
            ("ENV A b", "ENV A=b"),
            ("ENV A \\\n  b", "ENV A=b"),
            ("ENV A b  c", "ENV A=\"b  c\""),
            ("ENV A \"b\" 'c'", "ENV A=\"b c\""),
            ("ENV A ${B:-c d}", "ENV A=\"${B:-c d}\""),
            ("ENV A b\\ c d", "ENV A=\"b\\ c d\""),
        ] {
            // An escape in front of a blank disappears outside quotes and stays inside, so the last one can't be quoted.
            let wanted = (!after.contains("\\ ")).then(|| after.to_owned());
            assert_eq!(joined(before), wanted, "{before}");
        }
    }

    #[test]
    fn what_is_no_old_pair_stays() {
        for text in ["ENV A=b", "ENV A=b C=d", "ENV A", "ENV", "RUN a b", "ENV $A b", "ENV \"A\" b", "ENV A '$B' c"] {
            assert_eq!(joined(text), None, "{text}");
        }
    }
}
