//! Typed views: what each instruction says, with the place of every part.
//!
//! Values are what BuildKit's parser hands on: continuation lines joined, JSON strings decoded, but quotes, escapes and
//! variables of words still as written. Source: the Dockerfile reference and moby/buildkit `frontend/dockerfile`.

use crate::text::Span;

/// A piece of text and where it stands. `text` differs from the bytes at `span` where a continuation runs through it or
/// JSON escapes were decoded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Word {
    /// The text with continuations taken out.
    pub text: String,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// The instructions of the Dockerfile reference.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Keyword {
    Add,
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
    /// A word that is no instruction.
    Unknown,
}

impl Keyword {
    /// Reads a keyword; case does not matter.
    #[must_use]
    pub fn of(word: &str) -> Self {
        const KEYWORDS: [Keyword; 18] = [
            Keyword::Run,
            Keyword::Env,
            Keyword::Copy,
            Keyword::From,
            Keyword::Arg,
            Keyword::Cmd,
            Keyword::Workdir,
            Keyword::Label,
            Keyword::Entrypoint,
            Keyword::User,
            Keyword::Expose,
            Keyword::Add,
            Keyword::Volume,
            Keyword::Healthcheck,
            Keyword::Shell,
            Keyword::Onbuild,
            Keyword::Stopsignal,
            Keyword::Maintainer,
        ];
        KEYWORDS.into_iter().find(|keyword| word.eq_ignore_ascii_case(keyword.as_str())).unwrap_or(Self::Unknown)
    }

    /// The keyword in capitals.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Arg => "ARG",
            Self::Cmd => "CMD",
            Self::Copy => "COPY",
            Self::Entrypoint => "ENTRYPOINT",
            Self::Env => "ENV",
            Self::Expose => "EXPOSE",
            Self::From => "FROM",
            Self::Healthcheck => "HEALTHCHECK",
            Self::Label => "LABEL",
            Self::Maintainer => "MAINTAINER",
            Self::Onbuild => "ONBUILD",
            Self::Run => "RUN",
            Self::Shell => "SHELL",
            Self::Stopsignal => "STOPSIGNAL",
            Self::User => "USER",
            Self::Volume => "VOLUME",
            Self::Workdir => "WORKDIR",
            Self::Unknown => "",
        }
    }
}

/// One instruction.
#[derive(Clone, PartialEq, Debug)]
pub struct Instruction {
    /// Which instruction it is.
    pub keyword: Keyword,
    /// The keyword as written.
    pub name: Word,
    /// From the keyword to the last byte of the last argument or of the last heredoc's terminator, without the newline.
    pub span: Span,
    /// `--name=value` flags, in order. For ONBUILD, those before the trigger.
    pub flags: Vec<Flag>,
    /// What follows the flags.
    pub arguments: Arguments,
    /// Heredocs that the instruction opens, in order.
    pub heredocs: Vec<Heredoc>,
    /// Continuations, comment lines and blank lines inside the instruction (before its heredocs), in order.
    pub gaps: Vec<Gap>,
    /// The comment lines above it that BuildKit takes as describing it: all since the instruction before, starting anew
    /// behind an empty comment. Without white space in front and newline.
    pub comments: Vec<Span>,
}

/// `--name`, `--name=value`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flag {
    /// The name without the dashes.
    pub name: String,
    /// The value with quotes and escapes removed as BuildKit does; `None` without `=`.
    pub value: Option<Word>,
    /// From the dashes to the last byte of the value.
    pub span: Span,
}

/// What follows an instruction's flags.
#[derive(Clone, PartialEq, Debug)]
pub enum Arguments {
    /// Nothing.
    None,
    /// Words split at white space (FROM, EXPOSE, COPY, ADD, VOLUME, ARG) or one word with everything (USER, WORKDIR, …).
    Words(Vec<Word>),
    /// A JSON array of strings (exec form), decoded; `span` of a word includes its quotes.
    Exec(Vec<Word>),
    /// Text for a shell (shell form of RUN, CMD, ENTRYPOINT; SHELL without JSON).
    Shell(Word),
    /// HEALTHCHECK's first word (`CMD`, `NONE`) and what follows it: shell form, exec form or nothing.
    Health(Word, Box<Self>),
    /// `name=value` pairs, or the one old-style `name value` (ENV, LABEL).
    Pairs(Vec<Pair>),
    /// The instruction that ONBUILD holds.
    Onbuild(Box<Instruction>),
}

/// `name=value` of ENV and LABEL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pair {
    /// The name, quotes kept.
    pub name: Word,
    /// The value, quotes kept.
    pub value: Word,
    /// Whether the two are joined by `=`, not by white space.
    pub equals: bool,
}

/// A heredoc that an instruction opens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heredoc {
    /// The terminator.
    pub name: String,
    /// File descriptor in front of `<<`, 0 when absent.
    pub descriptor: u32,
    /// Whether variables in the content are expanded (no part of the opening word is quoted).
    pub expand: bool,
    /// `<<-`: leading tabs are cut off.
    pub chomp: bool,
    /// The lines between the opening line and the terminator, as in the file.
    pub content: Span,
    /// The terminator's line without its newline; empty at the end of the file when it is missing.
    pub terminator: Span,
}

/// A stretch inside an instruction that BuildKit takes out before it reads on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// The bytes taken out.
    pub span: Span,
    /// Why.
    pub kind: GapKind,
}

/// Why a stretch is taken out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GapKind {
    /// Escape character, blanks behind it and the newline.
    Continuation,
    /// A comment line between continuation lines, with its newline.
    Comment,
    /// A blank line between continuation lines, with its newline.
    Blank,
}
