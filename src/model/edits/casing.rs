//! The case that a file writes its keywords in.

use crate::syntax::ast::{Keyword, Word};

use crate::model::{Dockerfile, Instruction};

/// How a keyword is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Case {
    /// `from`.
    Lower,
    /// `FROM`.
    Upper,
}

impl Case {
    /// The case of a word; `None` for a mixed one and for one without letters.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        let has = |test: fn(&u8) -> bool| word.as_bytes().iter().any(test);
        match (has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase)) {
            (true, false) => Some(Self::Lower),
            (false, true) => Some(Self::Upper),
            _ => None,
        }
    }

    /// The word in this case.
    #[must_use]
    pub fn write(self, word: &str) -> String {
        match self {
            Self::Lower => word.to_ascii_lowercase(),
            Self::Upper => word.to_ascii_uppercase(),
        }
    }

    /// What it is called.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lower => "lower case",
            Self::Upper => "upper case",
        }
    }
}

impl Dockerfile {
    /// The case that most keywords of the file are written in, capitals where there are as many of both: what BuildKit's
    /// check ConsistentInstructionCasing compares with.
    #[must_use]
    pub fn keyword_case(&self) -> Case {
        let known = self.instructions.iter().filter(|it| it.ast.keyword != Keyword::Unknown);
        let (mut lower, mut upper) = (0, 0);
        for case in known.filter_map(|instruction| Case::of(&instruction.ast.name.text)) {
            match case {
                Case::Lower => lower += 1,
                Case::Upper => upper += 1,
            }
        }
        if lower > upper { Case::Lower } else { Case::Upper }
    }

    /// A new instruction, its keyword in the case of the file's others.
    #[must_use]
    pub fn line(&self, keyword: Keyword, rest: &str) -> String {
        format!("{} {rest}", self.keyword_case().write(keyword.as_str()))
    }

    /// Whether a word stands in the file as it is read: no continuation runs through it, and nothing was decoded.
    #[must_use]
    pub fn is_plain(&self, word: &Word) -> bool {
        self.text(word.span) == word.text
    }
}

impl Instruction {
    /// A keyword in the case that this instruction's own is written in, for one that takes its place.
    #[must_use]
    pub fn keyword_like(&self, keyword: Keyword) -> String {
        let case = Case::of(&self.effective().name.text).unwrap_or(Case::Upper);
        case.write(keyword.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;

    #[test]
    fn the_file_has_the_case_of_most_keywords() {
        for (text, case) in [
            ("from a\nrun b\nRUN c\n", Case::Lower),
            ("FROM a\nrun b\n", Case::Upper),
            ("From a\nrun b\n", Case::Lower),
            ("FROM a\nwhat is\nthis\nrun b\n", Case::Upper),
            ("", Case::Upper),
        ] {
            assert_eq!(Dockerfile::new("-", Source::from(text)).keyword_case(), case, "{text}");
        }
    }
}
