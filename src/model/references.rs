//! Where a file names its stages.

use crate::syntax::ast::{Arguments, Word};
use crate::text::Span;

use super::{Base, Dockerfile, Stage};

impl Dockerfile {
    /// Where the file names a stage word for word behind it: FROM, `--from` of COPY, `from` of a mount. What comes to the
    /// name through variables is left out, and so is ONBUILD, which names stages of other files.
    #[must_use]
    pub fn references_to(&self, stage: &Stage) -> Vec<Span> {
        let Some(name) = &stage.name else { return Vec::new() };
        let mut places = Vec::new();
        for later in self.stages.get(stage.index + 1..).unwrap_or(&[]) {
            if later.base == Base::Stage(stage.index)
                && let Some(from) = self.instructions.get(later.instructions.start)
                && let Arguments::Words(words) = &from.ast.arguments
                && let Some(word) = words.first().filter(|word| word.text.eq_ignore_ascii_case(name))
                && self.is_plain(word)
            {
                places.push(word.span);
            }
            for (_, instruction) in self.instructions_of(later).filter(|(_, it)| !it.is_trigger()) {
                for flag in &instruction.ast.flags {
                    let Some(value) = flag.value.as_ref().filter(|value| self.is_plain(value)) else { continue };
                    let found = match flag.name.as_str() {
                        "from" => value.text.eq_ignore_ascii_case(name).then_some(value.span),
                        "mount" => from_of_mount(value).filter(|&span| self.text(span).eq_ignore_ascii_case(name)),
                        _ => None,
                    };
                    let is_stage = |span: &Span| {
                        self.stage_named(self.text(*span), later.index).is_some_and(|it| it.index == stage.index)
                    };
                    places.extend(found.filter(is_stage));
                }
            }
        }
        places
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
