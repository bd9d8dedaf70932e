//! When an instruction can go without a trace.

use crate::syntax::ast::GapKind;
use crate::text::Edit;

use crate::model::{Dockerfile, Instruction};

impl Dockerfile {
    /// Takes the instruction at `index` out with its lines, where that loses no comment inside it, and leaves none behind
    /// that silences findings in it: it would then hold for the next instruction, or for nothing.
    #[must_use]
    pub fn without_plain(&self, index: usize) -> Option<Edit> {
        let ast = &self.instructions.get(index)?.ast;
        let silences = |line: &str| {
            let line = line.to_ascii_lowercase();
            ["ignore", "skip", "nosemgrep", "disable"].iter().any(|word| line.contains(word))
        };
        let loses = ast.gaps.iter().any(|gap| gap.kind == GapKind::Comment);
        let leaves = ast.comments.iter().any(|&comment| silences(self.text(comment)));
        if loses || leaves { None } else { self.without(index) }
    }
}

impl Instruction {
    /// The names of all commands of its scripts, as fixes declare them.
    pub fn command_names(&self) -> impl Iterator<Item = &str> {
        self.scripts.iter().flat_map(|script| &script.commands).map(|command| command.base_name())
    }
}
