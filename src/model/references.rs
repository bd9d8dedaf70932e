//! Where a file names its stages.

use crate::syntax::ast::{Arguments, Word};
use crate::text::Span;

use super::{Base, Dockerfile};

impl Dockerfile {
    /// For each stage, where the file names it word for word: FROM, `--from` of COPY, `from` of a mount. What comes to a
    /// name through variables or quotes is left out, and so is ONBUILD, which names stages of other files.
    #[must_use]
    pub fn stage_references(&self) -> Vec<Vec<Span>> {
        let mut places = vec![Vec::new(); self.stages.len()];
        for stage in &self.stages {
            if let Base::Stage(base) = stage.base
                && let Some(from) = self.instructions.get(stage.instructions.start)
                && let Arguments::Words(words) = &from.ast.arguments
                && let Some(word) = words.first().filter(|word| self.is_plain(word))
                && self.names_stage(word.span, base)
            {
                places[base].push(word.span);
            }
            for (_, instruction) in self.instructions_of(stage).filter(|(_, it)| !it.is_trigger()) {
                for flag in &instruction.ast.flags {
                    let Some(value) = flag.value.as_ref().filter(|value| self.is_plain(value)) else { continue };
                    let span = match flag.name.as_str() {
                        "from" => Some(value.span),
                        "mount" => from_of_mount(value),
                        _ => None,
                    };
                    let Some(span) = span else { continue };
                    let found = self.stage_named(self.text(span), stage.index);
                    if let Some(found) = found.filter(|found| self.names_stage(span, found.index)) {
                        places[found.index].push(span);
                    }
                }
            }
        }
        places
    }

    /// Whether the text at a place is the name of a stage, in whatever case, and not its number or a variable.
    fn names_stage(&self, span: Span, index: usize) -> bool {
        let name = self.stages.get(index).and_then(|stage| stage.name.as_deref());
        name.is_some_and(|name| self.text(span).eq_ignore_ascii_case(name))
    }
}

/// Where the value of a mount's `from` stands, in a value without quotes.
fn from_of_mount(value: &Word) -> Option<Span> {
    if value.text.contains('"') {
        return None;
    }
    let mut at = 0;
    let mut found = None;
    for field in value.text.split(',') {
        if let Some((key, name)) = field.split_once('=')
            && key.eq_ignore_ascii_case("from")
        {
            let start = value.span.start + (at + key.len() + 1) as u32;
            found = Some(Span::new(start, start + name.len() as u32));
        }
        at += field.len() + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::model::Dockerfile;
    use crate::text::Source;

    #[test]
    fn stages_are_named_by_from_and_flags_behind_them() {
        let text = "ARG X=One\nFROM one AS One\nCOPY --from=one a b\nFROM one\nFROM $X\nCOPY --from=ONE a b\n\
                    COPY --from=0 a b\nRUN --mount=from=two,from=One,target=/a --mount=\"from=one\" c\nFROM two AS one\n\
                    FROM a\nCOPY --from=one a b\n";
        let file = Dockerfile::new("-", Source::from(text));
        let places = file.stage_references();
        let of = |stage: usize| -> Vec<&str> { places[stage].iter().map(|&span| file.text(span)).collect() };
        assert_eq!(of(0), ["one", "ONE", "One"]);
        assert_eq!(of(3), ["one"]);
    }
}
