//! Ways to mend a finding.

use std::sync::Arc;

use crate::text::Edit;

/// A change that mends a finding: what it does, how safe that is and why, the edits, and what it says it changes of the
/// file's meaning. Whatever it does not say has to stay as it was; whoever applies it checks that.
#[derive(Clone, PartialEq, Debug)]
pub struct Fix {
    /// What the fix does, as an imperative.
    pub title: String,
    /// Whether it may be applied without being looked at.
    pub safety: Safety,
    /// Why it has this safety: what can't break, or what may; a clause without a full stop.
    pub why: String,
    /// The edits of the file the finding is in; they belong together and do not overlap.
    pub edits: Vec<Edit>,
    /// Edits of other files, which belong to the same fix.
    pub others: Vec<FileEdit>,
    /// Instructions that come and go, by keyword in capitals.
    pub instructions: Delta,
    /// Commands that come and go, by name without its folder.
    pub commands: Delta,
}

/// Lines that a fix adds to the end of another file, which is made where it does not exist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileEdit {
    /// The path as the user named or would name it, with `/`.
    pub path: Arc<str>,
    /// Length of the file in bytes as the finding knows it: where the lines go. 0 for a file that is not there.
    pub at: u32,
    /// What is put there, line endings included.
    pub text: String,
}

/// What comes and what goes of a kind of thing; each entry is one, so that two RUNs are two entries.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delta {
    /// What there is one more of afterwards.
    pub added: Vec<String>,
    /// What there is one less of afterwards.
    pub removed: Vec<String>,
}

/// Whether a fix may be applied without being looked at; ordered, so that "applies at this level" is a comparison.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Safety {
    /// The built image behaves the same, or differs only in what the finding is about, and nothing can break.
    Safe,
    /// May break a build or an app.
    Unsafe,
    /// Needs a human's choice: shown and offered, never applied.
    Suggestion,
}

impl Safety {
    /// The word used in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
            Self::Suggestion => "suggestion",
        }
    }
}

impl Fix {
    /// A fix that nothing can break: the built image behaves the same, or differs only in what the finding is about.
    #[must_use]
    pub fn safe(title: impl Into<String>, why: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self::new(title, Safety::Safe, why, edits)
    }

    /// A fix that may break a build or an app.
    #[must_use]
    pub fn risky(title: impl Into<String>, why: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self::new(title, Safety::Unsafe, why, edits)
    }

    /// A fix that needs a human's choice.
    #[must_use]
    pub fn suggestion(title: impl Into<String>, why: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self::new(title, Safety::Suggestion, why, edits)
    }

    /// A fix of some safety that leaves every instruction and command in its place, as long as nothing else is said.
    #[must_use]
    pub fn new(title: impl Into<String>, safety: Safety, why: impl Into<String>, edits: Vec<Edit>) -> Self {
        let (others, instructions, commands) = Default::default();
        Self { title: title.into(), safety, why: why.into(), edits, others, instructions, commands }
    }

    /// Says that an instruction comes, by its keyword in capitals.
    #[must_use]
    pub fn adds(mut self, keyword: &str) -> Self {
        self.instructions.added.push(keyword.to_owned());
        self
    }

    /// Says that an instruction goes, by its keyword in capitals.
    #[must_use]
    pub fn removes(mut self, keyword: &str) -> Self {
        self.instructions.removed.push(keyword.to_owned());
        self
    }

    /// Says that a command comes, by its name without its folder. Every command of a script counts, those that others run
    /// (`sudo x` is two) too.
    #[must_use]
    pub fn adds_command(mut self, name: &str) -> Self {
        self.commands.added.push(name.to_owned());
        self
    }

    /// Says that a command goes.
    #[must_use]
    pub fn removes_command(mut self, name: &str) -> Self {
        self.commands.removed.push(name.to_owned());
        self
    }

    /// Adds lines to another file.
    #[must_use]
    pub fn with_file(mut self, edit: FileEdit) -> Self {
        self.others.push(edit);
        self
    }
}
